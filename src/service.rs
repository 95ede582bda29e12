//! One call from end to end: load the session, take the turn, save, and only then act. The only place that reads the
//! clock and owns the generator.

mod background;

pub use background::{Background, Full, Lane};

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use log::{error, info, warn};
use rand::{CryptoRng, Rng, TryCryptoRng, TryRng};
use tokio::task::JoinHandle;

use crate::address::{Channel, Phone};
use crate::audit::Audit;
use crate::clock::{Clock, Timestamp};
use crate::delivery::Deliveries;
use crate::dialog::{
    Answer, Call, Delivery, Effect, Operation, Report, RequestKey, SessionKey, Status, Turn, halted,
    handed_over, note, reported, turn,
};
use crate::otp::{Authority, ChallengeId, Expose, Halt, Handover, News, Spending};
use crate::store::{Store, Unavailable};
use crate::telemetry::{Metrics, Stopwatch};

/// How often a lost race is run again. Somebody wins every round, so only a broken store gets here.
const ROUNDS: u32 = 10_000;

/// How often a call looks whether the delivery that another one has begun is done.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How many deliveries and platform calls may run at once. Beyond it nothing more is sent.
const MOST_AT_ONCE: usize = 10_000;

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
    /// The deliveries that run.
    pub sending: DashMap<(ChallengeId, u8), Sending>,
}

/// A delivery that runs, and whom it is to be told to.
pub struct Sending {
    key: SessionKey,
    request: Option<RequestKey>,
    delivery: Delivery,
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
    /// Runs one call.
    pub async fn call(self: &Arc<Self>, key: &SessionKey, call: Call) -> Outcome {
        let started = Stopwatch::start();
        if call.operation.sends() && self.background.running() >= MOST_AT_ONCE {
            let reason = "too many deliveries and platform calls are running";
            warn!("{reason}");
            self.metrics.operation(call.operation.name(), Status::Unavailable.name());
            return Outcome::Final(Answer::new(Report::bare(Status::Unavailable, reason, self.now())));
        }
        let settled = self.settle(key, &call).await;
        match &settled {
            Ok(turn) if turn.replayed => {}
            Ok(turn) => self.audit.call(key, &call, &turn.answer, self.now()),
            Err(_) => {
                let report =
                    Report::bare(Status::Unavailable, "the session store does not answer", self.now());
                self.audit.call(key, &call, &Answer::new(report), self.now());
            }
        }
        let outcome = match settled {
            Ok(Turn { answer, effect: Some(Effect::Deliver(delivery)), .. }) => {
                let work = Arc::clone(self).deliver(key.clone(), call.request, delivery);
                self.wait(answer, self.background.start(work)).await
            }
            Ok(Turn { answer, replayed: true, .. }) if call.operation == Operation::Hear => {
                Outcome::Repeated(answer)
            }
            Ok(Turn { answer, replayed: true, .. }) if answer.report.status == Status::Queued => {
                self.look(key, &call, answer, started).await
            }
            Ok(Turn { answer, .. }) => Outcome::Final(answer),
            Err(unavailable) => Outcome::Final(self.unavailable(&unavailable)),
        };
        let (Outcome::Final(answer) | Outcome::Repeated(answer) | Outcome::Slow { meanwhile: answer, .. }) =
            &outcome;
        self.metrics.operation(call.operation.name(), answer.outcome());
        outcome
    }

    /// Loads, takes the turn and saves, again and again until nobody was faster.
    async fn settle(&self, key: &SessionKey, call: &Call) -> Result<Turn, Unavailable> {
        for _ in 0..ROUNDS {
            let stored = self.store.load(key).await?;
            let session = stored.as_ref().map(|stored| &*stored.session);
            let now = self.clock.now();
            let mut turn =
                turn(session, call, &self.authority, self.expose, key.as_str(), now, &mut &self.generator);
            let charged =
                turn.effect.as_ref().and_then(|Effect::Deliver(delivery)| delivery.to.phone().cloned());
            if let Some(phone) = &charged
                && let Err(halt) = self.charge(key, phone, now)
            {
                turn = halted(session, call, &self.authority, &halt, self.sends_mail(), now);
            }
            let charged = charged.filter(|_| turn.effect.is_some());
            let Some(next) = turn.session.take() else {
                return Ok(turn);
            };
            if turn.answer.report.status == Status::Verified
                && let Some(phone) =
                    next.challenge.as_ref().and_then(|challenge| challenge.destination.phone())
            {
                self.spending().verified(phone);
            }
            let replaced = self.store.replace(key, stored.map(|stored| stored.version), Arc::new(next)).await;
            match (&replaced, charged) {
                (Ok(true), _) | (_, None) => {}
                (Ok(false) | Err(_), Some(phone)) => self.spending().refund(key.bot(), &phone, now),
            }
            if replaced? {
                return Ok(turn);
            }
        }
        Err(lost_races())
    }

    /// Charges a send to a phone. What keeps it from going out is logged and counted.
    fn charge(&self, key: &SessionKey, phone: &Phone, now: Timestamp) -> Result<(), Halt> {
        self.spending().charge(key.bot(), phone, now).inspect_err(|halt| {
            let limit = halt.limit.name();
            warn!(
                "limits.sms.{limit} keeps a code from {} until {} bot={}",
                phone.masked(),
                halt.until,
                key.bot()
            );
            self.metrics.halted(limit);
        })
    }

    fn spending(&self) -> MutexGuard<'_, Spending> {
        self.spending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sends_mail(&self) -> bool {
        !self.deliveries.providers(Channel::Email).is_empty()
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
    async fn look(&self, key: &SessionKey, call: &Call, meanwhile: Answer, started: Stopwatch) -> Outcome {
        while started.elapsed() < self.answer_within {
            tokio::time::sleep(LOOK_AGAIN).await;
            match self.settle(key, call).await {
                Ok(turn) if turn.answer.report.status == Status::Queued => {}
                Ok(turn) => return Outcome::Final(turn.answer),
                Err(unavailable) => return Outcome::Final(self.unavailable(&unavailable)),
            }
        }
        Outcome::Slow { meanwhile, finally: None }
    }

    /// Delivers a code and notes what came of it.
    async fn deliver(
        self: Arc<Self>,
        key: SessionKey,
        request: Option<RequestKey>,
        delivery: Delivery,
    ) -> Answer {
        let message = self.deliveries.write(&delivery, self.clock.now());
        let sending = Sending { key: key.clone(), request, delivery: delivery.clone() };
        let name = (delivery.challenge, delivery.send);
        self.sending.insert(name, sending);
        let handover = self.deliveries.deliver(&message, &self.metrics).await;
        self.sending.remove(&name);
        self.audit.delivery(&key, &delivery, &handover, self.clock.now());
        if let (Handover::Failed, Some(phone)) = (&handover, delivery.to.phone()) {
            // Nobody was sent anything, so nothing was spent; and an outage says nothing of a number.
            self.spending().refund(key.bot(), phone, message.at);
        }
        self.note(&key, request, &delivery, &handover).await.unwrap_or_else(|unavailable| {
            error!("cannot note what came of a delivery challenge={}", delivery.challenge);
            self.unavailable(&unavailable)
        })
    }

    async fn note(
        &self,
        key: &SessionKey,
        request: Option<RequestKey>,
        delivery: &Delivery,
        handover: &Handover,
    ) -> Result<Answer, Unavailable> {
        for _ in 0..ROUNDS {
            let now = self.clock.now();
            let Some(stored) = self.store.load(key).await? else {
                let report = Report::bare(handed_over(handover), "the session was forgotten meanwhile", now);
                return Ok(Answer::new(report));
            };
            let (rules, expose) = (&self.authority.rules, self.expose);
            let (next, answer) = note(&stored.session, request, delivery, handover, rules, expose, now);
            if self.store.replace(key, Some(stored.version), Arc::new(next)).await? {
                return Ok(answer);
            }
        }
        Err(lost_races())
    }

    /// Notes that what still runs will not be finished, so that whoever asks is told to ask for another code.
    pub async fn give_up(&self) {
        let cut_off: Vec<_> = self.sending.iter().map(|sending| *sending.key()).collect();
        for name in cut_off {
            let Some((_, Sending { key, request, delivery })) = self.sending.remove(&name) else { continue };
            warn!("a delivery was cut off challenge={}", delivery.challenge);
            if let Err(unavailable) = self.note(&key, request, &delivery, &Handover::Failed).await {
                warn!("{unavailable}");
            }
        }
    }

    /// Notes what a provider reports of a message that it took; `false` if nobody knows the challenge (any more).
    ///
    /// # Errors
    /// [`Unavailable`]: the provider should say it again later.
    pub async fn reported(&self, challenge: ChallengeId, send: u8, news: &News) -> Result<bool, Unavailable> {
        let Some(key) = self.store.owner(challenge).await? else { return Ok(false) };
        for _ in 0..ROUNDS {
            let Some(stored) = self.store.load(&key).await? else { return Ok(false) };
            let Some(next) = reported(&stored.session, challenge, send, news, &self.authority.rules) else {
                self.audit.report(&key, challenge, send, news, self.clock.now());
                return Ok(true);
            };
            if self.store.replace(&key, Some(stored.version), Arc::new(next)).await? {
                info!("{} reports {:?} challenge={challenge}", news.provider, news.fate);
                self.audit.report(&key, challenge, send, news, self.clock.now());
                return Ok(true);
            }
        }
        Err(lost_races())
    }

    /// Nothing was read or written: nothing is verified, nothing is sent.
    fn unavailable(&self, unavailable: &Unavailable) -> Answer {
        warn!("{unavailable}");
        Answer::new(Report::bare(Status::Unavailable, "the session store does not answer", self.now()))
    }

    /// Whether a session waits for its user to type something. If the store does not answer, nobody can tell.
    pub async fn awaits(&self, key: &SessionKey) -> bool {
        match self.store.load(key).await {
            Ok(stored) => stored.is_some_and(|stored| stored.session.awaits(self.clock.now())),
            Err(unavailable) => {
                warn!("{unavailable}");
                false
            }
        }
    }

    /// Whether the store answers.
    pub async fn is_ready(&self) -> bool {
        self.store.load(&SessionKey::probe()).await.inspect_err(|unavailable| warn!("{unavailable}")).is_ok()
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

    /// Frees, for ever, what nobody needs any more.
    pub async fn sweep(self: Arc<Self>) -> Infallible {
        loop {
            tokio::time::sleep(SWEEP).await;
            let service = Arc::clone(&self);
            let swept = tokio::task::spawn_blocking(move || service.store.sweep(service.clock.now()));
            if let Err(error) = swept.await {
                error!("sweeping failed: {error}");
            }
        }
    }
}

fn lost_races() -> Unavailable {
    Unavailable(format!("lost {ROUNDS} races in a row"))
}
