//! One seed is one run; what is remembered changes nothing; a rule that is broken is found out.

use std::num::NonZeroUsize;

use umbel_dag::difficulty::{Asert, DifficultyAlgorithm, DifficultyContext, Fixed, SampledWindow};
use umbel_dag::window::MergesetSampler;
use umbel_dag::{DagReader, HeaderFacts, ReadError};
use umbel_types::{CompactTarget, Network, Params};

use super::criteria::Verdict;
use super::figures::Figures;
use super::rules::RememberedWindow;
use super::scenario::{self, EVENT_S, Scenario};
use super::{Options, Rule, RunReport, run, run_one};

/// A scenario, cut to `minutes` after its event.
fn short(name: &str, minutes: u64) -> Scenario {
    let mut scenario = scenario::all().into_iter().find(|scenario| scenario.name == name).expect("in the list");
    scenario.length_s = scenario.event_s() + minutes * 60;
    scenario
}

fn build(rule: Rule) -> impl FnOnce(&Params, HeaderFacts) -> Box<dyn DifficultyAlgorithm> {
    move |params, genesis| rule.build(params, genesis)
}

fn report(
    name: &str,
    scenario: &Scenario,
    make: impl FnOnce(&Params, HeaderFacts) -> Box<dyn DifficultyAlgorithm>,
) -> RunReport {
    let params = Params::of(Network::Devnet);
    let run = run_one(&params, scenario, make, 1).expect("runs");
    RunReport {
        scenario: scenario.name.clone(),
        family: scenario.family.name(),
        rule: name.to_owned(),
        seed: 1,
        figures: Figures::of(scenario, &run, &params),
    }
}

#[test]
fn one_seed_is_one_run_on_any_number_of_threads() {
    let mut options = Options::new(1, 2);
    options.scenarios = vec![Scenario { length_s: 900, ..short("3 h late", 10) }];
    options.rules = vec![Rule::Kip4, Rule::Asert { half_life_s: 3_600 }];
    let alone = run(&options).expect("runs");
    options.jobs = NonZeroUsize::new(4).expect("not zero");
    let side_by_side = run(&options).expect("runs");
    assert_eq!(alone, side_by_side);
    assert_ne!(alone.runs[0].figures, alone.runs[1].figures, "another seed is another run");
    assert_eq!(alone.chosen, None, "one family decides nothing");
}

/// Asks both windows about every block, and compares.
#[derive(Debug)]
struct Both {
    remembered: RememberedWindow,
    plain: SampledWindow,
}

impl DifficultyAlgorithm for Both {
    fn expected_bits(&self, dag: &dyn DagReader, block: &DifficultyContext<'_>) -> Result<CompactTarget, ReadError> {
        let bits = self.remembered.expected_bits(dag, block)?;
        assert_eq!(bits, self.plain.expected_bits(dag, block)?, "at DAA score {}", block.daa_score);
        Ok(bits)
    }
}

#[test]
fn a_window_that_remembers_answers_like_one_that_walks() {
    // A short window moves in and out of many blocks in little time; of the branch's blocks some are forgotten in between.
    let scenario = short("30 % withheld", 8);
    let both = |_: &Params, genesis: HeaderFacts| -> Box<dyn DifficultyAlgorithm> {
        let plain = SampledWindow {
            sampler: MergesetSampler { interval: 3, count: 30, daa_window: 120 },
            min_samples: 10,
            target_block_time_us: 1_000_000,
            genesis_bits: genesis.bits,
        };
        Box::new(Both { remembered: RememberedWindow::new(plain, 10), plain })
    };
    let run = run_one(&Params::of(Network::Devnet), &scenario, both, 3).expect("runs");
    assert!(run.samples.iter().any(|sample| sample.branch.is_some()));
    assert!(run.samples.windows(2).any(|two| two[0].ease != two[1].ease), "the target moves");
}

#[test]
fn a_rule_that_never_moves_is_found_out() {
    let step = short("x10", 70);
    let fixed = report("fixed", &step, |_, genesis| Box::new(Fixed { bits: genesis.bits }));
    let kip4 = report("kip4", &step, build(Rule::Kip4));
    let verdict = Verdict::of("fixed", &[fixed, kip4]);
    assert!(verdict.lost == ["step-up"] && !verdict.wins, "{verdict:?}");
}

#[test]
fn a_rule_that_makes_stale_branches_easy_is_found_out() {
    let stale = short("10 % withheld", 70);
    let hasty = |half_life_s: u32| {
        move |params: &Params, genesis: HeaderFacts| -> Box<dyn DifficultyAlgorithm> {
            let target_block_time_us = params.target_block_time_us;
            Box::new(Asert { anchor: genesis, target_block_time_us, half_life_s, grace: 600 })
        }
    };
    let runs = [report("hasty", &stale, hasty(400)), report("kip4", &stale, build(Rule::Kip4))];
    let verdict = Verdict::of("hasty", &runs);
    assert!(verdict.lost == ["stale"] && verdict.broken.len() == 1 && !verdict.wins, "{verdict:?}");
    // The same with the half-life that is shipped is no worse than KIP-4.
    let runs = [report("asert-3600", &stale, hasty(3_600)), runs[1].clone()];
    let verdict = Verdict::of("asert-3600", &runs);
    assert!(verdict.lost.is_empty() && verdict.broken.is_empty() && verdict.wins, "{verdict:?}");
}

#[test]
fn tolerances_are_where_they_are_said_to_be() {
    let with = |rule: &str, family: &'static str, figures: Figures| RunReport {
        scenario: "s".to_owned(),
        family,
        rule: rule.to_owned(),
        seed: 1,
        figures,
    };
    let settles = |settle_s: f64| Figures { settle_s, ..Figures::default() };
    let loses = |own: f64, kip4: f64| {
        let runs = [with("r", "step-up", settles(own)), with("kip4", "step-up", settles(kip4))];
        let verdict = Verdict::of("r", &runs);
        (!verdict.lost.is_empty(), !verdict.kip4_lost.is_empty())
    };
    assert_eq!(loses(1_300.0, 1_000.0), (false, false), "five minutes are no loss");
    assert_eq!(loses(1_301.0, 1_000.0), (true, false));
    assert_eq!(loses(11_000.0, 10_000.0), (false, false), "ten percent are none");
    assert_eq!(loses(11_001.0, 10_000.0), (true, false));
    assert_eq!(loses(1_000.0, 1_301.0), (false, true), "both are measured alike");
    // The worst seed counts, and a limit stands by itself.
    let gains = |gain_pct: f64| Figures { gain_pct, ..Figures::default() };
    let runs = [with("r", "on-off", gains(1.0)), with("r", "on-off", gains(26.0)), with("kip4", "on-off", gains(26.0))];
    let verdict = Verdict::of("r", &runs);
    assert!(verdict.lost.is_empty() && verdict.broken.len() == 1 && verdict.kip4_broken.len() == 1 && verdict.wins);
}

/// The scenarios speak of the events that they are named after.
#[test]
fn scenarios_are_what_they_say() {
    let all = scenario::all();
    let names: std::collections::BTreeSet<&str> = all.iter().map(|scenario| scenario.name.as_str()).collect();
    assert_eq!(names.len(), all.len(), "each name once");
    let burst = short("x10 for 1 h", 0);
    let at = |second| burst.factor_at(second);
    assert!(at(0) == 1.0 && at(EVENT_S) == 10.0 && at(EVENT_S + 3_599) == 10.0 && at(EVENT_S + 3_600) == 1.0);
}
