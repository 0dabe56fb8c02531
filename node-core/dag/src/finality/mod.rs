//! Finality by votes on checkpoints (docs/spec/finality.md): what is a checkpoint, which links have enough stake, what is
//! justified and final, what a validator may sign. Nothing here verifies a signature or knows where votes come from.

mod checkpoint;
mod guard;
mod justify;
mod quorum;

pub use checkpoint::{checkpoint_indices, is_checkpoint};
pub use guard::VoteGuard;
pub use justify::Justification;
pub use quorum::{Electorate, Epochs, NoElectorate, is_supermajority, stake_of};
