//! Plots of rates and of withheld branches, one line for each rule.

use crate::SimError;
use crate::plot::{Frame, Line, Plot, lines};

use super::Trace;
use super::world::Sample;

/// Most points of a line.
const POINTS: usize = 300;

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantity {
    /// The expected block rate.
    Rate,
    /// The target of a withheld branch beside the public one.
    BranchEase,
}

impl Quantity {
    /// In doublings, since ten times too fast and ten times too slow are equally far off.
    fn of(self, sample: &Sample) -> Option<f64> {
        match self {
            Self::Rate => Some(sample.rate.log2()),
            Self::BranchEase => sample.branch.map(|branch| branch.ease.log2()),
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Rate => "block rate in doublings: 0 on target, 1 twice as fast",
            Self::BranchEase => "target on the branch in doublings of the public one",
        }
    }
}

/// A picture of one scenario.
struct Picture {
    scenario: &'static str,
    file: &'static str,
    title: &'static str,
    quantity: Quantity,
}

const PICTURES: [Picture; 7] = [
    Picture { scenario: "x10", file: "0006-x10.svg", title: "Ten times the hash rate", quantity: Quantity::Rate },
    Picture { scenario: "/10", file: "0006-div10.svg", title: "A tenth of the hash rate", quantity: Quantity::Rate },
    Picture {
        scenario: "x10 for 1 h",
        file: "0006-burst.svg",
        title: "Ten times the hash rate for one hour",
        quantity: Quantity::Rate,
    },
    Picture {
        scenario: "30 % alternating",
        file: "0006-skew.svg",
        title: "30 % of the hash rate writes its timestamps at both limits in turn",
        quantity: Quantity::Rate,
    },
    Picture {
        scenario: "+1 tight thresholds",
        file: "0006-onoff.svg",
        title: "As much again comes when blocks are easy and leaves",
        quantity: Quantity::Rate,
    },
    Picture {
        scenario: "bits off by 0.1",
        file: "0006-launch.svg",
        title: "Genesis' bits are ten times too hard",
        quantity: Quantity::Rate,
    },
    Picture {
        scenario: "10 % withheld",
        file: "0006-stale.svg",
        title: "A branch withheld by 10 % of the hash rate",
        quantity: Quantity::BranchEase,
    },
];

/// Pictures of those scenarios that were run.
///
/// # Errors
/// [`SimError::Plot`].
pub fn plots(traces: &[Trace]) -> Result<Vec<Plot>, SimError> {
    let mut plots = Vec::new();
    for picture in &PICTURES {
        let own = traces.iter().filter(|trace| trace.scenario == picture.scenario);
        let drawn: Vec<Line> = own
            .map(|trace| Line { name: trace.rule.clone(), points: points(picture.quantity, &trace.samples) })
            .collect();
        if !drawn.is_empty() {
            let frame = Frame { title: picture.title, x: "hours", y: picture.quantity.label() };
            plots.push(lines(picture.file, frame, &drawn)?);
        }
    }
    Ok(plots)
}

/// Hours and values, at most [`POINTS`].
fn points(quantity: Quantity, samples: &[Sample]) -> Vec<(f64, f64)> {
    let value = |sample: &Sample| quantity.of(sample).map(|value| (sample.second as f64 / 3_600.0, value));
    let all: Vec<(f64, f64)> = samples.iter().filter_map(value).collect();
    let step = all.len().div_ceil(POINTS).max(1);
    all.into_iter().step_by(step).collect()
}
