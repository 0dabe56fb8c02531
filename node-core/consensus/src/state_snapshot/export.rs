//! Writing a snapshot.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use umbel_dag::{GhostdagReader, ReadError};
use umbel_ledger::commitments::LtHash;
use umbel_ledger::state_tree::{StateKey, StateTree};
use umbel_store::segments::Location;
use umbel_store::{KvReader, KvStore, Table, decode_value, get_value};
use umbel_types::encode::Encode;
use umbel_types::state::State;
use umbel_types::{Block, BlockHash, Hash32, Params, UtxoEntry};

use super::dag::{Graph, past_block, past_of};
use super::format::{CHUNK_BYTES, MANIFEST_FILE, Manifest, Object, SnapshotInfo, Unspent, chunk_hash, chunk_name};
use super::{Progress, SnapshotError, SnapshotProgress};
use crate::pruning::{META_PRUNED_LTHASH, META_PRUNING, PruningDepths, PruningRecord, pruned_table};
use crate::storage::{
    ChainMeta, ChainRecord, FinalityRecord, META_CHAIN, META_FINALITY, META_LTHASH, height_key, utxo_table,
};

/// Rows that are read at once.
const PAGE: usize = 1_024;
/// Outputs and State objects that may change between the finalized block and the sink: what is taken back is held in
/// memory, some hundred bytes each.
const MAX_TAKEN_BACK: usize = 2_000_000;

/// Which state is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotAt {
    /// That at the pruning point, which the node keeps beside the newest one.
    Prune,
    /// That at the newest final checkpoint, from the newest state backwards.
    Final,
    /// That at a checkpoint of the chain, from the newest state backwards.
    Block(BlockHash),
}

fn read(error: ReadError) -> SnapshotError {
    SnapshotError::NotHere(format!("the chain can't be read: {error}"))
}

/// A state in tables, less what is taken back of it.
struct Source<'a> {
    reader: &'a dyn KvReader,
    block: BlockHash,
    tables: [Table; 2],
    /// Outputs that stand otherwise than in the tables, by their key there; `None` for one that is not there.
    outputs: BTreeMap<Vec<u8>, Option<Unspent>>,
    states: StateTree,
    lthash: LtHash,
}

fn meta<V: umbel_types::Decode>(reader: &dyn KvReader, key: &[u8]) -> Result<V, SnapshotError> {
    let missing = || SnapshotError::NotHere("the store holds no such state".to_owned());
    get_value(reader, Table::Meta, key)?.ok_or_else(missing)
}

fn chain_record(reader: &dyn KvReader, block: BlockHash) -> Result<ChainRecord, SnapshotError> {
    let missing = || SnapshotError::NotHere(format!("block {block} is no chain block here, or was pruned"));
    get_value(reader, Table::ChainBlock, block.as_bytes())?.ok_or_else(missing)
}

fn states(reader: &dyn KvReader, table: Table) -> Result<StateTree, SnapshotError> {
    let mut objects: Vec<(StateKey, State)> = Vec::new();
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page = reader.scan(table, after.as_deref(), PAGE)?;
        let Some((last, _)) = page.last() else { return Ok(objects.into_iter().collect()) };
        after = Some(last.clone());
        for (key, value) in &page {
            objects.push((decode_value(table, key)?, decode_value(table, value)?));
        }
    }
}

impl<'a> Source<'a> {
    fn at_pruning_point(reader: &'a dyn KvReader) -> Result<Self, SnapshotError> {
        let record: PruningRecord = meta(reader, META_PRUNING)?;
        Ok(Self {
            reader,
            block: record.state,
            tables: [Table::PrunedCoin, Table::PrunedMemo],
            outputs: BTreeMap::new(),
            states: states(reader, Table::PrunedState)?,
            lthash: meta(reader, META_PRUNED_LTHASH)?,
        })
    }

    fn at_block(reader: &'a dyn KvReader, block: BlockHash) -> Result<Self, SnapshotError> {
        let target = chain_record(reader, block)?.height;
        let stands: Option<BlockHash> = get_value(reader, Table::ChainIndex, &height_key(target))?;
        if stands != Some(block) {
            return Err(SnapshotError::NotHere(format!("block {block} does not stand on the chain")));
        }
        let chain: ChainMeta = meta(reader, META_CHAIN)?;
        let mut source = Self {
            reader,
            block: chain.sink,
            tables: [Table::Coin, Table::Memo],
            outputs: BTreeMap::new(),
            states: states(reader, Table::State)?,
            lthash: meta(reader, META_LTHASH)?,
        };
        let graph = Graph { reader };
        while source.block != block {
            let record = chain_record(reader, source.block)?;
            for outpoint in record.utxo.added().keys() {
                source.outputs.insert(outpoint.to_bytes(), None);
            }
            for (outpoint, entry) in record.utxo.removed() {
                let unspent = Unspent { outpoint: *outpoint, entry: entry.clone() };
                source.outputs.insert(outpoint.to_bytes(), Some(unspent));
            }
            source.lthash.undo(&record.utxo);
            record.states.iter().rev().for_each(|change| source.states.undo(change));
            source.block = graph.ghostdag(source.block).map_err(read)?.selected_parent;
            if source.outputs.len() > MAX_TAKEN_BACK {
                return Err(SnapshotError::NotHere(
                    "too much has changed since the finalized block; take the state at the pruning point".to_owned(),
                ));
            }
        }
        Ok(source)
    }

    /// All outputs of one kind, ascending.
    fn outputs(
        &self,
        kind: usize,
        mut each: impl FnMut(&Unspent) -> Result<(), SnapshotError>,
    ) -> Result<(), SnapshotError> {
        let Some(&table) = self.tables.get(kind) else { return Ok(()) };
        // The two sets of tables keep coins and Memos apart alike.
        let of_kind = |entry: &UtxoEntry| {
            let tables = [utxo_table(entry), pruned_table(entry)];
            tables.contains(&table)
        };
        let mut changed = self
            .outputs
            .iter()
            .filter_map(|(key, unspent)| unspent.as_ref().map(|unspent| (key, unspent)))
            .filter(|(_, unspent)| of_kind(&unspent.entry))
            .peekable();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.reader.scan(table, after.as_deref(), PAGE)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (key, value) in &page {
                while let Some((_, unspent)) = changed.next_if(|(other, _)| *other < key) {
                    each(unspent)?;
                }
                if !self.outputs.contains_key(key) {
                    each(&Unspent { outpoint: decode_value(table, key)?, entry: decode_value(table, value)? })?;
                }
            }
        }
        for (_, unspent) in changed {
            each(unspent)?;
        }
        Ok(())
    }
}

/// Index of the checkpoint that a chain block is. A chain can begin with no other block: votes name checkpoints.
fn checkpoint_index(params: &Params, graph: &Graph<'_>, block: BlockHash) -> Result<u32, SnapshotError> {
    let data = graph.ghostdag(block).map_err(read)?;
    let interval = params.checkpoint_interval.max(1);
    let index = data.blue_score.0 / interval;
    let is_new = data.is_genesis() || graph.header(data.selected_parent).map_err(read)?.blue_score.0 / interval < index;
    match u32::try_from(index) {
        Ok(index) if is_new => Ok(index),
        _ => Err(SnapshotError::NotHere(format!("block {block} is no checkpoint"))),
    }
}

/// The newest checkpoint that votes have made final; without any, the newest below the finality depth.
fn finalized(params: &Params, reader: &dyn KvReader) -> Result<BlockHash, SnapshotError> {
    let stored: Option<FinalityRecord> = get_value(reader, Table::Meta, META_FINALITY)?;
    if let Some(record) = stored.filter(|record| record.finalized.index > 0) {
        return Ok(record.finalized.block);
    }
    let graph = Graph { reader };
    let chain: ChainMeta = meta(reader, META_CHAIN)?;
    let sink = graph.header(chain.sink).map_err(read)?.blue_score.0;
    let mut block = chain.sink;
    while chain_record(reader, block)?.height > 0 {
        let deep = graph.header(block).map_err(read)?.blue_score.0.saturating_add(params.finality_depth) <= sink;
        if deep && checkpoint_index(params, &graph, block).is_ok() {
            break;
        }
        block = graph.ghostdag(block).map_err(read)?.selected_parent;
    }
    Ok(block)
}

/// Cuts a stream into chunks.
struct Chunks<'a> {
    dir: &'a Path,
    buffer: Vec<u8>,
    hashes: Vec<Hash32>,
    bytes: u64,
    progress: Progress<'a>,
}

impl Chunks<'_> {
    fn item(&mut self, item: &impl Encode) -> Result<(), SnapshotError> {
        let bytes = item.to_bytes();
        umbel_types::encode::encode_bytes(&bytes, &mut self.buffer);
        while self.buffer.len() >= CHUNK_BYTES {
            let rest = self.buffer.split_off(CHUNK_BYTES);
            let full = std::mem::replace(&mut self.buffer, rest);
            self.write(&full)?;
        }
        Ok(())
    }

    fn write(&mut self, chunk: &[u8]) -> Result<(), SnapshotError> {
        let path = self.dir.join(chunk_name(self.hashes.len() as u64));
        write_synced(&path, chunk)?;
        self.hashes.push(chunk_hash(chunk));
        self.bytes += chunk.len() as u64;
        let progress = SnapshotProgress { done: self.hashes.len() as u64, total: 0 };
        if (self.progress)(progress) { Ok(()) } else { Err(SnapshotError::Stopped) }
    }

    fn finish(&mut self) -> Result<(), SnapshotError> {
        let last = std::mem::take(&mut self.buffer);
        if last.is_empty() { Ok(()) } else { self.write(&last) }
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), SnapshotError> {
    let written = File::create(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(SnapshotError::file(path))
}

/// Brings the names inside a folder to the disk. Systems that can't open folders keep names by themselves.
fn sync_folder(dir: &Path) -> Result<(), SnapshotError> {
    if !cfg!(unix) {
        return Ok(());
    }
    File::open(dir).and_then(|d| d.sync_all()).map_err(SnapshotError::file(dir))
}

/// Writes the state at a block to a folder that is not there yet. A folder of that name with `.partial` behind it is what an
/// earlier attempt left.
///
/// - `depths`: how much of the DAG travels with it; every node of a network has the same.
///
/// # Errors
/// [`SnapshotError`]; the folder is not there then.
pub fn export(
    params: &Params,
    depths: &PruningDepths,
    store: &dyn KvStore,
    at: SnapshotAt,
    dir: &Path,
    progress: Progress<'_>,
) -> Result<SnapshotInfo, SnapshotError> {
    if dir.exists() {
        return Err(SnapshotError::Exists(dir.to_owned()));
    }
    let mut partial = dir.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let clear = || match fs::remove_dir_all(&partial) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(SnapshotError::file(&partial)(error)),
        _ => Ok(()),
    };
    clear()?;
    fs::create_dir_all(&partial).map_err(SnapshotError::file(&partial))?;
    let written = write_to(params, depths, store, at, &partial, progress).and_then(|info| {
        sync_folder(&partial)?;
        fs::rename(&partial, dir).map_err(SnapshotError::file(dir))?;
        if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_folder(parent)?;
        }
        Ok(info)
    });
    if written.is_err() {
        clear()?;
    }
    written
}

fn write_to(
    params: &Params,
    depths: &PruningDepths,
    store: &dyn KvStore,
    at: SnapshotAt,
    dir: &Path,
    progress: Progress<'_>,
) -> Result<SnapshotInfo, SnapshotError> {
    let reader = store.snapshot()?;
    let reader = &*reader;
    let source = match at {
        SnapshotAt::Prune => Source::at_pruning_point(reader)?,
        SnapshotAt::Final => Source::at_block(reader, finalized(params, reader)?)?,
        SnapshotAt::Block(block) => Source::at_block(reader, block)?,
    };
    let record = chain_record(reader, source.block)?;
    if record.height == 0 {
        let message = "no block is deep enough yet: a chain that short is better begun at genesis";
        return Err(SnapshotError::NotHere(message.to_owned()));
    }
    checkpoint_index(params, &Graph { reader }, source.block)?;
    let chain: ChainMeta = meta(reader, META_CHAIN)?;
    let place: Option<Location> = get_value(reader, Table::BlockIndex, source.block.as_bytes())?;
    let place =
        place.ok_or_else(|| SnapshotError::NotHere(format!("the body of block {} is not here", source.block)))?;
    let block: Block = decode_value(Table::BlockIndex, &store.record(place)?)?;
    let mut chunks = Chunks { dir, buffer: Vec::new(), hashes: Vec::new(), bytes: 0, progress };
    let mut counts = [0u64; 4];
    let [coins, memos, objects, headers] = &mut counts;
    for (kind, count) in [coins, memos].into_iter().enumerate() {
        source.outputs(kind, |unspent| {
            *count += 1;
            chunks.item(unspent)
        })?;
    }
    for (key, state) in source.states.iter() {
        *objects += 1;
        chunks.item(&Object { key: *key, state: state.clone() })?;
    }
    let graph = Graph { reader };
    for hash in past_of(&graph, source.block, depths.window).map_err(read)? {
        *headers += 1;
        chunks.item(&past_block(&graph, hash).map_err(read)?)?;
    }
    chunks.finish()?;
    let manifest = Manifest {
        network: params.network.name().to_owned(),
        genesis: chain.genesis,
        block,
        height: record.height,
        mmr: record.mmr,
        lanes: record.lanes,
        lthash: source.lthash,
        counts,
        bytes: chunks.bytes,
        chunks: chunks.hashes,
    };
    write_synced(&dir.join(MANIFEST_FILE), &manifest.to_bytes())?;
    Ok(manifest.info())
}
