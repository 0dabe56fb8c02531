//! Devnet's genesis names keys that everyone can derive from its public words.

use umbel_crypto::keys::{MlDsaRole, Mnemonic};
use umbel_types::{Network, genesis};

#[test]
fn devnet_recipients_and_validators_follow_from_its_words() {
    let seed = Mnemonic::parse(genesis::DEVNET_WORDS).unwrap().to_seed("");
    let recipients: Vec<_> = (0..5).map(|i| seed.secp_key(0, i).address()).collect();
    let validators: Vec<_> = (0..4)
        .map(|i| {
            let key = seed.ml_dsa_key(MlDsaRole::Vote, Network::Devnet, 0, i).verifying_key();
            (Box::new(key), seed.secp_key(0, i).address())
        })
        .collect();

    let spec = genesis::devnet();
    assert_eq!(recipients, spec.recipients);
    assert_eq!(validators, spec.validators.into_iter().map(|v| (v.key, v.owner)).collect::<Vec<_>>());
}
