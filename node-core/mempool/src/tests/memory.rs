//! What the pool says that it holds, against what the process takes from the system.

use std::sync::Arc;

use umbel_types::{Decode, Encode, Transaction};

use super::pool_with;
use crate::entry::Candidate;
use crate::limits::Limits;
use crate::testutil::{FakeConsensus, NOW, TxBuilder, outpoint, tx};

/// Memory that the process takes now, in bytes.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux says");
    let pages: usize = statm.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("a number of pages");
    pages * 4096
}

/// Fills a pool with transactions of one shape, and compares. Each test is a process of its own.
fn compare(shape: impl Fn(u32) -> TxBuilder) {
    let limits = Limits { max_held_bytes: 16 * 1024 * 1024, ..Limits::default() };
    let consensus = FakeConsensus::new(20_000);
    let mut pool = pool_with(limits);
    pool.on_new_virtual(&consensus, NOW).unwrap();
    let before = resident_bytes();
    for n in 0.. {
        // As it comes from a peer: decoded from bytes.
        let bytes = shape(n).rate(2).salt(u64::from(n)).build().tx.to_bytes();
        let candidate = Candidate::of(Arc::new(Transaction::from_bytes(&bytes).unwrap()));
        if pool.stats().held_bytes + candidate.held_bytes > limits.max_held_bytes {
            break;
        }
        pool.admit_candidate(candidate, &consensus, NOW).unwrap();
    }
    let (taken, stats) = (resident_bytes() - before, pool.stats());
    assert!(stats.held_bytes > limits.max_held_bytes * 9 / 10, "{stats:?}");
    // What is counted is an upper bound, and no more than double.
    assert!(taken <= stats.held_bytes, "{taken} taken, {stats:?}");
    assert!(taken * 2 > stats.held_bytes, "{taken} taken, {stats:?}");
}

#[test]
fn payments_take_what_the_pool_says() {
    compare(|n| tx([outpoint(2 * n), outpoint(2 * n + 1)]).coins(2));
}

/// Small memos take several times their encoding.
#[test]
fn memos_take_what_the_pool_says() {
    compare(|n| tx([outpoint(n)]).coins(0).memos(40));
}

#[test]
fn inputs_take_what_the_pool_says() {
    compare(|n| tx((n * 16..n * 16 + 16).map(outpoint)));
}
