//! A display and a session bus for one run.

use crate::Result;
use crate::process::Guarded;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Longest wait for Xvfb or the bus. Both answer within a tenth of a second on an idle machine.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A bus that starts no services by itself: the webview asks for portals and accessibility helpers, works without
/// them, and they would outlive the run.
const BUS_CONFIG: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir=BUS_FOLDER</listen>
  <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>
"#;

/// Display and bus; both end with this value.
#[derive(Debug)]
pub(crate) struct Desktop {
    display: String,
    bus_address: String,
    _xvfb: Guarded,
    _bus: Guarded,
}

impl Desktop {
    /// Starts both.
    pub(crate) fn start(mark: &str, folder: &Path) -> Result<Self> {
        // Xvfb prints the number of the display it found free. Without `-noreset` it starts anew when its last client
        // leaves, and drops a window that is opened in that moment.
        let mut xvfb = Command::new("Xvfb");
        xvfb.args(["-displayfd", "1", "-noreset", "-screen", "0", "1440x960x24", "-nolisten", "tcp"]);
        let mut xvfb = Guarded::start("xvfb", &mut xvfb, mark, folder)?;
        let number = xvfb.wait_for_output("display number", START_TIMEOUT, |text| {
            text.lines().find_map(|line| line.trim().parse::<u32>().ok())
        })?;

        let config = folder.join("bus.conf");
        fs::write(&config, BUS_CONFIG.replace("BUS_FOLDER", &folder.to_string_lossy()))?;
        let mut bus = Command::new("dbus-daemon");
        bus.args(["--nofork", "--nopidfile", "--print-address=1"]).arg(format!("--config-file={}", config.display()));
        let mut bus = Guarded::start("bus", &mut bus, mark, folder)?;
        let bus_address = bus.wait_for_output("bus address", START_TIMEOUT, |text| {
            text.lines().find(|line| line.starts_with("unix:")).map(str::to_owned)
        })?;
        Ok(Self { display: format!(":{number}"), bus_address, _xvfb: xvfb, _bus: bus })
    }

    /// Points a command at this display and bus, away from the person's own.
    pub(crate) fn apply(&self, command: &mut Command) {
        command
            .env("DISPLAY", &self.display)
            .env_remove("WAYLAND_DISPLAY")
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus_address)
            .env("GDK_BACKEND", "x11")
            .env("NO_AT_BRIDGE", "1")
            .env("GTK_USE_PORTAL", "0");
    }
}
