//! Tests that need more than one crate, in one binary: one link.

mod cli;
mod tidy;
