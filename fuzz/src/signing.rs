//! Files that go from signer to signer of a multisig lock: what one of them changed is refused, or agreed to as it shows.

use umbel_crypto::signature::sign_multisig;
use umbel_types::tx::{LockBranch, TX_VERSION};
use umbel_types::{
    Action, Amount, AssetId, DaaRange, DaaScore, Encode, Hash32, Input, Lock, Memo, Network, OutPoint, Output, Params,
    TxCore, TxInput, ZkAddress,
};
use umbel_wallet::{SigningParts, SigningRequest};

use crate::fixture::{GENESIS, multisig_keys, patch};

const VALUE: u64 = 1_000_000;
const FEE: u64 = 100_000;
/// Parts that a patch can change.
const PLACES: u8 = 6;

/// Which part, then patches.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    (0..PLACES).flat_map(|place| [vec![place], vec![place, 10, 0, 1]]).collect()
}

/// A spend of a lock of two out of three keys, which the first two have signed.
fn signed() -> SigningParts {
    let owners = multisig_keys();
    let keys = owners.each_ref().map(|key| key.public_key()).to_vec();
    let public = |value| Memo::public_payment(AssetId::STR, Amount::from_units(value), ZkAddress([7; 20]));
    let locked = Memo { lock: Lock::Multisig { m: 2, keys: keys.clone() }, ..public(VALUE) };
    let outpoint = OutPoint { source: Hash32([1; 32]), index: 1 };
    let core = TxCore {
        version: TX_VERSION,
        chain: Params::of(Network::Devnet).chain_id,
        action: Action::Transfer,
        inputs: vec![TxInput { outpoint, consumed: Input::Memo { terms: locked.terms(), branch: LockBranch::Owner } }],
        outputs: vec![Output::Memo(public(VALUE - FEE))],
        fee: Amount::from_units(FEE),
        valid: DaaRange { start: DaaScore(0), end: DaaScore(600_000) },
        salt: [3; 32],
    };
    let sighash = core.sighash(GENESIS);
    let signatures = owners[..2].iter().map(|key| sign_multisig(&keys, key, &sighash).unwrap()).collect();
    // No range proof, no output proof, and the one kernel proof of what hides nothing.
    let proofs = vec![0; 4 + 64];
    SigningParts { core: core.to_bytes(), proofs, m: 2, keys, shown: None, signatures }
}

pub(crate) fn run(data: &[u8]) {
    let [place, patches @ ..] = data else { return };
    let mut parts = signed();
    let place = place % PLACES;
    let changed = match place {
        0 => patch(&mut parts.core, patches),
        1 => patch(&mut parts.proofs, patches),
        2 => patch(&mut parts.signatures[0].signature, patches),
        3 => patch(&mut parts.keys[0].0, patches),
        4 => {
            let mut indices = [parts.signatures[0].index, parts.signatures[1].index, parts.m];
            let changed = patch(&mut indices, patches);
            [parts.signatures[0].index, parts.signatures[1].index, parts.m] = indices;
            changed
        }
        _ => {
            parts.signatures.truncate(patches.len() % 3);
            parts.proofs.truncate(patches.len());
            true
        }
    };
    let params = Params::of(Network::Devnet);
    let Ok(request) = SigningRequest::check(parts, &params, GENESIS) else {
        assert!(changed, "what nobody changed is refused");
        return;
    };
    let view = request.view();
    assert_eq!(view.amount.checked_add(view.fee), Ok(view.value));
    // Both signatures stand for the whole core, under the keys of its lock.
    assert!(!changed || matches!(place, 1 | 5), "a change in part {place} is agreed to");
    assert_eq!(SigningRequest::check(request.parts(), &params, GENESIS).as_ref(), Ok(&request));
    if request.complete(&params, GENESIS).is_ok() {
        assert!(!changed, "other proofs hold");
    }
}
