//! How many calls a bot may make: a second's worth at once, and then one after the other (GCRA).

use std::time::Duration;

use dashmap::DashMap;

use crate::botkit::BotId;
use crate::telemetry::Stopwatch;

/// How many bots are remembered before those are forgotten that have been quiet.
const MOST: usize = 10_000;

/// A second, in what we count in.
const SECOND: u64 = 1_000_000;

/// What bots have called for.
#[derive(Debug)]
pub struct Rate {
    per_second: u64,
    started: Stopwatch,
    /// By when what a bot has called for is worked off, in microseconds since the start.
    due: DashMap<BotId, u64>,
}

impl Rate {
    /// Allows so many calls a second; 0 allows any number.
    #[must_use]
    pub fn new(per_second: u32) -> Self {
        Self { per_second: per_second.into(), started: Stopwatch::start(), due: DashMap::new() }
    }

    /// Takes a call, or says how long to wait before the next one.
    ///
    /// # Errors
    /// How long.
    pub fn admit(&self, bot: &BotId) -> Result<(), Duration> {
        if self.per_second == 0 {
            return Ok(());
        }
        self.admit_at(bot, u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn admit_at(&self, bot: &BotId, now: u64) -> Result<(), Duration> {
        if self.due.len() >= MOST {
            self.due.retain(|_, due| *due > now);
        }
        let step = SECOND / self.per_second;
        let mut due = self.due.entry(bot.clone()).or_insert(now);
        let next = (*due).max(now).saturating_add(step);
        let early = next.saturating_sub(now.saturating_add(SECOND));
        if early > 0 {
            return Err(Duration::from_micros(early));
        }
        *due = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_at_once_and_then_one_by_one() {
        let rate = Rate::new(10);
        let (one, other) = (BotId::parse("st-1").unwrap(), BotId::parse("st-2").unwrap());
        for _ in 0..10 {
            assert_eq!(rate.admit_at(&one, 5), Ok(()));
        }
        assert_eq!(rate.admit_at(&one, 5), Err(Duration::from_millis(100)));
        // Whoever was refused owes nothing, and others have nothing to do with it.
        assert_eq!(rate.admit_at(&one, 5), Err(Duration::from_millis(100)));
        assert_eq!(rate.admit_at(&other, 5), Ok(()));
        assert_eq!(rate.admit_at(&one, 100_005), Ok(()));
        assert!(rate.admit_at(&one, 100_005).is_err());
        // Quiet for long does not mean more at once.
        for _ in 0..10 {
            assert_eq!(rate.admit_at(&one, 60_000_000), Ok(()));
        }
        assert!(rate.admit_at(&one, 60_000_000).is_err());
        assert!(Rate::new(0).admit(&one).is_ok());
    }

    #[test]
    fn bots_that_are_quiet_are_forgotten() {
        let rate = Rate::new(1_000);
        for number in 0..2 * MOST {
            let bot = BotId::parse(&format!("st-{number}")).unwrap();
            assert_eq!(rate.admit_at(&bot, 10_000 * number as u64), Ok(()));
        }
        assert!(rate.due.len() <= MOST);
    }
}
