//! Who may call over REST: named keys, any number of them at once, each for some bots.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::botkit::BotId;

/// Shortest secret that is accepted, in characters.
const SHORTEST: usize = 32;

/// What stands for every bot.
const ALL: &str = "*";

/// One of the keys in `[[api.keys]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKeySettings {
    /// What the log calls it.
    pub name: String,
    /// The key itself.
    #[serde(default)]
    pub secret: SecretString,
    /// Or its SHA-256, in hexadecimal.
    #[serde(default)]
    pub sha256: String,
    /// Whose doors it opens: bots' ids, or `*`.
    pub bots: Vec<String>,
}

impl ApiKeySettings {
    /// The key that dev mode makes for itself.
    #[must_use]
    pub fn of_dev_mode(secret: &SecretString) -> Self {
        let (name, bots) = ("dev".to_owned(), vec![ALL.to_owned()]);
        Self { name, secret: secret.clone(), sha256: String::new(), bots }
    }
}

/// The keys that open the REST doors.
#[derive(Debug, Default)]
pub struct ApiKeys(Vec<ApiKey>);

/// One key. Only its digest is kept.
pub struct ApiKey {
    /// What the log calls it.
    pub name: Box<str>,
    digest: [u8; 32],
    /// `None`: all of them.
    bots: Option<Vec<BotId>>,
}

impl ApiKeys {
    /// Makes the keys.
    ///
    /// # Errors
    /// What is wrong with one of them, without its secret.
    pub fn new<'s>(settings: impl IntoIterator<Item = &'s ApiKeySettings>) -> Result<Self, String> {
        let mut keys: Vec<ApiKey> = Vec::new();
        for settings in settings {
            let key = ApiKey::new(settings)?;
            if let Some(known) = keys.iter().find(|known| known.name == key.name) {
                return Err(format!("has two keys named {:?}", known.name));
            }
            if let Some(known) = keys.iter().find(|known| known.digest == key.digest) {
                return Err(format!("has one secret under two names, {:?} and {:?}", known.name, key.name));
            }
            keys.push(key);
        }
        Ok(Self(keys))
    }

    /// The key that an `Authorization` header holds. Takes as long for a key that is nearly right as for any other.
    #[must_use]
    pub fn check(&self, authorization: Option<&str>) -> Option<&ApiKey> {
        let (scheme, secret) = authorization?.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let digest: [u8; 32] = Sha256::digest(secret.trim()).into();
        self.0.iter().fold(None, |found, key| {
            let same: bool = key.digest.ct_eq(&digest).into();
            if same { Some(key) } else { found }
        })
    }
}

impl ApiKey {
    fn new(settings: &ApiKeySettings) -> Result<Self, String> {
        let ApiKeySettings { name, secret, sha256, bots } = settings;
        let plain = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
            return Err(format!("has a key named {name:?}; names are 1 to 64 letters, digits, - _ ."));
        }
        let wrong = |problem: &str| format!("has {name:?}, {problem}");
        let digest = match (secret.expose_secret(), sha256.as_str()) {
            ("", "") => return Err(wrong("which has no secret; `openssl rand -base64 32` makes a good one")),
            (secret, "") if secret.len() >= SHORTEST && !secret.contains(char::is_whitespace) => {
                Sha256::digest(secret).into()
            }
            (_, "") => {
                return Err(wrong(
                    "whose secret is shorter than 32 characters or holds a space; `openssl rand -base64 32` makes a \
                     good one",
                ));
            }
            ("", sha256) => digest(sha256).ok_or_else(|| {
                wrong("whose sha256 is not 64 hexadecimal digits, as `sha256sum` prints them")
            })?,
            (_, _) => return Err(wrong("which has both secret and sha256; one is enough")),
        };
        if bots.is_empty() {
            return Err(wrong("which is for no bot; bots = [\"*\"] is for all"));
        }
        let bots = if bots.iter().any(|bot| bot == ALL) {
            None
        } else {
            let bots = bots.iter().map(|bot| BotId::parse(bot));
            Some(
                bots.collect::<Option<_>>()
                    .ok_or_else(|| wrong("whose bots hold something that is no bot id"))?,
            )
        };
        Ok(Self { name: name.as_str().into(), digest, bots })
    }

    /// Whether it opens a bot's doors.
    #[must_use]
    pub fn opens(&self, bot: &BotId) -> bool {
        self.bots.as_ref().is_none_or(|bots| bots.contains(bot))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey").field("name", &self.name).finish_non_exhaustive()
    }
}

fn digest(hexadecimal: &str) -> Option<[u8; 32]> {
    if hexadecimal.len() != 64 || !hexadecimal.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut digest = [0; 32];
    for (byte, at) in digest.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&hexadecimal[at..at + 2], 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn settings(name: &str, secret: &str, sha256: &str, bots: &[&str]) -> ApiKeySettings {
        let bots = bots.iter().map(|bot| (*bot).to_owned()).collect();
        ApiKeySettings { name: name.to_owned(), secret: secret.into(), sha256: sha256.to_owned(), bots }
    }

    fn name(keys: &ApiKeys, header: &str) -> Option<String> {
        keys.check(Some(header)).map(|key| key.name.to_string())
    }

    #[test]
    fn several_keys_are_good_at_once_each_for_its_own_bots() {
        let other = "fedcba9876543210fedcba9876543210";
        // As `sha256sum` prints it.
        let hashed = "4ba68aa8767bde72e8c798ee82d1275291cea73e72ad74d35ecf48e41386eb82";
        let keys = [settings("new", SECRET, "", &["*"]), settings("old", "", hashed, &["st-1"])];
        let keys = ApiKeys::new(&keys).unwrap();
        assert_eq!(name(&keys, &format!("Bearer {SECRET}")).as_deref(), Some("new"));
        assert_eq!(name(&keys, &format!("bearer  {other} ")).as_deref(), Some("old"));
        for header in
            ["", "Bearer", "Bearer ", &format!("Basic {SECRET}"), SECRET, &format!("Bearer {SECRET}x")]
        {
            assert_eq!(name(&keys, header), None, "{header}");
        }
        let bot = |id| BotId::parse(id).unwrap();
        let old = keys.check(Some(&format!("Bearer {other}"))).unwrap();
        assert!(old.opens(&bot("st-1")) && !old.opens(&bot("st-2")));
        assert!(keys.check(Some(&format!("Bearer {SECRET}"))).unwrap().opens(&bot("st-2")));
        assert!(ApiKeys::default().check(Some(&format!("Bearer {SECRET}"))).is_none());
        assert!(!format!("{keys:?}").contains(SECRET));
    }

    #[test]
    fn keys_that_cannot_be_used_are_named() {
        for (keys, problem) in [
            (vec![settings("", SECRET, "", &["*"])], "names are 1 to 64"),
            (vec![settings("a", "", "", &["*"])], "has \"a\", which has no secret"),
            (vec![settings("a", &SECRET[1..], "", &["*"])], "shorter than 32"),
            (vec![settings("a", &format!("{SECRET} x"), "", &["*"])], "holds a space"),
            (vec![settings("a", SECRET, &"0".repeat(64), &["*"])], "both secret and sha256"),
            (vec![settings("a", "", &"g".repeat(64), &["*"])], "64 hexadecimal digits"),
            (vec![settings("a", SECRET, "", &[])], "for no bot"),
            (vec![settings("a", SECRET, "", &["st/1"])], "no bot id"),
            (
                vec![settings("a", SECRET, "", &["*"]), settings("a", &SECRET.repeat(2), "", &["*"])],
                "two keys named",
            ),
            (vec![settings("a", SECRET, "", &["*"]), settings("b", SECRET, "", &["*"])], "under two names"),
        ] {
            let complaint = ApiKeys::new(&keys).unwrap_err();
            assert!(complaint.contains(problem) && !complaint.contains(&SECRET[1..]), "{complaint}");
        }
    }
}
