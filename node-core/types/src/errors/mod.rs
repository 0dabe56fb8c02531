//! The errors of each rule, by what is judged.

mod block;
mod tx;

pub use block::{BlockError, CertificateError, HeaderRuleError};
pub use tx::{StakeError, TxContextError, TxRuleError};
