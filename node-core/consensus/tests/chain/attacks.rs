//! Attacks that once worked. Each must fail now.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use umbel_crypto::{InputSecrets, OutputSecrets, prove_transaction};
use umbel_ledger::genesis::genesis_outpoint;
use umbel_store::{StoreError, Table};
use umbel_types::consensus_api::{BlockStatus, BodyRoom, ConsensusApi, TxSelector};
use umbel_types::errors::{BlockError, TxContextError};
use umbel_types::genesis::GenesisWallet;
use umbel_types::tx::{LockBranch, TX_VERSION};
use umbel_types::utxo::StoredOutput;
use umbel_types::{
    Action, Amount, AssetId, Block, BlockHash, DaaRange, Hash32, Input, Memo, MemoValue, Network, Output, Params,
    TimestampMs, Transaction, TxCore, TxId, TxInput, ZkAddress,
};

use crate::fixture::{TestNode, insert_learning, market_outpoint, mem_store, pay_public, rng, seed};
use crate::hooked::{Change, Hooked, Hooks};

fn memo_input(node: &TestNode, wallet: GenesisWallet) -> (TxInput, Amount) {
    let outpoint = genesis_outpoint(wallet);
    let entry = node.consensus.utxo(outpoint).expect("reads").expect("unspent");
    let StoredOutput::Memo(memo) = entry.output else { panic!("genesis outputs are memos") };
    let MemoValue::Public(value) = memo.value else { panic!("genesis outputs are public") };
    (TxInput { outpoint, consumed: Input::Memo { terms: memo.terms(), branch: LockBranch::Owner } }, value)
}

/// A CCOS transfer whose fee comes from the ecosystem wallet: another lane than a payment of STR.
fn ccos_transfer(node: &TestNode) -> Transaction {
    let (eco, str_value) = memo_input(node, GenesisWallet::StrEcosystem);
    let (ccos, ccos_value) = memo_input(node, GenesisWallet::CcosMarket);
    let fee = Amount::from_units(5_000);
    let keys = [seed().secp_key(0, 1), seed().secp_key(0, 4)];
    let mut inputs = vec![(eco, &keys[0]), (ccos, &keys[1])];
    inputs.sort_by_key(|(input, _)| input.outpoint);
    let secrets: Vec<InputSecrets<'_>> = inputs.iter().map(|(_, key)| InputSecrets::Memo { key }).collect();
    let to = ZkAddress([3; 20]);
    let rest = str_value.checked_sub(fee).expect("enough");
    let core = TxCore {
        version: TX_VERSION,
        chain: node.consensus.params().chain_id,
        action: Action::Transfer,
        inputs: inputs.into_iter().map(|(input, _)| input).collect(),
        outputs: vec![
            Output::Memo(Memo::public_payment(AssetId::CCOS, ccos_value, to)),
            Output::Memo(Memo::public_payment(AssetId::STR, rest, to)),
        ],
        fee,
        valid: DaaRange::ALWAYS,
        salt: [9; 32],
    };
    let sighash = core.sighash(node.consensus.genesis_hash());
    let outputs: Vec<_> = core.outputs.iter().map(|_| OutputSecrets::PublicMemo).collect();
    let witness = prove_transaction(&core, &sighash, &secrets, &outputs, &mut rng()).expect("the secrets fit");
    Transaction { core, witness }
}

/// `tx_root` covers each lane, not how lanes are interleaved: a relay that swaps two must not kill the block.
#[test]
fn a_relay_that_reorders_lanes_does_not_harm_the_block() {
    let (victim, honest) = (TestNode::new(), TestNode::new());
    for block in honest.advance(1) {
        victim.insert(&block).expect("valid");
    }
    let main = pay_public(&honest, market_outpoint(), ZkAddress([1; 20]), Amount::from_str_tokens(5), |_| {});
    let good = honest.mine(&[main, ccos_transfer(&honest)]);
    assert_eq!(honest.insert(&good), Ok(BlockStatus::StateValid));
    let mut reordered = good.clone();
    reordered.body.txs.reverse();
    assert_eq!(reordered.body.tx_root(), good.header.tx_root, "the same commitment");
    assert_eq!(victim.insert(&reordered), Err(BlockError::LaneOrder));
    assert_eq!(victim.insert(&good), Ok(BlockStatus::StateValid));
}

/// A block that can't stand on the chain, merges every honest tip and is kept heavier than the sink must not hide what it
/// merged.
#[test]
fn a_disqualified_branch_hides_no_honest_block() {
    let node = TestNode::new();
    node.advance(2);
    let mut evil_tip: Option<BlockHash> = None;
    let mut honest = Vec::new();
    for _ in 0..10 {
        let blocks: Vec<Block> = (0..3).map(|_| node.mine(&[])).collect();
        for block in &blocks {
            node.insert(block).expect("valid");
            honest.push(block.hash());
        }
        let mut parents: Vec<_> = blocks.iter().map(Block::hash).chain(evil_tip).collect();
        parents.sort();
        let evil = node.mine_edited(&[], |b| {
            b.header.utxo_commit = Hash32([9; 32]);
            b.header.parents = parents;
        });
        let (evil, verdict) = insert_learning(&node, evil);
        assert_ne!(verdict, Ok(BlockStatus::StateValid), "it commits to a wrong state");
        evil_tip = Some(evil.hash());
    }
    node.advance(3);
    let mut merged = std::collections::BTreeSet::new();
    let mut at = node.sink();
    while at != node.consensus.genesis_hash() {
        let summary = node.consensus.block_summary(at).expect("known");
        merged.extend(summary.mergeset_blues.iter().chain(&summary.mergeset_reds).copied());
        at = summary.selected_parent;
    }
    let lost = honest.iter().filter(|hash| !merged.contains(*hash)).count();
    assert_eq!(lost, 0, "of {} honest blocks", honest.len());
}

/// R12 where nobody votes: a heavier branch from below the finality depth is not gone over to; one from above it is.
#[test]
fn the_finality_depth_holds() {
    let params = || Params { finality_depth: 50, merge_depth: 20, ..Params::of(Network::Devnet) };
    let shallow = || crate::finality::without_overlay(params());
    let (one, two) = (shallow(), shallow());
    one.advance(100);
    let sink = one.sink();
    let heavier = {
        // A tick of the clock, so that the branches differ.
        two.mine(&[]);
        two.advance(160)
    };
    let refusals = heavier.iter().filter_map(|block| one.insert(block).err());
    assert!(refusals.into_iter().all(|error| !error.is_peer_fault()));
    assert_eq!(one.sink(), sink);
    one.advance(3);

    let (three, four) = (shallow(), shallow());
    for block in three.advance(60) {
        four.insert(&block).expect("valid");
    }
    three.advance(20);
    for block in four.advance(40) {
        three.insert(&block).expect("valid");
    }
    assert_eq!(three.sink(), four.sink());
}

/// What the decoder refuses is refused in memory too, or the chain could not be read again.
#[test]
fn a_body_that_can_not_be_decoded_is_refused() {
    let store = mem_store();
    let node = TestNode::on(store.clone());
    node.advance(1);
    let block = node.mine_edited(&[], |b| {
        b.body.extra = vec![0; 65];
        b.header.tx_root = b.body.tx_root();
    });
    assert!(matches!(node.insert(&block), Err(BlockError::Decode(_))));
    node.consensus.shutdown();
    drop(node);
    TestNode::on(store).advance(1);
}

/// Refused blocks take part in the bound on what is taken in before the virtual state is computed.
#[test]
fn a_flood_of_refused_blocks_does_not_starve_the_chain() {
    let node = TestNode::new();
    node.advance(2);
    let good = node.mine(&[]);
    let tx = pay_public(&node, market_outpoint(), ZkAddress([1; 20]), Amount::from_str_tokens(5), |_| {});
    let mut bad = node.mine(&[]);
    bad.body.txs = vec![tx; 80];
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    drop(node.consensus.insert_block(bad.clone()));
                }
            });
        }
        let version = node.consensus.virtual_state().version;
        let handle = node.consensus.insert_block(good.clone());
        let deadline = Instant::now() + Duration::from_secs(60);
        while node.sink() != good.hash() && Instant::now() < deadline {
            node.consensus.wait_newer(version, Duration::from_millis(100));
        }
        stop.store(true, Ordering::Relaxed);
        drop(handle);
        assert_eq!(node.sink(), good.hash(), "a minute and not looked at");
    });
}

/// A block that is here already costs nothing: the version of the virtual state stays.
#[test]
fn a_known_block_changes_nothing() {
    let node = TestNode::new();
    let blocks = node.advance(3);
    let before = node.consensus.virtual_state();
    assert_eq!(node.insert(&blocks[0]), Ok(BlockStatus::StateValid));
    assert!(Arc::ptr_eq(&before, &node.consensus.virtual_state()), "it was computed again");
}

/// Reads of one key by a thread named "reader" wait before they return.
#[derive(Debug)]
struct SlowReads {
    key: Vec<u8>,
    read: mpsc::SyncSender<()>,
    go: Mutex<mpsc::Receiver<()>>,
}

impl Hooks for SlowReads {
    fn after_get(&self, table: Table, key: &[u8]) {
        if table == Table::Status && key == self.key && std::thread::current().name() == Some("reader") {
            self.read.send(()).expect("the test listens");
            self.go.lock().expect("one reader").recv().expect("the test answers");
        }
    }
}

/// A reader that asks for a status while the body is taken in must not put what it read back into the cache.
#[test]
fn a_slow_reader_does_not_bring_back_an_old_status() {
    let inner = mem_store();
    let other = TestNode::new();
    let common = other.advance(2);
    let good = other.mine(&[]);
    {
        let node = TestNode::on(inner.clone());
        for block in &common {
            node.insert(block).expect("valid");
        }
        let mut swapped = good.clone();
        swapped.body.extra.push(1);
        assert_eq!(node.insert(&swapped), Err(BlockError::BodyMismatch));
        node.consensus.shutdown();
    }
    other.insert(&good).expect("valid");
    let child = other.advance(1).remove(0);
    let (read, was_read) = mpsc::sync_channel(1);
    let (go, wait) = mpsc::sync_channel(1);
    let slow = SlowReads { key: good.hash().0.to_vec(), read, go: Mutex::new(wait) };
    let node = TestNode::on(Arc::new(Hooked { inner, hooks: slow }));
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().name("reader".into());
        let consensus = &node.consensus;
        let hash = good.hash();
        let reader = reader.spawn_scoped(scope, move || consensus.status(hash)).expect("a thread");
        was_read.recv().expect("the reader reads");
        assert_eq!(node.insert(&good), Ok(BlockStatus::StateValid));
        assert_eq!(node.sink(), good.hash());
        go.send(()).expect("the reader waits");
        reader.join().expect("no panic").expect("reads");
    });
    assert_eq!(node.insert(&child), Ok(BlockStatus::StateValid), "a child of the sink");
}

/// A disk that is full from the moment on in which the test says so.
#[derive(Debug)]
struct FullAtOnce {
    armed: AtomicBool,
    go: Mutex<mpsc::Receiver<()>>,
}

impl Hooks for Arc<FullAtOnce> {
    fn before_change(&self, change: Change<'_>) -> Result<(), StoreError> {
        if self.armed.load(Ordering::SeqCst) && matches!(change, Change::Batch(_)) {
            self.go.lock().expect("one writer").recv().expect("the test answers");
            return Err(StoreError::Full);
        }
        Ok(())
    }
}

/// Whoever waits behind a block that ends the thread is told: a miner that waited for ever could not be stopped.
#[test]
fn nobody_waits_for_a_thread_that_has_ended() {
    let (go, wait) = mpsc::sync_channel(1);
    let disk = Arc::new(FullAtOnce { armed: AtomicBool::new(false), go: Mutex::new(wait) });
    let node = TestNode::on(Arc::new(Hooked { inner: mem_store(), hooks: disk.clone() }));
    let blocks: Vec<Block> = (0..3).map(|_| node.mine(&[])).collect();
    disk.armed.store(true, Ordering::SeqCst);
    let handles: Vec<_> = blocks.iter().map(|block| node.consensus.insert_block(block.clone())).collect();
    go.send(()).expect("the disk waits");
    for handle in handles {
        let verdict = handle.body.recv_timeout(Duration::from_secs(60));
        assert!(!matches!(verdict, Err(mpsc::RecvTimeoutError::Timeout) | Ok(Ok(_))), "{verdict:?}");
    }
    let late = node.consensus.insert_block(blocks[0].clone()).wait();
    assert!(matches!(late, Err(BlockError::Unavailable(_))), "{late:?}");
}

/// Gives what does not fit, whenever it is asked.
struct Endless(Arc<Transaction>, usize);

impl TxSelector for Endless {
    fn select(&mut self, _room: BodyRoom) -> Vec<Arc<Transaction>> {
        self.1 += 1;
        assert!(self.1 < 1_000, "asked again and again");
        vec![self.0.clone()]
    }

    fn reject(&mut self, _txid: TxId, _error: TxContextError) {}
}

/// A selector without an end does not hold the state for ever.
#[test]
fn a_template_comes_to_an_end() {
    let node = TestNode::new();
    node.advance(1);
    let mut tx = pay_public(&node, market_outpoint(), ZkAddress([1; 20]), Amount::from_str_tokens(5), |_| {});
    tx.witness.range_proof = vec![0; 70_000];
    let payout = node.consensus.block(node.sink()).expect("reads").body.payout;
    let mut endless = Endless(Arc::new(tx), 0);
    let template = node.consensus.build_template(payout, Vec::new(), TimestampMs(0), &mut endless).expect("a template");
    assert!(template.body.txs.is_empty() && endless.1 > 1);
}

/// Nodes that hear of blocks late and in other orders, a fifth of them with a wrong state, agree in the end.
#[test]
fn random_delivery_ends_in_agreement() {
    let mut seed = 0x1234_5678_9abc_def1u64;
    let mut random = move |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % n as u64).expect("below n")
    };
    for case in 0..6 {
        let nodes: Vec<TestNode> = (0..4).map(|_| TestNode::new()).collect();
        for (i, node) in nodes.iter().enumerate() {
            for _ in 0..i {
                node.mine(&[]);
            }
        }
        let mut all: Vec<Block> = Vec::new();
        for _ in 0..60 {
            let miner = random(4);
            // Hear some of what the others did.
            for _ in 0..random(4) {
                if !all.is_empty() {
                    let block = &all[random(all.len())];
                    let _may_lack_parents = nodes[miner].insert(block);
                }
            }
            let evil = random(5) == 0;
            let node = &nodes[miner];
            let spends = random(3) == 0 && node.consensus.utxo(market_outpoint()).expect("reads").is_some();
            let txs: Vec<Transaction> = spends
                .then(|| {
                    let to = ZkAddress([u8::try_from(random(200)).expect("below 200"); 20]);
                    pay_public(node, market_outpoint(), to, Amount::from_str_tokens(1 + random(9) as u64), |_| {})
                })
                .into_iter()
                .filter(|tx| node.consensus.check_tx_in_virtual_context(&tx.core).expect("reads").is_ok())
                .collect();
            let block = node.mine_edited(&txs, |b| {
                if evil {
                    b.header.state_root = Hash32([9; 32]);
                }
            });
            let _may_be_disqualified = node.insert(&block);
            all.push(block);
        }
        let fresh = TestNode::new();
        for node in nodes.iter().chain([&fresh]) {
            let mut left: Vec<Block> = all.clone();
            while !left.is_empty() {
                let before = left.len();
                let mut order: Vec<Block> = Vec::new();
                while !left.is_empty() {
                    order.push(left.swap_remove(random(left.len())));
                }
                for block in order {
                    match node.insert(&block) {
                        Err(BlockError::MissingParents(_)) => left.push(block),
                        Err(BlockError::Unavailable(why)) => panic!("{why}"),
                        _ => {}
                    }
                }
                assert!(left.len() < before, "stuck");
            }
        }
        for node in &nodes {
            assert_eq!(node.sink(), fresh.sink(), "case {case}");
            assert_eq!(node.commitments()[1..], fresh.commitments()[1..], "case {case}");
            for block in &all {
                let (a, b) = (node.consensus.status(block.hash()), fresh.consensus.status(block.hash()));
                let (a, b) = (a.expect("reads"), b.expect("reads"));
                assert!(!(a == Some(BlockStatus::StateValid) && b == Some(BlockStatus::Disqualified)), "case {case}");
            }
            assert!(node.consensus.failure().is_none());
        }
    }
}
