//! The whole dialog behind one call: what the user said and the platform's `BotUserSession` come in, what to say next and
//! that session go out, with our keys in it and every other byte as it was.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa::openapi::schema;

use super::body::{Name, fields};
use super::otp::Scene;
use super::path;
use crate::address::Destination;
use crate::botkit::{Failure, Found, Payload, bot_user_session};
use crate::dialog::channel::suggestions;
use crate::dialog::understanding::{Utterance, says_just};
use crate::dialog::{
    Answer, Call, Operation, Purpose, Reading, Session, SessionKey, Status, Topic, Wanted, Wire, typed_number,
};
use crate::http::answer::say;
use crate::http::bot::Speech;
use crate::http::trace::Trace;
use crate::otp::Phase;

/// The dialog is to begin, or to go on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::http) struct Turn<'t> {
    /// The platform's session.
    #[serde(borrow)]
    session: TurnSession<'t>,
    /// What the user said. Without it the dialog begins, or its last question comes again.
    #[schema(example = "mira@example.com")]
    message: Option<String>,
    /// How codes go: `email`, `sms`, `whatsapp` or `call`; by what the address is, if nothing is said.
    channel: Option<String>,
    /// What the code is for: codes of different purposes in one session know nothing of each other.
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    purpose: Option<Purpose>,
    /// What to speak, such as `de` or `pt-BR`; the bot's first language, if that is none we have.
    #[schema(example = "en")]
    language: Option<String>,
    /// Who the user is: `sub` of the proof. Or `session.UserContext._id`.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    user: Option<Name>,
    /// Names this call, so that its retry gets the same answer; or the header `Idempotency-Key`.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    request_id: Option<Name>,
}

/// The platform's session.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(in crate::http) struct TurnSession<'t> {
    /// Its id: any text without control characters.
    #[schema(min_length = 1, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$", example = "s-1")]
    id: String,
    #[serde(rename = "BotUserSession", borrow)]
    #[schema(schema_with = any_session, required = false)]
    bot_user: Option<&'t RawValue>,
    #[serde(rename = "UserContext", borrow)]
    #[schema(schema_with = any_user, required = false)]
    user_context: Option<&'t RawValue>,
}

/// What to say next, and the session.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http) struct Turned<'a> {
    /// What to say to the user next.
    message: &'a str,
    /// What the user can answer instead, for buttons.
    #[schema(value_type = Vec<String>)]
    suggestions: &'a [Cow<'a, str>],
    /// Whether the dialog is over, for good or ill; `otp.status` says which.
    done: bool,
    /// Whether what the user said was about something else: let the bot answer it, or say `message` if there is none.
    pass_on: bool,
    /// How things stand.
    #[schema(value_type = Wire)]
    otp: Box<RawValue>,
    #[serde(rename = "BotUserSession")]
    #[schema(schema_with = our_session)]
    bot_user: Box<RawValue>,
}

fn any_session() -> schema::Object {
    any_object("Comes back with `OTP`, `ExpiryTime` and `OTPVerified` in it, and every other byte as it was.")
}

fn any_user() -> schema::Object {
    any_object(
        "What the platform knows of the user, such as `emailId`: an address in it is used without asking.",
    )
}

fn any_object(about: &str) -> schema::Object {
    let kinds = schema::SchemaType::Array(vec![schema::Type::Object, schema::Type::Null]);
    schema::ObjectBuilder::new().schema_type(kinds).description(Some(about)).build()
}

fn our_session() -> schema::Object {
    let session = schema::ObjectBuilder::new().schema_type(schema::Type::Object);
    session.description(Some("The session as it came, with our keys in it.")).build()
}

/// What a turn is about, read once.
struct Words<'a> {
    /// What the user said; `None` where the dialog is to begin, or to be taken up again.
    text: Option<&'a str>,
    heard: Utterance,
    channel: Option<Found<'a>>,
    payload: &'a Payload,
    speech: Speech,
    user: Option<Cow<'a, str>>,
    request: Option<String>,
}

impl Scene<'_> {
    /// Takes a turn of the dialog.
    pub(super) async fn turn(&self, text: &str, trace: &mut Trace<'_>) -> Result<String, Failure> {
        let body: Turn<'_> = fields(text)?;
        let request = self.request(body.request_id, trace)?;
        let id = path::session_id(body.session.id.as_str().into())?;
        let payload = payload(&body.session, body.language.as_deref())?;
        let text = body.message.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let speech = self.settings.speech(&payload, &self.server.catalogue);
        let format = self.server.service.authority.rules.format;
        let heard = text.map_or(Utterance::Other, |text| {
            self.settings.understand(text, Some(&payload), &speech.language, format)
        });
        let channel = body.channel.as_deref().filter(|word| !word.is_empty());
        let channel = channel.map(|word| Found::Text(word.into()));
        let user = body.user.map(|Name(user)| user.into()).or_else(|| payload.user());
        let words = Words { text, heard, channel, payload: &payload, speech, user, request };
        let key = self.key(&id, body.purpose.as_ref());
        let (answer, done) = self.lead(&key, &words, trace).await;
        let proof = self.server.prove(&answer, || Some(key), words.user.as_deref());
        let said = say(&answer, self.server.service.expose, &words.speech, proof.as_deref());
        let suggestions = suggestions(&answer.report, &words.speech.language);
        let raw = |json| RawValue::from_string(json).map_err(|_| Failure::Internal);
        let turned = Turned {
            message: &said.message.unwrap_or_default(),
            suggestions: &suggestions,
            done,
            pass_on: answer.pass_on,
            otp: raw(said.otp.unwrap_or_default())?,
            bot_user: raw(bot_user_session(&payload, &said.session))?,
        };
        serde_json::to_string(&turned).map_err(|_| Failure::Internal)
    }

    /// Begins the dialog or goes on with it, and says whether it is over.
    async fn lead(&self, key: &SessionKey, words: &Words<'_>, trace: &mut Trace<'_>) -> (Answer, bool) {
        let service = &self.server.service;
        // Without the store nobody knows where the dialog stands; the call will say so.
        let stored = service.store.load(key, &[]).await.ok().and_then(|snapshot| snapshot.session);
        let session = stored.as_ref().map(|stored| &*stored.value);
        let mut answer = match self.next(session, words) {
            Operation::Start => {
                let answer = self.outcome(key, self.start(words), trace).await;
                let hears = matches!(words.heard, Utterance::Address(_)) || self.number(words).is_some();
                if answer.report.status == Status::NoChallenge && hears {
                    // Who begins with an address need not be asked for it.
                    self.outcome(key, self.hear(words), trace).await
                } else {
                    answer
                }
            }
            Operation::Cancel => self.outcome(key, self.leave(words), trace).await,
            _ => self.outcome(key, self.hear(words), trace).await,
        };
        if answer.pass_on && matches!(words.heard, Utterance::Cancel) {
            // Where there is a bot, it decides what cancelling means; here there is nobody else to end it.
            answer = self.outcome(key, self.leave(words), trace).await;
            answer.report.intent = words.heard.intent().map(Cow::Borrowed);
        }
        if !answer.pass_on {
            let done = answer.report.ends_dialog();
            return (answer, done);
        }
        let done = matches!(words.heard, Utterance::Agent) || !service.awaits(key).await;
        if !done && answer.report.status == Status::NoChallenge {
            // Whoever has nothing else to say repeats the question.
            answer.report.topic = Some(Topic::Address);
        }
        (answer, done)
    }

    /// What a turn comes to. The retry of a call is taken for what the call was, whatever has become of the session.
    fn next(&self, session: Option<&Session>, words: &Words<'_>) -> Operation {
        let Some(session) = session else { return Operation::Start };
        let now = self.server.service.now();
        let answered = |call: &Call| call.request.is_some_and(|request| session.answered(request).is_some());
        if answered(&self.leave(words)) {
            return Operation::Cancel;
        }
        if answered(&self.hear(words)) {
            return Operation::Hear;
        }
        if words.text.is_none() || answered(&self.start(words)) {
            return Operation::Start;
        }
        // Who has just been verified does not ask for another code by going on to talk.
        let verified = session.challenge.as_ref().is_some_and(|code| code.phase(now) == Phase::Verified);
        if session.awaits(now) || verified { Operation::Hear } else { Operation::Start }
    }

    fn start(&self, words: &Words<'_>) -> Call {
        let found = self.settings.addresses(words.payload);
        let destination = Reading::destination(found, words.channel.as_ref(), &self.settings.reach);
        let brought = destination.read().map(|to| Destination::reveal(to).to_owned());
        let call = self.said(Operation::Start, words, brought.as_deref());
        Call { destination, heard: Utterance::Other, ..call }
    }

    fn hear(&self, words: &Words<'_>) -> Call {
        let forged = words.text.is_some_and(|text| says_just(text, &self.settings.verified_text));
        let call = self.said(Operation::Hear, words, Some(words.heard.brought()));
        Call { number: self.number(words), forged, ..call }
    }

    fn leave(&self, words: &Words<'_>) -> Call {
        self.said(Operation::Cancel, words, None)
    }

    fn said(&self, operation: Operation, words: &Words<'_>, brought: Option<&str>) -> Call {
        let language = Arc::clone(&words.speech.language);
        Call {
            wanted: Wanted::of(words.channel.as_ref(), &self.settings.reach),
            heard: words.heard.clone(),
            whole: true,
            ..self.call(operation, words.request.as_deref(), brought, words.user.as_deref(), language)
        }
    }

    fn number(&self, words: &Words<'_>) -> Option<Reading<Destination>> {
        typed_number(words.text?, words.channel.as_ref(), &self.settings.reach)
    }
}

/// Puts the session into the shape that the platform's payloads have, so that everything is found where it is there.
fn payload(session: &TurnSession<'_>, language: Option<&str>) -> Result<Payload, Failure> {
    let mut members = Vec::new();
    for (name, member) in [("BotUserSession", session.bot_user), ("UserContext", session.user_context)] {
        let Some(json) = member.map(RawValue::get) else { continue };
        if !(json.starts_with('{') || json == "null") {
            return Err(Failure::InvalidArguments(format!("session.{name}: must be an object")));
        }
        members.push(format!("\"{name}\":{json}"));
    }
    let language = language.map_or_else(String::new, |tag| format!("\"currentLanguage\":{},", json!(tag)));
    Payload::parse(format!("{{\"context\":{{{language}\"session\":{{{}}}}}}}", members.join(",")))
}
