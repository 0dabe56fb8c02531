//! Keys that the ledger itself pays to, and the coins that it derives for them.

use curve25519_dalek::Scalar;
use rand_core::CryptoRng;
use umbel_types::{Amount, AssetId, BlockHash, Coin, CoinFlags, Note, PayoutKey};
use zeroize::Zeroizing;

use crate::coin::build::build_key;
use crate::coin::open::{OpenError, OpenedKey, UnverifiedCoin, open_key};
use crate::coin::secrets::KeyRole;
use crate::element::{BadPoint, Element, encode_point};
use crate::generators::asset_base;
use crate::hashers::{self, SecretHasher};
use crate::keys::{ConfidentialAddress, ViewKey};

/// Index of the only coin of a coinbase.
const COINBASE_INDEX: u32 = 0;

/// A fresh key for `recipient` in one role. Needs no secret of the recipient: a miner may pay a stranger's address.
pub fn build_payout_key(recipient: &ConfidentialAddress, role: KeyRole, rng: &mut impl CryptoRng) -> PayoutKey {
    let mut fresh = Zeroizing::new([0u8; 32]);
    rng.fill_bytes(&mut *fresh);
    let rseed = SecretHasher::new(hashers::PAYOUT_RSEED).with_bytes(&*fresh).with_bytes(&recipient.to_bytes()).bytes();
    let key = build_key(recipient, Amount::ZERO, rseed, role);
    PayoutKey { owner: key.owner, ephemeral: key.ephemeral, sealed: key.sealed }
}

/// Checks that a payout key can be paid to: g, A, S, R canonical, none the identity. A rule about miner payloads.
///
/// # Errors
/// [`BadPoint`].
pub fn check_payout_key(key: &PayoutKey) -> Result<(), BadPoint> {
    for point in [&key.owner.g, &key.owner.view, &key.owner.spend, &key.ephemeral] {
        Element::decode_non_identity(point)?;
    }
    Ok(())
}

/// Opens a payout key with the view key: `A = a·g ∧ R = e·P ∧ g = u·P`; its spend point is checked on the result.
///
/// # Errors
/// [`OpenError`].
pub fn open_payout_key(view: &ViewKey, key: &PayoutKey, role: KeyRole) -> Result<OpenedKey, OpenError> {
    open_key(view, &key.owner, &key.ephemeral, &key.sealed, role)
}

/// The reward for `block`: `k = H2S("umbel/coinbase/v1", block ‖ 0)`, `c = k·g`, `d = v·H_STR + k·A`. Its value is public;
/// k is public too and hides nothing.
///
/// # Errors
/// [`BadPoint`] of the key.
pub fn coinbase_coin(block: &BlockHash, key: &PayoutKey, value: Amount) -> Result<Coin, BadPoint> {
    let g = Element::decode_non_identity(&key.owner.g)?;
    let view = Element::decode_non_identity(&key.owner.view)?;
    let k = SecretHasher::new(hashers::COINBASE_ELGAMAL)
        .with_bytes(block.as_bytes())
        .with_bytes(&COINBASE_INDEX.to_le_bytes())
        .scalar();
    let d = Scalar::from(value.units()) * asset_base(AssetId::STR) + k * view.point();
    Ok(Coin {
        asset: AssetId::STR,
        flags: CoinFlags::NONE,
        owner: key.owner,
        c: encode_point(&(k * g.point())),
        d: encode_point(&d),
        ephemeral: key.ephemeral,
        sealed: key.sealed,
        note: Note::EMPTY,
    })
}

/// Opens a reward of public `value`; c and d are the ledger's own and not checked.
///
/// # Errors
/// [`OpenError`].
pub fn open_coinbase(view: &ViewKey, coin: &Coin, value: Amount) -> Result<UnverifiedCoin, OpenError> {
    let key = open_key(view, &coin.owner, &coin.ephemeral, &coin.sealed, KeyRole::Miner)?;
    Ok(UnverifiedCoin::derived(key, coin.asset, value))
}
