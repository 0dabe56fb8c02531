//! First part: every block by the rules that need no state, in the order of arrival.

use umbel_dag::{GhostdagData, NO_PARENT, reachability};
use umbel_store::segments::Location;
use umbel_store::{Batch, Durability, Table, decode_value};
use umbel_types::consensus_api::BlockStatus;
use umbel_types::encode::Encode;
use umbel_types::{BlockHash, Header, TimestampMs};

use super::report::{
    Verdict, VerifyError, VerifyProgress, VerifyStage, bad_body, broken, differs, readable, same, same_bytes,
    same_rows, unreadable,
};
use super::{Replay, hash_of_key};
use crate::finality::raises_certificate;
use crate::pipeline::body::{check_body_in_isolation, commit_body};
use crate::pipeline::header::{check_header_in_dag_context, check_header_in_isolation, commit_header};
use crate::storage::{BlockRecord, ChainMeta, StagedReachability};

/// Every block was in time when it came.
const NO_CLOCK: TimestampMs = TimestampMs(u64::MAX);

impl Replay<'_> {
    pub(super) fn blocks(&mut self, progress: &mut dyn FnMut(VerifyProgress)) -> Verdict {
        match &self.start {
            None => self.begin()?,
            Some(_) => self.begin_pruned()?,
        }
        // What was let go of keeps its place in the order of arrival.
        let gone = self.start.map_or(0, |start| start.record.rows_from.saturating_sub(1));
        let mut meta = ChainMeta { genesis: self.genesis.hash, sink: self.genesis.hash, block_count: gone };
        let total = self.meta.block_count;
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.stored.kv.scan(Table::Arrival, after.as_deref(), super::PAGE)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (key, value) in &page {
                let hash: BlockHash = readable(None, "an order of arrival", decode_value(Table::Arrival, value))?;
                let expected = (meta.block_count + 1).to_be_bytes();
                same_bytes(hash, "its place in the order of arrival", key, &expected)?;
                if self.is_above_start(hash)? {
                    self.block(hash, &mut meta)?;
                } else {
                    self.kept_block(hash, &mut meta)?;
                }
                progress(VerifyProgress { stage: VerifyStage::Blocks, done: meta.block_count, total });
            }
        }
        same(None, "the number of blocks", self.meta.block_count, meta.block_count)?;
        self.report.blocks = meta.block_count - gone;
        self.headers_alone()
    }

    /// Genesis is not judged: it is built from the network's constants.
    fn begin(&mut self) -> Verdict {
        let hash = self.genesis.hash;
        let block = self.stored.stored_block(hash).map_err(bad_body)?;
        same_bytes(hash, "genesis", &block.to_bytes(), &self.genesis.block.to_bytes())?;
        let location = self.location(hash)?;
        let record = BlockRecord { status: BlockStatus::StateValid, sequence: 0, merge_root: hash };
        let mut batch = Batch::new();
        self.replayed.put_header(&mut batch, hash, &self.genesis.block.header, &GhostdagData::genesis());
        self.replayed.put_record(&mut batch, hash, &record);
        self.replayed.put_location(&mut batch, hash, &location);
        batch.put(Table::Tips, hash.as_bytes(), Vec::new());
        let mut staged = StagedReachability::new(&self.replayed);
        reachability::init(&mut staged, hash);
        staged.into_batch(&mut batch);
        self.replayed.kv.write(batch, Durability::Deferred)?;
        self.compare_places(hash)
    }

    /// Gives a block its place in the DAG by every rule of its header.
    fn place(&self, hash: BlockHash, header: &Header) -> Verdict {
        let isolated = check_header_in_isolation(header.clone(), self.params, NO_CLOCK)
            .map_err(|error| broken(hash)(error.into()))?;
        // Which blocks were too deep to be taken in depended on the moment: that rule is not about the block.
        let nothing_is_final = if self.start.is_some() { NO_PARENT } else { self.genesis.hash };
        let checked = check_header_in_dag_context(isolated, &self.replayed, &self.rules, &self.pow, nothing_is_final)
            .map_err(broken(hash))?;
        commit_header(checked, &self.replayed).map_err(broken(hash))
    }

    fn location(&self, hash: BlockHash) -> Result<Location, VerifyError> {
        let found = readable(hash, "where its body lies", self.stored.find_location(hash))?;
        found.ok_or_else(|| differs(hash, "where its body lies", "nothing", "a place in the segments"))
    }

    fn block(&mut self, hash: BlockHash, meta: &mut ChainMeta) -> Verdict {
        let header = self.stored_header(hash)?;
        let block = self.stored.stored_block(hash).map_err(bad_body)?;
        let location = self.location(hash)?;
        self.place(hash, &header)?;
        self.report.transactions += block.body.txs.len() as u64;
        let selected_parent = self.replayed.ghostdag_data(hash).map_err(unreadable(hash))?.selected_parent;
        let raises = raises_certificate(&self.replayed, &header, selected_parent).map_err(unreadable(hash))?;
        let body = check_body_in_isolation(&header, block.body, raises, self.params, self.genesis.hash)
            .map_err(broken(hash))?;
        commit_body(hash, body, Some(location), &self.replayed, meta).map_err(broken(hash))?;
        let status = self.stored_record(hash)?.status;
        if !status.has_body() {
            return Err(differs(hash, "status", format!("{status:?}"), "one with a body"));
        }
        self.compare_places(hash)
    }

    pub(super) fn stored_header(&self, hash: BlockHash) -> Result<Header, VerifyError> {
        let header = readable(hash, "header", self.stored.find_header(hash))?;
        let header = header.ok_or_else(|| differs(hash, "header", "nothing", "a header"))?;
        same(hash, "header", header.hash(), hash)?;
        Ok(Header::clone(&header))
    }

    /// Colouring, order and merge depth root beside the replayed ones.
    fn compare_places(&self, hash: BlockHash) -> Verdict {
        let row = |storage: &crate::storage::Storage| storage.kv.get(Table::Ghostdag, hash.as_bytes());
        let (got, expected) = (row(&self.stored)?, row(&self.replayed)?);
        same_rows(hash, "colouring", got.as_deref(), expected.as_deref())?;
        let got = self.stored_record(hash)?;
        let expected = self.replayed.record(hash).map_err(unreadable(hash))?;
        same(hash, "merge depth root", got.merge_root, expected.merge_root)?;
        same(hash, "its place in the order of arrival", got.sequence, expected.sequence)
    }

    pub(super) fn stored_record(&self, hash: BlockHash) -> Result<BlockRecord, VerifyError> {
        let record = readable(hash, "status", self.stored.find_record(hash))?;
        record.ok_or_else(|| differs(hash, "status", "nothing", "where the block stands"))
    }

    /// Headers whose body never came or broke a rule. No block stands on them.
    fn headers_alone(&mut self) -> Verdict {
        let (mut alone, mut kept) = (Vec::new(), 0);
        self.rows(Table::Header, |key, _| {
            let hash = hash_of_key(Table::Header, key)?;
            if self.replayed.find_record(hash)?.is_none() {
                if self.is_kept_header(hash)? {
                    kept += 1;
                } else {
                    alone.push(hash);
                }
            }
            Ok(())
        })?;
        self.report.kept_headers = kept;
        for hash in &alone {
            self.header_alone(*hash)?;
        }
        self.report.headers_alone = alone.len() as u64;
        Ok(())
    }

    fn header_alone(&mut self, hash: BlockHash) -> Verdict {
        let header = self.stored_header(hash)?;
        let status = self.stored_record(hash)?.status;
        if !matches!(status, BlockStatus::HeaderOnly | BlockStatus::Invalid) {
            let expected = "a place in the order of arrival";
            return Err(differs(hash, "its place in the order of arrival", "nothing", expected));
        }
        if !self.is_above_start(hash)? {
            return self.take_over(hash, &header);
        }
        self.place(hash, &header)?;
        self.compare_places(hash)
    }
}
