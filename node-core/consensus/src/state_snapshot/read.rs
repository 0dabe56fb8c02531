//! Reading a snapshot that somebody else may have made.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use umbel_ledger::commitments::LtHash;
use umbel_ledger::state_tree::StateTree;
use umbel_pow::Pow;
use umbel_types::encode::{Decode, Encode};
use umbel_types::utxo::StoredOutput;
use umbel_types::vote::cert_hash;
use umbel_types::{BlockHash, Network, Params};

use super::dag::{PastBlock, PastCheck};
use super::format::{
    CHUNK_BYTES, MANIFEST_FILE, MAX_MANIFEST_BYTES, Manifest, Object, SNAPSHOT_FORMAT, Section, SnapshotInfo, Unspent,
    chunk_hash, chunk_name,
};
use super::{Progress, SnapshotError, SnapshotProgress};
use crate::pruning::PruningDepths;

/// Who takes what a snapshot holds, item by item. Nothing is known to be right before the whole was read.
pub(super) trait Taker {
    fn output(&mut self, unspent: Unspent) -> Result<(), SnapshotError>;
    fn object(&mut self, object: Object) -> Result<(), SnapshotError>;
    fn past(&mut self, hash: BlockHash, block: PastBlock) -> Result<(), SnapshotError>;
}

/// Takes nothing.
struct Nobody;

impl Taker for Nobody {
    fn output(&mut self, _unspent: Unspent) -> Result<(), SnapshotError> {
        Ok(())
    }
    fn object(&mut self, _object: Object) -> Result<(), SnapshotError> {
        Ok(())
    }
    fn past(&mut self, _hash: BlockHash, _block: PastBlock) -> Result<(), SnapshotError> {
        Ok(())
    }
}

/// The bytes of all chunks, one chunk in memory at a time.
struct Stream<'a> {
    dir: &'a Path,
    manifest: &'a Manifest,
    next: u64,
    chunk: Vec<u8>,
    at: usize,
    progress: Progress<'a>,
}

impl Stream<'_> {
    /// Fills `out` from as many chunks as it takes; `false` if nothing at all is left.
    fn fill(&mut self, out: &mut [u8]) -> Result<bool, SnapshotError> {
        let mut filled = 0;
        while let Some(rest) = out.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let here = &self.chunk[self.at..];
            if here.is_empty() {
                if self.load()? {
                    continue;
                }
                let what = "ends in the middle of an item";
                let chunk = self.next.saturating_sub(1);
                return if filled == 0 { Ok(false) } else { Err(SnapshotError::Chunk { chunk, what }) };
            }
            let n = rest.len().min(here.len());
            rest[..n].copy_from_slice(&here[..n]);
            filled += n;
            self.at += n;
        }
        Ok(true)
    }

    /// Reads the next chunk; `false` behind the last.
    fn load(&mut self) -> Result<bool, SnapshotError> {
        let chunk = self.next;
        let index = usize::try_from(chunk).unwrap_or(usize::MAX);
        let Some(expected) = self.manifest.chunks.get(index) else { return Ok(false) };
        let left = self.manifest.bytes.saturating_sub(chunk * CHUNK_BYTES as u64);
        let len = left.min(CHUNK_BYTES as u64);
        let path = self.dir.join(chunk_name(chunk));
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(SnapshotError::Chunk { chunk, what: "is missing" });
            }
            Err(error) => return Err(SnapshotError::file(&path)(error)),
        };
        let mut bytes = Vec::new();
        // One byte more than there should be tells a longer file from a right one.
        file.take(len + 1).read_to_end(&mut bytes).map_err(SnapshotError::file(&path))?;
        if bytes.len() as u64 != len {
            return Err(SnapshotError::Chunk { chunk, what: "has another length than the manifest says" });
        }
        if chunk_hash(&bytes) != *expected {
            return Err(SnapshotError::Chunk { chunk, what: "is not the one that the manifest names" });
        }
        self.chunk = bytes;
        self.at = 0;
        self.next += 1;
        let progress = SnapshotProgress { done: self.next, total: self.manifest.chunks.len() as u64 };
        if (self.progress)(progress) { Ok(true) } else { Err(SnapshotError::Stopped) }
    }

    fn item<V: Decode>(&mut self, section: Section, number: u64) -> Result<V, SnapshotError> {
        let refuse = |error| SnapshotError::Item { what: section.name(), number, error };
        let end = || umbel_types::DecodeError::UnexpectedEnd { what: section.name(), needed: 1 };
        let mut head = [0; 4];
        if !self.fill(&mut head)? {
            return Err(refuse(end()));
        }
        let len = u32::from_le_bytes(head) as usize;
        if len > section.max_bytes() {
            let limit = section.max_bytes();
            return Err(refuse(umbel_types::DecodeError::TooLong { what: section.name(), got: len, limit }));
        }
        let mut bytes = vec![0; len];
        if !self.fill(&mut bytes)? {
            return Err(refuse(end()));
        }
        V::from_bytes(&bytes).map_err(refuse)
    }
}

/// Reads the manifest of a snapshot of this network. Its chunks are not looked at.
pub(super) fn read_manifest(params: &Params, genesis: BlockHash, dir: &Path) -> Result<Manifest, SnapshotError> {
    let path = dir.join(MANIFEST_FILE);
    let file = File::open(&path).map_err(SnapshotError::file(&path))?;
    let mut bytes = Vec::new();
    file.take(MAX_MANIFEST_BYTES).read_to_end(&mut bytes).map_err(SnapshotError::file(&path))?;
    if let Some(version) = bytes.first_chunk::<4>().map(|head| u32::from_le_bytes(*head))
        && version > SNAPSHOT_FORMAT
    {
        return Err(SnapshotError::Format(version));
    }
    let manifest = Manifest::from_bytes(&bytes).map_err(SnapshotError::Manifest)?;
    check_chain(&manifest, params.network, genesis)?;
    Ok(manifest)
}

fn check_chain(manifest: &Manifest, network: Network, genesis: BlockHash) -> Result<(), SnapshotError> {
    if manifest.network == network.name() && manifest.genesis == genesis {
        return Ok(());
    }
    let name = |network: &str, genesis: BlockHash| format!("{network} with genesis {genesis}");
    Err(SnapshotError::OtherChain {
        got: name(&manifest.network, manifest.genesis),
        expected: name(network.name(), genesis),
    })
}

/// What the manifest itself says has to be what the header commits to.
fn check_manifest(manifest: &Manifest, pow: &Pow) -> Result<(), SnapshotError> {
    let Manifest { block, height, mmr, lanes, lthash, .. } = manifest;
    let (header, hash) = (&block.header, block.header.hash());
    let certificate = &block.body.certificate;
    for (what, holds) in [
        ("the proof of work", hash == manifest.genesis || pow.verify(header).is_ok()),
        ("the body", header.tx_root == block.body.tx_root()),
        ("the certificate", certificate.is_empty() || cert_hash(certificate) == header.cert.hash),
        ("utxo_commit", lthash.commitment() == header.utxo_commit),
        ("accepted_root", lanes.root() == header.accepted_root),
        ("chain_mmr_root", mmr.root() == header.chain_mmr_root),
        ("the height", mmr.size() == *height),
    ] {
        if !holds {
            return Err(SnapshotError::Commitment { block: hash, what });
        }
    }
    Ok(())
}

/// Reads everything, checks it, and gives it to `taker` on the way.
pub(super) fn read_all(
    params: &Params,
    genesis: BlockHash,
    depths: &PruningDepths,
    pow: &Pow,
    dir: &Path,
    taker: &mut dyn Taker,
    progress: Progress<'_>,
) -> Result<Manifest, SnapshotError> {
    let manifest = read_manifest(params, genesis, dir)?;
    check_manifest(&manifest, pow)?;
    let hash = manifest.block.header.hash();
    let mut stream = Stream { dir, manifest: &manifest, next: 0, chunk: Vec::new(), at: 0, progress };
    let mut sum = LtHash::default();
    let mut objects = Vec::new();
    let mut past = PastCheck::new(genesis, hash, depths.window);
    for (section, count) in Section::ALL.into_iter().zip(manifest.counts) {
        let mut last: Option<Vec<u8>> = None;
        for number in 0..count {
            let order = || SnapshotError::Order { what: section.name(), number };
            match section {
                Section::Coins | Section::Memos => {
                    let unspent: Unspent = stream.item(section, number)?;
                    let is_coin = matches!(unspent.entry.output, StoredOutput::Coin { .. });
                    let key = unspent.outpoint.to_bytes();
                    if is_coin != (section == Section::Coins) || last.as_ref().is_some_and(|last| *last >= key) {
                        return Err(order());
                    }
                    sum.add(&unspent.outpoint, &unspent.entry);
                    last = Some(key);
                    taker.output(unspent)?;
                }
                Section::States => {
                    let object: Object = stream.item(section, number)?;
                    let key = object.key.to_bytes();
                    if last.as_ref().is_some_and(|last| *last >= key) {
                        return Err(order());
                    }
                    last = Some(key);
                    objects.push((object.key, object.state.clone()));
                    taker.object(object)?;
                }
                Section::Headers => {
                    let block: PastBlock = stream.item(section, number)?;
                    let hash = block.header.hash();
                    // Cheap, and makes headers out of nothing cost something.
                    if hash != genesis && pow.check_digest(&block.header).is_err() {
                        return Err(SnapshotError::Dag { number, what: "no proof of work" });
                    }
                    past.add(hash, &block)?;
                    taker.past(hash, block)?;
                }
            }
        }
    }
    if stream.fill(&mut [0])? {
        let chunk = stream.next.saturating_sub(1);
        return Err(SnapshotError::Chunk { chunk, what: "holds more than the manifest says" });
    }
    past.finish()?;
    let states: StateTree = objects.into_iter().collect();
    for (what, got, expected) in [
        ("utxo_commit of all outputs", sum.commitment(), manifest.block.header.utxo_commit),
        ("state_root", states.root(), manifest.block.header.state_root),
    ] {
        if got != expected {
            return Err(SnapshotError::Commitment { block: hash, what });
        }
    }
    Ok(manifest)
}

/// Checks a snapshot: every chunk against the manifest, the whole against the header of its block. That this block is final
/// is for the caller to know.
///
/// # Errors
/// [`SnapshotError`]: the first thing that is not as it should be.
pub fn verify(
    params: &Params,
    genesis: BlockHash,
    depths: &PruningDepths,
    dir: &Path,
    progress: Progress<'_>,
) -> Result<SnapshotInfo, SnapshotError> {
    read_all(params, genesis, depths, &Pow::of(params), dir, &mut Nobody, progress).map(|manifest| manifest.info())
}
