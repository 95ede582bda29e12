//! What is counted and timed. Every label has a short list of values that are known in advance: events, statuses,
//! operations, providers, channels, countries of the numbering plans. None comes out of a request.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};

/// Bounds of answers, in seconds: from what memory takes to what the platform waits for at most.
const ANSWERS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 6.0, 15.0];

/// Bounds of a store's work, in seconds.
const STORE: [f64; 10] = [0.000_01, 0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 2.0];

/// Bounds of the time from a code's last send to its being typed, in seconds.
const TYPING: [f64; 11] = [5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0];

/// Bounds of the number of codes that were typed until one was right.
const ATTEMPTS: [f64; 5] = [1.0, 2.0, 3.0, 5.0, 10.0];

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    event: &'static str,
    status: u32,
}

/// What it is about, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    what: &'static str,
    outcome: &'static str,
}

/// Likewise, of a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Sent {
    what: &'static str,
    outcome: &'static str,
    channel: &'static str,
}

/// Where a code went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Way {
    /// The channel's name.
    pub channel: &'static str,
    /// The country by two letters (ISO 3166-1), `001` for numbers of none, empty for mail.
    pub country: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Halted {
    limit: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Provider {
    provider: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Channel {
    channel: &'static str,
}

/// What one server counts.
pub struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    request_seconds: Histograms<Request>,
    operations: Family<Outcome, Counter>,
    deliveries: Family<Sent, Counter>,
    events: Family<Sent, Counter>,
    sent: Family<Way, Counter>,
    verified: Family<Way, Counter>,
    attempts: Histograms<Channel>,
    typing: Histograms<Channel>,
    platform: Family<Outcome, Counter>,
    halted: Family<Halted, Counter>,
    kept_away: Family<Provider, Gauge>,
    knows_us: Family<Provider, Gauge>,
    store_seconds: Histograms<Outcome>,
    sessions: Gauge,
    background: Gauge,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("botkit_otp");
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program", version);
        Self {
            requests: add(&mut registry, "requests", "HTTP requests by event and status"),
            request_seconds: add_all(&mut registry, "request_seconds", "Time to an answer", || {
                Histogram::new(ANSWERS)
            }),
            operations: add(&mut registry, "operations", "OTP operations by name and status"),
            deliveries: add(&mut registry, "deliveries", "Messages handed to providers"),
            events: add(&mut registry, "delivery_events", "Reports of providers"),
            sent: add(&mut registry, "codes_sent", "Codes that a provider took"),
            verified: add(&mut registry, "codes_verified", "Codes that were typed"),
            attempts: add_all(&mut registry, "verify_attempts", "Codes typed until one was right", || {
                Histogram::new(ATTEMPTS)
            }),
            typing: add_all(
                &mut registry,
                "verify_seconds",
                "Time from the last send to the right code",
                || Histogram::new(TYPING),
            ),
            platform: add(&mut registry, "platform_calls", "Calls to the bot platform"),
            halted: add(&mut registry, "halted", "Codes kept from being sent or checked, by limit"),
            kept_away: add(&mut registry, "provider_open", "1 while a provider is kept away from"),
            knows_us: add(
                &mut registry,
                "provider_knows_us",
                "1 if our credentials are good, when last asked",
            ),
            store_seconds: add_all(&mut registry, "store_seconds", "Time the session store takes", || {
                Histogram::new(STORE)
            }),
            sessions: add(
                &mut registry,
                "sessions",
                "Sessions kept by this server, counted every minute; 0 with Redis",
            ),
            background: add(&mut registry, "in_flight", "Deliveries and platform calls that run"),
            registry,
        }
    }
}

fn add<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

fn add_all<L>(registry: &mut Registry, name: &str, help: &str, make: fn() -> Histogram) -> Histograms<L>
where
    L: EncodeLabelSet + Clone + fmt::Debug + Eq + std::hash::Hash + Send + Sync + 'static,
{
    let metric = Family::new_with_constructor(make);
    registry.register(name, help, Family::clone(&metric));
    metric
}

impl Metrics {
    /// Counts an answered request.
    pub fn request(&self, event: &'static str, status: u16) {
        self.requests.get_or_create(&Request { event, status: status.into() }).inc();
    }

    /// Notes how long a request took that has been answered.
    pub fn request_took(&self, event: &'static str, status: u16, time: Duration) {
        let labels = Request { event, status: status.into() };
        self.request_seconds.get_or_create(&labels).observe(time.as_secs_f64());
    }

    /// Counts an operation.
    pub fn operation(&self, what: &'static str, outcome: &'static str) {
        self.operations.get_or_create(&Outcome { what, outcome }).inc();
    }

    /// Counts a message handed to a provider.
    pub fn delivery(&self, what: &'static str, channel: &'static str, outcome: &'static str) {
        self.deliveries.get_or_create(&Sent { what, outcome, channel }).inc();
    }

    /// Counts a code that a provider took.
    pub fn sent(&self, way: Way) {
        self.sent.get_or_create(&way).inc();
    }

    /// Counts a code that was typed: the how-manieth it was, and how long after the last send.
    pub fn verified(&self, way: Way, attempt: u8, time: Duration) {
        let channel = Channel { channel: way.channel };
        self.verified.get_or_create(&way).inc();
        self.attempts.get_or_create(&channel).observe(attempt.into());
        self.typing.get_or_create(&channel).observe(time.as_secs_f64());
    }

    /// Notes whether a provider is kept away from.
    pub fn provider_open(&self, provider: &'static str, open: bool) {
        self.kept_away.get_or_create(&Provider { provider }).set(open.into());
    }

    /// Notes whether a provider takes our credentials.
    pub fn provider_knows_us(&self, provider: &'static str, good: bool) {
        self.knows_us.get_or_create(&Provider { provider }).set(good.into());
    }

    /// Counts what a provider reports of a message it took; `channel` is empty where nobody knows the message.
    pub fn event(&self, what: &'static str, channel: &'static str, outcome: &'static str) {
        self.events.get_or_create(&Sent { what, outcome, channel }).inc();
    }

    /// Counts a call to the platform.
    pub fn platform(&self, what: &'static str, outcome: &'static str) {
        self.platform.get_or_create(&Outcome { what, outcome }).inc();
    }

    /// Counts a code that a limit kept from being sent or checked.
    pub fn halted(&self, limit: &'static str) {
        self.halted.get_or_create(&Halted { limit }).inc();
    }

    /// Notes what came of a call of the store, and how long it took.
    pub fn store(&self, operation: &'static str, outcome: &'static str, time: Duration) {
        let labels = Outcome { what: operation, outcome };
        self.store_seconds.get_or_create(&labels).observe(time.as_secs_f64());
    }

    /// Notes how many sessions are kept.
    pub fn sessions(&self, count: usize) {
        self.sessions.set(count.try_into().unwrap_or(i64::MAX));
    }

    /// Notes how many deliveries and platform calls run.
    pub fn in_flight(&self, count: usize) {
        self.background.set(count.try_into().unwrap_or(i64::MAX));
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
