//! What the tables hold.

use std::sync::Arc;

use umbel_dag::GhostdagData;
use umbel_dag::reachability::ReachabilityData;
use umbel_ledger::StateDelta;
use umbel_ledger::commitments::{ChainMmr, LaneRoots};
use umbel_ledger::state_tree::StateChange;
use umbel_ledger::utxo::UtxoDiff;
use umbel_types::consensus_api::{AcceptedTx, BlockStatus};
use umbel_types::encode::{Decode, DecodeError, Encode, Reader, encode_list};
use umbel_types::{BlockHash, Body, Header, OutPoint, PayoutKey, Transaction, UtxoEntry, encode_struct};

use super::cache::Weigh;

/// Bound on stored lists: only keeps a damaged record from making us allocate. A chain block merges at most 512 bodies of
/// 64 KiB.
const MAX_STORED_LIST: usize = 1 << 20;

/// Where a block stands, and what its children need to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockRecord {
    pub(crate) status: BlockStatus,
    /// Order of arrival from 1; 0 until its body is here.
    pub(crate) sequence: u64,
    /// Merge depth root as this block sees it.
    pub(crate) merge_root: BlockHash,
}

fn status_tag(status: BlockStatus) -> u8 {
    match status {
        BlockStatus::HeaderOnly => 0,
        BlockStatus::PendingState => 1,
        BlockStatus::StateValid => 2,
        BlockStatus::Disqualified => 3,
        BlockStatus::Invalid => 4,
    }
}

impl Encode for BlockRecord {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(status_tag(self.status));
        self.sequence.encode(out);
        self.merge_root.encode(out);
    }
}

impl Decode for BlockRecord {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let status = match u8::decode(r)? {
            0 => BlockStatus::HeaderOnly,
            1 => BlockStatus::PendingState,
            2 => BlockStatus::StateValid,
            3 => BlockStatus::Disqualified,
            4 => BlockStatus::Invalid,
            got => return Err(DecodeError::UnknownTag { what: "block status", got: u64::from(got) }),
        };
        Ok(Self { status, sequence: Decode::decode(r)?, merge_root: Decode::decode(r)? })
    }
}

/// A body in memory: transactions are shared with whoever reads them.
#[derive(Clone, Debug)]
pub(crate) struct StoredBody {
    pub(crate) payout: PayoutKey,
    pub(crate) extra: Vec<u8>,
    pub(crate) txs: Vec<Arc<Transaction>>,
    pub(crate) certificate: Vec<u8>,
}

impl From<Body> for StoredBody {
    fn from(body: Body) -> Self {
        let Body { payout, extra, txs, certificate } = body;
        Self { payout, extra, txs: txs.into_iter().map(Arc::new).collect(), certificate }
    }
}

impl StoredBody {
    pub(crate) fn to_body(&self) -> Body {
        Body {
            payout: self.payout,
            extra: self.extra.clone(),
            txs: self.txs.iter().map(|tx| Transaction::clone(tx)).collect(),
            certificate: self.certificate.clone(),
        }
    }
}

/// A transaction in memory takes about twice its encoding: small vectors of points and scalars.
const TX_BYTES_PER_ENCODED: usize = 2;

impl Weigh for StoredBody {
    fn weight(&self) -> usize {
        let txs: usize = self.txs.iter().map(|tx| tx.size_bytes() * TX_BYTES_PER_ENCODED).sum();
        size_of::<Self>() + self.extra.len() + self.certificate.len() + txs
    }
}

impl Weigh for BlockRecord {
    fn weight(&self) -> usize {
        size_of::<Self>()
    }
}

impl Weigh for Header {
    fn weight(&self) -> usize {
        size_of::<Self>() + self.parents.len() * size_of::<BlockHash>()
    }
}

impl Weigh for GhostdagData {
    fn weight(&self) -> usize {
        self.size_bytes()
    }
}

impl Weigh for ReachabilityData {
    fn weight(&self) -> usize {
        self.size_bytes()
    }
}

impl Weigh for ChainRecord {
    fn weight(&self) -> usize {
        // Its undo is nearly all of it, and lies in memory much as it is encoded.
        size_of::<Self>() + self.to_bytes().len()
    }
}

struct Entry(OutPoint, UtxoEntry);

impl Encode for Entry {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
        self.1.encode(out);
    }
}

impl Decode for Entry {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self(Decode::decode(r)?, Decode::decode(r)?))
    }
}

struct Accepted(AcceptedTx);

impl Encode for Accepted {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.txid.encode(out);
        self.0.block.encode(out);
    }
}

impl Decode for Accepted {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self(AcceptedTx { txid: Decode::decode(r)?, block: Decode::decode(r)? }))
    }
}

/// What is known of a block that stands or stood on the selected chain: enough to go over it in both directions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChainRecord {
    /// Distance from genesis on the selected chain.
    pub(crate) height: u64,
    /// Lanes behind this block.
    pub(crate) lanes: LaneRoots,
    /// Selected chain up to the selected parent.
    pub(crate) mmr: ChainMmr,
    /// Outputs that went and came.
    pub(crate) utxo: UtxoDiff,
    /// State objects that changed.
    pub(crate) states: Vec<StateChange>,
    /// Transactions accepted, in order.
    pub(crate) accepted: Vec<AcceptedTx>,
}

impl ChainRecord {
    pub(crate) fn new(height: u64, lanes: LaneRoots, mmr: ChainMmr, delta: StateDelta) -> Self {
        let accepted = delta.accepted.iter().map(|a| AcceptedTx { txid: a.txid, block: a.block }).collect();
        Self { height, lanes, mmr, utxo: delta.utxo, states: delta.states, accepted }
    }
}

fn entries<'a>(map: impl IntoIterator<Item = (&'a OutPoint, &'a UtxoEntry)>) -> Vec<Entry> {
    map.into_iter().map(|(outpoint, entry)| Entry(*outpoint, entry.clone())).collect()
}

impl Encode for ChainRecord {
    fn encode(&self, out: &mut Vec<u8>) {
        self.height.encode(out);
        self.lanes.encode(out);
        self.mmr.encode(out);
        encode_list(&entries(self.utxo.removed()), out);
        encode_list(&entries(self.utxo.added()), out);
        encode_list(&self.states, out);
        encode_list(&self.accepted.iter().cloned().map(Accepted).collect::<Vec<_>>(), out);
    }
}

impl Decode for ChainRecord {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let height = Decode::decode(r)?;
        let lanes = Decode::decode(r)?;
        let mmr = Decode::decode(r)?;
        let removed: Vec<Entry> = r.list(MAX_STORED_LIST, "removed outputs")?;
        let added: Vec<Entry> = r.list(MAX_STORED_LIST, "added outputs")?;
        // As they are written: a record with outputs in another order, or one twice, is damaged.
        let ascend = |list: &[Entry]| list.is_sorted_by(|a, b| a.0 < b.0);
        if !ascend(&removed) || !ascend(&added) {
            return Err(DecodeError::NotCanonical { what: "outputs of a chain record" });
        }
        let pairs = |list: Vec<Entry>| list.into_iter().map(|Entry(outpoint, entry)| (outpoint, entry));
        let states = r.list(MAX_STORED_LIST, "state changes")?;
        let accepted: Vec<Accepted> = r.list(MAX_STORED_LIST, "accepted transactions")?;
        Ok(Self {
            height,
            lanes,
            mmr,
            utxo: UtxoDiff::from_parts(pairs(removed), pairs(added)),
            states,
            accepted: accepted.into_iter().map(|a| a.0).collect(),
        })
    }
}

/// The single values of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChainMeta {
    /// Genesis block.
    pub(crate) genesis: BlockHash,
    /// Selected tip whose state the UTXO and State tables hold.
    pub(crate) sink: BlockHash,
    /// Blocks with a body, genesis excluded: the newest order of arrival.
    pub(crate) block_count: u64,
}
encode_struct!(ChainMeta { genesis, sink, block_count });

impl ChainRecord {
    /// Genesis: its outputs were always there, so that going back below it is impossible.
    pub(crate) fn of_genesis(genesis: &umbel_ledger::genesis::Genesis) -> Self {
        Self {
            height: 0,
            lanes: genesis.lanes,
            mmr: ChainMmr::default(),
            utxo: UtxoDiff::default(),
            states: Vec::new(),
            accepted: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use umbel_types::{Network, Params};

    use super::*;

    #[test]
    fn a_record_whose_outputs_stand_twice_or_in_another_order_is_damaged() {
        let genesis = umbel_ledger::genesis::build(&Params::of(Network::Devnet), &umbel_types::genesis::devnet());
        let record = ChainRecord { utxo: genesis.utxo.clone(), ..ChainRecord::of_genesis(&genesis) };
        assert_eq!(ChainRecord::from_bytes(&record.to_bytes()), Ok(record.clone()));
        let list = |entries: &[Entry]| {
            let mut bytes = Vec::new();
            encode_list(entries, &mut bytes);
            bytes
        };
        let (bytes, written) = (record.to_bytes(), list(&entries(genesis.utxo.added())));
        let at = bytes.windows(written.len()).position(|window| window == written).expect("the list is in the record");
        let with = |entries: &[Entry]| [&bytes[..at], &list(entries), &bytes[at + written.len()..]].concat();
        let mut swapped = entries(genesis.utxo.added());
        swapped.swap(0, 1);
        let mut twice = entries(genesis.utxo.added());
        twice.insert(0, Entry(twice[0].0, twice[0].1.clone()));
        for bad in [swapped, twice] {
            let error = DecodeError::NotCanonical { what: "outputs of a chain record" };
            assert_eq!(ChainRecord::from_bytes(&with(&bad)), Err(error));
        }
    }
}
