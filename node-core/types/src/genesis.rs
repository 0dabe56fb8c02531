//! What exists before the first block (docs/spec/transaction.md §6).

use crate::address::ZkAddress;
use crate::amount::Amount;
use crate::hash::AssetId;
use crate::lock::ML_DSA_KEY_BYTES;
use crate::score::TimestampMs;
use crate::state::LedgerBalance;
use crate::target::CompactTarget;

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
    /// What it holds at genesis, the bonds of the first validators not yet taken out of STR.rewards.
    pub const fn genesis_amount(self) -> (AssetId, Amount) {
        match self {
            Self::RewardPool => (AssetId::STR, Amount::from_str_tokens(12_663_000_000)),
            Self::StrRewards => (AssetId::STR, Amount::from_str_tokens(4_221_000_000)),
            Self::StrTreasury => (AssetId::STR, Amount::from_str_tokens(17_939_250_000)),
            Self::CcosTreasury => (AssetId::CCOS, Amount::from_str_tokens(42_210_000)),
            Self::Burned => (AssetId::STR, Amount::ZERO),
        }
    }
}

/// A validator of epochs 0 and 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisValidator {
    /// ML-DSA-65 verifying key.
    pub key: Box<[u8; ML_DSA_KEY_BYTES]>,
    /// Who may act for it; the stake is its delegation.
    pub owner: ZkAddress,
    /// Its stake, out of STR.rewards.
    pub stake: Amount,
    /// Part of its delegators' rewards that its owner keeps, in basis points.
    pub commission_bps: u16,
}

/// What a network's genesis names besides the constants: recipients, validators, the date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisSpec {
    /// The genesis block's timestamp: when mining starts, since difficulty is reckoned from it.
    pub timestamp: TimestampMs,
    /// The genesis block's bits: difficulty of the first ten minutes (docs/spec/consensus.md R8 says how to choose them).
    pub bits: CompactTarget,
    /// Who receives each wallet's allotment, in the order of [`GenesisWallet::ALL`].
    pub recipients: [ZkAddress; GenesisWallet::ALL.len()],
    /// Validators of epochs 0 and 1, at least four, no key twice.
    pub validators: Vec<GenesisValidator>,
}

/// The words behind every key of devnet's genesis: the first test vector of BIP39, known to everyone. Account 0 owns the
/// genesis wallets, at the index of [`GenesisWallet::ALL`]; its vote keys 0..4 are the validators, each owned by the key
/// of the same index.
pub const DEVNET_WORDS: &str =
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

/// Stake of each of devnet's four validators.
pub const DEVNET_STAKE: Amount = Amount::from_str_tokens(1_000_000);

/// Commission of each of devnet's four validators: 5 %.
const DEVNET_COMMISSION_BPS: u16 = 500;

/// Devnet's genesis. Its addresses and keys are derived from [`DEVNET_WORDS`]; `umbel-crypto` has the test.
pub fn devnet() -> GenesisSpec {
    GenesisSpec {
        // 2026-11-20T00:00:00Z
        timestamp: TimestampMs(1_795_132_800_000),
        bits: CompactTarget::EASIEST,
        recipients: DEVNET_RECIPIENTS.map(ZkAddress),
        validators: DEVNET_VOTE_KEYS
            .as_chunks::<ML_DSA_KEY_BYTES>()
            .0
            .iter()
            .zip(DEVNET_RECIPIENTS)
            .map(|(key, owner)| GenesisValidator {
                key: Box::new(*key),
                owner: ZkAddress(owner),
                stake: DEVNET_STAKE,
                commission_bps: DEVNET_COMMISSION_BPS,
            })
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

/// The ML-DSA-65 vote keys 0..4 of account 0, one behind the other.
const DEVNET_VOTE_KEYS: &[u8] = include_bytes!("devnet_vote_keys.bin");

/// Hash of devnet's genesis block.
pub const DEVNET_GENESIS_HASH: &str = "9ee9e93a088d03713bfd3ff0ad2c1f43eceb42a60b060be41c314d4f31c2972c";

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
