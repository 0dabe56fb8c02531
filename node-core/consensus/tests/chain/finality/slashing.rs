//! What a node has in evidence is slashed by an ordinary transaction.

use umbel_crypto::{ActionSecrets, InputSecrets, OutputSecrets, prove_with_action};
use umbel_ledger::acceptance::FIRST_DERIVED;
use umbel_types::consensus_api::{BlockStatus, ConsensusApi, VoteAdmission};
use umbel_types::staking::Report;
use umbel_types::utxo::StoredOutput;
use umbel_types::{Action, Amount, BlockHash, Checkpoint, Link, MemoValue, OutPoint, Output, Transaction, ZkAddress};

use super::quick;
use super::voters::voters;
use crate::fixture::{TestNode, market_key, market_outpoint, mem_store, pay_public, rng};

#[test]
fn evidence_from_votes_is_slashed() {
    let node = TestNode::with(mem_store(), quick());
    let voters = voters();
    node.advance(5);
    let good = node.consensus.vote_proposal().expect("reads").expect("buried").link;
    let other = Link { target: Checkpoint { block: BlockHash([9; 32]), ..good.target }, ..good };
    let [first, second] = [good, other].map(|link| node.consensus.submit_vote(voters[1].sign(&node, 0, link)));
    assert_eq!((first, second), (Ok(VoteAdmission::Added { sequence: 1 }), Ok(VoteAdmission::Conflicting)));
    let evidence = node.consensus.evidence().pop().expect("both votes");

    let reporter = ZkAddress([77; 20]);
    let paid = pay_public(&node, market_outpoint(), ZkAddress([1; 20]), Amount::from_str_tokens(5), |_| {});
    let mut core = paid.core;
    core.action = Action::Evidence(Report { evidence: Box::new(evidence), reporter });
    let fee = Amount::from_units(200_000);
    let Some(Output::Memo(rest)) = core.outputs.last_mut() else { panic!("the rest is a memo") };
    let MemoValue::Public(value) = &mut rest.value else { panic!("a public one") };
    *value = value.checked_add(core.fee).and_then(|value| value.checked_sub(fee)).expect("enough");
    core.fee = fee;
    let sighash = core.sighash(node.consensus.genesis_hash());
    let witness = prove_with_action(
        &core,
        &sighash,
        &[InputSecrets::Memo { key: &market_key() }],
        &[OutputSecrets::PublicMemo, OutputSecrets::PublicMemo],
        &ActionSecrets::VoteKey(&voters[1].key.verifying_key()),
        &mut rng(),
    );
    let report = Transaction { core, witness: witness.expect("the secrets fit") };
    let block = node.mine(std::slice::from_ref(&report));
    assert_eq!(node.insert(&block), Ok(BlockStatus::StateValid));
    let accepting = node.advance(1).remove(0);
    let acceptance = node.consensus.acceptance(accepting.hash()).expect("on the chain");
    assert_eq!(acceptance.accepted.iter().map(|tx| tx.txid).collect::<Vec<_>>(), [report.txid()]);
    // A quarter of the stake: three times its share of 1,000,000 STR is taken, a tenth of that goes to the reporter.
    let derived = OutPoint::of_tx(report.txid(), FIRST_DERIVED);
    let entry = acceptance.added.iter().find(|(outpoint, _)| *outpoint == derived);
    let Some((_, entry)) = entry else { panic!("nothing for the reporter") };
    let StoredOutput::Memo(memo) = &entry.output else { panic!("a memo") };
    assert_eq!(memo.value, MemoValue::Public(Amount::from_str_tokens(75_000)));
}
