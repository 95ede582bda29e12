//! What providers report of a message after they took it. Reports come late, twice and in any order: of those that come
//! for a send the latest counts, by the provider's time.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Challenge, ChallengeId, Handover, State};
use crate::clock::Timestamp;

/// What became of a message that a provider took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// It arrived.
    Delivered,
    /// It has not arrived yet, and the provider goes on trying.
    Deferred,
    /// It was refused for what it is or where it came from; the address may be good.
    Blocked,
    /// The address does not exist or cannot be reached.
    Bounced,
    /// The provider did not send it, because earlier messages to the address had come back or were not wanted.
    Dropped,
    /// It arrived, and was marked as spam.
    Spam,
}

impl Fate {
    /// Its name in metrics and in the audit.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Deferred => "deferred",
            Self::Blocked => "blocked",
            Self::Bounced => "bounced",
            Self::Dropped => "dropped",
            Self::Spam => "spam",
        }
    }

    /// What the send comes to, where it came to an end: `None` is that it arrived.
    fn failure(self) -> Option<Handover> {
        match self {
            Self::Delivered | Self::Deferred | Self::Spam => None,
            Self::Blocked => Some(Handover::Failed),
            Self::Bounced | Self::Dropped => Some(Handover::Undeliverable),
        }
    }

    /// Which of two reports with the same time counts: mail comes back after it was taken.
    fn weight(self) -> u8 {
        match self {
            Self::Deferred | Self::Delivered | Self::Spam => 0,
            Self::Blocked => 1,
            Self::Bounced | Self::Dropped => 2,
        }
    }
}

/// A provider's report on one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// The provider's name in the configuration.
    pub provider: Arc<str>,
    /// What became of the message.
    pub fate: Fate,
    /// When, by the provider's clock.
    pub at: Timestamp,
}

impl News {
    /// Whether they are about a send that came to this. Another provider's message may have failed before.
    fn concern(&self, handed: &Handover) -> bool {
        match handed {
            Handover::Pending => true,
            Handover::Accepted { provider, .. } => *provider == self.provider,
            Handover::Failed | Handover::Undeliverable | Handover::Bot => false,
        }
    }

    /// What a send comes to that was handed over thus.
    fn outcome(&self, handed: &Handover) -> Handover {
        // Until it is known who took the message, nobody can tell whether the news are about that one.
        let known = *handed != Handover::Pending;
        self.fate.failure().filter(|_| known).unwrap_or_else(|| handed.clone())
    }
}

/// The latest news of a send, and what it was handed over as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Latest {
    news: News,
    handed: Handover,
}

impl Challenge {
    /// Notes what a provider reports of the send number `send`; `None` if that changes nothing. A challenge that has
    /// moved on stays as it is, and so does one that is over.
    #[must_use]
    pub fn reported(&self, id: ChallengeId, send: u8, news: &News) -> Option<Self> {
        let current = self.id == id && self.sends == send && self.state == State::Waiting;
        if !current || news.fate == Fate::Deferred {
            return None;
        }
        let known = self.latest.as_deref();
        let handed = known.map_or(&self.handover, |known| &known.handed);
        let rank = |news: &News| (news.at, news.fate.weight());
        let old = known.is_some_and(|known| rank(news) <= rank(&known.news));
        (!old && news.concern(handed)).then(|| self.settled(handed.clone(), Some(news.clone())))
    }

    /// Notes what a send was handed over as; news that came before the provider's answer count now.
    pub(super) fn handed(&self, handover: Handover) -> Self {
        let news = self.latest.as_deref().map(|known| known.news.clone());
        let news = news.filter(|news| news.concern(&handover));
        self.settled(handover, news)
    }

    fn settled(&self, handed: Handover, news: Option<News>) -> Self {
        let handover = news.as_ref().map_or_else(|| handed.clone(), |news| news.outcome(&handed));
        let latest = news.map(|news| Arc::new(Latest { news, handed }));
        let settled = Self { handover, latest, ..self.clone() };
        // A send counts as failed at most once, however often its story changes.
        let failed = match (self.arrived(), settled.arrived()) {
            (true, false) => self.failed.saturating_add(1),
            (false, true) => self.failed.saturating_sub(1),
            (true, true) | (false, false) => self.failed,
        };
        Self { failed, ..settled }
    }
}
