//! The miner against a source that keeps a graph of its own.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use umbel_miner::{DatasetState, Miner, TemplateError, TemplateSource};
use umbel_pow::Pow;
use umbel_types::consensus_api::{BlockStatus, BlockTemplate};
use umbel_types::errors::BlockError;
use umbel_types::header::{BLOCK_VERSION, CertRef};
use umbel_types::params::PowProfile;
use umbel_types::{
    Amount, Block, BlockHash, BlueScore, BlueWork, Body, CompactTarget, DaaScore, Decode, Hash32, Header, PayoutKey,
    SEALED_LEN_BYTES, TimestampMs,
};

/// One-time key (three points), ephemeral point, sealed bytes.
const PAYOUT_LEN_BYTES: usize = 96 + 32 + SEALED_LEN_BYTES;

const EPOCH: u64 = 604_800;
/// Nobody meets this target.
const HARD: u32 = 0x0312_3456;

/// Tips and nothing more.
struct Graph {
    pow: Pow,
    bits: CompactTarget,
    daa_score: AtomicU64,
    tips: Mutex<BTreeSet<BlockHash>>,
    blocks: AtomicU64,
    merges: AtomicU64,
    no_wallet: AtomicBool,
    refuse: AtomicBool,
    templates: AtomicU64,
}

impl Graph {
    fn new(bits: u32) -> Arc<Self> {
        Arc::new(Self {
            pow: Pow::new(PowProfile::Test, 1313, EPOCH),
            bits: CompactTarget(bits),
            daa_score: AtomicU64::new(1),
            tips: Mutex::new(BTreeSet::from([BlockHash([1; 32])])),
            blocks: AtomicU64::new(0),
            merges: AtomicU64::new(0),
            no_wallet: AtomicBool::new(false),
            refuse: AtomicBool::new(false),
            templates: AtomicU64::new(0),
        })
    }

    fn miner(self: &Arc<Self>, pace: Option<Duration>) -> Miner {
        self.miner_with(pace, &Arc::new(Pow::new(PowProfile::Test, 1313, EPOCH)))
    }

    fn miner_with(self: &Arc<Self>, pace: Option<Duration>, pow: &Arc<Pow>) -> Miner {
        Miner::with_pace(pace, pow.clone(), self.clone(), 42)
    }

    fn blocks(&self) -> u64 {
        self.blocks.load(Ordering::SeqCst)
    }
}

impl TemplateSource for Graph {
    fn template(&self) -> Result<BlockTemplate, TemplateError> {
        self.templates.fetch_add(1, Ordering::SeqCst);
        if self.no_wallet.load(Ordering::SeqCst) {
            return Err(TemplateError::NoPayout);
        }
        let parents = self.tips.lock().expect("not poisoned").iter().copied().collect();
        let header = Header {
            version: BLOCK_VERSION,
            parents,
            tx_root: Hash32([2; 32]),
            accepted_root: Hash32([3; 32]),
            utxo_commit: Hash32([4; 32]),
            state_root: Hash32([5; 32]),
            chain_mmr_root: Hash32([6; 32]),
            timestamp: TimestampMs(1_700_000_000_000),
            nonce: 0,
            bits: self.bits,
            daa_score: DaaScore(self.daa_score.load(Ordering::SeqCst)),
            blue_score: BlueScore(1),
            blue_work: BlueWork::from_u64(2),
            cert: CertRef::genesis(),
            mix_digest: [0; 32],
        };
        // Nobody looks at the payout here: all zero bytes are an encoding.
        let payout = PayoutKey::from_bytes(&[0; PAYOUT_LEN_BYTES]).expect("fixed bytes");
        let body = Body { payout, extra: Vec::new(), txs: Vec::new(), certificate: Vec::new() };
        Ok(BlockTemplate { header, body, fees: Amount::ZERO })
    }

    fn submit(&self, block: Block) -> Result<BlockStatus, BlockError> {
        if self.refuse.load(Ordering::SeqCst) {
            return Err(BlockError::KnownInvalid);
        }
        assert_eq!(self.pow.verify(&block.header), Ok(()));
        let mut tips = self.tips.lock().expect("not poisoned");
        for parent in &block.header.parents {
            tips.remove(parent);
        }
        tips.insert(block.hash());
        self.blocks.fetch_add(1, Ordering::SeqCst);
        self.merges.fetch_add(u64::from(block.header.parents.len() > 1), Ordering::SeqCst);
        Ok(BlockStatus::PendingState)
    }

    fn is_stale(&self, template: &BlockTemplate) -> bool {
        self.tips.lock().expect("not poisoned").iter().ne(template.header.parents.iter())
            || self.daa_score.load(Ordering::SeqCst) != template.header.daa_score.0
    }
}

fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(60), "timed out: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn two_paced_threads_keep_the_rate_and_mine_side_by_side() {
    let graph = Graph::new(0x207f_ffff);
    let miner = graph.miner(Some(Duration::from_millis(30)));
    let start = Instant::now();
    miner.start(2).expect("threads start");
    wait_for("60 blocks", || graph.blocks() >= 60);
    // 60 turns of 30 ms, but for the jitter of the last one; a slow machine only takes longer.
    assert!(start.elapsed() > Duration::from_millis(30 * 57), "{:?}", start.elapsed());
    miner.stop();
    let merges = graph.merges.load(Ordering::SeqCst);
    assert!(merges >= 2, "blocks with several parents: {merges} of {}", graph.blocks());
    assert_eq!(miner.stats().blocks_found, graph.blocks());
    assert_eq!(miner.stats().threads, 0);
}

#[test]
fn one_paced_thread_mines_a_chain() {
    let graph = Graph::new(0x207f_ffff);
    let miner = graph.miner(Some(Duration::from_millis(10)));
    miner.start(1).expect("threads start");
    wait_for("20 blocks", || graph.blocks() >= 20);
    miner.stop();
    assert_eq!(graph.merges.load(Ordering::SeqCst), 0);
}

#[test]
fn stop_is_prompt_while_waiting_and_while_searching() {
    // An hour between blocks; and a target that nobody meets.
    for (bits, pace) in [(0x207f_ffff, Some(Duration::from_secs(3600))), (HARD, None)] {
        let graph = Graph::new(bits);
        let miner = graph.miner(pace);
        miner.start(3).expect("threads start");
        if pace.is_none() {
            wait_for("hashes", || miner.stats().hashes > 0);
        }
        assert!(miner.is_running());
        let start = Instant::now();
        miner.stop();
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        assert!(!miner.is_running());
        assert_eq!(graph.blocks(), 0);
        assert_eq!(miner.stats().hashes_per_second, 0);
    }
}

#[test]
fn threads_can_be_changed_and_the_hash_rate_shows() {
    let graph = Graph::new(HARD);
    let miner = graph.miner(None);
    for threads in [1, 3, 2] {
        miner.set_threads(threads).expect("threads start");
        assert_eq!(miner.stats().threads, threads);
    }
    wait_for("a hash rate", || miner.stats().hashes_per_second > 0);
    miner.set_threads(0).expect("nothing to start");
    assert!(!miner.is_running());
}

#[test]
fn an_unpaced_miner_extends_what_it_finds() {
    let graph = Graph::new(0x1f7f_ffff);
    let miner = graph.miner(None);
    miner.start(2).expect("threads start");
    wait_for("5 blocks", || graph.blocks() >= 5);
    drop(miner);
    let after = graph.blocks();
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(graph.blocks(), after, "dropping the miner stops it");
}

#[test]
fn it_waits_for_a_wallet_without_spinning_and_says_so() {
    let graph = Graph::new(0x207f_ffff);
    graph.no_wallet.store(true, Ordering::SeqCst);
    let miner = graph.miner(None);
    miner.start(1).expect("threads start");
    wait_for("a reason", || miner.stats().waiting_for == Some(TemplateError::NoPayout));
    std::thread::sleep(Duration::from_millis(300));
    assert!(graph.templates.load(Ordering::SeqCst) <= 3);
    graph.no_wallet.store(false, Ordering::SeqCst);
    wait_for("a block", || graph.blocks() > 0);
    assert_eq!(miner.stats().waiting_for, None);
}

#[test]
fn refused_blocks_are_counted_and_not_repeated_in_a_loop() {
    let graph = Graph::new(0x207f_ffff);
    graph.refuse.store(true, Ordering::SeqCst);
    let miner = graph.miner(None);
    miner.start(1).expect("threads start");
    wait_for("a refusal", || miner.stats().blocks_refused > 0);
    std::thread::sleep(Duration::from_millis(300));
    miner.stop();
    assert!(miner.stats().blocks_refused <= 3);
    assert_eq!(miner.stats().blocks_found, 0);
}

#[test]
fn a_dataset_is_built_where_allowed_follows_the_epoch_and_is_given_back() {
    let graph = Graph::new(HARD);
    let pow = Arc::new(Pow::new(PowProfile::Test, 1313, EPOCH));
    let miner = graph.miner_with(None, &pow);
    assert_eq!(miner.dataset_memory_bytes(), Some((4 << 20) + (64 << 10)));
    assert_eq!(graph.miner(Some(Duration::from_secs(1))).dataset_memory_bytes(), None, "paced");
    let has = || [0, 1].map(|epoch| pow.has_dataset(epoch));
    let state = || miner.stats().dataset;
    miner.start(2).expect("threads start");
    wait_for("hashes", || miner.stats().hashes > 0);
    assert_eq!((state(), has()), (DatasetState::Unused, [false; 2]), "nobody was asked");

    miner.allow_dataset(true);
    graph.daa_score.store(2, Ordering::SeqCst);
    wait_for("the dataset", || state() == DatasetState::Ready);
    assert_eq!(has(), [true, false]);
    let before = miner.stats().hashes;
    wait_for("hashes with it", || miner.stats().hashes > before);
    miner.set_threads(1).expect("threads start");
    assert!(pow.has_dataset(0), "kept for the other threads");
    graph.daa_score.store(EPOCH, Ordering::SeqCst);
    wait_for("the next epoch's", || has() == [false, true]);

    miner.allow_dataset(false);
    assert_eq!((state(), has()), (DatasetState::Unused, [false; 2]));
    let before = miner.stats().hashes;
    wait_for("hashes without it", || miner.stats().hashes > before);
    assert_eq!((state(), has()), (DatasetState::Unused, [false; 2]));
    miner.allow_dataset(true);
    graph.daa_score.store(EPOCH + 1, Ordering::SeqCst);
    wait_for("it again", || state() == DatasetState::Ready);
    miner.stop();
    assert_eq!((state(), has()), (DatasetState::Unused, [false; 2]), "stopping gives it back");
}

#[test]
fn blocks_mined_with_a_dataset_are_good() {
    let graph = Graph::new(0x1f7f_ffff);
    let miner = graph.miner(None);
    miner.allow_dataset(true);
    miner.start(2).expect("threads start");
    wait_for("5 blocks", || graph.blocks() >= 5);
    assert_eq!(miner.stats().dataset, DatasetState::Ready);
    assert_eq!(miner.stats().blocks_refused, 0);
}

/// The 2 GiB of the main network: minutes, of which the test waits for none.
#[test]
fn a_build_in_progress_ends_with_the_permission_and_with_the_miner() {
    let graph = Graph::new(HARD);
    let pow = Arc::new(Pow::new(PowProfile::Main, 13, EPOCH));
    let template = graph.template().expect("there is always one");
    pow.mine(&template.header, 0..1, || false).expect("builds the cache");
    let miner = graph.miner_with(None, &pow);
    miner.allow_dataset(true);
    miner.start(2).expect("threads start");
    let building = || miner.stats().dataset == DatasetState::Building;
    wait_for("the build", building);
    miner.allow_dataset(false);
    wait_for("the end of the build", || !building());
    assert!(!pow.has_dataset(0));
    miner.allow_dataset(true);
    // The threads have gone over to the cache; a newer template is what they look for.
    graph.daa_score.store(2, Ordering::SeqCst);
    wait_for("the build again", building);
    miner.stop();
    assert_eq!(miner.stats().dataset, DatasetState::Unused);
    assert!(!pow.has_dataset(0));
    drop(miner);
    assert_eq!(Arc::strong_count(&pow), 1, "no thread is left that has it");
}
