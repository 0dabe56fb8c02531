//! The way from a leaf to the root of a Merkle tree that promotes odd nodes (`umbel_types::merkle`).

use umbel_types::Hash32;
use umbel_types::encode::{Decode, DecodeError, Encode, Reader, encode_list};
use umbel_types::hash::{Domain, Hasher};

/// Most siblings: a count has 32 bits.
const MAX_SIBLINGS: usize = 32;

/// Which leaf of how many, and the hashes beside its way up. Always of the one form that index and count give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MerklePath {
    index: u32,
    count: u32,
    siblings: Vec<Hash32>,
}

/// A level of the tree on the way up.
#[derive(Clone, Copy)]
enum Step {
    /// The node stands left of the next sibling.
    Left,
    /// The node stands right of it.
    Right,
    /// The node is the odd one, and is the node above as it is.
    Promoted,
}

/// The levels from the leaf to the root.
fn steps(mut index: u32, mut count: u32) -> impl Iterator<Item = Step> {
    core::iter::from_fn(move || {
        (count > 1).then(|| {
            let step = match (index % 2, index + 1 == count) {
                (1, _) => Step::Right,
                (_, true) => Step::Promoted,
                (_, false) => Step::Left,
            };
            index /= 2;
            count = count.div_ceil(2);
            step
        })
    })
}

fn sibling_count(index: u32, count: u32) -> usize {
    steps(index, count).filter(|step| !matches!(step, Step::Promoted)).count()
}

fn node(left: &Hash32, right: &Hash32) -> Hash32 {
    Hasher::new(Domain::MERKLE_NODE).with(left).with(right).finish()
}

impl MerklePath {
    /// To a leaf of a list; `None` if there is no such leaf.
    pub(crate) fn new(leaves: &[Hash32], index: usize) -> Option<Self> {
        leaves.get(index)?;
        let (index, count) = (u32::try_from(index).ok()?, u32::try_from(leaves.len()).ok()?);
        let (mut level, mut place) = (leaves.to_vec(), index as usize);
        let mut siblings = Vec::new();
        while level.len() > 1 {
            siblings.extend(level.get(place ^ 1));
            level = level
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => node(left, right),
                    odd => odd[0],
                })
                .collect();
            place /= 2;
        }
        Some(Self { index, count, siblings })
    }

    /// The root that the leaf and this path give.
    pub(crate) fn root(&self, leaf: Hash32) -> Hash32 {
        let mut siblings = self.siblings.iter();
        let top = steps(self.index, self.count).fold(leaf, |hash, step| match step {
            Step::Promoted => hash,
            Step::Left => siblings.next().map_or(hash, |right| node(&hash, right)),
            Step::Right => siblings.next().map_or(hash, |left| node(left, &hash)),
        });
        Hasher::new(Domain::MERKLE_ROOT).with(&u64::from(self.count)).with(&top).finish()
    }
}

impl Encode for MerklePath {
    fn encode(&self, out: &mut Vec<u8>) {
        self.index.encode(out);
        self.count.encode(out);
        encode_list(&self.siblings, out);
    }
}

impl Decode for MerklePath {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (index, count) = (u32::decode(r)?, u32::decode(r)?);
        let siblings: Vec<Hash32> = r.list(MAX_SIBLINGS, "siblings of a Merkle path")?;
        if index >= count || siblings.len() != sibling_count(index, count) {
            return Err(DecodeError::NotCanonical { what: "Merkle path" });
        }
        Ok(Self { index, count, siblings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use umbel_types::merkle::merkle_root;

    /// Every leaf of every small tree leads to the root of the list, and nothing else does from there.
    #[test]
    fn a_path_leads_to_the_root_of_the_list() {
        for count in 1..40u8 {
            let leaves: Vec<Hash32> = (0..count).map(|n| Hash32([n; 32])).collect();
            let root = merkle_root(&leaves);
            for (index, leaf) in leaves.iter().enumerate() {
                let path = MerklePath::new(&leaves, index).unwrap();
                assert_eq!(path.root(*leaf), root, "{index} of {count}");
                assert_eq!(MerklePath::from_bytes(&path.to_bytes()), Ok(path.clone()));
                assert_ne!(path.root(Hash32([count; 32])), root);
                let moved = (0..u32::from(count)).filter(|other| *other != path.index);
                for index in moved {
                    let moved = MerklePath { index, ..path.clone() }.to_bytes();
                    assert!(MerklePath::from_bytes(&moved).map_or(true, |moved| moved.root(*leaf) != root));
                }
            }
            assert_eq!(MerklePath::new(&leaves, leaves.len()), None);
        }
    }

    /// A path of another form than its index and count give is refused, so that no sibling is left over or missing.
    #[test]
    fn a_path_has_one_form() {
        let leaves = [Hash32([1; 32]); 5];
        let path = MerklePath::new(&leaves, 4).unwrap();
        assert_eq!(path.siblings.len(), 1, "the odd leaf is promoted twice");
        let refused = Err(DecodeError::NotCanonical { what: "Merkle path" });
        let longer = MerklePath { siblings: vec![Hash32([1; 32]); 2], ..path.clone() };
        let shorter = MerklePath { siblings: Vec::new(), ..path.clone() };
        for bad in [longer, shorter, MerklePath { index: 5, ..path.clone() }, MerklePath { count: 0, ..path }] {
            assert_eq!(MerklePath::from_bytes(&bad.to_bytes()), refused);
        }
        let most = MerklePath { index: 0, count: u32::MAX, siblings: vec![Hash32([1; 32]); MAX_SIBLINGS] };
        assert_eq!(MerklePath::from_bytes(&most.to_bytes()), Ok(most));
    }
}
