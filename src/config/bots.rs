//! The bots: who may call, and what their dialogs call things.

use std::collections::HashMap;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::check::{is_base, is_sample};
use super::{Error, Loaded};
use crate::botkit::{Algorithm, Bot, BotId, Bots, Credentials, Pointer};
use crate::clock;
use crate::dialog::Operation;
use crate::dialog::catalogue::Catalogue;
use crate::http::{BotSettings, Names, Upstream};
use crate::otp::Accepted;
use crate::platform::is_loopback;
use crate::simulator::DEV_CONVERSATION_BOT;

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
    pub channel_fields: Vec<Pointer>,
    pub code_fields: Vec<Pointer>,
    pub conversation: bool,
    pub verified_text: String,
    pub languages: Vec<String>,
    pub quick_reply_channels: Vec<String>,
    pub voice_channels: Vec<String>,
    pub phone_fields: Vec<Pointer>,
    #[serde(deserialize_with = "clock::duration")]
    pub token_lifetime: Duration,
    pub forward_to: String,
}

impl Loaded {
    /// The bots, with credentials that can be used. In dev mode `generated` stands in for missing ones.
    ///
    /// # Errors
    /// Credentials that are missing, half there, or known to everybody; names that cannot be used.
    pub fn bots(
        &self,
        generated: Option<(&str, &SecretString)>,
        catalogue: &Catalogue,
    ) -> Result<Bots<BotSettings>, Error> {
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
                if is_sample(value) {
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
                Credentials::new(own.0, own.1, section.jwt_algorithm, section.accept_api_key_header)
                    .map(|credentials| credentials.with_lifetime(section.token_lifetime));
            if !(Duration::from_secs(1)..=Duration::from_hours(24)).contains(&section.token_lifetime) {
                return Err(self.error(&key("token_lifetime"), "must be 1s to 24h"));
            }
            let settings = self.bot_settings(id, section, catalogue)?;
            match &credentials {
                Some(_) => {}
                // Nobody calls as the platform: the bot is there for those who have an API key.
                None if missing == (true, true) && !self.config.api.keys.is_empty() => {}
                None if id == "default" && missing == (true, true) && self.config.bots.len() > 1 => continue,
                None => {
                    let name = if missing.0 { "app_id" } else { "api_key" };
                    let fix = "set it to your JWT app's Client ID (app_id) and Client Secret (api_key)";
                    return Err(self.error(&key(name), format!("is empty, and would let nobody in; {fix}")));
                }
            }
            let bot = Bot { credentials, settings };
            if id == "default" {
                bots.default = Some(bot);
            } else {
                let id = BotId::parse(id).ok_or_else(|| self.error(&format!("bots.{id}"), "is no bot id"))?;
                bots.named.insert(id, bot);
            }
        }
        // In dev mode both ways to build a dialog can be tried side by side.
        if let (Some(default), Some((id, secret)), Some(bot)) =
            (self.config.bots.get("default"), generated, BotId::parse(DEV_CONVERSATION_BOT))
        {
            let own = (default.app_id.as_str(), &default.api_key);
            let own = if own.0.is_empty() { (id, secret) } else { own };
            let mut settings = self.bot_settings("default", default, catalogue)?;
            settings.conversation = true;
            if let Some(credentials) = Credentials::new(own.0, own.1, default.jwt_algorithm, false) {
                bots.named.entry(bot).or_insert(Bot { credentials: Some(credentials), settings });
            }
        }
        Ok(bots)
    }

    fn bot_settings(
        &self,
        id: &str,
        section: &BotSection,
        catalogue: &Catalogue,
    ) -> Result<BotSettings, Error> {
        let mut components = Names::default();
        for (name, nodes) in &section.components {
            let key = format!("bots.{id}.components");
            let operation = Operation::COMPONENTS.into_iter().find(|operation| operation.name() == name);
            let operation = operation.ok_or_else(|| {
                let known = Operation::COMPONENTS.map(Operation::name).join(", ");
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
        let mut languages = section
            .languages
            .iter()
            .map(|tag| {
                catalogue.find(tag).cloned().ok_or_else(|| {
                    let known = catalogue.names().collect::<Vec<_>>().join(", ");
                    let key = format!("bots.{id}.languages");
                    self.error(&key, format!("has {tag:?}, which is no language we speak; known are {known}"))
                })
            })
            .collect::<Result<Vec<_>, _>>()?
            .into_iter();
        let Some(language) = languages.next() else {
            return Err(
                self.error(&format!("bots.{id}.languages"), "is empty; name at least one, such as \"en\"")
            );
        };
        if section.conversation {
            // Compiled now, so that no user waits for it. Other bots rarely need it.
            for spoken in std::iter::once(&language).chain(languages.as_slice()) {
                let _ = spoken.lexicon();
            }
        }
        let verified_text = section.verified_text.trim().to_owned();
        if verified_text.is_empty() || verified_text.chars().any(char::is_numeric) {
            let key = format!("bots.{id}.verified_text");
            return Err(
                self.error(&key, "must be a text without digits: the bot is told it in place of the code")
            );
        }
        Ok(BotSettings {
            components,
            destination_fields,
            channel_fields: section.channel_fields.clone(),
            reach: self.reach()?,
            code_fields: section.code_fields.clone(),
            phone_fields: section.phone_fields.clone(),
            conversation: section.conversation,
            verified_text,
            language,
            other_languages: languages.collect(),
            quick_reply_channels: section.quick_reply_channels.clone(),
            voice_channels: section.voice_channels.clone(),
            upstream: self.upstream(id, section)?,
        })
    }

    /// The BotKit server behind a bot, if there is one.
    fn upstream(&self, id: &str, section: &BotSection) -> Result<Option<Upstream>, Error> {
        let (key, base, own) =
            (format!("bots.{id}.forward_to"), &section.forward_to, &self.config.server.bind);
        if base.is_empty() {
            return Ok(None);
        }
        let is_safe = is_base(base).map_err(|problem| self.error(&key, problem))?;
        if !is_safe {
            return Err(
                self.error(&key, "must start with https://, unless it is on this machine: tokens go there")
            );
        }
        let url = reqwest::Url::parse(base).map_err(|_| self.error(&key, "is not a URL"))?;
        if url.port_or_known_default() == Some(own.port()) && is_loopback(&url) {
            return Err(self.error(&key, format!("leads back to this server, which listens on {own}")));
        }
        Upstream::new(base, self.config.platform.forward_within)
            .map(Some)
            .map_err(|error| self.error(&key, error.to_string()))
    }
}
