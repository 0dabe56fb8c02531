//! The network falls into two halves that hear nothing of each other, and comes together again.

use crate::error::SimError;
use crate::setup::{Options, Setup};
use crate::world::World;

use super::Scenario;

pub(super) const NAME: &str = "partition_and_heal";

#[derive(Debug)]
pub(super) struct PartitionAndHeal;

impl Scenario for PartitionAndHeal {
    fn setup(&self, seed: u64, options: &Options) -> Setup {
        Setup::drawn(NAME, seed, options)
    }

    fn begins(&mut self, world: &mut World) -> Result<(), SimError> {
        let nodes = world.setup.nodes;
        let first = 1 + world.rng.index(nodes - 1);
        world.split((0..nodes).map(|node| u8::from(node >= first)).collect());
        world.figures.insert("nodes_on_one_side", first as f64);
        Ok(())
    }

    fn ends(&mut self, world: &mut World) -> Result<(), SimError> {
        world.join();
        Ok(())
    }
}
