//! What can be run: one file for each story, with what it expects.

mod balancing;
mod bouncing;
mod clock_skew;
mod equivocating_validators;
mod honest;
mod low_work_merge;
mod mass_invalid_blocks;
mod offline_validators;
mod partition_and_heal;
mod selfish_mining;
mod soak;
mod sustained_32;
mod timestamp_skew;
mod withholding;

use std::sync::Arc;

use umbel_types::Block;

use crate::error::SimError;
use crate::setup::{Options, Setup};
use crate::world::World;

/// A story of a network. What every scenario has to keep is in `invariants.rs`; a scenario adds its own.
pub trait Scenario {
    /// What the run is made of, drawn from the seed.
    fn setup(&self, seed: u64, options: &Options) -> Setup;

    /// A node finds a block. By default it mines on what it knows and tells everyone.
    ///
    /// # Errors
    /// [`SimError`].
    fn found(&mut self, world: &mut World, node: usize) -> Result<(), SimError> {
        let block = world.mine(node)?;
        world.publish(node, &block);
        Ok(())
    }

    /// A block has come to a node from outside.
    ///
    /// # Errors
    /// [`SimError`].
    fn heard(&mut self, _world: &mut World, _node: usize, _block: &Arc<Block>) -> Result<(), SimError> {
        Ok(())
    }

    /// The attack begins.
    ///
    /// # Errors
    /// [`SimError`].
    fn begins(&mut self, _world: &mut World) -> Result<(), SimError> {
        Ok(())
    }

    /// The attack ends.
    ///
    /// # Errors
    /// [`SimError`].
    fn ends(&mut self, _world: &mut World) -> Result<(), SimError> {
        Ok(())
    }

    /// A timer that the scenario asked for.
    ///
    /// # Errors
    /// [`SimError`].
    fn timer(&mut self, _world: &mut World, _tag: u32) -> Result<(), SimError> {
        Ok(())
    }

    /// What only this scenario expects, when all is over.
    ///
    /// # Errors
    /// [`SimError`].
    fn expects(&mut self, _world: &mut World) -> Result<(), SimError> {
        Ok(())
    }
}

/// A scenario by name.
pub struct Entry {
    /// What it is called.
    pub name: &'static str,
    /// What happens, in one line.
    pub about: &'static str,
    /// Whether `all` runs it.
    pub in_all: bool,
    make: fn() -> Box<dyn Scenario>,
}

impl core::fmt::Debug for Entry {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Entry").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Entry {
    /// A new one for one run.
    pub fn make(&self) -> Box<dyn Scenario> {
        (self.make)()
    }
}

/// All scenarios.
pub const SCENARIOS: &[Entry] = &[
    Entry {
        name: honest::NAME,
        about: "everyone keeps the rules; delays stay below the bound",
        in_all: true,
        make: || Box::new(honest::Honest),
    },
    Entry {
        name: partition_and_heal::NAME,
        about: "two halves hear nothing of each other, then all again",
        in_all: true,
        make: || Box::new(partition_and_heal::PartitionAndHeal),
    },
    Entry {
        name: selfish_mining::NAME,
        about: "a miner of 15 to 40 % keeps a branch to itself and shows it when others catch up",
        in_all: true,
        make: || Box::<selfish_mining::SelfishMining>::default(),
    },
    Entry {
        name: withholding::NAME,
        about: "a miner of 10 to 40 % shows its blocks late, many at once",
        in_all: true,
        make: || Box::<withholding::Withholding>::default(),
    },
    Entry {
        name: balancing::NAME,
        about: "an attacker on the links keeps two halves on branches of equal weight",
        in_all: true,
        make: || Box::<balancing::Balancing>::default(),
    },
    Entry {
        name: timestamp_skew::NAME,
        about: "a miner of 10 to 40 % stamps as far ahead, or as far back, as is allowed",
        in_all: true,
        make: || Box::<timestamp_skew::TimestampSkew>::default(),
    },
    Entry {
        name: low_work_merge::NAME,
        about: "an old side chain of little work is shown, before or behind the merge depth",
        in_all: true,
        make: || Box::<low_work_merge::LowWorkMerge>::default(),
    },
    Entry {
        name: equivocating_validators::BELOW,
        about: "less than a third of the validators vote on both halves of a split network",
        in_all: true,
        make: || Box::new(equivocating_validators::Equivocating { a_third: false }),
    },
    Entry {
        name: equivocating_validators::ABOVE,
        about: "a third or more do: two chains may become final, and evidence is found",
        in_all: true,
        make: || Box::new(equivocating_validators::Equivocating { a_third: true }),
    },
    Entry {
        name: offline_validators::NAME,
        about: "validators go away and come back, less than a third or more than half",
        in_all: true,
        make: || Box::<offline_validators::OfflineValidators>::default(),
    },
    Entry {
        name: bouncing::NAME,
        about: "the network splits differently every few seconds, and some vote on both sides",
        in_all: true,
        make: || Box::<bouncing::Bouncing>::default(),
    },
    Entry {
        name: clock_skew::NAME,
        about: "clocks are a minute off, and one too far behind to take blocks in time",
        in_all: true,
        make: || Box::new(clock_skew::ClockSkew),
    },
    Entry {
        name: mass_invalid_blocks::NAME,
        about: "a miner of 30 % mines wrong commitments, wrong transactions, wrong scores",
        in_all: true,
        make: || Box::<mass_invalid_blocks::MassInvalidBlocks>::default(),
    },
    Entry {
        name: sustained_32::NAME,
        about: "32 blocks a second at three nodes: how many a core validates",
        in_all: false,
        make: || Box::new(sustained_32::Sustained),
    },
    Entry {
        name: soak::NAME,
        about: "ten blocks a second for an hour, chains on the disk: memory stays flat",
        in_all: false,
        make: || Box::<soak::Soak>::default(),
    },
];

/// The scenario of this name.
///
/// # Errors
/// [`SimError::UnknownScenario`].
pub fn find(name: &str) -> Result<&'static Entry, SimError> {
    SCENARIOS.iter().find(|entry| entry.name == name).ok_or_else(|| SimError::UnknownScenario(name.to_owned()))
}
