//! The answer of every operation: a status to branch on, and the facts that go with it.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::words;
use crate::clock::Timestamp;
use crate::otp::{Alphabet, Challenge, ChallengeId, Phase, Rules};

/// How many bytes of JSON there is room for before more is asked for.
const USUAL_LENGTH: usize = 512;

/// How things stand. The names on the wire are a closed list, and dialogs compare them as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the README's table says what each one means")]
pub enum Status {
    Sent,
    Queued,
    Generated,
    Verified,
    Incorrect,
    Superseded,
    Unrecognized,
    Expired,
    Locked { until: Timestamp },
    Cooldown { until: Timestamp },
    LimitReached { until: Timestamp },
    NoChallenge,
    AlreadyVerified,
    InvalidDestination,
    RedactedInput,
    SendFailed,
    Undeliverable,
    Cancelled,
    UnknownComponent,
    Misconfigured,
    Unavailable,
}

impl Status {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Queued => "queued",
            Self::Generated => "generated",
            Self::Verified => "verified",
            Self::Incorrect => "incorrect",
            Self::Superseded => "superseded",
            Self::Unrecognized => "unrecognized",
            Self::Expired => "expired",
            Self::Locked { .. } => "locked",
            Self::Cooldown { .. } => "cooldown",
            Self::LimitReached { .. } => "limit_reached",
            Self::NoChallenge => "no_challenge",
            Self::AlreadyVerified => "already_verified",
            Self::InvalidDestination => "invalid_destination",
            Self::RedactedInput => "redacted_input",
            Self::SendFailed => "send_failed",
            Self::Undeliverable => "undeliverable",
            Self::Cancelled => "cancelled",
            Self::UnknownComponent => "unknown_component",
            Self::Misconfigured => "misconfigured",
            Self::Unavailable => "unavailable",
        }
    }

    /// Whether it tells what became of a send.
    #[must_use]
    pub const fn is_of_a_send(self) -> bool {
        matches!(self, Self::Sent | Self::Queued | Self::Generated | Self::SendFailed | Self::Undeliverable)
    }

    /// When it is worth trying again, where the caller has to wait.
    #[must_use]
    pub const fn retry_at(self) -> Option<Timestamp> {
        match self {
            Self::Locked { until } | Self::Cooldown { until } | Self::LimitReached { until } => Some(until),
            Self::Sent
            | Self::Queued
            | Self::Generated
            | Self::Verified
            | Self::Incorrect
            | Self::Superseded
            | Self::Unrecognized
            | Self::Expired
            | Self::NoChallenge
            | Self::AlreadyVerified
            | Self::InvalidDestination
            | Self::RedactedInput
            | Self::SendFailed
            | Self::Undeliverable
            | Self::Cancelled
            | Self::UnknownComponent
            | Self::Misconfigured
            | Self::Unavailable => None,
        }
    }
}

/// A status with its facts, as of a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How things stand.
    pub status: Status,
    /// Why, for developers; never shown to users.
    pub reason: Option<Box<str>>,
    /// The challenge it is about, if there is one.
    pub facts: Option<Facts>,
    at: Timestamp,
}

/// What may be told of a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its public id.
    pub id: ChallengeId,
    /// By which channel its code went.
    pub channel: &'static str,
    /// Where its code went, masked.
    pub to: Arc<str>,
    /// Characters in its code.
    pub length: u8,
    /// Whether the code is made of digits only.
    pub digits: bool,
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
            send: challenge.sends(),
            live: (challenge.phase(now) == Phase::Live).then(|| Live {
                expires_at: challenge.expires_at(),
                attempts_left: challenge.attempts_left(rules),
                sends_left: challenge.sends_left(rules),
            }),
        });
        Self { status, reason: reason.map(Into::into), facts, at: now }
    }

    /// Reports that there is nothing to report on.
    #[must_use]
    pub fn bare(status: Status, reason: impl Into<Box<str>>, now: Timestamp) -> Self {
        Self { status, reason: Some(reason.into()), facts: None, at: now }
    }

    /// Whole seconds from the report until `moment`, rounded up, so that nobody comes back too early.
    #[must_use]
    pub fn seconds_until(&self, moment: Timestamp) -> u64 {
        moment.remaining(self.at).as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
    }

    /// The next bot message, in the user's words.
    #[must_use]
    pub fn message(&self) -> String {
        words::message(self)
    }

    /// The report as it stands in `context.otp`, with the message that goes with it.
    #[must_use]
    pub fn to_json(&self, message: &str) -> String {
        let facts = self.facts.as_ref();
        let live = facts.and_then(|facts| facts.live);
        let wire = Wire {
            status: self.status.name(),
            message,
            reason: self.reason.as_deref(),
            channel: facts.map(|facts| facts.channel),
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
}
