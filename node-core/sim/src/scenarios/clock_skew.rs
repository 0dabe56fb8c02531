//! Clocks are wrong: some by a minute either way, which everyone bears; one so far behind that it takes blocks late.

use crate::error::SimError;
use crate::setup::{Options, Setup};
use crate::world::World;

use super::Scenario;

pub(super) const NAME: &str = "clock_skew";

#[derive(Debug)]
pub(super) struct ClockSkew;

/// The node whose clock is furthest behind.
const LATE: usize = 1;

impl Scenario for ClockSkew {
    fn setup(&self, seed: u64, options: &Options) -> Setup {
        Setup::drawn(NAME, seed, options)
    }

    fn begins(&mut self, world: &mut World) -> Result<(), SimError> {
        for node in 0..world.setup.nodes {
            let ms = i64::try_from(world.rng.below(120_000)).unwrap_or(0) - 60_000;
            world.nodes[node].skew(ms);
        }
        // Behind by more than a block may lie ahead: it takes blocks as its clock reaches them.
        let behind = 140_000 + i64::try_from(world.rng.below(20_000)).unwrap_or(0);
        world.nodes[LATE].skew(-behind);
        Ok(())
    }

    fn ends(&mut self, world: &mut World) -> Result<(), SimError> {
        for node in &world.nodes {
            node.skew(0);
        }
        Ok(())
    }
}
