//! What is stored of finality: the two checkpoints that bound the choice of chain, and certificates.

use umbel_dag::ReadError;
use umbel_store::{Batch, KvReader, StoreError, Table, decode_value, get_value};
use umbel_types::encode::{Decode, DecodeError, Encode, Reader, encode_list};
use umbel_types::{BlockHash, BlueScore, Certificate, Checkpoint, Evidence, encode_struct};

use super::tables::Storage;
use crate::finality::MAX_EVIDENCE;

pub(crate) const META_FINALITY: &[u8] = b"chain/finality";
pub(crate) const META_EVIDENCE: &[u8] = b"chain/evidence";

/// Rows of certificates that are read at once: one is at most 256 KiB.
const CERTIFICATE_PAGE: usize = 64;

/// The highest checkpoints of their kind that this node knew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FinalityRecord {
    pub(crate) justified: Checkpoint,
    pub(crate) finalized: Checkpoint,
}
encode_struct!(FinalityRecord { justified, finalized });

/// Pairs of votes that are worth a report: one value, since they are few and change seldom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EvidenceRecord(pub(crate) Vec<Evidence>);

impl Encode for EvidenceRecord {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_list(&self.0, out);
    }
}

impl Decode for EvidenceRecord {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self(r.list(MAX_EVIDENCE, "evidence that was found")?))
    }
}

fn certificate_key(index: u32) -> [u8; 4] {
    index.to_be_bytes()
}

impl Storage {
    pub(crate) fn finality_record(&self) -> Result<Option<FinalityRecord>, StoreError> {
        get_value(&*self.kv as &dyn KvReader, Table::Meta, META_FINALITY)
    }

    pub(crate) fn put_finality_record(&self, batch: &mut Batch, record: &FinalityRecord) {
        batch.put_value(Table::Meta, META_FINALITY, record);
    }

    pub(crate) fn evidence(&self) -> Result<Vec<Evidence>, StoreError> {
        let record: Option<EvidenceRecord> = get_value(&*self.kv as &dyn KvReader, Table::Meta, META_EVIDENCE)?;
        Ok(record.map_or(Vec::new(), |record| record.0))
    }

    pub(crate) fn put_evidence(&self, batch: &mut Batch, evidence: Vec<Evidence>) {
        batch.put_value(Table::Meta, META_EVIDENCE, &EvidenceRecord(evidence));
    }

    /// The certificate with this target index that is kept.
    pub(crate) fn certificate(&self, index: u32) -> Result<Option<Certificate>, StoreError> {
        get_value(&*self.kv as &dyn KvReader, Table::Certificate, &certificate_key(index))
    }

    pub(crate) fn put_certificate(&self, batch: &mut Batch, certificate: &Certificate) {
        batch.put_value(Table::Certificate, &certificate_key(certificate.link.target.index), certificate);
    }

    pub(crate) fn delete_certificate(&self, batch: &mut Batch, index: u32) {
        batch.delete(Table::Certificate, &certificate_key(index));
    }

    /// Target index and epoch of every certificate, ascending by index.
    pub(crate) fn certificates(&self) -> Result<Vec<(u32, u64)>, StoreError> {
        let mut found = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.kv.scan(Table::Certificate, after.as_deref(), CERTIFICATE_PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(found) };
            after = Some(last.clone());
            for (_, value) in &page {
                let certificate: Certificate = decode_value(Table::Certificate, value)?;
                found.push((certificate.link.target.index, certificate.epoch));
            }
        }
    }

    /// Blue score of a block's selected parent; `None` for genesis.
    pub(crate) fn selected_parent_score(&self, block: BlockHash) -> Result<Option<BlueScore>, ReadError> {
        let data = self.ghostdag_data(block)?;
        if data.is_genesis() {
            return Ok(None);
        }
        Ok(Some(self.header(data.selected_parent)?.blue_score))
    }
}
