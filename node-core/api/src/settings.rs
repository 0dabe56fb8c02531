//! The person's settings, kept in the data folder.

use serde::{Deserialize, Serialize};

/// Settings. Unknown fields are refused, missing ones take their default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Minutes without use until wallets lock; 0 for never.
    pub auto_lock_minutes: u32,
    /// `system`, `dark` or `light`.
    pub theme: Theme,
    /// `system`, `en` or `de`.
    pub language: Language,
    /// Which database keeps the chain, from the next start on: `redb`, or `sled`, which is beta.
    pub store: StoreEngine,
    /// Memory for the database's pages, in MiB, from the next start on.
    pub store_cache_mib: u32,
    /// Memory for blocks and their places in the graph, in MiB, from the next start on.
    pub chain_cache_mib: u32,
    /// Report validators that contradict themselves, with whichever wallet is unlocked.
    pub report_evidence: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            auto_lock_minutes: 5,
            theme: Theme::System,
            language: Language::System,
            store: StoreEngine::Redb,
            store_cache_mib: 64,
            chain_cache_mib: 96,
            report_evidence: false,
        }
    }
}

/// Databases that can keep the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreEngine {
    /// redb.
    Redb,
    /// sled: beta, by its makers' own word.
    Sled,
}

/// Colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the system has it.
    System,
    /// Dark.
    Dark,
    /// Light.
    Light,
}

/// Language of the app. The command line is always English.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// As the system has it.
    System,
    /// English.
    En,
    /// German.
    De,
}
