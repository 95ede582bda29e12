//! What happened, for whoever has to answer for it later: one line of JSON an event, in a file or on standard output. Each
//! line holds the digest of itself and of all before it, so that a line that is changed or taken out is noticed.
//!
//! Never in it: codes, tokens, keys, whole addresses, texts.

mod chain;
mod sink;
mod story;

pub use story::{Story, Unreadable};

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use self::sink::Sink;
use crate::address::Destination;
use crate::clock::Timestamp;
use crate::dialog::{Answer, Call, Delivery, Operation, Session, SessionKey};
use crate::otp::{ChallengeId, Handover, News};

/// The event of an operator who looks and changes nothing.
const LOOK_UP: &str = "look_up";

/// The section `[audit]`.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// A file, or `stdout`; empty for nowhere.
    pub target: String,
}

/// Takes events.
#[derive(Clone, Debug)]
pub struct Audit(Option<Arc<Sink>>);

/// One event.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Event<'e> {
    /// When, in UTC.
    pub time: String,
    /// What: an operation, `delivery`, `report`, or an operator's act.
    pub event: Cow<'e, str>,
    /// What came of it.
    pub outcome: Cow<'e, str>,
    /// Whose bot.
    pub bot: Cow<'e, str>,
    /// In which session, as [`name`] has it.
    pub session: Cow<'e, str>,
    /// The purpose of its codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Cow<'e, str>>,
    /// About which challenge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenge: Option<String>,
    /// Which of its sends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send: Option<u8>,
    /// By which channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Cow<'e, str>>,
    /// Where to, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Cow<'e, str>>,
    /// Which provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Cow<'e, str>>,
    /// The provider's id of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<Cow<'e, str>>,
    /// Wrong codes that may still be typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts_left: Option<u8>,
    /// How long to wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_in_seconds: Option<u64>,
    /// How many codes and locks an operator saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<usize>,
    /// Why, for developers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'e, str>>,
}

impl Audit {
    /// Takes no events.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// Opens the target; a file is gone on with, and made for its owner alone if it is not there.
    ///
    /// # Errors
    /// It cannot be opened, and why.
    pub fn open(settings: &Settings) -> Result<Self, String> {
        match settings.target.as_str() {
            "" => Ok(Self::off()),
            target => Sink::open(target).map(|sink| Self(Some(Arc::new(sink)))),
        }
    }

    /// Notes an operation that was not answered before.
    pub fn call(&self, key: &SessionKey, call: &Call, answer: &Answer, now: Timestamp) {
        // Asking changes nothing; and what a user says about something else is nobody's business.
        let nothing = call.operation == Operation::Status
            || call.operation == Operation::Hear && answer.pass_on && !call.heard.is_about_a_code();
        if self.0.is_none() || nothing {
            return;
        }
        let report = &answer.report;
        let facts = report.facts.as_ref();
        self.note(&Event {
            event: call.operation.name().into(),
            outcome: report.status.name().into(),
            challenge: facts.map(|facts| facts.id.to_string()),
            channel: facts.map(|facts| facts.channel.name().into()),
            to: facts.map(|facts| (&*facts.to).into()),
            attempts_left: facts.and_then(|facts| facts.live).map(|live| live.attempts_left),
            retry_in_seconds: report.status.retry_at().map(|until| report.seconds_until(until)),
            reason: report.reason.as_deref().map(Cow::from),
            ..Event::about(key, now)
        });
    }

    /// Notes what became of a delivery.
    pub fn delivery(&self, key: &SessionKey, delivery: &Delivery, handover: &Handover, now: Timestamp) {
        let (provider, message_id) = match handover {
            Handover::Accepted { provider, message_id } => (Some(&**provider), message_id.as_deref()),
            Handover::Pending | Handover::Failed | Handover::Undeliverable | Handover::Bot => (None, None),
        };
        let outcome = match handover {
            Handover::Accepted { .. } => "accepted",
            Handover::Failed => "failed",
            Handover::Undeliverable => "undeliverable",
            Handover::Pending | Handover::Bot => return,
        };
        self.note(&Event {
            event: "delivery".into(),
            outcome: outcome.into(),
            challenge: Some(delivery.challenge.to_string()),
            send: Some(delivery.send),
            channel: Some(delivery.to.channel().name().into()),
            to: Some(delivery.to.masked().into()),
            provider: provider.map(Cow::from),
            message_id: message_id.map(Cow::from),
            ..Event::about(key, now)
        });
    }

    /// Notes what a provider reports of a message that it took.
    pub fn report(&self, key: &SessionKey, challenge: ChallengeId, send: u8, news: &News, now: Timestamp) {
        self.note(&Event {
            event: "report".into(),
            outcome: news.fate.name().into(),
            challenge: Some(challenge.to_string()),
            send: Some(send),
            provider: Some((&*news.provider).into()),
            ..Event::about(key, now)
        });
    }

    /// Notes what an operator did about a session, under the name of the key it was done with.
    pub fn act(&self, act: &'static str, key: &SessionKey, session: &Session, who: &str, now: Timestamp) {
        let challenge = session.challenge.as_ref();
        self.note(&Event {
            event: act.into(),
            outcome: "done".into(),
            challenge: challenge.map(|challenge| challenge.id.to_string()),
            channel: challenge.map(|challenge| challenge.destination.channel().name().into()),
            to: challenge.map(|challenge| challenge.destination.masked().into()),
            reason: Some(format!("by {who}").into()),
            ..Event::about(key, now)
        });
    }

    /// Notes that an operator looked, at what `sought` says, and how many codes and locks were seen.
    pub fn looked_up(&self, sought: Event<'_>, seen: usize, who: &str, now: Timestamp) {
        self.note(&Event {
            time: now.to_string(),
            event: LOOK_UP.into(),
            outcome: "done".into(),
            seen: Some(seen),
            reason: Some(format!("by {who}").into()),
            ..sought
        });
    }

    /// Notes that an operator cleared what was counted at an address.
    pub fn cleared(&self, to: &Destination, who: &str, now: Timestamp) {
        self.note(&Event {
            time: now.to_string(),
            event: "unlock".into(),
            outcome: "done".into(),
            channel: Some(to.channel().name().into()),
            to: Some(to.masked().into()),
            reason: Some(format!("by {who}").into()),
            ..Event::default()
        });
    }

    fn note(&self, event: &Event<'_>) {
        if let Some(sink) = &self.0 {
            sink.take(event);
        }
    }

    /// Writes what waits to be written.
    pub fn flush(&self) {
        if let Some(sink) = &self.0 {
            sink.flush();
        }
    }
}

impl<'e> Event<'e> {
    fn about(key: &'e SessionKey, now: Timestamp) -> Self {
        Self {
            time: now.to_string(),
            bot: key.bot().into(),
            session: name(key.session()),
            purpose: key.purpose().map(Cow::from),
            ..Self::default()
        }
    }
}

/// What a session is called here: its id, or a digest of one that an address may stand in.
#[must_use]
pub fn name(session: &str) -> Cow<'_, str> {
    let dialled = |character: char| character.is_ascii_digit() || "+-(). ".contains(character);
    let number = session.split('+').skip(1).any(|after| {
        let digits = after.chars().take_while(|character| dialled(*character));
        digits.filter(char::is_ascii_digit).count() >= 7
    });
    let all = session.len() >= 7 && session.chars().all(dialled);
    let address = number || all || session.contains('@');
    if address || session.chars().any(char::is_control) {
        let mut short = [0; 16];
        short.copy_from_slice(&Sha256::digest(session)[..16]);
        return format!("~{:032x}", u128::from_be_bytes(short)).into();
    }
    session.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_is_a_name() {
        for plain in ["s-1", "6a5f0e3b9c1d2e4f5a6b7c8d", "a/b", "☕", "12345"] {
            assert_eq!(name(plain), plain);
        }
        for telling in ["mira@example.com", "+1 (415) 555-2671", "14155552671", "ivr\n+14155552671"] {
            let name = name(telling);
            assert!(name.starts_with('~') && name.len() == 33, "{name}");
        }
    }
}
