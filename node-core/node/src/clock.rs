//! Whether the system's clock can be right.
//!
//! Block times count as truth only as far as proof of work backs them, so nothing here refuses anything: the person is
//! told.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use umbel_api::node::NodeWarning;
use umbel_types::TimestampMs;
use umbel_types::params::MAX_TIME_AHEAD_MS;

/// Difference between two clocks above which one was set: a sleeping machine's monotonic clock may stand still, so the
/// warning names both causes.
const JUMP_MS: u64 = 10_000;
/// How long a jump is told.
const TELL_JUMP_FOR: Duration = Duration::from_secs(600);
/// The program can't run before this: 2026-11-20T00:00:00Z, devnet's genesis.
const EARLIEST: TimestampMs = TimestampMs(1_795_132_800_000);
/// Half a minute: no clock that is set right runs behind by more.
const SLACK_MS: u64 = 30_000;

/// Milliseconds since the Unix epoch; 0 for a clock before it.
pub(crate) fn now() -> TimestampMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimestampMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Compares the wall clock with the monotonic clock.
#[derive(Debug)]
pub(crate) struct ClockWatch {
    wall: TimestampMs,
    steady: Instant,
    jumped: Option<(Instant, i64)>,
}

impl ClockWatch {
    /// Starts from a pair of readings.
    pub(crate) fn new(wall: TimestampMs, steady: Instant) -> Self {
        Self { wall, steady, jumped: None }
    }

    /// Takes the next pair of readings, and the newest chain block's time; says what is wrong.
    pub(crate) fn look(&mut self, wall: TimestampMs, steady: Instant, tip: TimestampMs) -> Option<NodeWarning> {
        let steady_ms = u64::try_from(steady.saturating_duration_since(self.steady).as_millis()).unwrap_or(u64::MAX);
        let expected = self.wall.saturating_add(steady_ms);
        if expected.0.abs_diff(wall.0) > JUMP_MS {
            let jump = i64::try_from(wall.0).unwrap_or(i64::MAX) - i64::try_from(expected.0).unwrap_or(i64::MAX);
            self.jumped = Some((steady, jump / 1_000));
        }
        (self.wall, self.steady) = (wall, steady);
        self.jumped = self.jumped.filter(|(at, _)| steady.saturating_duration_since(*at) < TELL_JUMP_FOR);
        if wall.saturating_add(SLACK_MS) < EARLIEST {
            return Some(warning("the system's clock stands before this program was made; set it right".to_owned()));
        }
        if tip.0 > wall.0.saturating_add(MAX_TIME_AHEAD_MS) {
            let seconds = (tip.0 - wall.0) / 1_000;
            return Some(warning(format!(
                "the system's clock is {seconds} s behind the newest block; set it right, or mined blocks may be refused"
            )));
        }
        self.jumped.map(|(_, seconds)| {
            warning(format!("the system's clock jumped by {seconds} s: it was set, or the machine slept; check it"))
        })
    }
}

fn warning(message: String) -> NodeWarning {
    NodeWarning { code: "clock_off".to_owned(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: TimestampMs = TimestampMs(EARLIEST.0 + 10_000_000_000);

    #[test]
    fn a_steady_clock_is_right() {
        let start = Instant::now();
        let mut watch = ClockWatch::new(NOW, start);
        for s in 1..100u64 {
            let wall = NOW.saturating_add(s * 1_000 + s * 50);
            assert_eq!(watch.look(wall, start + Duration::from_secs(s), NOW), None);
        }
    }

    #[test]
    fn a_jump_is_told_for_a_while() {
        let start = Instant::now();
        let mut watch = ClockWatch::new(NOW, start);
        let told =
            watch.look(NOW.saturating_sub(3_600_000), start + Duration::from_secs(1), NOW.saturating_sub(3_600_000));
        let told = told.unwrap();
        assert!(told.code == "clock_off" && told.message.contains("-3601 s"), "{told:?}");
        let later = NOW.saturating_sub(3_600_000).saturating_add(700_000);
        assert_eq!(watch.look(later, start + Duration::from_secs(701), NOW.saturating_sub(3_600_000)), None);
    }

    #[test]
    fn behind_the_chain_or_before_the_program() {
        let start = Instant::now();
        let mut watch = ClockWatch::new(NOW, start);
        let told = watch.look(NOW, start, NOW.saturating_add(MAX_TIME_AHEAD_MS + 1_000)).unwrap();
        assert!(told.message.contains("behind the newest block"), "{told:?}");
        let old = TimestampMs(1_000_000);
        let told = ClockWatch::new(old, start).look(old, start, old).unwrap();
        assert!(told.message.contains("before this program"), "{told:?}");
    }
}
