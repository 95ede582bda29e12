//! Which of the catalogue's messages goes with a report.

use super::catalogue::{Language, Phrase, Span, Values};
use super::{Report, Status, Topic, Wanted};
use crate::address::Channel;

/// The next bot message, to be read, or `spoken`.
#[must_use]
pub(super) fn message(report: &Report, language: &Language, spoken: bool) -> String {
    let facts = report.facts.as_ref();
    let live = facts.and_then(|facts| facts.live);
    let phrase = phrase(report);
    let span = match (report.status.retry_at(), live) {
        (Some(until), _) => Span::waiting(report.seconds_until(until)),
        (None, Some(live)) => Span::lasting(report.seconds_until(live.expires_at)),
        (None, None) => Span::None,
    };
    let values = Values {
        to: facts.map_or("...", |facts| &*facts.to),
        length: facts.map_or(0, |facts| facts.length),
        digits: facts.is_none_or(|facts| facts.digits),
        span,
        left: live.map_or(0, |live| live.attempts_left),
        ..Values::default()
    };
    let say = |phrase| if spoken { language.speak(phrase, &values) } else { language.write(phrase, &values) };
    if report.greets {
        [say(Phrase::Greeting), say(Phrase::SentenceGap), say(phrase)].concat()
    } else {
        say(phrase).into_owned()
    }
}

fn phrase(report: &Report) -> Phrase {
    let facts = report.facts.as_ref();
    let live = facts.is_some_and(|facts| facts.live.is_some());
    let channel = facts.map(|facts| facts.channel);
    match report.topic {
        Some(Topic::Address) => {
            return match report.wanted {
                Wanted::Email => Phrase::AskAddress,
                Wanted::Number => Phrase::AskNumber,
                Wanted::Either => Phrase::AskEither,
            };
        }
        Some(Topic::OtherAddress) => {
            return match report.wanted {
                Wanted::Email => Phrase::AskOtherAddress,
                Wanted::Number => Phrase::AskOtherNumber,
                Wanted::Either => Phrase::AskEither,
            };
        }
        Some(Topic::SeveralAddresses) => return Phrase::SeveralAddresses,
        Some(Topic::EnrolledOnly) => {
            return match report.wanted {
                Wanted::Email | Wanted::Either => Phrase::EnrolledOnly,
                Wanted::Number => Phrase::EnrolledOnlyNumber,
            };
        }
        Some(Topic::Busy) => return Phrase::Busy,
        Some(Topic::Halted) => return Phrase::Halted,
        Some(Topic::HaltedUseMail) => return Phrase::HaltedUseMail,
        Some(Topic::NothingEnrolled) => return Phrase::NothingEnrolled,
        Some(Topic::SeveralCodes) => return Phrase::SeveralCodes,
        Some(Topic::NotACode) => return Phrase::NotACode,
        Some(Topic::TooSoon) => return Phrase::TooSoon,
        None => {}
    }
    match report.status {
        Status::Sent if channel == Some(Channel::Call) => Phrase::Calling,
        Status::Sent if facts.is_some_and(|facts| facts.send > 1) => Phrase::SentAgain,
        Status::Sent => Phrase::Sent,
        Status::Queued => Phrase::Queued,
        Status::Generated => Phrase::Generated,
        Status::Verified => Phrase::Verified,
        Status::Incorrect => Phrase::Incorrect,
        Status::Superseded => Phrase::Superseded,
        Status::Unrecognized => Phrase::Unrecognized,
        Status::Expired => Phrase::Expired,
        Status::Locked { .. } => Phrase::Locked,
        Status::Cooldown { .. } if live => Phrase::Cooldown,
        Status::Cooldown { .. } => Phrase::CooldownOver,
        Status::LimitReached { .. } if live => Phrase::LimitReachedLive,
        Status::LimitReached { .. } => Phrase::LimitReached,
        Status::NoChallenge => Phrase::NoChallenge,
        Status::AlreadyVerified => Phrase::AlreadyVerified,
        Status::InvalidDestination => match report.wanted {
            Wanted::Email => Phrase::InvalidDestination,
            Wanted::Number => Phrase::InvalidNumber,
            Wanted::Either => Phrase::InvalidEither,
        },
        Status::RedactedInput => Phrase::RedactedInput,
        Status::SendFailed => Phrase::SendFailed,
        Status::Undeliverable if !report.address_can_change => Phrase::UndeliverableEnrolled,
        Status::Undeliverable if channel.is_some_and(Channel::is_phone) => Phrase::UndeliverableNumber,
        Status::Undeliverable => Phrase::Undeliverable,
        Status::Cancelled => Phrase::Cancelled,
        Status::UnknownComponent | Status::Misconfigured | Status::Unavailable => Phrase::Unavailable,
    }
}
