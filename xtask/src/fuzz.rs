//! `cargo xtask fuzz`: libFuzzer on the targets of `umbel-fuzz`, with the stable compiler.
//!
//! The instrumentation is what libFuzzer asks of any compiler (edge counters and traced comparisons), without a
//! sanitizer: there is no unsafe code to watch. The build has its own target folder, so that its flags never
//! invalidate another.

use crate::process::{cargo, describe, output, run};
use crate::tally::{self, Tally};
use crate::{Result, setup, workspace};
use clap::Args;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// Coverage as libFuzzer reads it.
const INSTRUMENTATION: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];
/// Cargo profile of the fuzzed program.
const PROFILE: &str = "fuzz";
/// Seconds for each target in CI.
pub(crate) const CI_SECONDS: u32 = 15;
/// Most memory of one target, in MiB: a decoder that asks for more on a small input is a finding.
const MAX_RSS_MIB: u32 = 2_048;
/// Longest run of one input, in seconds.
const MAX_INPUT_SECONDS: u32 = 20;
/// Lines of a failed target's output that are shown.
const SHOWN_LINES: usize = 60;

/// Arguments of `cargo xtask fuzz`.
#[derive(Debug, Args)]
pub(crate) struct FuzzArgs {
    /// Targets; without any, all of them
    targets: Vec<String>,
    /// Seconds for each target
    #[arg(long, default_value_t = CI_SECONDS)]
    seconds: u32,
    /// Targets that run at a time; as many as there are cores unless given
    #[arg(long)]
    jobs: Option<usize>,
    /// Run this input once instead: how a finding is looked at again
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
}

/// `cargo xtask fuzz`.
pub(crate) fn command(args: &FuzzArgs) -> Result<()> {
    setup::ensure(setup::Purpose::Fuzz)?;
    let fuzzer = Fuzzer::build()?;
    let chosen = fuzzer.choose(&args.targets)?;
    match (&args.input, chosen.as_slice()) {
        (None, _) => tally::report(fuzzer.run_all(&chosen, args.seconds, args.jobs)),
        (Some(input), [target]) => run(fuzzer.command(target).arg(std::path::absolute(input)?)),
        (Some(_), _) => Err("--input goes with the name of one target".into()),
    }
}

/// All targets, so many seconds each. Each counts as one test.
pub(crate) fn all(seconds: u32) -> Tally {
    let built = Fuzzer::build().and_then(|fuzzer| Ok((fuzzer.targets()?, fuzzer)));
    match built {
        Ok((targets, fuzzer)) => fuzzer.run_all(&targets, seconds, None),
        failed => tally::one(failed),
    }
}

/// A target as the program lists it.
#[derive(Debug, Clone)]
struct Target {
    name: String,
    max_len: String,
}

/// The built program.
#[derive(Debug)]
struct Fuzzer {
    program: PathBuf,
}

/// What libFuzzer said in the end.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Outcome {
    executions: u64,
    coverage: u64,
    corpus: u64,
    peak_rss_mib: u64,
    failed: bool,
}

fn folder(kind: &str, target: &Target) -> PathBuf {
    workspace::fuzz_target_dir().join(kind).join(&target.name)
}

impl Fuzzer {
    /// Builds for the host by name: flags would otherwise reach build scripts too.
    fn build() -> Result<Self> {
        let host = output("rustc", &["--print", "host-tuple"]).ok_or("rustc does not say its host")?;
        let mut build = cargo(&["build", "--package", "umbel-fuzz", "--features", "libfuzzer"]);
        build.args(["--profile", PROFILE, "--target", &host, "--target-dir"]).arg(workspace::fuzz_target_dir());
        run(build.env("RUSTFLAGS", INSTRUMENTATION.join(" ")))?;
        Ok(Self { program: workspace::fuzz_target_dir().join(host).join(PROFILE).join("umbel-fuzz") })
    }

    fn targets(&self) -> Result<Vec<Target>> {
        let listed = Command::new(&self.program).env("UMBEL_FUZZ_TARGET", "list").output()?;
        let listed = String::from_utf8(listed.stdout)?;
        let words = listed.lines().filter_map(|line| line.split_once(' '));
        let targets: Vec<_> =
            words.map(|(name, len)| Target { name: name.to_owned(), max_len: len.to_owned() }).collect();
        if targets.is_empty() { Err("the fuzzed program lists no targets".into()) } else { Ok(targets) }
    }

    fn choose(&self, names: &[String]) -> Result<Vec<Target>> {
        let all = self.targets()?;
        if names.is_empty() {
            return Ok(all);
        }
        let known = all.iter().map(|target| target.name.as_str()).collect::<Vec<_>>().join(", ");
        let find = |name: &String| {
            all.iter().find(|t| t.name == *name).cloned().ok_or_else(|| format!("no target {name}; there are {known}"))
        };
        Ok(names.iter().map(find).collect::<std::result::Result<_, _>>()?)
    }

    fn command(&self, target: &Target) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(workspace::root()).env("UMBEL_FUZZ_TARGET", &target.name);
        command.env("UMBEL_FUZZ_SEEDS", folder("seeds", target)).env("RUST_BACKTRACE", "1");
        command.args([format!("-rss_limit_mb={MAX_RSS_MIB}"), format!("-timeout={MAX_INPUT_SECONDS}")]);
        command
    }

    fn run_all(&self, targets: &[Target], seconds: u32, jobs: Option<usize>) -> Tally {
        let jobs = jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)).max(1);
        println!("\n== fuzz: {} targets, {seconds} s each, {jobs} at a time", targets.len());
        println!("{:<18} {:>12} {:>9} {:>7} {:>9}", "target", "executions", "coverage", "corpus", "peak MiB");
        let queue = Mutex::new(targets.iter().collect::<VecDeque<_>>());
        let total = Mutex::new(Tally::default());
        let next = || queue.lock().ok()?.pop_front();
        std::thread::scope(|scope| {
            for _ in 0..jobs {
                scope.spawn(|| {
                    while let Some(target) = next() {
                        let ran = self.run_one(target, seconds);
                        if let Ok(mut total) = total.lock() {
                            *total += tally::one(ran);
                        }
                    }
                });
            }
        });
        total.into_inner().unwrap_or(Tally { passed: 0, failed: 1 })
    }

    /// Fuzzes one target, then keeps of its corpus what adds coverage.
    fn run_one(&self, target: &Target, seconds: u32) -> Result<()> {
        let [seeds, corpus, findings] = ["seeds", "corpus", "findings"].map(|kind| folder(kind, target));
        for made in [&seeds, &corpus, &findings] {
            std::fs::create_dir_all(made)?;
        }
        let mut fuzz = self.command(target);
        fuzz.arg(format!("-max_total_time={seconds}")).arg(format!("-max_len={}", target.max_len));
        fuzz.args(["-print_final_stats=1", "-verbosity=1"]);
        fuzz.arg(format!("-artifact_prefix={}/", findings.display()));
        fuzz.args([&corpus, &seeds]);
        let regressions = workspace::root().join("fuzz/regressions").join(&target.name);
        if regressions.is_dir() {
            fuzz.arg(&regressions);
        }
        let (outcome, lines) = follow(&mut fuzz)?;
        println!(
            "{:<18} {:>12} {:>9} {:>7} {:>9}{}",
            target.name,
            outcome.executions,
            outcome.coverage,
            outcome.corpus,
            outcome.peak_rss_mib,
            if outcome.failed { "  FINDING" } else { "" },
        );
        if outcome.failed {
            let shown = lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
            let found = newest(&findings).unwrap_or_else(|| findings.clone());
            return Err(format!(
                "{}\n{shown}\nagain: cargo xtask fuzz {} --input {}",
                describe(&fuzz),
                target.name,
                found.display()
            )
            .into());
        }
        self.shrink(target, &corpus)
    }

    /// Replaces the corpus by the inputs that together cover the same.
    fn shrink(&self, target: &Target, corpus: &Path) -> Result<()> {
        let small = corpus.with_extension("small");
        std::fs::create_dir_all(&small)?;
        let mut merge = self.command(target);
        merge.env_remove("UMBEL_FUZZ_SEEDS").arg("-merge=1").args([&small, corpus]);
        let (outcome, _) = follow(&mut merge)?;
        if outcome.failed {
            std::fs::remove_dir_all(&small)?;
            return Err(format!("`{}` failed", describe(&merge)).into());
        }
        std::fs::remove_dir_all(corpus)?;
        Ok(std::fs::rename(&small, corpus)?)
    }
}

fn newest(folder: &Path) -> Option<PathBuf> {
    let files = std::fs::read_dir(folder).ok()?.flatten();
    files.max_by_key(|file| file.metadata().and_then(|meta| meta.modified()).ok()).map(|file| file.path())
}

/// Runs to the end and reads what libFuzzer says; gives the last lines.
fn follow(command: &mut Command) -> Result<(Outcome, VecDeque<String>)> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let said = child.stderr.take().ok_or("standard error was asked for")?;
    let mut outcome = Outcome::default();
    let mut lines = VecDeque::new();
    // Bytes, not text: a panic may print any.
    for line in BufReader::new(said).split(b'\n').map_while(std::io::Result::ok) {
        let line = String::from_utf8_lossy(&line).into_owned();
        outcome.read(&line);
        lines.push_back(line);
        if lines.len() > SHOWN_LINES {
            lines.pop_front();
        }
    }
    outcome.failed = !child.wait()?.success();
    Ok((outcome, lines))
}

impl Outcome {
    /// Reads lines such as `#52934 REDUCE cov: 11 ft: 11 corp: 5/17b …` and `stat::peak_rss_mb: 37`.
    fn read(&mut self, line: &str) {
        if let Some((name, value)) = line.strip_prefix("stat::").and_then(|rest| rest.split_once(':')) {
            match (name, value.trim().parse()) {
                ("number_of_executed_units", Ok(n)) => self.executions = n,
                ("peak_rss_mb", Ok(n)) => self.peak_rss_mib = n,
                _ => {}
            }
        } else if line.starts_with('#') {
            let number = |key: &str| {
                let (_, rest) = line.split_once(key)?;
                rest.trim_start().split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
            };
            self.coverage = number(" cov:").unwrap_or(self.coverage);
            self.corpus = number(" corp:").unwrap_or(self.corpus);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn reads_what_libfuzzer_says() {
        let mut outcome = Outcome::default();
        for line in [
            "INFO: seed corpus: files: 3 min: 1b max: 9b total: 17b rss: 27Mb",
            "#4\tINITED cov: 9 ft: 10 corp: 2/7b exec/s: 0 rss: 27Mb",
            "#52934\tREDUCE cov: 11 ft: 12 corp: 5/17b lim: 509 exec/s: 0 rss: 27Mb L: 4/4 MS: 1 ChangeBit-",
            "stat::number_of_executed_units: 52934",
            "stat::average_exec_per_sec:     0",
            "stat::peak_rss_mb:              37",
        ] {
            outcome.read(line);
        }
        let read = Outcome { executions: 52_934, coverage: 11, corpus: 5, peak_rss_mib: 37, failed: false };
        assert_eq!(outcome, read);
    }
}
