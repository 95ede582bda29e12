//! One account: when codes were sent, and when wrong ones were typed.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Caps, DAY, Exhausted, HOUR, Holder, pause};
use crate::address::Destination;
use crate::clock::Timestamp;
use crate::otp::{Keys, Limit};

/// How far the clocks of servers that share a store may be apart.
const SKEW: Duration = Duration::from_mins(1);

/// Names an account: a keyed digest of an address or a user, from which neither can be guessed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(#[serde(with = "serde_bytes")] [u8; 16]);

impl AccountId {
    /// The account of an address. All its spellings share one: case, plus tags, Unicode's ways to write the same.
    #[must_use]
    pub fn of_destination(keys: &Keys, destination: &Destination) -> Self {
        Self(keys.account(&["address", &destination.canonical()]))
    }

    /// The account of a user of a bot.
    #[must_use]
    pub fn of_user(keys: &Keys, bot: &str, user: &str) -> Self {
        Self(keys.account(&["user", bot, user]))
    }

    /// Its bytes, for a store's key.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl From<[u8; 16]> for AccountId {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// What has been used up lately. The oldest come first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    #[serde(default, rename = "s")]
    sends: Vec<Timestamp>,
    #[serde(default, rename = "f")]
    failures: Vec<Timestamp>,
}

impl Account {
    /// Whether the caps let another code out.
    pub(super) fn may_send(&self, holder: Holder, caps: Caps, now: Timestamp) -> Result<(), Exhausted> {
        let (hour, day) = match holder {
            Holder::Destination => (Limit::DestinationHour, Limit::DestinationDay),
            Holder::User => (Limit::UserHour, Limit::UserDay),
        };
        let full = |limit, span, cap| Some((full_until(&self.sends, span, cap, now)?, limit));
        let (hour, day) = (full(hour, HOUR, caps.sends_per_hour), full(day, DAY, caps.sends_per_day));
        // Of two that say so, the one to tell is the one that lasts longer.
        match hour.into_iter().chain(day).max_by_key(|(until, _)| *until) {
            Some((until, limit)) => Err(Exhausted::Sends { limit, until }),
            None => Ok(()),
        }
    }

    /// Whether too many wrong codes were typed to check any more.
    pub(super) fn locked(&self, holder: Holder, caps: Caps, now: Timestamp) -> Result<(), Exhausted> {
        let limit = match holder {
            Holder::Destination => Limit::DestinationFailures,
            Holder::User => Limit::UserFailures,
        };
        match full_until(&self.failures, DAY, caps.failures_per_day, now) {
            Some(until) => Err(Exhausted::Failures { limit, until }),
            None => Ok(()),
        }
    }

    /// Whether the last wrong code is too recent for another check.
    pub(super) fn paused(&self, free: u8, now: Timestamp) -> Result<(), Exhausted> {
        let recent = within(&self.failures, DAY, now);
        // Of what lies ahead of a clock that was set back, nobody can tell how long ago it was; it still counts.
        let last = recent.iter().rfind(|moment| **moment <= now.after(SKEW));
        let until = last.map(|last| (*last).min(now).after(pause(recent.len(), free)));
        match until.filter(|until| now < *until) {
            Some(until) => Err(Exhausted::Pause { until }),
            None => Ok(()),
        }
    }

    pub(super) fn sent(&self, now: Timestamp) -> Self {
        Self { sends: with(&self.sends, now), failures: self.failures.clone() }
    }

    pub(super) fn failed(&self, now: Timestamp) -> Self {
        Self { sends: self.sends.clone(), failures: with(&self.failures, now) }
    }

    /// Takes back a send of that moment, which did not come about; `None` if there is none.
    #[must_use]
    pub fn unsent(&self, at: Timestamp) -> Option<Self> {
        let position = self.sends.iter().position(|sent| *sent == at)?;
        let mut account = self.clone();
        account.sends.remove(position);
        Some(account)
    }

    pub(super) fn has_failures(&self) -> bool {
        !self.failures.is_empty()
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sends.is_empty() && self.failures.is_empty()
    }

    /// The account without its failures.
    #[must_use]
    pub fn forgiven(&self) -> Self {
        Self { sends: self.sends.clone(), failures: Vec::new() }
    }

    /// When nothing in it counts any more, and a store may free its memory.
    #[must_use]
    pub fn forget_at(&self) -> Timestamp {
        let last = self.sends.iter().chain(&self.failures).max().copied();
        last.map_or(Timestamp::from_millis(0), |last| last.after(DAY))
    }
}

/// The moments with one more, but for those that no longer count or that there is no room for.
fn with(moments: &[Timestamp], now: Timestamp) -> Vec<Timestamp> {
    let recent = within(moments, DAY, now);
    let room = usize::from(Caps::MOST) - 1;
    [&recent[recent.len().saturating_sub(room)..], &[now]].concat()
}

/// The newest of the moments, those less than `span` ago.
fn within(moments: &[Timestamp], span: Duration, now: Timestamp) -> &[Timestamp] {
    let gone = moments.iter().take_while(|moment| moment.after(span) <= now).count();
    &moments[gone..]
}

/// When there is room for another one below `cap`; `None` if there is now, or no cap.
fn full_until(moments: &[Timestamp], span: Duration, cap: u16, now: Timestamp) -> Option<Timestamp> {
    let recent = within(moments, span, now);
    let cap = usize::from(cap);
    if cap == 0 || recent.len() < cap {
        return None;
    }
    // A clock that was set back must not make anybody wait longer than the rule says.
    Some(recent[recent.len() - cap].min(now).after(span))
}
