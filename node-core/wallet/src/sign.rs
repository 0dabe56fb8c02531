//! The witness: proofs with the spend key for coins, signatures with secp256k1 keys for Memos. The only place where spend
//! keys are used.

use umbel_crypto::keys::SecpKey;
use umbel_crypto::{ActionSecrets, InputSecrets, OutputSecrets, prove_with_action};
use umbel_types::{BlockHash, Transaction};

use crate::coins::{OwnedCoin, PaidTo, Spendable};
use crate::error::WalletError;
use crate::keys::{SpendKeys, WatchKeys};
use crate::prove::{OutputKind, ProvedTx};
use crate::random::SeededRng;

impl ProvedTx {
    /// Makes all proofs and signatures of a transfer; gives the transaction and its own outputs.
    ///
    /// # Errors
    /// [`WalletError::Build`] where the wallet's data does not open what it claims to own.
    pub(crate) fn sign(
        self,
        spend: &SpendKeys,
        watch: &WatchKeys,
        genesis: BlockHash,
        rng: &mut SeededRng,
    ) -> Result<(Transaction, Vec<OwnedCoin>), WalletError> {
        self.sign_with_action(spend, watch, genesis, &ActionSecrets::None, rng)
    }

    /// The same for any Action.
    ///
    /// # Errors
    /// As for [`Self::sign`].
    pub(crate) fn sign_with_action(
        self,
        spend: &SpendKeys,
        watch: &WatchKeys,
        genesis: BlockHash,
        action: &ActionSecrets<'_>,
        rng: &mut SeededRng,
    ) -> Result<(Transaction, Vec<OwnedCoin>), WalletError> {
        let Self { core, inputs, outputs, own } = self;
        let sighash = core.sighash(genesis);
        let secp: Vec<Option<SecpKey>> = inputs
            .iter()
            .map(|coin| match coin.paid_to {
                PaidTo::Zk13str(index) => Some(spend.secp(index)),
                PaidTo::Confidential(_) | PaidTo::Internal(_) => None,
            })
            .collect();
        let mut input_secrets = Vec::with_capacity(inputs.len());
        for (coin, key) in inputs.iter().zip(&secp) {
            input_secrets.push(match (&coin.body, key) {
                (Spendable::Coin { .. }, _) => {
                    InputSecrets::Coin { spend: spend.coins(), view: watch.view(), value: coin.value }
                }
                (Spendable::Memo(_), Some(key)) => InputSecrets::Memo { key },
                (Spendable::Memo(_), None) => {
                    return Err(WalletError::Build("a memo without a known address".to_owned()));
                }
            });
        }
        let output_secrets: Vec<OutputSecrets<'_>> = outputs
            .iter()
            .map(|output| match output {
                OutputKind::Coin(secrets) => OutputSecrets::Coin(secrets),
                OutputKind::PublicMemo => OutputSecrets::PublicMemo,
            })
            .collect();
        let witness = prove_with_action(&core, &sighash, &input_secrets, &output_secrets, action, rng)
            .map_err(|error| WalletError::Build(error.to_string()))?;
        Ok((Transaction { core, witness }, own))
    }
}
