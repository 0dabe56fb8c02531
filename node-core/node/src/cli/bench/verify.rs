//! Blocks of confidential payments, from their bytes to the verdict.

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use umbel_api::ApiError;
use umbel_crypto::coin::{KeyRole, build_payout_key};
use umbel_crypto::keys::AddressIndex;
use umbel_ledger::{IsolationContext, check_txs_on_threads};
use umbel_types::{Body, Decode, Encode, Network, Params, Transaction};

use super::keys::{keys, rng};
use super::measurement::{Goal, Measurement};
use super::payments::{GENESIS, payments};
use super::raw_proofs::{DECODED_POINTS, RawBatch};
use super::{Size, best_of, cores, internal, millis, on_cores, time};

/// Blocks whose payments are checked in one batch.
const BLOCKS: usize = 12;
const FLOOR: &str = "one Bulletproofs+ batch and one multiscalar multiplication of the Sigma points a core";

pub(super) fn run(size: Size) -> Result<Vec<Measurement>, ApiError> {
    let txs = payments(size.of(256, 2 * BLOCKS))?;
    let mut account = keys()?.0;
    let payout = build_payout_key(&account.address(AddressIndex::DEFAULT), KeyRole::Miner, &mut rng());
    let encode =
        |txs: &[Transaction]| Body { payout, extra: Vec::new(), txs: txs.to_vec(), certificate: Vec::new() }.to_bytes();
    let bodies: Vec<Vec<u8>> = txs.chunks(txs.len().div_ceil(BLOCKS)).map(encode).collect();
    let full = fill_block(&txs, Params::of(Network::Devnet).max_body_bytes, encode)?;
    let batched = measure(["verify", "verify/decode"], &bodies, size, |n| {
        format!("{n} payments of two coins into two, batched from {BLOCKS} blocks")
    })?;
    let block = measure(["verify/block", "verify/block/decode"], &[full], size, |n| {
        format!("one block of 64 KiB with {n} such payments")
    })?;
    Ok([batched, block].concat())
}

/// The longest body of `txs` that a block may have.
fn fill_block(
    txs: &[Transaction],
    limit: usize,
    encode: impl Fn(&[Transaction]) -> Vec<u8>,
) -> Result<Vec<u8>, ApiError> {
    let fitting = (1..=txs.len()).map(|n| encode(&txs[..n])).take_while(|body| body.len() <= limit);
    fitting.last().ok_or_else(|| internal("a block holds no payment"))
}

/// The whole check, and the decoding of points by itself: any verifier of bytes does it, while the floor gets points.
fn measure(
    [name, decode_name]: [&'static str; 2],
    bodies: &[Vec<u8>],
    size: Size,
    inputs: impl Fn(usize) -> String,
) -> Result<Vec<Measurement>, ApiError> {
    let threads = cores();
    let (checked, _) = check(bodies, threads)?;
    let raw = on_cores(&vec![(); checked], threads, |part| RawBatch::new(part.len()));
    let raw = raw.into_iter().collect::<Result<Vec<_>, _>>()?;
    let verify = |part: &[RawBatch]| {
        part.iter().try_for_each(|batch| {
            black_box(batch.verify()?);
            Ok(())
        })
    };
    let floor = || {
        let (verified, took) = time(|| on_cores(&raw, raw.len(), verify));
        verified.into_iter().collect::<Result<(), ApiError>>().map(|()| took)
    };
    let (figure, floor) = best_of(size.rounds(), || check(bodies, threads).map(|(_, took)| took), floor)?;
    let decode = |part: &[RawBatch]| part.iter().map(RawBatch::decode).sum::<usize>();
    let decoding = || Ok::<_, ApiError>(time(|| black_box(on_cores(&raw, raw.len(), decode))).1);
    let decoded = best_of(size.rounds(), decoding, decoding)?.0;
    let whole = Measurement {
        name,
        inputs: inputs(checked),
        cores: threads,
        figure: millis(checked, figure),
        floor: millis(checked, floor),
        floor_is: FLOOR,
        unit: "ms",
        goals: &[Goal::RatioAtMost(1.25)],
    };
    let decode = Measurement {
        name: decode_name,
        inputs: format!("the {DECODED_POINTS} points of each of these payments from their bytes"),
        figure: millis(checked, decoded),
        goals: &[],
        ..whole.clone()
    };
    Ok(vec![whole, decode])
}

/// Decodes bodies and checks everything that needs no state. How many transactions, and how long it took.
fn check(bodies: &[Vec<u8>], threads: usize) -> Result<(usize, Duration), ApiError> {
    let context = IsolationContext::new(&Params::of(Network::Devnet), GENESIS);
    let (checked, took) = time(|| {
        let decoded = on_cores(bodies, threads, |part| {
            let decode = |bytes: &Vec<u8>| Body::from_bytes(bytes).map(|body| body.txs.into_iter().map(Arc::new));
            part.iter()
                .map(decode)
                .collect::<Result<Vec<_>, _>>()
                .map(|txs| txs.into_iter().flatten().collect::<Vec<_>>())
        });
        let txs = decoded.into_iter().collect::<Result<Vec<_>, _>>().map_err(internal)?.concat();
        let threads = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
        let isolated = check_txs_on_threads(&txs, &context, threads, rng);
        isolated.map(|txs| txs.len()).map_err(|(index, error)| internal(format!("{index}: {error}")))
    });
    Ok((checked?, took))
}
