//! A miner mines on everything but shows its blocks late, many at once.

use std::sync::Arc;

use umbel_types::Block;

use crate::error::SimError;
use crate::setup::{Options, Setup};
use crate::world::{SECOND, World};

use super::Scenario;

pub(super) const NAME: &str = "withholding";

const ATTACKER: usize = 0;

#[derive(Debug, Default)]
pub(super) struct Withholding {
    kept: Vec<Arc<Block>>,
}

impl Withholding {
    fn show(&mut self, world: &mut World) {
        for block in core::mem::take(&mut self.kept) {
            world.publish(ATTACKER, &block);
        }
    }
}

impl Scenario for Withholding {
    fn setup(&self, seed: u64, options: &Options) -> Setup {
        let mut setup = Setup::drawn(NAME, seed, options);
        setup.give_share(ATTACKER, 0.1 + 0.05 * (seed % 7) as f64);
        setup
    }

    fn begins(&mut self, world: &mut World) -> Result<(), SimError> {
        world.nodes[ATTACKER].honest = false;
        let after = 5 * SECOND + world.rng.below(20 * SECOND);
        world.timer(after, 0);
        Ok(())
    }

    fn found(&mut self, world: &mut World, node: usize) -> Result<(), SimError> {
        let block = world.mine(node)?;
        if node == ATTACKER && world.under_attack() {
            self.kept.push(block);
        } else {
            world.publish(node, &block);
        }
        Ok(())
    }

    fn timer(&mut self, world: &mut World, _tag: u32) -> Result<(), SimError> {
        self.show(world);
        if world.under_attack() {
            let after = 5 * SECOND + world.rng.below(20 * SECOND);
            world.timer(after, 0);
        }
        Ok(())
    }

    fn ends(&mut self, world: &mut World) -> Result<(), SimError> {
        self.show(world);
        Ok(())
    }
}
