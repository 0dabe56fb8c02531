//! The addresses of a wallet: handed out in order, never twice.

use std::collections::BTreeMap;

use umbel_crypto::keys::ConfidentialAddress;
use umbel_crypto::keys::address::zk_to_text;
use umbel_types::{Amount, AssetId};

use crate::coins::PaidTo;
use crate::error::WalletError;
use crate::record::{Record, bounded};
use crate::wallet::Wallet;

/// An address that was handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressEntry {
    /// Its number.
    pub index: u32,
    /// Text of the confidential address.
    pub confidential: String,
    /// Text of the public address of the same number.
    pub zk13str: String,
    /// What it is for.
    pub label: String,
    /// Received on either address so far, STR, as far as this wallet saw it.
    pub received: Amount,
    /// Fingerprint of the confidential address.
    pub fingerprint: String,
}

impl Wallet {
    /// Addresses handed out so far, newest first; never empty.
    pub fn addresses(&self) -> Vec<AddressEntry> {
        let mut received: BTreeMap<u32, Amount> = BTreeMap::new();
        for fact in self.memory.facts.values() {
            for output in fact.received.iter().filter(|output| output.asset == AssetId::STR) {
                if let PaidTo::Confidential(Some(index)) | PaidTo::Zk13str(index) = output.paid_to {
                    let sum = received.entry(index).or_default();
                    *sum = sum.checked_add(output.value).unwrap_or(Amount::MAX);
                }
            }
        }
        let indices = (0..self.memory.handed_out()).rev();
        indices.filter_map(|index| self.address_entry(index, received.get(&index).copied())).collect()
    }

    fn address_entry(&self, index: u32, received: Option<Amount>) -> Option<AddressEntry> {
        let address = self.watch.address(index)?;
        Some(AddressEntry {
            index,
            confidential: address.to_text(self.with.params.address_prefix),
            zk13str: zk_to_text(&self.watch.zk_address(index)?),
            label: self.memory.labels.get(index as usize)?.clone(),
            received: received.unwrap_or(Amount::ZERO),
            fingerprint: address.fingerprint().to_string(),
        })
    }

    /// A fresh address.
    ///
    /// # Errors
    /// [`WalletError::Locked`] where making one needs the spend key, [`WalletError::Io`].
    pub fn new_address(&mut self, label: &str) -> Result<AddressEntry, WalletError> {
        let index = self.memory.handed_out();
        if !self.watch.covers(index.saturating_add(1), self.memory.next_internal) {
            self.reach_further();
        }
        if self.watch.address(index).is_none() {
            return Err(WalletError::Locked);
        }
        self.record(&[Record::Address { index, label: bounded(label) }], true)?;
        self.address_entry(index, None).ok_or(WalletError::Locked)
    }

    /// Changes what an address is for.
    ///
    /// # Errors
    /// [`WalletError::Io`].
    pub fn set_label(&mut self, index: u32, label: &str) -> Result<(), WalletError> {
        if index < self.memory.handed_out() {
            self.record(&[Record::Address { index, label: bounded(label) }], true)?;
        }
        Ok(())
    }

    /// Where a miner may pay: the first confidential address.
    pub fn payout_address(&self) -> ConfidentialAddress {
        self.with.payout
    }
}
