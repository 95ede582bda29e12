//! What providers report of messages after they took them. Nothing is believed whose signature is not good.

mod sendgrid;
mod twilio;

use crate::otp::{ChallengeId, News};

pub use sendgrid::SendGridEvents;
pub use twilio::{TwilioEvents, callback};

/// Where Twilio reports, below `server.public_url`.
pub const TWILIO_PATH: &str = "/events/twilio";

/// Where SendGrid reports.
pub const SENDGRID_PATH: &str = "/events/sendgrid";

/// The providers whose reports are taken.
#[derive(Debug, Default)]
pub struct Events {
    /// SendGrid, if `delivery.sendgrid.webhook_key` is set.
    pub sendgrid: Option<SendGridEvents>,
    /// Twilio, if `server.public_url` is set.
    pub twilio: Option<TwilioEvents>,
}

/// A report is not the provider's, or is one of long ago. What it says must not be looked at.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature is missing, wrong or stale")]
pub struct Forged;

/// One thing that a provider reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// What became of a message of ours.
    News {
        /// Whose code it carried.
        challenge: ChallengeId,
        /// Which of the challenge's sends it was.
        send: u8,
        /// What became of it.
        news: News,
    },
    /// What became of a message that is none of ours.
    Unknown,
    /// Something that tells nothing of whether the message arrived.
    Ignored,
}

impl Event {
    /// An event about the message that carries these two; a provider gives them back as we gave them.
    fn about(challenge: Option<&str>, send: Option<&str>, news: Option<News>) -> Self {
        let Some(news) = news else { return Self::Ignored };
        let challenge = challenge.and_then(ChallengeId::parse);
        match (challenge, send.and_then(|send| send.parse().ok())) {
            (Some(challenge), Some(send)) => Self::News { challenge, send, news },
            (None, _) | (_, None) => Self::Unknown,
        }
    }

    /// What the counter of events calls it, if its challenge is known.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::News { news, .. } => news.fate.name(),
            Self::Unknown => "unknown",
            Self::Ignored => "ignored",
        }
    }
}
