//! The conversation, as a function: the session as it was and a call go in, the session as it will be, a report and
//! what is to be done come out. Nothing has happened until the caller saves the one and carries out the other.

mod input;
mod report;
mod session;
mod words;

pub use input::Reading;
pub use report::{Report, Status};
pub use session::{Answered, RequestKey, Session, SessionKey};
pub use words::{Letter, letter};

use rand::CryptoRng;

use crate::address::Destination;
use crate::clock::Timestamp;
use crate::otp::{Authority, Challenge, ChallengeId, Code, Expose, Handover, Phase, Refusal, Rules, Verdict};

/// What a dialog asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Find the address, make a challenge, deliver the code.
    Send,
    /// Check what the user typed.
    Verify,
    /// A new code for the same challenge.
    Resend,
    /// Revoke the challenge.
    Cancel,
    /// Say how things stand; change nothing.
    Status,
    /// Make a challenge; the bot delivers the code itself.
    Generate,
}

impl Operation {
    /// All of them, in the order of the README's table.
    pub const ALL: [Self; 6] =
        [Self::Send, Self::Verify, Self::Resend, Self::Cancel, Self::Status, Self::Generate];

    /// The short name used in the configuration and in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Verify => "verify",
            Self::Resend => "resend",
            Self::Cancel => "cancel",
            Self::Status => "status",
            Self::Generate => "generate",
        }
    }

    /// The operation a Webhook node called `OtpSend`, `otp_send`, `OTP Send` and the like stands for.
    #[must_use]
    pub fn of_component(component: &str) -> Option<Self> {
        let named =
            |operation: &Self| plain_name(component).eq("otp".chars().chain(operation.name().chars()));
        Self::ALL.into_iter().find(named)
    }
}

/// A component's name without what builders vary: case, `_`, `-` and spaces.
pub fn plain_name(component: &str) -> impl Iterator<Item = char> {
    component.chars().filter(|character| !matches!(character, '_' | '-' | ' ')).flat_map(char::to_lowercase)
}

/// One call, with what came with it.
#[derive(Clone, Debug)]
pub struct Call {
    /// What is asked for.
    pub operation: Operation,
    /// Names the call, so that the platform's retry is known for one.
    pub request: Option<RequestKey>,
    /// The address, where a code is to be sent.
    pub destination: Reading<Destination>,
    /// The typed code, where one is to be checked.
    pub code: Reading<Code>,
}

/// Something to be done once the session is saved.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Deliver a code.
    Deliver(Delivery),
}

/// A code that is to be delivered.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Whose code it is.
    pub challenge: ChallengeId,
    /// Which of the challenge's sends this is, from 1.
    pub send: u8,
    /// Where it goes.
    pub to: Destination,
    /// The code.
    pub code: Code,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// What a turn came to.
#[derive(Debug)]
pub struct Turn {
    /// The session as it is to be saved; `None` if nothing changed.
    pub session: Option<Session>,
    /// The answer.
    pub answer: Answer,
    /// What is to be done after saving.
    pub effect: Option<Effect>,
    /// Whether the call had been answered before.
    pub replayed: bool,
}

/// What is said to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How things stand now.
    pub report: Report,
    /// The code itself, only under [`Expose::Plain`] and only when one was made.
    pub code: Option<Code>,
}

/// Takes one turn.
///
/// A call that was answered before gets that answer again and changes nothing. `scope` is the session's key, which
/// codes are bound to.
pub fn turn(
    session: Option<&Session>,
    call: &Call,
    authority: &Authority,
    expose: Expose,
    scope: &str,
    now: Timestamp,
    rng: &mut dyn CryptoRng,
) -> Turn {
    if let Some(answered) = call.request.and_then(|request| session?.answered(request)) {
        return Turn { session: None, answer: answered.answer.clone(), effect: None, replayed: true };
    }
    let challenge = session.and_then(|session| session.challenge.as_ref());
    let Step { next, status, reason, code } = step(challenge, call, authority, expose, scope, now, rng);

    let stands = next.as_ref().or(challenge);
    let report = Report::new(status, reason, stands, &authority.rules, now);
    let effect = match (&code, stands) {
        (Some(code), Some(challenge)) if challenge.handover == Handover::Pending => {
            Some(Effect::Deliver(Delivery {
                challenge: challenge.id,
                send: challenge.sends(),
                to: challenge.destination.clone(),
                code: code.clone(),
                expires_at: challenge.expires_at(),
            }))
        }
        _ => None,
    };
    let answer = Answer { report, code: code.filter(|_| expose == Expose::Plain) };
    // A refusal is remembered too, where there is a session to remember it in: the retry of a resend that came too
    // early must not become a resend.
    let remember = call.operation != Operation::Status && call.request.is_some() && stands.is_some();
    let session = (next.is_some() || remember).then(|| {
        let mut session = Session::after(session, next);
        if let Some(request) = call.request.filter(|_| remember) {
            session.remember(Answered { request, answer: answer.clone() });
        }
        session
    });
    Turn { session, answer, effect, replayed: false }
}

/// Notes what became of a delivery: in the challenge, if it is still the one that was sent, and in the answer that is
/// kept for the platform's retries. Says how things stand now: a code that was replaced, cancelled or used meanwhile
/// is not announced.
#[must_use]
pub fn note(
    session: &Session,
    request: Option<RequestKey>,
    delivery: &Delivery,
    handover: &Handover,
    rules: &Rules,
    expose: Expose,
    now: Timestamp,
) -> (Session, Answer) {
    let earlier = session.challenge.as_ref();
    let noted = earlier
        .and_then(|challenge| challenge.handed_over(delivery.challenge, delivery.send, handover.clone()));
    let current = noted.is_some();
    let stands = noted.as_ref().or(earlier);
    let status = stands.map_or(handed_over(handover), |challenge| standing(challenge, now));
    let report = Report::new(status, None, stands, rules, now);
    let code = (current && expose == Expose::Plain).then(|| delivery.code.clone());
    let answer = Answer { report, code };
    let mut session = Session::after(Some(session), noted);
    if let Some(request) = request {
        session.remember(Answered { request, answer: answer.clone() });
    }
    (session, answer)
}

/// What an operation does to a challenge.
struct Step {
    next: Option<Challenge>,
    status: Status,
    reason: Option<String>,
    code: Option<Code>,
}

impl Step {
    fn stay(status: Status) -> Self {
        Self { next: None, status, reason: None, code: None }
    }

    fn because(status: Status, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..Self::stay(status) }
    }
}

fn step(
    challenge: Option<&Challenge>,
    call: &Call,
    authority: &Authority,
    expose: Expose,
    scope: &str,
    now: Timestamp,
    rng: &mut dyn CryptoRng,
) -> Step {
    match (call.operation, challenge) {
        (Operation::Generate, _) if expose != Expose::Plain => Step::because(
            Status::Misconfigured,
            "OtpGenerate needs otp.expose = \"plain\" in the server's configuration",
        ),
        (Operation::Send | Operation::Generate, _) => {
            let destination = match &call.destination {
                Reading::Read(destination) => destination.clone(),
                Reading::Redacted(hint) => return Step::because(Status::RedactedInput, hint.clone()),
                Reading::Unusable(reason) => {
                    return Step::because(Status::InvalidDestination, reason.clone());
                }
            };
            let by_bot = call.operation == Operation::Generate;
            sent(Challenge::send(challenge, destination, authority, scope, now, rng), by_bot)
        }
        (_, None) => Step::stay(Status::NoChallenge),
        (Operation::Resend, Some(challenge)) => {
            let by_bot = challenge.handover == Handover::Bot;
            sent(challenge.resend(authority, scope, now, rng), by_bot)
        }
        (Operation::Verify, Some(challenge)) => verified(challenge, &call.code, authority, scope, now),
        (Operation::Cancel, Some(challenge)) => match challenge.cancel(now) {
            Some(cancelled) => Step { next: Some(cancelled), ..Step::stay(Status::Cancelled) },
            None => Step::stay(ended(challenge.phase(now))),
        },
        (Operation::Status, Some(challenge)) => Step::stay(standing(challenge, now)),
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

fn verified(
    challenge: &Challenge,
    code: &Reading<Code>,
    authority: &Authority,
    scope: &str,
    now: Timestamp,
) -> Step {
    let phase = challenge.phase(now);
    if phase != Phase::Live {
        return Step::stay(ended(phase));
    }
    let code = match code {
        Reading::Read(code) => code,
        Reading::Redacted(hint) => return Step::because(Status::RedactedInput, hint.clone()),
        Reading::Unusable(reason) => return Step::because(Status::Unrecognized, reason.clone()),
    };
    let (verdict, next) = challenge.verify(code, authority, scope, now);
    let status = match verdict {
        Verdict::Verified => Status::Verified,
        Verdict::Incorrect => Status::Incorrect,
        Verdict::Superseded => Status::Superseded,
        Verdict::Ended(phase) => ended(phase),
    };
    Step { next, ..Step::stay(status) }
}

/// How a challenge stands, for `OtpStatus` and for whoever asks after a slow delivery.
fn standing(challenge: &Challenge, now: Timestamp) -> Status {
    match challenge.phase(now) {
        Phase::Live => handed_over(&challenge.handover),
        phase @ (Phase::Expired | Phase::Verified | Phase::Cancelled | Phase::Locked { .. }) => ended(phase),
    }
}

fn ended(phase: Phase) -> Status {
    match phase {
        // Only a challenge whose key is gone is live and over at once; its code can never be checked.
        Phase::Live | Phase::Expired => Status::Expired,
        Phase::Verified => Status::AlreadyVerified,
        Phase::Cancelled => Status::Cancelled,
        Phase::Locked { until } => Status::Locked { until },
    }
}

/// The status that tells what became of a send.
#[must_use]
pub fn handed_over(handover: &Handover) -> Status {
    match handover {
        Handover::Pending => Status::Queued,
        Handover::Accepted { .. } => Status::Sent,
        Handover::Failed => Status::SendFailed,
        Handover::Undeliverable => Status::Undeliverable,
        Handover::Bot => Status::Generated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_known_in_every_spelling() {
        for (name, operation) in [
            ("OtpSend", Some(Operation::Send)),
            ("otp_send", Some(Operation::Send)),
            ("OTP-Send", Some(Operation::Send)),
            ("Otp Verify", Some(Operation::Verify)),
            ("OTPRESEND", Some(Operation::Resend)),
            ("otpCancel", Some(Operation::Cancel)),
            ("Otp_Status", Some(Operation::Status)),
            ("OtpGenerate", Some(Operation::Generate)),
            ("Send", None),
            ("OtpSendNow", None),
            ("", None),
        ] {
            assert_eq!(Operation::of_component(name), operation, "{name}");
        }
    }
}
