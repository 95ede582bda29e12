//! Every rule on codes, and no input or output: what a code looks like, how it is kept, how long it lives, how often
//! it may be tried and sent. Time and randomness are arguments.
//!
//! The numbers follow NIST SP 800-63B-4 (3.1.3, 3.2.2) and OWASP ASVS 5.0 (6.5, 6.6).

mod budget;
mod challenge;
mod code;
mod digest;
mod limit;
mod settings;
mod spend;

pub use budget::{
    Account, AccountId, Accounts, BotCaps, Budgets, Caps, Charges, Exhausted, Holder, Payers, Ticket,
};
pub use challenge::{Challenge, ChallengeId, Fate, Handover, News, Phase, Refusal, Verdict};
pub(crate) use code::is_separator;
pub use code::{Alphabet, Code, Format};
pub use digest::{KeyError, Keys, Scope, Sealed};
pub use limit::Limit;
pub use settings::{Accepted, Expose, Key, Settings};
pub use spend::{Halt, SpendLimits, Spending};

use std::time::Duration;

use rand::CryptoRng;
use serde::Deserialize;

/// What a replaced code is worth when it is typed after a resend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PreviousCode {
    /// It is recognised, refused, and costs nothing: "that was an older code".
    Hint,
    /// It is accepted for as long as a resend has to wait, for mail that overtakes mail.
    Accept,
}

/// The numbers that govern a challenge.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What codes look like.
    pub format: Format,
    /// How long a challenge lives from its first code on; no resend extends it.
    pub lifetime: Duration,
    /// Wrong codes until the challenge is locked; at least 1.
    pub attempts: u8,
    /// How long a locked session stays locked.
    pub lock_for: Duration,
    /// How long after a code has been sent another may be sent to the same address.
    pub resend_after: Duration,
    /// Codes sent in the life of one challenge; at least 1.
    pub sends: u8,
    /// What a replaced code is worth.
    pub previous_code: PreviousCode,
    /// Which addresses codes go to.
    pub destination: Accepted,
}

/// Everything the rules need besides the challenge: the numbers and the server's keys.
pub struct Authority {
    /// The numbers.
    pub rules: Rules,
    /// The keys that codes are digested under.
    pub keys: Keys,
    /// What addresses and users may use up.
    pub budgets: Budgets,
}

/// Draws `N` random bytes.
fn random_bytes<const N: usize>(rng: &mut dyn CryptoRng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests;
