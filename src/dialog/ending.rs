//! Where a dialog is over that is led by one call after the other.

use super::{Report, Status, Topic};

impl Report {
    /// Whether nothing that the user could say now would change anything: the dialog is over, for good or ill.
    #[must_use]
    pub fn ends_dialog(&self) -> bool {
        let live = self.facts.as_ref().is_some_and(|facts| facts.live.is_some());
        match self.status {
            Status::Verified
            | Status::AlreadyVerified
            | Status::Cancelled
            | Status::Locked { .. }
            | Status::UnknownComponent
            | Status::Misconfigured
            | Status::Unavailable => true,
            Status::Cooldown { .. } | Status::LimitReached { .. } => {
                !live && self.topic != Some(Topic::HaltedUseMail)
            }
            Status::RedactedInput => !live,
            Status::InvalidDestination => self.topic == Some(Topic::NothingEnrolled),
            Status::NoChallenge => self.topic.is_none(),
            Status::Sent
            | Status::Queued
            | Status::Generated
            | Status::Incorrect
            | Status::Superseded
            | Status::Unrecognized
            | Status::Expired
            | Status::SendFailed
            | Status::Undeliverable => false,
        }
    }
}
