//! One command a call of [`umbel_api::Api`], grouped by area; the UI binds the same areas in `ui/src/ipc`.
//!
//! A command passes its request on and holds no rule: what may be done, the node decides.

pub(crate) mod node;
pub(crate) mod send;
pub(crate) mod settings;
pub(crate) mod stake;
pub(crate) mod tx;
pub(crate) mod validator;
pub(crate) mod wallet;
