//! What a wallet says of a payment whose outcome it did not see happen.

use umbel_crypto::Address;
use umbel_types::utxo::StoredOutput;
use umbel_types::{AssetId, BlockHash, Hash32, Memo, Network, OutPoint};
use umbel_wallet::{HistoryQuery, Payment, PaymentStage, SendAmount, Wallet, WalletError};

use crate::chain::{FakeChain, Next};
use crate::people::{
    Home, OTHER_WORDS, PASSWORD, WORDS, confidential, gift, mine_until_accepted, parse, pay, request, reward, scan,
    spendable, str_tokens,
};

/// A payment near the end of the addresses looked for: whoever sees it looks further, in a scan of the present state.
fn far_memo(wallet: &Wallet) -> (OutPoint, StoredOutput) {
    let entry = wallet.addresses().into_iter().find(|entry| entry.index == 50).unwrap();
    let Address::Zk13str(address) = parse(&entry.zk13str) else { panic!("no public address") };
    let memo = Memo::public_payment(AssetId::STR, str_tokens(1), address);
    (OutPoint { source: Hash32([9; 32]), index: 0 }, StoredOutput::Memo(memo))
}

/// Ann has 100 STR, and a payment of all of it on its way. A twin has the same words.
struct Everything {
    chain: FakeChain,
    homes: [Home; 2],
    ann: Wallet,
    twin: Wallet,
    bob: Wallet,
    payment: Payment,
}

fn everything() -> Everything {
    let chain = FakeChain::new(Network::Devnet, Vec::new());
    let (home, far) = (Home::new(), Home::new());
    let (mut ann, bob) = (home.restore("Ann", WORDS), home.restore("Bob", OTHER_WORDS));
    let mut twin = far.restore("Twin", WORDS);
    while twin.addresses()[0].index < 50 {
        twin.new_address("").unwrap();
    }
    reward(&chain, &ann, &[str_tokens(60), str_tokens(40)]);
    scan(&mut ann, &chain);
    scan(&mut twin, &chain);
    let all = request(Address::Confidential(confidential(&bob, 0)), SendAmount::Max);
    let payment = pay(&mut ann, &all).unwrap();
    Everything { chain, homes: [home, far], ann, twin, bob, payment }
}

#[test]
fn a_payment_that_was_accepted_while_a_deeper_search_was_due_is_seen() {
    let Everything { chain, mut ann, twin, payment, homes: _homes, .. } = everything();
    // The deeper search begins at a block before the one that accepts the payment.
    chain.mine(Next { gifts: vec![far_memo(&twin)], ..Next::default() });
    let (block, _) = chain.mine(Next { txs: ann.to_submit(), ..Next::default() });
    for _ in 0..1000 {
        if ann.scan_step(&chain, 1).unwrap().complete {
            break;
        }
    }
    assert!(ann.search_report().zk13str_searched > 60);
    let payment = ann.payment(payment.id).unwrap();
    assert_eq!((payment.stage, payment.accepted_in), (PaymentStage::Accepted, Some(block)));
}

#[test]
fn a_competing_transaction_during_a_deeper_search_is_seen() {
    let Everything { chain, mut ann, mut twin, bob, payment, homes: _homes } = everything();
    chain.mine(Next { gifts: vec![far_memo(&twin)], ..Next::default() });
    let all = request(Address::Confidential(confidential(&bob, 0)), SendAmount::Max);
    let other = pay(&mut twin, &all).unwrap();
    chain.mine(Next { txs: twin.to_submit(), ..Next::default() });
    for _ in 0..1000 {
        if ann.scan_step(&chain, 1).unwrap().complete {
            break;
        }
    }
    let payment = ann.payment(payment.id).unwrap();
    assert_eq!((payment.stage, payment.conflict), (PaymentStage::Conflicted, Some(other.txids[0])));
}

#[test]
fn a_chain_begun_anew_drops_payments() {
    let chain = FakeChain::new(Network::Devnet, Vec::new());
    let home = Home::new();
    let (mut ann, bob) = (home.restore("Ann", WORDS), home.restore("Bob", OTHER_WORDS));
    reward(&chain, &ann, &[str_tokens(60), str_tokens(40)]);
    scan(&mut ann, &chain);
    let to_bob = |amount| request(Address::Confidential(confidential(&bob, 0)), amount);
    let confirmed = pay(&mut ann, &to_bob(SendAmount::Exact(str_tokens(5)))).unwrap();
    mine_until_accepted(&chain, &mut ann);
    chain.advance(10);
    scan(&mut ann, &chain);
    assert_eq!(ann.payment(confirmed.id).unwrap().stage, PaymentStage::Confirmed);
    let pending = pay(&mut ann, &to_bob(SendAmount::Max)).unwrap();
    ann.mark_seen(pending.txids[0], Some(BlockHash([7; 32])));

    let new = FakeChain::new(Network::Devnet, Vec::new());
    new.mine(Next { gifts: vec![gift(&ann.payout_address(), str_tokens(30), "", 5)], ..Next::default() });
    scan(&mut ann, &new);
    let check = |ann: &Wallet| {
        for id in [confirmed.id, pending.id] {
            let payment = ann.payment(id).unwrap();
            assert_eq!((payment.stage, payment.accepted_in, payment.seen_in), (PaymentStage::Dropped, None, None));
            assert!(payment.reason.unwrap().contains("started anew"));
        }
        let page = ann.history(&HistoryQuery { limit: 9, ..HistoryQuery::default() });
        assert!(page.entries.iter().filter(|e| e.to.is_some()).all(|e| e.stage == PaymentStage::Dropped), "{page:?}");
        assert!(ann.to_submit().is_empty());
        assert_eq!(spendable(ann), str_tokens(30));
    };
    check(&ann);
    drop(ann);
    let mut ann = home.folder.unlock("Ann", PASSWORD).unwrap();
    check(&ann);
    // It pays on the new chain.
    let again = pay(&mut ann, &to_bob(SendAmount::Exact(str_tokens(5)))).unwrap();
    mine_until_accepted(&new, &mut ann);
    assert_eq!(ann.payment(again.id).unwrap().stage, PaymentStage::Accepted);
    scan(&mut ann, &chain);
    assert_eq!(ann.payment(again.id).unwrap().stage, PaymentStage::Dropped);
}

/// A node that is killed may lose the blocks of its last second, while the wallet's journal keeps what they said.
#[test]
fn payments_outlive_the_loss_of_the_chains_end() {
    let chain = FakeChain::new(Network::Devnet, Vec::new());
    let home = Home::new();
    let (mut ann, mut bob) = (home.restore("Ann", WORDS), home.restore("Bob", OTHER_WORDS));
    reward(&chain, &ann, &[str_tokens(60)]);
    chain.advance(20);
    scan(&mut ann, &chain);
    let to_bob = |units| request(Address::Confidential(confidential(&bob, 0)), SendAmount::Exact(str_tokens(units)));
    // The second spends the change of the first, the third a coin that came from elsewhere.
    let first = pay(&mut ann, &to_bob(5)).unwrap();
    chain.mine(Next { txs: ann.to_submit(), ..Next::default() });
    scan(&mut ann, &chain);
    let second = pay(&mut ann, &to_bob(7)).unwrap();
    chain.mine(Next { txs: ann.to_submit(), ..Next::default() });
    let gift = gift(&ann.payout_address(), str_tokens(30), "a gift", 5);
    chain.mine(Next { gifts: vec![gift.clone()], ..Next::default() });
    scan(&mut ann, &chain);
    let third = pay(&mut ann, &to_bob(29)).unwrap();
    let ids = [first.id, second.id, third.id];
    let stages = |ann: &Wallet| ids.map(|id| ann.payment(id).unwrap().stage);
    assert_eq!(stages(&ann), [PaymentStage::Accepted, PaymentStage::Accepted, PaymentStage::Submitted]);
    let fees: u64 = ids.iter().map(|id| ann.payment(*id).unwrap().fee.units()).sum();

    chain.lose(3);
    for restarted in [false, true] {
        if restarted {
            drop(ann);
            ann = home.folder.unlock("Ann", PASSWORD).unwrap();
        }
        scan(&mut ann, &chain);
        assert_eq!(stages(&ann), [PaymentStage::Submitted; 3]);
        let ready: Vec<_> = ann.to_submit().iter().map(|tx| tx.txid()).collect();
        assert_eq!(ready, first.txids, "the others wait for what they spend");
    }
    // Whatever the next blocks bring first.
    chain.mine(Next { gifts: vec![gift], ..Next::default() });
    for _ in 0..3 {
        scan(&mut ann, &chain);
        chain.mine(Next { txs: ann.to_submit(), ..Next::default() });
    }
    scan(&mut ann, &chain);
    assert_eq!(stages(&ann), [PaymentStage::Accepted; 3]);
    assert_eq!(spendable(&ann).units(), str_tokens(60 + 30 - 5 - 7 - 29).units() - fees);
    let page = ann.history(&HistoryQuery { limit: 9, ..HistoryQuery::default() });
    assert_eq!(page.total, 5, "a reward, a gift, three payments: {page:?}");
    let mut received: Vec<_> = {
        scan(&mut bob, &chain);
        let page = bob.history(&HistoryQuery { limit: 9, ..HistoryQuery::default() });
        page.entries.iter().map(|entry| entry.amount).collect()
    };
    received.sort();
    assert_eq!(received, [5, 7, 29].map(str_tokens));
}

/// Blocks that were left carry payments, and the next ones accept them before the wallet looks again.
#[test]
fn what_was_accepted_while_nobody_looked_is_told() {
    let chain = FakeChain::new(Network::Devnet, Vec::new());
    let home = Home::new();
    let (mut ann, bob) = (home.restore("Ann", WORDS), home.restore("Bob", OTHER_WORDS));
    reward(&chain, &ann, &[str_tokens(60)]);
    scan(&mut ann, &chain);
    chain.advance(20);
    scan(&mut ann, &chain);
    let to_bob = |units| request(Address::Confidential(confidential(&bob, 0)), units);
    let first = pay(&mut ann, &to_bob(SendAmount::Exact(str_tokens(5)))).unwrap();
    let first_tx = ann.to_submit();
    chain.mine(Next { txs: first_tx.clone(), ..Next::default() });
    scan(&mut ann, &chain);
    // Nothing of it comes back to the wallet.
    let second = pay(&mut ann, &to_bob(SendAmount::Max)).unwrap();
    let second_tx = ann.to_submit();
    let history = |ann: &Wallet| ann.history(&HistoryQuery { limit: 9, ..HistoryQuery::default() });
    for _ in 0..2 {
        chain.mine(Next { txs: second_tx.clone(), ..Next::default() });
        chain.advance(1);
        scan(&mut ann, &chain);
        chain.lose(3);
        let (first_block, _) = chain.mine(Next { txs: first_tx.clone(), ..Next::default() });
        let (second_block, _) = chain.mine(Next { txs: second_tx.clone(), ..Next::default() });
        scan(&mut ann, &chain);
        for (id, block) in [(first.id, first_block), (second.id, second_block)] {
            let payment = ann.payment(id).unwrap();
            assert_eq!((payment.stage, payment.accepted_in), (PaymentStage::Accepted, Some(block)));
        }
        let sent: Vec<_> = history(&ann).entries.iter().map(|e| (e.amount, e.fee)).take(2).collect();
        assert_eq!(sent, [(second.amount, Some(second.fee)), (first.amount, Some(first.fee))]);
        assert_eq!(history(&ann).total, 3, "the reward is told still");
        chain.lose(1);
        scan(&mut ann, &chain);
        assert_eq!(ann.payment(second.id).unwrap().stage, PaymentStage::Submitted);
    }
}

/// A wallet that was opened, paid, and lost its node within a second knows no block that is left: its coins are.
#[test]
fn a_payment_of_the_first_second_outlives_the_loss_too() {
    let chain = FakeChain::new(Network::Devnet, Vec::new());
    let home = Home::new();
    let (mut ann, bob) = (home.restore("Ann", WORDS), home.restore("Bob", OTHER_WORDS));
    reward(&chain, &ann, &[str_tokens(60)]);
    chain.advance(20);
    scan(&mut ann, &chain);
    let all = request(Address::Confidential(confidential(&bob, 0)), SendAmount::Max);
    let payment = pay(&mut ann, &all).unwrap();
    chain.mine(Next { txs: ann.to_submit(), ..Next::default() });
    scan(&mut ann, &chain);
    chain.lose(3);
    scan(&mut ann, &chain);
    assert_eq!(ann.payment(payment.id).unwrap().stage, PaymentStage::Submitted);
    mine_until_accepted(&chain, &mut ann);
    assert_eq!(ann.payment(payment.id).unwrap().stage, PaymentStage::Accepted);
}

#[test]
fn a_payment_that_is_built_while_the_chain_begins_anew_is_not_recorded() {
    let Everything { mut ann, bob, homes: _homes, .. } = everything();
    let chain = FakeChain::new(Network::Devnet, Vec::new());
    chain.mine(Next { gifts: vec![gift(&ann.payout_address(), str_tokens(30), "", 5)], ..Next::default() });
    scan(&mut ann, &chain);
    let plan = ann.plan(&request(Address::Confidential(bob.payout_address()), SendAmount::Max)).unwrap();
    let job = ann.start_payment(plan).unwrap();
    let id = job.id();
    let built = job.run(&mut |_, _| {}, &std::sync::atomic::AtomicBool::new(false)).unwrap();
    let third = FakeChain::new(Network::Devnet, Vec::new());
    scan(&mut ann, &third);
    assert_eq!(ann.payment(id).unwrap().stage, PaymentStage::Failed);
    assert_eq!(ann.finish_payment(built).err(), Some(WalletError::NoSuchPayment(id.0)));
}

#[test]
fn payments_of_two_wallets_share_no_number() {
    let home = Home::new();
    let chain = FakeChain::new(Network::Devnet, Vec::new());
    let (mut ann, mut bob) = (home.restore("Ann", WORDS), home.restore("Bob", OTHER_WORDS));
    reward(&chain, &ann, &[str_tokens(5)]);
    reward(&chain, &bob, &[str_tokens(5)]);
    scan(&mut ann, &chain);
    scan(&mut bob, &chain);
    let to_bob = request(Address::Confidential(bob.payout_address()), SendAmount::Exact(str_tokens(1)));
    let first = ann.start_payment(ann.plan(&to_bob).unwrap()).unwrap();
    let second = bob.start_payment(bob.plan(&to_bob).unwrap()).unwrap();
    assert!(first.id() < second.id() && second.id().0 < 1 << 53);
    // One wallet does not take the other's.
    let built = first.run(&mut |_, _| {}, &std::sync::atomic::AtomicBool::new(false)).unwrap();
    let id = built.id();
    assert_eq!(bob.finish_payment(built).err(), Some(WalletError::NoSuchPayment(id.0)));
}
