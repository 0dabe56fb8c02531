//! What a fuzzer gives consensus to read: the records of its tables.

use umbel_ledger::commitments::ChainMmr;
use umbel_ledger::genesis;
use umbel_ledger::state_tree::StateChange;
use umbel_types::consensus_api::{AcceptedTx, BlockStatus};
use umbel_types::{BlockHash, Decode, Encode, Hash32, Network, Params};

use crate::storage::{BlockRecord, ChainMeta, ChainRecord};

/// Which record the first byte stands for; the record follows.
pub fn seeds() -> Vec<Vec<u8>> {
    let genesis = genesis::build(&Params::of(Network::Devnet), &umbel_types::genesis::devnet());
    let first = ChainRecord::of_genesis(&genesis);
    let states =
        genesis.states.iter().map(|(key, state)| StateChange { key: *key, before: None, after: Some(state.clone()) });
    let chain = ChainRecord {
        height: 3,
        mmr: ChainMmr::default().push(genesis.hash).push(genesis.hash),
        utxo: genesis.utxo.clone(),
        states: states.take(2).collect(),
        accepted: vec![AcceptedTx { txid: Hash32([1; 32]).into(), block: BlockHash([2; 32]) }],
        ..first.clone()
    };
    let block = BlockRecord { status: BlockStatus::StateValid, sequence: 7, merge_root: genesis.hash };
    let meta = ChainMeta { genesis: genesis.hash, sink: genesis.hash, block_count: 7 };
    vec![
        [vec![0], chain.to_bytes()].concat(),
        [vec![0], first.to_bytes()].concat(),
        [vec![1], block.to_bytes()].concat(),
        [vec![2], meta.to_bytes()].concat(),
    ]
}

/// What is read has exactly the bytes it was read from.
///
/// # Panics
/// Where that does not hold.
pub fn run(data: &[u8]) {
    let [kind, rest @ ..] = data else { return };
    match kind % 3 {
        0 => one_encoding::<ChainRecord>(rest),
        1 => one_encoding::<BlockRecord>(rest),
        _ => one_encoding::<ChainMeta>(rest),
    }
}

fn one_encoding<T: Decode + Encode>(data: &[u8]) {
    if let Ok(record) = T::from_bytes(data) {
        assert!(record.to_bytes() == data, "a second encoding of one record");
    }
}
