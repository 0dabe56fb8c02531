//! What the crash tests write: batches that follow from a seed and their number alone, so that whoever looks afterwards
//! knows what has to be there.

use std::collections::BTreeSet;

use super::common::{Chance, Model, contents};
use umbel_store::{Batch, Durability, KvReader, KvStore, StoreError, Table, get_value};

/// Key in `meta` of the number of the newest batch.
const NUMBER: &[u8] = b"test/number";
/// Key in `meta` of the sum over all other rows, as the writer computed it step by step.
const SUM: &[u8] = b"test/sum";
/// Tables that every batch writes to.
const TABLES: [Table; 4] = [Table::Header, Table::Coin, Table::State, Table::ChainBlock];

/// What comes of one batch.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) durability: Durability,
    /// Whether the writer syncs afterwards.
    pub(crate) syncs: bool,
    ops: Vec<(Table, Vec<u8>, Option<Vec<u8>>)>,
}

/// A history of batches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    pub(crate) seed: u64,
    /// Distinct keys a table.
    pub(crate) keys: u64,
}

impl Workload {
    /// Batch `number`, from 1.
    pub(crate) fn step(self, number: u64) -> Step {
        let mut chance = Chance(self.seed.wrapping_mul(1_000_003) ^ number.wrapping_mul(0x5851_F42D_4C95_7F2D));
        let mut ops = Vec::new();
        for table in TABLES {
            for _ in 0..=chance.below(6) {
                let key = chance.below(self.keys).to_be_bytes().to_vec();
                // Some long ones: they lie across pages, and sled gives them files of their own.
                let len = match chance.below(60) {
                    0 => 5_000 + chance.below(4_000),
                    1 if number.is_multiple_of(16) => 150_000,
                    _ => chance.below(300),
                };
                let value = (chance.below(4) > 0).then(|| chance.bytes(usize::try_from(len).unwrap()));
                ops.push((table, key, value));
            }
        }
        let durability = if chance.below(5) == 0 { Durability::Immediate } else { Durability::Deferred };
        Step { durability, syncs: chance.below(10) == 0, ops }
    }

    /// Records that batch `number` names.
    fn records(self, number: u64) -> Vec<Vec<u8>> {
        let mut chance = Chance(self.seed.wrapping_mul(7_000_003) ^ number.wrapping_mul(0x1405_7B7E_F767_814F));
        let mut record = |_| {
            let len = 20 + chance.below(200);
            chance.bytes(usize::try_from(len).unwrap())
        };
        (0..number % 3).map(&mut record).collect()
    }

    /// Writes the batch behind the known ones.
    pub(crate) fn write(self, store: &dyn KvStore, known: &mut Known) -> Result<Step, StoreError> {
        let step = known.learn(self);
        let number = known.number;
        let mut batch = Batch::new();
        for (n, record) in self.records(number).iter().enumerate() {
            batch.put_value(Table::BlockIndex, &record_key(number, n), &store.append(record)?);
        }
        for (table, key, value) in &step.ops {
            match value {
                Some(value) => batch.put(*table, key, value.clone()),
                None => batch.delete(*table, key),
            }
        }
        batch.put(Table::Meta, NUMBER, number.to_be_bytes().to_vec());
        batch.put(Table::Meta, SUM, known.sum.to_be_bytes().to_vec());
        store.write(batch, step.durability)?;
        Ok(step)
    }

    /// Whether `store` is exactly what batches 1 to some number leave; that number, or what is wrong.
    pub(crate) fn check(self, store: &dyn KvStore, known: &mut Known) -> Result<u64, String> {
        let failed = |error: StoreError| format!("can't be read: {error}");
        let number = store.get(Table::Meta, NUMBER).map_err(failed)?;
        let number = number.map_or(0, |bytes| u64::from_be_bytes(bytes.try_into().unwrap()));
        if number < known.number {
            *known = Known::default();
        }
        while known.number < number {
            known.learn(self);
        }
        let mut rows = contents(store);
        let stored_sum = rows.remove(&(Table::Meta, SUM.to_vec()));
        let named: BTreeSet<Vec<u8>> =
            rows.keys().filter(|(table, _)| *table == Table::BlockIndex).map(|(_, key)| key.clone()).collect();
        rows.retain(|(table, _), _| *table != Table::BlockIndex);
        if rows != known.model {
            let differs = rows.iter().filter(|(key, value)| known.model.get(*key) != Some(value)).count();
            return Err(format!("partial: {differs} of {} rows are not those of batch {number}", rows.len()));
        }
        if number > 0 && stored_sum != Some(sum(&rows).to_be_bytes().to_vec()) {
            return Err(format!("the stored sum of batch {number} is not that of the rows"));
        }
        let mut expected_records = 0;
        for n in 1..=number {
            for (at, expected) in self.records(n).iter().enumerate() {
                expected_records += 1;
                let key = record_key(n, at);
                let reader: &dyn KvReader = store;
                let location = get_value(reader, Table::BlockIndex, &key).map_err(failed)?;
                let location = location.ok_or_else(|| format!("partial: batch {n} names no record {at}"))?;
                let record = store.record(location).map_err(|error| format!("record {at} of batch {n}: {error}"))?;
                if record != *expected {
                    return Err(format!("record {at} of batch {n} is another one"));
                }
            }
        }
        if named.len() != expected_records {
            return Err(format!("partial: {} records are named, not {expected_records}", named.len()));
        }
        Ok(number)
    }
}

/// Rows as they are after a batch, so that they need not be computed from the first one each time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) number: u64,
    model: Model,
    sum: u64,
}

impl Known {
    /// Goes on by one batch.
    fn learn(&mut self, workload: Workload) -> Step {
        self.number += 1;
        let step = workload.step(self.number);
        for (table, key, value) in &step.ops {
            self.set((*table, key.clone()), value.clone());
        }
        self.set((Table::Meta, NUMBER.to_vec()), Some(self.number.to_be_bytes().to_vec()));
        step
    }

    fn set(&mut self, key: (Table, Vec<u8>), value: Option<Vec<u8>>) {
        let old = match value.clone() {
            Some(value) => self.model.insert(key.clone(), value),
            None => self.model.remove(&key),
        };
        let term = |value: Option<Vec<u8>>| value.map_or(0, |value| of_row(&key, &value));
        self.sum = self.sum.wrapping_sub(term(old)).wrapping_add(term(value));
    }
}

fn record_key(number: u64, at: usize) -> Vec<u8> {
    [&number.to_be_bytes()[..], &[u8::try_from(at).unwrap()]].concat()
}

/// A sum over rows, whatever their order, like the one over the unspent outputs.
fn sum(rows: &Model) -> u64 {
    rows.iter().map(|(key, value)| of_row(key, value)).fold(0, u64::wrapping_add)
}

fn of_row((table, key): &(Table, Vec<u8>), value: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325 ^ u64::from(table.prefix());
    for part in [key.as_slice(), value] {
        // FNV-1a over eight bytes at a time, and over the length.
        for chunk in part.chunks(8).chain([&part.len().to_le_bytes()[..]]) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
        }
    }
    hash
}
