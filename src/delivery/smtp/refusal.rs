//! What a relay's answers mean to us, and what of them may be logged.

use std::error::Error as _;
use std::fmt;

use lettre::transport::smtp::Error as Failure;

use crate::delivery::Error;

/// How much of a relay's reason is kept, in characters.
const LONGEST_REASON: usize = 300;

/// How long a private word has to be to be looked for within other words; shorter ones are only words themselves.
const SHORTEST_PART: usize = 4;

/// What the relay was asked when things went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Connect,
    StartTls,
    Authenticate,
    Sender,
    Recipient,
    Data,
    Content,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connection",
            Self::StartTls => "STARTTLS",
            Self::Authenticate => "AUTH",
            Self::Sender => "MAIL FROM",
            Self::Recipient => "RCPT TO",
            Self::Data => "DATA",
            Self::Content => "the message",
        })
    }
}

/// What a failure at `step` means. `private` are words that are not repeated, should the relay repeat them.
pub(super) fn refusal(step: Step, failure: &Failure, private: &[&str]) -> Error {
    let said = failure.source().map(ToString::to_string).unwrap_or_default();
    let Some(code) = failure.status() else {
        return if failure.is_client() {
            // lettre's own words, about what the relay lacks.
            Error::Refused(format!("{step}: {}", tidy(&said, private)))
        } else if failure.is_response() {
            // What came is not repeated: it can be anything.
            Error::passing(format!("{step}: no answer, or none that is SMTP"))
        } else {
            Error::passing(format!("{step}: {}", tidy(&said, private)))
        };
    };
    let reason = format!("{step}: {code} {}", tidy(&said, private)).trim_end().to_owned();
    if failure.is_transient() {
        Error::passing(reason)
    } else if step == Step::Recipient && is_about_the_address(code.into(), enhanced(&said)) {
        Error::Undeliverable(reason)
    } else {
        Error::Refused(reason)
    }
}

/// Whether a refusal of the recipient means that there is no such mailbox (RFC 5321 4.2.3, RFC 3463 3.2). Policies and
/// relays that are not ours to use (5.7.x) refuse everybody.
fn is_about_the_address(code: u16, enhanced: Option<(u16, u16)>) -> bool {
    match enhanced {
        // 5.1.7 and 5.1.8 are about the sender.
        Some((1, detail)) => !matches!(detail, 7 | 8),
        Some((3 | 5 | 6 | 7, _)) => false,
        Some(_) | None => matches!(code, 550 | 551 | 553),
    }
}

/// Subject and detail of the enhanced status code that a permanent refusal begins with (RFC 2034 4).
fn enhanced(said: &str) -> Option<(u16, u16)> {
    let (subject, detail) = said.split_whitespace().next()?.strip_prefix("5.")?.split_once('.')?;
    Some((subject.parse().ok()?, detail.parse().ok()?))
}

/// A reason without addresses, private words and control characters, cut to a length that a log can bear.
fn tidy(said: &str, private: &[&str]) -> String {
    let private: Vec<String> =
        private.iter().filter(|word| !word.is_empty()).map(|word| word.to_lowercase()).collect();
    let is_private = |word: &str| {
        let word = word.to_lowercase();
        let bare = word.trim_matches(|character: char| !character.is_alphanumeric());
        word.contains('@')
            || private.iter().any(|private| {
                bare == private
                    || word == *private
                    || private.len() >= SHORTEST_PART && word.contains(private)
            })
    };
    let plain: String =
        said.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    let words: Vec<&str> =
        plain.split_whitespace().map(|word| if is_private(word) { "..." } else { word }).collect();
    words.join(" ").chars().take(LONGEST_REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_missing_mailboxes_are_the_users_to_mend() {
        for (code, enhanced, about_the_address) in [
            (550, None, true),
            (551, None, true),
            (553, None, true),
            (550, Some((1, 1)), true),
            (554, Some((1, 2)), true),
            (550, Some((2, 1)), true),
            (550, Some((4, 1)), true),
            (550, Some((0, 0)), true),
            (550, Some((1, 8)), false),
            (550, Some((7, 1)), false),
            (554, Some((7, 1)), false),
            (554, None, false),
            (552, Some((2, 2)), false),
            (503, None, false),
        ] {
            assert_eq!(is_about_the_address(code, enhanced), about_the_address, "{code} {enhanced:?}");
        }
    }

    #[test]
    fn enhanced_codes_are_read_where_they_are() {
        for (said, found) in [
            ("5.1.1 no such user", Some((1, 1))),
            ("5.7.26 not authenticated", Some((7, 26))),
            ("4.1.1 later", None),
            ("no such user 5.1.1", None),
            ("5.x.1 what", None),
            ("", None),
        ] {
            assert_eq!(enhanced(said), found, "{said}");
        }
    }

    #[test]
    fn reasons_are_logged_without_what_they_repeat() {
        for (said, kept) in [
            ("5.1.1 <mira@example.com>: unknown", "5.1.1 ... unknown"),
            ("5.1.1 Mira: unknown", "5.1.1 ... unknown"),
            ("no user mira.example.com here", "no user ... here"),
            ("spam: \"493816\"", "spam: ..."),
            ("relay7 says no\r\nBcc: x\u{0}y\u{1b}[31m", "... says no Bcc: x y [31m"),
            ("mb", "..."),
            ("numbers", "numbers"),
            ("ask <postmaster@relay.example>.", "ask ..."),
        ] {
            assert_eq!(tidy(said, &["mira", "493816", "relay7", "mb", ""]), kept);
        }
        assert_eq!(tidy(&"x".repeat(5_000), &[]).len(), LONGEST_REASON);
    }
}
