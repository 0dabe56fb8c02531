//! Who has staked what, as the chain's State says.

use std::collections::BTreeMap;

use umbel_crypto::ml_dsa::key_hash;
use umbel_types::encode::Decode;
use umbel_types::staking::{Delegation, OverlayRecord, Validator};
use umbel_types::state::{State, StateClass, ValidatorSet};
use umbel_types::{Amount, Hash32, ZkAddress};

use crate::stake_error::StakeError;

/// A record, and what State says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held<T> {
    /// Whose it is.
    pub owner: ZkAddress,
    /// Its nonce, which an Action on it names.
    pub nonce: u64,
    /// What is given back with its last unit of stake.
    pub deposit: Amount,
    /// The record.
    pub is: T,
}

/// All validators and delegations at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StakeBook {
    /// Epoch and certificates.
    pub overlay: OverlayRecord,
    /// Validators by id.
    pub validators: BTreeMap<Hash32, Held<Validator>>,
    /// Delegations, by validator and delegator.
    pub delegations: BTreeMap<(Hash32, ZkAddress), Held<Delegation>>,
    /// Elected sets that are on record, by epoch.
    pub sets: BTreeMap<u64, ValidatorSet>,
}

impl StakeBook {
    /// Reads the State objects of the Governance ledger; those of other classes are passed over.
    ///
    /// # Errors
    /// [`StakeError::Record`].
    pub fn read<'a>(states: impl IntoIterator<Item = &'a State>) -> Result<Self, StakeError> {
        let (mut overlay, mut validators) = (None, BTreeMap::new());
        let (mut delegations, mut sets) = (BTreeMap::new(), BTreeMap::new());
        for state in states {
            match (state.class, state.owner) {
                (StateClass::Overlay, _) => overlay = Some(OverlayRecord::from_bytes(&state.body)?),
                (StateClass::ValidatorSet, _) => {
                    let set = ValidatorSet::from_bytes(&state.body)?;
                    sets.insert(set.epoch, set);
                }
                (StateClass::Validator, Some(owner)) => {
                    let is = Validator::from_bytes(&state.body)?;
                    validators.insert(key_hash(&is.key), held(state, owner, is));
                }
                (StateClass::Delegation, Some(owner)) => {
                    let is = Delegation::from_bytes(&state.body)?;
                    delegations.insert((is.validator, owner), held(state, owner, is));
                }
                (StateClass::Balance | StateClass::Validator | StateClass::Delegation, _) => {}
            }
        }
        let missing = umbel_types::DecodeError::NotCanonical { what: "record of the overlay, which is not there" };
        Ok(Self { overlay: overlay.ok_or(missing)?, validators, delegations, sets })
    }

    /// The delegations of whoever holds one of these addresses.
    pub fn of<'a>(
        &'a self,
        is_own: impl Fn(&ZkAddress) -> bool + 'a,
    ) -> impl Iterator<Item = (&'a Hash32, &'a Held<Delegation>)> {
        self.delegations
            .iter()
            .filter(move |((_, delegator), _)| is_own(delegator))
            .map(|((validator, _), held)| (validator, held))
    }

    /// The owner's own stake in a validator.
    pub fn bond(&self, id: Hash32) -> Amount {
        let own = self.validators.get(&id).and_then(|held| self.delegations.get(&(id, held.owner)));
        own.map_or(Amount::ZERO, |held| held.is.bonded)
    }
}

fn held<T>(state: &State, owner: ZkAddress, is: T) -> Held<T> {
    Held { owner, nonce: state.nonce, deposit: state.deposit, is }
}
