//! Something that is asked for: loading, failed or there, and asked for again when it may have changed.

use leptos::prelude::*;
use leptos::task::spawn_local;
use umbel_api::ApiError;

/// An answer on its way.
#[derive(Debug, Clone)]
pub(crate) enum Load<T> {
    /// Not there yet.
    Loading,
    /// It failed.
    Failed(ApiError),
    /// It is there. While it is asked for again, the old answer stays.
    Ready(T),
}

/// An answer that is kept fresh.
#[derive(Debug)]
pub(crate) struct Loaded<T: Send + Sync + 'static> {
    /// The answer.
    pub(crate) value: RwSignal<Load<T>>,
    again: RwSignal<u32>,
}

impl<T: Send + Sync + 'static> Clone for Loaded<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Loaded<T> {}

impl<T: Clone + Send + Sync + 'static> Loaded<T> {
    /// Asks by `fetch`, and again whenever a signal changes that `fetch` reads before its first wait.
    pub(crate) fn new<F>(fetch: impl Fn() -> F + 'static) -> Self
    where
        F: Future<Output = Result<T, ApiError>> + 'static,
    {
        let value = RwSignal::new(Load::Loading);
        let again = RwSignal::new(0_u32);
        let number = StoredValue::new(0_u64);
        Effect::new(move |_| {
            again.track();
            let asked = number.get_value() + 1;
            number.set_value(asked);
            let answer = fetch();
            spawn_local(async move {
                let answer = answer.await;
                // The page may be gone, or a newer question asked.
                if number.try_get_value() != Some(asked) {
                    return;
                }
                match answer {
                    Ok(found) => value.set(Load::Ready(found)),
                    Err(error) => {
                        // A refresh that fails by chance does not take away what is there.
                        if !(error.retryable && matches!(value.get_untracked(), Load::Ready(_))) {
                            value.set(Load::Failed(error));
                        }
                    }
                }
            });
        });
        Self { value, again }
    }

    /// Asks again.
    pub(crate) fn retry(self) {
        self.value.set(Load::Loading);
        self.again.update(|n| *n += 1);
    }

    /// Asks again; what is there stays meanwhile.
    pub(crate) fn refresh(self) {
        self.again.update(|n| *n += 1);
    }
}

/// Grey lines where something will be.
pub(crate) fn skeleton(lines: usize) -> impl IntoView {
    view! {
        <div class="skeleton" aria-hidden="true">
            {(0..lines).map(|_| view! { <i></i> }).collect_view()}
        </div>
    }
}
