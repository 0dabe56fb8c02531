//! What the node does on its own threads.
//!
//! Each service is a loop that ends within [`TICK`] of the stop signal. A panic in one is caught, logged and told as the
//! node's failure; the wallets' files stay usable.

pub(crate) mod chain;
pub(crate) mod clock;
pub(crate) mod follower;
pub(crate) mod mempool;
pub(crate) mod miner;
pub(crate) mod payments;
pub(crate) mod reporter;
pub(crate) mod validator;
pub(crate) mod wallet;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::NodeError;
use crate::node::Core;

/// Longest time a service waits before it looks at the stop signal.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// Says that the node stops.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    flag: AtomicBool,
    // Held while the flag is set and looked at before a wait: nobody waits past it.
    lock: Mutex<()>,
    changed: Condvar,
}

impl Stop {
    /// Wakes everyone who waits.
    pub(crate) fn set(&self) {
        let guard = locked(&self.lock);
        self.flag.store(true, Ordering::SeqCst);
        drop(guard);
        self.changed.notify_all();
    }

    /// Whether it was said.
    pub(crate) fn is_set(&self) -> bool {
        self.flag.load(Ordering::SeqCst)
    }

    /// For work that looks at it between its steps.
    pub(crate) fn flag(&self) -> &AtomicBool {
        &self.flag
    }

    /// Waits this long, or until it is said.
    pub(crate) fn wait(&self, time: Duration) {
        let guard = locked(&self.lock);
        let waited = self.changed.wait_timeout_while(guard, time, |()| !self.is_set());
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

/// A mutex whose holder panicked guards data that is replaced as a whole; it is used on.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a thread that calls `step` until the node stops. `step` waits by itself, at most [`TICK`].
pub(crate) fn spawn(
    core: &Arc<Core>,
    name: &'static str,
    mut step: impl FnMut(&Core) + Send + 'static,
) -> Result<JoinHandle<()>, NodeError> {
    let core = Arc::clone(core);
    let run = move || {
        while !core.stop.is_set() {
            if catch_unwind(AssertUnwindSafe(|| step(&core))).is_err() {
                tracing::error!(service = name, "a service panicked");
                core.chain.fail(format!("the {name} service failed; restart the node, and report this with the log"));
                core.stop.wait(Duration::from_secs(1));
            }
        }
    };
    let spawned = std::thread::Builder::new().name(format!("umbel-{name}")).spawn(run);
    spawned.map_err(|e| NodeError::System { what: "a thread", reason: e.to_string() })
}
