//! What may be spent on phones. Every message and call costs money, and premium-rate fraud pumps codes into ranges of
//! numbers of its own, where nobody ever types one ("SMS pumping"). So there are caps per bot, per country and per
//! prefix, which is a block of 10,000 numbers, and a prefix that swallows codes and verifies none is blocked.
//!
//! The counts are those of one process, and take bounded memory.

mod ledger;
mod window;

use std::time::Duration;

use serde::Deserialize;

use self::ledger::Ledger;
use self::window::Window;
use super::Limit;
use crate::address::Phone;
use crate::clock::{self, Timestamp};

/// The section `[limits.sms]`; 0 switches a limit off.
#[derive(Clone, Debug, Deserialize)]
pub struct SpendLimits {
    /// Whether there are any limits.
    pub enabled: bool,
    /// Codes an hour that one bot sends to phones.
    pub per_bot: u32,
    /// Codes an hour to the phones of one country.
    pub per_country: u32,
    /// Codes an hour to the phones of one prefix.
    pub per_prefix: u32,
    /// Codes to one prefix of which none was typed, after which it is blocked.
    pub unverified: u32,
    /// How long it is blocked.
    #[serde(deserialize_with = "clock::duration")]
    pub block_for: Duration,
}

/// That nothing may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halt {
    /// Why.
    pub limit: Limit,
    /// Until when.
    pub until: Timestamp,
}

/// What has been spent lately.
#[derive(Debug)]
pub struct Spending {
    limits: SpendLimits,
    bots: Ledger<Window>,
    countries: Ledger<Window>,
    prefixes: Ledger<Prefix>,
}

/// What is known of a prefix.
#[derive(Clone, Debug, Default)]
struct Prefix {
    sends: Window,
    /// Sends since a code was last typed.
    unverified: u32,
    blocked_until: Option<Timestamp>,
}

impl Spending {
    /// Nothing has been spent yet.
    #[must_use]
    pub fn new(limits: SpendLimits) -> Self {
        Self { limits, bots: Ledger::default(), countries: Ledger::default(), prefixes: Ledger::default() }
    }

    /// Charges one send to a phone, or nothing at all.
    ///
    /// # Errors
    /// [`Halt`]: which limit forbids it, and until when.
    pub fn charge(&mut self, bot: &str, phone: &Phone, now: Timestamp) -> Result<(), Halt> {
        let limits = &self.limits;
        if !limits.enabled {
            return Ok(());
        }
        let bot = self.bots.entry(bot, now);
        let country = self.countries.entry(phone.country(), now);
        let prefix = self.prefixes.entry(phone.prefix(), now);
        prefix.blocked_until = prefix
            .blocked_until
            // A clock that was set back must not make anybody wait longer than the rule says.
            .map(|until| until.min(now.after(limits.block_for)))
            .filter(|until| now < *until);
        if let Some(until) = prefix.blocked_until {
            return Err(Halt { limit: Limit::SmsUnverified, until });
        }
        if prefix.sends.total(now) == 0 {
            prefix.unverified = 0;
        }
        if limits.unverified > 0 && prefix.unverified >= limits.unverified {
            let until = now.after(limits.block_for);
            prefix.blocked_until = Some(until);
            // When the block ends, counting begins anew.
            prefix.unverified = 0;
            return Err(Halt { limit: Limit::SmsUnverified, until });
        }
        let caps = [
            (Limit::SmsPrefix, limits.per_prefix, &mut prefix.sends),
            (Limit::SmsCountry, limits.per_country, country),
            (Limit::SmsBot, limits.per_bot, bot),
        ];
        for (limit, cap, window) in &caps {
            if let Some(until) = window.full_until(*cap, now) {
                return Err(Halt { limit: *limit, until });
            }
        }
        for (_, _, window) in caps {
            window.add(now);
        }
        prefix.unverified = prefix.unverified.saturating_add(1);
        Ok(())
    }

    /// Takes back what was charged at `at` for a send that did not come about.
    pub fn refund(&mut self, bot: &str, phone: &Phone, at: Timestamp) {
        if !self.limits.enabled {
            return;
        }
        self.bots.entry(bot, at).take_back(at);
        self.countries.entry(phone.country(), at).take_back(at);
        let prefix = self.prefixes.entry(phone.prefix(), at);
        prefix.sends.take_back(at);
        prefix.unverified = prefix.unverified.saturating_sub(1);
    }

    /// Notes that a code sent to a phone was typed: somebody real has a number there. A block that stands goes on, so
    /// that one phone of their own opens no range to fraudsters.
    pub fn verified(&mut self, phone: &Phone) {
        if let Some(prefix) = self.prefixes.known(phone.prefix()) {
            prefix.unverified = 0;
        }
    }
}

impl ledger::Account for Window {
    fn is_idle(&self, now: Timestamp) -> bool {
        self.total(now) == 0
    }
}

impl ledger::Account for Prefix {
    fn is_idle(&self, now: Timestamp) -> bool {
        self.sends.is_idle(now) && self.blocked_until.is_none_or(|until| until <= now)
    }
}

#[cfg(test)]
mod tests;
