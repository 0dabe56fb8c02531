//! Validators go away and come back. Less than a third: finality goes on. More: it stands still while the chain goes on,
//! and takes up again.

use crate::error::SimError;
use crate::setup::{Options, Setup};
use crate::validators::Conduct;
use crate::world::World;

use super::Scenario;

pub(super) const NAME: &str = "offline_validators";

/// Finality counts as late behind this.
const LATE_S: f64 = 60.0;

#[derive(Debug, Default)]
pub(super) struct OfflineValidators {
    before: u32,
}

fn away(setup: &Setup) -> usize {
    let count = setup.validators;
    if is_few(setup) { (count - 1) / 3 } else { count / 2 + 1 }
}

fn is_few(setup: &Setup) -> bool {
    setup.seed.is_multiple_of(2)
}

impl Scenario for OfflineValidators {
    fn setup(&self, seed: u64, options: &Options) -> Setup {
        Setup::drawn(NAME, seed, options)
    }

    fn begins(&mut self, world: &mut World) -> Result<(), SimError> {
        self.before = world.highest_final();
        for validator in 0..away(&world.setup) {
            world.set_conduct(validator, Conduct::Away);
        }
        Ok(())
    }

    fn ends(&mut self, world: &mut World) -> Result<(), SimError> {
        let moved = world.highest_final() - self.before;
        world.figures.insert("checkpoints_final_meanwhile", f64::from(moved));
        // Votes that were on their way when the others went may still finish what was begun.
        if !is_few(&world.setup) && moved > 2 {
            let found = format!("{moved} checkpoints became final with half of the validators away");
            world.violate("two thirds of the stake make final", found);
        }
        for validator in 0..away(&world.setup) {
            world.set_conduct(validator, Conduct::Honest);
        }
        Ok(())
    }

    fn expects(&mut self, world: &mut World) -> Result<(), SimError> {
        let gap = world.longest_gap_s();
        if is_few(&world.setup) && gap > LATE_S {
            world.violate("finality goes on", format!("nothing became final for {gap:.1} s with a third away"));
        }
        Ok(())
    }
}
