//! What validators can and can't make final.

use crate::{named, plain, small};

/// Wait for a checkpoint, ten seconds of burial, the vote, and the next checkpoint.
#[test]
fn four_validators_make_blocks_final_in_22_to_35_seconds_at_ten_blocks_a_second() {
    let report = plain(small(1, 10, 4, 75));
    assert_eq!(report.violations, []);
    let latency = report.finality.and_then(|finality| finality.latency).expect("blocks became final");
    assert!((22.0..=35.0).contains(&latency.median) && latency.p95 <= 35.0, "{latency:?}");
}

#[test]
fn less_than_a_third_voting_twice_makes_no_second_final_chain() {
    let report = named("equivocating_below", 1);
    assert_eq!(report.violations, []);
    assert_eq!(report.figures["slashed_validators"], 2.0);
    let finality = report.finality.expect("there are validators");
    assert!(!finality.conflicting && finality.finalized > 10, "{finality:?}");
    assert_eq!(
        (finality.validators, finality.accused),
        (7, 2),
        "whoever voted on both sides is found out all the same"
    );
}

#[test]
fn a_third_voting_twice_makes_two_final_chains_and_is_slashed() {
    let report = named("equivocating_above", 3);
    assert_eq!(report.violations, []);
    assert_eq!(report.figures["slashed_validators"], 2.0);
    let finality = report.finality.expect("there are validators");
    assert!(finality.conflicting, "{finality:?}");
    assert_eq!((finality.validators, finality.faulty, finality.accused), (4, 2, 2));
}
