//! What each command needs on this machine: found, or printed and installed.

use crate::process::{find_program, output, run};
use crate::wasm::{self, WasmCompiler};
use crate::{Result, process, workspace};
use clap::Args;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Debian packages that the app links or starts.
const APP_PACKAGES: [&str; 6] = [
    "pkg-config",
    "libwebkit2gtk-4.1-dev",
    "libayatana-appindicator3-dev",
    "librsvg2-dev",
    "libxdo-dev",
    "libdbus-1-dev",
];
/// Debian packages for the end-to-end run: a display, a session bus, both browsers with their drivers.
const E2E_PACKAGES: [&str; 6] =
    ["xvfb", "dbus-x11", "webkit2gtk-driver", "chromium", "chromium-driver", "fonts-dejavu-core"];
/// libFuzzer is C++ and is built from the source in its crate.
const FUZZ_PACKAGES: [&str; 1] = ["g++"];
/// Debian's compiler that carries the library source for wasm32.
const WASM_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];
/// Cargo programs for `test`, with the version that was seen to work.
const TEST_PROGRAMS: [(&str, &str); 2] = [("cargo-nextest", "0.9"), ("cargo-deny", "0.20")];
/// WebDriver in front of the app's own window.
const WINDOW_DRIVER: (&str, &str) = ("tauri-driver", "2.1");
/// Cargo's release profile for those programs.
const QUICK_BUILD: [(&str, &str); 4] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
];
/// Longest wait for rustup's server before Debian's compiler is taken. A reachable one answers in seconds.
const RUSTUP_TIMEOUT: Duration = Duration::from_secs(180);

/// Arguments of `cargo xtask setup`.
#[derive(Debug, Args)]
pub(crate) struct SetupArgs {
    /// What to set up for
    #[arg(long = "for", value_enum, default_value = "test")]
    purpose: Purpose,
    /// Only print what is missing; exit code 1 when something is
    #[arg(long)]
    check: bool,
}

/// What the machine is made ready for. Each one includes only what it uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Purpose {
    /// The UI bundle
    Ui,
    /// The app, in a window
    Run,
    /// The same page in a browser, without a window
    Web,
    /// Formatting, lints, rules
    Check,
    /// The end-to-end run
    E2e,
    /// Fuzzing
    Fuzz,
    /// Everything
    Test,
}

impl Purpose {
    fn packages(self) -> Vec<&'static str> {
        let mut packages = Vec::new();
        if matches!(self, Self::Run | Self::Check | Self::E2e | Self::Test) {
            packages.extend(APP_PACKAGES);
        }
        if matches!(self, Self::E2e | Self::Test) {
            packages.extend(E2E_PACKAGES);
        }
        if matches!(self, Self::Fuzz | Self::Test) {
            packages.extend(FUZZ_PACKAGES);
        }
        packages
    }

    fn programs(self) -> Vec<(&'static str, &'static str)> {
        let mut programs = Vec::new();
        match self {
            Self::Ui | Self::Run | Self::Web | Self::Fuzz => {}
            Self::Check => programs.push(TEST_PROGRAMS[1]),
            Self::E2e => programs.push(WINDOW_DRIVER),
            Self::Test => {
                programs.extend(TEST_PROGRAMS);
                programs.push(WINDOW_DRIVER);
            }
        }
        programs
    }
}

/// What a purpose lacks here.
#[derive(Debug, Default)]
struct Missing {
    packages: Vec<&'static str>,
    wasm: bool,
    programs: Vec<(&'static str, &'static str)>,
    components: Vec<&'static str>,
}

impl Missing {
    fn find(purpose: Purpose) -> Self {
        let programs = purpose.programs().into_iter().filter(|(name, _)| find_program(name).is_none()).collect();
        let mut components = Vec::new();
        if matches!(purpose, Purpose::Check | Purpose::Test) {
            components.extend(["rustfmt", "clippy"].into_iter().filter(|c| !has_component(c)));
        }
        Self {
            packages: missing_packages(&purpose.packages()),
            wasm: purpose != Purpose::Fuzz && WasmCompiler::find().is_none(),
            programs,
            components,
        }
    }

    fn is_empty(&self) -> bool {
        self.packages.is_empty() && !self.wasm && self.programs.is_empty() && self.components.is_empty()
    }

    fn print(&self) {
        println!("Missing on this machine, to be installed now:");
        if !self.packages.is_empty() {
            println!("  Debian packages (apt-get): {}", self.packages.join(" "));
        }
        if self.wasm {
            println!(
                "  wasm32 compiler: `rustup target add {}`; where rustup's server cannot be reached, Debian's {}",
                wasm::TARGET,
                WASM_PACKAGES.join(" and ")
            );
        }
        for component in &self.components {
            println!("  toolchain component (rustup): {component}");
        }
        for (name, version) in &self.programs {
            println!("  cargo program (cargo install, into cargo's own bin folder): {name} {version}");
        }
    }

    fn install(&self) -> Result<()> {
        install_packages(&self.packages)?;
        if self.wasm {
            install_wasm()?;
        }
        for component in &self.components {
            run(&mut plain("rustup", &["component", "add", component]))?;
        }
        for (name, version) in &self.programs {
            let mut install = process::cargo(&["install", name, "--version", &format!("^{version}"), "--locked"]);
            // They run for seconds: what counts is how soon they are there.
            for (name, value) in QUICK_BUILD {
                install.env(name, value);
            }
            // A shared target folder would keep the build of a program that is built once.
            run(install.env_remove("CARGO_TARGET_DIR"))?;
        }
        Ok(())
    }
}

/// `cargo xtask setup`.
pub(crate) fn command(args: &SetupArgs) -> Result<()> {
    if args.check {
        let missing = Missing::find(args.purpose);
        if missing.is_empty() {
            println!("nothing missing");
            return Ok(());
        }
        missing.print();
        return Err("something is missing; run without --check to install it".into());
    }
    ensure(args.purpose)?;
    println!("nothing missing");
    Ok(())
}

/// Installs what `purpose` lacks, printing it first; does and prints nothing when nothing is missing.
pub(crate) fn ensure(purpose: Purpose) -> Result<()> {
    let missing = Missing::find(purpose);
    if missing.is_empty() {
        return Ok(());
    }
    missing.print();
    missing.install()?;
    let left = Missing::find(purpose);
    if left.is_empty() { Ok(()) } else { Err(format!("still missing after installing: {left:?}").into()) }
}

fn missing_packages(packages: &[&'static str]) -> Vec<&'static str> {
    if cfg!(not(target_os = "linux")) {
        return Vec::new(); // the webview is part of macOS and Windows; the other parts are for Linux CI
    }
    if find_program("dpkg-query").is_none() {
        return missing_elsewhere(packages);
    }
    packages
        .iter()
        .copied()
        .filter(|package| {
            output("dpkg-query", &["-W", "-f", "${db:Status-Status}", package]).as_deref() != Some("installed")
        })
        .collect()
}

/// On other Linux systems only what can be seen without a package manager: the webview library and the programs.
fn missing_elsewhere(packages: &[&'static str]) -> Vec<&'static str> {
    let there = |package: &str| match package {
        "libwebkit2gtk-4.1-dev" => output("pkg-config", &["--modversion", "webkit2gtk-4.1"]).is_some(),
        "xvfb" => find_program("Xvfb").is_some(),
        "dbus-x11" => find_program("dbus-run-session").is_some(),
        "webkit2gtk-driver" => find_program("WebKitWebDriver").is_some(),
        "chromium" => find_program("chromium").is_some(),
        "chromium-driver" => find_program("chromedriver").is_some(),
        _ => true,
    };
    packages.iter().copied().filter(|package| !there(package)).collect()
}

fn install_packages(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    if find_program("apt-get").is_none() {
        return Err(format!(
            "this is not a Debian system; install the counterparts of these packages with the system's package \
             manager, then run again: {}",
            packages.join(" ")
        )
        .into());
    }
    let apt = |args: &[&str]| -> Command {
        let root = output("id", &["-u"]).as_deref() == Some("0");
        let (program, first): (&str, &[&str]) = if root { ("apt-get", &[]) } else { ("sudo", &["apt-get"]) };
        let mut command = plain(program, first);
        command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    run(&mut apt(&["update", "-q"]))?;
    run(apt(&["install", "-q", "-y", "--no-install-recommends"]).args(packages))
}

/// rustup's target where its server answers in time, else Debian's compiler.
fn install_wasm() -> Result<()> {
    if find_program("rustup").is_some() {
        let mut add = plain("rustup", &["target", "add", wasm::TARGET]);
        match run_within(&mut add, RUSTUP_TIMEOUT) {
            Ok(()) if WasmCompiler::find().is_some() => return Ok(()),
            Ok(()) => println!("rustup added the target, but it is not usable; taking Debian's compiler"),
            Err(error) => println!("{error}; taking Debian's compiler"),
        }
    }
    install_packages(&WASM_PACKAGES)
}

fn run_within(command: &mut Command, limit: Duration) -> Result<()> {
    let shown = process::describe(command);
    let mut child = command.stdin(Stdio::null()).spawn().map_err(|e| format!("cannot start `{shown}`: {e}"))?;
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return if status.success() { Ok(()) } else { Err(format!("`{shown}` ended with {status}").into()) };
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            return Err(format!("`{shown}` took longer than {} s", limit.as_secs()).into());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn has_component(name: &str) -> bool {
    let program = if name == "clippy" { "cargo-clippy" } else { name };
    output(program, &["--version"]).is_some()
}

fn plain(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace::root()).args(args);
    command
}

#[cfg(test)]
mod tests {
    use super::Purpose;

    #[test]
    fn a_purpose_needs_only_what_it_uses() {
        assert!(Purpose::Ui.packages().is_empty() && Purpose::Ui.programs().is_empty());
        assert!(Purpose::Web.packages().is_empty() && Purpose::Web.programs().is_empty());
        assert!(Purpose::Run.programs().is_empty());
        assert!(!Purpose::Run.packages().contains(&"chromium"));
        assert!(Purpose::E2e.packages().contains(&"chromium"));
        for smaller in [Purpose::Run, Purpose::Check, Purpose::E2e, Purpose::Fuzz] {
            assert!(smaller.packages().iter().all(|p| Purpose::Test.packages().contains(p)));
            assert!(smaller.programs().iter().all(|p| Purpose::Test.programs().contains(p)));
        }
    }
}
