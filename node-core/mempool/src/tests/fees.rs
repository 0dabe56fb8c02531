//! Fee estimates.

use proptest::prelude::*;
use umbel_types::TimestampMs;

use super::{filled, pool};
use crate::feerate::FeeEstimate;
use crate::pool::Mempool;
use crate::recent::Paid;
use crate::testutil::{FakeConsensus, NOW, outpoint, tx};

#[test]
fn an_empty_pool_asks_for_the_least_fee() {
    let least = FeeEstimate { next_seconds: 1, within_minute: 1, within_hour: 1, paid: None };
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
    // Of a minute's room, the shortest time that tells a rate, the better paying half.
    let half = 60 * 64 * 1024 / 2;
    let filled = |tx: &usize| txs[*tx..].iter().map(|tx| tx.size_bytes()).sum::<usize>() >= half;
    let filler = (0..txs.len()).rev().find(filled).unwrap();
    assert_eq!(estimate.next_seconds, 1 + filler as u64 / 50);
    let later = TimestampMs(NOW.0 + 600_001);
    assert_eq!(pool.fee_estimate(later).next_seconds, 1);
}

/// Blocks of one second each, `ago` to `until` seconds before `now`, each with `bytes` paid at each of `rates`.
fn accept(pool: &mut Mempool, now: TimestampMs, seconds: std::ops::Range<u64>, bytes: u64, rates: &[u64]) {
    for ago in seconds.rev() {
        for (n, per_mass) in (0u64..).zip(rates) {
            let mut txid = [0; 32];
            txid[..8].copy_from_slice(&(now.0 - ago * 1_000).to_le_bytes());
            txid[8..16].copy_from_slice(&n.to_le_bytes());
            let paid = Paid { per_mass: *per_mass, bytes, state_bytes: bytes / 20 };
            pool.recent.push(umbel_types::TxId(txid), TimestampMs(now.0 - ago * 1_000), Some(paid));
        }
    }
}

fn buckets(estimate: FeeEstimate) -> [u64; 3] {
    [estimate.next_seconds, estimate.within_minute, estimate.within_hour]
}

/// Devnet carries 64 KiB a second: a third of it at high fees needs no one else to pay them.
#[test]
fn a_steady_load_asks_for_the_least_fee_and_shows_what_was_paid() {
    let mut pool = pool();
    accept(&mut pool, NOW, 0..600, 2_000, &[5, 6, 7, 8, 9, 10, 11, 12, 13, 50]);
    let estimate = pool.fee_estimate(NOW);
    assert_eq!((buckets(estimate), estimate.paid), ([1, 1, 1], Some((5, 13))));
}

#[test]
fn congestion_asks_for_what_others_pay_until_it_is_stale() {
    let mut pool = pool();
    accept(&mut pool, NOW, 0..600, 6_000, &[10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    assert_eq!(buckets(pool.fee_estimate(NOW)), [50, 20, 10]);
    // Ten minutes of empty blocks later nothing of it counts; before, it counts less and less.
    let later = |ms| TimestampMs(NOW.0 + ms);
    assert_eq!(buckets(pool.fee_estimate(later(100_000))), [40, 10, 1]);
    assert_eq!(buckets(pool.fee_estimate(later(400_000))), [1, 1, 1]);
    let stale = pool.fee_estimate(later(600_001));
    assert_eq!((buckets(stale), stale.paid), ([1, 1, 1], None));
}

/// A miner gets its own fees back, so it may pay any: with two blocks of five, and others that fill a fifth of the room,
/// it is still not believed.
#[test]
fn a_miner_that_pays_itself_is_not_believed() {
    let mut pool = pool();
    let (own, others) = (64 * 1024 * 2 / 5, 64 * 1024 / 5);
    accept(&mut pool, NOW, 0..600, own, &[1_000_000]);
    accept(&mut pool, TimestampMs(NOW.0 - 1), 0..600, others, &[2]);
    let estimate = pool.fee_estimate(NOW);
    assert_eq!((buckets(estimate), estimate.paid), ([2, 1, 1], Some((2, 1_000_000))));
}

/// Blocks may be full of state while half their bytes are free.
#[test]
fn state_is_scarce_by_itself() {
    let mut pool = pool();
    for ago in (0..600).rev() {
        let paid = Paid { per_mass: 9, bytes: 6_000, state_bytes: 6_000 };
        let mut txid = [0; 32];
        txid[..8].copy_from_slice(&u64::to_le_bytes(ago));
        pool.recent.push(umbel_types::TxId(txid), TimestampMs(NOW.0 - ago * 1_000), Some(paid));
    }
    assert_eq!(buckets(pool.fee_estimate(NOW)), [9, 9, 9]);
    // The same of what waits: forty transactions fill three blocks' state and a tenth of their bytes.
    let (mut pool, consensus) = (super::pool(), FakeConsensus::new(40));
    pool.on_new_virtual(&consensus, NOW).unwrap();
    for n in 0..40 {
        let hungry = tx([outpoint(n)]).coins(0).memos(7).rate(1 + u64::from(n)).build();
        assert!(hungry.state_bytes > 500 && hungry.size_bytes < 2_000, "{hungry:?}");
        pool.admit_candidate(hungry, &consensus, NOW).unwrap();
    }
    assert!(pool.stats().bytes < 3 * 64 * 1024 / 2);
    let [next, minute, hour] = buckets(pool.fee_estimate(NOW));
    assert!(next > 1 && minute == 1 && hour == 1, "{next} {minute} {hour}");
}

/// Many high payers at once: who wants the next seconds has to outbid them, who has an hour need not.
#[test]
fn a_spike_moves_the_near_buckets_only() {
    let (pool, _, _) = filled(std::iter::repeat_n(100, 300));
    assert_eq!(buckets(pool.fee_estimate(NOW)), [101, 1, 1]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Whatever was paid and waits: at least the least fee, less for who waits longer, and never above what anyone paid
    /// or offers.
    #[test]
    fn estimates_keep_their_order(
        accepted in prop::collection::vec((0u64..1_200, 1u64..1_000, 500u64..40_000), 0..200),
        waiting in prop::collection::vec(1u64..1_000, 0..150),
        later in 0u64..900_000,
    ) {
        let (mut pool, _, _) = filled(waiting.iter().copied());
        for (ago, rate, bytes) in &accepted {
            accept(&mut pool, TimestampMs(NOW.0 + rate), *ago..ago + 1, *bytes, &[*rate]);
        }
        let estimate = pool.fee_estimate(TimestampMs(NOW.0 + later));
        let [next, minute, hour] = buckets(estimate);
        prop_assert!(hour >= 1 && minute >= hour && next >= minute);
        let most = accepted.iter().map(|(_, rate, _)| *rate).chain(waiting).max().unwrap_or(0);
        prop_assert!(next <= most + 1);
        prop_assert!(estimate.paid.is_none_or(|(low, high)| low <= high && high <= most));
    }
}
