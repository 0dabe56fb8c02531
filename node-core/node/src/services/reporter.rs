//! Reports validators that contradict themselves, where the person's settings ask for it and a wallet is unlocked.

use std::collections::BTreeSet;

use umbel_types::Hash32;

use super::TICK;
use super::wallet::hold;
use crate::api_impl::stake::report_with;
use crate::node::Core;

/// What was reported already.
#[derive(Debug, Default)]
pub(crate) struct Reporter {
    version: u64,
    /// The chain that it was reported on, in this run.
    epoch: u64,
    reported: BTreeSet<Hash32>,
}

impl Reporter {
    /// One round: waits for something new, and reports what was not reported.
    pub(crate) fn step(&mut self, core: &Core) {
        let Some(chain) = core.chain.running() else {
            core.stop.wait(TICK);
            return;
        };
        let state = chain.consensus.wait_newer(self.version, TICK);
        if state.version == self.version {
            return;
        }
        self.version = state.version;
        if !core.settings.get().report_evidence {
            return;
        }
        if self.epoch != chain.epoch {
            *self = Self { version: state.version, epoch: chain.epoch, reported: BTreeSet::new() };
        }
        let seen: BTreeSet<Hash32> = chain.consensus.evidence().iter().map(|e| e.first.validator).collect();
        if seen.is_subset(&self.reported) {
            return;
        }
        let unlocked = core.wallets.all_open().into_iter().find_map(|wallet| {
            let wallet = hold(&wallet);
            (wallet.status() == umbel_wallet::LockStatus::Unlocked).then(|| wallet.name().to_owned())
        });
        let Some(wallet) = unlocked else { return };
        match report_with(core, &wallet) {
            Ok(reported) => {
                for report in &reported.reports {
                    tracing::warn!(validator = report.validator, txid = report.txid, "a validator was reported");
                }
                self.reported.extend(seen);
            }
            // The next block asks again.
            Err(error) => tracing::debug!(%error, "a validator was not reported yet"),
        }
    }
}
