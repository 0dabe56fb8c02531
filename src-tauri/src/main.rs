//! The Umbel app. All of it is in the library, so that a mobile shell can share it.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::process::ExitCode;

fn main() -> ExitCode {
    umbel_app_lib::run()
}
