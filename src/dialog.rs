//! The conversation, as a function: the session as it was and a call go in, the session as it will be, a report and
//! what is to be done come out. Nothing has happened until the caller saves the one and carries out the other.

mod answered;
pub mod catalogue;
pub mod channel;
mod conversation;
mod destination;
mod ending;
mod input;
mod letter;
mod news;
mod purpose;
mod redaction;
mod report;
mod session;
mod status;
mod step;
mod text;
pub mod understanding;
mod words;

pub use answered::{Answered, Unreadable};
pub use destination::{Wanted, typed_number};
pub use input::Reading;
pub use letter::{Letter, Letterhead, Occasion, letter};
pub use news::{reported, revoked, unlocked};
pub use purpose::Purpose;
pub(crate) use report::Wire;
pub use report::{Choice, Report, Topic};
pub use session::{Awaits, Conversation, Flow, RequestKey, Session, SessionKey};
pub use status::{Status, handed_over};
pub use text::{call, text};

use std::borrow::Cow;
use std::sync::Arc;

use rand::CryptoRng;
use serde::{Deserialize, Serialize};

use self::catalogue::Language;
use self::status::standing;
use self::step::{Scene, Step};
use self::understanding::Utterance;
use crate::address::Destination;
use crate::clock::Timestamp;
use crate::otp::{
    AccountId, Accounts, Authority, ChallengeId, Charges, Code, Expose, Halt, Handover, Keys, Limit, Rules,
};

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
    /// Begin the whole dialog: greet, find or ask for the address, send, prompt.
    Start,
    /// Take what the user said.
    Hear,
}

impl Operation {
    /// Those that a Webhook node can ask for, in the order of the README's table.
    pub const COMPONENTS: [Self; 7] =
        [Self::Send, Self::Verify, Self::Resend, Self::Cancel, Self::Status, Self::Generate, Self::Start];

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
            Self::Start => "start",
            Self::Hear => "hear",
        }
    }

    /// The operation a Webhook node called `OtpSend`, `otp_send`, `OTP Send` and the like stands for.
    #[must_use]
    pub fn of_component(component: &str) -> Option<Self> {
        let named =
            |operation: &Self| plain_name(component).eq("otp".chars().chain(operation.name().chars()));
        Self::COMPONENTS.into_iter().find(named)
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
    /// The account of the user, where the platform says who it is.
    pub user: Option<AccountId>,
    /// The address, where a code is to be sent.
    pub destination: Reading<Destination>,
    /// What kind of address the user is asked for, where one is missing.
    pub wanted: Wanted,
    /// The phone number that the user typed, where that is what was said.
    pub number: Option<Reading<Destination>>,
    /// The typed code, where one is to be checked.
    pub code: Reading<Code>,
    /// What the user said, where that matters.
    pub heard: Utterance,
    /// Whether that is what the bot is told in place of a right code.
    pub forged: bool,
    /// Whether all that the user says comes here: turning to something else then does not end the listening.
    pub whole: bool,
    /// What is spoken here.
    pub language: Arc<Language>,
}

impl Call {
    /// The accounts it may charge, besides that of the session's own challenge.
    pub fn accounts<'a>(&'a self, keys: &'a Keys) -> impl Iterator<Item = AccountId> + 'a {
        let heard = match &self.heard {
            Utterance::Address(address) | Utterance::Mention(address) => Some(address),
            Utterance::Code(_)
            | Utterance::Codes
            | Utterance::Number
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
        };
        let number = self.number.as_ref().and_then(Reading::read);
        let addresses = [self.destination.read(), number, heard].into_iter().flatten();
        addresses.map(|address| AccountId::of_destination(keys, address)).chain(self.user)
    }
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
    /// What the message is written in.
    pub language: Arc<Language>,
    /// Whether the answer about it begins the dialog.
    pub greets: bool,
}

impl Delivery {
    /// How long the code is still good for, in seconds; rounded up as in answers: the milliseconds since it was made must
    /// not turn five minutes into four.
    #[must_use]
    pub fn valid_for(&self, now: Timestamp) -> u64 {
        u64::try_from(self.expires_at.remaining(now).as_millis().div_ceil(1000)).unwrap_or(u64::MAX)
    }
}

/// What a turn came to.
#[derive(Debug)]
pub struct Turn {
    /// The session as it is to be saved; `None` if nothing changed.
    pub session: Option<Session>,
    /// The accounts as they are to be saved with it.
    pub charges: Charges,
    /// The answer.
    pub answer: Answer,
    /// Which limit kept a code from being sent or checked, if one did.
    pub limit: Option<Limit>,
    /// What is to be done after saving.
    pub effect: Option<Effect>,
    /// Whether the call had been answered before.
    pub replayed: bool,
}

/// What is said to the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// How things stand now.
    pub report: Report,
    /// The code itself, only under [`Expose::Plain`] and only when one was made. It is written nowhere: the
    /// retry of an `OtpGenerate` that another process answers is without it.
    #[serde(skip)]
    pub code: Option<Code>,
    /// What the user said is not for us: where there is a bot, it goes there, untouched.
    #[serde(default)]
    pub pass_on: bool,
}

impl Answer {
    /// Answers with a report.
    #[must_use]
    pub const fn new(report: Report) -> Self {
        Self { report, code: None, pass_on: false }
    }

    /// The short name of what came of the call, for logs and metrics.
    #[must_use]
    pub const fn outcome(&self) -> &'static str {
        if self.pass_on { "passed_on" } else { self.report.status.name() }
    }
}

/// What is known before a turn.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    /// The session, if there is one yet.
    pub session: Option<&'a Session>,
    /// The accounts that the call may charge.
    pub accounts: &'a Accounts,
}

/// Takes one turn.
///
/// A call that was answered before gets that answer again and changes nothing. `scope` is the session's key, which
/// codes are bound to.
pub fn turn(
    past: Past<'_>,
    call: &Call,
    authority: &Authority,
    expose: Expose,
    scope: &str,
    now: Timestamp,
    rng: &mut dyn CryptoRng,
) -> Turn {
    let Past { session, accounts } = past;
    if let Some(answered) = call.request.and_then(|request| session?.answered(request)) {
        let answer = answered.answer().map_or_else(
            |Unreadable| {
                let reason = "this call was answered by another release, and how cannot be read";
                Answer::new(Report::bare(Status::Unavailable, reason, now))
            },
            Cow::into_owned,
        );
        return Turn {
            session: None,
            charges: Charges::new(),
            answer,
            limit: None,
            effect: None,
            replayed: true,
        };
    }
    let scene = Scene { session, accounts, call, authority, expose, scope, now };
    let step = scene.step(rng);
    take(&scene, step)
}

/// Takes a turn whose code must not be sent `to` there, although the rules on codes allow it: the bot, or phones, have been sent too
/// many. The user may use an e-mail address instead if `mail` says so.
#[must_use]
pub fn halted(
    past: Past<'_>,
    call: &Call,
    authority: &Authority,
    (halt, to): (&Halt, &Destination),
    mail: bool,
    now: Timestamp,
) -> Turn {
    let Past { session, accounts } = past;
    let scene = Scene { session, accounts, call, authority, expose: Expose::Reference, scope: "", now };
    take(&scene, scene.halt(halt, to, mail))
}

/// Makes a turn of a step: the session as it is to be saved, and the report.
fn take(scene: &Scene<'_>, step: Step) -> Turn {
    let Scene { session, call, authority, expose, now, .. } = *scene;
    let (before, conversation) = (scene.conversation(), scene.after(&step));
    let Step { next, status, topic, intent, reason, code, greets, pass_on, charges, limit, hold: _ } = step;

    let stands = next.as_ref().or(scene.challenge());
    let report = Report::new(status, reason, stands, &authority.rules, now);
    let can_change = report.address_can_change && conversation.leaves_address_to_user();
    // The dialog does not know it yet, and has to go by what was proven.
    let tells_address = conversation.asked;
    let proven = (status == Status::Verified).then_some(stands).flatten();
    let verified = proven.map(|challenge| challenge.destination.clone());
    // Who comes to collect it need not be who typed it.
    let verified_by = proven.and_then(|challenge| match before.unclaimed {
        Some(_) => session?.typed_by(challenge.id),
        None => call.user,
    });
    let wanted = call.wanted;
    let intent = intent.map(Cow::Borrowed);
    let report = Report {
        topic,
        greets,
        intent,
        wanted,
        address_can_change: can_change,
        verified,
        verified_by: verified_by.map(Box::new),
        tells_address,
        ..report
    };
    let effect = match (&code, stands) {
        (Some(code), Some(challenge)) if challenge.handover == Handover::Pending => {
            Some(Effect::Deliver(Delivery {
                challenge: challenge.id,
                send: challenge.sends(),
                to: challenge.destination.clone(),
                code: code.clone(),
                expires_at: challenge.expires_at(),
                language: Arc::clone(&call.language),
                greets,
            }))
        }
        _ => None,
    };
    let answer = Answer { report, code: code.filter(|_| expose == Expose::Plain), pass_on };

    let changed = next.is_some() || conversation != before;
    // A refusal is remembered too, where there is a session to remember it in: the retry of a resend that came too
    // early must not become a resend.
    let remember = call.operation != Operation::Status
        && call.request.is_some()
        && (!pass_on || next.is_some())
        && (stands.is_some() || conversation.flow.is_some());
    let session = (changed || remember).then(|| {
        let mut session = Session { conversation, ..Session::after(session, next) };
        if let Some(request) = call.request.filter(|_| remember) {
            session.remember(Answered::new(request, answer.clone()));
        }
        session
    });
    Turn { session, charges, answer, limit, effect, replayed: false }
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
    let can_change = report.address_can_change && session.conversation.at(now).leaves_address_to_user();
    let report = Report { greets: delivery.greets, address_can_change: can_change, ..report };
    let code = (current && expose == Expose::Plain).then(|| delivery.code.clone());
    let answer = Answer { code, ..Answer::new(report) };
    let mut session = Session::after(Some(session), noted);
    if status == Status::Undeliverable && current {
        session.lose_address(rules);
    }
    if let Some(request) = request {
        session.remember(Answered::new(request, answer.clone()));
    }
    (session, answer)
}

#[cfg(test)]
mod tests;
