//! The answer of every operation: a status to branch on, and the facts that go with it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;
use utoipa::openapi::schema;

use super::understanding::Utterance;
use super::{Status, Wanted};
use crate::address::{Channel, Destination};
use crate::clock::Timestamp;
use crate::otp::{Accepted, AccountId, Alphabet, Challenge, ChallengeId, Handover, Phase, Rules};

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
    /// That nothing is sent for a while.
    Busy,
    /// That nothing is sent to phones for a while.
    Halted,
    /// The same, and that an e-mail address can be used instead.
    HaltedUseMail,
    /// That after so many wrong codes the next one has to wait.
    TooSoon,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// How things stand.
    pub status: Status,
    /// What there is to say, where the status alone does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Topic>,
    /// Whether it begins the dialog.
    #[serde(default)]
    pub greets: bool,
    /// What the user meant who typed no code: an utterance's name, for a dialog to branch on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Cow<'static, str>>,
    /// Why, for developers; never shown to users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Box<str>>,
    /// The challenge it is about, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Facts>,
    /// Whether another address would be taken.
    #[serde(default)]
    pub address_can_change: bool,
    /// What kind of address is asked for, where one is.
    #[serde(default)]
    pub wanted: Wanted,
    /// The address that was proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<Destination>,
    /// Who proved it, where that was said. Most reports have nobody: kept apart, it takes eight bytes of those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_by: Option<Box<AccountId>>,
    /// Whether the dialog cannot know that address otherwise.
    #[serde(default)]
    pub tells_address: bool,
    /// When it was made.
    pub at: Timestamp,
}

/// What may be told of a challenge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
}

/// What is left of a challenge that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
            verified_by: None,
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
            (_, Some(Topic::Busy | Topic::Halted)) => &[],
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

    /// The report as it stands in `context.otp`, with the message that goes with it, the words for its choices, and proof
    /// of what it says.
    #[must_use]
    pub fn to_json(&self, message: &str, suggestions: &[Cow<'_, str>], proof: Option<&str>) -> String {
        let facts = self.facts.as_ref();
        let live = facts.and_then(|facts| facts.live);
        let wire = Wire {
            status: self.status.name(),
            message,
            intent: self.intent.as_deref(),
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
            proof,
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

/// How things stand: what `context.otp` holds on the wire, and what REST answers. What does not apply is left out.
#[derive(Serialize, ToSchema)]
#[schema(as = Report)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Wire<'a> {
    #[schema(schema_with = statuses)]
    status: &'a str,
    /// What to say to the user next, in the user's language.
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = intents)]
    intent: Option<&'a str>,
    /// For developers; not to be shown to users.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String)]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = channels)]
    channel: Option<&'a str>,
    /// Where it went, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, example = "m...a@example.com")]
    to: Option<&'a str>,
    /// Characters in a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u8)]
    length: Option<u8>,
    /// When the code expires, until it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime)]
    expires_at: Option<Shown<Timestamp>>,
    /// The same from now on, rounded up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64)]
    expires_in_seconds: Option<u64>,
    /// Wrong codes that may still be typed; 0 when locked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u8)]
    attempts_left: Option<u8>,
    /// Codes that may still be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u8)]
    sends_left: Option<u8>,
    /// With `cooldown`, `limit_reached` and `locked`: how long to wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64)]
    retry_in_seconds: Option<u64>,
    /// Names the code's challenge; says nothing of the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, pattern = "^ch_[0-9a-f]{32}$")]
    challenge_id: Option<Shown<ChallengeId>>,
    /// What the user can answer instead.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<String>)]
    suggestions: &'a [Cow<'a, str>],
    /// With `verified`: a token that services check against `/.well-known/jwks.json`, good for five minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String)]
    proof: Option<&'a str>,
    /// With `verified`, where the server asked the user for the address: the one that was proven, in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String)]
    address: Option<&'a str>,
}

fn statuses() -> schema::Object {
    one_of("What to branch on.", Status::ALL.map(Status::name))
}

fn channels() -> schema::Object {
    one_of("How the code went.", Channel::ALL.map(Channel::name))
}

fn intents() -> schema::Object {
    one_of("What the user meant who typed no code.", Utterance::INTENTS)
}

fn one_of<const N: usize>(about: &str, names: [&str; N]) -> schema::Object {
    let names = schema::ObjectBuilder::new().schema_type(schema::Type::String).enum_values(Some(names));
    names.description(Some(about)).build()
}
