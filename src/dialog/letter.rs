//! The mail that carries a code, without its dress.

use super::catalogue::{Language, Phrase, Span, Values};

/// A mail's words.
pub struct Letter {
    /// The language it is written in, as HTML names it.
    pub language: String,
    /// Whether it is written from right to left.
    pub right_to_left: bool,
    /// The subject line. It has no code in it: lock screens show subjects.
    pub subject: String,
    /// The line above the code.
    pub lead: String,
    /// The paragraphs below the code.
    pub below: Vec<String>,
}

/// Writes the mail for a code that is good for so many seconds.
#[must_use]
pub fn letter(language: &Language, valid_for_seconds: u64) -> Letter {
    let values = Values { span: Span::lasting(valid_for_seconds), ..Values::default() };
    let write = |phrase| language.write(phrase, &values).into_owned();
    Letter {
        language: language.tag(),
        right_to_left: language.is_right_to_left(),
        subject: write(Phrase::MailSubject),
        lead: write(Phrase::MailLead),
        below: vec![write(Phrase::MailValid), write(Phrase::MailSecret), write(Phrase::MailIgnore)],
    }
}
