//! How many sends there were within an hour, without a note of each.

use crate::clock::Timestamp;

/// Milliseconds that are counted together.
const SLOT: i64 = 5 * 60 * 1000;

/// Slots that cover an hour whatever part of the newest has gone by.
const SLOTS: usize = 13;

/// The sends of the last 60 to 65 minutes.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    /// The number of the newest slot since the epoch.
    newest: i64,
    /// Sends by slot, the newest first.
    counts: [u32; SLOTS],
}

impl Window {
    /// The sends of the last hour.
    pub(super) fn total(&self, now: Timestamp) -> u32 {
        self.at(now).iter().sum()
    }

    /// Counts one send.
    pub(super) fn add(&mut self, now: Timestamp) {
        self.counts = self.at(now);
        self.newest = self.slot(now);
        self.counts[0] = self.counts[0].saturating_add(1);
    }

    /// Takes back a send that was counted at `at`.
    pub(super) fn take_back(&mut self, at: Timestamp) {
        let back = usize::try_from(self.newest - slot(at)).unwrap_or(0);
        if let Some(count) = self.counts.get_mut(back) {
            *count = count.saturating_sub(1);
        }
    }

    /// When there is room again below `cap`; `None` if there is room now, or no cap.
    pub(super) fn full_until(&self, cap: u32, now: Timestamp) -> Option<Timestamp> {
        let counts = self.at(now);
        let mut total: u32 = counts.iter().sum();
        if cap == 0 || total < cap {
            return None;
        }
        let newest = self.slot(now);
        let mut until = now;
        for (back, count) in counts.iter().enumerate().rev() {
            total = total.saturating_sub(*count);
            // The slot is forgotten when it would be the fourteenth.
            let ahead = i64::try_from(SLOTS - back).unwrap_or(0);
            until = Timestamp::from_millis(newest.saturating_add(ahead).saturating_mul(SLOT));
            if total < cap {
                break;
            }
        }
        Some(until)
    }

    /// The newest slot as of `now`. A clock that was set back a little stands still; far back, all is forgotten.
    fn slot(&self, now: Timestamp) -> i64 {
        let current = slot(now);
        let span = i64::try_from(SLOTS).unwrap_or(i64::MAX);
        if current < self.newest && self.newest.saturating_sub(current) < span {
            self.newest
        } else {
            current
        }
    }

    /// The counts as of `now`.
    fn at(&self, now: Timestamp) -> [u32; SLOTS] {
        let mut counts = [0; SLOTS];
        if let Ok(gone) = usize::try_from(self.slot(now).saturating_sub(self.newest))
            && gone < SLOTS
        {
            counts[gone..].copy_from_slice(&self.counts[..SLOTS - gone]);
        }
        counts
    }
}

fn slot(now: Timestamp) -> i64 {
    now.millis().div_euclid(SLOT)
}
