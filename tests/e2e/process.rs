//! Child processes of a run: marked, logged to files, ended by their id.

use crate::Result;
use std::ffi::OsStr;
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Marks every process of a run; the janitor looks for it.
pub(crate) const MARK_VARIABLE: &str = "UMBEL_E2E_RUN";
/// Time between two looks at a condition.
pub(crate) const POLL: Duration = Duration::from_millis(40);

/// A process that ends when this value does.
#[derive(Debug)]
pub(crate) struct Guarded {
    child: Child,
    log: PathBuf,
}

impl Guarded {
    /// Starts `command` with its output in `<folder>/<name>.log`.
    pub(crate) fn start(name: &str, command: &mut Command, mark: &str, folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let out = File::create(&log)?;
        let err = out.try_clone()?;
        let child = command
            .env(MARK_VARIABLE, mark)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(|e| format!("cannot start {}: {e}", command.get_program().to_string_lossy()))?;
        Ok(Self { child, log })
    }

    /// What it printed so far.
    pub(crate) fn output(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_else(|e| format!("({}: {e})", self.log.display()))
    }

    /// Waits until the output yields a value.
    pub(crate) fn wait_for_output<T>(
        &mut self,
        what: &str,
        limit: Duration,
        find: impl Fn(&str) -> Option<T>,
    ) -> Result<T> {
        let deadline = Instant::now() + limit;
        loop {
            let text = self.output();
            if let Some(value) = find(&text) {
                return Ok(value);
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("ended with {status} before {what}:\n{text}").into());
            }
            if Instant::now() > deadline {
                return Err(format!("no {what} after {} s:\n{text}", limit.as_secs()).into());
            }
            std::thread::sleep(POLL);
        }
    }

    /// Asks it to end, as a system does, and waits; an exit code other than 0 or a missed deadline is an error.
    pub(crate) fn terminate(mut self, limit: Duration) -> Result<()> {
        signal("TERM", self.child.id());
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                let text = self.output();
                return if status.success() { Ok(()) } else { Err(format!("ended with {status}:\n{text}").into()) };
            }
            if Instant::now() > deadline {
                return Err(format!("still running {} s after SIGTERM:\n{}", limit.as_secs(), self.output()).into());
            }
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Nothing is left to do when it ended in between.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Sends a signal by process id. The `kill` program keeps this crate free of unsafe calls.
pub(crate) fn signal(name: &str, pid: u32) {
    let pid = pid.to_string();
    let _ = Command::new("kill")
        .args([OsStr::new("-s"), OsStr::new(name), OsStr::new(&pid)])
        .stderr(Stdio::null())
        .status();
}

/// A loopback port that was free a moment ago.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
