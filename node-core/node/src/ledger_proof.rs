//! Proofs about the ledger and headers, between files and domain types. Nothing here asks a node.

use umbel_api::chain::{HeaderFile, LedgerProofFile, PROOF_FILE_VERSION};
use umbel_api::{ApiError, ErrorCode};
use umbel_ledger::proofs::{LedgerProof, MAX_PROOF_BYTES, ProofError, Proven};
use umbel_types::header::MAX_PARENTS;
use umbel_types::{BlockHash, Decode, Encode, Header, Network};

/// Longest header: its parents, and less than half a kilobyte beside them.
const MAX_HEADER_BYTES: usize = MAX_PARENTS * size_of::<BlockHash>() + 512;

/// A header as a file.
pub(crate) fn header_file(network: Network, header: &Header) -> HeaderFile {
    let header = hex::encode(header.to_bytes());
    HeaderFile { version: PROOF_FILE_VERSION, network: network.name().to_owned(), header }
}

/// A proof as a file.
pub(crate) fn proof_file(network: Network, proof: &LedgerProof) -> LedgerProofFile {
    let proof = hex::encode(proof.to_bytes());
    LedgerProofFile { version: PROOF_FILE_VERSION, network: network.name().to_owned(), proof }
}

/// Reads a header's file.
///
/// # Errors
/// [`ErrorCode::BadInput`].
pub(crate) fn read_header(file: &HeaderFile) -> Result<Header, ApiError> {
    decode(file.version, &file.header, MAX_HEADER_BYTES, "header")
}

/// Reads a proof's file.
///
/// # Errors
/// [`ErrorCode::BadInput`].
pub(crate) fn read_proof(file: &LedgerProofFile) -> Result<LedgerProof, ApiError> {
    decode(file.version, &file.proof, MAX_PROOF_BYTES, "proof about the ledger")
}

fn decode<T: Decode>(version: u32, text: &str, limit: usize, what: &str) -> Result<T, ApiError> {
    let bad = |why: String| ApiError::new(ErrorCode::BadInput, format!("this is no {what}: {why}"));
    if version != PROOF_FILE_VERSION {
        return Err(bad(format!("it has version {version}, this program knows {PROOF_FILE_VERSION}")));
    }
    if text.len() > 2 * limit {
        return Err(bad(format!("it is longer than {limit} bytes")));
    }
    let bytes = hex::decode(text).map_err(|_| bad("it is not hexadecimal".to_owned()))?;
    T::from_bytes(&bytes).map_err(|e| bad(e.to_string()).naming(&e))
}

/// What a proof shows to whoever trusts a block.
///
/// # Errors
/// [`ErrorCode::BadProof`].
pub(crate) fn verify(proof: LedgerProof, trusted: BlockHash) -> Result<Proven, ApiError> {
    let refused =
        |e: ProofError| ApiError::new(ErrorCode::BadProof, format!("the proof does not hold: {e}")).naming(&e);
    proof.verify(trusted).map_err(refused)
}
