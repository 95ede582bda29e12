//! The answer of every operation: a status to branch on, and the facts that go with it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use super::{Status, Wanted};
use crate::address::{Channel, Destination};
use crate::clock::Timestamp;
use crate::otp::{Accepted, Alphabet, Challenge, ChallengeId, Handover, Phase, Rules};

/// How many bytes of JSON there is room for before more is asked for.
const USUAL_LENGTH: usize = 512;

/// What there is to say where the status alone does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Topic {
    /// Which address a code may go to.
    Address,
    /// Which address it should go to instead.
    OtherAddress,
    /// Which of several addresses is meant.
    SeveralAddresses,
    /// That only addresses on file are used.
    EnrolledOnly,
    /// That only addresses on file are used, and there is none.
    NothingEnrolled,
    /// Which of several numbers is the code.
    SeveralCodes,
    /// That a number is not a code.
    NotACode,
    /// That nothing is sent to phones for a while.
    Halted,
    /// The same, and that an e-mail address can be used instead.
    HaltedUseMail,
}

/// Something a user can answer with instead of what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A new code.
    Resend,
    /// Another address.
    ChangeAddress,
    /// Nothing of all this.
    Cancel,
}

/// A status with its facts, as of a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How things stand.
    pub status: Status,
    /// What there is to say, where the status alone does not tell.
    pub topic: Option<Topic>,
    /// Whether it begins the dialog.
    pub greets: bool,
    /// What the user meant who typed no code: an utterance's name, for a dialog to branch on.
    pub intent: Option<&'static str>,
    /// Why, for developers; never shown to users.
    pub reason: Option<Box<str>>,
    /// The challenge it is about, if there is one.
    pub facts: Option<Facts>,
    /// Whether another address would be taken.
    pub address_can_change: bool,
    /// What kind of address is asked for, where one is.
    pub wanted: Wanted,
    /// The address that was proven.
    pub verified: Option<Destination>,
    /// Whether the dialog cannot know that address otherwise.
    pub tells_address: bool,
    pub(super) at: Timestamp,
}

/// What may be told of a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its public id.
    pub id: ChallengeId,
    /// By which channel its code went.
    pub channel: Channel,
    /// Where its code went, masked.
    pub to: Arc<str>,
    /// Characters in its code.
    pub length: u8,
    /// Whether the code is made of digits only.
    pub digits: bool,
    /// Whether the bot delivers the code itself.
    pub by_bot: bool,
    /// Which of its sends was the last, from 1.
    pub send: u8,
    /// When it expires, and what is left until then; `None` when it is over.
    pub live: Option<Live>,
}

/// What is left of a challenge that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Live {
    /// When it expires.
    pub expires_at: Timestamp,
    /// Wrong codes that may still be typed.
    pub attempts_left: u8,
    /// Codes that may still be sent.
    pub sends_left: u8,
}

impl Report {
    /// Reports on `challenge` as of `now`.
    #[must_use]
    pub fn new(
        status: Status,
        reason: Option<String>,
        challenge: Option<&Challenge>,
        rules: &Rules,
        now: Timestamp,
    ) -> Self {
        let facts = challenge.map(|challenge| Facts {
            id: challenge.id,
            channel: challenge.destination.channel(),
            to: challenge.destination.masked().into(),
            length: rules.format.length,
            digits: rules.format.alphabet == Alphabet::Digits,
            by_bot: challenge.handover == Handover::Bot,
            send: challenge.sends(),
            live: (challenge.phase(now) == Phase::Live).then(|| Live {
                expires_at: challenge.expires_at(),
                attempts_left: challenge.attempts_left(rules),
                sends_left: challenge.sends_left(rules),
            }),
        });
        let address_can_change = rules.destination == Accepted::Any;
        let reason = reason.map(Into::into);
        Self { reason, facts, address_can_change, ..Self::bare(status, "", now) }
    }

    /// Reports that there is nothing to report on.
    #[must_use]
    pub fn bare(status: Status, reason: impl Into<Box<str>>, now: Timestamp) -> Self {
        let reason = Some(reason.into());
        Self {
            status,
            topic: None,
            greets: false,
            intent: None,
            reason,
            facts: None,
            address_can_change: false,
            wanted: Wanted::default(),
            verified: None,
            tells_address: false,
            at: now,
        }
    }

    /// Whole seconds from the report until `moment`, rounded up, so that nobody comes back too early.
    #[must_use]
    pub fn seconds_until(&self, moment: Timestamp) -> u64 {
        moment.remaining(self.at).as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
    }

    /// Whether the user is to type something: a code, or an address.
    #[must_use]
    pub fn asks(&self) -> bool {
        let live = self.facts.as_ref().is_some_and(|facts| facts.live.is_some());
        let address = [Topic::Address, Topic::OtherAddress, Topic::SeveralAddresses, Topic::HaltedUseMail];
        live || self.topic.is_some_and(|topic| address.contains(&topic))
    }

    /// What the user can answer instead of what was asked for, in the order it is offered.
    #[must_use]
    pub fn choices(&self) -> &'static [Choice] {
        let live = self.facts.as_ref().is_some_and(|facts| facts.live.is_some());
        let again: &[Choice] = if self.address_can_change {
            &[Choice::Resend, Choice::ChangeAddress, Choice::Cancel]
        } else {
            &[Choice::Resend, Choice::Cancel]
        };
        if self.facts.as_ref().is_some_and(|facts| facts.by_bot) {
            return &[];
        }
        match (self.status, self.topic) {
            (_, Some(Topic::Address | Topic::OtherAddress | Topic::SeveralAddresses)) => &[Choice::Cancel],
            (_, Some(Topic::HaltedUseMail)) => &[Choice::ChangeAddress, Choice::Cancel],
            (_, Some(Topic::Halted)) => &[],
            (Status::InvalidDestination, _) if !live => &[Choice::Cancel],
            (Status::Undeliverable, _) if self.address_can_change => &[Choice::ChangeAddress, Choice::Cancel],
            (
                Status::Sent
                | Status::Queued
                | Status::Incorrect
                | Status::Superseded
                | Status::Unrecognized
                | Status::Expired
                | Status::SendFailed
                | Status::InvalidDestination
                | Status::Cooldown { .. }
                | Status::LimitReached { .. },
                _,
            ) if live || matches!(self.status, Status::Expired | Status::SendFailed) => again,
            (
                Status::Sent
                | Status::Queued
                | Status::Generated
                | Status::Verified
                | Status::Incorrect
                | Status::Superseded
                | Status::Unrecognized
                | Status::Expired
                | Status::Locked { .. }
                | Status::Cooldown { .. }
                | Status::LimitReached { .. }
                | Status::NoChallenge
                | Status::AlreadyVerified
                | Status::InvalidDestination
                | Status::RedactedInput
                | Status::SendFailed
                | Status::Undeliverable
                | Status::Cancelled
                | Status::UnknownComponent
                | Status::Misconfigured
                | Status::Unavailable,
                _,
            ) => &[],
        }
    }

    /// The report as it stands in `context.otp`, with the message that goes with it and the words for its choices.
    #[must_use]
    pub fn to_json(&self, message: &str, suggestions: &[Cow<'_, str>]) -> String {
        let facts = self.facts.as_ref();
        let live = facts.and_then(|facts| facts.live);
        let wire = Wire {
            status: self.status.name(),
            message,
            intent: self.intent,
            reason: self.reason.as_deref(),
            channel: facts.map(|facts| facts.channel.name()),
            to: facts.map(|facts| &*facts.to),
            length: facts.map(|facts| facts.length),
            expires_at: live.map(|live| Shown(live.expires_at)),
            expires_in_seconds: live.map(|live| self.seconds_until(live.expires_at)),
            attempts_left: live
                .map(|live| live.attempts_left)
                .or_else(|| matches!(self.status, Status::Locked { .. }).then_some(0)),
            sends_left: live.map(|live| live.sends_left),
            retry_in_seconds: self.status.retry_at().map(|until| self.seconds_until(until)),
            challenge_id: facts.map(|facts| Shown(facts.id)),
            suggestions,
            address: self.verified.as_ref().filter(|_| self.tells_address).map(Destination::reveal),
        };
        let mut json = Vec::with_capacity(USUAL_LENGTH);
        // Writing plain text to memory has no way to fail.
        let _ = serde_json::to_writer(&mut json, &wire);
        String::from_utf8(json).unwrap_or_default()
    }
}

/// Something that stands in the report as it is printed.
struct Shown<T>(T);

impl<T: fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    status: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    intent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Shown<Timestamp>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts_left: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sends_left: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_in_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge_id: Option<Shown<ChallengeId>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    suggestions: &'a [Cow<'a, str>],
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
}
