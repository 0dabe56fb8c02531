//! Spending a multisig lock: a transaction that goes from signer to signer until it has enough signatures.
//!
//! What goes around holds everything but the missing signatures: the core, all other proofs, and a proof of whom the
//! hidden output pays. So each signer sees what is signed, and whoever adds the last signature can submit it. It comes
//! from others: [`SigningRequest`] is made only by checking it.

use umbel_crypto::InputSecrets;
use umbel_crypto::keys::Address;
use umbel_crypto::payment_proof::{PaymentProof, prove_payment, verify_payment};
use umbel_crypto::signature::{check_key_signature, sign_multisig};
use umbel_ledger::{IsolationContext, check_tx_in_isolation};
use umbel_types::encode::Reader;
use umbel_types::lock::PublicKeyBytes;
use umbel_types::tx::{
    IndexedSignature, InputWitness, KERNEL_PROOF_BYTES, LockBranch, MAX_RANGE_PROOF_BYTES, OUTPUT_PROOF_BYTES,
};
use umbel_types::{
    Action, Amount, AssetId, BlockHash, DaaRange, DaaScore, Decode, DecodeError, Encode, Input, Lock, MemoValue,
    OutPoint, Output, Params, Transaction, TxCore, TxId, Witness,
};

use crate::error::WalletError;
use crate::lock_error::{LockError, SigningError};
use crate::lock_tx::kind_error;
use crate::locks::signers;
use crate::random::SeededRng;
use crate::wallet::Wallet;

/// Seconds of DAA score in which the signers have to come together: a week.
const SIGNING_LIFETIME_S: u64 = 7 * 24 * 3600;
/// Seconds of DAA score behind which nobody signs. Not a week: a wallet may not have looked at the chain for long.
const LONGEST_LIFETIME_S: u64 = 365 * 24 * 3600;
/// What the proof of whom the output pays is made for; it binds the core anyway. Every signer has that proof: it answers no
/// verifier, and must not pass as an answer.
pub const SHOWN_TO_SIGNERS: &str = "umbel/lock-signing/v1";

/// What goes from signer to signer, unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningParts {
    /// Encoded core.
    pub core: Vec<u8>,
    /// The witness' encoding without signatures: range proof, output proofs, kernel proof.
    pub proofs: Vec<u8>,
    /// Signatures needed, as the file says.
    pub m: u8,
    /// Keys of the lock, as the file says.
    pub keys: Vec<PublicKeyBytes>,
    /// Shows whom the hidden output pays; none for a public one.
    pub shown: Option<PaymentProof>,
    /// Signatures so far.
    pub signatures: Vec<IndexedSignature>,
}

/// What a signer agrees to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningView {
    /// The transaction.
    pub txid: TxId,
    /// The lock that it spends.
    pub outpoint: OutPoint,
    /// What the lock holds, as the transaction says: a chain on which it holds something else refuses it.
    pub value: Amount,
    /// Signatures needed.
    pub m: u8,
    /// Keys of the lock.
    pub keys: Vec<PublicKeyBytes>,
    /// Indices of the keys that have signed.
    pub signed: Vec<u8>,
    /// Who is paid.
    pub to: Address,
    /// What arrives.
    pub amount: Amount,
    /// Fee.
    pub fee: Amount,
    /// First DAA score at which it can't be accepted.
    pub expires: DaaScore,
}

/// A transaction that spends a multisig lock into one output, with valid signatures, maybe not enough of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningRequest {
    core: TxCore,
    range_proof: Vec<u8>,
    outputs: Vec<[u8; OUTPUT_PROOF_BYTES]>,
    kernel: [u8; KERNEL_PROOF_BYTES],
    shown: Option<PaymentProof>,
    signatures: Vec<IndexedSignature>,
    view: SigningView,
}

fn encoding(what: &'static str) -> impl Fn(DecodeError) -> SigningError {
    move |reason| SigningError::Encoding { what, reason }
}

impl SigningRequest {
    /// Checks what came from another signer: what it spends, whom it pays, each signature. Whether its other proofs hold
    /// is checked when it is complete.
    ///
    /// # Errors
    /// [`SigningError`].
    pub fn check(parts: SigningParts, params: &Params, genesis: BlockHash) -> Result<Self, SigningError> {
        let SigningParts { core, proofs, m, keys, shown, signatures } = parts;
        let core = TxCore::from_bytes(&core).map_err(encoding("its transaction"))?;
        if core.chain != params.chain_id {
            return Err(SigningError::OtherChain { got: core.chain, expected: params.chain_id });
        }
        let mut view = spend_of(&core)?;
        if view.m != m || view.keys != keys {
            return Err(SigningError::Terms);
        }
        let (to, amount) = output_of(&core, shown.as_ref(), params, genesis)?;
        if amount.checked_add(core.fee) != Ok(view.value) {
            return Err(SigningError::Amounts);
        }
        (view.to, view.amount) = (to, amount);
        check_signatures(&view, &signatures, &core, genesis)?;
        view.signed = signatures.iter().map(|signed| signed.index).collect();
        let (range_proof, outputs, kernel) = decode_proofs(&core, &proofs).map_err(encoding("its proofs"))?;
        Ok(Self { core, range_proof, outputs, kernel, shown, signatures, view })
    }

    /// What a signer agrees to.
    pub fn view(&self) -> &SigningView {
        &self.view
    }

    /// As it goes to the next signer.
    pub fn parts(&self) -> SigningParts {
        let witness = self.witness(Vec::new());
        SigningParts {
            core: self.core.to_bytes(),
            proofs: witness.to_bytes(),
            m: self.view.m,
            keys: self.view.keys.clone(),
            shown: self.shown.clone(),
            signatures: self.signatures.clone(),
        }
    }

    fn witness(&self, signatures: Vec<IndexedSignature>) -> Witness {
        Witness {
            range_proof: self.range_proof.clone(),
            inputs: vec![InputWitness::Multisig(signatures)],
            outputs: self.outputs.clone(),
            action: umbel_types::staking::ActionWitness::None,
            kernel: self.kernel,
        }
    }

    /// The transaction, once enough have signed. It keeps every rule that needs no state.
    ///
    /// # Errors
    /// [`SigningError::Incomplete`], [`SigningError::Rule`] by [`WalletError::Lock`]; [`WalletError::Randomness`].
    pub fn complete(&self, params: &Params, genesis: BlockHash) -> Result<Transaction, WalletError> {
        let SigningView { m, .. } = self.view;
        if self.signatures.len() < usize::from(m) {
            return Err(refused(SigningError::Incomplete { have: self.signatures.len(), m }));
        }
        let tx = Transaction { core: self.core.clone(), witness: self.witness(self.signatures.clone()) };
        let context = IsolationContext::new(params, genesis);
        let checked = check_tx_in_isolation(tx, &context, &mut SeededRng::from_os()?);
        let checked = checked.map_err(|error| refused(SigningError::Rule(error)))?;
        Ok(Transaction::clone(checked.tx()))
    }
}

fn refused(error: SigningError) -> WalletError {
    LockError::from(error).into()
}

/// What a core spends; whom it pays is filled in later.
fn spend_of(core: &TxCore) -> Result<SigningView, SigningError> {
    let (Action::Transfer, [input]) = (&core.action, core.inputs.as_slice()) else { return Err(SigningError::Form) };
    let Input::Memo { terms, branch: LockBranch::Owner } = &input.consumed else { return Err(SigningError::Form) };
    let (Lock::Multisig { m, keys }, MemoValue::Public(value)) = (&terms.lock, &terms.value) else {
        return Err(SigningError::Form);
    };
    // One that begins later, or never ends, could surprise its signers.
    let ends = core.valid.start == DaaScore(0) && core.valid.end != DaaScore(0);
    if terms.asset != AssetId::STR || terms.valid != DaaRange::ALWAYS || core.outputs.len() != 1 || !ends {
        return Err(SigningError::Form);
    }
    Ok(SigningView {
        txid: core.txid(),
        outpoint: input.outpoint,
        value: *value,
        m: *m,
        keys: keys.clone(),
        signed: Vec::new(),
        to: Address::Zk13str(umbel_types::ZkAddress([0; 20])),
        amount: Amount::ZERO,
        fee: core.fee,
        expires: core.valid.end,
    })
}

/// Whom the one output pays, and how much: read from it, or proved.
fn output_of(
    core: &TxCore,
    shown: Option<&PaymentProof>,
    params: &Params,
    genesis: BlockHash,
) -> Result<(Address, Amount), SigningError> {
    match (core.outputs.as_slice(), shown) {
        ([Output::Memo(memo)], None) => match (&memo.lock, &memo.value) {
            (Lock::Address(to), MemoValue::Public(amount))
                if memo.asset == AssetId::STR && memo.valid == DaaRange::ALWAYS =>
            {
                Ok((Address::Zk13str(*to), *amount))
            }
            _ => Err(SigningError::Form),
        },
        ([Output::Coin { .. }], Some(proof)) => {
            let proven = verify_payment(params.chain_id, genesis, core, proof, SHOWN_TO_SIGNERS.as_bytes());
            let proven = proven.map_err(SigningError::Output)?;
            if proven.asset() != AssetId::STR {
                return Err(SigningError::Form);
            }
            Ok((Address::Confidential(*proven.address()), proven.amount()))
        }
        ([Output::Coin { .. }], None) => Err(SigningError::OutputNotShown),
        _ => Err(SigningError::Form),
    }
}

fn check_signatures(
    view: &SigningView,
    signatures: &[IndexedSignature],
    core: &TxCore,
    genesis: BlockHash,
) -> Result<(), SigningError> {
    if signatures.windows(2).any(|pair| pair[0].index >= pair[1].index) {
        return Err(SigningError::Order);
    }
    if signatures.len() > usize::from(view.m) {
        return Err(SigningError::TooMany { got: signatures.len(), m: view.m });
    }
    let sighash = core.sighash(genesis);
    for IndexedSignature { index, signature } in signatures {
        let key = view.keys.get(usize::from(*index)).ok_or(SigningError::NoSuchKey(*index))?;
        check_key_signature(key, signature, &sighash).map_err(|_| SigningError::Signature(*index))?;
    }
    Ok(())
}

type Proofs = (Vec<u8>, Vec<[u8; OUTPUT_PROOF_BYTES]>, [u8; KERNEL_PROOF_BYTES]);

fn decode_proofs(core: &TxCore, bytes: &[u8]) -> Result<Proofs, DecodeError> {
    let mut r = Reader::new(bytes);
    let range_proof = r.bytes(MAX_RANGE_PROOF_BYTES, "range proof")?;
    let outputs = (0..core.coin_outputs()).map(|_| r.array("output proof")).collect::<Result<_, _>>()?;
    let kernel = r.array("kernel proof")?;
    r.finish()?;
    Ok((range_proof, outputs, kernel))
}

impl Wallet {
    /// Builds the transaction that spends a multisig lock, and signs it with every key of this wallet that it takes.
    /// `to`: an address of either kind, or a fresh coin of this wallet.
    ///
    /// # Errors
    /// [`WalletError::Lock`], [`WalletError::Locked`], [`WalletError::NotScanned`].
    pub fn propose_lock_spend(
        &mut self,
        outpoint: OutPoint,
        to: Option<&Address>,
    ) -> Result<SigningRequest, WalletError> {
        let lock = self.open_lock(outpoint)?;
        let Lock::Multisig { m, keys } = &lock.terms.lock else { return Err(kind_error(&lock.terms.lock)) };
        let mut rng = SeededRng::from_os()?;
        let built = self.lock_spend_core(&lock, LockBranch::Owner, to, SIGNING_LIFETIME_S, &mut rng)?;
        let witness = self.lock_witness(&built, &InputSecrets::MultisigLater, &mut rng)?;
        let shown = match &built.coin {
            None => None,
            Some(_) => {
                let (outgoing, genesis) = (self.watch.outgoing(), self.with.genesis);
                let proof = prove_payment(outgoing, genesis, &built.core, 0, SHOWN_TO_SIGNERS.as_bytes(), &mut rng);
                Some(proof.map_err(WalletError::PaymentProof)?)
            }
        };
        let parts = SigningParts {
            core: built.core.to_bytes(),
            proofs: witness.to_bytes(),
            m: *m,
            keys: keys.clone(),
            shown,
            signatures: Vec::new(),
        };
        let request = SigningRequest::check(parts, &self.with.params, self.with.genesis).map_err(refused)?;
        self.sign_lock_spend(&request)
    }

    /// Adds the signatures of this wallet's keys, as many as are missing.
    ///
    /// # Errors
    /// [`WalletError::Locked`]; by [`WalletError::Lock`]: [`SigningError::Complete`], [`SigningError::ForeignKey`],
    /// [`SigningError::SignedAlready`], [`SigningError::Expired`], [`SigningError::NeverEnds`], [`LockError::Spent`], [`SigningError::Terms`] where this
    /// wallet knows the lock and it says otherwise.
    pub fn sign_lock_spend(&self, request: &SigningRequest) -> Result<SigningRequest, WalletError> {
        let spend = self.spend.as_ref().ok_or(WalletError::Locked)?;
        let SigningView { m, keys, outpoint, expires, .. } = &request.view;
        if request.signatures.len() == usize::from(*m) {
            return Err(refused(SigningError::Complete));
        }
        if let Some(known) = self.memory.locks.get(outpoint) {
            if let Some(by) = known.spent.as_ref().map(|spend| spend.txid) {
                return Err(LockError::Spent { outpoint: *outpoint, by }.into());
            }
            let terms = request.core.inputs.iter().find_map(|input| match &input.consumed {
                Input::Memo { terms, .. } => Some(terms),
                Input::Coin { .. } => None,
            });
            if terms != Some(&known.terms) {
                return Err(refused(SigningError::Terms));
            }
        }
        if request.core.valid.has_ended(self.now) {
            return Err(refused(SigningError::Expired { end: *expires, now: self.now }));
        }
        let longest = self.now.saturating_add(self.with.params.daa_of_seconds(LONGEST_LIFETIME_S));
        // A wallet that never saw the chain knows no time.
        if self.memory.cursor.is_some() && *expires > longest {
            return Err(refused(SigningError::NeverEnds { end: *expires, now: self.now }));
        }
        let own = signers(&self.watch, keys);
        if own.is_empty() {
            return Err(refused(SigningError::ForeignKey));
        }
        let missing = usize::from(*m) - request.signatures.len();
        let sighash = request.core.sighash(self.with.genesis);
        let unsigned = own.iter().filter(|(index, _)| !request.view.signed.contains(index));
        let new: Vec<IndexedSignature> = unsigned
            .take(missing)
            .filter_map(|(_, address)| sign_multisig(keys, &spend.secp(*address), &sighash))
            .collect();
        if new.is_empty() {
            return Err(refused(SigningError::SignedAlready));
        }
        let mut signed = request.clone();
        signed.signatures.extend(new);
        signed.signatures.sort_by_key(|signature| signature.index);
        signed.view.signed = signed.signatures.iter().map(|signature| signature.index).collect();
        Ok(signed)
    }
}
