//! The engines. Nothing outside this folder knows which one runs.

pub(crate) mod mem;
pub(crate) mod redb;
