//! Errors in the person's words: what happened, what to do, and a way to try again.

use crate::i18n::{t, text};
use crate::icons::Icon;
use leptos::prelude::*;
use umbel_api::{ApiError, ErrorCode};

/// Keys of what happened and what to do.
fn keys(code: ErrorCode) -> (&'static str, &'static str) {
    match code {
        ErrorCode::BadInput => ("error.bad_input", "error.bad_input.do"),
        ErrorCode::BadChecksum => ("error.bad_checksum", "error.bad_checksum.do"),
        ErrorCode::WrongNetwork => ("error.wrong_network", "error.wrong_network.do"),
        ErrorCode::BadAmount => ("error.bad_amount", "error.bad_amount.do"),
        ErrorCode::BadWords => ("error.bad_words", "error.bad_words.do"),
        ErrorCode::InsufficientFunds => ("error.insufficient_funds", "error.insufficient_funds.do"),
        ErrorCode::NeedsPublic => ("error.needs_public", "error.needs_public.do"),
        ErrorCode::NoSuchWallet => ("error.no_such_wallet", "error.no_such_wallet.do"),
        ErrorCode::WalletExists => ("error.wallet_exists", "error.wallet_exists.do"),
        ErrorCode::Locked => ("error.locked", "error.locked.do"),
        ErrorCode::WrongPassword => ("error.wrong_password", "error.wrong_password.do"),
        ErrorCode::WalletDamaged => ("error.wallet_damaged", "error.wallet_damaged.do"),
        ErrorCode::AlreadyRunning => ("error.already_running", "error.already_running.do"),
        ErrorCode::NotRunning => ("error.not_running", "error.not_running.do"),
        ErrorCode::DataFolder => ("error.data_folder", "error.data_folder.do"),
        ErrorCode::PortInUse => ("error.port_in_use", "error.port_in_use.do"),
        ErrorCode::GenesisMissing => ("error.genesis_missing", "error.genesis_missing.do"),
        ErrorCode::TxRefused => ("error.tx_refused", "error.tx_refused.do"),
        ErrorCode::TxConflict => ("error.tx_conflict", "error.tx_conflict.do"),
        ErrorCode::BadProof => ("error.bad_proof", "error.bad_proof.do"),
        ErrorCode::Unauthorized => ("error.unauthorized", "error.unauthorized.do"),
        ErrorCode::NotFound => ("error.not_found", "error.not_found.do"),
        ErrorCode::DevnetOnly => ("error.devnet_only", "error.devnet_only.do"),
        ErrorCode::Unavailable => ("error.unavailable", "error.unavailable.do"),
        ErrorCode::Internal => ("error.internal", "error.internal.do"),
    }
}

/// What happened.
pub(crate) fn what(error: &ApiError) -> String {
    text(keys(error.code).0, &[])
}

/// What to do.
pub(crate) fn advice(error: &ApiError) -> String {
    text(keys(error.code).1, &[])
}

/// What happened and what to do, in one line.
pub(crate) fn sentence(error: &ApiError) -> String {
    format!("{} {}", what(error), advice(error))
}

/// Code and message as the node gave them, for those who look closer.
fn details(error: &ApiError) -> impl IntoView + use<> {
    view! {
        <details class="error-details">
            <summary>{t!("error.details")}</summary>
            <code>{format!("{}: {}", error.code.name(), error.message)}</code>
        </details>
    }
}

/// An error in place of what was asked for.
#[component]
pub(crate) fn ErrorCard(
    /// The error.
    error: ApiError,
    /// Tries again.
    #[prop(into)]
    retry: Callback<()>,
) -> impl IntoView {
    view! {
        <section class="card error-card" role="alert" data-testid="error-card">
            {Icon::TriangleAlert.draw()}
            <div class="grow">
                <h2>{what(&error)}</h2>
                <p>{advice(&error)}</p>
                {details(&error)}
            </div>
            <button class="btn" data-testid="error-retry" on:click=move |_| retry.run(())>
                {t!("action.retry")}
            </button>
        </section>
    }
}

/// An error below a form.
#[component]
pub(crate) fn FormError(
    /// The error, while there is one.
    #[prop(into)]
    error: Signal<Option<ApiError>>,
) -> impl IntoView {
    move || {
        error.get().map(|error| {
            view! {
                <div class="form-error" role="alert" data-testid="form-error" data-code=error.code.name()>
                    {Icon::TriangleAlert.draw()}
                    <div class="grow">
                        <b>{what(&error)}</b>
                        " "
                        {advice(&error)}
                        {details(&error)}
                    </div>
                </div>
            }
        })
    }
}
