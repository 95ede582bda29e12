//! What operators see: log lines and counters. Neither ever holds a code, a token, a key, an address or a text.

mod line;
mod log_writer;
mod metrics;
pub mod trace;

pub use line::Format;
pub use metrics::{Metrics, Way};

use std::time::{Duration, Instant};

/// Writes out what has been logged and not yet written, when it goes out of scope.
#[must_use = "lines are lost if nobody waits for them to be written"]
pub struct Logging(log_writer::Lines);

impl Drop for Logging {
    fn drop(&mut self) {
        self.0.flush();
    }
}

/// Starts logging to standard error. `RUST_LOG` says how much; without it everything from `info` up.
pub fn start_logging(format: Format) -> Logging {
    let lines = log_writer::Lines::start();
    let environment =
        env_logger::Env::default().default_filter_or("info,actix_server=warn,fjall=warn,lsm_tree=warn");
    env_logger::Builder::from_env(environment)
        .format(move |out, record| {
            let time = out.timestamp_millis();
            line::write(out, time, record, format)
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
