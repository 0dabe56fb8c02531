//! Starting and stopping: every service is wired here.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Handle, Runtime};
use umbel_api::node::SyncStage;
use umbel_api::{Api, ApiError};
use umbel_store::StoreConfig;
use umbel_types::genesis::GenesisSpec;
use umbel_types::{BlockHash, Params};

use crate::api_impl::LocalApi;
use crate::config::{Layout, NodeConfig, RestConfig};
use crate::error::NodeError;
use crate::events::{EventSink, EventSource};
use crate::genesis_file;
use crate::lock::FolderLock;
use crate::rest::{Bound, RestServer};
use crate::services::chain::ChainService;
use crate::services::clock::{StateService, starting};
use crate::services::miner::MiningService;
use crate::services::payments::PaymentBook;
use crate::services::reporter::Reporter;
use crate::services::validator::ValidatorService;
use crate::services::wallet::WalletService;
use crate::services::{self, Stop, follower};
use crate::settings::SettingsFile;

/// Threads for calls that wait for the disk, a key derivation or proofs: more calls queue.
const BLOCKING_THREADS: usize = 16;
/// Longest wait for calls in hand when the node stops: they look at the stop signal.
const CALLS_TIMEOUT: Duration = Duration::from_secs(3);

/// What every service and call shares.
pub(crate) struct Core {
    pub(crate) config: NodeConfig,
    pub(crate) layout: Layout,
    pub(crate) store: StoreConfig,
    pub(crate) params: Params,
    pub(crate) genesis: GenesisSpec,
    pub(crate) genesis_hash: BlockHash,
    pub(crate) chain: ChainService,
    pub(crate) wallets: WalletService,
    pub(crate) mining: Arc<MiningService>,
    pub(crate) payments: PaymentBook,
    pub(crate) validator: ValidatorService,
    pub(crate) settings: SettingsFile,
    pub(crate) sink: EventSink,
    pub(crate) stop: Stop,
    pub(crate) runtime: Handle,
}

/// A node in this process. Dropping it stops it.
pub struct Node {
    core: Arc<Core>,
    api: Arc<dyn Api>,
    events: EventSource,
    rest: Option<RestServer>,
    threads: Vec<JoinHandle<()>>,
    runtime: Option<Runtime>,
    // Given back last: whoever comes next finds everything written.
    _lock: FolderLock,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node")
            .field("folder", &self.core.layout.root())
            .field("rest", &self.rest)
            .finish_non_exhaustive()
    }
}

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The node's own reasons.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// What a call would be told: an address that can't be read, a folder of wallets that can't be made.
    #[error(transparent)]
    Api(#[from] ApiError),
}

impl From<StartError> for ApiError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Node(error) => error.into(),
            StartError::Api(error) => error,
        }
    }
}

impl Node {
    /// Takes the data folder and starts every service. The chain opens in the background: a failure there is told by
    /// [`umbel_api::node::NodeState`] and leaves the wallets usable.
    ///
    /// # Errors
    /// [`StartError`]: another process holds the folder, it can't be written, genesis is missing.
    pub fn start(config: NodeConfig) -> Result<Self, StartError> {
        Self::start_with(config, None)
    }

    /// Starts a node that serves its API on loopback. An address that can't be used is told before anything is opened.
    ///
    /// # Errors
    /// [`StartError`]: as for [`Self::start`] and [`Self::serve`].
    pub fn start_serving(config: NodeConfig, rest: &RestConfig) -> Result<Self, StartError> {
        Self::start_with(config, Some(rest))
    }

    fn start_with(config: NodeConfig, rest: Option<&RestConfig>) -> Result<Self, StartError> {
        let layout = config.layout();
        let genesis = genesis_file::load(config.network, &layout)?;
        let lock = FolderLock::take(&layout)?;
        let bound = rest.map(Bound::new).transpose()?;
        let params = Params::of(config.network);
        let genesis_hash = umbel_ledger::genesis::build(&params, &genesis).hash;
        let mining = Arc::new(MiningService::new(&config.mining, &params)?);
        let settings = SettingsFile::load(layout.settings())?;
        let wallets = WalletService::new(&layout, &params, genesis_hash)?;
        let store = config.store(&settings.get());
        let validator = ValidatorService::new(&layout, &params, genesis_hash);
        let (sink, events) = EventSink::new(starting(&config, store.kind));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(BLOCKING_THREADS)
            .thread_name("umbel-node")
            .enable_all()
            .build()
            .map_err(|e| NodeError::System { what: "a runtime", reason: e.to_string() })?;
        let core = Arc::new(Core {
            chain: ChainService::new(),
            payments: PaymentBook::default(),
            validator,
            stop: Stop::default(),
            config,
            layout,
            store,
            params,
            genesis,
            genesis_hash,
            wallets,
            mining,
            settings,
            sink,
            runtime: runtime.handle().clone(),
        });
        core.wallets.list(&core)?;
        let api: Arc<dyn Api> = Arc::new(LocalApi::new(Arc::clone(&core)));
        let mut node = Self { core, api, events, rest: None, threads: Vec::new(), runtime: Some(runtime), _lock: lock };
        node.start_services()?;
        if let Some(bound) = bound {
            node.serve_on(bound)?;
        }
        Ok(node)
    }

    fn start_services(&mut self) -> Result<(), NodeError> {
        let mut state = StateService::new();
        self.threads.push(services::spawn(&self.core, "state", move |core| state.step(core))?);
        if self.core.config.chain {
            let core = Arc::clone(&self.core);
            let open = move || core.chain.open(&core);
            let spawned = std::thread::Builder::new().name("umbel-open".to_owned()).spawn(open);
            self.threads.push(spawned.map_err(|e| NodeError::System { what: "a thread", reason: e.to_string() })?);
            self.threads.push(services::spawn(&self.core, "follower", follower::step)?);
            self.threads.push(services::spawn(&self.core, "validator", |core| core.validator.step(core))?);
            let mut reporter = Reporter::default();
            self.threads.push(services::spawn(&self.core, "reporter", move |core| reporter.step(core))?);
            let mut version = 0;
            self.threads
                .push(services::spawn(&self.core, "wallet", move |core| core.wallets.step(core, &mut version))?);
        }
        Ok(())
    }

    /// The API, for shells in this process. Its calls may be awaited on any runtime.
    pub fn api(&self) -> Arc<dyn Api> {
        Arc::clone(&self.api)
    }

    /// Where shells subscribe to events.
    pub fn events(&self) -> EventSource {
        self.events.clone()
    }

    /// Serves the API on loopback.
    ///
    /// # Errors
    /// [`NodeError::Listen`], [`NodeError::NotLoopback`], [`NodeError::NoPage`], [`NodeError::DataFolder`].
    pub fn serve(&mut self, config: &RestConfig) -> Result<&RestServer, NodeError> {
        self.serve_on(Bound::new(config)?)
    }

    /// The server, where the API is served.
    pub fn server(&self) -> Option<&RestServer> {
        self.rest.as_ref()
    }

    fn serve_on(&mut self, bound: Bound) -> Result<&RestServer, NodeError> {
        let stopped = || NodeError::System { what: "a runtime", reason: "the node has stopped".to_owned() };
        let runtime = self.runtime.as_ref().ok_or_else(stopped)?;
        let network = self.core.params.network.name();
        let (api, events) = (Arc::clone(&self.api), self.events.clone());
        let server = RestServer::start(runtime.handle(), bound, &self.core.layout, network, api, events)?;
        Ok(self.rest.insert(server))
    }

    /// Stops every service and writes everything. Takes less than ten seconds; must not be called from async code.
    pub fn stop(mut self) {
        self.shut_down();
    }

    fn shut_down(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        tracing::info!("stopping");
        self.core.stop.set();
        if let Some(rest) = self.rest.take() {
            rest.stop();
        }
        for thread in self.threads.drain(..) {
            // Services catch their panics; what is left is told by the panic's own message.
            let _ = thread.join();
        }
        runtime.shutdown_timeout(CALLS_TIMEOUT);
        self.core.wallets.close();
        self.core.chain.close(SyncStage::Stopping);
        tracing::info!("stopped");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.shut_down();
    }
}
