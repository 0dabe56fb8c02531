//! The live DAG as the page knows it: which blocks, in which state, and where each one is drawn.
//!
//! A column is one step of depth. The selected chain runs through the middle; every other block keeps the lane it got
//! when it came, so that nothing jumps but a block that joins or leaves the chain.

use crate::format;
use std::collections::{BTreeMap, BTreeSet};
use umbel_api::node::{DagBlock, DagPayment, DagView};

/// Most blocks that are kept: some more than a wide screen shows.
pub(crate) const KEPT: usize = 240;
/// Lanes above the chain, and as many below.
const LANES: u32 = 4;

/// How far a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlockState {
    /// No chain block has it in its past yet.
    Seen,
    /// In the order.
    Accepted,
    /// In the order, deep enough.
    Confirmed,
    /// In the order for good.
    Final,
    /// Left outside the order.
    Outside,
}

/// A block with its place.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    /// The block.
    pub(crate) block: DagBlock,
    /// Column.
    pub(crate) column: u32,
    /// Lane: 0 on the chain, from 1 upwards above it, negative below.
    pub(crate) lane: i32,
    /// Part of a column by which it stands aside.
    pub(crate) aside: f64,
    /// Whether it is on the selected chain.
    pub(crate) on_chain: bool,
    /// How far it is.
    pub(crate) state: BlockState,
    /// Own payments it carries.
    pub(crate) payments: Vec<String>,
}

/// The blocks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dag {
    blocks: BTreeMap<u64, Placed>,
    numbers: BTreeMap<String, u64>,
}

impl Dag {
    /// Sequence number of the newest block; 0 without blocks.
    pub(crate) fn newest(&self) -> u64 {
        self.blocks.last_key_value().map_or(0, |(n, _)| *n)
    }

    /// Whether there is nothing to draw.
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// All blocks, by order of arrival.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Placed> {
        self.blocks.values()
    }

    /// A block by its hash.
    pub(crate) fn find(&self, hash: &str) -> Option<&Placed> {
        self.blocks.get(self.numbers.get(hash)?)
    }

    /// The column furthest on.
    pub(crate) fn last_column(&self) -> u32 {
        self.blocks.values().map(|b| b.column).max().unwrap_or(0)
    }

    /// Takes an answer of `node/dag`. A chain that was started again has lower numbers: then everything is forgotten.
    pub(crate) fn take(&mut self, view: DagView) {
        if self.numbers.iter().any(|(hash, n)| view.blocks.iter().any(|b| b.sequence == *n && b.hash != *hash)) {
            *self = Self::default();
        }
        for block in view.blocks {
            if !self.numbers.contains_key(&block.hash) {
                self.place(block);
            }
        }
        while self.blocks.len() > KEPT {
            if let Some((_, old)) = self.blocks.pop_first() {
                self.numbers.remove(&old.block.hash);
            }
        }
        self.settle(&view.chain, view.blue_score, view.confirmation_depth, view.final_blue_score);
        for placed in self.blocks.values_mut() {
            let own = view.payments.iter().filter(|p| p.block == placed.block.hash).map(label_of);
            let own: Vec<String> = own.collect();
            if !own.is_empty() {
                placed.payments = own;
            }
        }
    }

    fn place(&mut self, block: DagBlock) {
        let parents = block.parents.iter().filter_map(|p| self.find(p)).map(|p| p.column);
        let column = parents.max().map_or_else(|| self.last_column(), |c| c + 1);
        let taken: BTreeSet<i32> =
            self.blocks.values().filter(|b| b.column.abs_diff(column) <= 1).map(|b| b.lane).collect();
        // The hash decides, so that every window draws the same picture.
        let seed = block.hash.bytes().fold(2_166_136_261_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(16_777_619));
        let lane_of = |i: u32| {
            let pick = (seed >> 8).wrapping_add(i) % (2 * LANES);
            let depth = i32::try_from(pick / 2).unwrap_or(0) + 1;
            if pick.is_multiple_of(2) { depth } else { -depth }
        };
        let lane = (0..2 * LANES).map(lane_of).find(|lane| !taken.contains(lane)).unwrap_or_else(|| lane_of(0));
        let aside = f64::from(seed % 41) / 100.0 - 0.2;
        let number = block.sequence;
        self.numbers.insert(block.hash.clone(), number);
        let state = BlockState::Seen;
        self.blocks.insert(number, Placed { block, column, lane, aside, on_chain: false, state, payments: Vec::new() });
    }

    /// Gives each block its state: a chain block takes into the order what is in its past and was in no earlier one's,
    /// but for its reds.
    fn settle(&mut self, chain_newest_first: &[String], sink_blue_score: u64, depth: u64, final_blue_score: u64) {
        let chain: BTreeSet<&String> = chain_newest_first.iter().collect();
        let mut states: BTreeMap<u64, BlockState> = BTreeMap::new();
        for hash in chain_newest_first.iter().rev() {
            let Some(taker) = self.find(hash) else { continue };
            let reds: BTreeSet<&String> = taker.block.reds.iter().collect();
            let deep = taker.block.blue_score + depth <= sink_blue_score;
            let taken = if taker.block.blue_score <= final_blue_score {
                BlockState::Final
            } else if deep {
                BlockState::Confirmed
            } else {
                BlockState::Accepted
            };
            let mut open: Vec<&String> = taker.block.parents.iter().collect();
            while let Some(hash) = open.pop() {
                let Some(number) = self.numbers.get(hash) else { continue };
                if states.contains_key(number) {
                    continue;
                }
                states.insert(*number, if reds.contains(hash) { BlockState::Outside } else { taken });
                if let Some(block) = self.blocks.get(number) {
                    open.extend(&block.block.parents);
                }
            }
        }
        for (number, placed) in &mut self.blocks {
            placed.on_chain = chain.contains(&placed.block.hash);
            placed.state = states.get(number).copied().unwrap_or(BlockState::Seen);
        }
    }
}

/// What stands beside the block that carries an own payment.
fn label_of(payment: &DagPayment) -> String {
    format!("−{} {}", format::amount(&payment.amount), payment.asset)
}

#[cfg(test)]
mod tests {
    use super::{BlockState, Dag};
    use umbel_api::node::{DagBlock, DagPayment, DagView};

    fn block(sequence: u64, hash: &str, parents: &[&str], reds: &[&str]) -> DagBlock {
        let strings = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        DagBlock {
            sequence,
            hash: hash.to_owned(),
            parents: strings(parents),
            selected_parent: parents.first().map(|s| (*s).to_owned()).unwrap_or_default(),
            blue_score: sequence,
            daa_score: sequence,
            timestamp_ms: 0,
            tx_count: 0,
            reds: strings(reds),
            own: false,
        }
    }

    fn view(blocks: Vec<DagBlock>, chain: &[&str], blue_score: u64) -> DagView {
        DagView {
            blocks,
            sink: chain.first().map(|s| (*s).to_owned()).unwrap_or_default(),
            blue_score,
            confirmation_depth: 2,
            final_blue_score: 0,
            chain: chain.iter().map(|s| (*s).to_owned()).collect(),
            payments: vec![DagPayment {
                block: "b".to_owned(),
                txid: "t".to_owned(),
                amount: "1".to_owned(),
                asset: "STR".to_owned(),
            }],
        }
    }

    #[test]
    fn states_follow_the_chain() {
        let mut dag = Dag::default();
        let blocks = vec![
            block(1, "a", &["g"], &[]),
            block(2, "b", &["a"], &[]),
            block(3, "r", &["a"], &[]),
            block(4, "c", &["b", "r"], &["r"]),
            block(5, "d", &["c"], &[]),
            block(6, "t", &["c"], &[]),
        ];
        dag.take(view(blocks, &["d", "c", "b", "a"], 5));
        let state = |hash| dag.find(hash).map(|b| b.state);
        assert_eq!(state("a"), Some(BlockState::Confirmed));
        assert_eq!(state("b"), Some(BlockState::Accepted));
        assert_eq!(state("r"), Some(BlockState::Outside));
        assert_eq!(state("c"), Some(BlockState::Accepted));
        assert_eq!(state("d"), Some(BlockState::Seen));
        assert_eq!(state("t"), Some(BlockState::Seen));
        assert_eq!(dag.find("b").map(|b| b.payments.len()), Some(1));
        assert_eq!(dag.find("c").map(|b| (b.column, b.on_chain)), Some((2, true)));
        assert_ne!(dag.find("d").map(|b| b.lane), dag.find("t").map(|b| b.lane));
    }

    #[test]
    fn a_chain_started_again_replaces_the_old() {
        let mut dag = Dag::default();
        dag.take(view(vec![block(1, "a", &[], &[]), block(2, "b", &["a"], &[])], &["b", "a"], 2));
        dag.take(view(vec![block(1, "x", &[], &[])], &["x"], 1));
        assert_eq!(dag.newest(), 1);
        assert!(dag.find("b").is_none());
    }

    #[test]
    fn what_a_final_block_took_is_final() {
        let mut dag = Dag::default();
        let chain = ["d", "c", "b", "a"];
        let blocks = || {
            vec![
                block(1, "a", &["g"], &[]),
                block(2, "b", &["a"], &[]),
                block(3, "c", &["b"], &[]),
                block(4, "d", &["c"], &[]),
            ]
        };
        dag.take(DagView { final_blue_score: 2, ..view(blocks(), &chain, 4) });
        let state = |dag: &Dag, hash| dag.find(hash).map(|b| b.state);
        assert_eq!(state(&dag, "a"), Some(BlockState::Final), "taken by b, which is final");
        assert_eq!(state(&dag, "b"), Some(BlockState::Accepted), "taken by c, which is not");
        dag.take(DagView { final_blue_score: 3, ..view(Vec::new(), &chain, 4) });
        assert_eq!(state(&dag, "b"), Some(BlockState::Final));
    }
}
