//! Following the chain.

use std::slice;

use umbel_types::consensus_api::TxSelector;
use umbel_types::errors::TxContextError;
use umbel_types::{TimestampMs, TxId};

use super::{admit, pool, waiting};
use crate::error::MempoolErrorKind;
use crate::limits::Limits;
use crate::on_new_virtual::Update;
use crate::pool::Mempool;
use crate::removed::{RemovalReason, Removed};
use crate::testutil::{FakeConsensus, NOW, outpoint, output_of, room, tx};

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
    assert_eq!(update.lost, [removed(b.txid, RemovalReason::Conflicted { by: instead.txid })]);
    assert_eq!(waiting(&pool), [a.txid]);
}

/// Two payments in a row, both taken back: the second waits behind the first, and no template takes it before.
#[test]
fn a_chain_of_payments_comes_back_as_it_was() {
    let (mut pool, consensus) = started(2);
    let parent = tx([outpoint(0)]).rate(2).build();
    let child = tx([output_of(parent.txid)]).rate(9).build();
    consensus.extend(slice::from_ref(&parent.tx));
    consensus.extend(slice::from_ref(&child.tx));
    follow(&mut pool, &consensus);
    consensus.rewind(2);
    for _ in 0..3 {
        consensus.extend(&[]);
    }
    let update = follow(&mut pool, &consensus);
    assert_eq!((update.readmitted, update.lost), (vec![parent.txid, child.txid], vec![]));
    let offered = |pool: &Mempool| pool.selector(1).select(room(100_000));
    assert_eq!(offered(&pool), slice::from_ref(&parent.tx));
    consensus.extend(slice::from_ref(&parent.tx));
    follow(&mut pool, &consensus);
    assert_eq!(offered(&pool), slice::from_ref(&child.tx));
    // The other way: the parent's coin goes elsewhere, and both are lost.
    let (mut pool, consensus) = started(2);
    consensus.extend(slice::from_ref(&parent.tx));
    consensus.extend(slice::from_ref(&child.tx));
    follow(&mut pool, &consensus);
    consensus.rewind(2);
    let instead = tx([outpoint(0)]).rate(1).salt(5).build();
    consensus.extend(slice::from_ref(&instead.tx));
    for _ in 0..2 {
        consensus.extend(&[]);
    }
    let error = TxContextError::InputMissing(output_of(parent.txid));
    assert_eq!(
        follow(&mut pool, &consensus).lost,
        [
            removed(parent.txid, RemovalReason::Conflicted { by: instead.txid }),
            removed(child.txid, RemovalReason::Stale { error })
        ]
    );
}

/// Between being mined and being accepted, a transaction stays, is offered to no template, and leaves with the reason.
#[test]
fn what_a_block_carries_waits_until_the_chain_decides() {
    let (mut pool, consensus) = started(3);
    let own = tx([outpoint(0)]).rate(2).build();
    let beaten = tx([outpoint(1)]).rate(2).build();
    let other = tx([outpoint(1)]).rate(1).salt(4).build();
    for tx in [&own, &beaten] {
        admit(&mut pool, &consensus, tx).unwrap();
    }
    consensus.carry(&[own.tx.clone(), other.tx.clone()]);
    let update = pool.settle_rejected([own.txid, beaten.txid], &consensus, NOW).unwrap();
    assert_eq!(update, Update::default());
    assert!(pool.selector(1).select(room(100_000)).is_empty());
    let again = tx([outpoint(1)]).rate(50).salt(6).build();
    let in_block = MempoolErrorKind::InBlock { outpoint: outpoint(1) };
    assert_eq!(admit(&mut pool, &consensus, &again).unwrap_err(), in_block);
    let block = consensus.merge_carried();
    assert_eq!(
        follow(&mut pool, &consensus).removed,
        [
            removed(own.txid, RemovalReason::Accepted { chain_block: block }),
            removed(beaten.txid, RemovalReason::Conflicted { by: other.txid }),
        ]
    );
}

/// Also when nothing that it made is left.
#[test]
fn what_was_accepted_is_known() {
    let (mut pool, consensus) = started(2);
    let parent = tx([outpoint(0)]).rate(2).build();
    let child = tx([output_of(parent.txid)]).rate(2).build();
    consensus.extend(slice::from_ref(&parent.tx));
    // Before the pool has followed, its outputs tell.
    assert_eq!(admit(&mut pool, &consensus, &parent).unwrap_err(), MempoolErrorKind::AlreadyAccepted);
    consensus.extend(slice::from_ref(&child.tx));
    follow(&mut pool, &consensus);
    for tx in [&parent, &child] {
        assert_eq!(admit(&mut pool, &consensus, tx).unwrap_err(), MempoolErrorKind::AlreadyAccepted);
        assert_eq!(pool.consider(&tx.tx, &consensus).unwrap_err().kind, MempoolErrorKind::AlreadyAccepted);
    }
}

/// Fifty conflicts with one block are found by reading it once.
#[test]
fn each_block_is_read_once() {
    let (mut pool, consensus) = started(50);
    let foreign: Vec<_> = (0..50).map(|n| tx([outpoint(n)]).rate(1).salt(1).build()).collect();
    for n in 0..50 {
        admit(&mut pool, &consensus, &tx([outpoint(n)]).rate(2).build()).unwrap();
    }
    consensus.extend(&foreign.iter().map(|f| f.tx.clone()).collect::<Vec<_>>());
    let update = follow(&mut pool, &consensus);
    assert_eq!(update.removed.len(), 50);
    for (gone, by) in update.removed.iter().zip(&foreign) {
        assert!(matches!(gone.reason, RemovalReason::Conflicted { .. }), "{gone:?} {}", by.txid);
    }
    assert_eq!(consensus.reads(), 1);
}

#[test]
fn a_deep_reorganisation_is_followed_in_steps() {
    let (mut pool, consensus) = started(200);
    let txs: Vec<_> = (0..200).map(|n| tx([outpoint(n)]).rate(2).build()).collect();
    for tx in &txs {
        consensus.extend(slice::from_ref(&tx.tx));
    }
    follow(&mut pool, &consensus);
    follow(&mut pool, &consensus);
    follow(&mut pool, &consensus);
    consensus.rewind(200);
    for tx in &txs[..50] {
        consensus.extend(slice::from_ref(&tx.tx));
    }
    for _ in 0..151 {
        consensus.extend(&[]);
    }
    let update = follow(&mut pool, &consensus);
    assert_eq!((update.readmitted.len(), update.removed.len(), update.lost.len()), (150, 0, 0));
    assert_eq!(pool.stats().count, 150);
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
    let error = TxContextError::InputMissing(output_of(parent.txid));
    assert_eq!(
        follow(&mut pool, &consensus).removed,
        [
            removed(parent.txid, RemovalReason::Conflicted { by: instead.txid }),
            removed(child.txid, RemovalReason::Stale { error })
        ]
    );
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

/// What was accepted on blocks that are gone may have been taken back with them: it is taken when it is offered again.
#[test]
fn acceptance_by_blocks_that_are_gone_is_forgotten() {
    let (mut pool, consensus) = started(1);
    let paid = tx([outpoint(0)]).rate(2).build();
    let block = consensus.extend(slice::from_ref(&paid.tx));
    follow(&mut pool, &consensus);
    assert_eq!(admit(&mut pool, &consensus, &paid).unwrap_err(), MempoolErrorKind::AlreadyAccepted);
    consensus.rewind(1);
    consensus.forget(block);
    consensus.extend(&[]);
    follow(&mut pool, &consensus);
    admit(&mut pool, &consensus, &paid).unwrap();
    assert_eq!(waiting(&pool), [paid.txid]);
}

/// Nobody fills what is taken back with later transactions of his own to have an earlier payment forgotten.
#[test]
fn of_too_many_taken_back_the_oldest_return() {
    let n = 2_100;
    let (mut pool, consensus) = started(n);
    let txs: Vec<_> = (0..n).map(|n| tx([outpoint(n)]).rate(2).build()).collect();
    for some in txs.chunks(100) {
        consensus.extend(&some.iter().map(|tx| tx.tx.clone()).collect::<Vec<_>>());
    }
    follow(&mut pool, &consensus);
    consensus.rewind(21);
    for _ in 0..22 {
        consensus.extend(&[]);
    }
    let expected: Vec<TxId> = txs[..2_000].iter().map(|tx| tx.txid).collect();
    assert_eq!(follow(&mut pool, &consensus).readmitted, expected);
    assert_eq!(follow(&mut pool, &consensus), Update::default());
}
