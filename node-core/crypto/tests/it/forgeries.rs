//! Further attacks on coins and transfers, beside the named ones: each must fail, each by its rule.

use curve25519_dalek::Scalar;
use umbel_crypto::coin::{OpenError, open_coin};
use umbel_crypto::generators::{blinding_base, commit_value};
use umbel_crypto::statement::TxStatement;
use umbel_crypto::{Element, ProveError, verify_transaction_proofs};
use umbel_types::errors::TxRuleError;
use umbel_types::tx::{LockBranch, MAX_HIDDEN_OUTPUTS};
use umbel_types::{Amount, AssetId, Input, Lock, Memo, MemoValue, Output, PointBytes, SealedBytes, TxInput, ZkAddress};

use crate::common::{GENESIS, Plan, draft, everything, outpoint, payment, rng, transfer, units, wallet};
use crate::handmade::Handmade;

/// The specification written down twice gives one coin.
#[test]
fn handmade_coins_open() {
    let mut owner = wallet(2);
    let coin = Handmade::honest(&owner.address(3), 42).coin();
    assert_eq!(owner.open(&coin, 0).value, units(42));
}

/// One unit too much in any place.
#[test]
fn unbalanced_transfers_can_not_be_proved() {
    let plans = [
        Plan { fee: 2, ..payment() },
        Plan { fee: 0, ..payment() },
        Plan { coins_out: vec![(AssetId::STR, 61), (AssetId::STR, 39)], ..payment() },
        Plan { memos_out: vec![(AssetId::STR, 51)], ..everything() },
        Plan { memos_in: vec![(AssetId::STR, 51)], ..everything() },
    ];
    for plan in plans {
        assert_eq!(draft(&plan).prove(&mut rng(1)).err(), Some(ProveError::Unbalanced), "{plan:?}");
    }
}

/// Public amounts are summed without wrapping around.
#[test]
fn public_sums_do_not_wrap() {
    let half = 1 << 63;
    for plan in [
        Plan { memos_in: vec![(AssetId::STR, half), (AssetId::STR, half)], ..payment() },
        Plan { memos_out: vec![(AssetId::STR, half), (AssetId::STR, half)], ..payment() },
        Plan { memos_out: vec![(AssetId::STR, u64::MAX)], fee: 1, ..payment() },
    ] {
        assert_eq!(TxStatement::of(&draft(&plan).core).err(), Some(TxRuleError::AmountOverflow));
    }
}

/// A sealed value that the coin does not hold.
#[test]
fn a_boasting_coin_is_refused() {
    let mut owner = wallet(2);
    let mut coin = Handmade::honest(&owner.address(3), 42);
    coin.sealed_value = 42_000_000;
    assert_eq!(open_coin(&owner.keys.view, &coin.coin(), 0).err(), Some(OpenError::Value));
}

/// A Memo opens for the address of its branch alone.
#[test]
fn a_memo_needs_its_own_key() {
    let mut draft = draft(&everything());
    let Input::Memo { terms, .. } = &mut draft.core.inputs[2].consumed else { panic!("a memo") };
    terms.lock = Lock::Address(wallet(2).secp.address());
    assert_eq!(draft.prove(&mut rng(1)).err(), Some(ProveError::Input(2)));
    let (mut tx, _) = transfer(&everything());
    tx.core = draft.core;
    assert_eq!(verify_transaction_proofs(&tx, &tx.core.sighash(GENESIS)).err(), Some(TxRuleError::WrongKey(2)));

    let statement = |lock: Lock, branch: LockBranch| {
        let mut core = tx.core.clone();
        let Input::Memo { terms, branch: b } = &mut core.inputs[2].consumed else { panic!("a memo") };
        (terms.lock, *b) = (lock, branch);
        TxStatement::of(&core).err()
    };
    let address = ZkAddress([1; 20]);
    assert_eq!(statement(Lock::Address(address), LockBranch::Refund), Some(TxRuleError::NoRefundBranch(2)));
    let inactive = Lock::NameCommit { hash: umbel_types::Hash32([0; 32]) };
    assert_eq!(statement(inactive, LockBranch::Owner), Some(TxRuleError::LockInactive { place: "input", index: 2 }));
}

/// V, V* and d may be the identity; g, A, S, c and R may not.
#[test]
fn identities_stand_only_where_they_may() {
    let core = draft(&payment()).core;
    let zero = PointBytes([0; 32]);
    type Field<T> = (fn(&mut T) -> &mut PointBytes, bool);
    let input: [Field<Input>; 6] = [
        (|i| if let Input::Coin { owner, .. } = i { &mut owner.g } else { panic!() }, false),
        (|i| if let Input::Coin { owner, .. } = i { &mut owner.view } else { panic!() }, false),
        (|i| if let Input::Coin { owner, .. } = i { &mut owner.spend } else { panic!() }, false),
        (|i| if let Input::Coin { c, .. } = i { c } else { panic!() }, false),
        (|i| if let Input::Coin { d, .. } = i { d } else { panic!() }, true),
        (|i| if let Input::Coin { value_commitment, .. } = i { value_commitment } else { panic!() }, true),
    ];
    for (n, (field, allowed)) in input.into_iter().enumerate() {
        let mut core = core.clone();
        *field(&mut core.inputs[0].consumed) = zero;
        assert_eq!(TxStatement::of(&core).is_ok(), allowed, "input field {n}");
        *field(&mut core.inputs[0].consumed) = PointBytes([0xff; 32]);
        assert_eq!(TxStatement::of(&core).err(), Some(TxRuleError::BadPoint { what: "input", index: 0 }));
    }
    let output: [Field<Output>; 7] = [
        (|o| if let Output::Coin { coin, .. } = o { &mut coin.owner.g } else { panic!() }, false),
        (|o| if let Output::Coin { coin, .. } = o { &mut coin.owner.view } else { panic!() }, false),
        (|o| if let Output::Coin { coin, .. } = o { &mut coin.owner.spend } else { panic!() }, false),
        (|o| if let Output::Coin { coin, .. } = o { &mut coin.c } else { panic!() }, false),
        (|o| if let Output::Coin { coin, .. } = o { &mut coin.ephemeral } else { panic!() }, false),
        (|o| if let Output::Coin { coin, .. } = o { &mut coin.d } else { panic!() }, true),
        (|o| if let Output::Coin { value_commitment, .. } = o { value_commitment } else { panic!() }, true),
    ];
    for (n, (field, allowed)) in output.into_iter().enumerate() {
        let mut core = core.clone();
        *field(&mut core.outputs[1]) = zero;
        assert_eq!(TxStatement::of(&core).is_ok(), allowed, "output field {n}");
        *field(&mut core.outputs[1]) = PointBytes([0xff; 32]);
        assert_eq!(TxStatement::of(&core).err(), Some(TxRuleError::BadPoint { what: "output", index: 1 }));
    }
}

#[test]
fn more_hidden_values_than_a_proof_covers_are_refused() {
    let n = MAX_HIDDEN_OUTPUTS + 1;
    let plan = Plan { coins_in: vec![(AssetId::STR, 100)], coins_out: vec![(AssetId::STR, 1); n], ..Plan::default() };
    let error = TxStatement::of(&draft(&plan).core).err();
    assert_eq!(error, Some(TxRuleError::TooManyHiddenOutputs { got: n, limit: MAX_HIDDEN_OUTPUTS }));
}

/// A hidden Memo as input enters its row as it stands: who signs for it must still know its blinding.
#[test]
fn a_hidden_memo_enters_its_row_by_its_commitment() {
    let mut core = draft(&payment()).core;
    let commitment = commit_value(5, &Scalar::from(3u8));
    let memo = Memo {
        value: MemoValue::Hidden {
            commitment,
            ephemeral: PointBytes(blinding_base().compress().0),
            sealed: SealedBytes([0; 51]),
        },
        ..Memo::public_payment(AssetId::STR, Amount::ZERO, ZkAddress([1; 20]))
    };
    core.inputs.push(TxInput {
        outpoint: outpoint(9),
        consumed: Input::Memo { terms: memo.terms(), branch: LockBranch::Owner },
    });
    let row = TxStatement::of(&core).unwrap().kernel.rows().next().cloned().unwrap();
    assert_eq!(row.hidden_in.last().map(Element::bytes), Some(commitment));
    assert_eq!(row.public_in, 0);
}
