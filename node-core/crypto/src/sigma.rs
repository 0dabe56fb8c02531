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
use tari_merlin::{Transcript, TranscriptRng};
use umbel_types::{AssetId, PointBytes, ScalarBytes};
use zeroize::{Zeroize, Zeroizing};

use crate::element::{Element, decode_scalar};
use crate::generators::{VALUE_BASE, asset_base, blinding_base};
use crate::transcript::{self, ProofTranscript};

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
    let mut weights = weights(claims.clone(), rng);
    let mut sum = WeightedSum::default();
    for claim in claims {
        for (equation, commitment) in claim.equations.iter().zip(&claim.commitments) {
            let weight = random_weight(&mut weights);
            // T with the weight as it is: half as long as its negative modulo the order, hence half the additions.
            sum.add(weight, &Base::Element(*commitment));
            for (coefficient, element) in &equation.image {
                sum.add(weight * claim.challenge * coefficient, &Base::Element(*element));
            }
            for (j, base) in &equation.terms {
                sum.add(-(weight * claim.responses[*j]), base);
            }
        }
    }
    sum.is_identity()
}

/// The generator of a batch's weights. With a stuck `rng` they still follow from everything that the provers sent, so that
/// no response can be chosen after its weight.
fn weights<'a>(claims: impl IntoIterator<Item = &'a Claim>, rng: &mut impl CryptoRng) -> TranscriptRng {
    let mut transcript = Transcript::new(transcript::BATCH);
    for claim in claims {
        transcript.append_message(b"claim", &claim.digest);
    }
    transcript.build_rng().finalize(rng)
}

fn random_weight(rng: &mut impl CryptoRng) -> Scalar {
    let mut bytes = [0u8; 16];
    rng.fill_bytes(&mut bytes);
    Scalar::from(u128::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use chacha20::ChaCha20Rng;
    use rand_core::SeedableRng;
    use umbel_types::Hash32;

    use super::*;
    use crate::transcript::ProofContext;
    use crate::verify::NoRandomness as StuckRng;

    fn rng() -> ChaCha20Rng {
        ChaCha20Rng::from_seed([1; 32])
    }

    /// Proof number n that `Y = n·B`, and how it is decoded.
    fn proof(n: u32) -> (Vec<u8>, impl Fn(&[u8]) -> Claim) {
        let context = ProofContext { sighash: Hash32([2; 32]), index: n };
        let transcript = move || Transcript::for_proof(transcript::KERNEL, &context);
        let x = Scalar::from(n);
        let equations = vec![Equation::new(Element::from_point(x * VALUE_BASE), vec![(0, Base::Value)])];
        let proof = prove(&mut transcript(), &equations, &[x], &mut rng());
        (proof, move |bytes: &[u8]| Claim::decode(transcript(), equations.clone(), 1, bytes).unwrap())
    }

    fn first_weights(claims: &[&Claim], rng: &mut impl CryptoRng) -> [Scalar; 2] {
        let mut weights = weights(claims.iter().copied(), rng);
        [random_weight(&mut weights), random_weight(&mut weights)]
    }

    /// Two wrong responses that cancel under weights known beforehand. They pass where the weights do not follow from the
    /// responses; so they do, and nothing passes even where the verifier's own randomness is stuck.
    #[test]
    fn a_stuck_generator_lets_no_forgery_pass() {
        let ((proof_a, decode_a), (proof_b, decode_b)) = (proof(3), proof(4));
        let (a, b) = (decode_a(&proof_a), decode_b(&proof_b));
        assert!(verify_batch([&a, &b], &mut StuckRng));
        let [weight_a, weight_b] = first_weights(&[&a, &b], &mut StuckRng);

        let (mut forged_a, mut forged_b) = (a.clone(), b.clone());
        forged_a.responses[0] += weight_b;
        forged_b.responses[0] -= weight_a;
        assert!(verify_batch([&forged_a, &forged_b], &mut StuckRng), "with the digests of the true responses");
        let encode = |proof: &[u8], claim: &Claim| [&proof[..32], claim.responses[0].as_bytes()].concat();
        let forged_a = decode_a(&encode(&proof_a, &forged_a));
        let forged_b = decode_b(&encode(&proof_b, &forged_b));
        assert!(!verify_batch([&forged_a, &forged_b], &mut StuckRng));
        assert!(!forged_a.holds() && !forged_b.holds());
    }

    /// Weights differ with every message of every prover, with the order, and with the verifier's randomness; no two are
    /// equal.
    #[test]
    fn weights_follow_from_all_that_was_sent() {
        let ((proof_a, decode_a), (proof_b, decode_b)) = (proof(3), proof(4));
        let (a, b) = (decode_a(&proof_a), decode_b(&proof_b));
        let weights = first_weights(&[&a, &b], &mut StuckRng);
        assert_ne!(weights[0], weights[1]);
        assert_eq!(weights, first_weights(&[&a, &b], &mut StuckRng));
        let mut response = proof_b.clone();
        response[32] ^= 1;
        let mut commitment = proof_b;
        commitment[..32].copy_from_slice(&proof_a[..32]);
        let (response, commitment) = (decode_b(&response), decode_b(&commitment));
        let others = [
            first_weights(&[&a, &response], &mut StuckRng),
            first_weights(&[&a, &commitment], &mut StuckRng),
            first_weights(&[&b, &a], &mut StuckRng),
            first_weights(&[&a], &mut StuckRng),
            first_weights(&[&a, &b], &mut rng()),
        ];
        for (i, other) in others.iter().enumerate() {
            assert!(other.iter().zip(&weights).all(|(other, weight)| other != weight), "{i}");
        }
    }

    /// Nonces differ with statement and secret where the generator is stuck: otherwise two proofs would give the secret.
    #[test]
    fn a_stuck_generator_repeats_no_nonce() {
        let commitment = |context: u32, secret: u32| {
            let context = ProofContext { sighash: Hash32([2; 32]), index: context };
            let mut transcript = Transcript::for_proof(transcript::KERNEL, &context);
            let x = Scalar::from(secret);
            let equations = [Equation::new(Element::from_point(VALUE_BASE), vec![(0, Base::Value)])];
            prove(&mut transcript, &equations, &[x], &mut StuckRng)[..32].to_vec()
        };
        assert_eq!(commitment(1, 1), commitment(1, 1));
        assert_ne!(commitment(1, 1), commitment(2, 1));
        assert_ne!(commitment(1, 1), commitment(1, 2));
    }
}
