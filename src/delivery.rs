//! Bringing codes to people: the providers, their order, and how long to insist.

mod breaker;
mod client;
pub mod events;
mod failover;
mod faults;
mod health;
mod line;
mod mail;
mod outbox;
mod sendgrid;
mod smtp;
mod text;
mod twilio;

pub use breaker::{Breaker, Limits};
pub use client::{Unusable, describe, http_client, traced};
pub use faults::{Fault, Faults};
pub use health::Hello;
pub use line::Line;
pub use mail::{Form, Layout, Message, Template};
pub use outbox::{Outbox, Sent, ToOutbox};
pub use sendgrid::SendGrid;
pub use smtp::Smtp;
pub use text::Texts;
pub use twilio::Twilio;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;

use crate::address::Channel;
use crate::clock::{self, Timestamp};
use crate::dialog::{self, Occasion};
use crate::otp::Handover;
use crate::telemetry::Metrics;

/// How codes are delivered.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// The providers for mail, in the order they are tried.
    pub email: Vec<Provider>,
    /// The providers for text messages.
    pub sms: Vec<Provider>,
    /// The providers for WhatsApp messages.
    pub whatsapp: Vec<Provider>,
    /// The providers for calls.
    pub call: Vec<Provider>,
    /// Failures in a row after which a provider is kept away from.
    pub breaker_failures: u32,
    /// For how long.
    #[serde(deserialize_with = "clock::duration")]
    pub breaker_pause: Duration,
    /// How often providers are asked whether they know us.
    #[serde(deserialize_with = "clock::duration")]
    pub check_every: Duration,
    /// How long one attempt at one provider may take.
    #[serde(deserialize_with = "clock::duration")]
    pub timeout: Duration,
    /// How many deliveries, and calls to the platform, may run at once.
    pub most_at_once: usize,
    /// SendGrid's settings.
    pub sendgrid: sendgrid::Settings,
    /// The settings of the SMTP relay.
    pub smtp: smtp::Settings,
    /// Twilio's settings, and how phone numbers are taken.
    pub twilio: twilio::Settings,
}

impl Settings {
    /// The providers of a channel, in the order they are tried.
    #[must_use]
    pub fn providers(&self, channel: Channel) -> &[Provider] {
        match channel {
            Channel::Email => &self.email,
            Channel::Sms => &self.sms,
            Channel::WhatsApp => &self.whatsapp,
            Channel::Call => &self.call,
        }
    }
}

/// The providers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Twilio SendGrid's v3 API.
    SendGrid,
    /// A relay that speaks SMTP.
    Smtp,
    /// Twilio's API of 2010.
    Twilio,
}

impl Provider {
    /// Its name in the configuration, in logs and in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SendGrid => "sendgrid",
            Self::Smtp => "smtp",
            Self::Twilio => "twilio",
        }
    }
}

/// Takes messages to where they are delivered from.
#[async_trait]
pub trait Delivery: Send + Sync {
    /// Its name in the configuration, in logs and in metrics.
    fn name(&self) -> &'static str;

    /// Hands over one message, once. `Ok` means that the provider took responsibility for it; the value is the
    /// provider's own id of the message, if it gave one.
    ///
    /// # Errors
    /// [`Error`] says whether trying again can help.
    async fn deliver(&self, message: &Message) -> Result<Option<String>, Error>;

    /// Asks whether the provider knows us and would take messages; nothing is sent. A provider that cannot be asked is
    /// fine.
    ///
    /// # Errors
    /// [`Error`], as for a message.
    async fn check(&self) -> Result<Hello, Error> {
        Ok(Hello::default())
    }
}

/// Why a provider did not take a message. The text may go to the log: it holds neither key nor address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The provider will not take this message, however often it is asked.
    #[error("refused: {0}")]
    Refused(String),
    /// The provider says that the address cannot be reached.
    #[error("undeliverable: {0}")]
    Undeliverable(String),
    /// The provider could not take it this time.
    #[error("{reason}")]
    Passing {
        /// What happened.
        reason: String,
        /// How long the provider asks us to wait.
        retry_after: Option<Duration>,
    },
}

impl Error {
    fn passing(reason: impl Into<String>) -> Self {
        Self::Passing { reason: reason.into(), retry_after: None }
    }
}

/// The providers of a server, in order.
pub struct Deliveries {
    /// How mails are laid out.
    pub layout: Layout,
    /// The providers for mail, in the order they are tried.
    pub email: Vec<Line>,
    /// The providers for text messages.
    pub sms: Vec<Line>,
    /// The providers for WhatsApp messages.
    pub whatsapp: Vec<Line>,
    /// The providers for calls.
    pub call: Vec<Line>,
    /// How text messages end.
    pub texts: Texts,
    /// Dev mode's record of everything sent, and its doors.
    pub dev: Option<Arc<Dev>>,
    /// How long after the first attempt another may begin.
    pub insist: Duration,
    /// How often providers are asked whether they know us; never if `None`.
    pub check_every: Option<Duration>,
}

/// Dev mode's side of delivery.
#[derive(Debug, Default)]
pub struct Dev {
    /// Everything that was sent.
    pub outbox: Outbox,
    /// Failures that were asked for.
    pub faults: Faults,
}

impl Deliveries {
    /// The providers of a channel, in the order they are tried.
    #[must_use]
    pub fn providers(&self, channel: Channel) -> &[Line] {
        match channel {
            Channel::Email => &self.email,
            Channel::Sms => &self.sms,
            Channel::WhatsApp => &self.whatsapp,
            Channel::Call => &self.call,
        }
    }

    /// Writes the message for a code, in the form of its channel.
    #[must_use]
    pub fn write(&self, delivery: &dialog::Delivery, now: Timestamp) -> Message {
        match delivery.to.channel() {
            Channel::Email => self.layout.write(delivery, Occasion::Code, now),
            Channel::Sms | Channel::WhatsApp | Channel::Call => self.texts.write(delivery, now),
        }
    }

    /// Hands a message to the first provider of its channel that takes it.
    pub async fn deliver(&self, message: &Message, metrics: &Metrics) -> Handover {
        let lines = self.providers(message.to.channel());
        failover::deliver(lines, message, self.insist, self.dev.as_deref(), metrics).await
    }
}

/// How long a provider asks us to wait, in whole seconds; the other form, a date, is none that ours use.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    /// Longer than anybody waits here.
    const LONGEST: u64 = 86_400;
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST)))
}

/// As much of an answer's body as there is use for; what breaks off is taken as it is.
async fn body_start(response: reqwest::Response) -> Vec<u8> {
    /// Bytes that are enough for what providers say of a message.
    const ENOUGH: usize = 16_384;
    body_up_to(response, ENOUGH).await
}

async fn body_up_to(mut response: reqwest::Response, enough: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < enough {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) | Err(_) => break,
        }
    }
    bytes
}
