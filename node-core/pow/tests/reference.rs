//! Qanhash once more, slowly, from the specification: bytes and the `blake3` crate only, nothing of this crate's code.
//! Plus frozen vectors, so that neither of the two can change unnoticed.

#![allow(clippy::cast_possible_truncation, reason = "arithmetic modulo 2^32 is meant")]

use umbel_pow::cache::{Cache, epoch_seed};
use umbel_pow::dataset::Dataset;
use umbel_pow::h64::Tags;
use umbel_pow::hash::{hash, hash_of_claimed_digest};
use umbel_pow::profile::{TEST_CACHE_NODES, TEST_DATASET_ITEMS, TestCache, TestDataset};
use umbel_types::Hash32;

type Bytes = [u8; 64];

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

fn slow_seed(chain_id: u32, epoch: u64) -> Vec<u8> {
    (0..=epoch).fold(chain_id.to_le_bytes().to_vec(), |x, _| h64("seed", &x)[..32].to_vec())
}

fn slow_cache(seed: &[u8], nc: usize) -> Vec<Bytes> {
    let mut c = vec![h64("c0", seed)];
    for i in 1..nc {
        c.push(h64("c1", &c[i - 1]));
    }
    for _ in 0..3 {
        for i in 0..nc {
            let v = word(&c[i], 0) as usize % nc;
            let before = c[(i + nc - 1) % nc];
            let xored: Vec<u8> = before.iter().zip(&c[v]).map(|(a, b)| a ^ b).collect();
            c[i] = h64("c2", &xored);
        }
    }
    c
}

fn slow_item(c: &[Bytes], i: u32) -> Bytes {
    let nc = c.len() as u32;
    let mut m = c[(i % nc) as usize];
    let first = word(&m, 0) ^ i;
    set_word(&mut m, 0, first);
    m = h64("d0", &m);
    for j in 0..128u32 {
        let p = fnv(i ^ j, word(&m, (j % 16) as usize)) % nc;
        for k in 0..16 {
            let mixed = fnv(word(&m, k), word(&c[p as usize], k));
            set_word(&mut m, k, mixed);
        }
    }
    h64("d1", &m)
}

/// (mix digest, pow)
fn slow_hash(c: &[Bytes], nd: u32, pre_pow: &[u8; 32], nonce: u64) -> (Vec<u8>, Vec<u8>) {
    let s = h64("s", &[&pre_pow[..], &nonce.to_le_bytes()].concat());
    let mut mix = [s, s].concat();
    for a in 0..32u32 {
        let p = fnv(a ^ word(&s, 0), word(&mix, (a % 32) as usize)) % (nd / 2);
        let page = [slow_item(c, 2 * p), slow_item(c, 2 * p + 1)].concat();
        for k in 0..32 {
            let mixed = fnv(word(&mix, k), word(&page, k));
            set_word(&mut mix, k, mixed);
        }
    }
    let mut cmix = vec![0; 32];
    for j in 0..8 {
        let four = [0, 1, 2, 3].map(|n| word(&mix, 4 * j + n));
        set_word(&mut cmix, j, fnv(fnv(fnv(four[0], four[1]), four[2]), four[3]));
    }
    let pow = h64("f", &[&s[..32], &cmix].concat())[..32].to_vec();
    (cmix, pow)
}

fn pre_pow(n: u8) -> Hash32 {
    Hash32([n; 32])
}

fn node_bytes(node: &umbel_pow::h64::Node) -> Vec<u8> {
    node.0.iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[test]
fn the_test_profile_equals_the_slow_implementation() {
    let tags = Tags::new();
    for (chain_id, epoch) in [(1313, 0), (1313, 1), (1314, 5)] {
        let seed = epoch_seed(&tags, chain_id, epoch);
        assert_eq!(seed.to_vec(), slow_seed(chain_id, epoch));
        let cache = TestCache::build(seed);
        let slow = slow_cache(&seed, TEST_CACHE_NODES as usize);
        let dataset = TestDataset::build(&cache);
        for page in [0, 1, 511, 512, 12_345, TEST_DATASET_ITEMS / 2 - 1] {
            let expected = [slow_item(&slow, 2 * page), slow_item(&slow, 2 * page + 1)].concat();
            let got = cache.page(page);
            assert_eq!([node_bytes(&got[0]), node_bytes(&got[1])].concat(), expected, "page {page}");
            assert_eq!(dataset.page(page), got);
        }
        for nonce in [0, 1, 77, u64::MAX] {
            let (mix_digest, pow) = slow_hash(&slow, TEST_DATASET_ITEMS, &[7; 32], nonce);
            let light = hash(&cache, &pre_pow(7), nonce);
            assert_eq!((light.mix_digest.to_vec(), light.pow.to_le_bytes::<32>().to_vec()), (mix_digest, pow));
            assert_eq!(hash(&dataset, &pre_pow(7), nonce), light, "full equals light");
            assert_eq!(hash_of_claimed_digest(&tags, &pre_pow(7), nonce, &light.mix_digest), light.pow);
        }
    }
}

/// `Main`'s loops with other sizes: nothing in the code may depend on those of `Test`.
#[test]
fn other_sizes_equal_the_slow_implementation() {
    let seed = epoch_seed(&Tags::new(), 13, 0);
    let cache = Cache::<32, 4096>::build(seed);
    let slow = slow_cache(&seed, 32);
    for nonce in 0..20 {
        let (mix_digest, pow) = slow_hash(&slow, 4096, &[9; 32], nonce);
        let got = hash(&cache, &pre_pow(9), nonce);
        assert_eq!((got.mix_digest.to_vec(), got.pow.to_le_bytes::<32>().to_vec()), (mix_digest, pow));
    }
}

#[test]
fn a_dataset_in_slices_equals_one_in_one_piece() {
    let cache = Cache::<32, 4096>::build([3; 32]);
    let whole = Dataset::build(&cache);
    for n in [1, 2, 3, 7, 5000] {
        let mut dataset = Dataset::<32, 4096>::empty();
        std::thread::scope(|scope| {
            for slice in dataset.slices(n) {
                let cache = &cache;
                scope.spawn(move || assert!(slice.fill(cache, || false)));
            }
        });
        for page in 0..2048 {
            assert_eq!(dataset.page(page), whole.page(page), "{n} slices, page {page}");
        }
    }
    let mut dataset = Dataset::<32, 4096>::empty();
    assert!(dataset.slices(1).into_iter().all(|slice| !slice.fill(&cache, || true)), "stopped at once");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Frozen: a change here is another proof of work.
#[test]
fn frozen_test_profile() {
    let tags = Tags::new();
    let seed = epoch_seed(&tags, 1313, 0);
    let cache = TestCache::build(seed);
    let got = [
        hex(&seed),
        hex(&epoch_seed(&tags, 1313, 1)),
        hex(&node_bytes(&cache.page(0)[0])[..32]),
        hex(&hash(&cache, &pre_pow(0), 0).mix_digest),
        hex(&hash(&cache, &pre_pow(0), 0).pow.to_le_bytes::<32>()),
        hex(&hash(&cache, &pre_pow(0xff), 0x0123_4567_89ab_cdef).mix_digest),
        hex(&hash(&cache, &pre_pow(0xff), 0x0123_4567_89ab_cdef).pow.to_le_bytes::<32>()),
    ];
    assert_eq!(got, FROZEN);
}

/// Seeds of epochs 0 and 1 on chain 1313; half of item 0; digest and value of two hashes in epoch 0.
const FROZEN: [&str; 7] = [
    "973901b618c486d51b013045b8e6995000bb1c069d05afe93c13b4c0df40398a",
    "3ca7d577f92673ac7242b4762371bb7e5cfeb0a607fc683ee32a626a38a8044d",
    "ea82751900c0bfc563915ee92c7afb02be03fab4f251e46ebfaf1d469a6bf378",
    "e3bb155e8cdd82170928c641997dc8fe0d89ded46b6678d50015888e2b8fc494",
    "c6276c3074b0c763c8ce86e8b6c5b70d3fce3cada3574f0fa906b58cf7e3c348",
    "a82d2ac4e3f2671fcc2308c0bf2b8fae2043002ab230c1a42fe28209ee8043e8",
    "4ddbd9dfc2d0e354255591788606223bdcc1811a9261f94f429f4c7af73d0b12",
];
