//! Proofs about the ledger: what holds is taken, and nothing else, however it is made.

use std::collections::BTreeMap;
use std::convert::Infallible;

use proptest::prelude::*;
use umbel_ledger::commitments::{AcceptedFacts, AcceptedLeaf, ChainMmr, LaneRoots, SystemFacts};
use umbel_ledger::proofs::{
    AcceptanceProof, Accepted, Below, ChainProof, Claim, Fact, LedgerProof, MAX_PROOF_BYTES, ProofError, Proven,
    StateProof,
};
use umbel_ledger::state_tree::{StateKey, StateTree};
use umbel_types::encode::encode_list;
use umbel_types::hash::{Domain, Hasher};
use umbel_types::state::State;
use umbel_types::{
    BlockHash, BlueScore, BlueWork, CertRef, CompactTarget, DaaScore, Decode, DecodeError, Encode, Hash32, Header,
    Ledger, TimestampMs, TxCore,
};

use crate::fixture::{core_spending, memo_of, outpoint};
use crate::kinds::kind;
use crate::state_tree::{KEYS, key, naive_root, state};

/// A header without any meaning of its own.
fn header() -> Header {
    let root = |n| Hash32([n; 32]);
    Header {
        version: 1,
        parents: vec![BlockHash([1; 32]), BlockHash([2; 32])],
        tx_root: root(3),
        accepted_root: root(4),
        utxo_commit: root(5),
        state_root: root(6),
        chain_mmr_root: root(7),
        timestamp: TimestampMs(8),
        nonce: 9,
        bits: CompactTarget(10),
        daa_score: DaaScore(11),
        blue_score: BlueScore(12),
        blue_work: BlueWork::ZERO,
        cert: CertRef { index: 13, hash: root(14) },
        mix_digest: [15; 32],
    }
}

fn with_state(states: &StateTree) -> Header {
    Header { state_root: states.root(), ..header() }
}

/// What bytes prove of a header, if they prove anything.
fn proven(bytes: &[u8], trusted: &Header) -> Option<Proven> {
    LedgerProof::from_bytes(bytes).ok()?.verify(trusted.hash()).ok()
}

/// Proofs from here on have each byte changed in one way.
const LONG_PROOF_BYTES: usize = 3_000;

/// Every byte of a proof, changed in up to three ways, makes it refused; where `other` allows it, it may say something else that
/// is true.
fn no_byte_can_change(proof: &LedgerProof, trusted: &Header, other: impl Fn(&Proven) -> bool) {
    let bytes = proof.to_bytes();
    assert!(bytes.len() <= MAX_PROOF_BYTES);
    assert!(proven(&bytes, trusted).is_some(), "the proof holds as it is");
    // Ways of 256 steps take their time.
    let changes: &[u8] = if bytes.len() < LONG_PROOF_BYTES { &[1, 0x80, 0xff] } else { &[0x40] };
    for at in 0..bytes.len() {
        for change in changes {
            let mut changed = bytes.clone();
            changed[at] ^= change;
            if let Some(said) = proven(&changed, trusted) {
                assert!(other(&said), "byte {at} of {} changed by {change:#x}: {said:?}", bytes.len());
            }
        }
        assert_eq!(proven(&bytes[..at], trusted), None, "cut at {at}");
    }
}

fn state_of(proven: &Proven) -> (StateKey, Option<State>) {
    match proven.fact() {
        Fact::State(proven) => (proven.key(), proven.state().cloned()),
        other => panic!("not about state: {other:?}"),
    }
}

fn state_proof(states: &StateTree, key: StateKey) -> LedgerProof {
    LedgerProof::new(with_state(states), None, Claim::State(StateProof::new(states, key)))
}

fn some_states(members: &[usize]) -> (BTreeMap<StateKey, State>, StateTree) {
    let map: BTreeMap<StateKey, State> = members.iter().map(|n| (key(*n), state(key(*n), 7))).collect();
    let tree = map.clone().into_iter().collect();
    (map, tree)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// At every key, present or not, the proof says what the plain map holds, under the root of the definition.
    #[test]
    fn a_state_proof_says_what_the_state_holds(members in proptest::collection::vec(0..KEYS, 0..KEYS)) {
        let (map, tree) = some_states(&members);
        let trusted = Header { state_root: naive_root(&map), ..header() };
        for n in 0..KEYS {
            let bytes = state_proof(&tree, key(n)).to_bytes();
            let said = proven(&bytes, &trusted).map(|proven| state_of(&proven));
            prop_assert_eq!(said, Some((key(n), map.get(&key(n)).cloned())));
        }
    }
}

/// A changed proof of absence may speak of another key that is absent for the same reason, and of nothing else.
#[test]
fn no_byte_of_a_state_proof_can_change() {
    // Object 1 shares all but the last bits with 0 and 2, the others next to none.
    let (map, tree) = some_states(&[0, 2, 4, 5, 8, 15]);
    for n in [3, 4, 7, 9, 12] {
        let proof = state_proof(&tree, key(n));
        no_byte_can_change(&proof, &with_state(&tree), |said| {
            let (said, state) = state_of(said);
            !map.contains_key(&key(n)) && said != key(n) && state.is_none() && !map.contains_key(&said)
        });
    }
}

/// The parts of a state proof, as docs/spec/commitments.md lays them out.
#[derive(Clone)]
struct RawState {
    key: StateKey,
    /// Tag, and the state behind it.
    end: (u8, Option<State>),
    siblings: Vec<Hash32>,
    count: u64,
    others: [Hash32; 5],
}

impl RawState {
    fn of(tree: &StateTree, key: StateKey) -> Self {
        let bytes = StateProof::new(tree, key).to_bytes();
        let mut reader = umbel_types::encode::Reader::new(&bytes);
        let key = Decode::decode(&mut reader).expect("a key");
        let tag = u8::decode(&mut reader).expect("a tag");
        let state = (tag != 2).then(|| State::decode(&mut reader).expect("a state"));
        let siblings = reader.list(256, "siblings").expect("siblings");
        let count = u64::decode(&mut reader).expect("a count");
        let others = core::array::from_fn(|_| Hash32::decode(&mut reader).expect("a root"));
        reader.finish().expect("nothing else");
        Self { key, end: (tag, state), siblings, count, others }
    }

    fn proves(&self, tree: &StateTree) -> Result<Option<State>, ProofError> {
        let mut bytes = Vec::new();
        self.key.encode(&mut bytes);
        bytes.push(self.end.0);
        if let Some(state) = &self.end.1 {
            state.encode(&mut bytes);
        }
        encode_list(&self.siblings, &mut bytes);
        self.count.encode(&mut bytes);
        self.others.iter().for_each(|root| root.encode(&mut bytes));
        let proof = StateProof::from_bytes(&bytes).expect("the parts have their form");
        proof.verify(&with_state(tree)).map(|proven| proven.state().cloned())
    }
}

fn leaf_hash(state: &State) -> Hash32 {
    Hasher::new(Domain::SMT_LEAF).with(&state.object).with(state).finish()
}

/// Somebody who knows the whole tree tries to prove what is not so.
#[test]
fn what_the_state_does_not_hold_is_not_proven() {
    const OBJECT: u8 = 0;
    const OTHER: u8 = 1;
    const NOTHING: u8 = 2;
    let (map, tree) = some_states(&[0, 2, 4, 5, 8, 15]);
    let there = RawState::of(&tree, key(2));
    let mine = map[&key(2)].clone();
    assert_eq!((there.end.0, there.proves(&tree)), (OBJECT, Ok(Some(mine.clone()))));
    let beside = map[&key(0)].clone();
    assert_eq!(there.siblings.last(), Some(&leaf_hash(&beside)), "its neighbour stands beside it");
    let root_differs = Err(ProofError::OtherRoot { what: "state_root", block: with_state(&tree).hash() });
    let elsewhere = Err(ProofError::OtherPlace);

    // It is there: an empty place, itself as somebody else, its neighbour in its place, a neighbour one step up.
    let absent = |end: (u8, Option<State>)| RawState { end, ..there.clone() };
    assert_eq!(absent((NOTHING, None)).proves(&tree), root_differs);
    assert_eq!(absent((OTHER, Some(mine.clone()))).proves(&tree), elsewhere);
    assert_eq!(absent((OTHER, Some(beside.clone()))).proves(&tree), elsewhere);
    let mut shorter = absent((OTHER, Some(beside)));
    shorter.siblings.pop();
    assert_eq!(shorter.proves(&tree), root_differs);
    // Another object's own way, for this key.
    let lonely = RawState::of(&tree, key(4));
    let stolen = RawState { key: key(2), end: (OTHER, lonely.end.1.clone()), ..lonely.clone() };
    assert_eq!(stolen.proves(&tree), elsewhere);

    // It is not there: made up at an empty place, at the place of the object in its way, under another's bytes.
    let made_up = state(key(1), 7);
    let not_there = RawState::of(&tree, key(1));
    assert_eq!(not_there.proves(&tree), Ok(None));
    let present = RawState { end: (OBJECT, Some(made_up.clone())), ..not_there.clone() };
    assert_eq!(present.proves(&tree), root_differs);
    let renamed = RawState { end: (OBJECT, Some(mine.clone())), ..not_there.clone() };
    assert_eq!(renamed.proves(&tree), elsewhere);
    let older = RawState { end: (OBJECT, Some(state(key(2), 6))), ..there.clone() };
    assert_eq!(older.proves(&tree), root_differs);

    // Another ledger, another number of objects, other roots beside.
    let other_ledger = RawState { key: StateKey { ledger: Ledger::Governance, ..key(2) }, ..there.clone() };
    assert_eq!(other_ledger.proves(&tree), root_differs);
    assert_eq!(RawState { count: there.count + 1, ..there.clone() }.proves(&tree), root_differs);
    let mut swapped = there.clone();
    swapped.others.swap(0, 2);
    assert_eq!(swapped.proves(&tree), root_differs);

    // A node for a leaf: the subtree above as if it were empty below, its two halves as one more step.
    let mut longer = there.clone();
    longer.siblings.push(Hash32::default());
    assert_eq!(longer.proves(&tree), root_differs);
    let mut node_as_leaf = there.clone();
    node_as_leaf.siblings.pop();
    assert_eq!(node_as_leaf.proves(&tree), root_differs);
    let too_deep = RawState { siblings: vec![Hash32::default(); 257], ..there };
    let bytes = {
        let mut bytes = too_deep.key.to_bytes();
        bytes.push(NOTHING);
        encode_list(&too_deep.siblings, &mut bytes);
        bytes
    };
    let refused = DecodeError::TooLong { what: "siblings in the state", got: 257, limit: 256 };
    assert_eq!(StateProof::from_bytes(&bytes), Err(refused));
}

/// What a chain block accepted: transactions of two lanes and a reward.
struct Batch {
    cores: Vec<TxCore>,
    system: SystemFacts,
    before: LaneRoots,
    after: LaneRoots,
}

impl Batch {
    fn new(main: u8) -> Self {
        let mut cores: Vec<TxCore> = (0..main)
            .map(|salt| core_spending(&[(outpoint(u32::from(salt)), memo_of(50_000))], 2, 10_000, salt))
            .collect();
        cores.push(kind("both assets").tx.core);
        let system = SystemFacts::of(&kind("reward").entries[..1]);
        let before = LaneRoots::genesis();
        let after = before.advance(&leaves(&cores), Some(system.leaf()));
        Self { cores, system, before, after }
    }

    fn header(&self) -> Header {
        Header { accepted_root: self.after.root(), ..header() }
    }

    fn prove(&self, ledger: Ledger, accepted: Accepted) -> Option<LedgerProof> {
        let system = Some(self.system.leaf());
        let leaves = leaves(&self.cores);
        let proof = AcceptanceProof::new(ledger, accepted, &self.before, &self.after, &leaves, system)?;
        Some(LedgerProof::new(self.header(), None, Claim::Acceptance(proof)))
    }
}

fn leaves(cores: &[TxCore]) -> Vec<AcceptedLeaf> {
    cores.iter().map(|core| AcceptedLeaf::of(core.txid(), core, &[])).collect()
}

fn transaction(core: &TxCore) -> Accepted {
    Accepted::Transaction(AcceptedFacts::of(core.txid(), core, &[]))
}

fn accepted(proven: &Proven) -> (Ledger, Accepted) {
    match proven.fact() {
        Fact::Acceptance(proven) => (proven.ledger(), proven.accepted().clone()),
        other => panic!("not about acceptance: {other:?}"),
    }
}

#[test]
fn everything_that_was_accepted_is_proven_and_nothing_else() {
    for main in 0..9 {
        let batch = Batch::new(main);
        let system = Accepted::System(batch.system.clone());
        let all = batch.cores.iter().map(|core| (core.ledger(), transaction(core))).chain([(Ledger::Main, system)]);
        for (ledger, what) in all {
            let proof = batch.prove(ledger, what.clone()).expect("it was accepted");
            let said = proven(&proof.to_bytes(), &batch.header()).expect("the proof holds");
            assert_eq!(accepted(&said), (ledger, what.clone()));
            let other = Ledger::ALL.into_iter().find(|other| *other != ledger).expect("six ledgers");
            assert!(batch.prove(other, what).is_none(), "not in another lane");
        }
        let other = core_spending(&[(outpoint(0), memo_of(50_000))], 2, 10_000, 200);
        assert!(batch.prove(Ledger::Main, transaction(&other)).is_none());
    }
}

#[test]
fn no_byte_of_an_acceptance_proof_can_change() {
    let batch = Batch::new(4);
    for what in [transaction(&batch.cores[3]), Accepted::System(batch.system.clone())] {
        let proof = batch.prove(Ledger::Main, what).expect("it was accepted");
        no_byte_can_change(&proof, &batch.header(), |_| false);
    }
    let proof = batch.prove(Ledger::Ccos, transaction(&batch.cores[4])).expect("it was accepted");
    no_byte_can_change(&proof, &batch.header(), |_| false);
}

/// The proof of one batch, with the facts of another transaction or of none.
#[test]
fn facts_of_another_transaction_are_not_proven() {
    let batch = Batch::new(5);
    let header = batch.header();
    let facts = AcceptedFacts::of(batch.cores[1].txid(), &batch.cores[1], &[]);
    let bytes = AcceptanceProof::to_bytes(&match batch.prove(Ledger::Main, Accepted::Transaction(facts)) {
        Some(proof) => raw_acceptance(&proof),
        None => panic!("it was accepted"),
    });
    let facts_at = 2;
    let with = |other: AcceptedFacts| {
        let mut bytes = bytes.clone();
        let other = other.to_bytes();
        bytes[facts_at..facts_at + other.len()].copy_from_slice(&other);
        AcceptanceProof::from_bytes(&bytes).expect("the parts have their form").verify(&header)
    };
    assert!(with(facts).is_ok());
    let refused = ProofError::OtherRoot { what: "accepted_root", block: header.hash() };
    let sibling = AcceptedFacts::of(batch.cores[0].txid(), &batch.cores[0], &[]);
    let renamed = AcceptedFacts { txid: sibling.txid, ..facts };
    for other in
        [sibling, renamed, AcceptedFacts { gas_used: 1, ..facts }, AcceptedFacts { created: facts.consumed, ..facts }]
    {
        assert_eq!(with(other), Err(refused));
    }
    // An outcome that does not exist yet.
    let mut unknown = bytes;
    unknown[facts_at + 32] = 1;
    assert_eq!(AcceptanceProof::from_bytes(&unknown), Err(DecodeError::UnknownTag { what: "outcome", got: 1 }));
}

fn raw_acceptance(proof: &LedgerProof) -> AcceptanceProof {
    let bytes = proof.to_bytes();
    let claim_at = proof.anchor().to_bytes().len() + 2;
    AcceptanceProof::from_bytes(&bytes[claim_at..]).expect("a claim stands behind header, no block below, and its tag")
}

/// Outputs without a transaction: as many places as contents, and at least one.
#[test]
fn lists_of_rewards_have_one_form() {
    let SystemFacts { outpoints, outputs } = Batch::new(0).system;
    let encoded = |places: usize, contents: usize| {
        let mut bytes = vec![1];
        encode_list(&vec![outpoints[0]; places], &mut bytes);
        encode_list(&vec![outputs[0]; contents], &mut bytes);
        Accepted::from_bytes(&bytes)
    };
    assert!(encoded(1, 1).is_ok() && encoded(4096, 4096).is_ok());
    for (places, contents) in [(0, 0), (1, 0), (0, 1), (2, 1)] {
        let refused = DecodeError::NotCanonical { what: "outputs without a transaction" };
        assert_eq!(encoded(places, contents), Err(refused));
    }
    let too_many = DecodeError::TooLong { what: "outpoints", got: 4097, limit: 4096 };
    assert_eq!(encoded(4097, 4097), Err(too_many));
}

/// A chain of so many blocks: what stands below each, and all ids.
fn chain(blocks: u64) -> (Vec<ChainMmr>, Vec<BlockHash>) {
    let ids: Vec<BlockHash> = (0..blocks).map(|n| Hasher::new(Domain::BLOCK).with(&n).finish().into()).collect();
    let mut below = vec![ChainMmr::default()];
    for id in &ids {
        below.push(below[below.len() - 1].clone().push(*id));
    }
    (below, ids)
}

fn chain_proof(below: &[ChainMmr], ids: &[BlockHash], height: usize, size: usize) -> (Option<ChainProof>, usize) {
    let mut reads = 0;
    let read = |at: u64| {
        reads += 1;
        let at = usize::try_from(at).expect("small");
        assert!(at > height && at < size, "reads only between the two");
        Ok::<_, Infallible>((ids[at], below[at].clone()))
    };
    let Ok(proof) = ChainProof::new(&below[height], &below[size], read);
    (proof, reads)
}

#[test]
fn a_block_on_the_chain_is_proven_at_its_height_alone() {
    let (below, ids) = chain(70);
    for size in 1..=ids.len() {
        let trusted = Header { chain_mmr_root: below[size].root(), ..header() };
        for height in 0..size {
            let (proof, reads) = chain_proof(&below, &ids, height, size);
            let proof = proof.expect("it is on the chain");
            assert!(reads <= 7, "{reads} reads for {height} of {size}");
            assert_eq!((proof.height(), proof.anchor_height()), (height as u64, size as u64));
            let proof = ChainProof::from_bytes(&proof.to_bytes()).expect("one encoding");
            assert_eq!(proof.verify(ids[height], &trusted), Ok(()));
            for other in [height.wrapping_sub(1), height + 1].into_iter().filter(|other| *other < ids.len()) {
                assert!(proof.verify(ids[other], &trusted).is_err(), "another block at {height} of {size}");
                let mut bytes = proof.to_bytes();
                bytes[..8].copy_from_slice(&(other as u64).to_le_bytes());
                let moved = ChainProof::from_bytes(&bytes);
                assert!(moved.is_err() || moved.is_ok_and(|moved| moved.verify(ids[height], &trusted).is_err()));
            }
        }
        assert_eq!(chain_proof(&below, &ids, size, size).0, None, "a block is not below itself");
    }
}

/// With fewer or more hashes than height and size give, nothing could be put in its place.
#[test]
fn a_way_in_the_chain_has_one_form() {
    let encoded = |height: u64, size: u64, siblings: usize, peaks: usize| {
        let mut bytes = [height.to_le_bytes(), size.to_le_bytes()].concat();
        encode_list(&vec![Hash32([1; 32]); siblings], &mut bytes);
        encode_list(&vec![Hash32([2; 32]); peaks], &mut bytes);
        ChainProof::from_bytes(&bytes)
    };
    // Thirteen blocks are trees of eight, four and one.
    for (height, siblings) in [(0, 3), (7, 3), (8, 2), (11, 2), (12, 0)] {
        assert!(encoded(height, 13, siblings, 2).is_ok(), "{height}");
        let refused = Err(DecodeError::NotCanonical { what: "way in the chain" });
        for (siblings, peaks) in [(siblings + 1, 2), (siblings, 1), (siblings, 3), (siblings.wrapping_sub(1).min(4), 2)]
        {
            assert_eq!(encoded(height, 13, siblings, peaks), refused, "{height}: {siblings} and {peaks}");
        }
        assert_eq!(encoded(height, height, siblings, 2), refused, "a block is not below itself");
    }
    assert!(encoded(0, 1 << 63, 63, 0).is_ok() && encoded(u64::MAX - 1, u64::MAX, 0, 63).is_ok());
    let too_many = DecodeError::TooLong { what: "siblings in the chain", got: 65, limit: 64 };
    assert_eq!(encoded(0, u64::MAX, 65, 63), Err(too_many));
}

fn placed(height: usize, size: usize, claimed: Claim, header_below: &Header) -> (LedgerProof, Header) {
    let (_, mut ids) = chain(size as u64);
    ids[height] = header_below.hash();
    let mut below = vec![ChainMmr::default()];
    for id in &ids {
        below.push(below[below.len() - 1].clone().push(*id));
    }
    let anchor = Header { chain_mmr_root: below[size].root(), ..header() };
    let chain = chain_proof(&below, &ids, height, size).0.expect("it is on the chain");
    (LedgerProof::new(anchor.clone(), Some(Below { header: header_below.clone(), chain }), claimed), anchor)
}

#[test]
fn a_claim_about_a_block_on_the_chain_holds_for_whoever_trusts_the_end() {
    let batch = Batch::new(3);
    let claim =
        Claim::Acceptance(raw_acceptance(&batch.prove(Ledger::Main, transaction(&batch.cores[0])).expect("accepted")));
    let (proof, anchor) = placed(5, 13, claim, &batch.header());
    let said = proof.clone().verify(anchor.hash()).expect("the proof holds");
    assert_eq!((said.trusted(), said.header(), said.heights()), (anchor.hash(), &batch.header(), Some((5, 13))));
    assert_eq!(accepted(&said), (Ledger::Main, transaction(&batch.cores[0])));
    no_byte_can_change(&proof, &anchor, |_| false);
    // Whoever trusts another block learns nothing.
    let refused = ProofError::OtherAnchor { got: anchor.hash(), trusted: batch.header().hash() };
    assert_eq!(proof.verify(batch.header().hash()), Err(refused));
    // The same claim under a header that is not on the chain.
    let other = Header { nonce: 1, ..batch.header() };
    let (_, below, claim) = parts(&placed(5, 13, Claim::Place, &batch.header()).0);
    let swapped = LedgerProof::new(anchor.clone(), below.map(|below| Below { header: other, ..below }), claim);
    let refused = ProofError::OtherRoot { what: "chain_mmr_root", block: anchor.hash() };
    assert_eq!(swapped.verify(anchor.hash()), Err(refused));
}

fn parts(proof: &LedgerProof) -> (Header, Option<Below>, Claim) {
    let bytes = proof.to_bytes();
    let mut reader = umbel_types::encode::Reader::new(&bytes);
    let parts = (Decode::decode(&mut reader), Decode::decode(&mut reader), Decode::decode(&mut reader));
    reader.finish().expect("nothing else");
    (parts.0.expect("a header"), parts.1.expect("a block below"), parts.2.expect("a claim"))
}

/// Bytes that others may have stored: a change of the format changes these.
#[test]
fn proofs_are_frozen() {
    let batch = Batch::new(0);
    let (_, tree) = some_states(&[0, 2, 4, 5, 8, 15]);
    let states = [2, 1, 7].map(|n| placed(5, 13, Claim::State(StateProof::new(&tree, key(n))), &with_state(&tree)).0);
    let reward = Accepted::System(batch.system.clone());
    let digest = |proof: &LedgerProof| {
        let bytes = proof.to_bytes();
        format!("{} {}", bytes.len(), &Hasher::new(Domain("test")).with_bytes(&bytes).finish().to_string()[..16])
    };
    assert_eq!(
        states.each_ref().map(digest),
        ["9389 8d619c2835273f46", "9389 328531fa12a34feb", "1188 d05c24ba3ea4c147"]
    );
    assert_eq!(tree.root().to_string(), "70950580c2a8a3d7ab3ddfd44c4b794705a7892f79cb4c68d3e19e9b6c18fb35");
    // The reward's transaction is made anew at each run; how long its proof is depends on the format alone.
    assert_eq!(batch.prove(Ledger::Main, reward).map(|proof| proof.to_bytes().len()), Some(719));
}
