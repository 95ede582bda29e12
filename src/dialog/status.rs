//! How things stand, in a closed list of words that dialogs branch on.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::otp::{Challenge, Handover, Phase};

/// How things stand. The names on the wire are a closed list, and dialogs compare them as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the README's table says what each one means")]
pub enum Status {
    Sent,
    Queued,
    Generated,
    Verified,
    Incorrect,
    Superseded,
    Unrecognized,
    Expired,
    Locked { until: Timestamp },
    Cooldown { until: Timestamp },
    LimitReached { until: Timestamp },
    NoChallenge,
    AlreadyVerified,
    InvalidDestination,
    RedactedInput,
    SendFailed,
    Undeliverable,
    Cancelled,
    UnknownComponent,
    Misconfigured,
    Unavailable,
}

impl Status {
    /// All there are, in the order of the README's table, each with a moment that means nothing.
    pub const ALL: [Self; 21] = {
        let until = Timestamp::from_millis(0);
        [
            Self::Sent,
            Self::Queued,
            Self::Generated,
            Self::Verified,
            Self::Incorrect,
            Self::Superseded,
            Self::Unrecognized,
            Self::Expired,
            Self::Locked { until },
            Self::Cooldown { until },
            Self::LimitReached { until },
            Self::NoChallenge,
            Self::AlreadyVerified,
            Self::InvalidDestination,
            Self::RedactedInput,
            Self::SendFailed,
            Self::Undeliverable,
            Self::Cancelled,
            Self::UnknownComponent,
            Self::Misconfigured,
            Self::Unavailable,
        ]
    };

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Queued => "queued",
            Self::Generated => "generated",
            Self::Verified => "verified",
            Self::Incorrect => "incorrect",
            Self::Superseded => "superseded",
            Self::Unrecognized => "unrecognized",
            Self::Expired => "expired",
            Self::Locked { .. } => "locked",
            Self::Cooldown { .. } => "cooldown",
            Self::LimitReached { .. } => "limit_reached",
            Self::NoChallenge => "no_challenge",
            Self::AlreadyVerified => "already_verified",
            Self::InvalidDestination => "invalid_destination",
            Self::RedactedInput => "redacted_input",
            Self::SendFailed => "send_failed",
            Self::Undeliverable => "undeliverable",
            Self::Cancelled => "cancelled",
            Self::UnknownComponent => "unknown_component",
            Self::Misconfigured => "misconfigured",
            Self::Unavailable => "unavailable",
        }
    }

    /// Whether it tells what became of a send.
    #[must_use]
    pub const fn is_of_a_send(self) -> bool {
        matches!(self, Self::Sent | Self::Queued | Self::Generated | Self::SendFailed | Self::Undeliverable)
    }

    /// When it is worth trying again, where the caller has to wait.
    #[must_use]
    pub const fn retry_at(self) -> Option<Timestamp> {
        match self {
            Self::Locked { until } | Self::Cooldown { until } | Self::LimitReached { until } => Some(until),
            Self::Sent
            | Self::Queued
            | Self::Generated
            | Self::Verified
            | Self::Incorrect
            | Self::Superseded
            | Self::Unrecognized
            | Self::Expired
            | Self::NoChallenge
            | Self::AlreadyVerified
            | Self::InvalidDestination
            | Self::RedactedInput
            | Self::SendFailed
            | Self::Undeliverable
            | Self::Cancelled
            | Self::UnknownComponent
            | Self::Misconfigured
            | Self::Unavailable => None,
        }
    }
}

/// The status that tells what became of a send.
#[must_use]
pub fn handed_over(handover: &Handover) -> Status {
    match handover {
        Handover::Pending => Status::Queued,
        Handover::Accepted { .. } => Status::Sent,
        Handover::Failed => Status::SendFailed,
        Handover::Undeliverable => Status::Undeliverable,
        Handover::Bot => Status::Generated,
    }
}

/// What is said to a text of no use while a code is awaited: the prompt, unless nobody can have got the code.
pub(super) fn unread(live: &Challenge) -> Status {
    if live.arrived() { Status::Unrecognized } else { handed_over(&live.handover) }
}

/// How a challenge stands, for `OtpStatus` and for whoever asks after a slow delivery.
pub(super) fn standing(challenge: &Challenge, now: Timestamp) -> Status {
    match challenge.phase(now) {
        Phase::Live => handed_over(&challenge.handover),
        phase @ (Phase::Expired | Phase::Verified | Phase::Cancelled | Phase::Locked { .. }) => ended(phase),
    }
}

/// The status that tells how a challenge ended.
pub(super) fn ended(phase: Phase) -> Status {
    match phase {
        // Only a challenge whose key is gone is live and over at once; its code can never be checked.
        Phase::Live | Phase::Expired => Status::Expired,
        Phase::Verified => Status::AlreadyVerified,
        Phase::Cancelled => Status::Cancelled,
        Phase::Locked { until } => Status::Locked { until },
    }
}
