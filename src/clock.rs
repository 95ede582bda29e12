//! The one place that knows what time it is.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

/// A moment: milliseconds since the Unix epoch, UTC, as `BotUserSession.ExpiryTime` carries it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `millis` after the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, as tokens count them.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The moment `span` later; stops at the end of time instead of overflowing.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long it is from `now` until this moment; zero when it has come.
    #[must_use]
    pub fn remaining(self, now: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(now.0)).unwrap_or(0))
    }
}

impl Timestamp {
    /// Reads the date of an HTTP header (RFC 9110, 5.6.7), such as `Mon, 20 Jul 2026 09:46:29 GMT`.
    #[must_use]
    pub fn parse_date(text: &str) -> Option<Self> {
        let zoned = jiff::fmt::rfc2822::parse(text).ok()?;
        Some(Self(zoned.timestamp().as_millisecond()))
    }
}

/// ISO 8601 in UTC with milliseconds, as in `2026-07-20T09:46:29.871Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(moment) => write!(f, "{moment:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

/// Reads a span of time from configuration text such as `"30s"`, `"5m"` or `"1h 30m"`.
///
/// # Errors
/// The text is no span, or a negative one.
pub fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let span = text.parse::<jiff::SignedDuration>().ok().and_then(|span| Duration::try_from(span).ok());
    span.ok_or_else(|| {
        serde::de::Error::custom(format!("{text:?} is no span of time; write it like \"30s\" or \"5m\""))
    })
}

/// Tells the time. Tests and dev mode bring their own.
pub trait Clock: Send + Sync {
    /// The time that governs codes, cooldowns, locks and sweeps.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(0).after(since)
    }
}

/// A clock that can be moved: dev mode's (it runs on from the system's time) and the tests' (it stands still).
#[derive(Debug)]
pub struct VirtualClock {
    stands_at: Option<Timestamp>,
    moved: AtomicI64,
}

impl VirtualClock {
    /// A clock that runs with the system's until it is moved.
    #[must_use]
    pub fn running() -> Self {
        Self { stands_at: None, moved: AtomicI64::new(0) }
    }

    /// A clock that stands still at `at` until it is moved.
    #[must_use]
    pub fn standing(at: Timestamp) -> Self {
        Self { stands_at: Some(at), moved: AtomicI64::new(0) }
    }

    /// Moves the clock by `millis`; a negative number moves it back.
    pub fn advance(&self, millis: i64) {
        // Past any real date the sum would only saturate in `now`; keep it where arithmetic is safe.
        let limit = i64::MAX / 4;
        let _ = self.moved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |moved| {
            Some(moved.saturating_add(millis).clamp(-limit, limit))
        });
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let base = self.stands_at.unwrap_or_else(|| SystemClock.now());
        Timestamp(base.0.saturating_add(self.moved.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_iso_8601() {
        assert_eq!(Timestamp::from_millis(1_784_540_789_871).to_string(), "2026-07-20T09:46:29.871Z");
        assert_eq!(Timestamp::from_millis(i64::MAX).to_string(), format!("{}ms", i64::MAX));
    }

    #[test]
    fn dates_of_headers_are_read() {
        let read = |text| Timestamp::parse_date(text).map(Timestamp::seconds);
        assert_eq!(read("Mon, 20 Jul 2026 09:46:29 GMT"), Some(1_784_540_789));
        assert_eq!(read("soon"), None);
    }

    #[test]
    fn a_virtual_clock_moves_both_ways_and_never_overflows() {
        let clock = VirtualClock::standing(Timestamp::from_millis(1_000));
        clock.advance(500);
        assert_eq!(clock.now().millis(), 1_500);
        clock.advance(-2_500);
        assert_eq!(clock.now().millis(), -1_000);
        clock.advance(i64::MAX);
        clock.advance(i64::MAX);
        assert!(clock.now().millis() > 0);
    }
}
