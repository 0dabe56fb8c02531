//! The network falls into other halves every few seconds, and less than a third of the validators vote on both: what is
//! justified is to jump from branch to branch, so that nothing becomes final. Afterwards finality has to go on.

use crate::error::SimError;
use crate::setup::{Options, Setup};
use crate::validators::Conduct;
use crate::world::{SECOND, World};

use super::Scenario;

pub(super) const NAME: &str = "bouncing";

#[derive(Debug, Default)]
pub(super) struct Bouncing {
    rounds: u64,
}

impl Bouncing {
    fn bounce(&mut self, world: &mut World) {
        self.rounds += 1;
        world.join();
        let nodes = world.setup.nodes;
        let mut groups: Vec<u8> = (0..nodes).map(|_| u8::from(world.rng.below(2) == 1)).collect();
        // Both sides have someone.
        groups[0] = 0;
        groups[1] = 1;
        world.split(groups);
        let after = 8 * SECOND + world.rng.below(12 * SECOND);
        world.timer(after, 0);
    }
}

impl Scenario for Bouncing {
    fn setup(&self, seed: u64, options: &Options) -> Setup {
        Setup { validators: 7 + 3 * usize::try_from(seed % 2).unwrap_or(0), ..Setup::drawn(NAME, seed, options) }
    }

    fn begins(&mut self, world: &mut World) -> Result<(), SimError> {
        let count = world.validators.len();
        for validator in 0..(count - 1) / 3 {
            world.validators[validator].home = 0;
            world.set_conduct(validator, Conduct::Twofold { beside: 1 });
        }
        self.bounce(world);
        Ok(())
    }

    fn timer(&mut self, world: &mut World, _tag: u32) -> Result<(), SimError> {
        if world.under_attack() {
            self.bounce(world);
        }
        Ok(())
    }

    fn ends(&mut self, world: &mut World) -> Result<(), SimError> {
        world.join();
        let count = world.validators.len();
        for validator in 0..(count - 1) / 3 {
            world.set_conduct(validator, Conduct::Honest);
        }
        world.figures.insert("splits", self.rounds as f64);
        Ok(())
    }
}
