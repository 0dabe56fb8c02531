//! What the pool says that it holds, against what the process takes from the system.

use std::sync::Arc;

use umbel_types::hash::{Domain, hash_of};
use umbel_types::lock::{ML_DSA_KEY_BYTES, ML_DSA_SIGNATURE_BYTES, PublicKeyBytes};
use umbel_types::staking::{ActionWitness, Report};
use umbel_types::tx::{IndexedSignature, InputWitness, LockBranch};
use umbel_types::{
    Action, Amount, AssetId, BlockHash, Checkpoint, Decode, Encode, Evidence, Input, Link, Lock, Memo, Transaction,
    Vote, ZkAddress,
};

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
    compare_edited(shape, |_| {});
}

fn compare_edited(shape: impl Fn(u32) -> TxBuilder, edit: impl Fn(&mut Transaction)) {
    let limits = Limits { max_held_bytes: 16 * 1024 * 1024, ..Limits::default() };
    let consensus = FakeConsensus::new(20_000);
    let mut pool = pool_with(limits);
    pool.on_new_virtual(&consensus, NOW).unwrap();
    let before = resident_bytes();
    for n in 0.. {
        // As it comes from a peer: decoded from bytes.
        let mut tx = Transaction::clone(&shape(n).rate(2).salt(u64::from(n)).build().tx);
        edit(&mut tx);
        let candidate = Candidate::of(Arc::new(Transaction::from_bytes(&tx.to_bytes()).unwrap()));
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

/// Signatures of a multisig lie in a list of their own, whose length follows from the core.
#[test]
fn multisigs_take_what_the_pool_says() {
    let keys = (0..16).map(|n| PublicKeyBytes([n; 33])).collect();
    let lock = Lock::Multisig { m: 9, keys };
    let memo = Memo { lock, ..Memo::public_payment(AssetId::STR, Amount::from_units(1), ZkAddress([7; 20])) };
    compare_edited(
        |n| tx((n * 16..n * 16 + 16).map(outpoint)),
        |tx| {
            for input in &mut tx.core.inputs {
                input.consumed = Input::Memo { terms: memo.terms(), branch: LockBranch::Owner };
            }
            let signed = IndexedSignature { index: 0, signature: [0; 64] };
            tx.witness.inputs = vec![InputWitness::Multisig(vec![signed; 9]); tx.core.inputs.len()];
        },
    );
}

/// Keys, signatures and votes of Actions lie behind the transaction.
#[test]
fn evidence_takes_what_the_pool_says() {
    compare(|n| {
        let vote = |fork: u8| Vote {
            chain: 1313,
            genesis: BlockHash([9; 32]),
            epoch: 0,
            // One of each validator may wait.
            validator: hash_of(Domain::LIST, &n),
            link: Link {
                source: Checkpoint { index: 1, block: BlockHash([1; 32]) },
                target: Checkpoint { index: 2, block: BlockHash([fork; 32]) },
            },
            signature: Box::new([fork; ML_DSA_SIGNATURE_BYTES]),
        };
        let evidence = Box::new(Evidence::new(vote(1), vote(2)));
        let action = Action::Evidence(Report { evidence, reporter: ZkAddress([1; 20]) });
        tx([outpoint(n)]).action(action, ActionWitness::VoteKey(Box::new([3; ML_DSA_KEY_BYTES])))
    });
}
