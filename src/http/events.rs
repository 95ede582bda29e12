//! The doors for what providers report of messages they took: `POST /events/sendgrid` and `POST /events/twilio`. A door
//! whose provider is not set up is not there.

use actix_web::web::{self, Data, Payload as Body};
use actix_web::{HttpRequest, HttpResponse};
use log::{error, info, warn};

use super::{Server, body, header, not_found, refuse};
use crate::address::Channel;
use crate::botkit::Failure;
use crate::clock::{Clock as _, SystemClock};
use crate::delivery::Provider;
use crate::delivery::events::{Event, Forged, SENDGRID_PATH, SendGridEvents, TWILIO_PATH, TwilioEvents};
use crate::telemetry::Stopwatch;

/// Largest batch of SendGrid's events that is read. Nobody is known before all of it is.
const BATCH: usize = 1 << 20;

/// Largest of Twilio's reports that is read: a form with a few dozen fields.
const FORM: usize = 1 << 16;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    let door = |path| web::resource(path).default_service(web::to(not_found));
    config
        .service(door(SENDGRID_PATH).route(web::post().to(sendgrid)))
        .service(door(TWILIO_PATH).route(web::post().to(twilio)));
}

async fn sendgrid(request: HttpRequest, body: Body, server: Data<Server>) -> HttpResponse {
    let started = Stopwatch::start();
    let outcome = match &server.events.sendgrid {
        Some(events) => from_sendgrid(events, &request, body, &server).await,
        None => Err(Failure::NotFound),
    };
    answer(&server, started, "events_sendgrid", outcome)
}

async fn from_sendgrid(
    events: &SendGridEvents,
    request: &HttpRequest,
    body: Body,
    server: &Server,
) -> Result<usize, Failure> {
    let signature = header(request.headers(), SendGridEvents::SIGNATURE);
    let timestamp = header(request.headers(), SendGridEvents::TIMESTAMP);
    // Signatures are checked by the real time, as tokens are.
    let admitted = events.admit(signature, timestamp, SystemClock.now());
    let (Some(signature), Some(timestamp), Ok(())) = (signature, timestamp, admitted) else {
        body::discard(request, body).await;
        return Err(forged(server, Provider::SendGrid, &Forged));
    };
    let bytes = body::read_bytes(request, body, BATCH.min(server.settings.max_body_bytes)).await?;
    events
        .verify(signature, timestamp, &bytes)
        .map_err(|problem| forged(server, Provider::SendGrid, &problem))?;
    let batch = events.read(&bytes).map_err(|_| Failure::InvalidJson)?;
    for event in &batch {
        take(server, Provider::SendGrid, event).await?;
    }
    Ok(batch.len())
}

async fn twilio(request: HttpRequest, body: Body, server: Data<Server>) -> HttpResponse {
    let started = Stopwatch::start();
    let outcome = match &server.events.twilio {
        Some(events) => from_twilio(events, &request, body, &server).await,
        None => Err(Failure::NotFound),
    };
    answer(&server, started, "events_twilio", outcome)
}

async fn from_twilio(
    events: &TwilioEvents,
    request: &HttpRequest,
    body: Body,
    server: &Server,
) -> Result<usize, Failure> {
    let Some(signature) = header(request.headers(), TwilioEvents::SIGNATURE) else {
        body::discard(request, body).await;
        return Err(forged(server, Provider::Twilio, &Forged));
    };
    let bytes = body::read_bytes(request, body, FORM.min(server.settings.max_body_bytes)).await?;
    let query = request.query_string();
    events.verify(signature, query, &bytes).map_err(|problem| forged(server, Provider::Twilio, &problem))?;
    take(server, Provider::Twilio, &events.read(query, &bytes, SystemClock.now())).await?;
    Ok(1)
}

/// Notes one event, and counts it.
async fn take(server: &Server, provider: Provider, event: &Event) -> Result<(), Failure> {
    let channel = match event {
        Event::News { challenge, send, news } => {
            server.service.reported(*challenge, *send, news).await.map_err(|unavailable| {
                // The provider says it again later.
                error!("{unavailable}");
                Failure::Internal
            })?
        }
        Event::Unknown | Event::Ignored => None,
    };
    let name = match (event, channel) {
        (Event::News { .. }, None) => "unknown",
        (Event::News { .. } | Event::Unknown | Event::Ignored, _) => event.name(),
    };
    server.service.metrics.event(provider.name(), channel.map_or("", Channel::name), name);
    Ok(())
}

fn forged(server: &Server, provider: Provider, problem: &Forged) -> Failure {
    warn!("an event in the name of {} was refused: {problem}", provider.name());
    server.service.metrics.event(provider.name(), "", "forged");
    Failure::Unauthorized
}

fn answer(
    server: &Server,
    started: Stopwatch,
    event: &'static str,
    outcome: Result<usize, Failure>,
) -> HttpResponse {
    let (response, taken) = match outcome {
        Ok(taken) => (HttpResponse::Ok().finish(), taken),
        Err(failure) => (refuse(&failure), 0),
    };
    let status = response.status().as_u16();
    server.service.metrics.request(event, status);
    server.service.metrics.request_took(event, status, started.elapsed());
    info!("{event} {status} events={taken}");
    response
}
