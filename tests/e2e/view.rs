//! The views the story is told in.

/// One way a person sees the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// The app's own window.
    Window,
    /// Chromium on a desktop.
    Desktop,
    /// Chromium with a phone's viewport and touch.
    Phone,
}

impl View {
    /// Every view, in the order they run.
    pub(crate) const ALL: [Self; 3] = [Self::Window, Self::Desktop, Self::Phone];

    /// Name on the command line and of the folder of pictures.
    pub(crate) fn name(self) -> String {
        let (width, height) = self.size();
        let driver = if self == Self::Window { "window" } else { "chromium" };
        format!("{driver}-{width}x{height}")
    }

    /// Viewport in CSS pixels.
    pub(crate) fn size(self) -> (u32, u32) {
        match self {
            Self::Window | Self::Desktop => (1280, 800),
            Self::Phone => (390, 844),
        }
    }
}
