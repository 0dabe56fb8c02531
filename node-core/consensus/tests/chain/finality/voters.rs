//! Devnet's four validators, whose keys everybody knows.

use umbel_crypto::keys::MlDsaRole;
use umbel_crypto::ml_dsa::{MlDsaContext, MlDsaKey};
use umbel_dag::finality::VoteGuard;
use umbel_types::consensus_api::{ConsensusApi, VoteAdmission, VoteProposal};
use umbel_types::vote::{CertificateEntry, vote_message};
use umbel_types::{Block, Certificate, Link, Network, Vote};

use crate::fixture::{TestNode, seed};

pub(crate) struct Voter {
    pub(crate) key: MlDsaKey,
    pub(crate) guard: VoteGuard,
}

pub(crate) fn voters() -> Vec<Voter> {
    (0..4)
        .map(|index| Voter {
            key: seed().ml_dsa_key(MlDsaRole::Vote, Network::Devnet, 0, index),
            guard: VoteGuard::default(),
        })
        .collect()
}

impl Voter {
    /// A vote, whatever the guard says.
    pub(crate) fn sign(&self, node: &TestNode, epoch: u64, link: Link) -> Vote {
        let (chain, genesis) = (node.consensus.params().chain_id, node.consensus.genesis_hash());
        let validator = self.key.key_hash();
        let message = vote_message(chain, genesis, epoch, validator, &link);
        let signature = Box::new(self.key.sign(MlDsaContext::Vote, &message));
        Vote { chain, genesis, epoch, validator, link, signature }
    }

    /// What an honest validator does with a proposal.
    pub(crate) fn vote(&mut self, node: &TestNode, proposal: &VoteProposal) -> Option<Vote> {
        if !self.guard.may_sign(&proposal.link) {
            return None;
        }
        self.guard = self.guard.behind(&proposal.link);
        Some(self.sign(node, proposal.epoch, proposal.link))
    }
}

/// All of them vote for what the node proposes, once.
pub(crate) fn vote_all(node: &TestNode, voters: &mut [Voter]) -> Vec<Vote> {
    let Some(proposal) = node.consensus.vote_proposal().expect("reads") else { return Vec::new() };
    let votes: Vec<Vote> = voters.iter_mut().filter_map(|voter| voter.vote(node, &proposal)).collect();
    for vote in &votes {
        let admission = node.consensus.submit_vote(vote.clone());
        assert!(matches!(admission, Ok(VoteAdmission::Added { .. })), "{admission:?}");
    }
    votes
}

/// Mines `n` blocks; behind each, the validators vote.
pub(crate) fn advance_voting(node: &TestNode, voters: &mut [Voter], n: usize) -> Vec<Block> {
    (0..n)
        .map(|_| {
            let block = node.advance(1).remove(0);
            vote_all(node, voters);
            block
        })
        .collect()
}

/// A certificate signed by whom a test says.
pub(crate) fn certificate<'a>(
    node: &TestNode,
    epoch: u64,
    link: Link,
    signers: impl IntoIterator<Item = &'a Voter>,
) -> Certificate {
    let mut entries: Vec<CertificateEntry> = signers
        .into_iter()
        .map(|voter| voter.sign(node, epoch, link))
        .map(|vote| CertificateEntry { validator: vote.validator, signature: vote.signature })
        .collect();
    entries.sort_by_key(|entry| entry.validator);
    Certificate { epoch, link, entries }
}
