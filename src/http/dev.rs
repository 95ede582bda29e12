//! Dev mode's doors: the mail that would have been sent, a clock that can be moved, providers that can be made to
//! fail. They open only to this machine: not to a tunnel that ends here, and not to a page in a browser that has been
//! talked into calling a local address.

use actix_web::http::header::HOST;
use actix_web::web::{self, Bytes, Data, Query};
use actix_web::{HttpResponse, guard};
use log::info;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{Server, refuse, respond};
use crate::botkit::Failure;
use crate::delivery::Fault;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    let doors = web::scope("/dev")
        .guard(guard::fn_guard(|context| {
            let headers = &context.head().headers;
            let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
            let peer = context.head().peer_addr;
            peer.is_none_or(|peer| peer.ip().is_loopback())
                && is_local(host)
                && !["forwarded", "x-forwarded-for", "x-forwarded-host"]
                    .iter()
                    .any(|name| headers.contains_key(*name))
        }))
        .route("/outbox", web::get().to(outbox))
        .route("/clock", web::post().to(clock))
        .route("/faults", web::post().to(faults));
    config.service(doors);
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

#[derive(Deserialize)]
struct Filter {
    to: Option<String>,
}

async fn outbox(server: Data<Server>, filter: Query<Filter>) -> HttpResponse {
    let sent = server.service.deliveries.dev.as_ref().map(|dev| dev.outbox.sent(filter.to.as_deref()));
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
        let known: Vec<&str> =
            server.service.deliveries.email.iter().map(|provider| provider.name()).collect();
        if !known.contains(&order.provider.as_str()) {
            return Err(Failure::InvalidArguments(format!("provider: must be one of {}", known.join(", "))));
        }
        if let Some(dev) = &server.service.deliveries.dev {
            dev.faults.order(&order.provider, order.mode, order.times);
        }
        Ok(json!({ "provider": order.provider, "times": order.times }))
    }))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| Failure::InvalidArguments(error.to_string()))
}

fn answer(outcome: Result<serde_json::Value, Failure>) -> HttpResponse {
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
