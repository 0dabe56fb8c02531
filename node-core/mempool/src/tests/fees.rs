//! Templates and fee estimates.

use std::collections::BTreeSet;

use umbel_types::consensus_api::TxSelector;
use umbel_types::errors::TxContextError;
use umbel_types::{TimestampMs, TxId};

use super::{admit, pool};
use crate::feerate::FeeEstimate;
use crate::pool::Mempool;
use crate::testutil::{FakeConsensus, NOW, outpoint, tx};

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

#[test]
fn a_template_holds_no_more_than_fits_and_nothing_twice() {
    let (pool, _, _) = filled((0..300).map(|n| 1 + n % 7));
    let all = pool.stats();
    for seed in 0..20 {
        let mut selector = pool.selector(seed);
        let mut seen = BTreeSet::new();
        let (mut bytes, mut calls) = (0, 0);
        loop {
            let drawn = selector.select(50_000);
            let size: usize = drawn.iter().map(|tx| tx.size_bytes()).sum();
            assert!(size <= 50_000);
            if drawn.is_empty() {
                break;
            }
            bytes += size;
            calls += 1;
            assert!(drawn.iter().all(|tx| seen.insert(tx.txid())), "drawn twice");
            assert!(drawn.is_sorted_by_key(|tx| std::cmp::Reverse(tx.core.fee)), "best first");
        }
        assert_eq!((seen.len(), bytes), (all.count, all.bytes));
        assert!(calls >= all.bytes / 50_000);
    }
    assert!(pool.selector(1).select(10).is_empty());
    assert!(super::pool().selector(1).select(100_000).is_empty());
}

/// Who pays three times as much is drawn 27 times as often.
#[test]
fn weights_are_cubes() {
    let (pool, _, ids) = filled([30, 10, 10, 10]);
    let room = pool.get(ids[0]).unwrap().size_bytes();
    let draws = 6_000u64;
    let first = (0..draws).filter(|seed| pool.selector(*seed).select(room)[0].txid() == ids[0]).count();
    // 27 of 30, within 1.5 %.
    assert!((5_310..=5_490).contains(&first), "{first}");
}

/// Parallel miners do not carry the same transactions.
#[test]
fn seeds_draw_differently() {
    let (pool, _, _) = filled(std::iter::repeat_n(5, 400));
    let ids = |seed| pool.selector(seed).select(64 * 1024).iter().map(|tx| tx.txid()).collect::<BTreeSet<_>>();
    let (a, b) = (ids(1), ids(2));
    assert_eq!(ids(1), a);
    assert!(a.intersection(&b).count() < a.len() / 2, "{} of {}", a.intersection(&b).count(), a.len());
}

#[test]
fn what_a_template_could_not_use_is_looked_at_again() {
    let (mut pool, consensus, ids) = filled([3, 4]);
    let mut selector = pool.selector(1);
    // Consensus moves on while the template is built: the reason is the chain's, not the template's.
    let block = consensus.extend(&[pool.get(ids[0]).unwrap()]);
    assert_eq!(selector.select(100_000).len(), 2);
    selector.reject(ids[0], TxContextError::InputMissing(outpoint(0)));
    selector.reject(TxId([5; 32]), TxContextError::InputMissing(outpoint(0)));
    let rejected = selector.into_rejected();
    assert_eq!(rejected, [ids[0]]);
    let update = pool.settle_rejected(rejected, &consensus, NOW).unwrap();
    assert_eq!(update.removed.len(), 1);
    let accepted = crate::removed::RemovalReason::Accepted { chain_block: block };
    assert_eq!(update.removed[0].reason, accepted);
    // One that is fine stays.
    assert!(pool.settle_rejected([ids[1]], &consensus, NOW).unwrap().removed.is_empty());
    assert!(pool.contains(ids[1]));
}

#[test]
fn an_empty_pool_asks_for_the_least_fee() {
    let least = FeeEstimate { next_seconds: 1, within_minute: 1, within_hour: 1 };
    assert_eq!(pool().fee_estimate(NOW), least);
    let (pool, _, _) = filled([50, 60]);
    assert_eq!(pool.fee_estimate(NOW), least);
}

/// More than three seconds of devnet's 64 KiB wait: the next block asks for more than the last that fits.
#[test]
fn a_full_pool_asks_for_more() {
    let (pool, _, _) = filled(1..=400);
    let size = u64::try_from(pool.stats().bytes / 400).unwrap();
    let estimate = pool.fee_estimate(NOW);
    let ahead = (3 * 64 * 1024u64).div_ceil(size);
    assert_eq!(estimate.next_seconds, 400 - (ahead - 1) + 1);
    assert_eq!((estimate.within_minute, estimate.within_hour), (1, 1));
    assert!(pool.stats().bytes > 3 * 64 * 1024 && pool.stats().bytes < 30 * 64 * 1024);
}

/// Full blocks of the last minutes count even while the pool is empty, and are forgotten.
#[test]
fn full_blocks_are_remembered() {
    let n = 5_000;
    let (mut pool, consensus) = (pool(), FakeConsensus::new(n));
    pool.on_new_virtual(&consensus, NOW).unwrap();
    let mut txs = Vec::new();
    for n in 0..n {
        let tx = tx([outpoint(n)]).rate(1 + u64::from(n) / 50).build();
        pool.admit_candidate(tx.clone(), &consensus, NOW).unwrap();
        txs.push(tx.tx);
    }
    consensus.extend(&txs);
    pool.on_new_virtual(&consensus, NOW).unwrap();
    assert_eq!(pool.stats().count, 0);
    let estimate = pool.fee_estimate(NOW);
    assert!(estimate.next_seconds > estimate.within_minute && estimate.within_minute > estimate.within_hour);
    assert!((48..=52).contains(&estimate.next_seconds) && estimate.within_hour >= 9, "{estimate:?}");
    let later = TimestampMs(NOW.0 + 600_001);
    assert_eq!(pool.fee_estimate(later).next_seconds, 1);
}

#[test]
fn ids_come_best_first() {
    let (mut pool, consensus, ids) = filled([3, 9, 6]);
    let best: Vec<TxId> = pool.ids(2).into_iter().map(|(txid, _)| txid).collect();
    assert_eq!(best, [ids[1], ids[2]]);
    // Of equal ones the first to come is the better one.
    let later = tx([outpoint(0)]).rate(30).build();
    admit(&mut pool, &consensus, &later).unwrap();
    assert_eq!(pool.ids(1)[0].0, later.txid);
}
