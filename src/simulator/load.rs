//! Scenarios as load: bounded in time, rate and concurrency. Whether answers are right is for [`super::replay`]; here
//! only their HTTP statuses count, and how long they take.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::scenario::Seen;
use super::stand_in::StandIns;
use super::{PATIENCE, Target};
use crate::telemetry::Stopwatch;

/// How much load, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Conversations at a time.
    pub concurrency: usize,
    /// Requests a second, at most; `None` for as many as there can be.
    pub rate: Option<u32>,
    /// How long.
    pub lasts: Duration,
}

/// What a load run has shown.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// Requests that were answered as expected.
    pub answered: usize,
    /// Those answered with another status than expected, or not at all.
    pub failed: usize,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Answers a second.
    pub per_second: f64,
    /// How long half of the answers took at most, in milliseconds; and 90, 95, 99 percent, and all.
    pub p50: f64,
    #[expect(missing_docs, reason = "as above")]
    pub p90: f64,
    #[expect(missing_docs, reason = "as above")]
    pub p95: f64,
    #[expect(missing_docs, reason = "as above")]
    pub p99: f64,
    #[expect(missing_docs, reason = "as above")]
    pub most: f64,
}

/// Plays `scenarios` at the server, over and over, each time as another user.
pub async fn run(target: &Target, scenarios: Vec<Value>, load: Load, rng: &mut StdRng) -> Measured {
    let scenarios = Arc::new(scenarios);
    let pace = load.rate.map(|rate| {
        let mut pace = interval(Duration::from_secs(1) / rate.max(1));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Arc::new(Mutex::new(pace))
    });
    let (stopwatch, next) = (Stopwatch::start(), Arc::new(AtomicUsize::new(0)));
    let workers: Vec<_> = (0..load.concurrency)
        .map(|_| {
            let worker = Worker {
                target: target.clone(),
                scenarios: Arc::clone(&scenarios),
                next: Arc::clone(&next),
                pace: pace.clone(),
                stopwatch,
                lasts: load.lasts,
                number: rng.random(),
            };
            tokio::spawn(worker.work())
        })
        .collect();
    let (mut took, mut failed) = (Vec::new(), 0);
    for worker in workers {
        let (own, misses) = worker.await.unwrap_or_default();
        took.extend(own);
        failed += misses;
    }
    took.sort_unstable();
    measured(&took, failed, stopwatch.elapsed())
}

struct Worker {
    target: Target,
    scenarios: Arc<Vec<Value>>,
    next: Arc<AtomicUsize>,
    pace: Option<Arc<Mutex<Interval>>>,
    stopwatch: Stopwatch,
    lasts: Duration,
    number: u64,
}

impl Worker {
    /// How long each good answer took, and how many were not.
    async fn work(mut self) -> (Vec<Duration>, usize) {
        let (mut took, mut failed) = (Vec::new(), 0);
        loop {
            let turn = self.next.fetch_add(1, Ordering::Relaxed);
            let scenario = &self.scenarios[turn % self.scenarios.len()];
            self.number = self.number.wrapping_add(1);
            let stand_ins = StandIns::new(scenario, self.target.bot(), self.number);
            let seen = Seen::of(scenario);
            for (number, step) in scenario["steps"].as_array().into_iter().flatten().enumerate() {
                if self.stopwatch.elapsed() >= self.lasts {
                    return (took, failed);
                }
                // Calls to the platform find nobody at home: that is not what is measured.
                let request = seen.request(step, number, self.target.bot().as_str(), "http://127.0.0.1:9");
                let Ok((path, body)) = request else { continue };
                if let Some(pace) = &self.pace {
                    pace.lock().await.tick().await;
                }
                let (path, body) = (stand_ins.outward(&path), stand_ins.outward(&body));
                let reply = self.target.post(&path, body, PATIENCE).await;
                if reply.status.map(u64::from) == step["status"].as_u64() {
                    took.push(reply.elapsed);
                } else {
                    failed += 1;
                }
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
fn measured(took: &[Duration], failed: usize, elapsed: Duration) -> Measured {
    // The smallest time that so many percent do not exceed.
    let percentile = |percent: usize| {
        let rank = (took.len() * percent).div_ceil(100).max(1) - 1;
        took.get(rank).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
    };
    let seconds = elapsed.as_secs_f64();
    Measured {
        answered: took.len(),
        failed,
        seconds,
        per_second: took.len() as f64 / seconds.max(f64::EPSILON),
        p50: percentile(50),
        p90: percentile(90),
        p95: percentile(95),
        p99: percentile(99),
        most: percentile(100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_real_answers() {
        let took: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        let measured = super::measured(&took, 3, Duration::from_secs(2));
        let close = |one: f64, other: f64| (one - other).abs() < 1e-9;
        assert!(close(measured.p50, 100.0) && close(measured.p99, 198.0) && close(measured.most, 200.0));
        assert!(close(measured.per_second, 100.0) && measured.failed == 3);
        assert!(close(super::measured(&[], 0, Duration::ZERO).p50, 0.0));
    }
}
