//! `accepted_root`: six lanes of accepted transactions, each chained along the selected chain.

use umbel_types::encode::{Decode, DecodeError, Encode, Reader, encode_list};
use umbel_types::hash::{Domain, Hasher, hash_of};
use umbel_types::merkle::merkle_root;
use umbel_types::utxo::StoredOutput;
use umbel_types::{Hash32, Ledger, OutPoint, TxCore, TxId, UtxoEntry, encode_struct, encode_tag};

/// What became of an accepted transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it took effect.
    Accepted,
}
encode_tag!(Outcome, "outcome" { Accepted = 0 });

/// One created output as a light client sees it: enough to detect it and to check the list for completeness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputDigest {
    /// Its index, that of its outpoint.
    pub index: u32,
    /// 0 for a coin, 1 for a Memo.
    pub kind: u8,
    /// g ‖ A of a coin, or twice the hash of a Memo's lock.
    pub detection: [u8; 64],
    /// Hash of the output's bytes.
    pub output: Hash32,
}
encode_struct!(OutputDigest { index, kind, detection, output });

impl OutputDigest {
    fn of(index: u32, output: &StoredOutput) -> Self {
        let (kind, halves) = match output {
            StoredOutput::Coin { coin, .. } => (0, [coin.owner.g.0, coin.owner.view.0]),
            StoredOutput::Memo(memo) => (1, [hash_of(Domain::LOCK, &memo.lock).0; 2]),
        };
        let mut detection = [0; 64];
        detection.copy_from_slice(halves.as_flattened());
        Self { index, kind, detection, output: hash_of(Domain::OUTPUT, output) }
    }
}

fn hash_list<T: Encode>(items: &[T]) -> Hash32 {
    let mut bytes = Vec::new();
    encode_list(items, &mut bytes);
    Hasher::new(Domain::LIST).with_bytes(&bytes).finish()
}

/// What a leaf says of an accepted transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptedFacts {
    /// Its id.
    pub txid: TxId,
    /// What became of it.
    pub outcome: Outcome,
    /// Gas that it used.
    pub gas_used: u64,
    /// Hash of the list of consumed outpoints.
    pub consumed: Hash32,
    /// Hash of the list of created outputs.
    pub created: Hash32,
}
encode_struct!(AcceptedFacts { txid, outcome, gas_used, consumed, created });

impl AcceptedFacts {
    /// Of a transaction that was accepted, with the outputs that acceptance derived from it.
    pub fn of(txid: TxId, core: &TxCore, derived: &[(OutPoint, UtxoEntry)]) -> Self {
        let consumed: Vec<OutPoint> = core.inputs.iter().map(|i| i.outpoint).collect();
        let created: Vec<OutputDigest> = (0u32..)
            .zip(&core.outputs)
            .map(|(index, output)| OutputDigest::of(index, &StoredOutput::from(output)))
            .chain(derived.iter().map(|(outpoint, entry)| OutputDigest::of(outpoint.index, &entry.output)))
            .collect();
        let (consumed, created) = (hash_list(&consumed), hash_list(&created));
        Self { txid, outcome: Outcome::Accepted, gas_used: 0, consumed, created }
    }

    /// The leaf: `H("umbel/acc/v1" ‖ txid ‖ outcome ‖ gas used ‖ H(consumed outpoints) ‖ H(outputs))`.
    pub fn leaf(&self) -> Hash32 {
        hash_of(Domain::ACCEPTED_LEAF, self)
    }
}

/// The leaf of an accepted transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptedLeaf {
    /// Its lane.
    pub ledger: Ledger,
    /// Its hash.
    pub hash: Hash32,
}

impl AcceptedLeaf {
    /// Of a transaction that was accepted, with the outputs that acceptance derived from it.
    pub fn of(txid: TxId, core: &TxCore, derived: &[(OutPoint, UtxoEntry)]) -> Self {
        Self { ledger: core.ledger(), hash: AcceptedFacts::of(txid, core, derived).leaf() }
    }
}

/// What a leaf says of outputs that no transaction made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemFacts {
    /// Where they are.
    pub outpoints: Vec<OutPoint>,
    /// What they are, in the same order.
    pub outputs: Vec<OutputDigest>,
}

impl SystemFacts {
    /// Of outputs, in order.
    pub fn of(outputs: &[(OutPoint, UtxoEntry)]) -> Self {
        let digest = |(outpoint, entry): &(OutPoint, UtxoEntry)| OutputDigest::of(outpoint.index, &entry.output);
        Self {
            outpoints: outputs.iter().map(|(outpoint, _)| *outpoint).collect(),
            outputs: outputs.iter().map(digest).collect(),
        }
    }

    /// The leaf: `H("umbel/sys/v1" ‖ H(outpoints) ‖ H(outputs))`.
    pub fn leaf(&self) -> Hash32 {
        Hasher::new(Domain::SYSTEM_LEAF).with(&hash_list(&self.outpoints)).with(&hash_list(&self.outputs)).finish()
    }
}

/// The leaf of outputs that no transaction made, in order.
pub fn system_leaf(outputs: &[(OutPoint, UtxoEntry)]) -> Option<Hash32> {
    (!outputs.is_empty()).then(|| SystemFacts::of(outputs).leaf())
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
            let batch = merkle_root(&lane_batch(ledger, accepted, system));
            let lane = &mut next.lanes[ledger.lane()];
            *lane = next_lane(lane, &batch);
        }
        next
    }

    /// `accepted_root`.
    pub fn root(&self) -> Hash32 {
        Hasher::new(Domain::ACCEPTED_ROOT).with(self).finish()
    }
}

/// The leaves that one chain block adds to a lane, in order.
pub(crate) fn lane_batch(ledger: Ledger, accepted: &[AcceptedLeaf], system: Option<Hash32>) -> Vec<Hash32> {
    let leaves = accepted.iter().filter(|leaf| leaf.ledger == ledger).map(|leaf| leaf.hash);
    leaves.chain(system.filter(|_| ledger == Ledger::Main)).collect()
}

/// A lane behind a chain block, from the lane before it and the Merkle root of what it adds.
pub(crate) fn next_lane(before: &Hash32, batch: &Hash32) -> Hash32 {
    Hasher::new(Domain::LANE).with(before).with(batch).finish()
}
