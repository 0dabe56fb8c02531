//! Wallets on a node that let go of old blocks: every unspent coin is found, and what is not there any more is not made up.

#![allow(clippy::unwrap_used, reason = "a test that unwraps fails, which is its purpose")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use umbel_consensus::pruning::{NodeRole, PruningConfig, PruningDepths};
use umbel_consensus::{Consensus, ConsensusConfig, DEFAULT_CACHE_BYTES, open_store};
use umbel_crypto::Address;
use umbel_pow::Pow;
use umbel_store::StoreKind;
use umbel_types::consensus_api::{BlockStatus, BodyRoom, ConsensusApi, ConsensusError, TxSelector};
use umbel_types::errors::TxContextError;
use umbel_types::genesis::{GenesisSpec, devnet};
use umbel_types::{Amount, AssetId, Block, BlockHash, Network, Params, PayoutKey, TimestampMs, Transaction, TxId};
use umbel_wallet::{
    Balance, HistoryKind, HistoryQuery, KdfProfile, NewWallet, PaymentRequest, PaymentStage, SendAmount, Wallet,
    WalletFolder, payout_key,
};

const PASSWORD: &str = "correct horse";
const ALICE: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";
const BOB: &str = "letter advice cage absurd amount doctor acoustic avoid letter advice cage above";
const CAROL: &str = "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo wrong";
/// Blocks after which nothing that stood at their beginning is kept.
const LONG: usize = 460;

/// Devnet whose finality and pruning a test can reach.
fn params() -> Params {
    Params { finality_depth: 20, merge_depth: 15, checkpoint_interval: 5, ..Params::of(Network::Devnet) }
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

struct PruningNode {
    consensus: Arc<Consensus>,
    pow: Arc<Pow>,
    now: Arc<AtomicU64>,
}

impl PruningNode {
    fn new() -> Self {
        let now = Arc::new(AtomicU64::new(devnet().timestamp.0 + 1_000));
        let (clock, pow) = (Arc::clone(&now), Arc::new(Pow::of(&params())));
        // Nobody votes: depth makes final.
        let genesis = GenesisSpec { validators: Vec::new(), ..devnet() };
        let built = umbel_ledger::genesis::build(&params(), &genesis).hash;
        let depths = PruningDepths { interval: 10, below_sink: 40, below_finality: 20, window: 300 };
        let consensus = Consensus::open(ConsensusConfig {
            params: params(),
            genesis,
            pow: Arc::clone(&pow),
            store: open_store(StoreKind::Mem, Path::new(""), Network::Devnet, built).unwrap().store,
            now: Arc::new(move || TimestampMs(clock.load(Ordering::Relaxed))),
            cache_bytes: DEFAULT_CACHE_BYTES,
            pruning: PruningConfig { role: NodeRole::Full, depths, snapshots: None },
        });
        Self { consensus: consensus.unwrap(), pow, now }
    }

    fn mine(&self, payout: PayoutKey, txs: Vec<Arc<Transaction>>) -> BlockHash {
        let timestamp = TimestampMs(self.now.fetch_add(1_000, Ordering::Relaxed));
        let template = self.consensus.build_template(payout, Vec::new(), timestamp, &mut Given(txs)).unwrap();
        let mut block = Block { header: template.header, body: template.body };
        let solution = self.pow.mine(&block.header, 0..u64::MAX, || false).unwrap().solution.unwrap();
        block.header.nonce = solution.nonce;
        block.header.mix_digest = solution.mix_digest;
        let hash = block.hash();
        assert_eq!(self.consensus.insert_block(block).wait(), Ok(BlockStatus::StateValid));
        hash
    }
}

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn folder(&self, node: &PruningNode) -> WalletFolder {
        WalletFolder::open(self.0.path(), params(), node.consensus.genesis_hash(), KdfProfile::Tests).unwrap()
    }

    fn restore(&self, node: &PruningNode, words: &str) -> Wallet {
        let new = NewWallet { name: "restored", password: PASSWORD, passphrase: "" };
        self.folder(node).restore(new, words).unwrap()
    }

    fn open_again(&self, node: &PruningNode) -> Wallet {
        self.folder(node).unlock("restored", PASSWORD).unwrap()
    }
}

fn scan(wallet: &mut Wallet, node: &PruningNode) {
    for _ in 0..10_000 {
        if wallet.scan_step(node.consensus.as_ref(), 512).unwrap().complete {
            return;
        }
    }
    panic!("a scan ends");
}

fn pay(wallet: &mut Wallet, to: &Wallet, amount: SendAmount, note: &str) -> Vec<Arc<Transaction>> {
    let to = Address::Confidential(to.payout_address());
    let request = PaymentRequest { to, amount, asset: AssetId::STR, note: note.to_owned(), public: false };
    let plan = wallet.plan(&request).unwrap();
    let built = wallet.start_payment(plan).unwrap().run(&mut |_, _| {}, &AtomicBool::new(false)).unwrap();
    wallet.finish_payment(built).unwrap();
    wallet.to_submit()
}

fn balance(wallet: &Wallet) -> Balance {
    wallet.balances().get(&AssetId::STR).copied().unwrap_or_default()
}

fn history(wallet: &Wallet) -> Vec<(HistoryKind, PaymentStage, Amount, Option<String>)> {
    let query = HistoryQuery { limit: 10_000, ..HistoryQuery::default() };
    wallet.history(&query).entries.into_iter().map(|e| (e.kind, e.stage, e.amount, e.note)).collect()
}

fn tokens(n: u64) -> Amount {
    Amount::from_str_tokens(n)
}

#[test]
fn wallets_on_a_pruned_node_find_all_of_their_money() {
    let node = PruningNode::new();
    let [alice_home, bob_home, carol_home, twin_home] = std::array::from_fn(|_| Home::new());
    let mut alice = alice_home.restore(&node, ALICE);
    let mut bob = bob_home.restore(&node, BOB);
    let payout = payout_key(&alice.payout_address()).unwrap();
    let nobody = payout_key(
        &Home::new()
            .folder(&node)
            .create(
                NewWallet { name: "nobody", password: PASSWORD, passphrase: "" },
                umbel_crypto::keys::WordCount::Twelve,
            )
            .unwrap()
            .0
            .payout_address(),
    )
    .unwrap();
    for _ in 0..15 {
        node.mine(payout, Vec::new());
    }
    scan(&mut alice, &node);
    let accepting = node.mine(nobody, pay(&mut alice, &bob, SendAmount::Exact(tokens(7)), "for lunch"));
    node.mine(nobody, Vec::new());
    scan(&mut bob, &node);
    assert_eq!(balance(&bob).spendable, tokens(7));
    // Bob's wallet and Carol's are closed with a payment on its way: of a part, and of everything.
    let mut carol = carol_home.restore(&node, CAROL);
    scan(&mut alice, &node);
    node.mine(nobody, pay(&mut alice, &carol, SendAmount::Exact(tokens(3)), "all of it"));
    node.mine(nobody, Vec::new());
    scan(&mut carol, &node);
    let mut on_its_way = pay(&mut bob, &alice, SendAmount::Exact(tokens(2)), "back");
    on_its_way.extend(pay(&mut carol, &alice, SendAmount::Max, "everything"));
    drop((bob, carol));
    node.mine(nobody, on_its_way);
    for n in 0..LONG {
        node.mine(nobody, Vec::new());
        if n % 50 == 0 {
            scan(&mut alice, &node);
        }
    }
    scan(&mut alice, &node);
    let pruned = node.consensus.wait_until_pruned();
    assert!(pruned.blocks_gone > 50, "{pruned:?}");
    assert_eq!(node.consensus.block(accepting).unwrap_err(), ConsensusError::Pruned(accepting));
    assert_eq!(node.consensus.acceptance(accepting).unwrap_err(), ConsensusError::Pruned(accepting));

    // From the words alone: every unspent coin, and its receipt; what was paid is not told.
    let mut again = twin_home.restore(&node, ALICE);
    scan(&mut again, &node);
    assert_eq!(balance(&again), balance(&alice));
    let told = history(&again);
    assert!(
        told.iter().all(|(kind, stage, ..)| *kind != HistoryKind::Sent && *stage == PaymentStage::Final),
        "{told:?}"
    );
    assert!(
        told.iter().any(|(_, _, amount, note)| *amount == tokens(2) && note.as_deref() == Some("back")),
        "{told:?}"
    );
    assert!(history(&alice).iter().any(|(kind, ..)| *kind == HistoryKind::Sent), "its own files know");
    // It spends all of it.
    let all = pay(&mut again, &alice, SendAmount::Max, "");
    node.mine(nobody, all);
    node.mine(nobody, Vec::new());
    scan(&mut again, &node);
    assert!(again.payments().iter().all(|payment| payment.stage == PaymentStage::Accepted), "{:?}", again.payments());

    // Bob and Carol were away for as long: their money is right, and what their files tell is kept.
    let mut bob = bob_home.open_again(&node);
    scan(&mut bob, &node);
    let kinds =
        |wallet: &Wallet| history(wallet).into_iter().map(|(kind, stage, ..)| (kind, stage)).collect::<Vec<_>>();
    let both = [(HistoryKind::Sent, PaymentStage::Final), (HistoryKind::Received, PaymentStage::Final)];
    assert!(balance(&bob).spendable > tokens(4) && balance(&bob).spendable < tokens(5), "{:?}", balance(&bob));
    assert_eq!(kinds(&bob), both);
    let mut carol = carol_home.open_again(&node);
    scan(&mut carol, &node);
    assert_eq!(balance(&carol), Balance::default());
    // Nothing here tells what consumed her coin: it is neither said to be paid nor to be free again.
    assert_eq!(kinds(&carol), [(HistoryKind::Sent, PaymentStage::Submitted), both[1]]);
    let payments = carol.payments();
    assert!(payments[0].reason.as_ref().is_some_and(|reason| reason.contains("coins were consumed")), "{payments:?}");
    assert!(carol.to_submit().is_empty());
}
