//! What is done once a send has been saved: the code is delivered, and what came of it is noted.

use std::sync::Arc;
use std::time::Duration;

use log::{error, info, warn};
use tokio::task::JoinHandle;

use super::{ROUNDS, Service, lost_races, way};
use crate::address::{Channel, Phone};
use crate::clock::Timestamp;
use crate::dialog::{
    Answer, Delivery, Report, RequestKey, Session, SessionKey, Status, handed_over, note, reported,
};
use crate::otp::{AccountId, ChallengeId, Handover, News, Ticket};
use crate::store::{Change, Commit, Snapshot, Stored, Unavailable, Write};

/// How often, and for how long, it is looked whether a send was saved that the store did not answer for.
const WITHDRAW_AGAIN: Duration = Duration::from_secs(1);
const WITHDRAWALS: u32 = 120;

/// A delivery that runs, whom it is to be told to, and what it cost.
#[derive(Clone)]
pub struct Sending {
    pub(super) key: SessionKey,
    pub(super) request: Option<RequestKey>,
    pub(super) delivery: Delivery,
    pub(super) bill: Bill,
}

/// What a delivery cost, to be given back if nobody is sent anything.
#[derive(Clone)]
pub(super) struct Bill {
    pub(super) phone: Option<Phone>,
    pub(super) accounts: Vec<AccountId>,
    pub(super) ticket: Option<Ticket>,
    pub(super) at: Timestamp,
}

impl Service {
    /// Starts to deliver a code.
    pub(super) fn send(
        self: &Arc<Self>,
        sending: Sending,
        stored: Option<Stored<Session>>,
    ) -> JoinHandle<Answer> {
        self.background.start(Arc::clone(self).deliver(sending, stored))
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

    /// Takes back a send of which nobody knows whether it was saved: nothing was delivered, and yet it may have been saved,
    /// now or a little later.
    pub(super) async fn withdraw(self: Arc<Self>, sending: Sending) {
        let Delivery { challenge, send, .. } = sending.delivery;
        let mut absent = 0;
        for _ in 0..WITHDRAWALS {
            tokio::time::sleep(WITHDRAW_AGAIN).await;
            let Ok(snapshot) = self.load(&sending.key, &[]).await else { continue };
            let saved = snapshot.session.and_then(|stored| stored.value.challenge.clone());
            if saved.is_none_or(|saved| saved.id != challenge || saved.sends() != send) {
                absent += 1;
                if absent == 3 {
                    self.refund(&sending.key, &sending.bill);
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
                // Not before it is noted: whoever tries again would give it back again.
                if refund {
                    self.refund(key, bill);
                    if let Some(ticket) = &bill.ticket
                        && let Err(unavailable) = self.give_back(ticket).await
                    {
                        warn!("{unavailable}");
                    }
                }
                return Ok(answer);
            }
        }
        Err(lost_races())
    }

    /// Gives back what was charged to a phone.
    pub(super) fn refund(&self, key: &SessionKey, bill: &Bill) {
        if let Some(phone) = &bill.phone {
            self.spending().refund(key.bot(), phone, bill.at);
        }
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
}
