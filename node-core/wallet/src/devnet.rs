//! Devnet's test coins: the genesis wallets, whose words everyone knows ([`umbel_types::genesis::DEVNET_WORDS`]).

use std::collections::BTreeSet;

use umbel_crypto::coin::NoteSize;
use umbel_crypto::keys::Address;
use umbel_types::consensus_api::ConsensusApi;
use umbel_types::genesis::{DEVNET_WORDS, GenesisWallet};
use umbel_types::memo::{Memo, MemoValue};
use umbel_types::utxo::StoredOutput;
use umbel_types::{Amount, AssetId, DaaRange, DaaScore, Lock, Network, OutPoint, Transaction, UtxoEntry};

use crate::coins::{OwnedCoin, PaidTo, Spendable, Text};
use crate::error::WalletError;
use crate::keys::{SpendKeys, WatchKeys, derive};
use crate::prove::{ChainTerms, Frame, Payee, Target, prove};
use crate::random::SeededRng;
use crate::seed::{WalletSecrets, parse_words};
use crate::select::{Pays, PaysInto};

/// Outputs read from the state at a time.
const PAGE: usize = 1024;
/// Seconds of DAA score in which a payment of test coins may be accepted.
const LIFETIME_S: u64 = 3600;

/// Keys of the genesis wallets.
struct GenesisKeys {
    spend: SpendKeys,
    watch: WatchKeys,
}

impl GenesisKeys {
    fn derive() -> Result<Self, WalletError> {
        let secrets = WalletSecrets::new(&parse_words(DEVNET_WORDS)?, "");
        let (spend, watch) = derive(&secrets, Network::Devnet, 1, 0);
        Ok(Self { spend, watch })
    }

    /// Index of the genesis wallet that a Memo of STR belongs to.
    fn owner(&self, memo: &Memo) -> Option<u32> {
        let Lock::Address(address) = &memo.lock else { return None };
        let index = self.watch.zk_index(address).filter(|index| (*index as usize) < GenesisWallet::ALL.len())?;
        (memo.asset == AssetId::STR && memo.valid == DaaRange::ALWAYS).then_some(index)
    }
}

/// Pays `amount` STR of test coins to an address: confidential, or public where the address is. The change goes back to
/// the genesis wallet as a Memo, which can be spent once it is accepted.
///
/// - `busy`: memos that transactions still in the pool consume; the caller adds the inputs of what it submits.
///
/// # Errors
/// [`WalletError::DevnetOnly`], [`WalletError::FundBusy`], [`WalletError::InsufficientFunds`].
pub fn fund(
    chain: &dyn ConsensusApi,
    busy: &BTreeSet<OutPoint>,
    to: &Address,
    amount: Amount,
) -> Result<Transaction, WalletError> {
    if chain.params().network != Network::Devnet {
        return Err(WalletError::DevnetOnly);
    }
    if amount.is_zero() {
        return Err(WalletError::ZeroAmount);
    }
    let keys = GenesisKeys::derive()?;
    let sources = sources(chain, &keys)?;
    let into = match to {
        Address::Zk13str(_) => PaysInto::Memo { longer_by: 0 },
        Address::Confidential(_) => PaysInto::Coin,
    };
    let pays = Pays { into, note: NoteSize::None };
    // The change is a Memo too.
    let mut shape = pays.shape(0, 1, 0);
    shape.memos_out += 1;
    let fee = shape.fee();
    let need = amount.checked_add(fee)?;
    let have = sources.iter().map(|coin| coin.value).max().unwrap_or(Amount::ZERO);
    let enough: Vec<OwnedCoin> = sources.into_iter().filter(|coin| coin.value > need).collect();
    if enough.is_empty() {
        return Err(WalletError::InsufficientFunds { asset: AssetId::STR, need, have });
    }
    // The largest that is free: the market's wallet, which holds most, lasts longest.
    let free = enough.into_iter().filter(|coin| !busy.contains(&coin.outpoint)).max_by_key(|coin| coin.value);
    let source = free.ok_or(WalletError::FundBusy)?;
    let (Spendable::Memo(terms), change) = (&source.body, source.value.checked_sub(need)?) else {
        return Err(WalletError::Build("a test coin is no memo".to_owned()));
    };
    let Lock::Address(back_to) = terms.lock else {
        return Err(WalletError::Build("a test coin has no address".to_owned()));
    };
    let target = |to: Address, value| Target {
        to: Payee::Address(to),
        asset: AssetId::STR,
        value,
        note: String::new(),
        internal: None,
    };
    let targets = vec![target(to.clone(), amount), target(Address::Zk13str(back_to), change)];
    let params = chain.params();
    let end = chain.virtual_state().daa_score.saturating_add(params.daa_of_seconds(LIFETIME_S));
    let terms = ChainTerms {
        chain: params.chain_id,
        genesis: chain.genesis_hash(),
        valid: DaaRange { start: DaaScore(0), end },
    };
    let mut rng = SeededRng::from_os()?;
    let proved = prove(&keys.watch, &terms, vec![source], targets, Frame::transfer(NoteSize::None, fee), &mut rng)?;
    let (tx, _) = proved.sign(&keys.spend, &keys.watch, terms.genesis, &mut rng)?;
    Ok(tx)
}

/// Unspent Memos of the genesis wallets.
fn sources(chain: &dyn ConsensusApi, keys: &GenesisKeys) -> Result<Vec<OwnedCoin>, WalletError> {
    let snapshot = chain.utxo_snapshot()?;
    let mut sources = Vec::new();
    let mut after = None;
    loop {
        let page = snapshot.page(after, PAGE)?;
        let Some((last, _)) = page.last() else { return Ok(sources) };
        after = Some(*last);
        sources.extend(page.iter().filter_map(|(outpoint, entry)| source(keys, *outpoint, entry)));
    }
}

fn source(keys: &GenesisKeys, outpoint: OutPoint, entry: &UtxoEntry) -> Option<OwnedCoin> {
    let StoredOutput::Memo(memo) = &entry.output else { return None };
    let MemoValue::Public(value) = memo.value else { return None };
    let index = keys.owner(memo)?;
    Some(OwnedCoin {
        outpoint,
        asset: memo.asset,
        value,
        body: Spendable::Memo(memo.terms()),
        origin: entry.origin,
        daa_score: entry.daa_score,
        time: umbel_types::TimestampMs(0),
        paid_to: PaidTo::Zk13str(index),
        note: Text::default(),
        verified: true,
    })
}
