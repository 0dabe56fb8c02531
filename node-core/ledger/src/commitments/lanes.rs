//! `accepted_root`: six lanes of accepted transactions, each chained along the selected chain.

use umbel_types::encode::{Decode, DecodeError, Encode, Reader, encode_list};
use umbel_types::hash::{Domain, Hasher, hash_of};
use umbel_types::merkle::merkle_root;
use umbel_types::utxo::StoredOutput;
use umbel_types::{Hash32, Ledger, OutPoint, TxCore, TxId, UtxoEntry};

/// Outcome of an accepted transaction in its leaf. Contract calls add `Reverted` = 1.
const ACCEPTED: u8 = 0;

/// One created output as a light client sees it: enough to detect it and to check the list for completeness.
struct OutputDigest {
    outpoint_index: u32,
    kind: u8,
    /// g ‖ A of a coin, or twice the hash of a Memo's lock.
    detection: [Hash32; 2],
    output: Hash32,
}

impl Encode for OutputDigest {
    fn encode(&self, out: &mut Vec<u8>) {
        self.outpoint_index.encode(out);
        self.kind.encode(out);
        self.detection[0].encode(out);
        self.detection[1].encode(out);
        self.output.encode(out);
    }
}

fn digest(index: u32, output: &StoredOutput) -> OutputDigest {
    let (kind, detection) = match output {
        StoredOutput::Coin { coin, .. } => (0, [Hash32(coin.owner.g.0), Hash32(coin.owner.view.0)]),
        StoredOutput::Memo(memo) => (1, [hash_of(Domain::LOCK, &memo.lock); 2]),
    };
    OutputDigest { outpoint_index: index, kind, detection, output: hash_of(Domain::OUTPUT, output) }
}

fn hash_list<T: Encode>(items: &[T]) -> Hash32 {
    let mut bytes = Vec::new();
    encode_list(items, &mut bytes);
    Hasher::new(Domain::LIST).with_bytes(&bytes).finish()
}

/// The leaf of an accepted transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptedLeaf {
    /// Its lane.
    pub ledger: Ledger,
    /// `H("umbel/acc/v1" ‖ txid ‖ outcome ‖ gas used ‖ H(consumed outpoints) ‖ H(outputs))`.
    pub hash: Hash32,
}

impl AcceptedLeaf {
    /// Of a transaction that was accepted.
    pub fn of(txid: TxId, core: &TxCore) -> Self {
        let consumed: Vec<OutPoint> = core.inputs.iter().map(|i| i.outpoint).collect();
        let created: Vec<OutputDigest> =
            (0u32..).zip(&core.outputs).map(|(index, output)| digest(index, &StoredOutput::from(output))).collect();
        let hash = Hasher::new(Domain::ACCEPTED_LEAF)
            .with(&txid)
            .with(&ACCEPTED)
            .with(&0u64)
            .with(&hash_list(&consumed))
            .with(&hash_list(&created))
            .finish();
        Self { ledger: core.ledger(), hash }
    }
}

/// The leaf of outputs that no transaction made, in order.
pub fn system_leaf(outputs: &[(OutPoint, UtxoEntry)]) -> Option<Hash32> {
    if outputs.is_empty() {
        return None;
    }
    let sources: Vec<OutPoint> = outputs.iter().map(|(outpoint, _)| *outpoint).collect();
    let digests: Vec<OutputDigest> = outputs.iter().map(|(o, entry)| digest(o.index, &entry.output)).collect();
    Some(Hasher::new(Domain::SYSTEM_LEAF).with(&hash_list(&sources)).with(&hash_list(&digests)).finish())
}

/// The six lanes at a chain block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneRoots {
    /// In ledger order.
    pub lanes: [Hash32; 6],
}

impl Encode for LaneRoots {
    fn encode(&self, out: &mut Vec<u8>) {
        for lane in &self.lanes {
            lane.encode(out);
        }
    }
}

impl Decode for LaneRoots {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut lanes = [Hash32::default(); 6];
        for lane in &mut lanes {
            *lane = Hash32::decode(r)?;
        }
        Ok(Self { lanes })
    }
}

impl LaneRoots {
    /// Before the first block.
    pub fn genesis() -> Self {
        Self { lanes: [Hash32::default(); 6] }.advance(&[], None)
    }

    /// The next chain block's lanes: `lane_i = H(lane_i(selected parent) ‖ MerkleRoot(its leaves, in order))`. The system
    /// leaf is Main's last.
    #[must_use]
    pub fn advance(&self, accepted: &[AcceptedLeaf], system: Option<Hash32>) -> Self {
        let mut next = *self;
        for ledger in Ledger::ALL {
            let mut leaves: Vec<Hash32> = accepted.iter().filter(|l| l.ledger == ledger).map(|l| l.hash).collect();
            if ledger == Ledger::Main {
                leaves.extend(system);
            }
            let lane = &mut next.lanes[ledger.lane()];
            *lane = Hasher::new(Domain::LANE).with(lane).with(&merkle_root(&leaves)).finish();
        }
        next
    }

    /// `accepted_root`.
    pub fn root(&self) -> Hash32 {
        Hasher::new(Domain::ACCEPTED_ROOT).with(self).finish()
    }
}
