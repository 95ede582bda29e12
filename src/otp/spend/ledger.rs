//! Accounts by name, as many as there is room for.

use std::collections::HashMap;

use crate::clock::Timestamp;

/// Most accounts of one ledger. What comes beyond shares one account, which fills up all the sooner.
pub(super) const LARGEST: usize = 10_000;

/// The name of the shared account; no bot, country or prefix is called so.
const SHARED: &str = "";

/// What a ledger keeps.
pub(super) trait Account: Default {
    /// Whether nothing would be lost by forgetting it.
    fn is_idle(&self, now: Timestamp) -> bool;
}

/// Accounts by name.
#[derive(Debug)]
pub(super) struct Ledger<A> {
    accounts: HashMap<Box<str>, A>,
    /// Until when it makes no sense to look for idle accounts again.
    swept_until: Timestamp,
}

impl<A> Default for Ledger<A> {
    fn default() -> Self {
        Self { accounts: HashMap::new(), swept_until: Timestamp::from_millis(i64::MIN) }
    }
}

impl<A: Account> Ledger<A> {
    /// How long after a sweep the next may be: it looks at every account.
    const REST: std::time::Duration = std::time::Duration::from_mins(1);

    /// The account of that name.
    pub(super) fn entry(&mut self, name: &str, now: Timestamp) -> &mut A {
        let full = self.accounts.len() >= LARGEST && !self.accounts.contains_key(name);
        let rested = now >= self.swept_until || now.after(Self::REST) < self.swept_until;
        if full && rested {
            self.accounts.retain(|_, account| !account.is_idle(now));
            self.swept_until = now.after(Self::REST);
        }
        let still_full = full && self.accounts.len() >= LARGEST;
        let name = if still_full { SHARED } else { name };
        self.accounts.entry(name.into()).or_default()
    }

    /// The account of that name, if it has one of its own.
    pub(super) fn known(&mut self, name: &str) -> Option<&mut A> {
        self.accounts.get_mut(name)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.accounts.len()
    }
}
