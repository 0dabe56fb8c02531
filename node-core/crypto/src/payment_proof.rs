//! Proof of a payment: whoever made output j shows anyone whom it pays and how much.
//!
//! Every secret of output j follows from `rseed = H("umbel/rseed/v1", X)`, `X = x·B`. The proof shows X, so that the verifier
//! reads the coin as its sender does and recomputes all of it, and a Schnorr signature under x about the transaction, the
//! output, the address and the verifier's own challenge. The recipient knows rseed but not X, let alone x; a verifier knows
//! X but not x; so neither can make a proof.
//!
//! Relation: know x such that `X = x·B`, where the coin follows from X and pays the address. It discloses that output's
//! address, amount and note for ever. It says nothing about whether the transaction was accepted: the verifier looks the
//! id up.
//!
//! Flow: the verifier's challenge → [`prove_payment`] → [`PaymentProof`] → [`verify_payment`] → [`ProvenPayment`].

use rand_core::CryptoRng;
use tari_merlin::Transcript;
use thiserror::Error;
use umbel_types::{
    Amount, AssetId, BlockHash, Coin, Decode, DecodeError, Encode, OutPoint, Output, PointBytes, Reader, TxCore, TxId,
};

use crate::coin::{NoteText, OpenError, ReadCoin, read_with_rseed};
use crate::element::Element;
use crate::keys::address::CONFIDENTIAL_ADDRESS_BYTES;
use crate::keys::{ConfidentialAddress, OutgoingViewKey, rseed_of};
use crate::sigma::{Base, Claim, Equation, prove};
use crate::transcript::{self, ProofContext, ProofTranscript};

/// Most bytes of a verifier's challenge: room for a sentence or several hashes.
pub const MAX_CHALLENGE_BYTES: usize = 256;
/// One commitment and one response.
pub const PAYMENT_SIGNATURE_BYTES: usize = 64;

/// A proof as it travels. Its points are canonical and not the identity; nothing else about it is verified.
///
/// Encoding, 175 bytes: index u32 ‖ diversifier 11 ‖ A_P ‖ S_P ‖ X ‖ T ‖ z.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentProof {
    /// The output's index in the core.
    pub index: u32,
    /// The address that it says was paid.
    pub address: ConfidentialAddress,
    /// `X = x·B`, not the identity.
    pub public: Element,
    /// Schnorr signature under x: T ‖ z.
    pub signature: [u8; PAYMENT_SIGNATURE_BYTES],
}

impl Encode for PaymentProof {
    fn encode(&self, out: &mut Vec<u8>) {
        self.index.encode(out);
        out.extend_from_slice(&self.address.to_bytes());
        self.public.bytes().encode(out);
        out.extend_from_slice(&self.signature);
    }
}

impl Decode for PaymentProof {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let index = Decode::decode(r)?;
        let address: [u8; CONFIDENTIAL_ADDRESS_BYTES] = r.array("address")?;
        let address = ConfidentialAddress::from_bytes(&address)
            .map_err(|_| DecodeError::NotCanonical { what: "address of a payment proof" })?;
        let public = Element::decode_non_identity(&PointBytes::decode(r)?)
            .map_err(|_| DecodeError::NotCanonical { what: "X of a payment proof" })?;
        Ok(Self { index, address, public, signature: r.array("signature of a payment proof")? })
    }
}

/// A payment that was proved. Only [`verify_payment`] makes one.
///
/// It says who was paid what *if* the transaction was accepted: look [`ProvenPayment::txid`] up, and wait for its outcome
/// to be final.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenPayment {
    txid: TxId,
    index: u32,
    address: ConfidentialAddress,
    asset: AssetId,
    amount: Amount,
    note: NoteText,
}

impl ProvenPayment {
    /// The transaction that pays.
    pub fn txid(&self) -> TxId {
        self.txid
    }

    /// The output's index in it.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Who was paid.
    pub fn address(&self) -> &ConfidentialAddress {
        &self.address
    }

    /// In which asset.
    pub fn asset(&self) -> AssetId {
        self.asset
    }

    /// How much.
    pub fn amount(&self) -> Amount {
        self.amount
    }

    /// The text that went along. An unreadable one does not touch the payment, for its recipient either.
    pub fn note(&self) -> &NoteText {
        &self.note
    }
}

/// Why a payment proof was not made, or does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PaymentProofError {
    /// A challenge of no bytes, or of more than [`MAX_CHALLENGE_BYTES`].
    #[error("the challenge has {got} bytes, 1 to {MAX_CHALLENGE_BYTES} are asked for")]
    Challenge {
        /// Bytes found.
        got: usize,
    },
    /// The transaction belongs to another chain.
    #[error("the transaction belongs to chain {got}, not to {expected}")]
    OtherChain {
        /// The core's chain.
        got: u32,
        /// The chain asked for.
        expected: u32,
    },
    /// The transaction has no output of that index.
    #[error("the transaction has no output {0}")]
    NoOutput(u32),
    /// The output is a Memo; what it holds is public, or its owner's to show.
    #[error("output {0} is no coin")]
    NotACoin(u32),
    /// The signature does not hold for this transaction, output, address and challenge.
    #[error("the signature does not hold for this transaction, output, address and challenge")]
    Signature,
    /// The coin does not follow from X; to a wallet: another key made it.
    #[error("the output was not made with this key: {0}")]
    Coin(#[from] OpenError),
    /// The coin pays another address.
    #[error("the output pays another address than the proof says")]
    Address,
}

/// What the signature is about, besides the coin.
struct PaymentStatement<'a> {
    context: ProofContext,
    address: &'a ConfidentialAddress,
    public: Element,
    challenge: &'a [u8],
}

impl PaymentStatement<'_> {
    fn equations(&self) -> Vec<Equation> {
        vec![Equation::new(self.public, vec![(0, Base::Value)])]
    }

    /// The sighash commits to chain, genesis and core, and so to the transaction's id and to the coin.
    fn transcript(&self) -> Transcript {
        let mut transcript = Transcript::for_proof(transcript::PAYMENT, &self.context);
        transcript.append_message(b"address", &self.address.to_bytes());
        transcript.absorb_element(b"X", &self.public);
        transcript.append_message(b"challenge", self.challenge);
        transcript
    }
}

fn check_challenge(challenge: &[u8]) -> Result<(), PaymentProofError> {
    if (1..=MAX_CHALLENGE_BYTES).contains(&challenge.len()) {
        Ok(())
    } else {
        Err(PaymentProofError::Challenge { got: challenge.len() })
    }
}

fn coin_at(core: &TxCore, index: u32) -> Result<&Coin, PaymentProofError> {
    match usize::try_from(index).ok().and_then(|j| core.outputs.get(j)) {
        Some(Output::Coin { coin, .. }) => Ok(coin),
        Some(Output::Memo(_)) => Err(PaymentProofError::NotACoin(index)),
        None => Err(PaymentProofError::NoOutput(index)),
    }
}

/// Proves to whoever chose `challenge` that the owner of `outgoing` made output `index` of `core`, whom it pays and how
/// much. Needs nothing but the seed's outgoing view key and the core. Constant-time in the secret x.
///
/// `rng` only adds to the nonce: with a stuck one, it still follows from statement and secret.
///
/// # Errors
/// [`PaymentProofError`]; [`PaymentProofError::Coin`] with [`OpenError::NotMine`] where another key made the output.
pub fn prove_payment(
    outgoing: &OutgoingViewKey,
    genesis: BlockHash,
    core: &TxCore,
    index: u32,
    challenge: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<PaymentProof, PaymentProofError> {
    check_challenge(challenge)?;
    let coin = coin_at(core, index)?;
    let inputs: Vec<OutPoint> = core.inputs.iter().map(|input| input.outpoint).collect();
    let x = outgoing.output_scalar(&inputs, &core.salt, index);
    let public = Element::from_point(x.public());
    let address = read_with_rseed(coin, index, &x.rseed())?.recipient;
    let context = ProofContext { sighash: core.sighash(genesis), index };
    let statement = PaymentStatement { context, address: &address, public, challenge };
    let signature = prove(&mut statement.transcript(), &statement.equations(), core::slice::from_ref(x.scalar()), rng);
    let signature = signature.try_into().expect("one commitment and one response");
    Ok(PaymentProof { index, address, public, signature })
}

/// Verifies a payment proof against the core of the transaction and the verifier's own challenge. Needs no state, no secret
/// and no randomness.
///
/// It holds if and only if the signature under X does, and the coin at the proof's index is the one that follows from X for
/// the proof's address: the coin that the address's owner finds, opens and counts.
///
/// # Errors
/// [`PaymentProofError`].
pub fn verify_payment(
    chain: u32,
    genesis: BlockHash,
    core: &TxCore,
    proof: &PaymentProof,
    challenge: &[u8],
) -> Result<ProvenPayment, PaymentProofError> {
    check_challenge(challenge)?;
    if core.chain != chain {
        return Err(PaymentProofError::OtherChain { got: core.chain, expected: chain });
    }
    let PaymentProof { index, address, public, signature } = proof;
    let coin = coin_at(core, *index)?;
    let context = ProofContext { sighash: core.sighash(genesis), index: *index };
    let statement = PaymentStatement { context, address, public: *public, challenge };
    let claim = Claim::decode(statement.transcript(), statement.equations(), 1, signature);
    if public.is_identity() || !claim.is_some_and(|claim| claim.holds()) {
        return Err(PaymentProofError::Signature);
    }
    let ReadCoin { recipient, value, note } = read_with_rseed(coin, *index, &rseed_of(&public.bytes()))?;
    if recipient != *address {
        return Err(PaymentProofError::Address);
    }
    Ok(ProvenPayment { txid: core.txid(), index: *index, address: recipient, asset: coin.asset, amount: value, note })
}
