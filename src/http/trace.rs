//! What the log says of a request: who it was about, and what came of it.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use log::info;

use crate::botkit::Rejection;
use crate::telemetry::Metrics;

/// What the log says of a request.
#[derive(Default)]
pub(super) struct Trace<'r> {
    pub(super) event: &'static str,
    pub(super) bot: Cow<'r, str>,
    /// The Webhook node, as far as it may stand in a log line.
    pub(super) component: String,
    /// The API key, by its name.
    pub(super) key: Option<&'r str>,
    pub(super) request: String,
    pub(super) status: Option<&'static str>,
    /// Whether another server answered it.
    pub(super) forwarded: bool,
    pub(super) rejection: Option<Rejection>,
}

impl Trace<'_> {
    /// Counts and logs the request, which has been answered.
    pub(super) fn answered(&self, metrics: &Metrics, status: u16, took: Duration) {
        metrics.request(self.event, status);
        metrics.request_took(self.event, status, took);
        let tenths = took.as_micros() / 100;
        info!(
            event = self.event, status, ms = took.as_secs_f64() * 1e3, bot = self.bot, request = self.request.as_str(),
            component = self.component.as_str(),
            otp = self.status.unwrap_or_default();
            "{} {status} {}.{} ms {self}", self.event, tenths / 10, tenths % 10
        );
    }
}

/// Who it was about, and what came of it: the operation's status, or why the caller was refused.
impl fmt::Display for Trace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bot={} request={}", self.bot, self.request)?;
        if !self.component.is_empty() {
            write!(f, " component={}", self.component)?;
        }
        if self.forwarded {
            f.write_str(" forwarded")?;
        }
        if let Some(key) = &self.key {
            write!(f, " key={key}")?;
        }
        match (self.status, self.rejection) {
            (_, Some(rejection)) => write!(f, " refused: {rejection}"),
            (Some(status), None) => write!(f, " otp={status}"),
            (None, None) => Ok(()),
        }
    }
}

/// A request id, or the like, as it may stand in a log line, whatever was sent for one.
pub(super) fn loggable(request_id: &str) -> String {
    const LONGEST: usize = 64;
    let plain = |character: &char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    let mut text = String::with_capacity(LONGEST);
    text.extend(request_id.chars().filter(plain).take(LONGEST));
    text
}
