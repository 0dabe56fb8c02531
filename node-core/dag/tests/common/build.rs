//! A plain graph run through the crate.

use umbel_dag::daa::DaaRule;
use umbel_dag::memory::MemoryDag;
use umbel_dag::reachability::{Reachability, ReachabilityStoreReader};
use umbel_dag::{GhostdagData, GhostdagProtocol, GhostdagReader, HeaderFacts};
use umbel_types::{BlockHash, BlueScore, BlueWork, CompactTarget, DaaScore, TimestampMs};

use super::graph::PlainDag;

/// Header fields of genesis.
pub fn genesis_facts(plain: &PlainDag) -> HeaderFacts {
    HeaderFacts {
        timestamp: TimestampMs(plain.timestamp[0]),
        bits: plain.bits[0],
        daa_score: DaaScore(0),
        blue_score: BlueScore(0),
    }
}

/// Colouring without a limit on mergesets.
pub fn unlimited(k: u16) -> GhostdagProtocol {
    GhostdagProtocol::new(k, usize::MAX, CompactTarget::work)
}

/// Adds all of a plain graph, telling reachability of each new best tip.
pub fn build(plain: &PlainDag, protocol: &GhostdagProtocol, tuning: Reachability, daa: DaaRule) -> MemoryDag {
    let mut dag = MemoryDag::new(plain.hash[0], genesis_facts(plain));
    let mut best = (BlueWork::ZERO, plain.hash[0]);
    for block in 1..plain.len() {
        let hash = plain.hash[block];
        let parents: Vec<_> = plain.parents[block].iter().map(|&parent| plain.hash[parent]).collect();
        let data = protocol.ghostdag(&dag, &parents).expect("all parents are here");
        let mergeset: Vec<_> = data.unordered_mergeset_without_selected_parent().collect();
        tuning.add_block(&mut dag, hash, data.selected_parent, mergeset).expect("reachability takes the block");
        let facts = HeaderFacts {
            timestamp: TimestampMs(plain.timestamp[block]),
            bits: plain.bits[block],
            daa_score: daa.calc(&dag, &data).expect("readable").daa_score,
            blue_score: data.blue_score,
        };
        let key = (data.blue_work, hash);
        dag.insert(hash, &parents, data, facts);
        if key > best {
            best = key;
            tuning.hint_virtual_selected_parent(&mut dag, hash).expect("the reindex root moves");
        }
    }
    dag
}

/// Colouring of a block that is there.
pub fn data_of(dag: &MemoryDag, block: BlockHash) -> GhostdagData {
    GhostdagData::clone(&dag.ghostdag(block).expect("the block is there"))
}

/// Intervals of children lie inside their parents', apart from each other, in order; covering sets are ascending.
pub fn check_intervals(plain: &PlainDag, dag: &MemoryDag) {
    let read = |block: BlockHash| dag.reachability(block).expect("the block is there");
    for &block in &plain.hash {
        let data = read(block);
        let mut last = data.interval.start() - 1;
        assert!(!data.interval.is_empty(), "{block}");
        for &child in data.children.iter() {
            let child = read(child);
            assert!(child.interval.start() > last && child.interval.end() < data.interval.end(), "{block}");
            assert_eq!((child.parent, child.height), (Some(block), data.height + 1));
            last = child.interval.end();
        }
        let set: Vec<_> = data.future_covering_set.iter().map(|&member| read(member).interval).collect();
        assert!(set.windows(2).all(|pair| pair[0].end() < pair[1].start()), "covering set of {block}");
        assert!(set.iter().all(|&member| !data.interval.contains(member)), "covering set of {block}");
    }
}
