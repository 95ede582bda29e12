//! How a code is kept: as a keyed digest that is useless without the server's key, and bound to one session, purpose
//! and address. ASVS 6.5.2 asks of look-up secrets under 112 bits that they be kept with a hash and a salt; a plain
//! hash of six digits is undone by trying them all, hence the key.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::CryptoRng;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{Code, random_bytes};

/// Shortest key that is accepted, in bytes: the output length of SHA-256 (RFC 2104, section 3).
const SHORTEST_KEY: usize = 32;

/// The server's keys. The first one digests new codes; the others still verify codes digested under them, so a key
/// can be replaced without breaking the codes that are on their way.
pub struct Keys {
    ring: Vec<(Arc<str>, Hmac<Sha256>)>,
}

impl Keys {
    /// Makes a ring of `(id, secret)` pairs, the signing key first.
    ///
    /// # Errors
    /// No key at all, an id that is empty or used twice, a secret of fewer than 32 bytes.
    pub fn new<'a>(keys: impl IntoIterator<Item = (&'a str, &'a SecretString)>) -> Result<Self, KeyError> {
        let mut ring: Vec<(Arc<str>, Hmac<Sha256>)> = Vec::new();
        for (id, secret) in keys {
            let secret = secret.expose_secret().as_bytes();
            if id.is_empty() || ring.iter().any(|(known, _)| **known == *id) {
                return Err(KeyError::Id(id.to_owned()));
            }
            if secret.len() < SHORTEST_KEY {
                return Err(KeyError::Short(id.to_owned()));
            }
            ring.push((id.into(), keyed(secret)));
        }
        if ring.is_empty() { Err(KeyError::None) } else { Ok(Self { ring }) }
    }

    /// A ring of one key that nobody knows: codes do not outlive the process.
    #[must_use]
    pub fn ephemeral(rng: &mut dyn CryptoRng) -> Self {
        Self { ring: vec![("ephemeral".into(), keyed(&random_bytes::<32>(rng)))] }
    }

    /// Digests a code under the first key.
    #[must_use]
    pub(super) fn seal(&self, code: &Code, scope: Scope<'_>, rng: &mut dyn CryptoRng) -> Sealed {
        let (id, mac) = &self.ring[0];
        let salt = random_bytes(rng);
        let tag = absorb(mac, salt, code, scope).finalize().into_bytes().into();
        Sealed { key: id.clone(), salt, tag }
    }

    /// Tells two texts apart without keeping either: what stands in them, such as a typed code, cannot be guessed back
    /// without the key.
    #[must_use]
    pub fn fingerprint(&self, parts: &[&[u8]]) -> [u8; 16] {
        // Under the last key, as accounts are: a retry is known for one while keys are replaced.
        short(&self.ring[self.ring.len() - 1].1, b"fingerprint of a call", parts)
    }

    /// Names an account after whom it belongs to. Under the last key, so that putting a new one in front opens no new
    /// accounts; those begin anew when the last key is taken away.
    #[must_use]
    pub(super) fn account(&self, parts: &[&str]) -> [u8; 16] {
        short(&self.ring[self.ring.len() - 1].1, b"name of an account", parts)
    }

    /// Whether `sealed` is the digest of `code` in this scope, compared in constant time.
    /// `None`: the key it was made with is no longer there, so nobody can tell.
    #[must_use]
    pub(super) fn opens(&self, sealed: &Sealed, code: &Code, scope: Scope<'_>) -> Option<bool> {
        let (_, mac) = self.ring.iter().find(|(id, _)| *id == sealed.key)?;
        Some(absorb(mac, sealed.salt, code, scope).verify_slice(&sealed.tag).is_ok())
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ring.iter().map(|(id, _)| id)).finish()
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104, section 2)")]
fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret).expect("HMAC takes keys of any length")
}

/// Half a digest of `parts`. What is sealed begins with a salt of random bytes, never with a `purpose`.
fn short(mac: &Hmac<Sha256>, purpose: &[u8], parts: &[impl AsRef<[u8]>]) -> [u8; 16] {
    let mut mac = mac.clone();
    mac.update(purpose);
    absorb_parts(&mut mac, parts);
    let mut short = [0; 16];
    short.copy_from_slice(&mac.finalize().into_bytes()[..16]);
    short
}

fn absorb(mac: &Hmac<Sha256>, salt: [u8; 16], code: &Code, scope: Scope<'_>) -> Hmac<Sha256> {
    let mut mac = mac.clone();
    mac.update(&salt);
    absorb_parts(&mut mac, &[scope.session, scope.address, code.reveal()]);
    mac
}

/// The length in front of each keeps two different lists from ever reading the same.
fn absorb_parts(mac: &mut Hmac<Sha256>, parts: &[impl AsRef<[u8]>]) {
    for part in parts {
        let part = part.as_ref();
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
}

/// Where a code counts. The same code in another session, under another purpose or for another address is wrong.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Bot, session and purpose, as the store's key spells them.
    pub session: &'a str,
    /// The whole address the code was sent to.
    pub address: &'a str,
}

/// A code as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    key: Arc<str>,
    #[serde(with = "serde_bytes")]
    salt: [u8; 16],
    #[serde(with = "serde_bytes")]
    tag: [u8; 32],
}

/// What is wrong with the configured keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is none.
    #[error("there must be at least one key")]
    None,
    /// An id is empty or used twice.
    #[error("the key id {0:?} is empty or used twice")]
    Id(String),
    /// A secret is too short to resist guessing.
    #[error("the secret of key {0:?} is shorter than 32 bytes; `openssl rand -base64 32` makes a good one")]
    Short(String),
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::super::{Alphabet, Format};
    use super::*;

    fn code(text: &str) -> Code {
        Code::read(text, Format { length: 6, alphabet: Alphabet::Digits }).unwrap()
    }

    fn ring(keys: &[(&str, &str)]) -> Result<Keys, KeyError> {
        let keys: Vec<_> = keys.iter().map(|(id, secret)| (*id, SecretString::from(*secret))).collect();
        Keys::new(keys.iter().map(|(id, secret)| (*id, secret)))
    }

    const OLD: (&str, &str) = ("2026-10", "an old secret of thirty-two bytes or more");
    const NEW: (&str, &str) = ("2026-11", "a new secret of thirty-two bytes or more!");

    #[test]
    fn a_code_counts_only_where_it_was_made() {
        let keys = ring(&[NEW]).unwrap();
        let scope = Scope { session: "st-1/s-1/", address: "mira@example.com" };
        let sealed = keys.seal(&code("012345"), scope, &mut StdRng::seed_from_u64(1));
        assert_eq!(keys.opens(&sealed, &code("012345"), scope), Some(true));
        assert_eq!(keys.opens(&sealed, &code("012346"), scope), Some(false));
        for other in [
            Scope { session: "st-1/s-2/", ..scope },
            Scope { address: "eve@example.com", ..scope },
            Scope { session: "st-1/s-1/m", address: "ira@example.com" },
        ] {
            assert_eq!(keys.opens(&sealed, &code("012345"), other), Some(false), "{other:?}");
        }
    }

    #[test]
    fn keys_rotate_without_breaking_codes_on_their_way() {
        let scope = Scope { session: "st-1/s-1/", address: "mira@example.com" };
        let sealed = ring(&[OLD]).unwrap().seal(&code("012345"), scope, &mut StdRng::seed_from_u64(1));
        let rotated = ring(&[NEW, OLD]).unwrap();
        assert_eq!(rotated.opens(&sealed, &code("012345"), scope), Some(true));
        assert_eq!(&*rotated.seal(&code("1 2 3 4 5 6"), scope, &mut StdRng::seed_from_u64(1)).key, "2026-11");
        assert_eq!(ring(&[NEW]).unwrap().opens(&sealed, &code("012345"), scope), None);
    }

    #[test]
    fn weak_rings_are_refused() {
        assert_eq!(ring(&[]).unwrap_err(), KeyError::None);
        assert_eq!(ring(&[NEW, NEW]).unwrap_err(), KeyError::Id("2026-11".into()));
        assert_eq!(ring(&[("a", "short")]).unwrap_err(), KeyError::Short("a".into()));
        assert_eq!(format!("{:?}", ring(&[NEW]).unwrap()), "[\"2026-11\"]");
    }
}
