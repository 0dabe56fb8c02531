//! `umbel bench`: how fast this machine is, each figure beside a floor that is measured in the same run.
//!
//! The floor is the work that no program of this design can avoid: for `scan` the curve library alone, for `prove` our range
//! proof alone (the library's, and absorbing its statement), for `qanhash` the compressions without the memory reads. The
//! ratio is what counts: an absolute time says as much about the machine as about the program.

use std::hint::black_box;
use std::time::{Duration, Instant};

use curve25519_dalek::ristretto::CompressedRistretto;
use curve25519_dalek::{RistrettoPoint, Scalar};
use rand_core::{Rng, UnwrapErr};
use serde_json::json;
use umbel_api::{ApiError, ErrorCode};
use umbel_crypto::coin::{BuiltCoin, NewCoin, NoteSize, build_coin};
use umbel_crypto::keys::address::AddressIndex;
use umbel_crypto::keys::{AccountKeys, Mnemonic, SecpKey};
use umbel_crypto::range_proof::{RangeStatement, RangeWitnessSecrets};
use umbel_crypto::{Element, InputSecrets, OutputSecrets, ProofContext, prove_transaction};
use umbel_pow::Pow;
use umbel_types::genesis::DEVNET_WORDS;
use umbel_types::params::PowProfile;
use umbel_types::tx::{LockBranch, TX_VERSION};
use umbel_types::{
    Action, Amount, AssetId, BlockHash, DaaRange, Hash32, Input, Memo, Network, OneTimeKey, OutPoint, Output, Params,
    TxCore, TxInput,
};

use super::Context;
use super::args::BenchName;

/// Coins that one view key looks at.
const SCANNED: usize = 4_096;
/// Payments that are built and signed.
const PROVED: usize = 40;
/// Headers whose light proof of work is checked.
const VERIFIED: usize = 400;

/// One figure.
struct Measurement {
    name: &'static str,
    inputs: String,
    figure: f64,
    floor: f64,
    unit: &'static str,
    /// Whether a larger figure is better: rates are, times are not.
    is_rate: bool,
}

impl Measurement {
    /// Figure by floor; for rates above 1 is better, for times below.
    fn ratio(&self) -> f64 {
        self.figure / self.floor
    }

    fn to_json(&self) -> serde_json::Value {
        json!({
            "name": self.name, "inputs": self.inputs, "cores": 1, "figure": rounded(self.figure), "unit": self.unit,
            "floor": rounded(self.floor), "ratio": rounded(self.ratio()),
        })
    }

    fn to_line(&self) -> String {
        let sense = if self.is_rate { "more is better" } else { "less is better" };
        format!(
            "{:<8} {:>10.2} {}  floor {:.2}  ratio {:.2} ({sense})  {}, 1 core",
            self.name,
            self.figure,
            self.unit,
            self.floor,
            self.ratio(),
            self.inputs,
        )
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

/// Runs the benches that were named; all of them where none was.
pub(super) fn run(context: &Context, names: &[BenchName]) -> Result<(), ApiError> {
    let all = [BenchName::Scan, BenchName::Prove, BenchName::Qanhash];
    let chosen: &[BenchName] = if names.is_empty() { &all } else { names };
    if cfg!(debug_assertions) {
        context.out.note("note: this is a debug build; its figures say nothing about a release");
    }
    let mut measured = Vec::new();
    for name in chosen {
        measured.push(match name {
            BenchName::Scan => scan(),
            BenchName::Prove => prove()?,
            BenchName::Qanhash => qanhash()?,
        });
    }
    let value = json!({ "benches": measured.iter().map(Measurement::to_json).collect::<Vec<_>>() });
    let lines: Vec<String> = measured.iter().map(Measurement::to_line).collect();
    context.out.result(&value, &lines.join("\n"));
    Ok(())
}

fn internal(what: impl core::fmt::Display) -> ApiError {
    ApiError::new(ErrorCode::Internal, what.to_string())
}

fn rng() -> UnwrapErr<getrandom::SysRng> {
    UnwrapErr(getrandom::SysRng)
}

fn scalar() -> Scalar {
    let mut wide = [0; 64];
    rng().fill_bytes(&mut wide);
    Scalar::from_bytes_mod_order_wide(&wide)
}

fn keys() -> Result<(AccountKeys, SecpKey), ApiError> {
    let seed = Mnemonic::parse(DEVNET_WORDS).map_err(internal)?.to_seed("");
    Ok((AccountKeys::derive(&seed, Network::Devnet, 0), seed.secp_key(0, 0)))
}

fn per_second(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

fn millis(count: usize, took: Duration) -> f64 {
    took.as_secs_f64() * 1_000.0 / count as f64
}

/// Coins of strangers that one view key looks at. Floor: one variable-base multiplication each, points decoded.
fn scan() -> Measurement {
    let point = || umbel_types::PointBytes(RistrettoPoint::mul_base(&scalar()).compress().0);
    let coins: Vec<OneTimeKey> =
        (0..SCANNED).map(|_| OneTimeKey { g: point(), view: point(), spend: point() }).collect();
    let view_scalar = scalar();
    let started = Instant::now();
    for coin in &coins {
        if let Some(g) = CompressedRistretto(coin.g.0).decompress() {
            black_box(view_scalar * g);
        }
    }
    let floor = per_second(SCANNED, started.elapsed());
    let view = keys().map(|(account, _)| account.view);
    let started = Instant::now();
    let found = view.map_or(0, |view| coins.iter().filter(|coin| view.detects(coin)).count());
    let figure = per_second(SCANNED, started.elapsed());
    black_box(found);
    let inputs = format!("{SCANNED} coins of strangers, one view key");
    Measurement { name: "scan", inputs, figure, floor, unit: "coins/s", is_rate: true }
}

/// A payment of two coins, built and signed. Floor: its range proof alone.
fn prove() -> Result<Measurement, ApiError> {
    let (mut account, key) = keys()?;
    let recipient = account.address(AddressIndex::DEFAULT);
    let outpoint = OutPoint { source: Hash32([1; 32]), index: 0 };
    let memo = Memo::public_payment(AssetId::STR, Amount::from_str_tokens(10), key.address());
    let (fee, paid) = (Amount::from_units(5_000), Amount::from_str_tokens(3));
    let rest = Amount::from_str_tokens(7).checked_sub(fee).map_err(internal)?;
    let started = Instant::now();
    for n in 0..PROVED {
        let salt = [u8::try_from(n).map_err(internal)?; 32];
        let coin = |value, position| {
            let x = account.outgoing.output_scalar(&[outpoint], &salt, position);
            let new = NewCoin {
                recipient: &recipient,
                asset: AssetId::STR,
                value,
                note: "",
                note_size: NoteSize::for_texts([""]).map_err(internal)?,
                position,
            };
            build_coin(&new, &x).map_err(internal)
        };
        let coins = [coin(paid, 0)?, coin(rest, 1)?];
        let output =
            |built: &BuiltCoin| Output::Coin { coin: built.coin.clone(), value_commitment: built.value_commitment };
        let core = TxCore {
            version: TX_VERSION,
            chain: Params::of(Network::Devnet).chain_id,
            action: Action::Transfer,
            inputs: vec![TxInput {
                outpoint,
                consumed: Input::Memo { terms: memo.terms(), branch: LockBranch::Owner },
            }],
            outputs: coins.iter().map(output).collect(),
            fee,
            valid: DaaRange::ALWAYS,
            salt,
        };
        let secrets: Vec<OutputSecrets<'_>> = coins.iter().map(|built| OutputSecrets::Coin(&built.secrets)).collect();
        let sighash = core.sighash(BlockHash([2; 32]));
        let inputs = [InputSecrets::Memo { key: &key }];
        black_box(prove_transaction(&core, &sighash, &inputs, &secrets, &mut rng()).map_err(internal)?);
    }
    let figure = millis(PROVED, started.elapsed());
    let openings: Vec<(u64, Scalar)> = [paid, rest].map(|value| (value.units(), scalar())).to_vec();
    let commitment = |(units, blinding): &(u64, Scalar)| {
        Element::decode(&umbel_crypto::generators::commit_value(*units, blinding)).map_err(internal)
    };
    let commitments = openings.iter().map(commitment).collect::<Result<_, _>>()?;
    let statement = RangeStatement::new(commitments).ok_or_else(|| internal("two values fit a range proof"))?;
    let secrets = RangeWitnessSecrets { openings };
    let place = ProofContext { sighash: Hash32([3; 32]), index: 0 };
    let started = Instant::now();
    for _ in 0..PROVED {
        black_box(statement.prove(&place, &secrets, &mut rng()));
    }
    let floor = millis(PROVED, started.elapsed());
    let inputs = format!("{PROVED} payments of one memo into two coins");
    Ok(Measurement { name: "prove", inputs, figure, floor, unit: "ms", is_rate: false })
}

/// One main-network hash from the cache, which is what a light check costs. Floor: its 128 compressions, as BLAKE3 of 64 bytes each.
fn qanhash() -> Result<Measurement, ApiError> {
    let params = Params::of(Network::Mainnet);
    let pow = Pow::new(PowProfile::Main, params.chain_id, params.daa_of_seconds(604_800));
    let mut header = umbel_ledger::genesis::build(&params, &umbel_types::genesis::devnet()).block.header;
    // The cache of the epoch is made at the first hash.
    let one = |nonce: u64, header: &umbel_types::Header| pow.mine(header, nonce..nonce + 1, || false).map_err(internal);
    one(0, &header)?;
    let started = Instant::now();
    for nonce in 0..VERIFIED as u64 {
        header.nonce = nonce;
        black_box(one(nonce, &header)?);
    }
    let figure = millis(VERIFIED, started.elapsed());
    let block = [7u8; 64];
    let started = Instant::now();
    for n in 0..VERIFIED {
        for _ in 0..128 {
            black_box(blake3::hash(black_box(&block)));
        }
        black_box(n);
    }
    let floor = millis(VERIFIED, started.elapsed());
    let inputs = format!("{VERIFIED} hashes from the 32 MiB cache");
    Ok(Measurement { name: "qanhash", inputs, figure, floor, unit: "ms", is_rate: false })
}
