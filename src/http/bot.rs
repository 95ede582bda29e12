//! What a bot's dialogs call things, what it speaks, and what its channels can show.

use std::collections::HashMap;
use std::sync::Arc;

use super::Upstream;
use crate::address::{Destination, Reach};
use crate::botkit::{Found, Payload, Pointer};
use crate::dialog::catalogue::{Catalogue, Language};
use crate::dialog::channel::Medium;
use crate::dialog::understanding::{Lexicon, Utterance, understand};
use crate::dialog::{Operation, Reading, Wanted, plain_name, typed_number};
use crate::otp::Format;

/// A bot's settings.
#[derive(Debug)]
pub struct BotSettings {
    /// Which Webhook node runs which operation.
    pub components: Names,
    /// Where an address is looked for, in order.
    pub destination_fields: Vec<Pointer>,
    /// Where the channel is looked for that a dialog has chosen, in order.
    pub channel_fields: Vec<Pointer>,
    /// Which addresses codes can be sent to.
    pub reach: Reach,
    /// Where a typed code is looked for, in order.
    pub code_fields: Vec<Pointer>,
    /// Where the user's own phone number is looked for, whose digits are not a code.
    pub phone_fields: Vec<Pointer>,
    /// Whether the server answers users itself while it waits for a code or an address.
    pub conversation: bool,
    /// What the bot is told in place of the right code.
    pub verified_text: String,
    /// What is spoken where the platform names no language that is known.
    pub language: Arc<Language>,
    /// The other languages that users are understood in, whatever is spoken.
    pub other_languages: Vec<Arc<Language>>,
    /// The channels that show quick replies, by type in lower case.
    pub quick_reply_channels: Vec<String>,
    /// The channels that read aloud, by type in lower case.
    pub voice_channels: Vec<String>,
    /// The BotKit server that whatever is not ours goes on to.
    pub upstream: Option<Upstream>,
}

/// How one user is spoken with.
#[derive(Clone, Debug)]
pub(super) struct Speech {
    pub(super) language: Arc<Language>,
    pub(super) medium: Medium,
}

/// Names of Webhook nodes beyond `OtpSend` and its siblings.
#[derive(Debug, Default)]
pub struct Names(HashMap<String, Operation>);

impl Names {
    /// Lets `component` stand for `operation` too; `false` if it already stands for another one.
    pub fn add(&mut self, component: &str, operation: Operation) -> bool {
        let taken = self.operation(component).is_some_and(|known| known != operation);
        if !taken {
            self.0.insert(plain_name(component).collect(), operation);
        }
        !taken
    }

    pub(super) fn operation(&self, component: &str) -> Option<Operation> {
        let own = if self.0.is_empty() {
            None
        } else {
            self.0.get(&plain_name(component).collect::<String>()).copied()
        };
        own.or_else(|| Operation::of_component(component))
    }
}

impl BotSettings {
    /// The language that a payload asks for, or else the bot's own, in the form its channel can show.
    pub(super) fn speech(&self, payload: &Payload, catalogue: &Catalogue) -> Speech {
        let language = payload.language().and_then(|tag| catalogue.find(&tag).cloned());
        let language = language.unwrap_or_else(|| Arc::clone(&self.language));
        Speech { language, medium: self.medium(payload) }
    }

    fn medium(&self, payload: &Payload) -> Medium {
        let Some(channel) = payload.channel() else { return Medium::Text };
        let is_in = |channels: &[String]| channels.iter().any(|known| known.eq_ignore_ascii_case(&channel));
        if is_in(&self.voice_channels) {
            Medium::Voice
        } else if is_in(&self.quick_reply_channels) {
            Medium::Buttons
        } else {
            Medium::Text
        }
    }

    /// The address that a payload brings, of those that can be reached.
    pub(super) fn destination(&self, payload: &Payload, reach: &Reach) -> Reading<Destination> {
        Reading::destination(self.addresses(payload), self.channel(payload).as_ref(), reach)
    }

    /// Whatever stands where addresses are looked for, in order.
    pub(super) fn addresses<'p>(&'p self, payload: &'p Payload) -> impl Iterator<Item = Found<'p>> {
        self.destination_fields.iter().filter_map(|field| payload.find(field.keys()))
    }

    /// What kind of address to ask for.
    pub(super) fn wanted(&self, payload: &Payload) -> Wanted {
        Wanted::of(self.channel(payload).as_ref(), &self.reach)
    }

    /// The phone number that a text is, if it is one.
    pub(super) fn typed_number(&self, text: &str, payload: &Payload) -> Option<Reading<Destination>> {
        typed_number(text, self.channel(payload).as_ref(), &self.reach)
    }

    fn channel<'p>(&self, payload: &'p Payload) -> Option<Found<'p>> {
        payload.first_of(&self.channel_fields)
    }

    /// What a text means to this bot, whose user speaks `language`. The payload may say by which phone the user came.
    pub(super) fn understand(
        &self,
        text: &str,
        payload: Option<&Payload>,
        language: &Arc<Language>,
        format: Format,
    ) -> Utterance {
        let others = [&self.language].into_iter().chain(&self.other_languages);
        let others = others.filter(|other| !Arc::ptr_eq(other, language));
        let lexicons: Vec<&Lexicon> =
            [language].into_iter().chain(others).filter_map(|spoken| spoken.lexicon()).collect();
        let phone = payload.and_then(|payload| payload.first_of(&self.phone_fields)?.into_text());
        match understand(text, &lexicons, format, phone.as_deref()) {
            // An address that nothing leads to is of no more use than one that is none.
            Utterance::Address(address) if !self.reach.has(address.channel()) => Utterance::BadAddress,
            heard => heard,
        }
    }
}
