//! Payments from plan to confirmation, with real proofs checked by the ledger's rules.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use umbel_crypto::Address;
use umbel_types::genesis::GenesisWallet;
use umbel_types::{Amount, AssetId, Memo, Network};
use umbel_wallet::{
    EntryId, HistoryKind, HistoryQuery, LockStatus, PaymentStage, PlanNotice, SendAmount, Wallet, WalletError, devnet,
    payout_key,
};

use crate::chain::{FakeChain, Next};
use crate::people::{
    Home, OTHER_WORDS, PASSWORD, WORDS, World, confidential, gift, mine_until_accepted, parse, pay, request, reward,
    scan, spendable, str_tokens, world,
};

fn history(wallet: &Wallet) -> Vec<umbel_wallet::HistoryEntry> {
    wallet.history(&HistoryQuery { limit: 500, ..HistoryQuery::default() }).entries
}

#[test]
fn a_confidential_payment_arrives_with_its_note() {
    let World { chain, mut ann, mut bob, home: _home } = world();
    assert_eq!(spendable(&ann), str_tokens(100));
    let mut wanted = request(Address::Confidential(confidential(&bob, 0)), SendAmount::Exact(str_tokens(25)));
    wanted.note = "für den Kaffee".to_owned();
    let plan = ann.plan(&wanted).unwrap();
    assert_eq!((plan.transactions(), plan.coins(), plan.notices()), (1, 1, &[][..]));
    let payment = pay(&mut ann, &wanted).unwrap();
    assert_eq!(payment.stage, PaymentStage::Submitted);
    assert_eq!(payment.fee, plan.fee());

    let change = Amount::from_units(str_tokens(15).units() - plan.fee().units());
    let balance = ann.balances()[&AssetId::STR];
    assert_eq!((balance.spendable, balance.pending), (str_tokens(60), change), "the smaller coin pays");

    let (block, _) = chain.mine(Next { txs: ann.to_submit(), ..Next::default() });
    ann.mark_seen(payment.txids[0], Some(block));
    assert_eq!(ann.payment(payment.id).unwrap().stage, PaymentStage::Seen);
    scan(&mut ann, &chain);
    scan(&mut bob, &chain);
    assert_eq!(ann.payment(payment.id).unwrap().stage, PaymentStage::Accepted);
    assert_eq!(ann.payment(payment.id).unwrap().accepted_in, Some(block));
    assert_eq!(spendable(&bob), str_tokens(25));
    assert_eq!(spendable(&ann).units(), str_tokens(75).units() - plan.fee().units());
    assert_eq!(ann.balances()[&AssetId::STR].pending, Amount::ZERO);
    assert!(ann.to_submit().is_empty());

    let received = &history(&bob)[0];
    assert_eq!((received.kind, received.amount), (HistoryKind::Received, str_tokens(25)));
    assert_eq!(received.note.as_deref(), Some("für den Kaffee"));
    assert_eq!((received.accepted_in, received.fee, received.public), (Some(block), None, false));
    let sent = &history(&ann)[0];
    assert_eq!((sent.kind, sent.amount, sent.fee), (HistoryKind::Sent, str_tokens(25), Some(plan.fee())));
    assert_eq!(sent.to.as_deref(), Some(&*bob.addresses()[0].confidential));
    assert_eq!(bob.addresses()[0].received, str_tokens(25));

    chain.advance(10);
    scan(&mut ann, &chain);
    assert_eq!(ann.payment(payment.id).unwrap().stage, PaymentStage::Confirmed);
    assert_eq!(history(&ann)[0].confirmations, 10);
}

#[test]
fn two_builds_of_one_plan_share_nothing() {
    let World { ann, .. } = &mut world();
    let wanted = request(Address::Confidential(ann.payout_address()), SendAmount::Exact(str_tokens(1)));
    let plan = ann.plan(&wanted).unwrap();
    assert_eq!(plan.notices(), [PlanNotice::OwnAddress]);
    let mut built = Vec::new();
    for _ in 0..2 {
        let job = ann.start_payment(plan.clone()).unwrap();
        let payment = job.run(&mut |_, _| {}, &AtomicBool::new(false)).unwrap();
        ann.release_payment(payment.id());
        built.push(payment.transactions()[0].clone());
    }
    assert_ne!(built[0].core.salt, built[1].core.salt);
    let points = |tx: &umbel_types::Transaction| -> BTreeSet<[u8; 32]> {
        let outputs = tx.core.outputs.iter().map(|output| match output {
            umbel_types::Output::Coin { coin, .. } => coin.owner.g.0,
            umbel_types::Output::Memo(_) => [0; 32],
        });
        outputs.collect()
    };
    assert!(points(&built[0]).is_disjoint(&points(&built[1])));
}

#[test]
fn a_public_payment_needs_to_be_asked_for() {
    let World { chain, mut ann, mut bob, home: _home } = world();
    let mut wanted = request(parse(&bob.addresses()[0].zk13str), SendAmount::Exact(str_tokens(7)));
    wanted.public = false;
    assert_eq!(ann.plan(&wanted).unwrap_err(), WalletError::NeedsPublic);
    wanted.public = true;
    wanted.note = "hello".to_owned();
    assert_eq!(ann.plan(&wanted).unwrap_err(), WalletError::PublicNote);
    wanted.note.clear();
    assert_eq!(ann.plan(&wanted).unwrap().notices(), [PlanNotice::Public]);
    pay(&mut ann, &wanted).unwrap();
    mine_until_accepted(&chain, &mut ann);
    scan(&mut bob, &chain);
    assert_eq!(spendable(&bob), str_tokens(7));
    assert!(history(&bob)[0].public);

    // Bob spends the memo: a signature instead of a proof.
    let back = request(Address::Confidential(confidential(&ann, 0)), SendAmount::Max);
    pay(&mut bob, &back).unwrap();
    mine_until_accepted(&chain, &mut bob);
    assert_eq!(spendable(&bob), Amount::ZERO);

    // Coins and memos together: said beforehand, and only where one kind does not suffice.
    let both = request(parse(&ann.addresses()[0].zk13str), SendAmount::Exact(str_tokens(20)));
    scan(&mut ann, &chain);
    assert_eq!(ann.plan(&both).unwrap().notices(), [PlanNotice::Public, PlanNotice::OwnAddress]);
    pay(&mut ann, &both).unwrap();
    mine_until_accepted(&chain, &mut ann);
    assert_eq!(history(&ann)[0].kind, HistoryKind::SelfTransfer);
    let most = request(Address::Confidential(confidential(&bob, 0)), SendAmount::Max);
    assert_eq!(ann.plan(&most).unwrap().notices(), [PlanNotice::LinksPublic]);
    pay(&mut ann, &most).unwrap();
    mine_until_accepted(&chain, &mut ann);
    assert_eq!((spendable(&ann), ann.coin_count()), (Amount::ZERO, 0));
}

#[test]
fn impossible_payments_are_refused() {
    let World { mut ann, bob, home: _home, .. } = world();
    let to = Address::Confidential(confidential(&bob, 0));
    let ask = |amount| request(to.clone(), amount);
    assert_eq!(ann.plan(&ask(SendAmount::Exact(Amount::ZERO))).unwrap_err(), WalletError::ZeroAmount);
    let all = ann.plan(&ask(SendAmount::Exact(str_tokens(100)))).unwrap_err();
    assert!(matches!(all, WalletError::InsufficientFunds { need, have, .. } if need > have && have == str_tokens(100)));
    assert!(all.to_string().contains("100.00000000"), "{all}");
    let overflow = ann.plan(&ask(SendAmount::Exact(Amount::MAX))).unwrap_err();
    assert!(matches!(overflow, WalletError::InsufficientFunds { .. }));
    let mut long = ask(SendAmount::Exact(str_tokens(1)));
    long.note = "x".repeat(239);
    assert_eq!(ann.plan(&long).unwrap_err(), WalletError::NoteTooLong { got: 239, limit: 238 });
    long.note = "x".repeat(238);
    assert!(ann.plan(&long).is_ok());
    let mut other = ask(SendAmount::Exact(str_tokens(1)));
    other.asset = AssetId::CCOS;
    assert!(matches!(ann.plan(&other), Err(WalletError::InsufficientFunds { asset: AssetId::CCOS, .. })));
    assert!(matches!(bob.plan(&ask(SendAmount::Max)), Err(WalletError::InsufficientFunds { .. })));

    let plan = ann.plan(&ask(SendAmount::Exact(str_tokens(50)))).unwrap();
    ann.lock();
    assert_eq!(ann.status(), LockStatus::Locked);
    assert_eq!(ann.start_payment(plan.clone()).err(), Some(WalletError::Locked));
    assert_eq!(ann.unlock("wrong"), Err(WalletError::WrongPassword));
    assert_eq!(ann.status(), LockStatus::Locked);
    ann.unlock(PASSWORD).unwrap();
    // One plan can be used once: its coins are held by the first payment.
    let first = ann.start_payment(plan.clone()).unwrap();
    assert_eq!(ann.start_payment(plan.clone()).err(), Some(WalletError::PlanOutdated));
    // A cancelled payment frees them.
    assert_eq!(first.run(&mut |_, _| {}, &AtomicBool::new(true)).err(), Some(WalletError::Cancelled));
    let id = ann.payments()[0].id;
    ann.fail_payment(id, &WalletError::Cancelled);
    assert_eq!(ann.payment(id).unwrap().stage, PaymentStage::Failed);
    assert_eq!(spendable(&ann), str_tokens(100));
    assert!(ann.start_payment(plan).is_ok());
}

#[test]
fn a_payment_of_many_coins_merges_them_first() {
    let World { chain, mut ann, mut bob, home: _home } = world();
    // 70 rewards of one STR, of which a payment of 68 needs more than 64 coins.
    reward(&chain, &bob, &vec![str_tokens(1); 70]);
    scan(&mut bob, &chain);
    let wanted = request(Address::Confidential(confidential(&ann, 0)), SendAmount::Exact(str_tokens(68)));
    let plan = bob.plan(&wanted).unwrap();
    assert_eq!(plan.notices(), [PlanNotice::Consolidates]);
    assert_eq!((plan.transactions(), plan.coins()), (2, 69));
    let payment = pay(&mut bob, &wanted).unwrap();
    assert_eq!(payment.txids.len(), 2);
    // The payment itself waits for the merged coin; a locked wallet goes on, since everything is built.
    bob.lock();
    let first = bob.to_submit();
    assert_eq!(first.iter().map(|tx| tx.txid()).collect::<Vec<_>>(), payment.txids[..1]);
    assert!(first[0].size_bytes() <= umbel_types::tx::MAX_TX_BYTES);
    chain.mine(Next { txs: first, ..Next::default() });
    scan(&mut bob, &chain);
    assert_eq!(bob.payment(payment.id).unwrap().stage, PaymentStage::Submitted);
    assert_eq!(spendable(&bob), str_tokens(1), "the merged coin is held for the payment");
    mine_until_accepted(&chain, &mut bob);
    scan(&mut ann, &chain);
    assert_eq!(spendable(&ann), str_tokens(168));
    let fees = plan.fee().units();
    assert_eq!(spendable(&bob).units(), str_tokens(2).units() - fees);
    let kinds: Vec<HistoryKind> = history(&bob).iter().map(|entry| entry.kind).take(2).collect();
    assert_eq!(kinds, [HistoryKind::Sent, HistoryKind::SelfTransfer]);
}

#[test]
fn a_payment_survives_a_restart_and_is_submitted_again() {
    let World { chain, mut ann, bob, home } = world();
    let wanted = request(Address::Confidential(confidential(&bob, 0)), SendAmount::Exact(str_tokens(25)));
    let payment = pay(&mut ann, &wanted).unwrap();
    let before = ann.balances();
    drop(ann);
    let mut ann = home.folder.unlock("ann", PASSWORD).unwrap();
    assert_eq!(ann.payment(payment.id).unwrap(), payment);
    assert_eq!(ann.to_submit().iter().map(|tx| tx.txid()).collect::<Vec<_>>(), payment.txids);
    scan(&mut ann, &chain);
    assert_eq!(ann.balances(), before);
    mine_until_accepted(&chain, &mut ann);
    assert_eq!(ann.payment(payment.id).unwrap().stage, PaymentStage::Accepted);
}

#[test]
fn a_competing_transaction_frees_the_funds() {
    let World { chain, mut ann, mut bob, home } = world();
    // A second holder of Ann's words pays with the same coin.
    let mut twin = home.restore("Twin", WORDS);
    scan(&mut twin, &chain);
    let wanted = request(Address::Confidential(confidential(&bob, 0)), SendAmount::Exact(str_tokens(25)));
    let payment = pay(&mut ann, &wanted).unwrap();
    let other = pay(&mut twin, &wanted).unwrap();
    assert_ne!(payment.txids, other.txids);
    let (_, accepted) = chain.mine(Next { txs: [twin.to_submit(), ann.to_submit()].concat(), ..Next::default() });
    assert_eq!(accepted, other.txids);
    scan(&mut ann, &chain);
    let now = ann.payment(payment.id).unwrap();
    assert_eq!((now.stage, now.conflict), (PaymentStage::Conflicted, Some(other.txids[0])));
    assert!(now.reason.unwrap().contains("funds are free"));
    assert!(ann.to_submit().is_empty());
    scan(&mut twin, &chain);
    assert_eq!(ann.balances(), twin.balances());
    // What the twin sent is read from the outgoing view key.
    let sent = history(&ann).into_iter().find(|entry| entry.id == EntryId::Tx(other.txids[0])).unwrap();
    assert_eq!((sent.kind, sent.amount), (HistoryKind::Sent, str_tokens(25)));
    assert_eq!(sent.to.as_deref(), Some(&*bob.addresses()[0].confidential));
    // The chain changes its mind: the payment is on its way again.
    chain.rewind(1);
    chain.advance(2);
    scan(&mut ann, &chain);
    assert_eq!(ann.payment(payment.id).unwrap().stage, PaymentStage::Submitted);
    mine_until_accepted(&chain, &mut ann);
    scan(&mut bob, &chain);
    assert_eq!(spendable(&bob), str_tokens(25));
}

#[test]
fn expired_and_dropped_payments_free_the_funds() {
    let World { chain, mut ann, bob, home: _home } = world();
    let wanted = request(Address::Confidential(confidential(&bob, 0)), SendAmount::Exact(str_tokens(25)));
    let payment = pay(&mut ann, &wanted).unwrap();
    ann.mark_dropped(payment.txids[0], "the pool is full");
    let dropped = ann.payment(payment.id).unwrap();
    assert_eq!((dropped.stage, dropped.reason.as_deref()), (PaymentStage::Dropped, Some("the pool is full")));
    assert_eq!(spendable(&ann), str_tokens(100));
    let second = pay(&mut ann, &wanted).unwrap();
    assert_eq!(second.expires.0, payment.expires.0);
    assert_eq!(spendable(&ann), str_tokens(60));
    chain.wait(86_400);
    scan(&mut ann, &chain);
    assert_eq!(ann.payment(second.id).unwrap().stage, PaymentStage::Expired);
    assert_eq!(spendable(&ann), str_tokens(100));
    assert!(ann.to_submit().is_empty());
}

#[test]
fn devnet_pays_test_coins_from_its_public_wallets() {
    let recipients = umbel_types::genesis::devnet().recipients;
    let memos = GenesisWallet::ALL.iter().zip(recipients).map(|(wallet, to)| {
        let (asset, amount) = wallet.allotment();
        Memo::public_payment(asset, amount, to)
    });
    let chain = FakeChain::new(Network::Devnet, memos.collect());
    let home = Home::new();
    let mut ann = home.restore("Ann", WORDS);
    let to = Address::Confidential(ann.payout_address());
    let mut busy = BTreeSet::new();
    let mut txs = Vec::new();
    for _ in 0..4 {
        let tx = devnet::fund(&chain, &busy, &to, str_tokens(1000)).unwrap();
        busy.extend(tx.core.inputs.iter().map(|input| input.outpoint));
        txs.push(std::sync::Arc::new(tx));
    }
    assert_eq!(devnet::fund(&chain, &busy, &to, str_tokens(1)).unwrap_err(), WalletError::FundBusy);
    assert_eq!(devnet::fund(&chain, &busy, &to, Amount::ZERO).unwrap_err(), WalletError::ZeroAmount);
    let too_much = devnet::fund(&chain, &BTreeSet::new(), &to, str_tokens(30_000_000_000));
    assert!(matches!(too_much, Err(WalletError::InsufficientFunds { .. })));
    assert_eq!(chain.mine(Next { txs, ..Next::default() }).1.len(), 4);
    let public = devnet::fund(&chain, &busy, &parse(&ann.addresses()[0].zk13str), str_tokens(5)).unwrap();
    assert_eq!(chain.mine(Next { txs: vec![public.into()], ..Next::default() }).1.len(), 1);
    scan(&mut ann, &chain);
    assert_eq!(spendable(&ann), str_tokens(4005));
    let mainnet = FakeChain::new(Network::Mainnet, Vec::new());
    assert_eq!(devnet::fund(&mainnet, &busy, &to, str_tokens(1)).unwrap_err(), WalletError::DevnetOnly);
}

#[test]
fn another_asset_is_paid_with_a_fee_in_str() {
    let home = Home::new();
    let (mut ann, mut bob) = (home.restore("Ann", WORDS), home.restore("Bob", OTHER_WORDS));
    let Address::Zk13str(to) = parse(&ann.addresses()[0].zk13str) else { panic!("no public address") };
    let chain = FakeChain::new(Network::Devnet, vec![Memo::public_payment(AssetId::CCOS, str_tokens(9), to)]);
    reward(&chain, &ann, &[str_tokens(1)]);
    scan(&mut ann, &chain);
    let mut wanted = request(Address::Confidential(confidential(&bob, 0)), SendAmount::Exact(str_tokens(4)));
    wanted.asset = AssetId::CCOS;
    let fee = ann.plan(&wanted).unwrap().fee();
    pay(&mut ann, &wanted).unwrap();
    mine_until_accepted(&chain, &mut ann);
    scan(&mut bob, &chain);
    assert_eq!(bob.balances()[&AssetId::CCOS].spendable, str_tokens(4));
    assert_eq!(ann.balances()[&AssetId::CCOS].spendable, str_tokens(5));
    assert_eq!(spendable(&ann).units(), str_tokens(1).units() - fee.units());
    // Bob has no STR for the fee.
    let mut back = request(Address::Confidential(confidential(&ann, 0)), SendAmount::Max);
    back.asset = AssetId::CCOS;
    assert!(matches!(bob.plan(&back), Err(WalletError::InsufficientFunds { asset: AssetId::STR, .. })));
}

#[test]
fn rewards_ripen_before_they_count() {
    let chain = FakeChain::new(Network::Devnet, Vec::new());
    let home = Home::new();
    let mut ann = home.restore("Ann", WORDS);
    scan(&mut ann, &chain);
    chain.mine(Next { rewards: vec![(payout_key(&ann.payout_address()).unwrap(), str_tokens(3))], ..Next::default() });
    scan(&mut ann, &chain);
    let balance = ann.balances()[&AssetId::STR];
    assert_eq!((balance.spendable, balance.immature), (Amount::ZERO, str_tokens(3)));
    let entry = &history(&ann)[0];
    assert_eq!((entry.kind, entry.matures_in), (HistoryKind::Mined, Some(9)));
    assert!(entry.reward_for.is_some());
    chain.advance(9);
    scan(&mut ann, &chain);
    assert_eq!(spendable(&ann), str_tokens(3));
    assert_eq!(history(&ann)[0].matures_in, None);
}

#[test]
fn history_is_searched_and_paged() {
    let chain = FakeChain::new(Network::Devnet, Vec::new());
    let home = Home::new();
    let mut ann = home.restore("Ann", WORDS);
    scan(&mut ann, &chain);
    for n in 0..6u64 {
        let note = format!("Note {n}");
        chain.mine(Next { gifts: vec![gift(&ann.payout_address(), str_tokens(n + 1), &note, n)], ..Next::default() });
        let rewards = vec![(payout_key(&ann.payout_address()).unwrap(), str_tokens(50))];
        chain.mine(Next { rewards, ..Next::default() });
    }
    scan(&mut ann, &chain);
    let ask = |query: HistoryQuery| {
        let page = ann.history(&query);
        (page.total, page.entries.iter().map(|entry| entry.amount.units() / 100_000_000).collect::<Vec<_>>())
    };
    let query = |offset, limit, search: &str, kind| HistoryQuery { offset, limit, search: search.to_owned(), kind };
    assert_eq!(ask(query(0, 3, "", None)), (12, vec![50, 6, 50]));
    assert_eq!(ask(query(11, 3, "", None)), (12, vec![1]));
    assert_eq!(ask(query(1, 2, "", Some(HistoryKind::Received))), (6, vec![5, 4]));
    assert_eq!(ask(query(0, 9, "NOTE 3", None)), (1, vec![4]));
    assert_eq!(ask(query(4, 9, "mined", Some(HistoryKind::Mined))), (6, vec![50, 50]));
    assert_eq!(ask(query(0, 9, "nothing of the kind", None)), (0, vec![]));
}
