//! Nothing about a transaction of stake can be changed after it was signed: every byte of one of each kind.

use umbel_crypto::ActionSecrets;
use umbel_types::Transaction;
use umbel_types::staking::Withdrawn;

use super::{STR, core, delegate, double_vote, prove, register, report, secp, undelegate, unjail, vote_key, withdraw};
use crate::bytes::every_byte;

const FEE: u64 = 200_000;

fn of(name: &str) -> Transaction {
    let key = vote_key(5).verifying_key();
    let (action, by) = match name {
        "register" => (register(5, 1, 10_000 * STR), ActionSecrets::Register { owner: secp(1), key: vote_key(5) }),
        "delegate" => (delegate(0, 5, 10 * STR), ActionSecrets::None),
        "undelegate" => (undelegate(0, 1, STR, 7), ActionSecrets::Owner(secp(1))),
        "withdraw" => (withdraw(0, 1, Withdrawn::StakeAndRewards, 7), ActionSecrets::Owner(secp(1))),
        "unjail" => (unjail(0, 1, 7), ActionSecrets::Owner(secp(1))),
        "evidence" => (report(double_vote(5, 3), 1), ActionSecrets::VoteKey(&key)),
        other => panic!("{other} is no Action"),
    };
    prove(core(action, 0, FEE), &by)
}

macro_rules! every_byte_of {
    ($($test:ident: $name:expr;)*) => {$(
        #[test]
        fn $test() {
            every_byte($name, &of($name));
        }
    )*};
}

every_byte_of! {
    of_a_registration: "register";
    of_a_delegation: "delegate";
    of_an_undelegation: "undelegate";
    of_a_withdrawal: "withdraw";
    of_an_unjailing: "unjail";
    of_evidence: "evidence";
}
