//! Stake through whole blocks (docs/spec/staking.md): templates, acceptance, restarts, `verify_chain`.

use std::sync::Arc;

use umbel_consensus::DEFAULT_CACHE_BYTES;
use umbel_consensus::verify::verify_chain;
use umbel_crypto::keys::MlDsaRole;
use umbel_crypto::{ActionSecrets, InputSecrets, OutputSecrets, prove_with_action};
use umbel_ledger::acceptance::FIRST_DERIVED;
use umbel_types::consensus_api::{BlockStatus, BodyRoom, ConsensusApi, TxSelector};
use umbel_types::errors::{BlockError, StakeError, TxContextError};
use umbel_types::genesis::{GenesisSpec, devnet};
use umbel_types::staking::{Register, Undelegate, Withdraw, Withdrawn};
use umbel_types::tx::{LockBranch, TX_VERSION};
use umbel_types::utxo::StoredOutput;
use umbel_types::{
    Action, Amount, AssetId, DaaRange, Hash32, Input, Memo, MemoValue, Network, OutPoint, Output, Params, Transaction,
    TxCore, TxId, TxInput,
};

use crate::fixture::{TestNode, market_key, market_outpoint, mem_store, rng, seed};

const STAKE: Amount = Amount::from_str_tokens(20_000);

/// Short epochs that end by depth: nobody votes.
fn params() -> Params {
    Params { epoch_length: 3, unbonding: 3, finality_depth: 12, ..Params::of(Network::Devnet) }
}

fn spec() -> GenesisSpec {
    GenesisSpec { validators: Vec::new(), ..devnet() }
}

/// A transaction for an Action of the market wallet, paid out of one of its Memos; the change in two parts.
fn act(node: &TestNode, outpoint: OutPoint, action: Action) -> Transaction {
    let (key, vote_key) = (market_key(), seed().ml_dsa_key(MlDsaRole::Vote, Network::Devnet, 0, 9));
    let entry = node.consensus.utxo(outpoint).expect("reads").expect("it is unspent");
    let StoredOutput::Memo(memo) = entry.output else { panic!("a memo") };
    let MemoValue::Public(value) = memo.value else { panic!("a public one") };
    let mut core = TxCore {
        version: TX_VERSION,
        chain: node.consensus.params().chain_id,
        action,
        inputs: vec![TxInput { outpoint, consumed: Input::Memo { terms: memo.terms(), branch: LockBranch::Owner } }],
        outputs: Vec::new(),
        fee: Amount::from_units(50_000),
        valid: DaaRange::ALWAYS,
        salt: [7; 32],
    };
    let change = value.units() - core.fee.units() - core.staked().units();
    for part in [change / 2, change - change / 2] {
        let memo = Memo::public_payment(AssetId::STR, Amount::from_units(part), key.address());
        core.outputs.push(Output::Memo(memo));
    }
    let by = match core.action {
        Action::Register(_) => ActionSecrets::Register { owner: &key, key: &vote_key },
        Action::Transfer | Action::Delegate(_) => ActionSecrets::None,
        _ => ActionSecrets::Owner(&key),
    };
    let sighash = core.sighash(node.consensus.genesis_hash());
    let (inputs, outputs) = ([InputSecrets::Memo { key: &key }], [const { OutputSecrets::PublicMemo }; 2]);
    let witness = prove_with_action(&core, &sighash, &inputs, &outputs, &by, &mut rng()).expect("the secrets fit");
    Transaction { core, witness }
}

fn register() -> (Hash32, Action) {
    let key = seed().ml_dsa_key(MlDsaRole::Vote, Network::Devnet, 0, 9);
    let (owner, stake) = (market_key().address(), STAKE);
    let action = Register { key: Box::new(key.verifying_key()), owner, commission_bps: 0, stake };
    (key.key_hash(), Action::Register(action))
}

/// Takes the next block for its own, and one more that accepts it.
fn accept(node: &TestNode, tx: &Transaction) {
    let block = node.mine(core::slice::from_ref(tx));
    assert_eq!(node.insert(&block), Ok(BlockStatus::StateValid));
    let merger = node.advance(1).remove(0);
    let accepted = node.consensus.acceptance(merger.hash()).expect("on the chain").accepted;
    assert_eq!(accepted.iter().map(|accepted| accepted.txid).collect::<Vec<_>>(), [tx.txid()]);
}

struct Offers(Vec<Transaction>, Vec<(TxId, TxContextError)>);

impl TxSelector for Offers {
    fn select(&mut self, _room: BodyRoom) -> Vec<Arc<Transaction>> {
        std::mem::take(&mut self.0).into_iter().map(Arc::new).collect()
    }

    fn reject(&mut self, txid: TxId, error: TxContextError) {
        self.1.push((txid, error));
    }
}

/// In, out, twice at one nonce, and back as a public Memo; every node that checks it all again agrees.
#[test]
fn stake_goes_in_and_comes_out() {
    let store = mem_store();
    let node = TestNode::of(store.clone(), params(), spec(), DEFAULT_CACHE_BYTES).expect("opens");
    node.advance(1);
    let (validator, action) = register();
    let tx = act(&node, market_outpoint(), action);
    accept(&node, &tx);
    let (one, two) = (OutPoint::of_tx(tx.txid(), 0), OutPoint::of_tx(tx.txid(), 1));
    let delegator = market_key().address();
    let leave = |amount| Action::Undelegate(Undelegate { validator, delegator, amount, nonce: 0 });
    let first = act(&node, one, leave(STAKE));
    let second = act(&node, two, leave(Amount::from_str_tokens(1)));
    // Who builds a block with both by hand stays on the chain and earns no fee for the second.
    let both = node.mine_edited(&[], |block| {
        block.body.txs = vec![first.clone(), second.clone()];
        block.header.tx_root = block.body.tx_root();
    });
    // A template takes one.
    let mut offers = Offers(vec![first.clone(), second.clone()], Vec::new());
    let template = node.consensus.build_template(both.body.payout, Vec::new(), both.header.timestamp, &mut offers);
    let taken: Vec<TxId> = template.expect("a template").body.txs.iter().map(Transaction::txid).collect();
    assert_eq!(taken, [first.txid()]);
    let stale = TxContextError::Stake(StakeError::StaleNonce { got: 0, now: 1 });
    assert_eq!(offers.1, [(second.txid(), stale)]);
    assert_eq!(node.insert(&both), Ok(BlockStatus::StateValid));
    let merger = node.advance(1).remove(0);
    let accepted = node.consensus.acceptance(merger.hash()).expect("on the chain").accepted;
    assert_eq!(accepted.iter().map(|accepted| accepted.txid).collect::<Vec<_>>(), [first.txid()]);
    // The block that carries an Action that the state refuses leaves the chain.
    let bad = node.mine_edited(&[], |block| {
        block.body.txs = vec![second.clone()];
        block.header.tx_root = block.body.tx_root();
    });
    let error = TxContextError::Stake(StakeError::StaleNonce { got: 0, now: 1 });
    assert_eq!(node.insert(&bad), Err(BlockError::TxContext { txid: second.txid(), error }));

    let what = Withdrawn::StakeAndRewards;
    let withdraw = act(&node, two, Action::Withdraw(Withdraw { validator, delegator, what, nonce: 1 }));
    let mut waited = 0;
    while node.consensus.check_tx_in_virtual_context(&withdraw.core).expect("reads").is_err() {
        node.advance(1);
        waited += 1;
        assert!(waited < 200, "epochs end by depth");
    }
    assert!(waited > 12, "at least the depth that stands for finality");
    accept(&node, &withdraw);
    let paid = |index| {
        let entry = node.consensus.utxo(OutPoint::of_tx(withdraw.txid(), FIRST_DERIVED + index)).expect("reads");
        entry.map(|entry| entry.output)
    };
    let memo = |units| StoredOutput::Memo(Memo::public_payment(AssetId::STR, units, delegator));
    assert_eq!(paid(0), Some(memo(Amount::from_str_tokens(20_001))), "stake and the delegation's deposit");
    assert_eq!(paid(1), Some(memo(Amount::from_str_tokens(3))), "the validator's deposit");
    let commitments = node.commitments();
    node.consensus.shutdown();

    let report = verify_chain(&params(), &spec(), store.clone(), &mut |_| {}).expect("every rule holds");
    let supply = report.supply.iter().find(|supply| supply.asset == AssetId::STR).expect("STR");
    assert_eq!(supply.issued, supply.public + supply.state + supply.confidential);
    let again = TestNode::of(store, params(), spec(), DEFAULT_CACHE_BYTES).expect("opens");
    assert_eq!(again.commitments(), commitments);
}
