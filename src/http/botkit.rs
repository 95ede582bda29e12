//! The platform's door: `POST {prefix}/sdk/bots/{bot}/components/{component}/{event}` and its short form
//! `POST {prefix}/sdk/bots/{bot}/{event}`.

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::http::Method;
use actix_web::web::{Bytes, Data, Payload as Body};
use actix_web::{HttpRequest, HttpResponse};
use log::error;

use super::conversation::{Arrival, message};
use super::peer::caller;
use super::trace::{Trace, loggable};
use super::upstream::{Passage, Passing, Upstream, relay};
use super::webhook::webhook;
use super::{BotSettings, Server, accepted, body, header, not_found, refuse, upstream};
use crate::botkit::{
    API_KEY_HEADER, Bot, BotId, Event, Failure, Payload, Rejection, Route, TOKEN_HEADER, component_and_event,
    reply,
};
use crate::clock::{Clock as _, SystemClock};
use crate::telemetry::trace::TRACEPARENT;
use crate::telemetry::{Stopwatch, trace};

/// Answers an event.
pub(super) async fn receive(request: HttpRequest, body: Body, server: Data<Server>) -> HttpResponse {
    if request.method() != Method::POST {
        return not_found().await;
    }
    let known = header(request.headers(), TRACEPARENT).and_then(trace::Trace::parse);
    trace::within(known, handle(request, body, server)).await
}

async fn handle(request: HttpRequest, body: Body, server: Data<Server>) -> HttpResponse {
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
    trace.answered(&server.service.metrics, response.status().as_u16(), started.elapsed());
    response
}

/// A request that may be answered: its bot is known, its token is good, its path leads somewhere.
struct Admitted<'a, 'r> {
    id: BotId,
    bot: &'a Bot<BotSettings>,
    component: &'r str,
    /// `None`: one that only the server behind this one may know.
    event: Option<Event>,
}

/// Looks at everything that stands in front of the body: a refusal must not cost what a good request costs. The bot
/// whose credentials count is the one that the path names, and the same one is handled.
fn admit<'a, 'r>(
    request: &'r HttpRequest,
    server: &'a Data<Server>,
    trace: &mut Trace<'r>,
) -> Result<Admitted<'a, 'r>, Failure> {
    let settings = &server.settings;
    if !settings.allow_from.is_empty()
        && !settings.allow_from.admit(caller(request, &settings.trusted_proxies))
    {
        trace.rejection = Some(Rejection::Address);
        return Err(Failure::StrangeAddress);
    }
    let path = request.match_info().unprocessed().strip_prefix('/');
    let (name, rest) = path.and_then(|path| path.split_once('/')).ok_or(Failure::NotFound)?;
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
    server.rate.admit(&id).map_err(|wait| Failure::TooMany { wait })?;
    let (component, event) = component_and_event(rest).ok_or(Failure::NotFound)?;
    let event = Event::named(event);
    if event.is_none() && bot.settings.upstream.is_none() {
        return Err(Failure::EventNotFound);
    }
    trace.event = event.map_or("unknown", Event::name);
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
    let limit = server.settings.max_body_bytes;
    let conversation = bot.settings.conversation;
    let (payload, event, passage) = match (&bot.settings.upstream, event) {
        (None, Some(event)) => (Payload::parse(body::read(request, body, limit).await?)?, event, None),
        (None, None) => return Err(Failure::EventNotFound),
        (Some(upstream), event) => {
            let passage = upstream.passage(request, &server.settings.api_prefix, &id)?;
            // Only a Webhook node's call, or in conversation mode a message, may be ours.
            let event = event.filter(|event| match event {
                Event::Webhook => true,
                Event::UserMessage | Event::BotMessage => conversation,
                Event::Alert
                | Event::AgentTransfer
                | Event::Event
                | Event::VariableUpdate
                | Event::ClientEvent => false,
            });
            let Some(event) = event else {
                let body = upstream::pass(request, body, limit)?;
                return onward(server, upstream, &id, passage, body, trace).await;
            };
            let raw = body::read_raw(request, body, limit).await?;
            let payload = match body::text_of(request.headers(), &raw, limit).await {
                Ok(text) => Payload::parse(text),
                Err(failure) => Err(failure),
            };
            let named = payload.as_ref().ok().and_then(Payload::component_name);
            let named = named.unwrap_or(Cow::Borrowed(component));
            if event == Event::Webhook && bot.settings.components.operation(&named).is_none() {
                trace.component = loggable(&named);
                return onward(server, upstream, &id, passage, raw, trace).await;
            }
            (payload?, event, Some((passage, raw)))
        }
    };
    let request_id = payload.request_id().map_or_else(|| server.service.request_id(), str::to_owned);
    trace.request = loggable(&request_id);
    let route = Route { bot: id, component: component.to_owned(), event, request_id };
    let Some(recorder) = server.recorder.get() else {
        return act(server, bot, payload, route, passage, trace).await;
    };
    let arrived = recorder.arrives(server, bot, &payload, &route);
    let response = act(server, bot, payload, route, passage, trace).await?;
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
    passage: Option<(Passage, Bytes)>,
    trace: &mut Trace<'_>,
) -> Result<HttpResponse, Failure> {
    let event = route.event;
    if event == Event::Webhook {
        return webhook(server, bot, payload, route, trace).await;
    }
    let answer = Bytes::from(reply(&payload, &route, None));
    if let Some(forward) = event.forward() {
        let arrival = Arrival { server: Arc::clone(server), payload, route, body: answer.clone(), passage };
        message(arrival, bot, forward)?;
    }
    Ok(accepted(answer))
}

/// Has another server answer.
async fn onward(
    server: &Data<Server>,
    upstream: &Upstream,
    bot: &BotId,
    passage: Passage,
    body: impl Into<Passing>,
    trace: &mut Trace<'_>,
) -> Result<HttpResponse, Failure> {
    trace.forwarded = true;
    let outcome = upstream.send(passage, body).await;
    server.service.metrics.platform("forward_to", if outcome.is_ok() { "accepted" } else { "failed" });
    outcome.map(relay).map_err(|(failure, reason)| {
        error!("forward_to: {reason} bot={bot}");
        failure
    })
}
