//! The rules as they are configured.

use std::time::Duration;

use rand::CryptoRng;
use secrecy::SecretString;
use serde::Deserialize;

use super::{Alphabet, Authority, Budgets, Format, Keys, PreviousCode, Rules};
use crate::clock;

/// What `BotUserSession.OTP` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expose {
    /// The challenge's public id, which tells nobody the code.
    Reference,
    /// The code itself, for bots that send or compare it themselves.
    Plain,
}

/// Which addresses a code may be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accepted {
    /// Whatever the dialog hands over.
    Any,
    /// Only what the platform itself knows of the user.
    Enrolled,
}

/// The section `[otp]`.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// Characters in a code.
    pub length: u8,
    /// What they are taken from.
    pub alphabet: Alphabet,
    /// How long a challenge lives.
    #[serde(deserialize_with = "clock::duration")]
    pub lifetime: Duration,
    /// Wrong codes until the lock.
    pub attempts: u8,
    /// How long the lock lasts.
    #[serde(deserialize_with = "clock::duration")]
    pub lock_for: Duration,
    /// The cooldown between sends.
    #[serde(deserialize_with = "clock::duration")]
    pub resend_after: Duration,
    /// Sends in the life of a challenge.
    pub sends: u8,
    /// What a replaced code is worth.
    pub previous_code: PreviousCode,
    /// What `BotUserSession.OTP` holds.
    pub expose: Expose,
    /// Which addresses count.
    pub destination: Accepted,
    /// The server's keys, the signing one first.
    pub keys: Vec<Key>,
}

/// One of the server's keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its name, which is kept with every code digested under it.
    pub id: String,
    /// The key itself.
    pub secret: SecretString,
}

impl Settings {
    /// Makes the rules.
    ///
    /// # Errors
    /// The setting that is out of range, and its range.
    pub fn authority(
        &self,
        budgets: Budgets,
        rng: &mut dyn CryptoRng,
    ) -> Result<Authority, (&'static str, String)> {
        let day = Duration::from_hours(24);
        let within = |key, span: Duration, least: Duration, most: Duration| {
            let fine = (least..=most).contains(&span);
            fine.then_some(())
                .ok_or_else(|| (key, format!("must be {}s to {}s", least.as_secs(), most.as_secs())))
        };
        if !(4..=10).contains(&self.length) {
            return Err(("length", "must be 4 to 10".to_owned()));
        }
        if !(1..=100).contains(&self.attempts) {
            return Err((
                "attempts",
                "must be 1 to 100, the most NIST SP 800-63B-4 (3.2.2) allows".to_owned(),
            ));
        }
        if !(1..=100).contains(&self.sends) {
            return Err(("sends", "must be 1 to 100".to_owned()));
        }
        within("lifetime", self.lifetime, Duration::from_secs(30), day)?;
        within("lock_for", self.lock_for, Duration::from_secs(1), day)?;
        within("resend_after", self.resend_after, Duration::ZERO, day)?;
        let keys = if self.keys.is_empty() {
            Keys::ephemeral(rng)
        } else {
            Keys::new(self.keys.iter().map(|key| (&*key.id, &key.secret)))
                .map_err(|error| ("keys", error.to_string()))?
        };
        let rules = Rules {
            format: Format { length: self.length, alphabet: self.alphabet },
            lifetime: self.lifetime,
            attempts: self.attempts,
            lock_for: self.lock_for,
            resend_after: self.resend_after,
            sends: self.sends,
            previous_code: self.previous_code,
            destination: self.destination,
        };
        Ok(Authority { rules, keys, budgets })
    }
}
