//! The REST doors below `/v1`, for Service nodes and for any other platform. Whatever comes of an operation is a 200 with
//! the report; 4xx is for calls that are wrong themselves, in BotKit's envelope.

pub(super) mod body;
mod otp;
mod path;
pub(super) mod turn;

use std::borrow::Cow;

use actix_web::http::Method;
use actix_web::http::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, HeaderValue, WWW_AUTHENTICATE};
use actix_web::web::{self, Data, Payload as Body};
use actix_web::{HttpRequest, HttpResponse};

use self::path::{Door, Path, Query};
use super::api_keys::ApiKey;
use super::trace::{Trace, loggable};
use super::{BotSettings, Server, header, refuse, respond};
use crate::botkit::{BotId, Failure};
use crate::telemetry::trace::TRACEPARENT;
use crate::telemetry::{Stopwatch, trace};

/// The header that names a call, so that a retry is known for one.
pub(super) const REQUEST_ID: &str = "idempotency-key";

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(web::scope("/v1").default_service(web::to(receive)));
}

/// Answers a call.
async fn receive(request: HttpRequest, body: Body, server: Data<Server>) -> HttpResponse {
    let known = header(request.headers(), TRACEPARENT).and_then(trace::Trace::parse);
    trace::within(known, handle(request, body, server)).await
}

async fn handle(request: HttpRequest, body: Body, server: Data<Server>) -> HttpResponse {
    let started = Stopwatch::start();
    let mut trace = Trace { event: "rest", bot: "?".into(), ..Trace::default() };
    let outcome = match admit(&request, &server, &mut trace) {
        Ok(admitted) => answer(&request, body, &server, admitted, &mut trace).await,
        Err(failure) => {
            super::body::discard(&request, body).await;
            Err(failure)
        }
    };
    let response = match outcome {
        Ok(json) => {
            respond(200).insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store"))).body(json)
        }
        Err(failure) => refused(&failure),
    };
    trace.answered(&server.service.metrics, response.status().as_u16(), started.elapsed());
    response
}

pub(super) fn refused(failure: &Failure) -> HttpResponse {
    let mut response = refuse(failure);
    match failure {
        Failure::Unauthorized => {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Failure::Method { allow } => {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        }
        _ => {}
    }
    response
}

/// A call that may be answered: its key is good and for its bot, its path and method lead somewhere.
struct Admitted<'a, 'r> {
    bot: BotId,
    settings: &'a BotSettings,
    what: What<'r>,
}

/// What is asked for.
enum What<'r> {
    Send(Cow<'r, str>),
    Status(Cow<'r, str>),
    Cancel(Cow<'r, str>),
    Verify(Cow<'r, str>),
    Resend(Cow<'r, str>),
    Turn,
}

impl<'r> What<'r> {
    fn new(door: Door<'r>, method: &Method) -> Result<Self, Failure> {
        Ok(match (door, method) {
            (Door::Otp(session), &Method::POST) => Self::Send(session),
            (Door::Otp(session), &Method::GET) => Self::Status(session),
            (Door::Otp(session), &Method::DELETE) => Self::Cancel(session),
            (Door::Verify(session), &Method::POST) => Self::Verify(session),
            (Door::Resend(session), &Method::POST) => Self::Resend(session),
            (Door::Turn, &Method::POST) => Self::Turn,
            (Door::Otp(_), _) => return Err(Failure::Method { allow: "POST, GET, DELETE" }),
            (Door::Verify(_) | Door::Resend(_) | Door::Turn, _) => {
                return Err(Failure::Method { allow: "POST" });
            }
        })
    }

    /// Its name in log and metrics.
    const fn name(&self) -> &'static str {
        match self {
            Self::Send(_) => "rest_send",
            Self::Status(_) => "rest_status",
            Self::Cancel(_) => "rest_cancel",
            Self::Verify(_) => "rest_verify",
            Self::Resend(_) => "rest_resend",
            Self::Turn => "rest_turn",
        }
    }
}

/// Looks at everything that stands in front of the body, the key first.
fn admit<'a, 'r>(
    request: &'r HttpRequest,
    server: &'a Data<Server>,
    trace: &mut Trace<'a>,
) -> Result<Admitted<'a, 'r>, Failure> {
    let key = server.api_keys.check(header(request.headers(), AUTHORIZATION.as_str()));
    let ApiKey { name, .. } = key.ok_or(Failure::Unauthorized)?;
    trace.key = Some(name);
    let Path { bot, door } = Path::parse(request.uri().path())?;
    trace.bot = bot.as_str().to_owned().into();
    if !key.is_some_and(|key| key.opens(&bot)) {
        return Err(Failure::Forbidden);
    }
    let settings = server.bots.get(&bot).map(|bot| &bot.settings).ok_or(Failure::UnknownBot)?;
    server.rate.admit(&bot).map_err(|wait| Failure::TooMany { wait })?;
    let what = What::new(door, request.method())?;
    trace.event = what.name();
    Ok(Admitted { bot, settings, what })
}

async fn answer(
    request: &HttpRequest,
    body: Body,
    server: &Data<Server>,
    admitted: Admitted<'_, '_>,
    trace: &mut Trace<'_>,
) -> Result<String, Failure> {
    let Admitted { bot, settings, what } = admitted;
    let text = match &what {
        What::Status(_) | What::Cancel(_) => {
            let raw = super::body::read_raw(request, body, server.settings.max_body_bytes).await?;
            // A purpose that is overlooked would have another code cancelled.
            if !matches!(raw.trim_ascii(), b"" | b"{}") {
                let problem = "GET and DELETE take no body; purpose and language go into the query";
                return Err(Failure::InvalidArguments(problem.to_owned()));
            }
            String::new()
        }
        What::Send(_) | What::Verify(_) | What::Resend(_) | What::Turn => {
            if let Some(query) = request.uri().query().filter(|query| !query.is_empty()) {
                let name = query.split(['=', '&']).next().unwrap_or_default();
                let problem =
                    format!("unknown query parameter `{}`; this goes into the body", loggable(name));
                super::body::discard(request, body).await;
                return Err(Failure::InvalidArguments(problem));
            }
            body::text(request, body, server.settings.max_body_bytes).await?
        }
    };
    let scene = otp::Scene { server, settings, bot, headers: request.headers() };
    match what {
        What::Send(session) => scene.send(&session, body::fields(&text)?, trace).await,
        What::Verify(session) => scene.verify(&session, body::fields(&text)?, trace).await,
        What::Resend(session) => scene.resend(&session, body::fields(&text)?, trace).await,
        What::Status(session) => scene.status(&session, query(request)?, trace).await,
        What::Cancel(session) => scene.cancel(&session, query(request)?, trace).await,
        What::Turn => scene.turn(&text, trace).await,
    }
}

fn query(request: &HttpRequest) -> Result<Query, Failure> {
    Query::parse(request.uri().query().unwrap_or_default())
}
