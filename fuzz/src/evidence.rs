//! Evidence against validators: two votes, signed or not, in transactions that anyone may send.

use arbitrary::Unstructured;
use umbel_ledger::check_tx_in_isolation;
use umbel_types::staking::{ActionWitness, Report};
use umbel_types::{
    Action, BlockHash, Checkpoint, Decode, Encode, Evidence, Link, Network, Params, Transaction, Vote, ZkAddress,
};

use crate::actions::acting;
use crate::codec::one_encoding;
use crate::fixture::{GENESIS, context, patch, rng};
use crate::voters::{below, is_signed_by, signature, signed, voter};

/// Validators that vote.
const VOTERS: u8 = 3;

/// Two votes of eight bytes each: voter, source, target, branch of either, epoch, chain, signature. Then the key that
/// is shown, how the two are put in order, and patches of the transaction.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let double = vec![0, 2, 3, 0, 0, 1, 0, 0, 0, 2, 3, 0, 1, 1, 0, 0, 0, 0];
    let surround = vec![1, 2, 7, 0, 0, 1, 0, 0, 1, 3, 6, 0, 0, 2, 0, 0, 1, 0];
    let harmless = vec![1, 2, 3, 0, 0, 1, 0, 0, 1, 3, 4, 0, 0, 1, 0, 0, 1, 0];
    let patched = |seed: &[u8], patches: &[u8]| [seed, patches].concat();
    vec![
        patched(&double, &[200, 0, 1]),
        patched(&surround, &[0, 4, 0x80]),
        patched(&double, &[0x10, 0x1c, 1, 9, 0, 2]),
        double,
        surround,
        harmless,
        // Of two validators; of another chain; forged; out of order.
        vec![0, 2, 3, 0, 0, 1, 0, 0, 1, 2, 3, 0, 1, 1, 0, 0, 0, 0],
        vec![0, 2, 3, 0, 0, 1, 1, 0, 0, 2, 3, 0, 1, 1, 1, 0, 0, 0],
        vec![0, 2, 3, 0, 0, 1, 0, 0, 0, 2, 3, 0, 1, 1, 0, 1, 0, 0],
        vec![0, 2, 3, 0, 1, 1, 0, 0, 0, 2, 3, 0, 0, 1, 0, 0, 0, 1],
    ]
}

fn vote(u: &mut Unstructured<'_>) -> (u8, Vote) {
    let n = below(u, VOTERS);
    let (source, target) = (below(u, 8), below(u, 8));
    let (at_source, at_target) = (below(u, 2), below(u, 2));
    let at = |index: u8, fork: u8| Checkpoint { index: u32::from(index), block: BlockHash([16 * fork + index; 32]) };
    let link = Link { source: at(source, at_source), target: at(target, at_target) };
    let epoch = u64::from(below(u, 3));
    let here = Params::of(Network::Devnet).chain_id;
    let place = match below(u, 16) {
        1 => (here + 1, GENESIS),
        2 => (here, BlockHash([8; 32])),
        _ => (here, GENESIS),
    };
    let mut vote = signed(n, place, epoch, link);
    match below(u, 8) {
        1 => vote.signature = signature(n + 1, &vote.message()),
        2 => vote.epoch += 1,
        3 => vote.validator.0[0] ^= 1,
        _ => {}
    }
    (n, vote)
}

/// F6 as it is written.
fn contradict(a: &Vote, b: &Vote) -> bool {
    let (source_1, target_1) = (a.link.source.index, a.link.target.index);
    let (source_2, target_2) = (b.link.source.index, b.link.target.index);
    let differ = a.link != b.link || a.epoch != b.epoch;
    differ
        && (target_1 == target_2
            || (source_1 < source_2 && target_2 < target_1)
            || (source_2 < source_1 && target_1 < target_2))
}

/// Accepted is what shows a contradiction that one key signed on this chain, and nothing that was changed afterwards.
pub(crate) fn run(data: &[u8]) {
    one_encoding::<Evidence>(data);
    let mut u = Unstructured::new(data);
    let ((n, first), (_, second)) = (vote(&mut u), vote(&mut u));
    let shown = below(&mut u, VOTERS);
    let in_order = first.to_bytes() < second.to_bytes();
    let (evidence, canonical) = if below(&mut u, 4) == 1 {
        (Evidence { first: first.clone(), second: second.clone() }, in_order)
    } else {
        (Evidence::new(first.clone(), second.clone()), first != second)
    };
    let here = |vote: &Vote| (vote.chain, vote.genesis) == (Params::of(Network::Devnet).chain_id, GENESIS);
    let one_voter = first.validator == second.validator;
    let one_place = (first.chain, first.genesis) == (second.chain, second.genesis);
    assert_eq!(first.offence(&second).is_some(), one_voter && one_place && contradict(&first, &second));
    assert_eq!(first.offence(&second), second.offence(&first));
    let is_due = canonical
        && here(&first)
        && here(&second)
        && one_voter
        && contradict(&first, &second)
        && n == shown
        && first.validator == voter(n).id
        && is_signed_by(n, &first)
        && is_signed_by(n, &second);

    let report = Report { evidence: Box::new(evidence), reporter: ZkAddress([3; 20]) };
    let witness = ActionWitness::VoteKey(Box::new(voter(shown).verifying));
    let mut bytes = acting(Action::Evidence(report), |_| witness).to_bytes();
    let changed = patch(&mut bytes, u.take_rest());
    let decoded = Transaction::from_bytes(&bytes);
    assert!(changed || decoded.is_ok() == canonical);
    let accepted = decoded.map(|tx| {
        assert!(tx.to_bytes() == bytes, "a second encoding of one transaction");
        check_tx_in_isolation(tx, &context(), &mut rng(0)).is_ok()
    });
    assert_eq!(accepted == Ok(true), is_due && !changed, "{accepted:?}");
}
