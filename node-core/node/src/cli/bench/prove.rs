//! A payment of two coins, built and signed.

use std::hint::black_box;
use std::time::Duration;

use umbel_api::ApiError;
use umbel_crypto::{InputSecrets, OutputSecrets, prove_transaction};
use umbel_types::tx::{LockBranch, TX_VERSION};
use umbel_types::{
    Action, Amount, AssetId, DaaRange, Hash32, Input, Memo, Network, OutPoint, Output, Params, TxCore, TxInput,
};

use super::keys::{keys, rng};
use super::measurement::{Goal, Measurement};
use super::payments::{GENESIS, coin};
use super::raw_proofs::RawRangeProof;
use super::{Size, best_of, internal, millis, time};

pub(super) fn run(size: Size) -> Result<Vec<Measurement>, ApiError> {
    let count = size.of(20, 1);
    let raw = RawRangeProof::new()?;
    let floor = || {
        let (proved, took) = time(|| (0..count).try_for_each(|_| raw.prove().map(|proof| drop(black_box(proof)))));
        proved.map(|()| took)
    };
    let (figure, floor) = best_of(size.rounds(), || build(count), floor)?;
    Ok(vec![Measurement {
        name: "prove",
        inputs: format!("{count} payments of one memo into two coins, built and signed"),
        cores: 1,
        figure: millis(count, figure),
        floor: millis(count, floor),
        floor_is: "the library's range proof of two values",
        unit: "ms",
        goals: &[Goal::RatioAtMost(1.3), Goal::AtMost(60.0)],
    }])
}

fn build(count: usize) -> Result<Duration, ApiError> {
    let (mut account, key) = keys()?;
    let outpoint = OutPoint { source: Hash32([1; 32]), index: 0 };
    let memo = Memo::public_payment(AssetId::STR, Amount::from_str_tokens(10), key.address());
    let (fee, paid) = (Amount::from_units(10_000), Amount::from_str_tokens(3));
    let rest = Amount::from_str_tokens(7).checked_sub(fee).map_err(internal)?;
    let (built, took) = time(|| {
        for n in 0..count {
            let salt = [u8::try_from(n % 256).map_err(internal)?; 32];
            let mut coins = Vec::with_capacity(2);
            for (position, value) in (0..).zip([paid, rest]) {
                let x = account.outgoing.output_scalar(&[outpoint], &salt, position);
                coins.push(coin(&mut account, &x, value, position)?);
            }
            let consumed = Input::Memo { terms: memo.terms(), branch: LockBranch::Owner };
            let outputs = coins
                .iter()
                .map(|built| Output::Coin { coin: built.coin.clone(), value_commitment: built.value_commitment });
            let core = TxCore {
                version: TX_VERSION,
                chain: Params::of(Network::Devnet).chain_id,
                action: Action::Transfer,
                inputs: vec![TxInput { outpoint, consumed }],
                outputs: outputs.collect(),
                fee,
                valid: DaaRange::ALWAYS,
                salt,
            };
            let secrets: Vec<_> = coins.iter().map(|built| OutputSecrets::Coin(&built.secrets)).collect();
            let sighash = core.sighash(GENESIS);
            let inputs = [InputSecrets::Memo { key: &key }];
            black_box(prove_transaction(&core, &sighash, &inputs, &secrets, &mut rng()).map_err(internal)?);
        }
        Ok(())
    });
    built.map(|()| took)
}
