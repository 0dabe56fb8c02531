//! Fiat–Shamir transcripts: every label that a proof uses, and how statements enter.

use curve25519_dalek::Scalar;
use tari_merlin::Transcript;
use umbel_types::Hash32;

use crate::element::Element;

/// What a proof is about, besides its statement: the transaction, and the place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProofContext {
    /// Sighash of the transaction: chain, genesis and core.
    pub sighash: Hash32,
    /// Index of the input or output in the core; zero for proofs about the whole transaction.
    pub index: u32,
}

// One label a proof kind, so that no proof of one kind is a proof of another.

/// Proof that a coin may be spent and what it holds.
pub(crate) const INPUT: &[u8] = b"umbel/input/v1";
/// Proof that a coin holds what its commitment says.
pub(crate) const OUTPUT: &[u8] = b"umbel/output/v1";
/// Proof that all hidden values created are 64-bit.
pub(crate) const RANGE: &[u8] = b"umbel/range/v1";
/// Proof that nothing came from nothing.
pub(crate) const KERNEL: &[u8] = b"umbel/kernel/v1";
/// Proof that its maker sent a payment.
pub(crate) const PAYMENT: &[u8] = b"umbel/payment/v1";
/// Weights of a batch.
pub(crate) const BATCH: &[u8] = b"umbel/batch/v1";

/// Forms of the messages of all proofs.
pub(crate) trait ProofTranscript {
    /// Starts a transcript of one kind for one place in one transaction.
    fn for_proof(kind: &'static [u8], context: &ProofContext) -> Self;
    /// Absorbs an element of the statement or a message of the prover.
    fn absorb_element(&mut self, label: &'static [u8], element: &Element);
    /// Absorbs a scalar that the prover sends.
    fn absorb_scalar(&mut self, label: &'static [u8], scalar: &Scalar);
    /// Absorbs a count before what is counted.
    fn absorb_count(&mut self, label: &'static [u8], n: usize);
    /// Draws the verifier's challenge, uniform modulo the group's order.
    fn challenge_scalar(&mut self, label: &'static [u8]) -> Scalar;
}

impl ProofTranscript for Transcript {
    fn for_proof(kind: &'static [u8], context: &ProofContext) -> Self {
        let mut transcript = Self::new(kind);
        transcript.append_message(b"sighash", context.sighash.as_bytes());
        transcript.append_u64(b"index", u64::from(context.index));
        transcript
    }

    fn absorb_element(&mut self, label: &'static [u8], element: &Element) {
        self.append_message(label, &element.bytes().0);
    }

    fn absorb_scalar(&mut self, label: &'static [u8], scalar: &Scalar) {
        self.append_message(label, scalar.as_bytes());
    }

    fn absorb_count(&mut self, label: &'static [u8], n: usize) {
        self.append_u64(label, n as u64);
    }

    fn challenge_scalar(&mut self, label: &'static [u8]) -> Scalar {
        let mut wide = [0u8; 64];
        self.challenge_bytes(label, &mut wide);
        Scalar::from_bytes_mod_order_wide(&wide)
    }
}
