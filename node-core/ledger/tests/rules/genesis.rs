//! The state before the first block (docs/spec/transaction.md §6).

use umbel_crypto::ml_dsa;
use umbel_ledger::genesis;
use umbel_ledger::staking::{delegation, overlay, validator, validator_key, validator_set};
use umbel_types::genesis::{DEVNET_GENESIS_HASH, DEVNET_STAKE, STR_SUPPLY, devnet};
use umbel_types::staking::OverlayRecord;
use umbel_types::state::LedgerBalance;
use umbel_types::{Amount, AssetId};

use crate::fixture::{params, public_units};

#[test]
fn devnets_genesis_is_pinned() {
    assert_eq!(genesis::build(&params(), &devnet()).hash.to_string(), DEVNET_GENESIS_HASH);
}

/// Each validator of the file stands there with its key, its owner's delegation and its place in both sets, and its stake
/// is missing from STR.rewards.
#[test]
fn validators_are_staked_out_of_the_rewards() {
    let genesis = genesis::build(&params(), &devnet());
    let states = &genesis.states;
    let mut held = Amount::ZERO;
    for named in devnet().validators {
        let id = ml_dsa::key_hash(&named.key);
        let found = validator(states, id).expect("it is there");
        assert_eq!(validator_key(states, id), Some(*named.key));
        assert_eq!((found.bonded, found.leaving, found.held), (named.stake, Amount::ZERO, named.stake));
        assert_eq!(delegation(states, id, named.owner).expect("the bond").0.bonded, named.stake);
        for epoch in [0, 1] {
            let set = validator_set(states, epoch).expect("named at genesis");
            assert!(set.members.iter().any(|member| (member.key_hash, member.stake) == (id, named.stake)));
        }
        held = held.checked_add(found.held).unwrap();
    }
    assert_eq!(validator_set(states, 2), None);
    assert_eq!(overlay(states), Some(OverlayRecord::genesis(&params())));
    assert_eq!(held.units(), 4 * DEVNET_STAKE.units());
    let balances = LedgerBalance::ALL.iter().filter(|balance| balance.genesis_amount().0 == AssetId::STR);
    let balances: u64 = balances.map(|balance| states.balance(*balance).units()).sum();
    let outputs = public_units(genesis.utxo.added().values(), AssetId::STR);
    assert_eq!(held.units() + balances + outputs, STR_SUPPLY.units());
}
