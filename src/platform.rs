//! Our calls to the bot platform. Every address comes out of an inbound body and gets a freshly signed token, so
//! where it leads is checked first; BotKit checks nothing.

use std::time::Duration;

use actix_web::web::Bytes;
use backon::{ExponentialBuilder, Retryable as _};
use reqwest::Url;
use serde::Deserialize;

use crate::botkit::{AUTH_HEADER, BotId};
use crate::clock;
use crate::delivery::{describe, http_client, traced};

/// How we deal with the platform.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// How long a webhook's answer may take, deliveries included. The platform gives up after 15 to 20 seconds.
    #[serde(deserialize_with = "clock::duration")]
    pub answer_within: Duration,
    /// Where calls to the platform may go: scheme, host and port.
    pub callback_origins: Vec<String>,
    /// How long a late answer is offered to the platform, if it does not take it.
    #[serde(deserialize_with = "clock::duration")]
    pub call_back_within: Duration,
    /// How long a BotKit server behind this one may take to answer.
    #[serde(deserialize_with = "clock::duration")]
    pub forward_within: Duration,
    /// How long a call to the platform may take, its retries included.
    #[serde(deserialize_with = "clock::duration")]
    pub call_timeout: Duration,
}

/// Calls the platform.
pub struct Platform {
    http: reqwest::Client,
    origins: Vec<url::Origin>,
    loopback: bool,
    timeout: Duration,
    /// How long a late answer is offered.
    pub call_back_within: Duration,
}

/// An address on the platform that was found to be safe.
#[derive(Clone, Debug)]
pub struct Address(Url);

/// Why an address is not one we call; worded to follow its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsafe {
    /// Not a URL.
    #[error("is not a URL")]
    NotAUrl,
    /// Its scheme, host or port is not an allowed one.
    #[error("is not at one of platform.callback_origins")]
    Origin,
    /// It is on the platform, and not where this bot's calls go.
    #[error("does not lead to /api/botsdk/stream/ and the bot's own id")]
    Path,
}

/// A call that the platform did not take, after all retries.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It answered with something other than success.
    #[error("the platform answered {0}")]
    Answered(u16),
    /// It could not be reached.
    #[error("the platform could not be reached: {reason}")]
    Unreachable {
        /// Why.
        reason: &'static str,
        /// Whether it may have taken the call none the less.
        may_be_taken: bool,
    },
}

impl Error {
    /// Whether the platform may take the call later, though it did not now.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Answered(status) => matches!(*status, 408 | 429 | 500..),
        }
    }

    fn is_passing(&self) -> bool {
        match self {
            // Saying a thing twice is worse than not saying it.
            Self::Unreachable { may_be_taken, .. } => !may_be_taken,
            Self::Answered(status) => matches!(status, 502..=504),
        }
    }
}

impl Platform {
    /// Prepares calls. `loopback` allows plain HTTP to this machine, for dev mode.
    ///
    /// # Errors
    /// What is wrong with the settings: an origin that is none, or not `https`; or no CA certificates.
    pub fn new(settings: &Settings, loopback: bool) -> Result<Self, String> {
        let origins = settings.callback_origins.iter().map(|text| {
            let url = Url::parse(text).map_err(|_| format!("{text:?} is no URL"))?;
            if url.scheme() != "https" && !(loopback && is_loopback(&url)) {
                return Err(format!("{text:?} must start with https://: signed tokens go there"));
            }
            if url.path() != "/" || url.query().is_some() || !url.username().is_empty() {
                return Err(format!("{text:?} must be a scheme, a host and at most a port"));
            }
            Ok(url.origin())
        });
        Ok(Self {
            origins: origins.collect::<Result<_, _>>()?,
            http: http_client(settings.call_timeout).map_err(|error| error.to_string())?,
            loopback,
            timeout: settings.call_timeout,
            call_back_within: settings.call_back_within,
        })
    }

    /// Checks an address out of a body.
    ///
    /// # Errors
    /// [`Unsafe`]: a token must not go there.
    pub fn address(&self, text: &str, bot: &BotId) -> Result<Address, Unsafe> {
        let url = Url::parse(text).map_err(|_| Unsafe::NotAUrl)?;
        let local = self.loopback && url.scheme() == "http" && is_loopback(&url);
        let own = url.username().is_empty() && url.password().is_none();
        if !own || !(local || self.origins.contains(&url.origin())) {
            return Err(Unsafe::Origin);
        }
        let segments: Vec<&str> = url.path_segments().into_iter().flatten().collect();
        // An on-premises platform may stand below a path of its own.
        let ours = segments.windows(4).any(|window| window == ["api", "botsdk", "stream", bot.as_str()]);
        if ours { Ok(Address(url)) } else { Err(Unsafe::Path) }
    }

    /// Posts `body`, with `token` in the header where the platform looks for it. Tries again, twice at most, where
    /// the platform cannot have taken the call.
    ///
    /// # Errors
    /// [`Error`], after the last try.
    pub async fn post(&self, address: &Address, token: &str, body: Bytes) -> Result<(), Error> {
        let attempt = || async {
            let response = traced(self.http.post(address.0.clone()))
                .header(AUTH_HEADER, token)
                .header("content-type", "application/json")
                .header("accept", "application/json, text/plain, */*")
                .body(body.clone())
                .send()
                .await
                .map_err(|error| Error::Unreachable {
                    reason: describe(&error),
                    may_be_taken: !error.is_connect(),
                })?;
            if response.status().is_success() {
                Ok(())
            } else {
                Err(Error::Answered(response.status().as_u16()))
            }
        };
        let tries = attempt
            .retry(ExponentialBuilder::default().with_min_delay(Duration::from_millis(300)).with_max_times(2))
            .when(Error::is_passing);
        let timed_out = Error::Unreachable { reason: "timed out", may_be_taken: true };
        tokio::time::timeout(self.timeout, tries).await.unwrap_or(Err(timed_out))
    }
}

/// Whether a URL leads to this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(loopback: bool) -> Platform {
        let settings = Settings {
            answer_within: Duration::from_secs(6),
            callback_origins: vec!["https://bots.kore.ai".into(), "https://onprem.example:8443".into()],
            call_back_within: Duration::from_mins(2),
            forward_within: Duration::from_secs(20),
            call_timeout: Duration::from_secs(10),
        };
        Platform::new(&settings, loopback).unwrap()
    }

    #[test]
    fn tokens_go_only_to_the_bots_own_place_on_the_platform() {
        let bot = BotId::parse("st-1").unwrap();
        let checked = |text: &str, loopback| platform(loopback).address(text, &bot).map(|_| ());
        for (text, outcome) in [
            ("https://bots.kore.ai/api/botsdk/stream/st-1/sendBotMessage/7", Ok(())),
            ("https://BOTS.kore.ai:443/api/botsdk/stream/st-1/sendBotMessage/7?x=1", Ok(())),
            ("https://onprem.example:8443/kore/api/botsdk/stream/st-1/sendBotMessage/7", Ok(())),
            ("http://bots.kore.ai/api/botsdk/stream/st-1/sendBotMessage/7", Err(Unsafe::Origin)),
            ("https://bots.kore.ai.evil.example/api/botsdk/stream/st-1/x", Err(Unsafe::Origin)),
            ("https://bots.kore.ai@evil.example/api/botsdk/stream/st-1/x", Err(Unsafe::Origin)),
            ("https://user:pass@bots.kore.ai/api/botsdk/stream/st-1/x", Err(Unsafe::Origin)),
            ("https://onprem.example/api/botsdk/stream/st-1/x", Err(Unsafe::Origin)),
            ("https://169.254.169.254/api/botsdk/stream/st-1/x", Err(Unsafe::Origin)),
            ("http://127.0.0.1:9000/api/botsdk/stream/st-1/x", Err(Unsafe::Origin)),
            ("file:///api/botsdk/stream/st-1/x", Err(Unsafe::Origin)),
            ("https://bots.kore.ai/api/botsdk/stream/st-2/sendBotMessage/7", Err(Unsafe::Path)),
            ("https://bots.kore.ai/api/botsdk/stream/st-1/../st-2/x", Err(Unsafe::Path)),
            ("https://bots.kore.ai/api/botsdk/stream/st-1%2f..%2fst-2/x", Err(Unsafe::Path)),
            ("https://bots.kore.ai/elsewhere", Err(Unsafe::Path)),
            ("bots.kore.ai/api/botsdk/stream/st-1/x", Err(Unsafe::NotAUrl)),
            ("", Err(Unsafe::NotAUrl)),
        ] {
            assert_eq!(checked(text, false), outcome, "{text}");
        }
        for local in ["http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]:9000"] {
            assert_eq!(checked(&format!("{local}/api/botsdk/stream/st-1/x"), true), Ok(()), "{local}");
        }
        assert_eq!(checked("http://10.0.0.1/api/botsdk/stream/st-1/x", true), Err(Unsafe::Origin));
    }

    #[test]
    fn origins_are_checked_when_the_server_starts() {
        let with = |origin: &str| {
            let settings = Settings {
                answer_within: Duration::from_secs(6),
                callback_origins: vec![origin.into()],
                call_back_within: Duration::from_mins(2),
                forward_within: Duration::from_secs(20),
                call_timeout: Duration::from_secs(10),
            };
            Platform::new(&settings, false).is_ok()
        };
        assert!(with("https://bots.kore.ai"));
        for origin in
            ["http://bots.kore.ai", "bots.kore.ai", "https://bots.kore.ai/x", "https://a@bots.kore.ai", ""]
        {
            assert!(!with(origin), "{origin}");
        }
    }
}
