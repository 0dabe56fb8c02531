//! What must always hold (docs/spec/transaction.md §7), over random trees of chain blocks: against [`Model`], which knows
//! every opening.
//!
//! A case grows a tree from genesis. Each of its blocks merges bodies in an order that the tree fixes; transactions spend
//! what is there, what may come and what is gone, in time and out of time, truthfully or not. Proofs are not looked at:
//! acceptance works on cores.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use proptest::prelude::*;
use umbel_crypto::coin::{KeyRole, build_payout_key};
use umbel_ledger::commitments::{LaneRoots, LtHash};
use umbel_ledger::mass::sum_state_bytes;
use umbel_ledger::staking::IncludedCertificate;
use umbel_ledger::state_tree::StateTree;
use umbel_ledger::utxo::UtxoDiff;
use umbel_ledger::{MergePlace, MergedBlock, StateDelta, accept_mergeset, genesis};
use umbel_types::errors::TxContextError;
use umbel_types::genesis::devnet;
use umbel_types::state::LedgerBalance;
use umbel_types::utxo::StoredOutput;
use umbel_types::{Amount, AssetId, BlockHash, Checkpoint, DaaScore, Encode, MemoValue, PayoutKey, UNITS_PER_STR};

use crate::draw::{Block, Catalogue, Dice, PEOPLE, draw_body};
use crate::fixture::{Set, params, place, rng};
use crate::kinds::confidential;
use crate::model::{Bound, Held, Model, Outcome, PlainBlock, Taken, Who};

const SUPPLY: [(AssetId, u64); 2] = [(AssetId::STR, 6_300_000_000_000_000_000), (AssetId::CCOS, 6_300_000_000_000_000)];

fn payout(who: Who) -> &'static PayoutKey {
    static KEYS: OnceLock<Vec<PayoutKey>> = OnceLock::new();
    let build = || (0..PEOPLE).map(|who| build_payout_key(&confidential(who), KeyRole::Miner, &mut rng())).collect();
    &KEYS.get_or_init(build)[who]
}

/// The ledger's state at a chain block.
#[derive(Clone, Debug, PartialEq)]
struct World {
    set: Set,
    lthash: LtHash,
    states: StateTree,
    lanes: LaneRoots,
}

impl World {
    fn apply(&mut self, delta: &StateDelta) {
        self.set.apply(&delta.utxo);
        self.lthash.apply(&delta.utxo);
        delta.states.iter().for_each(|change| self.states.redo(change));
        self.lanes = delta.lanes(&self.lanes);
    }

    fn undo(&mut self, delta: &StateDelta, lanes: LaneRoots) {
        self.set.undo(&delta.utxo);
        self.lthash.undo(&delta.utxo);
        delta.states.iter().rev().for_each(|change| self.states.undo(change));
        self.lanes = lanes;
    }

    fn pool(&self) -> Amount {
        self.states.balance(LedgerBalance::RewardPool)
    }

    fn stored_bytes(&self) -> u64 {
        self.set.0.iter().map(|(place, entry)| (place.to_bytes().len() + entry.to_bytes().len()) as u64).sum()
    }
}

impl Block {
    fn merged(&self) -> MergedBlock {
        MergedBlock {
            hash: self.plain.hash,
            daa_score: DaaScore(self.plain.daa),
            is_blue: self.plain.blue,
            counts_for_daa: self.plain.counts,
            payout: *payout(self.plain.miner),
            txs: self.txs.clone(),
        }
    }
}

/// A chain block, and everything as it is once its past is merged.
struct Node {
    parent: usize,
    daa: u64,
    certified: u64,
    /// Whether its selected parent says so.
    certificate: bool,
    /// Its own body, which its children merge first.
    body: Option<Block>,
    /// What it merges, in order.
    merges: Vec<Block>,
    miner: Who,
    delta: Option<StateDelta>,
    world: World,
    model: Model,
    /// State bytes charged on the way from genesis.
    charged: u64,
}

impl Node {
    fn accept(&self, world: &World) -> StateDelta {
        let merged: Vec<MergedBlock> = self.merges.iter().map(Block::merged).collect();
        let certificate = self.certificate.then(|| IncludedCertificate {
            target: Checkpoint { index: 1, block: BlockHash([9; 32]) },
            target_daa: DaaScore(self.certified),
            signers: Vec::new(),
        });
        let place = MergePlace { certificate, ..place(self.daa) };
        let outcome = accept_mergeset(&params(), &place, &merged, &world.set, &world.states);
        let outcome = outcome.expect("reading memory can't fail");
        outcome.pay::<core::convert::Infallible>(payout(self.miner)).expect("sound payout keys")
    }
}

fn start(dice: &mut Dice<'_>, catalogue: &mut Catalogue) -> Node {
    let genesis = genesis::build(&params(), &devnet());
    let mut states = genesis.states;
    if dice.one_in(2) {
        // A pool that two blocks and a half empty.
        let rest = 25_000_000_000;
        let pool = states.balance(LedgerBalance::RewardPool).units();
        let treasury = states.balance(LedgerBalance::StrTreasury).units();
        let shift = [(LedgerBalance::RewardPool, rest), (LedgerBalance::StrTreasury, treasury + pool - rest)];
        for (balance, amount) in shift {
            let change = states.balance_change(balance, Amount::from_units(amount)).expect("another amount");
            states.redo(&change);
        }
    }
    let mut held = BTreeMap::new();
    for (who, (place, entry)) in genesis.utxo.added().iter().enumerate() {
        let StoredOutput::Memo(memo) = &entry.output else { panic!("genesis holds memos") };
        let MemoValue::Public(amount) = memo.value else { panic!("public ones") };
        let who = who % PEOPLE;
        catalogue.locks.insert(memo.lock.to_bytes(), who);
        let one = Held { who, asset: memo.asset, amount: amount.units(), bound: Bound::Free, born: 0 };
        held.insert(*place, one);
        catalogue.outputs.insert(*place, (entry.output.clone(), one));
    }
    for who in 0..PEOPLE {
        catalogue.keys.insert(payout(who).owner.g, who);
    }
    let set = Set(genesis.utxo.added().clone());
    let world = World { set, lthash: genesis.lthash, states, lanes: genesis.lanes };
    Node {
        parent: 0,
        // Some cases cross a halving.
        daa: dice.pick(&[0, 63_071_995]),
        certified: 0,
        certificate: false,
        body: None,
        merges: Vec::new(),
        miner: 0,
        delta: None,
        model: Model::new(held, world.pool().units(), 4_217_000_000 * UNITS_PER_STR),
        world,
        charged: 0,
    }
}

/// Names as the model has them.
fn rule(error: &TxContextError) -> &'static str {
    match error {
        TxContextError::InputMissing(_) => "missing",
        TxContextError::InputMismatch(_) => "unlike",
        TxContextError::Immature { .. } => "immature",
        TxContextError::NotYetValid { .. } => "too early",
        TxContextError::Expired { .. } => "too late",
        TxContextError::MemoNotYetValid(_) => "waiting",
        TxContextError::MemoEnded(_) => "another's",
        TxContextError::TimelockRunning { .. } => "running",
        TxContextError::Stake(_) => "refused",
    }
}

/// Grows a tree of chain blocks. The first is genesis.
fn grow(dice: &mut Dice<'_>, catalogue: &mut Catalogue, seen: &mut BTreeMap<&'static str, usize>) -> Vec<Node> {
    let mut nodes = vec![start(dice, catalogue)];
    let mut bodies: Vec<Block> = Vec::new();
    for _ in 0..3 + dice.below(6) {
        let parent = if dice.one_in(4) { dice.below(nodes.len()) } else { nodes.len() - 1 };
        let below = &nodes[parent];
        let daa = below.daa + dice.pick(&[1, 1, 1, 2, 12, 90_000]);
        let certificate = dice.one_in(3) && below.body.is_some();
        let certified = if certificate { daa - 1 } else { below.certified };
        let mut path = BTreeSet::new();
        let mut at = parent;
        while at != 0 {
            path.extend(nodes[at].merges.iter().map(|block| block.plain.hash));
            path.extend(nodes[at].body.iter().map(|block| block.plain.hash));
            at = nodes[at].parent;
        }
        let mut sides: Vec<Block> = Vec::new();
        for _ in 0..dice.below(3) {
            let side = match bodies.last() {
                Some(old) if dice.one_in(3) => old.clone(),
                _ => draw_body(dice, catalogue, &below.model, daa, &bodies),
            };
            if path.insert(side.plain.hash) {
                bodies.push(side.clone());
                sides.push(side);
            }
        }
        // Consensus orders them by work and id; here ids suffice.
        sides.sort_by_key(|side| side.plain.hash);
        let body = draw_body(dice, catalogue, &below.model, daa, &bodies);
        // A selected parent is blue and counts.
        let body = Block { plain: PlainBlock { blue: true, counts: true, ..body.plain }, ..body };
        bodies.push(body.clone());
        let mut node = Node {
            parent,
            daa,
            certified,
            certificate,
            body: Some(body),
            merges: below.body.iter().cloned().chain(sides).collect(),
            miner: dice.below(PEOPLE),
            delta: None,
            world: below.world.clone(),
            model: below.model.clone(),
            charged: below.charged,
        };
        let delta = node.accept(&node.world);
        node.world.apply(&delta);
        let before = node.model.clone();
        let plain: Vec<PlainBlock> = node.merges.iter().map(|block| block.plain.clone()).collect();
        let outcomes = node.model.merge(&plain, node.miner, daa, certified, certificate);
        compare_outcomes(&delta, &outcomes);
        outcomes.iter().for_each(|(_, outcome)| *seen.entry(outcome).or_insert(0) += 1);
        let txs = plain.iter().flat_map(|block| &block.txs).zip(&outcomes);
        for (tx, _) in txs.filter(|(_, (_, outcome))| *outcome == "accepted") {
            tx.takes.iter().for_each(|taken| *seen.entry(consumed_as(taken, &before)).or_insert(0) += 1);
        }
        for place in &node.model.rewards {
            if let (Some(entry), Some(held)) = (node.world.set.0.get(place), node.model.outputs.get(place)) {
                catalogue.outputs.insert(*place, (entry.output.clone(), *held));
            }
        }
        let accepted: BTreeSet<_> = delta.accepted.iter().map(|accepted| (accepted.block, accepted.txid)).collect();
        let cores = node.merges.iter().flat_map(|b| b.txs.iter().map(|tx| (b.plain.hash, tx)));
        node.charged += sum_state_bytes(
            cores.filter(|(block, tx)| accepted.contains(&(*block, tx.txid()))).map(|(_, tx)| &tx.core),
        );
        node.delta = Some(delta);
        nodes.push(node);
    }
    nodes
}

/// How an accepted transaction consumed an output.
fn consumed_as(taken: &Taken, before: &Model) -> &'static str {
    match before.outputs.get(&taken.from).map(|held| held.bound) {
        None => "made and consumed in one block",
        Some(Bound::Free) => "free",
        Some(Bound::Reward) => "a reward",
        Some(Bound::Between { .. }) if taken.back => "fallen back",
        Some(Bound::Between { .. }) => "in time",
        Some(Bound::Timeout { .. }) if taken.back => "taken back",
        Some(Bound::Timeout { .. }) => "claimed",
    }
}

fn compare_outcomes(delta: &StateDelta, outcomes: &[Outcome]) {
    let accepted: Vec<_> = outcomes.iter().filter(|o| o.1 == "accepted").map(|o| o.0).collect();
    assert_eq!(delta.accepted.iter().map(|a| a.txid).collect::<Vec<_>>(), accepted);
    let skipped: Vec<Outcome> = outcomes.iter().filter(|o| o.1 != "accepted").copied().collect();
    assert_eq!(delta.skipped.iter().map(|s| (s.txid, rule(&s.error))).collect::<Vec<_>>(), skipped);
}

/// The real state says what the model says, read from the outputs' own bytes.
fn compare_state(node: &Node, catalogue: &Catalogue) {
    let (world, model) = (&node.world, &node.model);
    assert!(world.set.0.keys().eq(model.outputs.keys()), "the same outputs are unspent");
    let mut accounts: BTreeMap<(Who, AssetId), u64> = BTreeMap::new();
    for (place, entry) in &world.set.0 {
        let (who, asset, amount) = catalogue.read(entry);
        *accounts.entry((who, asset)).or_insert(0) += amount;
        assert!(entry.daa_score.0 == model.outputs[place].born, "{place}");
    }
    let nonzero = |accounts: &BTreeMap<(Who, AssetId), u64>| -> BTreeMap<(Who, AssetId), u64> {
        accounts.iter().filter(|(_, amount)| **amount > 0).map(|(key, amount)| (*key, *amount)).collect()
    };
    assert_eq!(nonzero(&accounts), nonzero(&model.accounts));
    assert_eq!(world.pool().units(), model.pool);
    assert_eq!(world.states.balance(LedgerBalance::StrRewards).units(), model.str_rewards);
}

/// Issued less burned = unspent, public and hidden, and held in State: for each asset. Nothing burns or issues yet.
fn check_supply(node: &Node) {
    let held_by_rules = |asset| -> u64 {
        let of_asset = LedgerBalance::ALL.iter().filter(|balance| balance.genesis_amount().0 == asset);
        let validators = devnet().validators.iter().map(|validator| validator.stake.units()).sum::<u64>();
        let bonds = if asset == AssetId::STR { validators } else { 0 };
        of_asset.map(|balance| node.world.states.balance(*balance).units()).sum::<u64>() + bonds
    };
    for (asset, supply) in SUPPLY {
        assert_eq!(node.model.total(asset) + held_by_rules(asset), supply);
    }
}

/// The UTXO set never grows by more than its transactions paid for; rewards are the chain's own.
fn check_growth(node: &Node, genesis: &Node, catalogue: &Catalogue) {
    let reward_bytes: u64 = node
        .model
        .rewards
        .iter()
        .map(|place| {
            let output = &catalogue.outputs[place].0;
            36 + 1 + 8 + output.to_bytes().len() as u64
        })
        .sum();
    assert!(node.world.stored_bytes() <= genesis.world.stored_bytes() + reward_bytes + node.charged);
}

/// From the set alone, as a node would that got it as a snapshot.
fn check_commitments(world: &World) {
    let mut fresh = LtHash::default();
    world.set.0.iter().for_each(|(place, entry)| fresh.add(place, entry));
    assert_eq!(fresh.commitment(), world.lthash.commitment());
}

fn path(nodes: &[Node], mut at: usize) -> Vec<usize> {
    let mut path = Vec::new();
    while at != 0 {
        path.push(at);
        at = nodes[at].parent;
    }
    path.reverse();
    path
}

/// Goes from one chain block to another: back to where they part, then on.
fn walk(nodes: &[Node], world: &mut World, from: usize, to: usize) {
    let (back, on) = (path(nodes, from), path(nodes, to));
    let common = back.iter().zip(&on).take_while(|(a, b)| a == b).count();
    for at in back[common..].iter().rev() {
        let node = &nodes[*at];
        world.undo(node.delta.as_ref().expect("not genesis"), nodes[node.parent].world.lanes);
    }
    on[common..].iter().for_each(|at| world.apply(nodes[*at].delta.as_ref().expect("not genesis")));
}

/// Accepts everything again from genesis.
fn replay(nodes: &[Node], to: usize) -> World {
    let mut world = nodes[0].world.clone();
    for at in path(nodes, to) {
        let delta = nodes[at].accept(&world);
        world.apply(&delta);
    }
    world
}

/// The differences of a path in one.
fn check_one_difference(nodes: &[Node], to: usize) {
    let mut whole = UtxoDiff::default();
    for at in path(nodes, to) {
        whole.apply(&nodes[at].delta.as_ref().expect("not genesis").utxo).expect("they follow one another");
    }
    let mut set = nodes[0].world.set.clone();
    set.apply(&whole);
    assert_eq!(set, nodes[to].world.set);
    for at in path(nodes, to).into_iter().rev() {
        whole.undo(&nodes[at].delta.as_ref().expect("not genesis").utxo).expect("they end with one another");
    }
    assert!(whole.is_empty());
}

fn check_case(bytes: &[u8], seen: &mut BTreeMap<&'static str, usize>) {
    let mut dice = Dice { bytes, next: 0, names: 0 };
    let mut catalogue = Catalogue::default();
    let nodes = grow(&mut dice, &mut catalogue, seen);
    for node in &nodes {
        compare_state(node, &catalogue);
        check_supply(node);
        check_growth(node, &nodes[0], &catalogue);
        check_commitments(&node.world);
    }
    // Blocks arrive in any order and the heaviest chain changes: what counts is where a node ends up.
    let (mut at, mut world) = (0, nodes[0].world.clone());
    for _ in 0..6 {
        let to = dice.below(nodes.len());
        walk(&nodes, &mut world, at, to);
        assert_eq!(world, nodes[to].world, "from {at} to {to}");
        at = to;
    }
    let tip = nodes.len() - 1;
    assert_eq!(replay(&nodes, tip), nodes[tip].world);
    check_one_difference(&nodes, tip);
}

/// How many histories: `UMBEL_LEDGER_CASES` for the long run. Fewer than 256 might leave an outcome out.
fn cases() -> u32 {
    std::env::var("UMBEL_LEDGER_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(256).max(256)
}

#[test]
fn every_history_keeps_what_must_hold() {
    let mut seen = BTreeMap::new();
    let config = ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        max_shrink_iters: 500,
        ..ProptestConfig::default()
    };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let seen_by_all = std::cell::RefCell::new(&mut seen);
    let histories = proptest::collection::vec(any::<u8>(), 600..1_400);
    runner
        .run(&histories, |bytes| {
            check_case(&bytes, *seen_by_all.borrow_mut());
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    let outcomes =
        ["accepted", "missing", "unlike", "immature", "too early", "too late", "waiting", "another's", "running"];
    let ways =
        ["made and consumed in one block", "free", "a reward", "fallen back", "in time", "taken back", "claimed"];
    for what in outcomes.into_iter().chain(ways) {
        assert!(seen.contains_key(what), "no history had this: {what}; {seen:?}");
    }
}
