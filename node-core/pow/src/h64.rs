//! `H64(tag, x)`: 64 bytes of BLAKE3 in derive-key mode, for inputs of at most 64 bytes.
//!
//! Such an input is one block, so its 64-byte root output is exactly one call of BLAKE3's compression function. The
//! `blake3` crate offers no entry point for that and would copy 2 KB of hasher state for each of the many calls, so the
//! function stands here; a test compares it with the crate.

use blake3::hazmat::hash_derive_key_context;

/// 64 bytes as little-endian words: a cache node, a dataset item, an output of H64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(64))]
pub struct Node(pub [u32; 16]);

impl Node {
    /// All zero.
    pub const ZERO: Self = Self([0; 16]);

    /// From bytes, with zeros behind them. Bytes beyond 64 are not looked at; no caller has more.
    fn from_bytes(bytes: &[u8]) -> Self {
        let mut words = [0u32; 16];
        for (word, chunk) in words.iter_mut().zip(bytes.chunks(4)) {
            let mut four = [0u8; 4];
            for (to, from) in four.iter_mut().zip(chunk) {
                *to = *from;
            }
            *word = u32::from_le_bytes(four);
        }
        Self(words)
    }

    /// The first 32 bytes.
    pub fn first_half(&self) -> [u8; 32] {
        let mut out = [0u8; 32];
        for (chunk, word) in out.chunks_exact_mut(4).zip(self.0) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        out
    }
}

const IV: [u32; 4] = [0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A];
const PERMUTATION: [usize; 16] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
/// CHUNK_START, CHUNK_END, ROOT and DERIVE_KEY_MATERIAL.
const FLAGS: u32 = 1 | 2 | 8 | 64;

/// H64 under one tag.
#[derive(Clone, Copy, Debug)]
pub struct H64 {
    key: [u32; 8],
}

impl H64 {
    /// `context` is `"umbel.qanhash.v1." ‖ tag`.
    fn new(context: &str) -> Self {
        let key = Node::from_bytes(&hash_derive_key_context(context)).0;
        let [a, b, c, d, e, f, g, h, ..] = key;
        Self { key: [a, b, c, d, e, f, g, h] }
    }

    /// Hashes 64 bytes.
    #[inline]
    pub fn node(&self, input: &Node) -> Node {
        self.compress(&input.0, 64)
    }

    /// Hashes up to 64 bytes.
    pub fn bytes(&self, input: &[u8]) -> Node {
        debug_assert!(input.len() <= 64, "one block");
        self.compress(&Node::from_bytes(input).0, u32::try_from(input.len()).unwrap_or(64).min(64))
    }

    #[inline]
    fn compress(&self, block: &[u32; 16], block_len: u32) -> Node {
        let k = &self.key;
        #[rustfmt::skip]
        let mut v = [
            k[0], k[1], k[2], k[3], k[4], k[5], k[6], k[7],
            IV[0], IV[1], IV[2], IV[3], 0, 0, block_len, FLAGS,
        ];
        let mut m = *block;
        for round in 0..7 {
            mix(&mut v, [0, 4, 8, 12], m[0], m[1]);
            mix(&mut v, [1, 5, 9, 13], m[2], m[3]);
            mix(&mut v, [2, 6, 10, 14], m[4], m[5]);
            mix(&mut v, [3, 7, 11, 15], m[6], m[7]);
            mix(&mut v, [0, 5, 10, 15], m[8], m[9]);
            mix(&mut v, [1, 6, 11, 12], m[10], m[11]);
            mix(&mut v, [2, 7, 8, 13], m[12], m[13]);
            mix(&mut v, [3, 4, 9, 14], m[14], m[15]);
            if round < 6 {
                m = PERMUTATION.map(|from| m[from]);
            }
        }
        let mut out = [0u32; 16];
        for i in 0..8 {
            out[i] = v[i] ^ v[i + 8];
            out[i + 8] = v[i + 8] ^ k[i];
        }
        Node(out)
    }
}

#[inline(always)]
fn mix(v: &mut [u32; 16], [a, b, c, d]: [usize; 4], x: u32, y: u32) {
    v[a] = v[a].wrapping_add(v[b]).wrapping_add(x);
    v[d] = (v[d] ^ v[a]).rotate_right(16);
    v[c] = v[c].wrapping_add(v[d]);
    v[b] = (v[b] ^ v[c]).rotate_right(12);
    v[a] = v[a].wrapping_add(v[b]).wrapping_add(y);
    v[d] = (v[d] ^ v[a]).rotate_right(8);
    v[c] = v[c].wrapping_add(v[d]);
    v[b] = (v[b] ^ v[c]).rotate_right(7);
}

/// The eight tags.
#[derive(Clone, Copy, Debug)]
pub struct Tags {
    /// Epoch seeds.
    pub seed: H64,
    /// First cache node.
    pub c0: H64,
    /// Further cache nodes.
    pub c1: H64,
    /// Cache mixing.
    pub c2: H64,
    /// Start of an item.
    pub d0: H64,
    /// End of an item.
    pub d1: H64,
    /// Start of a hash.
    pub s: H64,
    /// End of a hash.
    pub f: H64,
}

impl Tags {
    /// Derives the keys: some ten compressions.
    pub fn new() -> Self {
        Self {
            seed: H64::new("umbel.qanhash.v1.seed"),
            c0: H64::new("umbel.qanhash.v1.c0"),
            c1: H64::new("umbel.qanhash.v1.c1"),
            c2: H64::new("umbel.qanhash.v1.c2"),
            d0: H64::new("umbel.qanhash.v1.d0"),
            d1: H64::new("umbel.qanhash.v1.d1"),
            s: H64::new("umbel.qanhash.v1.s"),
            f: H64::new("umbel.qanhash.v1.f"),
        }
    }
}

impl Default for Tags {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_blake3_crate() {
        let h = H64::new("umbel.qanhash.v1.s");
        let input: Vec<u8> = (0..64).map(|i| i * 3 + 1).collect();
        for len in 0..=64 {
            let mut expected = [0u8; 64];
            blake3::Hasher::new_derive_key("umbel.qanhash.v1.s")
                .update(&input[..len])
                .finalize_xof()
                .fill(&mut expected);
            assert_eq!(h.bytes(&input[..len]), Node::from_bytes(&expected), "{len} bytes");
        }
        assert_eq!(h.node(&Node::from_bytes(&input)), h.bytes(&input));
    }
}
