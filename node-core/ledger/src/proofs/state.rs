//! What the state holds at a key, or that it holds nothing: the way from the place of the key to `state_root`.

use umbel_types::encode::{Decode, DecodeError, Encode, Reader, encode_list};
use umbel_types::state::State;
use umbel_types::{Hash32, Header};

use super::error::ProofError;
use super::others::Others;
use crate::state_tree::{Found, SMT_DEPTH, StateKey, StateTree, bit, leaf_hash, node_hash, state_root, sub_root};

/// What stands at the end of the way to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    /// The object.
    Object(State),
    /// Another object, alone in the subtree where the key's would stand.
    Other(State),
    /// An empty subtree.
    Nothing,
}

impl Encode for End {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Object(state) => {
                out.push(0);
                state.encode(out);
            }
            Self::Other(state) => {
                out.push(1);
                state.encode(out);
            }
            Self::Nothing => out.push(2),
        }
    }
}

impl Decode for End {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::decode(r)? {
            0 => Ok(Self::Object(Decode::decode(r)?)),
            1 => Ok(Self::Other(Decode::decode(r)?)),
            2 => Ok(Self::Nothing),
            got => Err(DecodeError::UnknownTag { what: "end of a way in the state", got: u64::from(got) }),
        }
    }
}

/// The way from the place of a key to a header's `state_root`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateProof {
    key: StateKey,
    end: End,
    /// Hash beside each step, the topmost first.
    siblings: Vec<Hash32>,
    /// Objects of the key's ledger.
    count: u64,
    /// Roots of the other five ledgers.
    other_roots: Others,
}

impl StateProof {
    /// For what a state holds at a key.
    pub fn new(states: &StateTree, key: StateKey) -> Self {
        let (mut siblings, roots) = (Vec::new(), states.sub_roots());
        let end = match states.find(&key, |beside| siblings.push(beside)) {
            Found::Object(leaf) => End::Object(leaf.state.clone()),
            Found::Other(leaf) => End::Other(leaf.state.clone()),
            Found::Nothing => End::Nothing,
        };
        let other_roots = Others::of(&roots, key.ledger.lane());
        Self { key, end, siblings, count: states.count(key.ledger), other_roots }
    }

    /// What the state behind the header's past holds at the key.
    ///
    /// # Errors
    /// [`ProofError::OtherRoot`], [`ProofError::OtherPlace`].
    pub fn verify(self, header: &Header) -> Result<ProvenState, ProofError> {
        let depth = self.siblings.len();
        let leaf = |state: &State| leaf_hash(&StateKey { object: state.object, ..self.key }, state);
        let at_end = match &self.end {
            End::Object(state) | End::Other(state) => {
                let other = StateKey { object: state.object, ..self.key };
                let is_object = matches!(self.end, End::Object(_));
                // An object that is alone in a subtree says that another is absent only if that would stand in it.
                if is_object != (other == self.key) || (0..depth).any(|at| bit(&other, at) != bit(&self.key, at)) {
                    return Err(ProofError::OtherPlace);
                }
                leaf(state)
            }
            End::Nothing => Hash32::default(),
        };
        let way = self.siblings.iter().enumerate().rev();
        let top =
            way.fold(
                at_end,
                |hash, (at, beside)| {
                    if bit(&self.key, at) { node_hash(beside, &hash) } else { node_hash(&hash, beside) }
                },
            );
        let roots = self.other_roots.with(self.key.ledger.lane(), sub_root(self.count, &top));
        if state_root(&roots) != header.state_root {
            return Err(ProofError::OtherRoot { what: "state_root", block: header.hash() });
        }
        let state = match self.end {
            End::Object(state) => Some(state),
            End::Other(_) | End::Nothing => None,
        };
        Ok(ProvenState { key: self.key, state })
    }
}

impl Encode for StateProof {
    fn encode(&self, out: &mut Vec<u8>) {
        self.key.encode(out);
        self.end.encode(out);
        encode_list(&self.siblings, out);
        self.count.encode(out);
        self.other_roots.encode(out);
    }
}

impl Decode for StateProof {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            key: Decode::decode(r)?,
            end: Decode::decode(r)?,
            siblings: r.list(SMT_DEPTH, "siblings in the state")?,
            count: Decode::decode(r)?,
            other_roots: Decode::decode(r)?,
        })
    }
}

/// What the state holds at a key, proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenState {
    key: StateKey,
    state: Option<State>,
}

impl ProvenState {
    /// The key.
    pub fn key(&self) -> StateKey {
        self.key
    }

    /// The object; `None` if there is none.
    pub fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }
}
