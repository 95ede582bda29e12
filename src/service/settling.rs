//! Load, turn, save: what a call comes to, in memory and in the store, before anything is done.

use std::sync::Arc;
use std::time::Duration;

use log::warn;

use super::delivering::{Bill, Sending};
use super::{ROUNDS, Service, lost_races, way};
use crate::address::Channel;
use crate::clock::Timestamp;
use crate::dialog::{
    Answer, Call, Delivery, Effect, Past, Report, Session, SessionKey, Status, Turn, halted, turn,
};
use crate::otp::{AccountId, Challenge, Charges, Halt, Limit, Phase};
use crate::store::{Change, Commit, Snapshot, Stored, Unavailable, Write};

/// What a call came to.
pub(super) struct Settled {
    pub(super) turn: Turn,
    /// The session as it was saved; `None` until then, and if nothing changed.
    pub(super) stored: Option<Stored<Session>>,
    /// What is to be delivered now.
    pub(super) sending: Option<Sending>,
}

/// Why a turn was not saved.
enum Lost {
    /// Somebody else was first.
    Raced,
    /// The bot has had as many codes as it may send.
    SoldOut(Halt),
}

/// Accounts that a turn would charge and that have not been loaded.
struct Unknown(Vec<AccountId>);

impl Service {
    /// Loads, takes the turn and saves, again and again until nobody was faster.
    // Every call waits for this in a place of its own: what is large is behind a pointer, or is gone before the next wait.
    pub(super) async fn settle(
        self: &Arc<Self>,
        key: &SessionKey,
        call: &Call,
    ) -> Result<Box<Settled>, Unavailable> {
        let mut accounts: Vec<_> = call.accounts(&self.authority.keys).collect();
        let mut sold_out = None;
        for _ in 0..ROUNDS {
            let snapshot = self.load(key, &accounts).await?;
            let now = self.clock.now();
            let taken = match self.take(key, call, &snapshot, &accounts, sold_out, now) {
                Ok(taken) => taken,
                Err(Unknown(unknown)) => {
                    accounts.extend(unknown);
                    continue;
                }
            };
            match self.save(key, &snapshot, taken, now).await? {
                Ok(settled) => return Ok(settled),
                Err(Lost::Raced) => {}
                Err(Lost::SoldOut(halt)) => sold_out = Some(halt),
            }
        }
        Err(lost_races())
    }

    /// Takes the turn, or another one if nothing may be sent now. Phones are charged for what it sends: it has to be saved, or
    /// given back.
    fn take(
        &self,
        key: &SessionKey,
        call: &Call,
        snapshot: &Snapshot,
        loaded: &[AccountId],
        sold_out: Option<Halt>,
        now: Timestamp,
    ) -> Result<Box<Settled>, Unknown> {
        let known = snapshot.accounts();
        let session = snapshot.session.as_ref().map(|stored| &*stored.value);
        let past = Past { session, accounts: &known };
        let mut turn =
            turn(past, call, &self.authority, self.expose, key.as_str(), now, &mut &self.generator);
        // That was true when the store said so.
        let sold_out = sold_out.filter(|halt| now < halt.until);
        if turn.effect.is_some() && sold_out.is_none() && self.background.running() >= self.most_at_once {
            return Ok(Box::new(Settled { turn: too_busy(now), stored: None, sending: None }));
        }
        // An address of before, under keys of today: its account has not been looked at yet.
        let own = session.and_then(|session| Some(session.challenge.as_ref()?.account));
        let charged = turn.charges.iter().map(|(id, _)| *id);
        let unknown: Vec<_> = charged.filter(|id| !loaded.contains(id) && own != Some(*id)).collect();
        if !unknown.is_empty() {
            return Err(Unknown(unknown));
        }
        let Some(Effect::Deliver(delivery)) = turn.effect.take() else {
            return Ok(Box::new(Settled { turn, stored: None, sending: None }));
        };
        let bill = sold_out.map_or_else(|| self.charge(key, &delivery, &turn.charges, now), Err);
        Ok(Box::new(match bill {
            Ok(bill) => {
                let sending = Sending { key: key.clone(), request: call.request, delivery, bill };
                Settled { turn, stored: None, sending: Some(sending) }
            }
            Err(halt) => {
                let mail = self.offers_mail(&halt);
                let turn = halted(past, call, &self.authority, (&halt, &delivery.to), mail, now);
                Settled { turn, stored: None, sending: None }
            }
        }))
    }

    /// Saves what a turn came to. What was charged to phones is given back if it is not saved; if the store cannot say, the
    /// send is taken back once that is known.
    async fn save(
        self: &Arc<Self>,
        key: &SessionKey,
        snapshot: &Snapshot,
        mut taken: Box<Settled>,
        now: Timestamp,
    ) -> Result<Result<Box<Settled>, Lost>, Unavailable> {
        let Some(next) = taken.turn.session.take() else {
            self.count_refusal(&taken.turn);
            return Ok(Ok(taken));
        };
        let next = Arc::new(next);
        let commit = self.commit(change(key, snapshot, &mut taken, &next, now)).await;
        let commit = match commit {
            Ok(commit) => commit,
            Err(unavailable) => {
                if let Some(sending) = taken.sending {
                    self.background.start(Arc::clone(self).withdraw(sending));
                }
                return Err(unavailable);
            }
        };
        if let Commit::Done(version) = commit {
            self.count_refusal(&taken.turn);
            self.count_verified(snapshot, &next, now);
            if taken.turn.answer.report.status == Status::Verified
                && let Some(phone) =
                    next.challenge.as_ref().and_then(|challenge| challenge.destination.phone())
            {
                self.spending().verified(phone);
            }
            taken.stored = Some(Stored { value: next, version });
            return Ok(Ok(taken));
        }
        let Some(Sending { bill, .. }) = taken.sending else { return Ok(Err(Lost::Raced)) };
        self.refund(key, &bill);
        Ok(Err(match (commit, bill.ticket) {
            (Commit::SoldOut, Some(ticket)) => {
                let halt = Halt { limit: Limit::BotHour, until: ticket.until };
                warn!("limits.{} keeps a code back until {} bot={}", halt.limit.key(), halt.until, key.bot());
                Lost::SoldOut(halt)
            }
            (Commit::Done(_) | Commit::Raced | Commit::SoldOut, _) => Lost::Raced,
        }))
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

    fn sends_mail(&self) -> bool {
        !self.deliveries.providers(Channel::Email).is_empty()
    }
}

/// What is to be saved for a turn, whose charges it takes.
fn change(
    key: &SessionKey,
    snapshot: &Snapshot,
    taken: &mut Settled,
    next: &Arc<Session>,
    now: Timestamp,
) -> Change {
    let accounts = taken.turn.charges.drain(..).map(|(id, account)| Write {
        seen: snapshot.version_of(id),
        key: id,
        value: Arc::new(account),
    });
    let session = Write {
        key: key.clone(),
        seen: snapshot.session.as_ref().map(|stored| stored.version),
        value: Arc::clone(next),
    };
    let accounts = accounts.collect();
    let ticket = taken.sending.as_ref().and_then(|sending| sending.bill.ticket.clone());
    Change { at: now, session: Some(session), accounts, ticket }
}

/// Nothing is sent, so nothing may be saved either.
fn too_busy(now: Timestamp) -> Turn {
    let reason = "too many deliveries and platform calls are running";
    warn!("{reason}");
    let answer = Answer::new(Report::bare(Status::Unavailable, reason, now));
    Turn { session: None, charges: Charges::new(), answer, limit: None, effect: None, replayed: false }
}
