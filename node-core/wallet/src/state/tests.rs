//! A memory is what its records say, however they were written.

use super::*;
use crate::coins::{Spendable, Text};
use crate::locks::LockSpend;
use crate::record::{MAX_LIST, Spent};
use proptest::prelude::*;
use umbel_types::{Hash32, Lock, Memo, OneTimeKey, Origin, PointBytes, ZkAddress};

/// A moment on a chain where nothing is final.
fn at(daa_score: u64) -> Moment {
    Moment {
        daa_score: DaaScore(daa_score),
        confirmation_depth: 10,
        final_blue_score: BlueScore(0),
        final_daa_score: DaaScore(0),
    }
}

fn outpoint(n: u32) -> OutPoint {
    OutPoint { source: Hash32([1; 32]), index: n }
}

fn source(n: u32) -> Hash32 {
    let mut source = [2; 32];
    source[..4].copy_from_slice(&n.to_le_bytes());
    Hash32(source)
}

fn block(n: u8) -> BlockHash {
    BlockHash([n; 32])
}

fn coin(n: u32, verified: bool) -> OwnedCoin {
    let point = PointBytes([3; 32]);
    let owner = OneTimeKey { g: point, view: point, spend: point };
    OwnedCoin {
        outpoint: OutPoint { source: source(n), index: n },
        asset: AssetId::STR,
        value: Amount::from_units(u64::from(n)),
        body: Spendable::Coin { owner, c: point, d: point },
        origin: if n.is_multiple_of(3) { Origin::Coinbase } else { Origin::Transaction },
        daa_score: DaaScore(u64::from(n)),
        time: TimestampMs(u64::from(n % 7)),
        paid_to: if n.is_multiple_of(2) { PaidTo::Internal(n % 50) } else { PaidTo::Confidential(Some(n % 50)) },
        note: Text(format!("note {n}")),
        verified,
    }
}

fn fact(n: u32, accepted: Option<u8>) -> TxFact {
    let coin = coin(n, true);
    TxFact {
        id: entry_of(&coin),
        reward_for: accepted.map(block),
        accepted_in: accepted.map(|accepted| (block(accepted), BlueScore(5))),
        daa_score: DaaScore(5),
        time: TimestampMs(u64::from(n % 5)),
        received: vec![Received::from(&coin)],
        spent: vec![Spent { outpoint: outpoint(n), asset: AssetId::STR, value: Amount::from_units(1) }],
        fee: Amount::from_units(2),
        sent: Vec::new(),
    }
}

fn lock(n: u32, spent: Option<u8>) -> OwnLock {
    let mut memo = Memo::public_payment(AssetId::STR, Amount::from_units(1), ZkAddress([1; 20]));
    memo.lock = Lock::PostQuantum { address: ZkAddress([1; 20]), mldsa65_key_hash: source(n) };
    OwnLock {
        outpoint: OutPoint { source: source(n), index: 1000 + n },
        value: Amount::from_units(u64::from(n)),
        terms: memo.terms(),
        daa_score: DaaScore(u64::from(n)),
        address: n % 50,
        nonce: spent.map(|_| source(n)),
        spent: spent.map(|n| LockSpend { txid: TxId([n; 32]), block: block(n), preimage: Some(source(7)) }),
    }
}

fn record() -> impl Strategy<Value = Record> {
    let cursor = |n: u8| Cursor { block: block(n), daa_score: DaaScore(9), blue_score: BlueScore(9) };
    let list = || proptest::collection::vec(0u32..300, 0..6);
    let delta = (any::<bool>(), any::<u8>(), list(), list(), list(), proptest::option::of(0u8..9)).prop_map(
        move |(reset, n, found, gone, facts, accepted)| {
            Record::Chain(Box::new(ChainDelta {
                reset: reset && n < 60,
                undone: vec![block(n % 9)],
                unmade: gone.iter().rev().take(1).map(|n| coin(*n, true).outpoint).collect(),
                found: found.iter().map(|n| coin(*n, n % 4 != 0)).collect(),
                gone: gone.iter().map(|n| coin(*n, true).outpoint).collect(),
                facts: facts.iter().map(|n| fact(*n, accepted)).collect(),
                locks: found.iter().filter(|n| **n % 3 == 0).map(|n| lock(*n, accepted)).collect(),
                cursor: Some(cursor(n)),
            }))
        },
    );
    prop_oneof![
        6 => delta,
        1 => (0u32..60).prop_map(|index| Record::Address { index, label: bounded(&format!("label {index}")) }),
        1 => (0u32..60).prop_map(Record::Internal),
        1 => list().prop_map(|list| Record::Verified {
            own: list.iter().map(|n| coin(*n, true).outpoint).collect(),
            foreign: list.iter().map(|n| coin(*n + 1, true).outpoint).collect(),
        }),
    ]
}

fn replay(records: &[Record]) -> Memory {
    use umbel_types::{Decode, Encode};
    let mut memory = Memory::default();
    for record in records {
        let again = Record::from_bytes(&record.to_bytes()).unwrap();
        assert_eq!(again, *record);
        memory.apply(&again);
    }
    memory
}

proptest! {
    #[test]
    fn a_compacted_journal_gives_the_same_memory(records in proptest::collection::vec(record(), 0..30)) {
        let memory = replay(&records);
        let again = replay(&memory.to_records());
        prop_assert_eq!(&again.coins, &memory.coins);
        prop_assert_eq!(&again.locks, &memory.locks);
        prop_assert_eq!(&again.unmade, &memory.unmade);
        prop_assert_eq!((&again.labels, again.next_internal), (&memory.labels, memory.next_internal));
        prop_assert_eq!(again.cursor, memory.cursor);
        // Records drawn at random may leave coins without an entry; real ones don't. Those get one.
        prop_assert!(memory.facts.iter().all(|(id, fact)| again.facts.get(id) == Some(fact)));
        prop_assert_eq!(replay(&again.to_records()), again);
    }
}

#[test]
fn consumed_coins_alone_are_no_payment() {
    use crate::record::PaymentRecord;
    use std::sync::Arc;
    use umbel_types::tx::{LockBranch, TX_VERSION};
    use umbel_types::{Action, DaaRange, Input, Transaction, TxCore, Witness};
    let terms = Memo::public_payment(AssetId::STR, Amount::from_units(1), ZkAddress([1; 20])).terms();
    let consumed = Input::Memo { terms, branch: LockBranch::Owner };
    let coins = [coin(1, true), coin(2, true)];
    let core = TxCore {
        version: TX_VERSION,
        chain: 1313,
        action: Action::Transfer,
        inputs: coins.iter().map(|c| TxInput { outpoint: c.outpoint, consumed: consumed.clone() }).collect(),
        outputs: Vec::new(),
        fee: Amount::ZERO,
        valid: DaaRange { start: DaaScore(0), end: DaaScore(100) },
        salt: [0; 32],
    };
    let witness = Witness {
        range_proof: Vec::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        action: umbel_types::staking::ActionWitness::None,
        kernel: [0; 64],
    };
    let record = PaymentRecord {
        id: 1,
        txs: vec![Arc::new(Transaction { core, witness })],
        own: Vec::new(),
        to: Text::default(),
        to_self: false,
        asset: AssetId::STR,
        amount: Amount::from_units(3),
        fee: Amount::ZERO,
        note: Text::default(),
        public: false,
        created: TimestampMs(0),
        expires: DaaScore(100),
    };
    // What a scan of the present state finds, after the payment was recorded.
    let scanned = |found: &[OwnedCoin]| {
        let cursor = Cursor { block: block(1), daa_score: DaaScore(500), blue_score: BlueScore(500) };
        let delta = ChainDelta { reset: true, found: found.to_vec(), cursor: Some(cursor), ..ChainDelta::default() };
        let mut memory = Memory::default();
        memory.apply(&Record::Sent(Box::new(record.clone())));
        memory.apply(&Record::Chain(Box::new(delta)));
        memory
    };
    for (found, standing, stage) in [
        (&coins[..], TxStanding::Open, PaymentStage::Submitted),
        (&coins[..1], TxStanding::Conflicted(None), PaymentStage::Conflicted),
        (&[], TxStanding::Unknown, PaymentStage::Submitted),
    ] {
        let memory = scanned(found);
        let payment = &memory.payments[&1];
        assert_eq!(memory.standing(payment, 0), standing);
        assert_eq!(memory.stage(payment, &at(50)), stage);
    }
    // Nobody knows that it was not accepted in time, either.
    let memory = scanned(&[]);
    assert_eq!(memory.stage(&memory.payments[&1], &at(500)), PaymentStage::Submitted);
    assert_eq!(memory.without_outcome(), [1]);
}

#[test]
fn a_long_change_is_split_and_means_the_same() {
    let limit = u32::try_from(MAX_LIST).unwrap();
    let delta = ChainDelta {
        reset: true,
        found: (0..limit * 2 + 5).map(|n| coin(n, true)).collect(),
        gone: (0..limit + 1).map(|n| coin(n * 2, true).outpoint).collect(),
        facts: (0..limit * 2).map(|n| fact(n, Some(1))).collect(),
        cursor: Some(Cursor { block: block(1), daa_score: DaaScore(1), blue_score: BlueScore(1) }),
        ..ChainDelta::default()
    };
    let mut whole = Memory::default();
    whole.apply(&Record::Chain(Box::new(delta.clone())));
    let parts = delta.split();
    assert!(parts.len() > 3 && parts[0].reset && !parts[1].reset);
    assert!(parts.iter().rev().skip(1).all(|part| part.cursor.is_none()));
    let records: Vec<Record> = parts.into_iter().map(|part| Record::Chain(Box::new(part))).collect();
    assert!(replay(&records) == whole, "too long to print");
}
