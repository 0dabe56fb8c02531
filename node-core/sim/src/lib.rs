//! The network in virtual time: many nodes with the real consensus inside, links with delays, and attackers.
//!
//! ## What it answers for
//! One seed gives one run, event by event ([`run`]). What must hold is looked at while it runs ([`invariants`]), and a
//! violation names the seed that shows it again. The stories are in [`scenarios`].
//!
//! ## What it must never do
//! Take a decision from a clock, from the system's randomness or from the order in which threads happen to run.
//!
//! ## Flow
//! [`setup`] → [`world`] (events, nodes, links) → [`scenarios`] → [`invariants`] → [`report`]
//!
//! ## Errors
//! [`SimError`]: a run could not be made.
//!
//! ## See
//! docs/spec/simulation.md

pub mod delay;
pub mod difficulty;
mod error;
mod invariants;
mod node;
mod payments;
pub mod plot;
pub mod rate;
pub mod report;
pub mod rng;
pub mod run;
pub mod scenarios;
pub mod setup;
pub mod summary;
pub mod validators;
pub mod world;

pub use delay::Delay;
pub use error::SimError;
pub use report::{Blocks, Finality, Payments, Reorganisations, RunReport, Spread, Violation};
pub use run::{Wanted, run, run_all, run_setup};
pub use scenarios::{Entry, SCENARIOS, Scenario, find};
pub use setup::{Options, Setup};
pub use summary::{ScenarioSummary, Summary, one_run};
pub use world::World;
