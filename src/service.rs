//! One call from end to end: load the session, take the turn, save, and only then act. The only place that reads the
//! clock and owns the generator.

mod background;
mod keeping;
pub mod operator;

pub use background::{Background, Full, Lane};

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use log::{error, info, warn};
use rand::{CryptoRng, Rng, TryCryptoRng, TryRng};
use tokio::task::JoinHandle;

use crate::address::{Channel, Destination, Phone};
use crate::audit::Audit;
use crate::clock::{Clock, Timestamp};
use crate::delivery::Deliveries;
use crate::dialog::{
    Answer, Call, Delivery, Effect, Operation, Past, Report, RequestKey, Session, SessionKey, Status, Turn,
    halted, handed_over, note, reported, turn,
};
use crate::otp::{
    AccountId, Authority, Challenge, ChallengeId, Charges, Expose, Halt, Handover, Limit, News, Phase,
    Spending, Ticket,
};
use crate::store::{Change, Commit, Snapshot, Store, Stored, Unavailable, Write};
use crate::telemetry::{Metrics, Stopwatch, Way};

/// How often a lost race is run again. Somebody wins every round, so only a broken store gets here.
const ROUNDS: u32 = 10_000;

/// How often a call looks whether the delivery that another one has begun is done.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How often, and for how long, it is looked whether a send was saved that the store did not answer for.
const WITHDRAW_AGAIN: Duration = Duration::from_secs(1);
const WITHDRAWALS: u32 = 120;

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

/// A delivery that runs, whom it is to be told to, and what it cost.
#[derive(Clone)]
pub struct Sending {
    key: SessionKey,
    request: Option<RequestKey>,
    delivery: Delivery,
    bill: Bill,
}

/// What a delivery cost, to be given back if nobody is sent anything.
#[derive(Clone, Default)]
struct Bill {
    phone: Option<Phone>,
    accounts: Vec<AccountId>,
    ticket: Option<Ticket>,
    at: Timestamp,
}

/// What a call came to, and the session as it was saved.
struct Settled {
    turn: Turn,
    stored: Option<Stored<Session>>,
    bill: Bill,
}

/// Why a turn was not saved.
enum Lost {
    /// Somebody else was first.
    Raced,
    /// A limit that many share forbids it.
    Halted(Halt),
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
        let settled = self.settle(key, &call).await;
        match &settled {
            Ok(Settled { turn, .. }) if turn.replayed => {}
            Ok(Settled { turn, .. }) => self.audit.call(key, &call, &turn.answer, self.now()),
            Err(_) => {
                let report =
                    Report::bare(Status::Unavailable, "the session store does not answer", self.now());
                self.audit.call(key, &call, &Answer::new(report), self.now());
            }
        }
        let outcome = match settled {
            Ok(Settled {
                turn: Turn { answer, effect: Some(Effect::Deliver(delivery)), .. },
                stored,
                bill,
            }) => {
                let sending = Sending { key: key.clone(), request: call.request, delivery, bill };
                let work = Arc::clone(self).deliver(sending, stored);
                self.wait(answer, self.background.start(work)).await
            }
            Ok(Settled { turn: Turn { answer, replayed: true, .. }, .. })
                if call.operation == Operation::Hear =>
            {
                Outcome::Repeated(answer)
            }
            Ok(Settled { turn: Turn { answer, replayed: true, .. }, .. })
                if answer.report.status == Status::Queued =>
            {
                self.look(key, &call, answer, started).await
            }
            Ok(Settled { turn: Turn { answer, .. }, .. }) => Outcome::Final(answer),
            Err(unavailable) => Outcome::Final(self.unavailable(&unavailable)),
        };
        let (Outcome::Final(answer) | Outcome::Repeated(answer) | Outcome::Slow { meanwhile: answer, .. }) =
            &outcome;
        self.metrics.operation(call.operation.name(), answer.outcome());
        outcome
    }

    /// Loads, takes the turn and saves, again and again until nobody was faster.
    async fn settle(self: &Arc<Self>, key: &SessionKey, call: &Call) -> Result<Settled, Unavailable> {
        let mut accounts: Vec<_> = call.accounts(&self.authority.keys).collect();
        for _ in 0..ROUNDS {
            let snapshot = self.load(key, &accounts).await?;
            let known = snapshot.accounts();
            let session = snapshot.session.as_ref().map(|stored| &*stored.value);
            let past = Past { session, accounts: &known };
            let now = self.clock.now();
            let turn =
                turn(past, call, &self.authority, self.expose, key.as_str(), now, &mut &self.generator);
            if turn.effect.is_some() && self.background.running() >= self.most_at_once {
                return Ok(Settled { turn: too_busy(now), stored: None, bill: Bill::default() });
            }
            // An address of before, under keys of today: its account has not been looked at yet.
            let unknown = turn.charges.iter().map(|(id, _)| *id);
            let own = session.and_then(|session| Some(session.challenge.as_ref()?.account));
            let unknown: Vec<_> = unknown.filter(|id| !accounts.contains(id) && own != Some(*id)).collect();
            if !unknown.is_empty() {
                accounts.extend(unknown);
                continue;
            }
            let (bill, to) = match &turn.effect {
                Some(Effect::Deliver(delivery)) => {
                    (self.charge(key, delivery, &turn.charges, now), Some(delivery.to.clone()))
                }
                None => (Ok(Bill::default()), None),
            };
            let written = match bill {
                Ok(bill) => {
                    let sending = match &turn.effect {
                        Some(Effect::Deliver(delivery)) => Some(Sending {
                            key: key.clone(),
                            request: call.request,
                            delivery: delivery.clone(),
                            bill: Bill { phone: None, ..bill.clone() },
                        }),
                        None => None,
                    };
                    let written = self.write(key, &snapshot, turn, bill, now).await;
                    if let (Err(_), Some(sending)) = (&written, sending) {
                        self.background.start(Arc::clone(self).withdraw(sending));
                    }
                    written?
                }
                Err(halt) => Err(Lost::Halted(halt)),
            };
            let written = match (written, &to) {
                (Err(Lost::Halted(halt)), Some(to)) => {
                    let turn = halted(past, call, &self.authority, (&halt, to), self.offers_mail(&halt), now);
                    self.write(key, &snapshot, turn, Bill::default(), now).await?
                }
                (written, _) => written,
            };
            if let Ok(settled) = written {
                return Ok(settled);
            }
        }
        Err(lost_races())
    }

    /// Saves what a turn came to. What was charged to phones is given back if that fails.
    async fn write(
        &self,
        key: &SessionKey,
        snapshot: &Snapshot,
        mut turn: Turn,
        bill: Bill,
        now: Timestamp,
    ) -> Result<Result<Settled, Lost>, Unavailable> {
        let Some(next) = turn.session.take() else {
            self.count_refusal(&turn);
            return Ok(Ok(Settled { turn, stored: None, bill }));
        };
        let next = Arc::new(next);
        let accounts = turn.charges.drain(..).map(|(id, account)| Write {
            seen: snapshot.version_of(id),
            key: id,
            value: Arc::new(account),
        });
        let session = Write {
            key: key.clone(),
            seen: snapshot.session.as_ref().map(|stored| stored.version),
            value: Arc::clone(&next),
        };
        let accounts = accounts.collect();
        let change = Change { at: now, session: Some(session), accounts, ticket: bill.ticket.clone() };
        let commit = self.commit(change).await;
        if let Ok(Commit::Done(version)) = commit {
            self.count_refusal(&turn);
            self.count_verified(snapshot, &next, now);
            if turn.answer.report.status == Status::Verified
                && let Some(phone) =
                    next.challenge.as_ref().and_then(|challenge| challenge.destination.phone())
            {
                self.spending().verified(phone);
            }
            let stored = Some(Stored { value: next, version });
            return Ok(Ok(Settled { turn, stored, bill }));
        }
        if let Some(phone) = &bill.phone {
            self.spending().refund(key.bot(), phone, bill.at);
        }
        match (commit?, bill.ticket) {
            (Commit::SoldOut, Some(ticket)) => {
                let halt = Halt { limit: Limit::BotHour, until: ticket.until };
                warn!("limits.{} keeps a code back until {} bot={}", halt.limit.key(), halt.until, key.bot());
                Ok(Err(Lost::Halted(halt)))
            }
            (Commit::Done(_) | Commit::Raced | Commit::SoldOut, _) => Ok(Err(Lost::Raced)),
        }
    }

    /// Draws up what a code that is to be delivered costs, besides what accounts are charged.
    fn charge(
        &self,
        key: &SessionKey,
        delivery: &Delivery,
        charges: &Charges,
        now: Timestamp,
    ) -> Result<Bill, Halt> {
        let phone = delivery.to.phone().cloned();
        if let Some(phone) = &phone {
            self.spending().charge(key.bot(), phone, now).inspect_err(|halt| {
                let (limit, phone) = (halt.limit.key(), phone.masked());
                warn!("limits.{limit} keeps a code from {phone} until {} bot={}", halt.until, key.bot());
            })?;
        }
        let accounts = charges.iter().map(|(id, _)| *id).collect();
        Ok(Bill { phone, accounts, ticket: self.authority.budgets.bot.ticket(key.bot(), now), at: now })
    }

    /// Counts what a limit kept from being sent or checked.
    fn count_refusal(&self, turn: &Turn) {
        if let Some(limit) = turn.limit {
            self.metrics.halted(limit.key());
        }
    }

    /// Counts a code that has just been typed.
    fn count_verified(&self, before: &Snapshot, next: &Session, now: Timestamp) {
        let is_verified = |challenge: &&Challenge| challenge.phase(now) == Phase::Verified;
        let Some(challenge) = next.challenge.as_ref().filter(is_verified) else { return };
        let before = before.session.as_ref().and_then(|stored| stored.value.challenge.as_ref());
        if before.filter(is_verified).is_none_or(|before| before.id != challenge.id) {
            let since = Duration::from_millis(
                now.millis().saturating_sub(challenge.sent_at().millis()).max(0).unsigned_abs(),
            );
            self.metrics.verified(way(&challenge.destination), challenge.attempt(), since);
        }
    }

    /// Whether an e-mail address may do what a phone may not.
    fn offers_mail(&self, halt: &Halt) -> bool {
        halt.limit != Limit::BotHour && self.sends_mail()
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

    /// Delivers a code and notes what came of it.
    async fn deliver(self: Arc<Self>, sending: Sending, stored: Option<Stored<Session>>) -> Answer {
        let message = self.deliveries.write(&sending.delivery, self.clock.now());
        let name = (sending.delivery.challenge, sending.delivery.send);
        self.sending.insert(name, sending.clone());
        let handover = self.deliveries.deliver(&message, &self.metrics).await;
        if self.sending.remove(&name).is_none() {
            // It took too long for a server that stops: that has been noted already.
            let report = Report::bare(Status::SendFailed, "the server stopped", self.now());
            return Answer::new(report);
        }
        if let Handover::Accepted { .. } = handover {
            self.metrics.sent(way(&sending.delivery.to));
        }
        self.audit.delivery(&sending.key, &sending.delivery, &handover, self.clock.now());
        self.conclude(&sending, &handover, stored).await.unwrap_or_else(|unavailable| {
            error!("cannot note what came of a delivery challenge={}", sending.delivery.challenge);
            self.unavailable(&unavailable)
        })
    }

    /// Takes back a send whose saving the store did not answer for: nothing was delivered, and yet it may have been saved,
    /// now or a little later.
    async fn withdraw(self: Arc<Self>, sending: Sending) {
        let Delivery { challenge, send, .. } = sending.delivery;
        let mut absent = 0;
        for _ in 0..WITHDRAWALS {
            tokio::time::sleep(WITHDRAW_AGAIN).await;
            let Ok(snapshot) = self.load(&sending.key, &[]).await else { continue };
            let saved = snapshot.session.and_then(|stored| stored.value.challenge.clone());
            if saved.is_none_or(|saved| saved.id != challenge || saved.sends() != send) {
                absent += 1;
                if absent == 3 {
                    return;
                }
            } else if self.conclude(&sending, &Handover::Failed, None).await.is_ok() {
                warn!("a code that could not be saved for sure is taken back challenge={challenge}");
                return;
            }
        }
    }

    /// Notes what came of a delivery. `stored` is the session as it was last seen, if that may still be so.
    async fn conclude(
        &self,
        sending: &Sending,
        handover: &Handover,
        mut stored: Option<Stored<Session>>,
    ) -> Result<Answer, Unavailable> {
        let Sending { key, request, delivery, bill } = sending;
        // Nobody was sent anything, so nothing was spent; and an outage says nothing of an address.
        let refund = *handover == Handover::Failed;
        if refund && let Some(phone) = &bill.phone {
            self.spending().refund(key.bot(), phone, bill.at);
        }
        if refund
            && let Some(ticket) = &bill.ticket
            && let Err(unavailable) = self.give_back(ticket).await
        {
            warn!("{unavailable}");
        }
        for _ in 0..ROUNDS {
            let now = self.clock.now();
            let snapshot = match stored.take().filter(|_| !refund) {
                Some(session) => Snapshot { session: Some(session), accounts: Vec::new() },
                None => self.load(key, if refund { &bill.accounts } else { &[] }).await?,
            };
            let Some(seen) = &snapshot.session else {
                let report = Report::bare(handed_over(handover), "the session was forgotten meanwhile", now);
                return Ok(Answer::new(report));
            };
            let (rules, expose) = (&self.authority.rules, self.expose);
            let (next, answer) = note(&seen.value, *request, delivery, handover, rules, expose, now);
            let session = Write { key: key.clone(), seen: Some(seen.version), value: Arc::new(next) };
            let refunds = snapshot.accounts.iter().filter(|(id, _)| refund && bill.accounts.contains(id));
            let accounts = refunds.filter_map(|(id, account)| {
                let value = Arc::new(account.value.unsent(bill.at)?);
                Some(Write { key: *id, seen: Some(account.version), value })
            });
            let accounts = accounts.collect();
            let change = Change { at: now, session: Some(session), accounts, ticket: None };
            if let Commit::Done(_) = self.commit(change).await? {
                return Ok(answer);
            }
        }
        Err(lost_races())
    }

    /// Notes that what still runs will not be finished, so that whoever asks is told to ask for another code.
    pub async fn give_up(&self) {
        let cut_off: Vec<_> = self.sending.iter().map(|sending| *sending.key()).collect();
        for name in cut_off {
            let Some((_, sending)) = self.sending.remove(&name) else { continue };
            warn!("a delivery was cut off challenge={}", sending.delivery.challenge);
            if let Err(unavailable) = self.conclude(&sending, &Handover::Failed, None).await {
                warn!("{unavailable}");
            }
        }
    }

    /// Notes what a provider reports of a message that it took, and gives the channel it went by; `None` if nobody knows
    /// the challenge (any more).
    ///
    /// # Errors
    /// [`Unavailable`]: the provider should say it again later.
    pub async fn reported(
        &self,
        challenge: ChallengeId,
        send: u8,
        news: &News,
    ) -> Result<Option<Channel>, Unavailable> {
        let Some(key) = self.owner(challenge).await? else { return Ok(None) };
        for _ in 0..ROUNDS {
            let Some(stored) = self.load(&key, &[]).await?.session else { return Ok(None) };
            let channel = stored.value.challenge.as_ref().map(|challenge| challenge.destination.channel());
            let Some(next) = reported(&stored.value, challenge, send, news, &self.authority.rules) else {
                self.audit.report(&key, challenge, send, news, self.clock.now());
                return Ok(channel);
            };
            let session = Write { key: key.clone(), seen: Some(stored.version), value: Arc::new(next) };
            let (at, session) = (self.clock.now(), Some(session));
            let change = Change { at, session, accounts: Vec::new(), ticket: None };
            if let Commit::Done(_) = self.commit(change).await? {
                info!("{} reports {:?} challenge={challenge}", news.provider, news.fate);
                self.audit.report(&key, challenge, send, news, self.clock.now());
                return Ok(channel);
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

/// Nothing is sent, so nothing may be saved either.
fn too_busy(now: Timestamp) -> Turn {
    let reason = "too many deliveries and platform calls are running";
    warn!("{reason}");
    let answer = Answer::new(Report::bare(Status::Unavailable, reason, now));
    Turn { session: None, charges: Charges::new(), answer, limit: None, effect: None, replayed: false }
}

/// Where a code goes, for counting.
fn way(to: &Destination) -> Way {
    Way { channel: to.channel().name(), country: to.phone().map_or("", Phone::country) }
}

fn lost_races() -> Unavailable {
    Unavailable(format!("lost {ROUNDS} races in a row"))
}
