//! Locks: who opens them, when, and who does not.

use proptest::prelude::*;
use umbel_crypto::ml_dsa::MlDsaContext;
use umbel_crypto::signature::{sign, sign_multisig};
use umbel_ledger::staking::OverlayContext;
use umbel_ledger::state_tree::StateTree;
use umbel_ledger::{UtxoContext, check_tx_in_isolation, check_tx_in_utxo_context};
use umbel_types::errors::{TxContextError, TxRuleError};
use umbel_types::lock::{MAX_MULTISIG_KEYS, PublicKeyBytes};
use umbel_types::params::TIMELOCK_GRACE_S;
use umbel_types::tx::{IndexedSignature, InputWitness, LockBranch};
use umbel_types::{AssetId, DaaRange, DaaScore, Decode, Encode, Hash32, Lock, Memo, Transaction};

use crate::fixture::{GENESIS, Set, context, outpoint, params, rng, seed};
use crate::kinds::{
    BORN, END, FEE, KINDS, Kind, Make, PREIMAGE, Spend, TIMEOUT, address, draft, ending_memo, kind, memo, multisig,
    pay, people, post_quantum, signatures, sorted_keys, spend, take_back, timelock,
};

fn check(tx: &Transaction) -> Result<(), TxRuleError> {
    check_tx_in_isolation(tx.clone(), &context(), &mut rng()).map(|_| ())
}

/// Genesis is a checkpoint that needs no certificate.
const GENESIS_SCORE: DaaScore = DaaScore(0);

/// Against the outputs that it consumes, at a score, where something is certified.
fn check_at(kind: &Kind, now: DaaScore, certified: DaaScore) -> Result<(), TxContextError> {
    let set = Set(kind.entries.iter().cloned().collect());
    let overlay = OverlayContext { certified, ..OverlayContext::genesis(&params()) };
    let context = UtxoContext::for_acceptance(&params(), now, overlay);
    check_tx_in_utxo_context(&kind.tx.core, &set, &StateTree::default(), &context)
        .expect("reading memory can't fail")
        .map(|_| ())
}

fn with_witness(kind: &Kind, witness: InputWitness) -> Transaction {
    let mut tx = kind.tx.clone();
    tx.witness.inputs[0] = witness;
    tx
}

#[test]
fn every_kind_is_accepted_by_its_own_witness() {
    for name in KINDS {
        let kind = kind(name);
        assert_eq!(check(&kind.tx), Ok(()), "{name}");
        let travelled = Transaction::from_bytes(&kind.tx.to_bytes()).expect("it was encoded");
        assert_eq!(travelled, kind.tx, "{name}");
        assert_eq!(check_at(&kind, kind.at, GENESIS_SCORE), Ok(()), "{name}");
    }
}

/// A witness of one kind never stands for another.
#[test]
fn a_witness_of_another_kind_is_refused() {
    let locked = ["public", "multisig", "claim", "post-quantum"].map(kind);
    for kind in &locked {
        for other in &locked {
            let tx = with_witness(kind, other.tx.witness.inputs[0].clone());
            let same =
                core::mem::discriminant(&tx.witness.inputs[0]) == core::mem::discriminant(&kind.tx.witness.inputs[0]);
            assert_eq!(check(&tx), if same { Ok(()) } else { Err(TxRuleError::WitnessKind(0)) });
        }
        assert_eq!(check(&with_witness(kind, InputWitness::Coin([0; 256]))), Err(TxRuleError::WitnessKind(0)));
    }
    let coin = kind("coin");
    let signature = locked[0].tx.witness.inputs[0].clone();
    assert_eq!(check(&with_witness(&coin, signature)), Err(TxRuleError::WitnessKind(0)));
}

// Multisig.

/// One key signing a multisig twice.
#[test]
fn one_key_signing_a_multisig_twice_is_refused() {
    let kind = kind("multisig");
    let InputWitness::Multisig(good) = &kind.tx.witness.inputs[0] else { panic!("a multisig") };
    for twice in [[good[0]; 2], [good[1]; 2]] {
        assert_eq!(
            check(&with_witness(&kind, InputWitness::Multisig(twice.to_vec()))),
            Err(TxRuleError::SignerOrder(0))
        );
    }
    // The same signature under the other's index is no signature of the other.
    let disguised = [good[0], IndexedSignature { index: good[1].index, ..good[0] }];
    assert_eq!(check(&with_witness(&kind, InputWitness::Multisig(disguised.to_vec()))), Err(TxRuleError::Signature(0)));
}

#[test]
fn signers_of_a_multisig_are_exactly_m_ascending_keys_of_it() {
    let lock = multisig(2, &[0, 1, 2]);
    let kind = kind("multisig");
    let sighash = kind.tx.core.sighash(GENESIS);
    let all = signatures(&lock, &[0, 1, 2], &sighash);
    let verdict = |signed: Vec<IndexedSignature>| check(&with_witness(&kind, InputWitness::Multisig(signed)));
    for pair in [[0, 1], [0, 2], [1, 2]] {
        assert_eq!(verdict(pair.map(|n| all[n]).to_vec()), Ok(()));
        assert_eq!(verdict([pair[1], pair[0]].map(|n| all[n]).to_vec()), Err(TxRuleError::SignerOrder(0)));
    }
    assert_eq!(verdict(all.clone()), Err(TxRuleError::WitnessKind(0)), "more than m");
    assert_eq!(verdict(all[..1].to_vec()), Err(TxRuleError::WitnessKind(0)), "fewer than m");
    let beyond = IndexedSignature { index: 3, ..all[2] };
    assert_eq!(verdict(vec![all[0], beyond]), Err(TxRuleError::SignerOrder(0)));
    let stranger = IndexedSignature { index: 2, signature: people()[3].secp.sign(&sighash) };
    assert_eq!(verdict(vec![all[0], stranger]), Err(TxRuleError::Signature(0)));
    assert_eq!(sign_multisig(&sorted_keys(&[0, 1]), &people()[3].secp, &sighash), None);
    let elsewhere = signatures(&lock, &[0, 1], &Hash32([1; 32]));
    assert_eq!(verdict(elsewhere), Err(TxRuleError::Signature(0)), "signed for another transaction");
}

fn multisig_of(m: u8, keys: &[PublicKeyBytes]) -> Lock {
    Lock::Multisig { m, keys: keys.to_vec() }
}

/// Locks that nothing could open, or that would have two encodings.
fn misshapen() -> Vec<Lock> {
    let keys = sorted_keys(&[0, 1, 2]);
    let mut many: Vec<PublicKeyBytes> =
        (0..=MAX_MULTISIG_KEYS).map(|n| seed().secp_key(30, u32::try_from(n).expect("few")).public_key()).collect();
    many.sort();
    let short = [(1, vec![keys[1], keys[0]]), (1, vec![keys[0], keys[0]]), (1, Vec::new()), (1, many)];
    let counts = [(0, keys.clone()), (4, keys)];
    counts.into_iter().chain(short).map(|(m, keys)| multisig_of(m, &keys)).collect()
}

/// Locks with a key that nobody has.
fn with_a_key_that_is_none() -> Vec<Lock> {
    let keys = sorted_keys(&[0, 1, 2]);
    let tagged = |tag: u8| {
        let mut keys = keys.clone();
        keys[2].0[0] = tag;
        keys.sort();
        keys
    };
    // An x above the field's prime, and one that no point has.
    let (mut above, mut no_point) = (keys.clone(), keys.clone());
    above[2] = PublicKeyBytes([2; 33]);
    above[2].0[1..].fill(0xff);
    no_point[2].0 = [2; 33];
    no_point[2].0[1..].fill(0);
    no_point[2].0[32] = 5;
    above.sort();
    no_point.sort();
    [tagged(0), tagged(4), tagged(5), above, no_point].map(|keys| multisig_of(2, &keys)).into()
}

/// The creating transaction is at fault: nobody could let the coins out again.
#[test]
fn a_malformed_multisig_is_refused_when_it_is_created() {
    let own = || spend(Lock::Address(address(0)), &[0]);
    for lock in misshapen().into_iter().chain(with_a_key_that_is_none()) {
        let create = draft(&[own()], &[Make::Memo(memo(AssetId::STR, 90_000, lock.clone()))], FEE).prove();
        assert_eq!(check(&create), Err(TxRuleError::MultisigLock { place: "output", index: 0 }), "{lock:?}");
    }
    for lock in misshapen() {
        let mut consume = draft(&[own()], &[pay(90_000)], FEE);
        let memo = memo(AssetId::STR, 100_000, lock.clone());
        consume.core.inputs[0].consumed = umbel_types::Input::Memo { terms: memo.terms(), branch: LockBranch::Owner };
        let witness = draft(&[own()], &[pay(90_000)], FEE).prove().witness;
        let consume = Transaction { core: consume.core, witness };
        assert_eq!(check(&consume), Err(TxRuleError::MultisigLock { place: "input", index: 0 }), "{lock:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any m of n: exactly the sets of m members open it.
    #[test]
    fn any_m_of_n_opens(n in 1usize..=4, m in 1u8..=4, by in proptest::sample::subsequence(vec![0, 1, 2, 3], 0..=4)) {
        prop_assume!(usize::from(m) <= n);
        let members: Vec<usize> = (0..n).collect();
        let lock = multisig(m, &members);
        let enough: Vec<usize> = (0..usize::from(m)).collect();
        let tx = draft(&[spend(lock.clone(), &enough)], &[pay(90_000)], FEE).prove();
        prop_assert_eq!(check(&tx), Ok(()));
        let sighash = tx.core.sighash(GENESIS);
        let by: Vec<usize> = by.into_iter().filter(|person| *person < n).collect();
        let mut other = tx.clone();
        other.witness.inputs[0] = InputWitness::Multisig(signatures(&lock, &by, &sighash));
        let expected = if by.len() == usize::from(m) { Ok(()) } else { Err(TxRuleError::WitnessKind(0)) };
        prop_assert_eq!(check(&other), expected);
    }
}

// Hash lock.

#[test]
fn a_claim_takes_the_preimage_and_the_claimant() {
    let kind = kind("claim");
    let sighash = kind.tx.core.sighash(GENESIS);
    let claim = |preimage, person: usize| {
        let signed = sign(&people()[person].secp, &sighash);
        check(&with_witness(&kind, InputWitness::HashClaim { preimage, signed }))
    };
    assert_eq!(claim(PREIMAGE, 0), Ok(()));
    assert_eq!(claim([1; 32], 0), Err(TxRuleError::Preimage(0)));
    assert_eq!(claim(PREIMAGE, 1), Err(TxRuleError::WrongKey(0)), "who may take it back may not claim");
    let mut forged = sign(&people()[0].secp, &sighash);
    forged.signature[9] ^= 1;
    let forged = InputWitness::HashClaim { preimage: PREIMAGE, signed: forged };
    assert_eq!(check(&with_witness(&kind, forged)), Err(TxRuleError::Signature(0)));
}

#[test]
fn a_hash_lock_is_taken_back_by_its_refund_address_alone() {
    let kind = kind("taken back");
    let sighash = kind.tx.core.sighash(GENESIS);
    let verdict =
        |person: usize| check(&with_witness(&kind, InputWitness::Signature(sign(&people()[person].secp, &sighash))));
    assert_eq!(verdict(1), Ok(()));
    assert_eq!(verdict(0), Err(TxRuleError::WrongKey(0)));
}

#[test]
fn a_hash_lock_is_taken_back_once_the_timeout_is_certified_or_a_day_late() {
    let kind = kind("taken back");
    let late = DaaScore(TIMEOUT.0 + TIMELOCK_GRACE_S);
    let running =
        |now| Err(TxContextError::TimelockRunning { outpoint: kind.entries[0].0, timeout: TIMEOUT, late, now });
    let before = DaaScore(TIMEOUT.0 - 1);
    let cases = [
        (BORN, GENESIS_SCORE, false),
        (TIMEOUT, GENESIS_SCORE, false),
        (DaaScore(TIMEOUT.0 + 1_000), before, false),
        (DaaScore(late.0 - 1), before, false),
        (late, GENESIS_SCORE, true),
        (DaaScore(TIMEOUT.0 + 300), TIMEOUT, true),
        (DaaScore(TIMEOUT.0 + 300), DaaScore(TIMEOUT.0 + 1), true),
    ];
    for (now, certified, allowed) in cases {
        let expected = if allowed { Ok(()) } else { running(now) };
        assert_eq!(check_at(&kind, now, certified), expected, "{now} {certified}");
    }
}

/// A claim is valid until it is spent, whatever is certified.
#[test]
fn a_claim_never_ends() {
    let kind = kind("claim");
    for now in [BORN.0, TIMEOUT.0, TIMEOUT.0 + TIMELOCK_GRACE_S, u64::MAX] {
        for certified in [0, TIMEOUT.0, u64::MAX] {
            assert_eq!(check_at(&kind, DaaScore(now), DaaScore(certified)), Ok(()));
        }
    }
}

/// A timeout at the end of time does not wrap around.
#[test]
fn the_last_timeout_is_far() {
    let Lock::HashTimelock { sha256, claim, refund, .. } = timelock() else { panic!("a hash lock") };
    let lock = Lock::HashTimelock { sha256, claim, refund, timeout: DaaScore(u64::MAX) };
    let drafted = draft(&[take_back(memo(AssetId::STR, 100_000, lock))], &[pay(90_000)], FEE);
    let kind = Kind { tx: drafted.prove(), entries: drafted.entries, at: BORN };
    let refused = check_at(&kind, DaaScore(1 << 40), DaaScore(1 << 40));
    assert!(matches!(refused, Err(TxContextError::TimelockRunning { .. })));
}

#[test]
fn a_hash_lock_has_no_bounds() {
    let own = || spend(Lock::Address(address(0)), &[0]);
    let create = draft(&[own()], &[Make::Memo(ending_memo(90_000, timelock()))], FEE).prove();
    assert_eq!(check(&create), Err(TxRuleError::TimelockBounds { place: "output", index: 0 }));
    for branch in [LockBranch::Owner, LockBranch::Refund] {
        let by = if branch == LockBranch::Owner { 0 } else { 1 };
        let spend = Spend::Memo { memo: ending_memo(100_000, timelock()), branch, by: vec![by] };
        let consume = draft(&[spend], &[pay(90_000)], FEE).prove();
        assert_eq!(check(&consume), Err(TxRuleError::TimelockBounds { place: "input", index: 0 }));
    }
    let late = Memo {
        valid: DaaRange { start: DaaScore(TIMEOUT.0 + 1), end: DaaScore(0) },
        ..memo(AssetId::STR, 90_000, timelock())
    };
    let create = draft(&[own()], &[Make::Memo(late)], FEE).prove();
    assert_eq!(check(&create), Err(TxRuleError::TimelockBounds { place: "output", index: 0 }));
}

// Post-quantum.

#[test]
fn a_post_quantum_lock_takes_both_keys() {
    let kind = kind("post-quantum");
    let sighash = kind.tx.core.sighash(GENESIS);
    let InputWitness::PostQuantum { signed, ml_dsa } = &kind.tx.witness.inputs[0] else { panic!("two signatures") };
    let verdict = |ecdsa: usize, post_quantum: usize, context| {
        let mut ml_dsa = ml_dsa.clone();
        ml_dsa.key = people()[post_quantum].ml_dsa.verifying_key();
        ml_dsa.signature = people()[post_quantum].ml_dsa.sign(context, sighash.as_bytes());
        let signed = sign(&people()[ecdsa].secp, &sighash);
        check(&with_witness(&kind, InputWitness::PostQuantum { signed, ml_dsa }))
    };
    assert_eq!(verdict(0, 0, MlDsaContext::Lock), Ok(()));
    assert_eq!(verdict(0, 1, MlDsaContext::Lock), Err(TxRuleError::WrongKey(0)));
    assert_eq!(verdict(1, 0, MlDsaContext::Lock), Err(TxRuleError::WrongKey(0)));
    for context in [MlDsaContext::Vote, MlDsaContext::Register] {
        assert_eq!(verdict(0, 0, context), Err(TxRuleError::Signature(0)), "a signature for something else");
    }
    let mut elsewhere = ml_dsa.clone();
    elsewhere.signature = people()[0].ml_dsa.sign(MlDsaContext::Lock, &[1; 32]);
    let elsewhere = InputWitness::PostQuantum { signed: *signed, ml_dsa: elsewhere };
    assert_eq!(check(&with_witness(&kind, elsewhere)), Err(TxRuleError::Signature(0)));
}

// Time bounds of every lock.

/// From the end on a Memo is its refund address's, and only then: one plain signature, whatever the lock.
#[test]
fn an_ended_memo_falls_back() {
    for lock in [Lock::Address(address(0)), multisig(2, &[0, 2]), post_quantum(0)] {
        let owners = if matches!(lock, Lock::Multisig { .. }) { vec![0, 2] } else { vec![0] };
        let owner = Spend::Memo { memo: ending_memo(100_000, lock.clone()), branch: LockBranch::Owner, by: owners };
        let back = take_back(ending_memo(100_000, lock.clone()));
        let (ended, early) = (TxContextError::MemoEnded(outpoint(0)), TxContextError::MemoNotYetValid(outpoint(0)));
        for (spend, before, after) in [(owner, Ok(()), Err(ended)), (back, Err(early), Ok(()))] {
            let drafted = draft(&[spend], &[pay(90_000)], FEE);
            let kind = Kind { tx: drafted.prove(), entries: drafted.entries, at: BORN };
            assert_eq!(check(&kind.tx), Ok(()));
            let verdict = |now| check_at(&kind, now, GENESIS_SCORE);
            assert_eq!(verdict(DaaScore(END.0 - 1)), before);
            assert_eq!(verdict(END), after);
        }
    }
}

/// A Memo is not consumed before its start.
#[test]
fn a_memo_waits_for_its_start() {
    let start = DaaScore(1_000_000);
    let valid = DaaRange { start, end: DaaScore(0) };
    let waiting = Memo { valid, ..memo(AssetId::STR, 100_000, Lock::Address(address(0))) };
    let spend = Spend::Memo { memo: waiting, branch: LockBranch::Owner, by: vec![0] };
    let drafted = draft(&[spend], &[pay(90_000)], FEE);
    let kind = Kind { tx: drafted.prove(), entries: drafted.entries, at: BORN };
    assert_eq!(check(&kind.tx), Ok(()));
    let early = Err(TxContextError::MemoNotYetValid(kind.entries[0].0));
    assert_eq!(check_at(&kind, DaaScore(start.0 - 1), start), early);
    assert_eq!(check_at(&kind, start, start), Ok(()));
}

// Public payments.

/// Each asset has a row of its own: one never becomes the other.
#[test]
fn public_payments_balance_asset_by_asset() {
    let own = || Lock::Address(address(0));
    let ccos = |units| Spend::Memo { memo: memo(AssetId::CCOS, units, own()), branch: LockBranch::Owner, by: vec![0] };
    let spends = [ccos(500), spend(own(), &[0])];
    let pays = |ccos, str| [Make::Memo(memo(AssetId::CCOS, ccos, Lock::Address(address(1)))), pay(str)];
    let sound = draft(&spends, &pays(500, 90_000), FEE).prove();
    assert_eq!(check(&sound), Ok(()));
    for (ccos, str) in [(501, 89_999), (499, 90_001), (500, 90_001), (501, 90_000), (499, 90_000)] {
        let mut unbalanced = draft(&spends, &pays(ccos, str), FEE).core;
        unbalanced.fee = sound.core.fee;
        let sighash = unbalanced.sighash(GENESIS);
        let signed = InputWitness::Signature(sign(&people()[0].secp, &sighash));
        let witness = umbel_types::Witness { inputs: vec![signed.clone(), signed], ..sound.witness.clone() };
        let tx = Transaction { core: unbalanced, witness };
        assert_eq!(check(&tx), Err(TxRuleError::Kernel), "{ccos} {str}");
    }
}

/// Pool, template and a block's own body look a minute ahead for upper bounds, and not at all for lower ones: nothing is
/// born expired.
#[test]
fn upper_bounds_are_tested_a_minute_ahead() {
    let check_body = |kind: &Kind, now: u64| {
        let set = Set(kind.entries.iter().cloned().collect());
        let overlay = OverlayContext::genesis(&params());
        let context = UtxoContext::for_qualification(&params(), DaaScore(now), overlay);
        check_tx_in_utxo_context(&kind.tx.core, &set, &StateTree::default(), &context)
            .expect("reading memory can't fail")
            .map(|_| ())
    };
    let mut expiring = kind("public");
    expiring.tx.core.valid = umbel_types::DaaRange { start: DaaScore(20), end: DaaScore(1_000) };
    assert_eq!(check_body(&expiring, 939), Ok(()));
    let expired = TxContextError::Expired { end: DaaScore(1_000), now: DaaScore(1_000) };
    assert_eq!(check_body(&expiring, 940), Err(expired));
    let early = TxContextError::NotYetValid { start: DaaScore(20), now: DaaScore(19) };
    assert_eq!(check_body(&expiring, 19), Err(early));

    let owner =
        Spend::Memo { memo: ending_memo(100_000, Lock::Address(address(0))), branch: LockBranch::Owner, by: vec![0] };
    let drafted = draft(&[owner], &[pay(90_000)], FEE);
    let owned = Kind { tx: drafted.prove(), entries: drafted.entries, at: BORN };
    assert_eq!(check_body(&owned, END.0 - 61), Ok(()));
    assert_eq!(check_body(&owned, END.0 - 60), Err(TxContextError::MemoEnded(owned.entries[0].0)));
    let back = kind("refund");
    assert_eq!(check_body(&back, END.0 - 1), Err(TxContextError::MemoNotYetValid(back.entries[0].0)));
    assert_eq!(check_body(&back, END.0), Ok(()));
    let late = TIMEOUT.0 + TIMELOCK_GRACE_S;
    assert_eq!(check_body(&kind("taken back"), late), Ok(()));
    assert!(check_body(&kind("taken back"), late - 1).is_err());
}
