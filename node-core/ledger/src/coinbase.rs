//! Rewards: derived, never transmitted (R10).

use umbel_crypto::coin::coinbase_coin;
use umbel_types::utxo::StoredOutput;
use umbel_types::{Amount, BlockHash, DaaScore, Origin, OutPoint, Params, PayoutKey, UtxoEntry};

/// Subsidy of merged block X: nothing if X no longer counts for difficulty, never more than the pool holds.
pub fn calc_subsidy(params: &Params, daa_score: DaaScore, counts_for_daa: bool, pool: Amount) -> Amount {
    if counts_for_daa { params.subsidy(daa_score).min(pool) } else { Amount::ZERO }
}

/// The coin that chain block C pays for merged block X.
///
/// - `merged`: X; gives the outpoint and the blinding factor.
/// - `payout`: X's key if X is blue and counts for difficulty, else C's.
/// - `accepted_at`: DAA score of C.
///
/// # Errors
/// `None` if the payout key is not made of valid points: a body rule excludes that before.
pub fn reward(
    merged: BlockHash,
    payout: &PayoutKey,
    value: Amount,
    accepted_at: DaaScore,
) -> Option<(OutPoint, UtxoEntry)> {
    let coin = coinbase_coin(&merged, payout, value).ok()?;
    let output = StoredOutput::Coin { coin, public_value: Some(value) };
    let entry = UtxoEntry { output, origin: Origin::Coinbase, daa_score: accepted_at };
    Some((OutPoint::of_coinbase(merged), entry))
}
