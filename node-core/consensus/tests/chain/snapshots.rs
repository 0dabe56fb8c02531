//! A node that begins with a snapshot goes on like one that saw everything.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use umbel_consensus::pruning::{NodeRole, PruningConfig};
use umbel_consensus::state_snapshot::{
    Restored, SnapshotAt, SnapshotError, SnapshotInfo, export, import_into, newest_snapshot, restore_if_needed, verify,
};
use umbel_consensus::{DEFAULT_CACHE_BYTES, open_store};
use umbel_store::{DATABASE_FILE, DEFAULT_PAGE_CACHE_BYTES, KvStore, SEGMENTS_FOLDER, StoreConfig, StoreKind};
use umbel_types::consensus_api::{BlockStatus, ConsensusApi, ConsensusError};
use umbel_types::encode::Encode;
use umbel_types::errors::BlockError;
use umbel_types::{BlockHash, Certificate, Checkpoint, Link, Network};

use crate::fixture::{TestNode, mem_store};
use crate::pruning::{config, history, open, params, tell, verify_store};

fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).expect("reads").map(|entry| entry.expect("reads"));
    entries
        .map(|entry| (entry.file_name().into_string().expect("a name"), fs::read(entry.path()).expect("reads")))
        .collect()
}

fn write(store: &Arc<dyn KvStore>, at: SnapshotAt, dir: &Path) -> Result<SnapshotInfo, SnapshotError> {
    let depths = config(NodeRole::Full).depths;
    export(&params(), &depths, &**store, at, dir, &mut |_| true)
}

fn check(node: &TestNode, dir: &Path) -> Result<SnapshotInfo, SnapshotError> {
    verify(&params(), node.consensus.genesis_hash(), &config(NodeRole::Full).depths, dir, &mut |_| true)
}

#[test]
fn a_snapshot_is_the_same_from_every_node_and_a_new_node_goes_on_from_it() {
    let (archive_store, full_store) = (mem_store(), mem_store());
    let (archive, full) = (open(archive_store.clone(), NodeRole::Archive), open(full_store.clone(), NodeRole::Full));
    let (before, after) = history().split_at(history().len() - 60);
    for node in [&archive, &full] {
        tell(node, before);
        node.consensus.wait_until_pruned();
    }
    let temp = tempfile::tempdir().expect("a folder");
    let genesis = archive.consensus.genesis_hash();
    let depths = config(NodeRole::Full).depths;
    let point = full.consensus.pruning().point;
    let path = archive.consensus.chain_path(point, 1_000).expect("reads").added;
    // A checkpoint near the end.
    let score = |block: BlockHash| archive.consensus.header(block).expect("reads").blue_score.0;
    let crosses = |pair: &&[BlockHash]| score(pair[0]) / 5 < score(pair[1]) / 5;
    let near = path[..path.len() - 25].windows(2).rfind(crosses).expect("one")[1];
    let between = path[..path.len() - 25].windows(2).rfind(|pair| !crosses(pair)).expect("one")[1];
    let refused = write(&archive_store, SnapshotAt::Block(between), &temp.path().join("none"));
    assert!(matches!(refused, Err(SnapshotError::NotHere(_))), "votes name checkpoints");
    assert!(files(temp.path()).is_empty());
    let mut written = Vec::new();
    for (name, at) in [("prune", SnapshotAt::Prune), ("near", SnapshotAt::Block(near))] {
        let (one, two) = (temp.path().join(format!("{name}-1")), temp.path().join(format!("{name}-2")));
        let info = write(&archive_store, at, &one).expect("writes");
        assert_eq!(write(&full_store, at, &two).expect("writes"), info);
        assert_eq!(files(&one), files(&two), "{name}");
        assert_eq!(check(&full, &one).expect("holds"), info);
        assert!(matches!(write(&full_store, at, &two), Err(SnapshotError::Exists(_))));
        assert_eq!(info.block, if name == "prune" { point } else { near });
        assert!(info.headers > 300 && info.memos > 1 && info.coins > 10 && info.states > 3, "{info:?}");
        written.push((name, one, info));
    }
    let mut extra = Vec::new();
    for (name, one, info) in written {
        let store = mem_store();
        let imported = import_into(&params(), genesis, &depths, &store, &one, &mut |_| true).expect("imports");
        assert_eq!(imported, info);
        let again = import_into(&params(), genesis, &depths, &store, &one, &mut |_| true);
        assert!(matches!(again, Err(SnapshotError::NotEmpty)));
        let node = open(store.clone(), NodeRole::Full);
        assert_eq!(node.sink(), info.block);
        // It hears of everything again: what lies below is not its business, what lies above brings it to the same end.
        tell(&node, before);
        tell(&node, after);
        tell(&node, &extra);
        tell(&full, after);
        tell(&archive, after);
        assert_eq!(node.commitments(), full.commitments(), "{name}");
        assert_eq!(node.commitments(), archive.commitments(), "{name}");
        let sink = node.sink();
        let acceptance = |node: &TestNode| node.consensus.acceptance(sink);
        assert_eq!(acceptance(&node), acceptance(&full));
        // It prunes like the others.
        full.consensus.wait_until_pruned();
        node.consensus.wait_until_pruned();
        assert_eq!(node.consensus.pruning().point, full.consensus.pruning().point);
        let block = node.mine(&[]);
        assert_eq!(node.hear(&block), Ok(BlockStatus::StateValid));
        assert_eq!(full.hear(&block), Ok(BlockStatus::StateValid));
        assert_eq!(archive.hear(&block), Ok(BlockStatus::StateValid));
        // Its own snapshot is that of any other node.
        let (mine, theirs) = (temp.path().join(format!("{name}-3")), temp.path().join(format!("{name}-4")));
        write(&store, SnapshotAt::Prune, &mine).expect("writes");
        archive.consensus.wait_until_pruned();
        write(&archive_store, SnapshotAt::Prune, &theirs).expect("writes");
        assert_eq!(files(&mine), files(&theirs), "{name}");
        node.consensus.shutdown();
        drop(node);
        let report = verify_store(&store).expect("every row is accounted for");
        assert!(report.kept_blocks > 200 && report.chain_blocks > 20, "{report:?}");
        let node = open(store, NodeRole::Full);
        assert_eq!(node.hear(&full.mine(&[])), Ok(BlockStatus::StateValid));
        extra.push(block);
    }
}

/// What stands at the lower edge of what is kept has a colouring, and a selected parent that is not here. Anyone who mines
/// one block may name it in a certificate.
#[test]
fn a_certificate_that_names_the_lowest_block_of_a_snapshot_only_disqualifies_its_own() {
    let archive_store = mem_store();
    let archive = open(archive_store.clone(), NodeRole::Archive);
    tell(&archive, history());
    archive.consensus.wait_until_pruned();
    let temp = tempfile::tempdir().expect("a folder");
    let dir = temp.path().join("prune");
    let info = write(&archive_store, SnapshotAt::Prune, &dir).expect("writes");
    let store = mem_store();
    let depths = config(NodeRole::Full).depths;
    import_into(&params(), archive.consensus.genesis_hash(), &depths, &store, &dir, &mut |_| true).expect("imports");
    let node = open(store, NodeRole::Full);
    tell(&node, history());
    assert_eq!(node.commitments(), archive.commitments());
    let mut edge = info.block;
    while let Ok(below) = archive.consensus.block_summary(edge).map(|summary| summary.selected_parent)
        && node.consensus.header(below).is_ok()
    {
        edge = below;
    }
    let score = archive.consensus.header(edge).expect("reads").blue_score.0;
    assert!(node.consensus.header(edge).is_ok() && score > 100);
    let index = u32::try_from(score / params().checkpoint_interval).expect("small");
    let below = Checkpoint { index, block: edge };
    let above = Checkpoint { index: index + 1, block: info.block };
    for link in [Link { source: below, target: above }, Link { source: above, target: below }] {
        let link = Link { target: Checkpoint { index: link.source.index + 1, ..link.target }, ..link };
        let certificate = Certificate { epoch: 0, link, entries: Vec::new() };
        let block = archive.mine_edited(&[], |block| {
            block.header.cert = certificate.reference();
            block.body.certificate = certificate.to_bytes();
        });
        for node in [&archive, &node] {
            let verdict = node.hear(&block);
            assert!(matches!(verdict, Err(BlockError::Certificate(_))), "{verdict:?}");
            assert_eq!(node.consensus.failure(), None);
        }
    }
    let block = archive.mine(&[]);
    assert_eq!((archive.hear(&block), node.hear(&block)), (Ok(BlockStatus::StateValid), Ok(BlockStatus::StateValid)));
}

/// A chain that is shorter than what the rules may read travels whole.
#[test]
fn a_snapshot_of_a_short_chain_brings_all_headers() {
    let store = mem_store();
    let archive = open(store.clone(), NodeRole::Archive);
    tell(&archive, &history()[..200]);
    let genesis = archive.consensus.genesis_hash();
    let path = archive.consensus.chain_path(genesis, 1_000).expect("reads").added;
    let score = |block: BlockHash| archive.consensus.header(block).expect("reads").blue_score.0;
    let early = path.windows(2).find(|pair| score(pair[1]) >= 50).expect("one")[1];
    let temp = tempfile::tempdir().expect("a folder");
    let dir = temp.path().join("early");
    let info = write(&store, SnapshotAt::Block(early), &dir).expect("writes");
    assert!(info.headers > 40 && info.headers < 80, "{info:?}");
    let new = mem_store();
    let depths = config(NodeRole::Full).depths;
    import_into(&params(), genesis, &depths, &new, &dir, &mut |_| true).expect("imports");
    verify_store(&new).expect("as it was imported");
    let node = open(new.clone(), NodeRole::Archive);
    tell(&node, &history()[..200]);
    assert_eq!(node.commitments(), archive.commitments());
    node.consensus.wait_until_pruned();
    node.consensus.shutdown();
    drop(node);
    verify_store(&new).expect("every row is accounted for");
}

fn file_store(dir: &Path) -> Arc<dyn KvStore> {
    // Files of some eighty blocks each, where a node has hours in one.
    let config = StoreConfig { kind: StoreKind::Redb, cache_bytes: DEFAULT_PAGE_CACHE_BYTES, segment_bytes: 64 * 1024 };
    open_store(config, dir, Network::Devnet, BlockHash([0; 32])).expect("opens").store
}

/// The database of a pruned node is damaged: its own snapshot and the segments behind it give everything back.
#[test]
fn a_damaged_database_of_a_pruned_node_is_built_again() {
    let temp = tempfile::tempdir().expect("a folder");
    let (chain, snapshots) = (temp.path().join("chain"), temp.path().join("snapshots"));
    let pruning = || PruningConfig { snapshots: Some(snapshots.clone()), ..config(NodeRole::Full) };
    let open_on = |store| TestNode::open_pruning(store, params(), DEFAULT_CACHE_BYTES, pruning()).expect("opens");
    let store = file_store(&chain);
    let node = open_on(store.clone());
    let (before, after) = history().split_at(history().len() - 20);
    let mut longest = 0;
    for blocks in before.chunks(50) {
        tell(&node, blocks);
        node.consensus.wait_until_pruned();
        longest = longest.max(store.record_bytes());
    }
    let genesis = node.consensus.genesis_hash();
    let status = node.consensus.pruning();
    assert!(status.bodies_gone > 300, "{status:?}");
    // Whole files went, and what is left is what the rules need.
    assert!(!chain.join(SEGMENTS_FOLDER).join("00000000.segment").exists());
    let all: usize = history().iter().map(|block| block.to_bytes().len()).sum();
    let kept = store.record_bytes();
    assert!(kept * 2 < all as u64, "{kept} of {all} bytes are left, {longest} at most");
    let own = newest_snapshot(&snapshots);
    assert_eq!(own.len(), 1, "older ones are of no use");
    assert_eq!(check(&node, &own[0]).expect("holds").block, status.point);
    tell(&node, after);
    node.consensus.wait_until_pruned();
    let (commitments, sink) = (node.commitments(), node.sink());
    node.consensus.shutdown();
    drop((node, store));

    let damage = || fs::write(chain.join(DATABASE_FILE), vec![0x5a; 10_000]).expect("writes");
    let depths = config(NodeRole::Full).depths;
    let restore = |store| restore_if_needed(&params(), genesis, &depths, &store, &snapshots);
    damage();
    let store = file_store(&chain);
    let Restored::From(info, dir) = restore(store.clone()).expect("there is a snapshot") else { panic!("not needed") };
    assert_eq!((newest_snapshot(&snapshots)[0].clone(), info.block), (dir, check_point(&snapshots)));
    let node = open_on(store.clone());
    assert_eq!(node.sink(), sink);
    assert_eq!(node.commitments(), commitments);
    assert_eq!(restore(store.clone()).expect("reads"), Restored::NotNeeded);
    node.consensus.shutdown();
    drop((node, store));
    // Cut off in the middle of it: the next attempt begins anew.
    damage();
    let store = file_store(&chain);
    let mut stop = |_| false;
    let stopped = import_into(&params(), genesis, &depths, &store, &newest_snapshot(&snapshots)[0], &mut stop);
    assert!(matches!(stopped, Err(SnapshotError::Stopped)));
    drop(store);
    let store = file_store(&chain);
    assert!(matches!(restore(store.clone()), Ok(Restored::From(..))));
    let node = open_on(store.clone());
    assert_eq!(node.commitments(), commitments);
    node.consensus.shutdown();
    verify_store(&store).expect("it is as good as before");
    drop((node, store));
    // Without a snapshot that holds, nothing is made up.
    damage();
    let chunk = newest_snapshot(&snapshots)[0].join("00000000.chunk");
    let mut bytes = fs::read(&chunk).expect("reads");
    bytes[1_000] ^= 1;
    fs::write(&chunk, bytes).expect("writes");
    let store = file_store(&chain);
    assert!(matches!(restore(store.clone()), Err(SnapshotError::Chunk { chunk: 0, .. })));
    let node = open_on(store);
    assert_eq!(node.sink(), genesis);
}

fn check_point(snapshots: &Path) -> BlockHash {
    let name = newest_snapshot(snapshots)[0].file_name().expect("a name").to_string_lossy().into_owned();
    name.split_once('-').expect("height and block").1.parse().expect("a hash")
}

/// One body that can't be read does not hide the blocks that came before and behind it.
#[test]
fn a_damaged_body_hides_no_other_block() {
    let temp = tempfile::tempdir().expect("a folder");
    let blocks = &history()[..20];
    let node = open(file_store(temp.path()), NodeRole::Archive);
    tell(&node, blocks);
    node.consensus.shutdown();
    drop(node);
    let segment = temp.path().join(SEGMENTS_FOLDER).join("00000000.segment");
    let mut bytes = fs::read(&segment).expect("reads");
    let record = blocks[1].to_bytes();
    let at = bytes.windows(record.len()).position(|window| window == record).expect("is there");
    bytes[at + record.len() - 1] ^= 1;
    fs::write(&segment, bytes).expect("writes");
    let node = open(file_store(temp.path()), NodeRole::Archive);
    let seen = node.consensus.blocks_since(0, 100).expect("reads");
    let counts: Vec<_> = seen.iter().map(|block| (block.hash, block.tx_count)).collect();
    let txs = |index: usize| Some(blocks[index].body.txs.len());
    assert_eq!(counts[..2], [(blocks[0].hash(), txs(0)), (blocks[1].hash(), None)]);
    assert!(counts.len() > 10 && counts[2..].iter().all(|(_, count)| count.is_some()));
    let damaged = node.consensus.block(blocks[1].hash());
    assert!(matches!(damaged, Err(ConsensusError::DamagedBody { .. })), "{damaged:?}");
}
