//! Counting tests over several runners.

use crate::Result;
use crate::process::{describe, run};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

/// Tests that ran.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests that ended well.
    pub(crate) passed: u64,
    /// Tests that did not.
    pub(crate) failed: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// Runs a command that counts as one test.
pub(crate) fn step(command: &mut Command) -> Tally {
    println!("\n== {}", describe(command));
    one(run(command))
}

/// Counts a step that is no command of its own.
pub(crate) fn one<T>(done: Result<T>) -> Tally {
    match done {
        Ok(_) => Tally { passed: 1, failed: 0 },
        Err(error) => {
            eprintln!("{error}");
            Tally { passed: 0, failed: 1 }
        }
    }
}

/// The last line of a counting command.
pub(crate) fn report(tally: Tally) -> Result<()> {
    println!("{tally}");
    if tally.failed == 0 { Ok(()) } else { Err(Reported.into()) }
}

/// A failure that was told already.
#[derive(Debug)]
pub(crate) struct Reported;

impl std::fmt::Display for Reported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("something failed")
    }
}

impl std::error::Error for Reported {}

/// Runs a test runner, passes its output on and counts from its summary lines. A runner that fails without naming a
/// failed test (it did not compile) counts as one failure.
pub(crate) fn count(command: &mut Command) -> Result<Tally> {
    let shown = describe(command);
    println!("\n== {shown}");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("cannot start `{shown}`: {e}"))?;
    let out = child.stdout.take().ok_or("standard output was asked for")?;
    let err = child.stderr.take().ok_or("standard error was asked for")?;
    let side = std::thread::spawn(move || pass_on(err, &mut std::io::stderr()));
    let mut tally = pass_on(out, &mut std::io::stdout());
    tally += side.join().map_err(|_| "the reader of standard error panicked")?;
    let status = child.wait()?;
    if !status.success() && tally.failed == 0 {
        eprintln!("`{shown}` ended with {status}");
        tally.failed = 1;
    }
    Ok(tally)
}

fn pass_on(from: impl Read, to: &mut dyn Write) -> Tally {
    let mut tally = Tally::default();
    // Bytes, not text: a test may print anything. A terminal that is gone does not stop the count.
    for line in BufReader::new(from).split(b'\n').map_while(std::io::Result::ok) {
        let _ = to.write_all(&line).and_then(|()| to.write_all(b"\n"));
        tally += summary(&String::from_utf8_lossy(&line));
    }
    tally
}

/// Reads the closing line of nextest (`Summary [ 1.2s] 5 tests run: 4 passed, 1 failed, 2 skipped`), of the built-in
/// runner (`test result: ok. 3 passed; 0 failed; …`) or of the end-to-end run (`e2e: 3 passed, 0 failed`).
fn summary(line: &str) -> Tally {
    let plain = without_colour(line);
    let line = plain.trim_start();
    if !(line.starts_with("Summary [") || line.starts_with("test result:") || line.starts_with("e2e:")) {
        return Tally::default();
    }
    let number = |word: &str| -> u64 {
        line.split([',', ';', ':', '.', '(', ')'])
            .filter_map(|part| part.trim().strip_suffix(word))
            .filter_map(|number| number.trim().parse::<u64>().ok())
            .sum()
    };
    Tally { passed: number("passed"), failed: number("failed") + number("timed out") }
}

fn without_colour(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            for end in chars.by_ref() {
                if end.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::{Tally, summary};

    #[test]
    fn reads_each_runner() {
        let nextest = "\u{1b}[32m     Summary\u{1b}[0m [   0.3s] 5 tests run: 3 passed (1 slow), 1 failed, 1 timed out, 9 skipped";
        assert_eq!(summary(nextest), Tally { passed: 3, failed: 2 });
        let one = "     Summary [   0.010s] 1 test run: 1 passed, 0 skipped";
        assert_eq!(summary(one), Tally { passed: 1, failed: 0 });
        let built_in =
            "test result: FAILED. 7 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(summary(built_in), Tally { passed: 7, failed: 2 });
        assert_eq!(summary("e2e: 4 passed, 1 failed"), Tally { passed: 4, failed: 1 });
        assert_eq!(summary("I saw 5 passed, 3 failed"), Tally::default());
    }
}
