//! One wallet, many callers at once.

#![allow(clippy::unwrap_used, reason = "a test that unwraps fails, which is its purpose")]

mod common;

use std::collections::BTreeSet;
use std::sync::Barrier;

use umbel_api::node::{AdvanceRequest, FundRequest, SyncStage};
use umbel_api::send::{PaymentStage, SendRequest, StatusRequest};
use umbel_api::wallet::{
    CreateRequest, Created, HistoryKind, HistoryRequest, NewAddressRequest, UnlockRequest, WalletRequest,
};
use umbel_api::{Api, Empty, ErrorCode, Secret};
use umbel_node::{Node, NodeConfig};
use umbel_types::Network;

use common::{eventually, wait};

/// Callers at once.
const CALLERS: usize = 5;

fn start(folder: &tempfile::TempDir) -> Node {
    let node = Node::start(NodeConfig::new(folder.path(), Network::Devnet)).unwrap();
    let api = node.api();
    eventually("the chain is open", || {
        (wait(api.node_state(Empty {})).unwrap().sync.stage == SyncStage::Synced).then_some(())
    });
    node
}

fn create(api: &dyn Api, name: &str) -> Created {
    let request = CreateRequest {
        name: name.to_owned(),
        password: Secret::new("password"),
        word_count: 12,
        passphrase: Secret::default(),
    };
    wait(api.wallet_create(request)).unwrap()
}

fn unlock(api: &dyn Api, name: &str) {
    wait(api.wallet_unlock(UnlockRequest { wallet: name.to_owned(), password: Secret::new("password") })).unwrap();
}

fn wallet(name: &str) -> WalletRequest {
    WalletRequest { wallet: name.to_owned() }
}

fn advance(api: &dyn Api, blocks: u64, to: &str) {
    wait(api.node_devnet_advance(AdvanceRequest { blocks, pay_to: Some(to.to_owned()) })).unwrap();
}

/// One caller: opens the wallet, takes an address, pays, and waits until the pool has the payment or refuses it.
fn use_wallet(api: &dyn Api, number: usize, to: &str) -> (String, u64, PaymentStage) {
    // Names that differ in case only are one wallet's.
    let name = if number.is_multiple_of(2) { "alice" } else { "ALICE" };
    unlock(api, name);
    let request = NewAddressRequest { wallet: name.to_owned(), label: format!("for {number}") };
    let address = wait(api.wallet_new_address(request)).unwrap().confidential;
    let request = SendRequest {
        wallet: name.to_owned(),
        to: to.to_owned(),
        amount: format!("1.{number}"),
        asset: String::new(),
        note: format!("note {number}"),
        public: false,
    };
    let payment = eventually("it can be paid", || match wait(api.send_pay(request.clone())) {
        Ok(payment) => Some(payment),
        // The scan has begun; another payment took a coin first.
        Err(error) => {
            assert!(matches!(error.code, ErrorCode::Unavailable | ErrorCode::InsufficientFunds), "{error:?}");
            None
        }
    });
    let stage = eventually("it is decided", || {
        let stage = wait(api.send_status(StatusRequest { id: payment.id })).unwrap().stage;
        (stage != PaymentStage::Building).then_some(stage)
    });
    (address, payment.id, stage)
}

#[test]
fn callers_at_once_share_one_wallet() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(&folder);
    let (alice, bob) = (create(node.api().as_ref(), "alice"), create(node.api().as_ref(), "bob"));
    for _ in 0..CALLERS {
        let fund = FundRequest { to: alice.confidential.clone(), amount: "10".to_owned() };
        wait(node.api().node_devnet_fund(fund)).unwrap();
        advance(node.api().as_ref(), 2, &bob.confidential);
    }
    node.stop();

    // Nobody has opened the wallet yet: all come at once.
    let node = start(&folder);
    let together = Barrier::new(CALLERS);
    let used: Vec<(String, u64, PaymentStage)> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|number| {
                let (api, together, bob) = (node.api(), &together, &bob);
                scope.spawn(move || {
                    together.wait();
                    use_wallet(api.as_ref(), number, &bob.confidential)
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    let addresses: BTreeSet<&str> = used.iter().map(|(address, ..)| address.as_str()).collect();
    assert_eq!(addresses.len(), CALLERS, "every address is handed out once: {used:?}");
    let sent = used.iter().filter(|(.., stage)| *stage == PaymentStage::Submitted).count();
    assert_eq!(sent, CALLERS, "there is a coin for each: {used:?}");
    let api = node.api();
    advance(api.as_ref(), 2, &bob.confidential);
    for (_, id, _) in &used {
        eventually("it is accepted", || {
            (wait(api.send_status(StatusRequest { id: *id })).unwrap().stage == PaymentStage::Accepted).then_some(())
        });
    }
    drop(api);
    node.stop();

    // What five callers wrote is in one journal.
    let node = start(&folder);
    let api = node.api();
    unlock(api.as_ref(), "alice");
    let known: BTreeSet<String> =
        wait(api.wallet_addresses(wallet("alice"))).unwrap().addresses.into_iter().map(|a| a.confidential).collect();
    assert!(addresses.iter().all(|address| known.contains(*address)), "{known:?} lacks some of {addresses:?}");
    let history = HistoryRequest {
        wallet: "alice".to_owned(),
        offset: 0,
        limit: 100,
        search: String::new(),
        kind: Some(HistoryKind::Sent),
    };
    let history = wait(api.wallet_history(history)).unwrap();
    let notes: BTreeSet<String> = history.entries.into_iter().filter_map(|entry| entry.note).collect();
    assert_eq!(notes, (0..CALLERS).map(|number| format!("note {number}")).collect());
    drop(api);
    node.stop();
}

#[test]
fn a_wallet_removed_while_it_pays_sends_nothing_and_can_be_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(&folder);
    let api = node.api();
    let (alice, bob) = (create(api.as_ref(), "alice"), create(api.as_ref(), "bob"));
    wait(api.node_devnet_fund(FundRequest { to: alice.confidential.clone(), amount: "10".to_owned() })).unwrap();
    advance(api.as_ref(), 2, &bob.confidential);
    let request = SendRequest {
        wallet: "alice".to_owned(),
        to: bob.confidential.clone(),
        amount: "1".to_owned(),
        asset: String::new(),
        note: String::new(),
        public: false,
    };
    let payment = eventually("it can be paid", || wait(api.send_pay(request.clone())).ok());
    wait(api.wallet_remove(wallet("Alice"))).unwrap();
    create(api.as_ref(), "alice");
    let decided = eventually("it is decided", || {
        let now = wait(api.send_status(StatusRequest { id: payment.id })).unwrap();
        (now.stage != PaymentStage::Building).then_some(now)
    });
    // Proofs that were ready before the wallet was removed are in the pool; all others are thrown away.
    match decided.stage {
        PaymentStage::Submitted => {}
        PaymentStage::Failed => assert_eq!(decided.reason.unwrap().code, ErrorCode::NoSuchWallet),
        other => panic!("{other:?}"),
    }
    assert_eq!(wait(api.wallet_addresses(wallet("alice"))).unwrap().addresses.len(), 1, "the new wallet is its own");
    drop(api);
    node.stop();
}
