//! Whole blocks: a node hears good blocks, changed ones, forks and votes in any order.
//!
//! Whatever comes, the node goes on: what is refused leaves the state as it was, an honest block is always taken, what is
//! final stays on the chain, and in the end a replay from genesis finds every table as the rules make it.

use std::sync::OnceLock;

use arbitrary::Unstructured;
use umbel_consensus::verify::verify_chain;
use umbel_crypto::keys::{Mnemonic, SecpKey};
use umbel_crypto::signature::sign;
use umbel_dag::finality::VoteGuard;
use umbel_ledger::genesis::genesis_outpoint;
use umbel_store::Table;
use umbel_types::consensus_api::{BlockStatus, ConsensusApi, VoteAdmission};
use umbel_types::errors::{BlockError, HeaderRuleError};
use umbel_types::genesis::{DEVNET_WORDS, GenesisWallet};
use umbel_types::staking::{ActionWitness, Delegate, Undelegate};
use umbel_types::vote::{CertificateEntry, cert_hash};
use umbel_types::{
    Action, Amount, Block, BlockHash, Body, CertRef, Certificate, Checkpoint, Decode, Encode, Header, Link, Memo,
    MemoValue, OutPoint, Output, Params, Transaction,
};

use crate::actions::{Purse, register, report};
use crate::fixture::patch;
use crate::node::{Node, params};
use crate::voters::{MEMBERS, below, genesis, is_enough, signed};

/// Most things that happen for one input.
const MAX_STEPS: usize = 24;
/// Blocks of the chain that half of the inputs begin with: behind them a certificate is due.
const LONG: usize = 31;
/// Most blocks that are held back.
const MAX_KEPT: usize = 4;
/// Members that sign whatever the input says: two ninths of the stake.
const LIARS: u8 = 2;
/// Attempts to put right what a refusal says of scores.
const MAX_TRIES: usize = 4;

/// Tables of the state.
const STATE: [Table; 5] = [Table::Coin, Table::Memo, Table::State, Table::ChainIndex, Table::Certificate];
/// Tables that only a block which is kept changes.
const KEPT: [Table; 5] = [Table::Meta, Table::Tips, Table::Arrival, Table::BlockIndex, Table::ChainBlock];

fn short_epochs() -> Params {
    Params { epoch_length: 6, unbonding: 12, ..params() }
}

/// Behind the long chain, honest votes make certificates. One that lacks votes is carried once there is a newer one.
const CERTIFIED: [u8; 13] = [1, 3, 0, 0, 3, 0, 0, 3, 0, 0, 3, 0, 0];

/// How long the chain is at first, then steps: what happens, and what that takes.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    vec![
        vec![0; 20],
        [vec![0], [0, 0, 3].repeat(9)].concat(),
        [&CERTIFIED[..], &[0, 0, 6, 3, 0, 0]].concat(),
        // Every transaction, with those that contradict each other.
        vec![0, 0, 63, 0, 63, 0, 0, 0, 0],
        // A fork: blocks held back and given out later.
        vec![0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 1, 0, 0, 0, 2, 0, 0, 0],
        // Blocks changed in every place.
        [vec![0], (0..8).flat_map(|way| [4, 3, way, 1, 60, 0, 1]).collect()].concat(),
        [vec![0], (0..8).flat_map(|way| [4, 0, way, 2, 10, 1, 0x80, 99, 0, 3]).collect()].concat(),
        // Votes of liars, and a new start.
        vec![0, 0, 0, 0, 0, 0, 0, 5, 0, 1, 0, 0, 0, 5, 0, 2, 0, 0, 1, 5, 2, 1, 0, 0, 0, 6, 3, 0, 0],
        // A certificate with the right link, whose signatures are forged; one of two liars.
        vec![1, 7, 31, 1, 0, 2, 0, 1, 1, 0, 0],
        vec![1, 7, 31, 1, 2, 1, 1, 7, 24, 1, 2, 1, 1],
    ]
}

fn wallet(n: u32) -> SecpKey {
    Mnemonic::parse(DEVNET_WORDS).unwrap().to_seed("").secp_key(0, n)
}

/// Transactions on what genesis holds: a payment, Actions, and one that spends the same as another.
fn transactions(here: BlockHash) -> &'static [Transaction] {
    static TRANSACTIONS: OnceLock<Vec<Transaction>> = OnceLock::new();
    TRANSACTIONS.get_or_init(|| {
        let keys: Vec<SecpKey> = (0..4).map(wallet).collect();
        let purse = |n: usize| {
            let wallet = GenesisWallet::ALL[n];
            let (outpoint, value) = (genesis_outpoint(wallet), wallet.allotment().1);
            Purse { genesis: here, outpoint, value, key: &keys[n] }
        };
        let validators = genesis().validators;
        let id = |n: usize| umbel_crypto::ml_dsa::key_hash(&validators[n].key);
        let amount = Amount::from_str_tokens(30);
        let delegate = |n| Action::Delegate(Delegate { validator: id(n), delegator: keys[3].address(), amount });
        let payment = purse(0).act(Action::Transfer, |_| ActionWitness::None);
        let rival = purse(0).act(delegate(1), |_| ActionWitness::None);
        // It spends what the payment gives back, and takes out of the bond of the first validator.
        let rest = Purse {
            outpoint: OutPoint { source: payment.txid().into(), index: 0 },
            value: match &payment.core.outputs[0] {
                Output::Memo(Memo { value: MemoValue::Public(value), .. }) => *value,
                _ => Amount::ZERO,
            },
            ..purse(0)
        };
        let undelegate = Undelegate { validator: id(0), delegator: keys[0].address(), amount, nonce: 0 };
        let leaving = rest.act(Action::Undelegate(undelegate), |hash| ActionWitness::Owner(sign(&keys[0], hash)));
        let (register, registered) = register(&keys[1]);
        let (report, reported) = report(4, here);
        vec![
            payment,
            rival,
            leaving,
            purse(1).act(register, registered),
            purse(2).act(delegate(0), |_| ActionWitness::None),
            purse(3).act(report, reported),
        ]
    })
}

/// The long chain, mined by another node.
fn long_chain() -> &'static [Block] {
    static CHAIN: OnceLock<Vec<Block>> = OnceLock::new();
    CHAIN.get_or_init(|| {
        let node = Node::new(short_epochs());
        (0..LONG).map(|_| node.advance()).collect()
    })
}

struct World {
    node: Node,
    guards: Vec<VoteGuard>,
    /// Blocks that were mined and not told.
    kept: Vec<Block>,
    /// Blocks that the node has, genesis first.
    known: Vec<BlockHash>,
    /// Every checkpoint that was final.
    finalized: Vec<Checkpoint>,
    justified: u32,
}

impl World {
    fn new(long: bool) -> Self {
        let told = if long { long_chain() } else { &[] };
        let node = Node::with(short_epochs(), told);
        let known = [node.consensus.genesis_hash()].into_iter().chain(told.iter().map(Block::hash)).collect();
        let guards = vec![VoteGuard::default(); usize::from(MEMBERS)];
        Self { node, guards, kept: Vec::new(), known, finalized: Vec::new(), justified: 0 }
    }

    fn chosen(&self, mask: u8) -> Vec<Transaction> {
        let all = transactions(self.node.consensus.genesis_hash());
        (0..).zip(all).filter(|(n, _)| mask >> n & 1 == 1).map(|(_, tx)| tx.clone()).collect()
    }

    fn some_known(&self, u: &mut Unstructured<'_>) -> BlockHash {
        // The newest first: small numbers name what is near the tips.
        let back = usize::from(below(u, 12)) % self.known.len();
        self.known[self.known.len() - 1 - back]
    }

    fn step(mut self, u: &mut Unstructured<'_>) -> Self {
        match below(u, 8) {
            0 => {
                let block = self.node.mine(&self.chosen(below(u, 64)));
                self.honest(&block);
            }
            1 => {
                let block = self.node.mine(&self.chosen(below(u, 64)));
                if self.kept.len() < MAX_KEPT {
                    self.kept.push(block);
                }
            }
            2 => {
                if !self.kept.is_empty() {
                    let at = usize::from(below(u, 4)) % self.kept.len();
                    let block = self.kept.remove(at);
                    self.hear_late(&block);
                }
            }
            3 => self.vote_honestly(),
            4 => self.changed_block(u),
            5 => self.lie(u),
            6 => return self.restart(),
            _ => self.block_with_certificate(u),
        }
        self
    }

    /// A block that keeps every rule on what the node itself gave out.
    fn honest(&mut self, block: &Block) {
        assert_eq!(self.node.insert(block), Ok(BlockStatus::StateValid), "an honest block is refused");
        assert_eq!(self.node.sink(), block.hash());
        self.known.push(block.hash());
    }

    /// Any block. What is refused changes nothing of the state.
    fn hear(&mut self, block: &Block) -> Result<BlockStatus, BlockError> {
        let (sink, state, kept) = (self.node.sink(), self.node.rows(&STATE), self.node.rows(&KEPT));
        let verdict = self.node.insert(block);
        let status = self.node.consensus.status(block.hash()).unwrap();
        match &verdict {
            Ok(_) => self.known.push(block.hash()),
            Err(error) => {
                assert!(!matches!(error, BlockError::Unavailable(_)), "{error}");
                assert_eq!(self.node.sink(), sink, "{error}");
                assert!(self.node.rows(&STATE) == state, "a refused block has changed the state: {error}");
                if status == Some(BlockStatus::Disqualified) {
                    self.known.push(block.hash());
                } else {
                    assert!(self.node.rows(&KEPT) == kept, "a refused block has changed a table: {error}");
                }
            }
        }
        verdict
    }

    /// An honest block that comes late: too late, if what branches off where it stands is final by now.
    fn hear_late(&mut self, block: &Block) {
        let verdict = self.hear(block);
        let too_late = matches!(verdict, Err(BlockError::BelowFinality(_)));
        assert!(too_late || verdict.is_ok(), "an honest block is refused: {verdict:?}");
    }

    /// An honest block of which the input changes something before it is mined, or after.
    fn changed_block(&mut self, u: &mut Unstructured<'_>) {
        let txs = self.chosen(below(u, 64));
        let honest = self.node.mine(&txs);
        let mut block = honest.clone();
        let way = below(u, 8);
        let patches = usize::from(below(u, 4)) * 3;
        let patches = u.bytes(patches.min(u.len())).unwrap_or(&[]);
        let (header, body) = (&mut block.header, &mut block.body);
        let changed = match way {
            0 => patched::<Header>(&honest.header, patches).map(|patched| *header = patched),
            1..=3 => patched::<Body>(&honest.body, patches).map(|patched| *body = patched),
            4 => patched::<Block>(&honest, patches).map(|patched| block = patched),
            5 => {
                let parents = (0..=below(u, 4)).map(|_| self.some_known(u));
                header.parents = parents.collect::<std::collections::BTreeSet<_>>().into_iter().collect();
                Some(())
            }
            6 => {
                header.timestamp.0 = (header.timestamp.0 + 5_000).saturating_sub(u64::from(below(u, 255)) * 1_000);
                Some(())
            }
            _ => {
                body.txs = txs;
                Some(())
            }
        };
        if changed.is_none() {
            return;
        }
        if matches!(way, 1 | 2 | 7) {
            block.header.tx_root = block.body.tx_root();
        }
        if way != 4 {
            self.node.solve(&mut block);
        }
        for _ in 0..MAX_TRIES {
            let Err(BlockError::Header(error)) = self.hear(&block) else { return };
            match error {
                HeaderRuleError::DaaScore { expected, .. } => block.header.daa_score = expected,
                HeaderRuleError::BlueScore { expected, .. } => block.header.blue_score = expected,
                HeaderRuleError::BlueWork { expected, .. } => block.header.blue_work = expected,
                _ => return,
            }
            // A header that was proven wrong is remembered by its hash.
            self.node.solve(&mut block);
        }
    }

    /// Members vote for what the node proposes, as far as their guards let them.
    fn vote_honestly(&mut self) {
        let Some(proposal) = self.node.consensus.vote_proposal().unwrap() else { return };
        for n in 0..MEMBERS - LIARS {
            let guard = &mut self.guards[usize::from(n)];
            if guard.may_sign(&proposal.link) {
                *guard = guard.behind(&proposal.link);
                let vote = signed(n, self.node.place(), proposal.epoch, proposal.link);
                let admission = self.node.consensus.submit_vote(vote);
                assert_ne!(admission, Ok(VoteAdmission::Conflicting), "an honest vote counts as an offence");
            }
        }
    }

    fn checkpoint(&self, u: &mut Unstructured<'_>) -> Checkpoint {
        let block = self.some_known(u);
        let index = self.node.consensus.header(block).map_or(0, |header| header.blue_score.0);
        Checkpoint { index: u32::try_from(index).unwrap_or(u32::MAX), block }
    }

    /// A vote of somebody without a guard, or of a stranger, by itself or as a certificate.
    fn lie(&mut self, u: &mut Unstructured<'_>) {
        let n = MEMBERS - LIARS + below(u, LIARS + 1);
        let link = Link { source: self.checkpoint(u), target: self.checkpoint(u) };
        let vote = signed(n, self.node.place(), u64::from(below(u, 4)), link);
        let taken = if below(u, 4) == 1 {
            let entries = vec![CertificateEntry { validator: vote.validator, signature: vote.signature }];
            self.node.consensus.submit_certificate(Certificate { epoch: vote.epoch, link, entries })
        } else {
            self.node.consensus.submit_vote(vote).map(|_| ())
        };
        assert!(taken.is_err() || n < MEMBERS, "a stranger's vote was taken");
    }

    /// A block that carries a certificate of whoever the input says.
    fn block_with_certificate(&mut self, u: &mut Unstructured<'_>) {
        let mask = below(u, 32);
        let signers: Vec<u8> = (0..MEMBERS).filter(|n| mask >> n & 1 == 1).collect();
        // An honest member signs nothing that the input makes up.
        let lying = signers.iter().all(|n| *n >= MEMBERS - LIARS);
        let proposed = self.node.consensus.vote_proposal().unwrap();
        let link = match proposed {
            Some(proposal) if below(u, 4) == 0 => proposal.link,
            _ => Link { source: self.checkpoint(u), target: self.checkpoint(u) },
        };
        let epoch = u64::from(below(u, 4));
        let mut entries: Vec<CertificateEntry> = signers
            .iter()
            .map(|n| signed(*n, self.node.place(), epoch, link))
            .map(|vote| CertificateEntry { validator: vote.validator, signature: vote.signature })
            .collect();
        if !lying {
            entries.iter_mut().for_each(|entry| entry.signature[7] ^= 1);
        }
        entries.sort_by_key(|entry| entry.validator);
        let bytes = Certificate { epoch, link, entries }.to_bytes();
        let mut block = self.node.mine(&[]);
        block.header.cert = CertRef { index: link.target.index, hash: cert_hash(&bytes) };
        block.body.certificate = bytes;
        self.node.solve(&mut block);
        assert!(!is_enough(&[3, 4]), "liars are few");
        assert!(self.hear(&block).is_err(), "a certificate without enough votes was taken");
    }

    fn restart(self) -> Self {
        let before = (self.node.sink(), self.node.consensus.finality());
        let world = Self { node: self.node.restart(), ..self };
        let after = world.node.consensus.finality();
        assert_eq!(world.node.sink(), before.0, "another sink after a new start");
        assert_eq!((after.justified, after.finalized), (before.1.justified, before.1.finalized));
        world
    }

    fn check(&mut self) {
        assert_eq!(self.node.consensus.failure(), None);
        let status = self.node.consensus.finality();
        assert!(status.justified.index >= self.justified, "what is justified went back");
        self.justified = status.justified.index;
        if self.finalized.last() != Some(&status.finalized) {
            self.finalized.push(status.finalized);
        }
        assert!(self.finalized.is_sorted_by_key(|at| at.index), "what is final went back");
        for at in self.finalized.iter().chain([&status.justified]) {
            let summary = self.node.consensus.block_summary(at.block).unwrap();
            assert!(summary.is_chain_block, "checkpoint {} left the chain", at.index);
        }
    }

    /// An honest block, and a replay of everything.
    fn finish(mut self) {
        let block = self.node.mine(&self.chosen(u8::MAX));
        self.honest(&block);
        self.check();
        self.node.consensus.shutdown();
        let store = self.node.store().clone();
        if let Err(error) = verify_chain(self.node.params(), &genesis(), store, &mut |_| {}) {
            panic!("the tables are not what the rules make: {error}");
        }
    }
}

fn patched<T: Encode + Decode>(value: &T, patches: &[u8]) -> Option<T> {
    let mut bytes = value.to_bytes();
    patch(&mut bytes, patches);
    T::from_bytes(&bytes).ok()
}

/// What the input says, without the end.
fn play(data: &[u8]) -> World {
    let mut u = Unstructured::new(data);
    let mut world = World::new(below(&mut u, 2) == 1);
    for _ in 0..MAX_STEPS {
        if u.is_empty() {
            break;
        }
        world = world.step(&mut u);
        world.check();
    }
    world
}

pub(crate) fn run(data: &[u8]) {
    play(data).finish();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_leads_to_a_certificate_in_a_block() {
        let status = play(&CERTIFIED).node.consensus.finality();
        assert_eq!((status.included.index, status.finalized.index), (30, 31), "{status:?}");
    }
}
