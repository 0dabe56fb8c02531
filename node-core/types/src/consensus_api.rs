//! What the rest of the node may ask of consensus. `umbel-consensus` implements it; mempool, wallet, miner and network
//! know only this trait.
//!
//! Changes are pulled, not pushed: a reader waits for a newer [`VirtualState`] and asks for the [`ChainPath`] from what
//! it knew. A slow reader can't lose an event and can't make anyone wait.

mod finality;

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

pub use finality::{CertificateSummary, FinalityStatus, ValidatorStatus, VoteAdmission, VoteError, VoteProposal};

use crate::amount::Amount;
use crate::block::{Block, Body};
use crate::coin::PayoutKey;
use crate::errors::{BlockError, TxContextError};
use crate::hash::{BlockHash, TxId};
use crate::header::Header;
use crate::params::Params;
use crate::score::{BlueScore, BlueWork, DaaScore, TimestampMs};
use crate::state::State;
use crate::tx::{Ledger, OutPoint, Transaction, TxCore};
use crate::utxo::UtxoEntry;
use crate::vote::{Certificate, Evidence, Vote};

/// Where a block stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlockStatus {
    /// Header checked, body not here.
    HeaderOnly,
    /// Body checked; whether it can stand on the chain has not been asked.
    PendingState,
    /// Stands or stood on the selected chain: its commitments are right.
    StateValid,
    /// Can't stand on the selected chain, can be merged.
    Disqualified,
    /// Breaks a rule, for ever.
    Invalid,
}

impl BlockStatus {
    /// Whether its body is here and valid.
    pub fn has_body(self) -> bool {
        matches!(self, Self::PendingState | Self::StateValid | Self::Disqualified)
    }
}

/// The not yet mined block on top of everything known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualState {
    /// Rises with every block that is inserted, and whenever what is justified or final moves.
    pub version: u64,
    /// Selected tip: the end of the selected chain.
    pub sink: BlockHash,
    /// Its timestamp.
    pub sink_timestamp: TimestampMs,
    /// Its blue score.
    pub sink_blue_score: BlueScore,
    /// Its blue work.
    pub sink_blue_work: BlueWork,
    /// Parents of the next block.
    pub parents: Vec<BlockHash>,
    /// DAA score of the next block: the "now" of every rule.
    pub daa_score: DaaScore,
    /// Past median time of the next block.
    pub past_median_time: TimestampMs,
    /// Blocks inserted since genesis, genesis excluded.
    pub block_count: u64,
    /// Length of the selected chain, genesis excluded.
    pub chain_length: u64,
}

/// How the selected chain went on from a block that was known.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ChainPath {
    /// Chain blocks that no longer are, newest first.
    pub removed: Vec<BlockHash>,
    /// New chain blocks, oldest first; at most as many as were asked for.
    pub added: Vec<BlockHash>,
}

/// A transaction that a chain block accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedTx {
    /// Its id.
    pub txid: TxId,
    /// The block whose body carries it.
    pub block: BlockHash,
}

/// What a chain block changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptanceData {
    /// The chain block.
    pub block: BlockHash,
    /// Its DAA score.
    pub daa_score: DaaScore,
    /// Its blue score.
    pub blue_score: BlueScore,
    /// Its timestamp.
    pub timestamp: TimestampMs,
    /// Blocks it merged, in order, its selected parent first.
    pub merged: Vec<BlockHash>,
    /// Transactions it accepted, in order.
    pub accepted: Vec<AcceptedTx>,
    /// Outputs that it made disappear.
    pub removed: Vec<(OutPoint, UtxoEntry)>,
    /// Outputs that it brought.
    pub added: Vec<(OutPoint, UtxoEntry)>,
}

/// A block as the live view shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockSummary {
    /// Order of arrival, from 1.
    pub sequence: u64,
    /// Its id.
    pub hash: BlockHash,
    /// Direct parents.
    pub parents: Vec<BlockHash>,
    /// Selected parent.
    pub selected_parent: BlockHash,
    /// Blue score.
    pub blue_score: BlueScore,
    /// DAA score.
    pub daa_score: DaaScore,
    /// Timestamp.
    pub timestamp: TimestampMs,
    /// Transactions in its body; `None` where the body is not here or can't be read.
    pub tx_count: Option<usize>,
    /// Where it stands.
    pub status: BlockStatus,
    /// Whether it is on the selected chain now.
    pub is_chain_block: bool,
    /// Blue blocks of its mergeset, its selected parent first.
    pub mergeset_blues: Vec<BlockHash>,
    /// Red blocks of its mergeset.
    pub mergeset_reds: Vec<BlockHash>,
}

/// A block that lacks only its proof of work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockTemplate {
    /// Header with nonce 0.
    pub header: Header,
    /// Body.
    pub body: Body,
    /// Fees of its own transactions.
    pub fees: Amount,
}

/// What a body still has room for. Transactions have to fit by each measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyRoom {
    /// Bytes of transactions.
    pub bytes: usize,
    /// State bytes of transactions, each floored at zero by itself.
    pub state_bytes: u64,
}

/// Chooses transactions for a template.
pub trait TxSelector: Send {
    /// Candidates that fit into `room` together, best first, none of which was given before; none once nothing fits.
    fn select(&mut self, room: BodyRoom) -> Vec<Arc<Transaction>>;
    /// A candidate that can't stand in the context of the next block.
    fn reject(&mut self, txid: TxId, error: TxContextError);
}

/// Selects nothing.
#[derive(Clone, Copy, Debug)]
pub struct EmptySelector;

impl TxSelector for EmptySelector {
    fn select(&mut self, _room: BodyRoom) -> Vec<Arc<Transaction>> {
        Vec::new()
    }

    fn reject(&mut self, _txid: TxId, _error: TxContextError) {}
}

/// The two moments of a block's insertion. A dropped sender means that the node is stopping.
#[derive(Debug)]
pub struct InsertHandle {
    /// Header and body have been judged.
    pub body: Receiver<Result<BlockStatus, BlockError>>,
    /// The virtual state takes the block into account.
    pub chain: Receiver<Result<BlockStatus, BlockError>>,
}

impl InsertHandle {
    /// Waits until the virtual state takes the block into account.
    ///
    /// # Errors
    /// Why the block was refused.
    pub fn wait(self) -> Result<BlockStatus, BlockError> {
        let stopped = || BlockError::Unavailable("consensus is stopping".to_owned());
        self.body.recv().map_err(|_| stopped())??;
        self.chain.recv().map_err(|_| stopped())?
    }
}

/// Reading or building failed because of the store, or what was asked for is not here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsensusError {
    /// No such block.
    #[error("block {0} is not here")]
    UnknownBlock(BlockHash),
    /// The block was here, and what was asked for is not kept any more.
    #[error("block {0} was pruned here; an archive node has it")]
    Pruned(BlockHash),
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(String),
    /// The body of a block was here and can't be read any more.
    #[error("the body of block {block} is damaged: {reason}")]
    DamagedBody {
        /// The block.
        block: BlockHash,
        /// What was found.
        reason: String,
    },
    /// A miner's key that is not made of valid group elements.
    #[error("the payout key is not made of valid group elements")]
    BadPayout,
    /// The node is stopping.
    #[error("consensus is stopping")]
    Stopping,
}

/// All unspent outputs at one moment.
pub trait UtxoSnapshot: Send {
    /// The chain block whose state this is.
    fn sink(&self) -> BlockHash;
    /// Its DAA score.
    fn daa_score(&self) -> DaaScore;
    /// Up to `limit` entries behind `after`, by ascending outpoint.
    ///
    /// # Errors
    /// [`ConsensusError::Store`].
    fn page(&self, after: Option<OutPoint>, limit: usize) -> Result<Vec<(OutPoint, UtxoEntry)>, ConsensusError>;
    /// How many there are.
    fn len(&self) -> u64;
    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Consensus as everyone else sees it. Calls may read the disk: from async code, go through one `spawn_blocking`.
pub trait ConsensusApi: Send + Sync {
    /// The network's constants.
    fn params(&self) -> &Params;
    /// The genesis block.
    fn genesis_hash(&self) -> BlockHash;
    /// Queues a block. Returns at once unless the queue is full.
    fn insert_block(&self, block: Block) -> InsertHandle;
    /// The newest virtual state.
    fn virtual_state(&self) -> Arc<VirtualState>;
    /// Waits until there is a version above `version`, or the time is over; returns the newest.
    fn wait_newer(&self, version: u64, timeout: Duration) -> Arc<VirtualState>;
    /// Where a block stands; `None` if it was never seen.
    ///
    /// # Errors
    /// [`ConsensusError::Store`].
    fn status(&self, hash: BlockHash) -> Result<Option<BlockStatus>, ConsensusError>;
    /// A header.
    ///
    /// # Errors
    /// [`ConsensusError`].
    fn header(&self, hash: BlockHash) -> Result<Header, ConsensusError>;
    /// A whole block.
    ///
    /// # Errors
    /// [`ConsensusError`].
    fn block(&self, hash: BlockHash) -> Result<Block, ConsensusError>;
    /// A block as the live view shows it.
    ///
    /// # Errors
    /// [`ConsensusError`].
    fn block_summary(&self, hash: BlockHash) -> Result<BlockSummary, ConsensusError>;
    /// Blocks that arrived behind `sequence`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`ConsensusError`].
    fn blocks_since(&self, sequence: u64, limit: usize) -> Result<Vec<BlockSummary>, ConsensusError>;
    /// The way from `known` to the sink, adding at most `limit` blocks.
    ///
    /// # Errors
    /// [`ConsensusError::UnknownBlock`] if `known` never was a chain block here.
    fn chain_path(&self, known: BlockHash, limit: usize) -> Result<ChainPath, ConsensusError>;
    /// What a chain block changed.
    ///
    /// # Errors
    /// [`ConsensusError::UnknownBlock`] for a block that never was on the chain.
    fn acceptance(&self, chain_block: BlockHash) -> Result<AcceptanceData, ConsensusError>;
    /// One unspent output.
    ///
    /// # Errors
    /// [`ConsensusError::Store`].
    fn utxo(&self, outpoint: OutPoint) -> Result<Option<UtxoEntry>, ConsensusError>;
    /// All unspent outputs as of now.
    ///
    /// # Errors
    /// [`ConsensusError::Store`].
    fn utxo_snapshot(&self) -> Result<Box<dyn UtxoSnapshot>, ConsensusError>;
    /// Checks the rules that need state, in the context of the next block.
    ///
    /// # Errors
    /// Which rule, or that the store failed.
    fn check_tx_in_virtual_context(&self, core: &TxCore) -> Result<Result<(), TxContextError>, ConsensusError>;
    /// A block on top of the virtual parents.
    ///
    /// # Errors
    /// [`ConsensusError`].
    fn build_template(
        &self,
        payout: PayoutKey,
        extra: Vec<u8>,
        timestamp: TimestampMs,
        selector: &mut dyn TxSelector,
    ) -> Result<BlockTemplate, ConsensusError>;
    /// Balance of STR still in the reward pool.
    ///
    /// # Errors
    /// [`ConsensusError::Store`].
    fn reward_pool(&self) -> Result<Amount, ConsensusError>;
    /// The State objects of a ledger at the sink, by id.
    ///
    /// # Errors
    /// [`ConsensusError::Store`].
    fn states(&self, ledger: Ledger) -> Result<Vec<State>, ConsensusError>;
    /// What is final, as of the newest virtual state.
    fn finality(&self) -> Arc<FinalityStatus>;
    /// What an honest validator would vote for now; `None` while nothing new is buried or the overlay is off.
    ///
    /// # Errors
    /// [`ConsensusError::Store`].
    fn vote_proposal(&self) -> Result<Option<VoteProposal>, ConsensusError>;
    /// Takes a vote, whoever sent it. When this returns, [`ConsensusApi::finality`] knows what it changed.
    ///
    /// # Errors
    /// [`VoteError`].
    fn submit_vote(&self, vote: Vote) -> Result<VoteAdmission, VoteError>;
    /// Votes that were taken behind `sequence` and are still held, oldest first, at most `limit`.
    fn votes_since(&self, sequence: u64, limit: usize) -> Vec<(u64, Vote)>;
    /// Pairs of votes that can be slashed, one for each validator.
    fn evidence(&self) -> Vec<Evidence>;
    /// The certificate that is held for a target index: the newest two, and the last of each epoch.
    ///
    /// # Errors
    /// [`ConsensusError::Store`].
    fn certificate(&self, index: u32) -> Result<Option<Certificate>, ConsensusError>;
    /// Takes the votes of a certificate, whoever sent it.
    ///
    /// # Errors
    /// [`VoteError`]: the first vote that could not be taken; those before it were.
    fn submit_certificate(&self, certificate: Certificate) -> Result<(), VoteError>;
}
