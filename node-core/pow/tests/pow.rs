//! A network's proof of work: what is accepted, what is refused, and why.

use umbel_pow::{MAX_EPOCH, Pow, PowError, SearchOutcome};
use umbel_types::header::{BLOCK_VERSION, CertRef};
use umbel_types::params::PowProfile;
use umbel_types::{BlockHash, BlueScore, BlueWork, CompactTarget, DaaScore, Hash32, Header, TimestampMs};

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
fn a_dataset_finds_the_same_nonce() {
    let pow = Pow::new(PowProfile::Test, 1313, EPOCH);
    let template = header(5, CompactTarget(0x1f7f_ffff));
    let (light, _) = mined(&pow, template.clone());
    let dataset = pow.build_dataset(0, 2, &|| false).expect("epoch 0").expect("not stopped");
    pow.install_dataset(0, dataset);
    assert_eq!(mined(&pow, template).0, light);
    pow.drop_datasets();
    assert!(pow.build_dataset(1, 2, &|| true).expect("epoch 1").is_none(), "stopped");
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
