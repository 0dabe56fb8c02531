//! Headers, and proofs about the ledger.

use std::sync::Arc;

use umbel_api::chain::{
    BlockHeader, FINAL, HeaderRequest, LedgerProofFile, ProvePlaceRequest, ProveRewardsRequest, ProveStateRequest,
    ProveTxRequest, StateKind,
};
use umbel_api::{ApiError, ErrorCode};
use umbel_consensus::{Acceptance, ProveError};
use umbel_crypto::keys::Address;
use umbel_ledger::proofs::LedgerProof;
use umbel_ledger::state_tree::StateKey;
use umbel_types::staking::{Delegation, Validator};
use umbel_types::state::{LedgerBalance, ValidatorSet};
use umbel_types::{BlockHash, Ledger, Params, TxId};

use crate::node::Core;
use crate::services::chain::Chain;
use crate::{convert, ledger_proof};

pub(super) fn header(core: &Arc<Core>, request: HeaderRequest) -> Result<BlockHeader, ApiError> {
    let chain = core.chain.get()?;
    let failed = |e| convert::consensus_error(&e);
    let newest = chain.consensus.virtual_state();
    let block = named_block(&chain, request.block.as_deref())?.unwrap_or(newest.sink);
    let header = chain.consensus.header(block).map_err(failed)?;
    let is_chain_block = chain.consensus.block_summary(block).map_err(failed)?.is_chain_block;
    Ok(BlockHeader {
        block: block.to_string(),
        daa_score: header.daa_score.0,
        blue_score: header.blue_score.0,
        timestamp_ms: header.timestamp.0,
        is_chain_block,
        is_final: is_chain_block && header.blue_score <= chain.consensus.finality().finalized_blue_score,
        depth: newest.sink_blue_score.0.saturating_sub(header.blue_score.0),
        file: ledger_proof::header_file(core.params.network, &header),
    })
}

pub(super) fn prove_tx(core: &Arc<Core>, request: ProveTxRequest) -> Result<LedgerProofFile, ApiError> {
    let chain = core.chain.get()?;
    let txid: TxId = request
        .txid
        .trim()
        .parse()
        .map_err(|_| ApiError::new(ErrorCode::BadInput, "a transaction id has 64 hexadecimal digits"))?;
    let anchor = named_block(&chain, request.anchor.as_deref())?;
    let accepting = match named_block(&chain, request.accepted_in.as_deref())? {
        Some(block) => block,
        None => {
            let found = chain.engine().accepting_block(txid).map_err(|e| convert::consensus_error(&e))?;
            found.ok_or_else(|| {
                let message = format!(
                    "transaction {txid} was not accepted, or longer ago than is searched: name the chain block that \
                     accepted it"
                );
                ApiError::new(ErrorCode::NotFound, message)
            })?
        }
    };
    file(core, chain.engine().prove_acceptance(Acceptance::Transaction(txid), accepting, anchor))
}

pub(super) fn prove_rewards(core: &Arc<Core>, request: ProveRewardsRequest) -> Result<LedgerProofFile, ApiError> {
    let chain = core.chain.get()?;
    let (block, anchor) = (a_block(&chain, &request.block)?, named_block(&chain, request.anchor.as_deref())?);
    file(core, chain.engine().prove_acceptance(Acceptance::System, block, anchor))
}

pub(super) fn prove_state(core: &Arc<Core>, request: ProveStateRequest) -> Result<LedgerProofFile, ApiError> {
    let chain = core.chain.get()?;
    let key = state_key(&core.params, request.kind, request.name.trim())?;
    let (at, anchor) = (named_block(&chain, request.at.as_deref())?, named_block(&chain, request.anchor.as_deref())?);
    file(core, chain.engine().prove_state(key, at, anchor))
}

pub(super) fn prove_place(core: &Arc<Core>, request: ProvePlaceRequest) -> Result<LedgerProofFile, ApiError> {
    let chain = core.chain.get()?;
    let (block, anchor) = (a_block(&chain, &request.block)?, named_block(&chain, request.anchor.as_deref())?);
    file(core, chain.engine().prove_place(block, anchor))
}

fn a_block(chain: &Chain, text: &str) -> Result<BlockHash, ApiError> {
    match text.trim() {
        FINAL => Ok(chain.consensus.finality().finalized.block),
        text => convert::block_hash(text),
    }
}

fn named_block(chain: &Chain, text: Option<&str>) -> Result<Option<BlockHash>, ApiError> {
    text.map(|text| a_block(chain, text)).transpose()
}

/// Names of ledgers in an object's name, in their order.
const LEDGERS: [&str; 6] = ["main", "asset", "contract", "governance", "ccoin", "ccos"];

fn state_key(params: &Params, kind: StateKind, name: &str) -> Result<StateKey, ApiError> {
    let bad = |what: String| ApiError::new(ErrorCode::BadInput, what);
    match kind {
        StateKind::Balance => {
            let named = LedgerBalance::ALL.into_iter().find(|balance| balance.name() == name);
            named.map(StateKey::of_balance).ok_or_else(|| {
                let names = LedgerBalance::ALL.map(LedgerBalance::name).join(", ");
                bad(format!("there is no balance {name:?}; there are {names}"))
            })
        }
        StateKind::ValidatorSet => {
            let epoch = name.parse().map_err(|_| bad(format!("{name:?} is no number of an epoch")))?;
            Ok(StateKey { ledger: Ledger::Governance, object: ValidatorSet::object(epoch) })
        }
        StateKind::Validator => {
            let id = name.parse().map_err(|_| bad("a validator's id has 64 hexadecimal digits".to_owned()))?;
            Ok(StateKey { ledger: Ledger::Governance, object: Validator::object(id) })
        }
        StateKind::Delegation => {
            let parsed = name.split_once('/').and_then(|(validator, address)| {
                let Ok(Address::Zk13str(delegator)) = convert::address(address, params) else { return None };
                Some(Delegation::object(validator.parse().ok()?, delegator))
            });
            let object = parsed.ok_or_else(|| {
                bad("a delegation's name is a validator's id, a slash, and a zk13str address".to_owned())
            })?;
            Ok(StateKey { ledger: Ledger::Governance, object })
        }
        StateKind::Object => {
            let parsed = name.split_once('/').and_then(|(ledger, id)| {
                let at = LEDGERS.iter().position(|known| *known == ledger)?;
                Some(StateKey { ledger: *Ledger::ALL.get(at)?, object: id.parse().ok()? })
            });
            parsed.ok_or_else(|| {
                bad(format!(
                    "an object's name is a ledger ({}), a slash, and 64 hexadecimal digits",
                    LEDGERS.join(", ")
                ))
            })
        }
    }
}

fn file(core: &Core, proof: Result<LedgerProof, ProveError>) -> Result<LedgerProofFile, ApiError> {
    match proof {
        Ok(proof) => Ok(ledger_proof::proof_file(core.params.network, &proof)),
        Err(ProveError::Read(error)) => Err(convert::consensus_error(&error)),
        Err(error @ ProveError::Inconsistent(_)) => Err(ApiError::new(ErrorCode::Internal, error.to_string())),
        Err(error @ (ProveError::NotOnChain(_) | ProveError::NotAccepted(_))) => {
            Err(ApiError::new(ErrorCode::NotFound, error.to_string()).naming(&error))
        }
        Err(error @ (ProveError::NotBelow { .. } | ProveError::TooDeep { .. })) => {
            Err(ApiError::new(ErrorCode::BadInput, error.to_string()).naming(&error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_object_has_one_name_of_its_kind_and_one_by_its_id() {
        let params = Params::of(umbel_types::Network::Devnet);
        let state_key = |kind, name: &str| state_key(&params, kind, name);
        let owner = umbel_types::ZkAddress([7; 20]);
        let validator = umbel_types::Hash32([9; 32]);
        let governance = |object| StateKey { ledger: Ledger::Governance, object };
        let delegation = format!("{validator}/{}", Address::Zk13str(owner).to_text(params.address_prefix));
        for (kind, name, key) in [
            (StateKind::Balance, "reward-pool".to_owned(), StateKey::of_balance(LedgerBalance::RewardPool)),
            (StateKind::ValidatorSet, "1".to_owned(), governance(ValidatorSet::object(1))),
            (StateKind::Validator, validator.to_string(), governance(Validator::object(validator))),
            (StateKind::Delegation, delegation, governance(Delegation::object(validator, owner))),
        ] {
            assert_eq!(state_key(kind, &name), Ok(key));
            let by_id = format!("{}/{}", LEDGERS[key.ledger.lane()], key.object);
            assert_eq!(state_key(StateKind::Object, &by_id), Ok(key));
        }
        for (kind, name) in [
            (StateKind::Balance, "pool"),
            (StateKind::ValidatorSet, "-1"),
            (StateKind::ValidatorSet, ""),
            (StateKind::Validator, "00"),
            (StateKind::Delegation, "00/zk13str"),
            (StateKind::Object, "main"),
            (StateKind::Object, "main/00"),
            (StateKind::Object, "moon/0000000000000000000000000000000000000000000000000000000000000000"),
        ] {
            assert_eq!(state_key(kind, name).map_err(|e| e.code), Err(ErrorCode::BadInput), "{name}");
        }
    }
}
