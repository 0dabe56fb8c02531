//! What happens to a network: hash rates over time, and what an attacker does with its share.

/// Seconds until a scenario's event: twice the window, so that every rule has come to rest.
pub const EVENT_S: u64 = 5_400;

/// Scenarios that answer one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Nothing happens.
    Steady,
    /// Hash rate times ten, and it stays.
    StepUp,
    /// Hash rate by ten, and it stays.
    StepDown,
    /// Ten times the hash rate for an hour.
    Burst,
    /// Timestamps at the limits of R7.
    Skew,
    /// Hash power that comes when blocks are easy and leaves when they are not.
    OnOff,
    /// Mining starts long after genesis' timestamp.
    LateStart,
    /// A withheld branch: how easy do its blocks get?
    Stale,
    /// Genesis' bits are not those of the hash rate. Shown, not judged: both rules keep them for ten minutes.
    Launch,
}

impl Family {
    /// All that are judged.
    pub const JUDGED: [Self; 8] = [
        Self::Steady,
        Self::StepUp,
        Self::StepDown,
        Self::Burst,
        Self::Skew,
        Self::OnOff,
        Self::LateStart,
        Self::Stale,
    ];

    /// As tables show it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::StepUp => "step-up",
            Self::StepDown => "step-down",
            Self::Burst => "burst",
            Self::Skew => "skew",
            Self::OnOff => "on-off",
            Self::LateStart => "late-start",
            Self::Stale => "stale",
            Self::Launch => "launch",
        }
    }

    /// Whether the harm goes on for as long as somebody keeps doing it. The other kind ends by itself.
    pub fn is_lasting(self) -> bool {
        matches!(self, Self::Steady | Self::Skew | Self::OnOff | Self::Stale)
    }
}

/// Timestamps that an attacker writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skew {
    /// 132 s ahead, the most that R7 lets through.
    Ahead,
    /// A millisecond above the past median time, the least.
    Back,
    /// The one and the other in turn.
    Alternating,
}

/// When an attacker mines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Presence {
    /// It comes when the difficulty is below the first figure and leaves when it is above the second. 1 is the difficulty
    /// at which the honest miners alone keep the rate.
    Thresholds(f64, f64),
    /// It mines for half of every so many seconds.
    Period(u64),
}

/// What an attacker does from [`EVENT_S`] on. Until then it mines honestly, or not at all if it comes and goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Conduct {
    /// Writes false timestamps.
    Skew(Skew),
    /// Comes and goes.
    OnOff(Presence),
    /// Mines a branch of its own that nobody sees, with timestamps 132 s ahead.
    Withhold,
}

/// A miner that does not keep to custom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attacker {
    /// Its hash rate; the honest miners have the rest to 1, or 1 if it comes and goes.
    pub hash_rate: f64,
    /// What it does.
    pub conduct: Conduct,
}

/// One thing that happens to a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// As tables show it.
    pub name: String,
    /// Which question it belongs to.
    pub family: Family,
    /// Seconds of virtual time.
    pub length_s: u64,
    /// Factors of the hash rate and the seconds from which on they hold, ascending; 1 before the first.
    pub hash_rate: Vec<(u64, f64)>,
    /// Who does what.
    pub attacker: Option<Attacker>,
    /// Seconds between genesis' timestamp and the first hash.
    pub late_s: u64,
}

impl Scenario {
    /// Seconds from which on it is measured.
    pub fn event_s(&self) -> u64 {
        if matches!(self.family, Family::LateStart | Family::Launch) { 0 } else { EVENT_S }
    }

    /// Factor of the hash rate.
    pub fn factor_at(&self, second: u64) -> f64 {
        self.hash_rate.iter().rev().find(|(from, _)| *from <= second).map_or(1.0, |(_, factor)| *factor)
    }
}

/// An hour.
const HOUR: u64 = 3_600;

fn plain(name: &str, family: Family, hours: u64, hash_rate: Vec<(u64, f64)>) -> Scenario {
    let event_s = if family == Family::Launch { 0 } else { EVENT_S };
    let length_s = event_s + hours * HOUR;
    Scenario { name: name.to_owned(), family, length_s, hash_rate, attacker: None, late_s: 0 }
}

fn attacked(name: String, family: Family, hours: u64, hash_rate: f64, conduct: Conduct) -> Scenario {
    let attacker = Some(Attacker { hash_rate, conduct });
    Scenario { attacker, name, ..plain("", family, hours, Vec::new()) }
}

/// Every scenario.
pub fn all() -> Vec<Scenario> {
    let mut list = vec![
        plain("steady", Family::Steady, 12, Vec::new()),
        plain("x10", Family::StepUp, 8, vec![(EVENT_S, 10.0)]),
        plain("/10", Family::StepDown, 12, vec![(EVENT_S, 0.1)]),
        plain("x10 for 1 h", Family::Burst, 12, vec![(EVENT_S, 10.0), (EVENT_S + HOUR, 1.0)]),
    ];
    for percent in [10u32, 30, 51] {
        for (name, skew) in [("ahead", Skew::Ahead), ("back", Skew::Back), ("alternating", Skew::Alternating)] {
            let share = f64::from(percent) / 100.0;
            list.push(attacked(format!("{percent} % {name}"), Family::Skew, 6, share, Conduct::Skew(skew)));
        }
    }
    for size in [1.0f64, 4.0] {
        // Alone the honest miners make difficulty 1, with the attacker 1 + size.
        let at = |part: f64| 1.0 + part * size;
        let kinds = [
            ("tight thresholds", Presence::Thresholds(at(0.05), at(0.2))),
            ("wide thresholds", Presence::Thresholds(at(0.1), at(0.6))),
            ("every 20 min", Presence::Period(1_200)),
            ("every hour", Presence::Period(HOUR)),
            ("every 4 h", Presence::Period(4 * HOUR)),
        ];
        for (name, presence) in kinds {
            list.push(attacked(format!("+{size} {name}"), Family::OnOff, 12, size, Conduct::OnOff(presence)));
        }
    }
    for hours in [1u64, 3] {
        let started = plain("", Family::Launch, 8, Vec::new());
        let (name, late_s) = (format!("{hours} h late"), hours * HOUR);
        list.push(Scenario { name, late_s, family: Family::LateStart, ..started });
    }
    for percent in [10u32, 30, 45] {
        let share = f64::from(percent) / 100.0;
        list.push(attacked(format!("{percent} % withheld"), Family::Stale, 2, share, Conduct::Withhold));
    }
    for factor in [0.1f64, 10.0, 30.0] {
        list.push(plain(&format!("bits off by {factor}"), Family::Launch, 8, vec![(0, factor)]));
    }
    list
}
