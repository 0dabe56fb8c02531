//! Making the witness of a transaction, the wallet's side.

use std::collections::BTreeMap;

use curve25519_dalek::Scalar;
use rand_core::CryptoRng;
use thiserror::Error;
use umbel_types::errors::TxRuleError;
use umbel_types::lock::PREIMAGE_BYTES;
use umbel_types::tx::{IndexedSignature, InputWitness, KERNEL_PROOF_BYTES, MlDsaSignature, OUTPUT_PROOF_BYTES};
use umbel_types::{Amount, AssetId, Hash32, Input, MemoValue, Output, TxCore, Witness};
use zeroize::Zeroize;

use crate::action::{ActionSecrets, check_action};
use crate::coin::{CoinSecrets, HiddenOpening};
use crate::input_proof::InputWitnessSecrets;
use crate::kernel::KernelWitnessSecrets;
use crate::keys::{SecpKey, SpendKey, ViewKey};
use crate::lock::LockStatement;
use crate::ml_dsa::{MlDsaContext, MlDsaKey};
use crate::output_proof::OutputWitnessSecrets;
use crate::range_proof::RangeWitnessSecrets;
use crate::signature::sign;
use crate::statement::{InputAuthority, TxStatement};
use crate::transcript::ProofContext;

/// What the spender knows about one input.
pub enum InputSecrets<'a> {
    /// A coin.
    Coin {
        /// The account's spend key.
        spend: &'a SpendKey,
        /// The account's view key; it also gives the blinding of `V*` ([`ViewKey::input_blinding`]).
        view: &'a ViewKey,
        /// What the coin holds.
        value: Amount,
    },
    /// A Memo with a public value.
    Memo {
        /// The key behind the address that the branch names.
        key: &'a SecpKey,
    },
    /// A Memo with a hidden value.
    HiddenMemo {
        /// The key behind the address that the branch names.
        key: &'a SecpKey,
        /// Its opening, of [`crate::coin::open_hidden_memo`].
        opening: &'a HiddenOpening,
    },
    /// A Memo under a multisig lock.
    Multisig {
        /// As many as the lock asks for, made by [`crate::signature::sign_multisig`], strictly ascending by index.
        signatures: &'a [IndexedSignature],
    },
    /// A Memo under a multisig lock whose signatures are added later: the witness that is made has none, and verifies only
    /// once they are there. Nothing else of a witness depends on them.
    MultisigLater,
    /// A Memo under a hash lock, claimed.
    HashClaim {
        /// Its SHA-256 is the lock's.
        preimage: &'a [u8; PREIMAGE_BYTES],
        /// The key behind the claim address.
        key: &'a SecpKey,
    },
    /// A Memo under a post-quantum lock.
    PostQuantum {
        /// The key behind the lock's address.
        key: &'a SecpKey,
        /// The key that the lock has the hash of.
        ml_dsa: &'a MlDsaKey,
    },
}

/// What the sender knows about one output.
pub enum OutputSecrets<'a> {
    /// A coin, as [`crate::coin::build_coin`] made it.
    Coin(&'a CoinSecrets),
    /// A Memo with a public value: nothing is hidden.
    PublicMemo,
    /// A Memo with a hidden value, as [`crate::coin::build_hidden_memo`] made it.
    HiddenMemo(&'a HiddenOpening),
}

/// Why no witness was made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProveError {
    /// The core breaks a rule by itself.
    #[error(transparent)]
    Core(#[from] TxRuleError),
    /// Secrets for another number of inputs or outputs.
    #[error("the core has {expected} {what}, secrets for {got} were given")]
    Count {
        /// Inputs or outputs.
        what: &'static str,
        /// Secrets given.
        got: usize,
        /// Inputs or outputs of the core.
        expected: usize,
    },
    /// The secrets are not those of this input: another kind, key, value or blinding.
    #[error("the secrets given do not open input {0}")]
    Input(usize),
    /// The secrets are not those of this output.
    #[error("the secrets given do not open output {0}")]
    Output(usize),
    /// The secrets are not those that the Action asks for.
    #[error("the secrets given do not allow the action")]
    Action,
    /// What goes in does not come out.
    #[error("inputs, outputs, stake and fee do not balance")]
    Unbalanced,
}

/// Differences of blindings for each asset; zeroized on drop.
struct Excess(BTreeMap<AssetId, Scalar>);

impl Excess {
    fn add(&mut self, asset: AssetId, blinding: Scalar) {
        *self.0.entry(asset).or_insert(Scalar::ZERO) += blinding;
    }
}

impl Drop for Excess {
    fn drop(&mut self) {
        self.0.values_mut().for_each(Zeroize::zeroize);
    }
}

/// Makes every proof and signature of `core`. Each is made only if the plain predicate of its relation holds, so a witness
/// that is returned verifies, but for [`InputSecrets::MultisigLater`]. Constant-time in all secrets but amounts
/// and blindings, which the range prover's library multiplies in variable time (docs/spec/proofs.md §7).
///
/// `rng` only adds to the nonces: with a stuck one, they still follow from sighash, statements and secrets.
///
/// # Errors
/// [`ProveError`].
pub fn prove_with_action(
    core: &TxCore,
    sighash: &Hash32,
    inputs: &[InputSecrets<'_>],
    outputs: &[OutputSecrets<'_>],
    action: &ActionSecrets<'_>,
    rng: &mut impl CryptoRng,
) -> Result<Witness, ProveError> {
    let action = action.witness(sighash);
    check_action(core, &action, sighash).map_err(|_| ProveError::Action)?;
    let count = |what, got, expected| {
        if got == expected { Ok(()) } else { Err(ProveError::Count { what, got, expected }) }
    };
    count("inputs", inputs.len(), core.inputs.len())?;
    count("outputs", outputs.len(), core.outputs.len())?;
    let statement = TxStatement::of(core)?;
    let mut excess = Excess(statement.kernel.rows().map(|row| (row.asset, Scalar::ZERO)).collect());

    let mut input_witnesses = Vec::with_capacity(inputs.len());
    for (i, secrets) in inputs.iter().enumerate() {
        let context = place(sighash, i);
        input_witnesses.push(match (&statement.inputs[i], secrets) {
            (InputAuthority::Coin(statement), InputSecrets::Coin { spend, view, value }) => {
                let blinding = view.input_blinding(&core.salt, &core.inputs[i].outpoint);
                let secrets = InputWitnessSecrets {
                    spend: *spend.scalar(),
                    view: *view.scalar(),
                    value: Scalar::from(value.units()),
                    blinding: *blinding,
                };
                if !statement.is_satisfied_by(&secrets) {
                    return Err(ProveError::Input(i));
                }
                excess.add(statement.asset, *blinding);
                InputWitness::Coin(statement.prove(&context, &secrets, rng))
            }
            (InputAuthority::Lock(statement), secrets) => {
                let witness = lock_witness(secrets, sighash).ok_or(ProveError::Input(i))?;
                if !matches!((statement, secrets), (LockStatement::Multisig { .. }, InputSecrets::MultisigLater)) {
                    statement.check(&witness, sighash, i).map_err(|_| ProveError::Input(i))?;
                }
                if let Input::Memo { terms, .. } = &core.inputs[i].consumed {
                    match (&terms.value, secrets) {
                        (value, InputSecrets::HiddenMemo { opening, .. }) if opens(opening, value) => {
                            excess.add(terms.asset, opening.blinding);
                        }
                        (MemoValue::Hidden { .. }, _) | (_, InputSecrets::HiddenMemo { .. }) => {
                            return Err(ProveError::Input(i));
                        }
                        (MemoValue::Public(_), _) => {}
                    }
                }
                witness
            }
            (InputAuthority::Coin(_), _) => return Err(ProveError::Input(i)),
        });
    }

    let mut output_proofs: Vec<[u8; OUTPUT_PROOF_BYTES]> = Vec::with_capacity(statement.outputs.len());
    // As long as it gets: a list that grows leaves copies of the secrets behind.
    let mut openings = RangeWitnessSecrets { openings: Vec::with_capacity(outputs.len()) };
    let mut coin_statements = statement.outputs.iter();
    for (j, secrets) in outputs.iter().enumerate() {
        match (&core.outputs[j], secrets) {
            (Output::Coin { .. }, OutputSecrets::Coin(secrets)) => {
                let (_, statement) = coin_statements.next().expect("one statement for each coin of the core");
                let witness = OutputWitnessSecrets {
                    value: Scalar::from(secrets.value),
                    elgamal: secrets.elgamal,
                    blinding: secrets.blinding,
                };
                if !statement.is_satisfied_by(&witness) {
                    return Err(ProveError::Output(j));
                }
                excess.add(statement.asset, -secrets.blinding);
                openings.openings.push((secrets.value, secrets.blinding));
                output_proofs.push(statement.prove(&place(sighash, j), &witness, rng));
            }
            (Output::Memo(memo), OutputSecrets::PublicMemo) if matches!(memo.value, MemoValue::Public(_)) => {}
            (Output::Memo(memo), OutputSecrets::HiddenMemo(opening)) if opens(opening, &memo.value) => {
                excess.add(memo.asset, -opening.blinding);
                openings.openings.push((opening.value, opening.blinding));
            }
            _ => return Err(ProveError::Output(j)),
        }
    }

    let whole = place(sighash, 0);
    let kernel_secrets = KernelWitnessSecrets { blinding_excess: excess.0.values().copied().collect() };
    if !statement.kernel.is_satisfied_by(&kernel_secrets) {
        return Err(ProveError::Unbalanced);
    }
    let kernel: [u8; KERNEL_PROOF_BYTES] = statement.kernel.prove(&whole, &kernel_secrets, rng);
    let range_proof = match &statement.range {
        None => Vec::new(),
        Some(range) => range.prove(&whole, &openings, rng).ok_or(ProveError::Unbalanced)?,
    };
    Ok(Witness { range_proof, inputs: input_witnesses, outputs: output_proofs, action, kernel })
}

/// [`prove_with_action`] for a core whose Action needs no signature.
///
/// # Errors
/// [`ProveError`].
pub fn prove_transaction(
    core: &TxCore,
    sighash: &Hash32,
    inputs: &[InputSecrets<'_>],
    outputs: &[OutputSecrets<'_>],
    rng: &mut impl CryptoRng,
) -> Result<Witness, ProveError> {
    prove_with_action(core, sighash, inputs, outputs, &ActionSecrets::None, rng)
}

/// Whether `value` is hidden, and behind this opening.
fn opens(opening: &HiddenOpening, value: &MemoValue) -> bool {
    matches!(value, MemoValue::Hidden { commitment, .. } if opening.opens(commitment))
}

/// Signs for a lock; `None` for the secrets of a coin.
fn lock_witness(secrets: &InputSecrets<'_>, sighash: &Hash32) -> Option<InputWitness> {
    Some(match secrets {
        InputSecrets::Coin { .. } => return None,
        InputSecrets::Memo { key } | InputSecrets::HiddenMemo { key, .. } => {
            InputWitness::Signature(sign(key, sighash))
        }
        InputSecrets::Multisig { signatures } => InputWitness::Multisig(signatures.to_vec()),
        InputSecrets::MultisigLater => InputWitness::Multisig(Vec::new()),
        InputSecrets::HashClaim { preimage, key } => {
            InputWitness::HashClaim { preimage: **preimage, signed: sign(key, sighash) }
        }
        InputSecrets::PostQuantum { key, ml_dsa } => {
            let signature = ml_dsa.sign(MlDsaContext::Lock, sighash.as_bytes());
            let ml_dsa = Box::new(MlDsaSignature { key: ml_dsa.verifying_key(), signature });
            InputWitness::PostQuantum { signed: sign(key, sighash), ml_dsa }
        }
    })
}

/// The place of input or output `index` in the transaction.
pub(crate) fn place(sighash: &Hash32, index: usize) -> ProofContext {
    ProofContext { sighash: *sighash, index: u32::try_from(index).expect("a core has at most 64 inputs and outputs") }
}
