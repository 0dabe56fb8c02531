//! The loopback server: calls, events and the page, for the browser and the command line.
//!
//! `POST /api/v1/<area>/<call>` answers through [`umbel_api::dispatch`], `GET /api/v1/events` is a WebSocket of
//! [`NodeEvent`]s, `GET /open?token=…` turns the token into a cookie, `GET /health` says that the node lives, everything
//! else is a file of the page.

mod auth;
mod connections;
mod limit;
mod page;
mod routes;
mod ws;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use umbel_api::Api;

use crate::api_file::ApiFile;
use crate::config::{Layout, RestConfig};
use crate::error::NodeError;
use crate::events::EventSource;
use auth::Keys;
use limit::Limits;

/// WebSockets at once: a few pages, each reconnecting.
const MAX_SOCKETS: usize = 32;

/// What every route needs.
#[derive(Clone)]
struct Server {
    api: Arc<dyn Api>,
    events: EventSource,
    keys: Arc<Keys>,
    limits: Arc<Limits>,
    sockets: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
    network: &'static str,
    address: SocketAddr,
    page: Option<PathBuf>,
}

/// An address that is taken, with nobody answering yet.
#[derive(Debug)]
pub(crate) struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    page: Option<PathBuf>,
}

impl Bound {
    /// Takes the address and looks at the page.
    pub(crate) fn new(config: &RestConfig) -> Result<Self, NodeError> {
        let page = config.ui.as_deref().map(page::root).transpose()?;
        let (listener, address) = listen(config.address)?;
        Ok(Self { listener, address, page })
    }
}

/// A server at work.
#[derive(Debug)]
pub struct RestServer {
    address: SocketAddr,
    open_url: String,
    api_file: PathBuf,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl RestServer {
    /// Writes `api.json` and serves on `runtime`.
    pub(crate) fn start(
        runtime: &Handle,
        bound: Bound,
        layout: &Layout,
        network: &'static str,
        api: Arc<dyn Api>,
        events: EventSource,
    ) -> Result<Self, NodeError> {
        let Bound { listener, address, page } = bound;
        let keys = Arc::new(Keys::fresh(address.port())?);
        let file = ApiFile::new(address, keys.token(), network);
        file.write(&layout.api_file())?;
        let (stop, stopping) = watch::channel(false);
        let server = Server {
            api,
            events,
            keys: Arc::clone(&keys),
            limits: Arc::new(Limits::default()),
            sockets: Arc::new(Semaphore::new(MAX_SOCKETS)),
            stopping: stopping.clone(),
            network,
            address,
            page,
        };
        let _context = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener)
            .map_err(|e| NodeError::Listen { address: address.to_string(), reason: e.to_string() })?;
        let task = runtime.spawn(connections::serve(listener, routes::router(server), stopping));
        tracing::info!(%address, "the API listens");
        let open_url = format!("http://{address}/open?token={}", keys.token());
        Ok(Self { address, open_url, api_file: layout.api_file(), stop, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address that opens the page, with the token: whoever has it can use the wallets.
    pub fn open_url(&self) -> &str {
        &self.open_url
    }

    /// Stops listening, tells the sockets, removes `api.json`.
    pub fn stop(self) {
        // Nobody listening any more means that it has stopped already.
        let _ = self.stop.send(true);
        let _ = std::fs::remove_file(&self.api_file);
        self.task.abort();
    }
}

/// Takes the address, loopback only: the token must not cross a network unencrypted.
fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), NodeError> {
    if !address.ip().is_loopback() {
        return Err(NodeError::NotLoopback(address));
    }
    let refused = |reason: String| NodeError::Listen { address: address.to_string(), reason };
    let listener = TcpListener::bind(address).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => refused("the port is in use by another program".to_owned()),
        _ => refused(error.to_string()),
    })?;
    listener.set_nonblocking(true).map_err(|e| refused(e.to_string()))?;
    let address = listener.local_addr().map_err(|e| refused(e.to_string()))?;
    Ok((listener, address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use umbel_api::{ApiError, ErrorCode};

    #[test]
    fn only_loopback_and_only_free_ports() {
        let foreign = ApiError::from(listen("0.0.0.0:0".parse().unwrap()).unwrap_err());
        assert_eq!(foreign.code, ErrorCode::BadInput);
        assert!(foreign.message.contains("127.0.0.1"), "{foreign}");
        let (_held, address) = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let error = listen(address).unwrap_err().to_string();
        assert!(error.contains("in use") && error.contains(&address.to_string()), "{error}");
    }
}
