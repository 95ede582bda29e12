//! Records in this process' memory.

use std::hash::{BuildHasher as _, Hash};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use dashmap::DashMap;

use super::{Change, Commit, Snapshot, Store, Stored, Unavailable, Version, Write};
use crate::clock::Timestamp;
use crate::dialog::{Session, SessionKey};
use crate::otp::{Account, AccountId, ChallengeId, Ticket};

/// A sweep locks one shard at a time: with so many of them a million sessions stall a request for less than 2 ms, with
/// the default of 4 per core for 4 to 16 ms.
const SHARDS: usize = 1_024;

/// Records in this process' memory. A restart forgets them.
#[derive(Debug)]
pub struct Memory {
    sessions: DashMap<SessionKey, Stored<Session>>,
    accounts: DashMap<AccountId, Stored<Account>>,
    pools: DashMap<Box<str>, Pool>,
    owners: DashMap<ChallengeId, SessionKey>,
    /// Whoever writes holds those of all records that the change is about, in their order: comparing and writing are one
    /// step, and nobody waits for somebody who waits for them. Readers need none.
    writers: Box<[Mutex<()>]>,
    last_version: AtomicU64,
}

#[derive(Debug)]
struct Pool {
    taken: u32,
    until: Timestamp,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            sessions: DashMap::with_shard_amount(SHARDS),
            accounts: DashMap::with_shard_amount(SHARDS),
            pools: DashMap::new(),
            owners: DashMap::with_shard_amount(SHARDS),
            writers: (0..SHARDS).map(|_| Mutex::default()).collect(),
            last_version: AtomicU64::new(0),
        }
    }
}

impl Memory {
    /// Writes a change, or says why not.
    fn apply(&self, change: Change) -> Commit {
        let _writing = self.lock(&change);
        let Change { session, accounts, ticket, at: _ } = change;
        let fresh = session.as_ref().is_none_or(|write| is_fresh(&self.sessions, write))
            && accounts.iter().all(|write| is_fresh(&self.accounts, write));
        if !fresh {
            return Commit::Raced;
        }
        if ticket.is_some_and(|ticket| !self.take(ticket)) {
            return Commit::SoldOut;
        }
        let version = Version(self.last_version.fetch_add(1, Ordering::Relaxed) + 1);
        for Write { key, value, .. } in accounts {
            self.accounts.insert(key, Stored { value, version });
        }
        if let Some(Write { key, value, .. }) = session {
            let now = challenge(&value);
            let before = self.sessions.insert(key.clone(), Stored { value, version });
            self.own(&key, before.and_then(|before| challenge(&before.value)), now);
        }
        Commit::Done(version)
    }

    /// The locks of all records that a change is about.
    fn lock(&self, change: &Change) -> Vec<MutexGuard<'_, ()>> {
        let slot = |hash: u64| usize::try_from(hash % SHARDS as u64).unwrap_or(0);
        let session = change.session.iter().map(|write| slot(hash(&self.sessions, &write.key)));
        let accounts = change.accounts.iter().map(|write| slot(hash(&self.accounts, &write.key)));
        let mut slots: Vec<_> = session.chain(accounts).collect();
        slots.sort_unstable();
        slots.dedup();
        slots.iter().map(|slot| self.writers[*slot].lock().unwrap_or_else(PoisonError::into_inner)).collect()
    }

    fn take(&self, ticket: Ticket) -> bool {
        let mut pool = self.pools.entry(ticket.pool).or_insert(Pool { taken: 0, until: ticket.until });
        let left = pool.taken < ticket.most;
        pool.taken += u32::from(left);
        left
    }

    /// Notes which challenge a session has now, and which it had before.
    fn own(&self, key: &SessionKey, before: Option<ChallengeId>, now: Option<ChallengeId>) {
        if before == now {
            return;
        }
        if let Some(before) = before {
            self.owners.remove_if(&before, |_, owner| owner == key);
        }
        if let Some(now) = now {
            self.owners.insert(now, key.clone());
        }
    }
}

fn challenge(session: &Session) -> Option<ChallengeId> {
    session.challenge.as_ref().map(|challenge| challenge.id)
}

fn hash<K: Eq + Hash, T>(records: &DashMap<K, Stored<T>>, key: &K) -> u64 {
    records.hasher().hash_one(key)
}

fn is_fresh<K: Eq + Hash, T>(records: &DashMap<K, Stored<T>>, write: &Write<K, T>) -> bool {
    records.get(&write.key).map(|stored| stored.version) == write.seen
}

#[async_trait]
impl Store for Memory {
    async fn load(&self, key: &SessionKey, accounts: &[AccountId]) -> Result<Snapshot, Unavailable> {
        let session = self.sessions.get(key).map(|stored| stored.clone());
        let own = session.as_ref().and_then(|stored| stored.value.challenge.as_ref());
        let own = own.map(|challenge| challenge.account).filter(|own| !accounts.contains(own));
        let ids = accounts.iter().copied().chain(own);
        let accounts = ids.filter_map(|id| Some((id, self.accounts.get(&id)?.clone()))).collect();
        Ok(Snapshot { session, accounts })
    }

    async fn commit(&self, change: Change) -> Result<Commit, Unavailable> {
        Ok(self.apply(change))
    }

    async fn give_back(&self, ticket: &Ticket) -> Result<(), Unavailable> {
        if let Some(mut pool) = self.pools.get_mut(&ticket.pool) {
            pool.taken = pool.taken.saturating_sub(1);
        }
        Ok(())
    }

    async fn owner(&self, challenge: ChallengeId) -> Result<Option<SessionKey>, Unavailable> {
        Ok(self.owners.get(&challenge).map(|owner| owner.clone()))
    }

    fn sweep(&self, now: Timestamp) -> usize {
        self.sessions.retain(|key, stored| {
            let stays = stored.value.forget_at() > now;
            if !stays {
                self.own(key, challenge(&stored.value), None);
            }
            stays
        });
        self.accounts.retain(|_, stored| stored.value.forget_at() > now);
        self.pools.retain(|_, pool| pool.until > now);
        self.sessions.len()
    }
}
