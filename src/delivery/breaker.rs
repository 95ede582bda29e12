//! Keeps away from a provider that fails again and again: nobody waits for it, and it gets time to recover.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Timestamp;

/// When to keep away, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Failures in a row after which the provider is left alone.
    pub failures: u32,
    /// How long it is left alone before one message tries it again.
    pub pause: Duration,
}

/// A circuit breaker. Closed, it lets everything through; open, nothing; half open, one message at a time.
#[derive(Debug)]
pub struct Breaker {
    limits: Limits,
    state: Mutex<State>,
}

/// How a provider is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Timestamp },
    HalfOpen { since: Timestamp },
}

impl Breaker {
    /// A closed one.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self { limits, state: Mutex::new(State::Closed { failures: 0 }) }
    }

    /// Whether a message may try the provider now. Who is let through must tell what came of it; if it never does, the
    /// next may try after another pause.
    pub fn admits(&self, now: Timestamp) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match *state {
            State::Closed { .. } => true,
            // A clock that was set back must not keep it open for ever.
            State::Open { until } if now < until && until <= now.after(self.limits.pause * 2) => false,
            State::HalfOpen { since }
                if since <= now.after(self.limits.pause) && now < since.after(self.limits.pause) =>
            {
                false
            }
            State::Open { .. } | State::HalfOpen { .. } => {
                *state = State::HalfOpen { since: now };
                true
            }
        }
    }

    /// The provider did its work.
    pub fn succeeded(&self) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::Closed { failures: 0 };
    }

    /// The provider failed. Whether that opened the breaker.
    pub fn failed(&self, now: Timestamp) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = match *state {
            State::Closed { failures } => failures.saturating_add(1),
            // The probe failed.
            State::HalfOpen { .. } => self.limits.failures,
            // Somebody who was let through before it opened.
            State::Open { .. } => return false,
        };
        if failures < self.limits.failures {
            *state = State::Closed { failures };
            return false;
        }
        *state = State::Open { until: now.after(self.limits.pause) };
        true
    }

    /// Whether messages keep away, or only one at a time does not.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match *self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Closed { .. } => false,
            State::Open { .. } | State::HalfOpen { .. } => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_784_540_790_118);

    fn at(seconds: u64) -> Timestamp {
        START.after(Duration::from_secs(seconds))
    }

    fn breaker() -> Breaker {
        Breaker::new(Limits { failures: 3, pause: Duration::from_secs(30) })
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_lets_one_through_after_a_pause() {
        let breaker = breaker();
        assert!(!breaker.failed(at(0)) && !breaker.failed(at(1)));
        breaker.succeeded();
        assert!(!breaker.failed(at(2)) && !breaker.failed(at(3)) && breaker.admits(at(3)));
        assert!(breaker.failed(at(4)) && breaker.is_open());
        assert!(!breaker.admits(at(4)) && !breaker.admits(at(33)));
        // One probe, and nobody else until it is over.
        assert!(breaker.admits(at(34)) && !breaker.admits(at(34)) && breaker.is_open());
        assert!(breaker.failed(at(35)) && !breaker.admits(at(64)));
        assert!(breaker.admits(at(65)));
        breaker.succeeded();
        assert!(!breaker.is_open() && breaker.admits(at(65)) && breaker.admits(at(65)));
    }

    #[test]
    fn a_probe_that_is_never_heard_of_again_is_followed_by_another() {
        let breaker = breaker();
        for second in 0..3 {
            breaker.failed(at(second));
        }
        assert!(breaker.admits(at(40)) && !breaker.admits(at(69)) && breaker.admits(at(70)));
    }

    #[test]
    fn stragglers_and_clocks_set_back_do_not_lengthen_the_pause() {
        let breaker = breaker();
        for second in 0..3 {
            breaker.failed(at(second));
        }
        assert!(!breaker.failed(at(20)) && breaker.admits(at(32)));
        breaker.failed(at(1_000));
        // Nor does somebody who looked at the clock a moment before find it closed.
        assert!(!breaker.admits(at(999)) && breaker.admits(at(2)));
    }
}
