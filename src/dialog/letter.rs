//! The mail that carries a code, without its dress.

use super::catalogue::{Language, Phrase, Span, Values};

/// What every mail tells of the product whose users get it. Either text may be empty; then nothing is told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Letterhead {
    /// What the product is called.
    pub product: String,
    /// Where its users get help, such as an address.
    pub support: String,
}

/// What a mail is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// A user has asked for a code.
    Code,
    /// An operator tries whether mail arrives.
    Test,
}

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
    /// How long the code is valid.
    pub valid: String,
    /// That the code is nobody else's business.
    pub secret: String,
    /// What to do if one did not ask for the code.
    pub ignore: String,
    /// Where to get help; empty if the letterhead does not say.
    pub support: String,
}

/// Writes the mail for a code that is good for so many seconds.
#[must_use]
pub fn letter(language: &Language, head: &Letterhead, occasion: Occasion, valid_for_seconds: u64) -> Letter {
    let values = Values {
        span: Span::lasting(valid_for_seconds),
        product: &head.product,
        support: &head.support,
        ..Values::default()
    };
    let write = |phrase| language.write(phrase, &values).into_owned();
    let (subject, lead) = match occasion {
        Occasion::Test => (Phrase::MailSubjectTest, Phrase::MailLeadTest),
        Occasion::Code if head.product.is_empty() => (Phrase::MailSubject, Phrase::MailLead),
        Occasion::Code => (Phrase::MailSubjectProduct, Phrase::MailLeadProduct),
    };
    Letter {
        language: language.tag(),
        right_to_left: language.is_right_to_left(),
        subject: one_line(&write(subject)),
        lead: write(lead),
        valid: write(Phrase::MailValid),
        secret: write(Phrase::MailSecret),
        ignore: write(Phrase::MailIgnore),
        support: if head.support.is_empty() { String::new() } else { write(Phrase::MailSupport) },
    }
}

/// A translation may run over several lines; a subject may not (RFC 5322 2.2).
fn one_line(text: &str) -> String {
    let words = text.split(|character: char| character.is_control() || character == ' ');
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
