//! `verify_chain` on whole and on damaged chains.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use umbel_consensus::verify::{Mismatch, VerifyError, VerifyReport, VerifyStage, verify_chain};
use umbel_consensus::{DEFAULT_CACHE_BYTES, OpenError, open_existing_store, open_store};
use umbel_dag::reachability::ReachabilityData;
use umbel_store::registry::RETIRED;
use umbel_store::{Batch, Durability, KvStore, SEGMENTS_FOLDER, StoreKind, Table};
use umbel_types::consensus_api::{ConsensusApi, ConsensusError};
use umbel_types::encode::{Decode, Encode};
use umbel_types::genesis::devnet;
use umbel_types::{AssetId, Block, BlockHash, Network, OutPoint, Params};

use crate::fixture::{TestNode, mem_store};
use crate::history::{self, History};
use crate::hooked::{BreakAt, Counter, Hooked};

pub(crate) fn verify(store: &Arc<dyn KvStore>) -> Result<VerifyReport, VerifyError> {
    verify_chain(&Params::of(Network::Devnet), &devnet(), store.clone(), &mut |_| {})
}

fn told(rounds: &[usize]) -> (History, Arc<dyn KvStore>) {
    let history = history::build(rounds);
    let store = mem_store();
    let node = TestNode::on(store.clone());
    history.tell(&node);
    node.consensus.shutdown();
    (history, store)
}

#[test]
fn a_whole_chain_is_verified_and_every_table_is_in_use() {
    let (history, store) = told(&[1, 2, 3]);
    let mut stages = Vec::new();
    let report = verify_chain(&Params::of(Network::Devnet), &devnet(), store.clone(), &mut |progress| {
        assert!(progress.done <= progress.total && progress.done > 0);
        stages.push(progress.stage);
    })
    .expect("nothing was touched");
    stages.dedup();
    assert_eq!(stages, [VerifyStage::Blocks, VerifyStage::State, VerifyStage::Tables]);
    assert_eq!((report.blocks, report.headers_alone), (history.blocks.len() as u64 - 1, 1));
    assert_eq!((report.accepted, report.disqualified), (3, 3));
    assert_eq!(report.former_chain_blocks, 1 + 2 + 3);
    assert_eq!(report.waiting, 0);
    let str_supply = report.supply.iter().find(|s| s.asset == AssetId::STR).expect("STR");
    assert_eq!(str_supply.issued, str_supply.public + str_supply.state + str_supply.confidential);
    for &table in Table::ALL {
        let rows = store.count(table).expect("reads");
        // Nobody votes in this history: finality/restarts.rs verifies a chain with certificates. The second state is that
        // of genesis, which has no coin.
        let is_empty = RETIRED.contains(&table) || [Table::Certificate, Table::PrunedCoin].contains(&table);
        assert_eq!(rows == 0, is_empty, "{}", table.name());
    }
}

fn mismatch(store: &Arc<dyn KvStore>) -> Mismatch {
    match verify(store) {
        Err(VerifyError::Mismatch(mismatch)) => *mismatch,
        other => panic!("{other:?}"),
    }
}

/// Changes one value and says what verification finds.
fn damaged(store: &Arc<dyn KvStore>, table: Table, key: &[u8], edit: impl FnOnce(&mut Vec<u8>)) -> Mismatch {
    let before = store.get(table, key).expect("reads");
    let mut value = before.clone().unwrap_or_default();
    edit(&mut value);
    let put = |value: Option<Vec<u8>>| {
        let mut batch = Batch::new();
        match value {
            Some(value) => batch.put(table, key, value),
            None => batch.delete(table, key),
        }
        store.write(batch, Durability::Immediate).expect("writes");
    };
    put(Some(value));
    let found = mismatch(store);
    put(before);
    found
}

fn removed(store: &Arc<dyn KvStore>, table: Table, key: &[u8]) -> Mismatch {
    let before = store.get(table, key).expect("reads").expect("there");
    let mut batch = Batch::new();
    batch.delete(table, key);
    store.write(batch, Durability::Immediate).expect("writes");
    let found = mismatch(store);
    let mut batch = Batch::new();
    batch.put(table, key, before);
    store.write(batch, Durability::Immediate).expect("writes");
    found
}

fn assert_names(found: &Mismatch, block: Option<BlockHash>, what: &str) {
    assert!(found.what.contains(what), "{found}");
    if block.is_some() {
        assert_eq!(found.block, block, "{found}");
    }
    assert_ne!(found.got, found.expected);
}

/// A flipped bit, a missing row and a row too many in every table are found and named.
#[test]
fn damage_is_named() {
    let (history, store) = told(&[2]);
    let sink = TestNode::on(store.clone()).sink();
    let flip = |at: usize| move |value: &mut Vec<u8>| value[at] ^= 1;
    let block = history.accepting.hash();
    let key = block.as_bytes();
    let other = history.blocks[1].hash();
    // A block beside the chain, that a disqualified block was never built on.
    let (side, leaf) = (history.blocks[2].hash(), history.disqualified.hash());
    let covered_by_a_stranger = |value: &mut Vec<u8>| {
        let mut data = ReachabilityData::from_bytes(value).expect("decodes");
        data.future_covering_set = Arc::new(data.future_covering_set.iter().copied().chain([leaf]).collect());
        *value = data.to_bytes();
    };

    let cases = [
        // A header's nonce is part of its hash.
        (damaged(&store, Table::Header, key, flip(40)), Some(block), "header"),
        (damaged(&store, Table::Ghostdag, key, flip(3)), Some(block), "colouring"),
        (damaged(&store, Table::Ghostdag, history.header_alone.hash().as_bytes(), flip(3)), None, "colouring"),
        (damaged(&store, Table::Status, key, flip(12)), Some(block), "merge depth root"),
        // Where it stands: 2 is valid, 3 disqualified.
        (damaged(&store, Table::Status, other.as_bytes(), |v| v[0] = 3), None, "status"),
        (damaged(&store, Table::Status, history.disqualified.hash().as_bytes(), |v| v[0] = 2), None, "state_root"),
        (damaged(&store, Table::Status, history.header_alone.hash().as_bytes(), flip(12)), None, "merge depth root"),
        (damaged(&store, Table::Reachability, key, flip(34)), None, "its numbers in the tree"),
        (damaged(&store, Table::Reachability, side.as_bytes(), covered_by_a_stranger), Some(side), "cover its future"),
        (removed(&store, Table::Reachability, history.header_alone.hash().as_bytes()), None, "reachability"),
        (damaged(&store, Table::Arrival, &2u64.to_be_bytes(), |v| *v = key.to_vec()), Some(block), "the block"),
        (removed(&store, Table::Arrival, &2u64.to_be_bytes()), None, "order of arrival"),
        (removed(&store, Table::Tips, history.blocks.last().expect("some").hash().as_bytes()), None, "a tip"),
        (damaged(&store, Table::Tips, key, |_| {}), Some(block), "a tip"),
        // Outputs: one changed, one gone, one too many.
        (damaged(&store, Table::Coin, &OutPoint::of_coinbase(other).to_bytes(), flip(50)), Some(sink), "coinbase"),
        (removed(&store, Table::Coin, &OutPoint::of_coinbase(other).to_bytes()), Some(sink), "coinbase"),
        (removed(&store, Table::ChainBlock, key), Some(block), "what is stored of a chain block"),
        (damaged(&store, Table::ChainBlock, key, flip(0)), Some(block), "height"),
        (damaged(&store, Table::ChainIndex, &1u64.to_be_bytes(), flip(5)), None, "height 1"),
        (damaged(&store, Table::ChainIndex, &99_999u64.to_be_bytes(), |v| *v = key.to_vec()), None, "chain_index"),
        (damaged(&store, Table::Meta, b"chain/lthash", flip(9)), Some(sink), "utxo_commit of the stored sum"),
        (damaged(&store, Table::Meta, b"chain/meta", |v| v[64] ^= 1), None, "number of blocks"),
        // A sink that is not the heaviest: the one above it stands on it and keeps every rule.
        (damaged(&store, Table::Meta, b"chain/meta", |v| v[32..64].copy_from_slice(key)), Some(block), "the sink"),
        (damaged(&store, Table::Meta, b"forgotten", |v| v.push(1)), None, "table meta"),
        (damaged(&store, Table::Body, b"old", |v| v.push(1)), None, "table body"),
        (damaged(&store, Table::BlockIndex, &[7; 32], |v| v.resize(16, 0)), None, "table block_index"),
        (removed(&store, Table::BlockIndex, key), Some(block), "body"),
        (
            damaged(&store, Table::Meta, b"chain/reindex-root", |v| *v = leaf.0.to_vec()),
            Some(leaf),
            "reindex root owns",
        ),
    ];
    let outpoint = |found: &Mismatch| found.what.contains(&OutPoint::of_coinbase(other).to_string());
    for (found, block, what) in &cases {
        if *what == "coinbase" {
            assert!(outpoint(found), "{found}");
        } else {
            assert_names(found, *block, what);
        }
    }
    // A State object: the pool's balance.
    let (pool, _) = store.scan(Table::State, None, 1).expect("reads").remove(0);
    let found = damaged(&store, Table::State, &pool, |v| {
        let last = v.len() - 20;
        v[last] ^= 1;
    });
    assert_names(&found, Some(sink), "State object");
    assert!(verify(&store).is_ok(), "everything was put back");
}

/// An acceptance that lacks a transaction: the last of the list, with the count before it.
#[test]
fn a_dropped_acceptance_is_named() {
    let (history, store) = told(&[1]);
    let accepting = history.accepting.hash();
    let node = TestNode::on(store.clone());
    let of = |hash| node.consensus.acceptance(hash).expect("on the chain").accepted;
    let mut block = accepting;
    while of(block).is_empty() {
        block = node.consensus.block_summary(block).expect("known").selected_parent;
    }
    let txid = of(block)[0].txid;
    node.consensus.shutdown();
    let found = damaged(&store, Table::ChainBlock, block.as_bytes(), |value| {
        value.truncate(value.len() - 64);
        let count = value.len() - 4;
        assert_eq!(value[count..], 1u32.to_le_bytes());
        value[count] = 0;
    });
    assert_names(&found, Some(block), "accepted transaction 0");
    assert_eq!(found.got, "nothing");
    assert!(found.expected.contains(&txid.to_string()), "{found}");
}

/// A bit of a body in its segment: named by verification, by whoever asks for the block and by a start that needs it, and
/// nobody panics.
#[test]
fn a_damaged_body_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let history = history::build(&[1]);
    let genesis = BlockHash([0; 32]);
    let open = |dir: &Path| open_store(StoreKind::Redb, dir, Network::Devnet, genesis).expect("opens").store;
    let node = TestNode::on(open(dir.path()));
    history.tell(&node);
    let sink = node.sink();
    node.consensus.shutdown();
    drop(node);
    let existing =
        || open_existing_store(StoreKind::Redb, dir.path(), Network::Devnet, genesis).expect("is there").store;
    assert!(verify(&existing()).is_ok());
    let flip = |victim: &Block| {
        let path = dir.path().join(SEGMENTS_FOLDER).join("00000000.segment");
        let mut bytes = fs::read(&path).expect("there");
        let record = victim.to_bytes();
        let at = bytes.windows(record.len()).position(|w| w == record).expect("it lies there");
        bytes[at + record.len() - 5] ^= 0x20;
        fs::write(&path, &bytes).expect("writes");
    };
    let victim = &history.blocks[2];
    flip(victim);
    let found = mismatch(&existing());
    assert_names(&found, Some(victim.hash()), "body");
    let node = TestNode::on(open(dir.path()));
    assert!(matches!(
        node.consensus.block(victim.hash()),
        Err(ConsensusError::DamagedBody { block, .. }) if block == victim.hash()
    ));
    // What does not need that body goes on.
    let top = node.advance(2).pop().expect("two");
    node.consensus.shutdown();
    drop(node);
    assert_ne!(top.hash(), sink);
    flip(&top);
    let error = TestNode::open(open(dir.path()), Params::of(Network::Devnet), 0).err().expect("the sink is needed");
    assert!(
        matches!(error, OpenError::Inconsistent(_)) && error.to_string().contains(&top.hash().to_string()),
        "{error}"
    );
}

/// A node that was killed behind any write left a chain that verifies, and that says what the next start has to do.
#[test]
fn a_chain_is_verified_behind_every_write() {
    let history = history::build(&[1]);
    let open = |store| TestNode::open(store, Params::of(Network::Devnet), DEFAULT_CACHE_BYTES);
    let counter = Arc::new(Counter::default());
    let steady = open(Arc::new(Hooked { inner: mem_store(), hooks: counter.clone() })).expect("opens");
    history.tell(&steady);
    let changes = counter.batches.load(Ordering::Relaxed) + counter.records.load(Ordering::Relaxed);
    let mut waiting = 0;
    // The first two are genesis.
    for at in 3..=changes {
        let inner = mem_store();
        let breaks = Arc::new(BreakAt { left: AtomicUsize::new(at), written: false, broken: AtomicBool::new(false) });
        if let Ok(node) = open(Arc::new(Hooked { inner: inner.clone(), hooks: breaks })) {
            for block in &history.blocks {
                node.insert(block).ok();
            }
        }
        waiting += verify(&inner).unwrap_or_else(|error| panic!("at {at}: {error}")).waiting;
        TestNode::on(inner.clone()).consensus.shutdown();
        assert_eq!(verify(&inner).expect("verifies").waiting, 0, "at {at}");
    }
    assert!(waiting > 0, "no write leaves a block whose state was not looked at");
}

/// A segment that is gone is damage of the blocks in it.
#[test]
fn a_missing_segment_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let genesis = BlockHash([0; 32]);
    let store = open_store(StoreKind::Redb, dir.path(), Network::Devnet, genesis).expect("opens").store;
    let node = TestNode::on(store.clone());
    node.advance(2);
    node.consensus.shutdown();
    fs::remove_file(dir.path().join(SEGMENTS_FOLDER).join("00000000.segment")).expect("is there");
    assert_names(&mismatch(&store), Some(node.consensus.genesis_hash()), "body");
}
