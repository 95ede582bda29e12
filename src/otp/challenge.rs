//! One challenge: a code, sent to one address, waiting to be typed in one session.
//!
//! Every operation is a function of the challenge as it was and the time, and gives the challenge as it will be.
//! Nothing is changed in place, so a caller that loses a race takes the operation again on what the winner left.

mod id;
mod news;

pub use id::ChallengeId;
pub use news::{Fate, News};

use std::sync::Arc;
use std::time::Duration;

use rand::CryptoRng;
use serde::{Deserialize, Serialize};

use self::news::Latest;
use super::{AccountId, Authority, Code, PreviousCode, Rules, Scope, Sealed};
use crate::address::Destination;
use crate::clock::Timestamp;

/// How long a challenge that has ended is still known, so that "expired" is not mistaken for "never sent".
const REMEMBERED: Duration = Duration::from_mins(15);

/// A code on its way or used up, with all that the rules need to know of its past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Its public name; a resend keeps it.
    pub id: ChallengeId,
    /// Where the code went.
    pub destination: Destination,
    /// The account that pays for what is done with it: that address'.
    pub account: AccountId,
    /// What became of the last send.
    pub handover: Handover,
    // What has been reported of that send since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    latest: Option<Arc<Latest>>,
    sealed: Sealed,
    // Most challenges have none: kept apart, it takes eight bytes of those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<Arc<(Sealed, Timestamp)>>,
    sent_at: Timestamp,
    expires_at: Timestamp,
    wrong: u8,
    sends: u8,
    failed: u8,
    state: State,
    /// Where codes went before the address was changed, and when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    elsewhere: Vec<(Destination, Timestamp)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    Waiting,
    Verified,
    Cancelled,
    Locked { until: Timestamp },
}

/// What became of the last send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Handover {
    /// A provider has been asked and has not answered yet.
    Pending,
    /// A provider took the message, and named it thus, for matching its later events.
    Accepted {
        /// The provider's name in the configuration.
        provider: Arc<str>,
        /// The provider's own id of the message, if it gave one.
        message_id: Option<Arc<str>>,
    },
    /// No provider took the message. The next send need not wait.
    Failed,
    /// The address does not exist or cannot be reached. The next send need not wait.
    Undeliverable,
    /// The bot sends the code itself (`OtpGenerate`).
    Bot,
}

/// Where a challenge stands at a given moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The code can be typed.
    Live,
    /// Its time is over, or its lock is.
    Expired,
    /// The code was typed.
    Verified,
    /// It was revoked.
    Cancelled,
    /// Too many wrong codes.
    Locked {
        /// When a new code may be asked for.
        until: Timestamp,
    },
}

/// What a typed code is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the right one, and is used up now.
    Verified,
    /// It is wrong, and cost an attempt.
    Incorrect,
    /// It is the code before the last resend. Costs nothing.
    Superseded,
    /// Nothing was compared: the challenge is not live.
    Ended(Phase),
}

/// Why no code may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// One has just been sent to this address.
    Cooldown {
        /// When the next may be.
        until: Timestamp,
    },
    /// As many as allowed have been sent.
    LimitReached {
        /// When counting starts anew.
        until: Timestamp,
    },
    /// Nothing can be resent: the challenge is over (resend), or it is locked (resend and send).
    Ended(Phase),
}

impl Challenge {
    /// Makes a code for `destination`: a new challenge, or, while one for the same address is live, a resend.
    ///
    /// While an earlier challenge's time has not run out, its counts of sends and of wrong codes go on, whatever became
    /// of it: neither cancelling nor another address buys new guesses. Only a right code sent to the same address does.
    ///
    /// # Errors
    /// [`Refusal`] says until when to wait.
    pub fn send(
        earlier: Option<&Self>,
        destination: Destination,
        authority: &Authority,
        session: &str,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, Code), Refusal> {
        let rules = &authority.rules;
        let earlier = earlier.map(|challenge| (challenge, challenge.phase(now)));
        if let Some((challenge, phase)) = earlier {
            match phase {
                Phase::Locked { .. } => return Err(Refusal::Ended(phase)),
                Phase::Live if challenge.destination.is_same(&destination) => {
                    let (resent, code) = challenge.resend(authority, session, now, rng)?;
                    // A phone that got no text message may be called. In the same channel the spelling stays, which
                    // the code is bound to.
                    let same_way = resent.destination.channel() == destination.channel();
                    let destination = if same_way { resent.destination.clone() } else { destination };
                    return Ok((Self { destination, ..resent }, code));
                }
                Phase::Live | Phase::Expired | Phase::Verified | Phase::Cancelled => {}
            }
            challenge.may_send(&destination, rules, now)?;
        }
        let running = earlier.filter(|(challenge, _)| now < challenge.expires_at);
        let (sends, failed) = running.map_or((0, 0), |(challenge, _)| (challenge.sends, challenge.failed));
        let wrong = running
            .filter(|(challenge, phase)| match phase {
                Phase::Live | Phase::Cancelled => true,
                // Guesses that were spent on another address before are not given back, or it would get new ones.
                Phase::Verified => {
                    !(challenge.destination.is_same(&destination) && challenge.elsewhere.is_empty())
                }
                Phase::Expired | Phase::Locked { .. } => false,
            })
            .map_or(0, |(challenge, _)| challenge.wrong);
        let elsewhere = running.map_or_else(Vec::new, |(challenge, _)| {
            // One that never went out keeps nobody waiting, but that there was another address is to be known.
            let at = if challenge.arrived() { challenge.sent_at } else { Timestamp::default() };
            let left = (challenge.destination.clone(), at);
            challenge.elsewhere.iter().cloned().chain([left]).collect()
        });

        let code = Code::draw(rules.format, rng);
        let challenge = Self {
            id: ChallengeId::draw(rng),
            sealed: authority.keys.seal(&code, Scope { session, address: destination.reveal() }, rng),
            account: AccountId::of_destination(&authority.keys, &destination),
            destination,
            handover: Handover::Pending,
            latest: None,
            previous: None,
            sent_at: now,
            expires_at: now.after(rules.lifetime),
            wrong,
            sends: sends + 1,
            failed,
            state: State::Waiting,
            elsewhere,
        };
        Ok((challenge, code))
    }

    /// Replaces the code of a live challenge. The attempts that are left and the first expiry stay as they are.
    ///
    /// # Errors
    /// [`Refusal`] says until when to wait, or why there is nothing to resend.
    pub fn resend(
        &self,
        authority: &Authority,
        session: &str,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, Code), Refusal> {
        let phase = self.phase(now);
        if phase != Phase::Live {
            return Err(Refusal::Ended(phase));
        }
        self.may_send(&self.destination, &authority.rules, now)?;
        let code = Code::draw(authority.rules.format, rng);
        let challenge = Self {
            sealed: authority.keys.seal(&code, self.scope(session), rng),
            // A code that never went out is not one that anybody could type.
            previous: if self.arrived() {
                Some(Arc::new((self.sealed.clone(), now)))
            } else {
                self.previous.clone()
            },
            handover: Handover::Pending,
            latest: None,
            sent_at: now,
            sends: self.sends + 1,
            ..self.clone()
        };
        Ok((challenge, code))
    }

    /// Whether cap and cooldown let another code out.
    fn may_send(&self, destination: &Destination, rules: &Rules, now: Timestamp) -> Result<(), Refusal> {
        // A failed send is not the user's doing; but as many of them as of good ones is enough.
        let spent = self.sends_left(rules) == 0 || self.sends >= rules.sends.saturating_mul(2);
        if now < self.expires_at && spent {
            // A clock that was set back must not make anybody wait longer than the rule says.
            return Err(Refusal::LimitReached { until: self.expires_at.min(now.after(rules.lifetime)) });
        }
        let here = self.arrived().then_some((&self.destination, self.sent_at));
        let earlier = self.elsewhere.iter().map(|(to, at)| (to, *at)).chain(here);
        let last = earlier.filter(|(to, _)| to.is_same(destination)).map(|(_, at)| at).max();
        match last.map(|at| at.min(now).after(rules.resend_after)) {
            Some(until) if now < until => Err(Refusal::Cooldown { until }),
            _ => Ok(()),
        }
    }

    /// Whether the last code went out, as far as anybody knows.
    #[must_use]
    pub const fn arrived(&self) -> bool {
        !matches!(self.handover, Handover::Failed | Handover::Undeliverable)
    }

    /// Compares a typed code, counts it, and uses the challenge up if it is right: one step, to be saved as one.
    ///
    /// The second value is the challenge as it is to be saved, if anything changed.
    #[must_use]
    pub fn verify(
        &self,
        code: &Code,
        authority: &Authority,
        session: &str,
        now: Timestamp,
    ) -> (Verdict, Option<Self>) {
        let phase = self.phase(now);
        if phase != Phase::Live {
            return (Verdict::Ended(phase), None);
        }
        let rules = &authority.rules;
        let scope = self.scope(session);
        match authority.keys.opens(&self.sealed, code, scope) {
            // The key is gone from the configuration: nobody can ever type the right code.
            None => return (Verdict::Ended(Phase::Expired), None),
            Some(true) => return (Verdict::Verified, Some(Self { state: State::Verified, ..self.clone() })),
            Some(false) => {}
        }
        if let Some((sealed, replaced_at)) = self.previous.as_deref()
            && authority.keys.opens(sealed, code, scope) == Some(true)
        {
            let tolerated = match rules.previous_code {
                PreviousCode::Accept => now < replaced_at.after(rules.resend_after),
                PreviousCode::Hint => false,
            };
            // Where its replacement never went out, it is the one that counts.
            return if tolerated || !self.arrived() {
                (Verdict::Verified, Some(Self { state: State::Verified, ..self.clone() }))
            } else {
                (Verdict::Superseded, None)
            };
        }
        let wrong = self.wrong.saturating_add(1);
        if wrong < rules.attempts {
            return (Verdict::Incorrect, Some(Self { wrong, ..self.clone() }));
        }
        let until = now.after(rules.lock_for);
        let locked = Self { wrong, state: State::Locked { until }, ..self.clone() };
        (Verdict::Ended(Phase::Locked { until }), Some(locked))
    }

    /// Revokes a live challenge; any other stays as it is. A lock cannot be cancelled away.
    #[must_use]
    pub fn cancel(&self, now: Timestamp) -> Option<Self> {
        (self.phase(now) == Phase::Live).then(|| Self { state: State::Cancelled, ..self.clone() })
    }

    /// Ends a lock, and what was counted with it, on an operator's word; `None` if there is none. Another code is needed.
    #[must_use]
    pub fn unlock(&self, now: Timestamp) -> Option<Self> {
        let locked = matches!(self.phase(now), Phase::Locked { .. });
        locked.then(|| Self { state: State::Cancelled, wrong: 0, ..self.clone() })
    }

    /// Notes what became of the send number `send`; `None` if the challenge has moved on since.
    #[must_use]
    pub fn handed_over(&self, id: ChallengeId, send: u8, handover: Handover) -> Option<Self> {
        (self.id == id && self.sends == send).then(|| self.handed(handover))
    }

    /// Where it stands. **Expired at equality**: a code that lives until 12:05:00.000 is refused at that very moment.
    #[must_use]
    pub fn phase(&self, now: Timestamp) -> Phase {
        match self.state {
            State::Waiting if now < self.expires_at => Phase::Live,
            State::Locked { until } if now < until => Phase::Locked { until },
            State::Waiting | State::Locked { .. } => Phase::Expired,
            State::Verified => Phase::Verified,
            State::Cancelled => Phase::Cancelled,
        }
    }

    /// When the code's time is over.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// When the last code was sent.
    #[must_use]
    pub fn sent_at(&self) -> Timestamp {
        self.sent_at
    }

    /// The how-manieth typed code the next one is, or the right one was.
    #[must_use]
    pub fn attempt(&self) -> u8 {
        self.wrong.saturating_add(1)
    }

    /// How many codes have been sent so far; names the last of them.
    #[must_use]
    pub fn sends(&self) -> u8 {
        self.sends
    }

    /// Wrong codes that may still be typed.
    #[must_use]
    pub fn attempts_left(&self, rules: &Rules) -> u8 {
        rules.attempts.saturating_sub(self.wrong)
    }

    /// Codes that may still be sent.
    #[must_use]
    pub fn sends_left(&self, rules: &Rules) -> u8 {
        rules.sends.saturating_sub(self.sends - self.failed)
    }

    /// When nothing about it matters any more, and a store may free its memory.
    #[must_use]
    pub fn forget_at(&self) -> Timestamp {
        let over = match self.state {
            State::Locked { until } => self.expires_at.max(until),
            State::Waiting | State::Verified | State::Cancelled => self.expires_at,
        };
        over.after(REMEMBERED)
    }

    fn scope<'a>(&'a self, session: &'a str) -> Scope<'a> {
        Scope { session, address: self.destination.reveal() }
    }
}
