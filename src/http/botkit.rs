//! The platform's door: `POST {prefix}/sdk/bots/{bot}/components/{component}/{event}` and its short form
//! `POST {prefix}/sdk/bots/{bot}/{event}`.

use std::sync::Arc;

use actix_web::web::{Bytes, Data, Payload as Body};
use actix_web::{HttpRequest, HttpResponse};
use log::info;

use super::conversation::{Arrival, message};
use super::trace::{Trace, loggable};
use super::webhook::webhook;
use super::{BotSettings, Server, accepted, body, header, refuse};
use crate::botkit::{
    API_KEY_HEADER, Bot, BotId, Event, Failure, Payload, Rejection, Route, TOKEN_HEADER, component_and_event,
    reply,
};
use crate::clock::{Clock as _, SystemClock};
use crate::telemetry::Stopwatch;

/// Answers an event.
pub(super) async fn receive(request: HttpRequest, body: Body, server: Data<Server>) -> HttpResponse {
    let started = Stopwatch::start();
    let mut trace = Trace { event: "unknown", bot: "?".into(), ..Trace::default() };
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
        trace.bot = name.into();
    }
    let (id, bot) = known
        .and_then(|id| server.bots.get(&id).map(|bot| (id, bot)))
        .ok_or(Rejection::UnknownBot)
        .and_then(|(id, bot)| {
            let (token, key) =
                (header(request.headers(), TOKEN_HEADER), header(request.headers(), API_KEY_HEADER));
            bot.credentials.as_ref().ok_or(Rejection::UnknownBot)?.check(token, key, SystemClock.now())?;
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
    let Some(recorder) = server.recorder.get() else { return act(server, bot, payload, route, trace).await };
    let arrived = recorder.arrives(server, bot, &payload, &route);
    let response = act(server, bot, payload, route, trace).await?;
    Ok(match arrived {
        Some(arrived) => recorder.answered(server, arrived, response),
        None => response,
    })
}

/// Does what an event asks for.
async fn act(
    server: &Data<Server>,
    bot: &Bot<BotSettings>,
    payload: Payload,
    route: Route,
    trace: &mut Trace<'_>,
) -> Result<HttpResponse, Failure> {
    let event = route.event;
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
