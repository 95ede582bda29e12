//! A message with a code in it, dressed for mail.

mod layout;

pub use layout::{Form, Layout, Template};

use std::fmt;
use std::sync::Arc;

use crate::address::Destination;
use crate::clock::Timestamp;
use crate::dialog::catalogue::Language;
use crate::otp::{ChallengeId, Code};

/// A message that is ready to be sent.
#[derive(Clone)]
pub struct Message {
    /// Whose code it carries; providers are told, so that their events can be matched.
    pub challenge: ChallengeId,
    /// Which of the challenge's sends it is; told likewise.
    pub send: u8,
    /// Where it goes.
    pub to: Destination,
    /// The code it carries.
    pub code: Code,
    /// The language it is written in.
    pub language: Arc<Language>,
    /// The subject line: one line.
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
