//! A miner of little power leaves the network, mines a branch of its own and shows it late. Before the merge depth it is
//! merged, and changes nothing below; behind it nobody can bring it in.

use std::sync::Arc;

use umbel_types::Block;

use crate::error::SimError;
use crate::setup::{Options, Setup};
use crate::world::{SECOND, World};

use super::Scenario;

pub(super) const NAME: &str = "low_work_merge";

const ATTACKER: usize = 0;
/// Merge depth of the run: an hour would make the run one of hours.
const MERGE_DEPTH_S: u64 = 40;
/// Age at which the branch is shown in time.
const IN_TIME_S: u64 = 20;

#[derive(Debug, Default)]
pub(super) struct LowWorkMerge {
    branch: Vec<Arc<Block>>,
    shown: bool,
}

impl LowWorkMerge {
    fn dark(world: &World) -> usize {
        world.setup.nodes
    }

    fn is_in_time(world: &World) -> bool {
        world.setup.seed.is_multiple_of(2)
    }

    fn show(&mut self, world: &mut World) -> Result<(), SimError> {
        self.shown = true;
        for block in self.branch.clone() {
            world.publish(ATTACKER, &block);
            world.take_in(ATTACKER, &block)?;
        }
        Ok(())
    }
}

impl Scenario for LowWorkMerge {
    fn setup(&self, seed: u64, options: &Options) -> Setup {
        let mut setup = Setup { merge_depth_s: Some(MERGE_DEPTH_S), ..Setup::drawn(NAME, seed, options) };
        setup.hidden = 1;
        setup.give_share(ATTACKER, 0.05 + 0.05 * (seed % 5) as f64);
        setup
    }

    fn begins(&mut self, world: &mut World) -> Result<(), SimError> {
        world.nodes[ATTACKER].honest = false;
        if Self::is_in_time(world) {
            world.timer(IN_TIME_S * SECOND, 0);
        }
        Ok(())
    }

    fn found(&mut self, world: &mut World, node: usize) -> Result<(), SimError> {
        if node == ATTACKER && world.under_attack() && !self.shown {
            let block = world.mine(Self::dark(world))?;
            self.branch.push(block);
            return Ok(());
        }
        let block = world.mine(node)?;
        world.publish(node, &block);
        if !world.under_attack() && !self.shown {
            world.take_in(Self::dark(world), &block)?;
        }
        Ok(())
    }

    fn timer(&mut self, world: &mut World, _tag: u32) -> Result<(), SimError> {
        self.show(world)
    }

    fn ends(&mut self, world: &mut World) -> Result<(), SimError> {
        if self.shown { Ok(()) } else { self.show(world) }
    }

    fn expects(&mut self, world: &mut World) -> Result<(), SimError> {
        let past = world.ordered_past(world.honest_nodes()[0])?;
        let merged = self.branch.iter().filter(|block| past.contains(&block.hash())).count();
        world.figures.insert("blocks_of_the_branch", self.branch.len() as f64);
        world.figures.insert("merged_of_the_branch", merged as f64);
        let expected = if Self::is_in_time(world) { self.branch.len() } else { 0 };
        if merged != expected {
            let found = format!("{merged} of {} blocks were merged, {expected} should be", self.branch.len());
            world.violate("the merge depth decides what is merged", found);
        }
        Ok(())
    }
}
