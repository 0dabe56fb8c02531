//! A node that stops anywhere goes on to exactly the state of one that never stopped.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use umbel_consensus::{CHAIN_FORMAT, DEFAULT_CACHE_BYTES, open_store};
use umbel_store::{
    Batch, DATABASE_FILE, Durability, FormatTag, KvStore, SEGMENTS_FOLDER, StoreError, StoreKind, Table,
};
use umbel_types::consensus_api::{BlockStatus, ConsensusApi};
use umbel_types::encode::Encode;
use umbel_types::errors::BlockError;
use umbel_types::{BlockHash, Header, Network, Params};

use crate::fixture::{TestNode, mem_store};
use crate::history::{self, contents};
use crate::hooked::{BreakAt, Counter, Hooked};
use crate::verify::verify;

const GENESIS: BlockHash = BlockHash([0; 32]);

fn open(dir: &Path) -> Arc<dyn KvStore> {
    open_store(StoreKind::Redb, dir, Network::Devnet, GENESIS).expect("opens").store
}

/// The files as they are at a moment: what a killed process leaves.
fn image(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    fs::copy(dir.join(DATABASE_FILE), copy.path().join(DATABASE_FILE)).expect("copies");
    fs::create_dir(copy.path().join(SEGMENTS_FOLDER)).expect("makes a folder");
    for entry in fs::read_dir(dir.join(SEGMENTS_FOLDER)).expect("reads") {
        let entry = entry.expect("reads");
        fs::copy(entry.path(), copy.path().join(SEGMENTS_FOLDER).join(entry.file_name())).expect("copies");
    }
    copy
}

fn node_on(store: Arc<dyn KvStore>) -> TestNode {
    TestNode::on(store)
}

/// Closed in order and opened again after every block.
#[test]
fn a_restart_after_every_block_changes_nothing() {
    let history = history::build(&[1, 2]);
    let steady_store = mem_store();
    let steady = node_on(steady_store.clone());
    let dir = tempfile::tempdir().expect("a folder");
    for block in &history.blocks {
        let expected = steady.insert(block);
        let node = node_on(open(dir.path()));
        assert_eq!(node.insert(block), expected);
        assert_eq!(node.commitments(), steady.commitments());
        node.consensus.shutdown();
    }
    assert_eq!(contents(&open(dir.path())), contents(&steady_store));
}

/// Killed after every block, without a sync: the segments have the blocks, and the next start takes them in again.
#[test]
fn a_killed_node_loses_no_block() {
    let history = history::build(&[1, 2]);
    let dir = tempfile::tempdir().expect("a folder");
    let node = node_on(open(dir.path()));
    for (index, block) in history.blocks.iter().enumerate() {
        let verdict = node.insert(block);
        let killed = image(dir.path());
        let again = node_on(open(killed.path()));
        assert_eq!(again.commitments(), node.commitments(), "after block {index}");
        let status = |n: &TestNode| n.consensus.status(block.hash()).expect("reads");
        if verdict.is_ok() {
            assert_eq!(status(&again), status(&node), "after block {index}");
        }
        assert_eq!(again.consensus.virtual_state().block_count, node.consensus.virtual_state().block_count);
    }
    // With the database gone altogether, the segments alone give the chain back.
    let killed = image(dir.path());
    fs::write(killed.path().join(DATABASE_FILE), vec![0x5a; 10_000]).expect("writes");
    let again = node_on(open(killed.path()));
    assert_eq!(again.commitments(), node.commitments());
    again.consensus.shutdown();
    drop(again);
    let store = open(killed.path());
    let report = verify(&store).expect("the tables were built anew");
    assert_eq!((report.blocks, report.waiting), (node.consensus.virtual_state().block_count, 0));
    let reopened = node_on(store);
    assert_eq!(reopened.commitments(), node.commitments());
    assert_eq!(reopened.consensus.virtual_state().block_count, node.consensus.virtual_state().block_count);
}

/// The disk is pulled out at the n-th change, before or behind it; put back, the node goes on to the same tables.
#[test]
fn a_disk_that_fails_at_any_write_leaves_a_chain_that_goes_on() {
    let history = history::build(&[1]);
    let params = || Params::of(Network::Devnet);
    // Without a cache, the records of a reorganisation are written one by one: more places to stop at.
    let cases = [(false, DEFAULT_CACHE_BYTES), (true, DEFAULT_CACHE_BYTES), (false, 0)];
    for (written, cache_bytes) in cases {
        let steady_store = mem_store();
        let counter = Arc::new(Counter::default());
        let hooked = Arc::new(Hooked { inner: steady_store.clone(), hooks: counter.clone() });
        let steady = TestNode::open(hooked, params(), cache_bytes).expect("opens");
        history.tell(&steady);
        steady.consensus.shutdown();
        let expected = contents(&steady_store);
        let changes = counter.batches.load(Ordering::Relaxed) + counter.records.load(Ordering::Relaxed);
        assert!(changes > 30);
        for at in 1..=changes {
            let inner = mem_store();
            let breaks = Arc::new(BreakAt { left: AtomicUsize::new(at), written, broken: AtomicBool::new(false) });
            let hooked: Arc<dyn KvStore> = Arc::new(Hooked { inner: inner.clone(), hooks: breaks.clone() });
            let mut stopped_at = 0;
            if let Ok(node) = TestNode::open(hooked, params(), cache_bytes) {
                for (index, block) in history.blocks.iter().enumerate() {
                    stopped_at = index;
                    if let Err(BlockError::Unavailable(why)) = node.insert(block) {
                        assert!(why.contains("pulled out") || why.contains("stopping"), "{why}");
                        break;
                    }
                }
                node.consensus.shutdown();
                assert!(node.consensus.failure().is_some(), "at change {at}");
            }
            let node = node_on(inner.clone());
            for block in &history.blocks[stopped_at..] {
                if let Err(BlockError::Unavailable(why)) = node.insert(block) {
                    panic!("at change {at}: {why}");
                }
            }
            assert_eq!(node.commitments(), steady.commitments(), "at change {at}, written: {written}");
            node.consensus.shutdown();
            let got = contents(&inner);
            for (key, value) in &expected {
                assert_eq!(got.get(key), Some(value), "at change {at}, written: {written}, {key:?}");
            }
            assert_eq!(got.len(), expected.len(), "at change {at}, written: {written}");
        }
    }
}

/// A block is one batch for its header, one for its body and one for the state, and one record; a block that is refused is
/// no more than one batch.
#[test]
fn a_commit_is_one_batch() {
    let counter = Arc::new(Counter::default());
    let node = node_on(Arc::new(Hooked { inner: mem_store(), hooks: counter.clone() }));
    let changes = || (counter.batches.swap(0, Ordering::Relaxed), counter.records.swap(0, Ordering::Relaxed));
    assert_eq!(changes(), (3, 1), "genesis, the virtual block on it, and the second state");
    for block in [node.mine(&[]), node.mine(&[])] {
        node.insert(&block).expect("valid");
        assert_eq!(changes(), (3, 1));
        node.insert(&block).expect("known");
        assert_eq!(changes(), (0, 0), "known");
    }
    let mut no_work = node.mine(&[]);
    no_work.header.mix_digest[0] ^= 1;
    assert!(node.insert(&no_work).is_err());
    assert_eq!(changes(), (0, 0), "without work nothing is written");
    let mut swapped = node.mine(&[]);
    swapped.body.extra.push(1);
    assert_eq!(node.insert(&swapped), Err(BlockError::BodyMismatch));
    assert_eq!(changes(), (1, 0), "a header alone");
}

/// Version 1 kept bodies in a table: header and body stand in tables, and nothing in segments.
fn write_version_1(from: &Arc<dyn KvStore>, dir: &Path) {
    let tag = FormatTag::new(Network::Devnet, GENESIS, 1);
    let old = umbel_store::open(StoreKind::Redb, dir, tag, &[]).expect("opens").store;
    let mut batch = Batch::new();
    for &table in Table::ALL {
        for (key, value) in from.scan(table, None, usize::MAX).expect("reads") {
            if table == Table::BlockIndex || (table == Table::Meta && key.starts_with(b"store/")) {
                continue;
            }
            batch.put(table, &key, value);
        }
    }
    let node = node_on(from.clone());
    for (key, _) in from.scan(Table::BlockIndex, None, usize::MAX).expect("reads") {
        let hash = BlockHash(key.as_slice().try_into().expect("a hash"));
        batch.put(Table::Body, &key, node.consensus.block(hash).expect("reads").body.to_bytes());
    }
    old.write(batch, Durability::Immediate).expect("writes");
    drop(old);
    // Nor did it keep the end of segments.
    fs::remove_dir_all(dir.join(SEGMENTS_FOLDER)).expect("removes");
}

#[test]
fn a_chain_of_version_1_is_brought_up_to_date() {
    let history = history::build(&[1, 2]);
    let store = mem_store();
    let node = node_on(store.clone());
    history.tell(&node);
    node.consensus.shutdown();
    let dir = tempfile::tempdir().expect("a folder");
    write_version_1(&store, dir.path());
    let opened = open_store(StoreKind::Redb, dir.path(), Network::Devnet, GENESIS).expect("is brought up to date");
    assert_eq!((opened.upgraded_from, &opened.recovered), (Some(1), &None));
    assert_eq!(CHAIN_FORMAT, 2, "the next version has its own test");
    assert_eq!(opened.store.count(Table::Body).expect("reads"), 0);
    assert_eq!(contents(&opened.store), contents(&store));
    verify(&opened.store).expect("every record is there");
    let upgraded = node_on(opened.store);
    assert_eq!(upgraded.commitments(), node.commitments());
    for block in &history.blocks {
        if node.consensus.status(block.hash()).expect("reads").is_some_and(BlockStatus::has_body) {
            assert_eq!(upgraded.consensus.block(block.hash()).expect("reads"), *block);
        }
    }
    upgraded.advance(1);
    upgraded.consensus.shutdown();
    drop(upgraded);
    // The segments are in the order of arrival: they alone give the chain back.
    fs::write(dir.path().join(DATABASE_FILE), vec![0x5a; 10_000]).expect("writes");
    let again = node_on(open(dir.path()));
    let count = |n: &TestNode| n.consensus.virtual_state().block_count;
    assert_eq!(count(&again), count(&node) + 1);
    // An older program refuses what is newer than it.
    again.consensus.shutdown();
    drop(again);
    let tag = FormatTag::new(Network::Devnet, GENESIS, 1);
    let error = umbel_store::open(StoreKind::Redb, dir.path(), tag, &[]).expect_err("it is newer");
    assert!(matches!(error, StoreError::WrongFormat { .. }) && error.to_string().contains("newer"), "{error}");
}

/// An old database beside segments of a newer one (a copy that was put back): the blocks that it does not know are taken in.
#[test]
fn an_old_database_costs_no_segment() {
    let history = history::build(&[1]);
    let dir = tempfile::tempdir().expect("a folder");
    let node = node_on(open(dir.path()));
    history.tell(&node);
    node.consensus.shutdown();
    let segments = image(dir.path()).keep();
    let known = mem_store();
    let old = node_on(known.clone());
    old.insert(&history.blocks[0]).expect("valid");
    old.consensus.shutdown();
    let mixed = tempfile::tempdir().expect("a folder");
    write_version_1(&known, mixed.path());
    fs::rename(segments.join(SEGMENTS_FOLDER), mixed.path().join(SEGMENTS_FOLDER)).expect("moves");
    fs::remove_dir_all(segments).expect("removes");
    let again = node_on(open(mixed.path()));
    assert_eq!(again.commitments(), node.commitments());
    again.consensus.shutdown();
}

/// Tables that contradict themselves are compared with their checksums at the next start, however long the file is.
#[test]
fn a_chain_that_failed_is_not_closed_in_order() {
    let dir = tempfile::tempdir().expect("a folder");
    let reopen = || open_store(StoreKind::Redb, dir.path(), Network::Devnet, GENESIS).expect("opens");
    let opened = reopen();
    let node = TestNode::open(opened.store.clone(), Params::of(Network::Devnet), 0).expect("opens");
    let top = node.advance(3).pop().expect("three");
    let next = node.mine(&[]);
    let damage = |value: Vec<u8>| {
        let mut batch = Batch::new();
        batch.put(Table::Ghostdag, top.hash().as_bytes(), value);
        opened.store.write(batch, Durability::Immediate).expect("writes");
    };
    let whole = opened.store.get(Table::Ghostdag, top.hash().as_bytes()).expect("reads").expect("is there");
    damage(vec![1]);
    assert_eq!(node.consensus.failure(), None);
    node_fails(&node, &next);
    damage(whole.clone());
    drop((node, opened));
    let opened = reopen();
    assert!(!opened.clean_shutdown, "it failed while it ran");
    drop(opened);
    let opened = reopen();
    assert!(opened.clean_shutdown);
    let mut batch = Batch::new();
    batch.put(Table::Ghostdag, top.hash().as_bytes(), vec![1]);
    opened.store.write(batch, Durability::Immediate).expect("writes");
    assert!(TestNode::open(opened.store.clone(), Params::of(Network::Devnet), 0).is_err());
    drop(opened);
    assert!(!reopen().clean_shutdown, "it could not be opened");
}

fn node_fails(node: &TestNode, block: &umbel_types::Block) {
    // The cache holds the newest value; two more blocks push it out.
    let mut verdict = node.insert(block);
    for _ in 0..3 {
        if verdict.is_err() {
            break;
        }
        verdict = node.insert(&node.mine(&[]));
    }
    assert!(matches!(verdict, Err(BlockError::Unavailable(_))), "{verdict:?}");
    node.consensus.shutdown();
    assert!(node.consensus.failure().is_some());
}

/// Small caches and small held records change nothing but the number of batches.
#[test]
fn memory_bounds_do_not_change_the_chain() {
    let history = history::build(&[3, 9]);
    let (roomy, tight) = (mem_store(), mem_store());
    let node = node_on(roomy.clone());
    history.tell(&node);
    let small = TestNode::open(tight.clone(), Params::of(Network::Devnet), 0).expect("opens");
    history.tell(&small);
    assert_eq!(small.commitments(), node.commitments());
    for node in [&node, &small] {
        node.consensus.shutdown();
    }
    assert_eq!(contents(&tight), contents(&roomy));
    let header = |hash: BlockHash| -> Header { node.consensus.header(hash).expect("reads") };
    assert_eq!(header(node.sink()).hash(), node.sink());
}
