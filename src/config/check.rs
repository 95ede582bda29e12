//! What settings must be, each by itself and one with another, before anything is made of them.

use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::{Config, Error, Loaded};
use crate::otp::Caps;
use crate::{platform, store};

/// Credentials that everybody knows: those of BotKit's sample configuration and of examples.
const SAMPLES: [&str; 5] = ["test_api_key", "test_app_id", "<", "changeme", "your-"];

impl Loaded {
    /// Looks at everything, in order; the first problem is told.
    pub(super) fn check(&self) -> Result<(), Error> {
        let Config { server, dev, delivery, platform, store, otp, .. } = &self.config;
        let prefix = &server.api_prefix;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./~".contains(&byte);
        if !(prefix.is_empty()
            || prefix.starts_with('/') && !prefix.ends_with('/') && prefix.bytes().all(plain))
        {
            return Err(self.error("server.api_prefix", "must be empty or look like \"/otp\""));
        }
        if !server.public_url.is_empty() {
            is_base(&server.public_url)
                .and_then(|safe| {
                    safe.then_some(()).ok_or("must start with https://: signed reports come there")
                })
                .map_err(|problem| self.error("server.public_url", problem))?;
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
        if store.kind == store::Kind::Redis && otp.keys.is_empty() && !dev.enabled {
            let problem = "is empty, and servers that share a Redis must share the keys that codes and accounts are \
                           digested under; set it to the same on all of them";
            return Err(self.error("otp.keys", problem));
        }
        let twilio = &delivery.twilio;
        for (key, url) in [
            ("delivery.sendgrid.base_url", &delivery.sendgrid.base_url),
            ("delivery.twilio.base_url", &twilio.base_url),
        ] {
            is_safe_base(url).map_err(|problem| self.error(key, problem))?;
        }
        for (key, value) in [
            ("delivery.sendgrid.api_key", delivery.sendgrid.api_key.expose_secret()),
            ("delivery.twilio.account_sid", &twilio.account_sid),
            ("delivery.twilio.auth_token", twilio.auth_token.expose_secret()),
        ] {
            if is_sample(value) {
                return Err(self.error(key, "is a sample value; use your own"));
            }
        }
        let relay = delivery.smtp.url.expose_secret();
        if is_sample(relay) || relay.contains("://user:password@") {
            return Err(self.error("delivery.smtp.url", "is a sample value; use your own"));
        }
        if !(1_024..=64 << 20).contains(&server.max_body_bytes) {
            return Err(self.error("server.max_body_bytes", "must be 1024 to 67108864"));
        }
        if !(1..=1_000_000).contains(&server.most_connections) {
            return Err(self.error("server.most_connections", "must be 1 to 1000000"));
        }
        if server.drain_for > Duration::from_mins(1) {
            return Err(self.error("server.drain_for", "must be 0s to 60s"));
        }
        if server.calls_per_second > 1_000_000 {
            return Err(self.error("server.calls_per_second", "must be 0 (no limit) to 1000000"));
        }
        if delivery.breaker_failures == 0 {
            return Err(self.error("delivery.breaker_failures", "must be 1 or more"));
        }
        if !(1..=100_000).contains(&delivery.most_at_once) {
            return Err(self.error("delivery.most_at_once", "must be 1 to 100000"));
        }
        for (key, span, most) in [
            ("server.shutdown_within", server.shutdown_within, 600),
            ("server.head_within", server.head_within, 60),
            ("platform.answer_within", platform.answer_within, 60),
            ("platform.call_timeout", platform.call_timeout, 60),
            ("platform.call_back_within", platform.call_back_within, 900),
            ("platform.forward_within", platform.forward_within, 120),
            ("delivery.timeout", delivery.timeout, 60),
            ("delivery.breaker_pause", delivery.breaker_pause, 3_600),
            ("delivery.check_every", delivery.check_every, 86_400),
            ("store.redis_timeout", store.redis_timeout, 60),
        ] {
            if !(Duration::from_millis(100)..=Duration::from_secs(most)).contains(&span) {
                return Err(self.error(key, format!("must be 100ms to {most}s")));
            }
        }
        self.check_limits()
    }

    fn check_limits(&self) -> Result<(), Error> {
        let limits = &self.config.limits;
        if !(Duration::from_mins(1)..=Duration::from_hours(24)).contains(&limits.sms.block_for) {
            return Err(self.error("limits.sms.block_for", "must be 1m to 24h"));
        }
        for (holder, caps) in [("destination", limits.destination), ("user", limits.user)] {
            for (name, cap) in [
                ("sends_per_hour", caps.sends_per_hour),
                ("sends_per_day", caps.sends_per_day),
                ("failures_per_day", caps.failures_per_day),
            ] {
                if cap > Caps::MOST {
                    let key = format!("limits.{holder}.{name}");
                    return Err(self.error(&key, format!("must be 0 (no limit) to {}", Caps::MOST)));
                }
            }
        }
        Ok(())
    }
}

/// Whether a value is one that everybody knows, or an example's dots left standing.
pub(super) fn is_sample(value: &str) -> bool {
    SAMPLES.iter().any(|sample| value.starts_with(sample)) || value.contains("...")
}

/// Whether an API key may go there: over TLS, or to this machine.
fn is_safe_base(text: &str) -> Result<(), &'static str> {
    is_base(text)?.then_some(()).ok_or("must start with https://: the API key goes there")
}

/// Whether what a URL leads to is over TLS, or on this machine. It must be one that paths can be added to.
pub(super) fn is_base(text: &str) -> Result<bool, &'static str> {
    let url = reqwest::Url::parse(text).map_err(|_| "is not a URL")?;
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err("must be a scheme, a host, at most a port and a path");
    }
    Ok(url.scheme() == "https" || url.scheme() == "http" && platform::is_loopback(&url))
}
