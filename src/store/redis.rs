//! Records in a Redis that many servers share.
//!
//! A read is one round trip, and so is a write: scripts compare, take and write in one step, on the one server. What
//! nobody answers for is [`Unavailable`]; nothing is decided from what this process remembers.
//!
//! Each thread that serves requests has a connection of its own, and what outlives requests has one more: handing every
//! question and answer to another thread would take as much time as the rest of a call.

mod address;
mod health;
mod link;
mod record;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::ThreadId;
use std::time::Duration;

use async_trait::async_trait;
use dashmap::DashMap;
use rand::CryptoRng;
use redis::Cmd;
use tokio::runtime::{Handle, RuntimeFlavor};

pub(super) use self::address::is_overheard;

use self::address::Directions;
use self::link::{Link, Repeat, Script, Speaks};
use self::record::{Kept, kept_account, kept_session};
use super::{Change, Commit, Settings, Snapshot, Store, Unavailable, Version, Wanted};
use crate::clock::Timestamp;
use crate::dialog::SessionKey;
use crate::otp::{AccountId, ChallengeId, Ticket};

/// Longest prefix of keys, in bytes.
const LONGEST_PREFIX: usize = 100;

/// How much longer than needed a record is kept: the server's clock and ours run apart.
const MARGIN: Duration = Duration::from_mins(1);

/// Longest time a record is kept: Redis counts in milliseconds from its own epoch, and refuses what overflows.
const LONGEST: Duration = Duration::from_hours(24 * 3_660);

/// Records in a Redis that many servers share.
pub struct Redis {
    directions: Directions,
    patience: Duration,
    /// The connection of work that outlives its request.
    lasting: Arc<Link>,
    /// Those of the threads that have a runtime of their own.
    own: DashMap<ThreadId, Arc<Link>>,
    prefix: String,
    last_version: AtomicU64,
}

impl Redis {
    /// Prepares the store. It connects in the background, on `runtime`, and calls that come before wait a moment.
    ///
    /// # Errors
    /// The setting that is of no use, and why.
    pub fn open(
        settings: &Settings,
        rng: &mut dyn CryptoRng,
        runtime: &Handle,
    ) -> Result<Self, (&'static str, String)> {
        let prefix = settings.redis_prefix.clone();
        if prefix.len() > LONGEST_PREFIX || prefix.chars().any(|c| c.is_control() || c.is_whitespace()) {
            let problem = format!("must be at most {LONGEST_PREFIX} characters without spaces");
            return Err(("redis_prefix", problem));
        }
        let directions = Directions::new(&settings.redis_url, &settings.redis_ca_file)?;
        let lasting = Arc::new(Link::open(&directions, settings.redis_timeout, runtime, Speaks::Aloud));
        // Versions must never come again, whatever becomes of server and Redis: they start where chance wants.
        let last_version = AtomicU64::new(rng.next_u64());
        Ok(Self {
            directions,
            patience: settings.redis_timeout,
            lasting,
            own: DashMap::new(),
            prefix,
            last_version,
        })
    }

    /// The connection for whoever asks.
    fn link(&self) -> Arc<Link> {
        let here = Handle::current();
        if here.runtime_flavor() != RuntimeFlavor::CurrentThread {
            return Arc::clone(&self.lasting);
        }
        let thread = std::thread::current().id();
        if let Some(link) = self.own.get(&thread) {
            return Arc::clone(&link);
        }
        let open = || Arc::new(Link::open(&self.directions, self.patience, &here, Speaks::Softly));
        Arc::clone(&self.own.entry(thread).or_insert_with(open))
    }

    fn session(&self, key: &SessionKey) -> Vec<u8> {
        self.named(b"s:", key.as_str().as_bytes())
    }

    fn account(&self, id: AccountId) -> Vec<u8> {
        self.named(b"a:", id.bytes())
    }

    fn pool(&self, ticket: &Ticket) -> Vec<u8> {
        self.named(b"p:", ticket.pool.as_bytes())
    }

    fn named(&self, kind: &[u8], name: &[u8]) -> Vec<u8> {
        [self.prefix.as_bytes(), kind, name].concat()
    }
}

/// How long Redis keeps what is needed until `until`, in milliseconds. A span, since Redis has its own clock.
fn kept_for(at: Timestamp, until: Timestamp) -> u64 {
    let span = until.remaining(at).saturating_add(MARGIN).min(LONGEST);
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// How a byte stands in a pattern, where some mean more than themselves.
fn pattern_of(byte: u8) -> impl Iterator<Item = u8> {
    let escape = b"*?[]\\^-".contains(&byte).then_some(b'\\');
    escape.into_iter().chain([byte])
}

#[async_trait]
impl Store for Redis {
    async fn load(&self, key: &SessionKey, accounts: &[AccountId]) -> Result<Snapshot, Unavailable> {
        let mut script = Script::Load.call(1 + accounts.len());
        script.arg(self.session(key));
        for id in accounts {
            script.arg(self.account(*id));
        }
        script.arg(self.named(b"a:", b""));
        let values: Vec<Option<Vec<u8>>> = self.link().ask(&script, Repeat::Once).await?;
        let mut values = values.into_iter();
        let session = values.next().flatten().map(|value| kept_session(&value)).transpose()?;
        let mut known = Vec::with_capacity(accounts.len() + 1);
        for (id, value) in accounts.iter().zip(values.by_ref()) {
            if let Some(value) = value {
                known.push((*id, kept_account(&value)?));
            }
        }
        let own = session.as_ref().and_then(|stored| Some(stored.value.challenge.as_ref()?.account));
        if let (Some(own), Some(Some(value))) = (own, values.next())
            && !accounts.contains(&own)
        {
            known.push((own, kept_account(&value)?));
        }
        Ok(Snapshot { session, accounts: known })
    }

    async fn commit(&self, change: Change) -> Result<Commit, Unavailable> {
        let Change { at, session, accounts, ticket } = change;
        let version = Version(self.last_version.fetch_add(1, Ordering::Relaxed).wrapping_add(1));
        let records = usize::from(session.is_some()) + accounts.len();
        let mut script = Script::Commit.call(records + usize::from(ticket.is_some()));
        if let Some(write) = &session {
            script.arg(self.session(&write.key));
        }
        for write in &accounts {
            script.arg(self.account(write.key));
        }
        if let Some(ticket) = &ticket {
            script.arg(self.pool(ticket));
        }
        let owners = session.as_ref().map(|_| self.named(b"c:", b"")).unwrap_or_default();
        let name = session.as_ref().map_or("", |write| write.key.as_str());
        script.arg(records).arg(owners).arg(name);
        let (most, until) = ticket.as_ref().map_or((0, at), |ticket| (ticket.most, ticket.until));
        script.arg(most).arg(kept_for(at, until));
        if let Some(write) = &session {
            let kept = Kept::session(&write.value, version)?;
            kept.add(&mut script, write.seen, kept_for(at, write.value.forget_at()));
        }
        for write in &accounts {
            let kept = Kept::account(&write.value, version)?;
            kept.add(&mut script, write.seen, kept_for(at, write.value.forget_at()));
        }
        // Whether a change whose answer got lost was made, nobody can tell: making it again would count it twice.
        match self.link().ask(&script, Repeat::Never).await? {
            1 => Ok(Commit::Done(version)),
            0 => Ok(Commit::Raced),
            2 => Ok(Commit::SoldOut),
            other => Err(Unavailable(format!("Redis answers a change with {other}"))),
        }
    }

    async fn give_back(&self, ticket: &Ticket) -> Result<(), Unavailable> {
        let mut script = Script::GiveBack.call(1);
        script.arg(self.pool(ticket));
        self.link().ask::<u8>(&script, Repeat::Never).await.map(drop)
    }

    async fn owner(&self, challenge: ChallengeId) -> Result<Option<SessionKey>, Unavailable> {
        let mut get = Cmd::new();
        get.arg("GET").arg(self.named(b"c:", challenge.bytes()));
        let name: Option<String> = self.link().ask(&get, Repeat::Once).await?;
        Ok(name.map(|name| SessionKey::kept(&name)))
    }

    /// Needs `SCAN`, which the server's user may lack.
    async fn find(&self, wanted: &Wanted, most: usize) -> Result<Vec<SessionKey>, Unavailable> {
        /// Keys that one step looks at.
        const STEP: usize = 500;
        let prefix = self.named(b"s:", b"");
        let pattern: Vec<u8> = prefix.iter().flat_map(|byte| pattern_of(*byte)).chain([b'*']).collect();
        let (mut found, mut cursor) = (Vec::new(), 0_u64);
        loop {
            let mut scan = Cmd::new();
            scan.arg("SCAN").arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(STEP);
            let (next, names): (u64, Vec<Vec<u8>>) = self.lasting.ask(&scan, Repeat::Once).await?;
            if !names.is_empty() {
                let mut get = Cmd::new();
                get.arg("MGET").arg(&names);
                let values: Vec<Option<Vec<u8>>> = self.lasting.ask(&get, Repeat::Once).await?;
                for (name, value) in names.iter().zip(values) {
                    let Some(Ok(stored)) = value.as_deref().map(kept_session) else { continue };
                    let Ok(name) = str::from_utf8(&name[prefix.len()..]) else { continue };
                    let key = SessionKey::kept(name);
                    // A step may give a key twice.
                    if wanted(&key, &stored.value) && !found.contains(&key) {
                        found.push(key);
                    }
                }
            }
            cursor = next;
            if cursor == 0 || found.len() >= most {
                found.truncate(most);
                return Ok(found);
            }
        }
    }

    /// Redis frees by itself what is past its time, and how many sessions it has is known there.
    fn sweep(&self, _now: Timestamp) -> usize {
        0
    }
}
