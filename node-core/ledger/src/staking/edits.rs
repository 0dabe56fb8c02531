//! State objects with changes that are not in the tree yet.

use std::collections::BTreeMap;

use umbel_types::Amount;
use umbel_types::encode::{Decode, Encode};
use umbel_types::state::{LedgerBalance, State};

use super::actions::Effect;
use crate::state_tree::{StateChange, StateKey, StateTree};

/// Reading State objects.
pub trait StateView {
    /// One object.
    fn state(&self, key: &StateKey) -> Option<&State>;

    /// All objects of the Governance ledger, in one order for everybody.
    fn governance(&self) -> Vec<&State>;

    /// A balance that rules own; zero if it is not there.
    fn balance(&self, balance: LedgerBalance) -> Amount {
        let state = self.state(&StateKey::of_balance(balance));
        state.and_then(|state| Amount::from_bytes(&state.body).ok()).unwrap_or(Amount::ZERO)
    }
}

impl StateView for StateTree {
    fn state(&self, key: &StateKey) -> Option<&State> {
        self.get(key)
    }

    fn governance(&self) -> Vec<&State> {
        self.iter_ledger(umbel_types::Ledger::Governance).map(|(_, state)| state).collect()
    }
}

/// A tree and what changes on top of it.
#[derive(Clone, Debug)]
pub struct StateEdits {
    /// Shares everything with the tree that it was taken from.
    base: StateTree,
    changed: BTreeMap<StateKey, Option<State>>,
}

impl StateEdits {
    /// Nothing changed yet.
    pub fn new(base: &StateTree) -> Self {
        Self { base: base.clone(), changed: BTreeMap::new() }
    }

    /// Sets or removes an object.
    pub fn set(&mut self, key: StateKey, state: Option<State>) {
        self.changed.insert(key, state);
    }

    /// Does what an Action does.
    pub fn apply(&mut self, effect: Effect) {
        self.changed.extend(effect.objects);
    }

    /// Sets a balance that rules own; its nonce stays 0. Nothing happens where the balance is not there.
    pub(crate) fn set_balance(&mut self, balance: LedgerBalance, amount: Amount) {
        let key = StateKey::of_balance(balance);
        if let Some(state) = self.state(&key).cloned() {
            self.set(key, Some(State { body: amount.to_bytes(), ..state }));
        }
    }

    /// What is different in the end, one change for each object, by key.
    pub fn into_changes(self) -> Vec<StateChange> {
        let Self { base, changed } = self;
        changed
            .into_iter()
            .map(|(key, after)| StateChange { key, before: base.get(&key).cloned(), after })
            .filter(|change| change.before != change.after)
            .collect()
    }
}

impl StateView for StateEdits {
    fn state(&self, key: &StateKey) -> Option<&State> {
        match self.changed.get(key) {
            Some(state) => state.as_ref(),
            None => self.base.get(key),
        }
    }

    fn governance(&self) -> Vec<&State> {
        let mut objects: BTreeMap<&StateKey, &State> = self.base.iter_ledger(umbel_types::Ledger::Governance).collect();
        for (key, state) in self.changed.iter().filter(|(key, _)| key.ledger == umbel_types::Ledger::Governance) {
            match state {
                Some(state) => objects.insert(key, state),
                None => objects.remove(key),
            };
        }
        objects.into_values().collect()
    }
}
