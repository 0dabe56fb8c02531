//! The data folder: one process at a time, damaged files, folders that can't be written.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use super::harness::{BLOCK_TIMEOUT, Folder, eventually};
use super::http::Server;
use serde_json::json;

/// Longest file of the node on a full disk, in blocks of 512 bytes: a wallet and its coin fit, a transaction does not.
#[cfg(unix)]
const FULL_DISK_BLOCKS: usize = 4;

#[test]
fn a_second_process_is_told_who_was_first() {
    let folder = Folder::new();
    let node = folder.node(&["--store", "mem"]);
    let second = folder.run(&["node", "run", "--store", "mem"]);
    second.refused("already_running", &[&format!("process {}", node.pid()), "devnet"]);
    assert_eq!(folder.api()["pid"], json!(node.pid()), "the first node's file is untouched");
    folder.info();
    node.stop();
    folder.node(&["--store", "mem"]).stop();
}

#[test]
fn a_killed_node_leaves_the_folder_usable() {
    let folder = Folder::new();
    folder.create("alice");
    let node = folder.node(&["--mine", "1"]);
    eventually("blocks are mined", BLOCK_TIMEOUT, || (folder.info()["block_count"] != 0).then_some(()));
    drop(node);
    assert!(folder.data().join("devnet/api.json").exists(), "a killed node leaves its file behind");
    folder.run(&["node", "info"]).refused("not_running", &["no node runs"]);
    let node = folder.node(&[]);
    assert_eq!(folder.info()["store"], "redb");
    node.stop();
    assert_eq!(folder.run(&["wallet", "list"]).ok()["wallets"][0]["name"], "alice");
}

#[test]
fn a_port_in_use() {
    let folder = Folder::new();
    let held = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = held.local_addr().expect("an address").to_string();
    folder.run(&["node", "run", "--api", &address]).refused("port_in_use", &[&address, "in use"]);
    folder.run(&["node", "run", "--api", "0.0.0.0:0"]).refused("bad_input", &["0.0.0.0:0", "loopback"]);
    for path in ["devnet/api.json", "devnet/chain"] {
        assert!(!folder.data().join(path).exists(), "{path}: the port is taken before anything is opened");
    }
    folder.node(&["--store", "mem"]).stop();
}

/// A folder that nobody can write to, root included.
fn read_only(folder: &Folder) -> PathBuf {
    let path = folder.path().join("read-only");
    fs::create_dir(&path).expect("the folder can be written");
    let mut permissions = fs::metadata(&path).expect("it is there").permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).expect("permissions can be set");
    // Permissions don't hold root back; the kernel's own files do.
    if fs::write(path.join("probe"), "").is_ok() { Path::new("/proc/sys").to_owned() } else { path }
}

#[test]
fn a_read_only_data_folder() {
    let folder = Folder::new();
    let closed = read_only(&folder);
    let file = folder.file("regular-file", "not a folder");
    for data in [closed.join("data"), Path::new(&file).join("data")] {
        let mut command = folder.command();
        command.args(["--json", "wallet", "create", "--wallet", "alice", "--data-dir"]).arg(&data);
        let output = command.output().expect("the program starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!output.status.success() && text.contains("\"data_folder\""), "{text}");
        assert!(text.contains(data.to_str().expect("paths are text")), "{text}");
        let mut command = folder.command();
        command.args(["node", "run", "--data-dir"]).arg(&data);
        let output = command.output().expect("the program starts");
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(String::from_utf8_lossy(&output.stderr).lines().count(), 1, "{output:?}");
    }
    assert_eq!(fs::read_to_string(&file).expect("it is there"), "not a folder");
}

fn wallet_files(folder: &Folder) -> Vec<PathBuf> {
    fn visit(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() { visit(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    visit(&folder.data().join("devnet/wallets"), &mut found);
    found
}

#[test]
fn a_damaged_wallet_file() {
    let folder = Folder::new();
    let made = folder.create("alice");
    folder.create("bob");
    let files: Vec<PathBuf> = wallet_files(&folder);
    assert!(files.len() >= 2, "{files:?}");
    let mut damaged = Vec::new();
    for path in files.into_iter().filter(|path| path.to_string_lossy().contains("alice")) {
        let mut bytes = fs::read(&path).expect("it is there");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x40;
        fs::write(&path, &bytes).expect("it can be written");
        damaged.push((path, bytes));
    }
    assert!(!damaged.is_empty());
    for args in [&["wallet", "reveal"][..], &["wallet", "balance"], &["wallet", "history"]] {
        folder.run(&[args, &["--wallet", "alice"]].concat()).refused("wallet_damaged", &["checksum", "words"]);
    }
    let list = folder.run(&["wallet", "list"]).ok();
    let alice = list["wallets"].as_array().expect("wallets").iter().find(|w| w["name"] == "alice").expect("alice");
    assert_eq!(alice["damaged"]["code"], "checksum", "{list}");
    for (path, bytes) in &damaged {
        assert_eq!(&fs::read(path).expect("it is there"), bytes, "nothing was changed: {}", path.display());
    }
    folder.run(&["wallet", "reveal", "--wallet", "bob"]).ok();
    // The words bring it back under another name, or under its own once it is removed.
    folder.run(&["wallet", "remove", "--wallet", "alice"]).ok();
    assert_eq!(folder.restore("alice", &made.words)["zk13str"], json!(made.zk13str));
}

#[test]
fn a_damaged_chain_is_moved_aside_and_told() {
    let folder = Folder::new();
    let alice = folder.create("alice");
    folder.run(&["devnet", "advance", "3", "--mine-to", &alice.confidential]).ok();
    let chain = folder.data().join("devnet/chain/chain.redb");
    let bytes = fs::read(&chain).expect("the chain lies there");
    fs::write(&chain, vec![0x5a; bytes.len()]).expect("it can be written");
    let node = folder.node(&[]);
    let info = eventually("the node is ready", BLOCK_TIMEOUT, || {
        let info = folder.info();
        (info["sync"]["stage"] == "synced").then_some(info)
    });
    assert_eq!(info["block_count"], 3, "the blocks lie in files of their own");
    assert_eq!(info["warnings"][0]["code"], "chain_recovered", "{info}");
    assert_eq!(folder.run(&["wallet", "list"]).ok()["wallets"][0]["name"], "alice");
    node.stop();
}

#[test]
fn a_chain_that_can_not_be_opened_leaves_wallets_usable() {
    let folder = Folder::new();
    let made = folder.create("alice");
    // A folder where the database belongs: nothing that could be moved aside and built anew.
    fs::create_dir_all(folder.data().join("devnet/chain/chain.redb/x")).expect("the folder can be written");
    let node = folder.node(&["--mine", "1"]);
    let info = eventually("the failure is told", BLOCK_TIMEOUT, || {
        let info = folder.info();
        (info["sync"]["stage"] == "failed").then_some(info)
    });
    assert_eq!(info["warnings"][0]["code"], "chain_failed", "{info}");
    assert!(info["sync"]["stalled"].as_str().is_some_and(|s| s.contains("can't be opened")), "{info}");
    assert_eq!(folder.run(&["wallet", "reveal", "--wallet", "alice"]).ok()["words"], json!(made.words));
    assert_eq!(folder.run(&["wallet", "address", "--wallet", "alice"]).ok()["zk13str"], json!(made.zk13str));
    folder.create("bob");
    folder.run(&["wallet", "balance", "--wallet", "alice"]).refused("unavailable", &["can't be opened"]);
    folder.run(&["devnet", "advance"]).refused("unavailable", &["can't be opened"]);
    node.stop();
    folder.run(&["wallet", "balance", "--wallet", "alice"]).refused("unavailable", &["can't be opened"]);
}

/// A journal that can't grow, as on a full disk: the payment fails at once, and nothing was sent.
#[cfg(unix)]
#[test]
fn a_payment_that_can_not_be_recorded() {
    let folder = Folder::new();
    let node = folder.limited_node(FULL_DISK_BLOCKS, &["--store", "mem", "--log", "off"]);
    let alice = folder.create("alice");
    folder.run(&["devnet", "fund", "--wallet", "alice", "--amount", "10"]).ok();
    folder.run(&["devnet", "advance", "2", "--mine-to", &alice.confidential]).ok();
    folder.wait_for_spendable("alice", "10.00000000");
    let started = std::time::Instant::now();
    let long = "x".repeat(230);
    let send = ["wallet", "send", "--wallet", "alice", "--to", &alice.confidential, "--amount", "1", "--note", &long];
    folder.run(&send).refused("data_folder", &["journal can't be written", "Nothing was sent"]);
    assert!(started.elapsed() < BLOCK_TIMEOUT / 2, "told at once, not after ten minutes");
    assert_eq!(folder.info()["mempool"]["count"], 0);
    assert_eq!(folder.balance("alice")[..2], ["10.00000000", "0.00000000"], "the money is free");
    node.stop();
}

#[test]
fn a_busy_node_stops_in_time() {
    let folder = Folder::new();
    folder.create("alice");
    let node = folder.node(&["--mine", "2"]);
    let server = Server::of(&folder);
    eventually("blocks are mined", BLOCK_TIMEOUT, || (folder.info()["block_count"] != 0).then_some(()));
    let mut events = server.events();
    let advancing = std::thread::spawn(move || {
        server.try_call_raw("node/devnet_advance", &json!({ "blocks": 10_000, "pay_to": null }))
    });
    eventually("it is busy", BLOCK_TIMEOUT, || (folder.info()["block_count"].as_u64() > Some(20)).then_some(()));
    node.stop();
    while events.next().is_some() {}
    advancing.join().expect("the caller is answered or cut off");
    let node = folder.node(&[]);
    let info = eventually("the chain is open", BLOCK_TIMEOUT, || {
        let info = folder.info();
        (info["sync"]["stage"] == "synced" && info["block_count"] != 0).then_some(info)
    });
    assert!(info["block_count"].as_u64() > Some(20), "what was mined is there: {info}");
    node.stop();
}
