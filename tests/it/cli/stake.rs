//! The story of a fifth validator by command line: registered, elected, voting, moved to another machine; and of stake
//! that goes in and comes out again.

use std::fs;

use super::chain_proofs::proven;
use super::harness::{Folder, PASSWORD, units};
use super::http::Server;
use serde_json::{Value, json};

/// Of the vote key: no wallet has it.
const VOTE_PASSWORD: &str = "another-password-for-votes";

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("{key}: {value}")).to_owned()
}

/// A folder with a running node and a wallet with money.
struct Story<'a> {
    folder: &'a Folder,
    password: String,
    alice: super::harness::NewWallet,
}

impl Story<'_> {
    fn stake(&self, args: &[&str]) -> super::harness::Answer {
        self.folder.run(&[&["stake"], args].concat())
    }

    fn advance(&self, blocks: u32) {
        self.folder.run(&["devnet", "advance", &blocks.to_string(), "--mine-to", &self.alice.confidential]).ok();
    }

    fn status(&self) -> Value {
        self.stake(&["status", "--wallet", "alice"]).ok()
    }

    /// What the wallet has with a validator.
    fn position(&self, validator: &str) -> Value {
        let status = self.status();
        let all = status["mine"].as_array().expect("a list").iter();
        let mut found = all.filter(|position| position["validator"] == validator).cloned();
        found.next().unwrap_or_else(|| panic!("{status}"))
    }

    fn validator(&self, id: &str) -> Value {
        let status = self.status();
        let all = status["validators"].as_array().expect("a list").iter();
        let mut found = all.filter(|validator| validator["id"] == id).cloned();
        found.next().unwrap_or_else(|| panic!("{status}"))
    }
}

#[test]
fn a_fifth_validator_and_stake_that_comes_back() {
    let folder = Folder::new();
    let node = folder.node(&["--store", "mem", "--log", "debug"]);
    let alice = folder.create("alice");
    let server = Server::of(&folder);
    server.call("wallet/unlock", &json!({ "wallet": "alice", "password": PASSWORD }));
    let password = folder.file("vote.password", VOTE_PASSWORD);
    let story = Story { folder: &folder, password, alice };
    for amount in ["10100", "500"] {
        story.folder.run(&["devnet", "fund", "--wallet", "alice", "--amount", amount]).ok();
        story.advance(2);
    }
    let own = register(&story);
    let chosen = delegate(&story);
    // Five epochs of 600 blocks each: elected behind the next one, and unbonding for three more.
    story.advance(3100);
    assert_eq!(story.folder.info()["finality"]["overlay_on"], true);
    votes(&story, &own);
    comes_back(&story, &chosen);
    lost(&story, &own);
    let log = moves(&story, &own, node);
    assert!(!log.contains(VOTE_PASSWORD), "the vote key's password is in the log");
}

fn register(story: &Story<'_>) -> String {
    let key = ["--key-password-file", &story.password];
    let register = |stake: &str, more: &[&str]| {
        story.stake(&[&["register", "--wallet", "alice", "--stake", stake][..], &key, more].concat())
    };
    register("10000", &[]).refused("needs_public", &["--public"]);
    register("9999", &["--public"]).refused("bad_amount", &["10000"]);
    register("10000", &["--public", "--commission-bps", "2001"]).refused("bad_input", &["2000"]);
    register("70000", &["--public"]).refused("insufficient_funds", &["70004"]);
    let made = register("10000", &["--public"]).ok();
    let own = text(&made, "validator");
    story.advance(2);
    let shown = story.validator(&own);
    assert_eq!((&shown["status"], &shown["own"]), (&json!("waiting"), &json!(true)), "{shown}");
    assert_eq!((&shown["stake"], &shown["commission_bps"]), (&json!("10000.00000000"), &json!(500)));
    assert_eq!(story.status()["validating"]["status"], "locked");
    story.stake(&["start", "--key-password-file", &story.folder.file("wrong", "x")]).refused("wrong_password", &[]);
    let started = story.stake(&["start", "--key-password-file", &story.password]).ok();
    assert_eq!((&started["status"], &started["validator"]), (&json!("waiting"), &json!(own)));
    own
}

fn delegate(story: &Story<'_>) -> String {
    let list = story.stake(&["status"]).ok();
    assert_eq!(list["mine"], json!([]));
    let first = list["validators"].as_array().expect("a list").iter().find(|v| v["status"] == "active");
    let chosen = text(first.expect("devnet has four"), "id");
    let delegate = ["delegate", &chosen, "--wallet", "alice", "--amount"];
    story.stake(&[&delegate[..], &["9", "--public"]].concat()).refused("bad_amount", &["10"]);
    story.stake(&[&delegate[..], &["100"]].concat()).refused("needs_public", &["everyone sees"]);
    story.stake(&["delegate", "00", "--amount", "10", "--public"]).refused("bad_input", &["64 hexadecimal digits"]);
    let unknown = "00".repeat(32);
    story.stake(&["delegate", &unknown, "--amount", "10", "--public"]).refused("not_found", &["stake status"]);
    story.stake(&["undelegate", &chosen, "--amount", "1"]).refused("not_found", &["no stake"]);
    story.stake(&[&delegate[..], &["101", "--public"]].concat()).ok();
    story.advance(2);
    assert_eq!(story.position(&chosen)["staked"], "100.00000000", "a STR is its deposit");
    story.stake(&["withdraw", &chosen]).refused("bad_amount", &["nothing is due"]);
    story.stake(&["undelegate", &chosen, "--amount", "101"]).refused("bad_amount", &["100.00000000"]);
    story.stake(&["undelegate", &chosen, "--amount", "40"]).ok();
    story.advance(2);
    let position = story.position(&chosen);
    assert_eq!((&position["staked"], &position["due"]), (&json!("60.00000000"), &json!("0.00000000")));
    assert_eq!(position["leaving"][0]["amount"], "40.00000000");
    assert!(position["leaving"][0]["in_s"].as_u64() > Some(1800), "{position}");
    story.stake(&["withdraw", &chosen]).refused("bad_amount", &["epoch 5"]);

    let history = story.folder.run(&["wallet", "history", "--wallet", "alice", "--kind", "stake"]).ok();
    let entries = history["entries"].as_array().expect("a list").iter();
    let moves: Vec<[&Value; 3]> = entries.map(|e| [&e["stake"], &e["amount"], &e["public"]]).collect();
    let moved = |what: &str, amount: &str| [json!(what), json!(amount), json!(true)];
    let expected =
        [moved("undelegate", "40.00000000"), moved("delegate", "101.00000000"), moved("register", "10000.00000000")];
    assert_eq!(moves, expected.each_ref().map(|entry| entry.each_ref()), "{history}");
    chosen
}

/// It is a member, and signs.
fn votes(story: &Story<'_>, own: &str) {
    let status = story.status();
    assert_eq!(status["validating"]["status"], "active", "{}", status["validating"]);
    assert_eq!(story.validator(own)["status"], "active");
    let info = story.folder.info();
    let finality = &info["finality"];
    assert!(finality["gap_s"].as_u64() < Some(60) && finality["stalled"] == false, "{finality}");
    let members = finality["validators"].as_array().expect("a list");
    let member = members.iter().find(|member| member["id"] == own).expect("a member");
    assert_eq!((&member["own"], &member["equivocated"]), (&json!(true), &json!(false)));
    assert_eq!(member["last_target"], status["validating"]["last_target"]);
    assert!(units(&text(&story.position(own), "rewards")) > 0);
    assert!(info["warnings"].as_array().expect("a list").is_empty(), "{info}");
    let history = story.folder.run(&["wallet", "history", "--wallet", "alice", "--kind", "stake"]).ok();
    let entries = history["entries"].as_array().expect("a list").iter();
    assert!(entries.len() == 3 && entries.clone().all(|e| e["state"] == "final"), "{history}");
    let told = story.folder.run_plain(&["node", "info"]).stdout;
    assert!(told.contains("signed by"), "{told}");
}

fn comes_back(story: &Story<'_>, chosen: &str) {
    let position = story.position(chosen);
    assert_eq!((&position["due"], &position["leaving"]), (&json!("40.00000000"), &json!([])), "{position}");
    let rewards = units(&text(&position, "rewards"));
    assert!(rewards > 0, "{position}");
    let withdrawn = story.stake(&["withdraw", chosen]).ok();
    assert_eq!(units(&text(&withdrawn, "amount")), rewards + units("40.00000000"));
    story.advance(2);
    let position = story.position(chosen);
    assert_eq!((&position["staked"], &position["due"]), (&json!("60.00000000"), &json!("0.00000000")));
    // The payment that no output of the transaction names is part of what is proven of it.
    let fact = proven(story.folder, &["prove-tx", &text(&withdrawn, "txid")]);
    assert_eq!((&fact["kind"], &fact["outcome"]), (&json!("transaction"), &json!("accepted")));
    let fact = proven(story.folder, &["prove-state", "validator", chosen]);
    assert_eq!(fact["content"]["standing"], "good", "{fact}");
    // What came out is a public payment to an address of the wallet: a restored wallet finds stake and payment alike.
    let words = &story.alice.words;
    story.folder.restore("again", words);
    let again = story.stake(&["status", "--wallet", "again"]).ok();
    assert_eq!(again["mine"], story.status()["mine"]);
}

/// A key file that was lost comes back from the words of the wallet, stakes nothing, and watches before it votes.
fn lost(story: &Story<'_>, own: &str) {
    let data = story.folder.data().join("devnet");
    story.stake(&["stop"]).ok();
    for name in ["validator.key", "validator.guard"] {
        fs::remove_file(data.join(name)).expect("it is there");
    }
    let key = ["--key-password-file", &story.password];
    let restore = |id: &str| story.stake(&[&["restore", id, "--wallet", "alice"][..], &key].concat());
    restore(&"00".repeat(32)).refused("not_found", &["stake status"]);
    let others = story.status()["validators"].clone();
    let other = others.as_array().expect("a list").iter().find(|v| v["own"] == false).expect("devnet has four");
    restore(&text(other, "id")).refused("not_found", &["words"]);
    let restored = restore(own).ok();
    assert_eq!((&restored["status"], &restored["validator"]), (&json!("locked"), &json!(own)), "{restored}");
    assert_eq!(story.status()["validators"], others, "nothing was staked");
    let started = story.stake(&[&["start"][..], &key].concat()).ok();
    assert_eq!(started["status"], "watching", "{started}");
    // What the four others have agreed to meanwhile is enough to vote again.
    story.advance(100);
    let validating = story.status()["validating"].clone();
    assert_eq!(validating["status"], "active", "{validating}");
    story.advance(100);
    assert!(story.status()["validating"]["last_target"].as_u64() > validating["last_target"].as_u64(), "it votes");
}

/// The key goes to another machine with what it has signed, and never votes here again. Gives the node's log.
fn moves(story: &Story<'_>, own: &str, node: super::harness::Node) -> String {
    let path = story.folder.path().join("validator.move").to_str().expect("temporary paths are text").to_owned();
    let key = ["--key-password-file", &story.password];
    let signed = story.status()["validating"]["last_target"].as_u64().expect("it has voted");
    let moved = story.stake(&[&["move", "--out", &path][..], &key].concat()).ok();
    assert_eq!(moved["validator"], own);
    assert_eq!(story.status()["validating"]["status"], "moved");
    story.stake(&[&["start"][..], &key].concat()).refused("bad_input", &["another machine"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "others may read the key on its way");
    }
    let damaged = story.folder.file("damaged.move", &fs::read_to_string(&path).expect("text").replace(['a', 'b'], "c"));
    story.stake(&[&["move", "--in", &damaged][..], &key].concat()).refused("wallet_damaged", &["vote key is damaged"]);
    let log = node.stop();
    // The files tell a node that starts later.
    let node = story.folder.node(&["--store", "mem"]);
    story.stake(&[&["start"][..], &key].concat()).refused("bad_input", &["another machine"]);
    node.stop();

    let there = Folder::new();
    let node = there.node(&["--store", "mem"]);
    there
        .run(&["stake", "move", "--in", &path, "--key-password-file", &there.file("w", "x")])
        .refused("wrong_password", &[]);
    let state = there.run(&[&["stake", "move", "--in", &path][..], &key].concat()).ok();
    assert_eq!((&state["validator"], &state["last_target"]), (&json!(own), &json!(signed)), "with its guard");
    assert_eq!(state["status"], "waiting", "on this machine's chain nobody has registered it");
    there.run(&["stake", "stop"]).ok();
    let again = there.run(&[&["stake", "move", "--in", &path][..], &key].concat()).ok();
    assert_eq!(again["last_target"], json!(signed));
    node.stop();
    // The old machine takes its own file back: nobody can say that no other did, so it watches before it votes.
    let node = story.folder.node(&["--store", "mem"]);
    let back = story.stake(&[&["move", "--in", &path][..], &key].concat()).ok();
    assert_eq!((&back["status"], &back["last_target"]), (&json!("watching"), &Value::Null), "{back}");
    node.stop();
    for (at, name) in [(&there, "validator.key"), (story.folder, "validator.key"), (&there, "validator.guard")] {
        let bytes = fs::read(at.data().join("devnet").join(name)).expect("it is there");
        assert!(!bytes.windows(VOTE_PASSWORD.len()).any(|part| part == VOTE_PASSWORD.as_bytes()), "{name}");
    }
    log
}
