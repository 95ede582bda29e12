//! How providers are, as far as one can tell without sending anything.

use std::sync::{Mutex, PoisonError};

use log::{info, warn};
use reqwest::header::{DATE, HeaderMap};

use super::{Deliveries, Error, Line};
use crate::address::Channel;
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::telemetry::Metrics;

/// What a provider says when it is asked whether it knows us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// How far its clock is ahead of ours, in seconds, if it says what time it is.
    pub ahead: Option<i64>,
}

impl Hello {
    /// Reads a provider's clock off its answer.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let theirs = headers.get(DATE).and_then(|date| Timestamp::parse_date(date.to_str().ok()?));
        Self { ahead: theirs.map(|theirs| theirs.seconds() - SystemClock.now().seconds()) }
    }
}

/// What came of asking a provider for the last time; nothing before the first.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<Option<Result<Hello, Error>>>);

impl Health {
    pub(super) fn last(&self) -> Option<Result<Hello, Error>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes an answer; what changed is logged.
    pub(super) fn note(&self, provider: &str, answer: Result<Hello, Error>) {
        let before = self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(answer.clone());
        match (before, answer) {
            (None | Some(Ok(_)), Err(error)) => {
                warn!("{provider} does not know us, or cannot be asked: {error}");
            }
            (Some(Err(_)), Ok(_)) => info!("{provider} knows us again"),
            (None | Some(Ok(_)), Ok(_)) | (Some(Err(_)), Err(_)) => {}
        }
    }
}

impl Deliveries {
    /// Asks every provider whether it knows us, one after the other.
    pub async fn check(&self, metrics: &Metrics) {
        for line in self.lines() {
            line.check(metrics).await;
        }
    }

    /// The providers of all channels.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        Channel::ALL.into_iter().flat_map(|channel| self.providers(channel))
    }
}
