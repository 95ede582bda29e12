//! How a record stands in Redis: the record, and behind it what scripts look at, at fixed places from the end. For a
//! session these are the account of its challenge and the challenge's name (16 bytes each, zeros where there is none),
//! and for every record its version (8 bytes).

use std::sync::Arc;

use redis::Cmd;

use super::super::record::{read, write};
use crate::dialog::Session;
use crate::otp::Account;
use crate::store::{Stored, Unavailable, Version};

const NAMES: usize = 32;
const VERSION: usize = 8;

/// A record as Redis keeps it.
pub(super) struct Kept(Vec<u8>);

impl Kept {
    pub(super) fn session(session: &Session, version: Version) -> Result<Self, Unavailable> {
        let mut bytes = write(session)?;
        let (account, challenge) = match &session.challenge {
            Some(challenge) => (*challenge.account.bytes(), *challenge.id.bytes()),
            None => Default::default(),
        };
        bytes.extend_from_slice(&account);
        bytes.extend_from_slice(&challenge);
        Ok(Self::versioned(bytes, version))
    }

    pub(super) fn account(account: &Account, version: Version) -> Result<Self, Unavailable> {
        Ok(Self::versioned(write(account)?, version))
    }

    fn versioned(mut bytes: Vec<u8>, Version(version): Version) -> Self {
        bytes.extend_from_slice(&version.to_be_bytes());
        Self(bytes)
    }

    /// Adds what a commit has to know of it.
    pub(super) fn add(self, script: &mut Cmd, seen: Option<Version>, kept_for: u64) {
        match seen {
            Some(Version(seen)) => script.arg(&seen.to_be_bytes()[..]),
            None => script.arg(""),
        };
        script.arg(self.0).arg(kept_for);
    }
}

/// Reads a session.
///
/// # Errors
/// [`Unavailable`]: it is none that this release can read.
pub(super) fn kept_session(bytes: &[u8]) -> Result<Stored<Session>, Unavailable> {
    let (record, version) = parts(bytes, NAMES)?;
    Ok(Stored { value: Arc::new(read(record)?), version })
}

/// Reads an account.
///
/// # Errors
/// [`Unavailable`]: it is none that this release can read.
pub(super) fn kept_account(bytes: &[u8]) -> Result<Stored<Account>, Unavailable> {
    let (record, version) = parts(bytes, 0)?;
    Ok(Stored { value: Arc::new(read(record)?), version })
}

fn parts(bytes: &[u8], names: usize) -> Result<(&[u8], Version), Unavailable> {
    let parts = bytes.split_last_chunk::<VERSION>().and_then(|(rest, version)| {
        Some((rest.get(..rest.len().checked_sub(names)?)?, Version(u64::from_be_bytes(*version))))
    });
    parts.ok_or_else(|| Unavailable("a record in Redis is too short to be one".to_owned()))
}
