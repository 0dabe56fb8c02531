//! A miner puts its work into blocks that break rules: wrong commitments, wrong transactions, wrong scores, wrong bodies,
//! and blocks on top of such.

use std::sync::Arc;

use umbel_types::{Block, BlueWork, Hash32};

use crate::error::SimError;
use crate::setup::{Options, Setup};
use crate::world::{Fitness, World};

use super::Scenario;

pub(super) const NAME: &str = "mass_invalid_blocks";

const ATTACKER: usize = 0;

#[derive(Debug, Default)]
pub(super) struct MassInvalidBlocks {
    /// The newest block that can't stand on the chain.
    disqualified: Option<Arc<Block>>,
    made: u64,
}

/// Ways to break a block.
const KINDS: u64 = 9;

/// Breaks a whole block in one way.
fn spoil(block: &mut Block, kind: u64, below: Option<&Block>) {
    match kind {
        0 => block.header.state_root = Hash32([9; 32]),
        1 => block.header.utxo_commit = Hash32([9; 32]),
        2 => block.header.accepted_root = Hash32([9; 32]),
        3 => block.header.blue_score.0 += 1,
        4 => block.header.blue_work = BlueWork::from_u64(7),
        5 => block.header.bits.0 -= 1,
        6 => block.body.extra.push(1),
        // Without a transaction to spoil, the payout key is.
        7 => {
            match block.body.txs.first_mut() {
                Some(tx) => tx.core.salt[0] ^= 1,
                None => block.body.payout.ephemeral.0 = [0xff; 32],
            }
            block.header.tx_root = block.body.tx_root();
        }
        _ => match below {
            Some(below) => {
                let work = below.header.bits.work();
                block.header.parents = vec![below.hash()];
                block.header.daa_score = below.header.daa_score.saturating_add(1);
                block.header.blue_score = below.header.blue_score.saturating_add(1);
                block.header.blue_work = below.header.blue_work.saturating_add(work);
                block.header.bits = below.header.bits;
                block.header.timestamp = block.header.timestamp.max(below.header.timestamp);
            }
            None => block.header.chain_mmr_root = Hash32([9; 32]),
        },
    }
}

impl Scenario for MassInvalidBlocks {
    fn setup(&self, seed: u64, options: &Options) -> Setup {
        let mut setup = Setup::drawn(NAME, seed, options);
        setup.give_share(ATTACKER, 0.3);
        setup
    }

    fn begins(&mut self, world: &mut World) -> Result<(), SimError> {
        world.nodes[ATTACKER].honest = false;
        Ok(())
    }

    fn found(&mut self, world: &mut World, node: usize) -> Result<(), SimError> {
        if node != ATTACKER || !world.under_attack() {
            let block = world.mine(node)?;
            world.publish(node, &block);
            return Ok(());
        }
        let kind = world.rng.below(KINDS);
        let below = self.disqualified.clone();
        let timestamp = world.nodes[node].now();
        let block = world.mine_edited(node, timestamp, |block| spoil(block, kind, below.as_deref()))?;
        self.made += 1;
        if world.verdict(block.hash()) == Some(Fitness::Disqualified) {
            self.disqualified = Some(block.clone());
        }
        world.publish(node, &block);
        Ok(())
    }

    fn expects(&mut self, world: &mut World) -> Result<(), SimError> {
        world.figures.insert("spoilt_blocks", self.made as f64);
        if self.made > 20 && (world.invalid == 0 || world.disqualified == 0) {
            world.violate("what is wrong is refused", format!("of {} spoilt blocks none", self.made));
        }
        Ok(())
    }
}
