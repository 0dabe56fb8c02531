//! Proofs that this wallet made a payment, for whoever asks. The proof itself: docs/spec/proofs.md.

use umbel_crypto::coin::recover_sent;
use umbel_crypto::keys::Address;
use umbel_crypto::payment_proof::{PaymentProof, prove_payment};
use umbel_types::{BlockHash, OutPoint, Output, TxCore, TxId};

use crate::error::WalletError;
use crate::history::EntryId;
use crate::random::SeededRng;
use crate::wallet::Wallet;

impl Wallet {
    /// The core of a transaction that this wallet recorded. One that was made elsewhere with the same words, or before a
    /// restore, is known to the chain only: see [`Self::accepted_in`].
    pub fn recorded_core(&self, txid: TxId) -> Option<TxCore> {
        let (payment, position) = self.memory.payment_of.get(&txid)?;
        let payment = self.memory.payments.get(payment)?;
        payment.record.txs.get(*position).map(|tx| tx.core.clone())
    }

    /// The chain block that accepted a transaction of this wallet, as far as the wallet saw it.
    pub fn accepted_in(&self, txid: TxId) -> Option<BlockHash> {
        self.memory.facts.get(&EntryId::Tx(txid))?.accepted_in.map(|(block, _)| block)
    }

    /// Proves that this wallet made output `index` of `core`: to whom, and how much. Without an index, the one output that
    /// pays somebody else. Needs the outgoing view key only, so a locked wallet proves too.
    ///
    /// # Errors
    /// [`WalletError::NotItsPayment`], [`WalletError::SeveralRecipients`], [`WalletError::PaymentProof`],
    /// [`WalletError::Randomness`].
    pub fn prove_payment(
        &self,
        core: &TxCore,
        index: Option<u32>,
        challenge: &[u8],
    ) -> Result<PaymentProof, WalletError> {
        let index = match index {
            Some(index) => index,
            None => self.only_recipient(core)?,
        };
        let mut rng = SeededRng::from_os()?;
        let (outgoing, genesis) = (self.watch.outgoing(), self.with.genesis);
        prove_payment(outgoing, genesis, core, index, challenge, &mut rng).map_err(WalletError::PaymentProof)
    }

    /// The one output of this wallet's making that is not its own change.
    fn only_recipient(&self, core: &TxCore) -> Result<u32, WalletError> {
        let txid = core.txid();
        let recorded = self.memory.payment_of.get(&txid).and_then(|(payment, _)| self.memory.payments.get(payment));
        let inputs: Vec<OutPoint> = core.inputs.iter().map(|input| input.outpoint).collect();
        let is_recipient = |output: &Output, position: u32| {
            let Output::Coin { coin, .. } = output else { return false };
            let Ok(sent) = recover_sent(self.watch.outgoing(), &inputs, &core.salt, coin, position) else {
                return false;
            };
            match recorded {
                // A payment to itself has a recipient too.
                Some(payment) => {
                    let text = Address::Confidential(sent.recipient).to_text(self.with.params.address_prefix);
                    text == payment.record.to.0
                }
                None => !self.watch.owns_address(&sent.recipient),
            }
        };
        let outputs = core.outputs.iter().zip(0u32..);
        let found: Vec<u32> = outputs.filter(|(output, at)| is_recipient(output, *at)).map(|(_, at)| at).collect();
        match found[..] {
            [only] => Ok(only),
            [] => Err(WalletError::NotItsPayment(txid)),
            _ => Err(WalletError::SeveralRecipients { outputs: found }),
        }
    }
}
