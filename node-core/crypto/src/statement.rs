//! What a transaction's witness has to prove, derived from its core and from nothing else.

use std::collections::BTreeMap;

use umbel_types::errors::TxRuleError;
use umbel_types::tx::MAX_HIDDEN_OUTPUTS;
use umbel_types::{AssetId, Input, MemoValue, Output, PointBytes, TxCore};

use crate::element::{BadPoint, Element};
use crate::input_proof::InputStatement;
use crate::kernel::{KernelRow, KernelStatement};
use crate::lock::LockStatement;
use crate::output_proof::OutputStatement;
use crate::range_proof::RangeStatement;

/// What shows that one input may be consumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputAuthority {
    /// A proof about the coin.
    Coin(Box<InputStatement>),
    /// What the branch of a Memo's lock asks for.
    Lock(LockStatement),
}

/// Every statement of one transaction. Counts and order are the core's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxStatement {
    /// One for each input.
    pub inputs: Vec<InputAuthority>,
    /// One for each coin created, with its index among the outputs.
    pub outputs: Vec<(usize, OutputStatement)>,
    /// Over every hidden value created, in output order; `None` if and only if there is none.
    pub range: Option<RangeStatement>,
    /// One row for each asset.
    pub kernel: KernelStatement,
}

/// A kernel row in the making. Public sums are wide: no sum of amounts that a core can carry overflows a u128.
#[derive(Default)]
struct Row {
    hidden_in: Vec<Element>,
    hidden_out: Vec<Element>,
    public_in: u128,
    public_out: u128,
}

impl TxStatement {
    /// Derives all statements of `core`.
    ///
    /// # Consensus
    /// > A kernel row exists for each asset of inputs and outputs, and always for STR, out of whose row fee and staked
    /// > amount go. Every public sum is at most 2⁶⁴ − 1. V, V*, and d may be the identity; g, A, S, c, R may not. (proofs.md §3, §8)
    ///
    /// # Errors
    /// [`TxRuleError::BadPoint`], [`TxRuleError::LockInactive`], [`TxRuleError::NoRefundBranch`],
    /// [`TxRuleError::TooManyHiddenOutputs`], [`TxRuleError::AmountOverflow`].
    pub fn of(core: &TxCore) -> Result<Self, TxRuleError> {
        let mut rows: BTreeMap<AssetId, Row> = BTreeMap::new();
        rows.entry(AssetId::STR).or_default().public_out +=
            u128::from(core.fee.units()) + u128::from(core.staked().units());

        let mut inputs = Vec::with_capacity(core.inputs.len());
        for (i, input) in core.inputs.iter().enumerate() {
            let row = rows.entry(input.consumed.asset()).or_default();
            inputs.push(match &input.consumed {
                Input::Coin { asset, owner, c, d, value_commitment } => {
                    let statement = InputStatement::decode(*asset, owner, c, d, value_commitment)
                        .map_err(|_| TxRuleError::BadPoint { what: "input", index: i })?;
                    row.hidden_in.push(statement.value_commitment);
                    InputAuthority::Coin(Box::new(statement))
                }
                Input::Memo { terms, branch } => {
                    match &terms.value {
                        MemoValue::Public(amount) => row.public_in += u128::from(amount.units()),
                        MemoValue::Hidden { commitment, ephemeral, sealed: _ } => row.hidden_in.push(
                            decode_hidden(commitment, ephemeral)
                                .map_err(|_| TxRuleError::BadPoint { what: "input", index: i })?,
                        ),
                    }
                    InputAuthority::Lock(LockStatement::of(terms, *branch, i)?)
                }
            });
        }

        let mut outputs = Vec::with_capacity(core.outputs.len());
        let mut hidden = Vec::new();
        for (j, output) in core.outputs.iter().enumerate() {
            let bad_point = |_: BadPoint| TxRuleError::BadPoint { what: "output", index: j };
            let row = rows.entry(output.asset()).or_default();
            match output {
                Output::Coin { coin, value_commitment } => {
                    let statement = OutputStatement::decode(coin, value_commitment).map_err(bad_point)?;
                    row.hidden_out.push(statement.value_commitment);
                    hidden.push(statement.value_commitment);
                    outputs.push((j, statement));
                }
                Output::Memo(memo) => match &memo.value {
                    MemoValue::Public(amount) => row.public_out += u128::from(amount.units()),
                    MemoValue::Hidden { commitment, ephemeral, sealed: _ } => {
                        let commitment = decode_hidden(commitment, ephemeral).map_err(bad_point)?;
                        row.hidden_out.push(commitment);
                        hidden.push(commitment);
                    }
                },
            }
        }
        if hidden.len() > MAX_HIDDEN_OUTPUTS {
            return Err(TxRuleError::TooManyHiddenOutputs { got: hidden.len(), limit: MAX_HIDDEN_OUTPUTS });
        }

        let narrow = |sum: u128| u64::try_from(sum).map_err(|_| TxRuleError::AmountOverflow);
        let rows = rows
            .into_iter()
            .map(|(asset, row)| {
                Ok(KernelRow {
                    asset,
                    hidden_in: row.hidden_in,
                    hidden_out: row.hidden_out,
                    public_in: narrow(row.public_in)?,
                    public_out: narrow(row.public_out)?,
                })
            })
            .collect::<Result<Vec<KernelRow>, TxRuleError>>()?;
        let kernel = KernelStatement::new(rows).expect("rows come from an ordered map, and STR's is made first");
        Ok(Self { inputs, outputs, range: RangeStatement::new(hidden), kernel })
    }
}

fn decode_hidden(commitment: &PointBytes, ephemeral: &PointBytes) -> Result<Element, BadPoint> {
    Element::decode_non_identity(ephemeral)?;
    Element::decode(commitment)
}
