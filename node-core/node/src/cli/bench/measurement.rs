//! A figure, its floor, its goal, and why a goal is missed.

use core::fmt;

use serde_json::json;

/// What a figure is compared with, from the design's benchmark contract.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Goal {
    /// Of the ratio.
    RatioAtLeast(f64),
    /// Of the ratio.
    RatioAtMost(f64),
    /// Of the figure, in its unit.
    AtLeast(f64),
    /// Of the figure, in its unit.
    AtMost(f64),
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RatioAtLeast(n) => write!(f, "ratio ≥ {n}"),
            Self::RatioAtMost(n) => write!(f, "ratio ≤ {n}"),
            Self::AtLeast(n) => write!(f, "≥ {n}"),
            Self::AtMost(n) => write!(f, "≤ {n}"),
        }
    }
}

/// One figure.
#[derive(Clone, Debug)]
pub(super) struct Measurement {
    /// Bench, and part of it where it has several.
    pub(super) name: &'static str,
    /// What ran, on what.
    pub(super) inputs: String,
    /// Cores that were used.
    pub(super) cores: usize,
    /// The figure.
    pub(super) figure: f64,
    /// The same unit, measured in the same run.
    pub(super) floor: f64,
    /// What the floor is.
    pub(super) floor_is: &'static str,
    /// Unit of both.
    pub(super) unit: &'static str,
    /// What it should be; none where only the trend matters.
    pub(super) goals: &'static [Goal],
}

impl Measurement {
    /// Figure by floor; for rates above 1 is better, for times below.
    fn ratio(&self) -> f64 {
        self.figure / self.floor
    }

    fn meets(&self, goal: Goal) -> bool {
        match goal {
            Goal::RatioAtLeast(n) => self.ratio() >= n,
            Goal::RatioAtMost(n) => self.ratio() <= n,
            Goal::AtLeast(n) => self.figure >= n,
            Goal::AtMost(n) => self.figure <= n,
        }
    }

    fn is_met(&self) -> bool {
        self.goals.iter().all(|goal| self.meets(*goal))
    }

    fn goal(&self) -> String {
        self.goals.iter().map(Goal::to_string).collect::<Vec<_>>().join(", ")
    }

    /// Why the goal is missed, where it is.
    fn reason(&self) -> Option<&'static str> {
        let known = REASONS.iter().find(|(name, _)| *name == self.name).map(|(_, reason)| *reason);
        if self.is_met() { None } else { Some(known.unwrap_or("not looked into on such a machine")) }
    }

    pub(super) fn to_json(&self) -> serde_json::Value {
        json!({
            "name": self.name, "inputs": self.inputs, "cores": self.cores, "figure": rounded(self.figure),
            "unit": self.unit, "floor": rounded(self.floor), "floor_is": self.floor_is, "ratio": rounded(self.ratio()),
            "goal": self.goal(), "met": self.is_met(), "reason": self.reason(),
        })
    }

    pub(super) fn to_line(&self) -> String {
        let verdict = match (self.goals.is_empty(), self.reason()) {
            (true, _) => String::new(),
            (false, None) => format!("  goal {}: met", self.goal()),
            (false, Some(reason)) => format!("  goal {}: missed: {reason}", self.goal()),
        };
        format!(
            "{:<19} {:>12} {:<9} floor {:>12}  ratio {:>6.2}  {}, {}; floor: {}{verdict}",
            self.name,
            shown(self.figure),
            self.unit,
            shown(self.floor),
            self.ratio(),
            self.inputs,
            cores(self.cores),
            self.floor_is,
        )
    }
}

/// Why a goal is missed on the reference machine, as it was measured there.
const REASONS: [(&str, &str); 6] = [
    ("verify", VERIFY),
    ("verify/block", VERIFY),
    ("ghostdag/k18", GHOSTDAG),
    ("ghostdag/k124", GHOSTDAG),
    ("ghostdag/k362", GHOSTDAG),
    ("qanhash/light", QANHASH),
];
/// CPU time of 128 payments on one core, in three runs.
const VERIFY: &str = "decoding points is 0.39 to 0.45 of the floor by itself (the row with decode), and the library has no \
                      decoder of many at once; transcripts, the kernel's excess and allocations take 0.13 to 0.17, \
                      weights and the copies of generators that the range proof library asks for 0.08 to 0.12, hashes 0.04";
/// CPU time of 10,000 headers.
const GHOSTDAG: &str = "the floor knows the whole graph beforehand and takes n²/8 bytes; the same colouring on arrays, with \
                        the reachability that a growing graph needs, takes 1.8, 8.1 and 24.8 µs a header at k = 18, 124 and \
                        362, finding blocks by id adds 2.8, 7.5 and 24.4, and windows, difficulty and bounded merge 1.8, \
                        1.3 and 3.5";
const QANHASH: &str = "8,192 dependent steps of two reads from 32 MiB take 0.62 to 0.88 ms in quiet moments of a machine with a \
                       shared cache; 256 parents were chosen all the same (docs/adr/0005-qanhash-parameters.md)";

/// A table for a document: the figures, then each floor, then why a goal is missed.
pub(super) fn markdown(measured: &[Measurement]) -> String {
    let mut lines =
        vec!["| bench | figure | floor | ratio | goal | |".to_owned(), "|---|--:|--:|--:|---|---|".to_owned()];
    lines.extend(measured.iter().map(|m| {
        let verdict = match (m.goals.is_empty(), m.is_met()) {
            (true, _) => "",
            (false, true) => "met",
            (false, false) => "missed",
        };
        let (figure, floor, unit) = (shown(m.figure), shown(m.floor), m.unit);
        format!("| {} | {figure} {unit} | {floor} | {:.2} | {} | {verdict} |", m.name, m.ratio(), m.goal())
    }));
    let told = |m: &Measurement| Some(format!("{}, {}; floor: {}", m.inputs, cores(m.cores), m.floor_is));
    lines.push("\nWhat ran, and what its floor is:\n".to_owned());
    lines.extend(grouped(measured, told));
    if measured.iter().any(|m| m.reason().is_some()) {
        lines.push("\nWhy a goal is missed:\n".to_owned());
        lines.extend(grouped(measured, |m| m.reason().map(str::to_owned)));
    }
    lines.join("\n")
}

/// One line for each text, naming the benches that share it.
fn grouped(measured: &[Measurement], text: impl Fn(&Measurement) -> Option<String>) -> Vec<String> {
    let mut groups: Vec<(Vec<&str>, String)> = Vec::new();
    for (m, text) in measured.iter().filter_map(|m| Some((m, text(m)?))) {
        match groups.iter_mut().find(|(_, known)| *known == text) {
            Some((names, _)) => names.push(m.name),
            None => groups.push((vec![m.name], text)),
        }
    }
    groups.into_iter().map(|(names, text)| format!("- **{}**: {text}", names.join(", "))).collect()
}

fn cores(n: usize) -> String {
    if n == 1 { "1 core".to_owned() } else { format!("{n} cores") }
}

/// Three significant digits or whole numbers, with thousands set apart.
fn shown(value: f64) -> String {
    if value < 10.0 {
        return format!("{value:.3}");
    }
    if value < 1_000.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measurement(figure: f64, goals: &'static [Goal]) -> Measurement {
        Measurement {
            name: "x",
            inputs: "one".to_owned(),
            cores: 2,
            figure,
            floor: 2.0,
            floor_is: "bare",
            unit: "ms",
            goals,
        }
    }

    #[test]
    fn a_goal_is_met_or_has_a_reason() {
        let goals: &[Goal] = &[Goal::RatioAtMost(1.25), Goal::AtMost(60.0)];
        assert!(measurement(2.5, goals).is_met());
        let missed = measurement(2.6, goals);
        assert!(!missed.is_met() && missed.reason().is_some());
        assert!(measurement(61.0, &[Goal::RatioAtLeast(1.0), Goal::AtLeast(61.0)]).is_met());
        assert!(!measurement(1.0, &[Goal::RatioAtLeast(0.6)]).is_met());
        assert_eq!(missed.to_json()["met"], false);
        let table = markdown(&[measurement(2.6, goals), missed.clone()]);
        assert!(table.contains("| x | 2.600 ms | 2.000 | 1.30 | ratio ≤ 1.25, ≤ 60 | missed |"), "{table}");
        assert!(table.contains("- **x, x**: one, 2 cores; floor: bare\n"), "{table}");
        assert!(missed.to_line().contains("goal ratio ≤ 1.25, ≤ 60: missed"));
    }

    #[test]
    fn figures_are_readable() {
        for (value, text) in [(0.5, "0.500"), (12.34, "12.3"), (1_234.4, "1,234"), (1_234_567.0, "1,234,567")] {
            assert_eq!(shown(value), text);
        }
    }
}
