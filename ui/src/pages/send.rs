//! Send: whom and how much, what it takes, then the payment on its way.

mod form;
mod review;
mod watch;

use crate::components::field::wipe;
use crate::dom;
use crate::state::app;
use form::Form;
use leptos::prelude::*;
use review::Review;
use umbel_api::send::{Payment, PaymentPlan, SendRequest};
use watch::Watch;

/// What a person has filled in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draft {
    to: RwSignal<String>,
    amount: RwSignal<String>,
    max: RwSignal<bool>,
    note: RwSignal<String>,
    public: RwSignal<bool>,
    asset: RwSignal<String>,
}

impl Draft {
    fn new() -> Self {
        Self {
            to: RwSignal::new(String::new()),
            amount: RwSignal::new(String::new()),
            max: RwSignal::new(false),
            note: RwSignal::new(String::new()),
            public: RwSignal::new(false),
            asset: RwSignal::new("STR".to_owned()),
        }
    }

    /// Empties it for the next payment.
    fn clear(self) {
        for text in [self.to, self.amount, self.note] {
            wipe(text);
        }
        self.max.set(false);
        self.public.set(false);
        self.asset.set("STR".to_owned());
    }
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Filling in.
    Form,
    /// Looking at what it takes.
    Review(SendRequest, PaymentPlan),
    /// On its way.
    Watch(Payment),
}

/// The page.
#[component]
pub(crate) fn Send() -> impl IntoView {
    let app = app();
    let draft = Draft::new();
    // A payment that is on its way when the person comes back is shown again.
    let running =
        app.watched_payment.get_untracked().and_then(|id| app.payments.with_untracked(|p| p.get(&id).cloned()));
    let running = running.filter(|p| p.wallet == app.wallet_name());
    let step = RwSignal::new(running.map_or(Step::Form, Step::Watch));
    let body = move || match step.get() {
        Step::Form => view! { <Form draft=draft step=step/> }.into_any(),
        Step::Review(request, plan) => view! { <Review request=request plan=plan step=step/> }.into_any(),
        Step::Watch(payment) => view! { <Watch payment=payment draft=draft step=step/> }.into_any(),
    };
    Effect::new(move |before: Option<()>| {
        step.track();
        if before.is_some() {
            dom::focus_heading();
        }
    });
    view! { <div class="page narrow" data-testid="send-page">{body}</div> }
}
