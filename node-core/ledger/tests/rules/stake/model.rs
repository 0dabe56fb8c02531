//! Stake in plain numbers, as docs/spec/staking.md says it: no shares, no accumulators, no encodings. What a delegator
//! earned is the sum of its parts of every epoch's reward.

use std::collections::BTreeMap;

use super::STR;

pub(crate) type Who = u32;

/// Epochs behind the next until stake is free.
const UNBONDING: u64 = 3;
const EPOCH: u64 = 20;
const WHOLE: u128 = 1_000_000_000;

fn narrow(units: u128) -> u64 {
    u64::try_from(units).expect("a part of all there is")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Good,
    Jailed,
    /// What is left of a billion.
    Slashed(u128),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Share {
    pub(crate) bonded: u64,
    /// By first epoch.
    pub(crate) leaving: Vec<(u64, u64)>,
    /// Parts of rewards, each rounded down.
    pub(crate) earned: u64,
    /// By how much the real figure may be off: one for each reward and each settlement.
    pub(crate) slack: u64,
    pub(crate) nonce: u64,
    /// Comes back with the record; the first validators paid none.
    deposit: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Val {
    pub(crate) owner: Who,
    commission: u64,
    pub(crate) standing: Standing,
    pub(crate) nonce: u64,
    pub(crate) shares: BTreeMap<Who, Share>,
    deposit: u64,
    next_nonce: u64,
}

impl Val {
    pub(crate) fn bonded(&self) -> u64 {
        self.shares.values().map(|share| share.bonded).sum()
    }

    pub(crate) fn leaving(&self) -> u64 {
        self.shares.values().flat_map(|share| &share.leaving).map(|(_, amount)| amount).sum()
    }

    pub(crate) fn worth(&self, amount: u64) -> u64 {
        match self.standing {
            Standing::Slashed(kept) => narrow(u128::from(amount) * kept / WHOLE),
            _ => amount,
        }
    }

    fn is_electable(&self) -> bool {
        self.standing == Standing::Good && self.shares.get(&self.owner).is_some_and(|bond| bond.bonded >= 10_000 * STR)
    }
}

/// An Action in the clear.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    Register { n: u32, owner: Who, stake: u64 },
    Delegate { n: u32, who: Who, amount: u64 },
    Undelegate { n: u32, who: Who, amount: u64, nonce: u64 },
    Withdraw { n: u32, who: Who, stake: bool, nonce: u64 },
    Unjail { n: u32, who: Who, nonce: u64 },
    Evidence { n: u32, epoch: u64, reporter: Who },
}

/// What an Action did: who is paid how much, and by how much that may be off.
pub(crate) type Outcome = Result<Vec<(Who, u64, u64)>, &'static str>;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Model {
    /// `None` for one that left for good.
    pub(crate) validators: BTreeMap<u32, Option<Val>>,
    pub(crate) sets: BTreeMap<u64, BTreeMap<u32, u64>>,
    pub(crate) epoch: u64,
    ends: u64,
    pub(crate) boundary: u64,
    pub(crate) certified: u64,
    certificates: u64,
    signed: BTreeMap<u32, u64>,
    /// Day and stake.
    slashes: Vec<(u64, u64)>,
    pub(crate) rewards: u64,
    /// What validators whose record went had left, and slashes.
    pub(crate) burned: u64,
}

impl Model {
    /// Four validators of a million each.
    pub(crate) fn new(rewards: u64) -> Self {
        let genesis = |n| {
            let bond = Share { bonded: 1_000_000 * STR, ..Share::default() };
            let shares = BTreeMap::from([(n, bond)]);
            let standing = Standing::Good;
            (n, Some(Val { owner: n, commission: 500, standing, nonce: 0, shares, deposit: 0, next_nonce: 0 }))
        };
        let set: BTreeMap<u32, u64> = (0..4).map(|n| (n, 1_000_000 * STR)).collect();
        Self {
            validators: (0..4).map(genesis).collect(),
            sets: [(0, set.clone()), (1, set)].into(),
            epoch: 0,
            ends: EPOCH,
            boundary: 0,
            certified: 0,
            certificates: 0,
            signed: BTreeMap::new(),
            slashes: Vec::new(),
            rewards,
            burned: 0,
        }
    }

    fn is_on(&self) -> bool {
        self.sets[&self.epoch].len() >= 4
    }

    fn find(&mut self, n: u32) -> Result<&mut Val, &'static str> {
        self.validators.get_mut(&n).and_then(Option::as_mut).ok_or("no validator")
    }

    /// The reward for carrying it.
    pub(crate) fn include(&mut self, target: u64, signers: &[u32]) -> u64 {
        self.certified = target;
        if target > self.boundary {
            self.certificates += 1;
            for n in signers.iter().filter(|n| self.sets[&self.epoch].contains_key(n)) {
                *self.signed.entry(*n).or_insert(0) += 1;
            }
        }
        let bounty = (5 * STR).min(self.rewards);
        self.rewards -= bounty;
        bounty
    }

    pub(crate) fn act(&mut self, act: Act, blue: u64) -> Outcome {
        let epoch = self.epoch;
        let stalled = self.is_on() && blue.saturating_sub(self.certified * 10) > 100;
        match act {
            Act::Register { n, owner, stake } => {
                if self.validators.contains_key(&n) {
                    return Err("registered");
                }
                let shares = BTreeMap::from([(owner, Share { bonded: stake, deposit: STR, ..Share::default() })]);
                let (commission, deposit) = (1_000, 3 * STR);
                let standing = Standing::Good;
                let validator = Val { owner, commission, standing, nonce: 0, shares, deposit, next_nonce: 0 };
                self.validators.insert(n, Some(validator));
                Ok(Vec::new())
            }
            Act::Delegate { n, who, amount } => {
                let validator = self.find(n)?;
                if matches!(validator.standing, Standing::Slashed(_)) {
                    return Err("slashed");
                }
                let nonce = validator.next_nonce;
                let is_new = !validator.shares.contains_key(&who);
                let share = validator.shares.entry(who).or_insert(Share { nonce, deposit: STR, ..Share::default() });
                share.bonded += if is_new { amount - STR } else { amount };
                share.slack += 1;
                Ok(Vec::new())
            }
            Act::Undelegate { n, who, amount, nonce } => {
                let validator = self.find(n)?;
                let share = validator.shares.get_mut(&who).ok_or("no delegation")?;
                if nonce != share.nonce {
                    return Err("stale");
                }
                if amount > share.bonded {
                    return Err("too much");
                }
                share.bonded -= amount;
                share.leaving.push((epoch + 2 + UNBONDING, amount));
                share.nonce += 1;
                share.slack += 1;
                Ok(Vec::new())
            }
            Act::Withdraw { n, who, stake, nonce } => self.withdraw(n, who, stake, nonce, stalled),
            Act::Unjail { n, who, nonce } => {
                let validator = self.find(n)?;
                if validator.owner != who {
                    return Err("not the owner");
                }
                match validator.standing {
                    Standing::Good => return Err("not jailed"),
                    Standing::Slashed(_) => return Err("slashed"),
                    Standing::Jailed => {}
                }
                if nonce != validator.nonce {
                    return Err("stale");
                }
                validator.standing = Standing::Good;
                validator.nonce += 1;
                Ok(Vec::new())
            }
            Act::Evidence { n, epoch: of, reporter } => self.slash(n, of, reporter, blue),
        }
    }

    fn withdraw(&mut self, n: u32, who: Who, stake: bool, nonce: u64, stalled: bool) -> Outcome {
        let epoch = self.epoch;
        let validator = self.find(n)?;
        let share = validator.shares.get(&who).ok_or("no delegation")?.clone();
        if nonce != share.nonce {
            return Err("stale");
        }
        let mut due = share.earned;
        let mut kept = share.clone();
        if stake {
            if stalled {
                return Err("stalled");
            }
            let matured: u64 = share.leaving.iter().filter(|(from, _)| *from <= epoch).map(|(_, amount)| amount).sum();
            if matured == 0 {
                return Err("too early");
            }
            due += validator.worth(matured);
            kept.leaving.retain(|(from, _)| *from > epoch);
        } else if due == 0 && share.slack == 0 {
            return Err("nothing due");
        }
        let slack = share.slack;
        (kept.earned, kept.slack) = (0, 0);
        kept.nonce += 1;
        let mut paid = Vec::new();
        if kept.bonded > 0 || !kept.leaving.is_empty() {
            paid.push((who, due, slack));
            validator.shares.insert(who, kept);
            return Ok(paid);
        }
        paid.push((who, due + kept.deposit, slack));
        validator.shares.remove(&who);
        validator.next_nonce = validator.next_nonce.max(kept.nonce);
        if validator.shares.is_empty() {
            paid.push((validator.owner, validator.deposit, 0));
            self.validators.insert(n, None);
        }
        Ok(paid)
    }

    fn slash(&mut self, n: u32, of: u64, reporter: Who, blue: u64) -> Outcome {
        let (epoch, day) = (self.epoch, blue / EPOCH);
        let validator = self.find(n)?;
        if matches!(validator.standing, Standing::Slashed(_)) {
            return Err("slashed");
        }
        if of + UNBONDING < epoch {
            return Err("too old");
        }
        let stake = validator.bonded() + validator.leaving();
        self.slashes.push((day, stake));
        let lately: u128 =
            self.slashes.iter().filter(|(at, _)| at + UNBONDING >= day).map(|(_, stake)| u128::from(*stake)).sum();
        let total: u128 = self.sets[&epoch].values().map(|stake| u128::from(*stake)).sum();
        // Thrice the share in billionths, rounded up; between a twentieth and all.
        let share = if total == 0 { 0 } else { (3 * WHOLE * lately).div_ceil(total) };
        let taken_of_a_billion = share.clamp(WHOLE / 20, WHOLE);
        let validator = self.find(n)?;
        validator.standing = Standing::Slashed(WHOLE - taken_of_a_billion);
        validator.nonce += 1;
        let taken = stake - validator.worth(stake);
        self.burned += taken - taken / 10;
        Ok(vec![(reporter, taken / 10, 0)])
    }

    /// Where the block is a checkpoint that ends the epoch.
    pub(crate) fn end_epoch(&mut self, blue: u64, order: &dyn Fn(u32) -> [u8; 32]) {
        let is_final = if self.is_on() { self.certified > self.boundary } else { blue >= self.boundary * 10 + 50 };
        if blue < self.ends || (self.epoch > 0 && !is_final) {
            return;
        }
        let set = self.sets[&self.epoch].clone();
        if self.certificates > 0 {
            self.pay(&set);
            self.jail(&set, order);
        }
        let mut electable: Vec<(u64, u32)> = self
            .validators
            .iter()
            .filter_map(|(n, validator)| Some((n, validator.as_ref()?)))
            .filter(|(_, validator)| validator.is_electable())
            .map(|(n, validator)| (validator.bonded(), *n))
            .collect();
        electable.sort_by_key(|(stake, n)| (core::cmp::Reverse(*stake), order(*n)));
        electable.truncate(21);
        self.epoch += 1;
        self.sets.insert(self.epoch + 1, electable.into_iter().map(|(stake, n)| (n, stake)).collect());
        self.ends = blue + EPOCH;
        self.boundary = blue / 10;
        (self.certificates, self.signed) = (0, BTreeMap::new());
    }

    fn pay(&mut self, set: &BTreeMap<u32, u64>) {
        let budget = u128::from(self.rewards / 10_000);
        let total: u128 = set.values().map(|stake| u128::from(*stake)).sum();
        for (n, stake) in set {
            let signed = u128::from(self.signed.get(n).copied().unwrap_or(0));
            let weight = u128::from(*stake) * signed / u128::from(self.certificates);
            let reward = narrow(budget * weight / total);
            let Some(Some(validator)) = self.validators.get_mut(n) else { continue };
            let bonded = validator.bonded();
            if matches!(validator.standing, Standing::Slashed(_)) || bonded == 0 {
                continue;
            }
            let commission = reward * validator.commission / 10_000;
            let for_all = reward - commission;
            for share in validator.shares.values_mut() {
                share.earned += narrow(u128::from(for_all) * u128::from(share.bonded) / u128::from(bonded));
                share.slack += 1;
            }
            let mut taken = for_all;
            if let Some(owner) = validator.shares.get_mut(&validator.owner) {
                owner.earned += commission;
                taken += commission;
            }
            self.rewards -= taken;
        }
    }

    fn jail(&mut self, set: &BTreeMap<u32, u64>, order: &dyn Fn(u32) -> [u8; 32]) {
        let signed = |n: &u32| self.signed.get(n).copied().unwrap_or(0);
        let mut absent: Vec<(u64, [u8; 32], u32)> =
            set.keys().filter(|n| signed(n) * 2 < self.certificates).map(|n| (signed(n), order(*n), *n)).collect();
        absent.sort_unstable();
        for (_, _, n) in absent {
            let electable = self.validators.values().flatten().filter(|validator| validator.is_electable()).count();
            let Some(Some(validator)) = self.validators.get_mut(&n) else { continue };
            if validator.standing != Standing::Good || (validator.is_electable() && electable <= 4) {
                continue;
            }
            validator.standing = Standing::Jailed;
            validator.nonce += 1;
        }
    }
}
