//! The pool against a small consensus.

mod chain;
mod fees;
mod machine;
mod rules;

use umbel_types::consensus_api::ConsensusApi;
use umbel_types::{Network, Params, TxId};

use crate::admit::Admission;
use crate::entry::Candidate;
use crate::error::MempoolErrorKind;
use crate::limits::Limits;
use crate::pool::Mempool;
use crate::testutil::NOW;

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
