//! Calls that have been answered, for the platform's retries of them.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Answer, RequestKey};

/// A call that has been answered, and how. Sessions are read and written all the time, and hardly any of their answers is
/// ever asked for: one that comes from a store stays as it was written there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answered {
    /// Which call.
    pub request: RequestKey,
    /// Whether it was to send a code.
    pub(super) is_of_a_send: bool,
    answer: Kept,
}

/// An answer cannot be read: another release wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

#[derive(Clone, Debug)]
enum Kept {
    /// As it was given.
    Given(Answer),
    /// As it was written: `MessagePack`, every field by its name.
    Written(Box<[u8]>),
}

impl Answered {
    /// Keeps an answer.
    #[must_use]
    pub const fn new(request: RequestKey, answer: Answer) -> Self {
        Self { request, is_of_a_send: answer.report.status.is_of_a_send(), answer: Kept::Given(answer) }
    }

    /// How the call was answered.
    ///
    /// # Errors
    /// [`Unreadable`]. It was answered all the same, and must not be carried out again.
    pub fn answer(&self) -> Result<Cow<'_, Answer>, Unreadable> {
        match &self.answer {
            Kept::Given(answer) => Ok(Cow::Borrowed(answer)),
            Kept::Written(bytes) => rmp_serde::from_slice(bytes).map(Cow::Owned).map_err(|_| Unreadable),
        }
    }
}

impl PartialEq for Answered {
    fn eq(&self, other: &Self) -> bool {
        self.request == other.request && self.answer() == other.answer()
    }
}

impl Eq for Answered {}

impl Serialize for Kept {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Given(answer) => {
                let bytes = rmp_serde::to_vec_named(answer).map_err(serde::ser::Error::custom)?;
                serializer.serialize_bytes(&bytes)
            }
            Self::Written(bytes) => serializer.serialize_bytes(bytes),
        }
    }
}

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_bytes::deserialize(deserializer).map(Self::Written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::dialog::{Report, Status};

    #[test]
    fn answers_are_read_when_they_are_asked_for() {
        let request: RequestKey = rmp_serde::from_slice(&[&[0xc4, 16][..], &[7; 16]].concat()).unwrap();
        let answer = Answer::new(Report::bare(Status::Queued, "slow", Timestamp::from_millis(5)));
        let given = Answered::new(request, answer.clone());
        let bytes = rmp_serde::to_vec_named(&given).unwrap();
        let written: Answered = rmp_serde::from_slice(&bytes).unwrap();
        assert_eq!((&written, written.answer().as_deref()), (&given, Ok(&answer)));
        assert_eq!(rmp_serde::to_vec_named(&written).unwrap(), bytes);
        assert!(written.is_of_a_send);
        // What another release says is passed on as it is, and not taken for something else.
        let strange = Answered { answer: Kept::Written([0xc0].into()), ..written };
        let passed: Answered = rmp_serde::from_slice(&rmp_serde::to_vec_named(&strange).unwrap()).unwrap();
        assert_eq!(passed.answer(), Err(Unreadable));
    }
}
