//! Blocks, headers and bodies as they come from a peer.

use umbel_types::{Block, Body, Encode, Header, Params, PayoutKey};

use crate::codec::one_encoding;
use crate::fixture::{coin_for, owner, strangers_scalar, transactions};

fn block(txs: usize) -> Block {
    let params = Params::of(umbel_types::Network::Devnet);
    let Block { mut header, .. } = umbel_ledger::genesis::build(&params, &umbel_types::genesis::devnet()).block;
    let coin = coin_for(&mut owner(3), &strangers_scalar(0, 0), umbel_types::AssetId::STR, 1, 0).coin;
    let payout = PayoutKey { owner: coin.owner, ephemeral: coin.ephemeral, sealed: coin.sealed };
    let body = Body { payout, extra: vec![1; txs], txs: transactions()[..txs].to_vec(), certificate: vec![2; 3 * txs] };
    header.tx_root = body.tx_root();
    header.parents = (0..u8::try_from(txs).unwrap()).map(|n| umbel_types::BlockHash([n; 32])).collect();
    Block { header, body }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let header = block(2).header.to_bytes();
    vec![block(0).to_bytes(), block(1).to_bytes(), block(3).to_bytes(), block(3).body.to_bytes(), header]
}

pub(crate) fn run(data: &[u8]) {
    one_encoding::<Body>(data);
    if let Some(header) = one_encoding::<Header>(data) {
        header_commits(&header);
    }
    if let Some(block) = one_encoding::<Block>(data) {
        assert_eq!(block.hash(), block.header.hash());
        header_commits(&block.header);
        body_commits(&block.body);
    }
}

/// The id covers everything, what is mined covers all but the solution.
fn header_commits(header: &Header) {
    let mut solved = header.clone();
    solved.nonce ^= 1;
    assert_eq!(solved.pre_pow_hash(), header.pre_pow_hash());
    assert_ne!(solved.hash(), header.hash());
    solved.mix_digest[0] ^= 1;
    assert_eq!(solved.pre_pow_hash(), header.pre_pow_hash());
    solved.daa_score.0 ^= 1;
    assert_ne!(solved.pre_pow_hash(), header.pre_pow_hash());
    // Any bits give a work, malformed ones none.
    assert_eq!(header.bits.to_target().is_none(), header.bits.work() == umbel_types::BlueWork::ZERO);
}

/// The root covers payout, extra data and every transaction with its witness.
fn body_commits(body: &Body) {
    let root = body.tx_root();
    let mut other = body.clone();
    other.extra.push(0);
    assert_ne!(other.tx_root(), root);
    let mut other = body.clone();
    if let Some(tx) = other.txs.last_mut() {
        tx.witness.kernel[63] ^= 1;
        assert_ne!(other.tx_root(), root);
        other.txs.pop();
        assert_ne!(other.tx_root(), root);
    }
}
