//! Dev mode's doors: the mail that would have been sent, a clock that can be moved, providers that can be made to
//! fail. They open only to this machine: not to a tunnel that ends here, and not to a page in a browser that has been
//! talked into calling a local address.

use actix_web::guard::GuardContext;
use actix_web::http::header::HeaderMap;
use actix_web::web::{self, Bytes, Data, Query};
use actix_web::{HttpResponse, guard};
use log::info;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{Server, refuse, respond};
use crate::address::Channel;
use crate::botkit::Failure;
use crate::delivery::{Fault, Line};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    let doors = web::scope("/dev")
        .guard(guard::fn_guard(is_from_here))
        .route("/outbox", web::get().to(outbox))
        .route("/clock", web::post().to(clock))
        .route("/faults", web::post().to(faults));
    config.service(doors);
}

/// Whether a request may open a door of dev mode.
pub(super) fn is_from_here(context: &GuardContext<'_>) -> bool {
    let head = context.head();
    head.peer_addr.is_none_or(|peer| peer.ip().is_loopback()) && is_direct(&head.headers)
}

/// Whether a request comes from this machine itself: not through a proxy or a tunnel, all of which say so in one header
/// or another, and not out of a page of another origin.
fn is_direct(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = text("host").unwrap_or_default();
    let passed_on = |name: &str| {
        name.starts_with("x-forwarded")
            || name.starts_with("cf-")
            || ["forwarded", "x-real-ip", "via"].contains(&name)
    };
    is_local(host)
        && !headers.keys().any(|name| passed_on(name.as_str()))
        && text("origin").is_none_or(|origin| origin.strip_prefix("http://") == Some(host))
        && text("sec-fetch-site").is_none_or(|site| ["same-origin", "none"].contains(&site))
}

/// Whether a `Host` header names this machine by a name that no name server hands out.
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.eq_ignore_ascii_case("localhost")
        || name
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

async fn outbox(server: Data<Server>, query: Query<Vec<(String, String)>>) -> HttpResponse {
    let to = query.iter().find(|(name, _)| name == "to").map(|(_, to)| to.as_str());
    let sent = server.service.deliveries.dev.as_ref().map(|dev| dev.outbox.sent(to));
    respond(200).body(serde_json::to_string(&sent.unwrap_or_default()).unwrap_or_default())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Move {
    advance_seconds: i64,
}

async fn clock(server: Data<Server>, body: Bytes) -> HttpResponse {
    answer(read::<Move>(&body).map(|order| {
        if let Some(clock) = &server.dev_clock {
            clock.advance(order.advance_seconds.saturating_mul(1000));
        }
        info!("the clock was moved by {} s", order.advance_seconds);
        json!({ "now": server.service.now().to_string() })
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    provider: String,
    mode: Fault,
    times: u32,
}

async fn faults(server: Data<Server>, body: Bytes) -> HttpResponse {
    answer(read::<Order>(&body).and_then(|order| {
        let deliveries = &server.service.deliveries;
        let providers = Channel::ALL.iter().flat_map(|channel| deliveries.providers(*channel));
        let mut known: Vec<&str> = providers.map(Line::name).collect();
        known.sort_unstable();
        known.dedup();
        if !known.contains(&order.provider.as_str()) {
            return Err(Failure::InvalidArguments(format!("provider: must be one of {}", known.join(", "))));
        }
        if let Some(dev) = &deliveries.dev {
            dev.faults.order(&order.provider, order.mode, order.times);
        }
        Ok(json!({ "provider": order.provider, "times": order.times }))
    }))
}

pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| Failure::InvalidArguments(error.to_string()))
}

pub(super) fn answer(outcome: Result<serde_json::Value, Failure>) -> HttpResponse {
    match outcome {
        Ok(value) => respond(200).body(value.to_string()),
        Err(failure) => refuse(&failure),
    }
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn only_this_machine_is_local() {
        for host in ["127.0.0.1:8003", "localhost", "LOCALHOST:8003", "[::1]:8003", "127.0.0.1"] {
            assert!(is_local(host), "{host}");
        }
        for host in [
            "",
            "abc.ngrok.app",
            "localhost.evil.example:8003",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "0.0.0.0:8003",
        ] {
            assert!(!is_local(host), "{host}");
        }
    }
}
