//! Where every asset is, as far as it shows: what was issued is in public outputs, in balances of rules, or hidden.

use std::collections::BTreeMap;

use umbel_ledger::state_tree::StateTree;
use umbel_types::staking::{CERTIFICATE_REWARD, Validator};
use umbel_types::state::{LedgerBalance, State, StateClass};
use umbel_types::utxo::StoredOutput;
use umbel_types::{Amount, AssetId, BlockHash, Decode, MemoValue, OutPoint, UtxoEntry};

use super::Replay;
use super::report::{AssetSupply, Verdict, VerifyError, bad_body, differs, same, unreadable};
use super::state::LedgerState;
use crate::finality::included_certificate;
use crate::storage::ChainRecord;

/// Base units; wide enough for any sum, signed for what flows.
type Units = i128;

/// By asset, what transactions put into hidden outputs less what they took out of them.
#[derive(Default)]
pub(super) struct Flows(BTreeMap<AssetId, Units>);

impl Flows {
    /// Adds a block's. No asset can have less than nothing hidden.
    pub(super) fn add(&mut self, block: BlockHash, flows: Self) -> Verdict {
        for (asset, units) in flows.0 {
            let hidden = self.0.entry(asset).or_default();
            *hidden += units;
            if *hidden < 0 {
                return Err(differs(block, format!("what is hidden of asset {asset}"), *hidden, "at least nothing"));
            }
        }
        Ok(())
    }

    fn of(&self, asset: AssetId) -> Units {
        self.0.get(&asset).map_or(0, |units| *units)
    }
}

/// The value that an output shows: nothing, if it is hidden.
fn public_value(output: &StoredOutput) -> Units {
    let amount = match output {
        StoredOutput::Coin { public_value, .. } => *public_value,
        StoredOutput::Memo(memo) => match memo.value {
            MemoValue::Public(amount) => Some(amount),
            _ => None,
        },
    };
    amount.map_or(0, |amount| Units::from(amount.units()))
}

/// STR that validators hold for their delegators, and all deposits.
fn held(states: &StateTree) -> Units {
    let of_object = |state: &State| {
        let validator =
            (state.class == StateClass::Validator).then(|| Validator::from_bytes(&state.body).ok()).flatten();
        let held = validator.map_or(Amount::ZERO, |validator| validator.held);
        Units::from(held.units()) + Units::from(state.deposit.units())
    };
    states.iter().map(|(_, state)| of_object(state)).sum()
}

impl Replay<'_> {
    /// What the transactions that a chain block accepted hide and show, and that its rewards are subsidies and fees.
    pub(super) fn flows(
        &self,
        state: &LedgerState,
        block: BlockHash,
        record: &ChainRecord,
    ) -> Result<Flows, VerifyError> {
        let mut flows = Flows::default();
        let mut created: BTreeMap<OutPoint, StoredOutput> = BTreeMap::new();
        let mut fees: Units = 0;
        for accepted in &record.accepted {
            let body = self.replayed.body(accepted.block).map_err(bad_body)?;
            let tx = body.txs.iter().find(|tx| tx.txid() == accepted.txid);
            let tx = tx.ok_or_else(|| differs(accepted.block, "its body", "without", accepted.txid))?;
            for input in &tx.core.inputs {
                let outpoint = input.outpoint;
                let unspent = || state.utxo.0.get(&outpoint).map(|entry| entry.output.clone());
                let output = created.remove(&outpoint).or_else(unspent);
                let output = output.ok_or_else(|| differs(block, format!("{outpoint}"), "nothing", "an output"))?;
                *flows.0.entry(output.asset()).or_default() += public_value(&output);
            }
            for (index, output) in (0u32..).zip(&tx.core.outputs) {
                let output = StoredOutput::from(output);
                *flows.0.entry(output.asset()).or_default() -= public_value(&output);
                created.insert(OutPoint::of_tx(accepted.txid, index), output);
            }
            let fee = Units::from(tx.core.fee.units());
            *flows.0.entry(AssetId::STR).or_default() -= fee + Units::from(tx.core.staked().units());
            fees += fee;
        }
        self.check_rewards(state, block, record, fees)?;
        Ok(flows)
    }

    /// # Consensus
    /// > A block earns its subsidy, as long as the pool lasts, the fees of its accepted transactions, and what is paid for
    /// > the certificate that it carries. (R10, F7)
    fn check_rewards(&self, state: &LedgerState, block: BlockHash, record: &ChainRecord, fees: Units) -> Verdict {
        let ghostdag = self.replayed.ghostdag_data(block).map_err(unreadable(block))?;
        let context = self.rules.context(&self.replayed, &ghostdag).map_err(unreadable(block))?;
        let pool = Units::from(state.states.balance(LedgerBalance::RewardPool).units());
        let mut subsidies: Units = 0;
        let mut paid: Units = 0;
        for merged in ghostdag.unordered_mergeset() {
            if merged != self.genesis.hash && !context.mergeset_non_daa.contains(&merged) {
                let daa_score = self.replayed.header(merged).map_err(unreadable(merged))?.daa_score;
                subsidies += Units::from(self.params.subsidy(daa_score).units());
            }
            let reward: Option<&UtxoEntry> = record.utxo.added().get(&OutPoint::of_coinbase(merged));
            paid += reward.map_or(0, |entry| public_value(&entry.output));
        }
        let certificate = included_certificate(&self.replayed, ghostdag.selected_parent).map_err(unreadable(block))?;
        let bounty = certificate
            .map_or(Amount::ZERO, |_| CERTIFICATE_REWARD.min(state.states.balance(LedgerBalance::StrRewards)));
        let expected = subsidies.min(pool) + fees + Units::from(bounty.units());
        same(block, "what its rewards pay", paid, expected)
    }

    /// Issued, in outputs that show their value, and in State, in this order.
    fn parts(&self, asset: AssetId, outputs: &BTreeMap<OutPoint, UtxoEntry>, states: &StateTree) -> [Units; 3] {
        let shown = |outputs: &BTreeMap<OutPoint, UtxoEntry>| -> Units {
            let values = outputs.values().filter(|entry| entry.output.asset() == asset);
            values.map(|entry| public_value(&entry.output)).sum()
        };
        let balances = LedgerBalance::ALL.into_iter().filter(|balance| balance.genesis_amount().0 == asset);
        let issued: Units = balances.clone().map(|b| Units::from(b.genesis_amount().1.units())).sum::<Units>()
            + shown(self.genesis.utxo.added());
        let balances: Units = balances.map(|b| Units::from(states.balance(b).units())).sum();
        let in_state = if asset == AssetId::STR { balances + held(states) } else { balances };
        [issued, shown(outputs), in_state]
    }

    /// What has to be hidden at a block whose past is not here: the rest of what was issued.
    pub(super) fn hidden_at(
        &self,
        block: BlockHash,
        outputs: &BTreeMap<OutPoint, UtxoEntry>,
        states: &StateTree,
    ) -> Result<Flows, VerifyError> {
        let mut rest = Flows::default();
        for asset in [AssetId::STR, AssetId::CCOS] {
            let [issued, public, in_state] = self.parts(asset, outputs, states);
            rest.0.insert(asset, issued - public - in_state);
        }
        let mut hidden = Flows::default();
        hidden.add(block, rest)?;
        Ok(hidden)
    }

    /// Issued = public + balances of rules + hidden, each computed by itself; in a pruned store, from its start on.
    pub(super) fn supply(&mut self, state: &LedgerState) -> Verdict {
        for asset in [AssetId::STR, AssetId::CCOS] {
            let [issued, public, in_state] = self.parts(asset, &state.utxo.0, &state.states);
            let hidden = state.flows.of(asset);
            same(state.block, format!("the supply of asset {asset}"), public + in_state + hidden, issued)?;
            // Each part is at most what was issued, which is an amount.
            let units = |units: Units| u64::try_from(units).unwrap_or(u64::MAX);
            self.report.supply.push(AssetSupply {
                asset,
                issued: units(issued),
                public: units(public),
                state: units(in_state),
                confidential: units(hidden),
            });
        }
        Ok(())
    }
}
