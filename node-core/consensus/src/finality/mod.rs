//! Finality on this node: votes come in, checkpoints become justified and final, certificates are made (docs/spec/finality.md).
//!
//! Votes are pooled by whoever brings them ([`VotePool`], behind one lock that is held for moments). Only the consensus
//! thread counts them ([`FinalityState`]), since what is justified decides which chain it follows (R11).

mod certificate;
mod evidence;
mod limits;
mod overlay;
mod pool;
mod progress;
mod status;
mod submit;

pub(crate) use certificate::{
    CertificatePlace, check_block_certificate, check_stored_certificate, due_certificate, included_certificate,
    raises_certificate,
};
pub(crate) use evidence::{hear_certificate, load_evidence, save_evidence};
pub(crate) use limits::Limits;
pub(crate) use pool::{MAX_EVIDENCE, VotePool};
pub(crate) use progress::FinalityState;
pub(crate) use status::finality_status;
pub(crate) use submit::first_taken;
