//! Where sessions are kept. A store keeps what it is given and lets only the first of two writers win; it knows no
//! rule on codes. What it frees after [`Session::forget_at`] is memory: whether a code has expired is decided in
//! [`crate::otp`], on every read.

mod memory;

pub use memory::Memory;

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use crate::clock::Timestamp;
use crate::dialog::{Session, SessionKey};
use crate::otp::ChallengeId;

/// Where sessions are kept.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// Which store.
    pub kind: Kind,
}

/// The stores there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// This process' memory: a restart forgets every code.
    Memory,
}

impl Settings {
    /// Opens the store.
    #[must_use]
    pub fn open(&self) -> Arc<dyn Store> {
        match self.kind {
            Kind::Memory => Arc::new(Memory::default()),
        }
    }
}

/// A session as it was read, and which of its versions that is.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The session.
    pub session: Arc<Session>,
    /// Its version; never given twice, not even to a later session under the same key.
    pub version: Version,
}

/// Names one state of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(pub u64);

/// A store cannot be reached or does not answer; nothing was read or written.
#[derive(Debug, thiserror::Error)]
#[error("the session store is unavailable: {0}")]
pub struct Unavailable(pub String);

/// Keeps sessions.
#[async_trait]
pub trait Store: Send + Sync {
    /// Reads a session, whatever its age.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn load(&self, key: &SessionKey) -> Result<Option<Stored>, Unavailable>;

    /// Writes a session if it is still at the version that was read (`None`: still absent). `false`: somebody else
    /// was first, and nothing was written.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn replace(
        &self,
        key: &SessionKey,
        seen: Option<Version>,
        session: Arc<Session>,
    ) -> Result<bool, Unavailable>;

    /// The session that a challenge is in, as long as it is that session's latest.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn owner(&self, challenge: ChallengeId) -> Result<Option<SessionKey>, Unavailable>;

    /// Frees what is past its [`Session::forget_at`], in small steps, and says how much is left. May take a while;
    /// not to be called on a thread that serves requests.
    fn sweep(&self, now: Timestamp) -> usize;
}
