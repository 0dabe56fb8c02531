//! An hour of ten blocks a second, chains on the disk: what the process holds in memory does not grow with the chain.

use crate::error::SimError;
use crate::setup::{Options, Setup};
use crate::world::{SECOND, World};

use super::Scenario;

pub(super) const NAME: &str = "soak";

/// Between two looks at the memory.
const LOOK_EVERY_S: u64 = 120;
/// Caches are full after this share of the run.
const WARM: f64 = 0.5;
/// What may be added after that, of what there was: allocators keep pieces.
const GROWTH: f64 = 0.1;

#[derive(Debug, Default)]
pub(super) struct Soak;

impl Scenario for Soak {
    fn setup(&self, seed: u64, options: &Options) -> Setup {
        let minutes = Some(options.minutes.unwrap_or(60));
        let nodes = Some(options.nodes.unwrap_or(3));
        let rate = Some(options.blocks_per_second.unwrap_or(10));
        let mut setup = Setup::drawn(NAME, seed, &Options { nodes, blocks_per_second: rate, minutes });
        setup.validators = 4;
        setup.pool_s = 30;
        setup.on_disk = true;
        setup.replay = false;
        setup
    }

    fn begins(&mut self, world: &mut World) -> Result<(), SimError> {
        world.timer(LOOK_EVERY_S * SECOND, 0);
        Ok(())
    }

    fn timer(&mut self, world: &mut World, _tag: u32) -> Result<(), SimError> {
        if let Some(kib) = resident_kib() {
            world.memory.push((world.now() / SECOND / 60, kib));
        }
        if !world.is_over() {
            world.timer(LOOK_EVERY_S * SECOND, 0);
        }
        Ok(())
    }

    fn expects(&mut self, world: &mut World) -> Result<(), SimError> {
        let minutes = world.setup.seconds as f64 / 60.0;
        let warm = world.memory.iter().find(|(minute, _)| *minute as f64 >= minutes * WARM);
        if let (Some((_, before)), Some((_, after))) = (warm, world.memory.last()) {
            let growth = *after as f64 / *before as f64 - 1.0;
            world.figures.insert("growth_of_the_second_half", growth);
            if growth > GROWTH {
                let found = format!("{before} KiB after half of the run, {after} KiB at its end");
                world.violate("memory stays flat", found);
            }
        }
        Ok(())
    }
}

/// What this process holds in memory, where the system says so.
fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}
