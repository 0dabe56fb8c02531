//! Wallets, coins and transactions to test with. Everything follows from small numbers.

use core::convert::Infallible;

use chacha20::ChaCha20Rng;
use rand_core::{CryptoRng, SeedableRng, TryCryptoRng, TryRng};
use umbel_crypto::coin::{
    BuiltCoin, BuiltHiddenMemo, HiddenOpening, NewCoin, NewHiddenMemo, NoteSize, OpenedCoin, build_coin,
    build_hidden_memo, open_coin, open_hidden_memo,
};
use umbel_crypto::generators::commit_value;
use umbel_crypto::keys::{AccountKeys, AddressIndex, ConfidentialAddress, SecpKey, Seed};
use umbel_crypto::{InputSecrets, OutputSecrets, ProveError, prove_transaction};
use umbel_types::tx::{LockBranch, TX_VERSION};
use umbel_types::{
    Action, Amount, AssetId, BlockHash, Coin, DaaRange, Hash32, Input, Memo, Network, OutPoint, Output, Transaction,
    TxCore, TxInput, ZkAddress,
};
use zeroize::Zeroizing;

pub(crate) const GENESIS: BlockHash = BlockHash([9; 32]);

pub(crate) fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

/// A generator that gives zeros for ever: the operating system's, broken.
pub(crate) struct StuckRng;

impl TryRng for StuckRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.fill(0);
        Ok(())
    }
}

impl TryCryptoRng for StuckRng {}

pub(crate) fn units(n: u64) -> Amount {
    Amount::from_units(n)
}

pub(crate) struct Wallet {
    pub(crate) keys: AccountKeys,
    pub(crate) secp: SecpKey,
}

pub(crate) fn wallet(seed: u8) -> Wallet {
    let seed = Seed::from_bytes(Zeroizing::new([seed; 64]));
    Wallet { keys: AccountKeys::derive(&seed, Network::Devnet, 0), secp: seed.secp_key(0, 0) }
}

impl Wallet {
    pub(crate) fn address(&mut self, index: u32) -> ConfidentialAddress {
        self.keys.address(AddressIndex(index))
    }

    /// A coin that some stranger pays to this wallet.
    pub(crate) fn receive(&mut self, asset: AssetId, value: u64, salt: u8) -> Coin {
        let recipient = self.address(0);
        let stranger = wallet(200);
        let x = stranger.keys.outgoing.output_scalar(&[outpoint(0)], &[salt; 32], 0);
        build_coin(&new_coin(&recipient, asset, value, 0), &x).unwrap().coin
    }

    pub(crate) fn published(&self) -> ConfidentialAddress {
        self.keys.view.address(AddressIndex::PUBLICATION).unwrap()
    }

    pub(crate) fn new_hidden<'a>(
        &self,
        asset: AssetId,
        value: u64,
        position: u32,
        published: &'a ConfidentialAddress,
    ) -> NewHiddenMemo<'a> {
        NewHiddenMemo { owner: self.secp.address(), published, asset, value: units(value), position }
    }

    /// A hidden Memo that some stranger pays to this wallet.
    pub(crate) fn receive_hidden(&self, asset: AssetId, value: u64, position: u32, salt: u8) -> BuiltHiddenMemo {
        let x = wallet(200).keys.outgoing.output_scalar(&[outpoint(0)], &[salt; 32], position);
        build_hidden_memo(&self.new_hidden(asset, value, position, &self.published()), &x)
    }

    pub(crate) fn open_hidden(&self, memo: &Memo, position: u32) -> HiddenOpening {
        open_hidden_memo(&self.keys.view, &self.secp.address(), &memo.terms(), position).unwrap()
    }

    pub(crate) fn open(&self, coin: &Coin, position: u32) -> OpenedCoin {
        open_coin(&self.keys.view, coin, position).unwrap().check_with(&self.keys.spend).unwrap()
    }
}

pub(crate) fn outpoint(n: u8) -> OutPoint {
    OutPoint { source: Hash32([n; 32]), index: u32::from(n) }
}

pub(crate) fn new_coin(recipient: &ConfidentialAddress, asset: AssetId, value: u64, position: u32) -> NewCoin<'_> {
    NewCoin { recipient, asset, value: units(value), note: "", note_size: NoteSize::None, position }
}

/// A transfer by wallet 1: what it consumes and creates.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) coins_in: Vec<(AssetId, u64)>,
    pub(crate) memos_in: Vec<(AssetId, u64)>,
    pub(crate) coins_out: Vec<(AssetId, u64)>,
    pub(crate) memos_out: Vec<(AssetId, u64)>,
    pub(crate) hidden_in: Vec<(AssetId, u64)>,
    pub(crate) hidden_out: Vec<(AssetId, u64)>,
    pub(crate) fee: u64,
    pub(crate) salt: u8,
}

/// The smallest payment: one coin in, payment and change out.
pub(crate) fn payment() -> Plan {
    Plan {
        coins_in: vec![(AssetId::STR, 100)],
        coins_out: vec![(AssetId::STR, 60), (AssetId::STR, 39)],
        fee: 1,
        ..Plan::default()
    }
}

/// Every kind of input and output, in two assets.
pub(crate) fn everything() -> Plan {
    Plan {
        coins_in: vec![(AssetId::STR, 100), (AssetId::CCOS, 7)],
        memos_in: vec![(AssetId::STR, 50)],
        coins_out: vec![(AssetId::STR, 60), (AssetId::STR, 39), (AssetId::CCOS, 7)],
        memos_out: vec![(AssetId::STR, 50)],
        fee: 1,
        ..Plan::default()
    }
}

/// Hidden Memos among everything else: two consumed, two created.
pub(crate) fn hidden() -> Plan {
    Plan {
        hidden_in: vec![(AssetId::STR, 30), (AssetId::CCOS, 3)],
        hidden_out: vec![(AssetId::CCOS, 3), (AssetId::STR, 30)],
        ..everything()
    }
}

/// A planned transfer with everything that proving it needs.
pub(crate) struct Draft {
    pub(crate) owner: Wallet,
    pub(crate) core: TxCore,
    pub(crate) coin_values: Vec<u64>,
    pub(crate) n_memos_in: usize,
    pub(crate) built: Vec<BuiltCoin>,
    pub(crate) n_memos_out: usize,
    pub(crate) openings_in: Vec<HiddenOpening>,
    pub(crate) built_hidden: Vec<BuiltHiddenMemo>,
}

pub(crate) fn draft(plan: &Plan) -> Draft {
    draft_with_salt(plan, [plan.salt; 32])
}

pub(crate) fn draft_with_salt(plan: &Plan, salt: [u8; 32]) -> Draft {
    let mut owner = wallet(1);
    let mut payee = wallet(2);
    let n_in = u8::try_from(plan.coins_in.len() + plan.memos_in.len() + plan.hidden_in.len()).unwrap();
    let outpoints: Vec<OutPoint> = (0..n_in).map(outpoint).collect();

    let mut inputs = Vec::new();
    for (i, (asset, value)) in plan.coins_in.iter().enumerate() {
        let coin = owner.receive(*asset, *value, u8::try_from(i).unwrap());
        let blinding = owner.keys.view.input_blinding(&salt, &outpoints[i]);
        inputs.push(Input::Coin {
            asset: *asset,
            owner: coin.owner,
            c: coin.c,
            d: coin.d,
            value_commitment: commit_value(*value, &blinding),
        });
    }
    for (asset, value) in &plan.memos_in {
        let memo = Memo::public_payment(*asset, units(*value), owner.secp.address());
        inputs.push(Input::Memo { terms: memo.terms(), branch: LockBranch::Owner });
    }

    let mut openings_in = Vec::new();
    for (i, (asset, value)) in plan.hidden_in.iter().enumerate() {
        // Stands at the index that its outpoint names.
        let position = outpoints[inputs.len()].index;
        let built = owner.receive_hidden(*asset, *value, position, u8::try_from(i).unwrap());
        openings_in.push(owner.open_hidden(&built.memo, position));
        inputs.push(Input::Memo { terms: built.memo.terms(), branch: LockBranch::Owner });
    }

    let mut built = Vec::new();
    let mut outputs = Vec::new();
    for (j, (asset, value)) in plan.coins_out.iter().enumerate() {
        let position = u32::try_from(j).unwrap();
        let recipient = if j == 0 { payee.address(3) } else { owner.address(5) };
        let x = owner.keys.outgoing.output_scalar(&outpoints, &salt, position);
        let coin = build_coin(&new_coin(&recipient, *asset, *value, position), &x).unwrap();
        outputs.push(Output::Coin { coin: coin.coin.clone(), value_commitment: coin.value_commitment });
        built.push(coin);
    }
    for (asset, value) in &plan.memos_out {
        outputs.push(Output::Memo(Memo::public_payment(*asset, units(*value), ZkAddress([7; 20]))));
    }
    let mut built_hidden = Vec::new();
    for (asset, value) in &plan.hidden_out {
        let position = u32::try_from(outputs.len()).unwrap();
        let x = owner.keys.outgoing.output_scalar(&outpoints, &salt, position);
        let memo = build_hidden_memo(&payee.new_hidden(*asset, *value, position, &payee.published()), &x);
        outputs.push(Output::Memo(memo.memo.clone()));
        built_hidden.push(memo);
    }
    let core = TxCore {
        version: TX_VERSION,
        chain: 1313,
        action: Action::Transfer,
        inputs: inputs
            .into_iter()
            .zip(&outpoints)
            .map(|(consumed, outpoint)| TxInput { outpoint: *outpoint, consumed })
            .collect(),
        outputs,
        fee: units(plan.fee),
        valid: DaaRange::ALWAYS,
        salt,
    };
    Draft {
        owner,
        core,
        coin_values: plan.coins_in.iter().map(|(_, value)| *value).collect(),
        n_memos_in: plan.memos_in.len(),
        built,
        n_memos_out: plan.memos_out.len(),
        openings_in,
        built_hidden,
    }
}

impl Draft {
    pub(crate) fn sighash(&self) -> Hash32 {
        self.core.sighash(GENESIS)
    }

    pub(crate) fn input_secrets(&self) -> Vec<InputSecrets<'_>> {
        let (spend, view) = (&self.owner.keys.spend, &self.owner.keys.view);
        let coins = self.coin_values.iter().map(|value| InputSecrets::Coin { spend, view, value: units(*value) });
        let key = &self.owner.secp;
        let memos = (0..self.n_memos_in).map(|_| InputSecrets::Memo { key });
        let hidden = self.openings_in.iter().map(|opening| InputSecrets::HiddenMemo { key, opening });
        coins.chain(memos).chain(hidden).collect()
    }

    pub(crate) fn output_secrets(&self) -> Vec<OutputSecrets<'_>> {
        let coins = self.built.iter().map(|built| OutputSecrets::Coin(&built.secrets));
        let memos = (0..self.n_memos_out).map(|_| OutputSecrets::PublicMemo);
        let hidden = self.built_hidden.iter().map(|built| OutputSecrets::HiddenMemo(&built.opening));
        coins.chain(memos).chain(hidden).collect()
    }

    pub(crate) fn prove(&self, rng: &mut impl CryptoRng) -> Result<Transaction, ProveError> {
        let witness =
            prove_transaction(&self.core, &self.sighash(), &self.input_secrets(), &self.output_secrets(), rng)?;
        Ok(Transaction { core: self.core.clone(), witness })
    }
}

/// A proved transfer and its sighash.
pub(crate) fn transfer(plan: &Plan) -> (Transaction, Hash32) {
    let draft = draft(plan);
    let tx = draft.prove(&mut rng(plan.salt)).unwrap();
    (tx, draft.sighash())
}
