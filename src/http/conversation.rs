//! Messages on their way between user and bot. They are acknowledged at once and handed on; in a bot's conversation
//! mode the server answers users itself while it waits for a code or an address, so that neither gets to the bot.

use std::sync::Arc;

use actix_web::web::Bytes;
use log::{error, info};

use super::answer::say;
use super::bot::Speech;
use super::onward::{post, safe};
use super::trace::loggable;
use super::upstream::Passage;
use super::webhook::account;
use super::{BotSettings, Server};
use crate::botkit::{Bot, Changes, Event, Failure, Forward, Payload, Route, Secret, TO_USER, reply};
use crate::dialog::channel::{show, suggestions};
use crate::dialog::understanding::{Utterance, says_just};
use crate::dialog::{Answer, Call, Operation, Reading, RequestKey, SessionKey, Status};
use crate::platform::Address;
use crate::service::{Full, Outcome};

/// What stands in place of a typed code wherever a payload repeats it.
const REDACTED: &str = "[code]";

/// A message that has arrived.
pub(super) struct Arrival {
    pub(super) server: Arc<Server>,
    pub(super) payload: Payload,
    pub(super) route: Route,
    /// Its acknowledgement, which is also what is handed on.
    pub(super) body: Bytes,
    /// The message as it came, if it goes on to another BotKit server instead.
    pub(super) passage: Option<(Passage, Bytes)>,
}

/// Takes a message on its way. What is done about it is done after it has been acknowledged, and after what was said
/// before in the same direction.
pub(super) fn message(arrival: Arrival, bot: &Bot<BotSettings>, forward: Forward) -> Result<(), Failure> {
    let onward = arrival.address(forward)?;
    let session = arrival.payload.session().map(|session| SessionKey::new(&arrival.route.bot, &session));
    let background = arrival.server.service.background.clone();
    let Some(session) = session else {
        // Whose it is, nobody knows: all of a bot's wait for one another.
        let lane = [forward.field, " ", arrival.route.bot.as_str()].concat().into();
        let begun = background.start_in(lane, async move { arrival.hand_on(&onward, forward).await });
        return begun.map_err(|Full| Failure::Busy);
    };
    let lane = [forward.field, " ", session.as_str()].concat().into();
    let for_bot = arrival.payload.is_for_agent() || arrival.payload.is_synthetic();
    let begun = match (bot.settings.conversation && !for_bot, arrival.route.event) {
        (true, Event::UserMessage) => {
            background.start_in(lane, async move { arrival.hear(session, &onward, forward).await })
        }
        (true, Event::BotMessage) => {
            background.start_in(lane, async move { arrival.dress(session, &onward, forward).await })
        }
        _ => background.start_in(lane, async move { arrival.hand_on(&onward, forward).await }),
    };
    begun.map_err(|Full| Failure::Busy)
}

impl Arrival {
    fn address(&self, forward: Forward) -> Result<Address, Failure> {
        let missing = || Failure::InvalidArguments(format!("{} is missing", forward.spoken));
        let url = self.payload.forward_url(forward).ok_or_else(missing)?;
        safe(&self.server, &self.route, &url, forward.field)
            .map_err(|problem| Failure::InvalidArguments(format!("{} {problem}", forward.spoken)))
    }

    fn settings(&self) -> Option<&BotSettings> {
        self.server.bots.get(&self.route.bot).map(|bot| &bot.settings)
    }

    /// Hands the message on as it came: to the platform, or to the BotKit server that will.
    async fn hand_on(mut self, onward: &Address, forward: Forward) {
        let passage = self.passage.take();
        if let (Some((passage, raw)), Some(upstream)) =
            (passage, self.settings().and_then(|settings| settings.upstream.as_ref()))
        {
            let outcome = upstream.send(passage, raw).await.map_err(|(_, reason)| reason);
            let outcome = outcome.and_then(|answer| {
                if answer.status().is_success() { Ok(()) } else { Err("the message was not taken") }
            });
            if let Err(reason) = outcome {
                let (bot, request) = (&self.route.bot, loggable(&self.route.request_id));
                error!("forward_to: {reason} bot={bot} request={request}");
            }
            self.server
                .service
                .metrics
                .platform("forward_to", if outcome.is_ok() { "accepted" } else { "failed" });
            return;
        }
        let _ = post(&self.server, onward, self.body.clone(), &self.route, forward.field).await;
    }

    /// Takes what a user said.
    async fn hear(self, session: SessionKey, to_bot: &Address, forward: Forward) {
        let (Some(settings), Some(text)) = (self.settings(), self.payload.message()) else {
            return self.hand_on(to_bot, forward).await;
        };
        let speech = settings.speech(&self.payload, &self.server.catalogue);
        let authority = &self.server.service.authority;
        let format = authority.rules.format;
        let heard = settings.understand(&text, Some(&self.payload), &speech.language, format);
        let user = account(&self.payload, &self.route, authority);
        let request = self
            .payload
            .request_id()
            .map(|id| RequestKey::new(&authority.keys, Operation::Hear, id, heard.brought(), user));
        let call = Call {
            operation: Operation::Hear,
            request,
            user,
            destination: Reading::not_asked(),
            wanted: settings.wanted(&self.payload),
            number: settings.typed_number(&text, &self.payload),
            code: Reading::not_asked(),
            heard: heard.clone(),
            forged: says_just(&text, &settings.verified_text),
            whole: false,
            language: Arc::clone(&speech.language),
        };
        let (answer, finally) = match self.server.service.call(&session, call).await {
            Outcome::Repeated(_) => return,
            Outcome::Final(answer) => (answer, None),
            Outcome::Slow { meanwhile, finally } => (meanwhile, finally),
        };
        self.note(&answer);
        if answer.report.status == Status::Verified {
            return self.move_on(&answer, &text, &heard, &speech, to_bot, forward).await;
        }
        // Where nobody can tell whether a code is awaited, what looks like one had better not reach the bot.
        let lost = answer.report.status == Status::Unavailable && !heard.is_about_a_code();
        if lost || answer.pass_on {
            return self.hand_on(to_bot, forward).await;
        }
        let Ok(to_user) = self.address(TO_USER) else {
            let (bot, request) = (&self.route.bot, loggable(&self.route.request_id));
            error!("{} cannot be used: the user hears nothing bot={bot} request={request}", TO_USER.field);
            return;
        };
        self.speak(&answer, secret(&text, &heard, REDACTED), &speech, &to_user).await;
        if let Some(finally) = finally {
            // Not in the lane: a code that has arrived must not wait for its provider to say so.
            let background = self.server.service.background.clone();
            background.start(async move {
                // The user has been told to type the code when it arrives; what else there is to know is that it
                // will not. Only the end of the process ends the work early.
                if let Ok(answer) = finally.await
                    && matches!(answer.report.status, Status::SendFailed | Status::Undeliverable)
                {
                    self.note(&answer);
                    self.speak(&answer, None, &speech, &to_user).await;
                }
            });
        }
    }

    /// Tells the bot that the code was right: a node that waits for the user is given a text with no code in it.
    async fn move_on(
        &self,
        answer: &Answer,
        text: &str,
        heard: &Utterance,
        speech: &Speech,
        to_bot: &Address,
        forward: Forward,
    ) {
        let Some(settings) = self.settings() else { return };
        let instead = settings.verified_text.clone();
        let secret = secret(text, heard, &instead);
        let proof = self.server.prove_to(&self.payload, &self.route, answer);
        let said = say(answer, self.server.service.expose, speech, proof.as_deref());
        let changes = Changes { message: Some(instead), secret, ..said };
        let body = reply(&self.payload, &self.route, Some(&changes));
        let _ = post(&self.server, to_bot, body.into(), &self.route, forward.field).await;
    }

    /// Says something to the user.
    async fn speak(&self, answer: &Answer, secret: Option<Secret>, speech: &Speech, to_user: &Address) {
        let Speech { language, medium } = speech;
        let said = say(answer, self.server.service.expose, speech, None);
        let suggestions = suggestions(&answer.report, language);
        let text = said.message.unwrap_or_default();
        let shown = show(text, &suggestions, answer.report.asks(), language, *medium);
        let changes = Changes { message: Some(shown.text), template: shown.template, secret, ..said };
        let body = reply(&self.payload, &self.route, Some(&changes));
        let _ = post(&self.server, to_user, body.into(), &self.route, TO_USER.field).await;
    }

    /// Takes what the bot says. A prompt that is ours is shown with what can be answered to it.
    async fn dress(self, session: SessionKey, to_user: &Address, forward: Forward) {
        let ours = self.payload.message().filter(|text| self.payload.last_message().as_ref() == Some(text));
        let suggestions = self.payload.last_suggestions();
        let (Some(settings), Some(text), false) = (self.settings(), ours, suggestions.is_empty()) else {
            return self.hand_on(to_user, forward).await;
        };
        let Speech { language, medium } = settings.speech(&self.payload, &self.server.catalogue);
        if !self.server.service.awaits(&session).await {
            return self.hand_on(to_user, forward).await;
        }
        let shown = show(text.clone().into_owned(), &suggestions, true, &language, medium);
        if shown.template.is_none() && shown.text == text {
            return self.hand_on(to_user, forward).await;
        }
        let changes = Changes { message: Some(shown.text), template: shown.template, ..Changes::default() };
        let body = reply(&self.payload, &self.route, Some(&changes));
        let _ = post(&self.server, to_user, body.into(), &self.route, forward.field).await;
    }

    /// Logs what came of what a user said.
    fn note(&self, answer: &Answer) {
        let outcome = answer.outcome();
        let (bot, request) = (&self.route.bot, loggable(&self.route.request_id));
        match &answer.report.reason {
            Some(reason) => info!("heard bot={bot} request={request} otp={outcome}: {reason}"),
            None => info!("heard bot={bot} request={request} otp={outcome}"),
        }
    }
}

/// What of a text must not be handed on: the code in it. A number that is none stays, since it may be anything.
fn secret(text: &str, heard: &Utterance, instead: &str) -> Option<Secret> {
    let code = match heard {
        Utterance::Code(code) => code.reveal(),
        Utterance::Codes => "",
        Utterance::Number
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
        | Utterance::Other => return None,
    };
    Some(Secret { typed: text.to_owned(), code: code.to_owned(), instead: instead.to_owned() })
}
