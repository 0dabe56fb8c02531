//! Headers, and proofs about the ledger that need nothing but one (docs/spec/commitments.md).

use serde::{Deserialize, Serialize};

/// Version of [`HeaderFile`] and [`LedgerProofFile`].
pub const PROOF_FILE_VERSION: u32 = 1;

/// In place of a hash: the newest block that is final.
pub const FINAL: &str = "final";

/// Asks for a block's header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderRequest {
    /// The block's hash, or [`FINAL`]; the newest chain block if none is named.
    pub block: Option<String>,
}

/// A header as a file: all that somebody who trusts its block needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderFile {
    /// [`PROOF_FILE_VERSION`].
    pub version: u32,
    /// The network's name.
    pub network: String,
    /// Canonical encoding, lower-case hexadecimal.
    pub header: String,
}

/// A block's header and where the block stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockHeader {
    /// The block's hash.
    pub block: String,
    /// Its DAA score.
    pub daa_score: u64,
    /// Its blue score.
    pub blue_score: u64,
    /// Milliseconds since the Unix epoch.
    pub timestamp_ms: u64,
    /// Whether it is on the selected chain now.
    pub is_chain_block: bool,
    /// Whether no chain leaves it any more.
    pub is_final: bool,
    /// Blue score of the newest chain block above its own.
    pub depth: u64,
    /// The header.
    pub file: HeaderFile,
}

/// Asks for a proof that a transaction was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProveTxRequest {
    /// Its id.
    pub txid: String,
    /// The chain block that accepted it; searched for if none is named.
    pub accepted_in: Option<String>,
    /// The chain block that the proof ends in: its hash, or [`FINAL`]; the newest if none is named.
    pub anchor: Option<String>,
}

/// Asks for a proof of what a chain block paid without a transaction: rewards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProveRewardsRequest {
    /// The chain block.
    pub block: String,
    /// The chain block that the proof ends in: its hash, or [`FINAL`]; the newest if none is named.
    pub anchor: Option<String>,
}

/// How a State object is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateKind {
    /// A balance that rules own, by its name, such as `reward-pool`.
    Balance,
    /// The validators of an epoch, by its number.
    ValidatorSet,
    /// A validator, by the hash of its vote key.
    Validator,
    /// A delegator's part of a validator: `<hash of the vote key>/<zk13str address>`.
    Delegation,
    /// Any object, by ledger and id: `governance/<64 hexadecimal digits>`.
    Object,
}

/// Asks for a proof of a State object, or that there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProveStateRequest {
    /// How it is named.
    pub kind: StateKind,
    /// Its name.
    pub name: String,
    /// The chain block behind whose past the state is looked at; where the proof ends if none is named.
    pub at: Option<String>,
    /// The chain block that the proof ends in: its hash, or [`FINAL`]; the newest if none is named.
    pub anchor: Option<String>,
}

/// Asks for a proof that a block stands on the selected chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvePlaceRequest {
    /// The block.
    pub block: String,
    /// The chain block that the proof ends in: its hash, or [`FINAL`]; the newest if none is named.
    pub anchor: Option<String>,
}

/// A proof about the ledger, as a file. It verifies without a node, for whoever trusts the block that it ends in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerProofFile {
    /// [`PROOF_FILE_VERSION`].
    pub version: u32,
    /// The network's name.
    pub network: String,
    /// Canonical encoding, lower-case hexadecimal.
    pub proof: String,
}
