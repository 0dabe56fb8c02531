//! Virtual time: events by (time, order of scheduling), nodes, links, and what happens at each event.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use umbel_crypto::coin::{KeyRole, build_payout_key};
use umbel_crypto::keys::address::AddressIndex;
use umbel_crypto::keys::{AccountKeys, Mnemonic};
use umbel_pow::Pow;
use umbel_types::consensus_api::{BlockStatus, ConsensusApi};
use umbel_types::errors::BlockError;
use umbel_types::genesis::{DEVNET_WORDS, GenesisSpec};
use umbel_types::{Block, BlockHash, TimestampMs, Transaction, TxId, Vote};

use crate::delay::Links;
use crate::error::SimError;
use crate::node::{Ground, Heard, Node};
use crate::payments::{User, keys};
use crate::rate::{GENESIS_BITS, params_of};
use crate::report::{Reorganisations, Violation};
use crate::rng::{SimRng, micros};
use crate::setup::Setup;
use crate::validators::{Seen, VOTE_EVERY_US, Validator, at_nodes, of_genesis};

/// Microseconds of a second.
pub const SECOND: u64 = 1_000_000;
/// What is kept of a run that goes wrong: the first ones say what happened.
const MOST_VIOLATIONS: usize = 20;

/// How long a long run knows who made a block.
const FACTS_US: u64 = 300 * SECOND;
/// After how long a block is looked at again that was ahead of the node's clock, at the latest.
const TRY_AGAIN_US: u64 = 5 * SECOND;

/// What goes from node to node.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    Block(Arc<Block>),
    Tx(Arc<Transaction>),
    Vote(Arc<Vote>),
}

/// What happens at a moment.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A node finds a block.
    Found(usize),
    /// A message arrives.
    Arrives { to: usize, message: Message },
    /// A user pays.
    Pays(usize),
    /// A validator looks what there is to vote for.
    Votes(usize),
    /// The attack begins.
    Begins,
    /// The attack ends.
    Ends,
    /// All is compared.
    Compare,
    /// A minute behind the end of the attack.
    Healed,
    /// The scenario asked for it.
    Timer(u32),
}

/// An event in its place.
#[derive(Debug)]
struct Scheduled {
    at: u64,
    order: u64,
    event: Event,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// What is known of a block outside of all nodes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fact {
    pub(crate) made_at: u64,
    /// Whether its maker keeps the rules.
    pub(crate) honest: bool,
    /// What the first node that could say made of it.
    pub(crate) verdict: Option<Fitness>,
}

/// What nodes must agree on about a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fitness {
    /// Its commitments are right.
    Valid,
    /// It can't stand on the chain.
    Disqualified,
    /// It breaks a rule.
    Invalid,
}

impl Fitness {
    pub(crate) fn of(status: BlockStatus) -> Option<Self> {
        match status {
            BlockStatus::StateValid => Some(Self::Valid),
            BlockStatus::Disqualified => Some(Self::Disqualified),
            BlockStatus::Invalid => Some(Self::Invalid),
            BlockStatus::HeaderOnly | BlockStatus::PendingState => None,
        }
    }
}

/// A payment that was handed to the network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Submitted {
    pub(crate) txid: TxId,
    pub(crate) at: u64,
    pub(crate) in_doubt: bool,
}

/// The network in virtual time.
pub struct World {
    /// What the run is made of.
    pub setup: Setup,
    pub(crate) ground: Ground,
    /// Listed nodes, then those in the dark.
    pub nodes: Vec<Node>,
    queue: BinaryHeap<Reverse<Scheduled>>,
    scheduled: u64,
    pub(crate) events: u64,
    links: Links,
    /// Nodes of different groups hear nothing of each other.
    groups: Vec<u8>,
    held: Vec<(usize, usize, Message)>,
    luck: SimRng,
    /// For the scenario's own draws.
    pub rng: SimRng,
    users: Vec<User>,
    pub(crate) submitted: Vec<Submitted>,
    /// Validators, by number.
    pub validators: Vec<Validator>,
    pub(crate) seen: Seen,
    pub(crate) facts: BTreeMap<BlockHash, Fact>,
    pub(crate) reorganisations: Reorganisations,
    /// Figures that only this scenario has.
    pub figures: BTreeMap<&'static str, f64>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) invalid: u64,
    pub(crate) disqualified: u64,
    /// Blocks that nodes took in.
    pub(crate) taken: u64,
    /// Blocks that were made.
    pub(crate) made: u64,
    /// Of those, by nodes that keep the rules.
    pub(crate) made_honest: u64,
    /// Minute, and what the process held then, in KiB.
    pub(crate) memory: Vec<(u64, u64)>,
    /// Removed with the run.
    _folder: Option<tempfile::TempDir>,
}

impl core::fmt::Debug for World {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("World").field("setup", &self.setup).finish_non_exhaustive()
    }
}

impl World {
    /// Starts all nodes, at genesis.
    pub(crate) fn new(setup: Setup) -> Result<Self, SimError> {
        let mut params = params_of(setup.blocks_per_second);
        if let Some(seconds) = setup.merge_depth_s {
            params.merge_depth = seconds * u64::from(setup.blocks_per_second);
        }
        if let Some(seconds) = setup.epoch_s {
            params.epoch_length = seconds * u64::from(setup.blocks_per_second);
        }
        let genesis = genesis(setup.validators);
        let pow = Arc::new(Pow::of(&params));
        let ground = Ground { params, genesis, pow, clock: Arc::new(AtomicU64::new(0)) };
        let count = setup.nodes + setup.hidden;
        let seed = Mnemonic::parse(DEVNET_WORDS).expect("the words are a BIP39 vector").to_seed("");
        let address = AccountKeys::derive(&seed, ground.params.network, 0).address(AddressIndex::DEFAULT);
        let mut rng = SimRng::new(setup.seed, "payouts");
        let folder = if setup.on_disk { Some(tempfile::tempdir()?) } else { None };
        let mut nodes = Vec::with_capacity(count);
        for number in 0..count {
            let payout = build_payout_key(&address, KeyRole::Miner, rng.inner());
            let own = folder.as_ref().map(|folder| folder.path().join(number.to_string()));
            let mut node = Node::start(&ground, payout, own.as_deref())?;
            node.listed = number < setup.nodes;
            node.honest = node.listed;
            node.share = setup.shares.get(number).copied().unwrap_or(0.0);
            nodes.push(node);
        }
        let mut world = Self {
            links: Links::new(setup.seed, count, setup.delay),
            groups: vec![0; count],
            luck: SimRng::new(setup.seed, "mining"),
            rng: SimRng::new(setup.seed, "scenario"),
            users: User::all(setup.seed),
            ground,
            nodes,
            queue: BinaryHeap::new(),
            scheduled: 0,
            events: 0,
            held: Vec::new(),
            submitted: Vec::new(),
            validators: at_nodes(setup.validators, setup.nodes),
            seen: Seen::default(),
            facts: BTreeMap::new(),
            reorganisations: Reorganisations::default(),
            figures: BTreeMap::new(),
            violations: Vec::new(),
            invalid: 0,
            disqualified: 0,
            taken: 0,
            made: 0,
            made_honest: 0,
            memory: Vec::new(),
            _folder: folder,
            setup,
        };
        world.schedule_all();
        Ok(world)
    }

    fn schedule_all(&mut self) {
        for node in 0..self.nodes.len() {
            self.schedule_mining(node);
        }
        let (begins, ends) = self.setup.attack_s;
        self.at(begins * SECOND, Event::Begins);
        self.at(ends * SECOND, Event::Ends);
        self.at((ends + 60) * SECOND, Event::Healed);
        for second in (5..self.setup.seconds).step_by(5) {
            self.at(second * SECOND, Event::Compare);
        }
        for validator in 0..self.validators.len() {
            let first = self.luck.below(VOTE_EVERY_US);
            self.at(SECOND + first, Event::Votes(validator));
        }
        if self.setup.payment_every_s > 0 {
            for user in 0..self.users.len() {
                self.at(SECOND + user as u64 * SECOND, Event::Pays(user));
            }
        }
    }

    /// Virtual time in µs.
    pub fn now(&self) -> u64 {
        self.ground.now_us()
    }

    /// Whether mining has ended.
    pub fn is_over(&self) -> bool {
        self.now() >= self.setup.seconds * SECOND
    }

    /// Whether the attack is going on.
    pub fn under_attack(&self) -> bool {
        let (begins, ends) = self.setup.attack_s;
        (begins * SECOND..ends * SECOND).contains(&self.now())
    }

    pub(crate) fn at(&mut self, at: u64, event: Event) {
        self.scheduled += 1;
        self.queue.push(Reverse(Scheduled { at: at.max(self.now()), order: self.scheduled, event }));
    }

    /// Calls the scenario's timer after so many µs.
    pub fn timer(&mut self, after: u64, tag: u32) {
        self.at(self.now() + after, Event::Timer(tag));
    }

    /// The next event; the clock moves to it.
    pub(crate) fn next_event(&mut self) -> Option<Event> {
        let Reverse(next) = self.queue.pop()?;
        self.events += 1;
        self.ground.clock.store(next.at, Ordering::Relaxed);
        Some(next.event)
    }

    pub(crate) fn violate(&mut self, invariant: &'static str, found: String) {
        if self.violations.len() < MOST_VIOLATIONS {
            self.violations.push(Violation { at_s: self.now() as f64 / 1e6, invariant, found });
        }
    }

    /// When this node finds its next block: a Poisson process, slower as difficulty rises.
    pub(crate) fn schedule_mining(&mut self, node: usize) {
        let (share, difficulty) = (self.nodes[node].share, self.nodes[node].difficulty());
        if share <= 0.0 {
            return;
        }
        let mean = self.ground.params.target_block_time_us as f64 / share * difficulty;
        let at = self.now() + micros(self.luck.exponential(mean));
        if at < self.setup.seconds * SECOND {
            self.at(at, Event::Found(node));
        }
    }

    /// A node's block on all that it knows, with its own clock's time; it takes it in itself.
    ///
    /// # Errors
    /// [`SimError`].
    pub fn mine(&mut self, node: usize) -> Result<Arc<Block>, SimError> {
        let timestamp = self.nodes[node].now();
        self.mine_edited(node, timestamp, |_| {})
    }

    /// A block with a chosen time, changed before it is hashed.
    ///
    /// # Errors
    /// [`SimError`].
    pub fn mine_edited(
        &mut self,
        node: usize,
        timestamp: TimestampMs,
        edit: impl FnOnce(&mut Block),
    ) -> Result<Arc<Block>, SimError> {
        let mut block = self.nodes[node].build(node as u64, timestamp)?;
        edit(&mut block);
        let block = Arc::new(block);
        let fact = Fact { made_at: self.now(), honest: self.nodes[node].honest, verdict: None };
        self.facts.insert(block.hash(), fact);
        self.made += 1;
        self.made_honest += u64::from(fact.honest);
        self.take_in(node, &block)?;
        Ok(block)
    }

    /// Sends a block to every listed node.
    pub fn publish(&mut self, from: usize, block: &Arc<Block>) {
        self.spread(from, &Message::Block(block.clone()));
    }

    /// Sends a block to one node, after the link's delay.
    pub fn send_block(&mut self, from: usize, to: usize, block: &Arc<Block>) {
        self.send(from, to, Message::Block(block.clone()));
    }

    /// Hands a block to one node now, whatever the link says; held while the two can't hear each other.
    pub fn deliver_block(&mut self, from: usize, to: usize, block: &Arc<Block>) {
        let message = Message::Block(block.clone());
        if self.groups[from] == self.groups[to] {
            self.at(self.now(), Event::Arrives { to, message });
        } else {
            self.held.push((from, to, message));
        }
    }

    pub(crate) fn spread(&mut self, from: usize, message: &Message) {
        for to in 0..self.setup.nodes {
            if to != from {
                self.send(from, to, message.clone());
            }
        }
    }

    pub(crate) fn send(&mut self, from: usize, to: usize, message: Message) {
        if self.groups[from] == self.groups[to] {
            let delay = self.links.draw(from, to);
            self.at(self.now() + delay, Event::Arrives { to, message });
        } else {
            self.held.push((from, to, message));
        }
    }

    /// Splits the network: what goes between groups is held.
    pub fn split(&mut self, groups: Vec<u8>) {
        self.groups = groups;
        self.groups.resize(self.nodes.len(), 0);
    }

    /// Joins the network: what was held goes on its way.
    pub fn join(&mut self) {
        self.groups.fill(0);
        for (from, to, message) in core::mem::take(&mut self.held) {
            self.send(from, to, message);
        }
    }

    pub(crate) fn arrive(&mut self, to: usize, message: &Message) -> Result<(), SimError> {
        match message {
            Message::Block(block) => self.take_in(to, block),
            Message::Tx(tx) => {
                let until = self.now() + self.setup.pool_s * SECOND;
                self.nodes[to].pool.push((tx.clone(), until));
                Ok(())
            }
            Message::Vote(vote) => self.take_vote(to, vote),
        }
    }

    /// A node hears of a block, and of those that waited for it.
    ///
    /// # Errors
    /// [`SimError`].
    pub fn take_in(&mut self, node: usize, block: &Arc<Block>) -> Result<(), SimError> {
        let mut open = vec![block.clone()];
        while let Some(block) = open.pop() {
            let hash = block.hash();
            match self.nodes[node].hear(&block) {
                Heard::Taken(status) => {
                    self.taken += 1;
                    if let Some(fitness) = Fitness::of(status) {
                        self.judged(node, hash, fitness);
                    }
                    open.extend(self.nodes[node].released(hash));
                }
                Heard::Waits => {}
                Heard::Early(us) => {
                    // Its clock may be set right meanwhile.
                    let message = Message::Block(block);
                    self.at(self.now() + us.min(TRY_AGAIN_US), Event::Arrives { to: node, message });
                }
                Heard::Refused(error) => {
                    self.refused(node, hash, &error);
                    if matches!(
                        error,
                        BlockError::Commitment { .. } | BlockError::TxContext { .. } | BlockError::Certificate(_)
                    ) {
                        open.extend(self.nodes[node].released(hash));
                    }
                }
            }
        }
        self.look_at(node)
    }

    fn refused(&mut self, node: usize, hash: BlockHash, error: &BlockError) {
        let fitness = match error {
            BlockError::Commitment { .. } | BlockError::TxContext { .. } | BlockError::Certificate(_) => {
                Some(Fitness::Disqualified)
            }
            error if error.is_peer_fault() && !error.is_about_body() => Some(Fitness::Invalid),
            _ => None,
        };
        match fitness {
            Some(Fitness::Disqualified) => self.disqualified += 1,
            Some(Fitness::Invalid) => self.invalid += 1,
            _ => {}
        }
        let honest = self.facts.get(&hash).is_some_and(|fact| fact.honest);
        // What branches off below a final block is lost, whoever made it; after two final chains, each side's is.
        let lost = matches!(error, BlockError::BelowFinality(_)) || self.is_split_for_good();
        if honest && self.nodes[node].honest && !lost {
            self.violate("an honest block is taken in", format!("node {node} refuses {hash}: {error}"));
        }
        if let BlockError::Unavailable(_) = error {
            let why = self.nodes[node].consensus.failure().unwrap_or_default();
            self.violate("consensus goes on", format!("node {node} at {hash}: {error} {why}"));
        }
        if let Some(fitness) = fitness {
            self.judged(node, hash, fitness);
        }
    }

    /// What the nodes made of a block.
    pub(crate) fn verdict(&self, hash: BlockHash) -> Option<Fitness> {
        self.facts.get(&hash)?.verdict
    }

    /// Nodes agree about each block: its commitments follow from its past alone.
    pub(crate) fn judged(&mut self, node: usize, hash: BlockHash, fitness: Fitness) {
        let Some(fact) = self.facts.get_mut(&hash) else { return };
        match fact.verdict {
            None => fact.verdict = Some(fitness),
            Some(first) if first == fitness => {}
            Some(first) => {
                let found = format!("{hash} is {first:?} to one node and {fitness:?} to node {node}");
                self.violate("one past has one state", found);
            }
        }
    }

    /// Looks at what a node's view has become.
    pub(crate) fn look_at(&mut self, number: usize) -> Result<(), SimError> {
        let node = &mut self.nodes[number];
        let sink = node.consensus.virtual_state().sink;
        let before = core::mem::replace(&mut node.sink, sink);
        if !node.honest {
            return Ok(());
        }
        self.look_at_finality(number)?;
        if before == sink {
            return Ok(());
        }
        let node = &self.nodes[number];
        let left = node.consensus.chain_path(before, 0)?.removed;
        if let (Some(first), Some(last)) = (left.first(), left.last()) {
            let top = node.consensus.header(*first)?.blue_score.0;
            let bottom = node.consensus.header(*last)?.blue_score.0;
            let depth = left.len() as u64;
            let seconds = (top - bottom + 1) as f64 / f64::from(self.setup.blocks_per_second);
            let all = &mut self.reorganisations;
            all.count += 1;
            *all.depths.entry(depth).or_default() += 1;
            all.deepest = all.deepest.max(depth);
            all.deepest_s = all.deepest_s.max(seconds);
        }
        Ok(())
    }

    /// A user pays at its node; both sides of a conflict start at different nodes.
    pub(crate) fn pay(&mut self, user: usize) -> Result<(), SimError> {
        let home = user % self.setup.nodes;
        if let Some(paid) = self.users[user].pay(&self.nodes[home])? {
            for (side, tx) in paid.txs.iter().enumerate() {
                let from = (home + side) % self.setup.nodes;
                let submitted = Submitted { txid: tx.txid(), at: self.now(), in_doubt: paid.in_doubt };
                self.submitted.push(submitted);
                self.arrive(from, &Message::Tx(tx.clone()))?;
                self.spread(from, &Message::Tx(tx.clone()));
            }
        }
        let next = self.now() + self.setup.payment_every_s * SECOND;
        if next < self.setup.seconds * SECOND {
            self.at(next, Event::Pays(user));
        }
        Ok(())
    }

    /// Forgets transactions that were offered long enough and, in a long run, what is known of old blocks.
    pub(crate) fn forget_old(&mut self) {
        let now = self.now();
        for node in &mut self.nodes {
            node.pool.retain(|(_, until)| *until > now);
        }
        if self.setup.on_disk {
            self.facts.retain(|_, fact| fact.made_at + FACTS_US > now);
        }
    }

    /// Numbers of the nodes whose view has to hold.
    pub fn honest_nodes(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|n| self.nodes[*n].honest && self.nodes[*n].listed).collect()
    }
}

/// Genesis of a run: the users hold the wallets.
fn genesis(validators: usize) -> GenesisSpec {
    let keys = keys();
    let recipients = core::array::from_fn(|index| keys[index].address());
    let validators = of_genesis(validators, keys[0].address());
    GenesisSpec { recipients, validators, timestamp: umbel_types::genesis::devnet().timestamp, bits: GENESIS_BITS }
}
