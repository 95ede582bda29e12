//! What came in, made sense of: an address, a code, or something that only looks like one.

use std::fmt;

use super::redaction::hint;
use super::understanding::Utterance;
use crate::botkit::Found;
use crate::otp::{Code, Format};

/// What could be made of an input.
#[derive(Clone, PartialEq, Eq)]
pub enum Reading<T> {
    /// It is this.
    Read(T),
    /// The platform's PII redaction has replaced it; the text tells the operator what to do.
    Redacted(String),
    /// There is none; the text tells a developer where it was looked for.
    Missing(String),
    /// It is nothing of use; the text tells a developer why.
    Unusable(String),
    /// The server has no way to it; the text tells the operator which setting would make one.
    Unreachable(String),
}

impl<T> Reading<T> {
    /// What was read, if anything could be.
    #[must_use]
    pub const fn read(&self) -> Option<&T> {
        match self {
            Self::Read(read) => Some(read),
            Self::Redacted(_) | Self::Missing(_) | Self::Unusable(_) | Self::Unreachable(_) => None,
        }
    }

    /// For operations that need no such input.
    #[must_use]
    pub const fn not_asked() -> Self {
        Self::Missing(String::new())
    }
}

/// Never shows what was typed.
impl<T> fmt::Debug for Reading<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(_) => f.write_str("Read(..)"),
            Self::Redacted(hint) => write!(f, "Redacted({hint})"),
            Self::Missing(reason) => write!(f, "Missing({reason})"),
            Self::Unusable(reason) => write!(f, "Unusable({reason})"),
            Self::Unreachable(reason) => write!(f, "Unreachable({reason})"),
        }
    }
}

impl Reading<Code> {
    /// Reads a typed code. `hear` is asked what a text means that is not just a code; the second value is what it said.
    #[must_use]
    pub fn code(
        found: Option<&Found<'_>>,
        format: Format,
        hear: impl FnOnce(&str) -> Utterance,
    ) -> (Self, Utterance) {
        let not_a_code = || Self::Unusable(format!("not a code of {} characters", format.length));
        match found {
            Some(Found::Text(text)) => match Code::read(text, format) {
                Some(code) => (Self::Read(code), Utterance::Other),
                None => match hear(text) {
                    Utterance::Code(code) => (Self::Read(code), Utterance::Other),
                    Utterance::Redacted => (Self::Redacted(hint("the code")), Utterance::Redacted),
                    heard => (not_a_code(), heard),
                },
            },
            Some(Found::Number(number)) => {
                (Code::read_number(number, format).map_or_else(not_a_code, Self::Read), Utterance::Other)
            }
            Some(Found::Other) => {
                (Self::Unusable("the code is neither a string nor a number".to_owned()), Utterance::Other)
            }
            None => (Self::Missing("no code in any of the configured fields".to_owned()), Utterance::Other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_that_was_typed() {
        assert_eq!(format!("{:?}", Reading::Read("mira@example.com")), "Read(..)");
    }
}
