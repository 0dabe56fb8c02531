//! Isolation rules on several threads: they need no state, so that each thread takes a share.

use core::num::NonZeroUsize;
use std::sync::Arc;

use rand_core::CryptoRng;
use umbel_types::Transaction;
use umbel_types::errors::TxRuleError;

use crate::tx_in_isolation::{IsolatedTx, IsolationContext, check_txs_in_isolation};

/// Fewest transactions of a share: a smaller batch saves less than a thread costs.
const MIN_SHARE: usize = 4;

/// [`check_txs_in_isolation`] on at most `threads` threads. `rng` makes each thread's own randomness.
///
/// # Errors
/// Index of a transaction that breaks a rule, and which. Where several do, another than on one thread may be named.
pub fn check_txs_on_threads<R: CryptoRng>(
    txs: &[Arc<Transaction>],
    context: &IsolationContext,
    threads: NonZeroUsize,
    rng: impl Fn() -> R + Sync,
) -> Result<Vec<IsolatedTx>, (usize, TxRuleError)> {
    let share = txs.len().div_ceil(threads.get()).max(MIN_SHARE);
    let check = |part: &[Arc<Transaction>]| check_txs_in_isolation(part, context, &mut rng());
    let Some((own, others)) = txs.split_at_checked(share).filter(|(_, others)| !others.is_empty()) else {
        return check(txs);
    };
    std::thread::scope(|scope| {
        let check = &check;
        let started: Vec<_> = others.chunks(share).map(|part| scope.spawn(move || check(part))).collect();
        let mut isolated = check(own)?;
        for (n, thread) in (1..).zip(started) {
            let checked = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            isolated.extend(checked.map_err(|(index, error)| (n * share + index, error))?);
        }
        Ok(isolated)
    })
}
