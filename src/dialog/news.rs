//! What comes to a session from outside of its dialog: an operator's word, and what providers report of messages they
//! took. An address that cannot be reached is to be replaced by another one.

use super::Session;
use crate::clock::Timestamp;
use crate::otp::{ChallengeId, Handover, News, Rules};

/// Revokes the code that is out, on an operator's word; `None` if there is none.
#[must_use]
pub fn revoked(session: &Session, now: Timestamp) -> Option<Session> {
    let cancelled = session.challenge.as_ref()?.cancel(now)?;
    Some(Session::after(Some(session), Some(cancelled)))
}

/// Ends a session's lock, on an operator's word; `None` if there is none.
#[must_use]
pub fn unlocked(session: &Session, now: Timestamp) -> Option<Session> {
    let unlocked = session.challenge.as_ref()?.unlock(now)?;
    Some(Session::after(Some(session), Some(unlocked)))
}

/// Notes what a provider reports of a send; `None` if that changes nothing.
#[must_use]
pub fn reported(
    session: &Session,
    challenge: ChallengeId,
    send: u8,
    news: &News,
    rules: &Rules,
) -> Option<Session> {
    let before = session.challenge.as_ref()?;
    let noted = before.reported(challenge, send, news)?;
    let lost = noted.handover == Handover::Undeliverable && before.handover != Handover::Undeliverable;
    let mut session = Session::after(Some(session), Some(noted));
    if lost {
        session.lose_address(rules);
    }
    Some(session)
}
