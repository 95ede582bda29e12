//! The platform's door: `POST {prefix}/sdk/bots/{bot}/components/{component}/{event}` and its short form
//! `POST {prefix}/sdk/bots/{bot}/{event}`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data, Payload as Body};
use actix_web::{HttpRequest, HttpResponse};
use log::{error, info, warn};

use super::{Server, body, refuse, respond};
use crate::botkit::{
    ACK_HEADER, API_KEY_HEADER, ASYNC_RESPONSE, Bot, BotId, CALLBACK_FIELD, Changes, Event, Failure, Forward,
    Payload, Pointer, Rejection, Route, SessionField, TOKEN_HEADER, component_and_event, reply,
};
use crate::clock::{Clock as _, SystemClock};
use crate::dialog::{Answer, Call, Operation, Reading, Report, RequestKey, SessionKey, Status, plain_name};
use crate::otp::Expose;
use crate::platform::{Address, Unsafe};
use crate::service::Outcome;
use crate::telemetry::Stopwatch;

/// What a bot's dialogs call things.
#[derive(Debug)]
pub struct BotSettings {
    /// Which Webhook node runs which operation.
    pub components: Names,
    /// Where an address is looked for, in order.
    pub destination_fields: Vec<Pointer>,
    /// Where a typed code is looked for, in order.
    pub code_fields: Vec<Pointer>,
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

    fn operation(&self, component: &str) -> Option<Operation> {
        let own = if self.0.is_empty() {
            None
        } else {
            self.0.get(&plain_name(component).collect::<String>()).copied()
        };
        own.or_else(|| Operation::of_component(component))
    }
}

/// What the log says of a request.
#[derive(Default)]
struct Trace<'r> {
    event: &'static str,
    bot: &'r str,
    request: String,
    status: Option<&'static str>,
    rejection: Option<Rejection>,
}

/// Who it was about, and what came of it: the operation's status, or why the caller was refused.
impl fmt::Display for Trace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bot={} request={}", self.bot, self.request)?;
        match (self.status, self.rejection) {
            (_, Some(rejection)) => write!(f, " refused: {rejection}"),
            (Some(status), None) => write!(f, " otp={status}"),
            (None, None) => Ok(()),
        }
    }
}

/// Answers an event.
pub(super) async fn receive(request: HttpRequest, body: Body, server: Data<Server>) -> HttpResponse {
    let started = Stopwatch::start();
    let mut trace = Trace { event: "unknown", bot: "?", ..Trace::default() };
    let response = match admit(&request, &server, &mut trace) {
        Ok(admitted) => match answer(&request, body, &server, admitted, &mut trace).await {
            Ok(response) => response,
            Err(failure) => refuse(&failure),
        },
        Err(failure) => {
            body::discard(&request, body).await;
            refuse(&failure)
        }
    };
    let status = response.status().as_u16();
    server.service.metrics.request(trace.event, status);
    let tenths = started.elapsed().as_micros() / 100;
    info!("{} {status} {}.{} ms {trace}", trace.event, tenths / 10, tenths % 10);
    response
}

/// A request that may be answered: its bot is known, its token is good, its path leads somewhere.
struct Admitted<'a, 'r> {
    id: BotId,
    bot: &'a Bot<BotSettings>,
    component: &'r str,
    event: Event,
}

/// Looks at everything that stands in front of the body: a refusal must not cost what a good request costs. The bot
/// whose credentials count is the one of the matched route, and the same one is handled.
fn admit<'a, 'r>(
    request: &'r HttpRequest,
    server: &'a Data<Server>,
    trace: &mut Trace<'r>,
) -> Result<Admitted<'a, 'r>, Failure> {
    let path = request.match_info();
    let name = path.get("bot").unwrap_or_default();
    let known = BotId::parse(name);
    if known.is_some() {
        trace.bot = name;
    }
    let (id, bot) = known
        .and_then(|id| server.bots.get(&id).map(|bot| (id, bot)))
        .ok_or(Rejection::UnknownBot)
        .and_then(|(id, bot)| {
            let (token, key) =
                (header(request.headers(), TOKEN_HEADER), header(request.headers(), API_KEY_HEADER));
            bot.credentials.check(token, key, SystemClock.now())?;
            Ok((id, bot))
        })
        .map_err(|rejection| {
            trace.rejection = Some(rejection);
            Failure::Unauthorized
        })?;
    let (component, event) =
        component_and_event(path.get("rest").unwrap_or_default()).ok_or(Failure::NotFound)?;
    let event = Event::named(event).ok_or(Failure::EventNotFound)?;
    trace.event = event.name();
    Ok(Admitted { id, bot, component, event })
}

async fn answer(
    request: &HttpRequest,
    body: Body,
    server: &Data<Server>,
    admitted: Admitted<'_, '_>,
    trace: &mut Trace<'_>,
) -> Result<HttpResponse, Failure> {
    let Admitted { id, bot, component, event } = admitted;
    let payload = Payload::parse(body::read(request, body, server.settings.max_body_bytes).await?)?;
    let request_id = payload.request_id().map_or_else(|| server.service.request_id(), str::to_owned);
    trace.request = loggable(&request_id);
    let route = Route { bot: id, component: component.to_owned(), event, request_id };
    if event == Event::Webhook {
        return webhook(server, bot, payload, route, trace).await;
    }
    let answer = Bytes::from(reply(&payload, &route, None));
    if let Some(forward) = event.forward() {
        pass_on(server, bot, &payload, &route, forward, answer.clone())?;
    }
    Ok(accepted(answer))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A request id as it may stand in a log line, whatever was sent for one.
fn loggable(request_id: &str) -> String {
    const LONGEST: usize = 64;
    let plain = |character: &char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    let mut text = String::with_capacity(LONGEST);
    text.extend(request_id.chars().filter(plain).take(LONGEST));
    text
}

fn accepted(body: impl Into<Bytes>) -> HttpResponse {
    const SUPPORTS_ACK: HeaderName = HeaderName::from_static(ACK_HEADER);
    respond(200).insert_header((SUPPORTS_ACK, HeaderValue::from_static("true"))).body(body.into())
}

/// Hands a message on to where the platform waits for it, after the event has been acknowledged.
fn pass_on(
    server: &Data<Server>,
    bot: &Bot<BotSettings>,
    payload: &Payload,
    route: &Route,
    forward: Forward,
    body: Bytes,
) -> Result<(), Failure> {
    let Some(url) = payload.forward_url(forward) else {
        return Err(Failure::InvalidArguments(format!("{} is missing", forward.spoken)));
    };
    let address = safe(server, route, &url, forward.field)
        .map_err(|problem| Failure::InvalidArguments(format!("{} {problem}", forward.spoken)))?;
    let work = post(
        Arc::clone(server),
        address,
        bot.credentials.token(SystemClock.now()),
        body,
        route.clone(),
        forward.field,
    );
    server.service.background.start(work);
    Ok(())
}

fn safe(server: &Server, route: &Route, url: &str, field: &str) -> Result<Address, Unsafe> {
    server.platform.address(url, &route.bot).inspect_err(|problem| {
        warn!("{field} {problem} bot={} request={}", route.bot, loggable(&route.request_id));
    })
}

async fn post(
    server: Arc<Server>,
    address: Address,
    token: String,
    body: Bytes,
    route: Route,
    field: &'static str,
) {
    let outcome = match server.platform.post(&address, &token, body).await {
        Ok(()) => "accepted",
        Err(error) => {
            error!("{field}: {error} bot={} request={}", route.bot, loggable(&route.request_id));
            "failed"
        }
    };
    server.service.metrics.platform(field, outcome);
}

/// Answers a Webhook node.
async fn webhook(
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
    let operation = bot.settings.components.operation(&component);
    let outcome = match operation {
        Some(operation) => run(server, &bot.settings, &payload, &route, operation).await,
        None => Outcome::Final(unknown_component(server)),
    };
    let (Outcome::Final(answer) | Outcome::Slow { meanwhile: answer, .. }) = &outcome;
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
        Outcome::Final(answer) => {
            Ok(accepted(reply(&payload, &route, Some(&changes(server, operation, &answer)))))
        }
        Outcome::Slow { meanwhile, finally } => {
            let callback =
                payload.callback_url().and_then(|url| safe(server, &route, &url, CALLBACK_FIELD).ok());
            let Some(address) = callback else {
                return Ok(accepted(reply(&payload, &route, Some(&changes(server, operation, &meanwhile)))));
            };
            if let Some(finally) = finally {
                let finally = async { finally.await.unwrap_or(meanwhile) };
                let work = call_back(Arc::clone(server), payload, route, address, operation, finally);
                server.service.background.start(work);
            }
            Ok(respond(202).body(ASYNC_RESPONSE))
        }
    }
}

fn unknown_component(server: &Server) -> Answer {
    let reason = "name the Webhook node OtpSend, OtpVerify, OtpResend, OtpCancel, OtpStatus or OtpGenerate, or map its \
                  name in the server's configuration";
    Answer { report: Report::bare(Status::UnknownComponent, reason, server.service.now()), code: None }
}

async fn run(
    server: &Data<Server>,
    settings: &BotSettings,
    payload: &Payload,
    route: &Route,
    operation: Operation,
) -> Outcome {
    let Some(session) = payload.session() else {
        let reason = "the payload names no session: BotUserSession.conversationSessionId and the user's id are missing";
        let report = Report::bare(Status::Misconfigured, reason, server.service.now());
        return Outcome::Final(Answer { report, code: None });
    };
    let find = |fields: &[Pointer]| fields.iter().find_map(|field| payload.find(field.keys()));
    let authority = &server.service.authority;
    let (destination, code) = match operation {
        Operation::Send | Operation::Generate => {
            (Reading::destination(find(&settings.destination_fields).as_ref()), Reading::not_asked())
        }
        Operation::Verify => (
            Reading::not_asked(),
            Reading::code(find(&settings.code_fields).as_ref(), authority.rules.format),
        ),
        Operation::Resend | Operation::Cancel | Operation::Status => {
            (Reading::not_asked(), Reading::not_asked())
        }
    };
    let request =
        payload.request_id().map(|id| RequestKey::new(&authority.keys, operation, id, &destination, &code));
    let call = Call { operation, request, destination, code };
    server.service.call(&SessionKey::new(&route.bot, &session), call).await
}

/// Sends the answer of a slow call after it.
async fn call_back(
    server: Arc<Server>,
    payload: Payload,
    route: Route,
    address: Address,
    operation: Option<Operation>,
    finally: impl Future<Output = Answer>,
) {
    let answer = finally.await;
    let Some(bot) = server.bots.get(&route.bot) else { return };
    let body = reply(&payload, &route, Some(&changes(&server, operation, &answer)));
    let token = bot.credentials.token(SystemClock.now());
    post(Arc::clone(&server), address, token, body.into(), route, CALLBACK_FIELD).await;
}

/// Puts an answer into the platform's words.
fn changes(server: &Server, operation: Option<Operation>, answer: &Answer) -> Changes {
    let Answer { report, code } = answer;
    let message = report.message();
    let otp = report.to_json(&message);
    match operation {
        // Not ours: the message stays as it came.
        None => return Changes { message: None, otp, session: Vec::new() },
        // Asking changes nothing.
        Some(Operation::Status) => return Changes { message: Some(message), otp, session: Vec::new() },
        Some(
            Operation::Send | Operation::Verify | Operation::Resend | Operation::Cancel | Operation::Generate,
        ) => {}
    }
    // Said every time, and true only when a code has just been used up: no stale `true` survives a failure, and a
    // second try at a used code does not pass for a first one.
    let verified = if report.status == Status::Verified { "true" } else { "false" };
    let mut session = Vec::with_capacity(3);
    session.push((SessionField::OtpVerified, Cow::Borrowed(verified)));
    if let Some(facts) = &report.facts {
        match (&facts.live, code) {
            (Some(live), code) => {
                let stands_for = match (code, server.service.expose) {
                    (Some(code), _) => Some(format!("\"{}\"", code.reveal())),
                    (None, Expose::Reference) => Some(format!("\"{}\"", facts.id)),
                    // The digits that stand there already are the ones that count.
                    (None, Expose::Plain) => None,
                };
                session.extend(stands_for.map(|json| (SessionField::Otp, json.into())));
                session.push((SessionField::ExpiryTime, live.expires_at.millis().to_string().into()));
            }
            (None, _) => session.push((SessionField::Otp, "null".into())),
        }
    } else if report.status == Status::NoChallenge {
        session.push((SessionField::Otp, "null".into()));
    }
    Changes { message: Some(message), otp, session }
}
