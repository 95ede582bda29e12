//! BotKit's own `config.json`, taken as it is: its values become values of our keys, below our own file.

use std::fmt::Write as _;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value as Json};
use toml::Value;

use super::Error;
use super::layers::Layers;
use crate::dialog::catalogue::Catalogue;

/// Where it is looked for if no file is named.
pub(super) const FILE: &str = "config.json";

/// Whether a text is meant to be JSON; no TOML starts like that.
pub(super) fn is_json(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim_start().starts_with('{')
}

/// Whether a text is such a file: an object with credentials as BotKit keeps them, for all bots or for some.
pub(super) fn is_kores(text: &str) -> bool {
    let Ok(file) = parse(text) else { return false };
    let credentials = file.get("credentials").and_then(Json::as_object);
    let is_pair = |pair: &Map<String, Json>| pair.contains_key("apikey") && pair.contains_key("appId");
    credentials.is_some_and(|all| is_pair(all) || all.values().filter_map(Json::as_object).any(is_pair))
}

fn parse(text: &str) -> serde_json::Result<Map<String, Json>> {
    serde_json::from_str(text.trim_start_matches('\u{feff}'))
}

/// Lays such a file over what is there. What has no counterpart here comes back by its name.
///
/// # Errors
/// What is no such file, or holds a value that cannot be used.
pub(super) fn lay(name: &str, text: &str, layers: &mut Layers) -> Result<Vec<String>, Error> {
    let fail = |problem: String| Error { origin: name.to_owned(), key: String::new(), problem };
    // The place is named and nothing shown: a secret may stand there.
    let file = parse(text).map_err(|error| fail(format!("line {} is not JSON", error.line())))?;
    if !is_kores(text) {
        let fix = "our own settings are written in TOML, as in deploy/config.toml";
        return Err(fail(format!("is JSON and not BotKit's config.json, for want of credentials; {fix}")));
    }
    let mut import = Import { name, layers, ignored: Vec::new() };
    for (section, value) in &file {
        import.section(section, value)?;
    }
    Ok(import.ignored)
}

/// Takes the values of a bot: the place they stand at, the bot, the values.
type Take<T> = fn(&mut T, &str, &str, &Map<String, Json>) -> Result<(), Error>;

/// A file on its way into our keys.
struct Import<'a> {
    name: &'a str,
    layers: &'a mut Layers,
    ignored: Vec<String>,
}

impl Import<'_> {
    fn section(&mut self, section: &str, value: &Json) -> Result<(), Error> {
        match (section, value) {
            ("server", Json::Object(server)) => self.server(server),
            ("app", Json::Object(app)) => self.app(app),
            ("credentials", Json::Object(credentials)) => {
                self.bots("credentials", credentials, Self::credentials)
            }
            ("jwt", Json::Object(jwt)) => self.bots("jwt", jwt, Self::jwt),
            ("redis", Json::Object(redis)) => self.redis(redis),
            ("languages", Json::Array(languages)) => self.languages(languages),
            // We always say so.
            ("supportsMessageAck", Json::Bool(true)) => Ok(()),
            (unknown, _) => {
                self.ignored.push(unknown.to_owned());
                Ok(())
            }
        }
    }

    fn server(&mut self, server: &Map<String, Json>) -> Result<(), Error> {
        for (key, value) in server {
            match (key.as_str(), number(value)) {
                // BotKit listens on all interfaces.
                ("port", Some(port)) => self.set(&["server", "bind"], format!("0.0.0.0:{port}"))?,
                ("port", None) => return Err(self.error("server.port", "must be a number")),
                (unknown, _) => self.ignored.push(format!("server.{unknown}")),
            }
        }
        Ok(())
    }

    fn app(&mut self, app: &Map<String, Json>) -> Result<(), Error> {
        for (key, value) in app {
            match (key.as_str(), value) {
                ("apiPrefix", Json::String(prefix)) => {
                    let plain = prefix.trim_matches('/');
                    let slash = if plain.is_empty() { "" } else { "/" };
                    self.set(&["server", "api_prefix"], format!("{slash}{plain}"))?;
                }
                // Anything else, such as the sample's http://localhost, is of use to nobody outside.
                ("url", Json::String(url)) if url.starts_with("https://") => {
                    self.set(&["server", "public_url"], url.trim_end_matches('/').to_owned())?;
                }
                ("url", Json::String(_)) => {}
                (unknown, _) => self.ignored.push(format!("app.{unknown}")),
            }
        }
        Ok(())
    }

    /// A section that holds values for all bots, and by their ids values for some.
    fn bots(&mut self, section: &str, values: &Map<String, Json>, take: Take<Self>) -> Result<(), Error> {
        take(self, section, "default", values)?;
        for (id, own) in values {
            if let Json::Object(own) = own {
                take(self, &format!("{section}.{id}"), id, own)?;
            }
        }
        Ok(())
    }

    fn credentials(&mut self, place: &str, bot: &str, pair: &Map<String, Json>) -> Result<(), Error> {
        for (key, value) in pair {
            match (key.as_str(), value) {
                ("apikey", Json::String(secret)) => self.set(&["bots", bot, "api_key"], secret.clone())?,
                ("appId", Json::String(id)) => self.set(&["bots", bot, "app_id"], id.clone())?,
                ("apikey" | "appId", _) => {
                    return Err(self.error(&format!("{place}.{key}"), "must be a text"));
                }
                (_, Json::Object(_)) => {}
                (unknown, _) => self.ignored.push(format!("{place}.{unknown}")),
            }
        }
        Ok(())
    }

    fn jwt(&mut self, place: &str, bot: &str, jwt: &Map<String, Json>) -> Result<(), Error> {
        for (key, value) in jwt {
            let at = format!("{place}.{key}");
            match (key.as_str(), value) {
                ("jwtAlgorithm", Json::String(algorithm)) if algorithm.starts_with("HS") => {
                    self.set(&["bots", bot, "jwt_algorithm"], algorithm.clone())?;
                }
                ("jwtAlgorithm", algorithm) => {
                    let fix =
                        "choose HS256 or HS512 for the JWT app: a shared Client Secret cannot be an RSA key";
                    return Err(
                        self.error(&at, &format!("is {algorithm}, which BotKit cannot use either; {fix}"))
                    );
                }
                // Kore's documentation has the one spelling, BotKit reads the other, which therefore counts.
                ("jwt-expiry", _) if jwt.contains_key("jwtExpiry") => {}
                ("jwt-expiry" | "jwtExpiry", seconds) => match number(seconds) {
                    Some(seconds) => self.set(&["bots", bot, "token_lifetime"], format!("{seconds}s"))?,
                    None => return Err(self.error(&at, "must be a number of seconds")),
                },
                (_, Json::Object(_)) => {}
                (unknown, _) => self.ignored.push(format!("{place}.{unknown}")),
            }
        }
        Ok(())
    }

    /// BotKit keeps late answers in Redis; we would keep sessions there.
    fn redis(&mut self, redis: &Map<String, Json>) -> Result<(), Error> {
        if redis.get("available") != Some(&Json::Bool(true)) {
            return Ok(());
        }
        if !self.layers.knows(&["store", "redis_url"]) {
            self.ignored.push("redis".to_owned());
            return Ok(());
        }
        let options = redis.get("options");
        let text = |name: &str| options?.get(name)?.as_str();
        let mut url = "redis://".to_owned();
        if let (Some(user), Some(password)) = (text("user"), text("password")) {
            let coded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
            let _ = write!(url, "{}:{}@", coded(user), coded(password));
        }
        let port = options.and_then(|options| number(options.get("port")?)).unwrap_or(6379);
        let _ = write!(url, "{}:{port}", text("host").unwrap_or("localhost"));
        self.set(&["store", "kind"], "redis".to_owned())?;
        self.set(&["store", "redis_url"], url)
    }

    /// The first is spoken where the platform names none.
    fn languages(&mut self, languages: &[Json]) -> Result<(), Error> {
        let spoken = Catalogue::new(&[]).map_err(|broken| self.error("languages", &broken.to_string()))?;
        let mut known = Vec::new();
        for language in languages {
            match language.as_str() {
                Some(tag) if spoken.find(tag).is_some() => known.push(Value::String(tag.to_owned())),
                _ => self.ignored.push(format!("languages[{language}]")),
            }
        }
        if known.is_empty() { Ok(()) } else { self.set(&["bots", "default", "languages"], known) }
    }

    fn set(&mut self, path: &[&str], value: impl Into<Value>) -> Result<(), Error> {
        let path: Vec<String> = path.iter().map(|&part| part.to_owned()).collect();
        self.layers.set(&path, value.into(), self.name)
    }

    fn error(&self, key: &str, problem: &str) -> Error {
        Error { origin: self.name.to_owned(), key: key.to_owned(), problem: problem.to_owned() }
    }
}

/// A whole number, which may be written as a text, as people do who fill in templates.
fn number(value: &Json) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

#[cfg(test)]
mod tests;
