//! Why a transaction is refused.

use thiserror::Error;

use crate::amount::Amount;
use crate::hash::Hash32;
use crate::score::DaaScore;
use crate::tx::OutPoint;

/// A rule that needs no state. A block that carries such a transaction is invalid.
///
/// ## Peer
/// Whoever sends such a transaction or block is at fault, for every variant: nothing here depends on what a peer can
/// not know.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TxRuleError {
    /// Another network's transaction.
    #[error("the transaction belongs to chain {got}, this is chain {expected}")]
    WrongChain {
        /// Chain id found.
        got: u32,
        /// Chain id of this network.
        expected: u32,
    },
    /// No output is consumed: it could run again in every block that merges it.
    #[error("the transaction consumes nothing")]
    NoInputs,
    /// Nothing is created.
    #[error("the transaction creates nothing")]
    NoOutputs,
    /// Inputs stand twice or out of order.
    #[error("inputs are not strictly ascending at {0}")]
    InputsNotAscending(OutPoint),
    /// More than the range proof covers.
    #[error("{got} hidden amounts are created, at most {limit} are allowed")]
    TooManyHiddenOutputs {
        /// Hidden amounts found.
        got: usize,
        /// Most allowed.
        limit: usize,
    },
    /// Longer than a transaction may be.
    #[error("the transaction has {got} bytes, at most {limit} are allowed")]
    TooLarge {
        /// Length found.
        got: usize,
        /// Most allowed.
        limit: usize,
    },
    /// Lets the UTXO set grow by more than a whole block may.
    #[error("the transaction adds {got} bytes to the UTXO set, at most {limit} are allowed")]
    StateTooLarge {
        /// State bytes found.
        got: u64,
        /// Most allowed.
        limit: u64,
    },
    /// Less than the least fee for its mass.
    #[error("the fee is {got} STR, at least {needed} STR is needed")]
    FeeTooLow {
        /// Fee offered.
        got: Amount,
        /// Least fee.
        needed: Amount,
    },
    /// A lock that the ledger does not open yet.
    #[error("{place} {index} is under a lock that is not active")]
    LockInactive {
        /// Input or output.
        place: &'static str,
        /// Its index.
        index: usize,
    },
    /// A multisig lock whose keys are not strictly ascending, that asks for none or more of them than there are, or that
    /// is created with a key that is no point.
    #[error("{place} {index} has a malformed multisig lock")]
    MultisigLock {
        /// Input or output.
        place: &'static str,
        /// Its index.
        index: usize,
    },
    /// A hash lock whose memo starts or ends: the claim would not be valid from the beginning until it is spent.
    #[error("{place} {index} has a start or an end although it is under a hash lock")]
    TimelockBounds {
        /// Input or output.
        place: &'static str,
        /// Its index.
        index: usize,
    },
    /// A refund branch where there is no refund.
    #[error("input {0} uses a refund branch, its memo has none")]
    NoRefundBranch(usize),
    /// A public memo of nothing.
    #[error("output {0} holds nothing")]
    ZeroValue(usize),
    /// Public amounts overflow.
    #[error("public amounts sum above 2^64 - 1")]
    AmountOverflow,
    /// A coin or commitment is not canonical or is the identity where that is not allowed.
    #[error("{what} {index} is not a valid group element")]
    BadPoint {
        /// Which part.
        what: &'static str,
        /// Index of its input or output.
        index: usize,
    },
    /// Range proof of the wrong length, absent where needed or present where not.
    #[error("the range proof has {got} bytes where {expected} are needed")]
    RangeProofLength {
        /// Length found.
        got: usize,
        /// Length needed.
        expected: usize,
    },
    /// The range proof does not hold.
    #[error("the range proof does not hold")]
    RangeProof,
    /// A proof that an input may be spent does not hold.
    #[error("the proof of input {0} does not hold")]
    InputProof(usize),
    /// A proof that an output is well formed does not hold.
    #[error("the proof of output {0} does not hold")]
    OutputProof(usize),
    /// Something was created from nothing.
    #[error("the balance proof does not hold")]
    Kernel,
    /// The witness's key is not the one that the lock names.
    #[error("the key of input {0} is not the one that its lock names")]
    WrongKey(usize),
    /// Signatures of a multisig lock that don't come by strictly ascending keys of the lock: one key counts once.
    #[error("the signatures of input {0} are not by strictly ascending keys of its lock")]
    SignerOrder(usize),
    /// The preimage does not hash to what the lock names.
    #[error("the preimage of input {0} has another hash than its lock")]
    Preimage(usize),
    /// The signature does not hold, or is not in low-s form.
    #[error("the signature of input {0} does not hold")]
    Signature(usize),
    /// The witness does not have the shape that the core asks for.
    #[error("the witness of input {0} is of another kind than the input")]
    WitnessKind(usize),
    /// The witness does not have what the Action asks for.
    #[error("the witness of the action is of another kind than the action")]
    ActionWitnessKind,
    /// The key that signs for the Action is not that of the owner it names.
    #[error("the key that signs for the action is not its owner's")]
    ActionKey,
    /// The owner's signature does not hold, or is not in low-s form.
    #[error("the owner's signature for the action does not hold")]
    ActionSignature,
    /// A key is registered that did not sign.
    #[error("the signature of the key that registers does not hold")]
    RegisterSignature,
    /// Less than the least that the Action moves.
    #[error("the action moves {got} STR, at least {least} STR is needed")]
    StakeTooSmall {
        /// Amount found.
        got: Amount,
        /// Least amount.
        least: Amount,
    },
    /// More than there is.
    #[error("the action moves {0} STR, which is more than there is")]
    StakeTooLarge(Amount),
    /// More than a validator may keep of its delegators' rewards.
    #[error("the commission is {got} basis points, at most {limit} are allowed")]
    CommissionTooHigh {
        /// Commission found.
        got: u16,
        /// Most allowed.
        limit: u16,
    },
    /// Votes about another chain.
    #[error("the evidence is about another chain")]
    EvidenceChain,
    /// Votes by two validators.
    #[error("the votes of the evidence are by different validators")]
    EvidenceValidators,
    /// Two votes that an honest validator may cast.
    #[error("the votes of the evidence do not contradict each other")]
    EvidenceHarmless,
    /// The key given is not the one that the votes name.
    #[error("the key given is not the one that the votes name")]
    EvidenceKey,
    /// The signature of a vote does not hold.
    #[error("the signature of vote {0} of the evidence does not hold")]
    EvidenceSignature(usize),
}

/// A rule that needs state: what is true in one context may not be in another.
///
/// ## Peer
/// Nobody is at fault: a competing transaction may have come first.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TxContextError {
    /// Spent, or never made.
    #[error("input {0} is not unspent")]
    InputMissing(OutPoint),
    /// The core repeats another output than stands there.
    #[error("input {0} is unlike what the transaction says")]
    InputMismatch(OutPoint),
    /// A reward that may not be spent yet.
    #[error("input {outpoint} may be spent from DAA score {mature_at}, it is {now}")]
    Immature {
        /// The reward.
        outpoint: OutPoint,
        /// First score at which it may be spent.
        mature_at: DaaScore,
        /// Score of the context.
        now: DaaScore,
    },
    /// Before its time.
    #[error("the transaction is valid from DAA score {start}, it is {now}")]
    NotYetValid {
        /// First valid score.
        start: DaaScore,
        /// Score of the context.
        now: DaaScore,
    },
    /// After its time.
    #[error("the transaction was valid before DAA score {end}, it is {now}")]
    Expired {
        /// First score at which it is no longer valid.
        end: DaaScore,
        /// Score of the context.
        now: DaaScore,
    },
    /// A Memo before its start, or taken back before its end.
    #[error("memo {0} may not be consumed yet")]
    MemoNotYetValid(OutPoint),
    /// A Memo whose validity has ended, which only its refund address consumes.
    #[error("memo {0} has ended: only its refund address may consume it")]
    MemoEnded(OutPoint),
    /// The Action is refused.
    #[error(transparent)]
    Stake(#[from] StakeError),
    /// A hash lock that may not be taken back yet.
    #[error("memo {outpoint} may be taken back from DAA score {timeout}, certified, or {late}; it is {now}")]
    TimelockRunning {
        /// The Memo.
        outpoint: OutPoint,
        /// From when, where a certificate says so.
        timeout: DaaScore,
        /// From when in any case.
        late: DaaScore,
        /// Score of the context.
        now: DaaScore,
    },
}

/// Why the state refuses an Action on stake.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StakeError {
    /// The key is registered, or was once.
    #[error("validator {0} is registered already, or was once")]
    Registered(Hash32),
    /// Nobody registered that key, or everything was taken out.
    #[error("there is no validator {0}")]
    NoValidator(Hash32),
    /// The delegator has no stake with that validator.
    #[error("there is no such delegation to validator {0}")]
    NoDelegation(Hash32),
    /// The object has changed since the transaction was made.
    #[error("the action is for nonce {got}, the object has nonce {now}")]
    StaleNonce {
        /// Nonce of the Action.
        got: u64,
        /// Nonce of the object.
        now: u64,
    },
    /// Signed by somebody else than the validator's owner.
    #[error("the action is not by the owner of validator {0}")]
    NotOwner(Hash32),
    /// More is taken out than is in.
    #[error("{got} STR is taken out, {there} STR is there")]
    TooMuch {
        /// Amount asked for.
        got: Amount,
        /// Bonded amount.
        there: Amount,
    },
    /// Too many parts of one delegation are on their way out.
    #[error("stake of this delegation leaves in {limit} parts already")]
    TooManyLeaving {
        /// Most parts.
        limit: usize,
    },
    /// No stake may be withdrawn yet.
    #[error("no stake of this delegation may be withdrawn in epoch {epoch}")]
    NotMatured {
        /// The epoch.
        epoch: u64,
    },
    /// There is nothing to withdraw.
    #[error("this delegation has no rewards to withdraw")]
    NothingDue,
    /// Finality stands still, and stake waits until it moves again.
    #[error("finality is stalled: stake can't be withdrawn until it moves again")]
    Stalled,
    /// Only a jailed validator is unjailed.
    #[error("validator {0} is not jailed")]
    NotJailed(Hash32),
    /// The validator was slashed: no stake is added, and it is not slashed again.
    #[error("validator {0} was slashed")]
    Slashed(Hash32),
    /// The votes are older than the time for which stake can be held to them.
    #[error("the newer vote of the evidence is of epoch {got}, evidence is taken from epoch {oldest} on")]
    EvidenceTooOld {
        /// Epoch of the newer vote.
        got: u64,
        /// Oldest epoch that counts.
        oldest: u64,
    },
    /// A sum that no honest state has.
    #[error("the amounts of the action do not fit the state")]
    Amounts,
}
