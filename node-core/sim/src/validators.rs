//! Validators with real keys: those that keep their guard, and those that break it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use umbel_crypto::ml_dsa::{MlDsaContext, MlDsaKey};
use umbel_dag::finality::VoteGuard;
use umbel_types::consensus_api::{ConsensusApi, VoteError};
use umbel_types::genesis::{DEVNET_STAKE, GenesisValidator};
use umbel_types::staking::{Validator as ValidatorRecord, ValidatorStanding};
use umbel_types::state::StateClass;
use umbel_types::vote::vote_message;
use umbel_types::{BlockHash, Checkpoint, Decode, Hash32, Ledger, Link, Vote, ZkAddress};

use crate::error::SimError;
use crate::report::{Finality, Spread};
use crate::world::{Event, Message, SECOND, World};

/// How often a validator looks whether there is something to vote for.
pub(crate) const VOTE_EVERY_US: u64 = SECOND / 2;
/// After how long a vote is offered again to a node whose chain is far behind it.
const OFFER_AGAIN_US: u64 = 5 * SECOND;
/// Most validators of a run.
pub(crate) const MOST_VALIDATORS: usize = 21;

/// How a validator behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// It keeps its guard.
    Honest,
    /// It is away.
    Away,
    /// It votes for whatever each of two nodes proposes.
    Twofold {
        /// A second node whose view it votes for.
        beside: usize,
    },
}

/// A validator.
pub struct Validator {
    key: &'static MlDsaKey,
    pub(crate) hash: Hash32,
    /// Node whose view it votes for.
    pub home: usize,
    conduct: Conduct,
    guard: VoteGuard,
    ever_twofold: bool,
    ever_faulty: bool,
}

impl core::fmt::Debug for Validator {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Validator").field("hash", &self.hash).field("conduct", &self.conduct).finish_non_exhaustive()
    }
}

fn all_keys() -> &'static [MlDsaKey] {
    static KEYS: OnceLock<Vec<MlDsaKey>> = OnceLock::new();
    KEYS.get_or_init(|| (0..MOST_VALIDATORS as u64).map(|n| MlDsaKey::from_seed(&key_seed(n))).collect())
}

/// The key behind a hash.
pub(crate) fn key_of(hash: Hash32) -> Option<&'static MlDsaKey> {
    all_keys().iter().find(|key| key.key_hash() == hash)
}

fn key_seed(number: u64) -> [u8; 32] {
    let mut seed = [0x5a; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    seed
}

/// The first validators of a run, of equal stake.
pub(crate) fn of_genesis(count: usize, owner: ZkAddress) -> Vec<GenesisValidator> {
    let validator = |key: &MlDsaKey| GenesisValidator {
        key: Box::new(key.verifying_key()),
        owner,
        stake: DEVNET_STAKE,
        commission_bps: 0,
    };
    all_keys().iter().take(count).map(validator).collect()
}

/// Each at a node of its own, as far as there are as many.
pub(crate) fn at_nodes(count: usize, nodes: usize) -> Vec<Validator> {
    let validator = |(number, key): (usize, &'static MlDsaKey)| Validator {
        key,
        hash: key.key_hash(),
        home: number % nodes,
        conduct: Conduct::Honest,
        guard: VoteGuard::default(),
        ever_twofold: false,
        ever_faulty: false,
    };
    all_keys().iter().take(count).enumerate().map(validator).collect()
}

/// What was seen of finality from outside.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Final at some honest node.
    finalized: BTreeMap<u32, BlockHash>,
    /// By node: newest final checkpoint, and when it became so.
    by_node: BTreeMap<usize, (Checkpoint, u64)>,
    latencies: Vec<u64>,
    longest_gap: u64,
    votes: u64,
    /// Who voted for what at which node.
    cast: BTreeSet<(Hash32, Link, usize)>,
    conflicting: bool,
}

impl World {
    /// Stake of faulty validators is a third or more: finality promises nothing but evidence.
    pub fn a_third_is_faulty(&self) -> bool {
        let faulty = self.validators.iter().filter(|v| v.ever_twofold).count();
        !self.validators.is_empty() && faulty * 3 >= self.validators.len()
    }

    /// Has a validator behave like this from now on.
    pub fn set_conduct(&mut self, validator: usize, conduct: Conduct) {
        let own = &mut self.validators[validator];
        own.conduct = conduct;
        own.ever_twofold |= matches!(conduct, Conduct::Twofold { .. });
        own.ever_faulty |= conduct != Conduct::Honest;
    }

    /// Two different final chains were seen: nodes of one side can't follow the other any more.
    pub fn is_split_for_good(&self) -> bool {
        self.seen.conflicting
    }

    /// The highest checkpoint that is final at an honest node.
    pub fn highest_final(&self) -> u32 {
        self.seen.by_node.values().map(|(checkpoint, _)| checkpoint.index).max().unwrap_or(0)
    }

    /// Longest time in which nothing became final at an honest node, in seconds, once something had.
    pub fn longest_gap_s(&self) -> f64 {
        self.seen.longest_gap as f64 / 1e6
    }

    /// A validator looks what there is to vote for.
    pub(crate) fn vote(&mut self, validator: usize) -> Result<(), SimError> {
        let Validator { home, conduct, .. } = self.validators[validator];
        match conduct {
            Conduct::Away => {}
            Conduct::Honest => self.vote_at(validator, home, true)?,
            Conduct::Twofold { beside } => {
                self.vote_at(validator, home, false)?;
                self.vote_at(validator, beside, false)?;
            }
        }
        let next = self.now() + VOTE_EVERY_US;
        if next < self.setup.seconds * SECOND {
            self.at(next, Event::Votes(validator));
        }
        Ok(())
    }

    /// Votes for what a node proposes, and tells everyone that the node can reach.
    fn vote_at(&mut self, validator: usize, node: usize, guarded: bool) -> Result<(), SimError> {
        let Some(proposal) = self.nodes[node].consensus.vote_proposal()? else { return Ok(()) };
        let own = &mut self.validators[validator];
        let is_member = proposal.set.iter().any(|member| member.key_hash == own.hash);
        if !is_member || (guarded && !own.guard.may_sign(&proposal.link)) {
            return Ok(());
        }
        own.guard = own.guard.behind(&proposal.link);
        let vote = self.signed(validator, proposal.epoch, proposal.link);
        self.cast(node, &vote)
    }

    fn signed(&self, validator: usize, epoch: u64, link: Link) -> Arc<Vote> {
        let Validator { key, hash, .. } = self.validators[validator];
        let genesis = self.nodes[0].consensus.genesis_hash();
        let chain = self.ground.params.chain_id;
        let message = vote_message(chain, genesis, epoch, hash, &link);
        let signature = Box::new(key.sign(MlDsaContext::Vote, &message));
        Arc::new(Vote { chain, genesis, epoch, validator: hash, link, signature })
    }

    /// Gives a vote to a node and to all that it can reach; one that the node knows is not sent again.
    fn cast(&mut self, node: usize, vote: &Arc<Vote>) -> Result<(), SimError> {
        if self.seen.cast.insert((vote.validator, vote.link, node)) {
            self.seen.votes += 1;
            self.take_vote(node, vote)?;
            self.spread(node, &Message::Vote(vote.clone()));
        }
        Ok(())
    }

    /// A vote comes to a node.
    pub(crate) fn take_vote(&mut self, node: usize, vote: &Arc<Vote>) -> Result<(), SimError> {
        match self.nodes[node].consensus.submit_vote(Vote::clone(vote)) {
            // A node far behind asks for it again.
            Err(VoteError::TooNew { .. }) if !self.is_over() => {
                let message = Message::Vote(vote.clone());
                self.at(self.now() + OFFER_AGAIN_US, Event::Arrives { to: node, message });
            }
            Err(error) if error.is_peer_fault() => {
                self.violate("a signed vote is taken", format!("node {node} refuses a vote: {error}"));
            }
            Ok(_) | Err(_) => {}
        }
        self.look_at(node)
    }

    /// Looks whether something became final at an honest node.
    pub(crate) fn look_at_finality(&mut self, number: usize) -> Result<(), SimError> {
        let now = self.now();
        let genesis = self.nodes[number].consensus.genesis_hash();
        let finalized = self.nodes[number].consensus.finality().finalized;
        let start = (Checkpoint { index: 0, block: genesis }, 0);
        let (before, since) = *self.seen.by_node.entry(number).or_insert(start);
        if finalized == before {
            return Ok(());
        }
        self.seen.by_node.insert(number, (finalized, now));
        if before.index > 0 {
            self.seen.longest_gap = self.seen.longest_gap.max(now - since);
        }
        if finalized.index <= before.index || !self.is_on_chain(number, before.block)? {
            let found = format!("node {number} had {before:?} final and now {finalized:?}");
            self.violate("what is final stays final", found);
        }
        let below = self.seen.finalized.range(..=finalized.index).next_back().map(|(index, block)| (*index, *block));
        if let Some((index, block)) = below {
            let same = index == finalized.index && block == finalized.block;
            if !same && (index == finalized.index || !self.is_on_chain(number, block)?) {
                self.conflict(format!("node {number} has {finalized:?} final, another {index} {block}"));
            }
        }
        self.seen.finalized.entry(finalized.index).or_insert(finalized.block);
        let mut at = finalized.block;
        while at != before.block && at != genesis {
            if let Some(fact) = self.facts.get(&at) {
                self.seen.latencies.push(now - fact.made_at);
            }
            at = self.nodes[number].consensus.block_summary(at)?.selected_parent;
        }
        Ok(())
    }

    fn conflict(&mut self, found: String) {
        self.seen.conflicting = true;
        if !self.a_third_is_faulty() {
            self.violate("no two final chains while less than a third breaks the rules", found);
        }
    }

    fn is_on_chain(&self, node: usize, block: BlockHash) -> Result<bool, SimError> {
        let consensus = &self.nodes[node].consensus;
        // A block that never was on the node's chain has no way from it.
        Ok(consensus.chain_path(block, 0).is_ok_and(|path| path.removed.is_empty()))
    }

    /// Validators that some honest node has evidence against.
    pub(crate) fn accused(&self) -> Vec<Hash32> {
        let mut all: Vec<Hash32> = Vec::new();
        for node in self.honest_nodes() {
            all.extend(self.nodes[node].consensus.evidence().iter().map(|evidence| evidence.first.validator));
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Validators that a node's state has slashed.
    pub fn slashed(&self, node: usize) -> Result<usize, SimError> {
        let states = self.nodes[node].consensus.states(Ledger::Governance)?;
        let records = states.iter().filter(|state| state.class == StateClass::Validator);
        let read = records.filter_map(|state| ValidatorRecord::from_bytes(&state.body).ok());
        Ok(read.filter(|record| matches!(record.standing, ValidatorStanding::Slashed { .. })).count())
    }

    /// Nobody is accused who kept its guard; whoever voted twofold on two chains that both became final is.
    pub(crate) fn check_evidence(&mut self) {
        let accused = self.accused();
        let wronged = self.validators.iter().find(|v| !v.ever_twofold && accused.contains(&v.hash)).map(|v| v.hash);
        if let Some(wronged) = wronged {
            let found = format!("evidence against {wronged}, which kept its guard");
            self.violate("nobody is accused who kept the rules", found);
        }
        if self.seen.conflicting && accused.len() * 3 < self.validators.len() {
            let found =
                format!("two final chains, and evidence against {} of {}", accused.len(), self.validators.len());
            self.violate("two final chains leave evidence against a third", found);
        }
    }

    /// At the end all honest nodes have the same final, and not far behind the sink.
    pub(crate) fn check_finality_goes_on(&mut self) {
        let away = self.validators.iter().filter(|v| v.conduct == Conduct::Away).count();
        if self.validators.is_empty() || self.is_split_for_good() || away * 3 >= self.validators.len() {
            return;
        }
        let nodes = self.honest_nodes();
        let statuses: Vec<_> = nodes.iter().map(|node| self.nodes[*node].consensus.finality()).collect();
        for (node, status) in nodes.iter().zip(&statuses) {
            if status.late || !status.overlay_on {
                let found = format!(
                    "node {node}: checkpoint {} is final, {} of blue score behind",
                    status.finalized.index, status.gap
                );
                self.violate("finality goes on", found);
            }
            if status.finalized != statuses[0].finalized {
                let found =
                    format!("node {node} has {:?} final, another {:?}", status.finalized, statuses[0].finalized);
                self.violate("all agree in the end", found);
            }
        }
    }

    /// What is said of finality at the end.
    pub(crate) fn finality_report(&self) -> Option<Finality> {
        if self.validators.is_empty() {
            return None;
        }
        Some(Finality {
            validators: self.validators.len(),
            faulty: self.validators.iter().filter(|v| v.ever_faulty).count(),
            finalized: self.highest_final(),
            votes: self.seen.votes,
            accused: self.accused().len(),
            conflicting: self.seen.conflicting,
            latency: Spread::of(self.seen.latencies.clone()),
            longest_gap_s: self.longest_gap_s(),
        })
    }
}
