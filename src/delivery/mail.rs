//! A message with a code in it, dressed for mail.

use std::fmt;

use crate::address::Destination;
use crate::clock::Timestamp;
use crate::dialog::{self, Letter};
use crate::otp::{ChallengeId, Code};

/// A message that is ready to be sent.
#[derive(Clone)]
pub struct Message {
    /// Whose code it carries; providers are told, so that their events can be matched.
    pub challenge: ChallengeId,
    /// Where it goes.
    pub to: Destination,
    /// The code it carries.
    pub code: Code,
    /// The subject line.
    pub subject: String,
    /// The body for readers that show plain text.
    pub text: String,
    /// The body for readers that show HTML.
    pub html: String,
    /// When it was written.
    pub at: Timestamp,
}

/// Never shows the code, the address or the text.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("challenge", &self.challenge).finish_non_exhaustive()
    }
}

impl Message {
    /// Writes the message for a code.
    #[must_use]
    pub fn write(delivery: &dialog::Delivery, now: Timestamp) -> Self {
        let letter = dialog::letter(&delivery.language, delivery.expires_at.remaining(now).as_secs());
        Self {
            challenge: delivery.challenge,
            to: delivery.to.clone(),
            code: delivery.code.clone(),
            text: plain(&letter, delivery.code.reveal()),
            html: html(&letter, delivery.code.reveal()),
            subject: letter.subject,
            at: now,
        }
    }
}

/// The code stands alone on its line, with no punctuation behind it, so that it is easy to select and to detect.
fn plain(letter: &Letter, code: &str) -> String {
    format!("{}\n\n{code}\n\n{}\n", letter.lead, letter.below.join("\n\n"))
}

/// Colours follow the reader's light or dark mode; nothing is loaded, nothing is tracked.
fn html(letter: &Letter, code: &str) -> String {
    let below: Vec<String> = letter.below.iter().map(|line| format!("<p>{}</p>\n", escape(line))).collect();
    format!(
        concat!(
            "<!doctype html>\n<html lang=\"{language}\" dir=\"{direction}\">\n<head>\n<meta charset=\"utf-8\">\n",
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
            "<meta name=\"color-scheme\" content=\"light dark\">\n<title>{subject}</title>\n</head>\n",
            "<body style=\"font: 16px/1.5 system-ui, sans-serif; max-width: 32em; margin: 0 auto; padding: 24px\">\n",
            "<p>{lead}</p>\n",
            "<p style=\"font: 700 32px/1.25 ui-monospace, monospace; letter-spacing: .15em; margin: 24px 0\">{code}</p>\n",
            "{below}</body>\n</html>\n"
        ),
        language = letter.language,
        direction = if letter.right_to_left { "rtl" } else { "ltr" },
        subject = escape(&letter.subject),
        lead = escape(&letter.lead),
        code = escape(code),
        below = below.concat(),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
