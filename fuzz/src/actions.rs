//! Transactions with an Action: everything in them is public, so that any of them can be signed anew.

use std::sync::OnceLock;

use umbel_crypto::keys::SecpKey;
use umbel_crypto::ml_dsa::{MlDsaContext, MlDsaKey};
use umbel_crypto::signature::sign;
use umbel_types::staking::{ActionWitness, Delegate, Register, Report, Undelegate, Unjail, Withdraw, Withdrawn};
use umbel_types::tx::{InputWitness, LockBranch, TX_VERSION};
use umbel_types::{
    Action, Amount, AssetId, BlockHash, Checkpoint, DaaRange, Evidence, Hash32, Input, Link, Memo, Network, OutPoint,
    Output, Params, Transaction, TxCore, TxInput, Witness, ZkAddress,
};

use crate::fixture::{GENESIS, owner};
use crate::voters::{signed, voter};

const FEE: u64 = 100_000;

/// A public Memo that pays.
pub(crate) struct Purse<'a> {
    pub(crate) genesis: BlockHash,
    pub(crate) outpoint: OutPoint,
    pub(crate) value: Amount,
    pub(crate) key: &'a SecpKey,
}

impl Purse<'_> {
    /// A transaction with this Action; the rest of the value goes back.
    pub(crate) fn act(&self, action: Action, witness: impl FnOnce(&Hash32) -> ActionWitness) -> Transaction {
        let memo = |value| Memo::public_payment(AssetId::STR, value, self.key.address());
        let consumed = Input::Memo { terms: memo(self.value).terms(), branch: LockBranch::Owner };
        let mut core = TxCore {
            version: TX_VERSION,
            chain: Params::of(Network::Devnet).chain_id,
            action,
            inputs: vec![TxInput { outpoint: self.outpoint, consumed }],
            outputs: Vec::new(),
            fee: Amount::from_units(FEE),
            valid: DaaRange::ALWAYS,
            salt: [4; 32],
        };
        let rest = self.value.checked_sub(core.fee).and_then(|rest| rest.checked_sub(core.staked())).unwrap();
        core.outputs = vec![Output::Memo(memo(rest))];
        let sighash = core.sighash(self.genesis);
        let witness = Witness {
            range_proof: Vec::new(),
            inputs: vec![InputWitness::Signature(sign(self.key, &sighash))],
            outputs: Vec::new(),
            action: witness(&sighash),
            // The one proof of what hides nothing.
            kernel: [0; 64],
        };
        Transaction { core, witness }
    }
}

/// The key that pays, and owns what is acted on.
fn payer() -> &'static SecpKey {
    static PAYER: OnceLock<SecpKey> = OnceLock::new();
    PAYER.get_or_init(|| owner(1).secp)
}

/// A transaction with this Action.
pub(crate) fn acting(action: Action, witness: impl FnOnce(&Hash32) -> ActionWitness) -> Transaction {
    let outpoint = OutPoint { source: Hash32([5; 32]), index: 0 };
    let value = Amount::from_str_tokens(1_000);
    Purse { genesis: GENESIS, outpoint, value, key: payer() }.act(action, witness)
}

/// A registration of a key that nobody else has.
pub(crate) fn register(owner: &SecpKey) -> (Action, impl FnOnce(&Hash32) -> ActionWitness) {
    let (key, address) = (MlDsaKey::from_seed(&[77; 32]), owner.address());
    let stake = Amount::from_str_tokens(20);
    let register = Register { key: Box::new(key.verifying_key()), owner: address, commission_bps: 2_000, stake };
    let witness = move |sighash: &Hash32| ActionWitness::Register {
        owner: sign(owner, sighash),
        key: Box::new(key.sign(MlDsaContext::Register, sighash.as_bytes())),
    };
    (Action::Register(register), witness)
}

/// A report of two votes of a validator for one target.
pub(crate) fn report(n: u8, genesis: BlockHash) -> (Action, impl FnOnce(&Hash32) -> ActionWitness) {
    let vote = |fork| {
        let at = |index, byte| Checkpoint { index, block: BlockHash([byte; 32]) };
        let link = Link { source: at(4, 4), target: at(5, fork) };
        signed(n, (Params::of(Network::Devnet).chain_id, genesis), 1, link)
    };
    let report = Report { evidence: Box::new(Evidence::new(vote(1), vote(2))), reporter: ZkAddress([8; 20]) };
    (Action::Evidence(report), move |_: &Hash32| ActionWitness::VoteKey(Box::new(voter(n).verifying)))
}

/// A valid transaction with each Action.
pub(crate) fn transactions() -> Vec<Transaction> {
    let (validator, delegator) = (voter(0).id, payer().address());
    let amount = Amount::from_str_tokens(20);
    let by_owner = |sighash: &Hash32| ActionWitness::Owner(sign(payer(), sighash));
    let (register, registered) = register(payer());
    let (report, reported) = report(0, GENESIS);
    let withdraw = Withdraw { validator, delegator, what: Withdrawn::StakeAndRewards, nonce: 3 };
    vec![
        acting(register, registered),
        acting(Action::Delegate(Delegate { validator, delegator, amount }), |_| ActionWitness::None),
        acting(Action::Undelegate(Undelegate { validator, delegator, amount, nonce: 3 }), by_owner),
        acting(Action::Withdraw(withdraw), by_owner),
        acting(Action::Unjail(Unjail { validator, owner: delegator, nonce: 3 }), by_owner),
        acting(report, reported),
    ]
}
