//! Snapshots that somebody changed, with manifests that fit: each is refused, and leaves nothing behind.

use std::fs;
use std::path::Path;

use umbel_consensus::pruning::NodeRole;
use umbel_consensus::state_snapshot::{CHUNK_BYTES, Manifest, SnapshotAt, SnapshotError, export, import_into, verify};
use umbel_types::consensus_api::ConsensusApi;
use umbel_types::encode::{Decode, Encode, encode_bytes};
use umbel_types::hash::{Domain, Hasher};
use umbel_types::{BlockHash, Hash32};

use crate::fixture::mem_store;
use crate::pruning::{config, history, open, params, tell};

/// A snapshot in parts.
#[derive(Clone)]
struct Parts {
    manifest: Manifest,
    /// Encoded items of coins, Memos, State and headers.
    sections: [Vec<Vec<u8>>; 4],
    /// Bytes behind the last item.
    rest: Vec<u8>,
}

impl Parts {
    fn read(dir: &Path) -> Self {
        let manifest = Manifest::from_bytes(&fs::read(dir.join("manifest")).expect("reads")).expect("a manifest");
        let chunks = (0..manifest.chunks.len()).map(|n| fs::read(dir.join(format!("{n:08}.chunk"))).expect("reads"));
        let bytes: Vec<u8> = chunks.flatten().collect();
        let mut at = 0;
        let mut item = || {
            let len = u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four")) as usize;
            at += 4 + len;
            bytes[at - len..at].to_vec()
        };
        let sections = manifest.counts.map(|count| (0..count).map(|_| item()).collect());
        assert_eq!(at, bytes.len());
        Self { manifest, sections, rest: Vec::new() }
    }

    /// With counts, lengths and hashes that fit.
    fn write(mut self, dir: &Path) {
        for (count, section) in self.manifest.counts.iter_mut().zip(&self.sections) {
            *count = section.len() as u64;
        }
        let mut bytes = Vec::new();
        self.sections.iter().flatten().for_each(|item| encode_bytes(item, &mut bytes));
        bytes.extend(&self.rest);
        self.write_stream(dir, &bytes);
    }

    fn write_stream(mut self, dir: &Path, bytes: &[u8]) {
        self.manifest.bytes = bytes.len() as u64;
        self.manifest.chunks = bytes.chunks(CHUNK_BYTES).map(chunk_hash).collect();
        fs::create_dir_all(dir).expect("makes a folder");
        for (n, chunk) in bytes.chunks(CHUNK_BYTES).enumerate() {
            fs::write(dir.join(format!("{n:08}.chunk")), chunk).expect("writes");
        }
        fs::write(dir.join("manifest"), self.manifest.to_bytes()).expect("writes");
    }
}

fn chunk_hash(chunk: &[u8]) -> Hash32 {
    Hasher::new(Domain::SNAPSHOT_CHUNK).with_bytes(chunk).finish()
}

/// Which kind of refusal, without its details.
fn kind(error: &SnapshotError) -> String {
    match error {
        SnapshotError::Commitment { what, .. } => (*what).to_owned(),
        SnapshotError::Order { what, .. } => format!("order of {what}"),
        SnapshotError::Item { what, .. } => format!("a {what}"),
        SnapshotError::Dag { what, .. } => (*what).to_owned(),
        SnapshotError::Chunk { what, .. } => (*what).to_owned(),
        SnapshotError::OtherChain { .. } => "other chain".to_owned(),
        SnapshotError::Format(_) => "format".to_owned(),
        SnapshotError::Manifest(_) => "manifest".to_owned(),
        other => panic!("{other}"),
    }
}

type Edit = fn(&mut Parts);

#[test]
fn changed_snapshots_are_refused_by_name() {
    let temp = tempfile::tempdir().expect("a folder");
    let store = mem_store();
    let node = open(store.clone(), NodeRole::Archive);
    tell(&node, history());
    node.consensus.wait_until_pruned();
    let (genesis, depths) = (node.consensus.genesis_hash(), config(NodeRole::Full).depths);
    let good = temp.path().join("good");
    export(&params(), &depths, &*store, SnapshotAt::Prune, &good, &mut |_| true).expect("writes");
    let parts = Parts::read(&good);
    let bad = temp.path().join("bad");
    let refusal = || {
        let error = verify(&params(), genesis, &depths, &bad, &mut |_| true).expect_err("it was changed");
        let store = mem_store();
        let import = import_into(&params(), genesis, &depths, &store, &bad, &mut |_| true).expect_err("likewise");
        assert_eq!(kind(&import), kind(&error));
        // Nothing of it counts: the same store takes the right one.
        import_into(&params(), genesis, &depths, &store, &good, &mut |_| true).expect("a store without a chain");
        assert_eq!(open(store, NodeRole::Full).sink(), parts.manifest.block.hash());
        fs::remove_dir_all(&bad).expect("removes");
        kind(&error)
    };
    parts.clone().write(&bad);
    verify(&params(), genesis, &depths, &bad, &mut |_| true).expect("put together as it was");
    fs::remove_dir_all(&bad).expect("removes");

    let cases: &[(Edit, &str)] = &[
        (|p| drop(p.sections[0].remove(3)), "utxo_commit of all outputs"),
        (|p| drop(p.sections[1].pop()), "utxo_commit of all outputs"),
        (
            |p| {
                let twice = p.sections[0][2].clone();
                p.sections[0].insert(2, twice)
            },
            "order of coin",
        ),
        (|p| p.sections[0].swap(0, 1), "order of coin"),
        (
            |p| {
                let memo = p.sections[1].remove(0);
                p.sections[0].push(memo)
            },
            "order of coin",
        ),
        (
            |p| {
                let coin = p.sections[0].remove(0);
                p.sections[1].insert(0, coin)
            },
            "order of memo",
        ),
        (|p| *p.sections[0][0].last_mut().expect("bytes") ^= 1, "utxo_commit of all outputs"),
        (|p| p.sections[0][0].push(0), "a coin"),
        (|p| p.sections[1][0].truncate(10), "a memo"),
        (|p| p.sections[1][0] = vec![0; 70_000], "a memo"),
        (|p| drop(p.sections[2].remove(1)), "state_root"),
        (|p| p.sections[2].swap(0, 1), "order of state object"),
        (
            |p| {
                let twice = p.sections[2][0].clone();
                p.sections[2].insert(0, twice)
            },
            "order of state object",
        ),
        (|p| drop(p.sections[3].remove(0)), "the chain below the snapshot's block is too short"),
        (|p| drop(p.sections[3].pop()), "the last one is not the snapshot's block"),
        (|p| p.sections[3].swap(5, 6), "out of order"),
        (
            |p| {
                let twice = p.sections[3][9].clone();
                p.sections[3].insert(9, twice)
            },
            "out of order",
        ),
        (|p| p.sections[3].clear(), "the last one is not the snapshot's block"),
        (|p| p.sections[3][4] = vec![1; 9_000_000], "a header"),
        (|p| p.rest.push(0), "holds more than the manifest says"),
        (|p| p.manifest.lanes.lanes[2] = Hash32([1; 32]), "accepted_root"),
        (|p| p.manifest.mmr = p.manifest.mmr.clone().push(BlockHash([3; 32])), "chain_mmr_root"),
        (|p| p.manifest.height += 1, "the height"),
        (|p| p.manifest.lthash = Default::default(), "utxo_commit"),
        (|p| p.manifest.block.body.extra.push(1), "the body"),
        (|p| p.manifest.block.body.certificate.push(1), "the certificate"),
        (|p| p.manifest.block.header.nonce ^= 1, "the proof of work"),
        (|p| p.manifest.network = "testnet".to_owned(), "other chain"),
        (|p| p.manifest.genesis = BlockHash([1; 32]), "other chain"),
    ];
    for (number, (edit, expected)) in cases.iter().enumerate() {
        let mut changed = parts.clone();
        edit(&mut changed);
        changed.write(&bad);
        assert_eq!(refusal(), *expected, "case {number}");
    }
    // A length that leads behind the end, with a manifest that fits.
    let mut stream = Vec::new();
    parts.sections.iter().flatten().for_each(|item| encode_bytes(item, &mut stream));
    parts.clone().write_stream(&bad, &stream[..stream.len() - 1]);
    assert_eq!(refusal(), "ends in the middle of an item");
    parts.clone().write_stream(&bad, &[]);
    assert_eq!(refusal(), "a coin");

    let copy = |edit: &dyn Fn(&Path)| {
        parts.clone().write(&bad);
        edit(&bad);
    };
    let chunk = |dir: &Path| dir.join("00000000.chunk");
    copy(&|dir| fs::remove_file(chunk(dir)).expect("removes"));
    assert_eq!(refusal(), "is missing");
    copy(&|dir| fs::write(chunk(dir), &stream[..100]).expect("writes"));
    assert_eq!(refusal(), "has another length than the manifest says");
    copy(&|dir| {
        let mut bytes = fs::read(chunk(dir)).expect("reads");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x40;
        fs::write(chunk(dir), bytes).expect("writes");
    });
    assert_eq!(refusal(), "is not the one that the manifest names");
    let manifest = parts.manifest.to_bytes();
    let write_manifest = |bytes: &[u8]| copy(&|dir| fs::write(dir.join("manifest"), bytes).expect("writes"));
    write_manifest(&[&2u32.to_le_bytes(), &manifest[4..]].concat());
    assert_eq!(refusal(), "format");
    write_manifest(&manifest[..manifest.len() - 1]);
    assert_eq!(refusal(), "manifest");
    write_manifest(&[manifest.as_slice(), &[0]].concat());
    assert_eq!(refusal(), "manifest");
    // No bit of a manifest can be changed unseen.
    for at in (0..manifest.len()).step_by(53) {
        let mut bytes = manifest.clone();
        bytes[at] ^= 1 << (at % 8);
        write_manifest(&bytes);
        verify(&params(), genesis, &depths, &bad, &mut |_| true).expect_err("a bit was changed");
        fs::remove_dir_all(&bad).expect("removes");
    }
}

/// Colouring and merge depth roots of the window stand in no header: a stranger may change them under the right block. The id
/// covers all of it.
#[test]
fn what_no_header_commits_to_shows_in_the_id_alone() {
    let temp = tempfile::tempdir().expect("a folder");
    let store = mem_store();
    let node = open(store.clone(), NodeRole::Archive);
    tell(&node, history());
    node.consensus.wait_until_pruned();
    let depths = config(NodeRole::Full).depths;
    let check =
        |dir: &Path| verify(&params(), node.consensus.genesis_hash(), &depths, dir, &mut |_| true).expect("holds");
    let (good, bad) = (temp.path().join("good"), temp.path().join("bad"));
    let written = export(&params(), &depths, &*store, SnapshotAt::Prune, &good, &mut |_| true).expect("writes");
    let mut parts = Parts::read(&good);
    // The root of the newest block is the end of its item.
    *parts.sections[3].last_mut().and_then(|item| item.last_mut()).expect("a header") ^= 1;
    parts.write(&bad);
    let (good, bad) = (check(&good), check(&bad));
    assert_eq!((good.id, good.block), (written.id, bad.block));
    assert_ne!(good.id, bad.id);
}
