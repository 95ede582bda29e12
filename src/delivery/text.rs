//! A message with a code in it, for phones: the words, and the lines that let phones fill in the code by themselves.

use std::sync::Arc;

use super::{Message, twilio};
use crate::address::Channel;
use crate::clock::Timestamp;
use crate::dialog;

/// How text messages end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    webotp_domain: String,
    app_hash: String,
}

impl Texts {
    /// Reads `webotp_domain` and `app_hash`.
    ///
    /// # Errors
    /// The setting that is of no use, and why.
    pub fn new(settings: &twilio::Settings) -> Result<Self, (&'static str, String)> {
        let (domain, hash) = (settings.webotp_domain.trim(), settings.app_hash.trim());
        let host = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        if !domain.bytes().all(host) {
            return Err(("webotp_domain", "must be a host name such as \"login.acme.example\"".to_owned()));
        }
        let base64 = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
        if !hash.is_empty() && (hash.len() != 11 || !hash.bytes().all(base64)) {
            return Err((
                "app_hash",
                "must be the 11 characters that Android's SMS Retriever made".to_owned(),
            ));
        }
        Ok(Self { webotp_domain: domain.to_owned(), app_hash: hash.to_owned() })
    }

    /// Writes the message for a code that goes to a phone. A call's text has a line for each thing that is said.
    pub(super) fn write(&self, delivery: &dialog::Delivery, now: Timestamp) -> Message {
        let (language, code) = (&delivery.language, delivery.code.reveal());
        let words = || dialog::text(language, code, delivery.valid_for(now));
        let text = match delivery.to.channel() {
            Channel::Sms => self.completed(words(), code),
            Channel::Email | Channel::WhatsApp => words(),
            Channel::Call => dialog::call(language, code).join("\n"),
        };
        Message {
            challenge: delivery.challenge,
            send: delivery.send,
            to: delivery.to.clone(),
            code: delivery.code.clone(),
            language: Arc::clone(language),
            subject: String::new(),
            text,
            html: String::new(),
            at: now,
        }
    }

    /// Adds the line that Android's SMS Retriever looks for, and last the one that browsers look for (WICG, Origin-bound
    /// one-time codes delivered via SMS).
    fn completed(&self, mut text: String, code: &str) -> String {
        if !self.app_hash.is_empty() {
            text.push('\n');
            text.push_str(&self.app_hash);
        }
        if !self.webotp_domain.is_empty() {
            text.push_str(&["\n@", &self.webotp_domain, " #", code].concat());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_for_browsers_comes_last() {
        for (webotp_domain, app_hash, text) in [
            ("", "", "Words."),
            ("acme.example", "", "Words.\n@acme.example #012345"),
            ("", "FA+9qCX9VSu", "Words.\nFA+9qCX9VSu"),
            ("acme.example", "FA+9qCX9VSu", "Words.\nFA+9qCX9VSu\n@acme.example #012345"),
        ] {
            let texts = Texts { webotp_domain: webotp_domain.to_owned(), app_hash: app_hash.to_owned() };
            assert_eq!(texts.completed("Words.".to_owned(), "012345"), text);
        }
    }
}
