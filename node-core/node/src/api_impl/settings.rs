//! Settings.

use std::sync::Arc;

use umbel_api::settings::Settings;
use umbel_api::{ApiError, Empty, ErrorCode};

use crate::node::Core;

/// Longest time until wallets lock: a day.
const MAX_AUTO_LOCK_MINUTES: u32 = 24 * 60;

/// Memory for the database's pages, in MiB: less makes every lookup wait for the disk, more is nobody's wish.
const STORE_CACHE_MIB: std::ops::RangeInclusive<u32> = 8..=16 * 1024;

/// Memory for blocks, in MiB: below, the bodies that a block merges are read again for each block.
const CHAIN_CACHE_MIB: std::ops::RangeInclusive<u32> = 16..=16 * 1024;

pub(super) fn get(core: &Arc<Core>, _: Empty) -> Result<Settings, ApiError> {
    Ok(core.settings.get())
}

pub(super) fn set(core: &Arc<Core>, settings: Settings) -> Result<Settings, ApiError> {
    if settings.auto_lock_minutes > MAX_AUTO_LOCK_MINUTES {
        return Err(ApiError::new(ErrorCode::BadInput, "wallets lock after a day at most; 0 means never"));
    }
    if !STORE_CACHE_MIB.contains(&settings.store_cache_mib) {
        return Err(ApiError::new(ErrorCode::BadInput, "the database's pages take from 8 MiB to 16 GiB of memory"));
    }
    if !CHAIN_CACHE_MIB.contains(&settings.chain_cache_mib) {
        return Err(ApiError::new(ErrorCode::BadInput, "the blocks in memory take from 16 MiB to 16 GiB"));
    }
    core.settings.set(&settings)?;
    core.wallets.used();
    Ok(settings)
}
