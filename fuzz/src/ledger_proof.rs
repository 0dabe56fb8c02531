//! Proofs about the ledger, against the state, the chain and the acceptance that they speak of.

use std::sync::OnceLock;

use umbel_ledger::commitments::{AcceptedFacts, AcceptedLeaf, ChainMmr, LaneRoots, SystemFacts};
use umbel_ledger::genesis;
use umbel_ledger::proofs::{AcceptanceProof, Accepted, Below, ChainProof, Claim, Fact, LedgerProof, StateProof};
use umbel_ledger::state_tree::{StateKey, StateTree};
use umbel_types::hash::{Domain, Hasher};
use umbel_types::state::{State, StateClass};
use umbel_types::{BlockHash, Decode, Encode, Header, Ledger, Network, OutPoint, Params, UtxoEntry};

use crate::fixture::transactions;

/// Blocks of the chain under the anchor, and the height of the one whose state is proven.
const CHAIN: u64 = 21;
const HEIGHT: u64 = 10;

/// What the proofs speak of.
struct World {
    states: StateTree,
    /// What the block accepted, by lane.
    accepted: Vec<(Ledger, Accepted)>,
    acceptances: Vec<AcceptanceProof>,
    header: Header,
    anchor: Header,
    below: ChainMmr,
    chain: ChainMmr,
}

fn key(n: u64) -> StateKey {
    let ledger = if n.is_multiple_of(2) { Ledger::Main } else { Ledger::Governance };
    StateKey { ledger, object: Hasher::new(Domain::OBJECT).with(&n).finish().into() }
}

fn chain_block(height: u64, proven: &Header) -> BlockHash {
    if height == HEIGHT { proven.hash() } else { Hasher::new(Domain::BLOCK).with(&height).finish().into() }
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let object = |n: u64| (key(n), State::of_ledger(key(n).object, StateClass::Balance, &n));
        let states: StateTree = (0..12).map(object).collect();
        let built = genesis::build(&Params::of(Network::Devnet), &umbel_types::genesis::devnet());
        let genesis = built.block.header.clone();
        let outputs: Vec<(OutPoint, UtxoEntry)> =
            built.utxo.added().iter().map(|(outpoint, entry)| (*outpoint, entry.clone())).collect();
        let system = SystemFacts::of(&outputs);
        let facts = transactions().iter().map(|tx| (tx.core.ledger(), AcceptedFacts::of(tx.txid(), &tx.core, &[])));
        let facts: Vec<(Ledger, AcceptedFacts)> = facts.collect();
        let leaves: Vec<AcceptedLeaf> =
            facts.iter().map(|(ledger, facts)| AcceptedLeaf { ledger: *ledger, hash: facts.leaf() }).collect();
        let before = built.lanes;
        let after: LaneRoots = before.advance(&leaves, Some(system.leaf()));
        let accepted: Vec<(Ledger, Accepted)> = facts
            .into_iter()
            .map(|(ledger, facts)| (ledger, Accepted::Transaction(facts)))
            .chain([(Ledger::Main, Accepted::System(system.clone()))])
            .collect();
        let prove = |(ledger, accepted): &(Ledger, Accepted)| {
            AcceptanceProof::new(*ledger, accepted.clone(), &before, &after, &leaves, Some(system.leaf())).unwrap()
        };
        let acceptances = accepted.iter().map(prove).collect();
        let header = Header { state_root: states.root(), accepted_root: after.root(), ..genesis.clone() };
        let upto = |end: u64| (0..end).fold(ChainMmr::default(), |chain, at| chain.push(chain_block(at, &header)));
        let (below, chain) = (upto(HEIGHT), upto(CHAIN));
        let anchor = Header { chain_mmr_root: chain.root(), ..genesis };
        World { states, accepted, acceptances, header, anchor, below, chain }
    })
}

/// One proof of each kind.
pub(crate) fn parts() -> (ChainProof, StateProof, AcceptanceProof) {
    let World { states, acceptances, header, below, chain, .. } = world();
    let read = |height| {
        let upto = (0..height).fold(ChainMmr::default(), |chain, at| chain.push(chain_block(at, header)));
        Ok::<_, std::convert::Infallible>((chain_block(height, header), upto))
    };
    let on_chain = ChainProof::new(below, chain, read).unwrap().unwrap();
    (on_chain, StateProof::new(states, key(3)), acceptances[0].clone())
}

/// Objects that are there and that are not, what was accepted, and a place.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let World { states, acceptances, header, anchor, .. } = world();
    let below = Below { header: header.clone(), chain: parts().0 };
    let states = [0, 3, 12, 13].map(|n| Claim::State(StateProof::new(states, key(n))));
    let accepted = acceptances.iter().cloned().map(Claim::Acceptance);
    let claims = states.into_iter().chain([Claim::Place]).chain(accepted);
    claims.map(|claim| LedgerProof::new(anchor.clone(), Some(below.clone()), claim).to_bytes()).collect()
}

/// One encoding; and whatever holds under the anchor is so.
pub(crate) fn run(data: &[u8]) {
    let Ok(proof) = LedgerProof::from_bytes(data) else { return };
    assert!(proof.to_bytes() == data, "a second encoding of one proof");
    let World { states, accepted, header, anchor, .. } = world();
    // Its own anchor may say anything: nothing but a panic would be wrong.
    let own = proof.anchor().hash();
    let _anything = proof.clone().verify(own);
    let Ok(proven) = proof.verify(anchor.hash()) else { return };
    let below = proven.heights().is_some();
    assert!(!below || (proven.header() == header && proven.heights() == Some((HEIGHT, CHAIN))));
    match proven.fact() {
        Fact::State(state) => assert!(below && state.state() == states.get(&state.key()), "what is not in the state"),
        Fact::Acceptance(fact) => {
            let fact = (fact.ledger(), fact.accepted().clone());
            assert!(below && accepted.contains(&fact), "what was not accepted");
        }
        Fact::Place => {}
    }
}
