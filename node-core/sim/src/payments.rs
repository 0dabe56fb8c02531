//! Users with public coins of genesis, who pay all the time. One of them pays the same coin twice, and one reports
//! validators that contradicted themselves.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use umbel_crypto::keys::{Mnemonic, SecpKey};
use umbel_crypto::ml_dsa::MlDsaKey;
use umbel_crypto::{ActionSecrets, InputSecrets, OutputSecrets, prove_with_action};
use umbel_ledger::genesis::genesis_outpoint;
use umbel_types::consensus_api::ConsensusApi;
use umbel_types::genesis::{DEVNET_WORDS, GenesisWallet};
use umbel_types::staking::Report;
use umbel_types::tx::{LockBranch, TX_VERSION};
use umbel_types::utxo::StoredOutput;
use umbel_types::{
    Action, Amount, AssetId, DaaRange, Hash32, Input, Memo, MemoValue, OutPoint, Output, Transaction, TxCore, TxInput,
    ZkAddress,
};

use crate::error::SimError;
use crate::node::Node;
use crate::rng::SimRng;
use crate::validators::key_of;

/// Wallets of genesis that hold STR: a user each.
const WALLETS: [GenesisWallet; 4] = [
    GenesisWallet::StrMarket,
    GenesisWallet::StrEcosystem,
    GenesisWallet::StrDevelopment,
    GenesisWallet::StrFoundation,
];
/// The user who pays every coin twice, to different nodes.
const TWICE: usize = 3;
/// The user who reports validators that contradicted themselves.
const REPORTER: usize = 0;
/// Fee of a payment, with a report or without: above the least for its size.
const FEE: Amount = Amount::from_units(20_000);
/// Outputs among which a user looks for one that the chain has: more than are ever in doubt at once.
const CANDIDATES: usize = 32;

/// The keys behind the genesis wallets, by index.
pub(crate) fn keys() -> &'static [SecpKey] {
    static KEYS: OnceLock<Vec<SecpKey>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let seed = Mnemonic::parse(DEVNET_WORDS).expect("the words are a BIP39 vector").to_seed("");
        (0..5).map(|index| seed.secp_key(0, index)).collect()
    })
}

/// Who pays.
#[derive(Debug)]
pub(crate) struct User {
    number: usize,
    /// Outputs of its own that it has not spent, oldest first.
    coins: Vec<OutPoint>,
    made: u64,
    /// Validators that it reported.
    reported: BTreeSet<Hash32>,
    rng: SimRng,
}

/// One or two payments of one coin.
#[derive(Debug)]
pub(crate) struct Paid {
    pub(crate) txs: Vec<Arc<Transaction>>,
    /// Whether at most one of them, or of what followed from them, can be accepted.
    pub(crate) in_doubt: bool,
}

impl User {
    pub(crate) fn all(seed: u64) -> Vec<Self> {
        let user = |(number, wallet): (usize, &GenesisWallet)| Self {
            number,
            coins: vec![genesis_outpoint(*wallet)],
            made: 0,
            reported: BTreeSet::new(),
            rng: SimRng::new(seed, "users"),
        };
        WALLETS.iter().enumerate().map(user).collect()
    }

    /// Pays from the newest coin that this node's chain has; nothing while there is none.
    pub(crate) fn pay(&mut self, home: &Node) -> Result<Option<Paid>, SimError> {
        let mut found = None;
        for coin in self.coins.iter().rev() {
            if let Some(entry) = home.consensus.utxo(*coin)? {
                found = Some((*coin, entry));
                break;
            }
        }
        let Some((coin, entry)) = found else { return Ok(None) };
        let StoredOutput::Memo(memo) = entry.output else { return Ok(None) };
        let report = self.report(home);
        let twice = self.number == TWICE;
        // A report may come too late.
        let in_doubt = twice || report.is_some();
        let recipients: &[u8] = if twice { &[1, 2] } else { &[1] };
        let txs: Result<Vec<_>, _> =
            recipients.iter().map(|to| self.payment(home, coin, &memo, *to, report.as_ref())).collect();
        let txs = txs?;
        // A coin that was spent once is never spent again: where the chain goes back, the payment is still in the pools.
        self.coins.retain(|own| *own != coin);
        self.coins.extend(txs.iter().map(|tx| OutPoint::of_tx(tx.txid(), 1)));
        let surplus = self.coins.len().saturating_sub(CANDIDATES);
        self.coins.drain(..surplus);
        Ok(Some(Paid { txs, in_doubt }))
    }

    /// The next validator to report, with its key.
    fn report(&mut self, home: &Node) -> Option<(Report, &'static MlDsaKey)> {
        if self.number != REPORTER {
            return None;
        }
        let evidence = home.consensus.evidence().into_iter().find(|e| !self.reported.contains(&e.first.validator))?;
        let key = key_of(evidence.first.validator)?;
        self.reported.insert(evidence.first.validator);
        let reporter = keys()[self.number].address();
        Some((Report { evidence: Box::new(evidence), reporter }, key))
    }

    fn payment(
        &mut self,
        home: &Node,
        coin: OutPoint,
        memo: &Memo,
        to: u8,
        report: Option<&(Report, &'static MlDsaKey)>,
    ) -> Result<Arc<Transaction>, SimError> {
        let failed = |error: &dyn core::fmt::Display| SimError::Payment(error.to_string());
        let key = &keys()[self.number];
        let MemoValue::Public(value) = memo.value else {
            return Err(SimError::Payment("a user's coin is hidden".to_owned()));
        };
        self.made += 1;
        let amount = Amount::from_units(1 + self.rng.below(1_000_000));
        let rest = value.checked_sub(amount).and_then(|rest| rest.checked_sub(FEE)).map_err(|e| failed(&e))?;
        let mut salt = [0u8; 32];
        salt[..8].copy_from_slice(&self.made.to_le_bytes());
        salt[8] = to;
        let consumed = Input::Memo { terms: memo.terms(), branch: LockBranch::Owner };
        let pay = |amount, to| Output::Memo(Memo::public_payment(AssetId::STR, amount, to));
        let core = TxCore {
            version: TX_VERSION,
            chain: home.consensus.params().chain_id,
            action: report.map_or(Action::Transfer, |(report, _)| Action::Evidence(report.clone())),
            inputs: vec![TxInput { outpoint: coin, consumed }],
            outputs: vec![pay(amount, ZkAddress([to; 20])), pay(rest, key.address())],
            fee: FEE,
            valid: DaaRange::ALWAYS,
            salt,
        };
        let sighash = core.sighash(home.consensus.genesis_hash());
        let outputs = [OutputSecrets::PublicMemo, OutputSecrets::PublicMemo];
        let secrets = [InputSecrets::Memo { key }];
        let vote_key = report.map(|(_, key)| key.verifying_key());
        let action = vote_key.as_ref().map_or(ActionSecrets::None, ActionSecrets::VoteKey);
        let witness = prove_with_action(&core, &sighash, &secrets, &outputs, &action, self.rng.inner())
            .map_err(|e| failed(&e))?;
        Ok(Arc::new(Transaction { core, witness }))
    }
}
