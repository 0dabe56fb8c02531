//! GHOSTDAG: which blocks of the past are blue (R3, R4).

mod anticone;
mod data;
pub mod mergeset;
pub mod ordering;
mod protocol;

pub use data::{AnticoneSizes, GhostdagData, MAX_STORED_MERGESET, MAX_STORED_SIZES, NO_PARENT};
pub use mergeset::ordered_mergeset;
pub use ordering::SortableBlock;
pub use protocol::{GhostdagProtocol, WorkOfBits};
