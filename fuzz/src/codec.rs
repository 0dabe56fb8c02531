//! Every other value with a canonical encoding that crosses the network or lies on the disk.

use core::fmt::Debug;

use umbel_dag::GhostdagData;
use umbel_dag::reachability::ReachabilityData;
use umbel_ledger::commitments::{ChainMmr, LaneRoots, LtHash};
use umbel_ledger::state_tree::{StateChange, StateKey};
use umbel_store::FormatTag;
use umbel_types::memo::MemoTerms;
use umbel_types::state::{State, StateClass, ValidatorSet, object_id};
use umbel_types::tx::OutPoint;
use umbel_types::{
    BlockHash, CertRef, Coin, Decode, Encode, Input, Lock, Memo, Output, PayoutKey, TxCore, UtxoEntry, Witness,
};

use crate::fixture::transactions;

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
    let set = genesis.states.iter().find(|(_, state)| state.class == StateClass::ValidatorSet).unwrap().1.body.clone();
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
        set,
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
        everything.witness.to_bytes(),
    ];
    assert_eq!(values.len(), CHECKS.len());
    (0u8..).zip(values).map(|(which, bytes)| [vec![which], bytes].concat()).collect()
}
