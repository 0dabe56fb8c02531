//! What the node tells without being asked.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{broadcast, watch};
use umbel_api::NodeEvent;
use umbel_api::node::NodeState;

/// Events that a slow reader may lag behind before it loses the oldest; each carries the whole state of its subject.
const CAPACITY: usize = 256;
/// Least time between two events of one subject: ten a second.
const INTERVAL: Duration = Duration::from_millis(100);

/// Where shells subscribe.
#[derive(Clone, Debug)]
pub struct EventSource {
    sender: broadcast::Sender<NodeEvent>,
    state: watch::Receiver<NodeState>,
}

impl EventSource {
    /// Events from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<NodeEvent> {
        self.sender.subscribe()
    }

    /// The node's newest state.
    pub fn state(&self) -> watch::Receiver<NodeState> {
        self.state.clone()
    }
}

/// What an event is about: of one subject only the newest event counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Node,
    Blocks,
    Wallets,
    Wallet(String),
    Payment(u64),
}

fn subject(event: &NodeEvent) -> Subject {
    match event {
        NodeEvent::Node(_) => Subject::Node,
        NodeEvent::Blocks { .. } => Subject::Blocks,
        NodeEvent::Wallets(_) => Subject::Wallets,
        NodeEvent::Wallet(state) => Subject::Wallet(state.name.clone()),
        NodeEvent::Payment(payment) => Subject::Payment(payment.id),
    }
}

#[derive(Debug, Default)]
struct Waiting {
    /// Newest event of each subject that was told less than [`INTERVAL`] ago. Bounded by the number of subjects: the
    /// wallets and payments of this run.
    held: BTreeMap<Subject, NodeEvent>,
    told: BTreeMap<Subject, Instant>,
}

/// Sends events, each subject's at most ten times a second, the newest always.
#[derive(Debug)]
pub(crate) struct EventSink {
    sender: broadcast::Sender<NodeEvent>,
    state: watch::Sender<NodeState>,
    waiting: Mutex<Waiting>,
}

impl EventSink {
    /// A sink whose first state is `state`, and its source.
    pub(crate) fn new(state: NodeState) -> (Self, EventSource) {
        let (sender, _) = broadcast::channel(CAPACITY);
        let (state, receiver) = watch::channel(state);
        let source = EventSource { sender: sender.clone(), state: receiver };
        (Self { sender, state, waiting: Mutex::default() }, source)
    }

    /// The newest state.
    pub(crate) fn state(&self) -> NodeState {
        self.state.borrow().clone()
    }

    /// Publishes the node's state, if it changed.
    pub(crate) fn publish_state(&self, state: NodeState) {
        let changed = self.state.send_if_modified(|old| {
            let changed = *old != state;
            if changed {
                old.clone_from(&state);
            }
            changed
        });
        if changed {
            self.tell(NodeEvent::Node(Box::new(state)));
        }
    }

    /// Tells an event now, or soon if its subject spoke just now.
    pub(crate) fn tell(&self, event: NodeEvent) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.held.insert(subject(&event), event);
        drop(waiting);
        self.flush(Instant::now());
    }

    /// Tells what may be told. The state service calls it every [`INTERVAL`].
    pub(crate) fn flush(&self, now: Instant) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Waiting { held, told } = &mut *waiting;
        told.retain(|_, at| now.saturating_duration_since(*at) < INTERVAL);
        let due: Vec<Subject> = held.keys().filter(|s| !told.contains_key(s)).cloned().collect();
        for subject in due {
            if let Some(event) = held.remove(&subject) {
                // Without a subscriber nobody has to be told.
                let _ = self.sender.send(event);
                told.insert(subject, now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{NodeConfig, StoreKind};
    use crate::services::clock::starting;
    use umbel_types::Network;

    #[test]
    fn a_subject_speaks_ten_times_a_second_and_ends_with_the_newest() {
        let (sink, source) = EventSink::new(starting(&NodeConfig::new("/d", Network::Devnet), StoreKind::Mem));
        let mut events = source.subscribe();
        for newest in 1..=50 {
            sink.tell(NodeEvent::Blocks { newest });
        }
        assert_eq!(events.try_recv().ok(), Some(NodeEvent::Blocks { newest: 1 }));
        assert!(events.try_recv().is_err());
        sink.flush(Instant::now() + INTERVAL);
        assert_eq!(events.try_recv().ok(), Some(NodeEvent::Blocks { newest: 50 }));
        assert!(events.try_recv().is_err());
    }
}
