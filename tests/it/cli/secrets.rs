//! Words, passwords and tokens stay where they belong.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use super::harness::{Folder, PASSWORD};
use super::http::Server;
use serde_json::json;

/// All bytes of all files of a folder, with their paths.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), fs::read(&path).expect("files can be read")));
        }
    }
    found
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}

#[test]
fn nothing_secret_is_logged_or_lies_open() {
    let folder = Folder::new();
    let node = folder.node(&["--store", "mem", "--log", "trace"]);
    let server = Server::of(&folder);
    let made = folder.create("alice");
    folder.run(&["wallet", "reveal", "--wallet", "alice"]).ok();
    folder.restore("again", &made.words);
    folder.run(&["wallet", "balance", "--wallet", "alice"]).ok();
    let wrong = server.try_call("wallet/unlock", &json!({ "wallet": "alice", "password": "not-the-password" }));
    assert_eq!((wrong.status, &wrong.json()["error"]["code"]), (403, &json!("wrong_password")));
    let shapeless = server.try_call("wallet/unlock", &json!({ "wallet": 7, "password": "typed-into-nothing" }));
    assert_eq!(shapeless.status, 400);
    assert!(!shapeless.body.contains("typed-into-nothing"));
    let log = node.stop();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "the log is detailed");

    // Two words in a row are no accident; single ones may be.
    let words: Vec<&str> = made.words.split(' ').collect();
    let pairs: Vec<String> = words.windows(2).map(|pair| pair.join(" ")).collect();
    let mut secrets: Vec<&str> = pairs.iter().map(String::as_str).collect();
    secrets.extend([PASSWORD, "not-the-password", "typed-into-nothing", &server.token]);
    for secret in &secrets {
        assert!(!log.contains(secret), "{secret:?} is in the log");
    }
    for (path, bytes) in files(&folder.data()) {
        for secret in &secrets {
            assert!(!holds(&bytes, secret), "{secret:?} lies in {path}");
        }
    }
}

#[cfg(unix)]
#[test]
fn files_are_their_owners() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let node = folder.node(&["--store", "mem"]);
    folder.create("alice");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&folder.data().join("devnet/api.json")), 0o600);
    assert_eq!(mode(&folder.data().join("devnet")), 0o700);
    for (path, _) in files(&folder.data().join("devnet/wallets")) {
        assert_eq!(mode(Path::new(&path)), 0o600, "{path}");
    }
    node.stop();
}

#[test]
fn secrets_come_from_files_or_the_environment_only() {
    let folder = Folder::new();
    let mut command = folder.command();
    command.env_remove("UMBEL_PASSWORD").arg("--json").arg("--data-dir").arg(folder.data());
    let output =
        command.args(["wallet", "create", "--wallet", "alice"]).stdin(Stdio::null()).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success() && text.contains("UMBEL_PASSWORD"), "{text}");

    let password = folder.file("password", "another password\n");
    let made = folder.run(&["wallet", "create", "--wallet", "alice", "--password-file", &password]).ok();
    folder.run(&["wallet", "reveal", "--wallet", "alice"]).refused("wrong_password", &["password"]);
    let revealed = folder.run(&["wallet", "reveal", "--wallet", "alice", "--password-file", &password]).ok();
    assert_eq!(revealed["words"], made["words"]);
    folder.run(&["wallet", "create", "--wallet", "b", "--password", "x"]).refused("bad_input", &["--password"]);
}
