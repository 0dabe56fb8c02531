//! SIGKILL at random: while mining, proving and paying, and while wallets are made.
//!
//! Every round starts the real program on what the last one left, uses it, and kills it at an instant drawn from a seeded
//! generator. `UMBEL_KILL_ROUNDS` says how many rounds, `UMBEL_KILL_SEED` which instants. The node is killed on redb and on
//! sled.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::harness::{BLOCK_TIMEOUT, Folder, NewWallet, Node, PASSWORD, eventually, units};
use super::http::Server;
use serde_json::{Value, json};

/// Rounds of a usual test run.
const ROUNDS: u64 = 4;
/// Rounds after which the payee looks, and the whole chain is replayed.
const VERIFY_EVERY: u64 = 10;
/// Most blocks that are mined in a round before its moment comes.
const MAX_BLOCKS: u64 = 60;
/// Longest wait behind the block of that moment, in milliseconds.
const MAX_WAIT_MS: u64 = 400;
/// Time between two looks at what the node has: it answers 200 calls a second.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Coins that the payer starts with, of 100 STR each: a payment's change is not spendable before it is accepted.
const FIRST_COINS: u64 = 40;
/// A block's reward, in base units.
const REWARD: u64 = 10_000_000_000;

fn from_environment(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")),
        Err(_) => otherwise,
    }
}

/// SplitMix64: the same instants for the same seed.
#[derive(Debug)]
struct Chance(u64);

impl Chance {
    fn seeded(test: u64) -> Self {
        Self(from_environment("UMBEL_KILL_SEED", 1).wrapping_add(test << 32))
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

/// What the node has told, and what must therefore hold after each restart.
#[derive(Debug, Default)]
struct Told {
    /// Hashes of blocks in the order of their arrival. From the second on: blocks are asked for by the one before.
    blocks: Vec<String>,
    /// Highest blue score of a sink.
    blue_score: u64,
    /// Transactions of payments that the node said it had recorded, with their amounts in base units.
    payments: BTreeMap<String, u64>,
}

/// The people of this test.
struct World {
    folder: Folder,
    /// The engine that keeps the chain.
    store: &'static str,
    miner: NewWallet,
    payer: NewWallet,
    payee: NewWallet,
    told: Mutex<Told>,
    /// Payments asked for so far: each has an amount of its own.
    asked: AtomicU64,
}

impl World {
    /// Three wallets, and coins for the one that pays.
    fn new(store: &'static str) -> Self {
        let folder = Folder::new();
        let [miner, payer, payee] = ["miner", "payer", "payee"].map(|name| folder.create(name));
        folder
            .run(&["--store", store, "devnet", "advance", &FIRST_COINS.to_string(), "--mine-to", &payer.confidential])
            .ok();
        Self { folder, store, miner, payer, payee, told: Mutex::default(), asked: AtomicU64::new(0) }
    }

    fn told<T>(&self, f: impl FnOnce(&mut Told) -> T) -> T {
        f(&mut self.told.lock().expect("no thread fails while it holds this"))
    }

    /// Starts the node on what the last round left, and opens the wallet that pays.
    fn start(&self) -> (Node, Server) {
        let node = self.folder.node(&["--store", self.store]);
        let server = Server::of(&self.folder);
        eventually("the chain is open", BLOCK_TIMEOUT, || {
            let state = server.call("node/state", &json!({}));
            let is_open = state["sync"]["stage"] == "synced";
            let notice = (is_open && self.store == "sled").then(|| json!("store_beta"));
            let warnings = state["warnings"].as_array().expect("a list");
            assert!(warnings.iter().map(|w| &w["code"]).eq(&notice), "nothing was damaged: {state}");
            assert_eq!(state["store"], self.store);
            is_open.then_some(())
        });
        unlock(&server, "payer");
        (node, server)
    }

    /// Mines, pays and watches until the moment comes, then kills the node.
    fn use_until_killed(&self, chance: &mut Chance, node: Node, server: &Server) {
        let (ended, mined) = (AtomicBool::new(false), AtomicU64::new(0));
        let going = || !ended.load(Ordering::SeqCst);
        let blocks = chance.below(MAX_BLOCKS) + 1;
        let wait = Duration::from_millis(chance.below(MAX_WAIT_MS));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let request = json!({ "blocks": 1, "pay_to": self.miner.confidential });
                while going() {
                    let is_mined = server.ask("node/devnet_advance", &request).is_some();
                    mined.fetch_add(u64::from(is_mined), Ordering::SeqCst);
                }
            });
            // Whatever is not answered is asked again: the server bounds how often it is asked.
            scope.spawn(|| {
                while going() {
                    self.pay(server, &going);
                }
            });
            scope.spawn(|| {
                while going() {
                    self.watch(server);
                    std::thread::sleep(LOOK_EVERY);
                }
            });
            eventually("blocks are mined", BLOCK_TIMEOUT, || (mined.load(Ordering::SeqCst) >= blocks).then_some(()));
            std::thread::sleep(wait);
            node.kill();
            ended.store(true, Ordering::SeqCst);
        });
    }

    /// One payment, until the node says that it is recorded; `None` once the node is gone.
    fn pay(&self, server: &Server, going: &impl Fn() -> bool) -> Option<()> {
        let amount = 1_000_000 + self.asked.fetch_add(1, Ordering::SeqCst);
        let request = json!({
            "wallet": "payer",
            "to": self.payee.confidential,
            "amount": format!("0.{amount:08}"),
            "note": format!("payment {amount}"),
        });
        // One that is refused, for want of coins that are free, is asked for again.
        let started = eventually("a payment starts", BLOCK_TIMEOUT, || {
            let started = server.ask("send/pay", &request);
            (started.is_some() || !going()).then_some(started)
        })?;
        loop {
            std::thread::sleep(LOOK_EVERY);
            let payment = server.ask("send/status", &json!({ "id": started["id"] }))?;
            match payment["stage"].as_str() {
                Some("building") => {}
                Some("submitted" | "seen" | "accepted" | "confirmed" | "final") => {
                    let txid = payment["txid"].as_str().expect("a recorded payment has a transaction").to_owned();
                    self.told(|told| told.payments.insert(txid, amount));
                    return Some(());
                }
                _ => panic!("{payment}"),
            }
        }
    }

    /// Reads which blocks arrived since, and the sink.
    fn watch(&self, server: &Server) -> Option<()> {
        let known = self.told(|told| told.blocks.len());
        let view = server.ask("node/dag", &json!({ "since": known + 1, "limit": 512 }))?;
        self.told(|told| {
            told.learn(&view);
            told.blue_score = told.blue_score.max(view["blue_score"].as_u64().expect("a number"));
        });
        Some(())
    }

    /// Everything that was told holds; gives the payments that were made, by transaction.
    fn check(&self, server: &Server) -> BTreeMap<String, u64> {
        self.check_blocks(server);
        // What was recorded is accepted as soon as blocks come.
        let paid = eventually("every payment is accepted", BLOCK_TIMEOUT, || {
            server.call("node/devnet_advance", &json!({ "blocks": 1, "pay_to": self.miner.confidential }));
            let sent = entries(server, "payer", "sent");
            for entry in &sent {
                let state = entry["state"].as_str().expect("a state");
                assert!(
                    ["submitted", "seen", "accepted", "confirmed", "final"].contains(&state),
                    "a payment is lost: {entry}"
                );
            }
            sent.iter().all(|e| ["accepted", "confirmed", "final"].iter().any(|s| e["state"] == *s)).then_some(sent)
        });
        let sent = by_txid(&paid);
        assert_eq!(sent.len(), paid.len(), "no transaction is listed twice");
        assert_eq!(sent.values().collect::<BTreeSet<_>>().len(), paid.len(), "no payment was made twice: {paid:?}");
        self.told(|told| {
            for (txid, amount) in &told.payments {
                assert_eq!(sent.get(txid), Some(amount), "a recorded payment is gone");
            }
        });
        let fees: u64 = paid.iter().map(|e| units(e["fee"].as_str().expect("the payer knows the fee"))).sum();
        assert_eq!(balance(server, "payer"), FIRST_COINS * REWARD - sent.values().sum::<u64>() - fees);
        sent
    }

    /// What was sent has arrived, once.
    fn check_payee(&self, server: &Server, sent: &BTreeMap<String, u64>) {
        unlock(server, "payee");
        assert_eq!(balance(server, "payee"), sent.values().sum::<u64>());
        assert_eq!(&by_txid(&entries(server, "payee", "received")), sent);
        server.call("wallet/lock", &json!({ "wallet": "payee" }));
    }

    /// Blocks and blue score are those that were told.
    fn check_blocks(&self, server: &Server) {
        let state = server.call("node/state", &json!({}));
        let mut now = Told::default();
        loop {
            let view = server.call("node/dag", &json!({ "since": now.blocks.len() + 1, "limit": 512 }));
            if now.learn(&view) == 0 {
                break;
            }
        }
        self.told(|told| {
            let lost = told.blocks.len().saturating_sub(now.blocks.len());
            assert_eq!(lost, 0, "{lost} blocks that were told are gone");
            for (at, (before, after)) in told.blocks.iter().zip(&now.blocks).enumerate() {
                assert_eq!(before, after, "block {at} is another one");
            }
            let blue_score = state["blue_score"].as_u64().expect("a number");
            let most = told.blue_score;
            assert!(blue_score >= most, "the sink went back from {most} to {blue_score}");
            told.blocks = now.blocks;
            told.blue_score = blue_score;
        });
    }

    /// Nothing was moved aside, and the chain replays from genesis.
    fn verify(&self) {
        let network = self.folder.data().join("devnet");
        for path in files_below(&network) {
            let name = path.file_name().expect("a file").to_string_lossy().into_owned();
            let aside = ["damaged", "torn"].iter().any(|word| name.contains(word));
            assert!(!aside, "{} was found damaged", path.display());
        }
        let report = self.folder.run(&["--store", self.store, "node", "verify"]).ok();
        let blocks = self.told(|told| told.blocks.len());
        assert!(report["blocks"].as_u64().is_some_and(|n| n >= blocks as u64), "{blocks} blocks were told: {report}");
    }
}

impl Told {
    /// Adds blocks that are new; says how many.
    fn learn(&mut self, view: &Value) -> usize {
        let mut new = 0;
        for block in view["blocks"].as_array().expect("blocks") {
            let sequence = block["sequence"].as_u64().and_then(|s| usize::try_from(s).ok()).expect("a number");
            if sequence == self.blocks.len() + 2 {
                self.blocks.push(block["hash"].as_str().expect("a hash").to_owned());
                new += 1;
            }
        }
        new
    }
}

fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            found.extend(files_below(&path));
        }
        found.push(path);
    }
    found
}

/// All entries of a kind.
fn entries(server: &Server, wallet: &str, kind: &str) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let request = json!({ "wallet": wallet, "limit": 500, "offset": all.len(), "kind": kind });
        let page = server.call("wallet/history", &request);
        all.extend(page["entries"].as_array().expect("entries").iter().cloned());
        if all.len() as u64 >= page["total"].as_u64().expect("a number") {
            return all;
        }
    }
}

/// Amounts of entries by transaction.
fn by_txid(entries: &[Value]) -> BTreeMap<String, u64> {
    let text = |entry: &Value, key: &str| entry[key].as_str().expect("text").to_owned();
    entries.iter().map(|e| (text(e, "id"), units(&text(e, "amount")))).collect()
}

fn unlock(server: &Server, wallet: &str) {
    server.call("wallet/unlock", &json!({ "wallet": wallet, "password": PASSWORD }));
}

/// All that a wallet has, once it has looked at everything.
fn balance(server: &Server, wallet: &str) -> u64 {
    let state = eventually("the wallet has looked at everything", BLOCK_TIMEOUT, || {
        let state = server.call("wallet/state", &json!({ "wallet": wallet }));
        (state["scan"]["complete"] == true).then_some(state)
    });
    let part = |key: &str| units(state["str"][key].as_str().expect("a decimal string"));
    part("spendable") + part("pending") + part("immature")
}

#[test]
fn nothing_is_lost_when_a_mining_and_paying_node_is_killed() {
    kill_while_mining_and_paying("redb");
}

#[test]
fn nothing_is_lost_when_a_node_on_sled_is_killed() {
    kill_while_mining_and_paying("sled");
}

fn kill_while_mining_and_paying(store: &'static str) {
    let mut chance = Chance::seeded(1);
    let world = World::new(store);
    let (mut node, mut server) = world.start();
    world.check_blocks(&server);
    for round in 1..=from_environment("UMBEL_KILL_ROUNDS", ROUNDS) {
        world.use_until_killed(&mut chance, node, &server);
        (node, server) = world.start();
        let sent = world.check(&server);
        if round.is_multiple_of(VERIFY_EVERY) {
            world.check_payee(&server, &sent);
            node.stop();
            world.verify();
            (node, server) = world.start();
        }
    }
    assert!(world.told(|told| told.payments.len()) > 0, "payments were made");
    assert!(world.told(|told| told.blocks.len()) as u64 >= FIRST_COINS, "blocks were watched");
    let sent = world.check(&server);
    world.check_payee(&server, &sent);
    // Wallets from the words alone have the same money.
    let [payer, payee] = ["payer", "payee"].map(|name| balance(&server, name));
    node.stop();
    world.verify();
    let [again, payee_again] = [("payer again", &world.payer), ("payee again", &world.payee)].map(|(name, wallet)| {
        world.folder.restore(name, &wallet.words);
        world.folder.balance(name).iter().map(|amount| units(amount)).sum::<u64>()
    });
    assert_eq!((again, payee_again), (payer, payee));
}

/// Runs a command on the folder and kills it after so long; says whether it had ended by itself.
fn kill_command(folder: &Folder, args: &[&str], after: Duration) -> bool {
    let mut command = folder.command();
    command.arg("--json").arg("--data-dir").arg(folder.data()).args(args);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
    std::thread::sleep(after);
    let ended = child.try_wait().expect("the process can be asked").is_some();
    child.kill().expect("the process is a child of this one");
    child.wait().expect("a killed process ends");
    ended
}

/// A wallet that is being made when the program is killed is there as a whole, or not at all.
#[test]
fn a_wallet_is_made_whole_or_not_at_all() {
    let mut chance = Chance::seeded(2);
    let folder = Folder::new();
    let begun = Instant::now();
    let made = folder.create("first");
    let whole = u64::try_from(begun.elapsed().as_millis()).expect("a short time");
    let words = folder.file("words", &made.words);
    let mut expected = vec!["first".to_owned()];
    for round in 0..from_environment("UMBEL_KILL_ROUNDS", ROUNDS) {
        let name = format!("wallet {round}");
        let restored = round % 2 == 1;
        let args = match restored {
            true => vec!["wallet", "restore", "--wallet", &name, "--words-file", &words],
            false => vec!["wallet", "create", "--wallet", &name],
        };
        let ended = kill_command(&folder, &args, Duration::from_millis(chance.below(whole * 3 / 2)));
        let list = folder.run(&["wallet", "list"]).ok();
        let wallets = list["wallets"].as_array().expect("wallets");
        let there = wallets.iter().any(|w| w["name"] == json!(name));
        assert!(there || !ended, "{name} was made and is gone");
        if !there {
            // Its name is free, and what was left over is in nobody's way.
            folder.run(&args).ok();
        }
        expected.push(name.clone());
        let list = folder.run(&["wallet", "list"]).ok();
        let names = list["wallets"].as_array().expect("wallets").iter().filter_map(|w| w["name"].as_str());
        assert_eq!(names.map(str::to_owned).collect::<BTreeSet<_>>(), expected.iter().cloned().collect());
        assert!(list["wallets"].as_array().expect("wallets").iter().all(|w| w["damaged"].is_null()), "{list}");
        let revealed = folder.run(&["wallet", "reveal", "--wallet", &name]).ok();
        assert_eq!(revealed["words"] == json!(made.words), restored, "{name} opens with its own words");
    }
}
