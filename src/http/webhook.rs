//! Webhook nodes: a dialog asks for an operation, and goes on with the answer.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data};
use log::{error, info};

use super::answer::say;
use super::bot::Speech;
use super::onward::{post, safe};
use super::trace::{Trace, loggable};
use super::{BotSettings, Server, accepted, respond};
use crate::address::Destination;
use crate::botkit::{ASYNC_RESPONSE, Bot, CALLBACK_FIELD, Changes, Failure, Payload, Route, reply};
use crate::dialog::understanding::Utterance;
use crate::dialog::{Answer, Call, Operation, Reading, Report, RequestKey, SessionKey, Status};
use crate::otp::{AccountId, Authority, Code};
use crate::platform::Address;
use crate::service::Outcome;
use crate::telemetry::Stopwatch;

/// Answers a Webhook node.
pub(super) async fn webhook(
    server: &Data<Server>,
    bot: &Bot<BotSettings>,
    payload: Payload,
    route: Route,
    trace: &mut Trace<'_>,
) -> Result<HttpResponse, Failure> {
    // Before anything is done: what has no place to be said must not happen.
    payload.has_place_for_answers()?;
    // The platform names the node; a hand-made call may leave it at the path.
    let component = payload.component_name().unwrap_or(Cow::Borrowed(&route.component));
    trace.component = loggable(&component);
    let operation = bot.settings.components.operation(&component);
    let speech = bot.settings.speech(&payload, &server.catalogue);
    let outcome = match operation {
        Some(Operation::Start) if !bot.settings.conversation => Outcome::Final(no_conversation(server)),
        Some(operation) => run(server, &bot.settings, &payload, &route, operation, &speech).await,
        None => Outcome::Final(unknown_component(server)),
    };
    let (Outcome::Final(answer) | Outcome::Repeated(answer) | Outcome::Slow { meanwhile: answer, .. }) =
        &outcome;
    trace.status = Some(answer.report.status.name());
    if let Some(reason) = &answer.report.reason {
        info!(
            "{}: {reason} bot={} request={}",
            answer.report.status.name(),
            route.bot,
            loggable(&route.request_id)
        );
    }
    match outcome {
        Outcome::Final(answer) | Outcome::Repeated(answer) => {
            let proof = server.prove_to(&payload, &route, &answer);
            let changes = changes(server, operation, &speech, &answer, proof.as_deref());
            Ok(accepted(reply(&payload, &route, Some(&changes))))
        }
        Outcome::Slow { meanwhile, finally } => {
            let callback =
                payload.callback_url().and_then(|url| safe(server, &route, &url, CALLBACK_FIELD).ok());
            let Some(address) = callback else {
                let changes = changes(server, operation, &speech, &meanwhile, None);
                return Ok(accepted(reply(&payload, &route, Some(&changes))));
            };
            if let Some(finally) = finally {
                let finally = async { finally.await.unwrap_or(meanwhile) };
                let server = Arc::clone(server);
                let background = server.service.background.clone();
                background.start(async move {
                    let answer = finally.await;
                    let changes = changes(&server, operation, &speech, &answer, None);
                    let body = reply(&payload, &route, Some(&changes));
                    call_back(&server, &address, body.into(), &route).await;
                });
            }
            Ok(respond(202).body(ASYNC_RESPONSE))
        }
    }
}

/// Offers a late answer to the platform, again and again, until it takes it, will never take it, or nobody waits for it
/// any more. Taking it twice does no harm: the first time ends the waiting.
async fn call_back(server: &Server, address: &Address, body: Bytes, route: &Route) {
    const FIRST_PAUSE: Duration = Duration::from_millis(500);
    const LONGEST_PAUSE: Duration = Duration::from_secs(30);
    let stopwatch = Stopwatch::start();
    let mut pause = FIRST_PAUSE;
    while let Err(error) = post(server, address, body.clone(), route, CALLBACK_FIELD).await {
        if !error.may_pass() || stopwatch.elapsed() + pause > server.platform.call_back_within {
            let (bot, request) = (&route.bot, loggable(&route.request_id));
            error!("{CALLBACK_FIELD}: the late answer is given up bot={bot} request={request}");
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn unknown_component(server: &Server) -> Answer {
    let reason = "name the Webhook node OtpSend, OtpVerify, OtpResend, OtpCancel, OtpStatus, OtpGenerate or OtpStart, or \
                  map its name in the server's configuration";
    Answer::new(Report::bare(Status::UnknownComponent, reason, server.service.now()))
}

fn no_conversation(server: &Server) -> Answer {
    let reason = "OtpStart leads the whole dialog, for which the server has to hear the user: set conversation = true for \
                  this bot, and tick OnMessage in its BotKit settings";
    Answer::new(Report::bare(Status::Misconfigured, reason, server.service.now()))
}

async fn run(
    server: &Data<Server>,
    settings: &BotSettings,
    payload: &Payload,
    route: &Route,
    operation: Operation,
    speech: &Speech,
) -> Outcome {
    let Some(session) = payload.session() else {
        let reason = "the payload names no session: BotUserSession.conversationSessionId and the user's id are missing";
        return Outcome::Final(Answer::new(Report::bare(
            Status::Misconfigured,
            reason,
            server.service.now(),
        )));
    };
    let authority = &server.service.authority;
    let destination = match operation {
        Operation::Send | Operation::Start => settings.destination(payload, &settings.reach),
        // What the bot sends itself needs no provider of ours.
        Operation::Generate => settings.destination(payload, &settings.reach.of_the_bot()),
        Operation::Verify | Operation::Resend | Operation::Cancel | Operation::Status | Operation::Hear => {
            Reading::not_asked()
        }
    };
    let (code, heard) = match operation {
        Operation::Verify => {
            let found = payload.first_of(&settings.code_fields);
            let format = authority.rules.format;
            let hear = |text: &str| settings.understand(text, Some(payload), &speech.language, format);
            Reading::code(found.as_ref(), format, hear)
        }
        Operation::Send
        | Operation::Generate
        | Operation::Start
        | Operation::Resend
        | Operation::Cancel
        | Operation::Status
        | Operation::Hear => (Reading::not_asked(), Utterance::Other),
    };
    let brought = code.read().map(Code::reveal).or(destination.read().map(Destination::reveal));
    let user = account(payload, route, authority);
    let request = payload
        .request_id()
        .map(|id| RequestKey::new(&authority.keys, operation, id, brought.unwrap_or_default(), user));
    let language = Arc::clone(&speech.language);
    let wanted = settings.wanted(payload);
    let call = Call {
        operation,
        request,
        user,
        destination,
        wanted,
        number: None,
        code,
        heard,
        forged: false,
        whole: false,
        language,
    };
    server.service.call(&SessionKey::new(&route.bot, &session), call).await
}

/// The account of the user that a payload is about.
pub(super) fn account(payload: &Payload, route: &Route, authority: &Authority) -> Option<AccountId> {
    Some(AccountId::of_user(&authority.keys, route.bot.as_str(), &payload.user()?))
}

impl Server {
    /// Signs what a right code has proven, in the session and of the user that a payload names.
    pub(super) fn prove_to(&self, payload: &Payload, route: &Route, answer: &Answer) -> Option<String> {
        let key = || Some(SessionKey::new(&route.bot, &payload.session()?));
        let user = || payload.user().filter(|_| answer.report.status == Status::Verified);
        self.prove(answer, key, user().as_deref())
    }
}

/// Puts an answer into the platform's words.
fn changes(
    server: &Server,
    operation: Option<Operation>,
    speech: &Speech,
    answer: &Answer,
    proof: Option<&str>,
) -> Changes {
    let said = say(answer, server.service.expose, speech, proof);
    match operation {
        // Not ours: the message stays as it came.
        None => Changes { message: None, session: Vec::new(), ..said },
        // Asking changes nothing.
        Some(Operation::Status) => Changes { session: Vec::new(), ..said },
        Some(_) => said,
    }
}
