//! Which chain blocks are checkpoints.

use core::ops::RangeInclusive;

use umbel_types::BlueScore;

/// # Consensus
/// > Checkpoint n of a chain = its lowest selected-chain block with blue_score ≥ n·E. Genesis is checkpoint 0. (F1)
///
/// The indices that a chain block is the checkpoint of, as a range that may be empty: one block may be several.
///
/// - `parent`: blue score of its selected parent; `None` for genesis.
pub fn checkpoint_indices(blue_score: BlueScore, parent: Option<BlueScore>, interval: u64) -> RangeInclusive<u32> {
    let reached = |score: BlueScore| u32::try_from(score.0 / interval.max(1)).unwrap_or(u32::MAX);
    let first = parent.map_or(0, |parent| reached(parent).saturating_add(1));
    first..=reached(blue_score)
}

/// Whether a chain block is checkpoint `index`.
pub fn is_checkpoint(index: u32, blue_score: BlueScore, parent: Option<BlueScore>, interval: u64) -> bool {
    checkpoint_indices(blue_score, parent, interval).contains(&index)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the definition, on chains whose blue score rises by up to three intervals at once.
    #[test]
    fn every_index_has_one_block_on_a_chain() {
        const E: u64 = 10;
        for step in [1, 3, 9, 10, 11, 25, 30] {
            let scores: Vec<u64> = (0..40).map(|n| n * step).collect();
            for index in 0..=u32::try_from(scores[39] / E).unwrap() {
                let lowest = scores.iter().position(|score| *score >= u64::from(index) * E).unwrap();
                for (at, &score) in scores.iter().enumerate() {
                    let parent = at.checked_sub(1).map(|below| BlueScore(scores[below]));
                    assert_eq!(
                        is_checkpoint(index, BlueScore(score), parent, E),
                        at == lowest,
                        "index {index}, step {step}, block {at}"
                    );
                }
            }
        }
    }
}
