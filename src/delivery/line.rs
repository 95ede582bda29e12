//! A provider in its place in the order, with its breaker.

use log::{info, warn};

use super::health::Health;
use super::{Breaker, Delivery, Error, Fault, Hello, Limits, Message};
use crate::telemetry::{Metrics, Stopwatch};

/// A provider that may be kept away from.
pub struct Line {
    provider: Box<dyn Delivery>,
    breaker: Breaker,
    health: Health,
}

impl Line {
    /// Puts a provider into the order.
    #[must_use]
    pub fn new(provider: Box<dyn Delivery>, limits: Limits) -> Self {
        Self { provider, breaker: Breaker::new(limits), health: Health::default() }
    }

    /// The provider's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.provider.name()
    }

    /// Whether messages keep away from it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.breaker.is_open()
    }

    /// Asks the provider whether it knows us.
    pub(super) async fn check(&self, metrics: &Metrics) {
        let answer = self.provider.check().await;
        metrics.provider_knows_us(self.name(), answer.is_ok());
        self.health.note(self.name(), answer);
    }

    /// What the provider said when it was asked for the last time; `None` if it never was.
    #[must_use]
    pub fn last_check(&self) -> Option<Result<Hello, Error>> {
        self.health.last()
    }

    /// Hands over a message, once; `None` if the provider is kept away from. `fault` stands in for what the provider
    /// would do, and `stopwatch` has run since the message was written.
    pub(super) async fn attempt(
        &self,
        message: &Message,
        fault: Option<Fault>,
        stopwatch: &Stopwatch,
        metrics: &Metrics,
    ) -> Option<Result<Option<String>, Error>> {
        let name = self.name();
        // A message may be under way for a while: what counts is the present.
        let now = || message.at.after(stopwatch.elapsed());
        if !self.breaker.admits(now()) {
            metrics.delivery(name, message.to.channel().name(), "kept_away");
            return None;
        }
        let outcome = match fault {
            Some(fault) => fault.happen().await,
            None => self.provider.deliver(message).await,
        };
        match &outcome {
            // Whoever refuses a message is in good health; and nobody should be able to shut a provider off by asking
            // for messages that it refuses.
            Ok(_) | Err(Error::Undeliverable(_) | Error::Refused(_)) => {
                if self.breaker.is_open() {
                    info!("{name} is back");
                }
                self.breaker.succeeded();
            }
            Err(Error::Passing { .. }) => {
                if self.breaker.failed(now()) {
                    warn!("{name} fails again and again, and is kept away from for a while");
                }
            }
        }
        metrics.provider_open(name, self.breaker.is_open());
        Some(outcome)
    }

    /// Hands over a message, once, whatever state the breaker is in: for trying a provider out.
    ///
    /// # Errors
    /// The provider's own.
    pub async fn try_out(&self, message: &Message) -> Result<Option<String>, Error> {
        self.provider.deliver(message).await
    }
}
