//! One proved transaction of each kind: every input, every lock by every branch, every output.

use std::sync::OnceLock;

use umbel_crypto::coin::{
    BuiltCoin, BuiltHiddenMemo, HiddenOpening, KeyRole, NewCoin, NewHiddenMemo, NoteSize, build_coin,
    build_hidden_memo, build_payout_key, coinbase_coin, open_hidden_memo,
};
use umbel_crypto::generators::commit_value;
use umbel_crypto::keys::{AccountKeys, AddressIndex, ConfidentialAddress, SecpKey};
use umbel_crypto::ml_dsa::MlDsaKey;
use umbel_crypto::signature::sign_multisig;
use umbel_crypto::{InputSecrets, OutputSecrets, prove_transaction};
use umbel_types::lock::PublicKeyBytes;
use umbel_types::params::TIMELOCK_GRACE_S;
use umbel_types::tx::{IndexedSignature, LockBranch, TX_VERSION};
use umbel_types::utxo::StoredOutput;
use umbel_types::{
    Action, Amount, AssetId, BlockHash, Coin, DaaRange, DaaScore, Hash32, Input, Lock, Memo, MemoValue, Network,
    Origin, OutPoint, Output, Transaction, TxCore, TxInput, UtxoEntry, ZkAddress,
};

use crate::fixture::{GENESIS, outpoint, params, rng, seed};

/// The preimage of every hash lock here. SHA-256 of 32 zero bytes is in every table.
pub(crate) const PREIMAGE: [u8; 32] = [0; 32];
/// `SHA-256(PREIMAGE)`.
pub(crate) const PREIMAGE_SHA256: &str = "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925";
/// Timeout of every hash lock here.
pub(crate) const TIMEOUT: DaaScore = DaaScore(500);
/// End of the Memo that is refunded.
pub(crate) const END: DaaScore = DaaScore(300);
/// When the outputs to be consumed were made.
pub(crate) const BORN: DaaScore = DaaScore(1);

/// One who owns things: a key of each kind.
pub(crate) struct Person {
    pub(crate) secp: SecpKey,
    pub(crate) coins: AccountKeys,
    pub(crate) ml_dsa: MlDsaKey,
}

/// Four people.
pub(crate) fn people() -> &'static [Person] {
    static PEOPLE: OnceLock<Vec<Person>> = OnceLock::new();
    PEOPLE.get_or_init(|| {
        let person = |n: u8| Person {
            secp: seed().secp_key(u32::from(n) + 10, 0),
            coins: AccountKeys::derive(seed(), Network::Devnet, u32::from(n) + 10),
            ml_dsa: MlDsaKey::from_seed(&[n + 1; 32]),
        };
        (0..4).map(person).collect()
    })
}

pub(crate) fn address(person: usize) -> ZkAddress {
    people()[person].secp.address()
}

pub(crate) fn confidential(person: usize) -> ConfidentialAddress {
    address_at(person, AddressIndex::DEFAULT)
}

fn address_at(person: usize, index: AddressIndex) -> ConfidentialAddress {
    AccountKeys::derive(seed(), Network::Devnet, u32::try_from(person).expect("few") + 10).address(index)
}

/// Keys of people, as a multisig lock lists them.
pub(crate) fn sorted_keys(who: &[usize]) -> Vec<PublicKeyBytes> {
    let mut keys: Vec<PublicKeyBytes> = who.iter().map(|n| people()[*n].secp.public_key()).collect();
    keys.sort();
    keys
}

pub(crate) fn multisig(m: u8, who: &[usize]) -> Lock {
    Lock::Multisig { m, keys: sorted_keys(who) }
}

pub(crate) fn timelock() -> Lock {
    let mut sha256 = [0; 32];
    for (byte, digits) in sha256.iter_mut().zip(PREIMAGE_SHA256.as_bytes().chunks(2)) {
        let digits = core::str::from_utf8(digits).expect("ASCII");
        *byte = u8::from_str_radix(digits, 16).expect("hexadecimal");
    }
    Lock::HashTimelock { sha256: Hash32(sha256), claim: address(0), refund: address(1), timeout: TIMEOUT }
}

pub(crate) fn post_quantum(person: usize) -> Lock {
    Lock::PostQuantum { address: address(person), mldsa65_key_hash: people()[person].ml_dsa.key_hash() }
}

pub(crate) fn memo(asset: AssetId, units: u64, lock: Lock) -> Memo {
    Memo {
        asset,
        value: MemoValue::Public(Amount::from_units(units)),
        lock,
        refund: None,
        data: Vec::new(),
        valid: DaaRange::ALWAYS,
    }
}

/// A Memo that falls back to person 1.
pub(crate) fn ending_memo(units: u64, lock: Lock) -> Memo {
    let valid = DaaRange { start: DaaScore(0), end: END };
    Memo { refund: Some(address(1)), valid, ..memo(AssetId::STR, units, lock) }
}

/// What is consumed, and how.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "a handful in a test")]
pub(crate) enum Spend {
    /// A coin of person 0.
    Coin { asset: AssetId, units: u64, origin: Origin },
    /// A Memo, by the witness that suits the lock and branch.
    Memo { memo: Memo, branch: LockBranch, by: Vec<usize> },
    /// A hidden Memo of STR of person 0.
    Hidden { units: u64 },
}

/// What is created.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "a handful in a test")]
pub(crate) enum Make {
    /// A coin for person 1.
    Coin { asset: AssetId, units: u64, note: &'static str },
    /// A Memo.
    Memo(Memo),
    /// A hidden Memo of STR for person 1.
    Hidden { units: u64 },
}

/// What making an output leaves for its proofs.
enum Built {
    Coin(BuiltCoin),
    Public,
    Hidden(BuiltHiddenMemo),
}

/// A transaction with the outputs that it consumes.
#[derive(Clone)]
pub(crate) struct Kind {
    pub(crate) entries: Vec<(OutPoint, UtxoEntry)>,
    pub(crate) tx: Transaction,
    /// A score at which it may be accepted, nothing but genesis being certified.
    pub(crate) at: DaaScore,
}

/// A coin of person 0 that somebody paid.
fn coin(asset: AssetId, units: u64, position: u32) -> Coin {
    let recipient = confidential(0);
    let x = people()[3].coins.outgoing.output_scalar(&[outpoint(900 + position)], &[9; 32], 0);
    let value = Amount::from_units(units);
    let new = NewCoin { recipient: &recipient, asset, value, note: "", note_size: NoteSize::None, position: 0 };
    build_coin(&new, &x).expect("no note").coin
}

fn reward_coin(units: u64) -> Coin {
    let payout = build_payout_key(&confidential(0), KeyRole::Miner, &mut rng());
    coinbase_coin(&BlockHash([77; 32]), &payout, Amount::from_units(units)).expect("a sound payout key")
}

/// A hidden Memo of `person`, made by person 3.
fn hidden(person: usize, units: u64, places: &[OutPoint], salt: &[u8; 32], position: u32) -> BuiltHiddenMemo {
    let published = address_at(person, AddressIndex::PUBLICATION);
    let value = Amount::from_units(units);
    let new = NewHiddenMemo { owner: address(person), published: &published, asset: AssetId::STR, value, position };
    build_hidden_memo(&new, &people()[3].coins.outgoing.output_scalar(places, salt, position))
}

/// The transaction's core, and what is consumed.
pub(crate) struct Draft {
    pub(crate) core: TxCore,
    pub(crate) entries: Vec<(OutPoint, UtxoEntry)>,
    spends: Vec<Spend>,
    built: Vec<Built>,
}

pub(crate) fn draft(spends: &[Spend], makes: &[Make], fee: u64) -> Draft {
    let salt = [21; 32];
    let mut entries = Vec::new();
    let mut inputs = Vec::new();
    for (n, spend) in (0u32..).zip(spends) {
        let place = outpoint(n);
        let (output, consumed, origin) = match spend {
            Spend::Coin { asset, units, origin } => {
                let coin = if *origin == Origin::Coinbase { reward_coin(*units) } else { coin(*asset, *units, n) };
                let blinding = people()[0].coins.view.input_blinding(&salt, &place);
                let consumed = Input::Coin {
                    asset: *asset,
                    owner: coin.owner,
                    c: coin.c,
                    d: coin.d,
                    value_commitment: commit_value(*units, &blinding),
                };
                let public_value = (*origin == Origin::Coinbase).then(|| Amount::from_units(*units));
                (StoredOutput::Coin { coin, public_value }, consumed, *origin)
            }
            Spend::Memo { memo, branch, .. } => {
                let consumed = Input::Memo { terms: memo.terms(), branch: *branch };
                (StoredOutput::Memo(memo.clone()), consumed, Origin::Transaction)
            }
            Spend::Hidden { units } => {
                let memo = hidden(0, *units, &[outpoint(800 + n)], &[8; 32], 0).memo;
                let consumed = Input::Memo { terms: memo.terms(), branch: LockBranch::Owner };
                (StoredOutput::Memo(memo), consumed, Origin::Transaction)
            }
        };
        entries.push((place, UtxoEntry { output, origin, daa_score: BORN }));
        inputs.push(TxInput { outpoint: place, consumed });
    }
    let outpoints: Vec<OutPoint> = inputs.iter().map(|input| input.outpoint).collect();
    let mut built = Vec::new();
    let mut outputs = Vec::new();
    for (position, make) in (0u32..).zip(makes) {
        match make {
            Make::Coin { asset, units, note } => {
                let x = people()[0].coins.outgoing.output_scalar(&outpoints, &salt, position);
                let recipient = confidential(1);
                let note_size = NoteSize::for_texts([*note]).expect("a short note");
                let value = Amount::from_units(*units);
                let new = NewCoin { recipient: &recipient, asset: *asset, value, note, note_size, position };
                let coin = build_coin(&new, &x).expect("the note fits");
                outputs.push(Output::Coin { coin: coin.coin.clone(), value_commitment: coin.value_commitment });
                built.push(Built::Coin(coin));
            }
            Make::Memo(memo) => {
                outputs.push(Output::Memo(memo.clone()));
                built.push(Built::Public);
            }
            Make::Hidden { units } => {
                let memo = hidden(1, *units, &outpoints, &salt, position);
                outputs.push(Output::Memo(memo.memo.clone()));
                built.push(Built::Hidden(memo));
            }
        }
    }
    let core = TxCore {
        version: TX_VERSION,
        chain: params().chain_id,
        action: Action::Transfer,
        inputs,
        outputs,
        fee: Amount::from_units(fee),
        valid: DaaRange::ALWAYS,
        salt,
    };
    Draft { core, entries, spends: spends.to_vec(), built }
}

/// Signatures of people for a multisig lock, as its witness has them.
pub(crate) fn signatures(lock: &Lock, by: &[usize], sighash: &Hash32) -> Vec<IndexedSignature> {
    let Lock::Multisig { keys, .. } = lock else { panic!("a multisig lock") };
    let sign = |n: &usize| sign_multisig(keys, &people()[*n].secp, sighash).expect("one of the keys");
    let mut signatures: Vec<IndexedSignature> = by.iter().map(sign).collect();
    signatures.sort_by_key(|signed| signed.index);
    signatures
}

/// What person 0 reads in a hidden Memo.
fn opening(input: &Input) -> Option<HiddenOpening> {
    match input {
        Input::Memo { terms, .. } => open_hidden_memo(&people()[0].coins.view, &address(0), terms, 0).ok(),
        Input::Coin { .. } => None,
    }
}

impl Draft {
    pub(crate) fn prove(&self) -> Transaction {
        let sighash = self.core.sighash(GENESIS);
        let signed: Vec<Vec<IndexedSignature>> = self
            .spends
            .iter()
            .map(|spend| match spend {
                Spend::Memo { memo, branch: LockBranch::Owner, by } if matches!(memo.lock, Lock::Multisig { .. }) => {
                    signatures(&memo.lock, by, &sighash)
                }
                _ => Vec::new(),
            })
            .collect();
        let openings: Vec<Option<HiddenOpening>> =
            self.core.inputs.iter().map(|input| opening(&input.consumed)).collect();
        let secrets =
            self.spends.iter().zip(&signed).zip(&openings).map(|((spend, signatures), opening)| match spend {
                Spend::Hidden { .. } => {
                    let opening = opening.as_ref().expect("it is person 0's");
                    InputSecrets::HiddenMemo { key: &people()[0].secp, opening }
                }
                Spend::Coin { units, .. } => {
                    let AccountKeys { spend, view, .. } = &people()[0].coins;
                    InputSecrets::Coin { spend, view, value: Amount::from_units(*units) }
                }
                Spend::Memo { memo, branch, by } => {
                    let key = &people()[by[0]].secp;
                    match (branch, &memo.lock) {
                        (LockBranch::Owner, Lock::Multisig { .. }) => InputSecrets::Multisig { signatures },
                        (LockBranch::Owner, Lock::HashTimelock { .. }) => {
                            InputSecrets::HashClaim { preimage: &PREIMAGE, key }
                        }
                        (LockBranch::Owner, Lock::PostQuantum { .. }) => {
                            InputSecrets::PostQuantum { key, ml_dsa: &people()[by[0]].ml_dsa }
                        }
                        _ => InputSecrets::Memo { key },
                    }
                }
            });
        let secrets: Vec<InputSecrets<'_>> = secrets.collect();
        let outputs: Vec<OutputSecrets<'_>> = self
            .built
            .iter()
            .map(|built| match built {
                Built::Coin(coin) => OutputSecrets::Coin(&coin.secrets),
                Built::Public => OutputSecrets::PublicMemo,
                Built::Hidden(memo) => OutputSecrets::HiddenMemo(&memo.opening),
            })
            .collect();
        let witness = prove_transaction(&self.core, &sighash, &secrets, &outputs, &mut rng()).expect("they fit");
        Transaction { core: self.core.clone(), witness }
    }
}

/// A Memo of 100,000 units of STR that `by` consume.
pub(crate) fn spend(lock: Lock, by: &[usize]) -> Spend {
    Spend::Memo { memo: memo(AssetId::STR, 100_000, lock), branch: LockBranch::Owner, by: by.to_vec() }
}

/// A Memo that person 1 takes back.
pub(crate) fn take_back(memo: Memo) -> Spend {
    Spend::Memo { memo, branch: LockBranch::Refund, by: vec![1] }
}

/// A public payment to person 1.
pub(crate) fn pay(units: u64) -> Make {
    Make::Memo(memo(AssetId::STR, units, Lock::Address(address(1))))
}

/// Every kind, by name.
pub(crate) const KINDS: [&str; 11] = [
    "coin",
    "reward",
    "public",
    "both assets",
    "hidden memo",
    "multisig",
    "claim",
    "taken back",
    "post-quantum",
    "refund",
    "every lock created",
];

/// What a kind consumes and creates, and when it may be accepted.
fn plan(name: &str) -> (Vec<Spend>, Vec<Make>, DaaScore) {
    let now = DaaScore(50);
    let own = || Lock::Address(address(0));
    let coin = |asset, units, origin| Spend::Coin { asset, units, origin };
    let make = |asset, units, note| Make::Coin { asset, units, note };
    let (str, ccos) = (AssetId::STR, AssetId::CCOS);
    match name {
        "coin" => (
            vec![coin(str, 100_000, Origin::Transaction)],
            vec![make(str, 60_000, "for tea"), make(str, 30_000, "for tea")],
            now,
        ),
        "reward" => (vec![coin(str, 100_000, Origin::Coinbase)], vec![make(str, 90_000, "")], now),
        "public" => (vec![spend(own(), &[0])], vec![pay(90_000)], now),
        "both assets" => (
            vec![
                Spend::Memo { memo: memo(ccos, 500, own()), branch: LockBranch::Owner, by: vec![0] },
                coin(str, 100_000, Origin::Transaction),
                spend(own(), &[0]),
            ],
            vec![
                Make::Memo(memo(ccos, 300, Lock::Address(address(1)))),
                Make::Memo(memo(ccos, 200, own())),
                pay(70_000),
                make(str, 120_000, ""),
            ],
            now,
        ),
        "hidden memo" => {
            (vec![Spend::Hidden { units: 100_000 }], vec![Make::Hidden { units: 60_000 }, pay(30_000)], now)
        }
        "multisig" => (vec![spend(multisig(2, &[0, 1, 2]), &[0, 2])], vec![pay(90_000)], now),
        "claim" => (vec![spend(timelock(), &[0])], vec![pay(90_000)], now),
        "taken back" => {
            let late = TIMEOUT.saturating_add(TIMELOCK_GRACE_S);
            (vec![take_back(memo(str, 100_000, timelock()))], vec![pay(90_000)], late)
        }
        "post-quantum" => (vec![spend(post_quantum(0), &[0])], vec![pay(90_000)], now),
        "refund" => (vec![take_back(ending_memo(100_000, own()))], vec![pay(90_000)], END),
        "every lock created" => (
            vec![spend(own(), &[0])],
            vec![
                Make::Memo(Memo { data: vec![7; 40], ..memo(str, 10_000, multisig(3, &[0, 1, 2, 3])) }),
                Make::Memo(memo(str, 20_000, timelock())),
                Make::Memo(memo(str, 20_000, post_quantum(2))),
                Make::Memo(ending_memo(40_000, multisig(1, &[2, 3]))),
            ],
            now,
        ),
        other => panic!("{other} is no kind"),
    }
}

/// Fee of every kind.
pub(crate) const FEE: u64 = 10_000;

/// Proves the transaction of a kind.
pub(crate) fn kind(name: &str) -> Kind {
    let (spends, makes, at) = plan(name);
    let draft = draft(&spends, &makes, FEE);
    Kind { tx: draft.prove(), entries: draft.entries, at }
}
