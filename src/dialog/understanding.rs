//! What the user means: a code, an address, one of the few things people ask for while they wait for a code, or
//! something else. A pure function of the text; which of these matters now is for the conversation to say.

mod addresses;
mod amount;
mod candidates;
mod digits;
mod expand;
mod fold;
mod glyph;
mod keywords;
mod letters;
mod lexicon;
mod spoken;

pub use keywords::{Keywords, Phrases, built_in};
pub use lexicon::Lexicon;

use std::ops::Range;

use self::candidates::{Candidates, Found};
use self::fold::Folded;
use self::lexicon::Intent;
use super::redaction::looks_redacted;
use crate::address::Destination;
use crate::otp::{Alphabet, Code, Format};

/// From how many digits on a number was meant as a code. Fewer are a choice from the bot's menu.
const MEANT: usize = 3;

/// What a user's text comes to. Showing it (`Debug`) never shows what was typed: codes are hidden, addresses masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Utterance {
    /// One code.
    Code(Code),
    /// Two codes or more, all different. Which of them is meant can be asked without costing a try.
    Codes,
    /// A number that was meant as a code and is none: too short or too long, a date, an amount, the user's own phone
    /// number. It costs no try.
    Number,
    /// One e-mail address.
    Address(Destination),
    /// An address in a sentence about something else: a friend's, a shop's. Nobody asked to be written to there.
    Mention(Destination),
    /// Two different addresses or more.
    Addresses,
    /// A text that was meant as an address and cannot be used as one.
    BadAddress,
    /// A new code is wanted, or the old one never came.
    Resend,
    /// The code should go to another address.
    ChangeAddress,
    /// No code is wanted any more.
    Cancel,
    /// A person is asked for.
    Agent,
    /// Yes.
    Yes,
    /// No.
    No,
    /// What the platform's PII redaction leaves in place of what was typed.
    Redacted,
    /// Something else, which the bot should hear.
    Other,
}

impl Utterance {
    /// What [`Self::intent`] can be.
    pub const INTENTS: [&'static str; 7] =
        ["address", "resend", "change_address", "cancel", "agent", "yes", "no"];

    /// Its name in metrics and fixtures.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Code(_) => "code",
            Self::Codes => "codes",
            Self::Number => "number",
            Self::Address(_) => "address",
            Self::Mention(_) => "mention",
            Self::Addresses => "addresses",
            Self::BadAddress => "bad_address",
            Self::Resend => "resend",
            Self::ChangeAddress => "change_address",
            Self::Cancel => "cancel",
            Self::Agent => "agent",
            Self::Yes => "yes",
            Self::No => "no",
            Self::Redacted => "redacted",
            Self::Other => "other",
        }
    }
}

impl Utterance {
    /// What a dialog can branch on where a code was asked for and none was typed; `None` where there is nothing to tell.
    #[must_use]
    pub const fn intent(&self) -> Option<&'static str> {
        match self {
            Self::Address(_)
            | Self::Resend
            | Self::ChangeAddress
            | Self::Cancel
            | Self::Agent
            | Self::Yes
            | Self::No => Some(self.name()),
            Self::Code(_)
            | Self::Codes
            | Self::Number
            | Self::Mention(_)
            | Self::Addresses
            | Self::BadAddress
            | Self::Redacted
            | Self::Other => None,
        }
    }

    /// What tells one message from another: the code or the address in it, or else its name. As secret as that.
    #[must_use]
    pub fn brought(&self) -> &str {
        match self {
            Self::Code(code) => code.reveal(),
            Self::Address(address) | Self::Mention(address) => address.reveal(),
            Self::Codes
            | Self::Number
            | Self::Addresses
            | Self::BadAddress
            | Self::Resend
            | Self::ChangeAddress
            | Self::Cancel
            | Self::Agent
            | Self::Yes
            | Self::No
            | Self::Redacted
            | Self::Other => self.name(),
        }
    }

    /// Whether there are digits in it that are, or may be, a code.
    #[must_use]
    pub const fn is_about_a_code(&self) -> bool {
        matches!(self, Self::Code(_) | Self::Codes | Self::Number)
    }
}

impl From<Intent> for Utterance {
    fn from(intent: Intent) -> Self {
        match intent {
            Intent::Agent => Self::Agent,
            Intent::ChangeAddress => Self::ChangeAddress,
            Intent::Resend => Self::Resend,
            Intent::Cancel => Self::Cancel,
            Intent::Yes => Self::Yes,
            Intent::No => Self::No,
        }
    }
}

/// Understands a text.
///
/// `lexicons` are those of the user's language and then of the other languages the bot speaks; a keyword is looked up
/// in that order. `own_number` is the user's phone number, whose digits are no code.
///
/// A code comes before everything else: in a text with exactly one number of a code's length that stands by itself,
/// and no other digits, that number is the code, whatever else is said. Time and memory are linear in the text.
#[must_use]
pub fn understand(text: &str, lexicons: &[&Lexicon], format: Format, own_number: Option<&str>) -> Utterance {
    let folded = Folded::new(text);
    let mut candidates = Candidates::new(format, own_number);
    let mut said_number = false;
    let little_else = || lexicons.iter().any(|lexicon| lexicon.is_little_else(&folded.words));
    match format.alphabet {
        Alphabet::Digits => {
            digits::find(&folded, &mut candidates, little_else);
            // Typed digits are meant; "one" beside them is a word like others.
            if candidates.is_empty() {
                for lexicon in lexicons {
                    said_number |= spoken::find(&folded.words, lexicon, &mut candidates);
                }
            }
        }
        Alphabet::Unambiguous => {
            letters::find(text, &mut candidates);
            said_number = letters::is_almost(text, &candidates);
        }
    }
    match candidates.found() {
        Found::One(code) => return Utterance::Code(code),
        Found::Several => return Utterance::Codes,
        Found::None => {}
    }

    let intent = || lexicons.iter().find_map(|lexicon| lexicon.intent(&folded.words)).map(Utterance::from);
    if looks_redacted(text)
        && (!text.trim().contains(char::is_whitespace) || little_else() || is_bracketed(text))
    {
        return intent().unwrap_or(Utterance::Redacted);
    }
    let number = || {
        let typed = folded.runs.iter().map(Range::len).sum::<usize>();
        let number = said_number || (typed >= MEANT && (!folded.has_letters || little_else()));
        number.then_some(Utterance::Number)
    };
    let is_given = |around: &str| {
        let around = Folded::new(around).words;
        around.trim_matches(['.', ' ']).is_empty()
            || lexicons.iter().any(|lexicon| lexicon.is_addressing(&around))
    };
    let said = || lexicons.iter().find_map(|lexicon| addresses::said(&folded.plain, lexicon));
    let said = || said().map(Utterance::Address);
    addresses::find(text, is_given).or_else(said).or_else(intent).or_else(number).unwrap_or(Utterance::Other)
}

/// Whether a text says nothing but these words, whatever its case, punctuation and invisible characters.
#[must_use]
pub fn says_just(text: &str, words: &str) -> bool {
    let said = |text: &str| Folded::new(text).words.trim_matches(['.', ' ']).to_owned();
    said(text) == said(words)
}

fn is_bracketed(text: &str) -> bool {
    text.trim().starts_with(['[', '<', '{'])
}

#[cfg(test)]
mod tests;
