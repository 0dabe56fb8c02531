//! What verification says.

use std::fmt::{self, Display};

use thiserror::Error;
use umbel_dag::ReadError;
use umbel_store::StoreError;
use umbel_types::errors::BlockError;
use umbel_types::{AssetId, BlockHash};

use crate::storage::BodyError;

/// One thing checked.
pub(super) type Verdict = Result<(), VerifyError>;

/// What verification is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyStage {
    /// Every block by the rules that need no state.
    Blocks,
    /// Every block that stood on the chain, by the rules that need state.
    State,
    /// Every row of every table.
    Tables,
}

impl Display for VerifyStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blocks => "blocks",
            Self::State => "state",
            Self::Tables => "tables",
        })
    }
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyProgress {
    /// What it is doing.
    pub stage: VerifyStage,
    /// Done of it.
    pub done: u64,
    /// Of how many.
    pub total: u64,
}

/// Where an asset is. In base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssetSupply {
    /// The asset.
    pub asset: AssetId,
    /// Issued at genesis.
    pub issued: u64,
    /// In outputs that show their value.
    pub public: u64,
    /// In balances that only rules move, the reward pool among them.
    pub state: u64,
    /// What went into hidden outputs less what came out of them.
    pub confidential: u64,
}

/// What was verified.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct VerifyReport {
    /// Blocks with a body, genesis excluded.
    pub blocks: u64,
    /// Blocks beside and below the pruning point that are still kept: compared with themselves only.
    pub kept_blocks: u64,
    /// Headers of the chain that outlived their block.
    pub kept_headers: u64,
    /// Headers without a body, or with one that broke a rule.
    pub headers_alone: u64,
    /// Blocks of the selected chain, genesis excluded.
    pub chain_blocks: u64,
    /// Blocks that once stood on the selected chain.
    pub former_chain_blocks: u64,
    /// Blocks that can't stand on it; each was tried again.
    pub disqualified: u64,
    /// Transactions in bodies, every proof checked.
    pub transactions: u64,
    /// Transactions that the selected chain accepted.
    pub accepted: u64,
    /// Unspent outputs at the end of the chain.
    pub unspent: u64,
    /// Rows of all tables.
    pub records: u64,
    /// Bytes in the segments.
    pub segment_bytes: u64,
    /// Of those, in records that no table names: copies that were not needed.
    pub unnamed_bytes: u64,
    /// Blocks that the next start takes in from the segments, or whose state it looks at: a kill came before.
    pub waiting: u64,
    /// End of the selected chain.
    pub sink: BlockHash,
    /// Each asset's supply, which adds up.
    pub supply: Vec<AssetSupply>,
}

/// The first thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The block that it belongs to.
    pub block: Option<BlockHash>,
    /// Which commitment, rule or record.
    pub what: String,
    /// What is there.
    pub got: String,
    /// What should be.
    pub expected: String,
}

impl Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(block) = &self.block {
            write!(f, "block {block}: ")?;
        }
        write!(f, "{} is {}, expected {}", self.what, self.got, self.expected)
    }
}

/// Why verification ended early.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// Something is not as it should be.
    #[error("{0}")]
    Mismatch(Box<Mismatch>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The error for one difference.
pub(super) fn differs(
    block: impl Into<Option<BlockHash>>,
    what: impl Into<String>,
    got: impl ToString,
    expected: impl ToString,
) -> VerifyError {
    let (got, expected) = (got.to_string(), expected.to_string());
    VerifyError::Mismatch(Box::new(Mismatch { block: block.into(), what: what.into(), got, expected }))
}

/// Compares one value.
pub(super) fn same<T: PartialEq + ToString>(
    block: impl Into<Option<BlockHash>>,
    what: impl Into<String>,
    got: T,
    expected: T,
) -> Verdict {
    if got == expected { Ok(()) } else { Err(differs(block, what, got, expected)) }
}

/// Compares encoded values; of long ones the first bytes that differ are told.
pub(super) fn same_bytes(block: impl Into<Option<BlockHash>>, what: &str, got: &[u8], expected: &[u8]) -> Verdict {
    if got == expected {
        return Ok(());
    }
    let at = got.iter().zip(expected).take_while(|(g, e)| g == e).count();
    Err(differs(block, what, excerpt(got, at), excerpt(expected, at)))
}

/// Compares rows that may be missing.
pub(super) fn same_rows(
    block: impl Into<Option<BlockHash>>,
    what: &str,
    got: Option<&[u8]>,
    expected: Option<&[u8]>,
) -> Verdict {
    let shown = |row: Option<&[u8]>| row.map_or_else(|| "nothing".to_owned(), |bytes| excerpt(bytes, 0));
    match (got, expected) {
        (Some(got), Some(expected)) => same_bytes(block, what, got, expected),
        (None, None) => Ok(()),
        (got, expected) => Err(differs(block, what, shown(got), shown(expected))),
    }
}

/// Compares blocks that may be missing.
pub(super) fn same_block(
    block: impl Into<Option<BlockHash>>,
    what: impl Into<String>,
    got: Option<BlockHash>,
    expected: Option<BlockHash>,
) -> Verdict {
    let shown = |hash: Option<BlockHash>| hash.map_or_else(|| "none".to_owned(), |hash| hash.to_string());
    same(block, what, shown(got), shown(expected))
}

fn excerpt(bytes: &[u8], at: usize) -> String {
    const SHOWN_BYTES: usize = 40;
    if bytes.len() <= SHOWN_BYTES {
        return hex(bytes);
    }
    let from_there: Vec<u8> = bytes.iter().skip(at).take(SHOWN_BYTES / 2).copied().collect();
    format!("{} bytes with {} at byte {at}", bytes.len(), hex(&from_there))
}

/// Bytes as people write them.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Names the first place in which two lists differ.
pub(super) fn same_lists<T: PartialEq>(
    block: BlockHash,
    what: &str,
    got: &[T],
    expected: &[T],
    show: impl Fn(&T) -> String,
) -> Verdict {
    let both = got.len().max(expected.len());
    for index in 0..both {
        let (g, e) = (got.get(index), expected.get(index));
        if g != e {
            let shown = |item: Option<&T>| item.map_or_else(|| "nothing".to_owned(), &show);
            return Err(differs(block, format!("{what} {index}"), shown(g), shown(e)));
        }
    }
    Ok(())
}

/// A value that can't be read is a difference, a failing disk is not.
pub(super) fn readable<T>(
    block: impl Into<Option<BlockHash>>,
    what: &str,
    result: Result<T, StoreError>,
) -> Result<T, VerifyError> {
    result.map_err(|error| {
        if error.is_damage() { differs(block, what, error, "what was written") } else { VerifyError::Store(error) }
    })
}

/// A rule that a stored block breaks, or data of its past that can't be read.
pub(super) fn broken(block: BlockHash) -> impl Fn(BlockError) -> VerifyError {
    move |error| match error {
        BlockError::Commitment { what, got, expected } => differs(block, what, got, expected),
        error => differs(block, "the block", format!("refused ({error})"), "a block that keeps every rule"),
    }
}

/// The graph could not be read.
pub(super) fn unreadable(block: BlockHash) -> impl Fn(ReadError) -> VerifyError {
    move |error| differs(block, "its past", error, "what was replayed")
}

/// A body could not be read.
pub(super) fn bad_body(error: BodyError) -> VerifyError {
    match error {
        BodyError::Missing(block) => differs(block, "body", "nothing", "the body that its status promises"),
        BodyError::Damaged { block, error } if error.is_damage() => differs(block, "body", error, "the block"),
        BodyError::Damaged { error, .. } => VerifyError::Store(error),
    }
}
