//! A network's proof of work: what is accepted, what is refused, and why.

use umbel_pow::{DatasetError, MAX_EPOCH, Pow, PowError, SearchOutcome};
use umbel_types::header::{BLOCK_VERSION, CertRef};
use umbel_types::params::PowProfile;
use umbel_types::{BlockHash, BlueScore, BlueWork, CompactTarget, DaaScore, Hash32, Header, TimestampMs};

use crate::slow;

const EPOCH: u64 = 1000;

fn header(daa_score: u64, bits: CompactTarget) -> Header {
    Header {
        version: BLOCK_VERSION,
        parents: vec![BlockHash([1; 32])],
        tx_root: Hash32([2; 32]),
        accepted_root: Hash32([3; 32]),
        utxo_commit: Hash32([4; 32]),
        state_root: Hash32([5; 32]),
        chain_mmr_root: Hash32([6; 32]),
        timestamp: TimestampMs(1_700_000_000_000),
        nonce: 0,
        bits,
        daa_score: DaaScore(daa_score),
        blue_score: BlueScore(1),
        blue_work: BlueWork::from_u64(2),
        cert: CertRef::genesis(),
        mix_digest: [0; 32],
    }
}

fn mined(pow: &Pow, mut header: Header) -> (Header, SearchOutcome) {
    let outcome = pow.mine(&header, 0..u64::MAX, || false).expect("valid bits");
    let solution = outcome.solution.expect("found");
    header.nonce = solution.nonce;
    header.mix_digest = solution.mix_digest;
    (header, outcome)
}

#[test]
fn mined_blocks_are_accepted_and_changed_ones_are_not() {
    let pow = Pow::new(PowProfile::Test, 1313, EPOCH);
    let bits = CompactTarget(0x200f_ffff);
    for daa in [1, EPOCH - 1, EPOCH, 2 * EPOCH, 7] {
        let (good, _) = mined(&pow, header(daa, bits));
        assert_eq!(pow.check_digest(&good), Ok(()));
        assert_eq!(pow.verify(&good), Ok(()));

        let mut other_epoch = good.clone();
        other_epoch.daa_score = DaaScore(daa + EPOCH);
        assert!(pow.verify(&other_epoch).is_err());
        for i in 0..32 {
            let mut changed = good.clone();
            changed.mix_digest[i] ^= 1;
            assert!(pow.verify(&changed).is_err(), "mix digest, byte {i}");
        }
        let refused = (1..=20).filter(|n| {
            let mut changed = good.clone();
            changed.nonce = good.nonce + n;
            pow.verify(&changed).is_err()
        });
        assert_eq!(refused.count(), 20, "the digest belongs to one nonce");
    }
    assert!(Pow::new(PowProfile::Test, 1314, EPOCH).verify(&mined(&pow, header(1, bits)).0).is_err(), "another chain");
}

#[test]
fn a_ground_digest_passes_the_cheap_check_only() {
    let pow = Pow::new(PowProfile::Test, 1313, EPOCH);
    let mut forged = header(1, CompactTarget::EASIEST);
    while pow.check_digest(&forged).is_err() {
        forged.mix_digest[0] += 1;
    }
    assert_eq!(pow.verify(&forged), Err(PowError::WrongMixDigest));
}

#[test]
fn a_harder_target_takes_more_hashes() {
    let pow = Pow::new(PowProfile::Test, 1313, EPOCH);
    let hashes = |bits| (0..20).map(|daa| mined(&pow, header(daa, CompactTarget(bits))).1.hashes).sum::<u64>();
    let (easy, hard) = (hashes(0x207f_ffff), hashes(0x1f7f_ffff));
    assert!((20..100).contains(&easy), "about 2 a block: {easy}");
    assert!((3_000..20_000).contains(&hard), "about 512 a block: {hard}");
}

#[test]
fn a_dataset_finds_the_same_nonce_in_its_epoch_and_only_one_is_kept() {
    let pow = Pow::new(PowProfile::Test, 1313, EPOCH);
    let bits = CompactTarget(0x1f7f_ffff);
    let templates = [5, EPOCH, 2 * EPOCH - 1].map(|daa| header(daa, bits));
    let light = templates.clone().map(|template| mined(&pow, template).0);
    for epoch in [0, 1] {
        pow.build_dataset(epoch, 2, &|| false).expect("not stopped");
        assert_eq!([0, 1, 2].map(|e| pow.has_dataset(e)), [0, 1, 2].map(|e| e == epoch));
        assert_eq!(templates.clone().map(|template| mined(&pow, template).0), light, "with epoch {epoch}'s");
    }
    pow.build_dataset(1, 2, &|| panic!("there is nothing to build")).expect("is there");
    assert_eq!(pow.build_dataset(2, 2, &|| true), Err(DatasetError::Stopped));
    assert!((0..3).all(|epoch| !pow.has_dataset(epoch)), "another epoch's was given back before");
    pow.build_dataset(1, 1, &|| false).expect("not stopped");
    pow.drop_dataset();
    assert!(!pow.has_dataset(1));
    assert_eq!(
        pow.build_dataset(MAX_EPOCH + 1, 1, &|| false),
        Err(DatasetError::Epoch(PowError::EpochTooFar(MAX_EPOCH + 1)))
    );
}

#[test]
fn a_dataset_s_memory_is_known_before_it_is_taken() {
    let bytes = |profile| Pow::new(profile, 13, EPOCH).dataset_memory_bytes();
    assert_eq!(bytes(PowProfile::Main), Some((2 << 30) + (32 << 20)));
    assert_eq!(bytes(PowProfile::Test), Some((4 << 20) + (64 << 10)));
    assert_eq!(bytes(PowProfile::Sim), None);
}

/// The last score of an epoch and the first of the next have their own caches, in whatever order they are asked for.
#[test]
fn epochs_end_where_the_specification_says() {
    let chain_id = 1313;
    let caches = [0, 1, 2].map(|epoch| slow::cache(&slow::seed(chain_id, epoch), slow::TEST.0));
    let scores = [(0, 0), (EPOCH - 1, 0), (EPOCH, 1), (EPOCH + 1, 1), (2 * EPOCH - 1, 1), (2 * EPOCH, 2)];
    let mut headers = Vec::new();
    for (daa, epoch) in scores {
        let mut header = header(daa, CompactTarget::EASIEST);
        let meets = |nonce| {
            let (digest, pow) = slow::hash(&caches[epoch], slow::TEST.1, &header.pre_pow_hash().0, nonce);
            slow::meets(&pow, CompactTarget::EASIEST.0).then_some((nonce, digest))
        };
        let (nonce, mix_digest) = (0..100).find_map(meets).expect("every second nonce does");
        header.nonce = nonce;
        header.mix_digest = mix_digest;
        headers.push(header);
    }
    let forward = Pow::new(PowProfile::Test, chain_id, EPOCH);
    let backward = Pow::new(PowProfile::Test, chain_id, EPOCH);
    for _ in 0..2 {
        for (one, other) in headers.iter().zip(headers.iter().rev()) {
            assert_eq!(forward.verify(one), Ok(()), "score {}", one.daa_score);
            assert_eq!(backward.verify(other), Ok(()), "score {}", other.daa_score);
            assert_eq!(forward.verify(other), Ok(()), "score {}", other.daa_score);
        }
    }
}

#[test]
fn verdicts_equal_the_slow_implementation_s() {
    let pow = Pow::new(PowProfile::Test, 1313, EPOCH);
    let cache = slow::cache(&slow::seed(1313, 0), slow::TEST.0);
    let mut accepted = 0;
    for bits in [0x207f_ffff, 0x2040_0000, 0x200f_ffff, 0x2000_8000, 0x0312_3456, 0x0101_0000] {
        let mut header = header(1, CompactTarget(bits));
        for nonce in 0..40 {
            let (digest, value) = slow::hash(&cache, slow::TEST.1, &header.pre_pow_hash().0, nonce);
            (header.nonce, header.mix_digest) = (nonce, digest);
            let expected = if slow::meets(&value, bits) { Ok(()) } else { Err(PowError::AboveTarget) };
            assert_eq!(pow.check_digest(&header), expected, "bits {bits:08x}, nonce {nonce}");
            assert_eq!(pow.verify(&header), expected, "bits {bits:08x}, nonce {nonce}");
            accepted += u32::from(expected.is_ok());
        }
    }
    assert!((20..60).contains(&accepted), "about 20 + 20 + 3 of 240: {accepted}");
}

/// One change to each field but nonce and mix digest.
fn mutations(header: &Header) -> Vec<Header> {
    type Change = fn(&mut Header);
    let changes: [Change; 14] = [
        |h| h.version ^= 1,
        |h| h.parents[0].0[31] ^= 1,
        |h| h.parents.push(BlockHash([9; 32])),
        |h| h.tx_root.0[0] ^= 1,
        |h| h.accepted_root.0[0] ^= 1,
        |h| h.utxo_commit.0[0] ^= 1,
        |h| h.state_root.0[31] ^= 0x80,
        |h| h.chain_mmr_root.0[0] ^= 1,
        |h| h.timestamp.0 += 1,
        |h| h.bits.0 -= 1,
        |h| h.daa_score.0 += 1,
        |h| h.blue_score.0 += 1,
        |h| h.blue_work = BlueWork::from_u64(3),
        |h| h.cert.index ^= 1,
    ];
    let apply = |change: Change| {
        let mut changed = header.clone();
        change(&mut changed);
        changed
    };
    let mut mutations: Vec<_> = changes.into_iter().map(apply).collect();
    let mut cert = header.clone();
    cert.cert.hash.0[0] ^= 1;
    mutations.push(cert);
    mutations
}

/// The easiest target, so that half of the changed headers would pass if their work were not looked at.
#[test]
fn every_field_is_worked_for() {
    let pow = Pow::new(PowProfile::Test, 1313, EPOCH);
    let (good, _) = mined(&pow, header(1, CompactTarget::EASIEST));
    let mutations = mutations(&good);
    for changed in &mutations {
        assert_ne!(changed.pre_pow_hash(), good.pre_pow_hash());
        assert!(pow.verify(changed).is_err(), "{changed:?}");
    }
    let passing = mutations.iter().filter(|changed| pow.check_digest(changed).is_ok()).count();
    assert!(passing > 0, "the full check is what refuses some of them");
}

#[test]
fn malformed_bits_far_epochs_and_stops() {
    let pow = Pow::new(PowProfile::Test, 1313, EPOCH);
    let bad = header(1, CompactTarget(0x0092_3456));
    assert_eq!(pow.verify(&bad), Err(PowError::MalformedBits));
    assert_eq!(pow.mine(&bad, 0..10, || false), Err(PowError::MalformedBits));
    let mut far = header((MAX_EPOCH + 1) * EPOCH, CompactTarget::EASIEST);
    while pow.check_digest(&far).is_err() {
        far.mix_digest[0] += 1;
    }
    assert_eq!(pow.verify(&far), Err(PowError::EpochTooFar(MAX_EPOCH + 1)));
    let hard = header(1, CompactTarget(0x0312_3456));
    let none = SearchOutcome { solution: None, hashes: 10 };
    assert_eq!(pow.mine(&hard, 0..10, || false), Ok(none));
    assert_eq!(pow.mine(&hard, 0..u64::MAX, || true), Ok(SearchOutcome { solution: None, hashes: 0 }));
}

#[test]
fn the_simulator_proves_nothing() {
    let pow = Pow::new(PowProfile::Sim, 1332, EPOCH);
    assert_eq!(pow.verify(&header(1, CompactTarget(0x0312_3456))), Ok(()));
    assert_eq!(mined(&pow, header(1, CompactTarget(0x0312_3456))).1.hashes, 1);
    assert!(pow.verify(&header(1, CompactTarget(0))).is_err());
}
