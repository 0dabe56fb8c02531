//! Checking witnesses, one transaction by itself or all of a block at once.
//!
//! A transaction's statements come from its core ([`TxStatement`]); the witness is only looked at where the core asks for
//! a proof. [`BatchVerifier::push`] checks what needs no batch: points, lengths, signatures. [`BatchVerifier::verify`]
//! checks all Sigma proofs in one multiscalar multiplication and all range proofs in another; where a batch fails, it is
//! halved until the lowest transaction at fault is found and the rule is named.

use core::convert::Infallible;

use rand_core::{CryptoRng, TryCryptoRng, TryRng};
use thiserror::Error;
use umbel_types::errors::TxRuleError;
use umbel_types::tx::InputWitness;
use umbel_types::{Hash32, Transaction};

use crate::action::check_action;
use crate::prove::place;
use crate::range_proof::{self, RangeClaim};
use crate::sigma::{self, Claim};
use crate::statement::{InputAuthority, TxStatement};

/// The first transaction of a batch that is at fault, and the rule it breaks.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("transaction {index} of the batch: {error}")]
pub struct BatchError {
    /// Index in the order of [`BatchVerifier::push`].
    pub index: usize,
    /// The rule.
    #[source]
    pub error: TxRuleError,
}

/// The decoded proofs of one transaction.
struct TxClaims {
    /// Each with the rule that it shows, in the order in which faults are named.
    sigma: Vec<(TxRuleError, Claim)>,
    range: Option<RangeClaim>,
}

impl TxClaims {
    /// Decodes every proof and checks every signature.
    fn decode(tx: &Transaction, sighash: &Hash32) -> Result<Self, TxRuleError> {
        let Transaction { core, witness } = tx;
        let statement = TxStatement::of(core)?;
        if witness.inputs.len() != statement.inputs.len() {
            return Err(TxRuleError::WitnessKind(witness.inputs.len().min(statement.inputs.len())));
        }
        if witness.outputs.len() != statement.outputs.len() {
            return Err(TxRuleError::OutputProof(witness.outputs.len().min(statement.outputs.len())));
        }

        let mut sigma = Vec::with_capacity(statement.inputs.len() + statement.outputs.len() + 1);
        for (i, authority) in statement.inputs.iter().enumerate() {
            match (authority, &witness.inputs[i]) {
                (InputAuthority::Coin(statement), InputWitness::Coin(proof)) => {
                    let rule = TxRuleError::InputProof(i);
                    let claim = statement.claim(&place(sighash, i), proof).ok_or_else(|| rule.clone())?;
                    sigma.push((rule, claim));
                }
                (InputAuthority::Lock(statement), witness) => statement.check(witness, sighash, i)?,
                (InputAuthority::Coin(_), _) => return Err(TxRuleError::WitnessKind(i)),
            }
        }
        check_action(core, &witness.action, sighash)?;
        for (n, (j, statement)) in statement.outputs.iter().enumerate() {
            let rule = TxRuleError::OutputProof(*j);
            let claim = statement.claim(&place(sighash, *j), &witness.outputs[n]).ok_or_else(|| rule.clone())?;
            sigma.push((rule, claim));
        }
        let whole = place(sighash, 0);
        let kernel = statement.kernel.claim(&whole, &witness.kernel).ok_or(TxRuleError::Kernel)?;
        sigma.push((TxRuleError::Kernel, kernel));

        let expected = statement.range.as_ref().map_or(0, |range| range.proof_len());
        if witness.range_proof.len() != expected {
            return Err(TxRuleError::RangeProofLength { got: witness.range_proof.len(), expected });
        }
        let range = match &statement.range {
            None => None,
            Some(range) => Some(range.claim(&whole, &witness.range_proof).ok_or(TxRuleError::RangeProof)?),
        };
        Ok(Self { sigma, range })
    }

    /// All at once. Where the equations hold, only the range proof is left to be wrong, and it is not looked at twice: it is
    /// the dearest part.
    fn check(&self, rng: &mut impl CryptoRng) -> Result<(), TxRuleError> {
        if !sigma::verify_batch(self.sigma.iter().map(|(_, claim)| claim), rng) {
            return self.check_each();
        }
        if range_proof::verify_batch(self.range.as_ref()) { Ok(()) } else { Err(TxRuleError::RangeProof) }
    }

    /// Checks every claim by itself and names the first that fails.
    fn check_each(&self) -> Result<(), TxRuleError> {
        if let Some((rule, _)) = self.sigma.iter().find(|(_, claim)| !claim.holds()) {
            return Err(rule.clone());
        }
        if range_proof::verify_batch(self.range.as_ref()) { Ok(()) } else { Err(TxRuleError::RangeProof) }
    }
}

/// Collects the proofs of many transactions and checks them at once.
#[derive(Default)]
pub struct BatchVerifier {
    claims: Vec<TxClaims>,
}

impl BatchVerifier {
    /// An empty batch; an empty batch verifies.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a transaction, checking what needs no batch.
    ///
    /// # Errors
    /// [`TxRuleError`]; the transaction is not added.
    pub fn push(&mut self, tx: &Transaction, sighash: &Hash32) -> Result<(), TxRuleError> {
        self.claims.push(TxClaims::decode(tx, sighash)?);
        Ok(())
    }

    /// Transactions added.
    pub fn len(&self) -> usize {
        self.claims.len()
    }

    /// Whether none was added.
    pub fn is_empty(&self) -> bool {
        self.claims.is_empty()
    }

    /// Checks all proofs. `rng` adds to the weights, which nobody who made a proof then knows.
    ///
    /// # Errors
    /// [`BatchError`] with the lowest index at fault.
    pub fn verify(&self, rng: &mut impl CryptoRng) -> Result<(), BatchError> {
        if let [only] = &self.claims[..] {
            return only.check(rng).map_err(|error| BatchError { index: 0, error });
        }
        if holds(&self.claims, rng) {
            return Ok(());
        }
        let mut low = 0;
        let mut high = self.claims.len();
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if holds(&self.claims[low..middle], rng) {
                low = middle;
            } else {
                high = middle;
            }
        }
        match self.claims[low].check_each() {
            Err(error) => Err(BatchError { index: low, error }),
            // Each claim's own check is the rule; a batch only saves time.
            Ok(()) => self.check_each(),
        }
    }

    fn check_each(&self) -> Result<(), BatchError> {
        self.claims
            .iter()
            .enumerate()
            .try_for_each(|(index, claims)| claims.check_each().map_err(|error| BatchError { index, error }))
    }
}

fn holds(claims: &[TxClaims], rng: &mut impl CryptoRng) -> bool {
    let sigma = claims.iter().flat_map(|tx| tx.sigma.iter().map(|(_, claim)| claim));
    sigma::verify_batch(sigma, rng) && range_proof::verify_batch(claims.iter().filter_map(|tx| tx.range.as_ref()))
}

/// Checks all proofs and signatures of one transaction against the statements that its core makes. Needs no state and no
/// randomness: the weights of its equations follow from a hash of every transcript with responses.
///
/// # Consensus
/// > Every proof and signature MUST hold in isolation, or the block that carries the transaction is invalid.
/// > (transaction.md T10)
///
/// # Errors
/// [`TxRuleError`].
pub fn verify_transaction_proofs(tx: &Transaction, sighash: &Hash32) -> Result<(), TxRuleError> {
    TxClaims::decode(tx, sighash)?.check(&mut NoRandomness)
}

/// Adds nothing to weights that a transcript already fixes. Never a source of secrets.
pub(crate) struct NoRandomness;

impl TryRng for NoRandomness {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.fill(0);
        Ok(())
    }
}

impl TryCryptoRng for NoRandomness {}
