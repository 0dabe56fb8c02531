//! The commitment to the unspent outputs and the differences it follows.

use std::collections::BTreeMap;

use umbel_ledger::commitments::LtHash;
use umbel_ledger::utxo::UtxoDiff;
use umbel_types::utxo::StoredOutput;
use umbel_types::{Amount, AssetId, DaaScore, Decode, Encode, Hash32, Memo, Origin, OutPoint, UtxoEntry, ZkAddress};

/// Each byte is one step: its low bits name an output, its high bits what is done.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    vec![vec![], (0..32).collect(), vec![0x01, 0x41, 0x81, 0xc1, 0x02, 0xc2, 0x01, 0x41]]
}

fn outpoint(n: u8) -> OutPoint {
    OutPoint { source: Hash32([n; 32]), index: u32::from(n) }
}

fn entry(n: u8, version: u64) -> UtxoEntry {
    let memo = Memo::public_payment(AssetId::STR, Amount::from_units(u64::from(n) + 1), ZkAddress([n; 20]));
    UtxoEntry { output: StoredOutput::Memo(memo), origin: Origin::Transaction, daa_score: DaaScore(version) }
}

fn sum(set: &BTreeMap<OutPoint, UtxoEntry>) -> LtHash {
    let mut sum = LtHash::default();
    set.iter().for_each(|(outpoint, entry)| sum.add(outpoint, entry));
    sum
}

/// Any history of additions and removals, in differences of any size: the running sum is that of the set, and taking
/// every difference back gives the sums before.
pub(crate) fn run(data: &[u8]) {
    let mut set = BTreeMap::new();
    let (mut running, mut whole) = (LtHash::default(), UtxoDiff::default());
    let mut history: Vec<(LtHash, UtxoDiff)> = Vec::new();
    let mut diff = UtxoDiff::default();
    for (step, byte) in (1u64..).zip(data) {
        let (outpoint, n) = (outpoint(byte % 16), byte % 16);
        match (byte >> 6, set.contains_key(&outpoint)) {
            (0 | 1, false) => {
                let entry = entry(n, step / 4);
                set.insert(outpoint, entry.clone());
                diff.add(outpoint, entry).unwrap();
            }
            (0 | 1, true) => {
                let entry = set.remove(&outpoint).unwrap();
                diff.remove(outpoint, entry).unwrap();
            }
            (2, _) => {
                history.push((running.clone(), diff.clone()));
                running.apply(&diff);
                whole.apply(&diff).unwrap();
                diff = UtxoDiff::default();
            }
            _ => {}
        }
    }
    history.push((running.clone(), diff.clone()));
    running.apply(&diff);
    whole.apply(&diff).unwrap();
    assert_eq!(running, sum(&set), "the running sum is not that of the set");
    assert!(whole.removed().is_empty(), "everything began empty");
    assert_eq!(*whole.added(), set);
    assert_eq!(LtHash::from_bytes(&running.to_bytes()), Ok(running.clone()));
    for (before, diff) in history.iter().rev() {
        running.undo(diff);
        whole.undo(diff).unwrap();
        assert_eq!(running, *before);
    }
    assert!(whole.is_empty());
    assert_eq!(running, LtHash::default());
}
