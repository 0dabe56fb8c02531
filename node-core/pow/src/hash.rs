//! The hash: 32 pages of the dataset, one after the other.

use ruint::aliases::U256;
use umbel_types::Hash32;

use crate::cache::{Cache, fnv};
use crate::dataset::Dataset;
use crate::h64::{Node, Tags};
use crate::profile::ACCESSES;

/// Where pages come from: computed from a cache, or read from a dataset.
pub trait Pages {
    /// Number of pages.
    const COUNT: u32;
    /// The items `2·number` and `2·number + 1`; the caller has taken `number` modulo [`Self::COUNT`].
    fn page(&self, number: u32) -> [Node; 2];
    /// The keys.
    fn tags(&self) -> &Tags;
}

impl<const NC: u32, const ND: u32> Pages for Cache<NC, ND> {
    const COUNT: u32 = ND / 2;
    fn page(&self, number: u32) -> [Node; 2] {
        self.items([2 * number, 2 * number + 1])
    }
    fn tags(&self) -> &Tags {
        self.tags()
    }
}

impl<const NC: u32, const ND: u32> Pages for Dataset<NC, ND> {
    const COUNT: u32 = ND / 2;
    fn page(&self, number: u32) -> [Node; 2] {
        self.page(number)
    }
    fn tags(&self) -> &Tags {
        self.tags()
    }
}

/// What hashing a nonce gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowHash {
    /// Goes into the header.
    pub mix_digest: [u8; 32],
    /// Must not exceed the target.
    pub pow: U256,
}

/// `s = H64("s", pre_pow ‖ nonce)`.
fn start(tags: &Tags, pre_pow: &Hash32, nonce: u64) -> Node {
    let mut input = [0u8; 40];
    input[..32].copy_from_slice(&pre_pow.0);
    input[32..].copy_from_slice(&nonce.to_le_bytes());
    tags.s.bytes(&input)
}

/// `H64("f", s[0..32] ‖ cmix)[..32]` as a little-endian number.
fn finish(tags: &Tags, s: &Node, mix_digest: &[u8; 32]) -> U256 {
    let mut input = [0u8; 64];
    input[..32].copy_from_slice(&s.first_half());
    input[32..].copy_from_slice(mix_digest);
    U256::from_le_bytes(tags.f.bytes(&input).first_half())
}

/// Hashes one nonce.
///
/// ```text
/// s   = H64("s", pre_pow ‖ nonce); mix = s ‖ s as 32×u32
/// for a in 0..ACCESSES { p = fnv(a ⊕ s.u32[0], mix[a%32]) % (ND/2); mix[k] = fnv(mix[k], page(p)[k]) for k in 0..32 }
/// cmix[j] = fnv(fnv(fnv(mix[4j], mix[4j+1]), mix[4j+2]), mix[4j+3]) for j in 0..8
/// pow = H64("f", s[0..32] ‖ cmix)[..32]
/// ```
pub fn hash<P: Pages>(pages: &P, pre_pow: &Hash32, nonce: u64) -> PowHash {
    let s = start(pages.tags(), pre_pow, nonce);
    let mut mix = [0u32; 32];
    mix[..16].copy_from_slice(&s.0);
    mix[16..].copy_from_slice(&s.0);
    for a in 0..ACCESSES {
        let number = fnv(a ^ s.0[0], mix[(a % 32) as usize]) % P::COUNT;
        let page = pages.page(number);
        for (word, with) in mix.iter_mut().zip(page.iter().flat_map(|node| node.0)) {
            *word = fnv(*word, with);
        }
    }
    let mut mix_digest = [0u8; 32];
    for (out, four) in mix_digest.chunks_exact_mut(4).zip(mix.chunks_exact(4)) {
        let word = four[1..].iter().fold(four[0], |word, &with| fnv(word, with));
        out.copy_from_slice(&word.to_le_bytes());
    }
    PowHash { mix_digest, pow: finish(pages.tags(), &s, &mix_digest) }
}

/// The value that a claimed mix digest leads to: two compressions, no memory. Whoever wants to pass this test without
/// the memory must grind as many compressions as an honest miner grinds hashes, and is then caught by the full check.
pub fn hash_of_claimed_digest(tags: &Tags, pre_pow: &Hash32, nonce: u64, mix_digest: &[u8; 32]) -> U256 {
    finish(tags, &start(tags, pre_pow, nonce), mix_digest)
}
