//! What an operation does to a session.

use rand::CryptoRng;

use super::understanding::Utterance;
use super::{Awaits, Call, Flow, Operation, Reading, Session, Status, Topic, handed_over};
use crate::address::Destination;
use crate::clock::Timestamp;
use crate::otp::{Authority, Challenge, Code, Expose, Handover, Phase, Refusal, Verdict};

/// All that a step looks at.
pub(super) struct Scene<'a> {
    pub(super) session: Option<&'a Session>,
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
    /// Whether a code that was typed into the conversation has yet to be told to the dialog.
    pub(super) unclaimed: bool,
    pub(super) status: Status,
    pub(super) topic: Option<Topic>,
    pub(super) intent: Option<&'static str>,
    pub(super) reason: Option<String>,
    pub(super) code: Option<Code>,
    pub(super) greets: bool,
    pub(super) pass_on: bool,
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
            unclaimed: false,
            status,
            topic: None,
            intent: None,
            reason: None,
            code: None,
            greets: false,
            pass_on: false,
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

    /// The dialog that the server leads, unless it has been left alone for too long.
    pub(super) fn flow(&self) -> Option<Flow> {
        self.session.and_then(|session| session.flow).filter(|flow| self.now < flow.until)
    }

    pub(super) fn unclaimed(&self) -> bool {
        self.session.is_some_and(|session| session.unclaimed)
    }

    /// Takes the step that the call asks for.
    pub(super) fn step(&self, rng: &mut dyn CryptoRng) -> Step {
        let unclaimed = self.unclaimed();
        let step = match (self.call.operation, self.challenge()) {
            (Operation::Start, _) => self.start(rng),
            (Operation::Hear, _) => return self.hear(rng),
            (Operation::Generate, _) if self.expose != Expose::Plain => Step::because(
                Status::Misconfigured,
                "OtpGenerate needs otp.expose = \"plain\" in the server's configuration",
            ),
            (Operation::Send | Operation::Generate, _) => match &self.call.destination {
                Reading::Read(destination) => self.send(destination, rng),
                Reading::Redacted(hint) => Step::because(Status::RedactedInput, hint.clone()),
                Reading::Missing(reason) | Reading::Unusable(reason) => {
                    Step::because(Status::InvalidDestination, reason.clone())
                }
            },
            (_, None) => Step::stay(Status::NoChallenge),
            (Operation::Resend, Some(challenge)) => self.resend(challenge, rng),
            // The code was typed into the conversation; this call is the dialog's, which comes to collect that, once.
            (Operation::Verify, Some(challenge))
                if unclaimed && challenge.phase(self.now) == Phase::Verified =>
            {
                return Step::stay(Status::Verified);
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
        let hold = match (step.hold, step.status, &step.code) {
            (Hold::Keep, Status::Verified, _) => Hold::Release,
            (Hold::Keep, _, Some(_)) if self.flow().is_some() => Hold::Await(Awaits::Code),
            (hold, _, _) => hold,
        };
        // A new code is a new proof: what an earlier one proved is not handed on.
        Step { hold, unclaimed: unclaimed && step.code.is_none(), ..step }
    }

    pub(super) fn send(&self, destination: &Destination, rng: &mut dyn CryptoRng) -> Step {
        let by_bot = self.call.operation == Operation::Generate;
        let (earlier, authority) = (self.challenge(), self.authority);
        sent(Challenge::send(earlier, destination.clone(), authority, self.scope, self.now, rng), by_bot)
    }

    pub(super) fn resend(&self, challenge: &Challenge, rng: &mut dyn CryptoRng) -> Step {
        let by_bot = challenge.handover == Handover::Bot;
        sent(challenge.resend(self.authority, self.scope, self.now, rng), by_bot)
    }

    pub(super) fn verify(&self, challenge: &Challenge, code: &Reading<Code>) -> Step {
        let phase = challenge.phase(self.now);
        if phase != Phase::Live {
            return Step::stay(ended(phase));
        }
        let code = match code {
            Reading::Read(code) => code,
            Reading::Redacted(hint) => return Step::because(Status::RedactedInput, hint.clone()),
            Reading::Missing(reason) | Reading::Unusable(reason) => {
                return Step {
                    topic: topic(&self.call.heard),
                    intent: self.call.heard.intent(),
                    ..Step::because(Status::Unrecognized, reason.clone())
                };
            }
        };
        let (verdict, next) = challenge.verify(code, self.authority, self.scope, self.now);
        let status = match verdict {
            Verdict::Verified => Status::Verified,
            Verdict::Incorrect => Status::Incorrect,
            Verdict::Superseded => Status::Superseded,
            Verdict::Ended(phase) => ended(phase),
        };
        Step { next, ..Step::stay(status) }
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

/// How a challenge stands, for `OtpStatus` and for whoever asks after a slow delivery.
pub(super) fn standing(challenge: &Challenge, now: Timestamp) -> Status {
    match challenge.phase(now) {
        Phase::Live => handed_over(&challenge.handover),
        phase @ (Phase::Expired | Phase::Verified | Phase::Cancelled | Phase::Locked { .. }) => ended(phase),
    }
}

pub(super) fn ended(phase: Phase) -> Status {
    match phase {
        // Only a challenge whose key is gone is live and over at once; its code can never be checked.
        Phase::Live | Phase::Expired => Status::Expired,
        Phase::Verified => Status::AlreadyVerified,
        Phase::Cancelled => Status::Cancelled,
        Phase::Locked { until } => Status::Locked { until },
    }
}
