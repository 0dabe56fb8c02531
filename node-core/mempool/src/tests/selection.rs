//! What templates draw.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use umbel_types::TxId;
use umbel_types::consensus_api::{BodyRoom, TxSelector};
use umbel_types::errors::TxContextError;
use umbel_types::params::MAX_BLOCK_STATE_BYTES;

use super::{admit, filled, pool};
use crate::testutil::{FakeConsensus, NOW, outpoint, room, tx};

#[test]
fn a_template_holds_no_more_than_fits_and_nothing_twice() {
    let (pool, _, _) = filled((0..300).map(|n| 1 + n % 7));
    let all = pool.stats();
    for seed in 0..20 {
        let mut selector = pool.selector(seed);
        let mut seen = BTreeSet::new();
        let (mut bytes, mut calls) = (0, 0);
        loop {
            let drawn = selector.select(room(50_000));
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
    assert!(pool.selector(1).select(room(10)).is_empty());
    assert!(super::pool().selector(1).select(room(100_000)).is_empty());
}

/// Who pays three times as much is drawn 27 times as often.
#[test]
fn weights_are_cubes() {
    let (pool, _, ids) = filled([30, 10, 10, 10]);
    let size = pool.get(ids[0]).unwrap().size_bytes();
    let draws = 6_000u64;
    let first = (0..draws).filter(|seed| pool.selector(*seed).select(room(size))[0].txid() == ids[0]).count();
    // 27 of 30, within 1.5 %.
    assert!((5_310..=5_490).contains(&first), "{first}");
}

/// Parallel miners do not carry the same transactions.
#[test]
fn seeds_draw_differently() {
    let (pool, _, _) = filled(std::iter::repeat_n(5, 400));
    let ids = |seed| pool.selector(seed).select(room(64 * 1024)).iter().map(|tx| tx.txid()).collect::<BTreeSet<_>>();
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
    assert_eq!(selector.select(room(100_000)).len(), 2);
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
fn ids_come_best_first() {
    let (mut pool, consensus, ids) = filled([3, 9, 6]);
    let best: Vec<TxId> = pool.ids(2).into_iter().map(|(txid, _)| txid).collect();
    assert_eq!(best, [ids[1], ids[2]]);
    // Of equal ones the first to come is the better one.
    let later = tx([outpoint(0)]).rate(30).build();
    admit(&mut pool, &consensus, &later).unwrap();
    assert_eq!(pool.ids(1)[0].0, later.txid);
}

/// Pairs drawn from six transactions of one size, against the probabilities of drawing one after the other without
/// putting back, computed from the fees alone.
#[test]
#[allow(clippy::float_arithmetic, reason = "the oracle is a statistic; the draw itself knows no floats")]
fn draws_have_the_frequencies_of_weighted_sampling() {
    let rates = [4u64, 5, 6, 7, 8, 9];
    let (pool, _, ids) = filled(rates);
    let weight: Vec<f64> = rates.iter().map(|rate| f64::from(u32::try_from(rate.pow(3)).unwrap())).collect();
    let total: f64 = weight.iter().sum();
    let size = pool.get(ids[0]).unwrap().size_bytes();
    let draws = 20_000u32;
    let mut counts: BTreeMap<(usize, usize), u32> = BTreeMap::new();
    for seed in 0..draws {
        let drawn = pool.selector(u64::from(seed)).select(room(2 * size));
        let mut pair: Vec<usize> = drawn.iter().map(|tx| ids.iter().position(|id| *id == tx.txid()).unwrap()).collect();
        pair.sort_unstable();
        *counts.entry((pair[0], pair[1])).or_default() += 1;
    }
    let mut chi_square = 0.0;
    for a in 0..rates.len() {
        for b in a + 1..rates.len() {
            let first_then = |x: usize, y: usize| weight[x] / total * weight[y] / (total - weight[x]);
            let expected = f64::from(draws) * (first_then(a, b) + first_then(b, a));
            let got = f64::from(counts.get(&(a, b)).copied().unwrap_or(0));
            chi_square += (got - expected).powi(2) / expected;
        }
    }
    // 15 cells, 14 degrees of freedom: above 36.12 with a chance of one in a thousand.
    assert!(chi_square < 36.12, "{chi_square}");
}

/// Two miners who took the best would carry the same; two who draw share little of what they carry.
#[test]
fn parallel_miners_share_less_than_greedy_ones() {
    let (pool, _, _) = filled((0..1_000).map(|n| 1 + n % 20));
    let ids = |seed| pool.selector(seed).select(room(64 * 1024)).iter().map(|tx| tx.txid()).collect::<BTreeSet<_>>();
    let (mut shared, mut carried) = (0, 0);
    for seed in 0..10 {
        let (a, b) = (ids(2 * seed), ids(2 * seed + 1));
        shared += a.intersection(&b).count();
        carried += a.len();
    }
    // Greedy ones share all. By the cubes, a draw of some 60 in 1,000 shares about a sixth.
    assert!(shared * 4 < carried, "{shared} of {carried}");
}

/// Half of the pool takes much state and pays for it: its share of a body is bounded, and the rest is filled.
#[test]
fn state_leaves_room_for_others() {
    let n = 400;
    let (mut pool, consensus) = (pool(), FakeConsensus::new(n));
    pool.on_new_virtual(&consensus, NOW).unwrap();
    let mut hungry = BTreeSet::new();
    for n in 0..n {
        let builder = tx([outpoint(n)]);
        let builder = if n % 2 == 0 { builder.coins(0).memos(20) } else { builder };
        let candidate = builder.rate(3).build();
        if candidate.state_bytes > 0 {
            hungry.insert(candidate.txid);
        }
        pool.admit_candidate(candidate, &consensus, NOW).unwrap();
    }
    assert_eq!(hungry.len(), 200);
    for seed in 0..20 {
        let drawn = pool.selector(seed).select(room(64 * 1024));
        let bytes: usize = drawn.iter().map(|tx| tx.size_bytes()).sum();
        let state: u64 = drawn.iter().map(|tx| umbel_ledger::mass::state_bytes(&tx.core)).sum();
        let hungry = drawn.iter().filter(|tx| hungry.contains(&tx.txid())).count();
        assert!(bytes > 62 * 1024 && bytes <= 64 * 1024, "{bytes}");
        assert!(state <= MAX_BLOCK_STATE_BYTES && state > MAX_BLOCK_STATE_BYTES / 2 && hungry > 0, "{state} {hungry}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// What is drawn fits by each measure, and nothing that was left would fit as well.
    #[test]
    fn a_template_is_full(
        shapes in prop::collection::vec((1u64..30, 0usize..3, 0usize..30), 1..60),
        bytes in 0usize..60_000,
        state_bytes in 0u64..7_000,
        seed in any::<u64>(),
    ) {
        let n = u32::try_from(shapes.len()).unwrap();
        let (mut pool, consensus) = (pool(), FakeConsensus::new(n));
        pool.on_new_virtual(&consensus, NOW).unwrap();
        let mut left = BTreeMap::new();
        for (n, (rate, coins, memos)) in (0..n).zip(&shapes) {
            let tx = tx([outpoint(n)]).coins(*coins).memos(*memos).rate(*rate).build();
            left.insert(tx.txid, (tx.size_bytes, tx.state_bytes));
            pool.admit_candidate(tx, &consensus, NOW).unwrap();
        }
        let mut room = BodyRoom { bytes, state_bytes };
        let mut selector = pool.selector(seed);
        for tx in selector.select(room) {
            let (size, state) = left.remove(&tx.txid()).expect("drawn once");
            prop_assert!(size <= room.bytes && state <= room.state_bytes);
            room = BodyRoom { bytes: room.bytes - size, state_bytes: room.state_bytes - state };
        }
        prop_assert!(left.values().all(|(size, state)| *size > room.bytes || *state > room.state_bytes));
        prop_assert!(selector.select(room).is_empty());
    }
}

/// Time to draw a template from a full pool, beside the least that any way of drawing does: look at each entry once and
/// sort one random key for each. `cargo test --release -p umbel-mempool --lib template_of_a_full_pool -- --ignored
/// --nocapture`
#[test]
#[ignore = "measures, in a release build"]
#[allow(clippy::print_stdout, clippy::float_arithmetic, reason = "a measurement shows its figures")]
fn template_of_a_full_pool() {
    let n = 20_000;
    let (pool, _, _) = filled((0..n).map(|n| 1 + n % 50));
    let time = |work: &mut dyn FnMut(u64)| {
        let mut times: Vec<_> = (0..50)
            .map(|round| {
                let start = std::time::Instant::now();
                work(round);
                start.elapsed()
            })
            .collect();
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64() * 1_000.0
    };
    let template = time(&mut |seed| assert!(pool.selector(seed).select(room(64 * 1024)).len() > 20));
    let floor = time(&mut |seed| {
        let mut state = u128::from(seed);
        let entries = pool.pool.best_first().map(|entry| (entry.size_bytes, std::sync::Arc::clone(&entry.tx)));
        let mut keyed: Vec<_> = entries
            .map(|entry| {
                state = state.wrapping_mul(0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645).wrapping_add(1);
                (state, entry.0)
            })
            .collect();
        keyed.sort_unstable();
        assert!(std::hint::black_box(keyed).len() > 20);
    });
    println!(
        "{} entries: template {template:.2} ms, floor {floor:.2} ms, ratio {:.2}",
        pool.stats().count,
        template / floor
    );
}
