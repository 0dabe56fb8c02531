//! Votes that a node hears, whoever sends them: what is taken, and what it makes final, against a recount.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use arbitrary::Unstructured;
use umbel_types::consensus_api::{ConsensusApi, VoteAdmission};
use umbel_types::{Block, BlockHash, Checkpoint, Evidence, Hash32, Link, Vote};

use crate::codec::one_encoding;
use crate::node::{Node, params};
use crate::voters::{KEYS, MEMBERS, below, is_enough, is_signed_by, signature, signed, voter};

/// Blocks of the chain.
const HEIGHT: u8 = 9;
/// Of the blocks, those that are buried by two.
const BURIED: u32 = HEIGHT as u32 - 2;
/// Most votes of one input.
const MAX_VOTES: usize = 48;
/// Targets above the chain up to which votes are taken, and below what is final down to which.
const AHEAD: u8 = 8;
const BEHIND: u32 = 16;
/// Votes of one validator that are held, in all and for one target.
const MOST: usize = 64;
const MOST_FOR_A_TARGET: usize = 4;

/// Four bytes for each vote: voter, source, target, and what is wrong with it.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let link = |source: u8, target: u8| (0..3).flat_map(move |n| [n, source, target, 0]);
    let chain: Vec<u8> = (0..7).flat_map(|n| link(n, n + 1)).collect();
    vec![
        link(0, 4).chain(link(4, 5)).collect(),
        link(4, 5).chain(link(0, 4)).collect(),
        chain,
        // Votes that contradict each other, votes of strangers and forged ones, votes that nobody can use.
        link(0, 5).chain(link(1, 4)).chain([0, 0, 5, 6]).collect(),
        vec![5, 0, 4, 0, 0, 0, 4, 1, 0, 0, 4, 2, 0, 0, 4, 3, 0, 0, 4, 4, 0, 0, 4, 5, 0, 0, 4, 7],
        vec![0, 4, 4, 0, 0, 5, 4, 0, 0, 4, 19, 0, 0, 0, 17, 0, 0, 0, 4, 0, 0, 0, 4, 0],
    ]
}

/// What was taken, and what follows from it.
struct Recount {
    chain: Vec<BlockHash>,
    taken: Vec<(u8, Vote)>,
    justified: BTreeSet<u32>,
    finalized: u32,
    offenders: BTreeSet<Hash32>,
}

impl Recount {
    /// F4 on one chain, and that links from below what is final are not looked at.
    fn count(&mut self) {
        let mut by_link: BTreeMap<(u64, Link), Vec<u8>> = BTreeMap::new();
        for (n, vote) in &self.taken {
            by_link.entry((vote.epoch, vote.link)).or_default().push(*n);
        }
        let stands = |at: Checkpoint| self.chain.get(at.index as usize) == Some(&at.block);
        let agreed: Vec<Link> = by_link
            .into_iter()
            .filter(|((epoch, link), voters)| {
                *epoch == 0
                    && is_enough(voters)
                    && stands(link.source)
                    && stands(link.target)
                    && link.target.index <= BURIED
            })
            .map(|((_, link), _)| link)
            .collect();
        for _ in 0..=agreed.len() {
            for Link { source, target } in &agreed {
                if source.index >= self.finalized && self.justified.contains(&source.index) {
                    self.justified.insert(target.index);
                    if target.index == source.index + 1 {
                        self.finalized = self.finalized.max(source.index);
                    }
                }
            }
        }
    }

    /// Whether the rules let this node take a vote; `Ok(false)` for one that is held.
    fn expects(&self, n: u8, vote: &Vote, place: (u32, BlockHash)) -> Result<bool, &'static str> {
        let Link { source, target } = vote.link;
        let of_voter = || self.taken.iter().filter(|(other, _)| *other == n).map(|(_, vote)| vote);
        let is_held = of_voter().any(|held| (held.epoch, held.link) == (vote.epoch, vote.link));
        let refused = [
            ("another chain", (vote.chain, vote.genesis) != place),
            ("backwards", source.index >= target.index),
            ("too old", target.index + BEHIND <= self.finalized),
            ("too new", target.index > u32::from(HEIGHT + AHEAD)),
        ];
        if let Some((why, _)) = refused.into_iter().find(|(_, is)| *is) {
            return Err(why);
        }
        if is_held && vote.validator == voter(n).id {
            return Ok(false);
        }
        let refused = [
            ("a stranger", n >= MEMBERS || vote.validator != voter(n).id),
            ("forged", !is_signed_by(n, vote)),
            ("too many", of_voter().filter(|held| held.link.target.index == target.index).count() >= MOST_FOR_A_TARGET),
        ];
        refused.into_iter().find(|(_, is)| *is).map_or(Ok(true), |(why, _)| Err(why))
    }
}

fn vote(u: &mut Unstructured<'_>, chain: &[BlockHash], place: (u32, BlockHash)) -> (u8, Vote) {
    let (n, source, target) = (below(u, KEYS), below(u, HEIGHT + 2), below(u, HEIGHT + AHEAD + 4));
    let at = |index: u8| {
        let block = chain.get(usize::from(index)).copied().unwrap_or(BlockHash([index; 32]));
        Checkpoint { index: u32::from(index), block }
    };
    let mut link = Link { source: at(source), target: at(target) };
    let wrong = below(u, 16);
    match wrong {
        5 => link.source.block = BlockHash([9; 32]),
        6 => link.target.block = BlockHash([9; 32]),
        7 => link.target.block = BlockHash([10; 32]),
        8 => link.target.block = BlockHash([11; 32]),
        9 => link.target.index += 1,
        _ => {}
    }
    let (chain_id, genesis) = place;
    let place = match wrong {
        1 => (chain_id + 1, genesis),
        2 => (chain_id, BlockHash([9; 32])),
        _ => place,
    };
    let mut vote = signed(n, place, u64::from(wrong == 3), link);
    match wrong {
        4 => vote.signature = signature(n + 1, &vote.message()),
        10 => vote.signature[1_000] ^= 1,
        11 => vote.validator.0[5] ^= 1,
        12 => vote.epoch += 1,
        _ => {}
    }
    (n, vote)
}

pub(crate) fn run(data: &[u8]) {
    one_encoding::<Vote>(data);
    static BLOCKS: OnceLock<Vec<Block>> = OnceLock::new();
    let blocks = BLOCKS.get_or_init(|| {
        let node = Node::new(params());
        (0..HEIGHT).map(|_| node.advance()).collect()
    });
    let node = Node::with(params(), blocks);
    let genesis = node.consensus.genesis_hash();
    let chain: Vec<_> = [genesis].into_iter().chain(blocks.iter().map(Block::hash)).collect();
    let mut recount =
        Recount { chain, taken: Vec::new(), justified: BTreeSet::from([0]), finalized: 0, offenders: BTreeSet::new() };
    const { assert!(MAX_VOTES <= MOST) };
    let mut u = Unstructured::new(data);
    for _ in 0..MAX_VOTES {
        if u.is_empty() {
            break;
        }
        let (n, vote) = vote(&mut u, &recount.chain, node.place());
        let expected = recount.expects(n, &vote, node.place());
        let got = node.consensus.submit_vote(vote.clone());
        let offence = recount.taken.iter().any(|(other, held)| *other == n && held.offence(&vote).is_some());
        match (&got, expected) {
            (Err(_), Err("too many")) => {}
            (Err(_), Err(_)) => continue,
            (Ok(VoteAdmission::Known), Ok(false)) => continue,
            (Ok(VoteAdmission::Added { .. }), Ok(true)) => assert!(!offence, "an offence was not seen"),
            (Ok(VoteAdmission::Conflicting), Ok(true)) => assert!(offence, "there is no offence"),
            _ => panic!("{got:?} where {expected:?} is right, by {n}: {:?} in epoch {}", vote.link, vote.epoch),
        }
        if offence {
            recount.offenders.insert(voter(n).id);
        }
        if got.is_ok() {
            recount.taken.push((n, vote));
            recount.count();
        }
        let status = node.consensus.finality();
        let highest = recount.justified.iter().max().copied();
        assert_eq!((Some(status.justified.index), status.finalized.index), (highest, recount.finalized));
    }
    // One pair for each of them, of whichever votes.
    let evidence = node.consensus.evidence();
    let offenders: BTreeSet<Hash32> = evidence.iter().map(|evidence| evidence.first.validator).collect();
    assert_eq!((evidence.len(), &offenders), (offenders.len(), &recount.offenders));
    for Evidence { first, second } in &evidence {
        let n = (0..MEMBERS).find(|n| voter(*n).id == first.validator).unwrap();
        assert!(first.offence(second).is_some() && is_signed_by(n, first) && is_signed_by(n, second));
    }
    assert_eq!(node.consensus.failure(), None);
    node.advance();
}
