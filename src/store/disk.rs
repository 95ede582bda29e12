//! Records in memory, and in a journal on disk before anybody is told of them: what was answered survives a crash, a kill
//! and a power cut. One process, one folder.

mod folder;
mod journal;
mod past;
mod queue;
mod reading;
mod salvage;

pub use folder::{Folder, replace};
pub use queue::Flush;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use async_trait::async_trait;
use log::{error, info};

use self::journal::{Journal, Put};
use self::past::Past;
use self::queue::Queue;
use super::memory::Pool;
use super::record::{self, Head};
use super::{Change, Commit, Memory, Snapshot, Store, Unavailable, Version, Wanted};
use crate::clock::Timestamp;
use crate::dialog::SessionKey;
use crate::otp::{AccountId, ChallengeId, Ticket};
use crate::telemetry::Stopwatch;

/// What a key in the journal begins with.
const SESSION: u8 = b's';
const ACCOUNT: u8 = b'a';
const POOL: u8 = b'p';

/// Records in memory and on disk.
#[derive(Debug)]
pub struct Disk {
    memory: Memory,
    queue: Arc<Queue>,
    folder: Arc<Folder>,
    past: Past,
    writer: Option<JoinHandle<()>>,
}

impl Disk {
    /// Opens the store in a folder, with all that was written there.
    ///
    /// # Errors
    /// What is wrong with the folder, and what to do about it.
    pub fn open(path: &Path, flush: Flush) -> Result<Self, String> {
        let started = Stopwatch::start();
        let folder = Arc::new(Folder::open(path)?);
        let past = Past::default();
        let journal = Journal::open(path, &past).map_err(|problem| {
            format!(
                "is {}, which cannot be read ({problem}); restore it from a copy, or move it away to start without any \
                 sessions",
                path.display()
            )
        })?;
        let memory = Memory::default();
        let newest = AtomicU64::new(journal.last());
        let strange = Mutex::new(BTreeSet::new());
        // Sessions come last, and are half of all there is.
        let read = journal.read(&[SESSION], |key, value| match restore(&memory, key, value) {
            Ok(Version(version)) => drop(newest.fetch_max(version, Ordering::Relaxed)),
            Err(_) => drop(strange.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_vec())),
        });
        if let Err(damage) = read {
            error!(
                "{} is damaged, and records are lost; what lies around them is kept: {damage}",
                path.display()
            );
        }
        let strange = strange.into_inner().unwrap_or_else(PoisonError::into_inner).len();
        if strange > 0 {
            error!("{}: {strange} records are of no kind that is known, and are lost", path.display());
        }
        let (sessions, spent) = (memory.sessions(), started.elapsed().as_millis());
        let plural = if sessions == 1 { "" } else { "s" };
        info!("{sessions} session{plural} in {}, read in {spent} ms", path.display());
        let queue = Arc::new(Queue::after(newest.into_inner()));
        let mut disk = Self { memory, queue, folder, past, writer: None };
        disk.start(journal, flush).map_err(|error| format!("needs a thread: {error}"))?;
        Ok(disk)
    }

    /// Starts to write.
    fn start(&mut self, journal: Journal, flush: Flush) -> io::Result<()> {
        let (queue, folder, past) = (Arc::clone(&self.queue), Arc::clone(&self.folder), self.past.clone());
        let thread = std::thread::Builder::new().name("journal".to_owned());
        self.writer = Some(thread.spawn(move || queue.write(&folder, &past, journal, flush))?);
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            error!("the journal's thread has panicked");
        }
    }
}

/// A key in the journal.
fn key(kind: u8, name: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + name.len());
    key.push(kind);
    key.extend_from_slice(name);
    key
}

/// Keeps a record as it was written, and gives its version.
fn restore(memory: &Memory, key: &[u8], value: &[u8]) -> Result<Version, Unavailable> {
    let (head, record) = Head::split(value)?;
    let unknown = || Unavailable("a record has a strange name".to_owned());
    let (kind, name) = key.split_first().ok_or_else(unknown)?;
    match *kind {
        SESSION => {
            let name = str::from_utf8(name).map_err(|_| unknown())?;
            memory.restore_session(SessionKey::kept(name), head, value.into());
        }
        ACCOUNT => {
            let id: [u8; 16] = name.try_into().map_err(|_| unknown())?;
            memory.restore_account(AccountId::from(id), value.into());
        }
        POOL => {
            let name = str::from_utf8(name).map_err(|_| unknown())?;
            memory.restore_pool(name.into(), record::read(record)?);
        }
        _ => return Err(unknown()),
    }
    Ok(head.version)
}

/// Writes down what a change comes to, but for its number.
fn write(change: &Change) -> Result<Vec<Put>, Unavailable> {
    let mut puts = Vec::with_capacity(change.accounts.len() + 2);
    if let Some(write) = &change.session {
        let challenge = write.value.challenge.as_ref().map(|challenge| challenge.id);
        let head = Head { version: Version::default(), forget_at: write.value.forget_at(), challenge };
        puts.push(Put { key: key(SESSION, write.key.as_str().as_bytes()), value: head.join(&*write.value)? });
    }
    for write in &change.accounts {
        let head = Head { forget_at: write.value.forget_at(), ..Head::default() };
        puts.push(Put { key: key(ACCOUNT, write.key.bytes()), value: head.join(&*write.value)? });
    }
    Ok(puts)
}

fn write_pool(name: &str, pool: Pool) -> Result<Put, Unavailable> {
    let head = Head { forget_at: pool.until, ..Head::default() };
    Ok(Put { key: key(POOL, name.as_bytes()), value: head.join(&pool)? })
}

#[async_trait]
impl Store for Disk {
    async fn load(&self, key: &SessionKey, accounts: &[AccountId]) -> Result<Snapshot, Unavailable> {
        self.queue.answers()?;
        let snapshot = self.memory.read(key, accounts)?;
        // What might yet be forgotten is told to nobody.
        let versions = snapshot.accounts.iter().map(|(_, account)| account.version);
        let versions = versions.chain(snapshot.session.as_ref().map(|session| session.version));
        if let Some(newest) = versions.max() {
            self.queue.wait(newest).await?;
        }
        Ok(snapshot)
    }

    async fn commit(&self, change: Change) -> Result<Commit, Unavailable> {
        let mut puts = write(&change)?;
        let commit = self.memory.apply(change, |pool| {
            if let Some((name, pool)) = pool {
                puts.push(write_pool(name, pool)?);
            }
            self.queue.push(puts)
        })?;
        if let Commit::Done(version) = commit {
            self.queue.wait(version).await?;
        }
        Ok(commit)
    }

    async fn give_back(&self, ticket: &Ticket) -> Result<(), Unavailable> {
        // Nobody waits for it: a ticket that is lost is only one too few.
        self.memory.put_back(ticket, |pool| self.queue.push(vec![write_pool(&ticket.pool, pool)?]).map(drop))
    }

    async fn owner(&self, challenge: ChallengeId) -> Result<Option<SessionKey>, Unavailable> {
        self.queue.answers()?;
        self.memory.owner(challenge).await
    }

    async fn find(&self, wanted: &Wanted, most: usize) -> Result<Vec<SessionKey>, Unavailable> {
        self.queue.answers()?;
        self.memory.find(wanted, most).await
    }

    fn folder(&self) -> Option<&Folder> {
        Some(&self.folder)
    }

    /// The disk is not written to: tables are rewritten now and then, and what is past its time is left out. What a restart
    /// brings back before that is swept again.
    fn sweep(&self, now: Timestamp) -> usize {
        let freed = self.memory.free(now);
        self.past.reaches(now, freed, self.memory.records());
        self.memory.sessions()
    }
}

#[cfg(test)]
mod tests;
