//! Ends what a run left behind, also when the runner itself was killed.
//!
//! A second process of this program holds the reading end of a pipe. However the runner ends, the pipe closes; the
//! janitor then looks through `/proc` for processes that carry the run's mark in their environment, grandchildren
//! included, ends each by its id, and removes the run's folder.

use crate::Result;
use crate::process::{MARK_VARIABLE, POLL, signal};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Time for the processes to end by themselves before they are killed.
const GRACE: Duration = Duration::from_secs(5);

/// The other process, seen from the runner.
#[derive(Debug)]
pub(crate) struct Janitor {
    child: Child,
    mark: String,
}

impl Janitor {
    /// Starts it for a run in `folder`. Its own process group: an interrupt on the terminal must not end it with the
    /// runner.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        let mark = format!("{}-{}", std::process::id(), since_epoch.as_nanos());
        let child = Command::new(std::env::current_exe()?)
            .arg("--janitor")
            .arg(&mark)
            .arg(folder)
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()?;
        Ok(Self { child, mark })
    }

    /// The mark of this run.
    pub(crate) fn mark(&self) -> &str {
        &self.mark
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Mark and folder, when this process was started as a janitor.
pub(crate) fn requested() -> Option<(String, PathBuf)> {
    let mut args = std::env::args_os().skip(1);
    if args.next()? != "--janitor" {
        return None;
    }
    Some((args.next()?.into_string().ok()?, args.next()?.into()))
}

/// Waits for the pipe to close, then ends every process with the mark and removes the folder.
pub(crate) fn wait_and_clean(mark: &str, folder: &Path) -> ExitCode {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    let deadline = Instant::now() + GRACE;
    let mut name = "TERM";
    loop {
        let left = marked(mark);
        if left.is_empty() {
            // A run that ended by itself has removed it.
            let _ = std::fs::remove_dir_all(folder);
            return ExitCode::SUCCESS;
        }
        if Instant::now() > deadline + GRACE {
            return ExitCode::FAILURE;
        }
        if Instant::now() > deadline {
            name = "KILL";
        }
        for pid in left {
            signal(name, pid);
        }
        std::thread::sleep(POLL);
    }
}

fn marked(mark: &str) -> Vec<u32> {
    let wanted = format!("{MARK_VARIABLE}={mark}");
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(std::result::Result::ok)
        .filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok())
        .filter(|pid| {
            std::fs::read(format!("/proc/{pid}/environ"))
                .is_ok_and(|environment| environment.split(|byte| *byte == 0).any(|v| v == wanted.as_bytes()))
        })
        .collect()
}
