//! SIGKILL at random: a child writes until its parent kills it, over and over.
//!
//! After each kill the database has to be what the batches 1 to some n leave, whole, with n at least the newest that the
//! child told as durable; every record that it names can be read, and the sum over all rows is the stored one.
//! `UMBEL_CRASH_ROUNDS` says how many kills an engine, `UMBEL_CRASH_SEED` which.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::common::{Chance, folder, from_environment, image, reopen};
use super::workload::{Known, Workload};
use umbel_store::StoreKind;

/// Kills of a usual test run, an engine.
const ROUNDS: u64 = 15;
/// Rounds after which a new folder is begun.
const ROUNDS_A_FOLDER: u64 = 25;
/// Most batches that are told as durable before the moment comes.
const MAX_TOLD: u64 = 16;
/// Longest wait behind that batch, in microseconds.
const MAX_WAIT_US: u64 = 8_000;
/// Distinct keys a table: a folder's database grows to some megabytes, and rows are replaced often.
const KEYS: u64 = 400;
/// Of the history that fills a disk.
#[cfg(unix)]
const FULL_SEED: u64 = 90;
/// After which a child that says nothing waits for ever.
#[cfg(unix)]
const HANG: Duration = Duration::from_secs(60);
/// Holds `<engine> <seed> <folder>` where this program is the child.
const CHILD: &str = "UMBEL_CRASH_CHILD";

/// Writes from where the folder ends until it is killed.
fn write_on(kind: StoreKind, seed: u64, dir: &Path) -> ! {
    let workload = Workload { seed, keys: KEYS };
    let store = reopen(kind, dir).store;
    let mut known = Known::default();
    workload.check(&*store, &mut known).unwrap();
    store.tail_is_taken();
    let mut out = std::io::stdout().lock();
    let mut snapshot = None;
    loop {
        let written = workload.write(&*store, &mut known);
        let synced = written.and_then(|step| if step.syncs { store.sync().map(|()| step) } else { Ok(step) });
        let number = known.number;
        let step = match synced {
            Ok(step) => step,
            Err(error) => {
                assert!(!error.is_damage(), "{error}");
                writeln!(out, "failed: {error}").and_then(|()| out.flush()).unwrap();
                std::process::exit(0);
            }
        };
        if number.is_multiple_of(7) {
            snapshot = Some(store.snapshot().unwrap());
        }
        if step.syncs || step.durability == umbel_store::Durability::Immediate {
            writeln!(out, "durable {number}").and_then(|()| out.flush()).unwrap();
        }
        if number.is_multiple_of(11) {
            drop(snapshot.take());
        }
    }
}

/// The child's half: does nothing unless a parent asks for it.
#[test]
fn child() {
    let Ok(asked) = std::env::var(CHILD) else { return };
    let mut words = asked.splitn(3, ' ');
    let mut word = || words.next().unwrap();
    let (name, seed, dir) = (word(), word().parse().unwrap(), word());
    let kind = StoreKind::ON_DISK.iter().find(|kind| kind.name() == name).unwrap();
    write_on(*kind, seed, Path::new(dir))
}

fn spawn(kind: StoreKind, seed: u64, dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["crash::child", "--exact", "--nocapture"])
        .env(CHILD, format!("{kind} {seed} {}", dir.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lets a child write, kills it, and gives the newest batch that it told as durable.
fn write_until_killed(kind: StoreKind, seed: u64, dir: &Path, chance: &mut Chance) -> u64 {
    let mut child = spawn(kind, seed, dir);
    let (mut told, mut told_times) = (0, 0);
    // One in eight is killed while it opens, or soon after.
    let at_least = if chance.below(8) == 0 { 0 } else { 1 + chance.below(MAX_TOLD) };
    let wait = Duration::from_micros(chance.below(if at_least == 0 { 60_000 } else { MAX_WAIT_US }));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut learn = |line: &str| {
        if let Some((_, number)) = line.split_once("durable ") {
            told = number.parse().unwrap();
            told_times += 1;
        }
        told_times
    };
    let mut times = 0;
    while times < at_least {
        let Some(line) = lines.next() else {
            let failed = child.wait_with_output().unwrap();
            panic!("{kind}: the child ended by itself: {}", String::from_utf8_lossy(&failed.stderr));
        };
        times = learn(&line.unwrap());
    }
    std::thread::sleep(wait);
    child.kill().unwrap();
    // What it told before it died counts; a line that was cut off was not told.
    let mut rest: Vec<String> = lines.map_while(Result::ok).collect();
    child.wait().unwrap();
    if rest.last().is_some_and(|line| line.trim_end().parse::<u64>().is_ok()) {
        rest.pop();
    }
    for line in rest {
        learn(&line);
    }
    told
}

/// What came of the kills of one engine.
#[derive(Debug, Default)]
struct Outcome {
    kills: u64,
    told: u64,
    batches: u64,
    /// Folders whose database was moved aside.
    moved_aside: u64,
    failures: Vec<String>,
}

#[allow(clippy::print_stderr, reason = "long runs are reported by these figures")]
fn kill_at_random(kind: StoreKind) -> Outcome {
    let seed = from_environment("UMBEL_CRASH_SEED", 1u64);
    let mut chance = Chance(seed ^ 0xC0FFEE);
    let mut outcome = Outcome::default();
    let rounds = from_environment("UMBEL_CRASH_ROUNDS", ROUNDS);
    let mut dir = folder();
    let (mut known, mut newest_told) = (Known::default(), 0);
    for round in 0..rounds {
        let workload = Workload { seed: seed + round / ROUNDS_A_FOLDER, keys: KEYS };
        if round % ROUNDS_A_FOLDER == 0 {
            dir = folder();
            outcome.batches += known.number;
            (known, newest_told) = (Known::default(), 0);
        }
        let told = write_until_killed(kind, workload.seed, dir.path(), &mut chance);
        newest_told = told.max(newest_told);
        outcome.kills += 1;
        outcome.told += u64::from(told > 0);
        // Every second time a copy is looked at, and the child goes on with what the kill left.
        let copy = (round % 2 == 0).then(|| image(dir.path()));
        let opened = reopen(kind, copy.as_ref().map_or(dir.path(), |copy| copy.path()));
        if let Some(aside) = &opened.recovered {
            outcome.moved_aside += 1;
            outcome.failures.push(format!("round {round}: moved aside: {}", aside.display()));
            dir = folder();
            (known, newest_told) = (Known::default(), 0);
            continue;
        }
        match workload.check(&*opened.store, &mut known) {
            Ok(number) if number >= newest_told => {}
            Ok(number) => {
                outcome
                    .failures
                    .push(format!("round {round}: {newest_told} was told as durable, {number} is the newest"));
            }
            Err(what) => outcome.failures.push(format!("round {round}: {what}")),
        }
    }
    outcome.batches += known.number;
    eprintln!("{kind}: {outcome:?}");
    outcome
}

fn assert_sound(kind: StoreKind) {
    let outcome = kill_at_random(kind);
    assert!(outcome.failures.is_empty(), "{kind}: {outcome:#?}");
    // Otherwise nothing was looked at.
    assert!(outcome.told > 0 && outcome.batches > outcome.kills, "{kind}: {outcome:?}");
}

/// Lets a child write where no file may get longer than some KiB, like on a full disk, until it says that it can't.
#[cfg(unix)]
fn fill_up(kind: StoreKind, dir: &Path, kib: u64) -> (u64, Option<String>) {
    let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", kib * 2);
    let mut child = Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .args(["crash::child", "--exact", "--nocapture"])
        .env(CHILD, format!("{kind} {FULL_SEED} {}", dir.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let read = std::thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>());
    let deadline = std::time::Instant::now() + HANG;
    while child.try_wait().unwrap().is_none() && std::time::Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    // One that waits for ever is ended; what it told counts.
    let _ = child.kill();
    child.wait().unwrap();
    let lines = read.join().unwrap();
    let told = lines.iter().filter_map(|line| line.split_once("durable ")?.1.parse().ok()).max();
    (told.unwrap_or(0), lines.iter().find_map(|line| Some(line.split_once("failed: ")?.1.to_owned())))
}

/// A full disk is told, nobody waits for ever, and nothing that was told is lost.
#[cfg(unix)]
fn assert_full_disk_is_told(kind: StoreKind) {
    for kib in [2_300, 3_000, 4_100] {
        let dir = folder();
        let (told, failed) = fill_up(kind, dir.path(), kib);
        assert!(failed.is_some(), "{kind} with {kib} KiB: no error was told");
        let opened = reopen(kind, dir.path());
        assert!(opened.recovered.is_none(), "{kind} with {kib} KiB: moved aside");
        let workload = Workload { seed: FULL_SEED, keys: KEYS };
        let number = workload.check(&*opened.store, &mut Known::default()).unwrap();
        assert!(
            told > 0 && number >= told,
            "{kind} with {kib} KiB: {told} was told as durable, {number} is the newest"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_full_disk_under_redb_is_told() {
    assert_full_disk_is_told(StoreKind::Redb);
}

#[cfg(unix)]
#[test]
fn a_full_disk_under_sled_is_told() {
    assert_full_disk_is_told(StoreKind::Sled);
}

#[test]
fn a_killed_redb_loses_nothing_that_it_told() {
    assert_sound(StoreKind::Redb);
}

#[test]
fn a_killed_sled_loses_nothing_that_it_told() {
    assert_sound(StoreKind::Sled);
}
