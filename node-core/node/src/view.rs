//! Values of the lower crates as shells see them.

use std::cmp::Reverse;

use umbel_api::node::{CertificateState, DagBlock, FinalityMember, FinalityState};
use umbel_api::wallet::{AddressEntry, Balance, HistoryEntry, LockStatus, ScanState, WalletState};
use umbel_types::consensus_api::{BlockSummary, FinalityStatus, ValidatorStatus};
use umbel_types::{Amount, AssetId, Params};
use umbel_wallet::{EntryId, Wallet};

use crate::convert;
use crate::node::Core;

/// How far a wallet is open.
pub(crate) fn lock_status(status: umbel_wallet::LockStatus) -> LockStatus {
    match status {
        umbel_wallet::LockStatus::Locked => LockStatus::Locked,
        umbel_wallet::LockStatus::Unlocked => LockStatus::Unlocked,
    }
}

/// An open wallet.
pub(crate) fn wallet_state(core: &Core, wallet: &Wallet) -> WalletState {
    let mut balances = wallet.balances();
    let str = balances.remove(&AssetId::STR).unwrap_or_default();
    let scan = wallet.scan_state();
    let unlocked = wallet.status() == umbel_wallet::LockStatus::Unlocked;
    let minutes = core.settings.get().auto_lock_minutes;
    WalletState {
        name: wallet.name().to_owned(),
        status: lock_status(wallet.status()),
        str: balance(&str),
        assets: balances.iter().map(|(asset, b)| (convert::asset_name(*asset), balance(b))).collect(),
        coin_count: wallet.coin_count(),
        scan: ScanState {
            complete: scan.complete && core.wallets.knows_chain(core, wallet.name()),
            done: scan.done,
            total: scan.total,
            verified_to: scan.verified_to.0,
        },
        backed_up: core.wallets.is_backed_up(wallet.name()),
        locks_in_s: if unlocked { core.wallets.locks_in(minutes) } else { None },
    }
}

/// A wallet that was not opened in this run: nothing is known of its money.
pub(crate) fn closed_wallet_state(summary: &umbel_wallet::WalletSummary) -> WalletState {
    WalletState {
        name: summary.name.clone(),
        status: LockStatus::Closed,
        str: balance(&umbel_wallet::Balance::default()),
        assets: std::collections::BTreeMap::new(),
        coin_count: 0,
        scan: ScanState { complete: false, done: 0, total: 0, verified_to: 0 },
        backed_up: summary.backed_up,
        locks_in_s: None,
    }
}

fn balance(balance: &umbel_wallet::Balance) -> Balance {
    Balance {
        spendable: balance.spendable.to_string(),
        pending: balance.pending.to_string(),
        immature: balance.immature.to_string(),
    }
}

/// An address that was handed out.
pub(crate) fn address_entry(entry: umbel_wallet::AddressEntry) -> AddressEntry {
    AddressEntry {
        index: entry.index,
        confidential: entry.confidential,
        zk13str: entry.zk13str,
        label: entry.label,
        received: entry.received.to_string(),
        fingerprint: entry.fingerprint,
    }
}

/// The first address of a wallet that was not opened in this run.
pub(crate) fn public_address(public: &umbel_wallet::PublicPart) -> AddressEntry {
    AddressEntry {
        index: 0,
        confidential: public.confidential.clone(),
        zk13str: public.zk13str.clone(),
        label: String::new(),
        received: Amount::ZERO.to_string(),
        fingerprint: public.payout.fingerprint().to_string(),
    }
}

/// An entry of a wallet's history.
pub(crate) fn history_entry(entry: umbel_wallet::HistoryEntry, params: &Params) -> HistoryEntry {
    let id = match (entry.id, entry.reward_for) {
        (EntryId::Tx(txid), _) => txid.to_string(),
        (EntryId::Reward(_), Some(block)) => block.to_string(),
        (EntryId::Reward(outpoint), None) => outpoint.to_string(),
    };
    HistoryEntry {
        id,
        kind: convert::history_kind(entry.kind),
        state: convert::stage(entry.stage),
        asset: convert::asset_name(entry.asset),
        amount: entry.amount.to_string(),
        fee: entry.fee.map(|fee| fee.to_string()),
        to: entry.to,
        stake: entry.stake.map(|stake| stake.name().to_owned()),
        note: entry.note,
        public: entry.public,
        time_ms: entry.time.0,
        accepted_in: entry.accepted_in.map(|block| block.to_string()),
        confirmations: entry.confirmations,
        matures_in_s: entry.matures_in.map(|score| score.div_ceil(u64::from(params.blocks_per_second))),
    }
}

/// What is final, and who made it so.
pub(crate) fn finality(params: &Params, status: &FinalityStatus, own: Option<&str>) -> FinalityState {
    let seconds = |score: u64| score.div_ceil(u64::from(params.blocks_per_second));
    let last = status.last_certificate.as_ref();
    let member = |member: &ValidatorStatus| {
        let id = member.id.to_string();
        FinalityMember {
            own: own == Some(id.as_str()),
            stake: member.stake.to_string(),
            last_target: member.last_target,
            signed_last: last.is_some_and(|certificate| certificate.signers.contains(&member.id)),
            equivocated: member.equivocated,
            id,
        }
    };
    let mut members: Vec<&ValidatorStatus> = status.validators.iter().collect();
    members.sort_by_key(|member| (Reverse(member.stake), member.id));
    FinalityState {
        overlay_on: status.overlay_on,
        epoch: status.epoch,
        justified: status.justified.index,
        finalized: status.finalized.index,
        finalized_block: status.finalized.block.to_string(),
        finalized_blue_score: status.finalized_blue_score.0,
        gap: status.gap,
        gap_s: seconds(status.gap),
        // Half an interval until the next checkpoint, one more until the one behind it, and that one buried.
        usual_s: seconds(params.checkpoint_interval * 3 / 2 + params.confirmation_depth),
        late: status.late,
        stalled: status.stalled,
        validators: members.into_iter().map(member).collect(),
        last_certificate: last.map(|certificate| CertificateState {
            index: certificate.link.target.index,
            block: certificate.link.target.block.to_string(),
            signers: certificate.signers.len(),
            members: status.validators.len(),
            stake: certificate.stake.to_string(),
            of_stake: certificate.of_stake.to_string(),
        }),
    }
}

/// A block of the live view.
pub(crate) fn dag_block(core: &Core, block: &BlockSummary) -> DagBlock {
    DagBlock {
        sequence: block.sequence,
        hash: block.hash.to_string(),
        parents: block.parents.iter().map(ToString::to_string).collect(),
        selected_parent: block.selected_parent.to_string(),
        blue_score: block.blue_score.0,
        daa_score: block.daa_score.0,
        timestamp_ms: block.timestamp.0,
        tx_count: block.tx_count.unwrap_or(0),
        reds: block.mergeset_reds.iter().map(ToString::to_string).collect(),
        own: core.mining.is_own(block.hash),
    }
}
