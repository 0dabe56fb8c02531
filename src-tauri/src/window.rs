//! The one window.

use crate::options::Options;
use tauri::{AppHandle, Runtime, WebviewUrl, WebviewWindowBuilder};
use umbel_types::Network;

/// Its label; `capabilities/main.json` names it.
const LABEL: &str = "main";
/// Logical pixels: the size that the pages are drawn for.
const SIZE: (f64, f64) = (1280.0, 800.0);
/// Logical pixels: the narrowest width without sideways scrolling, and a height that shows a form.
const MIN_SIZE: (f64, f64) = (360.0, 560.0);

/// Opens the window.
pub(crate) fn open<R: Runtime>(app: &AppHandle<R>, options: &Options) -> tauri::Result<()> {
    WebviewWindowBuilder::new(app, LABEL, WebviewUrl::default())
        .title(title(options.network))
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(MIN_SIZE.0, MIN_SIZE.1)
        .build()?;
    Ok(())
}

/// Name, network, and a warning where coins are worth nothing.
fn title(network: Network) -> String {
    let coins = if network.has_test_coins() { " · test coins" } else { "" };
    format!("Umbel — {}{coins}", network.name())
}

#[cfg(test)]
mod tests {
    use super::{Network, title};

    #[test]
    fn the_title_tells_test_coins() {
        assert_eq!(title(Network::Devnet), "Umbel — devnet · test coins");
        assert_eq!(title(Network::Mainnet), "Umbel — mainnet");
    }
}
