//! The set of unspent outputs: views of it, and differences that can be undone exactly.

mod diff;
mod view;

pub use diff::{DiffError, UtxoDiff};
pub use view::{UtxoOverlay, UtxoView};
