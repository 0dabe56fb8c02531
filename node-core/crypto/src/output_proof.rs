//! Proof of output j: the coin holds what its commitment says.
//!
//! Relation: know (v, k, w) such that `c = k·g ∧ d = v·H_a + k·A ∧ V = v·B + w·B̃`.

use curve25519_dalek::Scalar;
use rand_core::CryptoRng;
use tari_merlin::Transcript;
use umbel_types::tx::OUTPUT_PROOF_BYTES;
use umbel_types::{AssetId, Coin, PointBytes};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::element::{BadPoint, Element};
use crate::generators::{VALUE_BASE, asset_base, blinding_base};
use crate::sigma::{Base, Claim, Equation, prove};
use crate::transcript::{self, ProofContext, ProofTranscript};

/// What the network sees of a new coin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputStatement {
    /// The coin's asset.
    pub asset: AssetId,
    /// `g`, not the identity.
    pub g: Element,
    /// `A`, not the identity.
    pub view: Element,
    /// `S`, not the identity. Not part of the relation: it is the sender's claim, and bound by the transcript.
    pub spend: Element,
    /// `c`, not the identity.
    pub c: Element,
    /// `d`.
    pub d: Element,
    /// `R`, not the identity. Not part of the relation, bound by the transcript.
    pub ephemeral: Element,
    /// `V`.
    pub value_commitment: Element,
}

/// What only the sender knows.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct OutputWitnessSecrets {
    /// The coin's value v.
    pub value: Scalar,
    /// ElGamal scalar k.
    pub elgamal: Scalar,
    /// Blinding w of `V`.
    pub blinding: Scalar,
}

impl OutputStatement {
    /// Decodes the points of an output.
    ///
    /// # Errors
    /// [`BadPoint`] where a point is not canonical, or where g, A, S, c or R is the identity.
    pub fn decode(coin: &Coin, value_commitment: &PointBytes) -> Result<Self, BadPoint> {
        Ok(Self {
            asset: coin.asset,
            g: Element::decode_non_identity(&coin.owner.g)?,
            view: Element::decode_non_identity(&coin.owner.view)?,
            spend: Element::decode_non_identity(&coin.owner.spend)?,
            c: Element::decode_non_identity(&coin.c)?,
            d: Element::decode(&coin.d)?,
            ephemeral: Element::decode_non_identity(&coin.ephemeral)?,
            value_commitment: Element::decode(value_commitment)?,
        })
    }

    /// The relation as a plain predicate: what the proof proves, said without a proof.
    pub fn is_satisfied_by(&self, secrets: &OutputWitnessSecrets) -> bool {
        let OutputWitnessSecrets { value, elgamal, blinding } = secrets;
        *self.c.point() == elgamal * self.g.point()
            && *self.d.point() == value * asset_base(self.asset) + elgamal * self.view.point()
            && *self.value_commitment.point() == value * VALUE_BASE + blinding * blinding_base()
    }

    /// Secrets in the order v, k, w.
    fn equations(&self) -> Vec<Equation> {
        vec![
            Equation::new(self.c, vec![(1, Base::Element(self.g))]),
            Equation::new(self.d, vec![(0, Base::Asset(self.asset)), (1, Base::Element(self.view))]),
            Equation::new(self.value_commitment, vec![(0, Base::Value), (2, Base::Blinding)]),
        ]
    }

    fn transcript(&self, context: &ProofContext) -> Transcript {
        let mut transcript = Transcript::for_proof(transcript::OUTPUT, context);
        transcript.append_message(b"asset", self.asset.as_bytes());
        transcript.absorb_element(b"g", &self.g);
        transcript.absorb_element(b"A", &self.view);
        transcript.absorb_element(b"S", &self.spend);
        transcript.absorb_element(b"c", &self.c);
        transcript.absorb_element(b"d", &self.d);
        transcript.absorb_element(b"R", &self.ephemeral);
        transcript.absorb_element(b"V", &self.value_commitment);
        transcript
    }

    /// Proves the relation. Constant-time in `secrets`. Secrets that do not satisfy it give a proof that does not verify.
    pub fn prove(
        &self,
        context: &ProofContext,
        secrets: &OutputWitnessSecrets,
        rng: &mut impl CryptoRng,
    ) -> [u8; OUTPUT_PROOF_BYTES] {
        let scalars = zeroize::Zeroizing::new([secrets.value, secrets.elgamal, secrets.blinding]);
        let proof = prove(&mut self.transcript(context), &self.equations(), &*scalars, rng);
        proof.try_into().expect("three commitments and three responses")
    }

    pub(crate) fn claim(&self, context: &ProofContext, proof: &[u8; OUTPUT_PROOF_BYTES]) -> Option<Claim> {
        Claim::decode(self.transcript(context), self.equations(), 3, proof)
    }

    /// Verifies one proof by itself.
    pub fn verify(&self, context: &ProofContext, proof: &[u8; OUTPUT_PROOF_BYTES]) -> bool {
        self.claim(context, proof).is_some_and(|claim| claim.holds())
    }
}
