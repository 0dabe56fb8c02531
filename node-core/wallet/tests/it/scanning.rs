//! Finding coins, and finding the same ones after every turn of the chain.

use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use umbel_types::tx::{LockBranch, TX_VERSION};
use umbel_types::utxo::StoredOutput;
use umbel_types::{
    Action, Amount, AssetId, DaaRange, DaaScore, Hash32, Input, Lock, Memo, Network, OutPoint, Output, PointBytes,
    TxCore, TxInput,
};
use umbel_wallet::{
    Balance, HistoryKind, HistoryQuery, LockState, LockStatus, SendAmount, Wallet, WalletError, payout_key,
};

use crate::chain::{FakeChain, Next};
use crate::people::{
    Home, OTHER_WORDS, PASSWORD, WORDS, confidential, gift, mine_until_accepted, parse, pay, request, reward, scan,
    spendable, str_tokens,
};

fn zk_address(wallet: &Wallet, index: u32) -> umbel_types::ZkAddress {
    let entry = wallet.addresses().into_iter().find(|entry| entry.index == index).unwrap();
    match parse(&entry.zk13str) {
        umbel_crypto::Address::Zk13str(address) => address,
        umbel_crypto::Address::Confidential(_) => panic!("not public"),
    }
}

fn memo(wallet: &Wallet, index: u32, value: Amount, n: u8) -> (OutPoint, StoredOutput) {
    let memo = Memo::public_payment(AssetId::STR, value, zk_address(wallet, index));
    (OutPoint { source: Hash32([n; 32]), index: 5 }, StoredOutput::Memo(memo))
}

#[test]
fn a_restore_finds_everything_from_the_words_alone() {
    let chain = FakeChain::new(Network::Devnet, Vec::new());
    let home = Home::new();
    let mut ann = home.restore("Ann", WORDS);
    scan(&mut ann, &chain);
    // Coins on many addresses, handed out and internal; memos; rewards; coins of others between them.
    for n in 0..90 {
        ann.new_address(&format!("{n}")).unwrap();
    }
    let bob = home.restore("Bob", OTHER_WORDS);
    let others: Vec<_> = (0..300u64).map(|n| gift(&bob.payout_address(), str_tokens(1), "", 1000 + n)).collect();
    chain.mine(Next { gifts: others, ..Next::default() });
    let far = [0u32, 1, 15, 77, 90];
    let gifts = far.iter().map(|i| gift(&confidential(&ann, *i), str_tokens(10), "hi", u64::from(*i))).collect();
    chain.mine(Next { gifts, ..Next::default() });
    let gifts = [0u32, 50, 88].iter().zip(1u8..).map(|(i, n)| memo(&ann, *i, str_tokens(2), n)).collect();
    chain.mine(Next { gifts, ..Next::default() });
    reward(&chain, &ann, &[str_tokens(50)]);
    scan(&mut ann, &chain);
    let wanted = request(umbel_crypto::Address::Confidential(bob.payout_address()), SendAmount::Exact(str_tokens(33)));
    pay(&mut ann, &wanted).unwrap();
    mine_until_accepted(&chain, &mut ann);
    let before = ann.balances();
    drop(ann);
    home.folder.remove("Ann").unwrap();

    let mut ann = home.restore("Ann again", WORDS);
    assert_eq!(ann.plan(&wanted).unwrap_err(), WalletError::NotScanned);
    let first = ann.scan_step(&chain, 100).unwrap();
    assert_eq!((first.complete, first.done, first.total), (false, 100, chain.utxo_count() as u64));
    scan(&mut ann, &chain);
    assert_eq!(ann.balances(), before);
    let report = ann.search_report();
    assert_eq!(report.outputs_tried, chain.utxo_count() as u64);
    assert!(report.zk13str_searched >= 88 + 20 && !report.deeper_search_waits, "{report:?}");
    assert_eq!((report.found, report.unverified), (ann.coin_count() as u64, 0));
    assert_eq!(ann.addresses().len(), 91, "addresses that were paid count as handed out");
    // Its history holds what is unspent; change of the payment is not shown as income.
    let kinds = ann.history(&HistoryQuery { limit: 99, ..HistoryQuery::default() }).entries;
    assert_eq!(kinds.iter().filter(|e| e.kind == HistoryKind::SelfTransfer).count(), 1);
    assert!(kinds.iter().any(|e| e.note.as_deref() == Some("hi")));
    // And it can pay with all of it.
    pay(&mut ann, &request(umbel_crypto::Address::Confidential(bob.payout_address()), SendAmount::Max)).unwrap();
    mine_until_accepted(&chain, &mut ann);
    assert_eq!(spendable(&ann), Amount::ZERO);
}

#[test]
fn a_locked_wallet_keeps_scanning() {
    let chain = FakeChain::new(Network::Devnet, Vec::new());
    let home = Home::new();
    let mut ann = home.restore("Ann", WORDS);
    ann.lock();
    scan(&mut ann, &chain);
    chain.mine(Next { gifts: vec![gift(&ann.payout_address(), str_tokens(5), "", 1)], ..Next::default() });
    scan(&mut ann, &chain);
    assert_eq!((ann.status(), spendable(&ann)), (LockStatus::Locked, str_tokens(5)));
}

#[test]
fn a_coin_on_an_address_beyond_the_table_counts_once_the_spend_key_has_seen_it() {
    let chain = FakeChain::new(Network::Devnet, Vec::new());
    let (home, far) = (Home::new(), Home::new());
    let mut other = far.restore("Far", WORDS);
    let mut last = other.new_address("").unwrap();
    while last.index < 200 {
        last = other.new_address("").unwrap();
    }
    let gifts = vec![gift(&confidential(&other, 200), str_tokens(5), "", 1)];
    let mut ann = home.restore("Ann", WORDS);
    ann.lock();
    chain.mine(Next { gifts, ..Next::default() });
    scan(&mut ann, &chain);
    assert_eq!((spendable(&ann), ann.search_report().unverified), (Amount::ZERO, 1));
    ann.unlock(PASSWORD).unwrap();
    scan(&mut ann, &chain);
    assert_eq!((spendable(&ann), ann.search_report().unverified), (str_tokens(5), 0));
    assert_eq!(ann.addresses()[0].index, 200);
}

#[test]
fn a_coin_with_a_false_spend_point_is_no_money() {
    let chain = FakeChain::new(Network::Devnet, Vec::new());
    let home = Home::new();
    let (mut ann, bob) = (home.restore("Ann", WORDS), home.restore("Bob", OTHER_WORDS));
    let (outpoint, mut output) = gift(&ann.payout_address(), str_tokens(5), "", 1);
    let (_, foreign) = gift(&bob.payout_address(), str_tokens(5), "", 2);
    if let (StoredOutput::Coin { coin, .. }, StoredOutput::Coin { coin: other, .. }) = (&mut output, &foreign) {
        coin.owner.spend = other.owner.spend;
    }
    chain.mine(Next { gifts: vec![(outpoint, output)], ..Next::default() });
    scan(&mut ann, &chain);
    assert_eq!((spendable(&ann), ann.coin_count()), (Amount::ZERO, 0));
}

#[test]
fn a_memo_that_falls_back_to_somebody_else_is_not_counted() {
    let chain = FakeChain::new(Network::Devnet, Vec::new());
    let home = Home::new();
    let mut ann = home.restore("Ann", WORDS);
    let (outpoint, mut output) = memo(&ann, 0, str_tokens(5), 1);
    if let StoredOutput::Memo(memo) = &mut output {
        memo.valid.end = DaaScore(50);
        memo.refund = Some(umbel_types::ZkAddress([9; 20]));
    }
    chain.mine(Next { gifts: vec![(outpoint, output)], ..Next::default() });
    scan(&mut ann, &chain);
    assert_eq!(spendable(&ann), Amount::ZERO);
}

#[test]
fn a_failing_store_leaves_the_wallet_right() {
    let chain = FakeChain::new(Network::Devnet, Vec::new());
    let home = Home::new();
    let mut ann = home.restore("Ann", WORDS);
    scan(&mut ann, &chain);
    chain.mine(Next { gifts: vec![gift(&ann.payout_address(), str_tokens(5), "", 1)], ..Next::default() });
    chain.advance(3);
    scan(&mut ann, &chain);
    chain.rewind(4);
    chain.mine(Next { gifts: vec![gift(&ann.payout_address(), str_tokens(7), "", 2)], ..Next::default() });
    chain.advance(5);
    for failures in (1..12).rev() {
        chain.fail_next(failures);
        for _ in 0..failures {
            let _ = ann.scan_step(&chain, 2);
        }
    }
    scan(&mut ann, &chain);
    assert_eq!(spendable(&ann), str_tokens(7));
}

#[test]
fn a_chain_begun_anew_is_scanned_anew() {
    let home = Home::new();
    let first = FakeChain::new(Network::Devnet, Vec::new());
    let mut ann = home.restore("Ann", WORDS);
    reward(&first, &ann, &[str_tokens(5)]);
    scan(&mut ann, &first);
    let second = FakeChain::new(Network::Devnet, Vec::new());
    second.mine(Next { gifts: vec![gift(&ann.payout_address(), str_tokens(2), "", 1)], ..Next::default() });
    // The first chain's head is unknown here.
    assert_ne!(first.head(), second.head());
    scan(&mut ann, &second);
    assert_eq!(spendable(&ann), str_tokens(2));
    let page = ann.history(&HistoryQuery { limit: 9, ..HistoryQuery::default() });
    assert_eq!(page.total, 1, "{page:?}");
}

#[test]
fn a_coin_made_and_consumed_by_one_chain_block_is_never_left_over() {
    let chain = FakeChain::new(Network::Devnet, Vec::new());
    let home = Home::new();
    let (mut ann, bob) = (home.restore("Ann", WORDS), home.restore("Bob", OTHER_WORDS));
    reward(&chain, &ann, &vec![str_tokens(1); 66]);
    scan(&mut ann, &chain);
    let before = ann.balances();
    let wanted = request(umbel_crypto::Address::Confidential(bob.payout_address()), SendAmount::Max);
    let plan = ann.plan(&wanted).unwrap();
    let built = ann.start_payment(plan).unwrap().run(&mut |_, _| {}, &AtomicBool::new(false)).unwrap();
    ann.release_payment(built.id());
    // Two merged blocks: the second one's transaction consumes what the first one's made.
    assert_eq!(chain.mine(Next { txs: built.transactions().to_vec(), ..Next::default() }).1.len(), 2);
    scan(&mut ann, &chain);
    assert_eq!((spendable(&ann), ann.coin_count()), (Amount::ZERO, 0));
    chain.rewind(1);
    chain.advance(1);
    scan(&mut ann, &chain);
    assert_eq!((ann.balances(), ann.coin_count()), (before, 66));
}

/// What a test does to the chain.
#[derive(Clone, Debug)]
enum Turn {
    Gift {
        to: u32,
        value: u64,
    },
    Memo {
        to: u32,
        value: u64,
    },
    Lock {
        to: u32,
        value: u64,
    },
    Reward {
        value: u64,
    },
    /// Somebody with the same words spends the wallet's nth output to its own address, keeping a part.
    Spend {
        nth: usize,
    },
    Advance {
        blocks: usize,
    },
    Rewind {
        blocks: usize,
    },
    Scan {
        limit: usize,
    },
    Restart,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        3 => (0u32..4, 1u64..1_000_000).prop_map(|(to, value)| Turn::Gift { to, value }),
        2 => (0u32..4, 1u64..1_000_000).prop_map(|(to, value)| Turn::Memo { to, value }),
        2 => (0u32..4, 1u64..1_000_000).prop_map(|(to, value)| Turn::Lock { to, value }),
        2 => (1u64..1_000_000).prop_map(|value| Turn::Reward { value }),
        4 => (0usize..20).prop_map(|nth| Turn::Spend { nth }),
        1 => (1usize..12).prop_map(|blocks| Turn::Advance { blocks }),
        3 => (1usize..9).prop_map(|blocks| Turn::Rewind { blocks }),
        4 => (1usize..20).prop_map(|limit| Turn::Scan { limit }),
        1 => Just(Turn::Restart),
    ]
}

/// A transaction without proofs that consumes an own output and gives half of it back as a Memo.
fn spend_core(wallet: &Wallet, outpoint: OutPoint, output: &StoredOutput, n: u8) -> TxCore {
    let consumed = match output {
        StoredOutput::Coin { coin, .. } => Input::Coin {
            asset: coin.asset,
            owner: coin.owner,
            c: coin.c,
            d: coin.d,
            value_commitment: PointBytes([0; 32]),
        },
        StoredOutput::Memo(memo) => Input::Memo { terms: memo.terms(), branch: LockBranch::Owner },
    };
    TxCore {
        version: TX_VERSION,
        chain: 1313,
        action: Action::Transfer,
        inputs: vec![TxInput { outpoint, consumed }],
        outputs: vec![Output::Memo(Memo::public_payment(AssetId::STR, Amount::from_units(77), zk_address(wallet, 0)))],
        fee: Amount::from_units(1),
        valid: DaaRange::ALWAYS,
        salt: [n; 32],
    }
}

fn summary(wallet: &Wallet) -> (BTreeMap<AssetId, Balance>, usize, Vec<OutPoint>) {
    let locks = wallet.locks().into_iter().filter(|lock| lock.state == LockState::Open);
    (wallet.balances(), wallet.coin_count(), locks.map(|lock| lock.outpoint).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn following_the_chain_equals_a_fresh_scan(turns in proptest::collection::vec(turn(), 1..40)) {
        use umbel_types::consensus_api::ConsensusApi;
        let mut chain = FakeChain::new(Network::Devnet, Vec::new());
        chain.checks_proofs = false;
        let home = Home::new();
        let mut ann = home.restore("Ann", WORDS);
        for _ in 0..3 {
            ann.new_address("").unwrap();
        }
        let mut seed = 0u64;
        for turn in turns {
            seed += 1;
            let n = u8::try_from(seed % 251).unwrap();
            match turn {
                Turn::Gift { to, value } => {
                    let gift = gift(&confidential(&ann, to), Amount::from_units(value), "", seed);
                    chain.mine(Next { gifts: vec![gift], ..Next::default() });
                }
                Turn::Memo { to, value } => {
                    let memo = memo(&ann, to, Amount::from_units(value), n);
                    chain.mine(Next { gifts: vec![memo], ..Next::default() });
                }
                Turn::Lock { to, value } => {
                    let (outpoint, output) = memo(&ann, to, Amount::from_units(value), n);
                    let StoredOutput::Memo(mut memo) = output else { unreachable!("a memo") };
                    let mldsa65_key_hash = Hash32([n; 32]);
                    memo.lock = Lock::PostQuantum { address: zk_address(&ann, to), mldsa65_key_hash };
                    let gifts = vec![(outpoint, StoredOutput::Memo(memo))];
                    chain.mine(Next { gifts, ..Next::default() });
                }
                Turn::Reward { value } => {
                    let key = payout_key(&ann.payout_address()).unwrap();
                    chain.mine(Next { rewards: vec![(key, Amount::from_units(value))], ..Next::default() });
                }
                Turn::Spend { nth } => {
                    let page = chain.utxo_snapshot().unwrap().page(None, 1000).unwrap();
                    if let Some((outpoint, entry)) = page.get(nth % page.len().max(1)) {
                        chain.mine_core(spend_core(&ann, *outpoint, &entry.output, n));
                    }
                }
                Turn::Advance { blocks } => chain.advance(blocks),
                Turn::Rewind { blocks } => {
                    chain.rewind(blocks);
                    chain.advance(1);
                }
                Turn::Scan { limit } => {
                    ann.scan_step(&chain, limit).unwrap();
                }
                Turn::Restart => {
                    drop(ann);
                    ann = home.folder.unlock("Ann", PASSWORD).unwrap();
                }
            }
        }
        scan(&mut ann, &chain);
        let fresh_home = Home::new();
        let mut fresh = fresh_home.restore("Fresh", WORDS);
        scan(&mut fresh, &chain);
        prop_assert_eq!(summary(&ann), summary(&fresh));
        // Every entry that came and is unspent is in both histories.
        let incoming = |wallet: &Wallet| {
            let query = HistoryQuery { limit: 1000, kind: Some(HistoryKind::Mined), ..HistoryQuery::default() };
            wallet.history(&query).entries.into_iter().map(|e| (e.id, e.amount)).collect::<BTreeMap<_, _>>()
        };
        let followed = incoming(&ann);
        for (id, amount) in incoming(&fresh) {
            prop_assert_eq!(followed.get(&id), Some(&amount));
        }
        drop(ann);
        let mut again = home.folder.unlock("Ann", PASSWORD).unwrap();
        scan(&mut again, &chain);
        prop_assert_eq!(summary(&again), summary(&fresh));
    }
}
