//! The proof libraries by themselves, with their own generators: the floor of `verify` and `prove`.

use std::sync::OnceLock;

use curve25519_dalek::ristretto::CompressedRistretto;
use curve25519_dalek::traits::VartimeMultiscalarMul;
use curve25519_dalek::{RistrettoPoint, Scalar};
use tari_bulletproofs_plus::commitment_opening::CommitmentOpening;
use tari_bulletproofs_plus::generators::pedersen_gens::ExtensionDegree;
use tari_bulletproofs_plus::range_parameters::RangeParameters;
use tari_bulletproofs_plus::range_proof::{RangeProof, VerifyAction};
use tari_bulletproofs_plus::range_statement::RangeStatement;
use tari_bulletproofs_plus::range_witness::RangeWitness;
use tari_bulletproofs_plus::ristretto::create_pedersen_gens_with_extension_degree;
use tari_merlin::Transcript;
use umbel_api::ApiError;

use super::internal;
use super::keys::{rng, scalar};

const LABEL: &[u8] = b"umbel bench";
/// Values under one proof: those of a payment and its change.
const VALUES: usize = 2;
/// Points under 256-bit scalars that the Sigma proofs of a payment bring: of each of two inputs S, A, d, V*, g and c, of
/// each of two outputs c, d, V, g and A, and the kernel's excess.
pub(super) const LONG_POINTS: usize = 2 * 6 + 2 * 5 + 1;
/// Points under the 128-bit weights of a batch: four commitments an input, three an output, the kernel's.
pub(super) const SHORT_POINTS: usize = 2 * 4 + 2 * 3 + 1;

/// Points that a payment carries as bytes: also S and R of each output, which enter transcripts only, but not the kernel's
/// excess, which is computed.
pub(super) const DECODED_POINTS: usize = LONG_POINTS + SHORT_POINTS + 2 * 2 - 1;

/// The library's generators, made once.
fn parameters() -> Result<&'static RangeParameters<RistrettoPoint>, ApiError> {
    static PARAMETERS: OnceLock<Option<RangeParameters<RistrettoPoint>>> = OnceLock::new();
    let generators = create_pedersen_gens_with_extension_degree(ExtensionDegree::DefaultPedersen);
    let made = PARAMETERS.get_or_init(|| RangeParameters::init(64, VALUES, generators).ok());
    made.as_ref().ok_or_else(|| internal("the library refuses 64 bits"))
}

/// A statement about two values with what proves it.
pub(super) struct RawRangeProof {
    statement: RangeStatement<RistrettoPoint>,
    witness: RangeWitness,
}

impl RawRangeProof {
    pub(super) fn new() -> Result<Self, ApiError> {
        let parameters = parameters()?;
        let values: Vec<(u64, Scalar)> = (0..VALUES as u64).map(|n| (n + 300_000_000, scalar())).collect();
        let commit = |(value, blinding): &(u64, Scalar)| {
            parameters.pc_gens().commit(&Scalar::from(*value), &[*blinding]).map_err(internal)
        };
        let commitments = values.iter().map(commit).collect::<Result<Vec<_>, _>>()?;
        let openings = values.iter().map(|(value, blinding)| CommitmentOpening::new(*value, vec![*blinding])).collect();
        let witness = RangeWitness::init(openings).map_err(internal)?;
        let statement =
            RangeStatement::init(parameters.clone(), commitments, vec![Some(0); VALUES], None).map_err(internal)?;
        Ok(Self { statement, witness })
    }

    pub(super) fn prove(&self) -> Result<RangeProof<RistrettoPoint>, ApiError> {
        RangeProof::prove_with_rng(&mut Transcript::new(LABEL), &self.statement, &self.witness, &mut rng())
            .map_err(internal)
    }
}

/// As many proofs and points as so many payments have.
pub(super) struct RawBatch {
    statements: Vec<RangeStatement<RistrettoPoint>>,
    proofs: Vec<RangeProof<RistrettoPoint>>,
    scalars: Vec<Scalar>,
    points: Vec<RistrettoPoint>,
    encoded: Vec<CompressedRistretto>,
}

impl RawBatch {
    pub(super) fn new(payments: usize) -> Result<Self, ApiError> {
        let mut batch = Self {
            statements: Vec::new(),
            proofs: Vec::new(),
            scalars: Vec::new(),
            points: Vec::new(),
            encoded: Vec::new(),
        };
        // The verifier does the same work for a proof that it has seen.
        let distinct = (0..payments.min(8))
            .map(|_| RawRangeProof::new().and_then(|raw| Ok((raw.prove()?, raw.statement.clone()))))
            .collect::<Result<Vec<_>, ApiError>>()?;
        for (proof, statement) in distinct.iter().cycle().take(payments) {
            batch.proofs.push(proof.clone());
            batch.statements.push(statement.clone());
            for n in 0..LONG_POINTS + SHORT_POINTS {
                let long = scalar();
                let short = Scalar::from(u128::from_le_bytes(long.as_bytes()[..16].try_into().map_err(internal)?));
                batch.scalars.push(if n < LONG_POINTS { long } else { short });
                batch.points.push(RistrettoPoint::mul_base(&long));
            }
        }
        let encoded: Vec<_> = batch.points.iter().map(RistrettoPoint::compress).collect();
        batch.encoded = encoded.into_iter().cycle().take(DECODED_POINTS * payments).collect();
        Ok(batch)
    }

    /// Decodes every point that a payment's statements and proofs carry, which [`Self::verify`] gets decoded.
    pub(super) fn decode(&self) -> usize {
        self.encoded.iter().filter_map(CompressedRistretto::decompress).count()
    }

    /// One `verify_batch` and one multiscalar multiplication.
    pub(super) fn verify(&self) -> Result<RistrettoPoint, ApiError> {
        let mut transcripts = vec![Transcript::new(LABEL); self.proofs.len()];
        RangeProof::verify_batch(&mut transcripts, &self.statements, &self.proofs, VerifyAction::VerifyOnly)
            .map_err(internal)?;
        Ok(RistrettoPoint::vartime_multiscalar_mul(&self.scalars, &self.points))
    }
}
