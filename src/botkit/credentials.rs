//! Who may call: the Client ID and secret of each bot, and the tokens signed with them.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use super::BotId;
use crate::clock::Timestamp;

/// How far the platform's clock and ours may differ, in seconds. BotKit allows nothing, so this only widens.
const LEEWAY: f64 = 30.0;

/// How a bot's tokens are signed. Only the configured algorithm counts, whatever a token says of itself. The
/// platform offers RS256 too, but a shared Client Secret cannot be an RSA key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[expect(missing_docs, reason = "the names are those of RFC 7518")]
pub enum Algorithm {
    HS256,
    HS384,
    HS512,
}

impl From<Algorithm> for jsonwebtoken::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::HS256 => Self::HS256,
            Algorithm::HS384 => Self::HS384,
            Algorithm::HS512 => Self::HS512,
        }
    }
}

/// A bot's credentials, ready for use.
#[derive(Clone)]
pub struct Credentials {
    app_id: String,
    secret: SecretString,
    accept_api_key: bool,
    lifetime: Duration,
    verify: (DecodingKey, Validation),
    sign: (EncodingKey, Header),
}

/// Why a caller was refused; for the log, never for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// There is no `token` header (and no `apikey` header that counts).
    #[error("no token")]
    Missing,
    /// Not a token, or signed with another secret or algorithm.
    #[error("bad signature, algorithm or claims")]
    Invalid,
    /// Its time is over.
    #[error("expired; are the clocks in step?")]
    Expired,
    /// Its time has not begun.
    #[error("not valid yet; are the clocks in step?")]
    Early,
    /// It was signed with the right secret, for another Client ID.
    #[error("appId is not the configured app_id")]
    AppId,
    /// It comes from an address that is not one of `server.allow_from`.
    #[error("not from here: server.allow_from")]
    Address,
    /// The bot has no credentials here, or its id is malformed.
    #[error("unknown bot")]
    UnknownBot,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(rename = "appId")]
    app_id: String,
    // Kore's own SDK writes fractions of a second here.
    exp: f64,
    nbf: Option<f64>,
}

#[derive(Serialize)]
struct OwnClaims<'a> {
    #[serde(rename = "appId")]
    app_id: &'a str,
    exp: i64,
}

impl Credentials {
    /// Makes credentials of a Client ID and a Client Secret. `accept_api_key` lets callers send the bare secret in
    /// an `apikey` header, which BotKit has deprecated. `None` if the id or the secret is empty: a bot without them
    /// would let anybody in.
    #[must_use]
    pub fn new(
        app_id: &str,
        secret: &SecretString,
        algorithm: Algorithm,
        accept_api_key: bool,
    ) -> Option<Self> {
        if app_id.is_empty() || secret.expose_secret().is_empty() {
            return None;
        }
        // The secret looks like base64 and is not decoded: its characters are the key.
        let key = secret.expose_secret().as_bytes();
        let mut validation = Validation::new(algorithm.into());
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        Some(Self {
            app_id: app_id.to_owned(),
            secret: secret.clone(),
            accept_api_key,
            lifetime: Duration::from_mins(1),
            verify: (DecodingKey::from_secret(key), validation),
            sign: (EncodingKey::from_secret(key), Header::new(algorithm.into())),
        })
    }

    /// The same, whose own tokens are good for `lifetime`; otherwise that is a minute, as in BotKit.
    #[must_use]
    pub fn with_lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// The Client ID.
    #[must_use]
    pub fn app_id(&self) -> &str {
        &self.app_id
    }

    /// Checks the headers `token` and `apikey` of a request.
    ///
    /// # Errors
    /// [`Rejection`], for the log.
    pub fn check(&self, token: Option<&str>, api_key: Option<&str>, now: Timestamp) -> Result<(), Rejection> {
        if self.accept_api_key
            && api_key.is_some_and(|key| key.as_bytes().ct_eq(self.secret.expose_secret().as_bytes()).into())
        {
            return Ok(());
        }
        let (key, validation) = &self.verify;
        let claims = jsonwebtoken::decode::<Claims>(token.ok_or(Rejection::Missing)?, key, validation)
            .map_err(|_| Rejection::Invalid)?
            .claims;
        #[expect(clippy::cast_precision_loss, reason = "exact for millions of years")]
        let now = now.seconds() as f64;
        if !claims.exp.is_finite() || claims.nbf.is_some_and(|nbf| !nbf.is_finite()) {
            return Err(Rejection::Invalid);
        }
        if claims.exp + LEEWAY <= now {
            return Err(Rejection::Expired);
        }
        if claims.nbf.is_some_and(|nbf| nbf - LEEWAY > now) {
            return Err(Rejection::Early);
        }
        if claims.app_id.as_bytes().ct_eq(self.app_id.as_bytes()).into() {
            Ok(())
        } else {
            Err(Rejection::AppId)
        }
    }

    /// Checks a token of the platform's webhook channel, by which programs write to a bot as users do. It is signed like
    /// ours; the Client ID stands in `appId` or in `iss`, and `exp` may be missing.
    ///
    /// # Errors
    /// [`Rejection`], for the log.
    pub fn check_channel(&self, token: Option<&str>, now: Timestamp) -> Result<(), Rejection> {
        #[derive(Deserialize)]
        struct Claims {
            #[serde(rename = "appId")]
            app_id: Option<String>,
            iss: Option<String>,
            exp: Option<f64>,
        }
        let (key, validation) = &self.verify;
        let claims = jsonwebtoken::decode::<Claims>(token.ok_or(Rejection::Missing)?, key, validation)
            .map_err(|_| Rejection::Invalid)?
            .claims;
        #[expect(clippy::cast_precision_loss, reason = "exact for millions of years")]
        let now = now.seconds() as f64;
        if claims.exp.is_some_and(|exp| exp + LEEWAY <= now) {
            return Err(Rejection::Expired);
        }
        let id = claims.app_id.or(claims.iss).unwrap_or_default();
        if id.as_bytes().ct_eq(self.app_id.as_bytes()).into() { Ok(()) } else { Err(Rejection::AppId) }
    }

    /// Signs a token for a call to the platform.
    #[must_use]
    pub fn token(&self, now: Timestamp) -> String {
        self.token_until(now.after(self.lifetime).seconds())
    }

    /// Signs a token that is good until `exp`, in seconds since the epoch.
    #[must_use]
    pub fn token_until(&self, exp: i64) -> String {
        let (key, header) = &self.sign;
        // Signing two plain claims with an HMAC key has no way to fail; if it found one, the platform would refuse
        // the empty token and the log would say so.
        jsonwebtoken::encode(header, &OwnClaims { app_id: &self.app_id, exp }, key).unwrap_or_default()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("app_id", &self.app_id).finish_non_exhaustive()
    }
}

/// One bot: its credentials, and what its dialogs call things.
#[derive(Debug)]
pub struct Bot<T> {
    /// Who may call for it as the platform, and how we sign for it; `None` if only API keys open its doors.
    pub credentials: Option<Credentials>,
    /// What else is configured for it.
    pub settings: T,
}

/// The bots this server knows: some by id, and one that stands for all others.
#[derive(Debug)]
pub struct Bots<T> {
    /// For every bot that has no entry of its own.
    pub default: Option<Bot<T>>,
    /// By id.
    pub named: HashMap<BotId, Bot<T>>,
}

impl<T> Bots<T> {
    /// The bot called `id`.
    #[must_use]
    pub fn get(&self, id: &BotId) -> Option<&Bot<T>> {
        self.named.get(id).or(self.default.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_784_540_790_118);
    const SECRET: &str = "n0t-a-real-secret/+=";

    fn credentials(algorithm: Algorithm) -> Credentials {
        Credentials::new("cs-1", &SECRET.into(), algorithm, false).unwrap()
    }

    fn token(algorithm: jsonwebtoken::Algorithm, secret: &str, claims: &serde_json::Value) -> String {
        jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes()))
            .unwrap()
    }

    #[test]
    fn each_algorithm_opens_only_its_own_door() {
        let all = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
        for configured in all {
            for signed in all {
                let checked = credentials(configured).check(Some(&credentials(signed).token(NOW)), None, NOW);
                assert_eq!(checked.is_ok(), configured == signed, "{configured:?} {signed:?}");
            }
        }
    }

    #[test]
    fn claims_are_checked_by_our_clock() {
        let seconds = NOW.seconds();
        for (claims, outcome) in [
            (json!({"appId": "cs-1", "exp": seconds + 60}), Ok(())),
            (json!({"appId": "cs-1", "exp": 1_784_540_850.784}), Ok(())),
            (json!({"appId": "cs-1", "exp": seconds - 29, "aud": "x", "iss": "y"}), Ok(())),
            (json!({"appId": "cs-1", "exp": seconds - 30}), Err(Rejection::Expired)),
            (json!({"appId": "cs-1", "exp": seconds + 60, "nbf": seconds + 31}), Err(Rejection::Early)),
            (json!({"appId": "cs-2", "exp": seconds + 60}), Err(Rejection::AppId)),
            (json!({"appId": "", "exp": seconds + 60}), Err(Rejection::AppId)),
            (json!({"exp": seconds + 60}), Err(Rejection::Invalid)),
            (json!({"appId": "cs-1"}), Err(Rejection::Invalid)),
            (json!({"appId": "cs-1", "exp": "soon"}), Err(Rejection::Invalid)),
            (json!({"appId": "cs-1", "exp": null}), Err(Rejection::Invalid)),
            (json!({"appId": ["cs-1"], "exp": seconds + 60}), Err(Rejection::Invalid)),
        ] {
            let token = token(jsonwebtoken::Algorithm::HS256, SECRET, &claims);
            assert_eq!(credentials(Algorithm::HS256).check(Some(&token), None, NOW), outcome, "{claims}");
        }
    }

    #[test]
    fn forged_tokens_are_refused() {
        let credentials = credentials(Algorithm::HS256);
        let claims = json!({"appId": "cs-1", "exp": NOW.seconds() + 60});
        let good = credentials.token(NOW);
        let (signed, _) = good.rsplit_once('.').unwrap();
        let none = "eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0";
        let body = signed.split_once('.').unwrap().1;
        for forged in [
            token(jsonwebtoken::Algorithm::HS256, "another secret", &claims),
            format!("{signed}."),
            format!("{none}.{body}."),
            format!("{none}.{body}"),
            format!("{good}="),
            String::new(),
            "a.b.c".to_owned(),
            "x".repeat(8_000),
        ] {
            assert_eq!(credentials.check(Some(&forged), None, NOW), Err(Rejection::Invalid), "{forged}");
        }
        assert_eq!(credentials.check(None, None, NOW), Err(Rejection::Missing));
    }

    #[test]
    fn the_bare_secret_counts_only_where_it_is_allowed() {
        let open = Credentials::new("cs-1", &SECRET.into(), Algorithm::HS256, true).unwrap();
        assert_eq!(open.check(None, Some(SECRET), NOW), Ok(()));
        assert_eq!(open.check(None, Some("wrong"), NOW), Err(Rejection::Missing));
        assert_eq!(open.check(Some(&open.token(NOW)), Some("wrong"), NOW), Ok(()));
        assert_eq!(credentials(Algorithm::HS256).check(None, Some(SECRET), NOW), Err(Rejection::Missing));
    }

    #[test]
    fn nobody_gets_in_with_nothing() {
        assert!(Credentials::new("", &SECRET.into(), Algorithm::HS256, true).is_none());
        assert!(Credentials::new("cs-1", &"".into(), Algorithm::HS256, true).is_none());
        assert!(!format!("{:?}", credentials(Algorithm::HS256)).contains(SECRET));
    }
}
