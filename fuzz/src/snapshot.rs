//! Snapshots of the state that somebody else wrote: a folder with a manifest and chunks.

use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use arbitrary::Unstructured;
use umbel_consensus::pruning::PruningDepths;
use umbel_consensus::state_snapshot::{Manifest, SnapshotAt, SnapshotInfo, export, import_into, verify};
use umbel_store::{KvStore, Pair, Table};
use umbel_types::consensus_api::ConsensusApi;
use umbel_types::hash::{Domain, Hasher};
use umbel_types::{BlockHash, Decode, Encode, Hash32};

use crate::fixture::patch;
use crate::node::{Node, mem_store, params};
use crate::voters::below;

/// Blocks of the chain, and how many of them lie above the snapshot's block.
const HEIGHT: usize = 12;
const ABOVE: usize = 3;
/// Blue score that a snapshot goes back.
const DEPTHS: PruningDepths = PruningDepths { interval: 4, below_sink: 4, below_finality: 4, window: 5 };
/// What the header of the block commits to. Which headers of its past come along is for whoever calls it final.
const COMMITTED: [Table; 3] = [Table::Coin, Table::Memo, Table::State];

/// A snapshot that holds, and what comes of it.
struct World {
    genesis: BlockHash,
    manifest: Vec<u8>,
    chunk: Vec<u8>,
    info: SnapshotInfo,
    rows: Vec<Vec<Pair>>,
}

fn rows(store: &Arc<dyn KvStore>) -> Vec<Vec<Pair>> {
    COMMITTED.iter().map(|table| store.scan(*table, None, usize::MAX).unwrap()).collect()
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let node = Node::new(params());
        let genesis = node.consensus.genesis_hash();
        // Two blocks beside each other now and then, so that something is merged.
        let mut chain = Vec::new();
        for n in 0..HEIGHT {
            let beside = node.mine(&[]);
            chain.push(node.advance().hash());
            if n % 3 == 0 {
                node.insert(&beside).unwrap();
            }
        }
        let path = node.consensus.chain_path(genesis, HEIGHT * 2).unwrap().added;
        let block = path[path.len() - 1 - ABOVE];
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("it");
        let info = export(&params(), &DEPTHS, &**node.store(), SnapshotAt::Block(block), &at, &mut |_| true).unwrap();
        let read = |name| fs::read(at.join(name)).unwrap();
        let (manifest, chunk) = (read("manifest"), read("00000000.chunk"));
        assert_eq!(info.chunks, 1);
        let store = mem_store();
        import_into(&params(), genesis, &DEPTHS, &store, &at, &mut |_| true).unwrap();
        World { genesis, manifest, chunk, info, rows: rows(&store) }
    })
}

/// How the chunk is changed, whether the manifest is made to fit, what a byte of the input names, then patches of the
/// manifest, behind their number, and of the chunk.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let ways = (0..6).flat_map(|way| [vec![way, 0, 3, 0], vec![way, 1, 3, 0], vec![way, 1, 40, 0, 100, 2, 1]]);
    ways.chain([vec![0, 0, 0, 1, 90, 0, 1], vec![0, 1, 0, 1, 0, 1, 1, 7, 0, 1]]).collect()
}

/// An item of a chunk with its length in front, and its section.
type Item = (usize, Vec<u8>);

fn items(World { chunk, info, .. }: &World) -> Vec<Item> {
    let counts = [info.coins, info.memos, info.states, info.headers];
    let mut sections = (0..).zip(counts).flat_map(|(section, count)| (0..count).map(move |_| section));
    let mut items = Vec::new();
    let mut rest = &chunk[..];
    while let Some((head, behind)) = rest.split_first_chunk::<4>() {
        let len = u32::from_le_bytes(*head) as usize;
        items.push((sections.next().unwrap(), rest[..4 + len].to_vec()));
        rest = &behind[len..];
    }
    items
}

/// The items in another order, or more or fewer of them.
fn rearranged(mut items: Vec<Item>, way: u8, place: u8) -> Vec<Item> {
    let at = usize::from(place) % items.len();
    match way {
        1 => {
            items.remove(at);
        }
        2 => items.insert(at, items[at].clone()),
        3 => {
            let next = (at + 1) % items.len();
            items.swap(at, next);
        }
        4 => items.truncate(at),
        5 => items.push((3, vec![place; usize::from(place)])),
        _ => {}
    }
    items
}

fn write(dir: &Path, manifest: &[u8], chunk: &[u8]) {
    fs::write(dir.join("manifest"), manifest).unwrap();
    fs::write(dir.join("00000000.chunk"), chunk).unwrap();
}

/// Whatever it holds, it is refused by name, or it is the state that the header of its block commits to.
pub(crate) fn run(data: &[u8]) {
    let world = world();
    let World { genesis, manifest, chunk, info, rows: expected } = world;
    let mut u = Unstructured::new(data);
    let (way, fits, place) = (below(&mut u, 6), below(&mut u, 2) == 1, below(&mut u, 255));
    let of_manifest = (usize::from(below(&mut u, 4)) * 3).min(u.len());
    let items = rearranged(items(world), way, place);
    let counts = [0, 1, 2, 3].map(|section| items.iter().filter(|(of, _)| *of == section).count() as u64);
    let (mut bytes, mut content) = (manifest.clone(), items.into_iter().flat_map(|(_, item)| item).collect::<Vec<_>>());
    let _changes_of_manifest = patch(&mut bytes, u.bytes(of_manifest).unwrap_or(&[]));
    let _changes_of_chunk = patch(&mut content, u.take_rest());
    if fits && let Ok(mut manifest) = Manifest::from_bytes(&bytes) {
        assert_eq!(manifest.to_bytes(), bytes, "a second encoding of one manifest");
        let hash: Hash32 = Hasher::new(Domain::SNAPSHOT_CHUNK).with_bytes(&content).finish();
        manifest.counts = counts;
        manifest.bytes = content.len() as u64;
        manifest.chunks = if content.is_empty() { Vec::new() } else { vec![hash] };
        bytes = manifest.to_bytes();
    }
    let unchanged = bytes == *manifest && content == *chunk;

    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &bytes, &content);
    let verified = verify(&params(), *genesis, &DEPTHS, dir.path(), &mut |_| true);
    assert!(!unchanged || verified.is_ok());
    let store = mem_store();
    let imported = import_into(&params(), *genesis, &DEPTHS, &store, dir.path(), &mut |_| true);
    match (&verified, &imported) {
        (Ok(verified), Ok(imported)) => {
            assert_eq!(verified, imported);
            if verified.block == info.block {
                let SnapshotInfo { id, bytes, headers, .. } = *verified;
                assert_eq!(*verified, SnapshotInfo { id, bytes, headers, ..info.clone() });
                assert!(rows(&store) == *expected, "another state under the same header");
            }
        }
        (Err(error), Ok(_)) => panic!("what is refused was imported: {error}"),
        (_, Err(_)) => {
            // Nothing is left that would be in the way of a good one.
            write(dir.path(), manifest, chunk);
            import_into(&params(), *genesis, &DEPTHS, &store, dir.path(), &mut |_| true).unwrap();
            assert!(rows(&store) == *expected);
        }
    }
}
