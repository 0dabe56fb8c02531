//! Public payments that spend and make outputs in memory; their signatures were checked before.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;

use umbel_api::ApiError;
use umbel_crypto::coin::{KeyRole, build_payout_key};
use umbel_crypto::keys::AddressIndex;
use umbel_crypto::{InputSecrets, OutputSecrets, prove_transaction};
use umbel_ledger::utxo::UtxoView;
use umbel_ledger::{MergePlace, MergedBlock, accept_mergeset, genesis};
use umbel_types::genesis::devnet;
use umbel_types::tx::{LockBranch, TX_VERSION};
use umbel_types::utxo::StoredOutput;
use umbel_types::{
    Action, Amount, AssetId, BlockHash, BlueScore, DaaRange, DaaScore, Hash32, Input, Memo, Network, Origin, OutPoint,
    Output, Params, Transaction, TxCore, TxInput, UtxoEntry,
};

use super::keys::{keys, rng};
use super::measurement::{Goal, Measurement};
use super::payments::GENESIS;
use super::{Size, best_of, cores, internal, on_cores, per_second, time};

/// Transactions of one block.
const TXS_PER_BLOCK: usize = 128;
/// Outputs that are there before: a lookup goes through as many levels as in use.
const OUTPUTS_BESIDE: usize = 100_000;

struct Set(BTreeMap<OutPoint, UtxoEntry>);

impl UtxoView for Set {
    type Error = Infallible;

    fn get(&self, outpoint: &OutPoint) -> Result<Option<UtxoEntry>, Infallible> {
        Ok(self.0.get(outpoint).cloned())
    }
}

pub(super) fn run(size: Size) -> Result<Vec<Measurement>, ApiError> {
    let count = size.of(16_384, 256);
    let beside = size.of(OUTPUTS_BESIDE, 100);
    let (txs, mut before) = transactions(count)?;
    let one = before.values().next().cloned().ok_or_else(|| internal("no outputs"))?;
    let number = |n: usize| u32::try_from(n).map_err(internal);
    for n in 0..beside {
        before.insert(OutPoint { source: Hash32([200; 32]), index: number(n)? }, one.clone());
    }
    let mut account = keys()?.0;
    let payout = build_payout_key(&account.address(AddressIndex::DEFAULT), KeyRole::Miner, &mut rng());
    let block = |(n, txs): (u8, &[Arc<Transaction>])| MergedBlock {
        hash: BlockHash([n; 32]),
        daa_score: DaaScore(10),
        is_blue: true,
        counts_for_daa: true,
        payout,
        txs: txs.to_vec(),
    };
    // A chain block merges a few blocks; the next one builds on what it made.
    let merges: Vec<Vec<MergedBlock>> = txs
        .chunks(2 * TXS_PER_BLOCK)
        .map(|merge| (1..).zip(merge.chunks(TXS_PER_BLOCK)).map(block).collect())
        .collect();
    let params = Params::of(Network::Devnet);
    let states = genesis::build(&params, &devnet()).states;
    let place = MergePlace { daa_score: DaaScore(11), blue_score: BlueScore(11), checkpoint: None, certificate: None };
    let accept = || {
        let mut set = Set(before.clone());
        let (applied, took) = time(|| {
            for merged in &merges {
                let outcome = accept_mergeset(&params, &place, merged, &set, &states).map_err(internal)?;
                if !outcome.skipped().is_empty() {
                    return Err(internal("a payment was skipped"));
                }
                for outpoint in outcome.utxo().removed().keys() {
                    set.0.remove(outpoint);
                }
                set.0.extend(outcome.utxo().added().iter().map(|(outpoint, entry)| (*outpoint, entry.clone())));
            }
            Ok(())
        });
        black_box(set);
        applied.map(|()| took)
    };
    let moves: Vec<(OutPoint, OutPoint, UtxoEntry)> =
        txs.iter().map(|tx| (tx.core.inputs[0].outpoint, OutPoint::of_tx(tx.txid(), 0), one.clone())).collect();
    let bare = || {
        let mut set = before.clone();
        let ((), took) = time(|| {
            for (gone, made, entry) in &moves {
                black_box(set.remove(gone));
                set.insert(*made, entry.clone());
            }
        });
        black_box(set);
        Ok(took)
    };
    let (figure, floor) = best_of(size.rounds(), accept, bare)?;
    Ok(vec![Measurement {
        name: "apply",
        inputs: format!(
            "{count} public payments of one memo into one beside {beside} outputs, applied only: signatures, \
                         commitments and disk excluded"
        ),
        cores: 1,
        figure: per_second(count, figure),
        floor: per_second(count, floor),
        floor_is: "the same removals and insertions on a bare BTreeMap",
        unit: "tx/s",
        goals: &[Goal::AtLeast(200_580.0)],
    }])
}

type Made = (Vec<Arc<Transaction>>, BTreeMap<OutPoint, UtxoEntry>);

/// Signed payments, each of an output of its own, and those outputs.
fn transactions(count: usize) -> Result<Made, ApiError> {
    let numbers = (0..count).map(u32::try_from).collect::<Result<Vec<u32>, _>>().map_err(internal)?;
    let parts = on_cores(&numbers, cores(), |part| {
        let key = keys()?.1;
        let memo = Memo::public_payment(AssetId::STR, Amount::from_str_tokens(1), key.address());
        let fee = Amount::from_units(10_000);
        let rest = Amount::from_str_tokens(1).checked_sub(fee).map_err(internal)?;
        let mut made = Vec::with_capacity(part.len());
        for n in part {
            let outpoint = OutPoint { source: Hash32([5; 32]), index: *n };
            let consumed = Input::Memo { terms: memo.terms(), branch: LockBranch::Owner };
            let core = TxCore {
                version: TX_VERSION,
                chain: Params::of(Network::Devnet).chain_id,
                action: Action::Transfer,
                inputs: vec![TxInput { outpoint, consumed }],
                outputs: vec![Output::Memo(Memo::public_payment(AssetId::STR, rest, key.address()))],
                fee,
                valid: DaaRange::ALWAYS,
                salt: [6; 32],
            };
            let sighash = core.sighash(GENESIS);
            let inputs = [InputSecrets::Memo { key: &key }];
            let witness = prove_transaction(&core, &sighash, &inputs, &[OutputSecrets::PublicMemo], &mut rng());
            let tx = Arc::new(Transaction { core, witness: witness.map_err(internal)? });
            let output = StoredOutput::Memo(memo.clone());
            made.push((tx, outpoint, UtxoEntry { output, origin: Origin::Transaction, daa_score: DaaScore(1) }));
        }
        Ok::<_, ApiError>(made)
    });
    let made = parts.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    let entries = made.iter().map(|(_, outpoint, entry)| (*outpoint, entry.clone())).collect();
    Ok((made.into_iter().map(|(tx, _, _)| tx).collect(), entries))
}
