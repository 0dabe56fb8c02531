//! Proof of input i: the prover may spend the coin, and `V*` commits to what the coin holds.
//!
//! Relation, in the letters of docs/spec/proofs.md: know (s, a, v, w) such that
//! `S = s·g ∧ A = a·g ∧ d = v·H_a + a·c ∧ V* = v·B + w·B̃`.

use curve25519_dalek::Scalar;
use rand_core::CryptoRng;
use tari_merlin::Transcript;
use umbel_types::tx::INPUT_PROOF_BYTES;
use umbel_types::{AssetId, OneTimeKey, PointBytes};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::element::{BadPoint, Element};
use crate::generators::{VALUE_BASE, asset_base, blinding_base};
use crate::sigma::{Base, Claim, Equation, prove};
use crate::transcript::{self, ProofContext, ProofTranscript};

/// What the network sees of a spent coin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputStatement {
    /// The coin's asset.
    pub asset: AssetId,
    /// `g`, not the identity.
    pub g: Element,
    /// `A`, not the identity.
    pub view: Element,
    /// `S`, not the identity.
    pub spend: Element,
    /// `c`, not the identity.
    pub c: Element,
    /// `d`.
    pub d: Element,
    /// `V*`.
    pub value_commitment: Element,
}

/// What only the owner knows.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct InputWitnessSecrets {
    /// Spend scalar s.
    pub spend: Scalar,
    /// View scalar a.
    pub view: Scalar,
    /// The coin's value v.
    pub value: Scalar,
    /// Blinding w of `V*`.
    pub blinding: Scalar,
}

impl InputStatement {
    /// Decodes the points of an input.
    ///
    /// # Errors
    /// [`BadPoint`] where a point is not canonical, or where g, A, S or c is the identity.
    pub fn decode(
        asset: AssetId,
        owner: &OneTimeKey,
        c: &PointBytes,
        d: &PointBytes,
        value_commitment: &PointBytes,
    ) -> Result<Self, BadPoint> {
        Ok(Self {
            asset,
            g: Element::decode_non_identity(&owner.g)?,
            view: Element::decode_non_identity(&owner.view)?,
            spend: Element::decode_non_identity(&owner.spend)?,
            c: Element::decode_non_identity(c)?,
            d: Element::decode(d)?,
            value_commitment: Element::decode(value_commitment)?,
        })
    }

    /// The relation as a plain predicate: what the proof proves, said without a proof.
    pub fn is_satisfied_by(&self, secrets: &InputWitnessSecrets) -> bool {
        let InputWitnessSecrets { spend, view, value, blinding } = secrets;
        *self.spend.point() == spend * self.g.point()
            && *self.view.point() == view * self.g.point()
            && *self.d.point() == value * asset_base(self.asset) + view * self.c.point()
            && *self.value_commitment.point() == value * VALUE_BASE + blinding * blinding_base()
    }

    /// Secrets in the order s, a, v, w.
    fn equations(&self) -> Vec<Equation> {
        vec![
            Equation::new(self.spend, vec![(0, Base::Element(self.g))]),
            Equation::new(self.view, vec![(1, Base::Element(self.g))]),
            Equation::new(self.d, vec![(2, Base::Asset(self.asset)), (1, Base::Element(self.c))]),
            Equation::new(self.value_commitment, vec![(2, Base::Value), (3, Base::Blinding)]),
        ]
    }

    fn transcript(&self, context: &ProofContext) -> Transcript {
        let mut transcript = Transcript::for_proof(transcript::INPUT, context);
        transcript.append_message(b"asset", self.asset.as_bytes());
        transcript.absorb_element(b"g", &self.g);
        transcript.absorb_element(b"A", &self.view);
        transcript.absorb_element(b"S", &self.spend);
        transcript.absorb_element(b"c", &self.c);
        transcript.absorb_element(b"d", &self.d);
        transcript.absorb_element(b"V*", &self.value_commitment);
        transcript
    }

    /// Proves the relation. Constant-time in `secrets`. Secrets that do not satisfy it give a proof that does not verify.
    pub fn prove(
        &self,
        context: &ProofContext,
        secrets: &InputWitnessSecrets,
        rng: &mut impl CryptoRng,
    ) -> [u8; INPUT_PROOF_BYTES] {
        let scalars = zeroize::Zeroizing::new([secrets.spend, secrets.view, secrets.value, secrets.blinding]);
        let proof = prove(&mut self.transcript(context), &self.equations(), &*scalars, rng);
        proof.try_into().expect("four commitments and four responses")
    }

    pub(crate) fn claim(&self, context: &ProofContext, proof: &[u8; INPUT_PROOF_BYTES]) -> Option<Claim> {
        Claim::decode(self.transcript(context), self.equations(), 4, proof)
    }

    /// Verifies one proof by itself.
    pub fn verify(&self, context: &ProofContext, proof: &[u8; INPUT_PROOF_BYTES]) -> bool {
        self.claim(context, proof).is_some_and(|claim| claim.holds())
    }
}
