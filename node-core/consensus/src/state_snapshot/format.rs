//! The bytes of a snapshot.

use umbel_ledger::commitments::{ChainMmr, LaneRoots, LtHash};
use umbel_ledger::state_tree::StateKey;
use umbel_types::encode::{Decode, DecodeError, Encode, Reader, encode_bytes, encode_list};
use umbel_types::hash::{Domain, Hasher};
use umbel_types::state::State;
use umbel_types::{
    Block, BlockHash, BlueScore, DaaScore, Hash32, OutPoint, Params, TimestampMs, UtxoEntry, encode_struct,
};

use super::SnapshotError;

/// Version of the bytes.
pub const SNAPSHOT_FORMAT: u32 = 1;
/// Length of every chunk but the last.
pub const CHUNK_BYTES: usize = 1024 * 1024;
/// Name of the manifest inside the folder.
pub(super) const MANIFEST_FILE: &str = "manifest";
/// Most chunks: a terabyte, far above any state. Bounds what a hostile manifest makes us read.
pub(super) const MAX_CHUNKS: usize = 1 << 20;
/// Longest manifest: its chunks' hashes, a block, and some KiB.
pub(super) const MAX_MANIFEST_BYTES: u64 = (MAX_CHUNKS as u64 + 1) * 32 + 4 * 1024 * 1024;
/// Longest network name that is read, in bytes.
const MAX_NETWORK_NAME_BYTES: usize = 64;

/// What the chunks hold, in this order: each item behind its length (u32, little-endian).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Coins,
    Memos,
    States,
    Headers,
}

impl Section {
    pub(super) const ALL: [Self; 4] = [Self::Coins, Self::Memos, Self::States, Self::Headers];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Coins => "coin",
            Self::Memos => "memo",
            Self::States => "state object",
            Self::Headers => "header",
        }
    }

    /// Longest item, in bytes. An output has some hundred; a State object at most what a transaction can carry; a header
    /// with its colouring 4.5 MB at the fastest rate (consensus.md "Sizes").
    pub(super) const fn max_bytes(self) -> usize {
        match self {
            Self::Coins | Self::Memos => 64 * 1024,
            Self::States => 1024 * 1024,
            Self::Headers => 8 * 1024 * 1024,
        }
    }
}

/// An unspent output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unspent {
    pub(super) outpoint: OutPoint,
    pub(super) entry: UtxoEntry,
}
encode_struct!(Unspent { outpoint, entry });

/// A State object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    pub(super) key: StateKey,
    pub(super) state: State,
}
encode_struct!(Object { key, state });

/// Everything about a snapshot but its chunks.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Network.
    pub network: String,
    /// Its genesis.
    pub genesis: BlockHash,
    /// The block whose state this is. Its own body is not part of that state: the next chain block merges it.
    pub block: Block,
    /// Its height on the selected chain.
    pub height: u64,
    /// The selected chain up to its selected parent.
    pub mmr: ChainMmr,
    /// Lanes behind it.
    pub lanes: LaneRoots,
    /// Sum over its unspent outputs.
    pub lthash: LtHash,
    /// Items in each section.
    pub counts: [u64; 4],
    /// Bytes of all chunks.
    pub bytes: u64,
    /// Hash of each chunk.
    pub chunks: Vec<Hash32>,
}

impl Encode for Manifest {
    fn encode(&self, out: &mut Vec<u8>) {
        SNAPSHOT_FORMAT.encode(out);
        encode_bytes(self.network.as_bytes(), out);
        self.genesis.encode(out);
        self.block.encode(out);
        self.height.encode(out);
        self.mmr.encode(out);
        self.lanes.encode(out);
        self.lthash.encode(out);
        self.counts.iter().for_each(|count| count.encode(out));
        self.bytes.encode(out);
        encode_list(&self.chunks, out);
    }
}

impl Decode for Manifest {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let version = u32::decode(r)?;
        if version != SNAPSHOT_FORMAT {
            return Err(DecodeError::UnknownTag { what: "snapshot format", got: u64::from(version) });
        }
        let name = r.bytes(MAX_NETWORK_NAME_BYTES, "network name")?;
        let network = String::from_utf8(name).map_err(|_| DecodeError::NotCanonical { what: "network name" })?;
        let genesis = Decode::decode(r)?;
        let block = Decode::decode(r)?;
        let height = Decode::decode(r)?;
        let (mmr, lanes, lthash) = (Decode::decode(r)?, Decode::decode(r)?, Decode::decode(r)?);
        let mut counts = [0; 4];
        for count in &mut counts {
            *count = Decode::decode(r)?;
        }
        let bytes = Decode::decode(r)?;
        let chunks: Vec<Hash32> = r.list(MAX_CHUNKS, "chunks")?;
        if u64::try_from(chunks.len()) != Ok(u64::div_ceil(bytes, CHUNK_BYTES as u64)) {
            return Err(DecodeError::NotCanonical { what: "number of chunks" });
        }
        Ok(Self { network, genesis, block, height, mmr, lanes, lthash, counts, bytes, chunks })
    }
}

impl Manifest {
    /// What names the snapshot: two nodes that write the state at one block agree on it.
    pub fn id(&self) -> Hash32 {
        Hasher::new(Domain::SNAPSHOT).with(self).finish()
    }

    /// Index of the checkpoint that the block is.
    pub(super) fn checkpoint(&self, params: &Params) -> Result<u32, SnapshotError> {
        let index = self.block.header.blue_score.0 / params.checkpoint_interval.max(1);
        let too_high = SnapshotError::Commitment { block: self.block.header.hash(), what: "the blue score" };
        u32::try_from(index).map_err(|_| too_high)
    }

    /// What people and programs are told.
    pub fn info(&self) -> SnapshotInfo {
        let [coins, memos, states, headers] = self.counts;
        SnapshotInfo {
            id: self.id(),
            network: self.network.clone(),
            block: self.block.hash(),
            height: self.height,
            blue_score: self.block.header.blue_score,
            daa_score: self.block.header.daa_score,
            timestamp: self.block.header.timestamp,
            coins,
            memos,
            states,
            headers,
            chunks: self.chunks.len() as u64,
            bytes: self.bytes,
        }
    }
}

/// What a snapshot holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// Hash of the manifest.
    pub id: Hash32,
    /// Network.
    pub network: String,
    /// The block whose state it is.
    pub block: BlockHash,
    /// Its height on the selected chain.
    pub height: u64,
    /// Its blue score.
    pub blue_score: BlueScore,
    /// Its DAA score.
    pub daa_score: DaaScore,
    /// Its timestamp.
    pub timestamp: TimestampMs,
    /// Unspent coins.
    pub coins: u64,
    /// Unspent Memos.
    pub memos: u64,
    /// State objects.
    pub states: u64,
    /// Headers of its past.
    pub headers: u64,
    /// Chunks.
    pub chunks: u64,
    /// Bytes of all chunks.
    pub bytes: u64,
}

/// What the manifest says of a chunk.
pub(super) fn chunk_hash(bytes: &[u8]) -> Hash32 {
    Hasher::new(Domain::SNAPSHOT_CHUNK).with_bytes(bytes).finish()
}

pub(super) fn chunk_name(chunk: u64) -> String {
    format!("{chunk:08}.chunk")
}

/// What a fuzzer begins with: each kind of item, of genesis.
#[cfg(feature = "test-util")]
pub(crate) fn item_seeds() -> Vec<Vec<u8>> {
    use super::dag::PastBlock;
    use crate::pruning::PruningRecord;
    let params = Params::of(umbel_types::Network::Devnet);
    let genesis = umbel_ledger::genesis::build(&params, &umbel_types::genesis::devnet());
    let manifest = Manifest {
        network: params.network.name().to_owned(),
        genesis: genesis.hash,
        block: genesis.block.clone(),
        height: 0,
        mmr: ChainMmr::default().push(genesis.hash),
        lanes: genesis.lanes,
        lthash: genesis.lthash.clone(),
        counts: [0, 1, 2, 1],
        bytes: 5,
        chunks: vec![chunk_hash(b"chunk")],
    };
    let outputs = genesis.utxo.added().iter().take(1);
    let unspent = outputs.map(|(outpoint, entry)| Unspent { outpoint: *outpoint, entry: entry.clone() });
    let objects = genesis.states.iter().take(2).map(|(key, state)| Object { key: *key, state: state.clone() });
    let past = PastBlock {
        header: genesis.block.header.clone(),
        ghostdag: umbel_dag::GhostdagData::genesis(),
        merge_root: genesis.hash,
    };
    let pruning = PruningRecord {
        point: genesis.hash,
        state: genesis.hash,
        anchor_height: 0,
        base_height: 0,
        rows_from: 1,
        bodies_from: 2,
    };
    let mut seeds = vec![[vec![0], manifest.to_bytes()].concat()];
    seeds.extend(unspent.map(|item| [vec![1], item.to_bytes()].concat()));
    seeds.extend(objects.map(|item| [vec![2], item.to_bytes()].concat()));
    seeds.push([vec![3], past.to_bytes()].concat());
    seeds.push([vec![4], pruning.to_bytes()].concat());
    seeds
}
