//! What providers report of messages they took, as far as the dialog has to know: an address that cannot be reached is
//! to be replaced by another one.

use super::Session;
use crate::otp::{ChallengeId, Handover, News, Rules};

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
