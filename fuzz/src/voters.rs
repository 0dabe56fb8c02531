//! Vote keys that follow from small numbers, and what they sign.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

use arbitrary::Unstructured;
use umbel_crypto::ml_dsa::{self, MlDsaContext, MlDsaKey, SIGNATURE_BYTES, VERIFYING_KEY_BYTES};
use umbel_types::genesis::{GenesisSpec, GenesisValidator, devnet};
use umbel_types::vote::vote_message;
use umbel_types::{Amount, BlockHash, Hash32, Link, Vote};

/// Keys that exist; the first [`MEMBERS`] of them are validators at genesis.
pub(crate) const KEYS: u8 = 7;
pub(crate) const MEMBERS: u8 = 5;
/// Stakes of the members in STR: three times some subsets is exactly twice the whole.
pub(crate) const STAKES: [u64; MEMBERS as usize] = [300_000, 200_000, 200_000, 100_000, 100_000];
/// Signatures that are kept: 7 MiB.
const MAX_KEPT: usize = 2_048;

/// A key with what follows from it.
pub(crate) struct Voter {
    key: MlDsaKey,
    pub(crate) verifying: [u8; VERIFYING_KEY_BYTES],
    pub(crate) id: Hash32,
}

pub(crate) fn voter(n: u8) -> &'static Voter {
    static VOTERS: OnceLock<Vec<Voter>> = OnceLock::new();
    let voters = VOTERS.get_or_init(|| {
        let of = |n| {
            let key = MlDsaKey::from_seed(&[n; 32]);
            let verifying = key.verifying_key();
            Voter { id: ml_dsa::key_hash(&verifying), key, verifying }
        };
        (100..100 + KEYS).map(of).collect()
    });
    &voters[usize::from(n % KEYS)]
}

/// Signing takes far longer than anything else: the same votes come again and again.
pub(crate) fn signature(n: u8, message: &[u8]) -> Box<[u8; SIGNATURE_BYTES]> {
    type Kept = BTreeMap<(u8, Vec<u8>), Box<[u8; SIGNATURE_BYTES]>>;
    static KEPT: Mutex<Kept> = Mutex::new(BTreeMap::new());
    let mut kept = KEPT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if kept.len() >= MAX_KEPT {
        kept.clear();
    }
    let sign = || Box::new(voter(n).key.sign(MlDsaContext::Vote, message));
    kept.entry((n % KEYS, message.to_vec())).or_insert_with(sign).clone()
}

/// The vote of a key.
pub(crate) fn signed(n: u8, (chain, genesis): (u32, BlockHash), epoch: u64, link: Link) -> Vote {
    let validator = voter(n).id;
    let signature = signature(n, &vote_message(chain, genesis, epoch, validator, &link));
    Vote { chain, genesis, epoch, validator, link, signature }
}

/// Whether the key of a number made the signature of a vote. Each message has one signature here, and nobody else makes
/// another one.
pub(crate) fn is_signed_by(n: u8, vote: &Vote) -> bool {
    vote.signature == signature(n, &vote.message())
}

/// Devnet with the members as its validators.
pub(crate) fn genesis() -> GenesisSpec {
    let spec = devnet();
    let validators = (0..MEMBERS).zip(STAKES).zip(spec.recipients).map(|((n, stake), owner)| GenesisValidator {
        key: Box::new(voter(n).verifying),
        owner,
        stake: Amount::from_str_tokens(stake),
        commission_bps: 500,
    });
    GenesisSpec { validators: validators.collect(), ..spec }
}

/// Whether these keys, each counted once, are members with more than two thirds of the stake.
pub(crate) fn is_enough(keys: &[u8]) -> bool {
    let mut of_stake = 0;
    let mut stake = 0;
    for (n, its) in (0..MEMBERS).zip(STAKES) {
        of_stake += its;
        stake += if keys.contains(&n) { its } else { 0 };
    }
    stake * 3 > of_stake * 2
}

/// A number below `n`; 0 where the input has ended.
pub(crate) fn below(u: &mut Unstructured<'_>, n: u8) -> u8 {
    u.int_in_range(0..=n - 1).unwrap_or(0)
}
