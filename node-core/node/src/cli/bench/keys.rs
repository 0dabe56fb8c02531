//! Keys and randomness that all benches use: devnet's, which everyone knows.

use curve25519_dalek::Scalar;
use rand_core::{Rng, UnwrapErr};
use umbel_api::ApiError;
use umbel_crypto::keys::{AccountKeys, Mnemonic, SecpKey};
use umbel_types::Network;
use umbel_types::genesis::DEVNET_WORDS;

use super::internal;

pub(super) fn rng() -> UnwrapErr<getrandom::SysRng> {
    UnwrapErr(getrandom::SysRng)
}

pub(super) fn scalar() -> Scalar {
    let mut wide = [0; 64];
    rng().fill_bytes(&mut wide);
    Scalar::from_bytes_mod_order_wide(&wide)
}

pub(super) fn keys() -> Result<(AccountKeys, SecpKey), ApiError> {
    let seed = Mnemonic::parse(DEVNET_WORDS).map_err(internal)?.to_seed("");
    Ok((AccountKeys::derive(&seed, Network::Devnet, 0), seed.secp_key(0, 0)))
}
