//! A long devnet history with real wallets on a virtual clock: payments, competing branches that win, double spends.
//!
//! Two nodes mine apart for a few blocks, then hear of each other; the branch that carries the payments loses every time
//! and is merged afterwards. The chain of the first node lies where a node of this data folder would keep it.

#![allow(clippy::unwrap_used, reason = "a test that unwraps fails, which is its purpose")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use umbel_consensus::pruning::{NodeRole, PruningConfig};
use umbel_consensus::{Consensus, ConsensusConfig, DEFAULT_CACHE_BYTES, open_store};
use umbel_crypto::Address;
use umbel_ledger::genesis;
use umbel_node::NodeConfig;
use umbel_pow::Pow;
use umbel_store::{KvStore, StoreKind};
use umbel_types::consensus_api::{BlockStatus, BodyRoom, ConsensusApi, TxSelector};
use umbel_types::errors::TxContextError;
use umbel_types::genesis::devnet;
use umbel_types::{Amount, AssetId, Block, BlockHash, Network, Params, PayoutKey, TimestampMs, Transaction, TxId};
use umbel_wallet::{KdfProfile, NewWallet, PaymentRequest, SendAmount, Wallet, WalletFolder, payout_key};

/// Words of the wallet that mines and pays.
pub(crate) const ALICE: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";
/// Words of the wallet that is paid.
pub(crate) const BOB: &str = "letter advice cage absurd amount doctor acoustic avoid letter advice cage above";

/// How long a history is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Blocks in all.
    pub(crate) blocks: usize,
    /// Times that a branch is given up.
    pub(crate) rounds: usize,
    /// Payments in each losing branch; every third round double-spends two of them.
    pub(crate) payments: usize,
}

/// What was built.
pub(crate) struct History {
    /// The first node; its store is on the disk.
    pub(crate) node: SmallNode,
    /// The wallet that watched everything.
    pub(crate) alice: Wallet,
    /// Every block, in the order in which the first node heard of it.
    pub(crate) blocks: Vec<Block>,
    /// Chain blocks that were given up.
    pub(crate) given_up: usize,
}

/// Consensus and a miner, without clock and network.
pub(crate) struct SmallNode {
    pub(crate) consensus: Arc<Consensus>,
    pow: Arc<Pow>,
    payout: PayoutKey,
    now: Arc<AtomicU64>,
}

struct Given(Vec<Arc<Transaction>>);

impl TxSelector for Given {
    fn select(&mut self, _room: BodyRoom) -> Vec<Arc<Transaction>> {
        std::mem::take(&mut self.0)
    }

    fn reject(&mut self, txid: TxId, error: TxContextError) {
        panic!("the template refuses {txid}: {error}");
    }
}

impl SmallNode {
    fn new(store: Arc<dyn KvStore>, payout: PayoutKey, now: &Arc<AtomicU64>) -> Self {
        let clock = Arc::clone(now);
        let pow = Arc::new(Pow::of(&params()));
        let consensus = Consensus::open(ConsensusConfig {
            params: params(),
            genesis: devnet(),
            pow: Arc::clone(&pow),
            store,
            now: Arc::new(move || TimestampMs(clock.load(Ordering::Relaxed))),
            cache_bytes: DEFAULT_CACHE_BYTES,
            pruning: PruningConfig::of(&params(), NodeRole::Archive),
        });
        Self { consensus: consensus.unwrap(), pow, payout, now: Arc::clone(now) }
    }

    /// Mines a block with these transactions and takes it in.
    pub(crate) fn mine(&self, txs: Vec<Arc<Transaction>>) -> Block {
        let timestamp = TimestampMs(self.now.fetch_add(1_000, Ordering::Relaxed));
        let wanted = txs.len();
        let template = self.consensus.build_template(self.payout, Vec::new(), timestamp, &mut Given(txs)).unwrap();
        assert_eq!(template.body.txs.len(), wanted, "all fit");
        let mut block = Block { header: template.header, body: template.body };
        let solution = self.pow.mine(&block.header, 0..u64::MAX, || false).unwrap().solution.unwrap();
        block.header.nonce = solution.nonce;
        block.header.mix_digest = solution.mix_digest;
        assert_eq!(self.consensus.insert_block(block.clone()).wait(), Ok(BlockStatus::StateValid));
        block
    }

    fn mine_empty(&self, n: usize) -> Vec<Block> {
        (0..n).map(|_| self.mine(Vec::new())).collect()
    }

    fn hear(&self, blocks: &[Block]) {
        for block in blocks {
            self.consensus.insert_block(block.clone()).wait().unwrap();
        }
    }

    pub(crate) fn sink(&self) -> BlockHash {
        self.consensus.virtual_state().sink
    }
}

fn params() -> Params {
    Params::of(Network::Devnet)
}

fn genesis_hash() -> BlockHash {
    genesis::build(&params(), &devnet()).hash
}

/// A wallet from words, in a folder of its own.
pub(crate) fn restore(folder: &Path, words: &str) -> Wallet {
    let folder = WalletFolder::open(folder, params(), genesis_hash(), KdfProfile::Tests).unwrap();
    folder.restore(NewWallet { name: "restored", password: "correct horse", passphrase: "" }, words).unwrap()
}

/// Scans until the wallet has seen everything.
pub(crate) fn scan(wallet: &mut Wallet, node: &SmallNode) {
    for _ in 0..10_000 {
        if wallet.scan_step(node.consensus.as_ref(), 512).unwrap().complete {
            return;
        }
    }
    panic!("a scan ends");
}

/// Payments of one STR each, proved on two threads.
fn build_payments(wallet: &mut Wallet, to: &Address, n: usize) -> Vec<Arc<Transaction>> {
    let mut jobs = Vec::new();
    for number in 0..n {
        let request = PaymentRequest {
            to: to.clone(),
            amount: SendAmount::Exact(Amount::from_str_tokens(1)),
            asset: AssetId::STR,
            note: format!("payment {number}"),
            public: false,
        };
        let plan = wallet.plan(&request).unwrap();
        jobs.push(wallet.start_payment(plan).unwrap());
    }
    let half = jobs.split_off(jobs.len() / 2);
    let run = |jobs: Vec<umbel_wallet::BuildJob>| -> Vec<_> {
        jobs.into_iter().map(|job| job.run(&mut |_, _| {}, &AtomicBool::new(false)).unwrap()).collect()
    };
    let built = std::thread::scope(|scope| {
        let other = scope.spawn(move || run(half));
        let mut built = run(jobs);
        built.extend(other.join().unwrap());
        built
    });
    let mut txs = Vec::new();
    for payment in built {
        txs.extend(payment.transactions().iter().cloned());
        wallet.finish_payment(payment).unwrap();
    }
    txs
}

/// Builds the history in a data folder.
pub(crate) fn build(data_dir: &Path, wallets: &Path, plan: Plan) -> History {
    let chain = NodeConfig::new(data_dir, Network::Devnet).layout().chain();
    let opened = open_store(StoreKind::Redb, &chain, Network::Devnet, genesis_hash()).unwrap();
    let memory = open_store(StoreKind::Mem, &chain, Network::Devnet, genesis_hash()).unwrap();
    let mut alice = restore(&wallets.join("alice"), ALICE);
    // The same words on another machine, which hears of another branch.
    let mut twin = restore(&wallets.join("twin"), ALICE);
    let bob = Address::Confidential(restore(&wallets.join("bob"), BOB).payout_address());
    let payout = payout_key(&alice.payout_address()).unwrap();
    // One clock, a second further with every block: no two blocks are of one instant.
    let now = Arc::new(AtomicU64::new(devnet().timestamp.0 + 1_000));
    let one = SmallNode::new(opened.store, payout, &now);
    let two = SmallNode::new(memory.store, payout, &now);

    let mut blocks = Vec::new();
    let mut given_up = 0;
    let each = plan.blocks / (plan.rounds + 1);
    for round in 0..=plan.rounds {
        let begin = blocks.len();
        if round > 0 {
            scan(&mut alice, &one);
            let length = if round % 5 == 0 { 7 } else { 3 };
            let txs = build_payments(&mut alice, &bob, plan.payments);
            let mut lost = vec![one.mine(txs)];
            lost.extend(one.mine_empty(length - 1));
            scan(&mut alice, &one);
            let mut won = Vec::new();
            if round % 3 == 0 {
                scan(&mut twin, &two);
                won.push(two.mine(build_payments(&mut twin, &bob, 2)));
            }
            won.extend(two.mine_empty(length + 1 - won.len()));
            let left = one.sink();
            one.hear(&won);
            assert_eq!(one.sink(), won[length].hash(), "round {round}: the longer branch is the chain");
            given_up += one.consensus.chain_path(left, 1_000).unwrap().removed.len();
            // In the middle of it: what was accepted is not any more.
            scan(&mut alice, &one);
            two.hear(&lost);
            assert_eq!(one.sink(), two.sink());
            blocks.extend(lost);
            blocks.extend(won);
        }
        let wanted = if round == plan.rounds { plan.blocks } else { begin + each };
        let common = one.mine_empty(wanted - blocks.len());
        two.hear(&common);
        blocks.extend(common);
    }
    scan(&mut alice, &one);
    History { node: one, alice, blocks, given_up }
}
