//! Rules of an Action that need nothing but the transaction (docs/spec/staking.md §4).

use umbel_types::errors::TxRuleError;
use umbel_types::genesis::STR_SUPPLY;
use umbel_types::staking::{MAX_COMMISSION_BPS, MIN_DELEGATION, Register};
use umbel_types::{Action, Amount, Evidence, Link};

use crate::tx_in_isolation::IsolationContext;

/// Checks the Action of a transaction, signatures excepted.
///
/// # Errors
/// The first rule broken.
pub(crate) fn check_action_in_isolation(action: &Action, context: &IsolationContext) -> Result<(), TxRuleError> {
    match action {
        Action::Transfer | Action::Withdraw(_) | Action::Unjail(_) => Ok(()),
        Action::Register(register) => {
            check_amount(register.stake, MIN_DELEGATION)?;
            check_commission(register)
        }
        Action::Delegate(delegate) => check_amount(delegate.amount, MIN_DELEGATION),
        Action::Undelegate(undelegate) => check_amount(undelegate.amount, Amount::from_units(1)),
        Action::Evidence(report) => {
            check_evidence_chain(&report.evidence, context)?;
            check_one_validator(&report.evidence)?;
            check_contradiction(&report.evidence)
        }
    }
}

/// # Consensus
/// > A registration or delegation MUST move at least 10 STR, an undelegation more than nothing, and nothing more than the
/// > supply. (docs/spec/staking.md S1, S2)
fn check_amount(got: Amount, least: Amount) -> Result<(), TxRuleError> {
    if got < least {
        return Err(TxRuleError::StakeTooSmall { got, least });
    }
    if got > STR_SUPPLY {
        return Err(TxRuleError::StakeTooLarge(got));
    }
    Ok(())
}

/// # Consensus
/// > A commission MUST be at most 20 %. (S3)
fn check_commission(register: &Register) -> Result<(), TxRuleError> {
    if register.commission_bps > MAX_COMMISSION_BPS {
        return Err(TxRuleError::CommissionTooHigh { got: register.commission_bps, limit: MAX_COMMISSION_BPS });
    }
    Ok(())
}

/// # Consensus
/// > Both votes of evidence MUST be about this chain and its genesis. (S6)
fn check_evidence_chain(evidence: &Evidence, context: &IsolationContext) -> Result<(), TxRuleError> {
    let here = |vote: &umbel_types::Vote| vote.chain == context.chain_id && vote.genesis == context.genesis;
    if here(&evidence.first) && here(&evidence.second) { Ok(()) } else { Err(TxRuleError::EvidenceChain) }
}

/// # Consensus
/// > Both votes of evidence MUST be by one validator. (S6)
fn check_one_validator(evidence: &Evidence) -> Result<(), TxRuleError> {
    if evidence.first.validator == evidence.second.validator { Ok(()) } else { Err(TxRuleError::EvidenceValidators) }
}

/// # Consensus
/// > The votes of evidence MUST contradict each other: the same target index, or one link strictly inside the other:
/// > source₁ < source₂ and target₂ < target₁. (F6, S7)
fn check_contradiction(evidence: &Evidence) -> Result<(), TxRuleError> {
    if contradict(evidence) { Ok(()) } else { Err(TxRuleError::EvidenceHarmless) }
}

/// Two votes that differ in what is signed: another signature of the same message is the same vote.
fn contradict(evidence: &Evidence) -> bool {
    let (a, b) = (&evidence.first, &evidence.second);
    if a.message() == b.message() {
        return false;
    }
    a.link.target.index == b.link.target.index || surrounds(&a.link, &b.link) || surrounds(&b.link, &a.link)
}

fn surrounds(outer: &Link, inner: &Link) -> bool {
    outer.source.index < inner.source.index && inner.target.index < outer.target.index
}
