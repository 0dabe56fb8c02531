//! Finding and opening coins: the owner's side with the view key, the sender's with the outgoing view key.

use curve25519_dalek::{RistrettoPoint, Scalar};
use thiserror::Error;
use umbel_types::{Amount, AssetId, Coin, OneTimeKey, OutPoint, PointBytes, SealedBytes};
use zeroize::{Zeroize, Zeroizing};

use crate::coin::note::{self, NotePlace, NoteText};
use crate::coin::secrets::{CoinScalars, KeyRole, SealedOpening, SharedSecret};
use crate::element::{BadPoint, Element, encode_point};
use crate::generators::asset_base;
use crate::keys::{AddressIndex, ConfidentialAddress, Diversifier, OutgoingViewKey, SpendKey, ViewKey};

/// Why a coin or key is not counted. Nothing that fails here may be shown as money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// A point is not canonical or is the identity.
    #[error("the coin is malformed: {0}")]
    BadPoint(#[from] BadPoint),
    /// `A ≠ a·g`: it is somebody else's.
    #[error("the coin belongs to somebody else")]
    NotMine,
    /// `R ≠ e·P`: the payer may be probing whether two addresses have one owner.
    #[error("the coin's ephemeral key does not belong to the address it names")]
    Ephemeral,
    /// `g ≠ u·P`: likewise.
    #[error("the coin's base does not belong to the address it names")]
    OneTimeBase,
    /// `S ≠ s·g`: it could never be spent.
    #[error("the coin is paid to another spend key")]
    SpendPoint,
    /// The table holds no spend point for the diversifier: nothing says who may spend it.
    #[error("the coin names an address that this view key does not know")]
    UnknownAddress,
    /// A hidden Memo names an address that is not the published one: the payer may be probing who owns that address.
    #[error("the hidden memo names an address that was not published")]
    NotPublished,
    /// `c ≠ k·g`, `d ≠ v·H + k·A`, or `V ≠ v·B + w·B̃`: it holds another value than it says.
    #[error("the coin does not hold the value that it says")]
    Value,
}

/// A one-time key opened with the view key: `A = a·g`, `R = e·P`, `g = u·P` hold. Who may spend it is still to be checked.
pub struct OpenedKey {
    owner: OneTimeKey,
    diversifier: Diversifier,
    value: Amount,
    scalars: CoinScalars,
    shared: SharedSecret,
}

/// A coin whose value is checked, but not yet who may spend it.
pub struct UnverifiedCoin {
    key: OpenedKey,
    asset: AssetId,
    value: Amount,
    note: Option<String>,
}

/// A coin that passed every check and counts as money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedCoin {
    /// Which asset.
    pub asset: AssetId,
    /// How much.
    pub value: Amount,
    /// The address it was paid to.
    pub diversifier: Diversifier,
    /// That address's index, where the view key's table holds it.
    pub index: Option<AddressIndex>,
    /// The sender's text.
    pub note: Option<String>,
}

/// What a view key reads from an ephemeral key and a sealed opening; `R = e·P` holds.
pub(crate) struct Unsealed {
    pub(crate) diversifier: Diversifier,
    pub(crate) value: Amount,
    pub(crate) scalars: CoinScalars,
    shared: SharedSecret,
    /// `P` of the diversifier.
    base: RistrettoPoint,
}

/// Unseals with a·R and checks `R = e·P`.
pub(crate) fn unseal(
    view: &ViewKey,
    ephemeral: &PointBytes,
    sealed: &SealedBytes,
    role: KeyRole,
) -> Result<Unsealed, OpenError> {
    let r = Element::decode_non_identity(ephemeral)?;
    let mut shared_point = view.scalar() * r.point();
    let shared = SharedSecret::derive(&shared_point, ephemeral, role);
    shared_point.zeroize();
    let SealedOpening { diversifier, value, rseed } = shared.unseal(sealed);
    let scalars = CoinScalars::of(&rseed);
    let base = diversifier.base();
    if encode_point(&(scalars.e * base)) != *ephemeral {
        return Err(OpenError::Ephemeral);
    }
    Ok(Unsealed { diversifier, value, scalars, shared, base })
}

/// Opens a one-time key with the view key.
pub(crate) fn open_key(
    view: &ViewKey,
    owner: &OneTimeKey,
    ephemeral: &PointBytes,
    sealed: &SealedBytes,
    role: KeyRole,
) -> Result<OpenedKey, OpenError> {
    Element::decode_non_identity(&owner.g)?;
    if !view.detects(owner) {
        return Err(OpenError::NotMine);
    }
    let Unsealed { diversifier, value, scalars, shared, base } = unseal(view, ephemeral, sealed, role)?;
    if encode_point(&(scalars.u * base)) != owner.g {
        return Err(OpenError::OneTimeBase);
    }
    Ok(OpenedKey { owner: *owner, diversifier, value, scalars, shared })
}

impl OpenedKey {
    /// The address it was paid to.
    pub fn diversifier(&self) -> &Diversifier {
        &self.diversifier
    }

    /// Checks `S = u·S_P` against the view key's table.
    ///
    /// # Errors
    /// [`OpenError::UnknownAddress`], [`OpenError::SpendPoint`].
    pub fn check_in_table(&self, view: &ViewKey) -> Result<AddressIndex, OpenError> {
        let (index, spend_point) = view.known(&self.diversifier).ok_or(OpenError::UnknownAddress)?;
        if encode_point(&(self.scalars.u * spend_point)) == self.owner.spend {
            Ok(index)
        } else {
            Err(OpenError::SpendPoint)
        }
    }

    /// Checks `S = s·g` with the spend key.
    ///
    /// # Errors
    /// [`OpenError::SpendPoint`].
    pub fn check_with(&self, spend: &SpendKey) -> Result<(), OpenError> {
        if spend.owns(&self.owner) { Ok(()) } else { Err(OpenError::SpendPoint) }
    }
}

/// `c = k·g ∧ d = v·H + k·A`.
fn holds_value(coin: &Coin, k: &Scalar, value: Amount) -> Result<bool, OpenError> {
    let g = Element::decode_non_identity(&coin.owner.g)?;
    let view = Element::decode_non_identity(&coin.owner.view)?;
    let d = Scalar::from(value.units()) * asset_base(coin.asset) + k * view.point();
    Ok(encode_point(&(k * g.point())) == coin.c && encode_point(&d) == coin.d)
}

fn decrypt_note(shared: &SharedSecret, coin: &Coin) -> NoteText {
    let place = NotePlace { owner: &coin.owner, c: &coin.c, d: &coin.d, ephemeral: &coin.ephemeral };
    note::decrypt(&shared.note_key, &place, &coin.note)
}

/// Opens the coin at `position` of a transaction's outputs and checks `A = a·g ∧ R = e·P ∧ g = u·P ∧ c = k·g ∧
/// d = v·H + k·A`. The spend point is checked next: [`UnverifiedCoin::check_in_table`], [`UnverifiedCoin::check_with`].
///
/// # Errors
/// [`OpenError`].
pub fn open_coin(view: &ViewKey, coin: &Coin, position: u32) -> Result<UnverifiedCoin, OpenError> {
    let key = open_key(view, &coin.owner, &coin.ephemeral, &coin.sealed, KeyRole::Output(position))?;
    if !holds_value(coin, &key.scalars.k, key.value)? {
        return Err(OpenError::Value);
    }
    let (value, note) = (key.value, decrypt_note(&key.shared, coin).text());
    Ok(UnverifiedCoin { key, asset: coin.asset, value, note })
}

impl UnverifiedCoin {
    /// A derived coin: its value is public and the ledger's own, so only its key was opened.
    pub(crate) fn derived(key: OpenedKey, asset: AssetId, value: Amount) -> Self {
        Self { key, asset, value, note: None }
    }

    /// What a watch-only wallet may show as unverified, and never counts.
    pub fn unverified_value(&self) -> (AssetId, Amount) {
        (self.asset, self.value)
    }

    /// The address it names.
    pub fn diversifier(&self) -> &Diversifier {
        &self.key.diversifier
    }

    /// Accepts the coin if its spend point is the one that `view`'s table holds for its address.
    ///
    /// # Errors
    /// [`OpenError::UnknownAddress`], [`OpenError::SpendPoint`].
    pub fn check_in_table(&self, view: &ViewKey) -> Result<OpenedCoin, OpenError> {
        let index = self.key.check_in_table(view)?;
        Ok(self.accepted(Some(index)))
    }

    /// Accepts the coin if `spend` can spend it.
    ///
    /// # Errors
    /// [`OpenError::SpendPoint`].
    pub fn check_with(&self, spend: &SpendKey) -> Result<OpenedCoin, OpenError> {
        self.key.check_with(spend)?;
        Ok(self.accepted(None))
    }

    fn accepted(&self, index: Option<AddressIndex>) -> OpenedCoin {
        OpenedCoin {
            asset: self.asset,
            value: self.value,
            diversifier: self.key.diversifier,
            index,
            note: self.note.clone(),
        }
    }
}

/// A coin that the owner of an outgoing view key sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentCoin {
    /// Whom it pays.
    pub recipient: ConfidentialAddress,
    /// Which asset.
    pub asset: AssetId,
    /// How much.
    pub value: Amount,
    /// The text that went along.
    pub note: Option<String>,
}

/// Reads a sent coin again from the outgoing view key and the transaction's core: its inputs in order, its salt, the coin
/// and its index.
///
/// # Errors
/// [`OpenError`]; [`OpenError::NotMine`] where this key did not make it.
pub fn recover_sent(
    outgoing: &OutgoingViewKey,
    inputs: &[OutPoint],
    salt: &[u8; 32],
    coin: &Coin,
    position: u32,
) -> Result<SentCoin, OpenError> {
    let rseed = outgoing.output_scalar(inputs, salt, position).rseed();
    let ReadCoin { recipient, value, note } = read_with_rseed(coin, position, &rseed)?;
    Ok(SentCoin { recipient, asset: coin.asset, value, note: note.text() })
}

/// What a coin's `rseed` says about it.
pub(crate) struct ReadCoin {
    pub(crate) recipient: ConfidentialAddress,
    pub(crate) value: Amount,
    pub(crate) note: NoteText,
}

/// Reads a coin from its `rseed` and checks that all of it follows from that: with `P = e⁻¹·R`, `A_P = u⁻¹·A`,
/// `S_P = u⁻¹·S`, it unseals with `e·A_P` to this rseed and a diversifier of P, and `g = u·P ∧ c = k·g ∧ d = v·H + k·A`.
///
/// # Errors
/// [`OpenError`]; [`OpenError::NotMine`] where the coin was made from another rseed.
pub(crate) fn read_with_rseed(coin: &Coin, position: u32, rseed: &[u8; 32]) -> Result<ReadCoin, OpenError> {
    let scalars = CoinScalars::of(rseed);
    let decode = |bytes: &PointBytes| Element::decode_non_identity(bytes).map(|e| *e.point());
    let (g, a) = (decode(&coin.owner.g)?, decode(&coin.owner.view)?);
    let (s, r) = (decode(&coin.owner.spend)?, decode(&coin.ephemeral)?);

    let u_inverse = Zeroizing::new(scalars.u.invert());
    let base: RistrettoPoint = scalars.e.invert() * r;
    let recipient_view = *u_inverse * a;
    let mut shared_point = scalars.e * recipient_view;
    let shared = SharedSecret::derive(&shared_point, &coin.ephemeral, KeyRole::Output(position));
    shared_point.zeroize();
    let opening = shared.unseal(&coin.sealed);
    if *opening.rseed != *rseed {
        return Err(OpenError::NotMine);
    }
    if opening.diversifier.base() != base {
        return Err(OpenError::Ephemeral);
    }
    if scalars.u * base != g {
        return Err(OpenError::OneTimeBase);
    }
    if !holds_value(coin, &scalars.k, opening.value)? {
        return Err(OpenError::Value);
    }
    Ok(ReadCoin {
        recipient: ConfidentialAddress::new(opening.diversifier, recipient_view, *u_inverse * s),
        value: opening.value,
        note: decrypt_note(&shared, coin),
    })
}
