//! Nothing secret is logged or left readable on disk.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;
use umbel_crypto::Address;
use umbel_crypto::keys::WordCount;
use umbel_types::Network;
use umbel_wallet::{NewWallet, SendAmount};

use crate::chain::FakeChain;
use crate::people::{Home, PASSWORD, WORDS, mine_until_accepted, pay, request, reward, scan, str_tokens};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn logs_and_files_hold_no_secret() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let home = Home::new();
    let passphrase = "my secret passphrase";
    let note = "a note for nobody else";
    let fresh = tracing::subscriber::with_default(subscriber, || {
        let chain = FakeChain::new(Network::Devnet, Vec::new());
        let new = NewWallet { name: "Fresh", password: PASSWORD, passphrase };
        let (fresh, words) = home.folder.create(new, WordCount::TwentyFour).unwrap();
        let mut ann = home.restore("Ann", WORDS);
        reward(&chain, &ann, &[str_tokens(9)]);
        scan(&mut ann, &chain);
        let mut wanted = request(Address::Confidential(fresh.payout_address()), SendAmount::Exact(str_tokens(1)));
        wanted.note = note.to_owned();
        pay(&mut ann, &wanted).unwrap();
        mine_until_accepted(&chain, &mut ann);
        ann.lock();
        assert!(ann.unlock("wrong password").is_err());
        ann.unlock(PASSWORD).unwrap();
        let _ = home.folder.restore(NewWallet { name: "x", password: PASSWORD, passphrase }, "abandon abandon");
        home.folder.reveal("Fresh", PASSWORD).unwrap();
        words.to_string()
    });
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("wallet unlocked"), "the test sees the log: {log}");
    let mut files = Vec::new();
    for folder in std::fs::read_dir(home.dir.path()).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            files.push(std::fs::read(file.unwrap().path()).unwrap());
        }
    }
    assert!(files.len() >= 6);
    let words =
        |phrase: &str| phrase.split(' ').collect::<Vec<_>>().windows(2).map(|w| w.join(" ")).collect::<Vec<_>>();
    let mut secrets = [words(&fresh), words(WORDS)].concat();
    secrets.extend([PASSWORD, "wrong password", passphrase, note, "abandon"].map(str::to_owned));
    for secret in secrets {
        assert!(!log.contains(&secret), "the log holds {secret:?}");
        let holds = |file: &Vec<u8>| file.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!files.iter().any(holds), "a file holds {secret:?}");
    }
}
