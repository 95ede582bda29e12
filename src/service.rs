//! One call from end to end: load the session, take the turn, save, and only then act. The only place that reads the
//! clock and owns the generator.

mod background;
mod delivering;
mod keeping;
pub mod operator;
mod settling;

pub use background::{Background, Full, Lane};
pub use delivering::Sending;

use settling::Settled;

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use log::{error, warn};
use rand::{CryptoRng, Rng, TryCryptoRng, TryRng};
use tokio::task::JoinHandle;

use crate::address::{Destination, Phone};
use crate::audit::Audit;
use crate::clock::{Clock, Timestamp};
use crate::delivery::Deliveries;
use crate::dialog::{Answer, Call, Operation, Report, SessionKey, Status, Turn};
use crate::otp::{Authority, ChallengeId, Expose, Spending};
use crate::store::{Store, Unavailable};
use crate::telemetry::{Metrics, Stopwatch, Way};

/// How often a lost race is run again. Somebody wins every round, so only a broken store gets here.
const ROUNDS: u32 = 10_000;

/// How often a call looks whether the delivery that another one has begun is done.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How often what nobody needs any more is freed.
const SWEEP: Duration = Duration::from_mins(1);

/// Runs calls.
pub struct Service {
    /// What the rules need.
    pub authority: Authority,
    /// What `BotUserSession.OTP` holds.
    pub expose: Expose,
    /// How long an answer may take.
    pub answer_within: Duration,
    /// Where sessions are kept.
    pub store: Arc<dyn Store>,
    /// How codes get to people.
    pub deliveries: Deliveries,
    /// What has been spent on phones.
    pub spending: Mutex<Spending>,
    /// What time it is for codes.
    pub clock: Arc<dyn Clock>,
    /// Where codes come from.
    pub generator: Generator,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What is written down.
    pub audit: Audit,
    /// What goes on after a request has been answered.
    pub background: Background,
    /// How many deliveries and platform calls may run at once. Beyond it nothing more is sent.
    pub most_at_once: usize,
    /// The deliveries that run.
    pub sending: DashMap<(ChallengeId, u8), Sending>,
}

/// The generator, shared by all threads and locked only while it is drawn from.
pub struct Generator(Mutex<Box<dyn CryptoRng + Send>>);

impl Generator {
    /// Shares a generator.
    #[must_use]
    pub fn new(rng: impl CryptoRng + Send + 'static) -> Self {
        Self(Mutex::new(Box::new(rng)))
    }

    fn draw<T>(&self, from: impl FnOnce(&mut dyn CryptoRng) -> T) -> T {
        from(&mut **self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Locks for each draw, so that a turn which draws nothing locks nothing.
impl TryRng for &Generator {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.draw(|rng| rng.next_u32()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.draw(|rng| rng.next_u64()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.draw(|rng| rng.fill_bytes(bytes));
        Ok(())
    }
}

impl TryCryptoRng for &Generator {}

/// What a call came to.
#[derive(Debug)]
pub enum Outcome {
    /// The answer, for good.
    Final(Answer),
    /// The answer that was given to the same message before; it need not be said again.
    Repeated(Answer),
    /// The code is still being delivered.
    Slow {
        /// The answer for now.
        meanwhile: Answer,
        /// The answer for good, once it is there; `None` if an earlier call waits for it.
        finally: Option<JoinHandle<Answer>>,
    },
}

impl Service {
    /// Runs one call. Once begun it is run to its end, also if whoever waits for it goes away.
    pub async fn call(self: &Arc<Self>, key: &SessionKey, call: Call) -> Outcome {
        self.background.finishing(Arc::clone(self).run(key.clone(), call)).await
    }

    async fn run(self: Arc<Self>, key: SessionKey, call: Call) -> Outcome {
        let started = Stopwatch::start();
        let settled = self.settle(&key, &call).await;
        match settled.as_deref() {
            Ok(Settled { turn, .. }) if turn.replayed => {}
            Ok(Settled { turn, .. }) => self.audit.call(&key, &call, &turn.answer, self.now()),
            Err(_) => {
                let report =
                    Report::bare(Status::Unavailable, "the session store does not answer", self.now());
                self.audit.call(&key, &call, &Answer::new(report), self.now());
            }
        }
        let outcome = match settled {
            Ok(settled) => {
                let Settled { turn: Turn { answer, replayed, .. }, stored, sending } = *settled;
                match sending {
                    Some(sending) => {
                        let work = self.send(sending, stored);
                        self.wait(answer, work).await
                    }
                    None if replayed && call.operation == Operation::Hear => Outcome::Repeated(answer),
                    None if replayed && answer.report.status == Status::Queued => {
                        self.look(&key, &call, answer, started).await
                    }
                    None => Outcome::Final(answer),
                }
            }
            Err(unavailable) => Outcome::Final(self.unavailable(&unavailable)),
        };
        let (Outcome::Final(answer) | Outcome::Repeated(answer) | Outcome::Slow { meanwhile: answer, .. }) =
            &outcome;
        self.metrics.operation(call.operation.name(), answer.outcome());
        outcome
    }

    fn spending(&self) -> MutexGuard<'_, Spending> {
        self.spending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a delivery as long as an answer may take.
    async fn wait(&self, meanwhile: Answer, mut work: JoinHandle<Answer>) -> Outcome {
        match tokio::time::timeout(self.answer_within, &mut work).await {
            Ok(Ok(answer)) => Outcome::Final(answer),
            // Only a bug or the end of the process ends the work early: the code may or may not be on its way.
            Ok(Err(_)) => Outcome::Final(meanwhile),
            Err(_) => Outcome::Slow { meanwhile, finally: Some(work) },
        }
    }

    /// Waits, for a call that came again, until the delivery it began the first time is done.
    async fn look(
        self: &Arc<Self>,
        key: &SessionKey,
        call: &Call,
        meanwhile: Answer,
        started: Stopwatch,
    ) -> Outcome {
        while started.elapsed() < self.answer_within {
            tokio::time::sleep(LOOK_AGAIN).await;
            match self.settle(key, call).await {
                Ok(settled) if settled.turn.answer.report.status == Status::Queued => {}
                Ok(settled) => return Outcome::Final(settled.turn.answer),
                Err(unavailable) => return Outcome::Final(self.unavailable(&unavailable)),
            }
        }
        Outcome::Slow { meanwhile, finally: None }
    }

    /// Nothing was read or written: nothing is verified, nothing is sent.
    fn unavailable(&self, unavailable: &Unavailable) -> Answer {
        warn!("{unavailable}");
        Answer::new(Report::bare(Status::Unavailable, "the session store does not answer", self.now()))
    }

    /// Whether a session waits for its user to type something. If the store does not answer, nobody can tell.
    pub async fn awaits(&self, key: &SessionKey) -> bool {
        match self.load(key, &[]).await {
            Ok(snapshot) => snapshot.session.is_some_and(|stored| stored.value.awaits(self.clock.now())),
            Err(unavailable) => {
                warn!("{unavailable}");
                false
            }
        }
    }

    /// Whether the store answers.
    pub async fn is_ready(&self) -> bool {
        self.load(&SessionKey::probe(), &[]).await.inspect_err(|unavailable| warn!("{unavailable}")).is_ok()
    }

    /// The time that governs codes.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Invents a request id where the platform sent none, as BotKit does: 16 bytes in hexadecimal.
    #[must_use]
    pub fn request_id(&self) -> String {
        let mut generator = &self.generator;
        format!("\"{:016x}{:016x}\"", generator.next_u64(), generator.next_u64())
    }

    /// Asks providers, now and then, whether they know us.
    pub async fn check_providers(self: Arc<Self>) {
        let Some(pause) = self.deliveries.check_every else { return };
        loop {
            self.deliveries.check(&self.metrics).await;
            tokio::time::sleep(pause).await;
        }
    }

    /// Frees, for ever, what nobody needs any more.
    pub async fn sweep(self: Arc<Self>) -> Infallible {
        loop {
            tokio::time::sleep(SWEEP).await;
            let service = Arc::clone(&self);
            let swept = tokio::task::spawn_blocking(move || service.store.sweep(service.clock.now()));
            match swept.await {
                Ok(left) => self.metrics.sessions(left),
                Err(error) => error!("sweeping failed: {error}"),
            }
        }
    }
}

/// Where a code goes, for counting.
fn way(to: &Destination) -> Way {
    Way { channel: to.channel().name(), country: to.phone().map_or("", Phone::country) }
}

fn lost_races() -> Unavailable {
    Unavailable(format!("lost {ROUNDS} races in a row"))
}
