//! What one address and one user may use up, whatever session, channel, restart or server they come by. Limits of one
//! challenge do not stop guessing: a new session, or a resend, brings new tries. These are kept apart from sessions.
//!
//! The accounts are named by keyed digests, so that a store never learns whom they belong to. NIST SP 800-63B-4 (3.2.2)
//! allows 100 failed checks in a row at most; OWASP asks for waits that grow.

mod account;

pub use account::{Account, AccountId};

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::Limit;
use crate::clock::Timestamp;

/// Longest wait between two checks.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// What may be used up.
#[derive(Clone, Copy, Debug)]
pub struct Budgets {
    /// For one address.
    pub destination: Caps,
    /// For one user of one bot.
    pub user: Caps,
    /// For one bot.
    pub bot: BotCaps,
}

/// What may be used up; 0 switches a cap off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Caps {
    /// Codes sent in any 60 minutes.
    pub sends_per_hour: u16,
    /// Codes sent in any 24 hours.
    pub sends_per_day: u16,
    /// Wrong codes in any 24 hours. Without this cap there are no waits between them either.
    pub failures_per_day: u16,
}

/// What a bot may use up; 0 switches a cap off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct BotCaps {
    /// Codes sent from one full hour to the next.
    pub sends_per_hour: u32,
}

/// One of at most so many, for what so many charge at once that an account would keep them all waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Its pool.
    pub pool: Box<str>,
    /// How many the pool has.
    pub most: u32,
    /// When the pool is over.
    pub until: Timestamp,
}

impl BotCaps {
    /// What a code that this bot sends takes; `None` if nothing.
    #[must_use]
    pub fn ticket(self, bot: &str, now: Timestamp) -> Option<Ticket> {
        const HOUR_MILLIS: i64 = 3_600_000;
        let hour = now.millis().div_euclid(HOUR_MILLIS);
        let until = Timestamp::from_millis(hour.saturating_add(1).saturating_mul(HOUR_MILLIS));
        let most = self.sends_per_hour;
        (most > 0).then(|| Ticket { pool: format!("{bot}/{hour}").into(), most, until })
    }
}

impl Caps {
    /// The most that makes sense, and that an account has room for: NIST's limit on failed checks.
    pub const MOST: u16 = 100;

    const fn count_sends(self) -> bool {
        self.sends_per_hour > 0 || self.sends_per_day > 0
    }

    const fn count_failures(self) -> bool {
        self.failures_per_day > 0
    }
}

/// Who an account belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// An address.
    Destination,
    /// A user of a bot.
    User,
}

/// The accounts that a turn may charge, as they were loaded. One that is not there is empty.
#[derive(Clone, Debug, Default)]
pub struct Accounts(Vec<(AccountId, Arc<Account>)>);

impl Accounts {
    /// What is in an account.
    #[must_use]
    pub fn find(&self, id: AccountId) -> Option<&Account> {
        self.0.iter().find(|(known, _)| *known == id).map(|(_, account)| &**account)
    }
}

impl FromIterator<(AccountId, Arc<Account>)> for Accounts {
    fn from_iter<I: IntoIterator<Item = (AccountId, Arc<Account>)>>(accounts: I) -> Self {
        Self(accounts.into_iter().collect())
    }
}

/// Why something may not be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exhausted {
    /// No more codes are sent.
    Sends {
        /// Which cap says so.
        limit: Limit,
        /// When the next one may be.
        until: Timestamp,
    },
    /// No more codes are checked.
    Failures {
        /// Which cap says so.
        limit: Limit,
        /// When the next one may be.
        until: Timestamp,
    },
    /// After several wrong codes the next check has to wait.
    Pause {
        /// Until when.
        until: Timestamp,
    },
}

/// Whose accounts pay for what a session does.
#[derive(Clone, Copy, Debug)]
pub struct Payers {
    /// The address.
    pub destination: AccountId,
    /// The user, where the platform says who it is.
    pub user: Option<AccountId>,
}

impl Payers {
    fn each(self) -> impl Iterator<Item = (Holder, AccountId)> {
        let user = self.user.map(|user| (Holder::User, user));
        [(Holder::Destination, self.destination)].into_iter().chain(user)
    }
}

/// The accounts that change, as they will be.
pub type Charges = Vec<(AccountId, Account)>;

impl Budgets {
    fn caps(&self, holder: Holder) -> Caps {
        match holder {
            Holder::Destination => self.destination,
            Holder::User => self.user,
        }
    }

    /// Charges one code that is sent.
    ///
    /// # Errors
    /// [`Exhausted`]: nothing may be sent, and nothing is charged. A code that nobody may check is not sent either.
    pub fn send(&self, payers: Payers, accounts: &Accounts, now: Timestamp) -> Result<Charges, Exhausted> {
        let none = Account::default();
        let each = payers.each().map(|(holder, id)| {
            let (account, caps) = (accounts.find(id).unwrap_or(&none), self.caps(holder));
            account.locked(holder, caps, now)?;
            account.may_send(holder, caps, now)?;
            Ok(caps.count_sends().then(|| (id, account.sent(now))))
        });
        each.filter_map(Result::transpose).collect()
    }

    /// Whether a code may be compared now. `free` wrong ones have no wait behind them.
    ///
    /// # Errors
    /// [`Exhausted`]: nothing may be compared, or the answer would be worth a guess.
    pub fn may_check(
        &self,
        payers: Payers,
        accounts: &Accounts,
        free: u8,
        now: Timestamp,
    ) -> Result<(), Exhausted> {
        for (holder, id) in payers.each() {
            let caps = self.caps(holder);
            if let Some(account) = accounts.find(id).filter(|_| caps.count_failures()) {
                account.locked(holder, caps, now)?;
                account.paused(free, now)?;
            }
        }
        Ok(())
    }

    /// Charges one wrong code.
    #[must_use]
    pub fn failed(&self, payers: Payers, accounts: &Accounts, now: Timestamp) -> Charges {
        let counted = payers.each().filter(|(holder, _)| self.caps(*holder).count_failures());
        let none = Account::default();
        counted.map(|(_, id)| (id, accounts.find(id).unwrap_or(&none).failed(now))).collect()
    }

    /// Notes a right code: whoever has the address is not to suffer from what others tried. A user's own count stays, or
    /// an address of their own would buy guesses at another.
    #[must_use]
    pub fn verified(&self, payers: Payers, accounts: &Accounts) -> Charges {
        let account = accounts.find(payers.destination).filter(|account| account.has_failures());
        account.map(|account| (payers.destination, account.forgiven())).into_iter().collect()
    }
}

/// How long the check after `failures` wrong codes has to wait: nothing for the first few, then 2, 4, 8 seconds and so
/// on, up to an hour.
fn pause(failures: usize, free: u8) -> Duration {
    match failures.saturating_sub(usize::from(free).saturating_sub(1)) {
        0 => Duration::ZERO,
        more => Duration::from_secs(1 << more.min(12)).min(LONGEST_PAUSE),
    }
}

#[cfg(test)]
mod tests;
