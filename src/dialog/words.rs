//! Every word said to users. What happened, what to do next, and how many tries or seconds are left; nothing that
//! would help anybody who is guessing.

use std::fmt;

use super::{Report, Status};
use crate::clock::Timestamp;

/// The next bot message.
#[must_use]
pub(super) fn message(report: &Report) -> String {
    let facts = report.facts.as_ref();
    let to = facts.map_or("you", |facts| &*facts.to);
    let code = fmt::from_fn(|f| match facts {
        Some(facts) => {
            write!(f, "{}-{} code", facts.length, if facts.digits { "digit" } else { "character" })
        }
        None => f.write_str("code"),
    });
    let wait = |until: Timestamp| spell(report.seconds_until(until));
    match report.status {
        Status::Sent => {
            let again = facts.is_some_and(|facts| facts.send > 1);
            let valid = facts
                .and_then(|facts| facts.live)
                .map(|live| lasting(report.seconds_until(live.expires_at)))
                .unwrap_or_default();
            if again {
                format!("We sent a new {code} to {to}. Only the newest code works. It is valid for {valid}.")
            } else {
                format!("We sent a {code} to {to}. Please type it here. It is valid for {valid}.")
            }
        }
        Status::Queued => {
            format!("We are sending a {code} to {to}. Please type it here when it arrives.")
        }
        Status::Generated => format!("Please type the {code} we send you."),
        Status::Verified => "Thank you, that is the right code. You are verified.".to_owned(),
        Status::Incorrect => {
            let left = facts.and_then(|facts| facts.live).map_or(0, |live| live.attempts_left);
            format!(
                "That is not the right code. Please check it and try again: {} left.",
                count(left.into(), "try", "tries")
            )
        }
        Status::Superseded => {
            "That is an older code. Please type the one from the newest message. This did not cost you a try."
                .to_owned()
        }
        Status::Unrecognized => format!("Please type the {code} that we sent to {to}."),
        Status::Expired => "That code has expired. Please ask for a new one.".to_owned(),
        Status::Locked { until } => {
            format!("That was one wrong code too many. Please ask for a new code in {}.", wait(until))
        }
        Status::Cooldown { until } if facts.is_none_or(|facts| facts.live.is_none()) => {
            format!("You can ask for a new code in {}.", wait(until))
        }
        Status::Cooldown { until } => {
            format!(
                "A code is on its way to {to}. If it does not arrive, you can ask for another in {}.",
                wait(until)
            )
        }
        Status::LimitReached { until } if facts.is_some_and(|facts| facts.live.is_some()) => {
            format!("The last code we sent still works. You can ask for another in {}.", wait(until))
        }
        Status::LimitReached { until } => {
            format!("We have sent several codes already. You can ask for another in {}.", wait(until))
        }
        Status::NoChallenge => "There is no code to check right now. Please ask for one first.".to_owned(),
        Status::AlreadyVerified => "You are already verified.".to_owned(),
        Status::InvalidDestination => {
            "We cannot send a code to that address. Please type your e-mail address, like name@example.com."
                .to_owned()
        }
        Status::RedactedInput => {
            "Sorry, we could not read that. It is not your mistake; please tell our support team.".to_owned()
        }
        Status::SendFailed => {
            "Sorry, we could not send the code just now. Please ask for it again.".to_owned()
        }
        Status::Undeliverable => {
            format!("We could not reach {to}. Please check the address, or use another one.")
        }
        Status::Cancelled => {
            "The code no longer works. If you need one, please ask for a new one.".to_owned()
        }
        Status::UnknownComponent | Status::Misconfigured | Status::Unavailable => {
            "Sorry, we cannot do this right now. It is not your mistake; please try again later.".to_owned()
        }
    }
}

/// The mail that carries a code, without its dress.
pub struct Letter {
    /// The language it is written in, as HTML names it.
    pub language: &'static str,
    /// The subject line. It has no code in it: lock screens show subjects.
    pub subject: String,
    /// The line above the code.
    pub lead: String,
    /// The paragraphs below the code.
    pub below: Vec<String>,
}

/// Writes the mail for a code that is good for so many seconds.
#[must_use]
pub fn letter(valid_for_seconds: u64) -> Letter {
    Letter {
        language: "en",
        subject: "Your verification code".to_owned(),
        lead: "Type this code in the chat where you asked for it:".to_owned(),
        below: vec![
            format!("It is valid for {}.", lasting(valid_for_seconds)),
            "Keep it to yourself. We will never ask you for it by phone or mail.".to_owned(),
            "If you did not ask for this code, you can ignore this mail.".to_owned(),
        ],
    }
}

/// How long something is still good for, rounded down: nobody is promised a minute that is not there.
fn lasting(seconds: u64) -> String {
    match seconds {
        0..120 => count(seconds, "second", "seconds"),
        120..7_200 => count(seconds / 60, "minute", "minutes"),
        _ => count(seconds / 3_600, "hour", "hours"),
    }
}

/// How long to wait, as people say it, rounded up.
fn spell(seconds: u64) -> String {
    match seconds {
        0..=90 => count(seconds, "second", "seconds"),
        91..=5_400 => count(seconds.div_ceil(60), "minute", "minutes"),
        _ => count(seconds.div_ceil(3_600), "hour", "hours"),
    }
}

fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validity_is_rounded_down() {
        for (seconds, text) in [
            (1, "1 second"),
            (119, "119 seconds"),
            (120, "2 minutes"),
            (299, "4 minutes"),
            (7_200, "2 hours"),
        ] {
            assert_eq!(lasting(seconds), text);
        }
    }

    #[test]
    fn spans_are_spelled_and_rounded_up() {
        for (seconds, text) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (90, "90 seconds"),
            (91, "2 minutes"),
            (300, "5 minutes"),
            (7_200, "2 hours"),
        ] {
            assert_eq!(spell(seconds), text);
        }
    }
}
