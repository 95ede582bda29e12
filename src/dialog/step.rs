//! What an operation does to a session.

use rand::CryptoRng;

use super::status::{ended, standing, unread};
use super::understanding::Utterance;
use super::{Awaits, Call, Conversation, Flow, Operation, Reading, Session, Status, Topic};
use crate::address::Destination;
use crate::clock::Timestamp;
use crate::otp::{
    Accepted, Accounts, Authority, Challenge, Charges, Code, Exhausted, Expose, Halt, Handover, Limit,
    Payers, Phase, Refusal, Verdict,
};

/// All that a step looks at.
pub(super) struct Scene<'a> {
    pub(super) session: Option<&'a Session>,
    pub(super) accounts: &'a Accounts,
    pub(super) call: &'a Call,
    pub(super) authority: &'a Authority,
    pub(super) expose: Expose,
    pub(super) scope: &'a str,
    pub(super) now: Timestamp,
}

/// What is to be done, and said.
pub(super) struct Step {
    /// The challenge, if it changed.
    pub(super) next: Option<Challenge>,
    pub(super) hold: Hold,
    pub(super) status: Status,
    pub(super) topic: Option<Topic>,
    pub(super) intent: Option<&'static str>,
    pub(super) reason: Option<String>,
    pub(super) code: Option<Code>,
    pub(super) greets: bool,
    pub(super) pass_on: bool,
    /// The accounts that change.
    pub(super) charges: Charges,
    /// What forbids it, if a limit does.
    pub(super) limit: Option<Limit>,
}

/// What becomes of the dialog that the server leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// It goes on as it is, if there is one.
    Keep,
    /// It goes on, or begins, and waits for this.
    Await(Awaits),
    /// It is over.
    Release,
}

impl Step {
    pub(super) fn stay(status: Status) -> Self {
        Self {
            next: None,
            hold: Hold::Keep,
            status,
            topic: None,
            intent: None,
            reason: None,
            code: None,
            greets: false,
            pass_on: false,
            charges: Charges::new(),
            limit: None,
        }
    }

    pub(super) fn because(status: Status, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..Self::stay(status) }
    }

    pub(super) fn about(status: Status, topic: Topic) -> Self {
        Self { topic: Some(topic), ..Self::stay(status) }
    }
}

impl<'a> Scene<'a> {
    pub(super) fn challenge(&self) -> Option<&'a Challenge> {
        self.session.and_then(|session| session.challenge.as_ref())
    }

    /// The challenge, if its code can be typed.
    pub(super) fn live(&self) -> Option<&'a Challenge> {
        self.challenge().filter(|challenge| challenge.phase(self.now) == Phase::Live)
    }

    /// How the session stands with its user now.
    pub(super) fn conversation(&self) -> Conversation {
        let now =
            self.session.map_or_else(Conversation::default, |session| session.conversation.at(self.now));
        Conversation { released: now.released && !self.call.whole, ..now }
    }

    /// Takes the step that the call asks for.
    pub(super) fn step(&self, rng: &mut dyn CryptoRng) -> Step {
        let Conversation { flow, unclaimed, .. } = self.conversation();
        let step = match (self.call.operation, self.challenge()) {
            (Operation::Start, _) => self.start(rng),
            (Operation::Hear, _) => self.hear(rng),
            (Operation::Generate, _) if self.expose != Expose::Plain => Step::because(
                Status::Misconfigured,
                "OtpGenerate needs otp.expose = \"plain\" in the server's configuration",
            ),
            (Operation::Send | Operation::Generate, _) => match &self.call.destination {
                Reading::Read(destination) => self.send(destination, rng),
                Reading::Redacted(hint) => Step::because(Status::RedactedInput, hint.clone()),
                Reading::Unreachable(reason) => Step::because(Status::Misconfigured, reason.clone()),
                Reading::Missing(reason) | Reading::Unusable(reason) => {
                    Step::because(Status::InvalidDestination, reason.clone())
                }
            },
            // The dialog took up a text that was passed on to it, and what we asked for is still wanted.
            (Operation::Verify, None) if flow.is_some() => Step::about(Status::NoChallenge, Topic::Address),
            (_, None) => Step::stay(Status::NoChallenge),
            (Operation::Resend, Some(challenge)) => self.resend(challenge, rng),
            // The code was typed into the conversation; this call is the dialog's, which comes to collect that, once.
            (Operation::Verify, Some(challenge))
                if unclaimed.is_some() && challenge.phase(self.now) == Phase::Verified =>
            {
                Step::stay(Status::Verified)
            }
            (Operation::Verify, Some(challenge)) => self.verify(challenge, &self.call.code),
            (Operation::Cancel, Some(challenge)) => match challenge.cancel(self.now) {
                Some(cancelled) => {
                    let hold = Hold::Release;
                    Step { next: Some(cancelled), hold, ..Step::stay(Status::Cancelled) }
                }
                None => Step::stay(ended(challenge.phase(self.now))),
            },
            (Operation::Status, Some(challenge)) => Step::stay(standing(challenge, self.now)),
        };
        let intent = match (self.call.operation, step.status) {
            (Operation::Verify, Status::Verified) => None,
            (Operation::Verify, _) => self.call.heard.intent(),
            _ => step.intent,
        };
        Step { intent, ..step }
    }

    /// How the session stands with its user after a step.
    pub(super) fn after(&self, step: &Step) -> Conversation {
        let before = self.conversation();
        let operation = self.call.operation;
        // Long enough for whoever types a code too late to be told so.
        let until = self.now.after(self.authority.rules.lifetime * 2);
        let over = self.is_over(step);
        let flow = match (step.hold, before.flow) {
            (Hold::Release, _) => None,
            _ if over => None,
            (Hold::Keep, Some(_)) if step.status == Status::Verified => None,
            (Hold::Await(awaits), _) => Some(Flow { awaits, until }),
            // The dialog brings the address itself now.
            (Hold::Keep, Some(_)) if matches!(operation, Operation::Send | Operation::Generate) => {
                Some(Flow { awaits: Awaits::Code, until })
            }
            (Hold::Keep, Some(_)) if step.code.is_some() => Some(Flow { awaits: Awaits::Code, until }),
            // Whoever only asks, or talks to the bot, does not go on with the dialog.
            (Hold::Keep, flow) if step.pass_on || operation == Operation::Status => flow,
            (Hold::Keep, flow) => flow.map(|flow| Flow { until, ..flow }),
        };
        let asked = match operation {
            Operation::Start => self.call.destination.read().is_none(),
            Operation::Send | Operation::Generate => false,
            Operation::Verify
            | Operation::Resend
            | Operation::Cancel
            | Operation::Status
            | Operation::Hear => before.asked,
        };
        let leaves = matches!(self.call.heard, Utterance::Cancel | Utterance::Agent);
        let released = match operation {
            Operation::Hear if step.pass_on && self.call.whole => false,
            Operation::Hear if step.pass_on => {
                before.released || self.session.is_some_and(|session| session.awaits(self.now))
            }
            Operation::Hear => before.released && step.status != Status::Verified,
            _ if over => true,
            Operation::Verify if leaves => before.released,
            Operation::Status | Operation::Cancel => before.released,
            Operation::Verify
            | Operation::Start
            | Operation::Send
            | Operation::Generate
            | Operation::Resend => false,
        };
        let unclaimed = match operation {
            // Where all that the user says comes here, nobody comes to collect it: whoever asked has been told.
            Operation::Hear if step.status == Status::Verified && !self.call.whole => {
                Some(self.now.after(self.authority.rules.lifetime))
            }
            Operation::Verify if step.status == Status::Verified => None,
            Operation::Hear | Operation::Verify | Operation::Status => before.unclaimed,
            // The dialog wants another proof, whether it gets a code for that or not.
            Operation::Start
            | Operation::Send
            | Operation::Generate
            | Operation::Resend
            | Operation::Cancel => None,
        };
        Conversation { flow, asked, released, unclaimed }
    }

    /// Whether a dialog that got this answer ends (README, "Conversation mode"): what the user says after that is for
    /// the bot.
    fn is_over(&self, step: &Step) -> bool {
        let asks = match self.call.operation {
            Operation::Start | Operation::Send | Operation::Resend | Operation::Verify => true,
            Operation::Generate | Operation::Cancel | Operation::Status | Operation::Hear => false,
        };
        let stands = step.next.as_ref().or(self.challenge());
        let live = stands.is_some_and(|challenge| challenge.phase(self.now) == Phase::Live);
        let ends = match step.status {
            Status::Locked { .. }
            | Status::LimitReached { .. }
            | Status::RedactedInput
            | Status::Misconfigured
            | Status::AlreadyVerified
            | Status::Unavailable => step.topic != Some(Topic::HaltedUseMail),
            Status::Cooldown { .. } => !live,
            Status::Sent
            | Status::Queued
            | Status::Generated
            | Status::Verified
            | Status::Incorrect
            | Status::Superseded
            | Status::Unrecognized
            | Status::Expired
            | Status::NoChallenge
            | Status::InvalidDestination
            | Status::SendFailed
            | Status::Undeliverable
            | Status::Cancelled
            | Status::UnknownComponent => false,
        };
        asks && ends
    }

    pub(super) fn send(&self, destination: &Destination, rng: &mut dyn CryptoRng) -> Step {
        let by_bot = self.call.operation == Operation::Generate;
        let (earlier, authority) = (self.challenge(), self.authority);
        let made = Challenge::send(earlier, destination.clone(), authority, self.scope, self.now, rng);
        let step = self.afford(made, by_bot);
        let left = step.code.is_none().then(|| self.leave(destination)).flatten();
        Step { next: left.or(step.next), ..step }
    }

    /// Ends the code that is out if it went elsewhere: it proves nothing of the address that is asked about now, which
    /// gets none.
    fn leave(&self, destination: &Destination) -> Option<Challenge> {
        let elsewhere = self.challenge().filter(|earlier| !earlier.destination.is_same(destination))?;
        elsewhere.cancel(self.now)
    }

    pub(super) fn resend(&self, challenge: &Challenge, rng: &mut dyn CryptoRng) -> Step {
        let by_bot = challenge.handover == Handover::Bot;
        self.afford(challenge.resend(self.authority, self.scope, self.now, rng), by_bot)
    }

    fn payers(&self, challenge: &Challenge) -> Payers {
        Payers { destination: challenge.account, user: self.call.user }
    }

    /// Charges a code that the rules on challenges let out.
    fn afford(&self, made: Result<(Challenge, Code), Refusal>, by_bot: bool) -> Step {
        let charges = match &made {
            Ok((challenge, _)) => {
                self.authority.budgets.send(self.payers(challenge), self.accounts, self.now)
            }
            Err(_) => Ok(Charges::new()),
        };
        match charges {
            Ok(charges) => Step { charges, ..sent(made, by_bot) },
            Err(exhausted) => refused(exhausted),
        }
    }

    pub(super) fn verify(&self, challenge: &Challenge, code: &Reading<Code>) -> Step {
        let phase = challenge.phase(self.now);
        if phase != Phase::Live {
            return Step::stay(ended(phase));
        }
        let code = match code {
            Reading::Read(code) => code,
            Reading::Redacted(hint) => return Step::because(Status::RedactedInput, hint.clone()),
            Reading::Missing(reason) | Reading::Unusable(reason) | Reading::Unreachable(reason) => {
                let status = unread(challenge);
                let awaits_address =
                    self.conversation().flow.is_some_and(|flow| flow.awaits == Awaits::Address);
                let topic = topic(&self.call.heard).or(awaits_address.then_some(Topic::OtherAddress));
                let topic = topic.filter(|_| status == Status::Unrecognized);
                return Step { topic, ..Step::because(status, reason.clone()) };
            }
        };
        let (budgets, payers) = (&self.authority.budgets, self.payers(challenge));
        let free = self.authority.rules.attempts;
        if let Err(exhausted) = budgets.may_check(payers, self.accounts, free, self.now) {
            return refused(exhausted);
        }
        let (verdict, next) = challenge.verify(code, self.authority, self.scope, self.now);
        let failed = || budgets.failed(payers, self.accounts, self.now);
        let (status, charges) = match verdict {
            Verdict::Verified => (Status::Verified, budgets.verified(payers, self.accounts)),
            Verdict::Incorrect => (Status::Incorrect, failed()),
            Verdict::Superseded => (Status::Superseded, Charges::new()),
            Verdict::Ended(phase @ Phase::Locked { .. }) => (ended(phase), failed()),
            Verdict::Ended(phase) => (ended(phase), Charges::new()),
        };
        Step { next, charges, ..Step::stay(status) }
    }
}

impl Scene<'_> {
    /// Sends nothing, although the rules on codes would: the spend rule forbids it.
    pub(super) fn halt(&self, halt: &Halt, to: &Destination, mail: bool) -> Step {
        let next = self.leave(to);
        let live = self.live().is_some() && next.is_none();
        let Conversation { flow, asked, .. } = self.conversation();
        let leads = flow.is_some() || self.call.operation == Operation::Start;
        let mail = mail && self.authority.rules.destination == Accepted::Any;
        let (topic, hold) = match (live, mail) {
            // There is a code that can be typed; the status says all the rest.
            (true, _) => (None, Hold::Keep),
            (false, _) if halt.limit == Limit::BotHour => (Some(Topic::Busy), Hold::Keep),
            (false, false) => (Some(Topic::Halted), Hold::Keep),
            // Where the dialog brought the number, it has to bring the address, too.
            (false, true) if leads && asked => (Some(Topic::HaltedUseMail), Hold::Await(Awaits::Address)),
            (false, true) if leads => (Some(Topic::Halted), Hold::Keep),
            (false, true) => (Some(Topic::HaltedUseMail), Hold::Keep),
        };
        let instead = if mail { "; an e-mail address can be used instead" } else { "" };
        let reason = format!("limits.{} is reached{instead}", halt.limit.key());
        let limit = Some(halt.limit);
        Step { next, hold, topic, limit, ..Step::because(Status::LimitReached { until: halt.until }, reason) }
    }
}

/// What there is to say to a text that holds no one code.
pub(super) fn topic(heard: &Utterance) -> Option<Topic> {
    match heard {
        Utterance::Codes => Some(Topic::SeveralCodes),
        Utterance::Number => Some(Topic::NotACode),
        Utterance::Code(_)
        | Utterance::Address(_)
        | Utterance::Mention(_)
        | Utterance::Addresses
        | Utterance::BadAddress
        | Utterance::Resend
        | Utterance::ChangeAddress
        | Utterance::Cancel
        | Utterance::Agent
        | Utterance::Yes
        | Utterance::No
        | Utterance::Redacted
        | Utterance::Other => None,
    }
}

/// A budget forbids it.
fn refused(exhausted: Exhausted) -> Step {
    let (status, limit) = match exhausted {
        Exhausted::Sends { limit, until } => (Status::LimitReached { until }, limit),
        Exhausted::Failures { limit, until } => (Status::Locked { until }, limit),
        Exhausted::Pause { until } => return Step::about(Status::Cooldown { until }, Topic::TooSoon),
    };
    Step { limit: Some(limit), ..Step::because(status, format!("limits.{} is reached", limit.key())) }
}

fn sent(made: Result<(Challenge, Code), Refusal>, by_bot: bool) -> Step {
    match made {
        Ok((mut challenge, code)) if by_bot => {
            challenge.handover = Handover::Bot;
            Step { next: Some(challenge), code: Some(code), ..Step::stay(Status::Generated) }
        }
        Ok((challenge, code)) => {
            Step { next: Some(challenge), code: Some(code), ..Step::stay(Status::Queued) }
        }
        Err(Refusal::Cooldown { until }) => Step::stay(Status::Cooldown { until }),
        Err(Refusal::LimitReached { until }) => Step::stay(Status::LimitReached { until }),
        Err(Refusal::Ended(phase)) => Step::stay(ended(phase)),
    }
}
