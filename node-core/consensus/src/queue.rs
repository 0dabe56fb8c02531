//! A bound in bytes on what waits.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Lets in what fits and makes the rest wait. Something larger than the bound goes in alone.
#[derive(Debug)]
pub(crate) struct ByteGate {
    limit: usize,
    inside: Mutex<usize>,
    left: Condvar,
}

/// Room that something has taken; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    gate: Arc<ByteGate>,
    bytes: usize,
}

impl ByteGate {
    /// Nothing is inside.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, inside: Mutex::new(0), left: Condvar::new() })
    }

    /// Waits until `bytes` fit.
    pub(crate) fn enter(self: &Arc<Self>, bytes: usize) -> Room {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        while *inside > 0 && inside.saturating_add(bytes) > self.limit {
            inside = self.left.wait(inside).unwrap_or_else(PoisonError::into_inner);
        }
        *inside = inside.saturating_add(bytes);
        Room { gate: self.clone(), bytes }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut inside = self.gate.inside.lock().unwrap_or_else(PoisonError::into_inner);
        *inside = inside.saturating_sub(self.bytes);
        drop(inside);
        self.gate.left.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn what_does_not_fit_waits_until_there_is_room() {
        let gate = ByteGate::new(100);
        let (first, second) = (gate.enter(60), gate.enter(40));
        std::thread::scope(|scope| {
            let (entered, seen) = mpsc::sync_channel(2);
            let gate = &gate;
            scope.spawn(move || {
                // Larger than the bound: only once nothing is inside.
                let room = gate.enter(500);
                entered.send(*gate.inside.lock().unwrap()).unwrap();
                drop(room);
            });
            assert!(seen.try_recv().is_err());
            drop(first);
            assert!(seen.try_recv().is_err());
            drop(second);
            assert_eq!(seen.recv().unwrap(), 500);
        });
        assert_eq!(*gate.inside.lock().unwrap(), 0);
    }
}
