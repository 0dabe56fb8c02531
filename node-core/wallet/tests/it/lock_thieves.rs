//! Locks by which somebody wants a wallet's money, or to be shown its secret.

use umbel_crypto::lock::preimage_hash;
use umbel_types::consensus_api::ConsensusApi;
use umbel_types::{Amount, DaaScore, Hash32, Network};
use umbel_wallet::{
    ClaimDespite, CreatedLock, LockError, LockRole, LockState, NewLock, PostQuantumAddress, Wallet, WalletError,
};
use zeroize::Zeroizing;

use crate::chain::FakeChain;
use crate::locks::{HOUR, hash_lock, key, lock_error, mine, only_lock};
use crate::people::{OTHER_WORDS, PASSWORD, reward, scan, str_tokens};
use crate::people::{World, world};

const STAKE: ClaimDespite = ClaimDespite { late: false, stake: true };

/// Bob has money too.
fn rich_bob(world: &mut World) {
    reward(&world.chain, &world.bob, &[str_tokens(30), str_tokens(30)]);
    scan(&mut world.bob, &world.chain);
}

fn pay(
    chain: &FakeChain,
    from: &mut Wallet,
    lock: &NewLock,
    amount: Amount,
    others: &mut [&mut Wallet],
) -> CreatedLock {
    let created = from.create_lock(lock, amount).unwrap();
    mine(chain, from);
    scan(from, chain);
    for wallet in others {
        scan(wallet, chain);
    }
    created
}

#[test]
fn money_under_anothers_second_key_is_not_shown() {
    let World { chain, home, mut ann, mut bob } = world();
    let own = bob.lock_key(true).unwrap().post_quantum;
    let first = bob.lock_key(false).unwrap().post_quantum;
    // A key of nobody, and one of Bob that belongs to another of his addresses: neither opens the lock.
    for (wrong, of) in [(Hash32([1; 32]), own), (first.key_hash, own)] {
        let trap = PostQuantumAddress { key_hash: wrong, ..of };
        let trap = pay(&chain, &mut ann, &NewLock::PostQuantum(trap), str_tokens(2), &mut [&mut bob]);
        assert!(bob.locks().is_empty());
        assert_eq!(lock_error(bob.spend_lock(trap.outpoint, None).unwrap_err()), LockError::Unknown(trap.outpoint));
    }
    let good = pay(&chain, &mut ann, &NewLock::PostQuantum(own), str_tokens(2), &mut [&mut bob]);
    assert_eq!((only_lock(&bob).outpoint, only_lock(&bob).roles), (good.outpoint, vec![LockRole::Owner]));
    // The same from words alone, and while the wallet is locked.
    drop(bob);
    home.folder.remove("Bob").unwrap();
    let mut bob = home.restore("Bob", OTHER_WORDS);
    bob.lock();
    scan(&mut bob, &chain);
    assert_eq!((only_lock(&bob).outpoint, only_lock(&bob).roles), (good.outpoint, vec![LockRole::Owner]));
    bob.unlock(PASSWORD).unwrap();
    bob.spend_lock(good.outpoint, None).unwrap();
}

#[test]
fn a_post_quantum_address_is_of_one_network() {
    let World { mut bob, chain: _chain, home: _home, ann: _ann } = world();
    let own = bob.lock_key(false).unwrap().post_quantum;
    // The second key differs between networks, and nobody could open the lock.
    for network in Network::ALL {
        let read = PostQuantumAddress::parse(&own.to_text(Network::Devnet), network);
        assert_eq!(read, (network == Network::Devnet).then_some(own), "{network}");
    }
}

#[test]
fn a_bait_is_not_swallowed() {
    let mut world = world();
    rich_bob(&mut world);
    let World { chain, mut ann, mut bob, home } = world;
    let to_bob = hash_lock(key(&mut bob).address, None);
    let first = pay(&chain, &mut ann, &to_bob, str_tokens(10), &mut [&mut bob]);
    let secret = first.secret.clone().expect("a new one");
    let hash = preimage_hash(&secret);
    let back = hash_lock(key(&mut ann).address, Some(hash));
    // Bob offers a hundredth under the hash that opens ten for him.
    let bait = pay(&chain, &mut bob, &back, Amount::from_units(10_000_000), &mut [&mut ann]);
    let stake = LockError::Stake { claimed: Amount::from_units(10_000_000), at_stake: str_tokens(10) };
    let despite = ClaimDespite { late: true, stake: false };
    for preimage in [None, Some(secret.clone())] {
        let refused = ann.claim_lock(bait.outpoint, None, preimage, despite).unwrap_err();
        assert_eq!(lock_error(refused), stake);
    }
    assert!(stake.to_string().contains("0.10000000 STR") && stake.to_string().contains("10.00000000 STR"), "{stake}");
    // Another lock of hers under the same hash adds to the stake.
    let bobs = key(&mut bob).address;
    pay(&chain, &mut ann, &hash_lock(bobs, Some(hash)), str_tokens(3), &mut [&mut bob]);
    let refused = ann.claim_lock(bait.outpoint, None, None, ClaimDespite::default()).unwrap_err();
    let more = LockError::Stake { claimed: Amount::from_units(10_000_000), at_stake: str_tokens(13) };
    assert_eq!(lock_error(refused), more);
    // It is remembered, and asked for it is done.
    drop(ann);
    let mut ann = home.folder.unlock("Ann", PASSWORD).unwrap();
    scan(&mut ann, &chain);
    assert!(ann.claim_lock(bait.outpoint, None, None, ClaimDespite::default()).is_err());
    let claim = ann.claim_lock(bait.outpoint, None, None, STAKE).unwrap();
    mine(&chain, &ann);
    scan(&mut ann, &chain);
    assert!(claim.amount < Amount::from_units(10_000_000));
    // What was shown can't be shown again: the rest is claimed without asking, and no money is locked to that hash.
    let rest = pay(&chain, &mut bob, &back, Amount::from_units(20_000_000), &mut [&mut ann]);
    ann.claim_lock(rest.outpoint, None, None, ClaimDespite::default()).unwrap();
    let again = ann.create_lock(&hash_lock(bobs, Some(hash)), str_tokens(1)).err().unwrap();
    assert_eq!(lock_error(again), LockError::SecretShown);
}

#[test]
fn an_even_swap_needs_no_flag() {
    let mut world = world();
    rich_bob(&mut world);
    let World { chain, mut ann, mut bob, home: _home } = world;
    let to_bob = hash_lock(key(&mut bob).address, None);
    let first = pay(&chain, &mut ann, &to_bob, str_tokens(10), &mut [&mut bob]);
    let hash = preimage_hash(&first.secret.expect("a new one"));
    let answer = pay(&chain, &mut bob, &hash_lock(key(&mut ann).address, Some(hash)), str_tokens(10), &mut [&mut ann]);
    ann.claim_lock(answer.outpoint, None, None, ClaimDespite::default()).unwrap();
    mine(&chain, &ann);
    scan(&mut ann, &chain);
    scan(&mut bob, &chain);
    // Whoever did not make the secret is shown it by the other side, whose it is: his stake is no reason to wait.
    let shown = bob.locks().into_iter().find_map(|lock| match lock.state {
        LockState::Spent { preimage, .. } => preimage,
        LockState::Open | LockState::Spending(_) => None,
    });
    bob.claim_lock(first.outpoint, None, shown.map(Zeroizing::new), ClaimDespite::default()).unwrap();
}

#[test]
fn a_lock_that_is_paid_twice_is_two_locks_and_a_replayed_claim_is_one() {
    let World { chain, mut ann, mut bob, home: _home } = world();
    let first = pay(&chain, &mut ann, &hash_lock(key(&mut bob).address, None), str_tokens(10), &mut []);
    let secret = first.secret.clone().expect("a new one");
    let again = NewLock::Hash {
        sha256: Some(preimage_hash(&secret)),
        claim: key(&mut bob).address,
        refund: None,
        timeout_s: 24 * HOUR,
    };
    let second = pay(&chain, &mut ann, &again, str_tokens(7), &mut [&mut bob]);
    assert_eq!(bob.locks().len(), 2);
    let give = || Some(Zeroizing::new(*secret));
    let claim = bob.claim_lock(first.outpoint, None, give(), ClaimDespite::default()).unwrap();
    let replayed = bob.to_submit();
    mine(&chain, &bob);
    scan(&mut bob, &chain);
    scan(&mut ann, &chain);
    let state = |wallet: &Wallet, of: &CreatedLock| {
        wallet.locks().into_iter().find(|lock| lock.outpoint == of.outpoint).map(|lock| lock.state)
    };
    let spent = Some(LockState::Spent { by: claim.txids[0], preimage: Some(*secret) });
    assert_eq!((state(&ann, &first), state(&ann, &second)), (spent.clone(), Some(LockState::Open)));
    // A reorganisation takes the claim back, and whoever kept it submits it again: it takes the first lock once more.
    chain.rewind(1);
    chain.advance(1);
    scan(&mut ann, &chain);
    assert_eq!(state(&ann, &first), Some(LockState::Open));
    chain.mine(crate::chain::Next { txs: replayed, ..Default::default() });
    scan(&mut ann, &chain);
    scan(&mut bob, &chain);
    assert_eq!((state(&ann, &first), state(&ann, &second)), (spent, Some(LockState::Open)));
    // What is left goes back, and only once.
    chain.wait(49 * HOUR);
    chain.certify(DaaScore(chain.virtual_state().daa_score.0 - 1));
    scan(&mut ann, &chain);
    ann.refund_lock(&chain, second.outpoint, None).unwrap();
    let busy = ann.refund_lock(&chain, second.outpoint, None).unwrap_err();
    assert_eq!(busy, WalletError::Lock(LockError::Busy(second.outpoint)));
}
