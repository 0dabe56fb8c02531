//! Building a payment, on whatever thread the caller likes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use umbel_crypto::coin::NoteSize;
use umbel_crypto::keys::Address;
use umbel_types::Transaction;

use crate::coins::OwnedCoin;
use crate::error::WalletError;
use crate::keys::{SpendKeys, WatchKeys};
use crate::payment::PaymentId;
use crate::plan::{PlanInput, PlanTo, TxPlan, note_size};
use crate::prove::{ChainTerms, Frame, Payee, Target, prove};
use crate::random::SeededRng;
use crate::record::OwnOutput;

/// A payment to build: holds what it needs, the spend keys included, and no more. `Send`, so that it can run anywhere.
///
/// A wallet that is locked meanwhile drops its own hold of the keys; the job's goes when it has run or is dropped.
pub struct BuildJob {
    pub(crate) id: PaymentId,
    pub(crate) steps: Vec<TxPlan>,
    pub(crate) to: Address,
    pub(crate) to_self: bool,
    pub(crate) note: String,
    pub(crate) first_internal: u32,
    pub(crate) spend: Arc<SpendKeys>,
    pub(crate) watch: Arc<WatchKeys>,
    pub(crate) terms: ChainTerms,
}

impl BuildJob {
    /// The payment's number.
    pub fn id(&self) -> PaymentId {
        self.id
    }

    /// Proofs and signatures to be made in all.
    pub fn total(&self) -> usize {
        self.steps.iter().map(|step| step.shape.proofs()).sum()
    }

    /// Makes all proofs and signatures, on this thread. `progress(done, total)` is called before the first and after each
    /// transaction; `cancel` is looked at before each.
    ///
    /// # Errors
    /// [`WalletError::Cancelled`], [`WalletError::Build`], [`WalletError::Randomness`].
    pub fn run(self, progress: &mut dyn FnMut(usize, usize), cancel: &AtomicBool) -> Result<BuiltPayment, WalletError> {
        let start = Instant::now();
        let total = self.total();
        let mut rng = SeededRng::from_os()?;
        let mut done = 0;
        progress(done, total);
        let mut txs: Vec<Arc<Transaction>> = Vec::with_capacity(self.steps.len());
        let mut merged: Vec<OwnedCoin> = Vec::new();
        let mut own = Vec::new();
        for (step, number) in self.steps.iter().zip(0u32..) {
            if cancel.load(Ordering::Relaxed) {
                return Err(WalletError::Cancelled);
            }
            let is_last = number as usize + 1 == self.steps.len();
            let (tx, outputs) = self.build_step(step, is_last, &merged, &mut rng)?;
            if is_last {
                own.extend(self.own_outputs(step, number));
            } else {
                merged.extend(outputs);
            }
            txs.push(Arc::new(tx));
            done += step.shape.proofs();
            progress(done, total);
        }
        Ok(BuiltPayment { id: self.id, txs, own, proof_time: start.elapsed() })
    }

    fn build_step(
        &self,
        step: &TxPlan,
        is_last: bool,
        merged: &[OwnedCoin],
        rng: &mut SeededRng,
    ) -> Result<(Transaction, Vec<OwnedCoin>), WalletError> {
        let inputs: Vec<OwnedCoin> = step
            .inputs
            .iter()
            .map(|input| match input {
                PlanInput::Own(coin) => Ok(OwnedCoin::clone(coin)),
                PlanInput::Merged(step) => merged
                    .get(*step)
                    .cloned()
                    .ok_or_else(|| WalletError::Build("a merged coin was not made".to_owned())),
            })
            .collect::<Result<_, _>>()?;
        let mut targets = Vec::with_capacity(step.outputs.len());
        for output in &step.outputs {
            let (to, note, internal) = match output.to {
                PlanTo::Recipient => (self.to.clone(), self.note.clone(), None),
                PlanTo::Internal(offset) => {
                    let index = self.first_internal + offset;
                    let address = self.watch.internal(index);
                    let address = address.ok_or_else(|| WalletError::Build("no address for change".to_owned()))?;
                    (Address::Confidential(address), String::new(), Some(index))
                }
            };
            let to = Payee::Address(to);
            targets.push(Target { to, asset: output.asset, value: output.value, note, internal });
        }
        let note = if is_last { note_size(&self.note)? } else { NoteSize::None };
        let proved = prove(&self.watch, &self.terms, inputs, targets, Frame::transfer(note, step.fee), rng)?;
        proved.sign(&self.spend, &self.watch, self.terms.genesis, rng)
    }

    /// What of the payment itself comes back to this wallet.
    fn own_outputs(&self, step: &TxPlan, number: u32) -> Vec<OwnOutput> {
        let back = |to: &PlanTo| match to {
            PlanTo::Internal(_) => true,
            PlanTo::Recipient => self.to_self,
        };
        step.outputs
            .iter()
            .filter(|output| back(&output.to))
            .map(|output| OwnOutput { tx: number, asset: output.asset, value: output.value })
            .collect()
    }
}

/// A payment with all its proofs and signatures, recorded nowhere.
#[derive(Debug)]
pub struct BuiltPayment {
    pub(crate) id: PaymentId,
    pub(crate) txs: Vec<Arc<Transaction>>,
    pub(crate) own: Vec<OwnOutput>,
    proof_time: Duration,
}

impl BuiltPayment {
    /// The payment's number.
    pub fn id(&self) -> PaymentId {
        self.id
    }

    /// Its transactions, those that merge coins first.
    pub fn transactions(&self) -> &[Arc<Transaction>] {
        &self.txs
    }

    /// How long the proofs took.
    pub fn proof_time(&self) -> Duration {
        self.proof_time
    }
}
