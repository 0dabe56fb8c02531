//! The tree of State objects against its definition over a plain map.

use std::collections::BTreeMap;

use proptest::prelude::*;
use umbel_ledger::state_tree::{StateChange, StateKey, StateTree};
use umbel_types::hash::{Domain, Hasher};
use umbel_types::state::{State, StateClass};
use umbel_types::{Hash32, Ledger, ObjectId};

/// The definition: what lies below each prefix, looked at anew for every node.
pub(crate) fn naive_root(objects: &BTreeMap<StateKey, State>) -> Hash32 {
    fn subtree(leaves: &[([u8; 32], Hash32)], prefix: &mut Vec<bool>) -> Hash32 {
        let is_below =
            |id: &[u8; 32]| prefix.iter().enumerate().all(|(i, bit)| (id[i / 8] & (0x80 >> (i % 8)) != 0) == *bit);
        let below: Vec<([u8; 32], Hash32)> = leaves.iter().filter(|(id, _)| is_below(id)).copied().collect();
        match below.as_slice() {
            [] => Hash32([0; 32]),
            [(_, leaf)] => *leaf,
            _ => {
                let halves = [false, true].map(|bit| {
                    prefix.push(bit);
                    let half = subtree(&below, prefix);
                    prefix.pop();
                    half
                });
                Hasher::new(Domain("umbel/smt-node/v1")).with(&halves[0]).with(&halves[1]).finish()
            }
        }
    }
    let mut root = Hasher::new(Domain("umbel/state-root/v1"));
    for ledger in Ledger::ALL {
        let leaves: Vec<([u8; 32], Hash32)> = objects
            .iter()
            .filter(|(key, _)| key.ledger == ledger)
            .map(|(key, state)| {
                let leaf = Hasher::new(Domain("umbel/smt-leaf/v1")).with_bytes(&key.object.0).with(state).finish();
                (key.object.0, leaf)
            })
            .collect();
        let top = subtree(&leaves, &mut Vec::new());
        let sub_root = Hasher::new(Domain("umbel/smt-root/v1")).with(&(leaves.len() as u64)).with(&top).finish();
        root = root.with(&sub_root);
    }
    root.finish()
}

/// Sixteen keys in two ledgers: some share no bit, some all but the last.
pub(crate) fn key(n: usize) -> StateKey {
    let mut id = [0u8; 32];
    match n % 8 {
        0 => {}
        1 => id[31] = 1,
        2 => id[31] = 2,
        3 => id[15] = 0x80,
        4 => id[0] = 0x80,
        5 => id = [0xff; 32],
        6 => (id, id[31]) = ([0xff; 32], 0xfe),
        _ => id[0] = 0x40,
    }
    StateKey { ledger: if n < 8 { Ledger::Main } else { Ledger::Governance }, object: ObjectId(id) }
}

pub(crate) const KEYS: usize = 16;

pub(crate) fn state(key: StateKey, body: u8) -> State {
    State::of_ledger(key.object, StateClass::Balance, &[body; 3])
}

/// One step: sets or removes an object, or takes the last so many changes back.
#[derive(Clone, Debug)]
enum Step {
    Set(usize, u8),
    Remove(usize),
    Undo(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..KEYS, any::<u8>()).prop_map(|(key, body)| Step::Set(key, body)),
        2 => (0..KEYS).prop_map(Step::Remove),
        1 => (1usize..6).prop_map(Step::Undo),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever was set, removed and taken back: objects, order and root are those of the plain map, and a copy that was
    /// made on the way stays what it was.
    #[test]
    fn a_tree_is_its_set(steps in proptest::collection::vec(step(), 1..50)) {
        let (mut tree, mut map, mut done) = (StateTree::default(), BTreeMap::new(), Vec::new());
        let mut copy = (tree.clone(), naive_root(&map));
        for step in steps {
            let target = match step {
                Step::Set(key_number, body) => Some((key(key_number), Some(state(key(key_number), body)))),
                Step::Remove(key_number) => Some((key(key_number), None)),
                Step::Undo(count) => {
                    for change in done.drain(done.len().saturating_sub(count)..).rev() {
                        let change: StateChange = change;
                        tree.undo(&change);
                        set(&mut map, change.key, change.before);
                    }
                    None
                }
            };
            if let Some((key, after)) = target {
                let change = StateChange { key, before: tree.get(&key).cloned(), after };
                tree.redo(&change);
                set(&mut map, key, change.after.clone());
                done.push(change);
            }
            prop_assert_eq!(tree.root(), naive_root(&map));
            prop_assert!(tree.iter().eq(&map), "objects or their order");
            prop_assert_eq!(tree.count(Ledger::Main), map.keys().filter(|key| key.ledger == Ledger::Main).count() as u64);
            prop_assert_eq!(&tree, &map.clone().into_iter().collect::<StateTree>());
            if done.len() == 7 {
                prop_assert_eq!(copy.0.root(), copy.1);
                copy = (tree.clone(), tree.root());
            }
        }
        prop_assert_eq!(copy.0.root(), copy.1);
        prop_assert!((0..KEYS).all(|n| tree.get(&key(n)) == map.get(&key(n))));
    }
}

fn set(map: &mut BTreeMap<StateKey, State>, key: StateKey, state: Option<State>) {
    match state {
        Some(state) => map.insert(key, state),
        None => map.remove(&key),
    };
}

/// Figures for docs/spec/commitments.md: `cargo nextest run --release -p umbel-ledger --run-ignored only
/// --no-capture state_tree`.
#[test]
#[ignore = "measures, in a release build"]
fn a_block_that_changes_ten_of_100_000_objects() {
    use std::time::Instant;
    const OBJECTS: u64 = 100_000;
    const CHANGED: u64 = 10;
    const BLOCKS: u32 = 20;
    let key =
        |n: u64| StateKey { ledger: Ledger::Governance, object: Hasher::new(Domain::OBJECT).with(&n).finish().into() };
    let objects: BTreeMap<StateKey, State> = (0..OBJECTS).map(|n| (key(n), state(key(n), 0))).collect();

    // What a block cost when the root was computed from the set: a copy of the map, the changes, the root.
    let mut map = objects.clone();
    let started = Instant::now();
    for block in 0..BLOCKS {
        let mut next = map.clone();
        (0..CHANGED).for_each(|n| {
            set(&mut next, key(u64::from(block) * CHANGED + n), Some(state(key(u64::from(block) * CHANGED + n), 1)))
        });
        std::hint::black_box(root_of_sorted(&next));
        map = next;
    }
    let from_the_set = started.elapsed() / BLOCKS;

    let started = Instant::now();
    let mut tree: StateTree = objects.into_iter().collect();
    let built = started.elapsed();
    let started = Instant::now();
    for block in 0..BLOCKS {
        let mut next = tree.clone();
        for key in (0..CHANGED).map(|n| key(u64::from(block) * CHANGED + n)) {
            next.redo(&StateChange { key, before: None, after: Some(state(key, 1)) });
        }
        std::hint::black_box(next.root());
        tree = next;
    }
    let incremental = started.elapsed() / BLOCKS;
    assert_eq!(tree.root(), root_of_sorted(&map));
    println!(
        "{OBJECTS} objects, {CHANGED} changed: from the set {from_the_set:?}, incremental {incremental:?}, built in {built:?}"
    );
}

/// The root from a sorted list, each half by its range: what the naive form takes a hundred times longer for.
fn root_of_sorted(objects: &BTreeMap<StateKey, State>) -> Hash32 {
    fn subtree(leaves: &[([u8; 32], Hash32)], depth: usize) -> Hash32 {
        match leaves {
            [] => Hash32([0; 32]),
            [(_, leaf)] => *leaf,
            _ => {
                let middle = leaves.partition_point(|(id, _)| id[depth / 8] & (0x80 >> (depth % 8)) == 0);
                let (left, right) = leaves.split_at(middle);
                Hasher::new(Domain::SMT_NODE).with(&subtree(left, depth + 1)).with(&subtree(right, depth + 1)).finish()
            }
        }
    }
    let mut root = Hasher::new(Domain::STATE_ROOT);
    for ledger in Ledger::ALL {
        let leaves: Vec<([u8; 32], Hash32)> = objects
            .iter()
            .filter(|(key, _)| key.ledger == ledger)
            .map(|(key, state)| (key.object.0, Hasher::new(Domain::SMT_LEAF).with(&key.object).with(state).finish()))
            .collect();
        root =
            root.with(&Hasher::new(Domain::SMT_ROOT).with(&(leaves.len() as u64)).with(&subtree(&leaves, 0)).finish());
    }
    root.finish()
}
