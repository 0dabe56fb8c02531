//! Frozen encodings of everything that is hashed or stored. A change here is a change of the chain: it needs a new label
//! or version and an upgrade.

use umbel_types::hash::{Domain, Hasher};
use umbel_types::header::BLOCK_VERSION;
use umbel_types::lock::{ML_DSA_KEY_BYTES, ML_DSA_SIGNATURE_BYTES, PREIMAGE_BYTES, PublicKeyBytes};
use umbel_types::staking::{
    ActionWitness, Delegate, Delegation, Leaving, OverlayRecord, RecentSlash, Register, Report, Signed, Undelegate,
    Unjail, Validator, ValidatorStanding, WHOLE_PPB, Withdraw, Withdrawn,
};
use umbel_types::state::{LedgerBalance, SetMember, State, StateClass, ValidatorSet};
use umbel_types::tx::{IndexedSignature, InputWitness, KeySignature, LockBranch, MlDsaSignature, TX_VERSION};
use umbel_types::utxo::StoredOutput;
use umbel_types::{
    Action, Amount, AssetId, Block, BlockHash, BlueScore, BlueWork, Body, CertRef, Checkpoint, Coin, CoinFlags,
    CompactTarget, DaaRange, DaaScore, Decode, Encode, Evidence, Hash32, Header, Input, Link, Lock, Memo, MemoValue,
    Note, OneTimeKey, Origin, OutPoint, Output, PayoutKey, PointBytes, SEALED_LEN_BYTES, SealedBytes, TimestampMs,
    Transaction, TxCore, TxInput, UtxoEntry, Vote, Witness, ZkAddress,
};

fn point(n: u8) -> PointBytes {
    PointBytes([n; 32])
}

fn one_time_key(n: u8) -> OneTimeKey {
    OneTimeKey { g: point(n), view: point(n + 1), spend: point(n + 2) }
}

fn coin() -> Coin {
    Coin {
        asset: AssetId::STR,
        flags: CoinFlags::NONE,
        owner: one_time_key(1),
        c: point(4),
        d: point(5),
        ephemeral: point(6),
        sealed: SealedBytes([7; SEALED_LEN_BYTES]),
        note: Note::new(vec![8; 64]).expect("64 is a length of notes"),
    }
}

fn locks() -> Vec<Lock> {
    let key = |n| PublicKeyBytes([n; 33]);
    let (hash, address) = (Hash32([9; 32]), ZkAddress([10; 20]));
    vec![
        Lock::Address(address),
        Lock::Multisig { m: 2, keys: vec![key(2), key(3), key(4)] },
        Lock::NameCommit { hash },
        Lock::HashTimelock { sha256: hash, claim: address, refund: ZkAddress([11; 20]), timeout: DaaScore(12) },
        Lock::PostQuantum { address, mldsa65_key_hash: hash },
    ]
}

fn memo(lock: Lock) -> Memo {
    Memo {
        asset: AssetId::CCOS,
        value: MemoValue::Public(Amount::from_units(125_000_000)),
        lock,
        refund: Some(ZkAddress([13; 20])),
        data: vec![14, 15, 16],
        valid: DaaRange { start: DaaScore(17), end: DaaScore(18) },
    }
}

fn hidden_memo() -> Memo {
    let value =
        MemoValue::Hidden { commitment: point(19), ephemeral: point(20), sealed: SealedBytes([21; SEALED_LEN_BYTES]) };
    Memo { value, refund: None, valid: DaaRange::ALWAYS, ..memo(Lock::Address(ZkAddress([22; 20]))) }
}

fn key_signature(n: u8) -> KeySignature {
    KeySignature { public_key: PublicKeyBytes([2; 33]), signature: [n; 64] }
}

fn transaction() -> Transaction {
    let outpoint = |n| OutPoint { source: Hash32([n; 32]), index: u32::from(n) };
    let spent_coin = Input::Coin {
        asset: AssetId::STR,
        owner: one_time_key(30),
        c: point(33),
        d: point(34),
        value_commitment: point(35),
    };
    let spent_memo = Input::Memo { terms: hidden_memo().terms(), branch: LockBranch::Owner };
    let core = TxCore {
        version: TX_VERSION,
        chain: 1313,
        action: Action::Transfer,
        inputs: vec![
            TxInput { outpoint: outpoint(1), consumed: spent_coin },
            TxInput { outpoint: outpoint(2), consumed: spent_memo },
        ],
        outputs: vec![
            Output::Coin { coin: coin(), value_commitment: point(36) },
            Output::Memo(memo(Lock::Address(ZkAddress([37; 20])))),
        ],
        fee: Amount::from_units(2_900),
        valid: DaaRange { start: DaaScore(0), end: DaaScore(86_400) },
        salt: [38; 32],
    };
    let witness = Witness {
        range_proof: vec![39; 577],
        inputs: vec![InputWitness::Coin([40; 256]), InputWitness::Signature(key_signature(41))],
        outputs: vec![[42; 192]],
        action: ActionWitness::None,
        kernel: [43; 64],
    };
    Transaction { core, witness }
}

/// Consumes a Memo by each branch whose witness is more than one signature, and one hash lock by its refund.
fn locked_transaction() -> Transaction {
    let consumed = |lock: &Lock, branch| {
        let terms = Memo { refund: None, valid: DaaRange::ALWAYS, ..memo(lock.clone()) }.terms();
        Input::Memo { terms, branch }
    };
    let [_, multisig, _, timelock, post_quantum] = &locks()[..] else { panic!("five locks") };
    let inputs = [
        consumed(multisig, LockBranch::Owner),
        consumed(timelock, LockBranch::Owner),
        consumed(timelock, LockBranch::Refund),
        consumed(post_quantum, LockBranch::Owner),
    ];
    let ml_dsa = Box::new(MlDsaSignature { key: [95; ML_DSA_KEY_BYTES], signature: [96; ML_DSA_SIGNATURE_BYTES] });
    let witness = Witness {
        range_proof: Vec::new(),
        inputs: vec![
            InputWitness::Multisig(
                [(0, 90), (2, 91)].map(|(index, n)| IndexedSignature { index, signature: [n; 64] }).to_vec(),
            ),
            InputWitness::HashClaim { preimage: [92; PREIMAGE_BYTES], signed: key_signature(93) },
            InputWitness::Signature(key_signature(94)),
            InputWitness::PostQuantum { signed: key_signature(97), ml_dsa },
        ],
        outputs: Vec::new(),
        action: ActionWitness::None,
        kernel: [98; 64],
    };
    let core = TxCore {
        inputs: (0..)
            .zip(inputs)
            .map(|(index, consumed)| TxInput { outpoint: OutPoint { source: Hash32([99; 32]), index }, consumed })
            .collect(),
        outputs: vec![Output::Memo(memo(Lock::Address(ZkAddress([37; 20]))))],
        ..transaction().core
    };
    Transaction { core, witness }
}

fn actions() -> Vec<(&'static str, Action, ActionWitness)> {
    let (validator, delegator) = (Hash32([100; 32]), ZkAddress([101; 20]));
    let amount = Amount::from_units(102);
    let owner = || ActionWitness::Owner(key_signature(103));
    let vote = |fill| {
        let at = |index, byte| Checkpoint { index, block: BlockHash([byte; 32]) };
        Vote {
            chain: 1313,
            genesis: BlockHash([80; 32]),
            epoch: 104,
            validator,
            link: Link { source: at(105, 106), target: at(107, fill) },
            signature: Box::new([fill; ML_DSA_SIGNATURE_BYTES]),
        }
    };
    let register =
        Register { key: Box::new([110; ML_DSA_KEY_BYTES]), owner: delegator, commission_bps: 500, stake: amount };
    let registered =
        ActionWitness::Register { owner: key_signature(111), key: Box::new([112; ML_DSA_SIGNATURE_BYTES]) };
    let report = Report { evidence: Box::new(Evidence::new(vote(113), vote(114))), reporter: delegator };
    let (nonce, what) = (115, Withdrawn::StakeAndRewards);
    vec![
        ("register", Action::Register(register), registered),
        ("delegate", Action::Delegate(Delegate { validator, delegator, amount }), ActionWitness::None),
        ("undelegate", Action::Undelegate(Undelegate { validator, delegator, amount, nonce }), owner()),
        ("withdraw", Action::Withdraw(Withdraw { validator, delegator, what, nonce }), owner()),
        ("unjail", Action::Unjail(Unjail { validator, owner: delegator, nonce }), owner()),
        ("evidence", Action::Evidence(report), ActionWitness::VoteKey(Box::new([116; ML_DSA_KEY_BYTES]))),
    ]
}

fn acting(action: Action, witness: ActionWitness) -> Transaction {
    let tx = transaction();
    Transaction { core: TxCore { action, ..tx.core }, witness: Witness { action: witness, ..tx.witness } }
}

fn validator(standing: ValidatorStanding) -> Validator {
    let [bonded, leaving, held] = [120, 121, 122].map(Amount::from_units);
    let key = Box::new([123; ML_DSA_KEY_BYTES]);
    let (commission_bps, reward_per_unit) = (124, 125 << 64);
    Validator {
        key,
        commission_bps,
        standing,
        bonded,
        leaving,
        held,
        reward_per_unit,
        delegations: 126,
        nonce_floor: 127,
    }
}

fn delegation() -> Delegation {
    let leaving =
        [(130, 131), (132, 133)].map(|(matures, units)| Leaving { matures, amount: Amount::from_units(units) });
    Delegation {
        validator: Hash32([134; 32]),
        bonded: Amount::from_units(135),
        leaving: leaving.to_vec(),
        rewards: Amount::from_units(136),
        settled: 137 << 64,
    }
}

fn overlay() -> OverlayRecord {
    OverlayRecord {
        epoch: 140,
        epoch_ends: DaaScore(141),
        boundary: 142,
        certified: Checkpoint { index: 143, block: BlockHash([144; 32]) },
        certified_daa: DaaScore(145),
        certificates: 146,
        signed: [147, 148].map(|n| Signed { validator: Hash32([n; 32]), certificates: 149 }).to_vec(),
        slashes: [150, 151].map(|day| RecentSlash { day, stake: Amount::from_units(152) }).to_vec(),
    }
}

fn header() -> Header {
    Header {
        version: BLOCK_VERSION,
        parents: vec![BlockHash([1; 32]), BlockHash([2; 32])],
        tx_root: Hash32([3; 32]),
        accepted_root: Hash32([4; 32]),
        utxo_commit: Hash32([5; 32]),
        state_root: Hash32([6; 32]),
        chain_mmr_root: Hash32([7; 32]),
        timestamp: TimestampMs(1_795_132_800_000),
        nonce: 8,
        bits: CompactTarget::EASIEST,
        daa_score: DaaScore(9),
        blue_score: BlueScore(10),
        blue_work: BlueWork::from_u64(11),
        cert: CertRef::genesis(),
        mix_digest: [12; 32],
    }
}

fn body() -> Body {
    let payout =
        PayoutKey { owner: one_time_key(50), ephemeral: point(53), sealed: SealedBytes([54; SEALED_LEN_BYTES]) };
    Body { payout, extra: b"umbel".to_vec(), txs: vec![transaction()], certificate: Vec::new() }
}

fn states() -> Vec<State> {
    let member = SetMember { key_hash: Hash32([60; 32]), stake: Amount::from_units(61) };
    let set = ValidatorSet { epoch: 62, members: vec![member] };
    let balance = LedgerBalance::RewardPool.object();
    vec![
        State::of_ledger(balance, StateClass::Balance, &Amount::from_units(63)),
        State {
            nonce: 64,
            script: Hash32([65; 32]),
            owner: Some(ZkAddress([66; 20])),
            deposit: Amount::from_units(67),
            valid: DaaRange { start: DaaScore(68), end: DaaScore(69) },
            ..State::of_ledger(ValidatorSet::object(62), StateClass::ValidatorSet, &set)
        },
    ]
}

/// Checks the round trip, that every proper prefix and one byte more are refused, and gives length and digest.
fn frozen<T: Encode + Decode + PartialEq + std::fmt::Debug>(value: &T) -> (usize, String) {
    let bytes = value.to_bytes();
    assert_eq!(T::from_bytes(&bytes).as_ref(), Ok(value));
    for n in 0..bytes.len() {
        assert!(T::from_bytes(&bytes[..n]).is_err(), "a prefix of {n} bytes was read");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(T::from_bytes(&longer).is_err());
    let digest = Hasher::new(Domain::LIST).with_bytes(&bytes).finish().to_string();
    (bytes.len(), digest[..16].to_owned())
}

/// Whatever decodes encodes to the same bytes: no value has two encodings. Every byte is changed in two ways.
fn injective<T: Encode + Decode + PartialEq>(value: &T) {
    let bytes = value.to_bytes();
    for i in 0..bytes.len() {
        for flip in [1u8, 0x80] {
            let mut changed = bytes.clone();
            changed[i] ^= flip;
            if let Ok(other) = T::from_bytes(&changed) {
                assert!(other != *value, "byte {i} has no meaning");
                assert_eq!(other.to_bytes(), changed, "byte {i} has a second form");
            }
        }
    }
}

fn check<T: Encode + Decode + PartialEq + std::fmt::Debug>(name: &str, value: &T, expected: (usize, &str)) {
    injective(value);
    let (length, digest) = frozen(value);
    assert_eq!((length, digest.as_str()), expected, "{name}");
}

#[test]
fn encodings_are_frozen() {
    check("coin", &coin(), COIN);
    for (lock, expected) in locks().into_iter().zip(MEMOS) {
        check("memo", &memo(lock), expected);
    }
    check("hidden memo", &hidden_memo(), HIDDEN_MEMO);
    check("transaction", &transaction(), TRANSACTION);
    check("locked transaction", &locked_transaction(), LOCKED_TRANSACTION);
    check("header", &header(), HEADER);
    check("block", &Block { header: header(), body: body() }, BLOCK);
    for (state, expected) in states().iter().zip(STATES) {
        check("state", state, expected);
    }
    let entry = UtxoEntry {
        output: StoredOutput::Coin { coin: coin(), public_value: Some(Amount::from_units(70)) },
        origin: Origin::Coinbase,
        daa_score: DaaScore(71),
    };
    check("utxo entry", &entry, UTXO_ENTRY);
}

#[test]
fn encodings_of_stake_are_frozen() {
    for ((name, action, witness), expected) in actions().into_iter().zip(ACTIONS) {
        check(name, &acting(action, witness), expected);
    }
    let standings =
        [ValidatorStanding::Good, ValidatorStanding::Jailed, ValidatorStanding::Slashed { kept_ppb: WHOLE_PPB }];
    for (standing, expected) in standings.into_iter().zip(VALIDATORS) {
        check("validator", &validator(standing), expected);
    }
    check("delegation", &delegation(), DELEGATION);
    check("overlay", &overlay(), OVERLAY);
}

#[test]
fn ids_are_frozen() {
    let tx = transaction();
    let genesis = BlockHash([80; 32]);
    let short = |text: String| text[..16].to_owned();
    let ids = [
        ("txid", short(tx.txid().to_string())),
        ("wtxid", short(tx.wtxid().to_string())),
        ("sighash", short(tx.core.sighash(genesis).to_string())),
        ("block", short(header().hash().to_string())),
        ("pre-pow", short(header().pre_pow_hash().to_string())),
        ("tx root", short(body().tx_root().to_string())),
        ("coinbase", short(OutPoint::of_coinbase(genesis).source.to_string())),
    ];
    for ((name, id), expected) in ids.iter().zip(IDS) {
        assert_eq!(id, expected, "{name}");
    }
}

/// What a decoder must refuse although each part reads well.
#[test]
fn values_that_break_an_invariant_are_refused() {
    let hidden_elsewhere = Memo { lock: Lock::NameCommit { hash: Hash32([1; 32]) }, ..hidden_memo() };
    assert!(Memo::from_bytes(&hidden_elsewhere.to_bytes()).is_err(), "hidden under another lock than Address");
    let no_refund = Memo { refund: None, ..memo(locks()[0].clone()) };
    assert!(Memo::from_bytes(&no_refund.to_bytes()).is_err(), "an end without a refund");
    let no_end = Memo { valid: DaaRange::ALWAYS, ..memo(locks()[0].clone()) };
    assert!(Memo::from_bytes(&no_end.to_bytes()).is_err(), "a refund without an end");
    let key = |n| PublicKeyBytes([n; 33]);
    for (m, keys) in [(0, vec![key(1)]), (2, vec![key(1)]), (1, vec![key(2), key(1)]), (1, vec![key(1), key(1)])] {
        let lock = Lock::Multisig { m, keys };
        assert!(Lock::from_bytes(&lock.to_bytes()).is_err(), "{lock:?}");
    }
    let slashed = |kept_ppb| validator(ValidatorStanding::Slashed { kept_ppb });
    assert!(Validator::from_bytes(&slashed(WHOLE_PPB + 1).to_bytes()).is_err(), "more than all is left");
    let mut unordered = delegation();
    unordered.leaving[1].matures = unordered.leaving[0].matures;
    assert!(Delegation::from_bytes(&unordered.to_bytes()).is_err(), "two entries of one epoch");
    let mut twice = overlay();
    twice.signed[1].validator = twice.signed[0].validator;
    assert!(OverlayRecord::from_bytes(&twice.to_bytes()).is_err(), "a signer twice");
    let mut twice = overlay();
    twice.slashes[1].day = twice.slashes[0].day;
    assert!(OverlayRecord::from_bytes(&twice.to_bytes()).is_err(), "a day twice");
    let backwards = DaaRange { start: DaaScore(5), end: DaaScore(5) };
    assert!(DaaRange::from_bytes(&backwards.to_bytes()).is_err());
}

const COIN: (usize, &str) = (341, "d8d292af073a5ec6");
const MEMOS: [(usize, &str); 5] = [
    (106, "0b7c756d742cf134"),
    (190, "30d83bb212ede095"),
    (118, "c5a7eb7573d1ecd8"),
    (166, "df1e80474abcfb72"),
    (138, "7558547802e66dae"),
];
const HIDDEN_MEMO: (usize, &str) = (193, "ef75ca3a7044dd98");
const TRANSACTION: (usize, &str) = (2_259, "1af4aebf7306e15d");
const LOCKED_TRANSACTION: (usize, &str) = (6_792, "883071386367ef40");
const HEADER: (usize, &str) = (366, "5a478cd291e05244");
const BLOCK: (usize, &str) = (2_821, "3b984a8f6eb7ee0f");
const STATES: [(usize, &str); 2] = [(110, "7017dcb9a62eea57"), (174, "5a9e6f5a2e84d141")];
const ACTIONS: [(usize, &str); 6] = [
    (7_647, "5f969b4348d27954"),
    (2_319, "d6aae0fe2ac53d97"),
    (2_424, "10ab1b3e1e0fc359"),
    (2_417, "19a73b87753918ef"),
    (2_416, "902e0acae57328e2"),
    (11_145, "2c66a410c7b5841c"),
];
const VALIDATORS: [(usize, &str); 3] =
    [(2_007, "9e913257cd3e7409"), (2_007, "85cf6d8eef08d0b2"), (2_011, "86c763176e8f4455")];
const DELEGATION: (usize, &str) = (100, "e4e025c76675e85c");
const OVERLAY: (usize, &str) = (180, "6221c2b10620e7c3");
const UTXO_ENTRY: (usize, &str) = (360, "d80913570c6f99c5");
const IDS: [&str; 7] = [
    "568122543931fce1",
    "e116fdcfbda6fb26",
    "51eef4565b02c5b2",
    "24ea9be1d16eee1c",
    "0d30a12d608415df",
    "151a4daa23578bbc",
    "10eb3f1d00bf06f3",
];
