//! What a payment takes: which coins, what fee, which transactions. Reads coins and addresses, needs no secret.

use umbel_crypto::coin::NoteSize;
use umbel_crypto::keys::Address;
use umbel_types::{Amount, AssetId, Encode, Lock, OutPoint};

use crate::coins::OwnedCoin;
use crate::error::WalletError;
use crate::select::{
    Candidate, MAX_COINS, Pays, PaysInto, Picked, is_worth_its_fee, merge_fee, pick_asset, pick_max, pick_merged,
    pick_single, sort, total,
};
use crate::size::Shape;

/// Most bytes of a note: 256 bytes of ciphertext less its tag and length.
pub const MAX_NOTE_BYTES: usize = 238;

/// Tag and address of lock `Address`.
const ADDRESS_LOCK_BYTES: usize = 1 + 20;

/// How much to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendAmount {
    /// This much arrives.
    Exact(Amount),
    /// All that one payment can send.
    Max,
}

/// A payment that somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRequest {
    /// Whom to pay.
    pub to: Address,
    /// How much.
    pub amount: SendAmount,
    /// Which asset.
    pub asset: AssetId,
    /// Note for the recipient, at most [`MAX_NOTE_BYTES`]; empty for none.
    pub note: String,
    /// Accepts that everyone sees amount and recipient; needed for a zk13str address.
    pub public: bool,
}

/// What the person should know before paying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlanNotice {
    /// Everyone will see amount and recipient.
    Public,
    /// Coins must be merged first: several transactions, which take longer.
    Consolidates,
    /// The address is this wallet's own.
    OwnAddress,
    /// Coins and public memos are spent together, which links them for everyone.
    LinksPublic,
}

impl PlanNotice {
    /// Its code for shells.
    pub fn code(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Consolidates => "consolidates",
            Self::OwnAddress => "own_address",
            Self::LinksPublic => "links_public",
        }
    }
}

/// Where an input comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PlanInput {
    /// An unspent output of the wallet.
    Own(Box<OwnedCoin>),
    /// The only output of an earlier transaction of the same payment.
    Merged(usize),
}

/// Whom an output pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PlanTo {
    /// Whom the payment is for.
    Recipient,
    /// A fresh internal address: this many behind the first free one.
    Internal(u32),
}

/// An output to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlanOutput {
    pub(crate) to: PlanTo,
    pub(crate) asset: AssetId,
    pub(crate) value: Amount,
}

/// One transaction to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TxPlan {
    pub(crate) inputs: Vec<PlanInput>,
    pub(crate) outputs: Vec<PlanOutput>,
    pub(crate) fee: Amount,
    pub(crate) shape: Shape,
}

/// What a payment would take. [`crate::Wallet::start_payment`] consumes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentPlan {
    pub(crate) request: PaymentRequest,
    pub(crate) amount: Amount,
    pub(crate) fee: Amount,
    remaining: Amount,
    notices: Vec<PlanNotice>,
    pub(crate) steps: Vec<TxPlan>,
    pub(crate) to_self: bool,
    /// Fresh internal addresses needed.
    pub(crate) internal: u32,
}

impl PaymentPlan {
    /// What was asked for.
    pub fn request(&self) -> &PaymentRequest {
        &self.request
    }

    /// What arrives.
    pub fn amount(&self) -> Amount {
        self.amount
    }

    /// Fee in STR, all transactions together.
    pub fn fee(&self) -> Amount {
        self.fee
    }

    /// Of the asset: what stays spendable or comes back as change.
    pub fn remaining(&self) -> Amount {
        self.remaining
    }

    /// Transactions in all: more than one where coins must be merged first.
    pub fn transactions(&self) -> usize {
        self.steps.len()
    }

    /// Coins and memos consumed.
    pub fn coins(&self) -> usize {
        self.own_inputs().count()
    }

    /// What the person should know.
    pub fn notices(&self) -> &[PlanNotice] {
        &self.notices
    }

    /// What comes back to the wallet, by asset.
    pub(crate) fn comes_back(&self) -> impl Iterator<Item = (AssetId, Amount)> + '_ {
        let last = self.steps.last().map_or(&[][..], |step| &step.outputs);
        let back = |output: &&PlanOutput| self.to_self || output.to != PlanTo::Recipient;
        last.iter().filter(back).map(|output| (output.asset, output.value))
    }

    pub(crate) fn own_inputs(&self) -> impl Iterator<Item = OutPoint> + '_ {
        self.steps.iter().flat_map(|step| &step.inputs).filter_map(|input| match input {
            PlanInput::Own(coin) => Some(coin.outpoint),
            PlanInput::Merged(_) => None,
        })
    }
}

/// What a plan is made from.
pub(crate) struct Funds<'a> {
    /// Outputs that may be spent now, of all assets.
    pub(crate) coins: Vec<&'a OwnedCoin>,
    /// Whether the recipient is this wallet.
    pub(crate) to_self: bool,
}

impl Funds<'_> {
    /// Outputs of an asset, sorted: coins alone, memos alone, both. The order in which they are tried: a payment that can
    /// do without linking coins to a public address does.
    fn pools(&self, asset: AssetId) -> [Vec<Candidate>; 3] {
        let mut both: Vec<Candidate> =
            self.coins.iter().filter(|coin| coin.asset == asset).map(|coin| Candidate::from(*coin)).collect();
        sort(&mut both);
        if asset == AssetId::STR {
            both.retain(is_worth_its_fee);
        }
        let (memos, coins): (Vec<Candidate>, Vec<Candidate>) = both.iter().partition(|c| c.is_memo);
        [coins, memos, both]
    }

    fn have(&self, asset: AssetId) -> Amount {
        let all: Vec<Candidate> =
            self.coins.iter().filter(|coin| coin.asset == asset).map(|coin| Candidate::from(*coin)).collect();
        total(&all)
    }

    fn coin(&self, candidate: &Candidate) -> PlanInput {
        let coin = self.coins.iter().find(|coin| coin.outpoint == candidate.outpoint);
        PlanInput::Own(Box::new((*coin.expect("candidates are made from these coins")).clone()))
    }
}

/// Plans a payment.
///
/// # Errors
/// Those of [`crate::Wallet::plan`].
pub(crate) fn plan(request: &PaymentRequest, funds: &Funds<'_>) -> Result<PaymentPlan, WalletError> {
    let pays = check_request(request)?;
    if request.asset == AssetId::STR { plan_str(request, funds, &pays) } else { plan_asset(request, funds, &pays) }
}

fn check_request(request: &PaymentRequest) -> Result<Pays, WalletError> {
    if request.amount == SendAmount::Exact(Amount::ZERO) {
        return Err(WalletError::ZeroAmount);
    }
    if request.note.len() > MAX_NOTE_BYTES {
        return Err(WalletError::NoteTooLong { got: request.note.len(), limit: MAX_NOTE_BYTES });
    }
    let into = match &request.to {
        Address::Confidential(_) => PaysInto::Coin,
        Address::Zk13str(_) if !request.public => return Err(WalletError::NeedsPublic),
        Address::Zk13str(_) if !request.note.is_empty() => return Err(WalletError::PublicNote),
        Address::Zk13str(_) => PaysInto::Memo { longer_by: 0 },
    };
    let note = note_size(&request.note)?;
    Ok(Pays { into, note })
}

/// Length class of the notes of a payment with this note.
pub(crate) fn note_size(note: &str) -> Result<NoteSize, WalletError> {
    NoteSize::for_texts([note]).map_err(|error| WalletError::NoteTooLong { got: error.got, limit: MAX_NOTE_BYTES })
}

fn plan_str(request: &PaymentRequest, funds: &Funds<'_>, pays: &Pays) -> Result<PaymentPlan, WalletError> {
    let [coins, memos, both] = funds.pools(AssetId::STR);
    let (amount, picked) = match request.amount {
        SendAmount::Max => {
            pick_max(&both, pays).ok_or_else(|| short(funds, pays, AssetId::STR, Amount::from_units(1), both.len()))?
        }
        SendAmount::Exact(amount) => {
            let units = amount.units();
            let picked = pick_single(&coins, pays, units)
                .or_else(|| pick_single(&memos, pays, units))
                .or_else(|| pick_merged(&coins, pays, units))
                .or_else(|| pick_single(&both, pays, units))
                .or_else(|| pick_merged(&both, pays, units));
            match picked {
                Some(picked) => (units, picked),
                None => return Err(why_not(funds, pays, amount, &both)),
            }
        }
    };
    Ok(assemble_str(request, funds, pays, Amount::from_units(amount), &picked))
}

/// Why no set of coins pays `amount`.
fn why_not(funds: &Funds<'_>, pays: &Pays, amount: Amount, pool: &[Candidate]) -> WalletError {
    match pick_max(pool, pays) {
        Some((most, _)) if pool.len() > MAX_COINS && total(pool) > amount => {
            WalletError::TooManyCoins { sendable: Amount::from_units(most) }
        }
        _ => short(funds, pays, AssetId::STR, amount, pool.len()),
    }
}

fn short(funds: &Funds<'_>, pays: &Pays, asset: AssetId, amount: Amount, coins: usize) -> WalletError {
    let inputs = coins.clamp(1, umbel_types::tx::MAX_INPUTS);
    let fee = pays.shape(inputs, 0, 0).fee();
    WalletError::InsufficientFunds {
        asset,
        need: amount.checked_add(fee).unwrap_or(Amount::MAX),
        have: funds.have(asset),
    }
}

fn assemble_str(
    request: &PaymentRequest,
    funds: &Funds<'_>,
    pays: &Pays,
    amount: Amount,
    picked: &Picked,
) -> PaymentPlan {
    let mut internal = 0u32;
    let mut next_internal = || {
        internal += 1;
        PlanTo::Internal(internal - 1)
    };
    let mut steps: Vec<TxPlan> = Vec::with_capacity(picked.merges.len() + 1);
    let counts = |set: &[Candidate]| {
        let memos = set.iter().filter(|c| c.is_memo).count();
        (set.len() - memos, memos)
    };
    for group in &picked.merges {
        let fee = merge_fee(group);
        let sum: u64 = group.iter().map(|c| c.value).sum();
        let (coins_in, memos_in) = counts(group);
        let merge = Pays { into: PaysInto::Coin, note: NoteSize::None };
        let value = Amount::from_units(sum - fee);
        steps.push(TxPlan {
            inputs: group.iter().map(|c| funds.coin(c)).collect(),
            outputs: vec![PlanOutput { to: next_internal(), asset: AssetId::STR, value }],
            fee: Amount::from_units(fee),
            shape: merge.shape(coins_in, memos_in, 0),
        });
    }
    let (coins_in, memos_in) = counts(&picked.direct);
    let mut outputs = vec![PlanOutput { to: PlanTo::Recipient, asset: AssetId::STR, value: amount }];
    if picked.change > 0 {
        let value = Amount::from_units(picked.change);
        outputs.push(PlanOutput { to: next_internal(), asset: AssetId::STR, value });
    }
    let merged = (0..picked.merges.len()).map(PlanInput::Merged);
    steps.push(TxPlan {
        inputs: merged.chain(picked.direct.iter().map(|c| funds.coin(c))).collect(),
        outputs,
        fee: Amount::from_units(picked.fee),
        shape: pays.shape(coins_in + picked.merges.len(), memos_in, usize::from(picked.change > 0)),
    });
    finish(request, funds, amount, steps, internal)
}

/// Outputs that pay an amount publicly, in one transaction.
pub(crate) struct PublicFunds {
    /// What is consumed.
    pub(crate) coins: Vec<OwnedCoin>,
    /// Fee.
    pub(crate) fee: Amount,
    /// Comes back; zero for no output of change.
    pub(crate) change: Amount,
}

/// Picks what pays `amount` of STR into a lock, in one transaction.
///
/// # Errors
/// [`WalletError::ZeroAmount`], and those of [`plan_public`].
pub(crate) fn plan_lock(
    amount: Amount,
    lock: &Lock,
    data: &[u8],
    funds: &Funds<'_>,
) -> Result<PublicFunds, WalletError> {
    if amount.is_zero() {
        return Err(WalletError::ZeroAmount);
    }
    let longer_by = lock.to_bytes().len() - ADDRESS_LOCK_BYTES + data.len();
    plan_public(amount, PaysInto::Memo { longer_by }, funds)
}

/// Picks what pays `amount` of STR, which may be nothing but the fee, in one transaction.
///
/// # Errors
/// [`WalletError::InsufficientFunds`], [`WalletError::TooManyCoins`] where coins would have to be merged first.
pub(crate) fn plan_public(amount: Amount, into: PaysInto, funds: &Funds<'_>) -> Result<PublicFunds, WalletError> {
    let pays = Pays { into, note: NoteSize::None };
    let [coins, memos, both] = funds.pools(AssetId::STR);
    let units = amount.units();
    let picked = [&coins, &memos, &both].into_iter().find_map(|pool| pick_single(pool, &pays, units));
    let Some(picked) = picked else {
        let one = &both[..both.len().min(umbel_types::tx::MAX_INPUTS)];
        return Err(match pick_max(one, &pays) {
            Some((most, _)) if total(&both) > amount && both.len() > one.len() => {
                WalletError::TooManyCoins { sendable: Amount::from_units(most) }
            }
            _ => short(funds, &pays, AssetId::STR, amount, one.len()),
        });
    };
    let own = picked.direct.iter().filter_map(|c| funds.coins.iter().find(|coin| coin.outpoint == c.outpoint));
    Ok(PublicFunds {
        coins: own.map(|coin| (*coin).clone()).collect(),
        fee: Amount::from_units(picked.fee),
        change: Amount::from_units(picked.change),
    })
}

fn plan_asset(request: &PaymentRequest, funds: &Funds<'_>, pays: &Pays) -> Result<PaymentPlan, WalletError> {
    let asset_pools = funds.pools(request.asset);
    let [str_coins, _, str_both] = funds.pools(AssetId::STR);
    let most_inputs = umbel_types::tx::MAX_INPUTS - 1;
    let have = funds.have(request.asset);
    let amount = match request.amount {
        SendAmount::Exact(amount) => amount,
        SendAmount::Max => {
            let pool = &asset_pools[2];
            total(&pool[..pool.len().min(most_inputs)])
        }
    };
    if amount.is_zero() || amount > have {
        let need = if amount.is_zero() { Amount::from_units(1) } else { amount };
        return Err(WalletError::InsufficientFunds { asset: request.asset, need, have });
    }
    let tries = asset_pools.iter().flat_map(|asset| [&str_coins, &str_both].map(|fees| (asset, fees)));
    let picked = tries
        .filter(|(asset, _)| !asset.is_empty())
        .find_map(|(asset, fees)| pick_asset(asset, fees, pays, amount.units()));
    let Some(picked) = picked else {
        let pool = &asset_pools[2];
        let sendable = total(&pool[..pool.len().min(most_inputs)]);
        if amount > sendable {
            return Err(WalletError::TooManyCoins { sendable });
        }
        return Err(short(funds, pays, AssetId::STR, Amount::ZERO, pool.len().min(most_inputs) + 1));
    };
    let mut internal = 0u32;
    let mut outputs = vec![PlanOutput { to: PlanTo::Recipient, asset: request.asset, value: amount }];
    for (asset, change) in [(request.asset, picked.asset_change), (AssetId::STR, picked.str_change)] {
        if change > 0 {
            outputs.push(PlanOutput { to: PlanTo::Internal(internal), asset, value: Amount::from_units(change) });
            internal += 1;
        }
    }
    let inputs: Vec<&Candidate> = picked.asset.iter().chain(&picked.str_coins).collect();
    let memos_in = inputs.iter().filter(|c| c.is_memo).count();
    let step = TxPlan {
        shape: pays.shape(inputs.len() - memos_in, memos_in, internal as usize),
        inputs: inputs.into_iter().map(|c| funds.coin(c)).collect(),
        outputs,
        fee: Amount::from_units(picked.fee),
    };
    Ok(finish(request, funds, amount, vec![step], internal))
}

fn finish(
    request: &PaymentRequest,
    funds: &Funds<'_>,
    amount: Amount,
    steps: Vec<TxPlan>,
    internal: u32,
) -> PaymentPlan {
    let fee: u64 = steps.iter().map(|step| step.fee.units()).sum();
    let fee = Amount::from_units(fee);
    let links = |step: &TxPlan| {
        let memo = |input: &PlanInput| matches!(input, PlanInput::Own(coin) if coin.is_public());
        step.inputs.iter().any(memo) && !step.inputs.iter().all(memo)
    };
    let mut notices = Vec::new();
    if matches!(request.to, Address::Zk13str(_)) {
        notices.push(PlanNotice::Public);
    }
    if steps.len() > 1 {
        notices.push(PlanNotice::Consolidates);
    }
    if funds.to_self {
        notices.push(PlanNotice::OwnAddress);
    }
    if steps.iter().any(links) {
        notices.push(PlanNotice::LinksPublic);
    }
    let spent_on_fee = if request.asset == AssetId::STR { fee } else { Amount::ZERO };
    let left = funds.have(request.asset).units().saturating_sub(amount.units()).saturating_sub(spent_on_fee.units());
    PaymentPlan {
        request: request.clone(),
        amount,
        fee,
        remaining: Amount::from_units(left),
        notices,
        steps,
        to_self: funds.to_self,
        internal,
    }
}
