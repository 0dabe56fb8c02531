//! How a wallet looks further: the present state first, then along the chain, and anew where the chain is another one or
//! lost its end.

use std::collections::BTreeSet;

use umbel_types::consensus_api::{AcceptanceData, ChainPath, ConsensusApi, ConsensusError};
use umbel_types::{BlockHash, BlueScore, DaaScore, Origin, OutPoint};

use crate::coins::{Cursor, OwnedCoin, Spendable};
use crate::error::WalletError;
use crate::record::{ChainDelta, MAX_LIST, Record, TxFact, bounded};
use crate::scan::{SnapshotScan, follow_block, tell_again, undo_block};
use crate::state::still_stands;
use crate::wallet::{ScanState, Wallet};

/// Why payments are over whose chain was thrown away.
const CHAIN_REPLACED: &str = "the chain was started anew: on it, nothing was paid";
/// Chain blocks after which an otherwise unchanged position is written: a restart looks at so many blocks again.
const WRITE_POSITION_EVERY: u64 = 64;

/// Whether a scan of the present state is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rescan {
    /// It is not.
    No,
    /// Once all of the chain is followed, so that every payment's outcome was seen: more addresses are to be looked for.
    WhenFollowed,
    /// At once: the position is unknown, or no block leads on from it.
    Now,
    /// At once: the chain lost its end, as a crash may leave it. What it had accepted there is on its way again.
    EndLost {
        /// The newest position that is still on the chain, or genesis.
        known: Cursor,
    },
    /// At once: consensus has another chain than the one known.
    ChainReplaced,
}

impl Wallet {
    /// Looks at up to `limit` further outputs or chain blocks. Call it until [`ScanState::complete`], and again whenever
    /// the virtual state is newer.
    ///
    /// # Errors
    /// [`WalletError::Consensus`]: call again. [`WalletError::Io`]: the journal can't be written; the wallet is right
    /// none the less, and looks at the same blocks again after a restart. [`WalletError::FilesRemoved`]: close it.
    pub fn scan_step(&mut self, chain: &dyn ConsensusApi, limit: usize) -> Result<ScanState, WalletError> {
        self.journal.check_in_place()?;
        let limit = limit.max(1);
        let virtual_state = chain.virtual_state();
        self.now = virtual_state.daa_score;
        let finality = chain.finality();
        self.finalized = (finality.finalized_blue_score, finality.finalized_daa);
        match (self.rescan, self.memory.cursor) {
            (Rescan::Now | Rescan::EndLost { .. } | Rescan::ChainReplaced, _) | (_, None) => {
                self.scan_snapshot(chain, limit)?
            }
            (Rescan::WhenFollowed, _) if self.scan.is_some() => self.scan_snapshot(chain, limit)?,
            (Rescan::WhenFollowed, Some(cursor)) if virtual_state.sink == cursor.block => {
                // Where the chain went on since, following comes first: of blocks between position and snapshot, nobody
                // would see what they accepted.
                self.scan = Some(SnapshotScan::start(chain)?).filter(|scan| scan.cursor().block == cursor.block);
            }
            (_, Some(_)) => self.follow(chain, limit)?,
        }
        self.confirm_unverified();
        self.search_deeper();
        self.state = self.describe_scan(virtual_state.sink);
        Ok(self.state)
    }

    fn describe_scan(&self, sink: BlockHash) -> ScanState {
        match (&self.scan, self.memory.cursor) {
            (Some(scan), cursor) => ScanState {
                complete: false,
                done: scan.done,
                total: scan.total,
                verified_to: cursor.map_or(DaaScore(0), |cursor| cursor.daa_score),
            },
            (None, Some(cursor)) => ScanState {
                complete: self.rescan == Rescan::No && cursor.block == sink,
                done: cursor.daa_score.0,
                total: self.now.0.max(cursor.daa_score.0),
                verified_to: cursor.daa_score,
            },
            (None, None) => ScanState::default(),
        }
    }

    fn scan_snapshot(&mut self, chain: &dyn ConsensusApi, limit: usize) -> Result<(), WalletError> {
        let mut scan = match self.scan.take() {
            Some(scan) => scan,
            None => SnapshotScan::start(chain)?,
        };
        match scan.step(&self.watch, &self.memory, chain, limit) {
            Ok(None) => self.scan = Some(scan),
            Ok(Some(mut delta)) => {
                self.outputs_tried = scan.done;
                // An output is named after what made it: one that was seen before is of the same chain.
                let seen = |coin: &OwnedCoin| {
                    let known = self.memory.coins.contains_key(&coin.outpoint);
                    coin.origin != Origin::Genesis && (known || self.memory.spent_by.contains_key(&coin.outpoint))
                };
                if self.rescan == Rescan::ChainReplaced && delta.found.iter().any(seen) {
                    self.rescan = Rescan::EndLost { known: self.genesis() };
                }
                self.keep_what_stands(chain, scan.cursor(), &mut delta)?;
                let mut records = Vec::new();
                if self.rescan == Rescan::ChainReplaced {
                    let anew = ChainDelta { cursor: Some(self.genesis()), ..ChainDelta::default() };
                    self.apply_parts(anew, &mut records);
                }
                self.apply_parts(delta, &mut records);
                if self.rescan == Rescan::ChainReplaced {
                    self.give_up_payments(&mut records);
                }
                self.rescan = Rescan::No;
                self.write(&records, true)?;
            }
            // A snapshot that fails may be too old: the next call takes a fresh one.
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn genesis(&self) -> Cursor {
        Cursor { block: self.with.genesis, daa_score: DaaScore(0), blue_score: BlueScore(0) }
    }

    /// Adds to a scan's result what it can't tell: history of outputs that are spent by now, and, of a chain that lost its
    /// end, what was lost with it and what its blocks accepted since.
    fn keep_what_stands(
        &self,
        chain: &dyn ConsensusApi,
        sink: Cursor,
        delta: &mut ChainDelta,
    ) -> Result<(), WalletError> {
        let up_to = match self.rescan {
            Rescan::No | Rescan::WhenFollowed | Rescan::Now => DaaScore(u64::MAX),
            Rescan::EndLost { known } => known.daa_score,
            Rescan::ChainReplaced => return Ok(()),
        };
        if self.memory.cursor.is_none_or(|cursor| cursor.block == self.with.genesis) {
            return Ok(());
        }
        let stands = |fact: &&TxFact| fact.accepted_in.is_none() && fact.daa_score <= up_to;
        delta.facts = self.memory.facts.values().filter(stands).cloned().collect();
        if let Rescan::EndLost { known } = self.rescan {
            let coins = delta.found.iter().map(|coin| coin.outpoint);
            let found: BTreeSet<OutPoint> = coins.chain(delta.locks.iter().map(|lock| lock.outpoint)).collect();
            let locks = self.memory.locks.values().filter(|lock| lock.spent.is_none()).map(|lock| &lock.outpoint);
            let lost = self.memory.coins.keys().chain(locks).chain(&self.memory.unmade);
            delta.unmade = lost.filter(|outpoint| !found.contains(outpoint)).copied().collect();
            delta.facts.extend(tell_again(&self.watch, &self.memory, chain, known, sink)?);
        }
        Ok(())
    }

    /// The chain was thrown away: what it had accepted is gone with it, and what was on its way has lost its coins. Should
    /// the new chain accept a payment all the same, it is accepted.
    fn give_up_payments(&mut self, records: &mut Vec<Record>) {
        for payment in self.memory.without_outcome() {
            let record = Record::Dropped { payment, reason: Some(bounded(CHAIN_REPLACED)) };
            self.memory.apply(&record);
            records.push(record);
        }
        for payment in self.memory.payments.values_mut() {
            payment.seen.clear();
        }
        for building in self.building.values_mut() {
            building.failed.get_or_insert_with(|| CHAIN_REPLACED.to_owned());
        }
    }

    fn follow(&mut self, chain: &dyn ConsensusApi, limit: usize) -> Result<(), WalletError> {
        let Some(cursor) = self.memory.cursor else { return Ok(()) };
        let path = match chain.chain_path(cursor.block, limit) {
            Ok(path) => path,
            // Of what was pruned, only chain blocks are known: the position stands, and nothing that was seen is undone.
            Err(ConsensusError::Pruned(block)) if block == cursor.block => {
                self.scan_over_gap();
                return Ok(());
            }
            Err(ConsensusError::UnknownBlock(_) | ConsensusError::Pruned(_)) => return self.scan_anew(chain),
            Err(error) => return Err(error.into()),
        };
        let mut records = Vec::new();
        let outcome = self.follow_path(chain, &path, &mut records);
        // What was applied is written even where a later block could not be read.
        if !records.is_empty() {
            self.unwritten_blocks = 0;
            self.write(&records, false)?;
        }
        match outcome {
            Err(WalletError::Consensus(ConsensusError::Pruned(_))) if path.removed.is_empty() => {
                self.scan_over_gap();
                Ok(())
            }
            // The node let go of what lies between: the coins are found in the present state, the history is not.
            Err(WalletError::Consensus(ConsensusError::Pruned(_))) => self.scan_anew(chain),
            outcome => outcome,
        }
    }

    /// The node let go of what followed the wallet's position: the coins are found in the present state, and what consumed
    /// those that are gone is not told.
    fn scan_over_gap(&mut self) {
        self.rescan = Rescan::Now;
        tracing::info!(target: "umbel::wallet", wallet = self.name(), "scanning anew: the node has pruned what lies between");
    }

    /// Where the chain can't be followed from the wallet's position: looks at the present state.
    fn scan_anew(&mut self, chain: &dyn ConsensusApi) -> Result<(), WalletError> {
        self.rescan = match self.newest_known(chain)? {
            Some(known) => Rescan::EndLost { known },
            None => Rescan::ChainReplaced,
        };
        tracing::info!(target: "umbel::wallet", wallet = self.name(), scan = ?self.rescan, "scanning anew");
        Ok(())
    }

    /// The newest position on the chain as it is, beside genesis, which all chains of a network share.
    fn newest_known(&self, chain: &dyn ConsensusApi) -> Result<Option<Cursor>, WalletError> {
        let accepted = self.memory.facts.values().filter_map(|fact| {
            fact.accepted_in.map(|(block, blue_score)| Cursor { block, daa_score: fact.daa_score, blue_score })
        });
        let mut positions: Vec<Cursor> = self.memory.positions.iter().copied().chain(accepted).collect();
        positions.sort_by_key(|position| core::cmp::Reverse((position.blue_score, position.block)));
        positions.dedup();
        for position in positions {
            if position.block != self.with.genesis && still_stands(chain.status(position.block)?) {
                return Ok(Some(position));
            }
        }
        Ok(None)
    }

    fn follow_path(
        &mut self,
        chain: &dyn ConsensusApi,
        path: &ChainPath,
        records: &mut Vec<Record>,
    ) -> Result<(), WalletError> {
        // All that undoing needs is read first. Should something fail later, the position is still the old one, and
        // undoing the same blocks once more changes nothing.
        let undone: Vec<AcceptanceData> =
            path.removed.iter().map(|block| chain.acceptance(*block)).collect::<Result<_, _>>()?;
        for acceptance in &undone {
            let delta = undo_block(&self.watch, &self.memory, &self.with.params, acceptance);
            self.apply_parts(delta, records);
        }
        if path.added.is_empty() && !undone.is_empty() {
            self.rescan = Rescan::Now;
            return Ok(());
        }
        for block in &path.added {
            let acceptance = chain.acceptance(*block)?;
            let delta = follow_block(&self.watch, &self.memory, chain, &acceptance)?;
            self.unwritten_blocks += 1;
            if delta.is_empty() && records.is_empty() && self.unwritten_blocks < WRITE_POSITION_EVERY {
                self.memory.apply(&Record::Chain(Box::new(delta)));
            } else {
                self.apply_parts(delta, records);
            }
        }
        Ok(())
    }

    fn apply_parts(&mut self, delta: ChainDelta, records: &mut Vec<Record>) {
        for part in delta.split() {
            let record = Record::Chain(Box::new(part));
            self.memory.apply(&record);
            records.push(record);
        }
    }
    /// Checks coins that the view key alone could not, where the spend key is at hand.
    pub(crate) fn confirm_unverified(&mut self) {
        let Some(spend) = &self.spend else { return };
        let (mut own, mut foreign) = (Vec::new(), Vec::new());
        for coin in self.memory.coins.values().filter(|coin| !coin.verified) {
            if let Spendable::Coin { owner, .. } = &coin.body {
                let list = if spend.coins().owns(owner) { &mut own } else { &mut foreign };
                list.push(coin.outpoint);
            }
        }
        if own.is_empty() && foreign.is_empty() {
            return;
        }
        for part in 0..own.len().max(foreign.len()).div_ceil(MAX_LIST) {
            let part_of = |list: &[OutPoint]| list.iter().skip(part * MAX_LIST).take(MAX_LIST).copied().collect();
            let record = Record::Verified { own: part_of(&own), foreign: part_of(&foreign) };
            if let Err(error) = self.record(&[record], false) {
                tracing::warn!(target: "umbel::wallet", wallet = self.name(), "checked coins are not recorded: {error}");
            }
        }
    }

    /// Where payments were found near the end of the addresses looked for, looks further: nothing found may be the last.
    fn search_deeper(&mut self) {
        if !self.covers() && self.scan.is_none() && self.reach_further() {
            self.want_rescan();
        }
    }

    /// Extends the tables where the spend keys are at hand.
    pub(crate) fn reach_further(&mut self) -> bool {
        let Some(spend) = self.spend.clone() else { return false };
        self.derive_from(spend.secrets());
        true
    }
}
