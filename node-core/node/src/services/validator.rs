//! Validating: this machine's vote key, and on devnet the four whose keys everybody knows.
//!
//! The own key lies in two files ([`crate::validator`]) and is open only after its password was given; no spend key is
//! needed for it. Devnet's four have guards in memory, begun from what the chain's own store knows of finality: their
//! votes never leave this process, so what a crash loses of the chain it loses of their votes too.

use std::path::Path;
use std::sync::{Arc, Mutex};

use umbel_api::node::NodeWarning;
use umbel_api::stake::{MovedKey, ValidatingState, ValidatingStatus, Watched};
use umbel_api::{ApiError, ErrorCode};
use umbel_crypto::keys::{MlDsaRole, Mnemonic};
use umbel_crypto::sealed_file::KdfCost;
use umbel_types::consensus_api::{ConsensusApi, FinalityStatus, VoteAdmission, VoteError};
use umbel_types::genesis::DEVNET_WORDS;
use umbel_types::vote::Vote;
use umbel_types::{BlockHash, Hash32, Network, Params};
use umbel_wallet::KdfProfile;

use super::chain::Chain;
use super::{TICK, locked};
use crate::config::Layout;
use crate::node::Core;
use crate::validator::bundle::{Bundle, BundledGuard};
use crate::validator::disk::{Disk, MemoryDisk, RealDisk};
use crate::validator::guard::{GuardError, GuardFile};
use crate::validator::key_file::{KeyFile, KeyFileError, KeyInfo, VoteKey};
use crate::validator::signer::{Signer, Standing};

/// Seconds of votes to watch without a guard (F3).
const WATCH_S: u64 = 2 * 3600;
/// The same on devnet, where nobody can run a key twice over a network.
const DEVNET_WATCH_S: u64 = 60;
/// Validators that devnet's genesis names; the vote keys of that many numbers.
const DEVNET_VALIDATORS: u32 = 4;
/// Votes heard in one go.
const VOTES_STEP: usize = 256;
/// Rounds in one go: a vote may justify what the next one is for.
const ROUNDS: usize = 8;
/// Votes that consensus could not take yet and that are given to it again: more than all keys cast in a checkpoint.
const MAX_UNSENT: usize = 64;

/// A signer, and how far it has heard.
struct Post {
    signer: Signer,
    heard: u64,
}

impl Post {
    fn new(signer: Signer) -> Self {
        Self { signer, heard: 0 }
    }

    /// Hears what is new.
    fn listen(&mut self, consensus: &dyn ConsensusApi) {
        loop {
            let votes = consensus.votes_since(self.heard, VOTES_STEP);
            let Some((last, _)) = votes.last() else { break };
            self.heard = *last;
            for (_, vote) in &votes {
                self.signer.hear(vote);
            }
        }
        self.signer.start();
    }
}

struct Files {
    key: Result<Option<KeyInfo>, KeyFileError>,
    moved: bool,
}

#[derive(Default)]
struct Crew {
    /// The chain that the posts below have heard.
    epoch: u64,
    version: u64,
    own: Option<Post>,
    devnet: Vec<Post>,
    unsent: Vec<Vote>,
}

/// The vote key of this machine, and devnet's.
pub(crate) struct ValidatorService {
    key_path: std::path::PathBuf,
    guard_path: std::path::PathBuf,
    genesis: BlockHash,
    network: Network,
    watch_for: u32,
    crew: Mutex<Crew>,
    /// What the files say, read when they change: nobody else writes them.
    files: Mutex<Files>,
}

impl ValidatorService {
    /// Reads what lies open of the key file.
    pub(crate) fn new(layout: &Layout, params: &Params, genesis: BlockHash) -> Self {
        let seconds = if params.network == Network::Devnet { DEVNET_WATCH_S } else { WATCH_S };
        let checkpoints = params.daa_of_seconds(seconds).div_ceil(params.checkpoint_interval);
        let service = Self {
            key_path: layout.validator_key(),
            guard_path: layout.validator_guard(),
            genesis,
            network: params.network,
            watch_for: u32::try_from(checkpoints).unwrap_or(u32::MAX),
            crew: Mutex::default(),
            files: Mutex::new(Files { key: Ok(None), moved: false }),
        };
        service.read_files();
        service
    }

    fn read_files(&self) {
        let key = KeyFile::read(&RealDisk, &self.key_path, self.genesis);
        let key = key.map(|file| file.map(|file| file.info));
        let moved = match &key {
            Ok(Some(info)) => self.guard(info.hash).guard().is_some_and(|guard| guard.moved),
            Ok(None) | Err(_) => false,
        };
        *locked(&self.files) = Files { key, moved };
    }

    fn key_file(&self) -> Result<KeyFile, ApiError> {
        let file = KeyFile::read(&RealDisk, &self.key_path, self.genesis)?;
        file.ok_or_else(|| {
            ApiError::new(ErrorCode::NotFound, "this machine has no vote key; `umbel stake register` makes one")
        })
    }

    fn guard(&self, key: Hash32) -> GuardFile {
        GuardFile::open(Arc::new(RealDisk), &self.guard_path, self.genesis, key)
    }

    fn kdf_cost(&self) -> KdfCost {
        KdfProfile::of(self.network).cost()
    }

    /// Seals a vote key on this machine. A key that no chain knows as a validator's never signed: it gets a guard now.
    pub(crate) fn keep(
        &self,
        index: u32,
        seed: &[u8; 32],
        password: &str,
        never_registered: bool,
    ) -> Result<Hash32, ApiError> {
        if password.is_empty() {
            return Err(ApiError::new(ErrorCode::BadInput, "the password of the vote key is empty: choose one"));
        }
        let crew = locked(&self.crew);
        let hash = self.write_key(index, seed, password, never_registered)?;
        drop(crew);
        self.read_files();
        Ok(hash)
    }

    /// Guard and key onto the disk, while nobody opens them.
    fn write_key(
        &self,
        index: u32,
        seed: &[u8; 32],
        password: &str,
        never_registered: bool,
    ) -> Result<Hash32, ApiError> {
        let hash = VoteKey::from_seed(seed).hash();
        if let Some(there) = KeyFile::read(&RealDisk, &self.key_path, self.genesis)? {
            if there.info.hash != hash {
                return Err(ApiError::new(
                    ErrorCode::BadInput,
                    format!(
                        "this machine has the vote key of validator {} already; move that one first",
                        there.info.hash
                    ),
                ));
            }
            if never_registered {
                // A registration that is tried again keeps the file, and with it the password.
                there.open(password)?;
                return Ok(hash);
            }
        }
        let mut guard = self.guard(hash);
        if never_registered && guard.guard().is_none() {
            guard.begin(0, 0).map_err(|error| guard_error(&error))?;
        }
        let file = KeyFile::seal(self.genesis, index, seed, password, &self.kdf_cost())?;
        file.write(&RealDisk, &self.key_path)?;
        Ok(hash)
    }

    /// Opens the vote key: it votes from the next proposal on, if its guard lets it.
    pub(crate) fn start(&self, password: &str) -> Result<(), ApiError> {
        let file = self.key_file()?;
        let seed = file.open(password)?;
        let mut crew = locked(&self.crew);
        if crew.own.is_none() {
            let key = VoteKey::from_seed(&seed);
            let guard = self.guard(key.hash());
            if guard.guard().is_some_and(|guard| guard.moved) {
                return Err(guard_error(&GuardError::Moved));
            }
            let signer = Signer::new(key, guard, self.watch_for);
            tracing::info!(validator = %signer.id(), "the vote key is open");
            crew.own = Some(Post::new(signer));
            // The next round looks although nothing is new.
            crew.version = 0;
        }
        drop(crew);
        self.read_files();
        Ok(())
    }

    /// Drops the vote key.
    pub(crate) fn stop(&self) {
        locked(&self.crew).own = None;
    }

    /// Seals key and guard for another machine. From now on this one never signs with it.
    pub(crate) fn move_out(&self, password: &str) -> Result<MovedKey, ApiError> {
        let file = self.key_file()?;
        let seed = file.open(password)?;
        let mut crew = locked(&self.crew);
        let mut post = crew.own.take();
        let mut read;
        let guard = match &mut post {
            Some(post) => post.signer.guard_mut(),
            None => {
                read = self.guard(file.info.hash);
                &mut read
            }
        };
        // Where no target is known, nothing was signed or nobody knows what: either way the other machine watches first. So
        // it is where the key has left before: it may have signed elsewhere since.
        let known = guard.guard().filter(|guard| !guard.moved && guard.signed.max_target > 0).map(BundledGuard::from);
        // Before the bundle exists: whatever happens from here on, at most one machine signs.
        guard.mark_moved().map_err(|error| guard_error(&error))?;
        let bundle = Bundle { genesis: self.genesis, index: file.info.index, seed, guard: known };
        let sealed = bundle.seal(password, &self.kdf_cost())?;
        drop(crew);
        self.read_files();
        Ok(MovedKey { sealed: hex::encode(sealed), validator: file.info.hash.to_string() })
    }

    /// Takes a key over from another machine, and opens it.
    pub(crate) fn move_in(&self, sealed: &str, password: &str) -> Result<(), ApiError> {
        let bad = || ApiError::new(ErrorCode::BadInput, "this is no vote key on its way to another machine");
        let bytes = hex::decode(sealed.trim()).map_err(|_| bad())?;
        let bundle = Bundle::open(&bytes, password)?;
        if bundle.genesis != self.genesis {
            return Err(ApiError::new(ErrorCode::WrongNetwork, "the vote key is of another chain"));
        }
        // Held until the guard is the one that came: whoever opened the key in between would sign by another.
        let crew = locked(&self.crew);
        if crew.own.is_some() {
            return Err(ApiError::new(ErrorCode::BadInput, "a vote key is open here; stop it first"));
        }
        self.write_key(bundle.index, &bundle.seed, password, false)?;
        let mut guard = self.guard(bundle.hash());
        match bundle.guard {
            // A file that this machine wrote itself may have been taken over elsewhere: it watches first then.
            Some(known) if !guard.left_after(known.generation, known.target) => {
                guard.take_over(known.generation, known.source, known.target).map_err(|error| guard_error(&error))?;
            }
            // Nobody knows what it signed: it watches first.
            _ => RealDisk.remove(&self.guard_path).map_err(|error| guard_error(&GuardError::Disk(error)))?,
        }
        drop(crew);
        self.start(password)
    }

    /// Devnet starts anew: nobody remembers what was signed on its old chain.
    pub(crate) fn forget_devnet(&self) -> std::io::Result<()> {
        locked(&self.crew).own = None;
        let removed = RealDisk.remove(&self.guard_path);
        self.read_files();
        removed
    }

    /// One round: waits for something new, hears, votes.
    pub(crate) fn step(&self, core: &Core) {
        let Some(chain) = core.chain.running() else {
            core.stop.wait(TICK);
            return;
        };
        let known = locked(&self.crew).version;
        let state = chain.consensus.wait_newer(known, TICK);
        if state.version != known {
            self.vote(core, &chain);
        }
    }

    /// Hears what is new and casts every vote that may be cast. Devnet's blocks on demand wait for it.
    pub(crate) fn vote(&self, core: &Core, chain: &Chain) {
        let consensus = chain.consensus.as_ref();
        let mut crew = locked(&self.crew);
        crew.enter(chain.epoch, self, consensus);
        // Read before the rounds: what comes meanwhile makes one more.
        crew.version = consensus.virtual_state().version;
        for _ in 0..ROUNDS {
            if core.stop.is_set() || !crew.round(&core.params, self.genesis, consensus) {
                break;
            }
        }
    }

    /// What the vote key of this machine does.
    pub(crate) fn state(&self, finality: Option<&FinalityStatus>) -> ValidatingState {
        let mut state = ValidatingState::default();
        let (info, moved) = {
            let files = locked(&self.files);
            match &files.key {
                Ok(None) => return state,
                Ok(Some(info)) => (*info, files.moved),
                Err(error) => {
                    return ValidatingState {
                        status: ValidatingStatus::Stopped,
                        reason: Some(error.to_string()),
                        ..state
                    };
                }
            }
        };
        state.validator = Some(info.hash.to_string());
        let member = finality.and_then(|f| f.validators.iter().find(|v| v.id == info.hash));
        state.stake = member.map(|member| member.stake.to_string());
        let crew = locked(&self.crew);
        let Some(post) = &crew.own else {
            state.status = if moved { ValidatingStatus::Moved } else { ValidatingStatus::Locked };
            return state;
        };
        state.last_target =
            post.signer.guard().guard().map(|guard| guard.signed.max_target).filter(|target| *target > 0);
        state.reason.clone_from(&post.signer.trouble);
        match post.signer.standing() {
            Standing::Active if member.is_some_and(|member| member.equivocated) => {
                state.status = ValidatingStatus::Stopped;
                state.reason = Some("two of its votes contradict each other".to_owned());
            }
            Standing::Active if member.is_some() => state.status = ValidatingStatus::Active,
            Standing::Active => state.status = ValidatingStatus::Waiting,
            Standing::Watching { done, total, why } => {
                state.status = ValidatingStatus::Watching;
                state.watched = Some(Watched { done, total });
                state.reason = Some(why);
            }
            Standing::Moved => state.status = ValidatingStatus::Moved,
            Standing::Twin(why) => {
                state.status = ValidatingStatus::Stopped;
                state.reason = Some(why);
            }
        }
        state
    }

    /// What the person should know at once.
    pub(crate) fn warning(&self, state: &ValidatingState) -> Option<NodeWarning> {
        let reason = state.reason.as_deref().unwrap_or_default();
        let (code, message) = match state.status {
            ValidatingStatus::Stopped => (
                "validator_stopped",
                format!("this machine has stopped validating: {reason}. Make sure that the key runs in one place only"),
            ),
            ValidatingStatus::Active if state.reason.is_some() => {
                ("validator_trouble", format!("the last vote was not cast: {reason}"))
            }
            _ => return None,
        };
        Some(NodeWarning { code: code.to_owned(), message })
    }
}

impl Crew {
    /// Begins anew on another chain.
    fn enter(&mut self, epoch: u64, service: &ValidatorService, consensus: &dyn ConsensusApi) {
        if self.epoch == epoch {
            return;
        }
        self.epoch = epoch;
        self.unsent.clear();
        if let Some(own) = &mut self.own {
            own.heard = 0;
        }
        self.devnet = if service.network == Network::Devnet { devnet(service, consensus) } else { Vec::new() };
    }

    /// Hears and votes once; whether a vote was cast.
    fn round(&mut self, params: &Params, genesis: BlockHash, consensus: &dyn ConsensusApi) -> bool {
        for post in self.own.iter_mut().chain(&mut self.devnet) {
            post.listen(consensus);
        }
        let proposal = match consensus.vote_proposal() {
            Ok(Some(proposal)) => proposal,
            Ok(None) => return false,
            Err(error) => {
                tracing::warn!(%error, "nothing can be voted for");
                return false;
            }
        };
        let mut votes = std::mem::take(&mut self.unsent);
        let posts = self.own.iter_mut().chain(&mut self.devnet);
        votes.extend(posts.filter_map(|post| post.signer.consider(&proposal, params, genesis)));
        let mut cast = false;
        for vote in votes {
            let (validator, target) = (vote.validator, vote.link.target.index);
            match consensus.submit_vote(vote.clone()) {
                Ok(VoteAdmission::Added { .. }) => cast = true,
                Ok(VoteAdmission::Known) => {}
                Ok(VoteAdmission::Conflicting) => {
                    tracing::error!(%validator, target, "a vote of this machine contradicts one that was cast elsewhere");
                }
                Err(VoteError::TooNew { .. } | VoteError::Unavailable(_)) if self.unsent.len() < MAX_UNSENT => {
                    self.unsent.push(vote);
                }
                Err(error) => tracing::warn!(%validator, target, %error, "a vote was not taken"),
            }
        }
        cast
    }
}

/// The validators that devnet's genesis names. Everybody knows their keys, so nobody could steal them.
fn devnet(service: &ValidatorService, consensus: &dyn ConsensusApi) -> Vec<Post> {
    let Ok(words) = Mnemonic::parse(DEVNET_WORDS) else { return Vec::new() };
    let seed = words.to_seed("");
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
    let finality = consensus.finality();
    let posts = (0..DEVNET_VALIDATORS).map(|index| {
        let key = VoteKey::new(seed.ml_dsa_key(MlDsaRole::Vote, Network::Devnet, 0, index));
        let path = format!("devnet-{index}.guard");
        let mut guard = GuardFile::open(Arc::clone(&disk), Path::new(&path), service.genesis, key.hash());
        let voted = finality.validators.iter().find(|v| v.id == key.hash()).and_then(|v| v.last_target);
        let justified = finality.justified.index;
        if let Err(error) = guard.begin(justified, voted.unwrap_or(0).max(justified)) {
            tracing::error!(%error, "a validator of devnet has no guard");
        }
        Post::new(Signer::new(key, guard, service.watch_for))
    });
    posts.collect()
}

fn guard_error(error: &GuardError) -> ApiError {
    let code = match error {
        GuardError::Disk(_) => ErrorCode::DataFolder,
        GuardError::Missing | GuardError::Moved | GuardError::NotAllowed(_) => ErrorCode::BadInput,
    };
    ApiError::new(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layout;
    use umbel_types::vote::{Checkpoint, Link};

    const GENESIS: BlockHash = BlockHash([1; 32]);

    fn machine(folder: &Path) -> ValidatorService {
        ValidatorService::new(&Layout::new(folder, Network::Devnet), &Params::of(Network::Devnet), GENESIS)
    }

    /// The first file may have been taken over by now, and the key have signed there.
    #[test]
    fn only_the_first_file_of_a_moved_key_says_what_it_signed() {
        let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
        let [old, new, third] = [0, 1, 2].map(|n| machine(folders[n].path()));
        let id = old.keep(0, &[7; 32], "secret", true).unwrap();
        let at = |index| Checkpoint { index, block: BlockHash([9; 32]) };
        let _ = old.guard(id).raise(Link { source: at(3), target: at(4) }).unwrap();
        let first = old.move_out("secret").unwrap();
        let second = old.move_out("secret").unwrap();
        new.move_in(&first.sealed, "secret").unwrap();
        assert_eq!(new.state(None).status, ValidatingStatus::Waiting);
        assert_eq!(new.state(None).last_target, Some(4));
        third.move_in(&second.sealed, "secret").unwrap();
        assert_eq!(third.state(None).status, ValidatingStatus::Watching);
    }
}
