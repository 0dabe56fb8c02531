//! Certificates, as the next block of a chain would introduce them, against a recount.

use std::sync::OnceLock;

use arbitrary::Unstructured;
use umbel_consensus::test_util::check_certificate;
use umbel_types::consensus_api::ConsensusApi;
use umbel_types::vote::{CertificateEntry, vote_message};
use umbel_types::{BlockHash, Certificate, Checkpoint, Encode, Link};

use crate::codec::one_encoding;
use crate::fixture::patch;
use crate::node::{Node, params};
use crate::voters::{KEYS, MEMBERS, below, is_enough, signature, voter};

/// Blocks of the chain. The next one is higher by one.
const HEIGHT: u8 = 10;

struct World {
    node: Node,
    /// By height, genesis first.
    chain: Vec<BlockHash>,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let node = Node::new(params());
        let genesis = node.consensus.genesis_hash();
        let chain = [genesis].into_iter().chain((0..HEIGHT).map(|_| node.advance().hash())).collect();
        World { node, chain }
    })
}

/// Whether the header names another index, the target, how far below it the source is, what is wrong with their blocks, the
/// epoch, who signs, then one byte for each signer, the order, and patches.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    vec![
        vec![0, 8, 0, 0, 0, 0, 0b0_0111, 0, 0, 0, 0],
        vec![0, 9, 0, 0, 0, 0, 0b0_1111, 0, 0, 0, 0, 0],
        // Exactly two thirds; a stranger; nobody.
        vec![0, 8, 0, 0, 0, 0, 0b0_1011, 0, 0, 0, 0],
        vec![0, 8, 0, 0, 0, 0, 0b10_0111, 0, 0, 0, 0, 0],
        vec![0, 8, 0, 0, 0, 0, 0, 0],
        // Not buried; no neighbours; another block; another index; another epoch; a forged signature; out of order.
        vec![0, 10, 0, 0, 0, 0, 0b0_0111, 0, 0, 0, 0],
        vec![0, 8, 1, 0, 0, 0, 0b0_0111, 0, 0, 0, 0],
        vec![0, 8, 0, 1, 2, 0, 0, 0b0_0111, 0, 0, 0, 0],
        vec![1, 8, 0, 0, 0, 0, 0b0_0111, 0, 0, 0, 0],
        vec![0, 8, 0, 0, 0, 1, 0b0_0111, 0, 0, 0, 0],
        vec![0, 8, 0, 0, 0, 0, 0b0_0111, 0, 1, 2, 0],
        vec![0, 8, 0, 0, 0, 0, 0b0_0111, 0, 0, 0, 1],
        vec![0, 8, 0, 0, 0, 0, 0b0_0111, 0, 0, 0, 0, 100, 1, 1],
    ]
}

fn checkpoint(u: &mut Unstructured<'_>, index: u8) -> Checkpoint {
    let chain = &world().chain;
    let block = match below(u, 8) {
        1 => chain[usize::from(below(u, HEIGHT))],
        2 => BlockHash([7; 32]),
        _ => chain[usize::from(index)],
    };
    Checkpoint { index: u32::from(index), block }
}

/// A certificate, with who has really signed what it says.
fn certificate(u: &mut Unstructured<'_>) -> (Certificate, Vec<u8>) {
    let target = below(u, HEIGHT + 1);
    let source = target.saturating_sub(1).saturating_sub(below(u, 4));
    let link = Link { source: checkpoint(u, source), target: checkpoint(u, target) };
    let epoch = u64::from(below(u, 4) == 1);
    let mask: u8 = u.arbitrary().unwrap_or(0);
    let (chain, genesis) = world().node.place();
    let mut signers = Vec::new();
    let mut entries: Vec<CertificateEntry> = Vec::new();
    for n in (0..KEYS).filter(|n| mask >> n & 1 == 1) {
        let validator = voter(n).id;
        let message = |epoch| vote_message(chain, genesis, epoch, validator, &link);
        let signature = match below(u, 8) {
            1 => signature(n, &message(epoch + 1)),
            2 => signature(n + 1, &message(epoch)),
            _ => {
                signers.push(n);
                signature(n, &message(epoch))
            }
        };
        entries.push(CertificateEntry { validator, signature });
    }
    if signers.len() < entries.len() {
        // One that is forged spoils it, whoever the others are.
        signers.clear();
    }
    entries.sort_by_key(|entry| entry.validator);
    match (below(u, 8), entries.len()) {
        (1, 2..) => {
            signers.clear();
            entries.swap(0, 1);
        }
        (2, 1..) => {
            signers.clear();
            entries.push(entries[entries.len() - 1].clone());
        }
        _ => {}
    }
    (Certificate { epoch, link, entries }, signers)
}

/// Accepted is what members with more than two thirds of the stake signed, about two neighbours of this chain that are
/// buried, in the one encoding.
pub(crate) fn run(data: &[u8]) {
    one_encoding::<Certificate>(data);
    let World { node, chain } = world();
    let mut u = Unstructured::new(data);
    let raised = u32::from(below(&mut u, 4) == 1);
    let (certificate, signers) = certificate(&mut u);
    let Certificate { epoch, link, .. } = certificate;
    let mut bytes = certificate.to_bytes();
    let changed = patch(&mut bytes, u.take_rest());
    let index = link.target.index.saturating_add(raised);

    let stands = |checkpoint: Checkpoint| chain.get(checkpoint.index as usize) == Some(&checkpoint.block);
    let is_good = !changed
        && raised == 0
        && epoch == 0
        && link.target.index == link.source.index + 1
        && stands(link.source)
        && stands(link.target)
        && link.target.index + 2 <= u32::from(HEIGHT) + 1
        && signers.iter().all(|n| *n < MEMBERS)
        && is_enough(&signers);
    let verdict = check_certificate(&node.consensus, index, &bytes);
    assert_eq!(verdict.is_ok(), is_good, "{verdict:?}");
}
