//! The cache: what a verifier keeps in memory for an epoch.

use crate::h64::{Node, Tags};
use crate::profile::PARENTS;

/// `fnv(a, b) = a · 0x01000193 ⊕ b`. Mixes, and is not cryptographic: BLAKE3 stands at both ends of everything.
#[inline(always)]
pub fn fnv(a: u32, b: u32) -> u32 {
    a.wrapping_mul(0x0100_0193) ^ b
}

/// Seed of an epoch: a hash chain that starts from the chain id, so it is known for all times and needs no chain data.
///
/// Costs one compression an epoch.
pub fn epoch_seed(tags: &Tags, chain_id: u32, epoch: u64) -> [u8; 32] {
    let mut seed = tags.seed.bytes(&chain_id.to_le_bytes()).first_half();
    for _ in 0..epoch {
        seed = tags.seed.bytes(&seed).first_half();
    }
    seed
}

/// `NC` nodes of 64 bytes, from which each of `ND` dataset items can be computed. Both are powers of two.
#[derive(Clone, Debug)]
pub struct Cache<const NC: u32, const ND: u32> {
    nodes: Vec<Node>,
    tags: Tags,
}

impl<const NC: u32, const ND: u32> Cache<NC, ND> {
    /// Fills the cache: 4·NC compressions one after the other, most of a second for `Main`.
    ///
    /// ```text
    /// c[0] = H64("c0", seed); c[i] = H64("c1", c[i−1])
    /// 3×: for i in 0..NC { v = c[i].u32[0] % NC; c[i] = H64("c2", c[(i+NC−1) % NC] ⊕ c[v]) }
    /// ```
    pub fn build(seed: [u8; 32]) -> Self {
        const { assert!(NC.is_power_of_two() && ND.is_power_of_two() && ND >= 2) };
        let tags = Tags::new();
        let len = NC as usize;
        let mut nodes = Vec::with_capacity(len);
        let mut last = tags.c0.bytes(&seed);
        for _ in 0..len {
            nodes.push(last);
            last = tags.c1.node(&last);
        }
        for _ in 0..3 {
            let mut previous = nodes[len - 1];
            for i in 0..len {
                let other = nodes[nodes[i].0[0] as usize % len];
                let mut input = previous;
                for (word, with) in input.0.iter_mut().zip(other.0) {
                    *word ^= with;
                }
                previous = tags.c2.node(&input);
                nodes[i] = previous;
            }
        }
        Self { nodes, tags }
    }

    /// The keys, for hashing with this cache.
    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    /// All nodes, to compare them with another implementation's.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    #[inline(always)]
    fn node(&self, number: u32) -> &Node {
        &self.nodes[(number % NC) as usize]
    }

    /// Computes dataset items.
    ///
    /// ```text
    /// item(i): m = c[i % NC]; m[0] ⊕= i; m = H64("d0", m)
    ///          for j in 0..PARENTS { p = fnv(i ⊕ j, m[j%16]) % NC; m[k] = fnv(m[k], c[p].u32[k]) for k in 0..16 }
    ///          return H64("d1", m)
    /// ```
    /// Each read depends on the one before it, so the items are walked side by side: the processor waits for `N` reads
    /// at once.
    #[inline]
    pub fn items<const N: usize>(&self, numbers: [u32; N]) -> [Node; N] {
        let mut mixes = numbers.map(|i| {
            let mut m = *self.node(i);
            m.0[0] ^= i;
            self.tags.d0.node(&m)
        });
        for j in 0..PARENTS {
            for (m, i) in mixes.iter_mut().zip(numbers) {
                let parent = self.node(fnv(i ^ j, m.0[(j % 16) as usize]));
                for (word, with) in m.0.iter_mut().zip(parent.0) {
                    *word = fnv(*word, with);
                }
            }
        }
        mixes.map(|m| self.tags.d1.node(&m))
    }
}
