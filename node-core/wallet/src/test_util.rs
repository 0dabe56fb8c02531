//! What a fuzzer gives a wallet to read: journal records, journals with any tail, files of secrets.

use umbel_crypto::keys::Seed;
use umbel_types::encode::{Decode, Encode};
use umbel_types::hash::Hasher;
use umbel_types::{
    Amount, AssetId, BlockHash, DaaScore, Hash32, Memo, Network, OutPoint, TimestampMs, TxId, ZkAddress,
};
use zeroize::Zeroizing;

use crate::coins::Text;
use crate::history::EntryId;
use crate::journal::Chain;
use crate::locks::{LockSpend, OwnLock};
use crate::record::{ChainDelta, PaymentRecord, Record, Spent, TxFact};
use crate::secrets_file::{CHECKSUM, PublicHeader, SecretsFile};
use crate::seed::FirstAddresses;

fn records() -> Vec<Record> {
    let outpoint = OutPoint { source: Hash32([1; 32]), index: 2 };
    let text = |text: &str| Text(text.to_owned());
    let fact = TxFact {
        id: EntryId::Reward(outpoint),
        reward_for: None,
        accepted_in: None,
        daa_score: DaaScore(4),
        time: TimestampMs(5),
        received: Vec::new(),
        spent: vec![Spent { outpoint, asset: AssetId::STR, value: Amount::from_units(6) }],
        fee: Amount::ZERO,
        sent: Vec::new(),
    };
    let payment = PaymentRecord {
        id: 1,
        txs: Vec::new(),
        own: Vec::new(),
        to: text("a"),
        to_self: false,
        asset: AssetId::STR,
        amount: Amount::from_units(7),
        fee: Amount::from_units(8),
        note: text("n"),
        public: true,
        created: TimestampMs(9),
        expires: DaaScore(10),
    };
    let spend = LockSpend { txid: TxId([3; 32]), block: BlockHash([4; 32]), preimage: Some(Hash32([5; 32])) };
    let lock = OwnLock {
        outpoint,
        value: Amount::from_units(11),
        terms: Memo::public_payment(AssetId::STR, Amount::from_units(11), ZkAddress([6; 20])).terms(),
        daa_score: DaaScore(12),
        address: 13,
        nonce: None,
        spent: Some(spend),
    };
    vec![
        Record::Address { index: 1, label: text("rent") },
        Record::Internal(3),
        Record::Sent(Box::new(payment)),
        Record::Dropped { payment: 1, reason: Some(text("r")) },
        Record::Chain(Box::new(ChainDelta { facts: vec![fact], gone: vec![outpoint], ..ChainDelta::default() })),
        Record::Chain(Box::new(ChainDelta { locks: vec![lock], ..ChainDelta::default() })),
        Record::Verified { own: vec![outpoint], foreign: Vec::new() },
    ]
}

fn secrets_file() -> Vec<u8> {
    let first = FirstAddresses::of(&Seed::from_bytes(Zeroizing::new([1; 64])), Network::Devnet);
    let header = PublicHeader { network: Network::Devnet, order: 1, first, name: "a".to_owned(), backed_up: false };
    SecretsFile { header, sealed: vec![1; 40] }.to_bytes()
}

/// Zero and a record; one and patches of a journal; two and a file of secrets; three and its body, to which the right
/// checksum is added.
pub fn seeds() -> Vec<Vec<u8>> {
    let file = secrets_file();
    let mut seeds: Vec<Vec<u8>> = records().iter().map(|record| [vec![0], record.to_bytes()].concat()).collect();
    seeds.extend([vec![1], vec![1, 200, 0, 1], vec![1, 255, 255, 0]]);
    seeds.extend([[vec![2], file.clone()].concat(), [vec![3], file[..file.len() - 32].to_vec()].concat()]);
    seeds
}

/// # Panics
/// Where a property does not hold.
pub fn run(data: &[u8]) {
    let [kind, rest @ ..] = data else { return };
    match kind {
        0 => {
            if let Ok(record) = Record::from_bytes(rest) {
                assert!(record.to_bytes() == rest, "a second encoding of one record");
            }
        }
        1 => a_prefix_of_a_journal_opens(rest),
        2 => secrets(rest, rest == secrets_file()),
        _ => {
            let file = [rest, Hasher::new(CHECKSUM).with_bytes(rest).finish().as_bytes()].concat();
            secrets(&file, false);
        }
    }
}

/// `patches` are triples of a place and a mask. Records before the first changed byte open, none behind it.
fn a_prefix_of_a_journal_opens(patches: &[u8]) {
    const KEY: [u8; 32] = [7; 32];
    let (records, mut chain) = (records(), Chain::new([3; 16]));
    let mut ends = Vec::new();
    let mut written = Vec::new();
    for record in &records {
        written.extend(chain.seal(&KEY, record).expect("records are short"));
        ends.push(written.len());
    }
    let mut bytes = written.clone();
    for [low, high, mask] in patches.as_chunks::<3>().0 {
        let at = usize::from(u16::from_le_bytes([*low, *high])) % bytes.len();
        bytes[at] ^= mask;
    }
    let changed = written.iter().zip(&bytes).position(|(a, b)| a != b).unwrap_or(written.len());
    let intact = ends.iter().filter(|end| **end <= changed).count();
    let mut chain = Chain::new([3; 16]);
    let (mut at, mut opened) = (0, Vec::new());
    while let Some((record, length)) = chain.open(&KEY, &bytes[at..]) {
        opened.push(record);
        at += length;
    }
    assert_eq!(opened, records[..intact]);
}

fn secrets(file: &[u8], must_open: bool) {
    match SecretsFile::from_bytes(file) {
        Ok(read) => assert_eq!(read.to_bytes(), file, "a second encoding of one file"),
        Err(damage) => assert!(!must_open, "an intact file is refused: {damage}"),
    }
}
