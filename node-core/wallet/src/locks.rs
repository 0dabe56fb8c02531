//! Locks that this wallet is a party of: found by the scan, kept with what became of them.

use std::collections::{BTreeMap, BTreeSet};

use umbel_crypto::keys::address::zk_to_text;
use umbel_crypto::keys::address_of_public_key;
use umbel_crypto::lock::preimage_hash;
use umbel_types::consensus_api::{AcceptanceData, ConsensusApi, ConsensusError};
use umbel_types::lock::{PREIMAGE_BYTES, PublicKeyBytes};
use umbel_types::memo::MemoTerms;
use umbel_types::params::TIMELOCK_GRACE_S;
use umbel_types::tx::{InputWitness, LockBranch};
use umbel_types::utxo::StoredOutput;
use umbel_types::{
    Amount, AssetId, BlockHash, DaaRange, DaaScore, Hash32, Lock, MemoValue, Network, OutPoint, Params, TxId,
    UtxoEntry, ZkAddress, encode_struct,
};

use crate::keys::{SpendKeys, WatchKeys};
use crate::lock_tx::LockSecret;
use crate::state::Memory;
use crate::wallet::Wallet;

/// Seconds of DAA score before the timeout in which a claim shows the preimage and may lose all the same.
pub(crate) const CLAIM_MARGIN_S: u64 = 2 * 3600;
/// What a post-quantum address is checked by.
const PQ_CHECKSUM: &str = "umbel/post-quantum-address/v1";
/// Start of the text of a post-quantum address.
const PQ_PREFIX: &str = "zk13pq_";

/// How a lock was spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LockSpend {
    /// By which transaction.
    pub(crate) txid: TxId,
    /// The chain block that accepted it.
    pub(crate) block: BlockHash,
    /// The secret that a claim showed.
    pub(crate) preimage: Option<Hash32>,
}
encode_struct!(LockSpend { txid, block, preimage });

/// A public Memo under a lock that names a key or an address of this wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnLock {
    /// Where it stands.
    pub(crate) outpoint: OutPoint,
    /// What it holds.
    pub(crate) value: Amount,
    /// What an input repeats; the lock itself is in it.
    pub(crate) terms: MemoTerms,
    /// DAA score of the chain block that accepted it.
    pub(crate) daa_score: DaaScore,
    /// Highest number of an own address that it names.
    pub(crate) address: u32,
    /// The Memo's data where it is as long as a nonce: the secret may follow from it.
    pub(crate) nonce: Option<Hash32>,
    /// How it was spent, where it was.
    pub(crate) spent: Option<LockSpend>,
}
encode_struct!(OwnLock { outpoint, value, terms, daa_score, address, nonce, spent });

/// The highest number of an own address that a lock names; `None` where this wallet can do nothing about the lock.
fn own_index(keys: &WatchKeys, lock: &Lock) -> Option<u32> {
    match lock {
        Lock::Multisig { m: _, keys: signers } => {
            signers.iter().filter_map(|key| keys.zk_index(&address_of_public_key(key))).max()
        }
        Lock::HashTimelock { claim, refund, .. } => [claim, refund].into_iter().filter_map(|a| keys.zk_index(a)).max(),
        Lock::PostQuantum { address, mldsa65_key_hash } => keys.post_quantum_index(address, mldsa65_key_hash),
        Lock::Address(_) | Lock::NameCommit { .. } => None,
    }
}

/// The locks among `entries` that name this wallet. Only public ones without time bounds: one that ends falls to the
/// Memo's refund address, whatever the lock says.
pub(crate) fn find_locks(keys: &WatchKeys, entries: &[(OutPoint, UtxoEntry)]) -> Vec<OwnLock> {
    entries.iter().filter_map(|(outpoint, entry)| own_lock(keys, *outpoint, entry)).collect()
}

fn own_lock(keys: &WatchKeys, outpoint: OutPoint, entry: &UtxoEntry) -> Option<OwnLock> {
    let StoredOutput::Memo(memo) = &entry.output else { return None };
    let MemoValue::Public(value) = memo.value else { return None };
    let address = own_index(keys, &memo.lock)?;
    (memo.valid == DaaRange::ALWAYS).then(|| OwnLock {
        outpoint,
        value,
        terms: memo.terms(),
        daa_score: entry.daa_score,
        address,
        nonce: memo.data.as_slice().try_into().ok().map(Hash32),
        spent: None,
    })
}

/// The known locks that a chain block consumed, with what consumed them.
///
/// # Errors
/// [`ConsensusError`] where a block's body can't be read; of a pruned one, the spender stays unknown and the lock is left
/// out.
pub(crate) fn spent_locks(
    memory: &Memory,
    new: &[OwnLock],
    chain: &dyn ConsensusApi,
    acceptance: &AcceptanceData,
) -> Result<(Vec<OwnLock>, Vec<OutPoint>), ConsensusError> {
    let known = |outpoint: &OutPoint| {
        memory.locks.get(outpoint).or_else(|| new.iter().find(|lock| lock.outpoint == *outpoint)).cloned()
    };
    let mut open: BTreeMap<OutPoint, OwnLock> =
        acceptance.removed.iter().filter_map(|(outpoint, _)| Some((*outpoint, known(outpoint)?))).collect();
    let mut spent = Vec::new();
    if open.is_empty() {
        return Ok((spent, Vec::new()));
    }
    let mut accepted_of: BTreeMap<BlockHash, BTreeSet<TxId>> = BTreeMap::new();
    for accepted in &acceptance.accepted {
        accepted_of.entry(accepted.block).or_default().insert(accepted.txid);
    }
    for (carrier, txids) in accepted_of {
        if open.is_empty() {
            break;
        }
        let body = match chain.block(carrier) {
            Ok(block) => block.body,
            Err(ConsensusError::UnknownBlock(_) | ConsensusError::Pruned(_)) => continue,
            Err(error) => return Err(error),
        };
        for tx in body.txs {
            let consumes = tx.core.inputs.iter().any(|input| open.contains_key(&input.outpoint));
            let txid = if consumes { tx.txid() } else { continue };
            if !txids.contains(&txid) {
                continue;
            }
            for (input, witness) in tx.core.inputs.iter().zip(&tx.witness.inputs) {
                let Some(lock) = open.remove(&input.outpoint) else { continue };
                let preimage = match witness {
                    InputWitness::HashClaim { preimage, .. } => Some(Hash32(*preimage)),
                    _ => None,
                };
                let spend = LockSpend { txid, block: acceptance.block, preimage };
                spent.push(OwnLock { spent: Some(spend), ..lock });
            }
        }
    }
    Ok((spent, open.into_keys().collect()))
}

/// What a lock asks for, in words.
pub(crate) fn lock_text(lock: &Lock) -> String {
    match lock {
        Lock::Address(address) => zk_to_text(address),
        Lock::Multisig { m, keys } => format!("multisig lock, {m} of {}", keys.len()),
        Lock::NameCommit { .. } => "name commitment".to_owned(),
        Lock::HashTimelock { .. } => "hash lock".to_owned(),
        Lock::PostQuantum { .. } => "post-quantum lock".to_owned(),
    }
}

/// An address whose money needs a signature that a quantum computer can't forge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostQuantumAddress {
    /// The ECDSA key's address.
    pub address: ZkAddress,
    /// Hash of the ML-DSA-65 key.
    pub key_hash: Hash32,
}

impl PostQuantumAddress {
    fn checksum(network: Network, bytes: &[u8]) -> [u8; 4] {
        let chain = Params::of(network).chain_id.to_le_bytes();
        let hash = blake3::derive_key(PQ_CHECKSUM, &[&chain, bytes].concat());
        [hash[0], hash[1], hash[2], hash[3]]
    }

    fn bytes(&self) -> [u8; 52] {
        let mut bytes = [0; 52];
        bytes[..20].copy_from_slice(&self.address.0);
        bytes[20..].copy_from_slice(self.key_hash.as_bytes());
        bytes
    }

    /// `zk13pq_` ‖ 112 hexadecimal digits: address 20, key hash 32, checksum 4. The checksum is of the network too: the second
    /// key is another one on each, and money locked to a key of another network would be lost.
    pub fn to_text(&self, network: Network) -> String {
        let bytes = self.bytes();
        let checksum = Self::checksum(network, &bytes);
        let all = bytes.iter().chain(&checksum).map(|byte| format!("{byte:02x}"));
        core::iter::once(PQ_PREFIX.to_owned()).chain(all).collect()
    }

    /// Reads the text; `None` for any other text, or a wrong checksum, which that of another network is.
    pub fn parse(text: &str, network: Network) -> Option<Self> {
        let digits = text.strip_prefix(PQ_PREFIX).filter(|digits| digits.len() == 112)?;
        if !digits.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let mut all = [0u8; 56];
        for (i, byte) in all.iter_mut().enumerate() {
            *byte = u8::from_str_radix(digits.get(2 * i..2 * i + 2)?, 16).ok()?;
        }
        let (bytes, checksum) = all.split_at(52);
        if Self::checksum(network, bytes) != checksum {
            return None;
        }
        let address = ZkAddress(bytes[..20].try_into().ok()?);
        Some(Self { address, key_hash: Hash32(bytes[20..].try_into().ok()?) })
    }

    /// The lock of this address.
    pub fn lock(&self) -> Lock {
        Lock::PostQuantum { address: self.address, mldsa65_key_hash: self.key_hash }
    }
}

/// What this wallet can do about a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockRole {
    /// Signs with the key of this index in the lock.
    Signer(u8),
    /// Claims with the preimage.
    Claim,
    /// Takes back after the timeout.
    Refund,
    /// Spends with both keys.
    Owner,
}

/// How a lock stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockState {
    /// It is unspent.
    Open,
    /// A transaction of this wallet that spends it is on its way.
    Spending(TxId),
    /// It was spent.
    Spent {
        /// By which transaction.
        by: TxId,
        /// The secret that a claim showed to everyone.
        preimage: Option<[u8; PREIMAGE_BYTES]>,
    },
}

/// A lock as a person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockEntry {
    /// Where it stands.
    pub outpoint: OutPoint,
    /// Asset.
    pub asset: AssetId,
    /// Amount.
    pub value: Amount,
    /// The lock.
    pub lock: Lock,
    /// What this wallet can do.
    pub roles: Vec<LockRole>,
    /// How it stands.
    pub state: LockState,
    /// DAA score of the chain block that accepted it.
    pub daa_score: DaaScore,
    /// Of a hash lock: from this DAA score on, a claim is refused unless it is forced.
    pub claim_before: Option<DaaScore>,
    /// Of a hash lock: from when it is taken back in any case. Where its timeout is certified, from the timeout on.
    pub refund_from: Option<DaaScore>,
    /// Of a hash lock: whether it can be taken back now, certificates aside.
    pub refund_open: bool,
}

impl Wallet {
    /// Locks that name a key or an address of this wallet, newest first, spent ones included as far as this wallet saw
    /// them being spent.
    pub fn locks(&self) -> Vec<LockEntry> {
        let mut entries: Vec<LockEntry> = self.memory.locks.values().map(|lock| self.lock_entry(lock)).collect();
        // A journal may hold more than the keys at hand open.
        entries.retain(|entry| !entry.roles.is_empty());
        entries.sort_by_key(|entry| (core::cmp::Reverse(entry.daa_score), entry.outpoint));
        entries
    }

    fn lock_entry(&self, own: &OwnLock) -> LockEntry {
        let lock = own.terms.lock.clone();
        let state = match (&own.spent, self.spender_on_its_way(&own.outpoint)) {
            (Some(spend), _) => LockState::Spent { by: spend.txid, preimage: spend.preimage.map(|hash| hash.0) },
            (None, Some(txid)) => LockState::Spending(txid),
            (None, None) => LockState::Open,
        };
        let times = match &lock {
            Lock::HashTimelock { timeout, .. } => Some(self.times(*timeout)),
            _ => None,
        };
        LockEntry {
            outpoint: own.outpoint,
            asset: own.terms.asset,
            value: own.value,
            roles: self.roles(&lock),
            state,
            daa_score: own.daa_score,
            claim_before: times.map(|(claim_before, _)| claim_before),
            refund_from: times.map(|(_, refund_from)| refund_from),
            refund_open: times.is_some_and(|(_, refund_from)| refund_from <= self.now),
            lock,
        }
    }

    /// Until when a claim is safe, and from when a refund needs no certificate.
    pub(crate) fn times(&self, timeout: DaaScore) -> (DaaScore, DaaScore) {
        let params = &self.with.params;
        let claim_before = DaaScore(timeout.0.saturating_sub(params.daa_of_seconds(CLAIM_MARGIN_S)));
        (claim_before, timeout.saturating_add(params.daa_of_seconds(TIMELOCK_GRACE_S)))
    }

    fn roles(&self, lock: &Lock) -> Vec<LockRole> {
        let is_own = |address: &ZkAddress| self.watch.zk_index(address).is_some();
        match lock {
            Lock::Multisig { m: _, keys } => {
                signers(&self.watch, keys).into_iter().map(|(index, _)| LockRole::Signer(index)).collect()
            }
            Lock::HashTimelock { claim, refund, .. } => {
                let both = [(claim, LockRole::Claim), (refund, LockRole::Refund)];
                both.into_iter().filter(|(address, _)| is_own(address)).map(|(_, role)| role).collect()
            }
            Lock::PostQuantum { address, mldsa65_key_hash } => {
                let own = self.watch.post_quantum_index(address, mldsa65_key_hash);
                own.map(|_| LockRole::Owner).into_iter().collect()
            }
            Lock::Address(_) | Lock::NameCommit { .. } => Vec::new(),
        }
    }

    /// The secret of this hash, if this wallet made it for a lock that it knows.
    pub(crate) fn own_secret(&self, spend: &SpendKeys, sha256: &Hash32) -> Option<LockSecret> {
        let nonces = self.memory.locks.values().filter_map(|lock| lock.nonce);
        let mut secrets = nonces.map(|nonce| spend.secrets().lock_secret(self.with.params.network, &nonce));
        secrets.find(|secret| preimage_hash(secret) == *sha256)
    }

    /// What others take with the secret of a hash once it is known: own locks under it, still unspent.
    pub(crate) fn open_to_others(&self, sha256: &Hash32) -> Amount {
        let is_open = |own: &&OwnLock| match &own.terms.lock {
            Lock::HashTimelock { sha256: hash, claim, refund, .. } => {
                let is_ours = self.watch.zk_index(claim).is_none() && self.watch.zk_index(refund).is_some();
                hash == sha256 && is_ours && own.spent.is_none() && own.terms.asset == AssetId::STR
            }
            _ => false,
        };
        let open = self.memory.locks.values().filter(is_open);
        open.fold(Amount::ZERO, |sum, own| sum.checked_add(own.value).unwrap_or(Amount::MAX))
    }

    /// Whether a claim that this wallet saw has shown the secret of a hash to everyone.
    pub(crate) fn was_shown(&self, sha256: &Hash32) -> bool {
        let shown = self.memory.locks.values().filter_map(|lock| lock.spent.as_ref()?.preimage);
        shown.into_iter().any(|preimage| preimage_hash(&preimage.0) == *sha256)
    }

    /// The recorded transaction that consumes a lock and may still be accepted.
    pub(crate) fn spender_on_its_way(&self, outpoint: &OutPoint) -> Option<TxId> {
        self.memory.payments.values().find_map(|payment| {
            let tx = payment.record.txs.iter().find(|tx| tx.core.inputs.iter().any(|i| i.outpoint == *outpoint))?;
            let stage = self.memory.stage(payment, &self.moment());
            stage.holds_coins().then(|| tx.txid())
        })
    }
}

/// Own keys of a multisig lock: index in the lock, number of the address.
pub(crate) fn signers(watch: &WatchKeys, keys: &[PublicKeyBytes]) -> Vec<(u8, u32)> {
    let keys = keys.iter().zip(0u8..);
    keys.filter_map(|(key, i)| Some((i, watch.zk_index(&address_of_public_key(key))?))).collect()
}

/// Length of the witness entry that opens a lock.
pub(crate) fn witness_bytes(lock: &Lock, branch: LockBranch) -> usize {
    const SIGNATURE: usize = 33 + 64;
    match (branch, lock) {
        (LockBranch::Owner, Lock::Multisig { m, .. }) => usize::from(*m) * (1 + 64),
        (LockBranch::Owner, Lock::HashTimelock { .. }) => PREIMAGE_BYTES + SIGNATURE,
        (LockBranch::Owner, Lock::PostQuantum { .. }) => {
            SIGNATURE + umbel_types::lock::ML_DSA_KEY_BYTES + umbel_types::lock::ML_DSA_SIGNATURE_BYTES
        }
        (LockBranch::Owner, Lock::Address(_) | Lock::NameCommit { .. }) | (LockBranch::Refund, _) => SIGNATURE,
    }
}
