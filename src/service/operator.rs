//! What an operator sees and does: the codes that are out, masked, and their end; what was counted, and its end.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::{ROUNDS, Service, lost_races};
use crate::address::Destination;
use crate::audit::{self, Event};
use crate::botkit::BotId;
use crate::clock::Timestamp;
use crate::dialog::{Session, SessionKey, revoked, unlocked};
use crate::otp::{AccountId, Challenge, ChallengeId, Phase};
use crate::store::{Change, Commit, Stored, Unavailable, Wanted, Write};

/// Most sessions that are listed or changed at once.
pub const MOST: usize = 100;

/// Which sessions an operator means.
#[derive(Clone, Debug)]
pub enum Whose {
    /// The one that a challenge is in.
    Challenge(ChallengeId),
    /// A session of a bot, for all purposes of its codes.
    Session(BotId, String),
    /// Those whose code went to an address.
    Address(Destination),
}

impl Whose {
    /// What is looked for, as the audit has it.
    fn sought(&self) -> Event<'_> {
        match self {
            Self::Challenge(id) => Event { challenge: Some(id.to_string()), ..Event::default() },
            Self::Session(bot, session) => {
                let key = SessionKey::new(bot, session);
                let session = audit::name(key.session()).into_owned().into();
                Event { bot: bot.as_str().into(), session, ..Event::default() }
            }
            Self::Address(to) => Event { to: Some(to.masked().into()), ..Event::default() },
        }
    }
}

/// A code that is out, or a lock.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Where it counts.
    pub key: SessionKey,
    /// All that is known of it.
    pub challenge: Challenge,
}

impl Service {
    /// The sessions that are meant, [`MOST`] of them at the most, with what is out there or locked. `who` is named in the
    /// audit.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn look_up(self: &Arc<Self>, whose: Whose, who: &str) -> Result<Vec<Seen>, Unavailable> {
        let now = self.now();
        let mut seen = Vec::new();
        for key in self.find(whose.clone()).await? {
            let stored = self.load(&key, &[]).await?.session;
            let challenge = stored.and_then(|stored| stored.value.challenge.clone());
            seen.extend(
                challenge.filter(|challenge| stands(challenge, now)).map(|challenge| Seen { key, challenge }),
            );
        }
        self.audit.looked_up(whose.sought(), seen.len(), who, now);
        Ok(seen)
    }

    /// Revokes the codes that are out there, and says how many. `who` is named in the audit.
    ///
    /// # Errors
    /// [`Unavailable`]: some may be revoked already.
    pub async fn revoke(self: &Arc<Self>, whose: Whose, who: &str) -> Result<usize, Unavailable> {
        let mut count = 0;
        for key in self.find(whose).await? {
            count += usize::from(self.change("revoke", &key, who, revoked).await?);
        }
        Ok(count)
    }

    /// Ends the locks there, and says how many; of an address also all that was counted, sends and wrong codes.
    ///
    /// # Errors
    /// [`Unavailable`]: some may have ended already.
    pub async fn unlock(self: &Arc<Self>, whose: Whose, who: &str) -> Result<usize, Unavailable> {
        let mut count = 0;
        if let Whose::Address(to) = &whose {
            count += usize::from(self.clear(to, who).await?);
        }
        for key in self.find(whose).await? {
            count += usize::from(self.change("unlock", &key, who, unlocked).await?);
        }
        Ok(count)
    }

    async fn find(self: &Arc<Self>, whose: Whose) -> Result<Vec<SessionKey>, Unavailable> {
        let now = self.now();
        let wanted: Box<Wanted> = match whose {
            Whose::Challenge(id) => return Ok(self.owner(id).await?.into_iter().collect()),
            Whose::Session(bot, session) => {
                // Long ids are kept as digests.
                let like = SessionKey::new(&bot, &session);
                Box::new(move |key, _| key.bot() == bot.as_str() && key.session() == like.session())
            }
            Whose::Address(to) => {
                let account = AccountId::of_destination(&self.authority.keys, &to);
                Box::new(move |_, session| {
                    let challenge = session.challenge.as_ref();
                    challenge.is_some_and(|challenge| challenge.account == account && stands(challenge, now))
                })
            }
        };
        let (store, runtime) = (Arc::clone(&self.store), Handle::current());
        let looking = tokio::task::spawn_blocking(move || runtime.block_on(store.find(&*wanted, MOST)));
        looking.await.unwrap_or_else(|error| Err(Unavailable(error.to_string())))
    }

    async fn change(
        &self,
        act: &'static str,
        key: &SessionKey,
        who: &str,
        to: impl Fn(&Session, Timestamp) -> Option<Session>,
    ) -> Result<bool, Unavailable> {
        for _ in 0..ROUNDS {
            let Some(Stored { value, version }) = self.load(key, &[]).await?.session else {
                return Ok(false);
            };
            let now = self.now();
            let Some(next) = to(&value, now) else { return Ok(false) };
            let session = Write { key: key.clone(), seen: Some(version), value: Arc::new(next) };
            let change = Change { at: now, session: Some(session), accounts: Vec::new(), ticket: None };
            if let Commit::Done(_) = self.commit(change).await? {
                self.audit.act(act, key, &value, who, now);
                return Ok(true);
            }
        }
        Err(lost_races())
    }

    /// Empties the account of an address; whether there was anything in it.
    async fn clear(&self, to: &Destination, who: &str) -> Result<bool, Unavailable> {
        let id = AccountId::of_destination(&self.authority.keys, to);
        for _ in 0..ROUNDS {
            let snapshot = self.load(&SessionKey::probe(), &[id]).await?;
            let Some((_, Stored { value, version })) = snapshot.accounts.into_iter().next() else {
                return Ok(false);
            };
            if value.is_empty() {
                return Ok(false);
            }
            let now = self.now();
            let accounts = vec![Write { key: id, seen: Some(version), value: Arc::default() }];
            let change = Change { at: now, session: None, accounts, ticket: None };
            if let Commit::Done(_) = self.commit(change).await? {
                self.audit.cleared(to, who, now);
                return Ok(true);
            }
        }
        Err(lost_races())
    }
}

/// Whether there is anything to see: a code that can be typed, or a lock.
fn stands(challenge: &Challenge, now: Timestamp) -> bool {
    matches!(challenge.phase(now), Phase::Live | Phase::Locked { .. })
}
