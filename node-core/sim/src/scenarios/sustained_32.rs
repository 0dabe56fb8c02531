//! 32 blocks a second: how many blocks with all their checks a core takes in.

use crate::delay::Delay;
use crate::setup::{Options, Setup};

use super::Scenario;
use super::honest::RED_LIMIT;

pub(super) const NAME: &str = "sustained_32";

#[derive(Debug)]
pub(super) struct Sustained;

impl Scenario for Sustained {
    fn setup(&self, seed: u64, options: &Options) -> Setup {
        let rate = Some(options.blocks_per_second.unwrap_or(32));
        let nodes = Some(options.nodes.unwrap_or(3));
        let mut setup = Setup::drawn(NAME, seed, &Options { nodes, blocks_per_second: rate, ..*options });
        setup.validators = 4;
        setup.pool_s = 30;
        setup.payment_every_s = 1;
        setup.delay = Delay::LogNormal { median_us: 150_000, sigma: 0.5, max_us: 2_000_000 };
        setup.red_limit = Some(RED_LIMIT);
        setup.replay = false;
        setup
    }
}
