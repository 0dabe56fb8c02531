//! A network of miners on umbel-dag's rules, headers only, in virtual time.
//!
//! Hashes are a Poisson process: a miner's next block comes after an exponential time at its own hash rate and the target
//! of its own template. A block reaches every other miner after a delay of its own, so blocks are mined side by side, and
//! colouring, DAA score, past median time and difficulty see what they see on a live network.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use umbel_dag::daa::DaaRule;
use umbel_dag::depth::DepthError;
use umbel_dag::difficulty::DifficultyAlgorithm;
use umbel_dag::ghostdag::SortableBlock;
use umbel_dag::replay::headers::{HeaderError, HeaderReplay, PreparedHeader};
use umbel_dag::{GhostdagError, GhostdagReader, HeaderFacts, HeaderReader};
use umbel_types::params::MAX_TIME_AHEAD_MS;
use umbel_types::{BlockHash, BlueScore, CompactTarget, DaaScore, Params, TimestampMs};

use crate::delay::Delay;
use crate::rng::{SimRng, micros};

use super::scenario::{Conduct, EVENT_S, Presence, Scenario, Skew};

/// Shares of the honest miners in the honest hash rate.
const HONEST: [f64; 5] = [0.3, 0.25, 0.2, 0.15, 0.1];
/// The attacker's number; the honest ones follow.
const ATTACKER: usize = 0;
/// The miner through whose eyes the network is measured.
const OBSERVER: usize = 1;
/// Time until another miner has a block.
const DELAY: Delay = Delay::Uniform { min_us: 100_000, max_us: 900_000 };
/// Seconds between two looks of somebody who decides whether to mine.
const TICK_S: u64 = 10;
/// Seconds between two samples.
pub(super) const SAMPLE_S: u64 = 60;
/// Bits of genesis: any that leave room on both sides. At this difficulty a hash rate of 1 keeps the rate.
const GENESIS_BITS: CompactTarget = CompactTarget(0x1b00_ffff);
/// Genesis' timestamp is long after 1970: the past median time may lie before it.
const GENESIS_MS: u64 = 1_800_000_000_000;
/// Room above a miner's last target for its next one; a target moves by far less between two templates.
const HEADROOM: f64 = 1.25;

/// What is seen once a minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Virtual time in seconds.
    pub second: u64,
    /// Expected block rate of the public network, as a part of the target rate.
    pub rate: f64,
    /// Target of the next block, as a multiple of genesis'.
    pub ease: f64,
    /// DAA score of the next block.
    pub daa_score: u64,
    /// The attacker's branch, while it withholds one.
    pub branch: Option<Branch>,
}

/// A withheld branch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Branch {
    /// Target of its next block, as a multiple of the public network's next.
    pub ease: f64,
    /// Blue score that the public network has gained since it forked off.
    pub depth: u64,
    /// Blocks that its hashes find, as a multiple of what they would find on the public network.
    pub yield_ratio: f64,
}

/// Hashes and rewards of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Account {
    /// Hashes tried, in expected blocks at genesis' bits.
    pub hashes: f64,
    /// Blocks that pay it (R10).
    pub rewards: u64,
}

/// What a run leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// One a minute.
    pub samples: Vec<Sample>,
    /// The attacker's, from the event on.
    pub attacker: Account,
    /// Everybody else's, from the event on.
    pub honest: Account,
    /// Blocks mined.
    pub blocks: usize,
    /// Red blocks that the selected chain merged.
    pub reds: usize,
}

struct Block {
    id: BlockHash,
    parents: Vec<usize>,
    miner: usize,
    mined_us: u64,
    /// When each miner has it; `u64::MAX` for never.
    known_us: Vec<u64>,
}

struct Miner {
    hash_rate: f64,
    /// Everything it tried, from the event on.
    hashes: f64,
    /// Target that its next template stays below, as a multiple of genesis'.
    bound: f64,
    tips: Vec<(SortableBlock, usize)>,
    inbox: BinaryHeap<Reverse<(u64, usize)>>,
    mined: u64,
}

pub(super) struct World<'a> {
    params: &'a Params,
    scenario: &'a Scenario,
    rng: SimRng,
    replay: HeaderReplay,
    blocks: Vec<Block>,
    numbers: BTreeMap<BlockHash, usize>,
    miners: Vec<Miner>,
    now_us: u64,
    /// Blue score at which the attacker's branch forked off, once it has one.
    fork: Option<BlueScore>,
    /// Blocks expected since then: of its own, and of the same hashes on the public network.
    yields: (f64, f64),
}

impl<'a> World<'a> {
    pub(super) fn new(
        params: &'a Params,
        scenario: &'a Scenario,
        rule: impl FnOnce(&Params, HeaderFacts) -> Box<dyn DifficultyAlgorithm>,
        seed: u64,
    ) -> Self {
        let mut rng = SimRng::new(seed, "difficulty");
        let genesis = random_id(&mut rng);
        let facts = HeaderFacts {
            timestamp: TimestampMs(GENESIS_MS - scenario.late_s * 1_000),
            bits: GENESIS_BITS,
            daa_score: DaaScore(0),
            blue_score: BlueScore(0),
        };
        let replay = HeaderReplay::with_rule(params, genesis, facts, rule(params, facts));
        let tip = (SortableBlock { blue_work: umbel_types::BlueWork::ZERO, hash: genesis }, 0);
        let miners: Vec<Miner> = (0..=HONEST.len())
            .map(|_| Miner {
                hash_rate: 0.0,
                hashes: 0.0,
                bound: HEADROOM,
                tips: vec![tip],
                inbox: BinaryHeap::new(),
                mined: 0,
            })
            .collect();
        let first =
            Block { id: genesis, parents: Vec::new(), miner: OBSERVER, mined_us: 0, known_us: vec![0; miners.len()] };
        Self {
            params,
            scenario,
            rng,
            replay,
            blocks: vec![first],
            numbers: BTreeMap::from([(genesis, 0)]),
            miners,
            now_us: 0,
            fork: None,
            yields: (0.0, 0.0),
        }
    }

    /// Runs the scenario to its end.
    pub(super) fn run(mut self) -> Result<Run, HeaderError> {
        let mut samples = Vec::new();
        for tick in 0..self.scenario.length_s / TICK_S {
            let second = tick * TICK_S;
            let mut sample = self.look(second)?;
            self.decide(second, &sample);
            sample.rate = self.public_hash_rate() * sample.ease;
            if second.is_multiple_of(SAMPLE_S) {
                samples.push(sample);
            }
            self.mine_until((second + TICK_S) * 1_000_000)?;
        }
        self.finish(samples)
    }

    fn mine_until(&mut self, end_us: u64) -> Result<(), HeaderError> {
        loop {
            let per_second = f64::from(self.params.blocks_per_second);
            let rates: Vec<f64> = self.miners.iter().map(|miner| miner.hash_rate * miner.bound * per_second).collect();
            let total: f64 = rates.iter().sum();
            let wait_us = if total > 0.0 { self.rng.exponential(1e6 / total) } else { f64::INFINITY };
            let left_us = end_us - self.now_us;
            let is_over = wait_us >= left_us as f64;
            let step_us = if is_over { left_us } else { micros(wait_us) };
            self.now_us += step_us;
            if self.now_us > self.scenario.event_s() * 1_000_000 {
                for miner in &mut self.miners {
                    miner.hashes += miner.hash_rate * per_second * step_us as f64 / 1e6;
                }
            }
            if is_over {
                return Ok(());
            }
            let mut point = self.rng.unit() * total;
            let hit = rates.iter().position(|rate| {
                point -= rate;
                point < 0.0
            });
            self.try_block(hit.unwrap_or(OBSERVER))?;
        }
    }

    /// A hash that meets the miner's bound: a block, if it meets the target as well.
    fn try_block(&mut self, miner: usize) -> Result<(), HeaderError> {
        self.receive(miner);
        let (parents, prepared) = self.template(miner)?;
        let ease = ease_of(prepared.bits);
        let is_block = self.rng.unit() < ease / self.miners[miner].bound;
        self.miners[miner].bound = HEADROOM * ease;
        if !is_block {
            return Ok(());
        }
        let timestamp = self.timestamp(miner, prepared.past_median_time);
        let id = random_id(&mut self.rng);
        let number = self.blocks.len();
        let known_us: Vec<u64> = (0..self.miners.len())
            .map(|other| {
                let delay = DELAY.draw(&mut self.rng);
                let own = other == miner;
                let hidden = self.fork.is_some() && (miner == ATTACKER || other == ATTACKER);
                let arrival = match (own, hidden) {
                    (true, _) => self.now_us,
                    (false, true) => return u64::MAX,
                    (false, false) => self.now_us + delay,
                };
                parents.iter().map(|&parent| self.blocks[parent].known_us[other]).fold(arrival, u64::max)
            })
            .collect();
        let hashes: Vec<BlockHash> = parents.iter().map(|&parent| self.blocks[parent].id).collect();
        self.replay.place(id, &hashes, prepared, timestamp)?;
        for (other, &at) in known_us.iter().enumerate().filter(|(_, at)| **at != u64::MAX) {
            self.miners[other].inbox.push(Reverse((at, number)));
        }
        self.blocks.push(Block { id, parents, miner, mined_us: self.now_us, known_us });
        self.numbers.insert(id, number);
        self.miners[miner].mined += 1;
        self.receive(miner);
        Ok(())
    }

    fn timestamp(&self, miner: usize, past_median_time: TimestampMs) -> TimestampMs {
        let now = GENESIS_MS + self.now_us / 1_000;
        let least = past_median_time.0 + 1;
        let attacks = miner == ATTACKER && self.now_us >= EVENT_S * 1_000_000;
        let wanted = match self.scenario.attacker.map(|attacker| attacker.conduct) {
            Some(Conduct::Skew(Skew::Ahead) | Conduct::Withhold) if attacks => now + MAX_TIME_AHEAD_MS,
            Some(Conduct::Skew(Skew::Back)) if attacks => least,
            Some(Conduct::Skew(Skew::Alternating)) if attacks => {
                if self.miners[miner].mined.is_multiple_of(2) {
                    least
                } else {
                    now + MAX_TIME_AHEAD_MS
                }
            }
            _ => now,
        };
        TimestampMs(wanted.max(least))
    }

    /// Takes in what has arrived.
    fn receive(&mut self, miner: usize) {
        let Self { miners, blocks, replay, now_us, .. } = self;
        let miner = &mut miners[miner];
        while let Some(&Reverse((at, number))) = miner.inbox.peek()
            && at <= *now_us
        {
            miner.inbox.pop();
            let block = &blocks[number];
            miner.tips.retain(|(_, tip)| !block.parents.contains(tip));
            if let Ok(key) = SortableBlock::read(replay.dag(), block.id) {
                miner.tips.push((key, number));
            }
        }
    }

    /// Parents and header of the miner's next block: the heaviest tips that may be merged.
    fn template(&mut self, miner: usize) -> Result<(Vec<usize>, PreparedHeader), HeaderError> {
        let mut tips = self.miners[miner].tips.clone();
        tips.sort_unstable_by(|a, b| b.cmp(a));
        tips.truncate(self.params.max_parents);
        loop {
            let hashes: Vec<BlockHash> = tips.iter().map(|(key, _)| key.hash).collect();
            match self.replay.prepare(&hashes) {
                Err(
                    HeaderError::Ghostdag(GhostdagError::MergesetTooLarge { .. })
                    | HeaderError::Depth(DepthError::MergeTooDeep(_)),
                ) if tips.len() > 1 => {
                    tips.pop();
                }
                prepared => return Ok((tips.into_iter().map(|(_, number)| number).collect(), prepared?)),
            }
        }
    }

    /// What the next block is like. The rate is left to be filled in, once it is decided who mines.
    fn look(&mut self, second: u64) -> Result<Sample, HeaderError> {
        self.receive(OBSERVER);
        let (_, next) = self.template(OBSERVER)?;
        let ease = ease_of(next.bits);
        let branch = match self.fork {
            None => None,
            Some(fork) => {
                self.receive(ATTACKER);
                let (_, own) = self.template(ATTACKER)?;
                let own_ease = ease_of(own.bits);
                self.yields.0 += own_ease;
                self.yields.1 += ease;
                Some(Branch {
                    ease: own_ease / ease,
                    depth: next.ghostdag.blue_score.0 - fork.0,
                    yield_ratio: self.yields.0 / self.yields.1,
                })
            }
        };
        Ok(Sample { second, rate: 0.0, ease, daa_score: next.daa_score.0, branch })
    }

    fn public_hash_rate(&self) -> f64 {
        let public = self.miners.iter().enumerate().filter(|(n, _)| self.fork.is_none() || *n != ATTACKER);
        public.map(|(_, miner)| miner.hash_rate).sum()
    }

    /// Sets everybody's hash rate for the next ten seconds.
    fn decide(&mut self, second: u64, sample: &Sample) {
        let factor = self.scenario.factor_at(second);
        let (own, honest) = match self.scenario.attacker {
            None => (0.0, 1.0),
            Some(attacker) => {
                let presence = match attacker.conduct {
                    Conduct::OnOff(presence) => Some(presence),
                    Conduct::Skew(_) | Conduct::Withhold => None,
                };
                let was_here = self.miners[ATTACKER].hash_rate > 0.0;
                let difficulty = 1.0 / sample.ease;
                let is_here = match presence {
                    None => true,
                    Some(_) if second < EVENT_S => false,
                    Some(Presence::Thresholds(come, leave)) => difficulty < if was_here { leave } else { come },
                    Some(Presence::Period(period)) => (second - EVENT_S) % period < period / 2,
                };
                let own = if is_here { attacker.hash_rate } else { 0.0 };
                (own, if presence.is_some() { 1.0 } else { 1.0 - attacker.hash_rate })
            }
        };
        let rates = std::iter::once(own).chain(HONEST.iter().map(|share| share * honest));
        for (miner, rate) in self.miners.iter_mut().zip(rates) {
            if miner.hash_rate == 0.0 {
                miner.bound = HEADROOM * sample.ease;
            }
            miner.hash_rate = rate * factor;
        }
        let withholds = self.scenario.attacker.is_some_and(|attacker| attacker.conduct == Conduct::Withhold);
        if withholds && second >= EVENT_S && self.fork.is_none() {
            self.receive(ATTACKER);
            // What is on its way no longer counts: the branch has no foreign block.
            self.miners[ATTACKER].inbox.clear();
            let tip = self.miners[ATTACKER].tips.iter().max();
            let facts = tip.and_then(|(key, _)| self.replay.dag().header_facts(key.hash).ok());
            self.fork = facts.map(|facts| facts.blue_score);
        }
    }

    /// Who is paid for what, by R10, along the observer's selected chain.
    fn finish(self, samples: Vec<Sample>) -> Result<Run, HeaderError> {
        let (mut attacker, mut honest) = (Account::default(), Account::default());
        for (number, miner) in self.miners.iter().enumerate() {
            if number == ATTACKER { attacker.hashes += miner.hashes } else { honest.hashes += miner.hashes }
        }
        let daa = DaaRule::new(self.params);
        let dag = self.replay.dag();
        let event_us = self.scenario.event_s() * 1_000_000;
        let mut reds = 0;
        let mut current = self.miners[OBSERVER].tips.iter().max().map(|(key, _)| key.hash);
        while let Some(hash) = current {
            let data = dag.ghostdag(hash)?;
            if data.is_genesis() {
                break;
            }
            let old = daa.calc(dag, &data)?.mergeset_non_daa;
            let merging = self.numbers.get(&hash).map(|&number| self.blocks[number].miner);
            reds += data.mergeset_reds.len();
            let blues = data.mergeset_blues.iter().map(|block| (block, true));
            for (block, is_blue) in blues.chain(data.mergeset_reds.iter().map(|block| (block, false))) {
                let Some(&number) = self.numbers.get(block).filter(|_| !old.contains(block)) else { continue };
                let own = &self.blocks[number];
                if number > 0 && own.mined_us >= event_us {
                    let paid = if is_blue { Some(own.miner) } else { merging };
                    if paid == Some(ATTACKER) { attacker.rewards += 1 } else { honest.rewards += 1 }
                }
            }
            current = Some(data.selected_parent);
        }
        Ok(Run { samples, attacker, honest, blocks: self.blocks.len(), reds })
    }
}

fn random_id(rng: &mut SimRng) -> BlockHash {
    let mut id = [0u8; 32];
    for part in id.chunks_exact_mut(8) {
        part.copy_from_slice(&rng.next_u64().to_be_bytes());
    }
    BlockHash(id)
}

/// A target as a multiple of genesis'.
fn ease_of(bits: CompactTarget) -> f64 {
    let wide = |bits: CompactTarget| {
        let target = bits.to_target().unwrap_or_default();
        target.as_limbs().iter().rev().fold(0.0, |sum, &limb| sum * 2f64.powi(64) + limb as f64)
    };
    wide(bits) / wide(GENESIS_BITS)
}
