//! Blocks: a header and the body it commits to.

use crate::coin::PayoutKey;
use crate::encode::{Decode, DecodeError, Encode, Reader, encode_bytes, encode_list};
use crate::encode_struct;
use crate::hash::{BlockHash, Domain, Hash32, Hasher};
use crate::header::Header;
use crate::merkle::merkle_root;
use crate::tx::{Ledger, Transaction};

/// Most free bytes a miner may add.
pub const MAX_EXTRA_BYTES: usize = 64;
/// Most transactions that can be decoded. A body of 64 KiB holds far fewer.
pub const MAX_BLOCK_TXS: usize = 4096;
/// Longest certificate: 64 validators at 4 KiB.
pub const MAX_CERT_BYTES: usize = 64 * 4096;

/// What a block carries.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Body {
    /// Where the reward goes.
    pub payout: PayoutKey,
    /// Free bytes of the miner.
    pub extra: Vec<u8>,
    /// Transactions, in lane order.
    pub txs: Vec<Transaction>,
    /// The certificate that the header introduces; empty where it repeats its selected parent's.
    pub certificate: Vec<u8>,
}

impl Body {
    /// The commitment in the header: miner's payload and six lane roots over wtxids.
    pub fn tx_root(&self) -> Hash32 {
        let mut extra = Vec::new();
        encode_bytes(&self.extra, &mut extra);
        let payload = Hasher::new(Domain::MINER_PAYLOAD).with(&self.payout).with_bytes(&extra).finish();
        let mut lanes: [Vec<Hash32>; Ledger::ALL.len()] = Default::default();
        for tx in &self.txs {
            lanes[tx.core.ledger().lane()].push(Hasher::new(Domain::BODY_LEAF).with(&tx.wtxid()).finish());
        }
        let mut root = Hasher::new(Domain::BODY).with(&payload);
        for lane in &lanes {
            root = root.with(&merkle_root(lane));
        }
        root.finish()
    }
}

impl Encode for Body {
    fn encode(&self, out: &mut Vec<u8>) {
        self.payout.encode(out);
        encode_bytes(&self.extra, out);
        encode_list(&self.txs, out);
        encode_bytes(&self.certificate, out);
    }
}

impl Decode for Body {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            payout: Decode::decode(r)?,
            extra: r.bytes(MAX_EXTRA_BYTES, "extra data")?,
            txs: r.list(MAX_BLOCK_TXS, "transactions")?,
            certificate: r.bytes(MAX_CERT_BYTES, "certificate")?,
        })
    }
}

/// A block as it travels. Nothing about it has been verified.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Block {
    /// What is mined.
    pub header: Header,
    /// What it carries.
    pub body: Body,
}
encode_struct!(Block { header, body });

impl Block {
    /// The block's id.
    pub fn hash(&self) -> BlockHash {
        self.header.hash()
    }
}
