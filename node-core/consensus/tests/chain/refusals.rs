use umbel_ledger::mass::state_bytes;
use umbel_types::consensus_api::{BlockStatus, ConsensusApi};
use umbel_types::errors::{BlockError, HeaderRuleError, TxRuleError};
use umbel_types::params::MAX_BLOCK_STATE_BYTES;
use umbel_types::{
    Amount, AssetId, Block, BlueScore, CompactTarget, DaaScore, Hash32, Memo, OutPoint, PointBytes, TimestampMs,
    Transaction, ZkAddress,
};

use crate::fixture::{TestNode, market_key, market_outpoint, pay_public};

fn refuse(edit: impl FnOnce(&mut Block)) -> (TestNode, Block, BlockError) {
    let node = TestNode::new();
    node.advance(2);
    let block = node.mine_edited(&[], edit);
    let error = node.insert(&block).expect_err("refused");
    // Whatever was refused, the node goes on.
    node.advance(1);
    (node, block, error)
}

fn header_rule(edit: impl FnOnce(&mut Block)) -> HeaderRuleError {
    match refuse(edit).2 {
        BlockError::Header(rule) => rule,
        other => panic!("{other}"),
    }
}

#[test]
fn header_rules() {
    assert_eq!(header_rule(|b| b.header.version = 2), HeaderRuleError::Version(2));
    assert!(matches!(header_rule(|b| b.header.parents.clear()), HeaderRuleError::ParentCount { got: 0, .. }));
    assert_eq!(header_rule(|b| b.header.parents.push(b.header.parents[0])), HeaderRuleError::ParentsNotAscending);
    assert!(matches!(
        header_rule(|b| b.header.timestamp = TimestampMs(u64::MAX)),
        HeaderRuleError::TimeTooFarAhead { .. }
    ));
    assert!(matches!(header_rule(|b| b.header.timestamp = TimestampMs(1)), HeaderRuleError::TimeTooOld { .. }));
    assert!(matches!(header_rule(|b| b.header.bits = CompactTarget(0x203f_ffff)), HeaderRuleError::Bits { .. }));
    assert!(matches!(header_rule(|b| b.header.daa_score = DaaScore(77)), HeaderRuleError::DaaScore { .. }));
    assert!(matches!(header_rule(|b| b.header.blue_score = BlueScore(77)), HeaderRuleError::BlueScore { .. }));
    assert!(matches!(
        header_rule(|b| b.header.blue_work = umbel_types::BlueWork::from_u64(1)),
        HeaderRuleError::BlueWork { .. }
    ));
    assert_eq!(header_rule(|b| b.header.cert.index = 29), HeaderRuleError::CertRef { got: 29, least: 30 });
}

#[test]
fn a_block_without_work_is_refused_and_forgotten() {
    let node = TestNode::new();
    let mut block = node.mine(&[]);
    block.header.mix_digest[0] ^= 1;
    let error = node.insert(&block).expect_err("refused");
    assert_eq!(error, BlockError::Header(HeaderRuleError::ProofOfWork));
    assert_eq!(node.consensus.status(block.hash()).expect("reads"), None);
}

#[test]
fn parents_form_an_antichain() {
    let node = TestNode::new();
    let blocks = node.advance(2);
    let block = node.mine_edited(&[], |b| {
        b.header.parents.push(blocks[0].hash());
        b.header.parents.sort();
    });
    let error = node.insert(&block).expect_err("refused");
    assert_eq!(error, BlockError::Header(HeaderRuleError::ParentsNotAntichain(blocks[0].hash())));
}

/// A rule behind the proof of work is remembered: the block and its children are refused at once.
#[test]
fn a_proven_bad_block_is_remembered() {
    let (node, block, _) = refuse(|b| b.header.blue_score = BlueScore(77));
    assert_eq!(node.consensus.status(block.hash()).expect("reads"), Some(BlockStatus::Invalid));
    assert_eq!(node.insert(&block), Err(BlockError::KnownInvalid));
    let child = node.mine_edited(&[], |b| b.header.parents = vec![block.hash()]);
    assert_eq!(node.insert(&child), Err(BlockError::Header(HeaderRuleError::InvalidParent(block.hash()))));
}

/// A wrong commitment takes a block off the chain; it can still be merged.
#[test]
fn every_commitment_is_checked() {
    type Edit = (&'static str, fn(&mut Block));
    let edits: [Edit; 4] = [
        ("accepted_root", |b| b.header.accepted_root = Hash32([9; 32])),
        ("utxo_commit", |b| b.header.utxo_commit = Hash32([9; 32])),
        ("state_root", |b| b.header.state_root = Hash32([9; 32])),
        ("chain_mmr_root", |b| b.header.chain_mmr_root = Hash32([9; 32])),
    ];
    for (name, edit) in edits {
        let (node, block, error) = refuse(edit);
        assert!(matches!(error, BlockError::Commitment { what, .. } if what == name), "{name}: {error}");
        assert_eq!(node.consensus.status(block.hash()).expect("reads"), Some(BlockStatus::Disqualified));
        node.advance(1);
        assert!(node.consensus.virtual_state().sink != block.hash());
    }
}

/// A body that the header does not commit to says nothing about the block (a relay could have swapped it).
#[test]
fn a_swapped_body_does_not_harm_the_block() {
    let node = TestNode::new();
    node.advance(1);
    let good = node.mine(&[]);
    let mut swapped = good.clone();
    swapped.body.payout.owner.g = PointBytes([1; 32]);
    assert_eq!(node.insert(&swapped), Err(BlockError::BodyMismatch));
    let mut decorated = good.clone();
    decorated.body.certificate.push(1);
    assert_eq!(node.insert(&decorated), Err(BlockError::UnexpectedCertificate));
    assert_eq!(node.insert(&good), Ok(BlockStatus::StateValid));
}

fn reroot(block: &mut Block) {
    block.header.tx_root = block.body.tx_root();
}

#[test]
fn body_rules_make_a_block_invalid() {
    let (_, _, error) = refuse(|b| {
        b.body.payout.owner.g = PointBytes([0xff; 32]);
        reroot(b);
    });
    assert_eq!(error, BlockError::BadPayout);

    let node = TestNode::new();
    node.advance(1);
    let alice = ZkAddress([1; 20]);
    let tx = pay_public(&node, market_outpoint(), alice, Amount::from_str_tokens(5), |_| {});
    let twice = node.mine_edited(&[], |b| {
        b.body.txs = vec![tx.clone(), tx.clone()];
        reroot(b);
    });
    assert!(matches!(node.insert(&twice), Err(BlockError::DoubleSpendInBlock(_))));

    let cheap = pay_public(&node, market_outpoint(), alice, Amount::from_str_tokens(5), |core| {
        core.fee = Amount::ZERO;
        let umbel_types::Output::Memo(memo) = &mut core.outputs[1] else { panic!("a memo") };
        let umbel_types::MemoValue::Public(rest) = &mut memo.value else { panic!("public") };
        *rest = rest.checked_add(Amount::from_units(5_000)).expect("fits");
    });
    let cheap = node.mine_edited(&[], |b| {
        b.body.txs = vec![cheap.clone()];
        reroot(b);
    });
    let error = node.insert(&cheap).expect_err("refused");
    assert!(matches!(error, BlockError::Tx { error: TxRuleError::FeeTooLow { .. }, .. }), "{error}");
    assert_eq!(node.consensus.status(cheap.hash()).expect("reads"), Some(BlockStatus::Invalid));

    let mut forged = tx.clone();
    forged.core.fee = Amount::from_units(6_000);
    let forged = node.mine_edited(&[], |b| {
        b.body.txs = vec![forged.clone()];
        reroot(b);
    });
    assert!(matches!(node.insert(&forged), Err(BlockError::Tx { .. })));
    node.advance(1);
}

/// A payment of one memo into `n` of the same owner.
fn spread(node: &TestNode, outpoint: OutPoint, n: u64) -> Transaction {
    let owner = market_key().address();
    pay_public(node, outpoint, owner, Amount::ZERO, |core| {
        let fee = Amount::from_units(100_000);
        let umbel_types::Output::Memo(memo) = &core.outputs[1] else { panic!("a memo") };
        let umbel_types::MemoValue::Public(rest) = memo.value else { panic!("public") };
        let value = rest.units() + core.fee.units() - fee.units();
        let (share, left) = (value / n, value % n);
        let output = |value| Memo::public_payment(AssetId::STR, Amount::from_units(value), owner);
        let values = (0..n).map(|i| if i == 0 { share + left } else { share });
        core.outputs = values.map(|value| umbel_types::Output::Memo(output(value))).collect();
        core.fee = fee;
    })
}

/// Two transactions that each fit a body, and together let the state grow too much: a template takes one, a body with both
/// is invalid.
#[test]
fn a_body_lets_the_state_grow_by_so_much_only() {
    let node = TestNode::new();
    node.advance(1);
    let first = spread(&node, market_outpoint(), 2);
    let block = node.mine(core::slice::from_ref(&first));
    node.insert(&block).expect("valid");
    node.advance(1);
    let grows_by = |tx: &Transaction| state_bytes(&tx.core);
    let txs = [0, 1].map(|index| spread(&node, OutPoint::of_tx(first.txid(), index), 30));
    let both = grows_by(&txs[0]) + grows_by(&txs[1]);
    assert!(grows_by(&txs[0]) <= MAX_BLOCK_STATE_BYTES && both > MAX_BLOCK_STATE_BYTES, "{both}");
    assert_eq!(node.template_of(&txs).body.txs, txs[..1]);
    let full = node.mine_edited(&[], |b| {
        b.body.txs = txs.to_vec();
        reroot(b);
    });
    assert_eq!(node.insert(&full), Err(BlockError::StateTooLarge { got: both, limit: MAX_BLOCK_STATE_BYTES }));
    assert_eq!(node.consensus.status(full.hash()).expect("reads"), Some(BlockStatus::Invalid));
    let one = node.mine(&txs[..1]);
    assert_eq!(node.insert(&one), Ok(BlockStatus::StateValid));
}
