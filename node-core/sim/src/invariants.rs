//! What must hold while a run goes on and at its end.

use std::collections::{BTreeMap, BTreeSet};

use umbel_consensus::verify::verify_chain;
use umbel_types::consensus_api::{ConsensusApi, EmptySelector};
use umbel_types::hash::{Domain, Hasher};
use umbel_types::{BlockHash, BlueScore, Encode, Hash32, TxId};

use crate::error::SimError;
use crate::report::{Blocks, Payments};
use crate::world::{Fitness, SECOND, World};

/// How long before the end a block or payment must have been made to be looked for.
const SETTLED_US: u64 = 10 * SECOND;
/// A payment may wait in pools for as long: bodies have room for all, but both sides of a split need the other's.
const PAYMENT_SETTLED_US: u64 = 60 * SECOND;

/// All that a next miner's header says about the state, and the place it says it for.
type View = (Vec<BlockHash>, [Hash32; 4]);

/// What the final chain says.
#[derive(Debug)]
pub(crate) struct Final {
    pub(crate) blocks: Blocks,
    pub(crate) payments: Payments,
    pub(crate) sink: BlockHash,
    pub(crate) digest: Hash32,
}

impl World {
    fn view(&self, node: usize) -> Result<View, SimError> {
        // One payout key for all: the reward for a red block goes to whoever merges it.
        let payout = self.nodes[0].payout;
        let node = &self.nodes[node];
        let header = node.consensus.build_template(payout, Vec::new(), node.now(), &mut EmptySelector)?.header;
        let roots = [header.accepted_root, header.utxo_commit, header.state_root, header.chain_mmr_root];
        Ok((header.parents, roots))
    }

    /// While the run goes on.
    pub(crate) fn compare(&mut self) -> Result<(), SimError> {
        self.forget_old();
        let mut views: BTreeMap<Vec<BlockHash>, (usize, [Hash32; 4])> = BTreeMap::new();
        for node in self.honest_nodes() {
            if let Some(failure) = self.nodes[node].consensus.failure() {
                self.violate("consensus goes on", format!("node {node}: {failure}"));
                continue;
            }
            let (parents, roots) = self.view(node)?;
            let (first, expected) = *views.entry(parents).or_insert((node, roots));
            if expected != roots {
                let found = format!("nodes {first} and {node} stand on the same blocks with different commitments");
                self.violate("one past has one state", found);
            }
        }
        Ok(())
    }

    /// A minute behind the end of the attack: the chains are the same but for their newest ten seconds.
    pub(crate) fn healed(&mut self) -> Result<(), SimError> {
        if self.is_split_for_good() {
            return Ok(());
        }
        let nodes = self.honest_nodes();
        let depth = self.ground.params.confirmation_depth;
        let scores = nodes.iter().map(|n| self.nodes[*n].consensus.virtual_state().sink_blue_score.0);
        let below = BlueScore(scores.min().unwrap_or(0).saturating_sub(depth));
        let mut first: Option<BlockHash> = None;
        for node in nodes {
            let block = self.chain_block_below(node, below)?;
            let expected = *first.get_or_insert(block);
            if block != expected {
                let found = format!("at blue score {}, node {node} has {block}, another {expected}", below.0);
                self.violate("a minute behind the attack all agree", found);
            }
        }
        Ok(())
    }

    /// The highest chain block with at most this blue score.
    fn chain_block_below(&self, node: usize, score: BlueScore) -> Result<BlockHash, SimError> {
        let consensus = &self.nodes[node].consensus;
        let mut at = consensus.virtual_state().sink;
        loop {
            let summary = consensus.block_summary(at)?;
            if summary.blue_score <= score || at == consensus.genesis_hash() {
                return Ok(at);
            }
            at = summary.selected_parent;
        }
    }

    /// When all is delivered.
    pub(crate) fn finish(&mut self) -> Result<Final, SimError> {
        self.compare()?;
        self.check_evidence();
        self.check_finality_goes_on();
        let mut nodes = self.honest_nodes();
        if self.is_split_for_good() {
            // Each side goes on by itself; one of them is told of.
            nodes.truncate(1);
        }
        self.compare_ends(&nodes)?;
        self.compare_statuses(&nodes)?;
        let judge = nodes.first().copied().unwrap_or(0);
        let (mut blocks, past) = self.past_of(judge)?;
        let (accepted, digest) = self.accepted(judge)?;
        for node in nodes.iter().skip(1) {
            let (others, other) = self.accepted(*node)?;
            if digest != other || accepted != others {
                self.violate("one past has one state", format!("nodes {judge} and {node} accepted different payments"));
            }
        }
        let payments = self.check_payments(&accepted);
        let end = self.setup.seconds * SECOND;
        for (hash, fact) in &self.facts {
            let settled = fact.made_at + SETTLED_US < end;
            blocks.orphans += u64::from(fact.honest && settled && !past.contains(hash));
        }
        blocks.made = self.made;
        blocks.honest = self.made_honest;
        blocks.invalid = self.invalid;
        blocks.disqualified = self.disqualified;
        if let Some(limit) = self.setup.red_limit
            && blocks.red_ratio() > limit
        {
            let found =
                format!("{:.1} % of the blocks are red, at most {:.1} %", blocks.red_ratio() * 100.0, limit * 100.0);
            self.violate("few blocks are red", found);
        }
        if self.setup.replay {
            self.replay(judge);
        }
        Ok(Final { blocks, payments, sink: self.nodes[judge].sink, digest })
    }

    /// Everyone has heard everything: one sink, one virtual block, nothing that waits.
    fn compare_ends(&mut self, nodes: &[usize]) -> Result<(), SimError> {
        let mut first: Option<View> = None;
        for &node in nodes {
            let healed = self.setup.attack_s.1 * SECOND;
            let facts = &self.facts;
            let recent = |hash| facts.get(&hash).is_some_and(|fact| fact.honest && fact.made_at >= healed);
            let waiting = self.nodes[node].waiting().filter(|hash| recent(*hash)).count();
            if waiting > 0 && !self.is_split_for_good() {
                self.violate("every block finds its parents", format!("node {node} has {waiting} blocks that wait"));
            }
            let view = self.view(node)?;
            let expected = first.get_or_insert_with(|| view.clone());
            if *expected != view {
                let found = format!("node {node} stands on {:?}, another on {:?}", view.0, expected.0);
                self.violate("all agree in the end", found);
            }
        }
        Ok(())
    }

    fn compare_statuses(&mut self, nodes: &[usize]) -> Result<(), SimError> {
        let hashes: Vec<BlockHash> = self.facts.keys().copied().collect();
        for &node in nodes {
            for hash in &hashes {
                let status = self.nodes[node].consensus.status(*hash)?;
                if let Some(fitness) = status.and_then(Fitness::of) {
                    self.judged(node, *hash, fitness);
                }
            }
        }
        let wrong = |fact: &&crate::world::Fact| fact.honest && !matches!(fact.verdict, None | Some(Fitness::Valid));
        let wrong = self.facts.values().filter(wrong).count();
        if wrong > 0 {
            self.violate("an honest block is taken in", format!("{wrong} honest blocks are not fit for the chain"));
        }
        Ok(())
    }

    /// The past of a node's virtual block.
    pub(crate) fn ordered_past(&self, node: usize) -> Result<BTreeSet<BlockHash>, SimError> {
        let consensus = &self.nodes[node].consensus;
        let mut past = BTreeSet::new();
        let mut open = consensus.virtual_state().parents.clone();
        while let Some(hash) = open.pop() {
            if past.insert(hash) {
                open.extend(consensus.header(hash)?.parents);
            }
        }
        Ok(past)
    }

    /// The past of the virtual block, and what the chain made of it.
    fn past_of(&self, node: usize) -> Result<(Blocks, BTreeSet<BlockHash>), SimError> {
        let consensus = &self.nodes[node].consensus;
        let past = self.ordered_past(node)?;
        let mut blocks = Blocks::default();
        let genesis = consensus.genesis_hash();
        let mut at = consensus.virtual_state().sink;
        while at != genesis {
            let summary = consensus.block_summary(at)?;
            blocks.chain += 1;
            blocks.ordered += (summary.mergeset_blues.len() + summary.mergeset_reds.len()) as u64;
            blocks.red += summary.mergeset_reds.len() as u64;
            let honest = |hash: &&BlockHash| self.facts.get(hash).is_some_and(|fact| fact.honest);
            blocks.honest_red += summary.mergeset_reds.iter().filter(honest).count() as u64;
            at = summary.selected_parent;
        }
        Ok((blocks, past))
    }

    /// What the chain accepted, with a digest over every chain block and its effects.
    fn accepted(&self, node: usize) -> Result<(BTreeMap<TxId, u64>, Hash32), SimError> {
        let consensus = &self.nodes[node].consensus;
        let mut accepted: BTreeMap<TxId, u64> = BTreeMap::new();
        let mut digest = Hasher::new(Domain::BLOCK);
        let chain = usize::try_from(consensus.virtual_state().chain_length).unwrap_or(usize::MAX);
        let mut known = consensus.genesis_hash();
        let mut seen = 0;
        while seen < chain {
            let added = consensus.chain_path(known, chain)?.added;
            let Some(last) = added.last() else { break };
            known = *last;
            seen += added.len();
            for block in added {
                let effects = consensus.acceptance(block)?;
                digest = digest.with(&block);
                for tx in &effects.accepted {
                    *accepted.entry(tx.txid).or_default() += 1;
                    digest = digest.with(&tx.txid).with(&tx.block);
                }
                for (outpoint, entry) in effects.added.iter().chain(&effects.removed) {
                    digest = digest.with_bytes(&outpoint.to_bytes()).with_bytes(&entry.to_bytes());
                }
            }
        }
        Ok((accepted, digest.finish()))
    }

    /// Nothing valid is lost, and nothing is accepted twice.
    fn check_payments(&mut self, accepted: &BTreeMap<TxId, u64>) -> Payments {
        let mut payments = Payments::default();
        let split = self.is_split_for_good();
        let end = self.setup.seconds * SECOND;
        for submitted in self.submitted.clone() {
            payments.submitted += 1;
            payments.conflicting += u64::from(submitted.in_doubt);
            match accepted.get(&submitted.txid) {
                Some(1) => payments.accepted += 1,
                Some(times) => {
                    self.violate("a payment counts once", format!("{} was accepted {times} times", submitted.txid))
                }
                None if submitted.in_doubt || submitted.at + PAYMENT_SETTLED_US > end || split => {}
                None => {
                    let found = format!("{} of {} s was never accepted", submitted.txid, submitted.at / SECOND);
                    self.violate("nothing valid is lost", found);
                }
            }
        }
        payments
    }

    /// One node's chain again from genesis, every table, commitment and the supply of each asset.
    fn replay(&mut self, node: usize) {
        self.nodes[node].consensus.shutdown();
        let store = self.nodes[node].store.clone();
        if let Err(error) = verify_chain(&self.ground.params, &self.ground.genesis, store, &mut |_| {}) {
            self.violate("a replay gives what is stored", format!("node {node}: {error}"));
        }
    }
}
