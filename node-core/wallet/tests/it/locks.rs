//! Locks from payment to payout, with real proofs checked by the ledger's rules.

use umbel_crypto::Address;
use umbel_crypto::lock::preimage_hash;
use umbel_ledger::mass::{mass, min_fee};
use umbel_types::lock::PublicKeyBytes;
use umbel_types::{Amount, AssetId, BlockHash, DaaScore, Encode, Network, OutPoint, Params, TxCore, ZkAddress};
use umbel_wallet::{
    ClaimDespite, HistoryKind, HistoryQuery, LockEntry, LockError, LockKey, LockRole, LockState, NewLock, Payment,
    PaymentStage, PostQuantumAddress, SigningError, SigningParts, SigningRequest, Wallet, WalletError,
};
use zeroize::Zeroizing;

use crate::chain::{FakeChain, GENESIS, Next};
use crate::people::{
    OTHER_WORDS, PASSWORD, WORDS, World, confidential, mine_until_accepted, parse, reward, scan, spendable, str_tokens,
    world,
};

const THIRD_WORDS: &str = "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo wrong";
pub(crate) const HOUR: u64 = 3600;

pub(crate) fn key(wallet: &mut Wallet) -> LockKey {
    wallet.lock_key(false).unwrap()
}

pub(crate) fn only_lock(wallet: &Wallet) -> LockEntry {
    let [lock] = wallet.locks().try_into().expect("one lock");
    lock
}

pub(crate) fn mine(chain: &FakeChain, wallet: &Wallet) -> BlockHash {
    let txs = wallet.to_submit();
    let asked = txs.len();
    let (block, accepted) = chain.mine(Next { txs, ..Next::default() });
    assert_eq!((accepted.len(), asked), (1, 1));
    block
}

/// No base unit of fee is paid in vain.
fn has_exact_fee(wallet: &Wallet, payment: &Payment) {
    let txs = wallet.to_submit();
    let tx = txs.iter().find(|tx| tx.txid() == payment.txids[0]).expect("it is to be submitted");
    assert_eq!(tx.core.fee, min_fee(mass(&tx.core, tx.size_bytes())));
    assert_eq!(payment.fee, tx.core.fee);
}

pub(crate) fn hash_lock(claim: ZkAddress, sha256: Option<umbel_types::Hash32>) -> NewLock {
    NewLock::Hash { sha256, claim, refund: None, timeout_s: 24 * HOUR }
}

pub(crate) fn lock_error(error: WalletError) -> LockError {
    match error {
        WalletError::Lock(error) => error,
        other => panic!("{other}"),
    }
}

fn signing_error(error: WalletError) -> SigningError {
    match lock_error(error) {
        LockError::Signing(error) => error,
        other => panic!("{other}"),
    }
}

fn check(parts: SigningParts) -> Result<SigningRequest, SigningError> {
    SigningRequest::check(parts, &Params::of(Network::Devnet), GENESIS)
}

#[test]
fn two_of_three_spend_a_multisig_lock() {
    let World { chain, home, mut ann, mut bob } = world();
    let mut eve = home.restore("Eve", THIRD_WORDS);
    let keys: Vec<PublicKeyBytes> = [&mut ann, &mut bob, &mut eve].map(|w| key(w).public_key).to_vec();
    let created = ann.create_lock(&NewLock::Multisig { m: 2, keys: keys.clone() }, str_tokens(25)).unwrap();
    has_exact_fee(&ann, &created.payment);
    let change = str_tokens(15).units() - created.payment.fee.units();
    assert_eq!(ann.balances()[&AssetId::STR].pending, Amount::from_units(change));
    mine(&chain, &ann);
    for wallet in [&mut ann, &mut bob, &mut eve] {
        scan(wallet, &chain);
        let lock = only_lock(wallet);
        assert_eq!((lock.outpoint, lock.value, lock.state), (created.outpoint, str_tokens(25), LockState::Open));
        assert_eq!(lock.lock, created.lock);
        assert!(matches!(lock.roles[..], [LockRole::Signer(_)]));
    }
    assert_eq!(spendable(&ann).units(), str_tokens(60).units() + change, "locked money is in no balance");
    let sent = &ann.history(&HistoryQuery { limit: 1, ..HistoryQuery::default() }).entries[0];
    assert_eq!((sent.kind, sent.to.as_deref()), (HistoryKind::Sent, Some("multisig lock, 2 of 3")));

    // Bob proposes to pay Eve; his file is passed on after a restart of both.
    let to = Address::Confidential(confidential(&eve, 0));
    let proposed = bob.propose_lock_spend(created.outpoint, Some(&to)).unwrap();
    let incomplete = proposed.complete(&Params::of(Network::Devnet), GENESIS).unwrap_err();
    assert_eq!(signing_error(incomplete), SigningError::Incomplete { have: 1, m: 2 });
    assert_eq!(signing_error(bob.sign_lock_spend(&proposed).unwrap_err()), SigningError::SignedAlready);
    let file = proposed.parts();
    drop((bob, eve));
    let mut eve = home.folder.unlock("Eve", PASSWORD).unwrap();
    let mut bob = home.folder.unlock("Bob", PASSWORD).unwrap();
    assert_eq!(only_lock(&eve).outpoint, created.outpoint, "the journal has it");
    let received = check(file).unwrap();
    let view = received.view();
    assert_eq!((view.m, &view.to, view.value), (2, &to, str_tokens(25)));
    assert_eq!(view.amount.checked_add(view.fee), Ok(str_tokens(25)));
    let signed = eve.sign_lock_spend(&received).unwrap();
    assert_eq!(signing_error(ann.sign_lock_spend(&signed).unwrap_err()), SigningError::Complete);
    let tx = signed.complete(&Params::of(Network::Devnet), GENESIS).unwrap();
    assert_eq!(tx.core.fee, min_fee(mass(&tx.core, tx.size_bytes())));
    chain.mine(Next { txs: vec![tx.clone().into()], ..Next::default() });
    for wallet in [&mut ann, &mut bob, &mut eve] {
        scan(wallet, &chain);
        assert_eq!(only_lock(wallet).state, LockState::Spent { by: tx.txid(), preimage: None });
    }
    assert_eq!(spendable(&eve), view.amount);
    let late = bob.propose_lock_spend(created.outpoint, None).unwrap_err();
    assert_eq!(lock_error(late), LockError::Spent { outpoint: created.outpoint, by: tx.txid() });
    let again = bob.sign_lock_spend(&received).unwrap_err();
    assert!(matches!(lock_error(again), LockError::Spent { .. }));

    // The chain loses the block that spent it, and then is another chain altogether.
    chain.lose(1);
    chain.advance(2);
    scan(&mut bob, &chain);
    assert_eq!(only_lock(&bob).state, LockState::Open);
    let other = FakeChain::new(Network::Devnet, Vec::new());
    other.advance(30);
    for wallet in [&mut ann, &mut bob] {
        scan(wallet, &other);
        assert!(wallet.locks().is_empty(), "one that was spent on it goes with its chain");
    }
}

#[test]
fn a_signing_file_is_hostile_input() {
    let World { chain, home, mut ann, mut bob } = world();
    let mut eve = home.restore("Eve", THIRD_WORDS);
    let keys: Vec<PublicKeyBytes> = [&mut ann, &mut bob].map(|w| key(w).public_key).to_vec();
    let created = ann.create_lock(&NewLock::Multisig { m: 2, keys }, str_tokens(25)).unwrap();
    mine(&chain, &ann);
    scan(&mut ann, &chain);
    scan(&mut eve, &chain);
    let good = ann.propose_lock_spend(created.outpoint, None).unwrap().parts();
    let other = ann.propose_lock_spend(created.outpoint, None).unwrap().parts();
    let public = parse(&ann.addresses()[0].zk13str);
    let to_public = ann.propose_lock_spend(created.outpoint, Some(&public)).unwrap();
    assert_eq!(to_public.view().to, public);
    assert_eq!(check(to_public.parts()), Ok(to_public));
    assert_eq!(
        signing_error(eve.sign_lock_spend(&check(good.clone()).unwrap()).unwrap_err()),
        SigningError::ForeignKey
    );
    assert!(matches!(eve.propose_lock_spend(created.outpoint, None), Err(WalletError::Lock(LockError::Unknown(_)))));

    let refused = |change: &dyn Fn(&mut SigningParts)| {
        let mut bad = good.clone();
        change(&mut bad);
        check(bad).unwrap_err()
    };
    let core = umbel_types::Decode::from_bytes(&good.core).unwrap();
    let with_core = |change: &dyn Fn(&mut TxCore)| {
        refused(&|parts| {
            let mut core = TxCore::clone(&core);
            change(&mut core);
            parts.core = core.to_bytes();
        })
    };
    assert_eq!(with_core(&|core| core.chain += 1), SigningError::OtherChain { got: 1314, expected: 1313 });
    let mainnet = SigningRequest::check(good.clone(), &Params::of(Network::Mainnet), GENESIS);
    assert!(matches!(mainnet, Err(SigningError::OtherChain { .. })));
    let fork = SigningRequest::check(good.clone(), &Params::of(Network::Devnet), BlockHash([1; 32]));
    assert!(matches!(fork, Err(SigningError::Output(_))), "{fork:?}");
    assert_eq!(with_core(&|core| core.outputs.push(core.outputs[0].clone())), SigningError::Form);
    assert_eq!(with_core(&|core| core.inputs.push(core.inputs[0].clone())), SigningError::Form);
    assert_eq!(with_core(&|core| core.valid.start = DaaScore(5)), SigningError::Form);
    assert_eq!(with_core(&|core| core.valid.end = DaaScore(0)), SigningError::Form);
    // Another fee is another transaction: what is shown of its output was made for the first one.
    assert!(matches!(with_core(&|core| core.fee = Amount::ZERO), SigningError::Output(_)));
    let mut dear = to_public_lie(&core, &public);
    let at = core_fee_at(&dear.core);
    dear.core[at] ^= 1;
    assert_eq!(check(dear), Err(SigningError::Amounts));
    assert!(matches!(refused(&|p| p.core.truncate(40)), SigningError::Encoding { .. }));
    assert!(matches!(refused(&|p| p.proofs.push(0)), SigningError::Encoding { .. }));
    assert!(matches!(refused(&|p| p.proofs.clear()), SigningError::Encoding { .. }));
    assert_eq!(refused(&|p| p.m = 1), SigningError::Terms);
    assert_eq!(refused(&|p| p.keys.clear()), SigningError::Terms);
    assert_eq!(refused(&|p| p.shown = None), SigningError::OutputNotShown);
    assert!(matches!(refused(&|p| p.shown = other.shown.clone()), SigningError::Output(_)));
    // One key twice, a key that is none, a signature of another transaction, more than are asked for.
    let own = good.signatures[0].index;
    assert_eq!(refused(&|p| p.signatures.push(p.signatures[0])), SigningError::Order);
    assert_eq!(refused(&|p| p.signatures[0].index = 9), SigningError::NoSuchKey(9));
    assert_eq!(refused(&|p| p.signatures[0].index = 1 - own), SigningError::Signature(1 - own));
    assert_eq!(refused(&|p| p.signatures = other.signatures.clone()), SigningError::Signature(own));
    let three = |p: &mut SigningParts| {
        p.signatures = (0..3).map(|index| umbel_types::tx::IndexedSignature { index, ..p.signatures[0] }).collect();
    };
    assert_eq!(refused(&three), SigningError::TooMany { got: 3, m: 2 });
    // A signer that knows the lock compares its terms: here, the amount.
    let mut lie = TxCore::clone(&core);
    lie.fee = lie.fee.checked_add(Amount::from_units(1)).unwrap();
    if let umbel_types::Input::Memo { terms, .. } = &mut lie.inputs[0].consumed {
        terms.value = umbel_types::MemoValue::Public(Amount::from_units(str_tokens(25).units() + 1));
    }
    let mut bad = to_public_lie(&lie, &public);
    bad.signatures.clear();
    let bad = check(bad).unwrap();
    assert_eq!(signing_error(ann.sign_lock_spend(&bad).unwrap_err()), SigningError::Terms);
    // One that could be accepted for ever is kept by whoever has it, and comes when nobody thinks of it.
    let mut endless = TxCore::clone(&core);
    endless.valid.end = DaaScore(u64::MAX);
    let endless = check(to_public_lie(&endless, &public)).unwrap();
    let refused = ann.sign_lock_spend(&endless).unwrap_err();
    assert!(matches!(signing_error(refused), SigningError::NeverEnds { end: DaaScore(u64::MAX), .. }));
    // Proofs are looked at before anything is submitted.
    scan(&mut bob, &chain);
    let mut broken = good.clone();
    *broken.proofs.last_mut().unwrap() ^= 1;
    let broken = bob.sign_lock_spend(&check(broken).unwrap()).unwrap();
    let refused = broken.complete(&Params::of(Network::Devnet), GENESIS).unwrap_err();
    assert!(matches!(signing_error(refused), SigningError::Rule(_)));
    // What takes too long is signed no more.
    let fresh = check(good).unwrap();
    chain.wait(7 * 24 * HOUR);
    scan(&mut bob, &chain);
    assert!(matches!(signing_error(bob.sign_lock_spend(&fresh).unwrap_err()), SigningError::Expired { .. }));
    bob.lock();
    assert_eq!(bob.sign_lock_spend(&fresh), Err(WalletError::Locked));
}

/// Where an encoded core has the lowest byte of its fee: before validity and salt.
fn core_fee_at(core: &[u8]) -> usize {
    core.len() - 32 - 16 - 8
}

/// The same lie with an output that needs no proof.
fn to_public_lie(core: &TxCore, to: &Address) -> SigningParts {
    let Address::Zk13str(to) = to else { panic!("not public") };
    let umbel_types::Input::Memo { terms, .. } = &core.inputs[0].consumed else { panic!("no memo") };
    let (umbel_types::Lock::Multisig { m, keys }, umbel_types::MemoValue::Public(value)) = (&terms.lock, &terms.value)
    else {
        panic!("no multisig lock")
    };
    let paid = value.checked_sub(core.fee).unwrap();
    let output = umbel_types::Output::Memo(umbel_types::Memo::public_payment(AssetId::STR, paid, *to));
    let core = TxCore { outputs: vec![output], ..core.clone() };
    let witness = umbel_types::Witness {
        range_proof: Vec::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        action: umbel_types::staking::ActionWitness::None,
        kernel: [0; 64],
    };
    SigningParts {
        core: core.to_bytes(),
        proofs: witness.to_bytes(),
        m: *m,
        keys: keys.clone(),
        shown: None,
        signatures: Vec::new(),
    }
}

#[test]
fn a_claim_shows_the_preimage_to_the_other_side() {
    let World { chain, home, mut ann, mut bob } = world();
    let created = ann.create_lock(&hash_lock(key(&mut bob).address, None), str_tokens(10)).unwrap();
    let secret = created.secret.expect("a new one");
    has_exact_fee(&ann, &created.payment);
    mine(&chain, &ann);
    scan(&mut ann, &chain);
    scan(&mut bob, &chain);
    assert_eq!(only_lock(&ann).roles, [LockRole::Refund]);
    let claimable = only_lock(&bob);
    assert_eq!((&claimable.roles[..], claimable.state), (&[LockRole::Claim][..], LockState::Open));
    assert_eq!(claimable.refund_from.unwrap().0 - claimable.claim_before.unwrap().0, 26 * HOUR);

    let at = created.outpoint;
    let give = |secret: [u8; 32]| Some(Zeroizing::new(secret));
    assert_eq!(lock_error(bob.claim_lock(at, None, None, ClaimDespite::default()).unwrap_err()), LockError::NoPreimage);
    assert_eq!(
        lock_error(bob.claim_lock(at, None, give([7; 32]), ClaimDespite::default()).unwrap_err()),
        LockError::WrongPreimage
    );
    assert_eq!(
        lock_error(ann.claim_lock(at, None, None, ClaimDespite::default()).unwrap_err()),
        LockError::NotOurs { role: "claim" }
    );
    let refund = bob.refund_lock(&chain, at, None).unwrap_err();
    assert_eq!(lock_error(refund), LockError::NotOurs { role: "refund" });
    assert!(matches!(lock_error(bob.spend_lock(at, None).unwrap_err()), LockError::Kind { is: "hash lock", .. }));
    assert!(matches!(lock_error(bob.propose_lock_spend(at, None).unwrap_err()), LockError::Kind { .. }));

    let claim = bob.claim_lock(at, None, give(*secret), ClaimDespite::default()).unwrap();
    has_exact_fee(&bob, &claim);
    assert_eq!(only_lock(&bob).state, LockState::Spending(claim.txids[0]));
    assert_eq!(
        lock_error(bob.claim_lock(at, None, give(*secret), ClaimDespite::default()).unwrap_err()),
        LockError::Busy(at)
    );
    // It survives a restart on both sides.
    drop((ann, bob));
    let mut ann = home.folder.unlock("Ann", PASSWORD).unwrap();
    let mut bob = home.folder.unlock("Bob", PASSWORD).unwrap();
    assert_eq!(bob.balances()[&AssetId::STR].pending, claim.amount);
    mine(&chain, &bob);
    scan(&mut ann, &chain);
    scan(&mut bob, &chain);
    assert_eq!(bob.payment(claim.id).unwrap().stage, PaymentStage::Accepted);
    assert_eq!(spendable(&bob), claim.amount);
    let spent = LockState::Spent { by: claim.txids[0], preimage: Some(*secret) };
    assert_eq!((only_lock(&ann).state, only_lock(&bob).state), (spent.clone(), spent.clone()));
    let entries = bob.history(&HistoryQuery { limit: 9, ..HistoryQuery::default() }).entries;
    assert_eq!((entries.len(), entries[0].kind), (1, HistoryKind::SelfTransfer));

    // The chain changes its mind, and again.
    chain.rewind(1);
    chain.advance(2);
    for wallet in [&mut ann, &mut bob] {
        scan(wallet, &chain);
        assert!(matches!(only_lock(wallet).state, LockState::Open | LockState::Spending(_)));
    }
    assert_eq!(only_lock(&ann).state, LockState::Open);
    mine_until_accepted(&chain, &mut bob);
    scan(&mut ann, &chain);
    assert_eq!((only_lock(&ann).state, only_lock(&bob).state), (spent.clone(), spent));
    assert_eq!(bob.payment(claim.id).unwrap().stage, PaymentStage::Accepted);
    // And back to before the lock.
    chain.rewind(4);
    chain.advance(9);
    scan(&mut ann, &chain);
    scan(&mut bob, &chain);
    assert!(ann.locks().is_empty() && bob.locks().is_empty());
}

#[test]
fn a_secret_and_a_refund_follow_from_the_words() {
    let World { chain, home, mut ann, mut bob } = world();
    let created = ann.create_lock(&hash_lock(key(&mut bob).address, None), str_tokens(10)).unwrap();
    let secret = created.secret.expect("a new one");
    mine(&chain, &ann);
    // Bob locks money to the same secret, for Ann: she claims it with what follows from her words.
    reward(&chain, &bob, &[str_tokens(50)]);
    scan(&mut bob, &chain);
    let back = hash_lock(key(&mut ann).address, Some(preimage_hash(&secret)));
    let answer = bob.create_lock(&back, str_tokens(20)).unwrap();
    assert!(answer.secret.is_none());
    mine(&chain, &bob);
    drop(ann);
    home.folder.remove("Ann").unwrap();
    let mut ann = home.restore("Ann again", WORDS);
    assert_eq!(
        ann.claim_lock(answer.outpoint, None, None, ClaimDespite::default()).unwrap_err(),
        WalletError::NotScanned
    );
    scan(&mut ann, &chain);
    let roles: Vec<Vec<LockRole>> = ann.locks().into_iter().map(|lock| lock.roles).collect();
    assert_eq!(roles, [vec![LockRole::Claim], vec![LockRole::Refund]]);
    let before = spendable(&ann);
    let claim = ann.claim_lock(answer.outpoint, None, None, ClaimDespite::default()).unwrap();
    mine_until_accepted(&chain, &mut ann);
    assert_eq!(spendable(&ann).units(), before.units() + claim.amount.units());
    // Bob reads the secret from the chain and claims his side, straight to somebody else: nothing comes back to him.
    scan(&mut bob, &chain);
    let shown = bob.locks().into_iter().find_map(|lock| match lock.state {
        LockState::Spent { preimage, .. } => preimage,
        LockState::Open | LockState::Spending(_) => None,
    });
    assert_eq!(shown, Some(*secret));
    let to = parse(&ann.addresses()[0].zk13str);
    let claim =
        bob.claim_lock(created.outpoint, Some(&to), shown.map(Zeroizing::new), ClaimDespite::default()).unwrap();
    has_exact_fee(&bob, &claim);
    mine_until_accepted(&chain, &mut bob);
    assert_eq!(bob.payment(claim.id).unwrap().stage, PaymentStage::Accepted);
    // A wallet that was restored since does not know the first lock any more. Its next secret is another one all the same.
    drop(ann);
    home.folder.remove("Ann again").unwrap();
    let mut ann = home.restore("Ann once more", WORDS);
    scan(&mut ann, &chain);
    assert!(ann.locks().is_empty());
    let next = ann.create_lock(&hash_lock(key(&mut bob).address, None), str_tokens(1)).unwrap();
    assert_ne!(next.secret.expect("a new one"), secret);
}

#[test]
fn a_refund_opens_with_a_certificate_or_a_day_late() {
    let World { chain, mut ann, mut bob, home: _home } = world();
    let make = |ann: &mut Wallet, bob: &mut Wallet| {
        let created = ann.create_lock(&hash_lock(key(bob).address, None), str_tokens(10)).unwrap();
        mine(&chain, ann);
        scan(ann, &chain);
        scan(bob, &chain);
        created
    };
    let created = make(&mut ann, &mut bob);
    let at = created.outpoint;
    let lock = ann.locks()[0].clone();
    let (claim_before, late) = (lock.claim_before.unwrap(), lock.refund_from.unwrap());
    let timeout = DaaScore(late.0 - 24 * HOUR);
    let go_to = |score: DaaScore, ann: &mut Wallet, bob: &mut Wallet| {
        // The next block's score is one behind the head's.
        let head = umbel_types::consensus_api::ConsensusApi::virtual_state(&chain).daa_score.0 - 1;
        chain.wait(score.0 - 2 - head);
        scan(ann, &chain);
        scan(bob, &chain);
    };
    let running = |now: DaaScore| LockError::RefundRunning { timeout, late, now };
    go_to(claim_before, &mut ann, &mut bob);
    let secret = || Some(Zeroizing::new(**created.secret.as_ref().expect("a new one")));
    let claim = bob.claim_lock(at, None, secret(), ClaimDespite::default()).unwrap_err();
    assert_eq!(lock_error(claim), LockError::ClaimLate { timeout, now: claim_before });
    assert_eq!(lock_error(ann.refund_lock(&chain, at, None).unwrap_err()), running(claim_before));
    // Past the timeout, the chain is asked: nothing but genesis is certified.
    go_to(timeout, &mut ann, &mut bob);
    assert_eq!(lock_error(ann.refund_lock(&chain, at, None).unwrap_err()), running(timeout));
    assert!(ann.to_submit().is_empty());
    go_to(DaaScore(late.0 - 1), &mut ann, &mut bob);
    assert_eq!(lock_error(ann.refund_lock(&chain, at, None).unwrap_err()), running(DaaScore(late.0 - 1)));
    assert!(!ann.locks()[0].refund_open);
    go_to(late, &mut ann, &mut bob);
    assert!(ann.locks()[0].refund_open);
    // Forced, the claim races the refund; one of them wins, and the loser's funds are told.
    let claim = bob.claim_lock(at, None, secret(), ClaimDespite { late: true, stake: false }).unwrap();
    let before = spendable(&ann);
    let refund = ann.refund_lock(&chain, at, None).unwrap();
    has_exact_fee(&ann, &refund);
    mine(&chain, &ann);
    scan(&mut ann, &chain);
    scan(&mut bob, &chain);
    assert_eq!(spendable(&ann).units(), before.units() + refund.amount.units());
    let lost = bob.payment(claim.id).unwrap();
    assert_eq!((lost.stage, lost.conflict), (PaymentStage::Conflicted, Some(refund.txids[0])));
    assert!(bob.to_submit().is_empty());

    // Where the timeout is certified, the day of grace is not waited for.
    let second = make(&mut ann, &mut bob);
    let from = ann.locks()[0].refund_from.unwrap();
    let timeout = DaaScore(from.0 - 24 * HOUR);
    go_to(timeout, &mut ann, &mut bob);
    chain.certify(timeout);
    ann.refund_lock(&chain, second.outpoint, None).unwrap();
    mine(&chain, &ann);
    scan(&mut ann, &chain);
    assert!(matches!(ann.locks()[0].state, LockState::Spent { preimage: None, .. }));
}

#[test]
fn a_post_quantum_lock_is_spent_after_a_restore() {
    let World { chain, home, mut ann, mut bob } = world();
    let own = bob.lock_key(true).unwrap();
    assert_eq!(own.index, 1);
    let text = own.post_quantum.to_text(Network::Devnet);
    let address = PostQuantumAddress::parse(&text, Network::Devnet).unwrap();
    assert_eq!(address, own.post_quantum);
    let created = ann.create_lock(&NewLock::PostQuantum(address), str_tokens(30)).unwrap();
    mine(&chain, &ann);
    drop(bob);
    home.folder.remove("Bob").unwrap();
    let mut bob = home.restore("Bob", OTHER_WORDS);
    scan(&mut bob, &chain);
    assert_eq!((only_lock(&bob).roles, only_lock(&bob).outpoint), (vec![LockRole::Owner], created.outpoint));
    assert_eq!(bob.addresses().len(), 2, "the address that it names counts as handed out");
    let spent = bob.spend_lock(created.outpoint, None).unwrap();
    has_exact_fee(&bob, &spent);
    mine_until_accepted(&chain, &mut bob);
    assert_eq!(spendable(&bob), spent.amount);
    assert!(matches!(only_lock(&bob).state, LockState::Spent { preimage: None, .. }));

    // A typing error does not lock money for ever: any digit is found.
    for at in 7..text.len() {
        let mut typo = text.clone().into_bytes();
        typo[at] = if typo[at] == b'0' { b'1' } else { b'0' };
        assert_eq!(PostQuantumAddress::parse(std::str::from_utf8(&typo).unwrap(), Network::Devnet), None, "{at}");
    }
    assert_eq!(PostQuantumAddress::parse(&text.to_uppercase(), Network::Devnet), None);
    assert_eq!(PostQuantumAddress::parse("zk13pq_é", Network::Devnet), None);
}

#[test]
fn locks_that_make_no_sense_are_refused() {
    let World { chain, mut ann, mut bob, home: _home } = world();
    let (a, b) = (key(&mut ann), key(&mut bob));
    let mut multisig = |m: u8, keys: &[PublicKeyBytes]| {
        let new = NewLock::Multisig { m, keys: keys.to_vec() };
        lock_error(ann.create_lock(&new, str_tokens(1)).err().unwrap())
    };
    assert_eq!(multisig(0, &[a.public_key]), LockError::Keys { m: 0, keys: 1 });
    assert_eq!(multisig(2, &[a.public_key]), LockError::Keys { m: 2, keys: 1 });
    assert_eq!(multisig(1, &[]), LockError::Keys { m: 1, keys: 0 });
    assert_eq!(multisig(1, &[a.public_key, a.public_key]), LockError::Keys { m: 1, keys: 1 });
    assert!(matches!(multisig(1, &[PublicKeyBytes([2; 33]), PublicKeyBytes([9; 33])]), LockError::BadKey(_)));
    let mut hash = |timeout_s, refund, amount| {
        let new = NewLock::Hash { sha256: None, claim: b.address, refund, timeout_s };
        ann.create_lock(&new, amount).err().unwrap()
    };
    for seconds in [0, 3 * HOUR - 1, 366 * 24 * HOUR, u64::MAX] {
        assert!(matches!(lock_error(hash(seconds, None, str_tokens(1))), LockError::Timeout { .. }), "{seconds}");
    }
    // A secret that follows from nobody's words is not made.
    let error = hash(24 * HOUR, Some(b.address), str_tokens(1));
    assert_eq!(lock_error(error), LockError::NotOurs { role: "refund" });
    assert_eq!(hash(24 * HOUR, None, Amount::ZERO), WalletError::ZeroAmount);
    assert!(matches!(hash(24 * HOUR, None, str_tokens(100)), WalletError::InsufficientFunds { .. }));
    assert_eq!(ann.addresses().len(), 1, "nothing was used up");

    // A lock that costs more than it holds is told, not tried.
    let dust = ann.create_lock(&NewLock::Multisig { m: 1, keys: vec![a.public_key] }, Amount::from_units(9)).unwrap();
    mine(&chain, &ann);
    scan(&mut ann, &chain);
    let error = lock_error(ann.propose_lock_spend(dust.outpoint, None).unwrap_err());
    assert!(matches!(error, LockError::TooSmall { value, .. } if value == Amount::from_units(9)), "{error}");
    let nowhere = OutPoint { index: 7, ..dust.outpoint };
    assert_eq!(lock_error(ann.spend_lock(nowhere, None).unwrap_err()), LockError::Unknown(nowhere));
    ann.lock();
    assert_eq!(ann.spend_lock(dust.outpoint, None).unwrap_err(), WalletError::Locked);
    assert_eq!(ann.lock_key(false), Err(WalletError::Locked));
}
