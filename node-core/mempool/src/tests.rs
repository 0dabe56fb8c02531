//! The pool against a small consensus.

#![cfg_attr(not(test), allow(dead_code, reason = "the fuzzer drives the machine alone"))]
#![allow(clippy::unwrap_used, reason = "a test that unwraps fails, which is its purpose")]

#[cfg(test)]
mod chain;
#[cfg(test)]
mod fees;
pub(crate) mod machine;
#[cfg(all(test, target_os = "linux"))]
mod memory;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod selection;

use umbel_types::consensus_api::ConsensusApi;
use umbel_types::{Network, Params, TxId};

use crate::admit::Admission;
use crate::entry::Candidate;
use crate::error::MempoolErrorKind;
use crate::limits::Limits;
use crate::pool::Mempool;
use crate::testutil::{FakeConsensus, NOW, outpoint, tx};

fn pool() -> Mempool {
    pool_with(Limits::default())
}

fn pool_with(limits: Limits) -> Mempool {
    Mempool::new(&Params::of(Network::Devnet), limits)
}

fn admit(pool: &mut Mempool, consensus: &dyn ConsensusApi, tx: &Candidate) -> Result<Admission, MempoolErrorKind> {
    let result = pool.admit_candidate(tx.clone(), consensus, NOW);
    pool.pool.assert_consistent();
    result.map_err(|error| {
        assert_eq!(error.txid, tx.txid);
        error.kind
    })
}

fn waiting(pool: &Mempool) -> Vec<TxId> {
    let mut ids: Vec<TxId> = pool.ids(usize::MAX).into_iter().map(|(txid, _)| txid).collect();
    ids.sort_unstable();
    ids
}

/// A pool with one transaction for each feerate given.
fn filled(rates: impl IntoIterator<Item = u64>) -> (Mempool, FakeConsensus, Vec<TxId>) {
    let rates: Vec<u64> = rates.into_iter().collect();
    let n = u32::try_from(rates.len()).unwrap();
    let (mut pool, consensus) = (pool(), FakeConsensus::new(n));
    pool.on_new_virtual(&consensus, NOW).unwrap();
    let mut ids = Vec::new();
    for (rate, n) in rates.into_iter().zip(0..n) {
        let tx = tx([outpoint(n)]).rate(rate).build();
        pool.admit_candidate(tx.clone(), &consensus, NOW).unwrap();
        ids.push(tx.txid);
    }
    pool.pool.assert_consistent();
    (pool, consensus, ids)
}
