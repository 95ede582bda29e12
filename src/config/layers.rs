//! The configuration's layers: the defaults, one file over them, the environment over that. Every value remembers
//! where it came from, so that a complaint can name the key, the place and the fix.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::Error;

/// The defaults, which are also the manual.
const DEFAULTS: &str = include_str!("../../deploy/config.toml");

/// Environment variables that set any key: `BOTKIT_OTP_SECTION__KEY`.
const PREFIX: &str = "BOTKIT_OTP_";

/// Environment variables under names operators already use, and the keys they set.
const FAMILIAR: [(&str, &str); 4] = [
    ("REDIS_URL", "store.redis_url"),
    ("SENDGRID_API_KEY", "delivery.sendgrid.api_key"),
    ("TWILIO_ACCOUNT_SID", "delivery.twilio.account_sid"),
    ("TWILIO_AUTH_TOKEN", "delivery.twilio.auth_token"),
];

/// Values, and where each came from.
pub(super) struct Layers {
    defaults: Table,
    pub(super) table: Table,
    origins: BTreeMap<String, String>,
}

impl Layers {
    #[expect(clippy::expect_used, reason = "compiled in, and read by every test")]
    pub(super) fn new() -> Self {
        let defaults: Table = DEFAULTS.parse().expect("deploy/config.toml is TOML");
        Self { table: defaults.clone(), defaults, origins: BTreeMap::new() }
    }

    /// Whether any key that starts with `prefix` was set.
    pub(super) fn sets_any(&self, prefix: &str) -> bool {
        self.origins.keys().any(|key| key.starts_with(prefix))
    }

    /// Where the value of `key` was set; `None` if it is the default.
    pub(super) fn origin(&self, key: &str) -> Option<&str> {
        self.origins.get(key).map(String::as_str)
    }

    /// Lays a file over what is there.
    pub(super) fn file(&mut self, name: &str, text: &str) -> Result<(), Error> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            // The line is named and not shown: a secret may stand in it.
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let problem = format!("line {line} is not TOML: {}", error.message().trim_end());
            Error { origin: name.to_owned(), key: String::new(), problem }
        })?;
        for (key, value) in table {
            self.set(&[key], value, name)?;
        }
        Ok(())
    }

    /// Lays environment variables over what is there.
    pub(super) fn environment(&mut self, variables: &BTreeMap<String, String>) -> Result<(), Error> {
        for (variable, key) in FAMILIAR {
            if let Some(text) = variables.get(variable).filter(|text| !text.is_empty()) {
                let path: Vec<String> = key.split('.').map(str::to_owned).collect();
                self.set(&path, Value::String(text.clone()), variable)?;
            }
        }
        for (variable, text) in variables {
            let Some(name) = variable.strip_prefix(PREFIX).filter(|name| *name != "CONFIG") else { continue };
            let path: Vec<String> = name.split("__").map(str::to_lowercase).collect();
            let value = match self.default(&path) {
                Some(Value::String(_)) | None => Value::String(text.clone()),
                Some(default) => read(text, default, variable, &path)?,
            };
            self.set(&path, value, variable)?;
        }
        // Whoever says where Redis is wants it to be used.
        let kind = ["store".to_owned(), "kind".to_owned()];
        if self.origin("store.redis_url") == Some("REDIS_URL") && self.origin("store.kind").is_none() {
            self.set(&kind, Value::String("redis".to_owned()), "REDIS_URL")?;
        }
        // Last: where a platform assigns the port, it is the one that counts.
        if let Some(text) = variables.get("PORT").filter(|text| !text.is_empty()) {
            let bind = self.table["server"]["bind"].as_str().unwrap_or_default();
            let host = bind.rsplit_once(':').map_or(bind, |(host, _)| host);
            self.set(
                &["server".to_owned(), "bind".to_owned()],
                Value::String(format!("{host}:{text}")),
                "PORT",
            )?;
        }
        Ok(())
    }

    /// The default at a path; a bot's are those of `bots.default`.
    fn default(&self, path: &[String]) -> Option<&Value> {
        let mut value = None;
        let mut table = &self.defaults;
        for (depth, key) in path.iter().enumerate() {
            let key = if depth == 1 && path[0] == "bots" { "default" } else { key };
            value = table.get(key);
            match value {
                Some(Value::Table(inner)) => table = inner,
                _ if depth + 1 < path.len() => return None,
                _ => {}
            }
        }
        value
    }

    /// Whether a secret was set there.
    pub(super) fn has_secret_from(&self, origin: &str) -> bool {
        self.origins.iter().any(|(key, from)| from == origin && is_secret(key))
    }

    /// Whether there is such a key.
    pub(super) fn knows(&self, path: &[&str]) -> bool {
        let path: Vec<String> = path.iter().map(|&part| part.to_owned()).collect();
        self.default(&path).is_some()
    }

    /// Sets a key, if there is such a key.
    pub(super) fn set(&mut self, path: &[String], value: Value, origin: &str) -> Result<(), Error> {
        let error = |problem: String| Error { origin: origin.to_owned(), key: path.join("."), problem };
        match (self.default(path), value) {
            (None, _) => Err(error(format!("is not a known key{}", self.suggestion(path)))),
            // `components` maps names of the builder's own choice.
            (Some(Value::Table(default)), Value::Table(table)) if !default.is_empty() => {
                for (key, value) in table {
                    self.set(&[path, &[key]].concat(), value, origin)?;
                }
                Ok(())
            }
            (Some(Value::Table(default)), _) if !default.is_empty() => {
                Err(error("must be a section".to_owned()))
            }
            (Some(_), value) => {
                let (last, sections) = path.split_last().ok_or_else(|| error("has no name".to_owned()))?;
                let mut table = &mut self.table;
                for section in sections {
                    let inner = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
                    table = inner.as_table_mut().ok_or_else(|| error("must be a section".to_owned()))?;
                }
                table.insert(last.clone(), value);
                self.origins.insert(path.join("."), origin.to_owned());
                Ok(())
            }
        }
    }

    /// The known key that was probably meant.
    fn suggestion(&self, path: &[String]) -> String {
        let wanted = path.join(".");
        let mut known = Vec::new();
        collect(&self.defaults, "", &mut known);
        known
            .into_iter()
            .map(|key| (strsim::jaro_winkler(&key, &wanted).max(last_part(&key, &wanted)), key))
            .filter(|(likeness, _)| *likeness > 0.8)
            .max_by(|(one, _), (other, _)| one.total_cmp(other))
            .map(|(_, key)| format!("; did you mean \"{key}\"?"))
            .unwrap_or_default()
    }
}

/// Whether a key holds a secret, or what may have one in it.
pub(super) fn is_secret(key: &str) -> bool {
    ["api_key", "address_key", "auth_token", "secret", "keys", "url"].iter().any(|name| key.ends_with(name))
        && !["base_url", "public_url"].iter().any(|name| key.ends_with(name))
}

/// How alike the last parts of two keys are: right key, wrong section.
fn last_part(key: &str, wanted: &str) -> f64 {
    let last = |text: &str| text.rsplit('.').next().unwrap_or_default().to_owned();
    strsim::jaro_winkler(&last(key), &last(wanted)) * 0.99
}

fn collect(table: &Table, prefix: &str, keys: &mut Vec<String>) {
    for (key, value) in table {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Table(inner) if !inner.is_empty() => collect(inner, &path, keys),
            _ => keys.push(path.clone()),
        }
        if prefix.is_empty() {
            keys.push(path);
        }
    }
}

/// Reads a variable's text as the kind of value its key has.
fn read(text: &str, default: &Value, variable: &str, path: &[String]) -> Result<Value, Error> {
    let parsed = format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    let value = match (default, parsed) {
        // A list of one or more plain words need not be written as TOML.
        (Value::Array(_), None | Some(Value::String(_))) => {
            Some(Value::Array(text.split(',').map(|item| Value::String(item.trim().to_owned())).collect()))
        }
        (_, parsed) => parsed.filter(|parsed| parsed.same_type(default)),
    };
    value.ok_or_else(|| Error {
        origin: variable.to_owned(),
        key: path.join("."),
        problem: format!("must be a value of the kind of its default, {default}"),
    })
}
