//! What a platform does on its bad days.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// Pranks that are waiting for their occasion.
#[derive(Debug, Default)]
pub struct Mischief(Mutex<Vec<Prank>>);

/// Something that goes wrong once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Prank {
    /// The next call of the server is made again, under the same `requestId`.
    Retry,
    /// The server's next call is answered slowly.
    Slow,
    /// PII redaction catches what the user types next.
    Redact,
    /// The server's next call is not taken: 503.
    Drop,
}

impl Prank {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Retry, Self::Slow, Self::Redact, Self::Drop];

    /// What it is ordered by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Slow => "slow",
            Self::Redact => "redact",
            Self::Drop => "drop",
        }
    }

    /// What will happen, for whoever ordered it.
    #[must_use]
    pub const fn explained(self) -> &'static str {
        match self {
            Self::Retry => {
                "The next call will be made twice, with the same requestId, as if the first answer got lost."
            }
            Self::Slow => "The server's next call to the platform will be answered after 8 seconds.",
            Self::Redact => {
                "The next thing you type will reach the dialog as PII redaction leaves it: jjh4ezb2."
            }
            Self::Drop => "The server's next call to the platform will be answered with 503.",
        }
    }
}

impl Mischief {
    /// Orders a prank for its next occasion.
    pub fn order(&self, prank: Prank) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !waiting.contains(&prank) {
            waiting.push(prank);
        }
    }

    /// Whether this is the occasion.
    pub(super) fn take(&self, prank: Prank) -> bool {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = waiting.iter().position(|ordered| *ordered == prank);
        place.map(|place| waiting.remove(place)).is_some()
    }
}
