//! What a fuzzer gives consensus to read: the records of its tables, and certificates.

use umbel_dag::GhostdagData;
use umbel_ledger::commitments::ChainMmr;
use umbel_ledger::genesis;
use umbel_ledger::state_tree::StateChange;
use umbel_types::consensus_api::{AcceptedTx, BlockStatus};
use umbel_types::errors::BlockError;
use umbel_types::vote::cert_hash;
use umbel_types::{BlockHash, BlueScore, CertRef, Decode, Encode, Hash32, Header, Network, Params};

use crate::Consensus;
use crate::finality::check_block_certificate;
use crate::pipeline::fault;
use crate::pruning::PruningRecord;
use crate::state_snapshot::{Manifest, Object, PastBlock, Unspent};
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

/// Items of a snapshot: which one the first byte stands for.
pub fn snapshot_seeds() -> Vec<Vec<u8>> {
    crate::state_snapshot::item_seeds()
}

/// What is read of a snapshot has exactly the bytes it was read from.
///
/// # Panics
/// Where that does not hold.
pub fn run_snapshot(data: &[u8]) {
    let [kind, rest @ ..] = data else { return };
    match kind % 5 {
        0 => one_encoding::<Manifest>(rest),
        1 => one_encoding::<Unspent>(rest),
        2 => one_encoding::<Object>(rest),
        3 => one_encoding::<PastBlock>(rest),
        _ => one_encoding::<PruningRecord>(rest),
    }
}

fn one_encoding<T: Decode + Encode>(data: &[u8]) {
    if let Ok(record) = T::from_bytes(data) {
        assert!(record.to_bytes() == data, "a second encoding of one record");
    }
}

/// What qualification says of a block on the sink, without a merge, that introduces these bytes in the name of `index`.
///
/// # Errors
/// [`BlockError`].
pub fn check_certificate(consensus: &Consensus, index: u32, bytes: &[u8]) -> Result<(), BlockError> {
    let (shared, current) = (&consensus.shared, consensus.current());
    let sink = current.public.sink;
    let above = shared.storage.header(sink).map_err(fault)?;
    let header = Header {
        cert: CertRef { index, hash: cert_hash(bytes) },
        blue_score: BlueScore(above.blue_score.0 + 1),
        ..(*above).clone()
    };
    let colouring = GhostdagData { selected_parent: sink, ..GhostdagData::genesis() };
    let chain = (&shared.storage, &shared.params, shared.genesis);
    check_block_certificate(chain, &header, &colouring, bytes, &current.state.states)
}
