//! WebDriver servers and sessions.

use crate::desktop::Desktop;
use crate::process::{Guarded, free_port};
use crate::view::View;
use crate::{Result, say};
use fantoccini::error::NewSessionError;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Longest wait for a driver to listen and for a session to open, on a machine that builds beside it.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A driver server; it ends with this value.
#[derive(Debug)]
pub(crate) struct Driver {
    address: String,
    server: Guarded,
}

impl Driver {
    /// The driver in front of the app's own webview.
    pub(crate) fn window(desktop: &Desktop, mark: &str, folder: &Path) -> Result<Self> {
        let (port, native) = (free_port()?, free_port()?);
        let mut command = Command::new("tauri-driver");
        command.args(["--port", &port.to_string(), "--native-port", &native.to_string()]);
        desktop.apply(&mut command);
        private_home(&mut command, folder);
        Ok(Self {
            address: format!("http://127.0.0.1:{port}"),
            server: Guarded::start("tauri-driver", &mut command, mark, folder)?,
        })
    }

    /// Chromium's driver.
    pub(crate) fn chromium(mark: &str, folder: &Path) -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={port}"));
        private_home(&mut command, folder);
        Ok(Self {
            address: format!("http://127.0.0.1:{port}"),
            server: Guarded::start("chromedriver", &mut command, mark, folder)?,
        })
    }

    /// Opens a session. The server may still be starting: asked again until the deadline.
    pub(crate) async fn connect(&self, capabilities: Map<String, Value>) -> Result<Client> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            let attempt = builder.capabilities(capabilities.clone()).connect(&self.address);
            match tokio::time::timeout_at(deadline.into(), attempt).await {
                Ok(Ok(client)) => return Ok(client),
                Ok(Err(error)) if Instant::now() < deadline && is_starting(&error) => {
                    tokio::time::sleep(crate::process::POLL).await;
                }
                Ok(Err(error)) => {
                    return Err(format!("no WebDriver session: {error}\n{}", self.server.output()).into());
                }
                Err(_) => return Err(format!("no WebDriver session in time\n{}", self.server.output()).into()),
            }
        }
    }
}

/// Only a refused connection is worth another try; any answer of the driver is final.
fn is_starting(error: &NewSessionError) -> bool {
    matches!(error, NewSessionError::Failed(_) | NewSessionError::FailedC(_) | NewSessionError::Lost(_))
}

/// A session on the app's window.
pub(crate) fn window_capabilities(app: &Path, data: &Path) -> Map<String, Value> {
    let wanted = json!({
        "browserName": "wry",
        "tauri:options": { "application": app, "args": ["--data-dir", data] },
    });
    object(wanted)
}

/// A session in Chromium with the viewport of `view`.
pub(crate) fn chromium_capabilities(view: View, profile: &Path) -> Map<String, Value> {
    let (width, height) = view.size();
    let mut options = json!({
        "args": [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--force-prefers-reduced-motion", format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", profile.display()),
        ],
    });
    if view == View::Phone {
        options["mobileEmulation"] = json!({
            "deviceMetrics": { "width": width, "height": height, "pixelRatio": 2.0, "touch": true, "mobile": true },
        });
    }
    object(json!({ "browserName": "chrome", "goog:chromeOptions": options }))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => {
            say(&format!("capabilities must be an object, not {other}"));
            Map::new()
        }
    }
}

/// Keeps caches and settings of browsers out of the person's home.
pub(crate) fn private_home(command: &mut Command, folder: &Path) {
    for (name, sub) in [
        ("HOME", "home"),
        ("XDG_DATA_HOME", "home/data"),
        ("XDG_CONFIG_HOME", "home/config"),
        ("XDG_CACHE_HOME", "home/cache"),
    ] {
        command.env(name, folder.join(sub));
    }
}
