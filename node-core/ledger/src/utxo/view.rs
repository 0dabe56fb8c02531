//! Reading unspent outputs.

use umbel_types::{OutPoint, UtxoEntry};

use crate::utxo::UtxoDiff;

/// A set of unspent outputs.
pub trait UtxoView {
    /// Why reading failed; [`core::convert::Infallible`] in memory.
    type Error;

    /// The entry at `outpoint`, if it is unspent.
    ///
    /// # Errors
    /// The store failed.
    fn get(&self, outpoint: &OutPoint) -> Result<Option<UtxoEntry>, Self::Error>;
}

/// A set seen through a difference.
#[derive(Debug)]
pub struct UtxoOverlay<'a, V: ?Sized> {
    base: &'a V,
    diff: &'a UtxoDiff,
}

impl<'a, V: UtxoView + ?Sized> UtxoOverlay<'a, V> {
    /// `base` with `diff` applied.
    pub fn new(base: &'a V, diff: &'a UtxoDiff) -> Self {
        Self { base, diff }
    }
}

impl<V: UtxoView + ?Sized> UtxoView for UtxoOverlay<'_, V> {
    type Error = V::Error;

    fn get(&self, outpoint: &OutPoint) -> Result<Option<UtxoEntry>, V::Error> {
        match self.diff.lookup(outpoint) {
            Some(answer) => Ok(answer.cloned()),
            None => self.base.get(outpoint),
        }
    }
}
