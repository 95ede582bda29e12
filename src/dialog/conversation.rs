//! The whole dialog, led by the server: greet, find or ask for the address, send, prompt, verify, and whatever users
//! say in between. What is not for us is passed on, and the challenge stays until it expires.

use rand::CryptoRng;

use super::input::hint;
use super::step::{Hold, Scene, Step, ended, standing, topic};
use super::understanding::Utterance;
use super::{Awaits, Reading, Status, Topic};
use crate::address::Destination;
use crate::otp::{Accepted, Challenge, Handover, Phase};

impl Scene<'_> {
    /// Begins the dialog, or takes it up again.
    pub(super) fn start(&self, rng: &mut dyn CryptoRng) -> Step {
        let live = self.challenge().filter(|challenge| challenge.phase(self.now) == Phase::Live);
        let greets = self.flow().is_none() && live.is_none();
        let step = match &self.call.destination {
            Reading::Read(destination) => self.send(destination, rng).awaiting(Awaits::Code),
            Reading::Redacted(hint) => Step::because(Status::RedactedInput, hint.clone()),
            Reading::Missing(_) if live.is_some() => live
                .map_or(Step::stay(Status::NoChallenge), |live| Step::stay(standing(live, self.now)))
                .awaiting(Awaits::Code),
            Reading::Missing(_) | Reading::Unusable(_) if !self.takes_addresses() => {
                Step::about(Status::InvalidDestination, Topic::EnrolledOnly)
            }
            Reading::Missing(_) => Step::about(Status::NoChallenge, Topic::Address).awaiting(Awaits::Address),
            Reading::Unusable(reason) => {
                Step::because(Status::InvalidDestination, reason.clone()).awaiting(Awaits::Address)
            }
        };
        let begins = step.code.is_some() || step.topic == Some(Topic::Address);
        Step { greets: greets && begins, ..step }
    }

    /// Takes what the user said.
    pub(super) fn hear(&self, rng: &mut dyn CryptoRng) -> Step {
        let challenge = self.challenge();
        let live = challenge.filter(|challenge| challenge.phase(self.now) == Phase::Live);
        let step = match (live, self.flow(), challenge) {
            (live, Some(flow), _) if flow.awaits == Awaits::Address => self.hear_address(live, rng),
            (Some(live), _, _) => self.hear_code(live, rng),
            (None, Some(_), Some(over)) => self.hear_after(over, rng),
            (None, _, _) => self.pass(Hold::Keep),
        };
        let unclaimed = self.unclaimed() && step.code.is_none() || step.status == Status::Verified;
        Step { unclaimed, ..step }
    }

    /// A code is awaited.
    fn hear_code(&self, live: &Challenge, rng: &mut dyn CryptoRng) -> Step {
        let heard = &self.call.heard;
        match heard {
            Utterance::Code(code) => {
                let step = self.verify(live, &Reading::Read(code.clone()));
                let hold = if step.status == Status::Verified { Hold::Release } else { Hold::Keep };
                Step { hold, ..step }
            }
            Utterance::Codes | Utterance::Number => {
                Step { topic: topic(heard), ..Step::stay(Status::Unrecognized) }
            }
            Utterance::Address(address) if address.is_same(&live.destination) => {
                Step::stay(Status::Unrecognized)
            }
            Utterance::Address(address) => self.take_address(address, rng),
            Utterance::Addresses => self.ask(Status::Unrecognized, Topic::SeveralAddresses),
            Utterance::BadAddress => self.refuse_address(),
            // Its code comes from the bot, and so must the next one.
            Utterance::Resend | Utterance::ChangeAddress if live.handover == Handover::Bot => {
                self.pass(Hold::Keep)
            }
            Utterance::Resend => self.resend(live, rng),
            Utterance::Yes if failed(live) => self.resend(live, rng),
            Utterance::Yes | Utterance::No => Step::stay(Status::Unrecognized),
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
        match (&self.call.heard, live) {
            (Utterance::Address(address), _) => self.take_address(address, rng),
            (Utterance::Addresses, _) => self.ask(status, Topic::SeveralAddresses),
            (Utterance::BadAddress, _) => self.refuse_address(),
            (Utterance::Code(_), Some(live)) => self.hear_code(live, rng),
            (Utterance::Resend, Some(live)) => self.resend(live, rng).awaiting(Awaits::Code),
            (Utterance::No, Some(_)) => Step::stay(Status::Unrecognized).awaiting(Awaits::Code),
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
            (Utterance::Mention(_) | Utterance::Other, _) => self.pass(Hold::Keep),
        }
    }

    /// The code's time is over, or it is locked; the dialog goes on.
    fn hear_after(&self, over: &Challenge, rng: &mut dyn CryptoRng) -> Step {
        match &self.call.heard {
            Utterance::Yes | Utterance::Resend => self.send(&over.destination, rng).awaiting(Awaits::Code),
            Utterance::Code(_) | Utterance::Codes | Utterance::Number => {
                Step::stay(ended(over.phase(self.now)))
            }
            Utterance::Address(address) => self.take_address(address, rng),
            Utterance::Addresses => self.ask(Status::Unrecognized, Topic::SeveralAddresses),
            Utterance::BadAddress => self.refuse_address(),
            Utterance::ChangeAddress => self.ask(ended(over.phase(self.now)), Topic::OtherAddress),
            Utterance::Redacted => redacted(),
            Utterance::No | Utterance::Cancel | Utterance::Agent => self.pass(Hold::Release),
            Utterance::Mention(_) | Utterance::Other => self.pass(Hold::Keep),
        }
    }

    fn takes_addresses(&self) -> bool {
        match self.authority.rules.destination {
            Accepted::Any => true,
            Accepted::Enrolled => false,
        }
    }

    /// Sends a code to a typed address, where those count.
    fn take_address(&self, address: &Destination, rng: &mut dyn CryptoRng) -> Step {
        let enrolled = self.call.destination.read().is_some_and(|known| known.is_same(address));
        if self.takes_addresses() || enrolled {
            self.send(address, rng).awaiting(Awaits::Code)
        } else {
            Step::about(Status::InvalidDestination, Topic::EnrolledOnly)
        }
    }

    fn refuse_address(&self) -> Step {
        if self.takes_addresses() {
            Step::stay(Status::InvalidDestination).awaiting(Awaits::Address)
        } else {
            Step::about(Status::InvalidDestination, Topic::EnrolledOnly)
        }
    }

    /// Asks for an address, where typed ones count.
    fn ask(&self, status: Status, topic: Topic) -> Step {
        if self.takes_addresses() {
            Step::about(status, topic).awaiting(Awaits::Address)
        } else {
            Step::about(Status::InvalidDestination, Topic::EnrolledOnly)
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

/// Whether the last code did not go out.
fn failed(live: &Challenge) -> bool {
    matches!(live.handover, Handover::Failed | Handover::Undeliverable)
}
