//! The errors of each rule, by what is judged.

mod block;
mod tx;

pub use block::{BlockError, HeaderRuleError};
pub use tx::{TxContextError, TxRuleError};
