//! The one configuration: read, checked, and put together. The only place that reads the environment.

mod bots;
mod check;
mod kore;
mod layers;
mod lint;
mod messages;
mod reach;

pub use bots::BotSection;
pub use lint::{Finding, Severity};

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use toml::{Table, Value};

use self::check::is_sample;
use self::layers::Layers;
use crate::delivery::Layout;
use crate::dialog::Letterhead;
use crate::dialog::catalogue::Catalogue;
use crate::http::{ApiKeySettings, ApiKeys};
use crate::otp::{BotCaps, Budgets, Caps};
use crate::telemetry::Format;
use crate::{audit, delivery, http, otp, platform, proof, store};

/// Where a configuration file is looked for if none is named.
const DEFAULT_FILE: &str = "botkit-otp.toml";

/// Longest name of a product, and longest address of its support, in characters: both stand in one line of a mail.
const LONGEST_NAME: usize = 100;

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
    /// How much is sent.
    pub limits: LimitsSection,
    /// How codes get to people.
    pub delivery: delivery::Settings,
    /// Where sessions are kept.
    pub store: store::Settings,
    /// Where an operator's own words are.
    pub messages: MessagesSection,
    /// How it logs.
    pub log: LogSection,
    /// Who may call over REST.
    pub api: ApiSection,
    /// Who may do as an operator.
    pub admin: AdminSection,
    /// Where what happens is written down.
    pub audit: audit::Settings,
    /// How proofs are signed.
    pub proof: proof::Settings,
    /// Whether this is dev mode.
    pub dev: DevSection,
}

/// The section `[log]`.
#[derive(Debug, Deserialize)]
pub struct LogSection {
    /// What a line looks like.
    pub format: Format,
}

/// The section `[api]`.
#[derive(Debug, Deserialize)]
pub struct ApiSection {
    /// The keys that open the doors below `/v1`.
    pub keys: Vec<http::ApiKeySettings>,
}

/// The section `[admin]`.
#[derive(Debug, Deserialize)]
pub struct AdminSection {
    /// The keys that open the doors below `/admin`.
    pub keys: Vec<AdminKey>,
}

/// One of the keys in `[admin]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminKey {
    /// What the log and the audit call it.
    pub name: String,
    /// The key itself.
    #[serde(default)]
    pub secret: SecretString,
    /// Or its SHA-256, in hexadecimal.
    #[serde(default)]
    pub sha256: String,
}

/// The section `[limits]`.
#[derive(Debug, Deserialize)]
pub struct LimitsSection {
    /// What one address may use up.
    pub destination: Caps,
    /// What one user may.
    pub user: Caps,
    /// What one bot may.
    pub bot: BotCaps,
    /// What may be spent on phones.
    pub sms: otp::SpendLimits,
}

impl LimitsSection {
    /// What addresses, users and bots may use up.
    #[must_use]
    pub const fn budgets(&self) -> Budgets {
        Budgets { destination: self.destination, user: self.user, bot: self.bot }
    }
}

/// The section `[messages]`.
#[derive(Debug, Deserialize)]
pub struct MessagesSection {
    /// A folder with files of messages and keywords, and templates of mails; empty for none.
    pub dir: PathBuf,
    /// What the product is called; empty for nothing.
    pub product: String,
    /// Where its users get help; empty for nothing.
    pub support: String,
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
    /// The files it was read from: BotKit's, if there is one, and our own, which lies over it.
    pub files: Vec<PathBuf>,
    /// What BotKit's file holds and nobody here has a use for, by name.
    ignored: Vec<String>,
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
    /// Reads the configuration: the defaults, BotKit's `config.json` if that is what `file` is, or if it lies here; our
    /// own file (`file`, or `botkit-otp.toml` here) over it; `variables`.
    ///
    /// Without a file and without credentials, dev mode is on.
    ///
    /// # Errors
    /// [`Error`] names the key, the place it is set, and the fix.
    pub fn read(file: Option<&Path>, variables: &BTreeMap<String, String>) -> Result<Self, Error> {
        let mut layers = Layers::new();
        let (mut files, mut ignored) = (Vec::new(), Vec::new());
        let named = file.map(|file| Ok((file.to_owned(), text_of(file)?))).transpose()?;
        let (theirs, own) = match named {
            Some((file, text)) if kore::is_json(&text) => (Some((file, text)), default_file()?),
            Some(named) => (None, Some(named)),
            None => {
                // Somebody else's `config.json` is none of our business.
                let text = std::fs::read_to_string(kore::FILE).ok().filter(|text| kore::is_kores(text));
                (text.map(|text| (PathBuf::from(kore::FILE), text)), default_file()?)
            }
        };
        if let Some((file, text)) = theirs {
            let name = file.display().to_string();
            ignored = kore::lay(&name, &text, &mut layers)?;
            parse(&layers, &name)?;
            files.push(file);
        }
        if let Some((file, text)) = own {
            let name = file.display().to_string();
            layers.file(&name, &text)?;
            parse(&layers, &name)?;
            files.push(file);
        }
        layers.environment(variables)?;
        let mut config = parse(&layers, "the environment")?;
        let silent = |key: &str| layers.origin(key).is_none();
        // Half a production configuration must not pass for none.
        let untouched =
            silent("dev.enabled") && silent("otp.keys") && silent("api.keys") && !layers.sets_any("bots.");
        if files.is_empty() && untouched {
            config.dev.enabled = true;
        }
        // Trying the server out leaves no files behind.
        if config.dev.enabled && silent("store.kind") && silent("store.path") {
            config.store.kind = store::Kind::Memory;
        }
        let loaded = Self { config, files, ignored, layers };
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

    /// Who may call over REST. In dev mode `generated` stands in for missing keys.
    ///
    /// # Errors
    /// A key that cannot be used.
    pub fn api_keys(&self, generated: Option<&SecretString>) -> Result<ApiKeys, Error> {
        let keys = &self.config.api.keys;
        if let Some(key) = keys.iter().find(|key| is_sample(key.secret.expose_secret())) {
            return Err(self.error("api.keys", format!("has {:?}, whose secret is a sample value", key.name)));
        }
        let dev = generated.filter(|_| keys.is_empty()).map(ApiKeySettings::of_dev_mode);
        ApiKeys::new(keys.iter().chain(&dev)).map_err(|problem| self.error("api.keys", problem))
    }

    /// Who may do as an operator.
    ///
    /// # Errors
    /// A key that cannot be used.
    pub fn admin_keys(&self) -> Result<ApiKeys, Error> {
        let complain = |problem: String| self.error("admin.keys", problem);
        let keys = self.config.admin.keys.iter().map(|AdminKey { name, secret, sha256 }| ApiKeySettings {
            name: name.clone(),
            secret: secret.clone(),
            sha256: sha256.clone(),
            bots: vec!["*".to_owned()],
        });
        let keys: Vec<_> = keys.collect();
        if let Some(key) = keys.iter().find(|key| is_sample(key.secret.expose_secret())) {
            return Err(complain(format!("has {:?}, whose secret is a sample value", key.name)));
        }
        ApiKeys::new(&keys).map_err(complain)
    }

    /// What is said, with what the files in `messages.dir` change.
    ///
    /// # Errors
    /// A folder or file that cannot be read; a file that cannot be used, with its line.
    pub fn catalogue(&self) -> Result<Catalogue, Error> {
        let dir = &self.config.messages.dir;
        let own = if dir.as_os_str().is_empty() {
            Vec::new()
        } else {
            messages::read(dir).map_err(|problem| self.error("messages.dir", problem))?
        };
        Catalogue::new(&own).map_err(|broken| self.error("messages.dir", broken.to_string()))
    }

    /// How mails are laid out, with what the templates in `messages.dir` change.
    ///
    /// # Errors
    /// A name that no line has room for; a template that cannot be read, or not be used, with its line.
    pub fn layout(&self, catalogue: &Catalogue) -> Result<Layout, Error> {
        let MessagesSection { dir, product, support } = &self.config.messages;
        for (key, text) in [("messages.product", product), ("messages.support", support)] {
            if text.chars().any(char::is_control) || text.chars().count() > LONGEST_NAME {
                return Err(self.error(key, format!("must be one line of at most {LONGEST_NAME} characters")));
            }
        }
        let head = Letterhead { product: product.trim().to_owned(), support: support.trim().to_owned() };
        let own = if dir.as_os_str().is_empty() {
            Vec::new()
        } else {
            messages::templates(dir).map_err(|problem| self.error("messages.dir", problem))?
        };
        Layout::new(head, own, catalogue).map_err(|broken| self.error("messages.dir", broken.to_string()))
    }

    /// The configuration as it counts, with secrets hidden.
    #[must_use]
    pub fn show(&self) -> String {
        let mut table = self.layers.table.clone();
        hide(&mut table);
        if let Some(Value::Table(dev)) = table.get_mut("dev") {
            dev.insert("enabled".to_owned(), Value::Boolean(self.config.dev.enabled));
        }
        if let (Some(Value::Table(store)), store::Kind::Memory) =
            (table.get_mut("store"), self.config.store.kind)
        {
            store.insert("kind".to_owned(), Value::String("memory".to_owned()));
        }
        toml::to_string(&table).unwrap_or_default()
    }
}

/// Our own file, if it lies here.
fn default_file() -> Result<Option<(PathBuf, String)>, Error> {
    let file = PathBuf::from(DEFAULT_FILE);
    if file.exists() { text_of(&file).map(|text| Some((file, text))) } else { Ok(None) }
}

fn text_of(file: &Path) -> Result<String, Error> {
    std::fs::read_to_string(file).map_err(|error| Error {
        origin: file.display().to_string(),
        key: String::new(),
        problem: format!("cannot be read: {error}"),
    })
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
        // What stands where a secret should must not be repeated in a log.
        let problem = if layers::is_secret(key.split('[').next().unwrap_or_default()) {
            "cannot be used: it is not of the kind deploy/config.toml shows".to_owned()
        } else {
            format!("cannot be used: {}", error.inner().message().trim_end())
        };
        Error { origin, key, problem }
    })
}

/// Hides whatever has the name of a secret.
fn hide(table: &mut Table) {
    for (key, value) in table.iter_mut() {
        match value {
            Value::Table(inner) => hide(inner),
            Value::Array(items) => items.iter_mut().filter_map(Value::as_table_mut).for_each(hide),
            Value::String(text)
                if !text.is_empty()
                    && matches!(
                        key.as_str(),
                        "address_key" | "api_key" | "auth_token" | "secret" | "url" | "redis_url"
                    ) =>
            {
                "(hidden)".clone_into(text);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
