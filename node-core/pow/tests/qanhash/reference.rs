//! Caches, items and hashes equal the second implementation's, and frozen vectors: neither can change unnoticed.

use umbel_pow::DatasetError;
use umbel_pow::cache::{Cache, epoch_seed};
use umbel_pow::dataset::Dataset;
use umbel_pow::h64::{Node, Tags};
use umbel_pow::hash::{hash, hash_of_claimed_digest};
use umbel_pow::profile::{MainCache, TestCache, TestDataset};
use umbel_types::Hash32;

use crate::slow;

fn node_bytes(node: &Node) -> Vec<u8> {
    node.0.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// BLAKE3 of all nodes, one after the other.
fn digest(nodes: impl Iterator<Item = Vec<u8>>) -> String {
    let mut hasher = blake3::Hasher::new();
    nodes.for_each(|node| {
        hasher.update(&node);
    });
    hex(hasher.finalize().as_bytes())
}

/// 64-bit numbers that follow from a name.
fn random(name: &str, n: usize) -> Vec<u64> {
    let mut bytes = vec![0; 8 * n];
    blake3::Hasher::new().update(name.as_bytes()).finalize_xof().fill(&mut bytes);
    bytes.chunks_exact(8).map(|chunk| u64::from_le_bytes(chunk.try_into().expect("eight"))).collect()
}

fn random_pre_pow(nonce: u64) -> [u8; 32] {
    *blake3::hash(&nonce.to_le_bytes()).as_bytes()
}

/// Nodes, items and hashes of both implementations. The cache and its digest.
fn compare<const NC: u32, const ND: u32>(
    chain_id: u32,
    epoch: u64,
    items: usize,
    hashes: usize,
) -> (Cache<NC, ND>, String) {
    let seed = epoch_seed(&Tags::new(), chain_id, epoch);
    assert_eq!(seed.to_vec(), slow::seed(chain_id, epoch));
    let cache = Cache::<NC, ND>::build(seed);
    let expected = slow::cache(&seed, NC);
    let of_cache = digest(cache.nodes().iter().map(node_bytes));
    assert_eq!(of_cache, digest(expected.iter().map(|node| node.to_vec())), "chain {chain_id}, epoch {epoch}");
    let edges = [0, 1, NC - 1, NC, ND / 2, ND - 1];
    let inside = random("items", items).into_iter().map(|n| u32::try_from(n % u64::from(ND)).expect("small"));
    for i in edges.into_iter().chain(inside) {
        let [node] = cache.items([i]);
        assert_eq!(node_bytes(&node), slow::item(&expected, i), "item {i}");
        assert_eq!(cache.items([i, 0, i])[2], node, "item {i} beside others");
    }
    for nonce in [0, u64::MAX].into_iter().chain(random("nonces", hashes)) {
        let pre_pow = random_pre_pow(nonce);
        let light = hash(&cache, &Hash32(pre_pow), nonce);
        let (mix_digest, pow) = slow::hash(&expected, ND, &pre_pow, nonce);
        assert_eq!((light.mix_digest, light.pow.to_le_bytes::<32>()), (mix_digest, pow), "nonce {nonce}");
        let cheap = hash_of_claimed_digest(&Tags::new(), &Hash32(pre_pow), nonce, &light.mix_digest);
        assert_eq!(cheap, light.pow);
    }
    (cache, of_cache)
}

#[test]
fn the_main_profile_equals_the_slow_implementation_and_is_frozen() {
    let (cache, digest): (MainCache, _) = compare::<{ slow::MAIN.0 }, { slow::MAIN.1 }>(13, 0, 200, 6);
    assert_eq!(digest, FROZEN_MAIN_CACHE);
    assert_eq!(vectors(&cache, 13), FROZEN_MAIN);
}

#[test]
fn the_test_profile_equals_the_slow_implementation_and_is_frozen() {
    for (chain_id, epoch) in [(1313, 1), (1314, 5), (1313, 0)] {
        let (cache, _): (TestCache, _) = compare::<{ slow::TEST.0 }, { slow::TEST.1 }>(chain_id, epoch, 200, 20);
        if (chain_id, epoch) == (1313, 0) {
            assert_eq!(vectors(&cache, chain_id), FROZEN_TEST);
        }
    }
}

/// Nothing in the code may depend on the two sizes that are used.
#[test]
fn other_sizes_equal_the_slow_implementation() {
    for epoch in 0..4 {
        compare::<32, 4096>(13, epoch, 200, 20);
        compare::<1, 16>(13, epoch, 20, 5);
    }
}

#[test]
fn a_dataset_holds_the_cache_s_items_whatever_the_number_of_threads() {
    let cache = TestCache::build([3; 32]);
    for threads in [0, 1, 2, 7] {
        let dataset = TestDataset::build(&cache, threads, &|| false).expect("not stopped");
        for page in (0..slow::TEST.1 / 2).step_by(if threads == 2 { 1 } else { 97 }) {
            assert_eq!(dataset.page(page), cache.items([2 * page, 2 * page + 1]), "{threads} threads, page {page}");
        }
        assert_eq!(hash(&dataset, &Hash32([7; 32]), 77), hash(&cache, &Hash32([7; 32]), 77), "full equals light");
    }
    // Smaller than a chunk.
    let cache = Cache::<32, 4096>::build([3; 32]);
    let dataset = Dataset::build(&cache, 2, &|| false).expect("not stopped");
    assert!((0..2048).all(|page| dataset.page(page) == cache.items([2 * page, 2 * page + 1])));
}

/// A thread looks at the signal every 1,024 items and not again once it was set.
#[test]
fn a_dataset_s_threads_stop_at_their_next_look() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let cache = TestCache::build([3; 32]);
    for (threads, at) in [(1, 1), (1, 7), (2, 20), (4, 3)] {
        let looks = AtomicUsize::new(0);
        let stop = || looks.fetch_add(1, Ordering::SeqCst) + 1 >= at;
        assert_eq!(TestDataset::build(&cache, threads, &stop).err(), Some(DatasetError::Stopped));
        let looks = looks.load(Ordering::SeqCst);
        assert!((at..at + threads).contains(&looks), "{threads} threads looked {looks} times, stopped at {at}");
    }
    let looks = AtomicUsize::new(0);
    let whole = TestDataset::build(&cache, 1, &|| looks.fetch_add(1, Ordering::SeqCst) == usize::MAX);
    assert!(whole.is_ok());
    assert_eq!(looks.into_inner(), 64, "65,536 items");
}

/// See [`FROZEN_MAIN`].
fn vectors<const NC: u32, const ND: u32>(cache: &Cache<NC, ND>, chain_id: u32) -> Vec<String> {
    let mut got: Vec<_> = [0, 1].iter().map(|epoch| hex(&epoch_seed(&Tags::new(), chain_id, *epoch))).collect();
    got.extend(cache.items([0, 1, ND - 1]).iter().map(|item| hex(&item.first_half())));
    for (pre_pow, nonce) in [([0; 32], 0), ([0xff; 32], 0x0123_4567_89ab_cdef)] {
        let hash = hash(cache, &Hash32(pre_pow), nonce);
        got.extend([hex(&hash.mix_digest), hex(&hash.pow.to_le_bytes::<32>())]);
    }
    got
}

/// Frozen, like all that follow: a change here is another proof of work. BLAKE3 of the main network's first cache.
const FROZEN_MAIN_CACHE: &str = "96056d6700f1a37fcf6f7e58ad5bc79fa55c63643bebb2796cf143c15c8090f1";

/// Chain 13: seeds of epochs 0 and 1. Epoch 0: half of items 0, 1 and the last; digest and value of two hashes.
const FROZEN_MAIN: [&str; 9] = [
    "39b44511f7758bdf5fee727ef39703844ef05f1b9ff111d9c383835dc41916da",
    "2ccf1873ad620c90c4f48dbf9101e25e2de4b4fde086513242056ad0c47fad49",
    "e2ef0498fbd8df7a0218f62f86fb3ea31bc031dc3ab9ad2fa11fbf5b852e66bf",
    "e0b2f1832c606e0e6ab10d372d1c05b2e39ee1e6f48bd6b6b1f16fecb234f2ff",
    "968acaef2b983ae5f1b375a78ddb6e3069e128936fa2614a18353040523d1134",
    "30d3d2a6f7cee18463dc5c793a932e573ec084f255a813a91f00accf96b939b2",
    "9ee90b0e2d7bb6d1f7cb9a8e99054b1faf374ffa1a8d85e144dbe78041d2b88a",
    "f05e9331258da45fa4dc53fb480ad92b592aae7033c9df39fac397a22d9ff0ac",
    "ab440fa21879fd427b2152d931d02423ef184f2351c229b670504ca1bb641018",
];

/// The same of the Test profile on chain 1313.
const FROZEN_TEST: [&str; 9] = [
    "973901b618c486d51b013045b8e6995000bb1c069d05afe93c13b4c0df40398a",
    "3ca7d577f92673ac7242b4762371bb7e5cfeb0a607fc683ee32a626a38a8044d",
    "b960e6bbe6ce1429b66888e4f44e5cd4c97245cefc9785af851155a9dee10d98",
    "1e6a38983043d49359ace07c207bcfaab34af7a8a32d9992f6f5bfbedbda66e4",
    "980dcfda620679bc6b4cbd5b7819e9cfaa731eca7c145e4e83ed59569b926931",
    "62c0abef4472e10d99c2fff87149f55f7880a8f0e4a0421c890a51f1f6a6e555",
    "11afaa060910b4dc649ca17d1b416cfd621997cd41e455d67dcec0b4f6b7c858",
    "a9e1e90c442299ad40b6d2d7cbdf42f5908be122ab256ec8f9b558e9204b9e20",
    "b95296ccf9ef3355880411c9340bb4b8c8c8241e5d4437c0b429b14f7d9d0b87",
];
