//! Every other value with a canonical encoding that crosses the network or lies on the disk.

use core::fmt::Debug;

use umbel_dag::GhostdagData;
use umbel_dag::reachability::ReachabilityData;
use umbel_ledger::commitments::{ChainMmr, LaneRoots, LtHash};
use umbel_ledger::proofs::{AcceptanceProof, ChainProof, StateProof};
use umbel_ledger::state_tree::{StateChange, StateKey};
use umbel_store::FormatTag;
use umbel_types::memo::MemoTerms;
use umbel_types::staking::{Delegation, Leaving, OverlayRecord, RecentSlash, Signed, Validator, ValidatorStanding};
use umbel_types::state::{State, StateClass, ValidatorSet, object_id};
use umbel_types::tx::OutPoint;
use umbel_types::vote::CertificateEntry;
use umbel_types::{
    Action, Amount, BlockHash, CertRef, Certificate, Coin, DaaScore, Decode, Encode, Evidence, Hash32, Input, Link,
    Lock, Memo, Output, PayoutKey, TxCore, UtxoEntry, Vote, Witness,
};

use crate::fixture::transactions;
use crate::ledger_proof;
use crate::voters::signed;

/// Decodes; what decodes has exactly these bytes. Gives the value.
pub(crate) fn one_encoding<T: Decode + Encode + PartialEq + Debug>(data: &[u8]) -> Option<T> {
    let value = T::from_bytes(data).ok()?;
    assert!(value.to_bytes() == data, "a second encoding of {value:?}");
    Some(value)
}

fn decodes<T: Decode + Encode + PartialEq + Debug>(data: &[u8]) {
    one_encoding::<T>(data);
}

type Check = fn(&[u8]);

const CHECKS: &[Check] = &[
    decodes::<TxCore>,
    decodes::<Input>,
    decodes::<Output>,
    decodes::<Coin>,
    decodes::<Memo>,
    decodes::<MemoTerms>,
    decodes::<Lock>,
    decodes::<UtxoEntry>,
    decodes::<State>,
    decodes::<ValidatorSet>,
    decodes::<PayoutKey>,
    decodes::<CertRef>,
    decodes::<OutPoint>,
    decodes::<StateKey>,
    decodes::<StateChange>,
    decodes::<GhostdagData>,
    decodes::<ReachabilityData>,
    decodes::<LtHash>,
    decodes::<ChainMmr>,
    decodes::<LaneRoots>,
    decodes::<FormatTag>,
    decodes::<Action>,
    decodes::<Validator>,
    decodes::<ValidatorStanding>,
    decodes::<Delegation>,
    decodes::<OverlayRecord>,
    decodes::<Vote>,
    decodes::<Certificate>,
    decodes::<Evidence>,
    decodes::<ChainProof>,
    decodes::<StateProof>,
    decodes::<AcceptanceProof>,
    witness,
];

/// A witness for a core that is known: its counts are the core's.
fn witness(data: &[u8]) {
    for tx in transactions() {
        let mut r = umbel_types::Reader::new(data);
        if let Ok(witness) = Witness::decode_for(&tx.core, &mut r) {
            let left = r.remaining();
            assert_eq!(witness.to_bytes(), data[..data.len() - left], "a second encoding of a witness");
            assert_eq!(witness.inputs.len(), tx.core.inputs.len());
            assert_eq!(witness.outputs.len(), tx.core.coin_outputs());
        }
    }
}

/// The first byte says what the others are.
pub(crate) fn run(data: &[u8]) {
    let [which, rest @ ..] = data else { return };
    CHECKS[usize::from(*which) % CHECKS.len()](rest);
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let everything = &transactions()[2];
    let params = umbel_types::Params::of(umbel_types::Network::Devnet);
    let genesis = umbel_ledger::genesis::build(&params, &umbel_types::genesis::devnet());
    let (key, state) = genesis.states.iter().next().map(|(key, state)| (*key, state.clone())).unwrap();
    let (outpoint, entry) = genesis.utxo.added().iter().next().map(|(o, e)| (*o, e.clone())).unwrap();
    let (Output::Coin { coin, .. }, Output::Memo(memo)) = (&everything.core.outputs[0], &everything.core.outputs[3])
    else {
        panic!("a coin comes first, a memo last")
    };
    let payout = PayoutKey { owner: coin.owner, ephemeral: coin.ephemeral, sealed: coin.sealed };
    let multisig = Lock::Multisig { m: 1, keys: vec![umbel_types::lock::PublicKeyBytes([2; 33])] };
    let mut colouring = GhostdagData::genesis();
    colouring.mergeset_blues = vec![BlockHash([1; 32]), BlockHash([2; 32])];
    colouring.blues_anticone_sizes = [(BlockHash([1; 32]), 1), (BlockHash([2; 32]), 3)].into_iter().collect();
    let place = ReachabilityData {
        parent: Some(BlockHash([1; 32])),
        interval: umbel_dag::reachability::Interval::MAXIMAL,
        height: 1,
        children: vec![BlockHash([2; 32])].into(),
        future_covering_set: vec![BlockHash([3; 32])].into(),
    };
    let mmr = (0..5).fold(ChainMmr::default(), |mmr, n| mmr.push(BlockHash([n; 32])));
    let change = StateChange { key, before: None, after: Some(state.clone()) };
    let object = object_id(StateClass::Balance, b"x");
    let of_class = |class| genesis.states.iter().find(|(_, state)| state.class == class).unwrap().1.body.clone();
    let amount = Amount::from_units(7);
    let delegation = Delegation {
        validator: Hash32([1; 32]),
        bonded: amount,
        leaving: [3, 4].map(|matures| Leaving { matures, amount }).to_vec(),
        rewards: amount,
        settled: 1,
    };
    let record = OverlayRecord {
        signed: [1, 2].map(|n| Signed { validator: Hash32([n; 32]), certificates: 1 }).to_vec(),
        slashes: [3, 4].map(|day| RecentSlash { day, stake: amount }).to_vec(),
        certified_daa: DaaScore(5),
        ..OverlayRecord::genesis(&params)
    };
    let vote = |n, epoch| signed(n, (params.chain_id, genesis.hash), epoch, Link::default());
    let entry_of = |vote: Vote| CertificateEntry { validator: vote.validator, signature: vote.signature };
    let mut entries = vec![entry_of(vote(0, 0)), entry_of(vote(1, 0))];
    entries.sort_by_key(|entry| entry.validator);
    let (on_chain, in_state, accepted) = ledger_proof::parts();
    let values = [
        everything.core.to_bytes(),
        everything.core.inputs[0].consumed.to_bytes(),
        everything.core.outputs[0].to_bytes(),
        coin.to_bytes(),
        memo.to_bytes(),
        memo.terms().to_bytes(),
        multisig.to_bytes(),
        entry.to_bytes(),
        state.to_bytes(),
        of_class(StateClass::ValidatorSet),
        payout.to_bytes(),
        CertRef::genesis().to_bytes(),
        outpoint.to_bytes(),
        StateKey { object, ..key }.to_bytes(),
        change.to_bytes(),
        colouring.to_bytes(),
        place.to_bytes(),
        genesis.lthash.to_bytes(),
        mmr.to_bytes(),
        genesis.lanes.to_bytes(),
        FormatTag::new(umbel_types::Network::Devnet, genesis.hash, 1).to_bytes(),
        transactions()[5].core.action.to_bytes(),
        of_class(StateClass::Validator),
        ValidatorStanding::Slashed { kept_ppb: 5 }.to_bytes(),
        delegation.to_bytes(),
        record.to_bytes(),
        vote(0, 0).to_bytes(),
        Certificate { epoch: 0, link: Link::default(), entries }.to_bytes(),
        Evidence::new(vote(0, 0), vote(0, 1)).to_bytes(),
        on_chain.to_bytes(),
        in_state.to_bytes(),
        accepted.to_bytes(),
        everything.witness.to_bytes(),
    ];
    assert_eq!(values.len(), CHECKS.len());
    (0u8..).zip(values).map(|(which, bytes)| [vec![which], bytes].concat()).collect()
}
