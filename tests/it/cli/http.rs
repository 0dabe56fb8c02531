//! As much HTTP and WebSocket as these tests need, so that they say themselves what goes over the wire.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::harness::Folder;

/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Response {
    /// A header's value.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// Sends one request, as it stands.
pub(super) fn send(address: &str, head: &str, body: &[u8]) -> Response {
    let mut stream = connect(address);
    // A server that refuses a long body may close before it has read all of it.
    let _ =
        stream.write_all(format!("{head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes());
    let _ = stream.write_all(body);
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    assert!(read.is_ok() || !bytes.is_empty(), "{read:?}");
    parse(&String::from_utf8_lossy(&bytes))
}

pub(super) fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(TIMEOUT)).expect("timeouts can be set");
    stream
}

fn parse(text: &str) -> Response {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|l| l.split(' ').nth(1)).and_then(|s| s.parse().ok()).expect("a status line");
    let headers =
        lines.filter_map(|l| l.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    Response { status, headers, body: body.to_owned() }
}

/// The running node's server.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: String,
    pub(super) token: String,
}

impl Server {
    pub(super) fn of(folder: &Folder) -> Self {
        let api = folder.api();
        let text = |key: &str| api[key].as_str().unwrap_or_else(|| panic!("{key}")).to_owned();
        Self { address: text("address"), token: text("token") }
    }

    /// A request with these further header lines.
    pub(super) fn request(&self, method: &str, path: &str, headers: &[String], body: &[u8]) -> Response {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}", self.address);
        for header in headers {
            head.push_str("\r\n");
            head.push_str(header);
        }
        send(&self.address, &head, body)
    }

    /// `Authorization` with the token.
    pub(super) fn bearer(&self) -> String {
        format!("Authorization: Bearer {}", self.token)
    }

    /// One call of the API; it has to succeed.
    pub(super) fn call(&self, path: &str, request: &Value) -> Value {
        let response = self.try_call(path, request);
        assert_eq!(response.status, 200, "{path}: {response:?}");
        response.json()
    }

    /// One call of the API.
    pub(super) fn try_call(&self, path: &str, request: &Value) -> Response {
        let headers = [self.bearer(), "Content-Type: application/json".to_owned()];
        self.request("POST", &format!("/api/v1/{path}"), &headers, request.to_string().as_bytes())
    }

    /// One call to a node that may end meanwhile: its answer, where it gave one and did not refuse.
    pub(super) fn ask(&self, path: &str, request: &Value) -> Option<Value> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.set_read_timeout(Some(TIMEOUT)).ok()?;
        let body = request.to_string();
        let head = format!(
            "POST /api/v1/{path} HTTP/1.1\r\nHost: {}\r\n{}\r\nContent-Type: application/json\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n",
            self.address,
            self.bearer(),
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        if !head.starts_with("HTTP/1.1 200") {
            return None;
        }
        // A body that was cut off is no answer.
        serde_json::from_str(body).ok()
    }

    /// One call that may be cut off: whatever comes back before the connection ends.
    pub(super) fn try_call_raw(&self, path: &str, request: &Value) -> Vec<u8> {
        let mut stream = connect(&self.address);
        let body = request.to_string();
        let head = format!(
            "POST /api/v1/{path} HTTP/1.1\r\nHost: {}\r\n{}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.address,
            self.bearer(),
            body.len()
        );
        let sent = stream.write_all(format!("{head}{body}").as_bytes());
        let mut bytes = Vec::new();
        // Being cut off is one of the answers that are waited for.
        let _ = sent.and_then(|()| stream.read_to_end(&mut bytes));
        bytes
    }

    /// Opens the events.
    pub(super) fn events(&self) -> Events {
        let mut stream = connect(&self.address);
        let head = format!(
            "GET /api/v1/events HTTP/1.1\r\nHost: {}\r\n{}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.address,
            self.bearer()
        );
        stream.write_all(head.as_bytes()).expect("the server reads");
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).expect("the server answers");
            answer.push(byte[0]);
        }
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
        Events { stream }
    }
}

/// A WebSocket of events.
#[derive(Debug)]
pub(super) struct Events {
    stream: TcpStream,
}

impl Events {
    /// The next event; `None` when the server says good-bye.
    pub(super) fn next(&mut self) -> Option<Value> {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).ok()?;
        let (opcode, length) = (head[0] & 0x0f, head[1] & 0x7f);
        let length = match length {
            126 => {
                let mut bytes = [0; 2];
                self.stream.read_exact(&mut bytes).ok()?;
                u64::from(u16::from_be_bytes(bytes))
            }
            127 => {
                let mut bytes = [0; 8];
                self.stream.read_exact(&mut bytes).ok()?;
                u64::from_be_bytes(bytes)
            }
            short => u64::from(short),
        };
        let mut body = vec![0; usize::try_from(length).expect("a short message")];
        self.stream.read_exact(&mut body).ok()?;
        match opcode {
            1 => Some(serde_json::from_slice(&body).expect("events are JSON")),
            8 => None,
            other => panic!("unexpected frame {other}"),
        }
    }
}
