//! Signed public payments and a set of outputs in memory.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use rand_core::UnwrapErr;
use umbel_crypto::coin::{KeyRole, build_payout_key};
use umbel_crypto::keys::address::AddressIndex;
use umbel_crypto::keys::{AccountKeys, ConfidentialAddress, Mnemonic, SecpKey, Seed};
use umbel_crypto::{InputSecrets, OutputSecrets, prove_transaction};
use umbel_ledger::utxo::{UtxoDiff, UtxoView};
use umbel_ledger::{IsolationContext, MergePlace};
use umbel_types::genesis::DEVNET_WORDS;
use umbel_types::tx::{LockBranch, TX_VERSION};
use umbel_types::utxo::StoredOutput;
use umbel_types::{
    Action, Amount, AssetId, BlockHash, BlueScore, DaaRange, DaaScore, Hash32, Input, Memo, MemoValue, Network, Origin,
    OutPoint, Output, Params, PayoutKey, Transaction, TxCore, TxInput, UtxoEntry,
};

pub(crate) const GENESIS: BlockHash = BlockHash([3; 32]);

pub(crate) fn rng() -> UnwrapErr<getrandom::SysRng> {
    UnwrapErr(getrandom::SysRng)
}

pub(crate) fn params() -> Params {
    Params::of(Network::Devnet)
}

pub(crate) fn context() -> IsolationContext {
    IsolationContext::new(&params(), GENESIS)
}

pub(crate) fn seed() -> &'static Seed {
    static SEED: OnceLock<Seed> = OnceLock::new();
    SEED.get_or_init(|| Mnemonic::parse(DEVNET_WORDS).expect("a vector of BIP39").to_seed(""))
}

pub(crate) fn key() -> &'static SecpKey {
    static KEY: OnceLock<SecpKey> = OnceLock::new();
    KEY.get_or_init(|| seed().secp_key(0, 0))
}

/// A fresh key at each call.
pub(crate) fn payout() -> PayoutKey {
    static ADDRESS: OnceLock<ConfidentialAddress> = OnceLock::new();
    let derive = || AccountKeys::derive(seed(), Network::Devnet, 0).address(AddressIndex::DEFAULT);
    build_payout_key(ADDRESS.get_or_init(derive), KeyRole::Miner, &mut rng())
}

/// Outputs in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Set(pub(crate) BTreeMap<OutPoint, UtxoEntry>);

impl UtxoView for Set {
    type Error = Infallible;

    fn get(&self, outpoint: &OutPoint) -> Result<Option<UtxoEntry>, Infallible> {
        Ok(self.0.get(outpoint).cloned())
    }
}

impl Set {
    pub(crate) fn apply(&mut self, diff: &UtxoDiff) {
        for outpoint in diff.removed().keys() {
            assert!(self.0.remove(outpoint).is_some(), "{outpoint} was not there");
        }
        for (outpoint, entry) in diff.added() {
            assert!(self.0.insert(*outpoint, entry.clone()).is_none(), "{outpoint} was there");
        }
    }

    pub(crate) fn undo(&mut self, diff: &UtxoDiff) {
        for outpoint in diff.added().keys() {
            assert!(self.0.remove(outpoint).is_some(), "{outpoint} was not there");
        }
        for (outpoint, entry) in diff.removed() {
            assert!(self.0.insert(*outpoint, entry.clone()).is_none(), "{outpoint} was there");
        }
    }
}

/// A Memo of `units` that [`key`] owns.
pub(crate) fn memo_of(units: u64) -> Memo {
    Memo::public_payment(AssetId::STR, Amount::from_units(units), key().address())
}

pub(crate) fn entry_of(memo: Memo) -> UtxoEntry {
    UtxoEntry { output: StoredOutput::Memo(memo), origin: Origin::Transaction, daa_score: DaaScore(1) }
}

pub(crate) fn outpoint(n: u32) -> OutPoint {
    OutPoint { source: Hash32([5; 32]), index: n }
}

/// A core that spends Memos of [`key`] and pays everything but `fee` back in equal parts.
pub(crate) fn core_spending(inputs: &[(OutPoint, Memo)], outputs: u64, fee: u64, salt: u8) -> TxCore {
    let value: u64 = inputs.iter().map(|(_, memo)| units(memo)).sum();
    let each = (value - fee) / outputs;
    let paid = |i: u64| if i == 0 { value - fee - each * (outputs - 1) } else { each };
    TxCore {
        version: TX_VERSION,
        chain: params().chain_id,
        action: Action::Transfer,
        inputs: inputs
            .iter()
            .map(|(outpoint, memo)| TxInput {
                outpoint: *outpoint,
                consumed: Input::Memo { terms: memo.terms(), branch: LockBranch::Owner },
            })
            .collect(),
        outputs: (0..outputs).map(|i| Output::Memo(memo_of(paid(i)))).collect(),
        fee: Amount::from_units(fee),
        valid: DaaRange::ALWAYS,
        salt: [salt; 32],
    }
}

pub(crate) fn units(memo: &Memo) -> u64 {
    match memo.value {
        umbel_types::MemoValue::Public(amount) => amount.units(),
        umbel_types::MemoValue::Hidden { .. } => panic!("public memos only"),
    }
}

/// Signs a core whose inputs all belong to [`key`].
pub(crate) fn sign(core: TxCore) -> Transaction {
    let key = key();
    let inputs: Vec<_> = core.inputs.iter().map(|_| InputSecrets::Memo { key }).collect();
    let outputs: Vec<_> = core.outputs.iter().map(|_| OutputSecrets::PublicMemo).collect();
    let sighash = core.sighash(GENESIS);
    let witness = prove_transaction(&core, &sighash, &inputs, &outputs, &mut rng()).expect("the secrets fit");
    Transaction { core, witness }
}

/// A signed transaction that spends `inputs`.
pub(crate) fn spend(inputs: &[(OutPoint, Memo)], outputs: u64, salt: u8) -> Arc<Transaction> {
    Arc::new(sign(core_spending(inputs, outputs, 10_000, salt)))
}

/// A chain block at these scores that is no checkpoint, and whose selected parent carries no certificate.
pub(crate) fn place(daa_score: u64) -> MergePlace {
    MergePlace { daa_score: DaaScore(daa_score), blue_score: BlueScore(daa_score), checkpoint: None, certificate: None }
}

/// What public Memos of an asset hold together.
pub(crate) fn public_units<'a>(entries: impl Iterator<Item = &'a UtxoEntry>, asset: AssetId) -> u64 {
    let values = entries.map(|entry| match &entry.output {
        StoredOutput::Memo(Memo { asset: of, value: MemoValue::Public(amount), .. }) if *of == asset => amount.units(),
        _ => 0,
    });
    values.sum()
}
