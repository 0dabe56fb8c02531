//! `umbel bench`: how fast this machine is, each figure beside a floor that is measured in the same run.
//!
//! The floor is the work that no program of this design can avoid, done directly with the library or on bare memory; each
//! bench says what its own is. The ratio is what counts: an absolute time says as much about the machine as about the
//! program. Figure and floor are measured in turns, and the best of several rounds counts, since other programs can only
//! slow a round down.

mod apply;
mod ghostdag;
mod keys;
mod measurement;
mod payments;
mod prove;
mod qanhash;
mod raw_proofs;
mod scan;
mod start;
mod store;
mod verify;

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use serde_json::json;
use umbel_api::{ApiError, ErrorCode};

use super::Context;
use super::args::{BenchArgs, BenchName};
use measurement::Measurement;

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    /// What the contract of a bench says.
    Full,
    /// Just enough to see that it runs.
    Tiny,
}

impl Size {
    /// The amount for this size.
    fn of<T>(self, full: T, tiny: T) -> T {
        match self {
            Self::Full => full,
            Self::Tiny => tiny,
        }
    }

    /// Rounds of which the best counts.
    fn rounds(self) -> usize {
        self.of(5, 1)
    }
}

/// Runs the benches that were named; all of them where none was.
pub(super) fn run(context: &Context, args: &BenchArgs) -> Result<(), ApiError> {
    use BenchName as Name;
    let all =
        [Name::Verify, Name::Prove, Name::Scan, Name::Apply, Name::Ghostdag, Name::Qanhash, Name::Store, Name::Start];
    let chosen: &[BenchName] = if args.names.is_empty() { &all } else { &args.names };
    let size = if args.tiny { Size::Tiny } else { Size::Full };
    if cfg!(debug_assertions) {
        context.out.note("note: this is a debug build; its figures say nothing about a release");
    }
    let mut measured = Vec::new();
    for name in chosen {
        measured.extend(match name {
            Name::Verify => verify::run(size)?,
            Name::Prove => prove::run(size)?,
            Name::Scan => scan::run(size)?,
            Name::Apply => apply::run(size)?,
            Name::Ghostdag => ghostdag::run(size)?,
            Name::Qanhash => qanhash::run(size),
            Name::Store => store::run(size)?,
            Name::Start => start::run(size)?,
        });
    }
    let value = json!({ "benches": measured.iter().map(Measurement::to_json).collect::<Vec<_>>() });
    let text = if args.markdown {
        measurement::markdown(&measured)
    } else {
        measured.iter().map(Measurement::to_line).collect::<Vec<_>>().join("\n")
    };
    context.out.result(&value, &text);
    Ok(())
}

fn internal(what: impl core::fmt::Display) -> ApiError {
    ApiError::new(ErrorCode::Internal, what.to_string())
}

/// Cores that this process may use.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// How long `work` takes.
fn time<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let done = work();
    (done, started.elapsed())
}

/// Runs figure and floor in turns and gives the best time of each.
fn best_of<E>(
    rounds: usize,
    mut figure: impl FnMut() -> Result<Duration, E>,
    mut floor: impl FnMut() -> Result<Duration, E>,
) -> Result<(Duration, Duration), E> {
    let mut best = (figure()?, floor()?);
    for _ in 1..rounds {
        best = (best.0.min(figure()?), best.1.min(floor()?));
    }
    Ok(best)
}

fn per_second(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

fn millis(count: usize, took: Duration) -> f64 {
    took.as_secs_f64() * 1_000.0 / count as f64
}

/// Runs `work` on each share of `items`, one thread a share, and waits for all.
fn on_cores<T: Sync, R: Send>(items: &[T], threads: usize, work: impl Fn(&[T]) -> R + Sync) -> Vec<R> {
    let share = items.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let started: Vec<_> = items.chunks(share).map(|part| scope.spawn(|| work(part))).collect();
        started.into_iter().filter_map(|thread| thread.join().ok()).collect()
    })
}
