//! Proof that a code was typed: a short-lived token (JWT, RFC 7519; EdDSA, RFC 8037) that a back end can check by itself. A
//! bare `verified = true` is worth as much as the weakest script that can write to the bot's context.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::Sha256;

use crate::clock::Timestamp;
use crate::dialog::{Report, SessionKey, Status};

/// How long a proof is good for.
const LIFETIME: Duration = Duration::from_mins(5);

/// What kind of token it is (RFC 8725, 3.11): no other token of ours passes for one.
const TYPE: &str = "otp-proof+jwt";

/// Bytes in an Ed25519 seed (RFC 8032, 5.1.5).
const SEED: usize = 32;

/// Shortest key for addresses, in bytes.
const SHORTEST_KEY: usize = 32;

/// The section `[proof]`.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// Who signs: `iss`. Empty for `server.public_url`, or else `botkit-otp`.
    pub issuer: String,
    /// Whom proofs are for: `aud` (RFC 8725, 3.9). Empty for the bot's id.
    pub audience: String,
    /// The keys: the first signs, all are published.
    pub keys: Vec<Key>,
    /// What addresses are digested under; services that know it can compare theirs.
    pub address_key: SecretString,
}

/// One of the keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its name, `kid`.
    pub id: String,
    /// Ed25519: PKCS#8 in PEM, or a seed of 32 bytes in base64.
    pub secret: SecretString,
}

/// Signs proofs.
pub struct Prover {
    issuer: String,
    audience: String,
    sign: (EncodingKey, Header),
    jwks: String,
    addresses: Hmac<Sha256>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    iat: i64,
    exp: i64,
    jti: String,
    bot: &'a str,
    session: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<&'a str>,
    method: &'static str,
    address: String,
    address_hmac: String,
}

impl Prover {
    /// Makes a prover. Without keys one is made that nobody else knows: its proofs can be checked until it is gone.
    ///
    /// # Errors
    /// The setting that is of no use, and what it should be.
    pub fn new(settings: &Settings, public_url: &str) -> Result<Self, (&'static str, String)> {
        let mut keys: Vec<(&str, Ed25519KeyPair)> = Vec::new();
        for Key { id, secret } in &settings.keys {
            if id.is_empty() || keys.iter().any(|(known, _)| known == id) {
                return Err(("keys", format!("has the id {id:?}, which is empty or used twice")));
            }
            let fix = "openssl genpkey -algorithm ed25519 makes one in PEM, openssl rand -base64 32 a seed";
            let key = read(secret.expose_secret())
                .ok_or_else(|| ("keys", format!("has {id:?}, which is no Ed25519 key; {fix}")))?;
            keys.push((id, key));
        }
        let broken = |_| ("keys", "cannot be used: the machine makes no keys".to_owned());
        if keys.is_empty() {
            keys.push(("ephemeral", Ed25519KeyPair::generate().map_err(broken)?));
        }
        let published: Vec<_> = keys
            .iter()
            .map(|(id, key)| {
                let x = BASE64_URL_SAFE_NO_PAD.encode(key.public_key());
                json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": id, "use": "sig", "alg": "EdDSA" })
            })
            .collect();
        let (id, key) = &keys[0];
        let der = key.to_pkcs8v1().map_err(broken)?;
        let header = Header {
            typ: Some(TYPE.to_owned()),
            kid: Some((*id).to_owned()),
            ..Header::new(Algorithm::EdDSA)
        };
        let address_key = settings.address_key.expose_secret();
        let addresses = match address_key.len() {
            // Nobody else can compute it then, but two proofs of one address can still be told for that.
            0 => key.sign(b"botkit-otp: the key that addresses are digested under").as_ref().to_vec(),
            SHORTEST_KEY.. => address_key.as_bytes().to_vec(),
            _ => {
                return Err((
                    "address_key",
                    "must be 32 bytes or more; openssl rand -base64 32 makes a good one".to_owned(),
                ));
            }
        };
        let issuer = [settings.issuer.as_str(), public_url, "botkit-otp"];
        Ok(Self {
            issuer: issuer.into_iter().find(|issuer| !issuer.is_empty()).unwrap_or_default().to_owned(),
            audience: settings.audience.clone(),
            sign: (EncodingKey::from_ed_der(der.as_ref()), header),
            jwks: json!({ "keys": published }).to_string(),
            addresses: keyed(&addresses),
        })
    }

    /// The public keys, as a JWK Set (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> &str {
        &self.jwks
    }

    /// Proves what a report says, if that is `verified`. `now` is the time that codes go by, `clock` the real one: dev mode
    /// moves the former, and services know the latter. The same report gives the same proof, until that has expired.
    #[must_use]
    pub fn prove(
        &self,
        report: &Report,
        key: &SessionKey,
        user: Option<&str>,
        now: Timestamp,
        clock: Timestamp,
    ) -> Option<String> {
        if report.status != Status::Verified {
            return None;
        }
        let (facts, address) = (report.facts.as_ref()?, report.verified.as_ref()?);
        let at = Timestamp::from_millis(clock.millis() - (now.millis() - report.at.millis()));
        let expires = at.after(LIFETIME);
        if expires <= clock {
            return None;
        }
        let digest = self.addresses.clone().chain_update(address.reveal()).finalize().into_bytes();
        let claims = Claims {
            iss: &self.issuer,
            aud: if self.audience.is_empty() { key.bot() } else { &self.audience },
            sub: user,
            iat: at.seconds(),
            exp: expires.seconds(),
            jti: facts.id.to_string(),
            bot: key.bot(),
            session: key.session(),
            purpose: key.purpose(),
            method: address.channel().name(),
            address: address.masked(),
            address_hmac: BASE64_URL_SAFE_NO_PAD.encode(digest),
        };
        let (key, header) = &self.sign;
        jsonwebtoken::encode(header, &claims, key).ok()
    }
}

impl fmt::Debug for Prover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prover")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("jwks", &self.jwks)
            .finish_non_exhaustive()
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104, section 2)")]
fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret).expect("HMAC takes keys of any length")
}

/// Reads a key: PKCS#8 in PEM, or a seed in base64.
fn read(secret: &str) -> Option<Ed25519KeyPair> {
    let (begin, end) = ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");
    let pem = secret.trim().strip_prefix(begin).and_then(|rest| rest.strip_suffix(end));
    let text: String = pem.unwrap_or(secret).split_whitespace().collect();
    let bytes = BASE64_STANDARD.decode(text).ok()?;
    match pem {
        Some(_) => Ed25519KeyPair::from_pkcs8(&bytes).ok(),
        None if bytes.len() == SEED => Ed25519KeyPair::from_seed_unchecked(&bytes).ok(),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// The secret key of RFC 8037, appendix A.1.
    const SEED: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";

    fn settings(keys: &[(&str, &str)], address_key: &str) -> Settings {
        let keys = keys.iter().map(|(id, secret)| Key { id: (*id).to_owned(), secret: (*secret).into() });
        let (issuer, audience) = (String::new(), String::new());
        Settings { issuer, audience, keys: keys.collect(), address_key: address_key.into() }
    }

    #[test]
    fn keys_are_published_as_rfc_8037_has_them() {
        let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
                   -----END PRIVATE KEY-----\n";
        for secret in [SEED, pem] {
            let prover =
                Prover::new(&settings(&[("a", secret), ("b", &BASE64_STANDARD.encode([7; 32]))], ""), "");
            let jwks: Value = serde_json::from_str(prover.unwrap().jwks()).unwrap();
            assert_eq!(jwks["keys"][0]["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
            assert_eq!(jwks["keys"][1]["kid"], "b");
        }
        assert_ne!(
            Prover::new(&settings(&[], ""), "").unwrap().jwks(),
            Prover::new(&settings(&[], ""), "").unwrap().jwks()
        );
    }

    #[test]
    fn keys_that_cannot_be_used_are_named() {
        for (settings, key, problem) in [
            (settings(&[("a", "AAAA")], ""), "keys", "no Ed25519 key"),
            (settings(&[("", SEED)], ""), "keys", "empty or used twice"),
            (settings(&[("a", SEED), ("a", SEED)], ""), "keys", "used twice"),
            (settings(&[], "short"), "address_key", "32 bytes"),
        ] {
            let (place, complaint) = Prover::new(&settings, "").unwrap_err();
            assert!(place == key && complaint.contains(problem) && !complaint.contains(SEED), "{complaint}");
        }
    }
}
