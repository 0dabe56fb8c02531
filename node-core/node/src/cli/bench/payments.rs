//! Confidential payments, two coins in and two out, proved.

use umbel_api::ApiError;
use umbel_crypto::coin::{BuiltCoin, NewCoin, NoteSize, build_coin};
use umbel_crypto::generators::commit_value;
use umbel_crypto::keys::{AccountKeys, AddressIndex, OutputScalar};
use umbel_crypto::{InputSecrets, OutputSecrets, prove_transaction};
use umbel_types::tx::TX_VERSION;
use umbel_types::{
    Action, Amount, AssetId, BlockHash, Coin, DaaRange, Hash32, Input, Network, OutPoint, Output, Params, Transaction,
    TxCore, TxInput,
};

use super::keys::{keys, rng};
use super::{cores, internal, on_cores};

/// Genesis in every sighash here.
pub(super) const GENESIS: BlockHash = BlockHash([2; 32]);

/// A coin of the account itself.
pub(super) fn coin(
    account: &mut AccountKeys,
    x: &OutputScalar,
    value: Amount,
    position: u32,
) -> Result<BuiltCoin, ApiError> {
    let recipient = account.address(AddressIndex::DEFAULT);
    let note_size = NoteSize::for_texts([""]).map_err(internal)?;
    let new = NewCoin { recipient: &recipient, asset: AssetId::STR, value, note: "", note_size, position };
    build_coin(&new, x).map_err(internal)
}

/// One payment of two coins that were paid to the account before.
fn payment(account: &mut AccountKeys, n: u32) -> Result<Transaction, ApiError> {
    let mut salt = [0u8; 32];
    salt[..4].copy_from_slice(&n.to_le_bytes());
    let outpoints = [0, 1].map(|index| OutPoint { source: Hash32(salt), index });
    let (value, fee) = (Amount::from_str_tokens(5), Amount::from_units(10_000));
    let mut inputs = Vec::new();
    for (position, outpoint) in (0..).zip(outpoints) {
        let x = account.outgoing.output_scalar(&[outpoint], &salt, position);
        let Coin { owner, c, d, .. } = coin(account, &x, value, position)?.coin;
        let blinding = account.view.input_blinding(&salt, &outpoint);
        let value_commitment = commit_value(value.units(), &blinding);
        inputs.push(TxInput { outpoint, consumed: Input::Coin { asset: AssetId::STR, owner, c, d, value_commitment } });
    }
    let paid = Amount::from_str_tokens(3);
    let rest = Amount::from_str_tokens(7).checked_sub(fee).map_err(internal)?;
    let mut built = Vec::new();
    for (position, value) in (0..).zip([paid, rest]) {
        let x = account.outgoing.output_scalar(&outpoints, &salt, position);
        built.push(coin(account, &x, value, position)?);
    }
    let output = |b: &BuiltCoin| Output::Coin { coin: b.coin.clone(), value_commitment: b.value_commitment };
    let core = TxCore {
        version: TX_VERSION,
        chain: Params::of(Network::Devnet).chain_id,
        action: Action::Transfer,
        inputs,
        outputs: built.iter().map(output).collect(),
        fee,
        valid: DaaRange::ALWAYS,
        salt,
    };
    let sighash = core.sighash(GENESIS);
    let (spend, view) = (&account.spend, &account.view);
    let inputs = [InputSecrets::Coin { spend, view, value }, InputSecrets::Coin { spend, view, value }];
    let outputs: Vec<_> = built.iter().map(|b| OutputSecrets::Coin(&b.secrets)).collect();
    let witness = prove_transaction(&core, &sighash, &inputs, &outputs, &mut rng()).map_err(internal)?;
    Ok(Transaction { core, witness })
}

/// `count` payments, made on all cores.
pub(super) fn payments(count: usize) -> Result<Vec<Transaction>, ApiError> {
    let numbers = (0..count).map(u32::try_from).collect::<Result<Vec<u32>, _>>().map_err(internal)?;
    let parts = on_cores(&numbers, cores(), |part| {
        let mut account = keys()?.0;
        part.iter().map(|n| payment(&mut account, *n)).collect::<Result<Vec<_>, ApiError>>()
    });
    Ok(parts.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
}
