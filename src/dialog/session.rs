//! What is kept of a conversation, and under which name.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Answered, Operation, Purpose, Status};
use crate::botkit::BotId;
use crate::clock::Timestamp;
use crate::otp::{Accepted, AccountId, Challenge, ChallengeId, Keys, Phase, Rules};

/// How many answers are kept for the platform's retries, which come within seconds.
const ANSWERS: usize = 8;

/// Longest session id that is kept as it is; longer ones are kept as their digest.
const LONGEST_SESSION: usize = 200;

/// Names a session: bot, purpose, and the platform's session id. One session holds one challenge.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SessionKey(Arc<str>);

impl SessionKey {
    /// Makes the key of a session without a purpose, as the platform's webhooks have it.
    #[must_use]
    pub fn new(bot: &BotId, session: &str) -> Self {
        Self::for_purpose(bot, None, session)
    }

    /// Makes the key. No two different triples share one: bots and purposes hold neither `/` nor `~`.
    #[must_use]
    pub fn for_purpose(bot: &BotId, purpose: Option<&Purpose>, session: &str) -> Self {
        let purpose = purpose.map_or("", Purpose::as_str);
        if session.len() <= LONGEST_SESSION {
            Self([bot.as_str(), "/", purpose, "/", session].concat().into())
        } else {
            let mut short = [0; 16];
            short.copy_from_slice(&Sha256::digest(session.as_bytes())[..16]);
            Self(format!("{bot}/~{purpose}/{:032x}", u128::from_be_bytes(short)).into())
        }
    }

    /// The bot whose session it is.
    #[must_use]
    pub fn bot(&self) -> &str {
        self.0.split_once('/').map_or(&*self.0, |(bot, _)| bot)
    }

    /// The purpose of its codes, if they have one.
    #[must_use]
    pub fn purpose(&self) -> Option<&str> {
        let purpose = self.0.split('/').nth(1)?.trim_start_matches('~');
        Some(purpose).filter(|purpose| !purpose.is_empty())
    }

    /// The platform's session id; of a long one its digest.
    #[must_use]
    pub fn session(&self) -> &str {
        self.0.splitn(3, '/').nth(2).unwrap_or_default()
    }

    /// A key that no session has, for asking whether a store answers.
    #[must_use]
    pub fn probe() -> Self {
        Self("/probe".into())
    }

    /// The key whose text a store has kept.
    #[must_use]
    pub fn kept(text: &str) -> Self {
        Self(text.into())
    }

    /// Its text, which codes are bound to.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names a call within a session: what is asked for, the platform's request id, who asks, and what came with it. The same
/// id with another user, code or address is another call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestKey(#[serde(with = "serde_bytes")] [u8; 16]);

impl RequestKey {
    /// Makes the key of a request. `brought` is the address or the code that came with it, if any did; `user` is the
    /// account of whoever asks, if that is said.
    #[must_use]
    pub fn new(
        keys: &Keys,
        operation: Operation,
        request_id: &str,
        brought: &str,
        user: Option<AccountId>,
    ) -> Self {
        let user = user.as_ref().map_or(&[][..], |user| &user.bytes()[..]);
        Self(keys.fingerprint(&[
            operation.name().as_bytes(),
            request_id.as_bytes(),
            brought.as_bytes(),
            user,
        ]))
    }
}

/// How a session stands with its user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// The dialog that the server leads.
    pub flow: Option<Flow>,
    /// Whether the dialog left it to the user where codes go. It did not where it brought an address: another one would
    /// prove nothing that it asked for.
    pub asked: bool,
    /// Whether the user has turned to something else: until the dialog comes back, only a right code is for us.
    pub released: bool,
    /// Until when the dialog may collect that a code was typed into the conversation.
    pub unclaimed: Option<Timestamp>,
}

impl Conversation {
    /// What of it still counts.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        Self {
            flow: self.flow.filter(|flow| now < flow.until),
            unclaimed: self.unclaimed.filter(|until| now < *until),
            ..self
        }
    }

    /// Whether the user may say another address, as far as the dialog goes: one that the server leads has no use for an
    /// address which the one behind it did not ask for.
    pub(super) const fn leaves_address_to_user(&self) -> bool {
        self.asked || self.flow.is_none()
    }
}

/// A dialog that the server leads, from greeting to verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// What the user is to type next.
    pub awaits: Awaits,
    /// When a dialog that nobody goes on with is over.
    pub until: Timestamp,
}

/// What a dialog waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Awaits {
    /// An address to send a code to.
    Address,
    /// The code that was sent.
    Code,
}

/// A conversation's record: replaced as a whole, never changed in place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Session {
    /// Its challenge.
    pub challenge: Option<Challenge>,
    /// What was said around it.
    pub conversation: Conversation,
    // Shared with the versions before: an answer never changes once it is given.
    pub(super) answered: Vec<Arc<Answered>>,
}

impl Session {
    /// The record that follows `earlier`, with `next` in place of its challenge and room for one more answer.
    pub(super) fn after(earlier: Option<&Self>, next: Option<Challenge>) -> Self {
        let answered = earlier.map_or(&[][..], |earlier| &earlier.answered);
        let mut copied = Vec::with_capacity(ANSWERS.min(answered.len() + 1));
        copied.extend_from_slice(answered);
        Self {
            challenge: next.or_else(|| earlier?.challenge.clone()),
            conversation: earlier.map_or_else(Conversation::default, |earlier| earlier.conversation),
            answered: copied,
        }
    }

    /// How the call `request` was answered, if it was.
    #[must_use]
    pub fn answered(&self, request: RequestKey) -> Option<&Answered> {
        self.answered.iter().map(|answered| &**answered).find(|answered| answered.request == request)
    }

    /// Who typed the code of a challenge, if that was said and is still remembered.
    pub(super) fn typed_by(&self, challenge: ChallengeId) -> Option<AccountId> {
        let answers = self.answered.iter().filter_map(|answered| answered.answer().ok());
        let mut proven = answers.filter(|answer| {
            answer.report.status == Status::Verified
                && answer.report.facts.as_ref().is_some_and(|facts| facts.id == challenge)
        });
        proven.next()?.report.verified_by.as_deref().copied()
    }

    /// Keeps an answer, in place of an earlier one to the same call.
    pub fn remember(&mut self, answered: Answered) {
        if let Some(known) = self.answered.iter_mut().find(|known| known.request == answered.request) {
            *known = Arc::new(answered);
            return;
        }
        if self.answered.len() == ANSWERS {
            // Forgetting a send would mean a second mail; the others go first.
            let first = self.answered.iter().position(|known| !known.is_of_a_send);
            self.answered.remove(first.unwrap_or(0));
        }
        self.answered.reserve_exact(1);
        self.answered.push(Arc::new(answered));
    }

    /// Notes that the address cannot be reached: the user is told to use another one, and what is typed next is that.
    pub(super) fn lose_address(&mut self, rules: &Rules) {
        let Conversation { flow, asked, .. } = &mut self.conversation;
        if let Some(flow) = flow
            && *asked
            && rules.destination == Accepted::Any
        {
            flow.awaits = Awaits::Address;
        }
    }

    /// Whether the user is to type something: a code, or an address.
    #[must_use]
    pub fn awaits(&self, now: Timestamp) -> bool {
        let live = self.challenge.as_ref().is_some_and(|challenge| challenge.phase(now) == Phase::Live);
        live || self.conversation.at(now).flow.is_some()
    }

    /// When a store may free its memory.
    #[must_use]
    pub fn forget_at(&self) -> Timestamp {
        let challenge = self.challenge.as_ref().map_or(Timestamp::from_millis(0), Challenge::forget_at);
        let flow = self.conversation.flow.map(|flow| flow.until);
        flow.into_iter().chain(self.conversation.unclaimed).fold(challenge, Timestamp::max)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn keys_tell_sessions_apart() {
        let bot = |text| BotId::parse(text).unwrap();
        assert_eq!(SessionKey::new(&bot("st-1"), "a/b").bot(), "st-1");
        assert_ne!(SessionKey::new(&bot("st-1"), "s"), SessionKey::new(&bot("st-2"), "s"));
        assert_ne!(SessionKey::new(&bot("st-1"), "s"), SessionKey::new(&bot("st-1"), "S"));
        let long = "s".repeat(5_000);
        let key = SessionKey::new(&bot("st-1"), &long);
        assert!(key.as_str().len() < 60);
        let purpose = Purpose::parse("pay-1").unwrap();
        for session in ["s/1", &long] {
            let (plain, key) = (
                SessionKey::new(&bot("st-1"), session),
                SessionKey::for_purpose(&bot("st-1"), Some(&purpose), session),
            );
            assert_ne!(key, plain);
            assert_eq!((key.bot(), key.purpose(), plain.purpose()), ("st-1", Some("pay-1"), None));
            assert_eq!(key.session(), plain.session());
        }
        assert_eq!(SessionKey::new(&bot("st-1"), "a//b").session(), "a//b");
        assert_ne!(key, SessionKey::new(&bot("st-1"), &format!("{long}s")));
    }

    #[test]
    fn a_request_is_known_by_all_that_makes_it() {
        let keys = Keys::ephemeral(&mut StdRng::seed_from_u64(1));
        let user = |name| Some(AccountId::of_user(&keys, "st-1", name));
        let key = |operation, id, brought: &str| RequestKey::new(&keys, operation, id, brought, user("u-1"));
        let first = key(Operation::Verify, "\"1\"", "123456");
        assert_eq!(first, key(Operation::Verify, "\"1\"", "123456"));
        assert_ne!(first, key(Operation::Verify, "1", "123456"));
        assert_ne!(first, key(Operation::Verify, "\"1\"", "123457"));
        assert_ne!(first, key(Operation::Verify, "\"1\"", ""));
        assert_ne!(first, key(Operation::Resend, "\"1\"", "123456"));
        for other in [user("u-2"), None] {
            assert_ne!(first, RequestKey::new(&keys, Operation::Verify, "\"1\"", "123456", other));
        }
    }
}
