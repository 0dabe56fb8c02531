//! One aggregated range proof over every hidden value that a transaction creates: each lies in 0..2⁶⁴.
//!
//! Bulletproofs+ (Chung, Han, Ju, Kim, Seo: eprint 2020/735) by `tari_bulletproofs_plus`, with the ledger's generators:
//! its value base is B, its masking base B̃. The verifier pads the number of values to a power of two with identity
//! commitments, values zero under blinding zero; every promised minimum is zero.

use std::sync::OnceLock;

use curve25519_dalek::ristretto::CompressedRistretto;
use curve25519_dalek::traits::Identity;
use curve25519_dalek::{RistrettoPoint, Scalar};
use rand_core::CryptoRng;
use tari_bulletproofs_plus::PedersenGens;
use tari_bulletproofs_plus::commitment_opening::CommitmentOpening;
use tari_bulletproofs_plus::generators::pedersen_gens::ExtensionDegree;
use tari_bulletproofs_plus::range_parameters::RangeParameters;
use tari_bulletproofs_plus::range_proof::{RangeProof, VerifyAction};
use tari_bulletproofs_plus::range_statement::RangeStatement as LibraryStatement;
use tari_bulletproofs_plus::range_witness::RangeWitness as LibraryWitness;
use tari_merlin::Transcript;
use umbel_types::tx::MAX_HIDDEN_OUTPUTS;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::element::Element;
use crate::generators::{VALUE_BASE, blinding_base, commit};
use crate::transcript::{self, ProofContext, ProofTranscript};

/// Bits of every value.
const VALUE_BITS: usize = 64;
/// First byte of an encoded proof: one masking base.
const ENCODED_EXTENSION_DEGREE: u8 = 1;

/// Length of the proof for `n` hidden values, in bytes; zero for none. `n` is at most [`MAX_HIDDEN_OUTPUTS`].
///
/// One byte for the extension degree, six elements (A, A₁, B, r₁, s₁, d₁), and L and R for each of `log₂(64·n')` rounds,
/// n' being n rounded up to a power of two.
pub fn range_proof_len(n: usize) -> usize {
    if n == 0 {
        return 0;
    }
    let rounds = (VALUE_BITS * n.next_power_of_two()).ilog2() as usize;
    1 + 32 * (6 + 2 * rounds)
}

/// Generators for up to `size` values, a power of two. Tables are built on first use and kept: 2.6 MiB for two values.
fn parameters(size: usize) -> &'static RangeParameters<RistrettoPoint> {
    const SIZES: usize = MAX_HIDDEN_OUTPUTS.ilog2() as usize + 1;
    static PARAMETERS: [OnceLock<RangeParameters<RistrettoPoint>>; SIZES] = [const { OnceLock::new() }; SIZES];
    PARAMETERS[size.ilog2() as usize].get_or_init(|| {
        let blinding = blinding_base();
        let pedersen = PedersenGens {
            h_base: VALUE_BASE,
            h_base_compressed: VALUE_BASE.compress(),
            g_base_vec: vec![blinding],
            g_base_compressed_vec: vec![blinding.compress()],
            extension_degree: ExtensionDegree::DefaultPedersen,
        };
        RangeParameters::init(VALUE_BITS, size, pedersen)
            .expect("64 bits and a power of two are what the library takes")
    })
}

/// The commitments to every hidden value created, in output order: 1 to 16.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeStatement {
    commitments: Vec<Element>,
}

/// What only the sender knows: value and blinding of each commitment, in their order.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct RangeWitnessSecrets {
    /// (v, w) with `V = v·B + w·B̃`.
    pub openings: Vec<(u64, Scalar)>,
}

impl RangeStatement {
    /// `None` for no commitment or more than [`MAX_HIDDEN_OUTPUTS`].
    pub fn new(commitments: Vec<Element>) -> Option<Self> {
        (1..=MAX_HIDDEN_OUTPUTS).contains(&commitments.len()).then_some(Self { commitments })
    }

    /// Length of its proof in bytes.
    pub fn proof_len(&self) -> usize {
        range_proof_len(self.commitments.len())
    }

    /// The relation as a plain predicate. That a value is a `u64` is its range.
    pub fn is_satisfied_by(&self, secrets: &RangeWitnessSecrets) -> bool {
        self.commitments.len() == secrets.openings.len()
            && self
                .commitments
                .iter()
                .zip(&secrets.openings)
                .all(|(commitment, (value, blinding))| *commitment.point() == commit(&Scalar::from(*value), blinding))
    }

    fn transcript(&self, context: &ProofContext) -> Transcript {
        let mut transcript = Transcript::for_proof(transcript::RANGE, context);
        transcript.absorb_count(b"values", self.commitments.len());
        for commitment in &self.commitments {
            transcript.absorb_element(b"V", commitment);
        }
        transcript
    }

    fn library_statement(&self) -> LibraryStatement<RistrettoPoint> {
        let size = self.commitments.len().next_power_of_two();
        let mut commitments: Vec<RistrettoPoint> = self.commitments.iter().map(|e| *e.point()).collect();
        let mut commitments_compressed: Vec<CompressedRistretto> =
            self.commitments.iter().map(|e| CompressedRistretto(e.bytes().0)).collect();
        commitments.resize(size, RistrettoPoint::identity());
        commitments_compressed.resize(size, CompressedRistretto::identity());
        LibraryStatement {
            generators: parameters(size).clone(),
            commitments,
            commitments_compressed,
            minimum_value_promises: vec![Some(0); size],
            seed_nonce: None,
        }
    }

    /// Proves the relation; `None` where `secrets` do not satisfy it. The library's prover takes a time that depends on
    /// values and blindings (docs/spec/proofs.md §7).
    pub fn prove(
        &self,
        context: &ProofContext,
        secrets: &RangeWitnessSecrets,
        rng: &mut impl CryptoRng,
    ) -> Option<Vec<u8>> {
        if !self.is_satisfied_by(secrets) {
            return None;
        }
        let size = self.commitments.len().next_power_of_two();
        let mut openings: Vec<CommitmentOpening> =
            secrets.openings.iter().map(|(value, blinding)| CommitmentOpening::new(*value, vec![*blinding])).collect();
        openings.resize_with(size, || CommitmentOpening::new(0, vec![Scalar::ZERO]));
        let witness = LibraryWitness::init(openings).ok()?;
        let statement = self.library_statement();
        let proof = RangeProof::prove_with_rng(&mut self.transcript(context), &statement, &witness, rng).ok()?;
        Some(proof.to_bytes())
    }

    /// Decodes a proof; `None` where its length or encoding is wrong.
    pub(crate) fn claim(&self, context: &ProofContext, proof: &[u8]) -> Option<RangeClaim> {
        if proof.len() != self.proof_len() || proof.first() != Some(&ENCODED_EXTENSION_DEGREE) {
            return None;
        }
        let proof = RangeProof::from_bytes(proof).ok()?;
        Some(RangeClaim { statement: self.clone(), transcript: self.transcript(context), proof })
    }

    /// Verifies one proof by itself.
    pub fn verify(&self, context: &ProofContext, proof: &[u8]) -> bool {
        self.claim(context, proof).is_some_and(|claim| verify_batch([&claim]))
    }
}

/// A decoded range proof, ready to be checked alone or in a batch.
pub(crate) struct RangeClaim {
    statement: RangeStatement,
    transcript: Transcript,
    proof: RangeProof<RistrettoPoint>,
}

/// Checks many range proofs in one multiscalar multiplication. The library draws each proof's weight from a hash of all
/// transcripts with responses.
pub(crate) fn verify_batch<'a>(claims: impl IntoIterator<Item = &'a RangeClaim>) -> bool {
    let claims: Vec<&RangeClaim> = claims.into_iter().collect();
    if claims.is_empty() {
        return true;
    }
    let mut transcripts: Vec<Transcript> = claims.iter().map(|claim| claim.transcript.clone()).collect();
    let statements: Vec<_> = claims.iter().map(|claim| claim.statement.library_statement()).collect();
    let proofs: Vec<_> = claims.iter().map(|claim| claim.proof.clone()).collect();
    RangeProof::verify_batch(&mut transcripts, &statements, &proofs, VerifyAction::VerifyOnly).is_ok()
}
