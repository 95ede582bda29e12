//! How records are written where they outlive the process. Every field stands there by its name, so that two releases can
//! share a store: what a reader does not know it passes over, and what it misses it takes for not there.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Unavailable, Version};
use crate::clock::Timestamp;
use crate::otp::ChallengeId;

/// How a record begins that is written thus. A release that changes the meaning of a field changes this.
const FORMAT: u8 = 2;

/// How many bytes there is room for before more is asked for: a session with some answers.
const USUAL: usize = 1024;

/// Writes a record.
///
/// # Errors
/// [`Unavailable`]: it cannot be written, which no record of ours is known for.
pub(super) fn write<T: Serialize>(record: &T) -> Result<Vec<u8>, Unavailable> {
    let mut bytes = Vec::with_capacity(USUAL);
    bytes.push(FORMAT);
    rmp_serde::encode::write_named(&mut bytes, record)
        .map_err(|error| Unavailable(format!("a record cannot be written: {error}")))?;
    Ok(bytes)
}

/// Reads a record.
///
/// # Errors
/// [`Unavailable`]: it is none, or one of a later format. Taking it for absent would hand out new guesses.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unavailable> {
    match bytes.split_first() {
        Some((&FORMAT, record)) => rmp_serde::from_slice(record)
            .map_err(|error| Unavailable(format!("a record cannot be read: {error}"))),
        Some((format, _)) => {
            Err(Unavailable(format!("a record has the format {format}, of another release")))
        }
        None => Err(Unavailable("a record is empty".to_owned())),
    }
}

/// What a store that keeps records unread has to know of one; it stands in front of the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// Its version.
    pub(super) version: Version,
    /// When it may be freed.
    pub(super) forget_at: Timestamp,
    /// The challenge in it, if it is a session that has one.
    pub(super) challenge: Option<ChallengeId>,
}

/// How long a head is.
const HEAD: usize = 33;

impl Head {
    /// Writes a record behind its head.
    pub(super) fn join<T: Serialize>(self, record: &T) -> Result<Vec<u8>, Unavailable> {
        let record = write(record)?;
        let mut bytes = Vec::with_capacity(HEAD + record.len());
        bytes.extend_from_slice(&self.version.0.to_be_bytes());
        bytes.extend_from_slice(&self.forget_at.millis().to_be_bytes());
        bytes.push(self.challenge.is_some().into());
        bytes.extend(self.challenge.as_ref().map_or(&[0; 16], ChallengeId::bytes));
        bytes.extend(record);
        Ok(bytes)
    }

    /// Puts another version into what [`Self::join`] wrote.
    pub(super) fn renumber(bytes: &mut [u8], version: Version) {
        if let Some(place) = bytes.first_chunk_mut() {
            *place = version.0.to_be_bytes();
        }
    }

    /// Takes head and record apart.
    ///
    /// # Errors
    /// [`Unavailable`]: there is no head.
    pub(super) fn split(bytes: &[u8]) -> Result<(Self, &[u8]), Unavailable> {
        let split = || {
            let (version, rest) = bytes.split_first_chunk()?;
            let (forget_at, rest) = rest.split_first_chunk()?;
            let ([has_challenge], rest) = rest.split_first_chunk()?;
            let (challenge, record) = rest.split_first_chunk::<16>()?;
            let head = Self {
                version: Version(u64::from_be_bytes(*version)),
                forget_at: Timestamp::from_millis(i64::from_be_bytes(*forget_at)),
                challenge: (*has_challenge == 1).then(|| ChallengeId::from(*challenge)),
            };
            Some((head, record))
        };
        split().ok_or_else(|| Unavailable("a record has no head".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Old {
        name: String,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct New {
        name: String,
        #[serde(default)]
        more: Vec<u32>,
    }

    #[test]
    fn releases_read_each_others_records() {
        let (old, new) = (Old { name: "a".to_owned() }, New { name: "a".to_owned(), more: vec![1] });
        assert_eq!(read::<Old>(&write(&new).unwrap()).unwrap(), old);
        assert_eq!(read::<New>(&write(&old).unwrap()).unwrap(), New { more: Vec::new(), ..new });
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_for_absent() {
        let whole = write(&Old { name: "a".to_owned() }).unwrap();
        let mut later = whole.clone();
        later[0] += 1;
        for bytes in [&[][..], &whole[..whole.len() - 1], &later, b"garbage"] {
            assert!(read::<Old>(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_head_stands_in_front_of_its_record() {
        let old = Old { name: "a".to_owned() };
        for challenge in [None, Some(ChallengeId::from([7; 16]))] {
            let head = Head { version: Version(1), forget_at: Timestamp::from_millis(-5), challenge };
            let mut bytes = head.join(&old).unwrap();
            Head::renumber(&mut bytes, Version(u64::MAX));
            let (read_head, record) = Head::split(&bytes).unwrap();
            assert_eq!(read_head, Head { version: Version(u64::MAX), ..head });
            assert_eq!(read::<Old>(record).unwrap(), old);
            assert!(Head::split(&bytes[..HEAD - 1]).is_err());
        }
    }
}
