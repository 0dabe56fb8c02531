//! State objects by ledger, and their root.

mod smt;

use std::collections::BTreeMap;
use std::sync::Arc;

use umbel_types::encode::{Decode, Encode};
use umbel_types::state::{LedgerBalance, State};
use umbel_types::{Amount, Hash32, Ledger, ObjectId};

use smt::{Leaf, Smt};

pub(crate) use smt::{Found, SMT_DEPTH, bit, leaf_hash, node_hash, state_root, sub_root};

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

/// All State objects: a sparse Merkle tree for each ledger, with the hashes of its nodes. A copy shares everything; a change
/// costs what lies between the object and its root.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct StateTree {
    ledgers: [Smt; 6],
}

impl StateTree {
    /// One object.
    pub fn get(&self, key: &StateKey) -> Option<&State> {
        self.of(key.ledger).get(key).map(|leaf| &leaf.state)
    }

    /// All objects, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&StateKey, &State)> {
        Ledger::ALL.into_iter().flat_map(|ledger| self.iter_ledger(ledger))
    }

    /// The objects of one ledger, by id.
    pub fn iter_ledger(&self, ledger: Ledger) -> impl Iterator<Item = (&StateKey, &State)> {
        self.of(ledger).iter().map(|leaf| (&leaf.key, &leaf.state))
    }

    /// Does a change again.
    pub fn redo(&mut self, change: &StateChange) {
        self.set(change.key, change.after.clone());
    }

    /// Takes a change back.
    pub fn undo(&mut self, change: &StateChange) {
        self.set(change.key, change.before.clone());
    }

    /// What stands where an object would, and the hash beside each step of the way there.
    pub(crate) fn find(&self, key: &StateKey, beside: impl FnMut(Hash32)) -> Found<'_> {
        self.of(key.ledger).find(key, beside)
    }

    /// How many objects a ledger has.
    pub fn count(&self, ledger: Ledger) -> u64 {
        self.of(ledger).count()
    }

    fn of(&self, ledger: Ledger) -> &Smt {
        &self.ledgers[ledger.lane()]
    }

    fn set(&mut self, key: StateKey, state: Option<State>) {
        let tree = &mut self.ledgers[key.ledger.lane()];
        match state {
            Some(state) => tree.insert(Leaf::new(key, state)),
            None => tree.remove(&key),
        }
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

    /// The six roots, in ledger order.
    pub(crate) fn sub_roots(&self) -> [Hash32; 6] {
        self.ledgers.each_ref().map(Smt::root)
    }

    /// `state_root`: six sparse Merkle roots, in ledger order.
    pub fn root(&self) -> Hash32 {
        state_root(&self.sub_roots())
    }
}

impl FromIterator<(StateKey, State)> for StateTree {
    /// Of several states of one object the last counts.
    fn from_iter<T: IntoIterator<Item = (StateKey, State)>>(objects: T) -> Self {
        let objects: BTreeMap<StateKey, State> = objects.into_iter().collect();
        let mut leaves: [Vec<Arc<Leaf>>; 6] = Default::default();
        for (key, state) in objects {
            leaves[key.ledger.lane()].push(Leaf::new(key, state));
        }
        Self { ledgers: leaves.map(|leaves| Smt::of_sorted(&leaves)) }
    }
}
