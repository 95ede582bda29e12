//! The server that is tried.

use std::time::Duration;

use serde_json::Value;
use url::Url;

use crate::botkit::{BotId, Credentials, Event, Rejection, TOKEN_HEADER};
use crate::clock::{Clock as _, SystemClock};
use crate::delivery::describe;
use crate::telemetry::Stopwatch;

/// A server that speaks BotKit, and what the platform knows of it.
#[derive(Clone)]
pub struct Target {
    http: reqwest::Client,
    base: String,
    bot: BotId,
    credentials: Credentials,
}

/// What the server answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The token that was sent.
    pub token: String,
    /// The HTTP status; `None` if there was no answer.
    pub status: Option<u16>,
    /// The body, as it came.
    pub text: String,
    /// Whether the header `supportsMessageAck` says `true`.
    pub acknowledges: bool,
    /// Whether the header is there that repeats the body of a refusal.
    pub explains: bool,
    /// How long it took.
    pub elapsed: Duration,
    /// Why there was no answer.
    pub problem: Option<String>,
}

impl Reply {
    /// The body; a text if it is no JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| Value::from(self.text.clone()))
    }
}

/// A client for calls to `url`: those to this machine never go through a proxy.
pub(super) fn client(url: &Url) -> Result<reqwest::Client, String> {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let builder = if crate::platform::is_loopback(url) { builder.no_proxy() } else { builder };
    builder.build().map_err(|error| error.to_string())
}

impl Target {
    /// The server at `base`, which is the callback URL as it is registered, without `/sdk`.
    ///
    /// # Errors
    /// `base` is not an `http` or `https` URL.
    pub fn new(base: &str, bot: BotId, credentials: Credentials) -> Result<Self, String> {
        let url = Url::parse(base).map_err(|_| format!("{base:?} is no URL"))?;
        if !["http", "https"].contains(&url.scheme()) || url.host().is_none() {
            return Err(format!("{base:?} must begin with http:// or https://"));
        }
        let base = base.trim_end_matches('/');
        let base = base.strip_suffix("/sdk").unwrap_or(base).to_owned();
        Ok(Self { http: client(&url)?, base, bot, credentials })
    }

    /// The bot it is called for.
    #[must_use]
    pub const fn bot(&self) -> &BotId {
        &self.bot
    }

    /// Where it is.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The same server, called for another bot.
    #[must_use]
    pub fn for_bot(&self, bot: BotId) -> Self {
        Self { bot, ..self.clone() }
    }

    /// The path that an event is posted to; Webhook nodes have components.
    #[must_use]
    pub fn path(&self, event: Event) -> String {
        let (bot, name) = (&self.bot, event.name());
        match event {
            Event::Webhook | Event::AgentTransfer => {
                format!("/sdk/bots/{bot}/components/dc-3f8b6d20-a15c-5e94-87d3-c9e0b4f12a76/{name}")
            }
            Event::UserMessage
            | Event::BotMessage
            | Event::Event
            | Event::Alert
            | Event::VariableUpdate
            | Event::ClientEvent => format!("/sdk/bots/{bot}/{name}"),
        }
    }

    /// Posts `body` as the platform does, and waits at most `patience`.
    pub async fn post(&self, path: &str, body: String, patience: Duration) -> Reply {
        let token = self.token();
        self.post_with(path, body, &[(TOKEN_HEADER, &token)], patience).await
    }

    /// A token as the platform signs it.
    #[must_use]
    pub fn token(&self) -> String {
        self.credentials.token(SystemClock.now())
    }

    /// Posts `body` with these headers.
    pub async fn post_with(
        &self,
        path: &str,
        body: String,
        headers: &[(&str, &str)],
        patience: Duration,
    ) -> Reply {
        let stopwatch = Stopwatch::start();
        let mut request = self.http.post(format!("{}{path}", self.base)).timeout(patience);
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let token = headers.iter().find(|(name, _)| *name == TOKEN_HEADER).map_or("", |(_, token)| token);
        let mut reply = Reply {
            token: token.to_owned(),
            status: None,
            text: String::new(),
            acknowledges: false,
            explains: false,
            elapsed: Duration::ZERO,
            problem: None,
        };
        match request.body(body).send().await {
            Ok(response) => {
                let header = |name: &str| response.headers().get(name).cloned();
                reply.status = Some(response.status().as_u16());
                reply.acknowledges = header(crate::botkit::ACK_HEADER).is_some_and(|value| value == "true");
                reply.explains = header(crate::botkit::REFUSAL_HEADER).is_some();
                match response.text().await {
                    Ok(text) => reply.text = text,
                    Err(error) => reply.problem = Some(describe(&error).to_owned()),
                }
            }
            Err(error) => reply.problem = Some(describe(&error).to_owned()),
        }
        reply.elapsed = stopwatch.elapsed();
        reply
    }

    /// Checks the token of a call of the server's.
    ///
    /// # Errors
    /// Why the platform would refuse it.
    pub fn check(&self, token: Option<&str>) -> Result<(), Rejection> {
        self.credentials.check(token, None, SystemClock.now())
    }
}
