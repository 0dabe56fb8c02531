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
