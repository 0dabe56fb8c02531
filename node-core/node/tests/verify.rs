//! A long history with payments and reorganisations is verified, and a wallet from words finds in it what the running one
//! has.

#![allow(clippy::unwrap_used, reason = "a test that unwraps fails, which is its purpose")]

mod history;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use history::{ALICE, BOB, Plan};
use umbel_consensus::open_existing_store;
use umbel_crypto::keys::Address;
use umbel_ledger::genesis;
use umbel_node::NodeConfig;
use umbel_store::{Batch, Durability, StoreKind, Table};
use umbel_types::encode::Encode;
use umbel_types::genesis::devnet;
use umbel_types::{Amount, AssetId, Network, Params};
use umbel_wallet::{EntryId, HistoryEntry, HistoryKind, HistoryQuery, PaymentRequest, SendAmount, Wallet};

fn verify(data_dir: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_umbel"));
    command.arg("--data-dir").arg(data_dir).args(["node", "verify", "--json"]);
    command.output().unwrap()
}

fn answer(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_long_history_is_verified_and_restored() {
    let data = tempfile::tempdir().unwrap();
    let wallets = tempfile::tempdir().unwrap();
    let plan = Plan { blocks: 500, rounds: 24, payments: 9 };
    let mut built = history::build(data.path(), wallets.path(), plan);
    assert_eq!(built.blocks.len(), 500);

    // From the words alone, on the same chain.
    let mut restored = history::restore(&wallets.path().join("again"), ALICE);
    history::scan(&mut restored, &built.node);
    assert_eq!(restored.balances(), built.alice.balances());
    assert_eq!(restored.coin_count(), built.alice.coin_count());
    // The same coins: what all of them would pay is planned alike.
    let all = |wallet: &Wallet| {
        let to = Address::Confidential(wallet.payout_address());
        let request =
            PaymentRequest { to, amount: SendAmount::Max, asset: AssetId::STR, note: String::new(), public: false };
        let plan = wallet.plan(&request).unwrap();
        (plan.amount(), plan.fee(), plan.coins(), plan.transactions())
    };
    assert_eq!(all(&restored), all(&built.alice));
    // Of history, the chain alone tells the receipts that are unspent: each is one that the running wallet tells.
    let told = |wallet: &Wallet| wallet.history(&HistoryQuery { limit: usize::MAX, ..HistoryQuery::default() }).entries;
    let known: BTreeMap<EntryId, HistoryEntry> = told(&built.alice).into_iter().map(|e| (e.id, e)).collect();
    let found = told(&restored);
    assert!(!found.is_empty() && found.len() < known.len());
    for entry in found {
        let running = &known[&entry.id];
        assert_eq!((entry.asset, entry.stage, entry.accepted_in), (running.asset, running.stage, None));
        if entry.kind != HistoryKind::SelfTransfer {
            assert_eq!((entry.kind, entry.amount, &entry.note), (running.kind, running.amount, &running.note));
        }
    }
    let mut bob = history::restore(&wallets.path().join("bob again"), BOB);
    history::scan(&mut bob, &built.node);
    built.alice.flush().unwrap();
    built.node.consensus.shutdown();
    drop(built.node);

    let output = verify(data.path());
    let report = answer(&output);
    assert!(output.status.success(), "{report}");
    assert_eq!((&report["ok"], &report["blocks"]), (&true.into(), &500.into()));
    assert_eq!(report["former_chain_blocks"], built.given_up);
    assert!(built.given_up >= 24 * 3);
    let accepted = report["accepted"].as_u64().unwrap();
    assert!(accepted >= 200, "{report}");
    // Double spends were built, and each coin went once.
    assert!(report["transactions"].as_u64().unwrap() > accepted, "{report}");
    assert_eq!(bob.balances()[&AssetId::STR].spendable, Amount::from_str_tokens(accepted));
    assert!(String::from_utf8_lossy(&output.stderr).contains("blocks 500 of 500"));

    // One record of a chain block less: the state part finds it.
    let chain = NodeConfig::new(data.path(), Network::Devnet).layout().chain();
    let genesis_hash = genesis::build(&Params::of(Network::Devnet), &devnet()).hash;
    let sink = report["sink"].as_str().unwrap().to_owned();
    let (key, value) = {
        let store = open_existing_store(StoreKind::Redb, &chain, Network::Devnet, genesis_hash).unwrap().store;
        let key = built.blocks.iter().find(|b| b.hash().to_string() == sink).unwrap().hash().as_bytes().to_vec();
        let value = store.get(Table::ChainBlock, &key).unwrap().unwrap();
        let mut batch = Batch::new();
        batch.delete(Table::ChainBlock, &key);
        store.write(batch, Durability::Immediate).unwrap();
        (key, value)
    };
    let output = verify(data.path());
    let found = answer(&output);
    assert!(!output.status.success());
    assert_eq!((&found["ok"], &found["block"]), (&false.into(), &sink.clone().into()), "{found}");
    {
        let store = open_existing_store(StoreKind::Redb, &chain, Network::Devnet, genesis_hash).unwrap().store;
        let mut batch = Batch::new();
        batch.put(Table::ChainBlock, &key, value);
        store.write(batch, Durability::Immediate).unwrap();
    }

    // One bit of a stored body.
    let victim = built.blocks.iter().find(|block| !block.body.txs.is_empty()).unwrap();
    let segment = chain.join(umbel_store::SEGMENTS_FOLDER).join("00000000.segment");
    let mut bytes = fs::read(&segment).unwrap();
    let record = victim.to_bytes();
    let at = bytes.windows(record.len()).position(|window| window == record).unwrap();
    bytes[at + record.len() / 2] ^= 1;
    fs::write(&segment, &bytes).unwrap();
    let output = verify(data.path());
    let found = answer(&output);
    assert!(!output.status.success());
    assert_eq!((&found["what"], &found["block"]), (&"body".into(), &victim.hash().to_string().into()), "{found}");
    assert!(found["got"].as_str().is_some_and(|got| got.contains("segment 0")), "{found}");
}

/// What can't be verified is told in one line, and nothing is made or changed.
#[test]
fn a_folder_that_can_not_be_verified_says_why() {
    let data = tempfile::tempdir().unwrap();
    let output = verify(data.path());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(answer(&output)["error"]["code"], "not_found");
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0, "nothing was made");

    let node = umbel_node::Node::start(NodeConfig::new(data.path(), Network::Devnet)).unwrap();
    let chain = NodeConfig::new(data.path(), Network::Devnet).layout().chain();
    while !chain.is_dir() {
        std::thread::yield_now();
    }
    let output = verify(data.path());
    assert_eq!(output.status.code(), Some(1));
    let error = answer(&output)["error"].clone();
    assert_eq!(error["code"], "already_running");
    assert!(error["message"].as_str().unwrap().contains(&std::process::id().to_string()), "{error}");
    node.stop();
    assert!(verify(data.path()).status.success(), "genesis alone");
}
