//! Failures on demand, for dev mode: how a dialog behaves when a provider is down is seen before it is.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;

use super::Error;

/// How long a provider that times out keeps everybody waiting.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A failure that a provider is made to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Fault {
    /// It does not answer in time.
    #[serde(rename = "timeout")]
    Timeout,
    /// It has too much to do.
    #[serde(rename = "429")]
    TooManyRequests,
    /// It is broken.
    #[serde(rename = "500")]
    ServerError,
    /// It says that the address cannot be reached.
    #[serde(rename = "bounce")]
    Bounce,
}

impl Fault {
    /// Fails as the provider would.
    pub(super) async fn happen(self) -> Result<Option<String>, Error> {
        Err(match self {
            Self::Timeout => {
                tokio::time::sleep(TIMEOUT).await;
                Error::passing("timed out (asked for by /dev/faults)")
            }
            Self::TooManyRequests => Error::passing("429 (asked for by /dev/faults)"),
            Self::ServerError => Error::passing("500 (asked for by /dev/faults)"),
            Self::Bounce => Error::Undeliverable("bounced (asked for by /dev/faults)".to_owned()),
        })
    }
}

/// The failures that are still to come, by provider.
#[derive(Debug, Default)]
pub struct Faults(Mutex<HashMap<String, (Fault, u32)>>);

impl Faults {
    /// Makes the next `times` attempts at `provider` fail; 0 takes earlier orders back.
    pub fn order(&self, provider: &str, fault: Fault, times: u32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(provider.to_owned(), (fault, times));
    }

    /// The failure that the next attempt is to have.
    pub(super) fn take(&self, provider: &str) -> Option<Fault> {
        let mut orders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (fault, times) = orders.get_mut(provider)?;
        *times = times.checked_sub(1)?;
        Some(*fault)
    }
}
