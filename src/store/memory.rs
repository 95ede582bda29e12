//! Records in this process' memory.

use std::hash::{BuildHasher as _, Hash};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use dashmap::DashMap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::record::{self, Head};
use super::{Change, Commit, Snapshot, Store, Stored, Unavailable, Version, Wanted, Write};
use crate::clock::Timestamp;
use crate::dialog::{Session, SessionKey};
use crate::otp::{Account, AccountId, ChallengeId, Ticket};

/// A sweep looks through one shard at a time: with so many of them a million sessions stall a request for less than 2 ms,
/// with the default of 4 per core for 4 to 16 ms.
const SHARDS: usize = 1_024;

/// How many records a sweep frees in a row, and for how long it then keeps still. A thread that is busy for longer is
/// stopped by the scheduler when it likes, also with a lock in its hands.
const SWEPT_AT_ONCE: usize = 256;
const BREATH: Duration = Duration::from_millis(1);

/// Records in this process' memory. A restart forgets them.
#[derive(Debug)]
pub struct Memory {
    sessions: DashMap<SessionKey, Kept<Session>>,
    accounts: DashMap<AccountId, Kept<Account>>,
    pools: DashMap<Box<str>, Pool>,
    owners: DashMap<ChallengeId, SessionKey>,
    /// Whoever writes holds those of all records that the change is about, in their order: comparing and writing are one
    /// step, and nobody waits for somebody who waits for them. Readers need none.
    writers: Box<[Mutex<()>]>,
    last_version: AtomicU64,
}

/// A record as it is kept.
#[derive(Debug)]
enum Kept<T> {
    /// As it was given.
    Live(Stored<T>),
    /// As an earlier process wrote it, behind its [`Head`]. Most are never asked for again, so that they are not read
    /// before.
    Written(Box<[u8]>),
}

/// What is kept under a name of its own.
trait Record: DeserializeOwned {
    fn forget_at(&self) -> Timestamp;

    fn challenge(&self) -> Option<ChallengeId>;
}

impl Record for Session {
    fn forget_at(&self) -> Timestamp {
        self.forget_at()
    }

    fn challenge(&self) -> Option<ChallengeId> {
        self.challenge.as_ref().map(|challenge| challenge.id)
    }
}

impl Record for Account {
    fn forget_at(&self) -> Timestamp {
        self.forget_at()
    }

    fn challenge(&self) -> Option<ChallengeId> {
        None
    }
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Live(Stored { value, version }) => {
                Self::Live(Stored { value: Arc::clone(value), version: *version })
            }
            Self::Written(bytes) => Self::Written(bytes.clone()),
        }
    }
}

impl<T: Record> Kept<T> {
    fn head(&self) -> Head {
        match self {
            Self::Live(Stored { value, version }) => {
                Head { version: *version, forget_at: value.forget_at(), challenge: value.challenge() }
            }
            Self::Written(bytes) => Head::split(bytes).map(|(head, _)| head).unwrap_or_default(),
        }
    }

    fn read(self) -> Result<Stored<T>, Unavailable> {
        match self {
            Self::Live(stored) => Ok(stored),
            Self::Written(bytes) => {
                let (head, record) = Head::split(&bytes)?;
                Ok(Stored { value: Arc::new(record::read(record)?), version: head.version })
            }
        }
    }
}

/// What has been taken from a pool.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Pool {
    pub(super) taken: u32,
    pub(super) until: Timestamp,
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
    /// Writes a change, or says why not. `number` is called while nobody else can write what the change is about, with
    /// the pool as it will be, and gives the version; if it fails nothing is written.
    pub(super) fn apply(
        &self,
        change: Change,
        number: impl FnOnce(Option<(&str, Pool)>) -> Result<Version, Unavailable>,
    ) -> Result<Commit, Unavailable> {
        let _writing = self.lock(&change);
        let Change { session, accounts, ticket, at: _ } = change;
        let fresh = session.as_ref().is_none_or(|write| is_fresh(&self.sessions, write))
            && accounts.iter().all(|write| is_fresh(&self.accounts, write));
        if !fresh {
            return Ok(Commit::Raced);
        }
        let version = match ticket {
            Some(Ticket { pool: name, most, until }) => {
                let mut pool = self.pools.entry(name).or_insert(Pool { taken: 0, until });
                if pool.taken >= most {
                    return Ok(Commit::SoldOut);
                }
                let next = Pool { taken: pool.taken + 1, ..*pool };
                let version = number(Some((pool.key(), next)))?;
                *pool = next;
                version
            }
            None => number(None)?,
        };
        for Write { key, value, .. } in accounts {
            self.accounts.insert(key, Kept::Live(Stored { value, version }));
        }
        if let Some(Write { key, value, .. }) = session {
            let now = value.challenge();
            let before = self.sessions.insert(key.clone(), Kept::Live(Stored { value, version }));
            self.own(&key, before.and_then(|before| before.head().challenge), now);
        }
        Ok(Commit::Done(version))
    }

    /// The lock of one record.
    fn alone(&self, hash: u64) -> MutexGuard<'_, ()> {
        self.writers[slot(hash)].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The locks of all records that a change is about.
    fn lock(&self, change: &Change) -> Vec<MutexGuard<'_, ()>> {
        let session = change.session.iter().map(|write| slot(hash(&self.sessions, &write.key)));
        let accounts = change.accounts.iter().map(|write| slot(hash(&self.accounts, &write.key)));
        let mut slots: Vec<_> = session.chain(accounts).collect();
        slots.sort_unstable();
        slots.dedup();
        slots.iter().map(|slot| self.writers[*slot].lock().unwrap_or_else(PoisonError::into_inner)).collect()
    }

    /// What [`Store::load`] asks for.
    pub(super) fn read(&self, key: &SessionKey, accounts: &[AccountId]) -> Result<Snapshot, Unavailable> {
        // Read outside of the map's lock.
        let session = self.sessions.get(key).map(|kept| kept.clone());
        let session = session.map(Kept::read).transpose()?;
        let own = session.as_ref().and_then(|stored| stored.value.challenge.as_ref());
        let own = own.map(|challenge| challenge.account).filter(|own| !accounts.contains(own));
        let ids = accounts.iter().copied().chain(own);
        let kept = ids.filter_map(|id| Some((id, self.accounts.get(&id)?.clone())));
        let accounts = kept.map(|(id, kept)| Ok((id, kept.read()?))).collect::<Result<_, _>>()?;
        Ok(Snapshot { session, accounts })
    }

    /// Gives a ticket back. `note` is called with the pool as it will be, while nobody else can change it.
    pub(super) fn put_back(
        &self,
        ticket: &Ticket,
        note: impl FnOnce(Pool) -> Result<(), Unavailable>,
    ) -> Result<(), Unavailable> {
        if let Some(mut pool) = self.pools.get_mut(&ticket.pool) {
            let next = Pool { taken: pool.taken.saturating_sub(1), ..*pool };
            note(next)?;
            *pool = next;
        }
        Ok(())
    }

    /// Keeps a session that an earlier process wrote, behind its head.
    pub(super) fn restore_session(&self, key: SessionKey, head: Head, bytes: Box<[u8]>) {
        if let Some(challenge) = head.challenge {
            self.owners.insert(challenge, key.clone());
        }
        self.sessions.insert(key, Kept::Written(bytes));
    }

    /// Keeps an account that an earlier process wrote, behind its head.
    pub(super) fn restore_account(&self, id: AccountId, bytes: Box<[u8]>) {
        self.accounts.insert(id, Kept::Written(bytes));
    }

    /// Keeps a pool.
    pub(super) fn restore_pool(&self, name: Box<str>, pool: Pool) {
        self.pools.insert(name, pool);
    }

    /// How many sessions there are.
    pub(super) fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// How many records there are.
    pub(super) fn records(&self) -> usize {
        self.sessions.len() + self.accounts.len() + self.pools.len()
    }

    /// Frees what is past its time, calmly, and says how many records that were.
    pub(super) fn free(&self, now: Timestamp) -> usize {
        let sessions = names(&self.sessions, |kept| kept.head().forget_at <= now);
        calmly(&sessions, |key| self.free_session(key, now));
        let accounts = names(&self.accounts, |kept| kept.head().forget_at <= now);
        calmly(&accounts, |id| self.free_account(id, now));
        let pools = names(&self.pools, |pool| pool.until <= now);
        calmly(&pools, |name| drop(self.pools.remove_if(name, |_, pool| pool.until <= now)));
        sessions.len() + accounts.len() + pools.len()
    }

    /// Frees a session if it is still past its time.
    fn free_session(&self, key: &SessionKey, now: Timestamp) {
        let _writing = self.alone(hash(&self.sessions, key));
        let gone = self.sessions.remove_if(key, |_, kept| kept.head().forget_at <= now);
        if let Some((key, kept)) = gone {
            self.own(&key, kept.head().challenge, None);
        }
    }

    /// Frees an account if it is still past its time.
    fn free_account(&self, id: &AccountId, now: Timestamp) {
        let _writing = self.alone(hash(&self.accounts, id));
        self.accounts.remove_if(id, |_, kept| kept.head().forget_at <= now);
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

fn slot(hash: u64) -> usize {
    usize::try_from(hash % SHARDS as u64).unwrap_or(0)
}

fn hash<K: Eq + Hash, T>(records: &DashMap<K, Kept<T>>, key: &K) -> u64 {
    records.hasher().hash_one(key)
}

fn is_fresh<K: Eq + Hash, T: Record>(records: &DashMap<K, Kept<T>>, write: &Write<K, T>) -> bool {
    records.get(&write.key).map(|kept| kept.head().version) == write.seen
}

fn names<K: Clone + Eq + Hash, V>(map: &DashMap<K, V>, is_wanted: impl Fn(&V) -> bool) -> Vec<K> {
    // It never grows, which would move all of it under a shard's lock. What comes meanwhile is for the next sweep.
    let most = map.len();
    let mut names = Vec::with_capacity(most);
    let wanted = map.iter().filter(|entry| is_wanted(entry.value())).map(|entry| entry.key().clone());
    names.extend(wanted.take(most));
    names
}

/// Frees what is named, and keeps still now and then.
fn calmly<K>(names: &[K], free: impl Fn(&K)) {
    for slice in names.chunks(SWEPT_AT_ONCE) {
        for name in slice {
            free(name);
        }
        std::thread::sleep(BREATH);
    }
}

#[async_trait]
impl Store for Memory {
    async fn load(&self, key: &SessionKey, accounts: &[AccountId]) -> Result<Snapshot, Unavailable> {
        self.read(key, accounts)
    }

    async fn commit(&self, change: Change) -> Result<Commit, Unavailable> {
        self.apply(change, |_| Ok(Version(self.last_version.fetch_add(1, Ordering::Relaxed) + 1)))
    }

    async fn give_back(&self, ticket: &Ticket) -> Result<(), Unavailable> {
        self.put_back(ticket, |_| Ok(()))
    }

    async fn owner(&self, challenge: ChallengeId) -> Result<Option<SessionKey>, Unavailable> {
        Ok(self.owners.get(&challenge).map(|owner| owner.clone()))
    }

    async fn find(&self, wanted: &Wanted, most: usize) -> Result<Vec<SessionKey>, Unavailable> {
        let matching = |key: &SessionKey, kept: &Kept<Session>| {
            let stored = kept.clone().read().ok()?;
            wanted(key, &stored.value).then(|| key.clone())
        };
        let found = self.sessions.iter().filter_map(|entry| matching(entry.key(), entry.value()));
        Ok(found.take(most).collect())
    }

    fn sweep(&self, now: Timestamp) -> usize {
        self.free(now);
        self.sessions()
    }
}
