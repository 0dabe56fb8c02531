//! A sparse Merkle tree over the objects of one ledger, by the 256 bits of their ids.
//!
//! A subtree without leaves is the zero hash; a subtree with one leaf is that leaf; any other is a node of its halves. The
//! form depends on the set alone. A leaf's hash covers its whole id, so a leaf can't be moved.
//!
//! Nodes are shared between trees: a copy costs a pointer, a change makes the nodes above it anew and nothing else.

use std::sync::Arc;

use umbel_types::Hash32;
use umbel_types::hash::{Domain, Hasher};
use umbel_types::state::State;

use super::StateKey;

/// Bits of an id.
pub(crate) const SMT_DEPTH: usize = 256;

/// One object with its hash.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) key: StateKey,
    pub(crate) state: State,
    hash: Hash32,
}

impl Leaf {
    pub(super) fn new(key: StateKey, state: State) -> Arc<Self> {
        let hash = leaf_hash(&key, &state);
        Arc::new(Self { key, state, hash })
    }
}

/// Two halves, with two leaves or more together.
#[derive(Debug, PartialEq, Eq)]
struct Branch {
    hash: Hash32,
    left: Node,
    right: Node,
}

/// A subtree.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
enum Node {
    #[default]
    Empty,
    Leaf(Arc<Leaf>),
    Branch(Arc<Branch>),
}

impl Node {
    fn hash(&self) -> Hash32 {
        match self {
            Self::Empty => Hash32::default(),
            Self::Leaf(leaf) => leaf.hash,
            Self::Branch(branch) => branch.hash,
        }
    }
}

/// The objects of one ledger.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Smt {
    count: u64,
    top: Node,
}

/// What stands where an object would.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    /// The object.
    Object(&'a Leaf),
    /// Another one, alone in the subtree.
    Other(&'a Leaf),
    /// An empty subtree.
    Nothing,
}

impl Smt {
    /// Of leaves that ascend strictly by id.
    pub(super) fn of_sorted(leaves: &[Arc<Leaf>]) -> Self {
        Self { count: leaves.len() as u64, top: build(leaves, 0) }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The root: number of leaves and topmost subtree.
    pub(super) fn root(&self) -> Hash32 {
        sub_root(self.count, &self.top.hash())
    }

    pub(super) fn get(&self, key: &StateKey) -> Option<&Leaf> {
        match self.find(key, |_| {}) {
            Found::Object(leaf) => Some(leaf),
            Found::Other(_) | Found::Nothing => None,
        }
    }

    /// Goes to where the object stands or would stand; `beside` is told the hash beside each step, the topmost first.
    pub(super) fn find(&self, key: &StateKey, mut beside: impl FnMut(Hash32)) -> Found<'_> {
        let mut node = &self.top;
        let mut depth = 0;
        loop {
            match node {
                Node::Empty => return Found::Nothing,
                Node::Leaf(leaf) if leaf.key == *key => return Found::Object(leaf),
                Node::Leaf(leaf) => return Found::Other(leaf),
                Node::Branch(branch) => {
                    let (next, other) = sides(branch, bit(key, depth));
                    beside(other.hash());
                    node = next;
                    depth += 1;
                }
            }
        }
    }

    pub(super) fn insert(&mut self, leaf: Arc<Leaf>) {
        let is_new = self.get(&leaf.key).is_none();
        self.top = insert(&self.top, 0, leaf);
        self.count += u64::from(is_new);
    }

    pub(super) fn remove(&mut self, key: &StateKey) {
        if self.get(key).is_some() {
            self.top = remove(&self.top, 0, key);
            self.count -= 1;
        }
    }

    /// All objects, by id.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Leaf> {
        let mut waiting = vec![&self.top];
        core::iter::from_fn(move || {
            loop {
                match waiting.pop()? {
                    Node::Empty => {}
                    Node::Leaf(leaf) => return Some(leaf.as_ref()),
                    Node::Branch(branch) => waiting.extend([&branch.right, &branch.left]),
                }
            }
        })
    }
}

/// The half on the way of a bit, and the other one.
fn sides(branch: &Branch, right: bool) -> (&Node, &Node) {
    if right { (&branch.right, &branch.left) } else { (&branch.left, &branch.right) }
}

/// A node with `child` on the side of a bit.
fn branch(right: bool, child: Node, other: Node) -> Node {
    let (left, right) = if right { (other, child) } else { (child, other) };
    Node::Branch(Arc::new(Branch { hash: node_hash(&left.hash(), &right.hash()), left, right }))
}

fn build(leaves: &[Arc<Leaf>], depth: usize) -> Node {
    match leaves {
        [] => Node::Empty,
        [leaf] => Node::Leaf(leaf.clone()),
        _ => {
            let (left, right) = leaves.split_at(leaves.partition_point(|leaf| !bit(&leaf.key, depth)));
            branch(false, build(left, depth + 1), build(right, depth + 1))
        }
    }
}

fn insert(node: &Node, depth: usize, leaf: Arc<Leaf>) -> Node {
    match node {
        Node::Empty => Node::Leaf(leaf),
        Node::Leaf(there) if there.key == leaf.key => Node::Leaf(leaf),
        Node::Leaf(there) => {
            let side = bit(&leaf.key, depth);
            if bit(&there.key, depth) == side {
                branch(side, insert(node, depth + 1, leaf), Node::Empty)
            } else {
                branch(side, Node::Leaf(leaf), node.clone())
            }
        }
        Node::Branch(there) => {
            let side = bit(&leaf.key, depth);
            let (child, other) = sides(there, side);
            branch(side, insert(child, depth + 1, leaf), other.clone())
        }
    }
}

/// Without an object that is there. A leaf that is left alone takes the place of its subtree.
fn remove(node: &Node, depth: usize, key: &StateKey) -> Node {
    let Node::Branch(there) = node else {
        return Node::Empty;
    };
    let side = bit(key, depth);
    let (child, other) = sides(there, side);
    match (remove(child, depth + 1, key), other) {
        (Node::Empty, Node::Leaf(alone)) => Node::Leaf(alone.clone()),
        (Node::Leaf(alone), Node::Empty) => Node::Leaf(alone),
        (child, other) => branch(side, child, other.clone()),
    }
}

/// Bit `depth` of an object's id, the topmost of the first byte first.
pub(crate) fn bit(key: &StateKey, depth: usize) -> bool {
    key.object.0[depth / 8] >> (7 - depth % 8) & 1 == 1
}

/// Hash of an object.
pub(crate) fn leaf_hash(key: &StateKey, state: &State) -> Hash32 {
    Hasher::new(Domain::SMT_LEAF).with(&key.object).with(state).finish()
}

/// Hash of two halves.
pub(crate) fn node_hash(left: &Hash32, right: &Hash32) -> Hash32 {
    Hasher::new(Domain::SMT_NODE).with(left).with(right).finish()
}

/// Root of one ledger's tree.
pub(crate) fn sub_root(count: u64, top: &Hash32) -> Hash32 {
    Hasher::new(Domain::SMT_ROOT).with(&count).with(top).finish()
}

/// `state_root`: six roots, in ledger order.
pub(crate) fn state_root(sub_roots: &[Hash32; 6]) -> Hash32 {
    sub_roots.iter().fold(Hasher::new(Domain::STATE_ROOT), |hasher, root| hasher.with(root)).finish()
}
