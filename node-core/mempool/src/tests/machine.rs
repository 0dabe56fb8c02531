//! Any sequence of admissions, blocks, reorganisations and time: the pool stays within its limits, its indexes agree,
//! and everything that comes and goes is reported once.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use umbel_types::consensus_api::{ConsensusApi, TxSelector};
use umbel_types::{OutPoint, TimestampMs, Transaction, TxId};

use super::{pool_with, waiting};
use crate::admit::Outcome;
use crate::entry::Candidate;
use crate::limits::Limits;
use crate::on_new_virtual::Update;
use crate::pool::Mempool;
use crate::removed::{RemovalReason, Removed};
use crate::testutil::{FakeConsensus, NOW, outpoint, output_of, tx};

const OUTPOINTS: u32 = 16;
const LIMITS: Limits = Limits { max_txs: 8, max_bytes: 12_000, expiry_ms: 50_000, max_replaced: 3 };

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
        1 => (1usize..4, any::<bool>()).prop_map(|(depth, again)| Step::Reorganise { depth, again }),
        1 => (1u64..30_000).prop_map(Step::Wait),
        3 => Just(Step::Follow),
        1 => Just(Step::Settle),
    ]
}

struct Machine {
    pool: Mempool,
    consensus: FakeConsensus,
    now: TimestampMs,
    /// What waits, by the reports alone.
    reported: BTreeSet<TxId>,
    seen: Vec<Candidate>,
    mined: Vec<Vec<Arc<Transaction>>>,
    salt: u64,
}

impl Machine {
    fn new() -> Self {
        let mut pool = pool_with(LIMITS);
        let consensus = FakeConsensus::new(OUTPOINTS);
        pool.on_new_virtual(&consensus, NOW).unwrap();
        Self { pool, consensus, now: NOW, reported: BTreeSet::new(), seen: Vec::new(), mined: Vec::new(), salt: 0 }
    }

    fn left(&mut self, removed: &[Removed]) {
        for Removed { txid, .. } in removed {
            assert!(self.reported.remove(txid), "{txid} left twice or never came");
        }
    }

    fn admit(&mut self, candidate: Candidate) {
        let before = (waiting(&self.pool), self.pool.stats());
        let txid = candidate.txid;
        match self.pool.admit_candidate(candidate, &self.consensus, self.now) {
            Ok(admission) => {
                self.left(&admission.removed);
                let is_new = self.reported.insert(txid);
                assert_eq!(is_new, admission.outcome == Outcome::New);
                let replaced =
                    admission.removed.iter().filter(|r| matches!(r.reason, RemovalReason::Replaced { .. })).count();
                assert!(replaced <= LIMITS.max_replaced);
            }
            Err(_) => assert_eq!((waiting(&self.pool), self.pool.stats()), before, "a refusal changed the pool"),
        }
    }

    fn updated(&mut self, update: &Update) {
        // What is taken back may leave again in the same call, for something better.
        self.reported.extend(update.readmitted.iter().copied());
        self.left(&update.removed);
        self.assert_follows_the_chain();
    }

    /// Every input is unspent, or made by a transaction that waits as well.
    fn assert_follows_the_chain(&self) {
        for txid in waiting(&self.pool) {
            let tx = self.pool.get(txid).unwrap();
            for input in &tx.core.inputs {
                let there = self.consensus.utxo(input.outpoint).unwrap().is_some();
                let parent = TxId::from(input.outpoint.source);
                // A parent that left since is noticed when a template is built.
                let was_pooled = self.seen.iter().any(|c| c.txid == parent);
                assert!(there || was_pooled, "{txid} spends what is not there");
            }
        }
    }

    fn extend(&mut self, txs: Vec<Arc<Transaction>>) {
        self.consensus.extend(&txs);
        self.mined.push(txs);
    }

    fn foreign(&mut self, inputs: &[u32], rate: u64) -> Candidate {
        self.salt += 1;
        tx(inputs.iter().map(|n| outpoint(*n))).rate(rate).salt(self.salt).build()
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
                let txs = self.pool.selector(*seed).select(3_000);
                self.extend(txs);
            }
            Step::MineForeign(txs) => {
                let txs = txs.iter().map(|(inputs, rate)| self.foreign(inputs, *rate)).collect::<Vec<_>>();
                self.seen.extend(txs.iter().cloned());
                self.extend(txs.into_iter().map(|c| c.tx).collect());
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
            Step::Wait(ms) => self.now = TimestampMs(self.now.0 + ms),
            Step::Follow => {
                let update = self.pool.on_new_virtual(&self.consensus, self.now).unwrap();
                self.updated(&update);
                let oldest = self.now.saturating_sub(LIMITS.expiry_ms);
                assert!(self.pool.pool.arrived_before(oldest, 1).is_empty());
            }
            Step::Settle => {
                let all = waiting(&self.pool);
                let update = self.pool.settle_rejected(all, &self.consensus, self.now).unwrap();
                self.updated(&update);
            }
        }
        self.pool.pool.assert_consistent();
        let stats = self.pool.stats();
        assert!(stats.count <= LIMITS.max_txs && stats.bytes <= LIMITS.max_bytes, "{stats:?}");
        assert_eq!(waiting(&self.pool), self.reported.iter().copied().collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_history_keeps_the_pool_in_order(steps in prop::collection::vec(step(), 1..60)) {
        let mut machine = Machine::new();
        for step in &steps {
            machine.run(step);
        }
    }
}
