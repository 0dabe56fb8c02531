//! The kernel proof: in every asset, what goes in comes out.
//!
//! For each asset the verifier computes a row
//! `E_a = Σ V*_in − Σ V_out + (public in − public out)·B`, the fee among the public amounts out of the STR row. Relation:
//! know e such that `Σ yⁱ·Eᵢ = e·B̃`, for a challenge y drawn after all rows. A row with a remainder of value would need
//! a discrete logarithm between B and B̃, or a root y of a polynomial fixed before y.

use curve25519_dalek::{RistrettoPoint, Scalar};
use rand_core::CryptoRng;
use tari_merlin::Transcript;
use umbel_types::AssetId;
use umbel_types::tx::KERNEL_PROOF_BYTES;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::element::Element;
use crate::generators::blinding_base;
use crate::sigma::{Base, Claim, Equation, prove};
use crate::transcript::{self, ProofContext, ProofTranscript};

/// The proof of a kernel without hidden terms: T = 0 and z = 0 satisfy its equation exactly where its rows balance.
const NOTHING_HIDDEN: [u8; KERNEL_PROOF_BYTES] = [0; KERNEL_PROOF_BYTES];

/// The terms of one asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelRow {
    /// Which asset.
    pub asset: AssetId,
    /// Commitments consumed: V* of coins, V of hidden Memos.
    pub hidden_in: Vec<Element>,
    /// Commitments created.
    pub hidden_out: Vec<Element>,
    /// Sum of public amounts consumed, in base units.
    pub public_in: u64,
    /// Sum of public amounts created and paid, in base units.
    pub public_out: u64,
}

impl KernelRow {
    /// `E_a`.
    pub fn excess(&self) -> RistrettoPoint {
        let hidden_in: RistrettoPoint = self.hidden_in.iter().map(|e| e.point()).sum();
        let hidden_out: RistrettoPoint = self.hidden_out.iter().map(|e| e.point()).sum();
        hidden_in - hidden_out
            + RistrettoPoint::mul_base(&(Scalar::from(self.public_in) - Scalar::from(self.public_out)))
    }
}

/// One row for each asset, strictly ascending, STR always among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelStatement {
    rows: Vec<(KernelRow, Element)>,
}

/// What only the prover knows: for each row, the difference of all blindings consumed and created.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct KernelWitnessSecrets {
    /// `Σ w_in − Σ w_out` of each row, in row order.
    pub blinding_excess: Vec<Scalar>,
}

impl KernelStatement {
    /// `None` unless rows are strictly ascending by asset and STR has one: a sum without its row would balance nothing.
    pub fn new(rows: Vec<KernelRow>) -> Option<Self> {
        let ascending = rows.windows(2).all(|pair| pair[0].asset < pair[1].asset);
        if !ascending || rows.iter().all(|row| row.asset != AssetId::STR) {
            return None;
        }
        Some(Self {
            rows: rows
                .into_iter()
                .map(|row| (Element::from_point(row.excess()), row))
                .map(|(e, row)| (row, e))
                .collect(),
        })
    }

    /// The rows.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &KernelRow> {
        self.rows.iter().map(|(row, _)| row)
    }

    /// The relation as a plain predicate, row by row: the excess of every asset is a commitment to zero.
    pub fn is_satisfied_by(&self, secrets: &KernelWitnessSecrets) -> bool {
        self.rows.len() == secrets.blinding_excess.len()
            && self
                .rows
                .iter()
                .zip(&secrets.blinding_excess)
                .all(|((_, excess), e)| *excess.point() == e * blinding_base())
    }

    /// Transcript after all rows, and the powers of the challenge y.
    fn transcript(&self, context: &ProofContext) -> (Transcript, Vec<Scalar>) {
        let mut transcript = Transcript::for_proof(transcript::KERNEL, context);
        transcript.absorb_count(b"rows", self.rows.len());
        for (row, excess) in &self.rows {
            transcript.append_message(b"asset", row.asset.as_bytes());
            transcript.absorb_count(b"hidden in", row.hidden_in.len());
            for element in &row.hidden_in {
                transcript.absorb_element(b"V*", element);
            }
            transcript.absorb_count(b"hidden out", row.hidden_out.len());
            for element in &row.hidden_out {
                transcript.absorb_element(b"V", element);
            }
            transcript.append_u64(b"public in", row.public_in);
            transcript.append_u64(b"public out", row.public_out);
            transcript.absorb_element(b"E", excess);
        }
        let y = transcript.challenge_scalar(b"y");
        let mut power = Scalar::ONE;
        let powers = (0..self.rows.len())
            .map(|_| {
                let this = power;
                power *= y;
                this
            })
            .collect();
        (transcript, powers)
    }

    /// Whether all terms are public. Then e is zero, which everybody knows: a proof that needs no secret could be made anew
    /// by anyone, so there is one only.
    fn hides_nothing(&self) -> bool {
        self.rows.iter().all(|(row, _)| row.hidden_in.is_empty() && row.hidden_out.is_empty())
    }

    fn equations(&self, powers: &[Scalar]) -> Vec<Equation> {
        let image = powers.iter().copied().zip(self.rows.iter().map(|(_, excess)| *excess)).collect();
        vec![Equation { image, terms: vec![(0, Base::Blinding)] }]
    }

    /// Proves the relation. Constant-time in `secrets`. Secrets that do not satisfy it give a proof that does not verify.
    pub fn prove(
        &self,
        context: &ProofContext,
        secrets: &KernelWitnessSecrets,
        rng: &mut impl CryptoRng,
    ) -> [u8; KERNEL_PROOF_BYTES] {
        let (mut transcript, powers) = self.transcript(context);
        let mut e: Scalar = powers.iter().zip(&secrets.blinding_excess).map(|(power, e)| power * e).sum();
        if self.hides_nothing() && e == Scalar::ZERO {
            return NOTHING_HIDDEN;
        }
        let proof = prove(&mut transcript, &self.equations(&powers), &[e], rng);
        e.zeroize();
        proof.try_into().expect("one commitment and one response")
    }

    /// # Consensus
    /// > Where no term is hidden, the kernel proof MUST be 64 zero bytes: T = 0, z = 0. (docs/spec/proofs.md §8)
    pub(crate) fn claim(&self, context: &ProofContext, proof: &[u8; KERNEL_PROOF_BYTES]) -> Option<Claim> {
        if self.hides_nothing() && *proof != NOTHING_HIDDEN {
            return None;
        }
        let (transcript, powers) = self.transcript(context);
        Claim::decode(transcript, self.equations(&powers), 1, proof)
    }

    /// Verifies one proof by itself.
    pub fn verify(&self, context: &ProofContext, proof: &[u8; KERNEL_PROOF_BYTES]) -> bool {
        self.claim(context, proof).is_some_and(|claim| claim.holds())
    }
}
