//! Any sequence of admissions, blocks, reorganisations and time, against a model that knows nothing of indexes: who is
//! taken and who has to leave, that everything that comes and goes is reported once with a reason that is true, that what
//! stays can be accepted or has something to wait for, and that templates are full and right.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use umbel_types::consensus_api::{ConsensusApi, TxSelector};
use umbel_types::errors::TxContextError;
use umbel_types::{OutPoint, TimestampMs, Transaction, TxId};

use super::{pool_with, waiting};
use crate::admit::{Admission, Outcome};
use crate::entry::Candidate;
use crate::error::{MempoolError, MempoolErrorKind};
use crate::limits::Limits;
use crate::on_new_virtual::Update;
use crate::pool::Mempool;
use crate::removed::{RemovalReason, Removed};
use crate::testutil::{FakeConsensus, NOW, outpoint, output_of, room, tx};

const OUTPOINTS: u32 = 16;
const LIMITS: Limits = Limits { max_txs: 8, max_held_bytes: 22_000, expiry_ms: 50_000, max_replaced: 3 };

#[derive(Clone, Debug)]
enum Step {
    Admit {
        inputs: Vec<u32>,
        chained: Option<prop::sample::Index>,
        rate: u64,
        until: Option<u64>,
    },
    AdmitAgain(prop::sample::Index),
    /// A block from the pool's own selector.
    Mine(u64),
    /// A block of transactions that this pool may never have seen.
    MineForeign(Vec<(Vec<u32>, u64)>),
    /// A block off the chain carries transactions, some of the pool's and some that it may never have seen.
    Carry(u64, Vec<(Vec<u32>, u64)>),
    /// The chain accepts what is carried.
    Merge,
    Reorganise {
        depth: usize,
        again: bool,
    },
    Wait(u64),
    Follow,
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    let inputs = || prop::collection::vec(0..OUTPOINTS, 1..4);
    prop_oneof![
        8 => (
            inputs(),
            prop::option::weighted(0.2, any::<prop::sample::Index>()),
            1u64..30,
            prop::option::weighted(0.2, 60u64..90),
        ).prop_map(|(inputs, chained, rate, until)| Step::Admit { inputs, chained, rate, until }),
        1 => any::<prop::sample::Index>().prop_map(Step::AdmitAgain),
        2 => any::<u64>().prop_map(Step::Mine),
        1 => prop::collection::vec((inputs(), 1u64..5), 0..3).prop_map(Step::MineForeign),
        1 => (any::<u64>(), prop::collection::vec((inputs(), 1u64..5), 0..2))
            .prop_map(|(seed, foreign)| Step::Carry(seed, foreign)),
        1 => Just(Step::Merge),
        1 => (1usize..4, any::<bool>()).prop_map(|(depth, again)| Step::Reorganise { depth, again }),
        1 => (1u64..30_000).prop_map(Step::Wait),
        3 => Just(Step::Follow),
        1 => Just(Step::Settle),
    ]
}

/// What the rules of replacement and eviction say, by comparing everything with everything.
fn model_displaces(pool: &[Candidate], candidate: &Candidate) -> Option<BTreeSet<TxId>> {
    let fee = |c: &Candidate| u128::from(c.tx.core.fee.units());
    let inputs = |c: &Candidate| c.tx.core.inputs.iter().map(|i| i.outpoint).collect::<BTreeSet<_>>();
    let mass = |c: &Candidate| u128::from(c.mass);
    let (conflicting, others): (Vec<_>, Vec<_>) =
        pool.iter().partition(|other| !inputs(other).is_disjoint(&inputs(candidate)));
    if conflicting.len() > LIMITS.max_replaced {
        return None;
    }
    // 110 % of each feerate, and the fees of all with the least fee on top.
    let outbids = |other: &&Candidate| fee(candidate) * mass(other) * 10 >= 11 * fee(other) * mass(candidate);
    let sum: u128 = conflicting.iter().map(|other| fee(other)).sum();
    if !conflicting.is_empty() && (!conflicting.iter().all(outbids) || fee(candidate) < sum + mass(candidate)) {
        return None;
    }
    let mut staying = others;
    // Cheapest last; of equal ones the latest. `pool` is in the order of admission.
    staying.sort_by(|a, b| (fee(b) * mass(a)).cmp(&(fee(a) * mass(b))));
    let mut displaced: BTreeSet<TxId> = conflicting.iter().map(|other| other.txid).collect();
    let held = |staying: &[&Candidate]| staying.iter().map(|c| c.held_bytes).sum::<usize>() + candidate.held_bytes;
    while staying.len() + 1 > LIMITS.max_txs || held(&staying) > LIMITS.max_held_bytes {
        let cheapest = staying.pop()?;
        // One unit more for each unit of mass.
        if fee(candidate) * mass(cheapest) < (fee(cheapest) + mass(cheapest)) * mass(candidate) {
            return None;
        }
        displaced.insert(cheapest.txid);
    }
    Some(displaced)
}

struct Machine {
    pool: Mempool,
    consensus: FakeConsensus,
    now: TimestampMs,
    /// What waits, by the reports alone, in the order of admission.
    reported: Vec<Candidate>,
    seen: Vec<Candidate>,
    mined: Vec<Vec<Arc<Transaction>>>,
    carried: Vec<Arc<Transaction>>,
    /// What the chain had accepted when the pool looked last.
    followed: BTreeSet<TxId>,
    salt: u64,
}

impl Machine {
    fn new() -> Self {
        let mut pool = pool_with(LIMITS);
        let consensus = FakeConsensus::new(OUTPOINTS);
        pool.on_new_virtual(&consensus, NOW).unwrap();
        Self {
            pool,
            consensus,
            now: NOW,
            reported: Vec::new(),
            seen: Vec::new(),
            mined: Vec::new(),
            carried: Vec::new(),
            followed: BTreeSet::new(),
            salt: 0,
        }
    }

    fn known(&self, txid: TxId) -> Candidate {
        self.seen.iter().find(|c| c.txid == txid).expect("the machine made it").clone()
    }

    fn left(&mut self, removed: &[Removed]) {
        for Removed { txid, .. } in removed {
            let at = self.reported.iter().position(|c| c.txid == *txid);
            self.reported.remove(at.unwrap_or_else(|| panic!("{txid} left twice or never came")));
        }
    }

    fn context(&self, candidate: &Candidate) -> Result<(), TxContextError> {
        self.consensus.check_tx_in_virtual_context(&candidate.tx.core).unwrap()
    }

    fn admit(&mut self, candidate: Candidate) {
        let before = (waiting(&self.pool), self.pool.stats());
        let txid = candidate.txid;
        let is_known = self.reported.iter().any(|c| c.txid == txid);
        let displaced = model_displaces(&self.reported, &candidate);
        let considered = self.pool.consider(&candidate.tx, &self.consensus);
        assert_eq!((waiting(&self.pool), self.pool.stats()), before, "looking changed the pool");
        let admitted = self.pool.admit_candidate(candidate.clone(), &self.consensus, self.now);
        assert_eq!(considered, admitted.clone().map(|admission| admission.outcome));
        match admitted {
            Ok(Admission { outcome: Outcome::New, removed, .. }) => {
                assert!(!is_known);
                assert_eq!(self.context(&candidate), Ok(()));
                let gone: BTreeSet<TxId> = removed.iter().map(|r| r.txid).collect();
                assert_eq!(Some(gone), displaced);
                let fees = |of: &mut dyn Iterator<Item = TxId>| of.map(|id| self.known(id).fee().units()).sum::<u64>();
                let is_replaced = |r: &&Removed| matches!(r.reason, RemovalReason::Replaced { .. });
                let replaced = fees(&mut removed.iter().filter(is_replaced).map(|r| r.txid));
                assert!(candidate.fee().units() >= replaced + if replaced > 0 { candidate.mass } else { 0 });
                self.left(&removed);
                self.reported.push(candidate);
            }
            Ok(Admission { removed, .. }) => assert!(is_known && removed.is_empty()),
            Err(MempoolError { kind, .. }) => {
                assert_eq!((waiting(&self.pool), self.pool.stats()), before, "a refusal changed the pool");
                assert!(!is_known);
                match kind {
                    MempoolErrorKind::AlreadyAccepted => {
                        assert!(self.followed.contains(&txid) || self.consensus.accepted().contains(&txid));
                    }
                    MempoolErrorKind::TooManyConflicts { .. }
                    | MempoolErrorKind::Conflict { .. }
                    | MempoolErrorKind::PoolFull { .. }
                    | MempoolErrorKind::LargerThanPool => assert_eq!(displaced, None),
                    MempoolErrorKind::Context(error) => assert_eq!(self.context(&candidate), Err(error)),
                    MempoolErrorKind::SpendsUnaccepted { outpoint, .. } | MempoolErrorKind::InBlock { outpoint } => {
                        assert_eq!(self.context(&candidate), Err(TxContextError::InputMissing(outpoint)));
                    }
                    MempoolErrorKind::Unavailable(error) => panic!("{error}"),
                }
            }
        }
    }

    fn updated(&mut self, update: &Update) {
        let accepted = self.consensus.accepted();
        // What is taken back may leave again in the same call, for something better.
        for txid in &update.readmitted {
            assert!(self.followed.contains(txid) && !accepted.contains(txid));
            let candidate = self.known(*txid);
            self.reported.push(candidate);
        }
        for Removed { txid, reason } in update.removed.iter().chain(&update.lost) {
            let gone = self.known(*txid);
            let shares = |by: &TxId| !Self::inputs(&self.known(*by)).is_disjoint(&Self::inputs(&gone));
            match reason {
                RemovalReason::Accepted { .. } => assert!(accepted.contains(txid)),
                RemovalReason::Conflicted { by } => {
                    assert!(accepted.contains(by) && !accepted.contains(txid) && shares(by), "{by}");
                }
                RemovalReason::Replaced { by } => assert!(shares(by), "{by}"),
                RemovalReason::Expired => {
                    let is_over = matches!(self.context(&gone), Err(TxContextError::Expired { .. }));
                    assert!(is_over || self.now.0 > NOW.0 + LIMITS.expiry_ms);
                }
                RemovalReason::Evicted => {}
                RemovalReason::Stale { .. } => assert!(self.context(&gone).is_err()),
            }
        }
        self.left(&update.removed);
        self.followed = accepted;
    }

    fn inputs(candidate: &Candidate) -> BTreeSet<OutPoint> {
        candidate.tx.core.inputs.iter().map(|i| i.outpoint).collect()
    }

    /// Each can stand in the next block, or is held back and has something to wait for.
    fn assert_follows_the_chain(&self, all_were_checked: bool) {
        for candidate in &self.reported {
            let is_held_back = self.pool.pool.is_blocked(candidate.txid);
            match self.context(candidate) {
                Ok(()) => assert!(!is_held_back, "{} is held back for nothing", candidate.txid),
                Err(TxContextError::InputMissing(outpoint)) => {
                    let is_decided_next = self.consensus.utxo(outpoint).unwrap().is_some();
                    let parent = TxId::from(outpoint.source);
                    // A parent that left in this very call is noticed in the next.
                    let was_pooled = self.seen.iter().any(|c| c.txid == parent);
                    assert!(is_decided_next || was_pooled, "{} spends what is not there", candidate.txid);
                    assert!(is_held_back || (is_decided_next && !all_were_checked), "{}", candidate.txid);
                }
                Err(error) => panic!("{} waits in vain: {error}", candidate.txid),
            }
        }
    }

    fn extend(&mut self, txs: Vec<Arc<Transaction>>) {
        self.consensus.extend(&txs);
        self.mined.push(txs);
    }

    fn foreign(&mut self, txs: &[(Vec<u32>, u64)]) -> Vec<Arc<Transaction>> {
        let mut made = Vec::new();
        for (inputs, rate) in txs {
            self.salt += 1;
            let foreign = tx(inputs.iter().map(|n| outpoint(*n))).rate(*rate).salt(self.salt).build();
            made.push(Arc::clone(&foreign.tx));
            self.seen.push(foreign);
        }
        made
    }

    /// A template: nothing twice, nothing held back, and no room for what was left out.
    fn template(&self, seed: u64) -> Vec<Arc<Transaction>> {
        let mut left = room(3_000);
        let drawn = self.pool.selector(seed).select(left);
        let mut inputs = BTreeSet::new();
        for tx in &drawn {
            assert!(tx.core.inputs.iter().all(|i| inputs.insert(i.outpoint)), "a conflict inside");
            left.bytes -= tx.size_bytes();
            left.state_bytes -= umbel_ledger::mass::state_bytes(&tx.core);
        }
        let ids: BTreeSet<TxId> = drawn.iter().map(|tx| tx.txid()).collect();
        for candidate in &self.reported {
            let is_held_back = self.pool.pool.is_blocked(candidate.txid);
            let fits = candidate.size_bytes <= left.bytes && candidate.state_bytes <= left.state_bytes;
            assert!(if ids.contains(&candidate.txid) { !is_held_back } else { is_held_back || !fits });
        }
        drawn
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Admit { inputs, chained, rate, until } => {
                let parent = chained.filter(|_| !self.seen.is_empty()).map(|i| &self.seen[i.index(self.seen.len())]);
                let inputs: Vec<OutPoint> = match parent {
                    Some(parent) => vec![output_of(parent.txid)],
                    None => inputs.iter().map(|n| outpoint(*n)).collect(),
                };
                self.salt += 1;
                let builder = tx(inputs).salt(self.salt);
                let builder = until.map_or(builder.clone(), |until| builder.valid_until(until));
                let candidate = builder.rate(*rate).build();
                self.seen.push(candidate.clone());
                self.admit(candidate);
            }
            Step::AdmitAgain(index) => {
                if !self.seen.is_empty() {
                    self.admit(self.seen[index.index(self.seen.len())].clone());
                }
            }
            Step::Mine(seed) => {
                let txs = self.template(*seed);
                self.extend(txs);
            }
            Step::MineForeign(txs) => {
                let txs = self.foreign(txs);
                self.extend(txs);
            }
            Step::Carry(seed, foreign) => {
                let mut txs = self.template(*seed);
                txs.extend(self.foreign(foreign));
                self.consensus.carry(&txs);
                self.carried.extend(txs);
            }
            Step::Merge => {
                self.consensus.merge_carried();
                self.mined.push(std::mem::take(&mut self.carried));
            }
            Step::Reorganise { depth, again } => {
                let depth = (*depth).min(self.mined.len());
                self.consensus.rewind(depth);
                let gone = self.mined.split_off(self.mined.len() - depth);
                let longer = if *again { gone } else { Vec::new() };
                for _ in longer.len()..=depth {
                    self.extend(Vec::new());
                }
                for txs in longer.into_iter().skip(1) {
                    self.extend(txs);
                }
            }
            Step::Wait(ms) => {
                self.now = TimestampMs(self.now.0 + ms);
                self.consensus.set_time(self.now);
            }
            Step::Follow => {
                let update = self.pool.on_new_virtual(&self.consensus, self.now).unwrap();
                self.updated(&update);
                self.assert_follows_the_chain(false);
                let oldest = self.now.saturating_sub(LIMITS.expiry_ms);
                assert!(self.pool.pool.arrived_before(oldest, 1).is_empty());
            }
            Step::Settle => {
                let all = waiting(&self.pool);
                let update = self.pool.settle_rejected(all, &self.consensus, self.now).unwrap();
                self.updated(&update);
                self.assert_follows_the_chain(true);
            }
        }
        self.pool.pool.assert_consistent();
        let stats = self.pool.stats();
        assert!(stats.count <= LIMITS.max_txs && stats.held_bytes <= LIMITS.max_held_bytes, "{stats:?}");
        let mut reported: Vec<TxId> = self.reported.iter().map(|c| c.txid).collect();
        reported.sort_unstable();
        assert_eq!(waiting(&self.pool), reported);
    }
}

/// The history that follows from `data`: the strategy of the test, with these bytes as its seed.
#[cfg(feature = "test-util")]
pub fn run(data: &[u8]) {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

    let mut seed = [0u8; 32];
    for (i, byte) in data.iter().enumerate() {
        seed[i % 32] = seed[i % 32].rotate_left(3) ^ byte;
    }
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng);
    let Ok(steps) = prop::collection::vec(step(), 1..40).new_tree(&mut runner) else { return };
    let mut machine = Machine::new();
    for step in &steps.current() {
        machine.run(step);
    }
}

/// Any bytes are a history.
#[cfg(feature = "test-util")]
pub fn seeds() -> Vec<Vec<u8>> {
    (0..8).map(|n| vec![n; 32]).collect()
}

#[cfg(test)]
proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn any_history_keeps_the_pool_in_order(steps in prop::collection::vec(step(), 1..80)) {
        let mut machine = Machine::new();
        for step in &steps {
            machine.run(step);
        }
    }
}

/// 250 histories, or as many as `UMBEL_MEMPOOL_CASES` says.
#[cfg(test)]
fn cases() -> u32 {
    std::env::var("UMBEL_MEMPOOL_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(250)
}
