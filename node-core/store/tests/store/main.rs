//! The store from outside: every engine against one model, and those on the disk against damage and crashes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod common;
mod conformance;
mod crash;
mod damage;
mod records;
mod torn;
mod workload;
