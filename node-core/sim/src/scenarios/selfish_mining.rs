//! A miner keeps its blocks to itself, on a branch of its own, and shows them when the others catch up: in a chain of
//! single blocks this throws the others' work away.

use std::sync::Arc;

use umbel_types::Block;
use umbel_types::consensus_api::ConsensusApi;

use crate::error::SimError;
use crate::setup::{Options, Setup};
use crate::world::World;

use super::Scenario;

pub(super) const NAME: &str = "selfish_mining";

/// The miner's node in the open: it hears what everyone hears.
const OPEN: usize = 0;

/// The miner.
#[derive(Debug, Default)]
pub(super) struct SelfishMining {
    /// Blocks that nobody knows, oldest first.
    kept: Vec<Arc<Block>>,
    /// Blocks that the node in the dark was not told of.
    untold: Vec<Arc<Block>>,
    shown: u64,
}

impl SelfishMining {
    /// The node in the dark: it knows what was there when the branch began, and the branch.
    fn dark(world: &World) -> usize {
        world.setup.nodes
    }

    /// Shows the branch and begins another one on top of all.
    fn show(&mut self, world: &mut World) -> Result<(), SimError> {
        let dark = Self::dark(world);
        for block in core::mem::take(&mut self.kept) {
            self.shown += 1;
            world.publish(OPEN, &block);
            world.take_in(OPEN, &block)?;
        }
        for block in core::mem::take(&mut self.untold) {
            world.take_in(dark, &block)?;
        }
        Ok(())
    }
}

impl Scenario for SelfishMining {
    fn setup(&self, seed: u64, options: &Options) -> Setup {
        let mut setup = Setup::drawn(NAME, seed, options);
        setup.hidden = 1;
        let share = 0.15 + 0.05 * (seed % 6) as f64;
        setup.give_share(OPEN, share);
        setup
    }

    fn begins(&mut self, world: &mut World) -> Result<(), SimError> {
        world.nodes[OPEN].honest = false;
        world.figures.insert("attackers_share", world.nodes[OPEN].share);
        Ok(())
    }

    fn found(&mut self, world: &mut World, node: usize) -> Result<(), SimError> {
        if node != OPEN || !world.under_attack() {
            let block = world.mine(node)?;
            world.publish(node, &block);
            if node == OPEN {
                world.take_in(Self::dark(world), &block)?;
            }
            return Ok(());
        }
        let block = world.mine(Self::dark(world))?;
        self.kept.push(block);
        Ok(())
    }

    fn heard(&mut self, world: &mut World, node: usize, block: &Arc<Block>) -> Result<(), SimError> {
        if node != OPEN {
            return Ok(());
        }
        let dark = Self::dark(world);
        if self.kept.is_empty() {
            return world.take_in(dark, block);
        }
        self.untold.push(block.clone());
        let own = world.nodes[dark].consensus.virtual_state().sink_blue_score.0;
        let others = world.nodes[OPEN].consensus.virtual_state().sink_blue_score.0;
        // The branch wins a race only while it is ahead.
        if others + 1 >= own { self.show(world) } else { Ok(()) }
    }

    fn ends(&mut self, world: &mut World) -> Result<(), SimError> {
        self.show(world)
    }

    fn expects(&mut self, world: &mut World) -> Result<(), SimError> {
        world.figures.insert("blocks_kept_back", self.shown as f64);
        Ok(())
    }
}
