//! An open wallet's keys, by what they can do.

use std::collections::BTreeMap;

use umbel_crypto::keys::{
    AccountKeys, AddressIndex, ConfidentialAddress, Diversifier, MlDsaRole, OutgoingViewKey, SecpKey, Seed, SpendKey,
    ViewKey,
};
use umbel_crypto::ml_dsa::MlDsaKey;
use umbel_types::{Hash32, Network, ZkAddress};
use zeroize::Zeroizing;

use crate::coins::PaidTo;
use crate::seed::{ACCOUNT, WalletSecrets};

/// Internal addresses, for change, count from here: those below are handed out.
const INTERNAL_BASE: u32 = 1 << 31;
/// Addresses of either kind that are known ahead of those in use: a locked wallet can hand out and check so many.
const LOOK_AHEAD: u32 = 60;
/// zk13str addresses looked for behind the last one in use (BIP44's gap is 20).
const ZK_GAP: u32 = 60;
/// Numbers tried for an address that is ours but not in the table.
const DEEP_SEARCH: u32 = 1 << 16;

/// What can spend. Dropped when the wallet locks; zeroized then.
pub(crate) struct SpendKeys {
    secrets: WalletSecrets,
    seed: Seed,
    spend: SpendKey,
}

impl SpendKeys {
    /// Where all keys come from, to derive further ones.
    pub(crate) fn secrets(&self) -> &WalletSecrets {
        &self.secrets
    }

    /// The key that spends coins.
    pub(crate) fn coins(&self) -> &SpendKey {
        &self.spend
    }

    /// The key that spends Memos of a zk13str address.
    pub(crate) fn secp(&self, index: u32) -> SecpKey {
        self.seed.secp_key(ACCOUNT, index)
    }

    /// A vote key.
    pub(crate) fn vote_key(&self, network: Network, index: u32) -> MlDsaKey {
        self.seed.ml_dsa_key(MlDsaRole::Vote, network, ACCOUNT, index)
    }

    /// The seed of a vote key.
    pub(crate) fn vote_seed(&self, network: Network, index: u32) -> Zeroizing<[u8; 32]> {
        self.seed.ml_dsa_seed(MlDsaRole::Vote, network, ACCOUNT, index)
    }

    /// The second key of the post-quantum address of this number.
    pub(crate) fn ml_dsa(&self, network: Network, index: u32) -> MlDsaKey {
        self.seed.ml_dsa_key(MlDsaRole::Lock, network, ACCOUNT, index)
    }
}

/// What finds coins and reads what was sent, and can spend nothing. Stays while the wallet is locked.
pub(crate) struct WatchKeys {
    view: ViewKey,
    outgoing: OutgoingViewKey,
    zk: BTreeMap<ZkAddress, u32>,
    zk_by_index: Vec<ZkAddress>,
    /// Hashes of the second keys of post-quantum addresses, by the address' number: who locks money to an own address and
    /// another key locks it to nobody.
    second_key_hashes: Vec<Hash32>,
    handed_out: u32,
    internal: u32,
}

/// Derives both from the secrets. `handed_out` and `internal`: addresses in use.
pub(crate) fn derive(
    secrets: &WalletSecrets,
    network: Network,
    handed_out: u32,
    internal: u32,
) -> (SpendKeys, WatchKeys) {
    let seed = secrets.seed();
    let mut keys = AccountKeys::derive(&seed, network, ACCOUNT);
    let (handed_out, internal) = (handed_out.saturating_add(LOOK_AHEAD), internal.saturating_add(LOOK_AHEAD));
    for index in 0..handed_out {
        keys.address(AddressIndex(index));
    }
    for index in 0..internal {
        keys.address(internal_index(index));
    }
    let zk_by_index: Vec<ZkAddress> =
        (0..handed_out.max(ZK_GAP)).map(|index| seed.secp_key(ACCOUNT, index).address()).collect();
    let zk = zk_by_index.iter().zip(0u32..).map(|(address, index)| (*address, index)).collect();
    let second_key_hashes = (0..)
        .zip(&zk_by_index)
        .map(|(index, _)| seed.ml_dsa_key(MlDsaRole::Lock, network, ACCOUNT, index).key_hash())
        .collect();
    let (view, outgoing) = (keys.view, keys.outgoing);
    let watch = WatchKeys { view, outgoing, zk, zk_by_index, second_key_hashes, handed_out, internal };
    (SpendKeys { secrets: secrets.copy(), seed, spend: keys.spend }, watch)
}

fn internal_index(index: u32) -> AddressIndex {
    AddressIndex(INTERNAL_BASE | index)
}

impl WatchKeys {
    /// The view key.
    pub(crate) fn view(&self) -> &ViewKey {
        &self.view
    }

    /// The outgoing view key.
    pub(crate) fn outgoing(&self) -> &OutgoingViewKey {
        &self.outgoing
    }

    /// Whether the tables reach far enough ahead of the addresses in use.
    pub(crate) fn covers(&self, handed_out: u32, internal: u32) -> bool {
        handed_out.saturating_add(LOOK_AHEAD / 2) <= self.handed_out
            && internal.saturating_add(LOOK_AHEAD / 2) <= self.internal
    }

    /// zk13str addresses that are looked for.
    pub(crate) fn zk_searched(&self) -> u32 {
        u32::try_from(self.zk_by_index.len()).expect("derived from a u32")
    }

    /// A confidential address that is handed out; `None` beyond the table.
    pub(crate) fn address(&self, index: u32) -> Option<ConfidentialAddress> {
        (index < self.handed_out).then(|| self.view.address(AddressIndex(index)))?
    }

    /// An internal address; `None` beyond the table.
    pub(crate) fn internal(&self, index: u32) -> Option<ConfidentialAddress> {
        (index < self.internal).then(|| self.view.address(internal_index(index)))?
    }

    /// The zk13str address of a number; `None` beyond the table.
    pub(crate) fn zk_address(&self, index: u32) -> Option<ZkAddress> {
        self.zk_by_index.get(index as usize).copied()
    }

    /// The number of an own zk13str address.
    pub(crate) fn zk_index(&self, address: &ZkAddress) -> Option<u32> {
        self.zk.get(address).copied()
    }

    /// The number of an own post-quantum address: both of its keys are this wallet's.
    pub(crate) fn post_quantum_index(&self, address: &ZkAddress, key_hash: &Hash32) -> Option<u32> {
        let index = self.zk_index(address)?;
        (self.second_key_hashes.get(index as usize) == Some(key_hash)).then_some(index)
    }

    /// Whether a confidential address is this wallet's: `A_P = a·P`.
    pub(crate) fn owns_address(&self, address: &ConfidentialAddress) -> bool {
        self.view.view_point(address.diversifier()) == *address.view_point()
    }

    /// Which address an opened coin was paid to.
    pub(crate) fn paid_to(&self, known: Option<AddressIndex>, diversifier: &Diversifier) -> PaidTo {
        let search = || {
            (0..DEEP_SEARCH)
                .flat_map(|index| [AddressIndex(index), internal_index(index)])
                .find(|index| self.view.diversifier(*index) == *diversifier)
        };
        match known.or_else(search) {
            Some(AddressIndex::PUBLICATION) | None => PaidTo::Confidential(None),
            Some(AddressIndex(index)) if index >= INTERNAL_BASE => PaidTo::Internal(index - INTERNAL_BASE),
            Some(AddressIndex(index)) => PaidTo::Confidential(Some(index)),
        }
    }
}
