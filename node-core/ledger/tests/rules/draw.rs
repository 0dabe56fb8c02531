//! Random transactions for [`crate::history`]: balanced, but spending what is there, what may come and what is gone, in time
//! and out of time, truthfully or not. Points are made up: acceptance compares bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use umbel_types::coin::SealedBytes;
use umbel_types::hash::{Domain, hash_of};
use umbel_types::tx::{LockBranch, TX_VERSION};
use umbel_types::utxo::StoredOutput;
use umbel_types::{
    Action, Amount, AssetId, BlockHash, Coin, CoinFlags, DaaRange, DaaScore, Encode, Hash32, Input, Lock, Memo,
    MemoValue, Note, OneTimeKey, OutPoint, Output, PointBytes, SEALED_LEN_BYTES, Transaction, TxCore, TxInput,
    UtxoEntry, Witness,
};

use crate::fixture::params;
use crate::kinds::{address, multisig, post_quantum};
use crate::model::{Bound, Held, Model, PlainBlock, PlainTx, Taken, Who};

pub(crate) const PEOPLE: Who = 4;

/// Draws from the bytes of a case; zero once they are used up.
pub(crate) struct Dice<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) next: usize,
    /// Tells things apart that nothing else does.
    pub(crate) names: u32,
}

impl Dice<'_> {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        let byte = self.bytes.get(self.next).copied().unwrap_or(0);
        self.next += 1;
        usize::from(byte) % n.max(1)
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub(crate) fn name(&mut self) -> Hash32 {
        self.names += 1;
        hash_of(Domain::LIST, &self.names)
    }
}

/// What a case knows of all outputs that were ever made on paper, accepted or not.
#[derive(Default)]
pub(crate) struct Catalogue {
    pub(crate) outputs: BTreeMap<OutPoint, (StoredOutput, Held)>,
    /// Whose a lock is, by its bytes; whose a coin is, by g; what is hidden, by the d of a coin and the V of a Memo.
    pub(crate) locks: BTreeMap<Vec<u8>, Who>,
    pub(crate) keys: BTreeMap<PointBytes, Who>,
    openings: BTreeMap<PointBytes, u64>,
}

impl Catalogue {
    /// Who owns a real output and how much it holds, read from its bytes.
    pub(crate) fn read(&self, entry: &UtxoEntry) -> (Who, AssetId, u64) {
        match &entry.output {
            StoredOutput::Memo(memo) => {
                let amount = match memo.value {
                    MemoValue::Public(amount) => amount.units(),
                    MemoValue::Hidden { commitment, .. } => self.openings[&commitment],
                };
                (self.locks[&memo.lock.to_bytes()], memo.asset, amount)
            }
            StoredOutput::Coin { coin, public_value } => {
                let value = public_value.map_or_else(|| self.openings[&coin.d], Amount::units);
                (self.keys[&coin.owner.g], coin.asset, value)
            }
        }
    }

    fn output(&mut self, dice: &mut Dice<'_>, who: Who, asset: AssetId, amount: u64, bound: Bound) -> Output {
        if bound == Bound::Free && !dice.one_in(3) {
            let owner = OneTimeKey { g: point(dice), view: point(dice), spend: point(dice) };
            let (c, d) = (point(dice), point(dice));
            self.keys.insert(owner.g, who);
            self.openings.insert(d, amount);
            let note = Note::new(vec![3; dice.pick(&[0, 0, 64, 256])]).expect("a length of notes");
            let sealed = SealedBytes([0; SEALED_LEN_BYTES]);
            let coin = Coin { asset, flags: CoinFlags::NONE, owner, c, d, ephemeral: c, sealed, note };
            return Output::Coin { coin, value_commitment: d };
        }
        let (lock, refund, valid) = match bound {
            Bound::Timeout { start, timeout, refund } => {
                let (claim, refund) = (address(who), address(refund));
                let lock = Lock::HashTimelock { sha256: dice.name(), claim, refund, timeout: DaaScore(timeout) };
                (lock, None, DaaRange { start: DaaScore(start), end: DaaScore(0) })
            }
            Bound::Between { start, end, refund } => {
                let valid = DaaRange { start: DaaScore(start), end: DaaScore(end) };
                (self.plain_lock(dice, who), (end != 0).then(|| address(refund)), valid)
            }
            Bound::Free | Bound::Reward => (self.plain_lock(dice, who), None, DaaRange::ALWAYS),
        };
        self.locks.insert(lock.to_bytes(), who);
        let value = self.value(dice, amount, &lock);
        Output::Memo(Memo { asset, value, lock, refund, data: vec![5; dice.below(90)], valid })
    }

    /// Hidden sometimes, where the lock allows it.
    fn value(&mut self, dice: &mut Dice<'_>, amount: u64, lock: &Lock) -> MemoValue {
        if !matches!(lock, Lock::Address(_)) || dice.one_in(2) {
            return MemoValue::Public(Amount::from_units(amount));
        }
        let (commitment, ephemeral) = (point(dice), point(dice));
        self.openings.insert(commitment, amount);
        MemoValue::Hidden { commitment, ephemeral, sealed: SealedBytes([0; SEALED_LEN_BYTES]) }
    }

    fn plain_lock(&mut self, dice: &mut Dice<'_>, who: Who) -> Lock {
        match dice.below(3) {
            0 => Lock::Address(address(who)),
            1 => multisig(1, &[who, (who + 1) % PEOPLE]),
            _ => post_quantum(who),
        }
    }
}

fn point(dice: &mut Dice<'_>) -> PointBytes {
    PointBytes(dice.name().0)
}

/// A body, plain and real.
#[derive(Clone)]
pub(crate) struct Block {
    pub(crate) plain: PlainBlock,
    pub(crate) txs: Vec<Arc<Transaction>>,
}

fn bound(dice: &mut Dice<'_>, now: u64) -> Bound {
    let refund = dice.below(PEOPLE);
    let start = if dice.one_in(4) { now + 2 } else { 0 };
    match dice.below(6) {
        0 => Bound::Between { start, end: now + 3, refund },
        1 => Bound::Between { start, end: now + 100, refund },
        2 => Bound::Timeout { start, timeout: now + dice.pick(&[1, 4, 1_000]), refund },
        3 => Bound::Between { start, end: 0, refund },
        _ => Bound::Free,
    }
}

/// Draws a transaction that balances.
fn draw_tx(dice: &mut Dice<'_>, catalogue: &mut Catalogue, model: &Model, now: u64) -> (PlainTx, Arc<Transaction>) {
    // What is there, and sometimes what is not there yet or no longer.
    let there: Vec<OutPoint> = model.outputs.keys().copied().collect();
    let known: Vec<OutPoint> = catalogue.outputs.keys().copied().collect();
    let mut places = BTreeSet::new();
    for _ in 0..=dice.below(3) {
        let from = if there.is_empty() || dice.one_in(4) { &known } else { &there };
        // Two bytes: there may be more outputs than a byte tells apart.
        let at = dice.below(256) * 256 + dice.below(256);
        places.insert(from[at % from.len()]);
    }
    let mut takes = Vec::new();
    let mut inputs = Vec::new();
    let mut sums: BTreeMap<AssetId, u64> = BTreeMap::new();
    for from in places {
        let (output, held) = catalogue.outputs[&from].clone();
        let truthful = !dice.one_in(12);
        let has_refund = matches!(held.bound, Bound::Timeout { .. } | Bound::Between { end: 1.., .. });
        let back = has_refund && dice.one_in(2);
        let claimed = truthful.then_some((held.who, held.asset, held.amount));
        takes.push(Taken { from, claimed, back });
        inputs.push(TxInput { outpoint: from, consumed: claim(&output, truthful, back) });
        *sums.entry(held.asset).or_insert(0) += held.amount;
    }
    let mut fee = 0;
    let mut makes = Vec::new();
    for (asset, sum) in sums {
        if asset == AssetId::STR {
            fee = (sum / 4).min(1_000 * dice.below(200) as u64);
        }
        let rest = if asset == AssetId::STR { sum - fee } else { sum };
        let part = rest / 256 * dice.below(256) as u64;
        for amount in [part, rest - part] {
            // A Memo of nothing is no Memo.
            let bound = if amount == 0 { Bound::Free } else { bound(dice, now) };
            if amount > 0 || rest == 0 {
                makes.push((dice.below(PEOPLE), asset, amount, bound));
            }
        }
    }
    let (from, until) = match dice.below(8) {
        0 => (now + 2, 0),
        1 => (0, now + dice.pick(&[1, 3])),
        2 => (now, now + 1),
        _ => (0, 0),
    };
    let outputs: Vec<Output> =
        makes.iter().map(|(who, asset, amount, bound)| catalogue.output(dice, *who, *asset, *amount, *bound)).collect();
    let core = TxCore {
        version: TX_VERSION,
        chain: params().chain_id,
        action: Action::Transfer,
        inputs,
        outputs,
        fee: Amount::from_units(fee),
        valid: DaaRange { start: DaaScore(from), end: DaaScore(until) },
        salt: dice.name().0,
    };
    let name = core.txid();
    for ((index, output), (who, asset, amount, bound)) in (0u32..).zip(&core.outputs).zip(&makes) {
        let held = Held { who: *who, asset: *asset, amount: *amount, bound: *bound, born: now };
        catalogue.outputs.insert(OutPoint::of_tx(name, index), (StoredOutput::from(output), held));
    }
    let witness = Witness {
        range_proof: Vec::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        action: umbel_types::staking::ActionWitness::None,
        kernel: [0; 64],
    };
    (PlainTx { name, takes, makes, fee, from, until }, Arc::new(Transaction { core, witness }))
}

/// The input that consumes an output, or one unlike it.
fn claim(output: &StoredOutput, truthful: bool, back: bool) -> Input {
    match output {
        StoredOutput::Memo(memo) => {
            let mut terms = memo.terms();
            if !truthful {
                terms.data_hash.0[0] ^= 1;
            }
            Input::Memo { terms, branch: if back { LockBranch::Refund } else { LockBranch::Owner } }
        }
        StoredOutput::Coin { coin, .. } => {
            let mut d = coin.d;
            d.0[31] ^= u8::from(!truthful);
            Input::Coin { asset: coin.asset, owner: coin.owner, c: coin.c, d, value_commitment: d }
        }
    }
}

pub(crate) fn draw_body(
    dice: &mut Dice<'_>,
    catalogue: &mut Catalogue,
    model: &Model,
    now: u64,
    others: &[Block],
) -> Block {
    let mut txs: Vec<(PlainTx, Arc<Transaction>)> =
        (0..dice.below(4)).map(|_| draw_tx(dice, catalogue, model, now)).collect();
    if let Some(other) = others.last()
        && dice.one_in(3)
    {
        // Copies: two miners took the same transactions.
        txs.extend(other.plain.txs.iter().cloned().zip(other.txs.iter().cloned()));
    }
    txs.sort_by_key(|(_, tx)| tx.core.ledger());
    let (plain, txs): (Vec<PlainTx>, Vec<Arc<Transaction>>) = txs.into_iter().unzip();
    let plain = PlainBlock {
        hash: BlockHash(dice.name().0),
        daa: now.saturating_sub(dice.below(4) as u64),
        miner: dice.below(PEOPLE),
        blue: !dice.one_in(3),
        counts: !dice.one_in(6),
        txs: plain,
    };
    Block { plain, txs }
}
