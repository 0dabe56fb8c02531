//! Stake (docs/spec/staking.md): a small world with short epochs, and the tests on it.

mod bytes;
mod epochs;
mod history;
mod model;
mod thefts;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use umbel_crypto::keys::{MlDsaRole, SecpKey};
use umbel_crypto::ml_dsa::{MlDsaContext, MlDsaKey};
use umbel_crypto::{ActionSecrets, InputSecrets, OutputSecrets, prove_with_action};
use umbel_ledger::acceptance::derived_in;
use umbel_ledger::staking::{self, IncludedCertificate};
use umbel_ledger::state_tree::StateTree;
use umbel_ledger::{MergePlace, MergedBlock, StateDelta, accept_mergeset, genesis};
use umbel_types::errors::TxContextError;
use umbel_types::genesis::devnet;
use umbel_types::lock::ML_DSA_SIGNATURE_BYTES;
use umbel_types::staking::{
    ActionWitness, Delegate, OverlayRecord, Register, Report, Undelegate, Unjail, Validator, Withdraw, Withdrawn,
};
use umbel_types::state::{LedgerBalance, StateClass};
use umbel_types::tx::{LockBranch, TX_VERSION};
use umbel_types::utxo::StoredOutput;
use umbel_types::vote::{Checkpoint, Link};
use umbel_types::{
    Action, Amount, AssetId, BlockHash, BlueScore, DaaRange, DaaScore, Decode, Evidence, Hash32, Input, Memo,
    MemoValue, Network, OutPoint, Output, Params, PayoutKey, Transaction, TxCore, TxId, TxInput, Vote, Witness,
    ZkAddress,
};

use crate::fixture::{GENESIS, Set, entry_of, payout, rng, seed};

/// Base units in one STR.
pub(crate) const STR: u64 = 100_000_000;
/// Memos to pay with, each spent once.
const PURSES: u32 = 260;
/// What each holds.
const PURSE: u64 = 3_000_000 * STR;
const FEE: u64 = 1;

fn miner() -> &'static PayoutKey {
    static MINER: OnceLock<PayoutKey> = OnceLock::new();
    MINER.get_or_init(payout)
}

pub(crate) fn secp(n: u32) -> &'static SecpKey {
    static KEYS: OnceLock<Vec<SecpKey>> = OnceLock::new();
    &KEYS.get_or_init(|| (0..12).map(|n| seed().secp_key(0, n)).collect())[n as usize]
}

pub(crate) fn person(n: u32) -> ZkAddress {
    secp(n).address()
}

pub(crate) fn vote_key(n: u32) -> &'static MlDsaKey {
    static KEYS: OnceLock<Vec<MlDsaKey>> = OnceLock::new();
    let key = |n| seed().ml_dsa_key(MlDsaRole::Vote, Network::Devnet, 0, n);
    &KEYS.get_or_init(|| (0..24).map(key).collect())[n as usize]
}

/// Id of a validator; those of devnet's genesis are 0 to 3.
pub(crate) fn id(n: u32) -> Hash32 {
    static IDS: OnceLock<Vec<Hash32>> = OnceLock::new();
    IDS.get_or_init(|| (0..24).map(|n| vote_key(n).key_hash()).collect())[n as usize]
}

/// Epochs of twenty, three of them until stake is free.
pub(crate) fn params() -> Params {
    Params {
        epoch_length: 20,
        unbonding: 60,
        finality_depth: 50,
        stall_depth: 100,
        checkpoint_interval: 10,
        ..Params::of(Network::Devnet)
    }
}

pub(crate) fn amount(units: u64) -> Amount {
    Amount::from_units(units)
}

pub(crate) fn register(n: u32, owner: u32, stake: u64) -> Action {
    let key = Box::new(vote_key(n).verifying_key());
    Action::Register(Register { key, owner: person(owner), commission_bps: 1_000, stake: amount(stake) })
}

pub(crate) fn delegate(n: u32, who: u32, units: u64) -> Action {
    Action::Delegate(Delegate { validator: id(n), delegator: person(who), amount: amount(units) })
}

pub(crate) fn undelegate(n: u32, who: u32, units: u64, nonce: u64) -> Action {
    Action::Undelegate(Undelegate { validator: id(n), delegator: person(who), amount: amount(units), nonce })
}

pub(crate) fn withdraw(n: u32, who: u32, what: Withdrawn, nonce: u64) -> Action {
    Action::Withdraw(Withdraw { validator: id(n), delegator: person(who), what, nonce })
}

pub(crate) fn unjail(n: u32, owner: u32, nonce: u64) -> Action {
    Action::Unjail(Unjail { validator: id(n), owner: person(owner), nonce })
}

pub(crate) fn link(source: u32, target: u32, fork: u8) -> Link {
    let at = |index| Checkpoint { index, block: BlockHash([fork; 32]) };
    Link { source: at(source), target: at(target) }
}

/// A vote without a signature.
pub(crate) fn unsigned(n: u32, epoch: u64, link: Link) -> Vote {
    let signature = Box::new([0; ML_DSA_SIGNATURE_BYTES]);
    Vote { chain: params().chain_id, genesis: GENESIS, epoch, validator: id(n), link, signature }
}

pub(crate) fn signed(vote: Vote, by: u32) -> Vote {
    let signature = Box::new(vote_key(by).sign(MlDsaContext::Vote, &vote.message()));
    Vote { signature, ..vote }
}

/// Two votes for different blocks at one index.
pub(crate) fn double_vote(n: u32, epoch: u64) -> Evidence {
    let vote = |fork| signed(unsigned(n, epoch, link(1, 2, fork)), n);
    Evidence::new(vote(1), vote(2))
}

pub(crate) fn report(evidence: Evidence, reporter: u32) -> Action {
    Action::Evidence(Report { evidence: Box::new(evidence), reporter: person(reporter) })
}

fn purse(n: u32) -> (OutPoint, Memo) {
    (OutPoint { source: Hash32([77; 32]), index: n }, Memo::public_payment(AssetId::STR, amount(PURSE), person(11)))
}

/// A core that pays for an Action out of a purse.
pub(crate) fn core(action: Action, n: u32, fee: u64) -> TxCore {
    let (outpoint, memo) = purse(n);
    let mut core = TxCore {
        version: TX_VERSION,
        chain: params().chain_id,
        action,
        inputs: vec![TxInput { outpoint, consumed: Input::Memo { terms: memo.terms(), branch: LockBranch::Owner } }],
        outputs: Vec::new(),
        fee: amount(fee),
        valid: DaaRange::ALWAYS,
        salt: [9; 32],
    };
    let change = amount(PURSE - fee - core.staked().units());
    core.outputs.push(Output::Memo(Memo::public_payment(AssetId::STR, change, person(11))));
    core
}

/// Proves it; `by` signs for the Action.
pub(crate) fn prove(core: TxCore, by: &ActionSecrets<'_>) -> Transaction {
    let sighash = core.sighash(GENESIS);
    let (inputs, outputs) = ([InputSecrets::Memo { key: secp(11) }], [OutputSecrets::PublicMemo]);
    let witness = prove_with_action(&core, &sighash, &inputs, &outputs, by, &mut rng()).expect("the secrets fit");
    Transaction { core, witness }
}

/// The ledger's state at a chain block, which is checkpoint number `blue / 10`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct World {
    pub(crate) set: Set,
    pub(crate) states: StateTree,
    pub(crate) blue: u64,
    next_purse: u32,
    blocks: u32,
    params: Params,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(params())
    }

    pub(crate) fn with(params: Params) -> Self {
        let genesis = genesis::build(&params, &devnet());
        let mut set = Set(genesis.utxo.added().clone());
        set.0.extend((0..PURSES).map(purse).map(|(outpoint, memo)| (outpoint, entry_of(memo))));
        Self { set, states: genesis.states, blue: 0, next_purse: 0, blocks: 0, params }
    }

    /// Unsigned: acceptance looks at cores.
    pub(crate) fn tx(&mut self, action: Action) -> Arc<Transaction> {
        let core = core(action, self.next_purse, FEE);
        self.next_purse += 1;
        let witness = Witness {
            range_proof: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            action: ActionWitness::None,
            kernel: [0; 64],
        };
        Arc::new(Transaction { core, witness })
    }

    /// What the next chain block changes, ten scores on.
    ///
    /// - `certificate`: target and signers of the one that its selected parent carries.
    pub(crate) fn next(&mut self, txs: &[Arc<Transaction>], certificate: Option<(u32, Vec<Hash32>)>) -> StateDelta {
        self.blocks += 1;
        self.blue += 10;
        let mut hash = [8; 32];
        hash[..4].copy_from_slice(&self.blocks.to_le_bytes());
        let block = MergedBlock {
            hash: BlockHash(hash),
            daa_score: DaaScore(self.blue - 1),
            is_blue: true,
            counts_for_daa: true,
            payout: *miner(),
            txs: txs.to_vec(),
        };
        let place = MergePlace {
            daa_score: DaaScore(self.blue),
            blue_score: BlueScore(self.blue),
            checkpoint: Some(u32::try_from(self.blue / 10).expect("small")),
            certificate: certificate.map(|(index, signers)| IncludedCertificate {
                target: Checkpoint { index, block: BlockHash([1; 32]) },
                target_daa: DaaScore(u64::from(index) * 10),
                signers,
            }),
        };
        let outcome = accept_mergeset(&self.params, &place, &[block], &self.set, &self.states).expect("memory");
        let delta = outcome.pay::<core::convert::Infallible>(miner()).expect("sound payout keys");
        self.apply(&delta);
        delta
    }

    pub(crate) fn apply(&mut self, delta: &StateDelta) {
        self.set.apply(&delta.utxo);
        delta.states.iter().for_each(|change| self.states.redo(change));
    }

    /// Takes the last block back, but for counters that tell transactions apart.
    pub(crate) fn undo(&mut self, delta: &StateDelta) {
        self.set.undo(&delta.utxo);
        delta.states.iter().rev().for_each(|change| self.states.undo(change));
    }

    /// One Action in the next block; what it was paid, or why it was refused.
    pub(crate) fn act(&mut self, action: Action) -> Result<Vec<(ZkAddress, u64)>, TxContextError> {
        let tx = self.tx(action);
        let delta = self.next(core::slice::from_ref(&tx), None);
        match delta.skipped.first() {
            Some(skipped) => Err(skipped.error.clone()),
            None => Ok(paid(tx.txid(), &delta)),
        }
    }

    /// Blocks with certificates that all of the epoch's set sign, but for those left out, until the epoch ends.
    pub(crate) fn end_epoch(&mut self, absent: &[u32]) {
        let epoch = self.overlay().epoch;
        let absent: Vec<Hash32> = absent.iter().map(|n| id(*n)).collect();
        while self.overlay().epoch == epoch {
            let members = staking::validator_set(&self.states, epoch).expect("every epoch has one").members;
            let signers = members.iter().map(|member| member.key_hash).filter(|id| !absent.contains(id)).collect();
            let target = u32::try_from(self.blue / 10).expect("small");
            self.next(&[], Some((target, signers)));
        }
    }

    pub(crate) fn overlay(&self) -> OverlayRecord {
        staking::overlay(&self.states).expect("it is never gone")
    }

    pub(crate) fn validator(&self, n: u32) -> Validator {
        staking::validator(&self.states, id(n)).expect("it is there")
    }

    pub(crate) fn bonded(&self, n: u32, who: u32) -> u64 {
        staking::delegation(&self.states, id(n), person(who)).map_or(0, |(delegation, _)| delegation.bonded.units())
    }

    pub(crate) fn nonce(&self, n: u32, who: u32) -> u64 {
        staking::delegation(&self.states, id(n), person(who)).expect("it is there").1
    }

    pub(crate) fn balance(&self, balance: LedgerBalance) -> u64 {
        self.states.balance(balance).units()
    }

    /// All STR that there is: in outputs, balances, validators and deposits.
    pub(crate) fn supply(&self) -> u64 {
        let outputs: u64 = self.set.0.values().map(|entry| shown(&entry.output)).sum();
        let balances = LedgerBalance::ALL.iter().filter(|balance| balance.genesis_amount().0 == AssetId::STR);
        let balances: u64 = balances.map(|balance| self.balance(*balance)).sum();
        let held: u64 = self
            .states
            .iter()
            .map(|(_, state)| {
                let validator = (state.class == StateClass::Validator && !state.body.is_empty())
                    .then(|| Validator::from_bytes(&state.body).expect("it is a validator's"));
                validator.map_or(0, |validator| validator.held.units()) + state.deposit.units()
            })
            .sum();
        outputs + balances + held
    }
}

fn shown(output: &StoredOutput) -> u64 {
    match output {
        StoredOutput::Coin { public_value, .. } => public_value.map_or(0, Amount::units),
        StoredOutput::Memo(Memo { asset: AssetId::STR, value: MemoValue::Public(amount), .. }) => amount.units(),
        StoredOutput::Memo(_) => 0,
    }
}

/// What a transaction's derived outputs pay.
pub(crate) fn paid(txid: TxId, delta: &StateDelta) -> Vec<(ZkAddress, u64)> {
    derived_in(txid, &delta.utxo)
        .into_iter()
        .map(|(_, entry)| match entry.output {
            StoredOutput::Memo(Memo { lock: umbel_types::Lock::Address(to), ref value, .. }) => match value {
                MemoValue::Public(amount) => (to, amount.units()),
                MemoValue::Hidden { .. } => panic!("State pays in public"),
            },
            other => panic!("State pays Memos to addresses, not {other:?}"),
        })
        .collect()
}

/// By delegator, everything that validator `n` owes: bonded, leaving and earned, as it would be paid.
pub(crate) fn owed(world: &World, n: u32) -> BTreeMap<u32, u64> {
    let Some(validator) = staking::validator(&world.states, id(n)) else {
        return BTreeMap::new();
    };
    (0..12)
        .filter_map(|who| {
            let (delegation, _) = staking::delegation(&world.states, id(n), person(who))?;
            let leaving: u64 = delegation.leaving.iter().map(|entry| validator.worth(entry.amount).units()).sum();
            let earned = delegation.earned(&validator).expect("no overflow").units();
            Some((who, validator.worth(delegation.bonded).units() + leaving + earned))
        })
        .collect()
}
