//! What a channel can show: buttons, plain text, or nothing but a voice.

use std::borrow::Cow;

use serde_json::json;

use super::catalogue::{Language, Phrase, Values};
use super::{Choice, Report, words};

/// Longest message the platform takes, in characters.
const LONGEST_MESSAGE: usize = 3_000;

/// Longest text of a template, in characters.
const LONGEST_TEMPLATE: usize = 640;

/// From how many digits on a number is said digit by digit.
const SPELLED_FROM: usize = 4;

/// How a channel speaks with its users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// It shows quick replies.
    Buttons,
    /// It shows text and nothing else.
    Text,
    /// It reads aloud.
    Voice,
}

/// A message as a channel is to show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its text.
    pub text: String,
    /// The same with quick replies, as the JSON text of a template, where the channel can show that.
    pub template: Option<String>,
}

/// The next bot message, without options: for a Webhook node, whose answers cannot carry buttons and whose dialog may
/// understand no options.
#[must_use]
pub fn message(report: &Report, language: &Language, medium: Medium) -> String {
    match medium {
        Medium::Buttons | Medium::Text => clipped(words::message(report, language, false)),
        Medium::Voice => clipped(spelled(&words::message(report, language, true))),
    }
}

/// The plain words for a report's choices: what a user can type, and what a button would send.
#[must_use]
pub fn suggestions<'l>(report: &Report, language: &'l Language) -> Vec<Cow<'l, str>> {
    let word = |choice: &Choice| {
        let phrase = match choice {
            Choice::Resend => Phrase::OptionResend,
            Choice::ChangeAddress => Phrase::OptionChange,
            Choice::Cancel => Phrase::OptionCancel,
        };
        language.write(phrase, &Values::default())
    };
    report.choices().iter().map(word).collect()
}

/// Puts a message and what can be answered to it into the form its channel shows. `asks` says that the message asks
/// for something: a voice then says no more than that.
#[must_use]
pub fn show(
    text: String,
    suggestions: &[Cow<'_, str>],
    asks: bool,
    language: &Language,
    medium: Medium,
) -> Shown {
    if suggestions.is_empty() || (medium == Medium::Voice && asks) {
        return Shown { text, template: None };
    }
    if medium == Medium::Buttons && text.chars().count() <= LONGEST_TEMPLATE {
        let template = template(&text, suggestions);
        return Shown { text, template: Some(template) };
    }
    let gap = language.write(Phrase::ListGap, &Values::default());
    let values = Values { options: &suggestions.join(&gap), ..Values::default() };
    let options = match medium {
        Medium::Buttons | Medium::Text => language.write(Phrase::Options, &values),
        Medium::Voice => language.speak(Phrase::Options, &values),
    };
    let gap = language.write(Phrase::SentenceGap, &Values::default());
    Shown { text: clipped([&text, &*gap, &*options].concat()), template: None }
}

/// A button sends the very words that stand on it, so that one set of words serves every channel.
fn template(text: &str, suggestions: &[Cow<'_, str>]) -> String {
    let replies: Vec<_> = suggestions
        .iter()
        .map(|words| json!({ "content_type": "text", "title": words, "payload": words }))
        .collect();
    json!({
        "type": "template",
        "payload": { "template_type": "quick_replies", "text": text, "quick_replies": replies },
    })
    .to_string()
}

fn clipped(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST_MESSAGE) {
        text.truncate(end);
    }
    text
}

/// Sets the digits of long numbers apart, so that they are read one by one and not as thousands.
fn spelled(text: &str) -> String {
    let mut spelled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|character: char| character.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|character: char| !character.is_ascii_digit()).unwrap_or(from.len());
        let (number, after) = from.split_at(end);
        spelled.push_str(before);
        for (position, digit) in number.chars().enumerate() {
            if position > 0 && number.len() >= SPELLED_FROM {
                spelled.push_str(", ");
            }
            spelled.push(digit);
        }
        rest = after;
    }
    spelled.push_str(rest);
    spelled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_are_read_digit_by_digit() {
        for (text, said) in [
            ("Call 08001234 now", "Call 0, 8, 0, 0, 1, 2, 3, 4 now"),
            ("in 30 seconds", "in 30 seconds"),
            ("4829", "4, 8, 2, 9"),
            ("", ""),
            ("5 分", "5 分"),
        ] {
            assert_eq!(spelled(text), said);
        }
    }

    #[test]
    fn messages_end_where_the_platform_cuts_them() {
        assert_eq!(clipped("é".repeat(5_000)).chars().count(), 3_000);
        assert_eq!(clipped("short".to_owned()), "short");
    }
}
