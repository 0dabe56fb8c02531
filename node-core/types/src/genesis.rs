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

/// Devnet's genesis. Its addresses and keys are derived from [`DEVNET_WORDS`]; `umbel-crypto` has the test.
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

/// Addresses of the keys m/44'/1313'/0'/0/0..5.
#[rustfmt::skip]
const DEVNET_RECIPIENTS: [[u8; 20]; 5] = [
    [
        0x72, 0x24, 0xa1, 0x8b, 0xe7, 0x26, 0x7b, 0x49, 0xd3, 0x4a, 0xcd, 0xd1, 0x94, 0xff, 0xf1, 0xec, 0x66, 0xbe, 0xb9, 0xbe,
    ],
    [
        0xe3, 0xdd, 0x8d, 0x30, 0x1e, 0xe9, 0x42, 0x2a, 0x58, 0x97, 0x32, 0x93, 0x85, 0x68, 0x5b, 0x18, 0x4b, 0xec, 0xdd, 0x48,
    ],
    [
        0x81, 0x43, 0xd7, 0xae, 0x88, 0x44, 0xfc, 0x22, 0xf4, 0x86, 0xb2, 0xfc, 0x73, 0xd6, 0x56, 0x76, 0x56, 0x3c, 0x63, 0x6d,
    ],
    [
        0x90, 0x6d, 0x6c, 0x44, 0xa3, 0x34, 0x3c, 0x93, 0x7a, 0x92, 0x0d, 0x39, 0x6e, 0xb4, 0x3b, 0xc5, 0x2e, 0x10, 0x65, 0x7d,
    ],
    [
        0x9a, 0x6e, 0xf4, 0xf6, 0x48, 0x73, 0xc0, 0x8d, 0xa2, 0x77, 0x0e, 0x4c, 0xf4, 0x52, 0x5e, 0xc7, 0x0d, 0x69, 0x3a, 0x31,
    ],
];

/// Hashes of the ML-DSA-65 vote keys 0..4 of account 0, ascending.
#[rustfmt::skip]
const DEVNET_VALIDATORS: [[u8; 32]; 4] = [
    [
        0x25, 0x02, 0x7e, 0x93, 0x2e, 0xe9, 0x94, 0x3a, 0xf4, 0x09, 0x11, 0x1f, 0x4b, 0xa5, 0x98, 0xbb, 0xb4, 0x88, 0xbc, 0xac,
        0x52, 0x2c, 0x13, 0xac, 0x25, 0x12, 0x7e, 0xa7, 0xbc, 0x46, 0xab, 0xf8,
    ],
    [
        0x6c, 0x79, 0x38, 0x4d, 0xba, 0x29, 0xa9, 0x34, 0x28, 0x96, 0x25, 0x3b, 0x7a, 0xa1, 0x7e, 0x8c, 0x05, 0xc8, 0x4b, 0x78,
        0xbb, 0xcb, 0xd0, 0xae, 0xcb, 0xf3, 0xc1, 0x3d, 0xb2, 0x58, 0xe4, 0xc3,
    ],
    [
        0x7b, 0x24, 0xf2, 0x86, 0xb2, 0x4e, 0x09, 0x7c, 0x79, 0xe9, 0x2c, 0x2e, 0x33, 0xd3, 0x83, 0x1d, 0x22, 0x12, 0x0a, 0xec,
        0x54, 0x55, 0x88, 0x4d, 0x48, 0x42, 0x4a, 0xa0, 0xc1, 0x3b, 0x70, 0x5a,
    ],
    [
        0xa1, 0x74, 0x46, 0x37, 0x6d, 0x45, 0x65, 0x4b, 0x72, 0xe3, 0x19, 0xac, 0x81, 0xfa, 0xbc, 0xfb, 0xde, 0x3c, 0xa9, 0x21,
        0x7d, 0xe5, 0xd6, 0x7b, 0x75, 0x21, 0xe2, 0x43, 0xa2, 0x0e, 0x3a, 0x10,
    ],
];

/// Hash of devnet's genesis block.
pub const DEVNET_GENESIS_HASH: &str = "d78ffaeafdb01034f31551701eafb207e1afe69b237faceab74b8f6c32be5199";

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
