//! The state and the block that everything starts from (docs/spec/transaction.md §6).

use umbel_types::genesis::{GenesisSpec, GenesisValidator, GenesisWallet};
use umbel_types::hash::{Domain, hash_of};
use umbel_types::header::BLOCK_VERSION;
use umbel_types::staking::OverlayRecord;
use umbel_types::state::{LedgerBalance, SetMember, State, StateClass, ValidatorSet};
use umbel_types::utxo::StoredOutput;
use umbel_types::{
    Amount, Block, BlockHash, BlueScore, BlueWork, Body, CertRef, DaaScore, Header, Memo, OneTimeKey, Origin, OutPoint,
    Params, PayoutKey, PointBytes, SEALED_LEN_BYTES, SealedBytes, UtxoEntry,
};

use crate::commitments::{ChainMmr, LaneRoots, LtHash};
use crate::staking::{key_of, new_validator, records};
use crate::state_tree::{StateKey, StateTree};
use crate::utxo::UtxoDiff;

/// Everything before the first block.
#[derive(Clone, Debug)]
pub struct Genesis {
    /// The genesis block. Its body is empty and earns no reward.
    pub block: Block,
    /// Its id.
    pub hash: BlockHash,
    /// Memos of the genesis wallets.
    pub utxo: UtxoDiff,
    /// Balances and validator sets.
    pub states: StateTree,
    /// Sum over the Memos.
    pub lthash: LtHash,
    /// Lanes before the first block.
    pub lanes: LaneRoots,
}

/// The outpoint of a genesis wallet's Memo.
pub fn genesis_outpoint(wallet: GenesisWallet) -> OutPoint {
    let position = GenesisWallet::ALL.iter().position(|w| *w == wallet).unwrap_or(0);
    let index = u32::try_from(position).expect("five wallets");
    OutPoint { source: hash_of(Domain::GENESIS, &index), index }
}

fn memos(spec: &GenesisSpec) -> UtxoDiff {
    let entries = GenesisWallet::ALL.iter().zip(&spec.recipients).map(|(wallet, recipient)| {
        let (asset, amount) = wallet.allotment();
        let output = StoredOutput::Memo(Memo::public_payment(asset, amount, *recipient));
        (genesis_outpoint(*wallet), UtxoEntry { output, origin: Origin::Genesis, daa_score: DaaScore(0) })
    });
    entries.collect()
}

fn states(params: &Params, spec: &GenesisSpec) -> StateTree {
    let stake = Amount::sum(spec.validators.iter().map(|validator| validator.stake)).unwrap_or(Amount::MAX);
    let balances = LedgerBalance::ALL.map(|balance| {
        let (_, mut amount) = balance.genesis_amount();
        if balance == LedgerBalance::StrRewards {
            amount = amount.checked_sub(stake).expect("a genesis does not stake more than STR.rewards holds");
        }
        let state = State::of_ledger(balance.object(), StateClass::Balance, &amount);
        (StateKey::of_balance(balance), state)
    });
    let mut members: Vec<SetMember> = Vec::with_capacity(spec.validators.len());
    let mut objects: Vec<State> = Vec::new();
    for GenesisValidator { key, owner, stake, commission_bps } in &spec.validators {
        let (validator, delegation) = new_validator(key.clone(), *commission_bps, *stake);
        let key_hash = delegation.validator;
        members.push(SetMember { key_hash, stake: *stake });
        objects.extend(records(key_hash, *owner, &validator, &delegation, [Amount::ZERO; 2]));
    }
    members.sort_unstable();
    for epoch in [0, 1] {
        let set = ValidatorSet { epoch, members: members.clone() };
        objects.push(State::of_ledger(ValidatorSet::object(epoch), StateClass::ValidatorSet, &set));
    }
    let record = OverlayRecord::genesis(params);
    objects.push(State::of_ledger(OverlayRecord::object(), StateClass::Overlay, &record));
    let objects = objects.into_iter().map(|state| (key_of(state.object), state));
    balances.into_iter().chain(objects).collect()
}

/// Builds a network's genesis from its parameters and what its genesis names. No clock, no randomness.
///
/// # Panics
/// If the validators' stakes sum above STR.rewards: whoever reads a genesis file checks that.
pub fn build(params: &Params, spec: &GenesisSpec) -> Genesis {
    let utxo = memos(spec);
    let states = states(params, spec);
    let lanes = LaneRoots::genesis();
    let mut lthash = LtHash::default();
    lthash.apply(&utxo);
    // Nobody is paid for genesis: its key is never used.
    let none = PointBytes([0; 32]);
    let payout = PayoutKey {
        owner: OneTimeKey { g: none, view: none, spend: none },
        ephemeral: none,
        sealed: SealedBytes([0; SEALED_LEN_BYTES]),
    };
    let extra = format!("umbel {}", params.network).into_bytes();
    let body = Body { payout, extra, txs: Vec::new(), certificate: Vec::new() };
    let header = Header {
        version: BLOCK_VERSION,
        parents: Vec::new(),
        tx_root: body.tx_root(),
        accepted_root: lanes.root(),
        utxo_commit: lthash.commitment(),
        state_root: states.root(),
        chain_mmr_root: ChainMmr::default().root(),
        timestamp: spec.timestamp,
        nonce: 0,
        bits: spec.bits,
        daa_score: DaaScore(0),
        blue_score: BlueScore(0),
        blue_work: BlueWork::ZERO,
        cert: CertRef::genesis(),
        mix_digest: [0; 32],
    };
    let block = Block { header, body };
    Genesis { hash: block.hash(), block, utxo, states, lthash, lanes }
}
