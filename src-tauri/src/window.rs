//! The one window.

use tauri::{AppHandle, Runtime, WebviewUrl, WebviewWindowBuilder};

/// Its label; `capabilities/main.json` names it.
pub(crate) const LABEL: &str = "main";
/// Logical pixels: the size that the pages are drawn for.
const SIZE: (f64, f64) = (1280.0, 800.0);
/// Logical pixels: the narrowest width without sideways scrolling, and a height that shows a form.
const MIN_SIZE: (f64, f64) = (360.0, 560.0);

/// Opens the window.
pub(crate) fn open<R: Runtime>(app: &AppHandle<R>) -> tauri::Result<()> {
    WebviewWindowBuilder::new(app, LABEL, WebviewUrl::default())
        .title("Umbel")
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(MIN_SIZE.0, MIN_SIZE.1)
        .build()?;
    Ok(())
}
