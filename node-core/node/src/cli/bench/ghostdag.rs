//! Headers of an honest graph through colouring, windows and reachability, at each network's k.

use std::hint::black_box;

use umbel_api::ApiError;
use umbel_dag::replay::dense::DenseGraph;
use umbel_dag::replay::headers::{HeaderReplay, honest_graph};
use umbel_types::hash::{Domain, hash_of};
use umbel_types::{BlockHash, CompactTarget, Network, Params};

use super::measurement::{Goal, Measurement};
use super::{Size, best_of, internal, per_second, time};

/// Seconds until every miner knows a block.
const DELAY_S: usize = 1;

pub(super) fn run(size: Size) -> Result<Vec<Measurement>, ApiError> {
    let networks =
        [("ghostdag/k18", Network::Devnet), ("ghostdag/k124", Network::Mainnet), ("ghostdag/k362", Network::Lab32)];
    networks.into_iter().map(|(name, network)| measure(name, network, size)).collect()
}

fn measure(name: &'static str, network: Network, size: Size) -> Result<Measurement, ApiError> {
    let params = Params::of(network);
    let count = size.of(10_000, 200);
    let lag = 2 * DELAY_S * params.blocks_per_second as usize;
    // Any seed: the graph is the same in every run.
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let graph = honest_graph(count, lag, params.max_parents, || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state >> 33
    });
    let ids: Vec<BlockHash> = (0..count as u64).map(|n| BlockHash(hash_of(Domain::BLOCK, &n).0)).collect();
    let parents: Vec<Vec<BlockHash>> = graph.iter().map(|own| own.iter().map(|n| ids[*n]).collect()).collect();
    let replayed = || {
        let mut replay = HeaderReplay::new(&params, ids[0], CompactTarget::EASIEST);
        let (pushed, took) = time(|| {
            ids.iter().zip(&parents).skip(1).try_for_each(|(id, own)| replay.push(*id, own).map(drop).map_err(internal))
        });
        pushed.map(|()| took)
    };
    let work = vec![CompactTarget::work(CompactTarget::EASIEST); count];
    let dense = || {
        let inputs = (graph.clone(), ids.clone(), work.clone());
        let (colored, took) = time(|| DenseGraph::new(inputs.0, inputs.1, inputs.2).map(|graph| graph.color(params.k)));
        black_box(colored).map(|_| took).ok_or_else(|| internal("the graph is not in order"))
    };
    let (figure, floor) = best_of(size.of(3, 1), replayed, dense)?;
    Ok(Measurement {
        name,
        inputs: format!(
            "{count} headers, k = {}, {} blocks a second, {DELAY_S} s of delay",
            params.k, params.blocks_per_second
        ),
        cores: 1,
        figure: per_second(count, figure),
        floor: per_second(count, floor),
        floor_is: "colouring alone, on arrays with every past as a set of bits",
        unit: "headers/s",
        goals: &[Goal::RatioAtLeast(0.5)],
    })
}
