//! Which coins pay: pure arithmetic over values, without keys.

use umbel_crypto::coin::NoteSize;
use umbel_types::tx::MAX_INPUTS;
use umbel_types::{Amount, OutPoint};

use crate::coins::OwnedCoin;
use crate::size::{COIN_INPUT_BYTES, Further, Shape};

/// Most transactions that merge coins ahead of one payment: 2,080 coins in all.
pub(crate) const MAX_MERGES: usize = 32;
/// Most coins that one payment can take.
pub(crate) const MAX_COINS: usize = MAX_INPUTS + MAX_MERGES * (MAX_INPUTS - 1);

/// One output that may be consumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Which.
    pub(crate) outpoint: OutPoint,
    /// Its amount in base units.
    pub(crate) value: u64,
    /// Whether it is a Memo.
    pub(crate) is_memo: bool,
}

impl From<&OwnedCoin> for Candidate {
    fn from(coin: &OwnedCoin) -> Self {
        Self { outpoint: coin.outpoint, value: coin.value.units(), is_memo: coin.is_public() }
    }
}

/// Where the money goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PaysInto {
    /// A coin.
    Coin,
    /// A Memo.
    Memo {
        /// Bytes by which it is longer than a public payment: of its lock and data.
        longer_by: usize,
    },
    /// An Action: no output but change.
    Action(Further),
}

/// What the outputs look like, change aside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pays {
    /// What is paid into.
    pub(crate) into: PaysInto,
    /// Length class of the notes.
    pub(crate) note: NoteSize,
}

impl Pays {
    /// Shape of a transaction with `change` coins of change.
    pub(crate) fn shape(&self, coins_in: usize, memos_in: usize, change: usize) -> Shape {
        let (coins, memos_out, further) = match self.into {
            PaysInto::Coin => (1, 0, Further::default()),
            PaysInto::Memo { longer_by } => {
                (0, 1, Further { bytes: longer_by, signatures: 0, state_bytes: longer_by as u64 })
            }
            PaysInto::Action(further) => (0, 0, further),
        };
        Shape { coins_in, memos_in, coins_out: change + coins, memos_out, further, note: self.note }
    }
}

/// The coins of a payment: groups that are merged first, and those consumed directly by the payment itself.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Picked {
    /// Groups of at most 64, each merged into one coin.
    pub(crate) merges: Vec<Vec<Candidate>>,
    /// Consumed by the payment.
    pub(crate) direct: Vec<Candidate>,
    /// Fee of the payment itself.
    pub(crate) fee: u64,
    /// Comes back; zero for no output of change.
    pub(crate) change: u64,
}

/// Largest first; equal ones by outpoint, which is as good as random and the same every time.
pub(crate) fn sort(pool: &mut [Candidate]) {
    pool.sort_by_key(|c| (core::cmp::Reverse(c.value), c.outpoint));
}

/// Whether consuming it brings more than it costs.
pub(crate) fn is_worth_its_fee(candidate: &Candidate) -> bool {
    candidate.value > COIN_INPUT_BYTES as u64
}

fn sum(candidates: &[Candidate]) -> u128 {
    candidates.iter().map(|c| u128::from(c.value)).sum()
}

fn counts(candidates: &[Candidate]) -> (usize, usize) {
    let memos = candidates.iter().filter(|c| c.is_memo).count();
    (candidates.len() - memos, memos)
}

/// Fee of the transaction that merges a group into one coin without a note.
pub(crate) fn merge_fee(group: &[Candidate]) -> u64 {
    let (coins_in, memos_in) = counts(group);
    Pays { into: PaysInto::Coin, note: NoteSize::None }.shape(coins_in, memos_in, 0).fee().units()
}

/// Fee and change of paying `amount` from `have` with so many inputs; `None` where it does not suffice. Change that
/// would not pay for its own output goes to the fee; an Action has no other output, and every transaction has one.
fn settle(pays: &Pays, have: u128, amount: u64, coins_in: usize, memos_in: usize) -> Option<(u64, u64)> {
    let rest = have.checked_sub(u128::from(amount))?;
    let with_change = pays.shape(coins_in, memos_in, 1).fee().units();
    if let Some(change) = rest.checked_sub(u128::from(with_change)).filter(|change| *change > 0) {
        // What comes back is part of what was there: sums of amounts of one asset fit in a u64.
        return u64::try_from(change).ok().map(|change| (with_change, change));
    }
    if matches!(pays.into, PaysInto::Action(_)) {
        return None;
    }
    let exact = pays.shape(coins_in, memos_in, 0).fee().units();
    (rest >= u128::from(exact)).then(|| u64::try_from(rest).ok().map(|fee| (fee, 0)))?
}

/// The fewest coins that pay `amount` in one transaction; of several sets of that size, one that leaves large coins whole.
/// `pool` is sorted.
pub(crate) fn pick_single(pool: &[Candidate], pays: &Pays, amount: u64) -> Option<Picked> {
    let try_set = |set: &[Candidate]| {
        let (coins_in, memos_in) = counts(set);
        settle(pays, sum(set), amount, coins_in, memos_in)
    };
    let n = (1..=pool.len().min(MAX_INPUTS)).find(|n| try_set(&pool[..*n]).is_some())?;
    let mut set = pool[..n].to_vec();
    // The smallest coin that suffices as the last one: values fall along the pool, so the last that does.
    for last in pool[n..].iter().rev() {
        let mut smaller = set.clone();
        smaller[n - 1] = *last;
        if try_set(&smaller).is_some() {
            set = smaller;
            break;
        }
    }
    let (fee, change) = try_set(&set)?;
    Some(Picked { merges: Vec::new(), direct: set, fee, change })
}

/// Splits `n` coins into groups to merge and coins to consume directly, so that the payment has at most 64 inputs.
fn group(coins: &[Candidate]) -> (Vec<Vec<Candidate>>, Vec<Candidate>) {
    if coins.len() <= MAX_INPUTS {
        return (Vec::new(), coins.to_vec());
    }
    let merges = (coins.len() - MAX_INPUTS).div_ceil(MAX_INPUTS - 1);
    let direct = coins.len().saturating_sub(MAX_INPUTS * merges);
    let (direct, merged) = coins.split_at(direct);
    (merged.chunks(MAX_INPUTS).map(<[Candidate]>::to_vec).collect(), direct.to_vec())
}

/// What groups bring to the payment once they are merged; `None` where a merge would cost more than it brings.
fn merged_sum(merges: &[Vec<Candidate>]) -> Option<u128> {
    merges.iter().try_fold(0u128, |total, group| {
        let brings = sum(group).checked_sub(u128::from(merge_fee(group))).filter(|value| *value > 0)?;
        Some(total + brings)
    })
}

fn try_merged(coins: &[Candidate], pays: &Pays, amount: u64) -> Option<Picked> {
    let (merges, direct) = group(coins);
    let have = merged_sum(&merges)? + sum(&direct);
    let (coins_in, memos_in) = counts(&direct);
    let (fee, change) = settle(pays, have, amount, coins_in + merges.len(), memos_in)?;
    Some(Picked { merges, direct, fee, change })
}

/// The fewest coins that pay `amount` where some must be merged first. `pool` is sorted.
pub(crate) fn pick_merged(pool: &[Candidate], pays: &Pays, amount: u64) -> Option<Picked> {
    let most = pool.len().min(MAX_COINS);
    try_merged(&pool[..most], pays, amount)?;
    // What a set brings grows with it, but for the fees of a further merge: search by halves, then from there on.
    let (mut low, mut high) = (1, most);
    while low < high {
        let middle = (low + high) / 2;
        if try_merged(&pool[..middle], pays, amount).is_some() { high = middle } else { low = middle + 1 }
    }
    (low..=most).find_map(|n| try_merged(&pool[..n], pays, amount))
}

/// All that one payment can send: the amount, and the coins it takes. `pool` is sorted.
pub(crate) fn pick_max(pool: &[Candidate], pays: &Pays) -> Option<(u64, Picked)> {
    let coins = &pool[..pool.len().min(MAX_COINS)];
    let (merges, direct) = group(coins);
    let have = merged_sum(&merges)? + sum(&direct);
    let (coins_in, memos_in) = counts(&direct);
    let fee = pays.shape(coins_in + merges.len(), memos_in, 0).fee().units();
    let amount = have.checked_sub(u128::from(fee)).filter(|amount| *amount > 0)?;
    let amount = u64::try_from(amount).ok()?;
    Some((amount, Picked { merges, direct, fee, change: 0 }))
}

/// Inputs of another asset and of STR for one transaction that pays in that asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PickedAsset {
    /// Inputs of the asset.
    pub(crate) asset: Vec<Candidate>,
    /// Inputs of STR, for the fee.
    pub(crate) str_coins: Vec<Candidate>,
    /// Fee.
    pub(crate) fee: u64,
    /// Change of the asset.
    pub(crate) asset_change: u64,
    /// Change of STR.
    pub(crate) str_change: u64,
}

/// The fewest inputs that pay `amount` of an asset, and the fee in STR, in one transaction. Both pools are sorted.
pub(crate) fn pick_asset(
    asset_pool: &[Candidate],
    str_pool: &[Candidate],
    pays: &Pays,
    amount: u64,
) -> Option<PickedAsset> {
    let n = (1..=asset_pool.len().min(MAX_INPUTS)).find(|n| sum(&asset_pool[..*n]) >= u128::from(amount))?;
    let mut asset = asset_pool[..n].to_vec();
    let before = sum(&asset[..n - 1]);
    if let Some(last) = asset_pool[n..].iter().rev().find(|last| before + u128::from(last.value) >= u128::from(amount))
    {
        asset[n - 1] = *last;
    }
    let asset_change = u64::try_from(sum(&asset) - u128::from(amount)).ok()?;
    let (asset_coins, asset_memos) = counts(&asset);
    let asset_changes = usize::from(asset_change > 0);
    for m in 1..=str_pool.len().min(MAX_INPUTS - n) {
        let str_coins = &str_pool[..m];
        let (coins, memos) = counts(str_coins);
        let shape = |change| pays.shape(asset_coins + coins, asset_memos + memos, asset_changes + change);
        let (exact, with_change) = (shape(0).fee().units(), shape(1).fee().units());
        let have = u64::try_from(sum(str_coins)).ok()?;
        let settled = match have.checked_sub(with_change).filter(|change| *change > 0) {
            Some(change) => Some((with_change, change)),
            None => (have >= exact).then_some((have, 0)),
        };
        if let Some((fee, str_change)) = settled {
            return Some(PickedAsset { asset, str_coins: str_coins.to_vec(), fee, asset_change, str_change });
        }
    }
    None
}

/// Sum of a pool, as an amount.
pub(crate) fn total(pool: &[Candidate]) -> Amount {
    Amount::from_units(u64::try_from(sum(pool)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use umbel_types::Hash32;

    fn pool(values: &[u64]) -> Vec<Candidate> {
        let mut pool: Vec<Candidate> = values
            .iter()
            .zip(0u32..)
            .map(|(value, index)| Candidate {
                outpoint: OutPoint { source: Hash32([7; 32]), index },
                value: *value,
                is_memo: false,
            })
            .collect();
        sort(&mut pool);
        pool
    }

    const PAYS: Pays = Pays { into: PaysInto::Coin, note: NoteSize::None };

    #[test]
    fn one_coin_that_suffices_is_taken_and_the_smallest_such() {
        let pool = pool(&[1_000_000, 50_000, 400_000, 30_000]);
        let picked = pick_single(&pool, &PAYS, 35_000).unwrap();
        assert_eq!(picked.direct.iter().map(|c| c.value).collect::<Vec<_>>(), [50_000]);
        assert_eq!(picked.change + picked.fee + 35_000, 50_000);
    }

    #[test]
    fn change_that_is_worth_nothing_goes_to_the_fee() {
        let fee = PAYS.shape(1, 0, 0).fee().units();
        let picked = pick_single(&pool(&[100_000]), &PAYS, 100_000 - fee - 3).unwrap();
        assert_eq!((picked.change, picked.fee), (0, fee + 3));
        assert_eq!(pick_single(&pool(&[100_000]), &PAYS, 100_000 - fee + 1), None);
    }

    /// What goes in comes out, in each transaction and in all together.
    fn check(picked: &Picked, amount: u64) {
        let merged: u64 = picked.merges.iter().map(|g| g.iter().map(|c| c.value).sum::<u64>() - merge_fee(g)).sum();
        let direct: u64 = picked.direct.iter().map(|c| c.value).sum();
        assert_eq!(merged + direct, amount + picked.fee + picked.change);
        let inputs = picked.merges.len() + picked.direct.len();
        assert!((1..=MAX_INPUTS).contains(&inputs));
        assert!(picked.merges.iter().all(|g| (2..=MAX_INPUTS).contains(&g.len())));
        assert!(picked.merges.len() <= MAX_MERGES);
        let needed = PAYS.shape(inputs, 0, usize::from(picked.change > 0)).fee().units();
        assert!(picked.fee >= needed && picked.fee < needed + 2_000, "{} {needed}", picked.fee);
        let mut all: Vec<OutPoint> = picked.merges.iter().flatten().chain(&picked.direct).map(|c| c.outpoint).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count, "a coin stands twice");
    }

    #[test]
    fn every_count_of_coins_up_to_the_limit_is_grouped_within_bounds() {
        for n in 1..=MAX_COINS {
            let values = vec![10_000_000; n];
            let (amount, picked) = pick_max(&pool(&values), &PAYS).unwrap();
            check(&picked, amount);
            assert_eq!(picked.merges.iter().map(Vec::len).sum::<usize>() + picked.direct.len(), n);
        }
    }

    #[test]
    fn beyond_the_limit_the_largest_coins_are_sent() {
        let pool = pool(&vec![10_000_000; MAX_COINS + 5]);
        let (amount, picked) = pick_max(&pool, &PAYS).unwrap();
        check(&picked, amount);
        assert!(pick_merged(&pool, &PAYS, amount).is_some());
        assert_eq!(pick_merged(&pool, &PAYS, amount + 1), None);
    }

    proptest! {
        #[test]
        fn picks_balance(values in proptest::collection::vec(1u64..5_000_000, 1..200), part in 1u64..100) {
            let pool: Vec<Candidate> = pool(&values).into_iter().filter(is_worth_its_fee).collect();
            prop_assume!(!pool.is_empty());
            let amount = (pool.iter().map(|c| c.value).sum::<u64>() / 100 * part).max(1);
            if let Some(picked) = pick_single(&pool, &PAYS, amount) {
                check(&picked, amount);
            } else if let Some(picked) = pick_merged(&pool, &PAYS, amount) {
                check(&picked, amount);
            }
            if let Some((amount, picked)) = pick_max(&pool, &PAYS) {
                check(&picked, amount);
            }
        }

        #[test]
        fn asset_picks_balance(
            asset in proptest::collection::vec(1u64..1_000_000, 1..80),
            fees in proptest::collection::vec(1u64..20_000, 1..80),
            amount in 1u64..10_000_000,
        ) {
            let (asset, fees) = (pool(&asset), pool(&fees));
            if let Some(picked) = pick_asset(&asset, &fees, &PAYS, amount) {
                prop_assert!(picked.asset.len() + picked.str_coins.len() <= MAX_INPUTS);
                prop_assert_eq!(sum(&picked.asset), u128::from(amount + picked.asset_change));
                prop_assert_eq!(sum(&picked.str_coins), u128::from(picked.fee + picked.str_change));
                let change = usize::from(picked.asset_change > 0) + usize::from(picked.str_change > 0);
                let shape = PAYS.shape(picked.asset.len() + picked.str_coins.len(), 0, change);
                prop_assert!(picked.fee >= shape.fee().units());
            }
        }
    }

    #[test]
    fn an_action_always_leaves_change() {
        let further = Further { bytes: 200, signatures: 1, state_bytes: 0 };
        let action = Pays { into: PaysInto::Action(further), note: NoteSize::None };
        let fee = action.shape(1, 0, 1).fee().units();
        // What would pay the fee with nothing to spare is not enough alone.
        assert_eq!(pick_single(&pool(&[fee]), &action, 0), None);
        let picked = pick_single(&pool(&[fee + 1]), &action, 0).unwrap();
        assert_eq!((picked.fee, picked.change), (fee, 1));
        let picked = pick_single(&pool(&[2 * fee, fee]), &action, 0).unwrap();
        assert!(picked.change > 0);
    }
}
