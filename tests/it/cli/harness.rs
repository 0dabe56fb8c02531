//! Starting the program, and waiting for what it does.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

/// Password of every wallet here.
pub(super) const PASSWORD: &str = "correct-horse-battery-staple";
/// A node must end this long after it is asked to.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for a node to listen, on a machine that builds beside it.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest wait for a wallet to see what a block brought.
pub(super) const BLOCK_TIMEOUT: Duration = Duration::from_secs(120);
/// Time between two looks.
const POLL: Duration = Duration::from_millis(100);

/// The program. `cargo xtask test` builds it before the tests run; one that is missing or older than its sources is
/// built here.
fn umbel() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let test = std::env::current_exe().expect("a test knows its own path");
        let folder = test.parent().and_then(Path::parent).expect("tests lie in <target>/<profile>/deps");
        let program = folder.join(format!("umbel{}", std::env::consts::EXE_SUFFIX));
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies below the root");
        let built = fs::metadata(&program).and_then(|m| m.modified()).ok();
        if built.is_none_or(|built| built < newest_source(&root.join("node-core"))) {
            let profile = if folder.ends_with("debug") { "dev" } else { "release" };
            let args = ["build", "--package", "umbel-node", "--bin", "umbel", "--profile", profile];
            let status = Command::new(env!("CARGO")).args(args).current_dir(root).status().expect("cargo starts");
            assert!(status.success(), "the program does not build");
        }
        program
    })
}

fn newest_source(folder: &Path) -> SystemTime {
    let mut newest = SystemTime::UNIX_EPOCH;
    for entry in fs::read_dir(folder).expect("the sources are here") {
        let path = entry.expect("the folder can be read").path();
        let skipped = path.ends_with("tests") || path.ends_with("benches");
        if path.is_dir() && !skipped {
            newest = newest.max(newest_source(&path));
        } else if path.extension().is_some_and(|e| e == "rs" || e == "toml") {
            let modified = fs::metadata(&path).and_then(|m| m.modified()).expect("files have times");
            newest = newest.max(modified);
        }
    }
    newest
}

/// Asks until there is an answer, or fails.
pub(super) fn eventually<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {} s: {what}", limit.as_secs());
        std::thread::sleep(POLL);
    }
}

/// What a command printed.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Answer {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("stdout is text"),
            stderr: String::from_utf8(output.stderr).expect("stderr is text"),
        }
    }

    /// The results of a command that prints a line for each.
    pub(super) fn lines(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        self.stdout.lines().map(parse).collect()
    }

    /// The result of a command that has to succeed.
    pub(super) fn ok(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// Code and message of a command that has to fail: JSON on stdout, nothing else.
    pub(super) fn error(&self) -> (String, String) {
        assert!(self.code.is_some_and(|code| code != 0), "{self:?}");
        let value: Value = serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"));
        let text = |key: &str| value["error"][key].as_str().unwrap_or_else(|| panic!("{self:?}")).to_owned();
        (text("code"), text("message"))
    }

    /// Fails with this code, and a message with these words.
    pub(super) fn refused(&self, code: &str, words: &[&str]) {
        let (got, message) = self.error();
        assert_eq!(got, code, "{message}");
        for word in words {
            assert!(message.contains(word), "{word:?} is missing: {message}");
        }
    }
}

/// A data folder of its own, and the program on it.
#[derive(Debug)]
pub(super) struct Folder {
    temporary: tempfile::TempDir,
}

impl Folder {
    pub(super) fn new() -> Self {
        Self { temporary: tempfile::Builder::new().prefix("umbel-cli-").tempdir().expect("a temporary folder") }
    }

    /// Everything of this test.
    pub(super) fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// The data folder.
    pub(super) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Writes a file for a command.
    pub(super) fn file(&self, name: &str, text: &str) -> String {
        let path = self.path().join(name);
        fs::write(&path, text).expect("the folder can be written");
        path.to_str().expect("temporary paths are text").to_owned()
    }

    /// The program with nothing of this machine's own settings, and a password.
    pub(super) fn command(&self) -> Command {
        self.settled(Command::new(umbel()))
    }

    fn settled(&self, mut command: Command) -> Command {
        for name in ["UMBEL_DATA_DIR", "UMBEL_NETWORK", "UMBEL_LOG", "XDG_DATA_HOME"] {
            command.env_remove(name);
        }
        command.env("HOME", self.path()).env("UMBEL_PASSWORD", PASSWORD).stdin(Stdio::null());
        command
    }

    /// Starts a node whose files can't grow beyond so many blocks of 512 bytes: writing fails, as on a full disk.
    #[cfg(unix)]
    pub(super) fn limited_node(&self, blocks: usize, args: &[&str]) -> Node {
        let mut command = Command::new("sh");
        // An ignored signal stays ignored in the program that takes the shell's place.
        command.args(["-c", "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"", "sh", &blocks.to_string()]);
        command.arg(umbel());
        Node::spawn(self, self.settled(command), args)
    }

    /// Runs a command on the data folder, with `--json`.
    pub(super) fn run(&self, args: &[&str]) -> Answer {
        let mut command = self.command();
        command.arg("--json").arg("--data-dir").arg(self.data()).args(args);
        Answer::of(command.output().expect("the program starts"))
    }

    /// Runs a command as a person does: text instead of JSON.
    pub(super) fn run_plain(&self, args: &[&str]) -> Answer {
        let mut command = self.command();
        command.arg("--data-dir").arg(self.data()).args(args);
        Answer::of(command.output().expect("the program starts"))
    }

    /// Starts a node and waits until it listens.
    pub(super) fn node(&self, args: &[&str]) -> Node {
        Node::start(self, args)
    }

    /// Makes a wallet; returns its words and addresses.
    pub(super) fn create(&self, name: &str) -> NewWallet {
        let value = self.run(&["wallet", "create", "--wallet", name]).ok();
        let text = |key: &str| value[key].as_str().unwrap_or_else(|| panic!("{key}: {value}")).to_owned();
        NewWallet { words: text("words"), zk13str: text("zk13str"), confidential: text("confidential") }
    }

    /// Restores a wallet from its words.
    pub(super) fn restore(&self, name: &str, words: &str) -> Value {
        let file = self.file(&format!("{name}.words"), words);
        self.run(&["wallet", "restore", "--wallet", name, "--words-file", &file]).ok()
    }

    /// Balance of STR: spendable, pending, immature, as the program prints them.
    pub(super) fn balance(&self, name: &str) -> [String; 3] {
        let value = self.run(&["wallet", "balance", "--wallet", name]).ok();
        ["spendable", "pending", "immature"].map(|key| value[key].as_str().expect("a decimal string").to_owned())
    }

    /// Waits until a wallet can spend exactly this much.
    pub(super) fn wait_for_spendable(&self, name: &str, amount: &str) {
        eventually(&format!("{name} can spend {amount}"), BLOCK_TIMEOUT, || {
            (self.balance(name)[0] == amount).then_some(())
        });
    }

    /// What the running node says.
    pub(super) fn info(&self) -> Value {
        self.run(&["node", "info"]).ok()
    }

    /// `api.json` of the running node.
    pub(super) fn api(&self) -> Value {
        let text = fs::read_to_string(self.data().join("devnet/api.json")).expect("a running node has api.json");
        serde_json::from_str(&text).expect("api.json is JSON")
    }
}

/// A wallet that was just made.
#[derive(Debug, Clone)]
pub(super) struct NewWallet {
    pub(super) words: String,
    pub(super) zk13str: String,
    pub(super) confidential: String,
}

/// A node in its own process. It is killed when this value is dropped, whatever happened.
#[derive(Debug)]
pub(super) struct Node {
    child: Child,
    out: PathBuf,
    log: PathBuf,
    /// What it printed when it listened.
    pub(super) announced: Value,
}

impl Node {
    fn start(folder: &Folder, args: &[&str]) -> Self {
        Self::spawn(folder, folder.command(), args)
    }

    fn spawn(folder: &Folder, mut command: Command, args: &[&str]) -> Self {
        static STARTS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let start = STARTS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let (out, log) =
            (folder.path().join(format!("node-{start}.out")), folder.path().join(format!("node-{start}.log")));
        command.arg("--json").arg("--data-dir").arg(folder.data()).args(["node", "run"]).args(args);
        let child = command
            .stdout(File::create(&out).expect("the folder can be written"))
            .stderr(File::create(&log).expect("the folder can be written"))
            .spawn()
            .expect("the program starts");
        let mut node = Self { child, out, log, announced: Value::Null };
        node.announced = eventually("the node listens", START_TIMEOUT, || {
            let text = node.stdout();
            let ended = node.child.try_wait().expect("the process can be asked");
            assert!(ended.is_none(), "ended with {ended:?}:\n{text}\n{}", node.log());
            // A line without its end may still be growing.
            text.ends_with('\n').then(|| serde_json::from_str(&text).expect("one line of JSON"))
        });
        node
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All that it printed.
    pub(super) fn stdout(&self) -> String {
        fs::read_to_string(&self.out).expect("the output can be read")
    }

    /// All that it logged.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("the log can be read")
    }

    /// Asks it to end as a system does; it has to do so in time, with exit code 0. Returns its log.
    pub(super) fn stop(mut self) -> String {
        self.signal("TERM");
        let status =
            eventually("the node stops", STOP_TIMEOUT, || self.child.try_wait().expect("the process can be asked"));
        assert!(status.success(), "ended with {status}:\n{}", self.log());
        self.log()
    }

    /// Ends it at once, as SIGKILL and a crash do: nothing is written any more.
    pub(super) fn kill(mut self) {
        self.child.kill().expect("the process is a child of this one");
        self.child.wait().expect("a killed process ends");
    }

    /// Sends a signal by process id. The `kill` program keeps this crate free of unsafe calls.
    fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.expect("kill starts").success());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // It may have ended in between.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(40).collect();
            let mut err = std::io::stderr();
            for line in tail.into_iter().rev() {
                let _ = writeln!(err, "node: {line}");
            }
        }
    }
}

/// Base units in a decimal string with eight decimals.
pub(super) fn units(amount: &str) -> u64 {
    let (whole, fraction) = amount.split_once('.').expect("amounts have a point");
    assert_eq!(fraction.len(), 8, "{amount}");
    whole.parse::<u64>().expect("digits") * 100_000_000 + fraction.parse::<u64>().expect("digits")
}
