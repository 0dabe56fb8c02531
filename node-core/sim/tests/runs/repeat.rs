//! One seed, one run.

use umbel_sim::RunReport;

use crate::{plain, small};

fn timeless(report: RunReport) -> RunReport {
    RunReport { real_s: 0.0, ..report }
}

#[test]
fn one_seed_gives_one_run_and_another_seed_another() {
    let of = |seed| timeless(plain(small(seed, 2, 3, 40)));
    let (first, again, other) = (of(1), of(1), of(2));
    assert_eq!(first, again);
    assert_ne!(first.digest, other.digest);
    assert_eq!(first.violations, []);
    assert!(first.blocks.made > 40 && first.payments.accepted > 0, "{first:?}");
}
