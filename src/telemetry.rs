//! What operators see: log lines and counters. Neither ever holds a code, a token, a key, an address or a text.

mod log_writer;

use std::io::Write as _;
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Writes out what has been logged and not yet written, when it goes out of scope.
#[must_use = "lines are lost if nobody waits for them to be written"]
pub struct Logging(log_writer::Lines);

impl Drop for Logging {
    fn drop(&mut self) {
        self.0.flush();
    }
}

/// Starts logging to standard error. `RUST_LOG` says how much; without it everything from `info` up.
pub fn start_logging() -> Logging {
    let lines = log_writer::Lines::start();
    let environment =
        env_logger::Env::default().default_filter_or("info,actix_server=warn,fjall=warn,lsm_tree=warn");
    env_logger::Builder::from_env(environment)
        .format(|line, record| {
            writeln!(line, "{} {:<5} {}", line.timestamp_millis(), record.level(), record.args())
        })
        .target(env_logger::Target::Pipe(Box::new(lines.clone())))
        .init();
    Logging(lines)
}

/// Measures how long something takes.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts measuring.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "spans are measured here; moments come from a `Clock`")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Labels of the counter of requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Request {
    /// The event, or the name of the route.
    pub event: &'static str,
    /// The HTTP status.
    pub status: u32,
}

/// Labels of the other counters: what it is about, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Outcome {
    /// The operation, provider or platform call.
    pub what: &'static str,
    /// What came of it.
    pub outcome: &'static str,
}

/// Labels of the counter of codes that were kept from phones.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Halted {
    /// The key in `[limits.sms]` that forbade it.
    pub limit: &'static str,
}

/// Labels of the gauge of providers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Provider {
    /// The provider's name in the configuration.
    pub provider: &'static str,
}

/// The counters of one server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    operations: Family<Outcome, Counter>,
    deliveries: Family<Outcome, Counter>,
    events: Family<Outcome, Counter>,
    platform: Family<Outcome, Counter>,
    halted: Family<Halted, Counter>,
    kept_away: Family<Provider, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("botkit_otp");
        let (requests, operations, deliveries, platform) =
            (Family::default(), Family::default(), Family::default(), Family::default());
        let (halted, kept_away, events) = (Family::default(), Family::default(), Family::default());
        registry.register("requests", "HTTP requests by event and status", Family::clone(&requests));
        registry.register("operations", "OTP operations by name and status", Family::clone(&operations));
        registry.register("deliveries", "Messages handed to providers", Family::clone(&deliveries));
        registry.register("delivery_events", "Reports of providers", Family::clone(&events));
        registry.register("platform_calls", "Calls to the bot platform", Family::clone(&platform));
        registry.register("halted", "Codes kept from phones, by limit", Family::clone(&halted));
        registry.register("provider_open", "1 while a provider is kept away from", Family::clone(&kept_away));
        Self { registry, requests, operations, deliveries, events, platform, halted, kept_away }
    }
}

impl Metrics {
    /// Counts an answered request.
    pub fn request(&self, event: &'static str, status: u16) {
        self.requests.get_or_create(&Request { event, status: status.into() }).inc();
    }

    /// Counts an operation.
    pub fn operation(&self, what: &'static str, outcome: &'static str) {
        self.operations.get_or_create(&Outcome { what, outcome }).inc();
    }

    /// Counts a message handed to a provider.
    pub fn delivery(&self, what: &'static str, outcome: &'static str) {
        self.deliveries.get_or_create(&Outcome { what, outcome }).inc();
    }

    /// Notes whether a provider is kept away from.
    pub fn provider_open(&self, provider: &'static str, open: bool) {
        self.kept_away.get_or_create(&Provider { provider }).set(open.into());
    }

    /// Counts what a provider reports of a message it took.
    pub fn event(&self, what: &'static str, outcome: &'static str) {
        self.events.get_or_create(&Outcome { what, outcome }).inc();
    }

    /// Counts a call to the platform.
    pub fn platform(&self, what: &'static str, outcome: &'static str) {
        self.platform.get_or_create(&Outcome { what, outcome }).inc();
    }

    /// Counts a code that a limit kept from a phone.
    pub fn halted(&self, limit: &'static str) {
        self.halted.get_or_create(&Halted { limit }).inc();
    }

    /// Everything counted so far, in the OpenMetrics text format.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string has no way to fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
