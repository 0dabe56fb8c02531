//! What exists before the first block (docs/spec/transaction.md §6).

use crate::address::ZkAddress;
use crate::amount::Amount;
use crate::hash::{AssetId, Hash32};
use crate::score::TimestampMs;
use crate::state::{LedgerBalance, SetMember};

/// Supply of STR.
pub const STR_SUPPLY: Amount = Amount::from_str_tokens(63_000_000_000);
/// Supply of CCOS.
pub const CCOS_SUPPLY: Amount = Amount::from_str_tokens(63_000_000);

/// A wallet that is named at genesis and owned by somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GenesisWallet {
    /// STR for the market.
    StrMarket,
    /// STR for the ecosystem.
    StrEcosystem,
    /// STR for development.
    StrDevelopment,
    /// STR for the foundation.
    StrFoundation,
    /// CCOS for the market.
    CcosMarket,
}

impl GenesisWallet {
    /// All, in the order of their outputs in the genesis state.
    pub const ALL: [Self; 5] =
        [Self::StrMarket, Self::StrEcosystem, Self::StrDevelopment, Self::StrFoundation, Self::CcosMarket];

    /// The seed documents' name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StrMarket => "STR.market",
            Self::StrEcosystem => "STR.ecosystem",
            Self::StrDevelopment => "STR.development",
            Self::StrFoundation => "STR.foundation",
            Self::CcosMarket => "CCOS.market",
        }
    }

    /// What it holds.
    pub const fn allotment(self) -> (AssetId, Amount) {
        match self {
            Self::StrMarket => (AssetId::STR, Amount::from_str_tokens(20_790_000_000)),
            Self::StrEcosystem => (AssetId::STR, Amount::from_str_tokens(4_221_000_000)),
            Self::StrDevelopment => (AssetId::STR, Amount::from_units(2_110_500_000 * 100_000_000)),
            Self::StrFoundation => (AssetId::STR, Amount::from_units(1_055_250_000 * 100_000_000)),
            Self::CcosMarket => (AssetId::CCOS, Amount::from_str_tokens(20_790_000)),
        }
    }
}

impl LedgerBalance {
    /// What it holds at genesis.
    pub const fn genesis_amount(self) -> (AssetId, Amount) {
        match self {
            Self::RewardPool => (AssetId::STR, Amount::from_str_tokens(12_663_000_000)),
            Self::StrRewards => (AssetId::STR, Amount::from_str_tokens(4_221_000_000)),
            Self::StrTreasury => (AssetId::STR, Amount::from_str_tokens(17_939_250_000)),
            Self::CcosTreasury => (AssetId::CCOS, Amount::from_str_tokens(42_210_000)),
        }
    }
}

/// What a network's genesis names besides the constants: recipients, validators, the date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisSpec {
    /// The genesis block's timestamp.
    pub timestamp: TimestampMs,
    /// Who receives each wallet's allotment, in the order of [`GenesisWallet::ALL`].
    pub recipients: [ZkAddress; GenesisWallet::ALL.len()],
    /// Validators of epochs 0 and 1, at least four, ascending by key hash.
    pub validators: Vec<SetMember>,
}

/// The words behind every key of devnet's genesis: the first test vector of BIP39, known to everyone. Account 0 owns the
/// genesis wallets, at the index of [`GenesisWallet::ALL`]; its vote keys 0..4 are the validators.
pub const DEVNET_WORDS: &str =
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

/// Stake of each of devnet's four validators.
pub const DEVNET_STAKE: Amount = Amount::from_str_tokens(1_000_000);

/// Devnet's genesis. Its addresses and keys are derived from [`DEVNET_WORDS`]; `umbel-wallet` has the test.
pub fn devnet() -> GenesisSpec {
    GenesisSpec {
        // 2026-11-20T00:00:00Z
        timestamp: TimestampMs(1_795_132_800_000),
        recipients: DEVNET_RECIPIENTS.map(ZkAddress),
        validators: DEVNET_VALIDATORS
            .iter()
            .map(|key_hash| SetMember { key_hash: Hash32(*key_hash), stake: DEVNET_STAKE })
            .collect(),
    }
}

const DEVNET_RECIPIENTS: [[u8; 20]; 5] = [[1; 20], [2; 20], [3; 20], [4; 20], [5; 20]];

const DEVNET_VALIDATORS: [[u8; 32]; 4] = [[1; 32], [2; 32], [3; 32], [4; 32]];

/// Hash of devnet's genesis block.
pub const DEVNET_GENESIS_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allotments_sum_to_the_supplies() {
        let total = |asset| {
            let wallets = GenesisWallet::ALL.iter().map(|w| w.allotment());
            let balances = LedgerBalance::ALL.iter().map(|b| b.genesis_amount());
            Amount::sum(wallets.chain(balances).filter(|(a, _)| *a == asset).map(|(_, amount)| amount))
        };
        assert_eq!(total(AssetId::STR), Ok(STR_SUPPLY));
        assert_eq!(total(AssetId::CCOS), Ok(CCOS_SUPPLY));
    }
}
