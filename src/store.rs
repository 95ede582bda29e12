//! Where sessions are kept, and the accounts that addresses and users have. A store keeps what it is given and lets only
//! the first of two writers win; it knows no rule on codes. What it frees after [`Session::forget_at`] is memory: whether
//! a code has expired is decided in [`crate::otp`], on every read.

mod disk;
mod memory;
mod record;
mod redis;

pub use disk::{Disk, Flush, Folder, replace};
pub use memory::Memory;
pub use redis::Redis;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rand::CryptoRng;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::runtime::Handle;

use crate::clock::{self, Timestamp};
use crate::dialog::{Session, SessionKey};
use crate::otp::{Account, AccountId, Accounts, ChallengeId, Ticket};

/// Where sessions are kept.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// Which store.
    pub kind: Kind,
    /// The folder of the store on disk.
    pub path: PathBuf,
    /// When that store flushes.
    pub sync: Flush,
    /// Where Redis is: `redis://user:password@host:6379/0`, `rediss://` for TLS, `redis+sentinel://host,host/name` for
    /// whichever server the Sentinels call the master. A secret as a whole.
    pub redis_url: SecretString,
    /// What all our keys in Redis begin with.
    pub redis_prefix: String,
    /// A file of certificates (PEM) that Redis' is to be signed by, instead of the machine's own; empty for those.
    pub redis_ca_file: PathBuf,
    /// How long Redis may take for an answer, waiting for a connection included.
    #[serde(deserialize_with = "clock::duration")]
    pub redis_timeout: Duration,
}

/// The stores there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// This process' memory: a restart forgets every code.
    Memory,
    /// A Redis, which many servers share.
    Redis,
    /// A folder on this machine's disk, for one process.
    Disk,
}

impl Settings {
    /// Whether what goes to Redis can be overheard on its way to another machine.
    #[must_use]
    pub fn is_overheard(&self) -> bool {
        self.kind == Kind::Redis && redis::is_overheard(self.redis_url.expose_secret())
    }

    /// Opens the store. What it needs to run beside requests, it runs on `runtime`.
    ///
    /// # Errors
    /// The setting that cannot be used, and why.
    pub fn open(
        &self,
        rng: &mut dyn CryptoRng,
        runtime: &Handle,
    ) -> Result<Arc<dyn Store>, (&'static str, String)> {
        match self.kind {
            Kind::Memory => Ok(Arc::new(Memory::default())),
            Kind::Redis => Ok(Arc::new(Redis::open(self, rng, runtime)?)),
            Kind::Disk => match Disk::open(&self.path, self.sync) {
                Ok(disk) => Ok(Arc::new(disk)),
                Err(problem) => Err(("path", problem)),
            },
        }
    }
}

/// A record as it was read, and which of its versions that is.
#[derive(Clone, Debug)]
pub struct Stored<T> {
    /// What is in it.
    pub value: Arc<T>,
    /// Its version; never given twice, not even to a later record under the same name.
    pub version: Version,
}

/// Names one state of one record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u64);

/// What a store knows of a session and of the accounts that its next call may charge.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The session, if there is one.
    pub session: Option<Stored<Session>>,
    /// Those of the accounts that there are.
    pub accounts: Vec<(AccountId, Stored<Account>)>,
}

impl Snapshot {
    /// The accounts, for a turn.
    #[must_use]
    pub fn accounts(&self) -> Accounts {
        self.accounts.iter().map(|(id, account)| (*id, Arc::clone(&account.value))).collect()
    }

    /// The version of an account that was read; `None` if there was none.
    #[must_use]
    pub fn version_of(&self, id: AccountId) -> Option<Version> {
        self.accounts.iter().find(|(known, _)| *known == id).map(|(_, account)| account.version)
    }
}

/// What is to be written, all of it or nothing.
#[derive(Debug)]
pub struct Change {
    /// When it is made, by the clock that governs codes.
    pub at: Timestamp,
    /// The session.
    pub session: Option<Write<SessionKey, Session>>,
    /// Accounts, each at most once.
    pub accounts: Vec<Write<AccountId, Account>>,
    /// What is taken from a pool that many share.
    pub ticket: Option<Ticket>,
}

/// A record that is to be written, if it is still at the version that was read (`None`: still absent).
#[derive(Debug)]
pub struct Write<K, T> {
    /// Its name.
    pub key: K,
    /// The version that was read.
    pub seen: Option<Version>,
    /// What is to be in it.
    pub value: Arc<T>,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// It is written; this is the session's version now.
    Done(Version),
    /// Somebody else was first, and nothing was written.
    Raced,
    /// The pool has no ticket left, and nothing was written.
    SoldOut,
}

/// A store cannot be reached or does not answer. Nothing was read; whether what was to be written was, nobody can tell.
#[derive(Debug, thiserror::Error)]
#[error("the session store is unavailable: {0}")]
pub struct Unavailable(pub String);

/// Which sessions are looked for.
pub type Wanted = dyn Fn(&SessionKey, &Session) -> bool + Send + Sync;

/// Keeps sessions and accounts.
#[async_trait]
pub trait Store: Send + Sync {
    /// Reads a session, whatever its age, and with it `accounts` and the account of the session's own challenge. Each is
    /// as of some moment since the call; what is made of it together is checked when it is committed.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn load(&self, key: &SessionKey, accounts: &[AccountId]) -> Result<Snapshot, Unavailable>;

    /// Writes a change if nothing that it changes has been written meanwhile.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn commit(&self, change: Change) -> Result<Commit, Unavailable>;

    /// Gives a ticket back to its pool.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn give_back(&self, ticket: &Ticket) -> Result<(), Unavailable>;

    /// The session that a challenge is in, as long as it is that session's latest.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn owner(&self, challenge: ChallengeId) -> Result<Option<SessionKey>, Unavailable>;

    /// Looks through all sessions for those that are wanted, in no order, and gives `most` of them at the most. May take a
    /// while, and is not to be run on a thread that serves requests.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn find(&self, wanted: &Wanted, most: usize) -> Result<Vec<SessionKey>, Unavailable>;

    /// The folder that this store has to itself, if it has one.
    fn folder(&self) -> Option<&Folder> {
        None
    }

    /// Frees what is past its time, in small steps, and says how many sessions are left. May take a while; not to be
    /// called on a thread that serves requests.
    fn sweep(&self, now: Timestamp) -> usize;
}
