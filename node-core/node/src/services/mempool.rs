//! The pool, between those who submit, the miner, and the follower.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use rand_core::UnwrapErr;
use umbel_api::node::MempoolState;
use umbel_api::{ApiError, ErrorCode};
use umbel_ledger::{IsolationContext, check_tx_structure, check_txs_in_isolation};
use umbel_mempool::{
    FeeEstimate, Limits, Mempool, MempoolError, MempoolErrorKind, Outcome, RemovalReason, Removed, Retry,
    TemplateSelector,
};
use umbel_types::consensus_api::{ConsensusApi, ConsensusError};
use umbel_types::errors::{TxContextError, TxRuleError};
use umbel_types::{BlockHash, Params, Transaction, TxId};

use super::locked;
use crate::clock;
use crate::convert;

/// Transactions given up that nobody was told of yet; as many as the pool holds.
const MAX_GIVEN_UP: usize = 20_000;

/// Why the pool does not take a transaction.
#[derive(Debug)]
pub(crate) struct Refused {
    /// For shells.
    pub(crate) error: ApiError,
    /// Whether the same bytes will never be taken.
    pub(crate) is_final: bool,
}

/// Where a transaction stands that was given to the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It waits for a block.
    Waiting,
    /// The chain has accepted it already.
    Accepted,
}

/// A transaction that the pool gave up, and why in a sentence.
#[derive(Clone, Debug)]
pub(crate) struct GivenUp {
    pub(crate) txid: TxId,
    pub(crate) reason: String,
}

/// The pool of one chain.
pub(crate) struct Pool {
    mempool: Mutex<Mempool>,
    context: IsolationContext,
    given_up: Mutex<VecDeque<GivenUp>>,
}

impl Pool {
    /// An empty pool.
    pub(crate) fn new(params: &Params, genesis: BlockHash) -> Self {
        Self {
            mempool: Mutex::new(Mempool::new(params, Limits::default())),
            context: IsolationContext::new(params, genesis),
            given_up: Mutex::default(),
        }
    }

    /// Figures for shells.
    pub(crate) fn state(&self) -> MempoolState {
        let stats = locked(&self.mempool).stats();
        MempoolState { count: stats.count, bytes: stats.bytes }
    }

    /// Whether a transaction waits here.
    pub(crate) fn contains(&self, txid: TxId) -> bool {
        locked(&self.mempool).contains(txid)
    }

    /// Checks a transaction and takes it. One that waits already, or was accepted, is no error.
    ///
    /// What costs little is looked at first: structure and least fee, then what the pool asks for, then the state, and
    /// proofs last. Nothing is remembered of one that is refused: what was wrong with one witness says nothing about the
    /// next.
    pub(crate) fn submit(&self, consensus: &dyn ConsensusApi, tx: &Arc<Transaction>) -> Result<Standing, Refused> {
        check_tx_structure(tx, &self.context).map_err(|error| broken(&error))?;
        let considered = locked(&self.mempool).consider(tx, consensus);
        match considered {
            Ok(Outcome::Known) => return Ok(Standing::Waiting),
            // Another witness of what waits is judged like any, and never takes the first one's place.
            Ok(Outcome::New | Outcome::KnownWithOtherWitness) => {}
            Err(error) => return standing(&error),
        }
        // Proofs take tens of milliseconds: the pool is not held meanwhile.
        let mut rng = UnwrapErr(getrandom::SysRng);
        let isolated = check_txs_in_isolation(std::slice::from_ref(tx), &self.context, &mut rng);
        for isolated in isolated.map_err(|(_, error)| broken(&error))? {
            let admitted = locked(&self.mempool).admit(isolated, consensus, clock::now());
            match admitted {
                Ok(admission) => self.note(admission.removed),
                // A block may have accepted it since its inputs were looked at.
                Err(error) => return standing(&error),
            }
        }
        Ok(Standing::Waiting)
    }

    /// What to pay, from what waits and what was accepted.
    pub(crate) fn fee_estimate(&self) -> FeeEstimate {
        locked(&self.mempool).fee_estimate(clock::now())
    }

    /// What a template may take.
    pub(crate) fn selector(&self) -> TemplateSelector {
        let mut seed = [0; 8];
        // Without randomness two nodes may choose alike, which costs room and nothing else.
        if getrandom::fill(&mut seed).is_err() {
            seed = clock::now().0.to_le_bytes();
        }
        locked(&self.mempool).selector(u64::from_le_bytes(seed))
    }

    /// Looks again at what a template could not use.
    pub(crate) fn settle(
        &self,
        selector: TemplateSelector,
        consensus: &dyn ConsensusApi,
    ) -> Result<(), ConsensusError> {
        let rejected = selector.into_rejected();
        if rejected.is_empty() {
            return Ok(());
        }
        let update = locked(&self.mempool).settle_rejected(rejected, consensus, clock::now())?;
        self.note(update.removed);
        self.note(update.lost);
        Ok(())
    }

    /// Follows the chain to the newest virtual state.
    pub(crate) fn follow(&self, consensus: &dyn ConsensusApi) -> Result<(), ConsensusError> {
        let update = locked(&self.mempool).on_new_virtual(consensus, clock::now())?;
        self.note(update.removed);
        self.note(update.lost);
        Ok(())
    }

    /// What was given up since the last call.
    pub(crate) fn take_given_up(&self) -> Vec<GivenUp> {
        locked(&self.given_up).drain(..).collect()
    }

    fn note(&self, removed: Vec<Removed>) {
        let mut given_up = locked(&self.given_up);
        for removed in removed {
            if let Some(reason) = reason(&removed.reason) {
                given_up.push_back(GivenUp { txid: removed.txid, reason });
            }
        }
        while given_up.len() > MAX_GIVEN_UP {
            given_up.pop_front();
        }
    }
}

/// Why the pool gave a transaction up; `None` for what a wallet sees on the chain by itself.
fn reason(reason: &RemovalReason) -> Option<String> {
    match reason {
        RemovalReason::Accepted { .. }
        | RemovalReason::Conflicted { .. }
        | RemovalReason::Stale { error: TxContextError::InputMissing(_) } => None,
        RemovalReason::Expired => Some("it waited too long".to_owned()),
        RemovalReason::Evicted => Some("the pool is full, and others pay higher fees".to_owned()),
        RemovalReason::Replaced { by } => Some(format!("transaction {by} replaced it")),
        RemovalReason::Stale { error } => Some(error.to_string()),
    }
}

/// An accepted transaction is where it should be; anything else is refused.
fn standing(error: &MempoolError) -> Result<Standing, Refused> {
    match error.kind {
        MempoolErrorKind::AlreadyAccepted => Ok(Standing::Accepted),
        _ => Err(refused(error)),
    }
}

fn broken(error: &TxRuleError) -> Refused {
    Refused { error: ApiError::new(ErrorCode::TxRefused, error.to_string()).naming(error), is_final: true }
}

fn refused(error: &MempoolError) -> Refused {
    let shown = match &error.kind {
        MempoolErrorKind::Context(error) => convert::context_error(error),
        MempoolErrorKind::Unavailable(error) => convert::consensus_error(error),
        MempoolErrorKind::Conflict { .. } | MempoolErrorKind::TooManyConflicts { .. } => {
            ApiError::new(ErrorCode::TxConflict, error.kind.to_string())
        }
        MempoolErrorKind::InBlock { .. } => ApiError::passing(ErrorCode::TxConflict, error.kind.to_string()),
        MempoolErrorKind::SpendsUnaccepted { .. } | MempoolErrorKind::PoolFull { .. } => {
            ApiError::passing(ErrorCode::TxRefused, error.kind.to_string())
        }
        MempoolErrorKind::AlreadyAccepted | MempoolErrorKind::LargerThanPool => {
            ApiError::new(ErrorCode::TxRefused, error.kind.to_string())
        }
    };
    let is_final = match error.retry() {
        Retry::Never | Retry::WithHigherFee => true,
        Retry::Later => false,
    };
    let shown = match &error.kind {
        MempoolErrorKind::Context(rule) => shown.naming(rule),
        kind => shown.naming(kind),
    };
    Refused { error: shown, is_final }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use umbel_consensus::pruning::{NodeRole, PruningConfig};
    use umbel_consensus::{Consensus, ConsensusConfig, DEFAULT_CACHE_BYTES, open_store};
    use umbel_crypto::keys::address::AddressIndex;
    use umbel_crypto::keys::{AccountKeys, Address, ConfidentialAddress, Mnemonic};
    use umbel_pow::Pow;
    use umbel_store::StoreKind;
    use umbel_types::genesis::{DEVNET_WORDS, devnet};
    use umbel_types::tx::InputWitness;
    use umbel_types::{Amount, Block, Network, OutPoint, TimestampMs};

    use super::*;

    struct Fixture {
        consensus: Arc<Consensus>,
        pool: Pool,
        pow: Arc<Pow>,
        to: ConfidentialAddress,
    }

    impl Fixture {
        fn new() -> Self {
            let params = Params::of(Network::Devnet);
            let genesis = devnet();
            let hash = umbel_ledger::genesis::build(&params, &genesis).hash;
            let store = open_store(StoreKind::Mem, Path::new("."), Network::Devnet, hash).unwrap().store;
            let now = Arc::new(clock::now);
            let pow = Arc::new(Pow::of(&params));
            let config = ConsensusConfig {
                params: params.clone(),
                genesis,
                pow: Arc::clone(&pow),
                store,
                now,
                cache_bytes: DEFAULT_CACHE_BYTES,
                pruning: PruningConfig::of(&params, NodeRole::Archive),
            };
            let consensus = Consensus::open(config).unwrap();
            let pool = Pool::new(&params, consensus.genesis_hash());
            pool.follow(consensus.as_ref()).unwrap();
            let seed = Mnemonic::parse(DEVNET_WORDS).unwrap().to_seed("");
            let to = AccountKeys::derive(&seed, Network::Devnet, 0).address(AddressIndex::DEFAULT);
            Self { pow, consensus, pool, to }
        }

        /// A payment of test coins with real proofs.
        fn payment(&self) -> Transaction {
            let (nothing, to) = (BTreeSet::new(), Address::Confidential(self.to));
            umbel_wallet::devnet::fund(self.consensus.as_ref(), &nothing, &to, Amount::from_str_tokens(3)).unwrap()
        }

        fn submit(&self, tx: &Transaction) -> Result<Standing, Refused> {
            self.pool.submit(self.consensus.as_ref(), &Arc::new(tx.clone()))
        }

        /// Mines a block with what the pool offers.
        fn mine(&self) {
            let mut selector = self.pool.selector();
            let payout = umbel_wallet::payout_key(&self.to).unwrap();
            let template = self.consensus.build_template(payout, Vec::new(), TimestampMs(0), &mut selector).unwrap();
            let mut block = Block { header: template.header, body: template.body };
            let found = self.pow.mine(&block.header, 0..u64::MAX, || false).unwrap().solution.unwrap();
            block.header.nonce = found.nonce;
            block.header.mix_digest = found.mix_digest;
            self.consensus.insert_block(block).wait().unwrap();
            self.pool.settle(selector, self.consensus.as_ref()).unwrap();
        }
    }

    /// The same core under witnesses with one byte changed in each part.
    fn garbage(good: &Transaction) -> Vec<Transaction> {
        let mut range_proof = good.clone();
        range_proof.witness.range_proof[70] ^= 1;
        let mut input = good.clone();
        match &mut input.witness.inputs[0] {
            InputWitness::Signature(signed) => signed.signature[40] ^= 1,
            other => panic!("{other:?}"),
        }
        let mut output = good.clone();
        output.witness.outputs[0][190] ^= 1;
        let mut kernel = good.clone();
        kernel.witness.kernel[60] ^= 1;
        vec![range_proof, input, output, kernel]
    }

    fn is_broken(result: Result<Standing, Refused>) -> bool {
        result.is_err_and(|refused| refused.is_final && refused.error.code == ErrorCode::TxRefused)
    }

    /// A verdict is about one witness: neither a good nor a bad one speaks for the next of the same transaction.
    #[test]
    fn garbage_after_a_good_signature_with_the_same_txid() {
        let fixture = Fixture::new();
        let good = fixture.payment();
        for bad in garbage(&good) {
            assert_eq!(bad.txid(), good.txid());
            assert!(is_broken(fixture.submit(&bad)), "before");
            assert!(!fixture.pool.contains(good.txid()));
        }
        assert_eq!(fixture.submit(&good).unwrap(), Standing::Waiting);
        for bad in garbage(&good) {
            assert!(is_broken(fixture.submit(&bad)), "after");
        }
        assert_eq!(fixture.submit(&good).unwrap(), Standing::Waiting);
        let kept = locked(&fixture.pool.mempool).get(good.txid()).unwrap();
        assert_eq!(*kept, good, "the first valid witness stays");
    }

    #[test]
    fn what_was_accepted_is_answered_as_accepted() {
        let fixture = Fixture::new();
        let good = fixture.payment();
        fixture.submit(&good).unwrap();
        fixture.mine();
        assert_eq!(fixture.submit(&good).unwrap(), Standing::Waiting, "carried, and not accepted yet");
        let mut other = good.clone();
        other.core.salt[0] ^= 1;
        let refused = fixture.submit(&other).unwrap_err();
        assert_eq!((refused.error.code, refused.error.retryable), (ErrorCode::TxConflict, false), "{refused:?}");
        fixture.mine();
        fixture.pool.follow(fixture.consensus.as_ref()).unwrap();
        assert!(!fixture.pool.contains(good.txid()));
        assert_eq!(fixture.submit(&good).unwrap(), Standing::Accepted);
        assert_eq!(fixture.pool.fee_estimate().next_seconds, 1);
    }

    /// Each reason is found before anything dearer is looked at: all of these carry proofs that do not hold.
    #[test]
    fn cheap_reasons_come_first() {
        let fixture = Fixture::new();
        let good = fixture.payment();
        fixture.submit(&good).unwrap();
        let reason = |edit: &dyn Fn(&mut Transaction)| {
            let mut tx = good.clone();
            edit(&mut tx);
            fixture.submit(&tx).unwrap_err().error.message
        };
        let elsewhere = OutPoint { source: umbel_types::Hash32([9; 32]), index: 0 };
        let says = |message: String, part: &str| assert!(message.contains(part), "{message}");
        says(reason(&|tx| tx.core.chain += 1), "belongs to chain");
        says(reason(&|tx| tx.core.fee = Amount::from_units(1)), "the fee is");
        says(reason(&|tx| tx.core.salt[0] ^= 1), "to replace it, a fee of at least");
        says(reason(&|tx| tx.core.inputs[0].outpoint = elsewhere), "is not unspent");
        let parent = OutPoint::of_tx(good.txid(), 0);
        says(reason(&|tx| tx.core.inputs[0].outpoint = parent), "has not been accepted yet");
        says(reason(&|tx| tx.witness.kernel[60] ^= 1), "proof");
    }
}
