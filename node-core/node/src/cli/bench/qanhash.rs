//! The proof of work of the main network: checked from the cache, mined from the dataset.

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Duration;

use umbel_pow::cache::epoch_seed;
use umbel_pow::h64::{Node, Tags};
use umbel_pow::hash::{Pages, hash};
use umbel_pow::profile::{ACCESSES, MAIN_DATASET_ITEMS, MainCache};
use umbel_types::hash::Hash32;

use super::measurement::{Goal, Measurement};
use super::{Size, best_of, millis, per_second, time};

const PRE_POW: Hash32 = Hash32([1; 32]);
/// Compressions of 64 bytes behind one light check: the items of its pages, each begun and ended by one.
const COMPRESSIONS: usize = 2 * 2 * ACCESSES as usize;

/// As much memory as the dataset takes, with other numbers in it: a miner's reads cost the same, and it is there in a
/// second instead of minutes.
struct Filler {
    items: Vec<Node>,
    tags: Tags,
}

impl Pages for Filler {
    const COUNT: u32 = MAIN_DATASET_ITEMS / 2;

    fn page(&self, number: u32) -> [Node; 2] {
        let at = 2 * number as usize % self.items.len();
        [self.items[at], self.items[at + 1]]
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }
}

pub(super) fn run(size: Size) -> Vec<Measurement> {
    vec![light(size), full(size)]
}

fn light(size: Size) -> Measurement {
    let count = size.of(200, 1);
    let cache =
        MainCache::build(epoch_seed(&Tags::new(), umbel_types::Params::of(umbel_types::Network::Mainnet).chain_id, 0));
    let check = || {
        Ok::<_, Infallible>(repeat(count, |n| {
            black_box(hash(&cache, &PRE_POW, n));
        }))
    };
    let block = [7u8; 64];
    let compress = || {
        Ok(repeat(count * COMPRESSIONS, |_| {
            black_box(blake3::hash(black_box(&block)));
        }))
    };
    let (figure, floor) = unfailing(best_of(size.rounds(), check, compress));
    Measurement {
        name: "qanhash/light",
        inputs: format!("{count} hashes from the cache of 32 MiB, which is what checking a header costs"),
        cores: 1,
        figure: millis(count, figure),
        floor: millis(count, floor),
        floor_is: "its compressions without the memory",
        unit: "ms",
        goals: &[Goal::AtMost(0.7)],
    }
}

fn full(size: Size) -> Measurement {
    let count = size.of(200_000, 100);
    let items = size.of(MAIN_DATASET_ITEMS as usize, 1 << 12);
    // Numbers that differ, so that the next page depends on this one.
    let fill = |n: u32| {
        let mut word = n.wrapping_mul(0x9e37_79b9);
        Node(std::array::from_fn(|_| {
            word = word.rotate_left(1);
            word
        }))
    };
    let filler = Filler { items: (0..).take(items).map(fill).collect(), tags: Tags::new() };
    let mine = || {
        Ok::<_, Infallible>(repeat(count, |n| {
            black_box(hash(&filler, &PRE_POW, n));
        }))
    };
    let read = || {
        Ok(time(|| {
            let mut at = 1u32;
            for _ in 0..count * ACCESSES as usize {
                let page = filler.page(at % Filler::COUNT);
                at = at.wrapping_mul(0x0100_0193) ^ page[0].0[0] ^ page[1].0[15];
            }
            black_box(at)
        })
        .1)
    };
    let (figure, floor) = unfailing(best_of(size.rounds(), mine, read));
    Measurement {
        name: "qanhash/full",
        inputs: format!("{count} hashes over {} MiB of memory, as a miner does them", (items * 64) >> 20),
        cores: 1,
        figure: per_second(count, figure),
        floor: per_second(count, floor),
        floor_is: "the same number of page reads, each place from the page before",
        unit: "hashes/s",
        goals: &[],
    }
}

fn repeat(count: usize, mut work: impl FnMut(u64)) -> Duration {
    time(|| (0..count as u64).for_each(&mut work)).1
}

fn unfailing<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}
