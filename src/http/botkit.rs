//! The platform's door: `POST {prefix}/sdk/bots/{bot}/components/{component}/{event}` and its short form
//! `POST {prefix}/sdk/bots/{bot}/{event}`.

use std::fmt;
use std::sync::Arc;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data, Payload as Body};
use actix_web::{HttpRequest, HttpResponse};
use log::{error, info, warn};

use super::conversation::{Arrival, message};
use super::webhook::webhook;
use super::{BotSettings, Server, body, refuse, respond};
use crate::botkit::{
    ACK_HEADER, API_KEY_HEADER, Bot, BotId, Event, Failure, Payload, Rejection, Route, TOKEN_HEADER,
    component_and_event, reply,
};
use crate::clock::{Clock as _, SystemClock};
use crate::platform::{self, Address, Unsafe};
use crate::telemetry::Stopwatch;

/// What the log says of a request.
#[derive(Default)]
pub(super) struct Trace<'r> {
    event: &'static str,
    bot: &'r str,
    request: String,
    pub(super) status: Option<&'static str>,
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
        let arrival = Arrival { server: Arc::clone(server), payload, route, body: answer.clone() };
        message(arrival, bot, forward)?;
    }
    Ok(accepted(answer))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A request id as it may stand in a log line, whatever was sent for one.
pub(super) fn loggable(request_id: &str) -> String {
    const LONGEST: usize = 64;
    let plain = |character: &char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    let mut text = String::with_capacity(LONGEST);
    text.extend(request_id.chars().filter(plain).take(LONGEST));
    text
}

pub(super) fn accepted(body: impl Into<Bytes>) -> HttpResponse {
    const SUPPORTS_ACK: HeaderName = HeaderName::from_static(ACK_HEADER);
    respond(200).insert_header((SUPPORTS_ACK, HeaderValue::from_static("true"))).body(body.into())
}

pub(super) fn safe(server: &Server, route: &Route, url: &str, field: &str) -> Result<Address, Unsafe> {
    server.platform.address(url, &route.bot).inspect_err(|problem| {
        warn!("{field} {problem} bot={} request={}", route.bot, loggable(&route.request_id));
    })
}

/// Posts to the platform, with a fresh token. What comes of it is logged and counted.
///
/// # Errors
/// The platform did not take it.
pub(super) async fn post(
    server: &Server,
    address: &Address,
    body: Bytes,
    route: &Route,
    field: &'static str,
) -> Result<(), platform::Error> {
    // Who has no credentials cannot have called us.
    let Some(bot) = server.bots.get(&route.bot) else { return Err(platform::Error::Answered(401)) };
    let token = bot.credentials.token(SystemClock.now());
    let outcome = server.platform.post(address, &token, body).await;
    if let Err(error) = &outcome {
        error!("{field}: {error} bot={} request={}", route.bot, loggable(&route.request_id));
    }
    server.service.metrics.platform(field, if outcome.is_ok() { "accepted" } else { "failed" });
    outcome
}
