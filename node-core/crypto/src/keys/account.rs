//! All keys of one account.

use umbel_types::Network;

use crate::keys::address::{AddressIndex, ConfidentialAddress};
use crate::keys::outgoing::OutgoingViewKey;
use crate::keys::seed::Seed;
use crate::keys::spend::SpendKey;
use crate::keys::view::ViewKey;

/// The three capabilities over an account's coins. Take the fields apart and hand each part only what it needs.
pub struct AccountKeys {
    /// Spends.
    pub spend: SpendKey,
    /// Finds and opens.
    pub view: ViewKey,
    /// Reads what was sent.
    pub outgoing: OutgoingViewKey,
}

impl AccountKeys {
    /// Derives the keys of `account` on `network`. The view key's table holds the default and the publication address.
    pub fn derive(seed: &Seed, network: Network, account: u32) -> Self {
        let mut keys = Self {
            spend: SpendKey::new(seed.account_scalar("umbel/spend-key/v1", network, account)),
            view: ViewKey::new(
                seed.account_scalar("umbel/view-key/v1", network, account),
                seed.expand("umbel/diversifier-key/v1", network, account, 0),
            ),
            outgoing: OutgoingViewKey::new(seed.expand("umbel/outgoing-view-key/v1", network, account, 0)),
        };
        keys.address(AddressIndex::DEFAULT);
        keys.address(AddressIndex::PUBLICATION);
        keys
    }

    /// The address of an index; from now on the view key's table knows it.
    pub fn address(&mut self, index: AddressIndex) -> ConfidentialAddress {
        let diversifier = self.view.diversifier(index);
        let spend = self.spend.spend_point(&diversifier);
        self.view.learn(index, spend);
        ConfidentialAddress::new(diversifier, self.view.view_point(&diversifier), spend)
    }
}
