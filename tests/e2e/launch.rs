//! Starting the app in a view, on a data folder, and ending it.

use crate::desktop::Desktop;
use crate::drivers::{Driver, chromium_capabilities, private_home, window_capabilities};
use crate::janitor::Janitor;
use crate::page::Page;
use crate::process::{Guarded, free_port};
use crate::view::View;
use crate::{Args, Result};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A node must end this long after it is asked to.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for the address of the served page.
const SERVE_TIMEOUT: Duration = Duration::from_secs(60);

/// Lines of each log that are shown with a failure.
const LOG_LINES: usize = 15;

/// Everything of one view's run that outlives a restart of the app. Fields end in order: the janitor after the
/// processes, so that it finds only what they left, and the folder last.
#[derive(Debug)]
pub(crate) struct Stage {
    view: View,
    app: PathBuf,
    umbel: PathBuf,
    ui: PathBuf,
    screens: PathBuf,
    driver: Driver,
    _desktop: Option<Desktop>,
    janitor: Janitor,
    folder: tempfile::TempDir,
    starts: std::cell::Cell<u32>,
}

/// The app, open.
#[derive(Debug)]
pub(crate) struct Running {
    /// Its page.
    pub(crate) page: Page,
    node: Option<Guarded>,
}

impl Stage {
    /// Display, bus and driver, as far as the view needs them.
    pub(crate) fn set_up(view: View, args: &Args) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("umbel-e2e-").tempdir()?;
        let janitor = Janitor::start(folder.path())?;
        for sub in ["home", "data"] {
            std::fs::create_dir(folder.path().join(sub))?;
        }
        // A picture that is there was taken by this run.
        let pictures = args.screens.join(view.name());
        if pictures.is_dir() {
            std::fs::remove_dir_all(&pictures)?;
        }
        std::fs::create_dir_all(&pictures)?;
        let (desktop, driver) = match view {
            View::Window => {
                let desktop = Desktop::start(janitor.mark(), folder.path())?;
                let driver = Driver::window(&desktop, janitor.mark(), folder.path())?;
                (Some(desktop), driver)
            }
            View::Desktop | View::Phone => (None, Driver::chromium(janitor.mark(), folder.path())?),
        };
        Ok(Self {
            view,
            app: args.app.clone(),
            umbel: args.umbel.clone(),
            ui: args.ui.clone(),
            screens: args.screens.clone(),
            driver,
            _desktop: desktop,
            folder,
            janitor,
            starts: std::cell::Cell::new(0),
        })
    }

    /// The data folder of the app.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The last lines that each process wrote, for an error message.
    pub(crate) fn logs(&self) -> String {
        let Ok(entries) = std::fs::read_dir(self.folder.path()) else { return String::new() };
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.retain(|file| file.extension().is_some_and(|e| e == "log"));
        files.sort();
        let mut text = String::new();
        for file in files {
            let whole = std::fs::read_to_string(&file).unwrap_or_else(|e| e.to_string());
            let lines: Vec<&str> = whole.lines().collect();
            let name = file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy();
            for line in &lines[lines.len().saturating_sub(LOG_LINES)..] {
                text.push_str(&format!("{name}: {line}\n"));
            }
        }
        text
    }

    /// Starts the app on the data folder.
    pub(crate) async fn open(&self) -> Result<Running> {
        match self.view {
            View::Window => {
                let client = self.driver.connect(window_capabilities(&self.app, &self.data())).await?;
                let page = Page::new(client, self.view, &self.screens).await?;
                // A page in any other browser has no bridge: this is what makes a run without the app's window fail.
                if page.script("return typeof window.__TAURI__", vec![]).await? != "object" {
                    return Err("this is not the app's own window".into());
                }
                Ok(Running { page, node: None })
            }
            View::Desktop | View::Phone => {
                let (node, address) = self.serve()?;
                let profile = self.folder.path().join(format!("profile-{}", self.starts.get()));
                let client = self.driver.connect(chromium_capabilities(self.view, &profile)).await?;
                client.goto(&address).await?;
                let page = Page::new(client, self.view, &self.screens).await?;
                Ok(Running { page, node: Some(node) })
            }
        }
    }

    /// Starts the node that serves the page; returns the address it prints.
    fn serve(&self) -> Result<(Guarded, String)> {
        let start = self.starts.get() + 1;
        self.starts.set(start);
        let api = format!("127.0.0.1:{}", free_port()?);
        let mut command = Command::new(&self.umbel);
        command.arg("--data-dir").arg(self.data()).args(["node", "run", "--api", &api, "--ui"]).arg(&self.ui);
        private_home(&mut command, self.folder.path());
        let mut node = Guarded::start(&format!("node-{start}"), &mut command, self.janitor.mark(), self.folder.path())?;
        let address = node.wait_for_output("address of the page", SERVE_TIMEOUT, page_address)?;
        Ok((node, address))
    }
}

impl Running {
    /// Closes the window, or the browser and its node.
    pub(crate) async fn close(self) -> Result<()> {
        self.page.close().await?;
        match self.node {
            Some(node) => node.terminate(STOP_TIMEOUT),
            None => Ok(()),
        }
    }
}

/// The first address with a token in what the node prints. A line without its end may still be growing.
fn page_address(text: &str) -> Option<String> {
    let whole = &text[..=text.rfind('\n')?];
    whole.split_whitespace().find(|word| word.starts_with("http://127.0.0.1:")).map(str::to_owned)
}

/// Removes what belongs to wallets and caches; chain data stays.
pub(crate) fn delete_wallets(data: &Path) -> Result<()> {
    let mut removed = 0;
    remove_named(data, &mut removed)?;
    if removed == 0 { Err(format!("no wallet files in {}", data.display()).into()) } else { Ok(()) }
}

fn remove_named(folder: &Path, removed: &mut u32) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let name = entry.file_name();
        if name == "wallets" || name == "cache" {
            std::fs::remove_dir_all(entry.path())?;
            *removed += 1;
        } else {
            remove_named(&entry.path(), removed)?;
        }
    }
    Ok(())
}
