//! Following the chain.

use std::slice;

use umbel_types::errors::TxContextError;
use umbel_types::{TimestampMs, TxId};

use super::{admit, pool, waiting};
use crate::limits::Limits;
use crate::on_new_virtual::Update;
use crate::pool::Mempool;
use crate::removed::{RemovalReason, Removed};
use crate::testutil::{FakeConsensus, NOW, outpoint, output_of, tx};

fn follow(pool: &mut Mempool, consensus: &FakeConsensus) -> Update {
    let update = pool.on_new_virtual(consensus, NOW).unwrap();
    pool.pool.assert_consistent();
    update
}

fn started(n: u32) -> (Mempool, FakeConsensus) {
    let (mut pool, consensus) = (pool(), FakeConsensus::new(n));
    follow(&mut pool, &consensus);
    (pool, consensus)
}

fn removed(txid: TxId, reason: RemovalReason) -> Removed {
    Removed { txid, reason }
}

#[test]
fn what_is_accepted_leaves_and_so_does_what_it_made_impossible() {
    let (mut pool, consensus) = started(6);
    let accepted = tx([outpoint(0)]).rate(2).build();
    let beaten = tx([outpoint(1), outpoint(2)]).rate(2).build();
    let waits = tx([outpoint(3)]).rate(2).build();
    for tx in [&accepted, &beaten, &waits] {
        admit(&mut pool, &consensus, tx).unwrap();
    }
    let foreign = tx([outpoint(2)]).rate(1).salt(7).build();
    let block = consensus.extend(&[accepted.tx.clone(), foreign.tx.clone()]);
    let update = follow(&mut pool, &consensus);
    assert_eq!(
        update.removed,
        [
            removed(accepted.txid, RemovalReason::Accepted { chain_block: block }),
            removed(beaten.txid, RemovalReason::Conflicted { by: foreign.txid }),
        ]
    );
    assert_eq!(waiting(&pool), [waits.txid]);
    assert_eq!(follow(&mut pool, &consensus), Update::default());
}

#[test]
fn another_witness_of_the_same_transaction_counts_as_accepted() {
    let (mut pool, consensus) = started(1);
    let a = tx([outpoint(0)]).rate(2).build();
    admit(&mut pool, &consensus, &a).unwrap();
    let block = consensus.extend(&[tx([outpoint(0)]).rate(2).witness(3).build().tx]);
    let update = follow(&mut pool, &consensus);
    assert_eq!(update.removed, [removed(a.txid, RemovalReason::Accepted { chain_block: block })]);
}

#[test]
fn long_paths_are_followed_to_the_end() {
    let (mut pool, consensus) = started(200);
    let txs: Vec<_> = (0..200).map(|n| tx([outpoint(n)]).rate(2).build()).collect();
    for tx in &txs {
        admit(&mut pool, &consensus, tx).unwrap();
    }
    for tx in &txs[..190] {
        consensus.extend(slice::from_ref(&tx.tx));
    }
    assert_eq!(follow(&mut pool, &consensus).removed.len(), 190);
    assert_eq!(pool.stats().count, 10);
}

#[test]
fn what_a_reorganisation_takes_back_waits_again() {
    let (mut pool, consensus) = started(6);
    let a = tx([outpoint(0)]).rate(2).build();
    let b = tx([outpoint(1)]).rate(2).build();
    let c = tx([outpoint(2)]).rate(2).build();
    consensus.extend(slice::from_ref(&a.tx));
    consensus.extend(&[b.tx.clone(), c.tx.clone()]);
    follow(&mut pool, &consensus);
    // The new branch accepts c, and something else in b's place.
    let instead = tx([outpoint(1)]).rate(1).salt(5).build();
    consensus.rewind(2);
    consensus.extend(slice::from_ref(&c.tx));
    consensus.extend(slice::from_ref(&instead.tx));
    consensus.extend(&[]);
    let update = follow(&mut pool, &consensus);
    assert_eq!((update.removed, update.readmitted), (vec![], vec![a.txid]));
    assert_eq!(waiting(&pool), [a.txid]);
}

#[test]
fn a_child_waits_for_its_parent_that_waits_again() {
    let (mut pool, consensus) = started(2);
    let parent = tx([outpoint(0)]).rate(2).build();
    let child = tx([output_of(parent.txid)]).rate(2).build();
    consensus.extend(slice::from_ref(&parent.tx));
    follow(&mut pool, &consensus);
    admit(&mut pool, &consensus, &child).unwrap();
    consensus.rewind(1);
    consensus.extend(&[]);
    let update = follow(&mut pool, &consensus);
    assert_eq!((update.removed.len(), update.readmitted), (0, vec![parent.txid]));
    assert_eq!(pool.stats().count, 2);
    // Templates can't use the child yet; it stays as long as the parent does.
    assert!(pool.settle_rejected([child.txid], &consensus, NOW).unwrap().removed.is_empty());
    let instead = tx([outpoint(0)]).rate(1).salt(5).build();
    consensus.extend(slice::from_ref(&instead.tx));
    assert_eq!(
        follow(&mut pool, &consensus).removed,
        [removed(parent.txid, RemovalReason::Conflicted { by: instead.txid })]
    );
    let update = pool.settle_rejected([child.txid], &consensus, NOW).unwrap();
    let error = TxContextError::InputMissing(output_of(parent.txid));
    assert_eq!(update.removed, [removed(child.txid, RemovalReason::Stale { error })]);
}

#[test]
fn an_output_that_a_reorganisation_unmade_takes_its_spender_along() {
    let (mut pool, consensus) = started(2);
    let parent = tx([outpoint(0)]).rate(2).build();
    let child = tx([output_of(parent.txid)]).rate(2).build();
    consensus.extend(slice::from_ref(&parent.tx));
    follow(&mut pool, &consensus);
    admit(&mut pool, &consensus, &child).unwrap();
    consensus.rewind(1);
    consensus.extend(&[tx([outpoint(0)]).rate(1).salt(5).build().tx]);
    let error = TxContextError::InputMissing(output_of(parent.txid));
    let update = follow(&mut pool, &consensus);
    assert_eq!(update.removed, [removed(child.txid, RemovalReason::Stale { error })]);
    assert!(update.readmitted.is_empty());
}

#[test]
fn time_ends_waiting() {
    let (mut pool, consensus) = started(3);
    let until = tx([outpoint(0)]).rate(2).valid_until(200).build();
    let longer = tx([outpoint(1)]).rate(2).valid_until(1_000).build();
    let any = tx([outpoint(2)]).rate(2).build();
    for tx in [&until, &longer, &any] {
        admit(&mut pool, &consensus, tx).unwrap();
    }
    // Its last minute is too late for a block (R9 b).
    consensus.set_daa_score(139);
    assert!(follow(&mut pool, &consensus).removed.is_empty());
    consensus.set_daa_score(140);
    assert_eq!(follow(&mut pool, &consensus).removed, [removed(until.txid, RemovalReason::Expired)]);
    let day = Limits::default().expiry_ms;
    let at = |ms| TimestampMs(NOW.0 + ms);
    assert!(pool.on_new_virtual(&consensus, at(day)).unwrap().removed.is_empty());
    assert_eq!(pool.on_new_virtual(&consensus, at(day + 1)).unwrap().removed.len(), 2);
    assert_eq!(pool.stats().bytes, 0);
}

/// A failure in the middle loses no transaction and no report.
#[test]
fn a_failed_call_is_continued_by_the_next() {
    let (mut pool, consensus) = started(3);
    let a = tx([outpoint(0)]).rate(2).build();
    let b = tx([outpoint(1)]).rate(2).build();
    consensus.extend(slice::from_ref(&a.tx));
    follow(&mut pool, &consensus);
    admit(&mut pool, &consensus, &b).unwrap();
    consensus.rewind(1);
    let block = consensus.extend(slice::from_ref(&b.tx));
    consensus.set_failing(true);
    assert!(pool.on_new_virtual(&consensus, NOW).is_err());
    assert!(pool.settle_rejected([b.txid], &consensus, NOW).is_err());
    consensus.set_failing(false);
    let update = follow(&mut pool, &consensus);
    assert_eq!(update.removed, [removed(b.txid, RemovalReason::Accepted { chain_block: block })]);
    assert_eq!(update.readmitted, [a.txid]);
}

#[test]
fn blocks_that_are_gone_lead_to_a_full_check() {
    let (mut pool, consensus) = started(3);
    let block = consensus.extend(&[]);
    follow(&mut pool, &consensus);
    let gone = tx([outpoint(0)]).rate(2).build();
    let stays = tx([outpoint(1)]).rate(2).build();
    admit(&mut pool, &consensus, &gone).unwrap();
    admit(&mut pool, &consensus, &stays).unwrap();
    consensus.rewind(1);
    consensus.forget(block);
    consensus.extend(&[tx([outpoint(0)]).rate(1).salt(3).build().tx]);
    let update = follow(&mut pool, &consensus);
    let error = TxContextError::InputMissing(outpoint(0));
    assert_eq!(update.removed, [removed(gone.txid, RemovalReason::Stale { error })]);
    assert_eq!(waiting(&pool), [stays.txid]);
}
