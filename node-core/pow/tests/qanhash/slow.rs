//! Qanhash once more, slowly, from docs/spec/qanhash.md: bytes and the `blake3` crate only, nothing of this crate's code
//! and none of its constants.

#![allow(clippy::cast_possible_truncation, reason = "arithmetic modulo 2^32 is meant")]

/// Nodes, items: the two sizes of the specification's table.
pub(crate) const TEST: (u32, u32) = (1_024, 65_536);
pub(crate) const MAIN: (u32, u32) = (524_288, 33_554_432);

pub(crate) type Bytes = [u8; 64];

fn h64(tag: &str, input: &[u8]) -> Bytes {
    let mut out = [0; 64];
    blake3::Hasher::new_derive_key(&format!("umbel.qanhash.v1.{tag}")).update(input).finalize_xof().fill(&mut out);
    out
}

fn fnv(a: u32, b: u32) -> u32 {
    (u64::from(a) * 0x0100_0193) as u32 ^ b
}

fn word(bytes: &[u8], i: usize) -> u32 {
    u32::from_le_bytes([bytes[4 * i], bytes[4 * i + 1], bytes[4 * i + 2], bytes[4 * i + 3]])
}

fn set_word(bytes: &mut [u8], i: usize, value: u32) {
    bytes[4 * i..4 * i + 4].copy_from_slice(&value.to_le_bytes());
}

pub(crate) fn seed(chain_id: u32, epoch: u64) -> Vec<u8> {
    (0..=epoch).fold(chain_id.to_le_bytes().to_vec(), |x, _| h64("seed", &x)[..32].to_vec())
}

pub(crate) fn cache(seed: &[u8], nc: u32) -> Vec<Bytes> {
    let nc = nc as usize;
    let mut c = vec![h64("c0", seed)];
    for i in 1..nc {
        c.push(h64("c1", &c[i - 1]));
    }
    for _ in 0..3 {
        for i in 0..nc {
            let v = word(&c[i], 0) as usize % nc;
            let before = c[(i + nc - 1) % nc];
            let mut xored = before;
            for (a, b) in xored.iter_mut().zip(&c[v]) {
                *a ^= b;
            }
            c[i] = h64("c2", &xored);
        }
    }
    c
}

pub(crate) fn item(c: &[Bytes], i: u32) -> Bytes {
    let nc = c.len() as u32;
    let mut m = c[(i % nc) as usize];
    let first = word(&m, 0) ^ i;
    set_word(&mut m, 0, first);
    m = h64("d0", &m);
    for j in 0..256u32 {
        let p = fnv(i ^ j, word(&m, (j % 16) as usize)) % nc;
        for k in 0..16 {
            let mixed = fnv(word(&m, k), word(&c[p as usize], k));
            set_word(&mut m, k, mixed);
        }
    }
    h64("d1", &m)
}

/// Mix digest, and the value as a little-endian number.
pub(crate) fn hash(c: &[Bytes], nd: u32, pre_pow: &[u8; 32], nonce: u64) -> ([u8; 32], [u8; 32]) {
    let s = h64("s", &[&pre_pow[..], &nonce.to_le_bytes()].concat());
    let mut mix = [s, s].concat();
    for a in 0..32u32 {
        let p = fnv(a ^ word(&s, 0), word(&mix, (a % 32) as usize)) % (nd / 2);
        let page = [item(c, 2 * p), item(c, 2 * p + 1)].concat();
        for k in 0..32 {
            let mixed = fnv(word(&mix, k), word(&page, k));
            set_word(&mut mix, k, mixed);
        }
    }
    let mut digest = [0; 32];
    for j in 0..8 {
        let four = [0, 1, 2, 3].map(|n| word(&mix, 4 * j + n));
        set_word(&mut digest, j, fnv(fnv(fnv(four[0], four[1]), four[2]), four[3]));
    }
    let mut pow = [0; 32];
    pow.copy_from_slice(&h64("f", &[&s[..32], &digest].concat())[..32]);
    (digest, pow)
}

/// Whether a little-endian value is at most mantissa · 256^(exponent − 3), byte by byte from the top.
pub(crate) fn meets(pow: &[u8; 32], bits: u32) -> bool {
    let mut target = [0u8; 32];
    for (n, byte) in bits.to_le_bytes()[..3].iter().enumerate() {
        if let Some(at) = (n + (bits >> 24) as usize).checked_sub(3).filter(|at| *at < 32) {
            target[at] = *byte;
        }
    }
    for at in (0..32).rev() {
        if pow[at] != target[at] {
            return pow[at] < target[at];
        }
    }
    true
}
