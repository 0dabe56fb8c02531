//! A node that lets go of old blocks stays a node like any other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use umbel_consensus::DEFAULT_CACHE_BYTES;
use umbel_consensus::pruning::{NodeRole, PruningConfig, PruningDepths, PruningStatus};
use umbel_consensus::verify::{VerifyError, VerifyReport, verify_chain};
use umbel_store::segments::Location;
use umbel_store::{Batch, Durability, KvStore, Table};
use umbel_types::consensus_api::{BlockStatus, ConsensusApi, ConsensusError};
use umbel_types::encode::{Decode, Encode};
use umbel_types::errors::BlockError;
use umbel_types::genesis::{GenesisSpec, devnet};
use umbel_types::{Amount, Block, BlockHash, Certificate, Checkpoint, Link, Network, OutPoint, Params, ZkAddress};

use crate::finality::voters::{vote_all, voters};
use crate::fixture::{TestNode, market_outpoint, mem_store, pay_public};
use crate::history::contents;
use crate::hooked::{BreakAt, Counter, Hooked};

/// Devnet with a finality that a test can reach.
pub(crate) fn params() -> Params {
    Params { finality_depth: 20, merge_depth: 15, checkpoint_interval: 5, ..Params::of(Network::Devnet) }
}

/// As deep as past median time and the tree's rebalancing allow.
pub(crate) fn config(role: NodeRole) -> PruningConfig {
    let depths = PruningDepths { interval: 10, below_sink: 40, below_finality: 20, window: 300 };
    PruningConfig { role, depths, snapshots: None }
}

pub(crate) fn open(store: Arc<dyn KvStore>, role: NodeRole) -> TestNode {
    TestNode::open_pruning(store, params(), DEFAULT_CACHE_BYTES, config(role)).expect("opens")
}

/// `n` rounds: two miners work apart for up to three blocks each, then hear of each other; one pays now and then. Some
/// headers lose their bodies on the way.
fn build(rounds: usize) -> Vec<Block> {
    let (one, two) = (open(mem_store(), NodeRole::Archive), open(mem_store(), NodeRole::Archive));
    two.mine(&[]);
    let mut coin = market_outpoint();
    let mut blocks = Vec::new();
    for round in 0..rounds {
        let mut heard = Vec::new();
        let payment = (round % 3 == 0).then(|| {
            let to = ZkAddress([u8::try_from(round % 251).expect("small"); 20]);
            pay_public(&one, coin, to, Amount::from_units(1_000), |_| {})
        });
        for (node, length) in [(&one, 1 + round % 2), (&two, if round % 4 == 0 { 1 + round % 3 } else { 0 })] {
            for index in 0..length {
                let txs = if index == 0 && std::ptr::eq(node, &one) { payment.as_slice() } else { &[] };
                let block = node.mine(txs);
                assert_eq!(node.hear(&block), Ok(BlockStatus::StateValid));
                heard.push(block);
            }
        }
        if let Some(payment) = payment {
            coin = OutPoint::of_tx(payment.txid(), 1);
        }
        for block in &heard {
            one.hear(block).expect("valid");
            two.hear(block).expect("valid");
        }
        blocks.extend(heard);
        if round % 7 == 0 {
            let mut alone = one.mine(&[]);
            alone.body.extra.push(1);
            blocks.push(alone);
        }
    }
    blocks
}

/// One history for all tests: some 700 blocks.
pub(crate) fn history() -> &'static [Block] {
    static HISTORY: OnceLock<Vec<Block>> = OnceLock::new();
    HISTORY.get_or_init(|| build(330))
}

pub(crate) fn tell(node: &TestNode, blocks: &[Block]) {
    for block in blocks {
        if let Err(BlockError::Unavailable(why)) = node.hear(block) {
            node.consensus.shutdown();
            panic!("{why}: {:?}", node.consensus.failure())
        }
    }
}

/// What `umbel node verify` does.
pub(crate) fn verify_store(store: &Arc<dyn KvStore>) -> Result<VerifyReport, VerifyError> {
    let spec = GenesisSpec { validators: Vec::new(), ..devnet() };
    verify_chain(&params(), &spec, store.clone(), &mut |_| {})
}

fn rows(store: &Arc<dyn KvStore>, table: Table) -> u64 {
    store.count(table).expect("counts")
}

fn utxos(node: &TestNode) -> Vec<(OutPoint, umbel_types::UtxoEntry)> {
    let snapshot = node.consensus.utxo_snapshot().expect("reads");
    snapshot.page(None, usize::MAX).expect("reads")
}

#[test]
fn a_pruned_node_agrees_with_one_that_keeps_everything() {
    let (archive_store, store, wallet_store) = (mem_store(), mem_store(), mem_store());
    let archive = open(archive_store.clone(), NodeRole::Archive);
    let full = open(store.clone(), NodeRole::Full);
    let wallet = open(wallet_store.clone(), NodeRole::Wallet);
    for blocks in history().chunks(40) {
        for block in blocks {
            let expected = archive.hear(block);
            assert_eq!(full.hear(block), expected);
            assert_eq!(wallet.hear(block), expected);
        }
        full.consensus.wait_until_pruned();
        assert_eq!(full.commitments(), archive.commitments());
        assert_eq!(wallet.commitments(), archive.commitments());
        assert_eq!(full.consensus.virtual_state(), archive.consensus.virtual_state());
    }
    assert_eq!(utxos(&full), utxos(&archive));
    let PruningStatus { point, blocks_gone, bodies_gone, point_blue_score, .. } = full.consensus.wait_until_pruned();
    assert!(blocks_gone > 150 && bodies_gone > blocks_gone + 200, "{blocks_gone} {bodies_gone}");
    assert_eq!(archive.consensus.wait_until_pruned().point, point, "every node has the same points");
    assert_eq!(archive.consensus.pruning().bodies_gone, 0);
    // The state at the point is that of the node which kept everything.
    for table in [Table::PrunedCoin, Table::PrunedMemo, Table::PrunedState] {
        let all = |store: &Arc<dyn KvStore>| store.scan(table, None, usize::MAX).expect("reads");
        assert_eq!(all(&store), all(&archive_store), "{table:?}");
    }
    for table in [Table::Ghostdag, Table::Reachability, Table::Status, Table::Arrival, Table::ChainBlock] {
        let (kept, all) = (rows(&store, table), rows(&archive_store, table));
        assert!(kept + 100 < all, "{table:?}: {kept} of {all}");
    }
    assert_eq!(rows(&store, Table::ChainIndex), rows(&archive_store, Table::ChainIndex));
    assert!(store.record_bytes() < archive_store.record_bytes() / 2);

    let (mut pruned, mut same, mut border) = (0, 0, 0);
    let mut walk = full.sink();
    let mut chain = Vec::new();
    while walk != archive.consensus.genesis_hash() {
        chain.push(walk);
        walk = archive.consensus.block_summary(walk).expect("reads").selected_parent;
    }
    for block in chain {
        // Headers of the chain are kept for ever.
        assert_eq!(full.consensus.header(block), archive.consensus.header(block));
        assert_eq!(full.consensus.status(block), archive.consensus.status(block));
        match full.consensus.acceptance(block) {
            Ok(acceptance) => {
                assert_eq!(Ok(acceptance), archive.consensus.acceptance(block));
                same += 1;
            }
            Err(ConsensusError::Pruned(named)) => {
                assert_eq!(named, block);
                // Nobody is sent along a chain whose acceptance is gone.
                match full.consensus.chain_path(block, 1) {
                    Err(error) => assert_eq!(error, ConsensusError::Pruned(block)),
                    Ok(_) => border += 1,
                }
                assert_eq!(full.consensus.block(block), Err(ConsensusError::Pruned(block)));
                pruned += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(border <= 1, "{border}");
    assert!(pruned > 100 && same > 250, "{pruned} pruned, {same} same");
    for block in history() {
        let hash = block.hash();
        let header = &block.header;
        match (full.consensus.block(hash), archive.consensus.block(hash)) {
            (Ok(kept), all) => assert_eq!(Ok(kept), all),
            (Err(ConsensusError::Pruned(_) | ConsensusError::UnknownBlock(_)), Ok(_)) => {
                assert!(header.blue_score <= point_blue_score, "{hash} is above the point");
            }
            (Err(_), Err(_)) => {}
            (error, _) => panic!("{error:?}"),
        }
    }
    // A block that was pruned is not taken in again, and nobody is at fault.
    let old = &history()[20];
    assert!(matches!(full.hear(old), Err(BlockError::MissingParents(_))));
    assert_eq!(full.consensus.failure(), None);
    // Both mine on.
    let block = full.mine(&[]);
    assert_eq!((full.hear(&block), archive.hear(&block)), (Ok(BlockStatus::StateValid), Ok(BlockStatus::StateValid)));
    assert_eq!(full.commitments(), archive.commitments());
}

/// Of a pruned chain block the header is left and nothing else. Anyone who mines one block may name it in a certificate.
#[test]
fn a_certificate_that_names_a_pruned_block_only_disqualifies_its_own() {
    let (archive, full) = (open(mem_store(), NodeRole::Archive), open(mem_store(), NodeRole::Full));
    tell(&archive, history());
    tell(&full, history());
    full.consensus.wait_until_pruned();
    let interval = params().checkpoint_interval;
    let score = |block: BlockHash| archive.consensus.header(block).expect("reads").blue_score.0;
    let parent = |block| archive.consensus.block_summary(block).expect("reads").selected_parent;
    // A pruned checkpoint with an index that a header may raise to, and the one above it.
    let mut chain = vec![full.sink()];
    while score(chain[chain.len() - 1]) > 30 * interval {
        chain.push(parent(chain[chain.len() - 1]));
    }
    let checkpoint = |index: u64| {
        let block = *chain.iter().rev().find(|block| score(**block) >= index * interval).expect("on the chain");
        Checkpoint { index: u32::try_from(index).expect("small"), block }
    };
    let (source, target) = (checkpoint(31), checkpoint(32));
    assert_eq!(full.consensus.block(source.block), Err(ConsensusError::Pruned(source.block)));
    for link in [Link { source, target }, Link { source: Checkpoint { block: target.block, ..source }, target }] {
        let certificate = Certificate { epoch: 0, link, entries: Vec::new() };
        let block = archive.mine_edited(&[], |block| {
            block.header.cert = certificate.reference();
            block.body.certificate = certificate.to_bytes();
        });
        for node in [&archive, &full] {
            let verdict = node.hear(&block);
            assert!(matches!(verdict, Err(BlockError::Certificate(_))), "{verdict:?}");
            assert_eq!(node.consensus.failure(), None);
        }
    }
    let block = archive.mine(&[]);
    assert_eq!((archive.hear(&block), full.hear(&block)), (Ok(BlockStatus::StateValid), Ok(BlockStatus::StateValid)));
}

/// A header whose body is held back until finality has passed it: nothing can merge it any more, and of what it would merge
/// some is pruned.
#[test]
fn a_body_that_comes_when_its_header_lies_below_finality_is_not_taken_in() {
    let (archive, full) = (open(mem_store(), NodeRole::Archive), open(mem_store(), NodeRole::Full));
    let mut held: Vec<Block> = Vec::new();
    let (mut late, mut pruned) = (0, 0);
    for blocks in history().chunks(20) {
        for block in blocks {
            for node in [&archive, &full] {
                tell(node, std::slice::from_ref(block));
            }
            if archive.consensus.virtual_state().parents.len() > 1 {
                let block = archive.mine(&[]);
                let mut swapped = block.clone();
                swapped.body.extra.push(1);
                assert_eq!(full.hear(&swapped), Err(BlockError::BodyMismatch));
                held.push(block);
            }
        }
        full.consensus.wait_until_pruned();
        let status = |block: BlockHash| full.consensus.status(block).expect("reads");
        held.retain(|block| status(block.hash()) == Some(BlockStatus::HeaderOnly));
        // One whose parents are all here would find what it merges.
        let (now, later): (Vec<Block>, Vec<Block>) =
            held.into_iter().partition(|block| block.header.parents.iter().any(|parent| status(*parent).is_none()));
        held = later;
        for block in now {
            assert!(matches!(full.hear(&block), Err(BlockError::BelowFinality(_))), "{:?}", full.consensus.failure());
            pruned += 1;
        }
    }
    let finalized = full.consensus.finality().finalized_blue_score;
    for block in held.into_iter().filter(|block| block.header.blue_score < finalized) {
        assert!(matches!(full.hear(&block), Err(BlockError::BelowFinality(_))), "{:?}", full.consensus.failure());
        late += 1;
    }
    assert!(pruned > 0 && late > 30, "{pruned} pruned, {late} late");
    assert_eq!(full.commitments(), archive.commitments());
}

/// Votes alone make nothing go away: a block may still carry a certificate of anything above the newest that the chain has,
/// and nodes that heard no votes judge it too.
#[test]
fn what_a_certificate_may_still_name_is_kept() {
    let params = Params { confirmation_depth: 5, ..params() };
    let node =
        TestNode::with_all(mem_store(), params, devnet(), DEFAULT_CACHE_BYTES, config(NodeRole::Full)).expect("opens");
    let mut voters = voters();
    let advance = |n: usize, carry: bool| {
        for _ in 0..n {
            let block = node.mine_edited(&[], |block| {
                if !carry {
                    block.header.cert = umbel_types::CertRef::genesis();
                    block.body.certificate.clear();
                }
            });
            assert_eq!(node.insert(&block), Ok(BlockStatus::StateValid));
        }
    };
    advance(430, false);
    for _ in 0..2 {
        vote_all(&node, &mut voters);
        advance(5, false);
    }
    vote_all(&node, &mut voters);
    assert!(node.consensus.finality().finalized_blue_score.0 > 420);
    assert_eq!(node.consensus.wait_until_pruned().blocks_gone, 0);
    advance(2, true);
    assert!(node.consensus.wait_until_pruned().blocks_gone > 50);
}

/// A copy of a store in memory, its records in their order.
fn copy(store: &Arc<dyn KvStore>) -> Arc<dyn KvStore> {
    let copy = mem_store();
    let mut batch = Batch::new();
    let mut places: BTreeMap<Location, Vec<u8>> = BTreeMap::new();
    for &table in Table::ALL {
        for (key, value) in store.scan(table, None, usize::MAX).expect("reads") {
            match table {
                Table::BlockIndex => {
                    places.insert(Location::from_bytes(&value).expect("a place"), key);
                }
                Table::Meta if key.starts_with(b"store/") => {}
                _ => batch.put(table, &key, value),
            }
        }
    }
    for (place, key) in places {
        let location = copy.append(&store.record(place).expect("reads")).expect("appends");
        batch.put_value(Table::BlockIndex, &key, &location);
    }
    copy.write(batch, Durability::Immediate).expect("writes");
    copy
}

/// The disk is pulled out at the n-th change while a long chain is pruned; put back, the node goes on to the same tables.
#[test]
fn pruning_that_is_killed_at_any_write_goes_on() {
    let (before, after) = history().split_at(history().len() - 4);
    let start = mem_store();
    let node = open(start.clone(), NodeRole::Archive);
    tell(&node, before);
    node.consensus.shutdown();
    drop(node);

    let steady_store = copy(&start);
    let counter = Arc::new(Counter::default());
    let hooked: Arc<dyn KvStore> = Arc::new(Hooked { inner: steady_store.clone(), hooks: counter.clone() });
    let steady = open(hooked, NodeRole::Full);
    tell(&steady, after);
    steady.consensus.wait_until_pruned();
    let commitments = steady.commitments();
    steady.consensus.shutdown();
    assert!(steady.consensus.pruning().blocks_gone > 100);
    let expected = contents(&steady_store);
    let changes = counter.batches.load(Ordering::Relaxed) + counter.records.load(Ordering::Relaxed);
    let largest = counter.largest_batch.load(Ordering::Relaxed);
    assert!(changes > 25 && largest < 2_000, "{changes} changes, the largest of {largest} rows");
    let every = if std::env::var_os("UMBEL_PRUNING_CASES").is_some() { 1 } else { 3 };
    for at in (1..=changes).step_by(every) {
        for written in [false, true] {
            let inner = copy(&start);
            let breaks = Arc::new(BreakAt { left: AtomicUsize::new(at), written, broken: AtomicBool::new(false) });
            let hooked: Arc<dyn KvStore> = Arc::new(Hooked { inner: inner.clone(), hooks: breaks.clone() });
            if let Ok(node) = TestNode::open_pruning(hooked, params(), DEFAULT_CACHE_BYTES, config(NodeRole::Full)) {
                for block in after {
                    if let Err(BlockError::Unavailable(_)) = node.hear(block) {
                        break;
                    }
                }
                node.consensus.wait_until_pruned();
                node.consensus.shutdown();
            }
            let node = open(inner.clone(), NodeRole::Full);
            tell(&node, after);
            node.consensus.wait_until_pruned();
            assert_eq!(node.commitments(), commitments, "at change {at}, written: {written}");
            node.consensus.shutdown();
            let got = contents(&inner);
            for (key, value) in &expected {
                assert_eq!(got.get(key), Some(value), "at change {at}, written: {written}, {key:?}");
            }
            assert_eq!(got.len(), expected.len(), "at change {at}, written: {written}");
        }
    }
}

/// A branch that leaves the chain just above the finalized block is gone over to on a pruned node as on any other; one from
/// below is taken in by nobody.
#[test]
fn a_pruned_node_reorganises_down_to_finality() {
    let blocks = history();
    let (archive, full) = (open(mem_store(), NodeRole::Archive), open(mem_store(), NodeRole::Full));
    let other = open(mem_store(), NodeRole::Archive);
    let depth = 24;
    let fork_at = blocks.len() - depth;
    tell(&other, &blocks[..fork_at]);
    for node in [&archive, &full] {
        tell(node, blocks);
        node.consensus.wait_until_pruned();
    }
    let gone = full.consensus.pruning().blocks_gone;
    assert!(gone > 100);
    let mut rival = other.advance(1);
    let mut refused = 0;
    for _ in 0..depth + 20 {
        rival.extend(other.advance(1));
    }
    for block in &rival {
        let expected = archive.hear(block);
        assert_eq!(full.hear(block), expected);
        refused += usize::from(expected.is_err());
    }
    assert_eq!(full.commitments(), archive.commitments());
    assert_eq!(full.consensus.failure(), None);
    let stands = |node: &TestNode, hash: BlockHash| node.consensus.block_summary(hash).is_ok_and(|s| s.is_chain_block);
    let last = rival.last().expect("some").hash();
    assert_eq!(stands(&full, last), refused == 0);
    full.consensus.wait_until_pruned();
    full.advance(3);
}

/// A pruned store verifies from its pruning point on, and what is changed in it is found.
#[test]
fn a_pruned_store_verifies_and_changed_rows_are_found() {
    let start = mem_store();
    let node = open(start.clone(), NodeRole::Archive);
    tell(&node, history());
    node.consensus.wait_until_pruned();
    node.consensus.shutdown();
    drop(node);
    let all = verify_store(&start).expect("holds");
    assert_eq!((all.kept_blocks, all.kept_headers), (0, 0));
    let store = copy(&start);
    let node = open(store.clone(), NodeRole::Full);
    let gone = node.consensus.wait_until_pruned();
    node.consensus.shutdown();
    drop(node);
    let report = verify_store(&store).expect("holds");
    assert_eq!((report.sink, report.unspent, &report.supply), (all.sink, all.unspent, &all.supply));
    assert_eq!(report.blocks + gone.blocks_gone, all.blocks);
    assert!(report.kept_headers > 100 && report.kept_blocks > 200 && report.chain_blocks > 30, "{report:?}");

    let put = |table, key: &[u8], value: Option<Vec<u8>>| {
        let mut batch = Batch::new();
        match value {
            Some(value) => batch.put(table, key, value),
            None => batch.delete(table, key),
        }
        store.write(batch, Durability::Immediate).expect("writes");
    };
    for table in [
        Table::PrunedCoin,
        Table::PrunedMemo,
        Table::PrunedState,
        Table::Header,
        Table::Ghostdag,
        Table::Reachability,
        Table::Status,
        Table::Arrival,
        Table::ChainIndex,
        Table::BlockIndex,
    ] {
        let rows = store.scan(table, None, usize::MAX).expect("reads");
        for (key, value) in [rows.first(), rows.get(rows.len() / 2), rows.last()].into_iter().flatten() {
            put(table, key, None);
            assert!(matches!(verify_store(&store), Err(VerifyError::Mismatch(_))), "{table:?} without {key:?}");
            put(table, key, Some(value.clone()));
        }
    }
    for key in [&b"chain/pruned-lthash"[..], b"chain/lthash"] {
        let value = store.get(Table::Meta, key).expect("reads").expect("is there");
        let mut changed = value.clone();
        changed[7] ^= 1;
        put(Table::Meta, key, Some(changed));
        assert!(matches!(verify_store(&store), Err(VerifyError::Mismatch(_))), "{key:?}");
        put(Table::Meta, key, Some(value));
    }
    // An output with another value, in the second state only.
    let (key, mut value) = store.scan(Table::PrunedCoin, None, 1).expect("reads").pop().expect("one");
    let whole = value.clone();
    let last = value.len() - 1;
    value[last] ^= 1;
    put(Table::PrunedCoin, &key, Some(value));
    assert!(matches!(verify_store(&store), Err(VerifyError::Mismatch(_))));
    put(Table::PrunedCoin, &key, Some(whole));
    verify_store(&store).expect("is as before");
}
