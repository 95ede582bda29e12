//! Dev mode's mail: kept in memory, read at `/dev/outbox`, never sent.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde::Serialize;

use super::{Delivery, Error, Message};

/// Messages kept; the oldest makes room for the newest.
const KEPT: usize = 200;

/// Messages as dev mode shows them.
#[derive(Debug, Default)]
pub struct Outbox(Mutex<VecDeque<Sent>>);

/// One message that was sent.
#[derive(Clone, Serialize)]
pub struct Sent {
    /// Counts on from 1.
    #[serde(skip)]
    number: u64,
    /// What it belongs to, whatever its provider calls it.
    #[serde(skip)]
    challenge: String,
    id: String,
    to: String,
    channel: &'static str,
    provider: &'static str,
    subject: String,
    text: String,
    html: String,
    code: String,
    #[serde(rename = "sentAt")]
    at: String,
}

/// Never shows what was sent: this is a type that logs could meet.
impl std::fmt::Debug for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sent").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Sent {
    /// Whether it is the one with this id that was sent at this time.
    #[must_use]
    pub fn is(&self, id: &str, at: &str) -> bool {
        self.id == id && self.at == at
    }

    /// Its place among all that were sent, from 1.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The id of the challenge whose code it carries.
    #[must_use]
    pub fn challenge(&self) -> &str {
        &self.challenge
    }

    /// The code in it.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// How it looks; empty if it is none that is looked at.
    #[must_use]
    pub fn html(&self) -> &str {
        &self.html
    }
}

impl Outbox {
    /// Keeps a message that `provider` took.
    pub(super) fn record(&self, message: &Message, provider: &'static str, id: Option<&str>) {
        let mut sent = Sent {
            number: 1,
            challenge: message.challenge.to_string(),
            id: id.map_or_else(|| message.challenge.to_string(), str::to_owned),
            to: message.to.reveal().to_owned(),
            channel: message.to.channel().name(),
            provider,
            subject: message.subject.clone(),
            text: message.text.clone(),
            html: message.html.clone(),
            code: message.code.reveal().to_owned(),
            at: message.at.to_string(),
        };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sent.number += kept.front().map_or(0, |newest| newest.number);
        kept.truncate(KEPT - 1);
        kept.push_front(sent);
    }

    /// The messages that came after the one with this number, oldest first.
    #[must_use]
    pub fn after(&self, number: u64) -> Vec<Sent> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut newer: Vec<Sent> = kept.iter().take_while(|sent| sent.number > number).cloned().collect();
        newer.reverse();
        newer
    }

    /// The messages sent to `to`, or all, newest first.
    #[must_use]
    pub fn sent(&self, to: Option<&str>) -> Vec<Sent> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().filter(|sent| to.is_none_or(|to| sent.to.eq_ignore_ascii_case(to))).cloned().collect()
    }
}

/// Dev mode's provider: takes every message and sends none. Recording is done for it, as for every provider.
#[derive(Debug)]
pub struct ToOutbox;

#[async_trait]
impl Delivery for ToOutbox {
    fn name(&self) -> &'static str {
        "outbox"
    }

    async fn deliver(&self, _message: &Message) -> Result<Option<String>, Error> {
        Ok(None)
    }
}
