//! The one configuration: read, checked, and put together. The only place that reads the environment.

mod layers;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use toml::{Table, Value};

use self::layers::Layers;
use crate::botkit::{Algorithm, Bot, BotId, Bots, Credentials, Pointer};
use crate::dialog::Operation;
use crate::http::{BotSettings, Names};
use crate::otp::{Accepted, Expose};
use crate::{delivery, http, otp, platform, store};

/// Where a configuration file is looked for if none is named.
const DEFAULT_FILE: &str = "botkit-otp.toml";

/// Credentials that everybody knows: those of BotKit's sample configuration and of examples.
const SAMPLES: [&str; 5] = ["test_api_key", "test_app_id", "<api-key>", "<app-id>", "changeme"];

/// Everything that can be set.
#[derive(Debug, Deserialize)]
pub struct Config {
    /// How the server is reached.
    pub server: http::Settings,
    /// How we deal with the platform.
    pub platform: platform::Settings,
    /// The bots, `default` among them.
    pub bots: BTreeMap<String, BotSection>,
    /// The rules on codes.
    pub otp: otp::Settings,
    /// How codes get to people.
    pub delivery: delivery::Settings,
    /// Where sessions are kept.
    pub store: store::Settings,
    /// Whether this is dev mode.
    pub dev: DevSection,
}

/// A section `[bots.default]` or `[bots."st-..."]`.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "deploy/config.toml says what each key does")]
pub struct BotSection {
    pub app_id: String,
    pub api_key: SecretString,
    pub jwt_algorithm: Algorithm,
    pub accept_api_key_header: bool,
    pub components: HashMap<String, Vec<String>>,
    pub destination_fields: Vec<Pointer>,
    pub code_fields: Vec<Pointer>,
}

/// The section `[dev]`.
#[derive(Debug, Deserialize)]
pub struct DevSection {
    /// Whether this is dev mode.
    pub enabled: bool,
}

/// A configuration and where it came from.
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The file it was read from, if there was one.
    pub file: Option<PathBuf>,
    layers: Layers,
}

/// A setting that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub struct Error {
    /// The file or variable it stands in; `default` if nobody set it.
    pub origin: String,
    /// Its key; empty if the file as a whole is of no use.
    pub key: String,
    /// What is wrong, and what to do about it.
    pub problem: String,
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, key, problem } = self;
        if key.is_empty() { write!(f, "{origin}: {problem}") } else { write!(f, "{origin}: {key} {problem}") }
    }
}

/// The environment, as far as it is text.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

impl Loaded {
    /// Reads the configuration: the defaults, `file` (or `botkit-otp.toml` here, if there is one), `variables`.
    ///
    /// Without a file and without credentials, dev mode is on.
    ///
    /// # Errors
    /// [`Error`] names the key, the place it is set, and the fix.
    pub fn read(file: Option<&Path>, variables: &BTreeMap<String, String>) -> Result<Self, Error> {
        let mut layers = Layers::new();
        let file = file
            .map(Path::to_owned)
            .or_else(|| Some(PathBuf::from(DEFAULT_FILE)).filter(|file| file.exists()));
        if let Some(file) = &file {
            let name = file.display().to_string();
            let text = std::fs::read_to_string(file).map_err(|error| Error {
                origin: name.clone(),
                key: String::new(),
                problem: format!("cannot be read: {error}"),
            })?;
            layers.file(&name, &text)?;
            parse(&layers, &name)?;
        }
        layers.environment(variables)?;
        let mut config = parse(&layers, "the environment")?;
        let silent = |key: &str| layers.origin(key).is_none();
        if file.is_none() && silent("dev.enabled") && config.bots.values().all(|bot| bot.app_id.is_empty()) {
            config.dev.enabled = true;
        }
        let loaded = Self { config, file, layers };
        loaded.check()?;
        Ok(loaded)
    }

    /// Complains about `key`, naming the place it was set.
    #[must_use]
    pub fn error(&self, key: &str, problem: impl Into<String>) -> Error {
        let origin = self.layers.origin(key).unwrap_or("default").to_owned();
        Error { origin, key: key.to_owned(), problem: problem.into() }
    }

    /// Whether `key` was set by a file or a variable.
    #[must_use]
    pub fn is_set(&self, key: &str) -> bool {
        self.layers.origin(key).is_some()
    }

    fn check(&self) -> Result<(), Error> {
        let Config { server, dev, delivery, .. } = &self.config;
        let prefix = &server.api_prefix;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./~".contains(&byte);
        if !(prefix.is_empty()
            || prefix.starts_with('/') && !prefix.ends_with('/') && prefix.bytes().all(plain))
        {
            return Err(self.error("server.api_prefix", "must be empty or look like \"/otp\""));
        }
        if dev.enabled && !server.bind.ip().is_loopback() {
            let fix = if self.is_set("dev.enabled") {
                "dev mode listens on this machine only; bind to 127.0.0.1, or take dev.enabled out"
            } else {
                "without credentials this is dev mode, which listens on this machine only; set bots.default.app_id and \
                 api_key for production, or bind to 127.0.0.1"
            };
            return Err(self.error("server.bind", format!("is {}: {fix}", server.bind)));
        }
        let base = &delivery.sendgrid.base_url;
        if !base.starts_with("https://")
            && !["http://127.0.0.1", "http://localhost", "http://[::1]"].iter().any(|local| {
                base.strip_prefix(local).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
            })
        {
            return Err(
                self.error("delivery.sendgrid.base_url", "must start with https://: the API key goes there")
            );
        }
        Ok(())
    }

    /// The bots, with credentials that can be used. In dev mode `generated` stands in for missing ones.
    ///
    /// # Errors
    /// Credentials that are missing, half there, or known to everybody; names that cannot be used.
    pub fn bots(&self, generated: Option<(&str, &SecretString)>) -> Result<Bots<BotSettings>, Error> {
        let mut bots = Bots { default: None, named: HashMap::new() };
        for (id, section) in &self.config.bots {
            let key = |name: &str| format!("bots.{id}.{name}");
            let mut own = (section.app_id.as_str(), &section.api_key);
            let missing = (own.0.is_empty(), own.1.expose_secret().is_empty());
            if let (Some(generated), (true, true)) = (generated, missing) {
                own = generated;
            }
            for (name, value) in
                [("app_id", section.app_id.as_str()), ("api_key", section.api_key.expose_secret())]
            {
                if SAMPLES.contains(&value) {
                    return Err(self.error(
                        &key(name),
                        "is a sample value that everybody knows; use your JWT app's own",
                    ));
                }
            }
            if id != "default" && self.is_set(&key("app_id")) != self.is_set(&key("api_key")) {
                let set = if self.is_set(&key("app_id")) { "app_id" } else { "api_key" };
                return Err(self.error(&key(set), "needs its counterpart: set app_id and api_key together"));
            }
            let credentials =
                Credentials::new(own.0, own.1, section.jwt_algorithm, section.accept_api_key_header);
            let settings = self.bot_settings(id, section)?;
            match credentials {
                Some(credentials) if id == "default" => bots.default = Some(Bot { credentials, settings }),
                Some(credentials) => {
                    let bot =
                        BotId::parse(id).ok_or_else(|| self.error(&format!("bots.{id}"), "is no bot id"))?;
                    bots.named.insert(bot, Bot { credentials, settings });
                }
                None if id == "default" && missing == (true, true) && self.config.bots.len() > 1 => {}
                None => {
                    let name = if missing.0 { "app_id" } else { "api_key" };
                    let fix = "set it to your JWT app's Client ID (app_id) and Client Secret (api_key)";
                    return Err(self.error(&key(name), format!("is empty, and would let nobody in; {fix}")));
                }
            }
        }
        Ok(bots)
    }

    fn bot_settings(&self, id: &str, section: &BotSection) -> Result<BotSettings, Error> {
        let mut components = Names::default();
        for (name, nodes) in &section.components {
            let key = format!("bots.{id}.components");
            let operation = Operation::ALL.into_iter().find(|operation| operation.name() == name);
            let operation = operation.ok_or_else(|| {
                let known = Operation::ALL.map(Operation::name).join(", ");
                self.error(&key, format!("has {name:?}, which is no operation; known are {known}"))
            })?;
            if let Some(node) = nodes.iter().find(|node| !components.add(node, operation)) {
                return Err(self.error(&key, format!("maps {node:?} to two operations")));
            }
        }
        let enrolled = self.config.otp.destination == Accepted::Enrolled;
        let mut destination_fields = section.destination_fields.clone();
        destination_fields.retain(|field| !enrolled || field.is_enrolled());
        if destination_fields.is_empty() {
            let fix = "name at least one place; with otp.destination = \"enrolled\" one below /context/session/UserContext";
            return Err(self
                .error(&format!("bots.{id}.destination_fields"), format!("leaves nowhere to look: {fix}")));
        }
        Ok(BotSettings { components, destination_fields, code_fields: section.code_fields.clone() })
    }

    /// What is allowed and not wise: each with the key, the risk and its source.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let Config { otp, platform, .. } = &self.config;
        let mut warnings = Vec::new();
        let mut warn = |unwise: bool, text: &str| warnings.extend(unwise.then(|| text.to_owned()));
        warn(
            otp.lifetime.as_secs() > 600,
            "otp.lifetime is over 10 minutes: ASVS 5.0 (6.5.5) and NIST SP 800-63B (5.1.3.2) allow 10 at most",
        );
        warn(
            otp.length < 6,
            "otp.length is under 6: NIST SP 800-63B (5.1.3.2) asks for six digits, about 20 bits, at least",
        );
        warn(
            otp.expose == Expose::Plain,
            "otp.expose is \"plain\": codes stand in the bot's session, its transcripts and its debug log",
        );
        warn(
            otp.keys.is_empty() && !self.config.dev.enabled,
            "otp.keys is empty: a key is made at every start, and codes sent before a restart stop working",
        );
        warn(
            self.config.bots.values().any(|bot| bot.accept_api_key_header),
            "bots.*.accept_api_key_header is on: the bare secret travels with every call, where a token would do",
        );
        warn(
            platform.answer_within.as_secs() > 12,
            "platform.answer_within is over 12 s: the platform gives up after 15 to 20 s, a synchronous channel after 15",
        );
        warnings
    }

    /// The configuration as it counts, with secrets hidden.
    #[must_use]
    pub fn show(&self) -> String {
        let mut table = self.layers.table.clone();
        hide(&mut table);
        if let Some(Value::Table(dev)) = table.get_mut("dev") {
            dev.insert("enabled".to_owned(), Value::Boolean(self.config.dev.enabled));
        }
        toml::to_string(&table).unwrap_or_default()
    }
}

/// Reads the merged layers; what is wrong is blamed on the layer that came last.
fn parse(layers: &Layers, origin: &str) -> Result<Config, Error> {
    let mut table = layers.table.clone();
    // A bot takes over from `default` what it does not say itself.
    if let Some(Value::Table(bots)) = table.get_mut("bots") {
        let default = bots.get("default").cloned();
        for (_, bot) in bots.iter_mut() {
            if let (Some(Value::Table(default)), Value::Table(own)) = (&default, bot) {
                let inherited = default.iter().filter(|(key, _)| !own.contains_key(*key));
                let inherited: Vec<_> = inherited.map(|(key, value)| (key.clone(), value.clone())).collect();
                own.extend(inherited);
            }
        }
    }
    serde_path_to_error::deserialize(Value::Table(table)).map_err(|error| {
        let key = error.path().to_string();
        let origin = layers.origin(&key).unwrap_or(origin).to_owned();
        let problem = format!("cannot be used: {}", error.inner().message().trim_end());
        Error { origin, key, problem }
    })
}

/// Hides whatever has the name of a secret.
fn hide(table: &mut Table) {
    for (key, value) in table.iter_mut() {
        match value {
            Value::Table(inner) => hide(inner),
            Value::Array(items) => items.iter_mut().filter_map(Value::as_table_mut).for_each(hide),
            Value::String(text) if !text.is_empty() && matches!(key.as_str(), "api_key" | "secret") => {
                "(hidden)".clone_into(text);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
