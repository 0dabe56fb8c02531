//! The network falls into two halves, and some validators vote on both. With less than a third of the stake they can't
//! make two chains final; with more they can, and leave evidence against themselves.

use crate::error::SimError;
use crate::setup::{Options, Setup};
use crate::validators::Conduct;
use crate::world::World;

use super::Scenario;

pub(super) const BELOW: &str = "equivocating_below";
pub(super) const ABOVE: &str = "equivocating_above";

/// Long enough for half of the hashes to bury three checkpoints and be voted on.
const SPLIT_S: (u64, u64) = (30, 170);
const SECONDS: u64 = 250;

/// Validators and, of those, such as vote twofold.
const FEW: [(usize, usize); 4] = [(4, 1), (7, 2), (10, 3), (13, 4)];
const MANY: [(usize, usize); 3] = [(4, 2), (7, 3), (10, 4)];

/// Where the user who reports is at home.
const REPORTERS_NODE: usize = 0;

/// The validators.
#[derive(Debug)]
pub(super) struct Equivocating {
    pub(super) a_third: bool,
}

impl Equivocating {
    fn counts(&self, seed: u64) -> (usize, usize) {
        let of = |counts: &[(usize, usize)]| counts[usize::try_from(seed % counts.len() as u64).unwrap_or(0)];
        if self.a_third { of(&MANY) } else { of(&FEW) }
    }
}

impl Scenario for Equivocating {
    fn setup(&self, seed: u64, options: &Options) -> Setup {
        let name = if self.a_third { ABOVE } else { BELOW };
        let mut setup = Setup::drawn(name, seed, options);
        if options.minutes.is_none() {
            setup.seconds = SECONDS;
            setup.attack_s = SPLIT_S;
        }
        setup.validators = self.counts(seed).0;
        // Halves of equal power, so that both bury their checkpoints in time.
        setup.nodes = setup.nodes.max(4);
        setup.shares = vec![1.0 / setup.nodes as f64; setup.nodes];
        setup
    }

    fn begins(&mut self, world: &mut World) -> Result<(), SimError> {
        let nodes = world.setup.nodes;
        world.split((0..nodes).map(|node| u8::from(node % 2 == 1)).collect());
        let (count, twofold) = self.counts(world.setup.seed);
        for validator in 0..count {
            // The honest ones are as many on both sides, or one more on one.
            let on_side = (nodes + 1 - validator % 2) / 2;
            world.validators[validator].home = 2 * (validator / 2 % on_side) + validator % 2;
            if validator >= count - twofold {
                world.validators[validator].home = 0;
                world.set_conduct(validator, Conduct::Twofold { beside: 1 });
            }
        }
        Ok(())
    }

    fn ends(&mut self, world: &mut World) -> Result<(), SimError> {
        world.join();
        Ok(())
    }

    fn expects(&mut self, world: &mut World) -> Result<(), SimError> {
        let accused = world.accused().len();
        let (count, twofold) = self.counts(world.setup.seed);
        world.figures.insert("twofold_validators", twofold as f64);
        world.figures.insert("conflicting_finality", f64::from(u8::from(world.is_split_for_good())));
        let slashed = world.slashed(REPORTERS_NODE)?;
        world.figures.insert("slashed_validators", slashed as f64);
        if slashed < accused {
            let found = format!("{slashed} of {accused} accused validators were slashed");
            world.violate("whoever is accused is slashed", found);
        }
        if self.a_third && accused < twofold {
            let found = format!("{accused} of {twofold} twofold validators among {count} are accused");
            world.violate("whoever votes twofold leaves evidence", found);
        }
        Ok(())
    }
}
