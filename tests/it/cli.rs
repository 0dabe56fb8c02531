//! The `umbel` program, as people and scripts use it: the real binary, real processes, real files.

mod bad_input;
mod folder;
mod harness;
mod http;
mod offline;
mod rest;
mod secrets;
mod story;
