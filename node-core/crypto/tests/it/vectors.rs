//! Frozen vectors: what is derived, stored or proved must never change by accident.
//!
//! Each file in tests/vectors holds lines `name = value`. `UMBEL_WRITE_VECTORS=1 cargo test -p umbel-crypto vectors`
//! writes them anew; the change is then reviewed like code.

use std::fmt::Write as _;
use std::path::Path;

use umbel_crypto::coin::{KeyRole, NewCoin, NoteSize, build_coin, build_payout_key, coinbase_coin};
use umbel_crypto::generators::{asset_base, blinding_base};
use umbel_crypto::keys::address::zk_to_text;
use umbel_crypto::keys::{AccountKeys, Address, AddressIndex, MlDsaRole, Mnemonic};
use umbel_crypto::payment_proof::{PaymentProof, prove_payment, verify_payment};
use umbel_crypto::sealed_file::{KdfCost, open, seal};
use umbel_crypto::verify_transaction_proofs;
use umbel_types::genesis::DEVNET_WORDS;
use umbel_types::tx::InputWitness;
use umbel_types::{AssetId, BlockHash, Decode, Encode, Network, Params, Transaction, TxCore};

use crate::common::{GENESIS, Plan, everything, hidden, new_coin, outpoint, payment, rng, transfer, units, wallet};

fn check(name: &str, entries: &[(String, String)]) {
    let mut text = String::new();
    for (name, value) in entries {
        writeln!(text, "{name} = {value}").unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name);
    if std::env::var_os("UMBEL_WRITE_VECTORS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let frozen = std::fs::read_to_string(&path).unwrap();
    for (line, frozen) in text.lines().zip(frozen.lines()) {
        assert_eq!(line, frozen, "{name}");
    }
    assert_eq!(text.lines().count(), frozen.lines().count(), "{name}");
}

fn entry(name: impl Into<String>, value: impl AsRef<[u8]>) -> (String, String) {
    (name.into(), hex::encode(value))
}

#[test]
fn keys_and_addresses() {
    let seed = Mnemonic::parse(DEVNET_WORDS).unwrap().to_seed("");
    let mut entries = vec![
        entry("B~", blinding_base().compress().0),
        entry("H_STR", asset_base(AssetId::STR).compress().0),
        entry("H_CCOS", asset_base(AssetId::CCOS).compress().0),
    ];
    for network in [Network::Devnet, Network::Testnet, Network::Mainnet] {
        let prefix = Params::of(network).address_prefix;
        for account in [0, 1] {
            let mut keys = AccountKeys::derive(&seed, network, account);
            for index in [AddressIndex::DEFAULT, AddressIndex(1), AddressIndex::PUBLICATION] {
                let address = keys.address(index);
                let name = format!("{network}/{account}/{}", index.0);
                entries.push((name.clone(), address.to_text(prefix)));
                entries.push((format!("{name}/fingerprint"), address.fingerprint().to_string()));
            }
        }
        for (role, name) in [(MlDsaRole::Vote, "vote"), (MlDsaRole::Lock, "lock")] {
            let hash = seed.ml_dsa_key(role, network, 0, 0).key_hash();
            entries.push((format!("{network}/{name}/0"), hash.to_string()));
        }
    }
    for (account, index) in [(0, 0), (0, 1), (1, 0)] {
        let address = seed.secp_key(account, index).address();
        entries.push((format!("secp/{account}/{index}"), zk_to_text(&address)));
        entries
            .push((format!("secp/{account}/{index}/fingerprint"), Address::Zk13str(address).fingerprint().to_string()));
    }
    check("keys.txt", &entries);
}

#[test]
fn coins() {
    let recipient = wallet(2).address(3);
    let x = wallet(1).keys.outgoing.output_scalar(&[outpoint(1), outpoint(2)], &[5; 32], 7);
    let mut entries = Vec::new();
    for (name, note, note_size) in
        [("plain", "", NoteSize::None), ("short", "rent", NoteSize::Short), ("long", "rent", NoteSize::Long)]
    {
        let new = NewCoin { note, note_size, ..new_coin(&recipient, AssetId::STR, 123_456_789, 7) };
        let built = build_coin(&new, &x).unwrap();
        entries.push(entry(format!("{name}/coin"), built.coin.to_bytes()));
        entries.push(entry(format!("{name}/V"), built.value_commitment.0));
    }
    let key = build_payout_key(&recipient, KeyRole::Miner, &mut rng(1));
    entries.push(entry("payout", key.to_bytes()));
    let coinbase = coinbase_coin(&BlockHash([3; 32]), &key, units(10_000_000_000)).unwrap();
    entries.push(entry("coinbase", coinbase.to_bytes()));
    check("coins.txt", &entries);
}

#[test]
fn proofs() {
    let no_range =
        Plan { memos_in: vec![(AssetId::STR, 3)], memos_out: vec![(AssetId::STR, 2)], fee: 1, ..Plan::default() };
    for (name, plan) in
        [("payment", payment()), ("everything", everything()), ("hidden", hidden()), ("public", no_range)]
    {
        let (tx, sighash) = transfer(&plan);
        let mut entries = vec![
            entry("core", tx.core.to_bytes()),
            entry("genesis", GENESIS.0),
            entry("sighash", sighash.0),
            entry("txid", tx.txid().0),
            entry("wtxid", tx.wtxid().0),
        ];
        for (i, input) in tx.witness.inputs.iter().enumerate() {
            let value = match input {
                InputWitness::Coin(proof) => proof.to_vec(),
                other => other.to_bytes(),
            };
            entries.push(entry(format!("input/{i}"), value));
        }
        for (j, proof) in tx.witness.outputs.iter().enumerate() {
            entries.push(entry(format!("output/{j}"), proof));
        }
        entries.push(entry("range", &tx.witness.range_proof));
        entries.push(entry("kernel", tx.witness.kernel));
        entries.push(entry("transaction", tx.to_bytes()));
        check(&format!("transfer_{name}.txt"), &entries);
    }
}

#[test]
fn payment_proof() {
    let core = crate::common::draft(&payment()).core;
    let proof = prove_payment(&wallet(1).keys.outgoing, GENESIS, &core, 0, b"invoice 17", &mut rng(1)).unwrap();
    let entries = [
        entry("core", core.to_bytes()),
        entry("genesis", GENESIS.0),
        entry("challenge", b"invoice 17"),
        entry("proof", proof.to_bytes()),
    ];
    check("payment_proof.txt", &entries);

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/payment_proof.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let frozen = |name: &str| hex::decode(text.lines().find_map(|line| line.strip_prefix(name)).unwrap()).unwrap();
    let (core, proof) = (TxCore::from_bytes(&frozen("core = ")), PaymentProof::from_bytes(&frozen("proof = ")));
    let proven = verify_payment(1313, GENESIS, &core.unwrap(), &proof.unwrap(), &frozen("challenge = ")).unwrap();
    assert_eq!(proven.amount(), units(60));
}

/// A transaction proved long ago still verifies: reads the frozen bytes, not freshly made ones.
#[test]
fn frozen_transactions_verify() {
    for name in ["payment", "everything", "hidden", "public"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/vectors/transfer_{name}.txt"));
        let text = std::fs::read_to_string(path).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("transaction = ")).unwrap();
        let tx = Transaction::from_bytes(&hex::decode(line).unwrap()).unwrap();
        assert_eq!(verify_transaction_proofs(&tx, &tx.core.sighash(GENESIS)), Ok(()));
    }
}

#[test]
fn sealed_file() {
    let cost = KdfCost { memory_kib: 64, passes: 2, lanes: 1 };
    let file = seal(b"sixteen bytes ok", b"correct horse", &cost, &mut rng(1)).unwrap();
    assert!(open(&file, b"correct horse").is_ok());
    check("sealed_file.txt", &[entry("password", b"correct horse"), entry("file", file)]);
}
