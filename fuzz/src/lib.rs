//! What untrusted or damaged bytes may not do to the node, as targets for a fuzzer.
//!
//! ## What it answers for
//! - one [`Target`] for each family of decoders, verifiers and state machines that bytes from outside reach
//! - properties beside "does not panic": one encoding for each value, no forged proof, agreement with a naive oracle
//! - seeds, made by code at the start, so that a mutation begins behind the first checks
//!
//! ## What it must never do
//! Depend on anything but the input: the same bytes always give the same result. Write outside a temporary folder.
//!
//! ## Flow
//! `cargo xtask fuzz` → `main.rs` (libFuzzer) → [`Target::run`]. An ordinary test runs every target over its seeds and
//! over simple mutations of them, so that none can rot between two fuzzing runs.
//!
//! ## Errors
//! A target panics where a property does not hold: that is the finding.

#![allow(clippy::unwrap_used, reason = "a target that unwraps fails, which is its purpose")]

mod actions;
mod block;
mod certificate;
mod chain;
mod codec;
mod dag;
mod evidence;
mod finality;
mod fixture;
mod json;
mod ledger_proof;
mod lthash;
mod node;
mod proofs;
mod sealed;
mod segments;
mod signing;
mod snapshot;
mod stake;
mod text;
mod transaction;
mod vote;
mod voters;

/// One thing to fuzz.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// Longest input, in bytes.
    pub max_len: usize,
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Panics where a property does not hold.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "transaction", max_len: 16_384, seeds: transaction::seeds, run: transaction::run },
    Target { name: "transaction_patch", max_len: 64, seeds: transaction::patch_seeds, run: transaction::run_patch },
    Target { name: "block", max_len: 16_384, seeds: block::seeds, run: block::run },
    Target { name: "codec", max_len: 8_192, seeds: codec::seeds, run: codec::run },
    Target { name: "proofs", max_len: 64, seeds: proofs::seeds, run: proofs::run },
    Target { name: "text", max_len: 512, seeds: text::seeds, run: text::run },
    Target { name: "signing", max_len: 64, seeds: signing::seeds, run: signing::run },
    Target { name: "sealed", max_len: 512, seeds: sealed::seeds, run: sealed::run },
    Target { name: "wallet", max_len: 4_096, seeds: umbel_wallet::test_util::seeds, run: umbel_wallet::test_util::run },
    Target {
        name: "records",
        max_len: 8_192,
        seeds: umbel_consensus::test_util::seeds,
        run: umbel_consensus::test_util::run,
    },
    Target {
        name: "snapshot_items",
        max_len: 8_192,
        seeds: umbel_consensus::test_util::snapshot_seeds,
        run: umbel_consensus::test_util::run_snapshot,
    },
    Target { name: "segments", max_len: 512, seeds: segments::seeds, run: segments::run },
    Target { name: "ledger_proof", max_len: 4_096, seeds: ledger_proof::seeds, run: ledger_proof::run },
    Target { name: "lthash", max_len: 256, seeds: lthash::seeds, run: lthash::run },
    Target { name: "dag", max_len: 512, seeds: dag::seeds, run: dag::run },
    Target { name: "stake", max_len: 512, seeds: stake::seeds, run: stake::run },
    Target { name: "finality", max_len: 256, seeds: finality::seeds, run: finality::run },
    Target { name: "vote", max_len: 192, seeds: vote::seeds, run: vote::run },
    Target { name: "certificate", max_len: 64, seeds: certificate::seeds, run: certificate::run },
    Target { name: "evidence", max_len: 64, seeds: evidence::seeds, run: evidence::run },
    Target { name: "snapshot", max_len: 128, seeds: snapshot::seeds, run: snapshot::run },
    Target { name: "chain", max_len: 256, seeds: chain::seeds, run: chain::run },
    Target { name: "mempool", max_len: 32, seeds: umbel_mempool::test_util::seeds, run: umbel_mempool::test_util::run },
    Target { name: "json", max_len: 4_096, seeds: json::seeds, run: json::run },
];

/// The target of a name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

#[cfg(test)]
mod tests {
    use super::{TARGETS, Target, target};

    /// Inputs that once were findings.
    #[test]
    fn findings_stay_fixed() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
        for target in TARGETS {
            let Ok(files) = std::fs::read_dir(folder.join(target.name)) else { continue };
            for file in files {
                (target.run)(&std::fs::read(file.unwrap().path()).unwrap());
            }
        }
    }

    /// Every seed, every seed with one byte changed or cut, and inputs that follow from small numbers: what a fuzzer
    /// does first.
    fn holds_on_its_seeds_and_close_to_them(target: &Target) {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "{} has no seeds", target.name);
        for seed in &seeds {
            assert!(seed.len() <= target.max_len, "{}: a seed of {} bytes", target.name, seed.len());
            (target.run)(seed);
            for step in 0..8 {
                let at = step * seed.len() / 8;
                let mut changed = seed.clone();
                if let Some(byte) = changed.get_mut(at) {
                    *byte ^= 1 << (step % 8);
                }
                (target.run)(&changed);
                (target.run)(&seed[..at]);
            }
        }
        for n in 0..8u8 {
            let noise: Vec<u8> = (0..64u8).map(|i| i.wrapping_mul(37).wrapping_add(n.wrapping_mul(101))).collect();
            (target.run)(&noise[..usize::from(n) * 8]);
        }
    }

    /// Targets that run a whole node for each input: a test of its own each, so that they run beside each other.
    const WITH_A_NODE: [&str; 2] = ["chain", "vote"];

    #[test]
    fn the_chain_holds_on_its_seeds() {
        holds_on_its_seeds_and_close_to_them(target("chain").unwrap());
    }

    #[test]
    fn votes_hold_on_their_seeds() {
        holds_on_its_seeds_and_close_to_them(target("vote").unwrap());
    }

    #[test]
    fn targets_hold_on_their_seeds() {
        let others = TARGETS.iter().filter(|target| !WITH_A_NODE.contains(&target.name));
        others.for_each(holds_on_its_seeds_and_close_to_them);
    }
}
