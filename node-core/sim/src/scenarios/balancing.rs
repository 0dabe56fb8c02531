//! An attacker who controls the links keeps two halves of the network on branches of equal weight: each half hears of the
//! other's blocks as late as the bound on delays allows, and of the attacker's blocks only where they keep the balance.

use std::sync::Arc;

use umbel_types::Block;
use umbel_types::consensus_api::ConsensusApi;

use crate::error::SimError;
use crate::rate::NETWORK_DELAY_S;
use crate::setup::{Options, Setup};
use crate::world::{SECOND, World};

use super::Scenario;

pub(super) const NAME: &str = "balancing";

const ATTACKER: usize = 0;

/// The attacker, who has a node in the dark for each half.
#[derive(Debug, Default)]
pub(super) struct Balancing {
    /// What each half has not been told of.
    untold: [Vec<(u64, usize, Arc<Block>)>; 2],
    rounds: u64,
}

fn half_of(node: usize) -> usize {
    node % 2
}

impl Balancing {
    fn dark(world: &World, half: usize) -> usize {
        world.setup.nodes + half
    }

    /// Tells a half, and the attacker's view of it, of what has been kept from it for as long as the bound on delays
    /// allows; `all`: of everything.
    fn tell(&mut self, world: &mut World, half: usize, all: bool) -> Result<(), SimError> {
        let due = world.now().saturating_sub(u64::from(NETWORK_DELAY_S) * SECOND);
        let told = self.untold[half].iter().take_while(|(made, _, _)| all || *made <= due).count();
        for (_, from, block) in self.untold[half].drain(..told).collect::<Vec<_>>() {
            world.take_in(Self::dark(world, half), &block)?;
            for to in (1..world.setup.nodes).filter(|to| half_of(*to) == half) {
                world.deliver_block(from, to, &block);
            }
        }
        Ok(())
    }

    /// Tells the block's own half at once, the other one later.
    fn show(&mut self, world: &mut World, from: usize, half: usize, block: &Arc<Block>) -> Result<(), SimError> {
        for to in (1..world.setup.nodes).filter(|to| half_of(*to) == half && *to != from) {
            world.send_block(from, to, block);
        }
        world.take_in(Self::dark(world, half), block)?;
        world.take_in(ATTACKER, block)?;
        self.untold[1 - half].push((world.now(), from, block.clone()));
        Ok(())
    }
}

impl Scenario for Balancing {
    fn setup(&self, seed: u64, options: &Options) -> Setup {
        let mut setup = Setup::drawn(NAME, seed, options);
        setup.hidden = 2;
        setup.give_share(ATTACKER, 0.05 + 0.05 * (seed % 6) as f64);
        setup
    }

    fn begins(&mut self, world: &mut World) -> Result<(), SimError> {
        world.nodes[ATTACKER].honest = false;
        world.timer(SECOND, 0);
        Ok(())
    }

    fn timer(&mut self, world: &mut World, _tag: u32) -> Result<(), SimError> {
        if world.under_attack() {
            self.tell(world, 0, false)?;
            self.tell(world, 1, false)?;
            world.timer(SECOND / 4, 0);
        }
        Ok(())
    }

    fn found(&mut self, world: &mut World, node: usize) -> Result<(), SimError> {
        if !world.under_attack() {
            let block = world.mine(node)?;
            world.publish(node, &block);
            for half in 0..2 {
                world.take_in(Self::dark(world, half), &block)?;
            }
            return Ok(());
        }
        if node != ATTACKER {
            let block = world.mine(node)?;
            return self.show(world, node, half_of(node), &block);
        }
        let work = |half| world.nodes[Self::dark(world, half)].consensus.virtual_state().sink_blue_work;
        let lighter = usize::from(work(1) < work(0));
        self.rounds += 1;
        let block = world.mine(Self::dark(world, lighter))?;
        self.show(world, Self::dark(world, lighter), lighter, &block)
    }

    fn ends(&mut self, world: &mut World) -> Result<(), SimError> {
        for half in 0..2 {
            self.tell(world, half, true)?;
        }
        world.figures.insert("balancing_blocks", self.rounds as f64);
        Ok(())
    }
}
