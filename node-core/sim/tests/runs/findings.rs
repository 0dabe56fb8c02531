//! What does not hold is told: each check has a run that breaks what it looks for.

use umbel_sim::{Options, RunReport, Scenario, Setup, SimError, World, run_setup};
use umbel_types::Hash32;

use crate::small;

fn told(scenario: &mut dyn Scenario) -> Vec<&'static str> {
    let setup = scenario.setup(1, &Options::default());
    let RunReport { violations, .. } = run_setup(scenario, setup).expect("it runs");
    violations.iter().map(|violation| violation.invariant).collect()
}

/// A node that counts as honest commits to a state that is not there.
struct WrongState;

impl Scenario for WrongState {
    fn setup(&self, seed: u64, _options: &Options) -> Setup {
        small(seed, 1, 3, 20)
    }

    fn found(&mut self, world: &mut World, node: usize) -> Result<(), SimError> {
        let timestamp = world.nodes[node].now();
        let block = world.mine_edited(node, timestamp, |block| {
            if node == 1 {
                block.header.state_root = Hash32([9; 32]);
            }
        })?;
        world.publish(node, &block);
        Ok(())
    }
}

#[test]
fn a_wrong_commitment_of_a_node_that_should_be_honest_is_told() {
    assert!(told(&mut WrongState).contains(&"an honest block is taken in"));
}

/// Blocks never reach one of the nodes.
struct Silence;

impl Scenario for Silence {
    fn setup(&self, seed: u64, _options: &Options) -> Setup {
        small(seed, 1, 3, 240)
    }

    fn found(&mut self, world: &mut World, node: usize) -> Result<(), SimError> {
        let block = world.mine(node)?;
        for to in (0..2).filter(|to| *to != node && node < 2) {
            world.send_block(node, to, &block);
        }
        Ok(())
    }
}

#[test]
fn nodes_that_end_on_different_blocks_are_told() {
    let told = told(&mut Silence);
    assert!(told.contains(&"all agree in the end"), "{told:?}");
    assert!(told.contains(&"finality goes on"), "{told:?}");
}

/// Links are slower than k allows for.
struct SlowLinks;

impl Scenario for SlowLinks {
    fn setup(&self, seed: u64, _options: &Options) -> Setup {
        let delay = umbel_sim::Delay::Constant { us: 60_000_000 };
        Setup { delay, red_limit: Some(0.05), validators: 0, ..small(seed, 2, 4, 90) }
    }
}

#[test]
fn too_many_red_blocks_are_told() {
    let told = told(&mut SlowLinks);
    assert!(told.contains(&"few blocks are red"), "{told:?}");
}
