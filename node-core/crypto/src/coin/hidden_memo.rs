//! Hidden Memos: an amount behind a commitment, under lock `Address`, opened with the owner's *published* address.
//!
//! `V = v·B + w·B̃`, with v and w sealed like a coin's opening: `R = e·P`, pad from `e·A_P = a·R`, role "hidden Memo", e and w
//! from rseed. The Memo is found by its lock; the view key opens it, and who signs for it must know w, since V stands in the
//! kernel as it is. The published address is the only one that may be named: with any other, a payer could test whether
//! that address and the `zk13str` address of the lock have one owner.

use curve25519_dalek::Scalar;
use umbel_types::memo::MemoTerms;
use umbel_types::{Amount, AssetId, Lock, Memo, MemoValue, OutPoint, PointBytes, ZkAddress};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::coin::build::seal;
use crate::coin::open::{OpenError, unseal};
use crate::coin::secrets::{CoinScalars, KeyRole, SharedSecret};
use crate::element::encode_point;
use crate::generators::commit;
use crate::keys::{AddressIndex, ConfidentialAddress, OutgoingViewKey, OutputScalar, ViewKey};

/// One hidden Memo to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewHiddenMemo<'a> {
    /// Whose signature will consume it.
    pub owner: ZkAddress,
    /// The confidential address that the owner has published.
    pub published: &'a ConfidentialAddress,
    /// Which asset.
    pub asset: AssetId,
    /// How much.
    pub value: Amount,
    /// Its index among the transaction's outputs.
    pub position: u32,
}

/// v and w of a commitment `V`. Zeroized on drop; neither `Clone` nor `Debug`.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct HiddenOpening {
    pub(crate) value: u64,
    pub(crate) blinding: Scalar,
}

impl HiddenOpening {
    /// How much.
    pub fn value(&self) -> Amount {
        Amount::from_units(self.value)
    }

    /// Whether `V = v·B + w·B̃`. Constant-time up to the comparison of encodings.
    pub fn opens(&self, commitment: &PointBytes) -> bool {
        encode_point(&commit(&Scalar::from(self.value), &self.blinding)) == *commitment
    }
}

/// A hidden Memo with what proving it needs.
pub struct BuiltHiddenMemo {
    /// Without data or time bounds; both may be added, nothing about the value is bound to them.
    pub memo: Memo,
    /// For [`crate::prove_transaction`].
    pub opening: HiddenOpening,
}

/// Builds the hidden Memo at `new.position`. `x` is that output's scalar. Constant-time in all secrets.
pub fn build_hidden_memo(new: &NewHiddenMemo<'_>, x: &OutputScalar) -> BuiltHiddenMemo {
    let sealed = seal(new.published, new.value, x.rseed(), KeyRole::Memo(new.position));
    let opening = HiddenOpening { value: new.value.units(), blinding: sealed.scalars.w };
    let value = MemoValue::Hidden {
        commitment: encode_point(&commit(&Scalar::from(opening.value), &opening.blinding)),
        ephemeral: sealed.ephemeral,
        sealed: sealed.sealed,
    };
    let memo = Memo { value, ..Memo::public_payment(new.asset, Amount::ZERO, new.owner) };
    BuiltHiddenMemo { memo, opening }
}

/// Opens the hidden Memo at `position` for the owner of `view` and of the address `owner`: its lock is that address, the
/// diversifier sealed in it is the published one, `R = e·P ∧ V = v·B + w·B̃`.
///
/// `owner` is the one `zk13str` address that was published together with the confidential one. With any other address of
/// the same wallet, a payer could test whether both have one owner.
///
/// # Errors
/// [`OpenError`]; [`OpenError::NotMine`] for another lock, and for a Memo whose value is public.
pub fn open_hidden_memo(
    view: &ViewKey,
    owner: &ZkAddress,
    terms: &MemoTerms,
    position: u32,
) -> Result<HiddenOpening, OpenError> {
    let MemoValue::Hidden { commitment, ephemeral, sealed } = &terms.value else { return Err(OpenError::NotMine) };
    if terms.lock != Lock::Address(*owner) {
        return Err(OpenError::NotMine);
    }
    let unsealed = unseal(view, ephemeral, sealed, KeyRole::Memo(position))?;
    if unsealed.diversifier != view.diversifier(AddressIndex::PUBLICATION) {
        return Err(OpenError::NotPublished);
    }
    checked(HiddenOpening { value: unsealed.value.units(), blinding: unsealed.scalars.w }, commitment)
}

/// Opens a hidden Memo again for its sender, who consumes it where its refund is the sender's. Nothing in the Memo says
/// whom it pays, so the published address of its owner is needed too.
///
/// # Errors
/// [`OpenError::NotMine`] where this key did not make it for this address; [`OpenError::Value`].
pub fn recover_sent_memo(
    outgoing: &OutgoingViewKey,
    inputs: &[OutPoint],
    salt: &[u8; 32],
    published: &ConfidentialAddress,
    terms: &MemoTerms,
    position: u32,
) -> Result<HiddenOpening, OpenError> {
    let MemoValue::Hidden { commitment, ephemeral, sealed } = &terms.value else { return Err(OpenError::NotMine) };
    let rseed = outgoing.output_scalar(inputs, salt, position).rseed();
    let scalars = CoinScalars::of(&rseed);
    let mut shared_point = scalars.e * published.view_point();
    let opening = SharedSecret::derive(&shared_point, ephemeral, KeyRole::Memo(position)).unseal(sealed);
    shared_point.zeroize();
    if *opening.rseed != *rseed || opening.diversifier != *published.diversifier() {
        return Err(OpenError::NotMine);
    }
    checked(HiddenOpening { value: opening.value.units(), blinding: scalars.w }, commitment)
}

fn checked(opening: HiddenOpening, commitment: &PointBytes) -> Result<HiddenOpening, OpenError> {
    if opening.opens(commitment) { Ok(opening) } else { Err(OpenError::Value) }
}
