//! Connections: how many at once, how long each may say nothing, and who makes room for whom.
//!
//! A connection belongs to a stranger until one of its requests carries the key. Strangers are answered and let go; when
//! every place is taken, the stranger who came first makes room. So a program without the key can't keep others out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::serve::Listener;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

use super::ws::stopped;
use crate::services::locked;

/// Connections at once: a few pages and a script. WebSockets have places of their own.
const MAX_CONNECTIONS: usize = 128;
/// Longest wait for the whole head of a request, and for the next request of a connection: callers are on this machine.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// What is said where all places are taken by callers with the key.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Type: application/json\r\n\
    Content-Length: 90\r\n\r\n\
    {\"error\":{\"code\":\"unavailable\",\"message\":\"all connections are in use\",\"retryable\":true}}  ";

/// Places, by the order in which connections came.
#[derive(Debug, Default)]
struct Places {
    last: u64,
    /// Told when they must make room.
    strangers: BTreeMap<u64, Arc<Notify>>,
    known: BTreeSet<u64>,
}

/// A connection's place; it is free again when this is dropped.
#[derive(Debug)]
struct Place {
    number: u64,
    must_leave: Arc<Notify>,
    all: Arc<Mutex<Places>>,
}

impl Place {
    /// A place for a connection that just came; none where only callers with the key are connected.
    fn take(all: &Arc<Mutex<Places>>) -> Option<Self> {
        let mut places = locked(all);
        if places.strangers.len() + places.known.len() >= MAX_CONNECTIONS {
            let (_, first) = places.strangers.pop_first()?;
            first.notify_one();
        }
        places.last += 1;
        let (number, must_leave) = (places.last, Arc::new(Notify::new()));
        places.strangers.insert(number, Arc::clone(&must_leave));
        Some(Self { number, must_leave, all: Arc::clone(all) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = locked(&self.all);
        places.strangers.remove(&self.number);
        places.known.remove(&self.number);
    }
}

/// Whose connection a request came on.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    number: u64,
    all: Arc<Mutex<Places>>,
}

impl Caller {
    /// One of its requests carried the key: it makes room for nobody.
    pub(super) fn is_known(&self) {
        let mut places = locked(&self.all);
        // One that has to leave stays a stranger.
        if places.strangers.remove(&self.number).is_some() {
            places.known.insert(self.number);
        }
    }
}

/// Serves until the node stops.
pub(super) async fn serve(mut listener: TcpListener, router: axum::Router, mut stopping: watch::Receiver<bool>) {
    let all = Arc::new(Mutex::new(Places::default()));
    loop {
        let mut stream = tokio::select! {
            // Axum's own listener retries what passes, such as too many open files.
            (stream, _) = Listener::accept(&mut listener) => stream,
            () = stopped(&mut stopping) => return,
        };
        match Place::take(&all) {
            Some(place) => {
                tokio::spawn(serve_one(stream, router.clone(), place, stopping.clone()));
            }
            None => {
                // A few bytes into an empty buffer: nobody is waited for.
                let _ = stream.try_write(FULL);
                tokio::spawn(async move { stream.shutdown().await });
            }
        }
    }
}

async fn serve_one(stream: TcpStream, router: axum::Router, place: Place, mut stopping: watch::Receiver<bool>) {
    let caller = Caller { number: place.number, all: Arc::clone(&place.all) };
    let service = TowerToHyperService::new(router.layer(axum::Extension(caller)));
    let mut builder = Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::pin!(connection);
    let mut told = false;
    loop {
        tokio::select! {
            served = connection.as_mut() => {
                if let Err(error) = served {
                    tracing::trace!(%error, "a connection ended");
                }
                return;
            }
            () = place.must_leave.notified() => return,
            () = stopped(&mut stopping), if !told => {
                told = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_make_room_and_callers_with_the_key_do_not() {
        let all = Arc::new(Mutex::new(Places::default()));
        let mut held: Vec<Place> = (0..MAX_CONNECTIONS).map(|_| Place::take(&all).unwrap()).collect();
        let caller = |place: &Place| Caller { number: place.number, all: Arc::clone(&all) };
        caller(&held[0]).is_known();
        held.push(Place::take(&all).unwrap());
        assert!(!locked(&all).strangers.contains_key(&held[1].number), "the first stranger leaves");
        // It may be answered meanwhile, and is a stranger all the same.
        caller(&held[1]).is_known();
        held.remove(1);
        held.iter().for_each(|place| caller(place).is_known());
        assert!(Place::take(&all).is_none());
        held.pop();
        assert!(Place::take(&all).is_some());
    }

    #[test]
    fn the_refusal_is_whole() {
        let text = std::str::from_utf8(FULL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("Content-Length: {}", body.len())), "{}", body.len());
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["error"]["code"], "unavailable");
    }
}
