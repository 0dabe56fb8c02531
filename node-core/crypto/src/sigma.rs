//! One engine for every proof of knowledge of scalars that satisfy linear equations over the group.
//!
//! A relation is a list of equations `Σ cᵢ·Yᵢ = Σ xⱼ·Gⱼ` in secret scalars x. The prover sends `T = Σ rⱼ·Gⱼ` for each
//! equation, receives one challenge e, and answers `zⱼ = rⱼ + e·xⱼ`; the verifier checks `Σ zⱼ·Gⱼ = T + e·Σ cᵢ·Yᵢ`. A
//! scalar that stands in several equations has one response, which is what ties the equations together.
//!
//! Encoding: all commitments T in the order of the equations, then all responses z in the order of the scalars, 32 bytes
//! each, canonical.

use std::collections::BTreeMap;

use curve25519_dalek::traits::{IsIdentity, MultiscalarMul, VartimeMultiscalarMul};
use curve25519_dalek::{RistrettoPoint, Scalar};
use rand_core::CryptoRng;
use tari_merlin::Transcript;
use umbel_types::{AssetId, PointBytes, ScalarBytes};
use zeroize::{Zeroize, Zeroizing};

use crate::element::{Element, decode_scalar};
use crate::generators::{VALUE_BASE, asset_base, blinding_base};
use crate::transcript::ProofTranscript;

/// A base of an equation. Generators are named, so that a batch multiplies each of them once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// `B`.
    Value,
    /// `B̃`.
    Blinding,
    /// `H_a`.
    Asset(AssetId),
    /// Any other element, of the statement.
    Element(Element),
}

impl Base {
    fn point(&self) -> RistrettoPoint {
        match self {
            Self::Value => VALUE_BASE,
            Self::Blinding => blinding_base(),
            Self::Asset(asset) => asset_base(*asset),
            Self::Element(element) => *element.point(),
        }
    }
}

/// `Σ image = Σ x[j]·base` for the pairs (j, base) of `terms`.
#[derive(Clone, Debug)]
pub(crate) struct Equation {
    /// Left side, public: coefficient and element.
    pub(crate) image: Vec<(Scalar, Element)>,
    /// Right side: index of the secret scalar, and its base.
    pub(crate) terms: Vec<(usize, Base)>,
}

impl Equation {
    /// An equation whose left side is one element.
    pub(crate) fn new(image: Element, terms: Vec<(usize, Base)>) -> Self {
        Self { image: vec![(Scalar::ONE, image)], terms }
    }
}

/// Proves knowledge of `secrets`. `transcript` has absorbed the whole statement. Constant-time in the secrets.
///
/// The nonces are drawn from the transcript's generator, rekeyed with every secret and with `rng`: they repeat only if
/// statement, secrets and `rng` all repeat, and then so does the proof.
pub(crate) fn prove(
    transcript: &mut Transcript,
    equations: &[Equation],
    secrets: &[Scalar],
    rng: &mut impl CryptoRng,
) -> Vec<u8> {
    let mut builder = transcript.build_rng();
    for secret in secrets {
        builder = builder.rekey_with_witness_bytes(b"secret", secret.as_bytes());
    }
    let mut nonce_rng = builder.finalize(rng);
    let nonces: Zeroizing<Vec<Scalar>> =
        Zeroizing::new(secrets.iter().map(|_| Scalar::random(&mut nonce_rng)).collect());

    let mut proof = Vec::with_capacity(32 * (equations.len() + secrets.len()));
    transcript.absorb_count(b"equations", equations.len());
    transcript.absorb_count(b"scalars", secrets.len());
    for equation in equations {
        let scalars = equation.terms.iter().map(|(j, _)| nonces[*j]);
        let commitment = RistrettoPoint::multiscalar_mul(scalars, equation.terms.iter().map(|(_, base)| base.point()));
        let commitment = Element::from_point(commitment);
        transcript.absorb_element(b"T", &commitment);
        proof.extend_from_slice(&commitment.bytes().0);
    }
    let challenge = transcript.challenge_scalar(b"e");
    for (nonce, secret) in nonces.iter().zip(secrets) {
        let mut response = nonce + challenge * secret;
        proof.extend_from_slice(response.as_bytes());
        response.zeroize();
    }
    proof
}

/// A proof with its challenge, ready to be checked alone or in a batch.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    equations: Vec<Equation>,
    commitments: Vec<Element>,
    responses: Vec<Scalar>,
    challenge: Scalar,
    /// Digest of the transcript with the responses: what batch weights are drawn from.
    digest: [u8; 32],
}

impl Claim {
    /// Decodes a proof and computes its challenge. `None` where the encoding is not canonical or of another length.
    pub(crate) fn decode(
        mut transcript: Transcript,
        equations: Vec<Equation>,
        n_secrets: usize,
        proof: &[u8],
    ) -> Option<Self> {
        let (chunks, rest) = proof.as_chunks::<32>();
        if !rest.is_empty() || chunks.len() != equations.len() + n_secrets {
            return None;
        }
        let (commitments, responses) = chunks.split_at(equations.len());
        let commitments: Vec<Element> =
            commitments.iter().map(|bytes| Element::decode(&PointBytes(*bytes)).ok()).collect::<Option<_>>()?;
        let responses: Vec<Scalar> =
            responses.iter().map(|bytes| decode_scalar(&ScalarBytes(*bytes))).collect::<Option<_>>()?;

        transcript.absorb_count(b"equations", equations.len());
        transcript.absorb_count(b"scalars", n_secrets);
        for commitment in &commitments {
            transcript.absorb_element(b"T", commitment);
        }
        let challenge = transcript.challenge_scalar(b"e");
        for response in &responses {
            transcript.absorb_scalar(b"z", response);
        }
        let mut digest = [0u8; 32];
        transcript.challenge_bytes(b"digest", &mut digest);
        Some(Self { equations, commitments, responses, challenge, digest })
    }

    /// Checks each equation by itself. Variable time: everything is public.
    pub(crate) fn holds(&self) -> bool {
        self.equations.iter().zip(&self.commitments).all(|(equation, commitment)| {
            let mut scalars = vec![-Scalar::ONE];
            let mut points = vec![*commitment.point()];
            for (coefficient, element) in &equation.image {
                scalars.push(-(self.challenge * coefficient));
                points.push(*element.point());
            }
            for (j, base) in &equation.terms {
                scalars.push(self.responses[*j]);
                points.push(base.point());
            }
            RistrettoPoint::vartime_multiscalar_mul(&scalars, &points).is_identity()
        })
    }
}

/// The weighted sum of the equations of many claims; the identity if all hold, and but with probability 2⁻¹²⁸ only then.
#[derive(Debug, Default)]
struct WeightedSum {
    value: Scalar,
    blinding: Scalar,
    assets: BTreeMap<AssetId, Scalar>,
    elements: BTreeMap<PointBytes, (Scalar, RistrettoPoint)>,
}

impl WeightedSum {
    fn add(&mut self, scalar: Scalar, base: &Base) {
        match base {
            Base::Value => self.value += scalar,
            Base::Blinding => self.blinding += scalar,
            Base::Asset(asset) => *self.assets.entry(*asset).or_insert(Scalar::ZERO) += scalar,
            Base::Element(element) => {
                self.elements.entry(element.bytes()).or_insert((Scalar::ZERO, *element.point())).0 += scalar;
            }
        }
    }

    fn is_identity(&self) -> bool {
        let mut scalars = vec![self.value, self.blinding];
        let mut points = vec![VALUE_BASE, blinding_base()];
        for (asset, scalar) in &self.assets {
            scalars.push(*scalar);
            points.push(asset_base(*asset));
        }
        for (scalar, point) in self.elements.values() {
            scalars.push(*scalar);
            points.push(*point);
        }
        RistrettoPoint::vartime_multiscalar_mul(&scalars, &points).is_identity()
    }
}

/// Checks many claims in one multiscalar multiplication. Each equation has its own weight of 128 bits, drawn from the
/// digests of all claims (challenges and responses included) and from `rng`.
pub(crate) fn verify_batch<'a>(claims: impl IntoIterator<Item = &'a Claim> + Clone, rng: &mut impl CryptoRng) -> bool {
    let mut transcript = Transcript::new(<Transcript as ProofTranscript>::BATCH);
    for claim in claims.clone() {
        transcript.append_message(b"claim", &claim.digest);
    }
    let mut weights = transcript.build_rng().finalize(rng);

    let mut sum = WeightedSum::default();
    for claim in claims {
        for (equation, commitment) in claim.equations.iter().zip(&claim.commitments) {
            let weight = random_weight(&mut weights);
            sum.add(-weight, &Base::Element(*commitment));
            for (coefficient, element) in &equation.image {
                sum.add(-(weight * claim.challenge * coefficient), &Base::Element(*element));
            }
            for (j, base) in &equation.terms {
                sum.add(weight * claim.responses[*j], base);
            }
        }
    }
    sum.is_identity()
}

fn random_weight(rng: &mut impl CryptoRng) -> Scalar {
    let mut bytes = [0u8; 16];
    rng.fill_bytes(&mut bytes);
    Scalar::from(u128::from_le_bytes(bytes))
}
