//! The whole dialog, led by the server: greet, find or ask for the address, send, prompt, verify, and whatever users
//! say in between. What is not for us is passed on, and the challenge stays until it expires.

use rand::CryptoRng;

use super::redaction::hint;
use super::status::{ended, standing, unread};
use super::step::{Hold, Scene, Step, topic};
use super::understanding::Utterance;
use super::{Awaits, Conversation, Reading, Status, Topic};
use crate::address::Destination;
use crate::otp::{Accepted, Challenge, Handover, Phase};

/// What becomes of an address that is typed while a code is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Typed {
    /// A code goes there: the dialog left it to the user.
    Taken,
    /// Only addresses on file count.
    NotOnFile,
    /// The dialog brought an address of its own, and has to hear of another.
    ForTheBot,
}

impl Scene<'_> {
    /// Begins the dialog, or takes it up again.
    pub(super) fn start(&self, rng: &mut dyn CryptoRng) -> Step {
        let live = self.live();
        let greets = self.conversation().flow.is_none() && live.is_none();
        let enrolled = self.authority.rules.destination == Accepted::Enrolled;
        let step = match (&self.call.destination, live) {
            (Reading::Read(destination), _) => self.send(destination, rng).awaiting(Awaits::Code),
            (Reading::Redacted(hint), _) => Step::because(Status::RedactedInput, hint.clone()),
            (Reading::Unreachable(reason), _) => Step::because(Status::Misconfigured, reason.clone()),
            (Reading::Missing(_), Some(live)) => Step::stay(standing(live, self.now)).awaiting(Awaits::Code),
            // The user has said it before, and was too late with the code.
            (Reading::Missing(_), None) if let Some(late) = self.late() => {
                self.send(&late.destination, rng).awaiting(Awaits::Code)
            }
            (Reading::Missing(_) | Reading::Unusable(_), _) if enrolled => {
                Step::about(Status::InvalidDestination, Topic::NothingEnrolled)
            }
            (Reading::Missing(_), None) => {
                Step::about(Status::NoChallenge, Topic::Address).awaiting(Awaits::Address)
            }
            (Reading::Unusable(reason), _) => {
                Step::because(Status::InvalidDestination, reason.clone()).awaiting(Awaits::Address)
            }
        };
        let begins = step.code.is_some() || step.topic == Some(Topic::Address);
        Step { greets: greets && begins, ..step }
    }

    /// Takes what the user said.
    pub(super) fn hear(&self, rng: &mut dyn CryptoRng) -> Step {
        let (live, conversation) = (self.live(), self.conversation());
        match (live, conversation.flow, self.challenge()) {
            (None, None, _) => self.pass(Hold::Keep),
            (Some(live), _, _) if self.call.forged => Step::stay(unread(live)),
            (None, _, Some(over)) if self.call.forged => Step::stay(ended(over.phase(self.now))),
            (None, _, None) if self.call.forged => Step::about(Status::NoChallenge, Topic::Address),
            (live, _, _) if conversation.released => self.hear_released(live),
            (live, Some(flow), _) if flow.awaits == Awaits::Address => self.hear_address(live, rng),
            (Some(live), _, _) => self.hear_code(live, rng),
            (None, Some(_), Some(over)) => self.hear_after(over, rng),
            (None, Some(_), None) => self.pass(Hold::Keep),
        }
    }

    /// The expired challenge of a dialog that goes on, whose address the user typed.
    fn late(&self) -> Option<&Challenge> {
        let Conversation { flow, asked, released, .. } = self.conversation();
        let goes_on = flow.is_some() && asked && !released;
        self.challenge().filter(|challenge| goes_on && challenge.phase(self.now) == Phase::Expired)
    }

    /// The user talks with the bot about something else. A right code is still ours; a wrong one counts, or leaving
    /// would buy guesses, but may be a number that the bot has asked for.
    fn hear_released(&self, live: Option<&Challenge>) -> Step {
        match (&self.call.heard, live) {
            (Utterance::Code(code), Some(live)) => {
                let step = self.verify(live, &Reading::Read(code.clone()));
                // What was not compared may be the code, and the bot must not get that.
                let compared = step.limit.is_none() && step.topic != Some(Topic::TooSoon);
                Step { pass_on: compared && step.status != Status::Verified, ..step }
            }
            _ => self.pass(Hold::Keep),
        }
    }

    /// A code is awaited.
    fn hear_code(&self, live: &Challenge, rng: &mut dyn CryptoRng) -> Step {
        let heard = &self.call.heard;
        match heard {
            Utterance::Code(code) => self.verify(live, &Reading::Read(code.clone())),
            Utterance::Codes | Utterance::Number => {
                let status = unread(live);
                Step { topic: topic(heard).filter(|_| status == Status::Unrecognized), ..Step::stay(status) }
            }
            Utterance::Address(address) | Utterance::Mention(address)
                if address.is_same(&live.destination) =>
            {
                Step::stay(unread(live))
            }
            Utterance::Address(address) => self.take_address(address, rng),
            Utterance::Addresses => self.ask(Status::Unrecognized, Topic::SeveralAddresses),
            Utterance::BadAddress => self.refuse_address(),
            // Its code comes from the bot, and so must the next one.
            Utterance::Resend if live.handover == Handover::Bot => self.pass(Hold::Keep),
            Utterance::Resend => self.resend(live, rng),
            Utterance::Yes if !live.arrived() => self.resend(live, rng),
            Utterance::Yes | Utterance::No => Step::stay(unread(live)),
            Utterance::ChangeAddress => self.ask(standing(live, self.now), Topic::OtherAddress),
            Utterance::Redacted => redacted(),
            Utterance::Cancel | Utterance::Agent => self.pass(Hold::Release),
            Utterance::Mention(_) | Utterance::Other => self.pass(Hold::Keep),
        }
    }

    /// An address is awaited. If a code is, too, it may still be typed.
    fn hear_address(&self, live: Option<&Challenge>, rng: &mut dyn CryptoRng) -> Step {
        let status = live.map_or(Status::NoChallenge, |live| standing(live, self.now));
        let again = if live.is_some() { Topic::OtherAddress } else { Topic::Address };
        match &self.call.number {
            // With a code on its way, digits are that first.
            Some(_) if live.is_some() && matches!(self.call.heard, Utterance::Code(_)) => {}
            Some(Reading::Read(number)) => return self.take_address(number, rng),
            Some(Reading::Unusable(reason)) => {
                return Step { reason: Some(reason.clone()), ..self.refuse_address() };
            }
            Some(Reading::Redacted(_) | Reading::Missing(_) | Reading::Unreachable(_)) | None => {}
        }
        match (&self.call.heard, live) {
            (Utterance::Address(address) | Utterance::Mention(address), _) => self.take_address(address, rng),
            (Utterance::Addresses, _) => self.ask(status, Topic::SeveralAddresses),
            (Utterance::BadAddress, _) => self.refuse_address(),
            (Utterance::Code(_), Some(live)) => self.hear_code(live, rng),
            (Utterance::Resend, Some(live)) => self.resend(live, rng).awaiting(Awaits::Code),
            // The address that is there cannot be reached: the user is told that first, and has to say another one.
            (Utterance::Codes | Utterance::Number | Utterance::Yes | Utterance::No, Some(live))
                if live.handover == Handover::Undeliverable =>
            {
                self.with_address(|| Step::stay(Status::Undeliverable).awaiting(Awaits::Address))
            }
            (Utterance::No, Some(live)) => Step::stay(unread(live)).awaiting(Awaits::Code),
            (
                Utterance::Code(_)
                | Utterance::Codes
                | Utterance::Number
                | Utterance::Resend
                | Utterance::ChangeAddress
                | Utterance::Yes
                | Utterance::No,
                _,
            ) => self.ask(status, again),
            (Utterance::Redacted, _) => redacted(),
            (Utterance::Cancel | Utterance::Agent, _) => self.pass(Hold::Release),
            (Utterance::Other, _) => self.pass(Hold::Keep),
        }
    }

    /// The code's time is over, or it is locked; the dialog goes on.
    fn hear_after(&self, over: &Challenge, rng: &mut dyn CryptoRng) -> Step {
        let phase = over.phase(self.now);
        let locked = matches!(phase, Phase::Locked { .. });
        match &self.call.heard {
            Utterance::Code(_) | Utterance::Codes | Utterance::Number => Step::stay(ended(phase)),
            // Before the lock ends no address gets a code.
            Utterance::Address(_)
            | Utterance::Addresses
            | Utterance::BadAddress
            | Utterance::Yes
            | Utterance::Resend
            | Utterance::ChangeAddress
                if locked =>
            {
                Step::stay(ended(phase))
            }
            Utterance::Yes | Utterance::Resend => self.send(&over.destination, rng).awaiting(Awaits::Code),
            Utterance::Address(address) => self.take_address(address, rng),
            Utterance::Addresses => self.ask(Status::Unrecognized, Topic::SeveralAddresses),
            Utterance::BadAddress => self.refuse_address(),
            Utterance::ChangeAddress => self.ask(ended(phase), Topic::OtherAddress),
            Utterance::Redacted => redacted(),
            Utterance::No | Utterance::Cancel | Utterance::Agent => self.pass(Hold::Release),
            Utterance::Mention(_) | Utterance::Other => self.pass(Hold::Keep),
        }
    }

    fn typed(&self) -> Typed {
        match self.authority.rules.destination {
            Accepted::Enrolled => Typed::NotOnFile,
            Accepted::Any if self.conversation().asked => Typed::Taken,
            Accepted::Any => Typed::ForTheBot,
        }
    }

    /// Sends a code to a typed address, where those count.
    fn take_address(&self, address: &Destination, rng: &mut dyn CryptoRng) -> Step {
        self.with_address(|| self.send(address, rng).awaiting(Awaits::Code))
    }

    fn refuse_address(&self) -> Step {
        self.with_address(|| Step::stay(Status::InvalidDestination).awaiting(Awaits::Address))
    }

    /// Asks for an address, where typed ones count.
    fn ask(&self, status: Status, topic: Topic) -> Step {
        self.with_address(|| Step::about(status, topic).awaiting(Awaits::Address))
    }

    fn with_address(&self, step: impl FnOnce() -> Step) -> Step {
        match self.typed() {
            Typed::Taken => step(),
            Typed::NotOnFile => Step::about(Status::InvalidDestination, Topic::EnrolledOnly),
            Typed::ForTheBot => self.pass(Hold::Keep),
        }
    }

    /// Hands what was said to the bot.
    fn pass(&self, hold: Hold) -> Step {
        let status = self.challenge().map_or(Status::NoChallenge, |challenge| standing(challenge, self.now));
        Step { hold, pass_on: true, intent: self.call.heard.intent(), ..Step::stay(status) }
    }
}

impl Step {
    fn awaiting(self, awaits: Awaits) -> Self {
        Self { hold: Hold::Await(awaits), ..self }
    }
}

fn redacted() -> Step {
    Step::because(Status::RedactedInput, hint("what the user typed"))
}
