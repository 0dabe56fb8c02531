//! Proofs of payment between files and domain types, verified without a node.

use umbel_api::tx::{PAYMENT_PROOF_VERSION, PaymentOutcome, PaymentProof, VerifiedPayment};
use umbel_api::{ApiError, ErrorCode};
use umbel_crypto::keys::Address;
use umbel_crypto::payment_proof::{self, PAYMENT_SIGNATURE_BYTES, ProvenPayment, verify_payment};
use umbel_types::tx::MAX_TX_BYTES;
use umbel_types::{BlockHash, Decode, Encode, Params, TxCore};
use umbel_wallet::SHOWN_TO_SIGNERS;

use crate::convert;

/// Bytes of a point.
const POINT_BYTES: usize = 32;
/// Longest text of an address in a file: no network's is half as long.
const MAX_ADDRESS_CHARS: usize = 512;

/// A proof as a file.
pub(crate) fn to_file(
    params: &Params,
    genesis: BlockHash,
    core: &TxCore,
    proof: &payment_proof::PaymentProof,
    challenge: &str,
) -> PaymentProof {
    PaymentProof {
        version: PAYMENT_PROOF_VERSION,
        network: params.network.name().to_owned(),
        genesis: genesis.to_string(),
        core: hex::encode(core.to_bytes()),
        index: proof.index,
        address: Address::Confidential(proof.address).to_text(params.address_prefix),
        x: hex::encode(proof.public.bytes().0),
        signature: hex::encode(proof.signature),
        challenge: challenge.to_owned(),
    }
}

/// A proof that holds, and the core that it is about.
pub(crate) struct Verified {
    pub(crate) core: TxCore,
    pub(crate) shown: VerifiedPayment,
}

/// Verifies a file, without looking at any chain.
///
/// - `challenge`: what the verifier gave out; `None` takes the proof's own word for it, and says so.
///
/// # Errors
/// [`ErrorCode::WrongNetwork`], [`ErrorCode::BadInput`] for a file that is none, [`ErrorCode::BadProof`] for one that does
/// not hold.
pub(crate) fn verify(
    params: &Params,
    genesis: BlockHash,
    file: &PaymentProof,
    challenge: Option<&str>,
) -> Result<Verified, ApiError> {
    check_origin(params, genesis, file)?;
    let (core, proof) = decode(params, file)?;
    if file.challenge == SHOWN_TO_SIGNERS {
        let message = "the proof was made for the signers of a lock, and answers nobody's challenge";
        return Err(ApiError::new(ErrorCode::BadProof, message));
    }
    if challenge.is_some_and(|asked| asked != file.challenge) {
        return Err(ApiError::new(ErrorCode::BadProof, "the proof was made for another challenge"));
    }
    let proven =
        verify_payment(params.chain_id, genesis, &core, &proof, file.challenge.as_bytes()).map_err(|error| {
            ApiError::new(ErrorCode::BadProof, format!("the proof does not hold: {error}")).naming(&error)
        })?;
    let shown = VerifiedPayment { challenge_checked: challenge.is_some(), ..show(params, &proven, &file.challenge) };
    Ok(Verified { core, shown })
}

fn check_origin(params: &Params, genesis: BlockHash, file: &PaymentProof) -> Result<(), ApiError> {
    if file.version != PAYMENT_PROOF_VERSION {
        let message = format!("the proof has version {}, this program knows {PAYMENT_PROOF_VERSION}", file.version);
        return Err(ApiError::new(ErrorCode::BadInput, message));
    }
    if file.network != params.network.name() {
        let message = format!("the proof is about {:?}, this is {}", file.network, params.network);
        return Err(ApiError::new(ErrorCode::WrongNetwork, message));
    }
    if file.genesis != genesis.to_string() {
        return Err(ApiError::new(ErrorCode::BadProof, "the proof is about a chain with another genesis"));
    }
    Ok(())
}

fn decode(params: &Params, file: &PaymentProof) -> Result<(TxCore, payment_proof::PaymentProof), ApiError> {
    let bad = |what: &str| ApiError::new(ErrorCode::BadInput, format!("this is no proof of payment: {what}"));
    if file.core.len() > 2 * MAX_TX_BYTES || file.address.len() > MAX_ADDRESS_CHARS {
        return Err(bad("a part of it is too long"));
    }
    let core = hex::decode(&file.core).map_err(|_| bad("its core is not hexadecimal"))?;
    let core = TxCore::from_bytes(&core).map_err(|e| bad(&format!("its core: {e}")).naming(&e))?;
    let address = convert::confidential(&file.address, params)?;
    let mut point = [0; POINT_BYTES];
    hex::decode_to_slice(&file.x, &mut point).map_err(|_| bad("x is not 32 bytes in hexadecimal"))?;
    let mut signature = [0; PAYMENT_SIGNATURE_BYTES];
    hex::decode_to_slice(&file.signature, &mut signature).map_err(|_| bad("its signature is not 64 bytes"))?;
    let mut bytes = Vec::new();
    file.index.encode(&mut bytes);
    bytes.extend_from_slice(&address.to_bytes());
    bytes.extend_from_slice(&point);
    bytes.extend_from_slice(&signature);
    let proof = payment_proof::PaymentProof::from_bytes(&bytes).map_err(|e| bad(&e.to_string()).naming(&e))?;
    Ok((core, proof))
}

fn show(params: &Params, proven: &ProvenPayment, challenge: &str) -> VerifiedPayment {
    let address = Address::Confidential(*proven.address());
    VerifiedPayment {
        txid: proven.txid().to_string(),
        index: proven.index(),
        address: address.to_text(params.address_prefix),
        fingerprint: address.fingerprint().to_string(),
        asset: convert::asset_name(proven.asset()),
        amount: proven.amount().to_string(),
        note: proven.note().clone().text().filter(|note| !note.is_empty()),
        challenge: challenge.to_owned(),
        challenge_checked: false,
        outcome: PaymentOutcome::NotChecked,
        confirmations: None,
    }
}
