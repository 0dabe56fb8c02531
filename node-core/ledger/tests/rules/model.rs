//! The ledger once more, in the plainest form that can be right: who owns how much, in the clear.
//!
//! It knows the opening of every hidden amount, applies one transaction after the other to two tables, and shares no code
//! with the ledger but ids and addresses.

use std::collections::BTreeMap;

use umbel_types::{AssetId, BlockHash, OutPoint, TxId};

/// A person, by number.
pub(crate) type Who = usize;

/// 10,000,000,000 base units a second, halved after 63,072,000 of them (devnet: one block a second).
const FIRST_SUBSIDY: u64 = 10_000_000_000;
const HALVING: u64 = 63_072_000;
/// Devnet's maturity.
const MATURITY: u64 = 10;
const DAY: u64 = 86_400;
/// Five STR.
const FOR_A_CERTIFICATE: u64 = 500_000_000;

/// What keeps an output from being consumed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// Nothing.
    Free,
    /// A reward: not before it is mature.
    Reward,
    /// A Memo: its owner's from `start`, another's from `end` on, which is zero for never.
    Between { start: u64, end: u64, refund: Who },
    /// A hash lock: another's once the timeout has come.
    Timeout { start: u64, timeout: u64, refund: Who },
}

/// An output that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) who: Who,
    pub(crate) asset: AssetId,
    pub(crate) amount: u64,
    pub(crate) bound: Bound,
    pub(crate) born: u64,
}

/// What a transaction consumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) from: OutPoint,
    /// Owner, asset and amount that the core repeats; `None` if it makes something up. What a reward holds depends on
    /// the chain, so a core may be true on one branch and untrue on another.
    pub(crate) claimed: Option<(Who, AssetId, u64)>,
    /// By the refund.
    pub(crate) back: bool,
}

/// A transaction in the clear.
#[derive(Clone, Debug)]
pub(crate) struct PlainTx {
    pub(crate) name: TxId,
    pub(crate) takes: Vec<Taken>,
    /// Owner, asset, amount and bound of each output.
    pub(crate) makes: Vec<(Who, AssetId, u64, Bound)>,
    pub(crate) fee: u64,
    pub(crate) from: u64,
    /// Zero for never.
    pub(crate) until: u64,
}

/// A block in the clear.
#[derive(Clone, Debug)]
pub(crate) struct PlainBlock {
    pub(crate) hash: BlockHash,
    pub(crate) daa: u64,
    pub(crate) miner: Who,
    pub(crate) blue: bool,
    pub(crate) counts: bool,
    pub(crate) txs: Vec<PlainTx>,
}

/// Name of an outcome: accepted, or the rule that was broken.
pub(crate) type Outcome = (TxId, &'static str);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) outputs: BTreeMap<OutPoint, Held>,
    pub(crate) accounts: BTreeMap<(Who, AssetId), u64>,
    pub(crate) pool: u64,
    /// What validators are paid of.
    pub(crate) str_rewards: u64,
    /// Coins that were ever paid as rewards.
    pub(crate) rewards: Vec<OutPoint>,
}

impl Model {
    pub(crate) fn new(outputs: BTreeMap<OutPoint, Held>, pool: u64, str_rewards: u64) -> Self {
        let mut accounts = BTreeMap::new();
        for held in outputs.values() {
            *accounts.entry((held.who, held.asset)).or_insert(0) += held.amount;
        }
        Self { outputs, accounts, pool, str_rewards, rewards: Vec::new() }
    }

    /// Everything of an asset that is not held by rules.
    pub(crate) fn total(&self, asset: AssetId) -> u64 {
        self.accounts.iter().filter(|((_, a), _)| *a == asset).map(|(_, amount)| amount).sum()
    }

    fn credit(&mut self, place: OutPoint, held: Held) {
        *self.accounts.entry((held.who, held.asset)).or_insert(0) += held.amount;
        assert!(self.outputs.insert(place, held).is_none(), "{place} is made twice");
    }

    fn debit(&mut self, place: &OutPoint) {
        let held = self.outputs.remove(place).expect("it was looked at");
        let account = self.accounts.get_mut(&(held.who, held.asset)).expect("its owner has an account");
        *account -= held.amount;
    }

    /// Why a transaction may not be accepted now.
    fn objection(&self, tx: &PlainTx, now: u64, certified: u64) -> Option<&'static str> {
        if now < tx.from {
            return Some("too early");
        }
        if tx.until != 0 && now >= tx.until {
            return Some("too late");
        }
        tx.takes.iter().find_map(|taken| self.objection_to(taken, now, certified))
    }

    fn objection_to(&self, taken: &Taken, now: u64, certified: u64) -> Option<&'static str> {
        let Some(held) = self.outputs.get(&taken.from) else {
            return Some("missing");
        };
        if taken.claimed != Some((held.who, held.asset, held.amount)) {
            return Some("unlike");
        }
        match held.bound {
            Bound::Free => None,
            Bound::Reward => (now < held.born + MATURITY).then_some("immature"),
            Bound::Between { start, .. } | Bound::Timeout { start, .. } if now < start => Some("waiting"),
            Bound::Between { end, .. } => match (end != 0 && now >= end, taken.back) {
                (true, false) => Some("another's"),
                (false, true) => Some("waiting"),
                (true, true) | (false, false) => None,
            },
            Bound::Timeout { timeout, .. } => {
                let due = certified >= timeout || now >= timeout + DAY;
                (taken.back && !due).then_some("running")
            }
        }
    }

    /// Merges blocks in the order given. Gives the outcome of each transaction, in that order.
    pub(crate) fn merge(
        &mut self,
        blocks: &[PlainBlock],
        merger: Who,
        now: u64,
        certified: u64,
        certificate: bool,
    ) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let mut rewards = Vec::new();
        for (n, block) in blocks.iter().enumerate() {
            let mut earned = 0;
            if n == 0 && certificate {
                earned += FOR_A_CERTIFICATE;
                self.str_rewards -= FOR_A_CERTIFICATE;
            }
            for tx in &block.txs {
                let objection = self.objection(tx, now, certified);
                outcomes.push((tx.name, objection.unwrap_or("accepted")));
                if objection.is_some() {
                    continue;
                }
                tx.takes.iter().for_each(|taken| self.debit(&taken.from));
                for (index, (who, asset, amount, bound)) in (0u32..).zip(&tx.makes) {
                    let held = Held { who: *who, asset: *asset, amount: *amount, bound: *bound, born: now };
                    self.credit(OutPoint::of_tx(tx.name, index), held);
                }
                earned += tx.fee;
            }
            if block.counts {
                let halvings = u32::try_from(block.daa / HALVING).expect("few");
                let subsidy = FIRST_SUBSIDY.checked_shr(halvings).unwrap_or(0).min(self.pool);
                self.pool -= subsidy;
                earned += subsidy;
            }
            let to = if block.blue && block.counts { block.miner } else { merger };
            if earned > 0 {
                let held = Held { who: to, asset: AssetId::STR, amount: earned, bound: Bound::Reward, born: now };
                rewards.push((OutPoint::of_coinbase(block.hash), held));
            }
        }
        for (place, held) in rewards {
            self.credit(place, held);
            self.rewards.push(place);
        }
        outcomes
    }
}
