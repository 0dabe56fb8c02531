//! The API of a node in this process and of the same node over its server: one suite for both.

#![allow(clippy::unwrap_used, reason = "a test that unwraps fails, which is its purpose")]

mod common;

use std::path::PathBuf;

use umbel_api::node::{AdvanceRequest, DagRequest, FundRequest, MineRequest, SyncStage};
use umbel_api::send::{DecodeAddressRequest, PaymentStage, SendRequest, StatusRequest};
use umbel_api::tx::RawTx;
use umbel_api::wallet::{
    CreateRequest, HistoryRequest, LockStatus, NewAddressRequest, RestoreRequest, RevealRequest, UnlockRequest,
    WalletRequest, WalletState,
};
use umbel_api::{Api, ApiError, Empty, ErrorCode, NodeEvent, Secret};
use umbel_node::config::{Layout, StoreKind};
use umbel_node::remote::RemoteApi;
use umbel_node::{Node, NodeConfig, RestConfig};
use umbel_types::Network;

use common::{eventually, wait};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("umbel-node-{name}-{}", std::process::id()));
        // One may be left over from a process that was killed and had the same id.
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn config(&self) -> NodeConfig {
        NodeConfig { store: Some(StoreKind::Mem), ..NodeConfig::new(&self.0, Network::Devnet) }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, ApiError>) -> ErrorCode {
    result.unwrap_err().code
}

fn wallet(name: &str) -> WalletRequest {
    WalletRequest { wallet: name.to_owned() }
}

fn payment(to: &str, amount: &str) -> SendRequest {
    SendRequest {
        wallet: "alice".to_owned(),
        to: to.to_owned(),
        amount: amount.to_owned(),
        asset: String::new(),
        note: "note".to_owned(),
        public: false,
    }
}

fn scanned(api: &dyn Api, name: &str, enough: impl Fn(&WalletState) -> bool) -> WalletState {
    eventually("the wallet is scanned", || {
        let state = wait(api.wallet_state(wallet(name))).unwrap();
        (state.scan.complete && enough(&state)).then_some(state)
    })
}

/// Every call, on a fresh devnet.
fn suite(api: &dyn Api) {
    let password = || Secret::new("password");
    eventually("the chain is open", || {
        (wait(api.node_state(Empty {})).unwrap().sync.stage == SyncStage::Synced).then_some(())
    });
    assert!(wait(api.wallet_list(Empty {})).unwrap().wallets.is_empty());
    let create = |name: &str| CreateRequest {
        name: name.to_owned(),
        password: password(),
        word_count: 24,
        passphrase: Secret::default(),
    };
    let alice = wait(api.wallet_create(create("alice"))).unwrap();
    assert_eq!(alice.words.expose().split(' ').count(), 24);
    assert_eq!(code(wait(api.wallet_create(create("alice")))), ErrorCode::WalletExists);
    let bob = wait(api.wallet_create(create("bob"))).unwrap();

    // Backing up, locking, unlocking, revealing.
    let status = |name: &str| {
        let list = wait(api.wallet_list(Empty {})).unwrap();
        let summary = list.wallets.into_iter().find(|w| w.name == name).unwrap();
        (summary.status, summary.backed_up)
    };
    assert_eq!(status("alice"), (LockStatus::Unlocked, false));
    wait(api.wallet_confirm_words(wallet("alice"))).unwrap();
    assert_eq!(wait(api.wallet_lock(wallet("alice"))).unwrap().status, LockStatus::Locked);
    assert_eq!(status("alice"), (LockStatus::Locked, true));
    let unlock = |text: &str| UnlockRequest { wallet: "alice".to_owned(), password: Secret::new(text) };
    assert_eq!(code(wait(api.wallet_unlock(unlock("wrong")))), ErrorCode::WrongPassword);
    let state = wait(api.wallet_unlock(unlock("password"))).unwrap();
    assert!(state.status == LockStatus::Unlocked && state.locks_in_s.is_some_and(|s| s > 200), "{state:?}");
    let reveal = RevealRequest { wallet: "alice".to_owned(), password: password() };
    assert_eq!(wait(api.wallet_reveal(reveal)).unwrap().words.expose(), alice.words.expose());
    assert_eq!(code(wait(api.wallet_state(wallet("carol")))), ErrorCode::NoSuchWallet);

    // Money from the genesis wallet, blocks on demand.
    let fund = FundRequest { to: alice.confidential.clone(), amount: "10".to_owned() };
    let funded = wait(api.node_devnet_fund(fund)).unwrap();
    assert_eq!(funded.stage, PaymentStage::Submitted);
    assert_eq!(wait(api.node_state(Empty {})).unwrap().network, "devnet");
    let advance = |blocks| AdvanceRequest { blocks, pay_to: Some(bob.confidential.clone()) };
    assert_eq!(code(wait(api.node_devnet_advance(advance(0)))), ErrorCode::BadInput);
    wait(api.node_devnet_advance(advance(2))).unwrap();
    // Complete means: up to the newest block. A balance that is complete and old would be believed.
    assert_eq!(scanned(api, "alice", |_| true).str.spendable, "10.00000000");
    let status = |id| wait(api.send_status(StatusRequest { id })).unwrap();
    eventually("the funds are accepted", || (status(funded.id).stage == PaymentStage::Accepted).then_some(()));

    // A payment, through its stages.
    let decoded = wait(api.send_decode_address(DecodeAddressRequest { text: bob.confidential.clone() })).unwrap();
    let plan = wait(api.send_plan(payment(&bob.confidential, "4"))).unwrap();
    assert_eq!((plan.recipient, plan.transactions), (decoded, 1));
    assert_eq!(code(wait(api.send_plan(payment(&bob.confidential, "11")))), ErrorCode::InsufficientFunds);
    assert_eq!(code(wait(api.send_plan(payment(&bob.zk13str, "1")))), ErrorCode::NeedsPublic);
    let raw = wait(api.tx_build(payment(&bob.confidential, "1"))).unwrap();
    let balance = wait(api.wallet_state(wallet("alice"))).unwrap().str;
    assert_eq!(
        (balance.spendable.as_str(), balance.pending.as_str()),
        ("10.00000000", "0.00000000"),
        "nothing is held"
    );
    let paid = wait(api.send_pay(payment(&bob.confidential, "4"))).unwrap();
    let submitted = eventually("the pool has it", || {
        let now = status(paid.id);
        (now.stage != PaymentStage::Building).then_some(now)
    });
    assert_eq!((submitted.stage, submitted.done), (PaymentStage::Submitted, submitted.total), "{submitted:?}");
    assert_eq!((submitted.fee.as_str(), submitted.txids.len()), (plan.fee.as_str(), 1));
    // The transaction that was only built spends the same coin.
    assert_eq!(code(wait(api.tx_submit(raw.clone()))), ErrorCode::TxConflict);
    wait(api.node_devnet_advance(advance(1))).unwrap();
    eventually("a block has it", || {
        matches!(status(paid.id).stage, PaymentStage::Seen | PaymentStage::Accepted).then_some(())
    });
    wait(api.node_devnet_advance(advance(1))).unwrap();
    eventually("the chain has it", || (status(paid.id).stage == PaymentStage::Accepted).then_some(()));
    // Its input is gone: that is said before its proof, which is broken as well, costs anything.
    let mut broken = raw.clone();
    let last = broken.hex.len() - 2;
    broken.hex.replace_range(last.., if raw.hex.ends_with("00") { "01" } else { "00" });
    assert_eq!(code(wait(api.tx_submit(broken))), ErrorCode::TxConflict);
    // Little waits and little was accepted: the least fee is enough, and the range is what was paid.
    let fees = wait(api.tx_fees(Empty {})).unwrap();
    assert_eq!((fees.least, fees.next_seconds, fees.within_minute, fees.within_hour), (1, 1, 1, 1));
    assert!(fees.paid.is_some_and(|paid| paid.low >= 1 && paid.low <= paid.high));
    wait(api.node_devnet_advance(advance(10))).unwrap();
    eventually("it is ten seconds deep", || (status(paid.id).stage == PaymentStage::Confirmed).then_some(()));
    // Accepted below checkpoint 1, which is final once checkpoint 2 is ten blocks deep: 14 blocks are here.
    let wait_s = eventually("it says when it is final", || status(paid.id).final_in_s);
    assert!((1..=16).contains(&wait_s), "{wait_s}");
    assert_eq!(wait(api.node_state(Empty {})).unwrap().finality.map(|f| (f.overlay_on, f.finalized)), Some((true, 0)));
    wait(api.node_devnet_advance(advance(16))).unwrap();
    for id in [paid.id, funded.id] {
        let last = eventually("it is final", || Some(status(id)).filter(|p| p.stage == PaymentStage::Final));
        assert_eq!(last.final_in_s, None);
    }
    let finality = wait(api.node_state(Empty {})).unwrap().finality.unwrap();
    assert_eq!((finality.finalized, finality.justified, finality.gap), (1, 2, 20));
    assert_eq!(finality.last_certificate.map(|c| (c.index, c.members)), Some((2, 4)));
    assert_eq!(code(wait(api.send_status(StatusRequest { id: 4_711 }))), ErrorCode::NotFound);
    let history =
        HistoryRequest { wallet: "bob".to_owned(), offset: 0, limit: 10, search: "note".to_owned(), kind: None };
    let history = wait(api.wallet_history(history)).unwrap();
    assert_eq!((history.total, history.entries[0].amount.as_str()), (1, "4.00000000"), "{history:?}");

    // Addresses, the live view, mining, settings.
    let fresh = NewAddressRequest { wallet: "alice".to_owned(), label: "Bob".to_owned() };
    let fresh = wait(api.wallet_new_address(fresh)).unwrap();
    assert_eq!(wait(api.wallet_addresses(wallet("alice"))).unwrap().addresses[0], fresh);
    let view = wait(api.node_dag(DagRequest { since: 0, limit: 512 })).unwrap();
    assert_eq!(view.final_blue_score, 10);
    assert!(view.blocks.len() >= 14 && view.blocks.iter().all(|b| b.own), "{view:?}");
    assert_eq!(view.chain.first(), Some(&view.sink));
    assert_eq!(view.payments.len(), 1, "{view:?}");
    let newest = view.blocks.last().unwrap().sequence;
    assert!(wait(api.node_dag(DagRequest { since: newest, limit: 512 })).unwrap().blocks.is_empty());
    // Whoever asks after a call sees what it did, not the last snapshot.
    let before = wait(api.node_state(Empty {})).unwrap();
    wait(api.node_devnet_advance(advance(3))).unwrap();
    let after = wait(api.node_state(Empty {})).unwrap();
    assert_eq!((after.block_count, after.blue_score), (before.block_count + 3, before.blue_score + 3));
    assert_ne!(after.sink, before.sink);
    let mine = |threads| MineRequest { threads, pay_to: None };
    let mining = wait(api.node_mine(mine(1))).unwrap();
    assert_eq!((mining.threads, mining.pays_to), (1, Some(alice.confidential.clone())));
    assert_eq!(wait(api.node_mine(mine(0))).unwrap().threads, 0);
    // The wallet that was open when mining was switched on is paid from then on, the first one or not.
    let for_bob = MineRequest { threads: 1, pay_to: Some(bob.confidential.clone()) };
    assert_eq!(wait(api.node_mine(for_bob)).unwrap().pays_to, Some(bob.confidential.clone()));
    assert_eq!(wait(api.node_state(Empty {})).unwrap().mining.pays_to, Some(bob.confidential.clone()));
    let stopped = wait(api.node_mine(mine(0))).unwrap();
    assert_eq!((stopped.threads, stopped.pays_to), (0, Some(bob.confidential.clone())));
    assert_eq!(code(wait(api.node_mine(mine(100_000)))), ErrorCode::BadInput);
    let settings = wait(api.settings_get(Empty {})).unwrap();
    assert_eq!(wait(api.settings_set(settings.clone())).unwrap(), settings);
    assert_eq!(code(wait(api.tx_submit(RawTx { hex: "00".to_owned() }))), ErrorCode::BadInput);

    // Removing and restoring, beside each other too.
    let before = scanned(api, "alice", |_| true);
    wait(api.wallet_remove(wallet("alice"))).unwrap();
    let restore = |name: &str, dry_run| RestoreRequest {
        name: name.to_owned(),
        words: alice.words.clone(),
        passphrase: Secret::default(),
        password: password(),
        dry_run,
    };
    let restored = wait(api.wallet_restore(restore("one", false))).unwrap();
    assert_eq!((restored.confidential.as_str(), restored.same_words_as.len()), (alice.confidential.as_str(), 0));
    let again = wait(api.wallet_restore(restore("two", true))).unwrap();
    assert_eq!(again.same_words_as, ["one"]);
    assert_eq!(scanned(api, "one", |_| true).str, before.str);

    wait(api.node_devnet_reset(Empty {})).unwrap();
    // The first balance that is complete is of the new chain; what is gone can't be planned with.
    let planned = wait(api.send_plan(SendRequest { wallet: "one".to_owned(), ..payment(&bob.confidential, "1") }));
    assert!(matches!(code(planned), ErrorCode::Unavailable | ErrorCode::InsufficientFunds));
    let empty = scanned(api, "one", |_| true);
    assert_eq!((empty.coin_count, empty.str.spendable.as_str()), (0, "0.00000000"));
}

#[test]
fn in_this_process() {
    let folder = Folder::new("local");
    let node = Node::start(folder.config()).unwrap();
    let mut events = node.events().subscribe();
    suite(node.api().as_ref());
    let mut seen = [false; 5];
    while let Ok(event) = events.try_recv() {
        seen[match event {
            NodeEvent::Node(_) => 0,
            NodeEvent::Blocks { .. } => 1,
            NodeEvent::Wallets(_) => 2,
            NodeEvent::Wallet(_) => 3,
            NodeEvent::Payment(_) => 4,
        }] = true;
    }
    assert_eq!(seen, [true; 5], "events of every kind");
    let api = node.api();
    node.stop();
    assert_eq!(code(wait(api.wallet_list(Empty {}))), ErrorCode::Unavailable, "a stopped node says so");
}

#[test]
fn in_another_process() {
    let folder = Folder::new("remote");
    let mut node = Node::start(folder.config()).unwrap();
    node.serve(&RestConfig::default()).unwrap();
    let layout = Layout::new(&folder.0, Network::Devnet);
    assert!(RemoteApi::of_holder(&layout, Some(1)).is_none(), "a file of another process does not count");
    let api = RemoteApi::of_holder(&layout, Some(std::process::id())).unwrap();
    suite(&api);
    node.stop();
    assert_eq!(code(wait(api.wallet_list(Empty {}))), ErrorCode::Unavailable);
}

#[test]
fn one_node_a_folder() {
    let folder = Folder::new("held");
    let node = Node::start(folder.config()).unwrap();
    let second = ApiError::from(Node::start(folder.config()).unwrap_err());
    assert_eq!(second.code, ErrorCode::AlreadyRunning);
    assert!(second.message.contains(&format!("process {}", std::process::id())), "{second}");
    drop(node);
    Node::start(folder.config()).unwrap().stop();
}
