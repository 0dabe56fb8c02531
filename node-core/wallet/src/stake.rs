//! Staking: validators, delegations, and what comes back. Everyone sees who stakes how much: stake is public.

use umbel_crypto::ActionSecrets;
use umbel_crypto::coin::NoteSize;
use umbel_crypto::keys::Address;
use umbel_ledger::mass::{signatures, state_bytes};
use umbel_types::lock::{ML_DSA_KEY_BYTES, ML_DSA_SIGNATURE_BYTES};
use umbel_types::staking::{
    Delegate, MAX_COMMISSION_BPS, MIN_BOND, MIN_DELEGATION, Register, Report, Undelegate, Unjail, ValidatorStanding,
    Withdraw, Withdrawn,
};
use umbel_types::tx::TX_VERSION;
use umbel_types::vote::Evidence;
use umbel_types::{Action, Amount, AssetId, Encode, Hash32, TxCore, ZkAddress};
use zeroize::Zeroizing;

use crate::error::WalletError;
use crate::lock_tx::no_address;
use crate::payment::Payment;
use crate::plan::{Funds, plan_public};
use crate::prove::{ChainTerms, Frame, Payee, Target, prove};
use crate::random::SeededRng;
use crate::record::{OwnOutput, Record, bounded};
use crate::select::PaysInto;
use crate::size::Further;
use crate::stake_book::StakeBook;
use crate::stake_error::StakeError;
use crate::wallet::{PAYMENT_LIFETIME_S, Wallet};

/// What the address is for under which a wallet stakes.
const STAKE_LABEL: &str = "staking";
/// Vote keys of one wallet that are tried for a validator.
const MAX_VOTE_KEYS: u32 = 32;
/// Public key and signature of an owner.
const OWNER_WITNESS_BYTES: usize = 33 + 64;
/// How the text begins that stands for a recipient where stake moves.
const STAKE_PREFIX: &str = "stake:";

/// What moved stake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StakeMove {
    /// A validator was made.
    Register,
    /// Stake was added.
    Delegate,
    /// Stake began to leave.
    Undelegate,
    /// What was due came out.
    Withdraw,
    /// A jailed validator came back.
    Unjail,
    /// A validator was reported.
    Report,
}

impl StakeMove {
    const ALL: [Self; 6] =
        [Self::Register, Self::Delegate, Self::Undelegate, Self::Withdraw, Self::Unjail, Self::Report];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Delegate => "delegate",
            Self::Undelegate => "undelegate",
            Self::Withdraw => "withdraw",
            Self::Unjail => "unjail",
            Self::Report => "report",
        }
    }

    /// What stands in the place of a recipient: `stake:delegate:<id of the validator>`.
    pub(crate) fn text(self, validator: Hash32) -> String {
        format!("{STAKE_PREFIX}{}:{validator}", self.name())
    }

    /// Reads such a text.
    pub(crate) fn read(text: &str) -> Option<(Self, &str)> {
        let (name, validator) = text.strip_prefix(STAKE_PREFIX)?.split_once(':')?;
        Self::ALL.into_iter().find(|one| one.name() == name).map(|one| (one, validator))
    }

    /// What an Action is, and of which validator.
    pub(crate) fn of(action: &Action) -> Option<(Self, Hash32)> {
        Some(match action {
            Action::Transfer => return None,
            Action::Register(register) => (Self::Register, umbel_crypto::ml_dsa::key_hash(&register.key)),
            Action::Delegate(delegate) => (Self::Delegate, delegate.validator),
            Action::Undelegate(undelegate) => (Self::Undelegate, undelegate.validator),
            Action::Withdraw(withdraw) => (Self::Withdraw, withdraw.validator),
            Action::Unjail(unjail) => (Self::Unjail, unjail.validator),
            Action::Evidence(report) => (Self::Report, report.evidence.first.validator),
        })
    }
}

/// Stake on its way: a transaction that is recorded and to be submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StakeMoved {
    /// The transaction.
    pub payment: Payment,
    /// Which validator.
    pub validator: Hash32,
}

/// Who has to sign for an Action.
enum Signs {
    Nobody,
    Owner(u32),
    Register { owner: u32, key: u32 },
    VoteKey(Box<[u8; ML_DSA_KEY_BYTES]>),
}

impl Signs {
    fn bytes(&self) -> usize {
        match self {
            Self::Nobody => 0,
            Self::Owner(_) => OWNER_WITNESS_BYTES,
            Self::Register { .. } => OWNER_WITNESS_BYTES + ML_DSA_SIGNATURE_BYTES,
            Self::VoteKey(_) => ML_DSA_KEY_BYTES,
        }
    }
}

impl Wallet {
    /// Whether an address is this wallet's: what it has staked is this wallet's too.
    pub fn owns_zk(&self, address: &ZkAddress) -> bool {
        self.watch.zk_index(address).is_some()
    }

    /// The number of the vote key for the next validator, and its id: the first that is not registered.
    ///
    /// # Errors
    /// [`WalletError::Locked`], [`StakeError::NoFreeKey`].
    pub fn free_vote_key(&self, book: &StakeBook) -> Result<(u32, Hash32), WalletError> {
        let spend = self.spend.as_ref().ok_or(WalletError::Locked)?;
        let network = self.with.params.network;
        let keys = (0..MAX_VOTE_KEYS).map(|index| (index, spend.vote_key(network, index).key_hash()));
        let free = keys.into_iter().find(|(_, id)| !book.validators.contains_key(id));
        Ok(free.ok_or(StakeError::NoFreeKey(MAX_VOTE_KEYS))?)
    }

    /// The number of the vote key that a validator registered, if it is one of this wallet's.
    ///
    /// # Errors
    /// [`WalletError::Locked`].
    pub fn vote_key_of(&self, validator: Hash32) -> Result<Option<u32>, WalletError> {
        let spend = self.spend.as_ref().ok_or(WalletError::Locked)?;
        let network = self.with.params.network;
        Ok((0..MAX_VOTE_KEYS).find(|index| spend.vote_key(network, *index).key_hash() == validator))
    }

    /// The seed of a vote key, for the validator's own file. It signs votes and registrations, and spends nothing.
    ///
    /// # Errors
    /// [`WalletError::Locked`].
    pub fn vote_seed(&self, index: u32) -> Result<Zeroizing<[u8; 32]>, WalletError> {
        let spend = self.spend.as_ref().ok_or(WalletError::Locked)?;
        Ok(spend.vote_seed(self.with.params.network, index))
    }

    /// Makes a validator with vote key `index`.
    ///
    /// # Errors
    /// [`WalletError::Stake`], [`WalletError::Locked`], [`WalletError::NotScanned`], and what a payment fails with.
    pub fn stake_register(
        &mut self,
        book: &StakeBook,
        index: u32,
        commission_bps: u16,
        stake: Amount,
    ) -> Result<StakeMoved, WalletError> {
        check_registration(commission_bps, stake)?;
        let spend = self.spend.clone().ok_or(WalletError::Locked)?;
        let key = spend.vote_key(self.with.params.network, index).verifying_key();
        let (owner_index, owner) = self.stake_address(book)?;
        let action = Action::Register(Register { key: Box::new(key), owner, commission_bps, stake });
        self.act(action, Signs::Register { owner: owner_index, key: index }, stake)
    }

    /// Stakes with a validator.
    ///
    /// # Errors
    /// As for [`Self::stake_register`].
    pub fn stake_delegate(
        &mut self,
        book: &StakeBook,
        validator: Hash32,
        amount: Amount,
    ) -> Result<StakeMoved, WalletError> {
        if amount < MIN_DELEGATION {
            return Err(StakeError::TooLittle { least: MIN_DELEGATION }.into());
        }
        let held = book.validators.get(&validator).ok_or(StakeError::NoSuchValidator(validator))?;
        if matches!(held.is.standing, ValidatorStanding::Slashed { .. }) {
            return Err(StakeError::Slashed(validator).into());
        }
        let own = book.delegations.keys().find(|(at, delegator)| *at == validator && self.owns_zk(delegator));
        let delegator = match own {
            Some((_, delegator)) => *delegator,
            None => self.stake_address(book)?.1,
        };
        self.act(Action::Delegate(Delegate { validator, delegator, amount }), Signs::Nobody, amount)
    }

    /// Starts to take stake out; `None` for all of it.
    ///
    /// # Errors
    /// As for [`Self::stake_register`].
    pub fn stake_undelegate(
        &mut self,
        book: &StakeBook,
        validator: Hash32,
        amount: Option<Amount>,
    ) -> Result<StakeMoved, WalletError> {
        let (delegator, index) = self.own_delegator(book, validator)?;
        let held = book.delegations.get(&(validator, delegator)).ok_or(StakeError::NothingThere(validator))?;
        let amount = amount.unwrap_or(held.is.bonded);
        if amount.is_zero() || amount > held.is.bonded {
            return Err(StakeError::MoreThanThere { have: held.is.bonded }.into());
        }
        let action = Action::Undelegate(Undelegate { validator, delegator, amount, nonce: held.nonce });
        self.act(action, Signs::Owner(index), amount)
    }

    /// Takes out what is due: rewards, and with `stake` also stake whose time has come.
    ///
    /// # Errors
    /// As for [`Self::stake_register`].
    pub fn stake_withdraw(
        &mut self,
        book: &StakeBook,
        validator: Hash32,
        what: Withdrawn,
    ) -> Result<StakeMoved, WalletError> {
        let (delegator, index) = self.own_delegator(book, validator)?;
        let held = book.delegations.get(&(validator, delegator)).ok_or(StakeError::NothingThere(validator))?;
        let of = book.validators.get(&validator).ok_or(StakeError::NoSuchValidator(validator))?;
        let rewards = held.is.earned(&of.is).unwrap_or(Amount::ZERO);
        let stake = match what {
            Withdrawn::Rewards => Amount::ZERO,
            Withdrawn::StakeAndRewards => of.is.worth(held.is.matured(book.overlay.epoch).unwrap_or(Amount::ZERO)),
        };
        let due = rewards.checked_add(stake)?;
        if due.is_zero() {
            let next_epoch = held.is.leaving.first().map(|leaving| leaving.matures);
            return Err(StakeError::NothingDue { validator, next_epoch }.into());
        }
        let action = Action::Withdraw(Withdraw { validator, delegator, what, nonce: held.nonce });
        self.act(action, Signs::Owner(index), due)
    }

    /// Lets the wallet's jailed validator be elected again.
    ///
    /// # Errors
    /// As for [`Self::stake_register`].
    pub fn stake_unjail(&mut self, book: &StakeBook) -> Result<StakeMoved, WalletError> {
        let mut own = book.validators.iter().filter(|(_, held)| self.owns_zk(&held.owner)).peekable();
        let first = own.peek().map(|(id, _)| **id).ok_or(StakeError::NoValidator)?;
        let jailed = own.find(|(_, held)| held.is.standing == ValidatorStanding::Jailed);
        let (validator, held) = jailed.ok_or(StakeError::NotJailed(first))?;
        let index = self.watch.zk_index(&held.owner).ok_or(StakeError::NoValidator)?;
        let action = Action::Unjail(Unjail { validator: *validator, owner: held.owner, nonce: held.nonce });
        self.act(action, Signs::Owner(index), Amount::ZERO)
    }

    /// Reports a validator that contradicted itself: a tenth of what is slashed comes to this wallet.
    ///
    /// # Errors
    /// As for [`Self::stake_register`].
    pub fn stake_report(&mut self, book: &StakeBook, evidence: Evidence) -> Result<StakeMoved, WalletError> {
        let validator = evidence.first.validator;
        let held = book.validators.get(&validator).ok_or(StakeError::NoSuchValidator(validator))?;
        if matches!(held.is.standing, ValidatorStanding::Slashed { .. }) {
            return Err(StakeError::Slashed(validator).into());
        }
        let key = held.is.key.clone();
        let (_, reporter) = self.stake_address(book)?;
        let action = Action::Evidence(Report { evidence: Box::new(evidence), reporter });
        self.act(action, Signs::VoteKey(key), Amount::ZERO)
    }

    fn own_delegator(&self, book: &StakeBook, validator: Hash32) -> Result<(ZkAddress, u32), WalletError> {
        let mut own = book.delegations.keys().filter(|(at, _)| *at == validator).map(|(_, delegator)| *delegator);
        let found = own.find_map(|delegator| Some((delegator, self.watch.zk_index(&delegator)?)));
        Ok(found.ok_or(StakeError::NothingThere(validator))?)
    }

    /// The address under which this wallet stakes. The chain tells a restored wallet which one it was; a wallet that never
    /// staked takes a fresh one, so that stake is not linked to payments.
    fn stake_address(&mut self, book: &StakeBook) -> Result<(u32, ZkAddress), WalletError> {
        let owners = book.validators.values().map(|held| held.owner);
        let known = owners.chain(book.delegations.keys().map(|(_, delegator)| *delegator));
        let on_chain = known.filter_map(|address| Some((self.watch.zk_index(&address)?, address))).min();
        if let Some(found) = on_chain {
            return Ok(found);
        }
        let labelled = self.memory.labels.iter().zip(0u32..).find(|(label, _)| *label == STAKE_LABEL);
        let index = match labelled {
            Some((_, index)) => index,
            None => self.new_address(STAKE_LABEL)?.index,
        };
        Ok((index, self.watch.zk_address(index).ok_or_else(no_address)?))
    }

    /// Builds, checks and records the transaction of an Action. `amount` is what its history entry says.
    fn act(&mut self, action: Action, signs: Signs, amount: Amount) -> Result<StakeMoved, WalletError> {
        self.check_scanned()?;
        let spend = self.spend.clone().ok_or(WalletError::Locked)?;
        let (kind, validator) = StakeMove::of(&action).ok_or_else(no_address)?;
        let alone = self.core_of(action.clone());
        let further = Further {
            bytes: action.to_bytes().len() - Action::Transfer.to_bytes().len() + signs.bytes(),
            signatures: signatures(&alone),
            state_bytes: state_bytes(&alone),
        };
        let funds = Funds { coins: self.spendable_coins(), to_self: false };
        let funds = plan_public(alone.staked(), PaysInto::Action(further), &funds)?;

        let mut targets = Vec::new();
        if !funds.change.is_zero() {
            let internal = self.memory.next_internal;
            if !self.watch.covers(self.memory.handed_out(), internal.saturating_add(1)) {
                self.reach_further();
            }
            let change = self.watch.internal(internal).ok_or_else(no_address)?;
            self.record(&[Record::Internal(internal.saturating_add(1))], true)?;
            targets.push(Target {
                to: Payee::Address(Address::Confidential(change)),
                asset: AssetId::STR,
                value: funds.change,
                note: String::new(),
                internal: Some(internal),
            });
        }
        let terms = ChainTerms {
            chain: self.with.params.chain_id,
            genesis: self.with.genesis,
            valid: self.valid_for(PAYMENT_LIFETIME_S),
        };
        let mut rng = SeededRng::from_os()?;
        let frame = Frame { action, note: NoteSize::None, fee: funds.fee };
        let proved = prove(&self.watch, &terms, funds.coins, targets, frame, &mut rng)?;
        let network = self.with.params.network;
        let owner = match &signs {
            Signs::Owner(owner) | Signs::Register { owner, .. } => Some(spend.secp(*owner)),
            Signs::Nobody | Signs::VoteKey(_) => None,
        };
        let vote_key = match &signs {
            Signs::Register { key, .. } => Some(spend.vote_key(network, *key)),
            Signs::Owner(_) | Signs::Nobody | Signs::VoteKey(_) => None,
        };
        let secrets = match (&signs, &owner, &vote_key) {
            (Signs::VoteKey(key), _, _) => ActionSecrets::VoteKey(key),
            (_, Some(owner), Some(key)) => ActionSecrets::Register { owner, key },
            (_, Some(owner), None) => ActionSecrets::Owner(owner),
            (_, None, _) => ActionSecrets::None,
        };
        let (tx, own) = proved.sign_with_action(&spend, &self.watch, terms.genesis, &secrets, &mut rng)?;
        let own = own.iter().map(|coin| OwnOutput { tx: 0, asset: coin.asset, value: coin.value }).collect();
        let payment = self.record_tx(tx, own, kind.text(validator), false, amount)?;
        Ok(StakeMoved { payment, validator })
    }

    /// An Action without inputs and outputs, to measure it.
    fn core_of(&self, action: Action) -> TxCore {
        TxCore {
            version: TX_VERSION,
            chain: self.with.params.chain_id,
            action,
            inputs: Vec::new(),
            outputs: Vec::new(),
            fee: Amount::ZERO,
            valid: self.valid_for(PAYMENT_LIFETIME_S),
            salt: [0; 32],
        }
    }
}

/// Refuses a registration that breaks a rule or would never be elected, before anything is written for it.
///
/// # Errors
/// [`StakeError::Commission`], [`StakeError::Bond`].
pub fn check_registration(commission_bps: u16, stake: Amount) -> Result<(), StakeError> {
    if commission_bps > MAX_COMMISSION_BPS {
        return Err(StakeError::Commission { most_bps: MAX_COMMISSION_BPS });
    }
    if stake < MIN_BOND {
        return Err(StakeError::Bond { least: MIN_BOND });
    }
    Ok(())
}

/// What a transaction of this wallet staked, for a history that is read from the chain.
pub(crate) fn staked_by(core: &TxCore) -> Option<crate::record::SentTo> {
    let (kind, validator) = StakeMove::of(&core.action)?;
    let value = match &core.action {
        Action::Register(register) => register.stake,
        Action::Delegate(delegate) => delegate.amount,
        Action::Undelegate(undelegate) => undelegate.amount,
        Action::Transfer | Action::Withdraw(_) | Action::Unjail(_) | Action::Evidence(_) => Amount::ZERO,
    };
    Some(crate::record::SentTo { to: bounded(&kind.text(validator)), asset: AssetId::STR, value, note: bounded("") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_of_stake_is_read_back_from_its_text() {
        let validator = Hash32([0xab; 32]);
        for kind in StakeMove::ALL {
            let text = kind.text(validator);
            assert_eq!(StakeMove::read(&text), Some((kind, validator.to_string().as_str())), "{text}");
        }
        for other in ["zk13str_00_00", "dumbel1qq", "stake:", "stake:steal:00", "stake:delegate"] {
            assert_eq!(StakeMove::read(other), None, "{other}");
        }
    }
}
