//! The node's own snapshots, at each pruning point: its way back from a damaged database.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use umbel_store::KvStore;
use umbel_types::{BlockHash, Params};

use super::export::{SnapshotAt, export};
use super::{SnapshotError, SnapshotInfo};
use crate::pruning::PruningDepths;

/// Writes one at a time, beside the consensus thread. Only the newest is kept: the bodies behind older ones are gone.
pub(crate) struct OwnSnapshots {
    folder: PathBuf,
    params: Params,
    depths: PruningDepths,
    /// Block of the newest that is on the disk, and the last that could not be written.
    newest: Option<BlockHash>,
    failed: Option<BlockHash>,
    writing: Option<Writing>,
}

struct Writing {
    block: BlockHash,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<SnapshotInfo, SnapshotError>>,
}

/// Names sort by height.
fn name_of(height: u64, block: BlockHash) -> String {
    format!("{height:012}-{block}")
}

fn block_of(dir: &Path) -> Option<BlockHash> {
    let name = dir.file_name()?.to_str()?;
    let (height, hash) = name.split_once('-')?;
    (height.len() == 12 && height.bytes().all(|byte| byte.is_ascii_digit())).then(|| hash.parse().ok()).flatten()
}

/// The node's own snapshots in a folder, the newest first.
pub fn newest(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| block_of(path).is_some()).collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found
}

impl OwnSnapshots {
    pub(crate) fn new(folder: PathBuf, params: &Params, depths: PruningDepths) -> Self {
        let newest = newest(&folder).first().and_then(|dir| block_of(dir));
        Self { folder, params: params.clone(), depths, newest, failed: None, writing: None }
    }

    /// Whether the state at a pruning point is on the disk.
    pub(crate) fn has(&self, block: BlockHash) -> bool {
        self.newest == Some(block)
    }

    /// Whether writing the state at this pruning point has failed: it is tried again at the next one.
    pub(crate) fn has_failed(&self, block: BlockHash) -> bool {
        self.failed == Some(block)
    }

    /// Whether a thread is at work.
    pub(crate) fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    /// Begins to write the state at the pruning point, or looks whether that is done.
    pub(crate) fn poll(&mut self, store: &Arc<dyn KvStore>, block: BlockHash, height: u64) {
        match self.writing.take() {
            None => self.begin(store, block, height),
            Some(writing) if !writing.thread.is_finished() => self.writing = Some(writing),
            Some(Writing { block, thread, .. }) => match thread.join() {
                Ok(Ok(info)) => {
                    tracing::info!(%block, bytes = info.bytes, "the state at the pruning point was written to a snapshot");
                    self.newest = Some(block);
                    self.remove_older(block);
                }
                Ok(Err(error)) => self.fail(block, &error.to_string()),
                Err(_) => self.fail(block, "the thread panicked; the log says where"),
            },
        }
    }

    fn begin(&mut self, store: &Arc<dyn KvStore>, block: BlockHash, height: u64) {
        let dir = self.folder.join(name_of(height, block));
        if let Err(error) = fs::create_dir_all(&self.folder) {
            return self.fail(block, &error.to_string());
        }
        let (params, depths, store) = (self.params.clone(), self.depths, Arc::clone(store));
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let work = move || {
            let mut go_on = |_| !told.load(Ordering::Relaxed);
            export(&params, &depths, &*store, SnapshotAt::Prune, &dir, &mut go_on)
        };
        match std::thread::Builder::new().name("snapshot".to_owned()).spawn(work) {
            Ok(thread) => self.writing = Some(Writing { block, stop, thread }),
            Err(error) => self.fail(block, &error.to_string()),
        }
    }

    fn fail(&mut self, block: BlockHash, why: &str) {
        tracing::error!(%block, why, "no snapshot could be written, so nothing is pruned until the next pruning point");
        self.failed = Some(block);
    }

    fn remove_older(&self, kept: BlockHash) {
        for dir in newest(&self.folder).into_iter().filter(|dir| block_of(dir) != Some(kept)) {
            if let Err(error) = fs::remove_dir_all(&dir) {
                tracing::warn!(%error, snapshot = %dir.display(), "an old snapshot could not be removed");
            }
        }
    }
}

impl Drop for OwnSnapshots {
    /// Stops at the next chunk: what was begun is begun again at the next start.
    fn drop(&mut self) {
        if let Some(Writing { stop, thread, .. }) = self.writing.take() {
            stop.store(true, Ordering::Relaxed);
            if thread.join().is_err() {
                tracing::error!("the thread that wrote a snapshot panicked");
            }
        }
    }
}
