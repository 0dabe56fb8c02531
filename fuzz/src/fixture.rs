//! Keys and transactions that everything starts from. All of it follows from small numbers, so that an input which
//! names a seed means the same in every run.

use std::sync::OnceLock;

use chacha20::ChaCha20Rng;
use rand_core::SeedableRng;
use sha2::{Digest, Sha256};
use umbel_crypto::coin::{BuiltCoin, NewCoin, NoteSize, build_coin};
use umbel_crypto::generators::commit_value;
use umbel_crypto::keys::{AccountKeys, AddressIndex, OutputScalar, SecpKey, Seed};
use umbel_crypto::ml_dsa::MlDsaKey;
use umbel_crypto::signature::sign_multisig;
use umbel_crypto::{InputSecrets, OutputSecrets, prove_transaction};
use umbel_ledger::IsolationContext;
use umbel_types::tx::{LockBranch, TX_VERSION};
use umbel_types::{
    Action, Amount, AssetId, BlockHash, Coin, DaaRange, DaaScore, Hash32, Input, Lock, Memo, Network, OutPoint, Output,
    Params, Transaction, TxCore, TxInput, ZkAddress,
};
use zeroize::Zeroizing;

use crate::actions;

pub(crate) const GENESIS: BlockHash = BlockHash([9; 32]);
const FEE: u64 = 100_000;
/// Note of every coin.
pub(crate) const NOTE: &str = "rent";

pub(crate) fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

pub(crate) fn context() -> IsolationContext {
    IsolationContext::new(&Params::of(Network::Devnet), GENESIS)
}

/// The keys of one owner.
pub(crate) struct Owner {
    pub(crate) keys: AccountKeys,
    pub(crate) secp: SecpKey,
}

pub(crate) fn owner(n: u8) -> Owner {
    let seed = Seed::from_bytes(Zeroizing::new([n; 64]));
    Owner { keys: AccountKeys::derive(&seed, Network::Devnet, 0), secp: seed.secp_key(0, 0) }
}

fn outpoint(n: u8) -> OutPoint {
    OutPoint { source: Hash32([n; 32]), index: u32::from(n) }
}

/// The scalar of an output that a stranger makes.
pub(crate) fn strangers_scalar(salt: u8, position: u32) -> OutputScalar {
    owner(200).keys.outgoing.output_scalar(&[outpoint(0)], &[salt; 32], position)
}

/// A coin for `to` at `position`, which follows from `x`.
pub(crate) fn coin_for(to: &mut Owner, x: &OutputScalar, asset: AssetId, value: u64, position: u32) -> BuiltCoin {
    let recipient = to.keys.address(AddressIndex::DEFAULT);
    let note_size = NoteSize::for_texts([NOTE]).unwrap();
    let value = Amount::from_units(value);
    build_coin(&NewCoin { recipient: &recipient, asset, value, note: NOTE, note_size, position }, x).unwrap()
}

/// A Memo that the payer owns, under each lock that can be opened.
#[derive(Clone, Copy)]
enum Way {
    Address,
    Multisig,
    HashClaim,
    PostQuantum,
}

impl Way {
    fn lock(self, payer: &Owner) -> Lock {
        let address = payer.secp.address();
        match self {
            Self::Address => Lock::Address(address),
            Self::Multisig => Lock::Multisig { m: 2, keys: multisig_keys().map(|key| key.public_key()).to_vec() },
            Self::HashClaim => Lock::HashTimelock {
                sha256: Hash32(Sha256::digest(PREIMAGE).into()),
                claim: address,
                refund: ZkAddress([1; 20]),
                timeout: DaaScore(9),
            },
            Self::PostQuantum => Lock::PostQuantum { address, mldsa65_key_hash: ml_dsa_key().key_hash() },
        }
    }
}

const PREIMAGE: [u8; 32] = [6; 32];

/// Three keys, ascending.
pub(crate) fn multisig_keys() -> [SecpKey; 3] {
    let mut keys = [11, 12, 13].map(|n| owner(n).secp);
    keys.sort_by_key(SecpKey::public_key);
    keys
}

pub(crate) fn ml_dsa_key() -> MlDsaKey {
    MlDsaKey::from_seed(&[5; 32])
}

/// What a seed transaction consumes and creates: units of an asset.
#[derive(Default)]
struct Plan {
    coins_in: &'static [(AssetId, u64)],
    memos_in: &'static [(AssetId, u64, Way)],
    coins_out: &'static [(AssetId, u64)],
    memos_out: &'static [(AssetId, u64)],
}

/// A proved transaction of owner 1.
fn transfer(plan: &Plan, salt: u8) -> Transaction {
    let (mut payer, mut payee) = (owner(1), owner(2));
    let salt_bytes = [salt; 32];
    let mut inputs = Vec::new();
    for (asset, value) in plan.coins_in {
        let n = u8::try_from(inputs.len()).unwrap();
        let Coin { owner, c, d, .. } = coin_for(&mut payer, &strangers_scalar(n, 0), *asset, *value, 0).coin;
        let blinding = payer.keys.view.input_blinding(&salt_bytes, &outpoint(n));
        let value_commitment = commit_value(*value, &blinding);
        inputs.push(Input::Coin { asset: *asset, owner, c, d, value_commitment });
    }
    for (asset, value, way) in plan.memos_in {
        let memo = Memo::public_payment(*asset, Amount::from_units(*value), payer.secp.address());
        let memo = Memo { lock: way.lock(&payer), ..memo };
        inputs.push(Input::Memo { terms: memo.terms(), branch: LockBranch::Owner });
    }
    let outpoints: Vec<OutPoint> = (0..u8::try_from(inputs.len()).unwrap()).map(outpoint).collect();
    let mut built = Vec::new();
    for (position, (asset, value)) in (0..).zip(plan.coins_out) {
        let x = payer.keys.outgoing.output_scalar(&outpoints, &salt_bytes, position);
        built.push(coin_for(&mut payee, &x, *asset, *value, position));
    }
    let coins =
        built.iter().map(|built| Output::Coin { coin: built.coin.clone(), value_commitment: built.value_commitment });
    let memos = plan.memos_out.iter().map(|(asset, value)| {
        Output::Memo(Memo::public_payment(*asset, Amount::from_units(*value), ZkAddress([7; 20])))
    });
    let core = TxCore {
        version: TX_VERSION,
        chain: Params::of(Network::Devnet).chain_id,
        action: Action::Transfer,
        outputs: coins.chain(memos).collect(),
        inputs: outpoints.into_iter().zip(inputs).map(|(outpoint, consumed)| TxInput { outpoint, consumed }).collect(),
        fee: Amount::from_units(FEE),
        valid: DaaRange::ALWAYS,
        salt: salt_bytes,
    };
    let sighash = core.sighash(GENESIS);
    let (spend, view, key) = (&payer.keys.spend, &payer.keys.view, &payer.secp);
    let keys = multisig_keys().map(|key| key.public_key());
    let [first, _, third] = multisig_keys();
    let signatures = [first, third].map(|key| sign_multisig(&keys, &key, &sighash).unwrap());
    let ml_dsa = ml_dsa_key();
    let coins_in = plan.coins_in.iter().map(|(_, v)| InputSecrets::Coin { spend, view, value: Amount::from_units(*v) });
    let memos_in = plan.memos_in.iter().map(|(_, _, way)| match way {
        Way::Address => InputSecrets::Memo { key },
        Way::Multisig => InputSecrets::Multisig { signatures: &signatures },
        Way::HashClaim => InputSecrets::HashClaim { preimage: &PREIMAGE, key },
        Way::PostQuantum => InputSecrets::PostQuantum { key, ml_dsa: &ml_dsa },
    });
    let coins_out = built.iter().map(|built| OutputSecrets::Coin(&built.secrets));
    let memos_out = plan.memos_out.iter().map(|_| OutputSecrets::PublicMemo);
    let (ins, outs): (Vec<_>, Vec<_>) = (coins_in.chain(memos_in).collect(), coins_out.chain(memos_out).collect());
    let witness = prove_transaction(&core, &sighash, &ins, &outs, &mut rng(salt)).unwrap();
    Transaction { core, witness }
}

/// Valid transactions of each shape: public, one coin into two, everything in two assets, every lock, every Action.
pub(crate) fn transactions() -> &'static [Transaction] {
    const STR: AssetId = AssetId::STR;
    static TRANSACTIONS: OnceLock<Vec<Transaction>> = OnceLock::new();
    TRANSACTIONS.get_or_init(|| {
        let public =
            Plan { memos_in: &[(STR, 900_000, Way::Address)], memos_out: &[(STR, 800_000)], ..Plan::default() };
        let payment =
            Plan { coins_in: &[(STR, 900_000)], coins_out: &[(STR, 500_000), (STR, 300_000)], ..Plan::default() };
        let everything = Plan {
            coins_in: &[(STR, 900_000), (AssetId::CCOS, 7)],
            memos_in: &[(STR, 50, Way::Address)],
            coins_out: &[(STR, 500_000), (STR, 300_000), (AssetId::CCOS, 7)],
            memos_out: &[(STR, 50)],
        };
        let locks = Plan {
            memos_in: &[
                (STR, 100_000, Way::Multisig),
                (STR, 100_000, Way::HashClaim),
                (STR, 100_000, Way::PostQuantum),
            ],
            memos_out: &[(STR, 200_000)],
            ..Plan::default()
        };
        let transfers = [transfer(&public, 1), transfer(&payment, 2), transfer(&everything, 3), transfer(&locks, 4)];
        transfers.into_iter().chain(actions::transactions()).collect()
    })
}

/// XORs bytes of `bytes`: pairs of a place (two bytes, taken modulo the length) and a mask. Whether anything changed.
pub(crate) fn patch(bytes: &mut [u8], patches: &[u8]) -> bool {
    let before = bytes.to_vec();
    for [low, high, mask] in patches.as_chunks::<3>().0 {
        if !bytes.is_empty() {
            let at = usize::from(u16::from_le_bytes([*low, *high])) % bytes.len();
            bytes[at] ^= mask;
        }
    }
    before != bytes
}
