//! The loopback server: who may call, what a browser may do, what is refused.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::harness::{BLOCK_TIMEOUT, Folder, eventually};
use super::http::{Server, connect, send};
use serde_json::json;

#[test]
fn only_the_token_or_the_cookie_opens_it() {
    let folder = Folder::new();
    let node = folder.node(&["--store", "mem"]);
    let server = Server::of(&folder);
    let call = |headers: &[String]| {
        let all = [headers, &["Content-Type: application/json".to_owned()]].concat();
        server.request("POST", "/api/v1/node/state", &all, b"{}")
    };
    assert_eq!(call(&[server.bearer()]).json()["network"], "devnet");
    for headers in [vec![], vec!["Authorization: Bearer 0000".to_owned()], vec!["Cookie: umbel=1".to_owned()]] {
        let refused = call(&headers);
        assert_eq!((refused.status, &refused.json()["error"]["code"]), (401, &json!("unauthorized")), "{headers:?}");
    }
    assert_eq!(server.request("GET", "/api/v1/events", &[], b"").status, 401);

    let opened = server.request("GET", &format!("/open?token={}", server.token), &[], b"");
    assert_eq!((opened.status, opened.header("location")), (303, Some("/")));
    let cookie = opened.header("set-cookie").expect("a cookie").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains(&server.token), "the token itself stays out of the browser");
    let cookie = format!("Cookie: {}", cookie.split(';').next().expect("a pair"));
    assert_eq!(call(std::slice::from_ref(&cookie)).status, 200);
    assert_eq!(server.request("GET", "/open?token=0000", &[], b"").status, 401);

    // A foreign page, with the cookie; a foreign name for this machine.
    let origin = |origin: &str| call(&[cookie.clone(), format!("Origin: http://{origin}")]).status;
    assert_eq!(origin(&server.address), 200);
    assert_eq!(origin("evil.example"), 403);
    let head = format!("POST /api/v1/node/state HTTP/1.1\r\nHost: evil.example\r\n{}", server.bearer());
    assert_eq!(send(&server.address, &head, b"{}").status, 403);

    let health = server.request("GET", "/health", &[], b"");
    assert_eq!((health.status, &health.json()["network"]), (200, &json!("devnet")));
    node.stop();
}

#[test]
fn what_is_no_call_is_refused() {
    let folder = Folder::new();
    let node = folder.node(&["--store", "mem"]);
    let server = Server::of(&folder);
    let unknown = server.try_call("node/explode", &json!({}));
    assert_eq!((unknown.status, &unknown.json()["error"]["code"]), (404, &json!("not_found")));
    let typed =
        server.request("POST", "/api/v1/node/state", &[server.bearer(), "Content-Type: text/plain".into()], b"{}");
    assert_eq!((typed.status, &typed.json()["error"]["code"]), (400, &json!("bad_input")));
    let broken =
        server.request("POST", "/api/v1/node/state", &[server.bearer(), "Content-Type: application/json".into()], b"{");
    assert_eq!(broken.status, 400);
    let long = server.try_call("tx/submit", &json!({ "hex": "00".repeat(200_000) }));
    assert_eq!((long.status, &long.json()["error"]["code"]), (413, &json!("bad_input")));
    for path in ["/", "/index.html", "/api/v1/nothing"] {
        assert_eq!(server.request("GET", path, &[], b"").status, 404, "{path}: no page is served without --ui");
    }
    // Guessing passwords is slow.
    folder.create("alice");
    let guess = json!({ "wallet": "nobody", "password": "x" });
    let limited = (0..30).map(|_| server.try_call("wallet/unlock", &guess)).find(|r| r.status == 429);
    assert_eq!(limited.expect("guessing is bounded").json()["error"]["retryable"], true);
    node.stop();
}

#[test]
fn the_page_is_served_under_a_strict_policy() {
    let folder = Folder::new();
    let ui = folder.path().join("ui");
    fs::create_dir_all(ui.join("fonts")).expect("the folder can be written");
    for (name, text) in
        [("index.html", "<!doctype html>"), ("ui_bg.wasm", "\0asm"), ("boot.js", "1"), ("fonts/a.woff2", "w")]
    {
        fs::write(ui.join(name), text).expect("the folder can be written");
    }
    fs::write(folder.path().join("outside.json"), "{}").expect("the folder can be written");
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).expect("the folder can be written");
    folder
        .run(&["node", "run", "--store", "mem", "--ui", empty.to_str().expect("text")])
        .refused("bad_input", &["index.html"]);

    let node = folder.node(&["--store", "mem", "--ui", ui.to_str().expect("text")]);
    let server = Server::of(&folder);
    let open = node.announced["open"].as_str().expect("the page's address");
    assert_eq!(open, format!("http://{}/open?token={}", server.address, server.token));
    let get = |path: &str| server.request("GET", path, &[], b"");
    let page = get("/");
    assert_eq!((page.status, page.body.as_str()), (200, "<!doctype html>"));
    let policy = page.header("content-security-policy").expect("a policy").to_owned();
    assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(policy.contains(&format!("connect-src 'self' ws://{}", server.address)), "{policy}");
    assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(get("/ui_bg.wasm").header("content-type"), Some("application/wasm"));
    assert_eq!(get("/fonts/a.woff2").header("content-type"), Some("font/woff2"));
    assert_eq!(get("/send").body, "<!doctype html>", "the page has its own routes");
    for path in [
        "/../outside.json",
        "/fonts/../../outside.json",
        "/%2e%2e/outside.json",
        "/..%2foutside.json",
        "//etc/passwd.txt",
    ] {
        let answer = get(path);
        assert!(answer.status >= 400, "{path}: {answer:?}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(folder.path().join("outside.json"), ui.join("link.json"))
            .expect("links can be made");
        assert_eq!(get("/link.json").status, 404, "a link does not lead out");
    }
    node.stop();
}

#[test]
fn events_tell_what_changes() {
    let folder = Folder::new();
    let node = folder.node(&["--store", "mem"]);
    let server = Server::of(&folder);
    eventually("the chain is open", BLOCK_TIMEOUT, || {
        (server.call("node/state", &json!({}))["sync"]["stage"] == "synced").then_some(())
    });
    let mut events = server.events();
    folder.create("alice");
    let mut kinds = std::collections::BTreeSet::new();
    while !(kinds.contains("wallets") && kinds.contains("wallet")) {
        let event = events.next().expect("more events");
        kinds.insert(event["kind"].as_str().expect("a kind").to_owned());
    }
    folder.run(&["devnet", "advance"]).ok();
    while !(kinds.contains("blocks") && kinds.contains("node")) {
        let event = events.next().expect("more events");
        kinds.insert(event["kind"].as_str().expect("a kind").to_owned());
    }
    let stopping = std::thread::spawn(move || while events.next().is_some() {});
    node.stop();
    stopping.join().expect("the socket is closed with the node");
}

#[test]
fn settings_are_kept() {
    let folder = Folder::new();
    let node = folder.node(&["--store", "mem"]);
    let server = Server::of(&folder);
    let settings = server.call("settings/get", &json!({}));
    assert_eq!(settings["auto_lock_minutes"], 5);
    let mut changed = settings.clone();
    for (key, value) in [("auto_lock_minutes", json!(1)), ("theme", json!("dark")), ("language", json!("de"))] {
        changed[key] = value;
    }
    (changed["store"], changed["store_cache_mib"]) = (json!("sled"), json!(32));
    assert_eq!((&settings["store"], &settings["store_cache_mib"]), (&json!("redb"), &json!(64)));
    assert_eq!(server.call("settings/set", &changed), changed);
    assert_eq!(server.try_call("settings/set", &json!({ "theme": "pink" })).status, 400);
    assert_eq!(server.try_call("settings/set", &json!({ "store_cache_mib": 1 })).status, 400);
    assert_eq!(server.try_call("settings/set", &json!({ "chain_cache_mib": 1 })).status, 400);
    node.stop();
    let node = folder.node(&["--store", "mem"]);
    assert_eq!(Server::of(&folder).call("settings/get", &json!({})), changed);
    node.stop();
}

/// A program without the token holds as many connections as it can and says half a request on each.
#[test]
fn strangers_keep_nobody_out() {
    let folder = Folder::new();
    let node = folder.node(&["--store", "mem"]);
    let server = Server::of(&folder);
    let half = |head: &str| {
        let mut stream = connect(&server.address);
        stream.write_all(head.as_bytes()).expect("the server accepts");
        stream
    };
    let begun = Instant::now();
    let mut held: Vec<TcpStream> = (0..200).map(|_| half("GET /health HTTP/1.1\r\nHost: x\r\n")).collect();
    assert_eq!(server.request("GET", "/health", &[], b"").status, 200);
    assert_eq!(server.call("node/state", &json!({}))["network"], "devnet");
    assert!(begun.elapsed() < Duration::from_secs(4), "answered before any of them was given up");
    // Those that had to make room are cut off, the others after their time.
    let mut last = held.pop().expect("200 of them");
    let mut first = held.remove(0);
    for stream in [&mut first, &mut last] {
        let cut_off = stream.read(&mut [0; 512]);
        assert!(matches!(cut_off, Ok(_) | Err(_)) && begun.elapsed() < Duration::from_secs(10), "{cut_off:?}");
    }
    // An answer to a stranger ends its connection.
    let mut stream = half(&format!("GET /health HTTP/1.1\r\nHost: {}\r\n\r\n", server.address));
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the server closes");
    assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    node.stop();
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let folder = Folder::new();
    let node = folder.node(&["--store", "mem"]);
    let server = Server::of(&folder);
    let mut stream = connect(&server.address);
    let head = format!(
        "POST /api/v1/node/state HTTP/1.1\r\nHost: {}\r\n{}\r\nContent-Type: application/json\r\n\
         Content-Length: 100\r\n\r\n{{",
        server.address,
        server.bearer()
    );
    let begun = Instant::now();
    stream.write_all(head.as_bytes()).expect("the server reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the server closes");
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    node.stop();
}

#[test]
fn more_connections_than_places_are_refused_at_once() {
    let folder = Folder::new();
    let node = folder.node(&["--store", "mem"]);
    let server = Server::of(&folder);
    let head = format!(
        "POST /api/v1/node/state HTTP/1.1\r\nHost: {}\r\n{}\r\nContent-Type: application/json\r\n\
         Content-Length: 2\r\n\r\n{{}}",
        server.address,
        server.bearer()
    );
    // Each is known once it is answered, and keeps its place for a while.
    let held: Vec<TcpStream> = (0..128)
        .map(|_| {
            let mut stream = connect(&server.address);
            stream.write_all(head.as_bytes()).expect("the server reads");
            let mut start = [0; 12];
            stream.read_exact(&mut start).expect("the server answers");
            assert_eq!(&start, b"HTTP/1.1 200");
            stream
        })
        .collect();
    let mut answer = String::new();
    connect(&server.address).read_to_string(&mut answer).expect("the server answers");
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("\"retryable\":true"), "{answer}");
    drop(held);
    eventually("there is room again", BLOCK_TIMEOUT, || {
        let mut stream = connect(&server.address);
        let sent = stream.write_all(format!("GET /health HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).as_bytes());
        let mut answer = String::new();
        // A refusal may cut the request off.
        let _ = sent.and_then(|()| stream.read_to_string(&mut answer));
        answer.starts_with("HTTP/1.1 200").then_some(())
    });
    node.stop();
}
