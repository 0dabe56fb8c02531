//! Building a coin, the sender's side.

use curve25519_dalek::{RistrettoPoint, Scalar};
use umbel_types::{Amount, AssetId, Coin, CoinFlags, OneTimeKey, PointBytes, SealedBytes};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::coin::note::{self, NoteError, NotePlace, NoteSize};
use crate::coin::secrets::{CoinScalars, KeyRole, SealedOpening, SharedSecret};
use crate::element::encode_point;
use crate::generators::{asset_base, commit};
use crate::keys::{ConfidentialAddress, OutputScalar};

/// One coin to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewCoin<'a> {
    /// Whom it pays.
    pub recipient: &'a ConfidentialAddress,
    /// Which asset.
    pub asset: AssetId,
    /// How much.
    pub value: Amount,
    /// Text for the recipient; empty for none.
    pub note: &'a str,
    /// Length class of the transaction's notes.
    pub note_size: NoteSize,
    /// Its index among the transaction's outputs.
    pub position: u32,
}

/// What the proofs about a new coin need. Zeroized on drop; neither `Clone` nor `Debug`.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct CoinSecrets {
    pub(crate) value: u64,
    pub(crate) elgamal: Scalar,
    pub(crate) blinding: Scalar,
}

impl CoinSecrets {
    /// w, with `V = v·B + w·B̃`.
    pub fn blinding(&self) -> &Scalar {
        &self.blinding
    }
}

/// A coin with its commitment `V` and the secrets for its proofs.
pub struct BuiltCoin {
    /// The coin.
    pub coin: Coin,
    /// `V = v·B + w·B̃`.
    pub value_commitment: PointBytes,
    /// For [`crate::prove_transaction`].
    pub secrets: CoinSecrets,
}

/// One-time key, ephemeral key and sealed opening for `recipient`: all of a coin that does not depend on its value.
pub(crate) struct BuiltKey {
    pub(crate) owner: OneTimeKey,
    pub(crate) ephemeral: PointBytes,
    pub(crate) sealed: SealedBytes,
    pub(crate) g: RistrettoPoint,
    pub(crate) view: RistrettoPoint,
    pub(crate) scalars: CoinScalars,
    pub(crate) shared: SharedSecret,
}

/// Ephemeral key and sealed opening: what tells the owner of an address about a hidden amount.
pub(crate) struct Sealed {
    pub(crate) ephemeral: PointBytes,
    pub(crate) sealed: SealedBytes,
    pub(crate) scalars: CoinScalars,
    pub(crate) shared: SharedSecret,
    /// `P` of the address.
    base: RistrettoPoint,
}

/// `R = e·P`, `sealed = (diversifier ‖ v ‖ rseed) xor pad`, pad from `e·A_P`.
pub(crate) fn seal(
    recipient: &ConfidentialAddress,
    value: Amount,
    rseed: Zeroizing<[u8; 32]>,
    role: KeyRole,
) -> Sealed {
    let scalars = CoinScalars::of(&rseed);
    let base = recipient.diversifier().base();
    let ephemeral = encode_point(&(scalars.e * base));
    let mut shared_point = scalars.e * recipient.view_point();
    let shared = SharedSecret::derive(&shared_point, &ephemeral, role);
    shared_point.zeroize();
    let sealed = shared.seal(&SealedOpening { diversifier: *recipient.diversifier(), value, rseed });
    Sealed { ephemeral, sealed, scalars, shared, base }
}

/// What [`seal`] makes, and `g = u·P`, `A = u·A_P`, `S = u·S_P`.
pub(crate) fn build_key(
    recipient: &ConfidentialAddress,
    value: Amount,
    rseed: Zeroizing<[u8; 32]>,
    role: KeyRole,
) -> BuiltKey {
    let Sealed { ephemeral, sealed, scalars, shared, base } = seal(recipient, value, rseed, role);
    let (g, view) = (scalars.u * base, scalars.u * recipient.view_point());
    let spend = scalars.u * recipient.spend_point();
    let owner = OneTimeKey { g: encode_point(&g), view: encode_point(&view), spend: encode_point(&spend) };
    BuiltKey { owner, ephemeral, sealed, g, view, scalars, shared }
}

/// Builds the coin at `new.position`. `x` is that output's scalar ([`crate::keys::OutgoingViewKey::output_scalar`]).
/// Constant-time in all secrets.
///
/// # Errors
/// [`NoteError`] where the note does not fit its class.
pub fn build_coin(new: &NewCoin<'_>, x: &OutputScalar) -> Result<BuiltCoin, NoteError> {
    let key = build_key(new.recipient, new.value, x.rseed(), KeyRole::Output(new.position));
    let value = Scalar::from(new.value.units());
    let k = &key.scalars.k;
    let c = encode_point(&(k * key.g));
    let d = encode_point(&(value * asset_base(new.asset) + k * key.view));
    let place = NotePlace { owner: &key.owner, c: &c, d: &d, ephemeral: &key.ephemeral };
    let note = note::encrypt(&key.shared.note_key, &place, new.note, new.note_size)?;
    Ok(BuiltCoin {
        coin: Coin {
            asset: new.asset,
            flags: CoinFlags::NONE,
            owner: key.owner,
            c,
            d,
            ephemeral: key.ephemeral,
            sealed: key.sealed,
            note,
        },
        value_commitment: encode_point(&commit(&value, &key.scalars.w)),
        secrets: CoinSecrets { value: new.value.units(), elgamal: key.scalars.k, blinding: key.scalars.w },
    })
}
