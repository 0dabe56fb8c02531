//! Everyone keeps the rules.

use umbel_types::consensus_api::ConsensusApi;

use crate::error::SimError;
use crate::setup::{Options, Setup};
use crate::world::World;

use super::Scenario;

pub(super) const NAME: &str = "honest";

/// Few blocks are red while delays stay below the bound that k allows for.
pub(super) const RED_LIMIT: f64 = 0.05;

#[derive(Debug)]
pub(super) struct Honest;

/// Long enough for two certificates in blocks, which come every 300 s, and for the sets of three epochs.
const LONG_S: u64 = 720;
const EPOCH_S: u64 = 200;

impl Scenario for Honest {
    fn setup(&self, seed: u64, options: &Options) -> Setup {
        // Every second time, four validators at the public networks' rate; else slow and long.
        let fast = seed % 2 == 1;
        let rate = Some(options.blocks_per_second.unwrap_or(if fast { 10 } else { 1 }));
        let nodes = options.nodes.or(fast.then_some(4));
        let mut setup = Setup::drawn(NAME, seed, &Options { nodes, blocks_per_second: rate, ..*options });
        setup.red_limit = Some(RED_LIMIT);
        setup.validators = 4;
        setup.pool_s = 60;
        if !fast && options.minutes.is_none() {
            setup.seconds = LONG_S;
            setup.epoch_s = Some(EPOCH_S);
        }
        setup
    }

    fn expects(&mut self, world: &mut World) -> Result<(), SimError> {
        let status = world.nodes[0].consensus.finality();
        world.figures.insert("epoch", status.epoch as f64);
        world.figures.insert("certificate_in_the_chain", f64::from(status.included.index));
        if world.setup.seconds >= LONG_S && (status.epoch < 2 || status.included.index == 0) {
            let found = format!("epoch {} and certificate {}", status.epoch, status.included.index);
            world.violate("certificates come into blocks and epochs change", found);
        }
        Ok(())
    }
}
