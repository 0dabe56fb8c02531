//! What decides between two rules. Written down before the first run.
//!
//! 1. Each family of scenarios has criteria. For each the worst figure over scenarios and seeds counts. A rule *loses* a
//!    family if one of them is worse than the other rule's by more than its tolerance; both may lose one.
//! 2. Besides there are limits that no rule may break, whatever the other one does.
//! 3. Fewer broken limits win; then fewer lost families among those whose harm lasts as long as somebody does it; then
//!    fewer lost families at all. On a tie ASERT wins: it needs no window, hence no cache.

use std::collections::BTreeMap;

use serde::Serialize;

use super::RunReport;
use super::figures::Figures;
use super::rules::Rule;
use super::scenario::Family;

/// A figure that is compared.
pub(super) struct Criterion {
    pub(super) family: Family,
    pub(super) name: &'static str,
    pub(super) of: fn(&Figures) -> f64,
    /// How much worse is still no worse: a part of the other rule's figure, and an amount that is noise or harmless.
    tolerance: (f64, f64),
}

/// All of them. Ten percent each; five minutes of schedule are two parts in ten thousand of a month's.
pub(super) const CRITERIA: [Criterion; 17] = [
    Criterion { family: Family::Steady, name: "spread %", of: |f| f.spread_pct, tolerance: (0.1, 0.5) },
    Criterion { family: Family::Steady, name: "lasting %", of: |f| f.lasting_pct, tolerance: (0.1, 0.5) },
    Criterion { family: Family::StepUp, name: "settle s", of: |f| f.settle_s, tolerance: (0.1, 300.0) },
    Criterion { family: Family::StepUp, name: "error s", of: |f| f.error_s, tolerance: (0.1, 300.0) },
    Criterion { family: Family::StepUp, name: "overshoot %", of: |f| f.overshoot_pct, tolerance: (0.1, 5.0) },
    Criterion { family: Family::StepDown, name: "settle s", of: |f| f.settle_s, tolerance: (0.1, 300.0) },
    Criterion { family: Family::StepDown, name: "error s", of: |f| f.error_s, tolerance: (0.1, 300.0) },
    Criterion { family: Family::StepDown, name: "overshoot %", of: |f| f.overshoot_pct, tolerance: (0.1, 5.0) },
    Criterion { family: Family::Burst, name: "error s", of: |f| f.error_s, tolerance: (0.1, 300.0) },
    Criterion { family: Family::Burst, name: "drift s", of: |f| f.drift_s, tolerance: (0.1, 300.0) },
    Criterion { family: Family::Skew, name: "lasting %", of: |f| f.lasting_pct, tolerance: (0.1, 0.5) },
    Criterion { family: Family::Skew, name: "peak %", of: |f| f.peak_pct, tolerance: (0.1, 2.0) },
    Criterion { family: Family::OnOff, name: "gain %", of: |f| f.gain_pct, tolerance: (0.1, 1.0) },
    Criterion { family: Family::OnOff, name: "mean error %", of: |f| f.mean_error_pct, tolerance: (0.1, 2.0) },
    Criterion { family: Family::LateStart, name: "error s", of: |f| f.error_s, tolerance: (0.1, 300.0) },
    Criterion { family: Family::Stale, name: "yield", of: |f| f.branch_yield, tolerance: (0.1, 0.05) },
    Criterion { family: Family::Stale, name: "ease", of: |f| f.branch_ease, tolerance: (0.1, 0.05) },
];

/// A bound that holds for any rule.
struct Limit {
    name: &'static str,
    is_judged: fn(&RunReport) -> bool,
    of: fn(&Figures) -> f64,
    most: f64,
}

const LIMITS: [Limit; 5] = [
    Limit {
        name: "false timestamps of a minority (30 % and less) move the rate lastingly by at most 2 %",
        is_judged: |run| run.family == Family::Skew.name() && !run.scenario.starts_with("51"),
        of: |f| f.lasting_pct,
        most: 2.0,
    },
    Limit {
        name: "ten times or a tenth of the hash rate is settled within 8 h",
        is_judged: |run| run.family == Family::StepUp.name() || run.family == Family::StepDown.name(),
        of: |f| f.settle_s,
        most: 8.0 * 3_600.0,
    },
    Limit {
        name: "after a step the rate overshoots by at most 25 %",
        is_judged: |run| run.family == Family::StepUp.name() || run.family == Family::StepDown.name(),
        of: |f| f.overshoot_pct,
        most: 25.0,
    },
    Limit {
        name: "who comes and goes earns at most 25 % more a hash",
        is_judged: |run| run.family == Family::OnOff.name(),
        of: |f| f.gain_pct,
        most: 25.0,
    },
    Limit {
        name: "a withheld branch is at most 2.5 times easier at the merge depth",
        is_judged: |run| run.family == Family::Stale.name(),
        of: |f| f.branch_ease,
        most: 2.5,
    },
];

/// One criterion on two rules.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Which scenarios.
    pub family: &'static str,
    /// Which figure.
    pub criterion: &'static str,
    /// The rule's figure, the worst over scenarios and seeds.
    pub rule: f64,
    /// KIP-4's.
    pub kip4: f64,
    /// Whether the rule is worse beyond the tolerance.
    pub rule_loses: bool,
    /// Whether KIP-4 is.
    pub kip4_loses: bool,
}

/// A rule beside KIP-4.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The rule's name.
    pub rule: String,
    /// Criterion by criterion.
    pub comparisons: Vec<Comparison>,
    /// Limits that the rule breaks, with its figure.
    pub broken: Vec<(&'static str, f64)>,
    /// Limits that KIP-4 breaks.
    pub kip4_broken: Vec<(&'static str, f64)>,
    /// Families that the rule loses.
    pub lost: Vec<&'static str>,
    /// Families that KIP-4 loses to it.
    pub kip4_lost: Vec<&'static str>,
    /// Whether the rule wins on the whole.
    pub wins: bool,
}

type Score = (usize, usize, usize);

impl Verdict {
    /// Compares `rule` with [`Rule::Kip4`] over all runs of both.
    pub fn of(rule: &str, runs: &[RunReport]) -> Self {
        let kip4 = Rule::Kip4.name();
        let mut comparisons = Vec::new();
        for criterion in &CRITERIA {
            let is_judged = |run: &RunReport| run.family == criterion.family.name();
            let (Some(own), Some(other)) = (
                worst(runs, rule, is_judged).map(|figures| (criterion.of)(&figures)),
                worst(runs, &kip4, is_judged).map(|figures| (criterion.of)(&figures)),
            ) else {
                continue;
            };
            let loses =
                |own: f64, other: f64| own > other + (other.abs() * criterion.tolerance.0).max(criterion.tolerance.1);
            comparisons.push(Comparison {
                family: criterion.family.name(),
                criterion: criterion.name,
                rule: own,
                kip4: other,
                rule_loses: loses(own, other),
                kip4_loses: loses(other, own),
            });
        }
        let lost = families(&comparisons, |comparison| comparison.rule_loses);
        let kip4_lost = families(&comparisons, |comparison| comparison.kip4_loses);
        let (broken, kip4_broken) = (broken(runs, rule), broken(runs, &kip4));
        let wins = score(&broken, &lost) <= score(&kip4_broken, &kip4_lost);
        Self { rule: rule.to_owned(), comparisons, broken, kip4_broken, lost, kip4_lost, wins }
    }

    fn score(&self) -> Score {
        score(&self.broken, &self.lost)
    }
}

/// The rule to ship: the best of those that win against KIP-4, the earlier one on a tie; else KIP-4.
pub fn choose(verdicts: &[Verdict]) -> String {
    let winners = verdicts.iter().filter(|verdict| verdict.wins);
    winners.min_by_key(|verdict| verdict.score()).map_or_else(|| Rule::Kip4.name(), |verdict| verdict.rule.clone())
}

fn score(broken: &[(&'static str, f64)], lost: &[&'static str]) -> Score {
    let lasting: Vec<&str> = Family::JUDGED.iter().filter(|f| f.is_lasting()).map(|f| f.name()).collect();
    (broken.len(), lost.iter().filter(|family| lasting.contains(family)).count(), lost.len())
}

fn families(comparisons: &[Comparison], loses: impl Fn(&Comparison) -> bool) -> Vec<&'static str> {
    let lost = |family: &Family| comparisons.iter().any(|c| c.family == family.name() && loses(c));
    Family::JUDGED.iter().filter(|family| lost(family)).map(|family| family.name()).collect()
}

fn broken(runs: &[RunReport], rule: &str) -> Vec<(&'static str, f64)> {
    let figure = |limit: &Limit| worst(runs, rule, limit.is_judged).map(|figures| (limit.of)(&figures));
    LIMITS.iter().filter_map(|limit| figure(limit).filter(|f| *f > limit.most).map(|f| (limit.name, f))).collect()
}

/// The worst figures of a rule over the runs that count; `None` if there are none.
fn worst(runs: &[RunReport], rule: &str, is_judged: impl Fn(&RunReport) -> bool) -> Option<Figures> {
    let chosen = runs.iter().filter(|run| run.rule == rule && is_judged(run));
    chosen.map(|run| run.figures).reduce(Figures::worst)
}

/// Worst figures over seeds, by scenario and rule, in the order of the runs.
pub(super) fn by_scenario(runs: &[RunReport]) -> Vec<(&RunReport, Figures)> {
    let mut places: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut list: Vec<(&RunReport, Figures)> = Vec::new();
    for run in runs {
        let place = *places.entry((&run.scenario, &run.rule)).or_insert(list.len());
        match list.get_mut(place) {
            Some((_, figures)) => *figures = figures.worst(run.figures),
            None => list.push((run, run.figures)),
        }
    }
    list
}
