//! Who takes part: wallets in temporary folders, a stranger who gives, randomness that a seed decides.

use core::convert::Infallible;
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

use rand_core::{TryCryptoRng, TryRng};
use umbel_crypto::Address;
use umbel_crypto::coin::{NewCoin, NoteSize, build_coin};
use umbel_crypto::keys::{AccountKeys, ConfidentialAddress, Mnemonic, WordCount};
use umbel_ledger::mass::{mass, min_fee};
use umbel_types::utxo::StoredOutput;
use umbel_types::{Amount, AssetId, Hash32, Network, OutPoint, Params};
use umbel_wallet::{
    KdfProfile, NewWallet, PaymentRequest, PaymentStage, SendAmount, Wallet, WalletError, WalletFolder, payout_key,
};

use crate::chain::{FakeChain, GENESIS, Next};

pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const WORDS: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";
pub(crate) const OTHER_WORDS: &str = "letter advice cage absurd amount doctor acoustic avoid letter advice cage above";

pub(crate) struct TestRng(blake3::OutputReader);

impl TestRng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof())
    }
}

impl TryRng for TestRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for TestRng {}

/// A folder that goes when the test is over.
pub(crate) struct Home {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) folder: WalletFolder,
}

impl Home {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = folder_at(dir.path());
        Self { dir, folder }
    }

    pub(crate) fn restore(&self, name: &str, words: &str) -> Wallet {
        self.folder.restore(new_wallet(name), words).unwrap()
    }
}

pub(crate) fn folder_at(path: &std::path::Path) -> WalletFolder {
    WalletFolder::open(path, Params::of(Network::Devnet), GENESIS, KdfProfile::Tests).unwrap()
}

pub(crate) fn new_wallet(name: &str) -> NewWallet<'_> {
    NewWallet { name, password: PASSWORD, passphrase: "" }
}

pub(crate) fn str_tokens(tokens: u64) -> Amount {
    Amount::from_units(tokens * 100_000_000)
}

pub(crate) fn scan(wallet: &mut Wallet, chain: &FakeChain) {
    for _ in 0..10_000 {
        if wallet.scan_step(chain, 50).unwrap().complete {
            return;
        }
    }
    panic!("a scan ends");
}

pub(crate) fn spendable(wallet: &Wallet) -> Amount {
    wallet.balances()[&AssetId::STR].spendable
}

/// Who gives. Made once: words to a seed are two thousand rounds of hashing.
fn stranger() -> &'static AccountKeys {
    static STRANGER: LazyLock<AccountKeys> = LazyLock::new(|| {
        let seed = Mnemonic::generate(WordCount::Twelve, &mut TestRng::new(0x9999)).to_seed("");
        AccountKeys::derive(&seed, Network::Devnet, 0)
    });
    &STRANGER
}

/// A coin for `to` out of a stranger's hands, as an output of a made-up transaction. Another seed makes another coin.
pub(crate) fn gift(to: &ConfidentialAddress, value: Amount, note: &str, seed: u64) -> (OutPoint, StoredOutput) {
    let mut source = [0x77; 32];
    source[..8].copy_from_slice(&seed.to_le_bytes());
    let x = stranger().outgoing.output_scalar(&[], &source, 0);
    let note_size = NoteSize::for_texts([note]).unwrap();
    let new = NewCoin { recipient: to, asset: AssetId::STR, value, note, note_size, position: 0 };
    let built = build_coin(&new, &x).unwrap();
    let output = StoredOutput::Coin { coin: built.coin, public_value: None };
    (OutPoint { source: Hash32(source), index: 0 }, output)
}

pub(crate) fn confidential(wallet: &Wallet, index: u32) -> ConfidentialAddress {
    let entry = wallet.addresses().into_iter().find(|entry| entry.index == index).unwrap();
    match parse(&entry.confidential) {
        Address::Confidential(address) => address,
        Address::Zk13str(_) => panic!("not confidential"),
    }
}

pub(crate) fn parse(text: &str) -> Address {
    Address::parse(text, Params::of(Network::Devnet).address_prefix).unwrap()
}

/// Rewards for a wallet, mature.
pub(crate) fn reward(chain: &FakeChain, wallet: &Wallet, values: &[Amount]) {
    for part in values.chunks(200) {
        let key = || payout_key(&wallet.payout_address()).unwrap();
        let rewards = part.iter().map(|value| (key(), *value)).collect();
        chain.mine(Next { rewards, ..Next::default() });
    }
    chain.advance(10);
}

pub(crate) fn request(to: Address, amount: SendAmount) -> PaymentRequest {
    let public = matches!(to, Address::Zk13str(_));
    PaymentRequest { to, amount, asset: AssetId::STR, note: String::new(), public }
}

/// Plans, builds and records a payment.
pub(crate) fn pay(wallet: &mut Wallet, request: &PaymentRequest) -> Result<umbel_wallet::Payment, WalletError> {
    let plan = wallet.plan(request)?;
    let job = wallet.start_payment(plan)?;
    let total = job.total();
    let mut steps = Vec::new();
    let built = job.run(&mut |done, of| steps.push((done, of)), &AtomicBool::new(false))?;
    assert_eq!((steps.first(), steps.last()), (Some(&(0, total)), Some(&(total, total))));
    for tx in built.transactions() {
        // The plan's sizes are exact: no base unit is paid in vain.
        assert_eq!(tx.core.fee, min_fee(mass(&tx.core, tx.size_bytes())));
    }
    wallet.finish_payment(built)
}

/// Mines what the wallet has to submit, until its payments are accepted.
pub(crate) fn mine_until_accepted(chain: &FakeChain, wallet: &mut Wallet) {
    for _ in 0..10 {
        let txs = wallet.to_submit();
        if txs.is_empty() {
            break;
        }
        chain.mine(Next { txs, ..Next::default() });
        scan(wallet, chain);
    }
    let waiting = |stage: PaymentStage| stage.holds_coins();
    assert!(wallet.payments().iter().all(|payment| !waiting(payment.stage)), "{:?}", wallet.payments());
}

pub(crate) struct World {
    pub(crate) chain: FakeChain,
    pub(crate) home: Home,
    pub(crate) ann: Wallet,
    pub(crate) bob: Wallet,
}

/// Ann has mined a hundred STR.
pub(crate) fn world() -> World {
    let chain = FakeChain::new(Network::Devnet, Vec::new());
    let home = Home::new();
    let (mut ann, mut bob) = (home.restore("Ann", WORDS), home.restore("Bob", OTHER_WORDS));
    reward(&chain, &ann, &[str_tokens(60), str_tokens(40)]);
    scan(&mut ann, &chain);
    scan(&mut bob, &chain);
    World { chain, home, ann, bob }
}
