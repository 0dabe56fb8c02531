//! What a person reads of a report.

use super::Report;
use super::criteria::{CRITERIA, by_scenario};
use super::rules::Rule;

impl Report {
    /// Tables: the criteria, then every scenario by its family's criteria. Each figure is the worst over the seeds.
    pub fn to_markdown(&self) -> String {
        let mut out = vec![format!(
            "{} blocks a second, {} seed(s); each figure is the worst over seeds, lower is better",
            self.blocks_per_second, self.seeds
        )];
        out.push(String::new());
        out.extend(self.criteria_table());
        out.push(String::new());
        out.extend(self.verdicts.iter().map(|verdict| {
            let list = |families: &[&str]| if families.is_empty() { "none".to_owned() } else { families.join(", ") };
            let limits = |broken: &[(&'static str, f64)]| match broken {
                [] => "none".to_owned(),
                broken => broken.iter().map(|(limit, got)| format!("{limit}: {got:.1}")).collect::<Vec<_>>().join("; "),
            };
            format!(
                "{}: loses {}; kip4 loses {}; limits it breaks: {}; limits kip4 breaks: {}",
                verdict.rule,
                list(&verdict.lost),
                list(&verdict.kip4_lost),
                limits(&verdict.broken),
                limits(&verdict.kip4_broken)
            )
        }));
        if let Some(chosen) = &self.chosen {
            out.push(format!("chosen: {chosen}; shipped: {}", self.shipped));
        }
        out.push(String::new());
        out.extend(self.scenario_table());
        out.join("\n")
    }

    fn criteria_table(&self) -> Vec<String> {
        let Some(first) = self.verdicts.first() else { return Vec::new() };
        let names = self.verdicts.iter().map(|verdict| verdict.rule.as_str());
        let mut table =
            header(&["family", "criterion", &Rule::Kip4.name()].into_iter().chain(names).collect::<Vec<_>>());
        for (row, comparison) in first.comparisons.iter().enumerate() {
            let cells = self.verdicts.iter().filter_map(|verdict| verdict.comparisons.get(row)).map(|own| {
                let mark = match (own.rule_loses, own.kip4_loses) {
                    (true, _) => " worse",
                    (_, true) => " better",
                    _ => "",
                };
                format!("{}{mark}", shown(own.rule))
            });
            let head = [comparison.family.to_owned(), comparison.criterion.to_owned(), shown(comparison.kip4)];
            table.push(line(&head.into_iter().chain(cells).collect::<Vec<_>>()));
        }
        table
    }

    fn scenario_table(&self) -> Vec<String> {
        let figures = by_scenario(&self.runs);
        let mut rules: Vec<&str> = Vec::new();
        let mut scenarios: Vec<(&str, &str)> = Vec::new();
        for (run, _) in &figures {
            if !rules.contains(&run.rule.as_str()) {
                rules.push(&run.rule);
            }
            if !scenarios.contains(&(run.scenario.as_str(), run.family)) {
                scenarios.push((&run.scenario, run.family));
            }
        }
        let mut table = header(&["scenario", "figure"].into_iter().chain(rules.iter().copied()).collect::<Vec<_>>());
        for (scenario, family) in scenarios {
            // What is shown and not judged: how far off the start is.
            let launch = CRITERIA.iter().filter(|c| family == "launch" && c.family.name() == "step-up");
            for criterion in CRITERIA.iter().filter(|criterion| criterion.family.name() == family).chain(launch) {
                let cells = rules.iter().map(|rule| {
                    let found = figures.iter().find(|(run, _)| run.scenario == scenario && run.rule == *rule);
                    found.map_or_else(String::new, |(_, figures)| shown((criterion.of)(figures)))
                });
                let head = [scenario.to_owned(), criterion.name.to_owned()];
                table.push(line(&head.into_iter().chain(cells).collect::<Vec<_>>()));
            }
        }
        table
    }
}

fn header(cells: &[&str]) -> Vec<String> {
    let rule: Vec<&str> = cells.iter().enumerate().map(|(n, _)| if n < 2 { "---" } else { "--:" }).collect();
    vec![line(cells), format!("|{}|", rule.join("|"))]
}

fn line(cells: &[impl AsRef<str>]) -> String {
    let cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
    format!("| {} |", cells.join(" | "))
}

/// Three or four digits.
fn shown(value: f64) -> String {
    if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
