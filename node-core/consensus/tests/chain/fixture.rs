//! A node without a clock: time is what the test says.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use rand_core::UnwrapErr;
use umbel_consensus::pruning::{NodeRole, PruningConfig};
use umbel_consensus::{Consensus, ConsensusConfig, DEFAULT_CACHE_BYTES, OpenError, open_store};
use umbel_crypto::coin::{KeyRole, build_payout_key};
use umbel_crypto::keys::address::AddressIndex;
use umbel_crypto::keys::{AccountKeys, Mnemonic, SecpKey, Seed};
use umbel_crypto::{InputSecrets, OutputSecrets, prove_transaction};
use umbel_ledger::genesis::genesis_outpoint;
use umbel_pow::Pow;
use umbel_store::{KvStore, StoreKind};
use umbel_types::consensus_api::{BlockStatus, BlockTemplate, BodyRoom, ConsensusApi, TxSelector};
use umbel_types::errors::{BlockError, HeaderRuleError, TxContextError};
use umbel_types::genesis::{DEVNET_WORDS, GenesisSpec, GenesisWallet, devnet};
use umbel_types::tx::{LockBranch, TX_VERSION};
use umbel_types::{
    Action, Amount, AssetId, Block, BlockHash, DaaRange, Input, Memo, Network, OutPoint, Output, Params, PayoutKey,
    TimestampMs, Transaction, TxCore, TxId, TxInput, ZkAddress,
};

pub(crate) fn rng() -> UnwrapErr<getrandom::SysRng> {
    UnwrapErr(getrandom::SysRng)
}

/// Devnet's public keys.
pub(crate) fn seed() -> Seed {
    Mnemonic::parse(DEVNET_WORDS).expect("the words are a BIP39 vector").to_seed("")
}

pub(crate) fn market_key() -> SecpKey {
    seed().secp_key(0, 0)
}

/// One miner for all nodes of a test: rewards for red blocks go to whoever merges them.
fn payout() -> PayoutKey {
    static PAYOUT: OnceLock<PayoutKey> = OnceLock::new();
    *PAYOUT.get_or_init(|| {
        let address = AccountKeys::derive(&seed(), Network::Devnet, 0).address(AddressIndex::DEFAULT);
        build_payout_key(&address, KeyRole::Miner, &mut rng())
    })
}

pub(crate) struct TestNode {
    pub(crate) consensus: Arc<Consensus>,
    pow: Arc<Pow>,
    payout: PayoutKey,
    now: Arc<AtomicU64>,
}

struct Fixed(Vec<Arc<Transaction>>);

impl TxSelector for Fixed {
    fn select(&mut self, _room: BodyRoom) -> Vec<Arc<Transaction>> {
        std::mem::take(&mut self.0)
    }

    fn reject(&mut self, txid: TxId, error: TxContextError) {
        panic!("template refuses {txid}: {error}");
    }
}

pub(crate) fn mem_store() -> Arc<dyn KvStore> {
    open_store(StoreKind::Mem, std::path::Path::new("."), Network::Devnet, BlockHash([0; 32])).expect("memory").store
}

impl TestNode {
    pub(crate) fn new() -> Self {
        Self::on(mem_store())
    }

    pub(crate) fn on(store: Arc<dyn KvStore>) -> Self {
        Self::with(store, Params::of(Network::Devnet))
    }

    pub(crate) fn with(store: Arc<dyn KvStore>, params: Params) -> Self {
        Self::open(store, params, DEFAULT_CACHE_BYTES).expect("the chain opens")
    }

    pub(crate) fn open(store: Arc<dyn KvStore>, params: Params, cache_bytes: usize) -> Result<Self, OpenError> {
        Self::of(store, params, devnet(), cache_bytes)
    }

    /// On a network without votes, where depth alone makes blocks final.
    pub(crate) fn open_pruning(
        store: Arc<dyn KvStore>,
        params: Params,
        cache_bytes: usize,
        pruning: PruningConfig,
    ) -> Result<Self, OpenError> {
        let genesis = GenesisSpec { validators: Vec::new(), ..devnet() };
        Self::with_all(store, params, genesis, cache_bytes, pruning)
    }

    pub(crate) fn of(
        store: Arc<dyn KvStore>,
        params: Params,
        genesis: GenesisSpec,
        cache_bytes: usize,
    ) -> Result<Self, OpenError> {
        let pruning = PruningConfig::of(&params, NodeRole::Archive);
        Self::with_all(store, params, genesis, cache_bytes, pruning)
    }

    pub(crate) fn with_all(
        store: Arc<dyn KvStore>,
        params: Params,
        genesis: GenesisSpec,
        cache_bytes: usize,
        pruning: PruningConfig,
    ) -> Result<Self, OpenError> {
        let now = Arc::new(AtomicU64::new(devnet().timestamp.0 + 1_000));
        let clock = now.clone();
        let pow = Arc::new(Pow::of(&params));
        let consensus = Consensus::open(ConsensusConfig {
            params,
            genesis,
            pow: pow.clone(),
            store,
            now: Arc::new(move || TimestampMs(clock.load(Ordering::Relaxed))),
            cache_bytes,
            pruning,
        })?;
        Ok(Self { consensus, pow, payout: payout(), now })
    }

    pub(crate) fn sink(&self) -> BlockHash {
        self.consensus.virtual_state().sink
    }

    /// A mined block on the current virtual parents, not inserted.
    pub(crate) fn mine(&self, txs: &[Transaction]) -> Block {
        self.mine_edited(txs, |_| {})
    }

    /// A mined block whose parts were changed before the proof of work.
    pub(crate) fn mine_edited(&self, txs: &[Transaction], edit: impl FnOnce(&mut Block)) -> Block {
        let template = self.template_of(txs);
        assert_eq!(template.body.txs.len(), txs.len());
        let mut block = Block { header: template.header, body: template.body };
        edit(&mut block);
        self.solve(&mut block);
        block
    }

    /// What a miner gets when the pool gives these transactions.
    pub(crate) fn template_of(&self, txs: &[Transaction]) -> BlockTemplate {
        let timestamp = TimestampMs(self.now.fetch_add(1_000, Ordering::Relaxed));
        let mut selector = Fixed(txs.iter().cloned().map(Arc::new).collect());
        // Two blocks of one instant differ by their extra data.
        let extra = timestamp.0.to_le_bytes().to_vec();
        self.consensus.build_template(self.payout, extra, timestamp, &mut selector).expect("a template")
    }

    pub(crate) fn solve(&self, block: &mut Block) {
        let found = self.pow.mine(&block.header, 0..u64::MAX, || false).expect("well-formed bits").solution;
        let solution = found.expect("the range is not used up");
        block.header.nonce = solution.nonce;
        block.header.mix_digest = solution.mix_digest;
    }

    pub(crate) fn insert(&self, block: &Block) -> Result<BlockStatus, BlockError> {
        self.consensus.insert_block(block.clone()).wait()
    }

    /// Inserts a block at the time at which it was mined, or later.
    pub(crate) fn hear(&self, block: &Block) -> Result<BlockStatus, BlockError> {
        self.now.fetch_max(block.header.timestamp.0, Ordering::Relaxed);
        self.insert(block)
    }

    /// Mines and inserts `n` empty blocks.
    pub(crate) fn advance(&self, n: usize) -> Vec<Block> {
        (0..n)
            .map(|_| {
                let block = self.mine(&[]);
                assert_eq!(self.insert(&block), Ok(BlockStatus::StateValid));
                block
            })
            .collect()
    }

    /// The header a next miner would build says everything about the state.
    pub(crate) fn commitments(&self) -> [String; 5] {
        let mut selector = umbel_types::consensus_api::EmptySelector;
        let timestamp = TimestampMs(0);
        let header = self
            .consensus
            .build_template(self.payout, Vec::new(), timestamp, &mut selector)
            .expect("a template")
            .header;
        [
            format!("{:?}", header.parents),
            header.accepted_root.to_string(),
            header.utxo_commit.to_string(),
            header.state_root.to_string(),
            header.chain_mmr_root.to_string(),
        ]
    }
}

/// A public payment from one Memo: `amount` to `to`, the rest back to the market wallet.
pub(crate) fn pay_public(
    node: &TestNode,
    outpoint: OutPoint,
    to: ZkAddress,
    amount: Amount,
    edit: impl FnOnce(&mut TxCore),
) -> Transaction {
    let key = market_key();
    let entry = node.consensus.utxo(outpoint).expect("the store works").expect("it is unspent");
    let umbel_types::utxo::StoredOutput::Memo(memo) = entry.output else {
        panic!("not a memo");
    };
    let umbel_types::MemoValue::Public(value) = memo.value else {
        panic!("not public");
    };
    let fee = Amount::from_units(5_000);
    let rest = value.checked_sub(amount).and_then(|v| v.checked_sub(fee)).expect("enough");
    let consumed = Input::Memo { terms: memo.terms(), branch: LockBranch::Owner };
    let mut core = TxCore {
        version: TX_VERSION,
        chain: node.consensus.params().chain_id,
        action: Action::Transfer,
        inputs: vec![TxInput { outpoint, consumed }],
        outputs: vec![
            Output::Memo(Memo::public_payment(AssetId::STR, amount, to)),
            Output::Memo(Memo::public_payment(AssetId::STR, rest, key.address())),
        ],
        fee,
        valid: DaaRange::ALWAYS,
        salt: [7; 32],
    };
    edit(&mut core);
    let sighash = core.sighash(node.consensus.genesis_hash());
    let outputs: Vec<_> = core.outputs.iter().map(|_| OutputSecrets::PublicMemo).collect();
    let witness = prove_transaction(&core, &sighash, &[InputSecrets::Memo { key: &key }], &outputs, &mut rng())
        .expect("the secrets fit");
    Transaction { core, witness }
}

pub(crate) fn market_outpoint() -> OutPoint {
    genesis_outpoint(GenesisWallet::StrMarket)
}

/// Inserts a block whose scores the attacker learns from the refusals.
pub(crate) fn insert_learning(node: &TestNode, mut block: Block) -> (Block, Result<BlockStatus, BlockError>) {
    loop {
        node.solve(&mut block);
        match node.insert(&block) {
            Err(BlockError::Header(HeaderRuleError::DaaScore { expected, .. })) => block.header.daa_score = expected,
            Err(BlockError::Header(HeaderRuleError::BlueScore { expected, .. })) => block.header.blue_score = expected,
            Err(BlockError::Header(HeaderRuleError::BlueWork { expected, .. })) => block.header.blue_work = expected,
            Err(BlockError::KnownInvalid) => block.header.timestamp.0 += 1,
            verdict => return (block, verdict),
        }
    }
}
