//! Transactions that pay into locks and that spend them alone. Those that need several signers: `signing.rs`.

use umbel_crypto::coin::{CoinSecrets, NewCoin, NoteSize, build_coin};
use umbel_crypto::keys::{Address, PlannedOutput};
use umbel_crypto::lock::preimage_hash;
use umbel_crypto::range_proof::range_proof_len;
use umbel_crypto::signature::is_public_key;
use umbel_crypto::{InputSecrets, OutputSecrets, prove_transaction};
use umbel_ledger::mass::{mass, min_fee};
use umbel_ledger::{IsolationContext, check_tx_in_isolation};
use umbel_types::consensus_api::ConsensusApi;
use umbel_types::errors::TxContextError;
use umbel_types::lock::{MAX_MULTISIG_KEYS, PREIMAGE_BYTES, PublicKeyBytes};
use umbel_types::tx::{KERNEL_PROOF_BYTES, LockBranch, OUTPUT_PROOF_BYTES, TX_VERSION};
use umbel_types::{
    Action, Amount, AssetId, DaaRange, DaaScore, Encode, Hash32, Input, Lock, Memo, OutPoint, Output, Transaction,
    TxCore, TxInput, Witness, ZkAddress,
};
use zeroize::Zeroizing;

use crate::error::WalletError;
use crate::keys::SpendKeys;
use crate::lock_error::LockError;
use crate::locks::{OwnLock, PostQuantumAddress, lock_text, witness_bytes};
use crate::payment::{Payment, PaymentId};
use crate::plan::{Funds, plan_lock};
use crate::prove::{ChainTerms, Frame, Payee, Target, prove};
use crate::random::{SeededRng, fill_random};
use crate::record::{OwnOutput, PaymentRecord, Record, bounded};
use crate::wallet::{PAYMENT_LIFETIME_S, Wallet, now_ms};

/// Nearest timeout of a hash lock, in hours: in the last two, nobody claims.
const LEAST_TIMEOUT_H: u64 = 3;
/// Farthest timeout of a hash lock, in hours: a year.
const MOST_TIMEOUT_H: u64 = 365 * 24;

/// Preimage of a hash lock; zeroized on drop.
pub type LockSecret = Zeroizing<[u8; PREIMAGE_BYTES]>;

/// A lock to pay into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewLock {
    /// So many signatures by keys of the list.
    Multisig {
        /// Signatures needed.
        m: u8,
        /// Keys, in any order.
        keys: Vec<PublicKeyBytes>,
    },
    /// Claimed with a secret, or taken back after a time.
    Hash {
        /// SHA-256 of the secret; `None` makes a new one, of which this wallet knows the preimage for ever.
        sha256: Option<Hash32>,
        /// Who claims.
        claim: ZkAddress,
        /// Who takes it back; `None` for a fresh address of this wallet, which a new secret needs.
        refund: Option<ZkAddress>,
        /// Seconds from now.
        timeout_s: u64,
    },
    /// Two signatures, one of them post-quantum.
    PostQuantum(PostQuantumAddress),
}

/// What other people need to lock money for this wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockKey {
    /// Number of the address.
    pub index: u32,
    /// Public key for multisig locks.
    pub public_key: PublicKeyBytes,
    /// zk13str address of the key: for either side of a hash lock.
    pub address: ZkAddress,
    /// For post-quantum locks.
    pub post_quantum: PostQuantumAddress,
}

/// What a claim is made in spite of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ClaimDespite {
    /// The other side may take the money back before the claim is accepted.
    pub late: bool,
    /// More of this wallet's money opens to others with the secret than is claimed.
    pub stake: bool,
}

/// A lock that was paid into.
pub struct CreatedLock {
    /// The payment, recorded and to be submitted.
    pub payment: Payment,
    /// The lock.
    pub lock: Lock,
    /// Where it will stand.
    pub outpoint: OutPoint,
    /// Preimage of a new secret.
    pub secret: Option<LockSecret>,
}

/// A core that spends a lock, with what its proofs need.
pub(crate) struct LockSpendCore {
    pub(crate) core: TxCore,
    /// Secrets of the output, where it is a coin.
    pub(crate) coin: Option<CoinSecrets>,
    /// Whom it pays.
    pub(crate) to: Address,
    /// Whether that is this wallet.
    pub(crate) to_self: bool,
    /// What arrives.
    pub(crate) amount: Amount,
}

/// What opens a lock alone.
enum Opening {
    Claim(LockSecret),
    Refund,
    PostQuantum,
}

impl Opening {
    fn branch(&self) -> LockBranch {
        match self {
            Self::Refund => LockBranch::Refund,
            Self::Claim(_) | Self::PostQuantum => LockBranch::Owner,
        }
    }
}

impl Wallet {
    /// What others need to lock money for this wallet: of its first address, or of a fresh one.
    ///
    /// # Errors
    /// [`WalletError::Locked`]: public keys follow from the seed only. [`WalletError::Io`].
    pub fn lock_key(&mut self, fresh: bool) -> Result<LockKey, WalletError> {
        let spend = self.spend.clone().ok_or(WalletError::Locked)?;
        let index = if fresh { self.new_address("lock key")?.index } else { 0 };
        let key = spend.secp(index);
        let key_hash = spend.ml_dsa(self.with.params.network, index).key_hash();
        let address = key.address();
        let post_quantum = PostQuantumAddress { address, key_hash };
        Ok(LockKey { index, public_key: key.public_key(), address, post_quantum })
    }

    /// Pays `amount` of STR into a lock, in one transaction, and records that. Everyone sees amount and lock.
    ///
    /// # Errors
    /// [`WalletError::Locked`], [`WalletError::NotScanned`], [`WalletError::Lock`] for a lock that makes no sense, and
    /// what a payment fails with.
    pub fn create_lock(&mut self, new: &NewLock, amount: Amount) -> Result<CreatedLock, WalletError> {
        self.check_scanned()?;
        let spend = self.spend.clone().ok_or(WalletError::Locked)?;
        let address = self.memory.handed_out();
        let internal = self.memory.next_internal;
        if !self.watch.covers(address.saturating_add(1), internal.saturating_add(1)) {
            self.reach_further();
        }
        let (lock, secret) = self.lock_of(new, &spend, address)?;
        let (secret, nonce) = secret.unzip();
        let data = nonce.map_or_else(Vec::new, |nonce| nonce.0.to_vec());
        let funds = plan_lock(amount, &lock, &data, &Funds { coins: self.spendable_coins(), to_self: false })?;
        let mut used = vec![Record::Internal(internal.saturating_add(1))];
        if matches!(new, NewLock::Hash { refund: None, .. }) {
            used.push(Record::Address { index: address, label: bounded("refund of a hash lock") });
        }
        self.record(&used, true)?;

        let mut targets = vec![Target {
            to: Payee::Lock { lock: lock.clone(), data },
            asset: AssetId::STR,
            value: amount,
            note: String::new(),
            internal: None,
        }];
        if !funds.change.is_zero() {
            let change = self.watch.internal(internal).ok_or_else(no_address)?;
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
        let proved =
            prove(&self.watch, &terms, funds.coins, targets, Frame::transfer(NoteSize::None, funds.fee), &mut rng)?;
        let (tx, own) = proved.sign(&spend, &self.watch, terms.genesis, &mut rng)?;
        let place = tx.core.outputs.iter().zip(0u32..).find(|(output, _)| pays_into(output, &lock));
        let (_, index) = place.ok_or_else(|| WalletError::Build("the lock is no output".to_owned()))?;
        let outpoint = OutPoint::of_tx(tx.txid(), index);
        let own = own.iter().map(|coin| OwnOutput { tx: 0, asset: coin.asset, value: coin.value }).collect();
        let payment = self.record_tx(tx, own, lock_text(&lock), false, amount)?;
        Ok(CreatedLock { payment, lock, outpoint, secret })
    }

    /// The lock, and its secret with the nonce it follows from where that is new. `fresh` is the number of the address that
    /// a refund goes to if none is given.
    fn lock_of(
        &self,
        new: &NewLock,
        spend: &SpendKeys,
        fresh: u32,
    ) -> Result<(Lock, Option<(LockSecret, Hash32)>), WalletError> {
        match new {
            NewLock::Multisig { m, keys } => Ok((multisig(*m, keys)?, None)),
            NewLock::PostQuantum(address) => Ok((address.lock(), None)),
            NewLock::Hash { sha256, claim, refund, timeout_s } => {
                if !(LEAST_TIMEOUT_H * 3600..=MOST_TIMEOUT_H * 3600).contains(timeout_s) {
                    return Err(LockError::Timeout { least_h: LEAST_TIMEOUT_H, most_h: MOST_TIMEOUT_H }.into());
                }
                let secret = match (sha256, refund) {
                    (Some(_), _) => None,
                    (None, None) => {
                        // Not numbered: a restored wallet could not know which numbers were used, and a secret that was
                        // shown once must never open another lock.
                        let mut nonce = Hash32::default();
                        fill_random(&mut nonce.0)?;
                        Some((spend.secrets().lock_secret(self.with.params.network, &nonce), nonce))
                    }
                    // The nonce is found with the lock, which must name this wallet for that.
                    (None, Some(_)) => return Err(LockError::NotOurs { role: "refund" }.into()),
                };
                if sha256.as_ref().is_some_and(|hash| self.was_shown(hash)) {
                    return Err(LockError::SecretShown.into());
                }
                let own_hash = secret.as_ref().map(|(secret, _)| preimage_hash(secret));
                let sha256 = sha256.or(own_hash).ok_or_else(no_address)?;
                let refund = match refund {
                    Some(refund) => *refund,
                    None => self.watch.zk_address(fresh).ok_or_else(no_address)?,
                };
                let timeout = self.now.saturating_add(self.with.params.daa_of_seconds(*timeout_s));
                Ok((Lock::HashTimelock { sha256, claim: *claim, refund, timeout }, secret))
            }
        }
    }

    /// Spends a lock that needs no other signer: a post-quantum one. `to`: an address of either kind, or a fresh coin of
    /// this wallet.
    ///
    /// # Errors
    /// [`WalletError::Lock`], [`WalletError::Locked`], [`WalletError::NotScanned`].
    pub fn spend_lock(&mut self, outpoint: OutPoint, to: Option<&Address>) -> Result<Payment, WalletError> {
        let lock = self.open_lock(outpoint)?;
        match &lock.terms.lock {
            Lock::PostQuantum { .. } => self.open_alone(&lock, Opening::PostQuantum, to, None),
            other => Err(kind_error(other)),
        }
    }

    /// Claims a hash lock: shows its preimage to everyone. Without one, with a secret that this wallet made.
    ///
    /// # Errors
    /// [`LockError::ClaimLate`], [`LockError::Stake`] and others by [`WalletError::Lock`], [`WalletError::Locked`], [`WalletError::NotScanned`].
    pub fn claim_lock(
        &mut self,
        outpoint: OutPoint,
        to: Option<&Address>,
        preimage: Option<LockSecret>,
        despite: ClaimDespite,
    ) -> Result<Payment, WalletError> {
        let lock = self.open_lock(outpoint)?;
        let Lock::HashTimelock { sha256, claim, timeout, .. } = &lock.terms.lock else {
            return Err(kind_error(&lock.terms.lock));
        };
        let spend = self.spend.as_ref().ok_or(WalletError::Locked)?;
        if self.watch.zk_index(claim).is_none() {
            return Err(LockError::NotOurs { role: "claim" }.into());
        }
        let own = self.own_secret(spend, sha256);
        let is_own = own.is_some();
        let preimage = preimage.or(own).ok_or(LockError::NoPreimage)?;
        if preimage_hash(&preimage) != *sha256 {
            return Err(LockError::WrongPreimage.into());
        }
        let (claim_before, _) = self.times(*timeout);
        if self.now >= claim_before && !despite.late {
            return Err(LockError::ClaimLate { timeout: *timeout, now: self.now }.into());
        }
        // Whoever has a lock of this wallet to claim may offer less under the same hash, to be shown the secret.
        let at_stake = self.open_to_others(sha256);
        if is_own && at_stake > lock.value && !self.was_shown(sha256) && !despite.stake {
            return Err(LockError::Stake { claimed: lock.value, at_stake }.into());
        }
        self.open_alone(&lock, Opening::Claim(preimage), to, None)
    }

    /// Takes a hash lock back. Whether it may be by now, the chain says: a certificate may open it early.
    ///
    /// # Errors
    /// [`LockError::RefundRunning`] and others by [`WalletError::Lock`], [`WalletError::Locked`],
    /// [`WalletError::NotScanned`].
    pub fn refund_lock(
        &mut self,
        chain: &dyn ConsensusApi,
        outpoint: OutPoint,
        to: Option<&Address>,
    ) -> Result<Payment, WalletError> {
        let lock = self.open_lock(outpoint)?;
        let Lock::HashTimelock { refund, timeout, .. } = &lock.terms.lock else {
            return Err(kind_error(&lock.terms.lock));
        };
        if self.watch.zk_index(refund).is_none() {
            return Err(LockError::NotOurs { role: "refund" }.into());
        }
        let (_, late) = self.times(*timeout);
        if self.now < *timeout {
            return Err(LockError::RefundRunning { timeout: *timeout, late, now: self.now }.into());
        }
        self.open_alone(&lock, Opening::Refund, to, Some(chain))
    }

    /// An own lock of STR that is there to be spent.
    pub(crate) fn open_lock(&self, outpoint: OutPoint) -> Result<OwnLock, WalletError> {
        self.check_scanned()?;
        if self.spend.is_none() {
            return Err(WalletError::Locked);
        }
        let lock = self.memory.locks.get(&outpoint).ok_or(LockError::Unknown(outpoint))?;
        if let Some(spend) = &lock.spent {
            return Err(LockError::Spent { outpoint, by: spend.txid }.into());
        }
        if self.spender_on_its_way(&outpoint).is_some() {
            return Err(LockError::Busy(outpoint).into());
        }
        if lock.terms.asset != AssetId::STR {
            return Err(LockError::Asset.into());
        }
        Ok(lock.clone())
    }

    /// Builds, checks and records the transaction that opens a lock without other signers.
    fn open_alone(
        &mut self,
        lock: &OwnLock,
        opening: Opening,
        to: Option<&Address>,
        asked: Option<&dyn ConsensusApi>,
    ) -> Result<Payment, WalletError> {
        let spend = self.spend.clone().ok_or(WalletError::Locked)?;
        let network = self.with.params.network;
        let (index, role) = match (&lock.terms.lock, &opening) {
            (Lock::HashTimelock { claim, .. }, Opening::Claim(_)) => (self.watch.zk_index(claim), "claim"),
            (Lock::HashTimelock { refund, .. }, Opening::Refund) => (self.watch.zk_index(refund), "refund"),
            (Lock::PostQuantum { address, mldsa65_key_hash }, Opening::PostQuantum) => {
                (self.watch.post_quantum_index(address, mldsa65_key_hash), "post-quantum")
            }
            (other, _) => return Err(kind_error(other)),
        };
        let index = index.ok_or(LockError::NotOurs { role })?;
        let key = spend.secp(index);
        let ml_dsa = matches!(opening, Opening::PostQuantum).then(|| spend.ml_dsa(network, index));
        let mut rng = SeededRng::from_os()?;
        let built = self.lock_spend_core(lock, opening.branch(), to, PAYMENT_LIFETIME_S, &mut rng)?;
        if let Some(chain) = asked {
            match chain.check_tx_in_virtual_context(&built.core)? {
                Ok(()) => {}
                Err(TxContextError::TimelockRunning { timeout, late, now, .. }) => {
                    return Err(LockError::RefundRunning { timeout, late, now }.into());
                }
                Err(error) => return Err(WalletError::Build(error.to_string())),
            }
        }
        let secrets = match (&opening, &ml_dsa) {
            (Opening::Claim(preimage), _) => InputSecrets::HashClaim { preimage, key: &key },
            (Opening::PostQuantum, Some(ml_dsa)) => InputSecrets::PostQuantum { key: &key, ml_dsa },
            (Opening::Refund, _) | (Opening::PostQuantum, None) => InputSecrets::Memo { key: &key },
        };
        let witness = self.lock_witness(&built, &secrets, &mut rng)?;
        let LockSpendCore { core, to, to_self, amount, coin: _ } = built;
        let own = if to_self { vec![OwnOutput { tx: 0, asset: AssetId::STR, value: amount }] } else { Vec::new() };
        let text = to.to_text(self.with.params.address_prefix);
        self.record_tx(Transaction { core, witness }, own, text, to_self, amount)
    }

    pub(crate) fn lock_witness(
        &self,
        built: &LockSpendCore,
        secrets: &InputSecrets<'_>,
        rng: &mut SeededRng,
    ) -> Result<Witness, WalletError> {
        let output = built.coin.as_ref().map_or(OutputSecrets::PublicMemo, OutputSecrets::Coin);
        let sighash = built.core.sighash(self.with.genesis);
        let (inputs, outputs) = (core::slice::from_ref(secrets), core::slice::from_ref(&output));
        prove_transaction(&built.core, &sighash, inputs, outputs, rng).map_err(|e| WalletError::Build(e.to_string()))
    }

    /// The core that spends all of a lock into one output, with the exact least fee. A fresh address of this wallet is
    /// used up where none is given.
    pub(crate) fn lock_spend_core(
        &mut self,
        lock: &OwnLock,
        branch: LockBranch,
        to: Option<&Address>,
        lifetime_s: u64,
        rng: &mut SeededRng,
    ) -> Result<LockSpendCore, WalletError> {
        let (to, to_self) = match to {
            Some(address @ Address::Confidential(to)) => (address.clone(), self.watch.owns_address(to)),
            Some(address @ Address::Zk13str(to)) => (address.clone(), self.watch.zk_index(to).is_some()),
            None => (Address::Confidential(self.next_internal_address()?), true),
        };
        // Lengths do not depend on amounts: a core with another fee tells the fee.
        let (sized, coin) = self.assemble(lock, branch, &to, Amount::ZERO, lifetime_s, rng)?;
        let coins = usize::from(coin.is_some());
        let witness = 4
            + range_proof_len(coins)
            + witness_bytes(&lock.terms.lock, branch)
            + coins * OUTPUT_PROOF_BYTES
            + KERNEL_PROOF_BYTES;
        let fee = min_fee(mass(&sized, sized.to_bytes().len() + witness));
        if lock.value <= fee {
            return Err(LockError::TooSmall { value: lock.value, fee }.into());
        }
        let (core, coin) = self.assemble(lock, branch, &to, fee, lifetime_s, rng)?;
        Ok(LockSpendCore { core, coin, to, to_self, amount: lock.value.checked_sub(fee)? })
    }

    fn next_internal_address(&mut self) -> Result<umbel_crypto::keys::ConfidentialAddress, WalletError> {
        let index = self.memory.next_internal;
        let next = index.saturating_add(1);
        if !self.watch.covers(self.memory.handed_out(), next) {
            self.reach_further();
        }
        let address = self.watch.internal(index).ok_or_else(no_address)?;
        self.record(&[Record::Internal(next)], true)?;
        Ok(address)
    }

    fn assemble(
        &self,
        lock: &OwnLock,
        branch: LockBranch,
        to: &Address,
        fee: Amount,
        lifetime_s: u64,
        rng: &mut SeededRng,
    ) -> Result<(TxCore, Option<CoinSecrets>), WalletError> {
        let outpoints = [lock.outpoint];
        let value = lock.value.checked_sub(fee)?;
        let planned = [PlannedOutput { recipient: to, asset: AssetId::STR, value, note: "" }];
        let salt = self.watch.outgoing().salt(&outpoints, &planned, fee, rng);
        let (output, coin) = match to {
            Address::Zk13str(address) => (Output::Memo(Memo::public_payment(AssetId::STR, value, *address)), None),
            Address::Confidential(recipient) => {
                let x = self.watch.outgoing().output_scalar(&outpoints, &salt, 0);
                let new =
                    NewCoin { recipient, asset: AssetId::STR, value, note: "", note_size: NoteSize::None, position: 0 };
                let built = build_coin(&new, &x).map_err(|e| WalletError::Build(e.to_string()))?;
                let output = Output::Coin { coin: built.coin, value_commitment: built.value_commitment };
                (output, Some(built.secrets))
            }
        };
        let consumed = Input::Memo { terms: lock.terms.clone(), branch };
        let core = TxCore {
            version: TX_VERSION,
            chain: self.with.params.chain_id,
            action: Action::Transfer,
            inputs: vec![TxInput { outpoint: lock.outpoint, consumed }],
            outputs: vec![output],
            fee,
            valid: self.valid_for(lifetime_s),
            salt,
        };
        Ok((core, coin))
    }

    pub(crate) fn valid_for(&self, seconds: u64) -> DaaRange {
        DaaRange { start: DaaScore(0), end: self.now.saturating_add(self.with.params.daa_of_seconds(seconds)) }
    }

    /// Checks a transaction as every node will, and records it to be submitted.
    pub(crate) fn record_tx(
        &mut self,
        tx: Transaction,
        own: Vec<OwnOutput>,
        to: String,
        to_self: bool,
        amount: Amount,
    ) -> Result<Payment, WalletError> {
        let context = IsolationContext::new(&self.with.params, self.with.genesis);
        let checked = check_tx_in_isolation(tx, &context, &mut SeededRng::from_os()?);
        let tx = checked.map_err(|error| WalletError::Build(error.to_string()))?.tx().clone();
        let created = now_ms();
        let id = PaymentId::next(created);
        let record = PaymentRecord {
            id: id.0,
            own,
            to: bounded(&to),
            to_self,
            asset: AssetId::STR,
            amount,
            fee: tx.core.fee,
            note: bounded(""),
            public: true,
            created,
            expires: tx.core.valid.end,
            txs: vec![tx],
        };
        if let Err(error) = self.record(&[Record::Sent(Box::new(record))], true) {
            self.memory.forget_payment(id.0);
            return Err(match error {
                WalletError::FilesRemoved { .. } => error,
                error => WalletError::Journal(error.to_string()),
            });
        }
        tracing::info!(target: "umbel::wallet", wallet = self.name(), payment = id.0, "public transaction recorded");
        self.payment(id).ok_or(WalletError::NoSuchPayment(id.0))
    }
}

pub(crate) fn no_address() -> WalletError {
    WalletError::Build("no address of this wallet is free".to_owned())
}

fn pays_into(output: &Output, lock: &Lock) -> bool {
    matches!(output, Output::Memo(memo) if memo.lock == *lock)
}

fn multisig(m: u8, keys: &[PublicKeyBytes]) -> Result<Lock, LockError> {
    if let Some(bad) = keys.iter().find(|key| !is_public_key(key)) {
        return Err(LockError::BadKey(bad.0.iter().map(|byte| format!("{byte:02x}")).collect()));
    }
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let is_possible = (1..=MAX_MULTISIG_KEYS).contains(&sorted.len()) && m >= 1 && usize::from(m) <= sorted.len();
    if sorted.len() != keys.len() || !is_possible {
        return Err(LockError::Keys { m, keys: sorted.len() });
    }
    Ok(Lock::Multisig { m, keys: sorted })
}

/// The lock is spent in another way than was asked for.
pub(crate) fn kind_error(lock: &Lock) -> WalletError {
    let (is, instead) = match lock {
        Lock::Multisig { .. } => ("multisig lock", "write a file for the signers, with --out"),
        Lock::HashTimelock { .. } => ("hash lock", "claim it with its preimage, or take it back after its timeout"),
        Lock::PostQuantum { .. } => ("post-quantum lock", "spend it without a file"),
        Lock::Address(_) | Lock::NameCommit { .. } => ("lock of another kind", "this program can't"),
    };
    LockError::Kind { is, instead }.into()
}
