//! The node: state, live DAG, mining, devnet.

use serde::{Deserialize, Serialize};

use crate::stake::ValidatingState;

/// What the node is doing, as one snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeState {
    /// `devnet`, `lan`, `testnet`, `mainnet` or `lab32`.
    pub network: String,
    /// Whether its coins are worth nothing by design.
    pub test_coins: bool,
    /// Version of the program.
    pub version: String,
    /// Folder that holds wallets and chain.
    pub data_dir: String,
    /// Where the chain is kept: `redb`, `sled` or `mem`.
    pub store: String,
    /// What it is doing.
    pub sync: SyncState,
    /// Hash of the selected tip.
    pub sink: String,
    /// DAA score of the next block.
    pub daa_score: u64,
    /// Blue score of the selected tip.
    pub blue_score: u64,
    /// Blocks since genesis.
    pub block_count: u64,
    /// Tips that the next block would merge.
    pub tip_count: usize,
    /// Blocks a second, over the last minute; `None` before there is a minute of blocks.
    pub blocks_per_second: Option<f64>,
    /// Blocks a second that the network aims at.
    pub target_blocks_per_second: f64,
    /// Transactions waiting.
    pub mempool: MempoolState,
    /// Mining.
    pub mining: MiningState,
    /// What is final; `None` until the chain is open.
    #[serde(default)]
    pub finality: Option<FinalityState>,
    /// The vote key of this machine.
    #[serde(default)]
    pub validating: ValidatingState,
    /// What is wrong and what to do, most urgent first.
    pub warnings: Vec<NodeWarning>,
    /// Devnet's public keys, in plain sight; `None` on other networks.
    pub devnet: Option<DevnetNotice>,
}

/// Stage of the node. Never says `synced` unless it is true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SyncState {
    /// Which stage.
    pub stage: SyncStage,
    /// Units done in this stage.
    pub done: u64,
    /// Units in all; `None` where that is not known.
    pub total: Option<u64>,
    /// Units a second.
    pub rate: Option<f64>,
    /// Seconds left at this rate.
    pub eta_s: Option<u64>,
    /// Why it does not go on, in plain words.
    pub stalled: Option<String>,
}

/// Stages of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncStage {
    /// Opening the store.
    Starting,
    /// Checking what the store holds.
    Loading,
    /// In step with everything known.
    Synced,
    /// Stopping.
    Stopping,
    /// Failed: the wallet still works, the warnings say what happened.
    Failed,
}

/// Something the person should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeWarning {
    /// For programs and for translation, such as `clock_off`.
    pub code: String,
    /// One English sentence.
    pub message: String,
}

/// The pool of waiting transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MempoolState {
    /// How many.
    pub count: usize,
    /// Their bytes.
    pub bytes: usize,
}

/// Mining.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MiningState {
    /// Threads at work; 0 when off.
    pub threads: usize,
    /// Most threads that may be asked for: one a core, at least four, since on devnet they mostly wait.
    pub max_threads: usize,
    /// Hashes a second over the last ten seconds.
    pub hashes_per_second: f64,
    /// Blocks found since the program started.
    pub blocks_found: u64,
    /// Address that is paid; `None` while there is no wallet to pay.
    pub pays_to: Option<String>,
    /// Why threads are idle, such as `no_wallet`.
    pub waiting: Option<String>,
}

/// What is final, and who made it so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalityState {
    /// Whether validators make blocks final; without them, twelve hours of blocks do.
    pub overlay_on: bool,
    /// The running epoch.
    pub epoch: u64,
    /// Highest justified checkpoint.
    pub justified: u32,
    /// Highest final checkpoint.
    pub finalized: u32,
    /// Its block.
    pub finalized_block: String,
    /// Its blue score: what a chain block at or below it has accepted is final.
    pub finalized_blue_score: u64,
    /// Blue score of the selected tip above it.
    pub gap: u64,
    /// The same in seconds, at the expected rate.
    pub gap_s: u64,
    /// Seconds from acceptance to being final, as votes come in time.
    pub usual_s: u64,
    /// More than a minute behind.
    pub late: bool,
    /// More than 15 minutes behind: stake can't be withdrawn meanwhile; payments go on.
    pub stalled: bool,
    /// Members of the epoch's set, by stake.
    pub validators: Vec<FinalityMember>,
    /// Newest certificate that this node holds.
    pub last_certificate: Option<CertificateState>,
}

/// A member of the epoch's set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalityMember {
    /// Hash of its vote key.
    pub id: String,
    /// Its stake, STR.
    pub stake: String,
    /// Checkpoint that it voted for last, as far as this node heard.
    pub last_target: Option<u32>,
    /// Whether it signed the newest certificate.
    pub signed_last: bool,
    /// Whether two of its votes contradict each other.
    pub equivocated: bool,
    /// Whether its key is this machine's.
    pub own: bool,
}

/// A certificate: votes of more than two thirds of the stake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateState {
    /// Checkpoint that it justifies.
    pub index: u32,
    /// Its block.
    pub block: String,
    /// Members that signed it.
    pub signers: usize,
    /// Members of the set.
    pub members: usize,
    /// Stake of those who signed.
    pub stake: String,
    /// Stake of the set.
    pub of_stake: String,
}

/// What everyone knows about devnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevnetNotice {
    /// The words behind its genesis wallets: public, worth nothing.
    pub public_words: String,
}

/// Asks for blocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DagRequest {
    /// Blocks that arrived behind this sequence number; 0 for the newest `limit`.
    pub since: u64,
    /// At most so many (512 at most).
    pub limit: usize,
}

/// Part of the DAG.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DagView {
    /// By order of arrival.
    pub blocks: Vec<DagBlock>,
    /// Hash of the selected tip.
    pub sink: String,
    /// Blue score of the selected tip.
    pub blue_score: u64,
    /// Blue score at which a block counts as confirmed.
    pub confirmation_depth: u64,
    /// Blue score up to which the chain is final.
    #[serde(default)]
    pub final_blue_score: u64,
    /// Among the blocks that the reader may know: those on the selected chain now, newest first, at most 512.
    pub chain: Vec<String>,
    /// Payments of the open wallets, by the block that carries them.
    pub payments: Vec<DagPayment>,
}

/// One block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DagBlock {
    /// Order of arrival, from 1.
    pub sequence: u64,
    /// Its id.
    pub hash: String,
    /// Direct parents.
    pub parents: Vec<String>,
    /// Selected parent.
    pub selected_parent: String,
    /// Blue score.
    pub blue_score: u64,
    /// DAA score.
    pub daa_score: u64,
    /// Timestamp in ms since the Unix epoch.
    pub timestamp_ms: u64,
    /// Transactions in its body.
    pub tx_count: usize,
    /// Blocks it left outside the order (red).
    pub reds: Vec<String>,
    /// Whether the wallets of this program mined it.
    pub own: bool,
}

/// A payment in a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DagPayment {
    /// The block.
    pub block: String,
    /// The transaction.
    pub txid: String,
    /// Amount that left the wallet.
    pub amount: String,
    /// Ticker or id of the asset.
    pub asset: String,
}

/// Starts, changes or stops mining.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MineRequest {
    /// Threads; 0 stops.
    pub threads: usize,
    /// Confidential address to pay; `None` for the first wallet.
    pub pay_to: Option<String>,
}

/// Mines at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdvanceRequest {
    /// How many blocks, 1..=10,000.
    pub blocks: u64,
    /// Confidential address to pay; `None` for the first wallet, or devnet's market where there is none.
    pub pay_to: Option<String>,
}

/// After mining at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvanceAnswer {
    /// DAA score of the next block.
    pub daa_score: u64,
}

/// Asks for test coins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FundRequest {
    /// Address to pay.
    pub to: String,
    /// Amount of STR.
    pub amount: String,
}
