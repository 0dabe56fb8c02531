//! The pages.

pub(crate) mod activity;
pub(crate) mod create;
pub(crate) mod govern;
pub(crate) mod home;
pub(crate) mod mining;
pub(crate) mod node;
pub(crate) mod receive;
pub(crate) mod restore;
pub(crate) mod send;
pub(crate) mod settings;
pub(crate) mod unlock;
pub(crate) mod welcome;
