//! Locks and files for signers, between texts and domain types.

use umbel_api::lock::{
    LockEntry, LockRole, LockState, LockTerms, NewLock, SIGNING_FILE_VERSION, SigningFile, SigningSignature,
    SigningView,
};
use umbel_api::{ApiError, ErrorCode, Secret};
use umbel_crypto::keys::Address;
use umbel_crypto::payment_proof::PaymentProof;
use umbel_types::lock::{MAX_MULTISIG_KEYS, PREIMAGE_BYTES, PublicKeyBytes};
use umbel_types::tx::{IndexedSignature, MAX_TX_BYTES};
use umbel_types::{BlockHash, Decode, Encode, Hash32, Lock, Network, OutPoint, Params, ZkAddress};
use umbel_wallet::{LockError, PostQuantumAddress, SigningError, SigningParts, SigningRequest};
use zeroize::Zeroizing;

use crate::convert;

fn bad(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::BadInput, message)
}

/// An error about locks as shells see it.
pub(crate) fn lock_error(error: &LockError) -> ApiError {
    let code = match error {
        LockError::Keys { .. }
        | LockError::BadKey(_)
        | LockError::Timeout { .. }
        | LockError::Kind { .. }
        | LockError::NotOurs { .. }
        | LockError::SecretShown
        | LockError::Asset
        | LockError::WrongPreimage
        | LockError::NoPreimage => ErrorCode::BadInput,
        LockError::TooSmall { .. } => ErrorCode::InsufficientFunds,
        LockError::Unknown(_) => ErrorCode::NotFound,
        LockError::Spent { .. } | LockError::Busy(_) => ErrorCode::TxConflict,
        LockError::ClaimLate { .. } | LockError::Stake { .. } | LockError::RefundRunning { .. } => ErrorCode::TxRefused,
        LockError::Signing(error) => return signing_error(error),
    };
    ApiError::new(code, error.to_string()).naming(error)
}

fn signing_error(error: &SigningError) -> ApiError {
    let code = match error {
        SigningError::OtherChain { .. } => ErrorCode::WrongNetwork,
        SigningError::Encoding { .. }
        | SigningError::Form
        | SigningError::Terms
        | SigningError::OutputNotShown
        | SigningError::Output(_)
        | SigningError::Amounts
        | SigningError::Order
        | SigningError::NoSuchKey(_)
        | SigningError::TooMany { .. }
        | SigningError::Signature(_)
        | SigningError::ForeignKey
        | SigningError::SignedAlready
        | SigningError::Complete
        | SigningError::Incomplete { .. }
        | SigningError::NeverEnds { .. } => ErrorCode::BadInput,
        SigningError::Expired { .. } | SigningError::Rule(_) => ErrorCode::TxRefused,
    };
    ApiError::new(code, format!("the file is not to be signed: {error}")).naming(error)
}

/// Reads `txid:index`.
pub(crate) fn outpoint(text: &str) -> Result<OutPoint, ApiError> {
    let parse = || {
        let (source, index) = text.trim().rsplit_once(':')?;
        let canonical = index.parse::<u32>().ok().filter(|n| n.to_string() == index)?;
        Some(OutPoint { source: source.parse().ok()?, index: canonical })
    };
    parse().ok_or_else(|| bad("a lock is named by its transaction and output, such as 3f…9a:0; see `umbel lock list`"))
}

/// Reads 32 bytes of a hash.
fn hash(text: &str, what: &str) -> Result<Hash32, ApiError> {
    text.trim().parse().map_err(|_| bad(format!("{what} has 64 lower-case hexadecimal digits")))
}

/// Reads a preimage. The error does not repeat it.
pub(crate) fn preimage(secret: &Secret) -> Result<Zeroizing<[u8; PREIMAGE_BYTES]>, ApiError> {
    let mut bytes = Zeroizing::new([0; PREIMAGE_BYTES]);
    hex::decode_to_slice(secret.expose().trim(), &mut *bytes)
        .map_err(|_| bad("a preimage has 64 hexadecimal digits"))?;
    Ok(bytes)
}

/// A preimage as text.
pub(crate) fn secret_text(bytes: &[u8; PREIMAGE_BYTES]) -> Secret {
    Secret::new(hex::encode(bytes))
}

fn public_key(text: &str) -> Result<PublicKeyBytes, ApiError> {
    let mut bytes = [0; 33];
    hex::decode_to_slice(text.trim(), &mut bytes)
        .map_err(|_| bad("a public key has 66 hexadecimal digits; its owner gets it by `umbel lock key`"))?;
    Ok(PublicKeyBytes(bytes))
}

/// A public key as text.
pub(crate) fn key_text(key: &PublicKeyBytes) -> String {
    hex::encode(key.0)
}

fn zk13str(text: &str, params: &Params, what: &str) -> Result<ZkAddress, ApiError> {
    match convert::address(text, params)? {
        Address::Zk13str(address) => Ok(address),
        Address::Confidential(_) => Err(bad(format!("the {what} address of a hash lock is a zk13str address"))),
    }
}

/// Texts into a lock to pay into, once.
pub(crate) fn new_lock(lock: &NewLock, params: &Params) -> Result<umbel_wallet::NewLock, ApiError> {
    Ok(match lock {
        NewLock::Multisig { m, keys } => {
            if keys.len() > MAX_MULTISIG_KEYS {
                return Err(bad(format!("a multisig lock has at most {MAX_MULTISIG_KEYS} keys")));
            }
            let keys = keys.iter().map(|key| public_key(key)).collect::<Result<_, _>>()?;
            umbel_wallet::NewLock::Multisig { m: *m, keys }
        }
        NewLock::Hash { sha256, claim, refund, timeout_s } => umbel_wallet::NewLock::Hash {
            sha256: sha256.as_deref().map(|text| hash(text, "a SHA-256")).transpose()?,
            claim: zk13str(claim, params, "claim")?,
            refund: refund.as_deref().map(|text| zk13str(text, params, "refund")).transpose()?,
            timeout_s: *timeout_s,
        },
        NewLock::PostQuantum { to } => {
            let address = PostQuantumAddress::parse(to.trim(), params.network);
            let address = address.ok_or_else(|| {
                ApiError::new(
                    ErrorCode::BadChecksum,
                    "this is no post-quantum address, or it has a typing error, or it is of another network; its owner \
                     gets it by `umbel lock key`",
                )
            })?;
            umbel_wallet::NewLock::PostQuantum(address)
        }
    })
}

/// A lock as shells see it; `None` for kinds that no wallet lists.
pub(crate) fn terms(lock: &Lock, network: Network) -> Option<LockTerms> {
    let text = |address: &ZkAddress| Address::Zk13str(*address).to_text("");
    Some(match lock {
        Lock::Multisig { m, keys } => LockTerms::Multisig { m: *m, keys: keys.iter().map(key_text).collect() },
        Lock::HashTimelock { sha256, claim, refund, timeout } => {
            LockTerms::Hash { sha256: sha256.to_string(), claim: text(claim), refund: text(refund), timeout: timeout.0 }
        }
        Lock::PostQuantum { address, mldsa65_key_hash } => LockTerms::PostQuantum {
            address: PostQuantumAddress { address: *address, key_hash: *mldsa65_key_hash }.to_text(network),
        },
        Lock::Address(_) | Lock::NameCommit { .. } => return None,
    })
}

/// A lock of a wallet as shells see it.
pub(crate) fn entry(entry: &umbel_wallet::LockEntry, network: Network) -> Option<LockEntry> {
    use umbel_wallet::{LockRole as Role, LockState as State};
    let (state, spent_by, preimage) = match &entry.state {
        State::Open => (LockState::Open, None, None),
        State::Spending(txid) => (LockState::Spending, Some(txid.to_string()), None),
        State::Spent { by, preimage } => (LockState::Spent, Some(by.to_string()), preimage.map(hex::encode)),
    };
    let mut roles: Vec<LockRole> = entry
        .roles
        .iter()
        .map(|role| match role {
            Role::Signer(_) => LockRole::Signer,
            Role::Claim => LockRole::Claim,
            Role::Refund => LockRole::Refund,
            Role::Owner => LockRole::Owner,
        })
        .collect();
    roles.dedup();
    Some(LockEntry {
        outpoint: entry.outpoint.to_string(),
        amount: entry.value.to_string(),
        asset: convert::asset_name(entry.asset),
        lock: terms(&entry.lock, network)?,
        roles,
        state,
        spent_by,
        preimage,
        daa_score: entry.daa_score.0,
        claim_before: entry.claim_before.map(|score| score.0),
        refund_from: entry.refund_from.map(|score| score.0),
        refund_open: entry.refund_open,
    })
}

/// What goes to the next signer.
pub(crate) fn to_file(request: &SigningRequest, params: &Params, genesis: BlockHash) -> SigningFile {
    let SigningParts { core, proofs, m, keys, shown, signatures } = request.parts();
    SigningFile {
        version: SIGNING_FILE_VERSION,
        network: params.network.name().to_owned(),
        genesis: genesis.to_string(),
        core: hex::encode(core),
        proofs: hex::encode(proofs),
        m,
        keys: keys.iter().map(key_text).collect(),
        shown: shown.map(|proof| hex::encode(proof.to_bytes())),
        signatures: signatures
            .iter()
            .map(|signed| SigningSignature { index: signed.index, signature: hex::encode(signed.signature) })
            .collect(),
    }
}

/// Reads and checks what came from another signer.
///
/// # Errors
/// [`ErrorCode::WrongNetwork`], [`ErrorCode::BadInput`]; `rule` names what is wrong.
pub(crate) fn from_file(file: &SigningFile, params: &Params, genesis: BlockHash) -> Result<SigningRequest, ApiError> {
    if file.version != SIGNING_FILE_VERSION {
        let message = format!("the file has version {}, this program knows {SIGNING_FILE_VERSION}", file.version);
        return Err(bad(message));
    }
    if file.network != params.network.name() {
        let message = format!("the file is for {:?}, this is {}", shortened(&file.network), params.network);
        return Err(ApiError::new(ErrorCode::WrongNetwork, message));
    }
    if file.genesis != genesis.to_string() {
        return Err(ApiError::new(ErrorCode::WrongNetwork, "the file is for a chain with another genesis"));
    }
    let parts = parts(file)?;
    SigningRequest::check(parts, params, genesis).map_err(|error| signing_error(&error))
}

/// Text of others in a message: short.
fn shortened(text: &str) -> String {
    text.chars().take(20).collect()
}

fn parts(file: &SigningFile) -> Result<SigningParts, ApiError> {
    let none = |what: &str| bad(format!("this is no file for signers: {what}"));
    let too_long = |text: &str| text.len() > 2 * MAX_TX_BYTES;
    if too_long(&file.core) || too_long(&file.proofs) || file.shown.as_deref().is_some_and(too_long) {
        return Err(none("a part of it is too long"));
    }
    if file.keys.len() > MAX_MULTISIG_KEYS || file.signatures.len() > MAX_MULTISIG_KEYS {
        return Err(none("it has more keys or signatures than a lock can have"));
    }
    let bytes = |text: &str, what| hex::decode(text).map_err(|_| none(&format!("its {what} are not hexadecimal")));
    let shown = match &file.shown {
        None => None,
        Some(text) => {
            let proof = PaymentProof::from_bytes(&bytes(text, "shown bytes")?);
            Some(proof.map_err(|e| none(&format!("what it shows: {e}")))?)
        }
    };
    let signature = |signed: &SigningSignature| {
        let mut signature = [0; 64];
        hex::decode_to_slice(&signed.signature, &mut signature).map_err(|_| none("a signature is not 64 bytes"))?;
        Ok(IndexedSignature { index: signed.index, signature })
    };
    Ok(SigningParts {
        core: bytes(&file.core, "core bytes")?,
        proofs: bytes(&file.proofs, "proofs")?,
        m: file.m,
        keys: file.keys.iter().map(|key| public_key(key)).collect::<Result<_, _>>()?,
        shown,
        signatures: file.signatures.iter().map(signature).collect::<Result<_, ApiError>>()?,
    })
}

/// What a signer agrees to, as shells see it.
pub(crate) fn view(request: &SigningRequest, params: &Params) -> SigningView {
    let view = request.view();
    SigningView {
        txid: view.txid.to_string(),
        outpoint: view.outpoint.to_string(),
        value: view.value.to_string(),
        to: view.to.to_text(params.address_prefix),
        fingerprint: view.to.fingerprint().to_string(),
        amount: view.amount.to_string(),
        fee: view.fee.to_string(),
        m: view.m,
        keys: view.keys.iter().map(key_text).collect(),
        signed: view.signed.clone(),
        complete: view.signed.len() == usize::from(view.m),
        expires: view.expires.0,
    }
}
