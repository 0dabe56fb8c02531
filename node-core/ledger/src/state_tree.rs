//! State objects by ledger, and their root.

use std::collections::BTreeMap;

use umbel_types::encode::{Decode, Encode};
use umbel_types::hash::{Domain, Hasher};
use umbel_types::state::{LedgerBalance, State};
use umbel_types::{Amount, Hash32, Ledger, ObjectId};

use crate::commitments::smt_root;

/// Where an object stands: its ledger's sub-tree and its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StateKey {
    /// Sub-tree.
    pub ledger: Ledger,
    /// Object.
    pub object: ObjectId,
}
umbel_types::encode_struct!(StateKey { ledger, object });

impl StateKey {
    /// Key of a balance.
    pub fn of_balance(balance: LedgerBalance) -> Self {
        Self { ledger: balance.ledger(), object: balance.object() }
    }
}

/// One object before and after. Equal sides don't occur.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// Which object.
    pub key: StateKey,
    /// What it was; `None` if it was not there.
    pub before: Option<State>,
    /// What it is; `None` if it is gone.
    pub after: Option<State>,
}
umbel_types::encode_struct!(StateChange { key, before, after });

/// All State objects.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct StateTree {
    objects: BTreeMap<StateKey, State>,
}

impl StateTree {
    /// One object.
    pub fn get(&self, key: &StateKey) -> Option<&State> {
        self.objects.get(key)
    }

    /// All objects, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&StateKey, &State)> {
        self.objects.iter()
    }

    /// Does a change again.
    pub fn redo(&mut self, change: &StateChange) {
        self.set(change.key, change.after.clone());
    }

    /// Takes a change back.
    pub fn undo(&mut self, change: &StateChange) {
        self.set(change.key, change.before.clone());
    }

    fn set(&mut self, key: StateKey, state: Option<State>) {
        match state {
            Some(state) => self.objects.insert(key, state),
            None => self.objects.remove(&key),
        };
    }

    /// A balance that rules own; zero if it is not there.
    pub fn balance(&self, balance: LedgerBalance) -> Amount {
        let state = self.get(&StateKey::of_balance(balance));
        state.and_then(|s| Amount::from_bytes(&s.body).ok()).unwrap_or(Amount::ZERO)
    }

    /// What changes where a balance that rules own becomes `amount`; its nonce stays 0. `None` if it is that already, or
    /// not there.
    pub fn balance_change(&self, balance: LedgerBalance, amount: Amount) -> Option<StateChange> {
        let key = StateKey::of_balance(balance);
        let before = self.get(&key)?.clone();
        let after = State { body: amount.to_bytes(), ..before.clone() };
        (before != after).then_some(StateChange { key, before: Some(before), after: Some(after) })
    }

    /// `state_root`: six sparse Merkle roots, in ledger order.
    pub fn root(&self) -> Hash32 {
        let mut root = Hasher::new(Domain::STATE_ROOT);
        for ledger in Ledger::ALL {
            let leaves: Vec<(Hash32, Hash32)> = self
                .objects
                .iter()
                .filter(|(key, _)| key.ledger == ledger)
                .map(|(key, state)| {
                    (key.object.into(), Hasher::new(Domain::SMT_LEAF).with(&key.object).with(state).finish())
                })
                .collect();
            root = root.with(&smt_root(&leaves));
        }
        root.finish()
    }
}

impl FromIterator<(StateKey, State)> for StateTree {
    fn from_iter<T: IntoIterator<Item = (StateKey, State)>>(objects: T) -> Self {
        Self { objects: objects.into_iter().collect() }
    }
}
