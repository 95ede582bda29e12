//! The way of a message through the providers of its channel: the first that takes it has it. The message stays the
//! same, code and all, so whichever arrives can be typed.

use std::time::Duration;

use log::{info, warn};

use super::{Dev, Error, Line, Message};
use crate::otp::Handover;
use crate::telemetry::{Metrics, Stopwatch};

/// The pause after the first round of failures; it doubles with every further one.
const PAUSE: Duration = Duration::from_millis(250);

/// How often the order is gone through.
const ROUNDS: u32 = 4;

/// Hands a message to the first provider that takes it. Each is tried once before any is tried again; one that refuses
/// is not, and one that asks for a pause gets it. New rounds begin only for as long as `insist`. What came of it is
/// logged and counted here.
pub(super) async fn deliver(
    lines: &[Line],
    message: &Message,
    insist: Duration,
    dev: Option<&Dev>,
    metrics: &Metrics,
) -> Handover {
    let stopwatch = Stopwatch::start();
    let channel = message.to.channel().name();
    let mut pause = PAUSE;
    // When each may be tried again; `None` if it may not.
    let mut ready: Vec<Option<Duration>> = vec![Some(Duration::ZERO); lines.len()];
    for round in 1..=ROUNDS {
        let mut tried = false;
        for (line, ready) in lines.iter().zip(&mut ready) {
            if ready.is_none_or(|ready| stopwatch.elapsed() < ready) {
                continue;
            }
            let fault = dev.and_then(|dev| dev.faults.take(line.name()));
            let Some(outcome) = line.attempt(message, fault, &stopwatch, metrics).await else { continue };
            tried = true;
            let name = line.name();
            match outcome {
                Ok(message_id) => {
                    info!("{name} took a message challenge={}", message.challenge);
                    metrics.delivery(name, channel, "accepted");
                    if let Some(dev) = dev {
                        dev.outbox.record(message, name, message_id.as_deref());
                    }
                    let message_id = message_id.map(Into::into);
                    return Handover::Accepted { provider: name.into(), message_id };
                }
                Err(error) => {
                    warn!("{name} did not take a message challenge={}: {error}", message.challenge);
                    let (outcome, again) = match &error {
                        Error::Undeliverable(_) => {
                            metrics.delivery(name, channel, "undeliverable");
                            // The others would find nobody there either.
                            return Handover::Undeliverable;
                        }
                        Error::Refused(_) => ("refused", None),
                        Error::Passing { retry_after, .. } => {
                            let asked = retry_after.map(|wait| stopwatch.elapsed() + wait);
                            ("failed", Some(asked.unwrap_or_default()))
                        }
                    };
                    metrics.delivery(name, channel, outcome);
                    *ready = again;
                }
            }
        }
        // The next round begins when somebody may be tried, but not at once.
        let Some(soonest) = ready.iter().flatten().min() else { break };
        let until = (*soonest).max(stopwatch.elapsed() + pause);
        if round == ROUNDS || until >= insist || !tried {
            break;
        }
        tokio::time::sleep(until.saturating_sub(stopwatch.elapsed())).await;
        pause *= 2;
    }
    Handover::Failed
}
