//! Who makes blocks final: the last certificate, and each validator with its last vote.

use crate::components::copy::Hash;
use crate::format;
use crate::i18n::{t, tn};
use crate::route::Route;
use crate::state::app;
use leptos::prelude::*;
use umbel_api::node::{CertificateState, FinalityMember, FinalityState};

/// The card; nothing until the chain is open.
#[component]
pub(super) fn Validators() -> impl IntoView {
    let app = app();
    let finality = Memo::new(move |_| app.node.with(|n| n.as_ref().and_then(|n| n.finality.clone())));
    let known = Memo::new(move |_| finality.with(Option::is_some));
    move || {
        known.get().then(|| {
            view! {
                <section class="card stack" data-testid="node-validators">
                    <div class="row between wrap">
                        <h2>{t!("node.validators")}</h2>
                        <a class="quiet-link" href=Route::Govern.href() data-testid="node-stake">{t!("node.stake_link")}</a>
                    </div>
                    {move || finality.with(|f| f.as_ref().map(last))}
                    {move || finality.with(|f| f.as_ref().map(members))}
                </section>
            }
        })
    }
}

fn last(finality: &FinalityState) -> impl IntoView + use<> {
    match &finality.last_certificate {
        Some(certificate) => certificate_facts(certificate, finality.epoch).into_any(),
        None if finality.overlay_on => view! { <p class="soft">{t!("node.certificate_none")}</p> }.into_any(),
        None => view! { <p class="soft">{t!("node.final_off_text")}</p> }.into_any(),
    }
}

fn certificate_facts(certificate: &CertificateState, epoch: u64) -> impl IntoView + use<> {
    let (signers, index) = (certificate.signers, certificate.index);
    view! {
        <dl class="facts" data-testid="node-certificate" data-index=index.to_string()>
            <dt>{t!("node.certificate")}</dt>
            <dd class="num">{t!("node.checkpoint", n = format::integer(u64::from(index)))}</dd>
            <dt>{t!("node.certificate_signers")}</dt>
            <dd class="num">{t!("node.of_members", n = signers, of = certificate.members)}</dd>
            <dt>{t!("node.certificate_stake")}</dt>
            <dd class="num">
                {t!(
                    "node.of_stake",
                    n = format::amount(&certificate.stake),
                    of = format::amount(&certificate.of_stake)
                )}
            </dd>
            <dt>{t!("node.epoch")}</dt>
            <dd class="num">{format::integer(epoch)}</dd>
            <dt>{t!("block.title")}</dt>
            <dd><Hash text=certificate.block.clone() testid="node-certificate-copy"/></dd>
        </dl>
    }
}

fn members(finality: &FinalityState) -> impl IntoView + use<> {
    let behind = finality.justified;
    view! {
        <ul class="members" aria-label=tn!("node.members", finality.validators.len() as u64)>
            {finality.validators.iter().map(|member| row(member, behind)).collect_view()}
        </ul>
    }
}

fn row(member: &FinalityMember, justified: u32) -> impl IntoView + use<> {
    let (class, state) = if member.equivocated {
        ("bad", t!("node.member_contradicts"))
    } else if member.last_target.is_some_and(|target| target >= justified) {
        ("final", t!("node.member_votes"))
    } else {
        ("warn", t!("node.member_silent"))
    };
    let vote = member
        .last_target
        .map_or_else(|| t!("node.member_no_vote"), |n| t!("node.member_last", n = format::integer(u64::from(n))));
    view! {
        <li data-testid="node-validator">
            <span class="grow">
                <b class="mono">{format::shortened(&member.id, 10, 6)}</b>
                {member.own.then(|| view! { <span class="pill confirmed">{t!("node.member_own")}</span> })}
                <small class="soft">{vote}</small>
            </span>
            <span class="num">{format::amount(&member.stake)} " " <span class="soft">"STR"</span></span>
            <span class=format!("pill {class}")>{state}</span>
        </li>
    }
}
