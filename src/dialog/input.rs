//! What came in, made sense of: an address, a code, or something that only looks like one.

use std::fmt;

use crate::address::{Destination, Email};
use crate::botkit::Found;
use crate::otp::{Code, Format};

/// What could be made of an input.
#[derive(Clone, PartialEq, Eq)]
pub enum Reading<T> {
    /// It is this.
    Read(T),
    /// The platform's PII redaction has replaced it; the text tells the operator what to do.
    Redacted(String),
    /// It is nothing of use; the text tells a developer why.
    Unusable(String),
}

impl<T> Reading<T> {
    /// What was read, if anything could be.
    #[must_use]
    pub const fn read(&self) -> Option<&T> {
        match self {
            Self::Read(read) => Some(read),
            Self::Redacted(_) | Self::Unusable(_) => None,
        }
    }

    /// For operations that need no such input.
    #[must_use]
    pub const fn not_asked() -> Self {
        Self::Unusable(String::new())
    }
}

/// Never shows what was typed.
impl<T> fmt::Debug for Reading<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(_) => f.write_str("Read(..)"),
            Self::Redacted(hint) => write!(f, "Redacted({hint})"),
            Self::Unusable(reason) => write!(f, "Unusable({reason})"),
        }
    }
}

impl Reading<Destination> {
    /// Reads an address.
    #[must_use]
    pub fn destination(found: Option<&Found<'_>>) -> Self {
        let text = match found {
            Some(Found::Text(text)) => text,
            Some(Found::Number(_) | Found::Other) => {
                return Self::Unusable("the address is not a string".to_owned());
            }
            None => return Self::Unusable("no address in any of the configured fields".to_owned()),
        };
        if looks_redacted(text) {
            return Self::Redacted(hint("the address"));
        }
        match Email::parse(text) {
            Ok(email) => Self::Read(Destination::Email(email)),
            Err(invalid) => Self::Unusable(format!("the address cannot be used: {invalid}")),
        }
    }
}

impl Reading<Code> {
    /// Reads a typed code.
    #[must_use]
    pub fn code(found: Option<&Found<'_>>, format: Format) -> Self {
        let read = match found {
            Some(Found::Text(text)) if looks_redacted(text) && Code::read(text, format).is_none() => {
                return Self::Redacted(hint("the code"));
            }
            Some(Found::Text(text)) => Code::read(text, format),
            Some(Found::Number(number)) => Code::read_number(number, format),
            Some(Found::Other) => {
                return Self::Unusable("the code is neither a string nor a number".to_owned());
            }
            None => return Self::Unusable("no code in any of the configured fields".to_owned()),
        };
        read.map_or_else(|| Self::Unusable(format!("not a code of {} characters", format.length)), Self::Read)
    }
}

fn hint(what: &str) -> String {
    format!(
        "{what} was replaced by PII redaction before it got here: use a Service node with original values, \
         or take the entity out of the redaction pattern"
    )
}

/// Whether a text is what Kore's redaction leaves in place of one: a random id of letters and digits, a run of mask
/// characters, or a fixed replacement in brackets. An address has an `@`, and a person's slip has neither form.
fn looks_redacted(text: &str) -> bool {
    let text = text.trim();
    let masked = ["###", "+++", "***"].iter().any(|run| text.contains(run));
    let inside = text.strip_prefix(['[', '<', '{']).and_then(|rest| rest.strip_suffix([']', '>', '}']));
    let word = |byte: u8| byte.is_ascii_alphabetic() || b"_- ".contains(&byte);
    let bracketed = inside.is_some_and(|inside| inside.bytes().all(word));
    // A digit in the middle of letters: names end in digits, ids do not care.
    let random = text.len() >= 8
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && text
            .trim_start_matches(|letter: char| letter.is_ascii_alphabetic())
            .bytes()
            .any(|byte| byte.is_ascii_lowercase());
    masked || bracketed || random
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otp::Alphabet;

    #[test]
    fn what_redaction_leaves_is_known() {
        for text in ["jjh4ezb2", "m####@example.com", "++++++", "[EMAIL]", "<redacted>", " a1b2c3d4e5 "] {
            assert!(looks_redacted(text), "{text}");
        }
        for text in [
            "mira@example.com",
            "mira+otp@example.com",
            "hello",
            "482916",
            "mira.example.com",
            "my code",
            "",
            "ab12",
            "mira1988",
            "m1ra88",
            "<482916>",
        ] {
            assert!(!looks_redacted(text), "{text}");
        }
    }

    #[test]
    fn letter_codes_are_codes_and_not_redacted_ones() {
        let format = Format { length: 6, alphabet: Alphabet::Unambiguous };
        assert!(matches!(Reading::code(Some(&Found::Text("hk3mq7".into())), format), Reading::Read(_)));
        assert!(matches!(Reading::code(Some(&Found::Text("jjh4ezb2".into())), format), Reading::Redacted(_)));
    }

    #[test]
    fn debug_shows_nothing_that_was_typed() {
        let reading = Reading::destination(Some(&Found::Text("mira@example.com".into())));
        assert_eq!(format!("{reading:?}"), "Read(..)");
    }
}
