//! A miner stamps its blocks as far ahead as is allowed, or as far back, to move the past median time and difficulty.

use umbel_types::TimestampMs;
use umbel_types::params::MAX_TIME_AHEAD_MS;

use crate::error::SimError;
use crate::setup::{Options, Setup};
use crate::world::World;

use super::Scenario;
use super::honest::RED_LIMIT;

pub(super) const NAME: &str = "timestamp_skew";

const ATTACKER: usize = 0;

#[derive(Debug, Default)]
pub(super) struct TimestampSkew;

impl Scenario for TimestampSkew {
    fn setup(&self, seed: u64, options: &Options) -> Setup {
        let mut setup = Setup { red_limit: Some(RED_LIMIT), ..Setup::drawn(NAME, seed, options) };
        setup.give_share(ATTACKER, 0.1 + 0.1 * (seed % 4) as f64);
        setup
    }

    fn found(&mut self, world: &mut World, node: usize) -> Result<(), SimError> {
        let now = world.nodes[node].now();
        let block = if node == ATTACKER && world.under_attack() {
            // A template never goes below the past median time.
            let stamp = if world.setup.seed.is_multiple_of(2) {
                TimestampMs(now.0 + MAX_TIME_AHEAD_MS)
            } else {
                TimestampMs(0)
            };
            world.mine_edited(node, stamp, |_| {})?
        } else {
            world.mine(node)?
        };
        world.publish(node, &block);
        Ok(())
    }

    fn expects(&mut self, world: &mut World) -> Result<(), SimError> {
        let hardest = world.nodes.iter().map(|node| node.difficulty()).fold(0.0, f64::max);
        world.figures.insert("hardest_difficulty", hardest);
        Ok(())
    }
}
