//! `GET /readyz`: whether the server can do its work, and if something is amiss, what.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde_json::json;

use super::{Server, respond};
use crate::delivery::Line;

/// How far our clock may be from a provider's, in seconds, until it is worth a word. Tokens get 30.
const SKEW: i64 = 10;

/// Only a store that does not answer, or being told to stop, makes a server unready. What providers suffer from, all
/// servers suffer from: taking all of them out would help nobody, and codes that are out could no longer be checked.
pub(super) async fn readyz(server: Data<Server>) -> HttpResponse {
    let lines: Vec<&Line> = server.service.deliveries.lines().collect();
    let providers: BTreeMap<&str, &str> =
        lines.iter().map(|line| (line.name(), if line.is_open() { "open" } else { "closed" })).collect();
    let (store, stopping) = (server.service.is_ready().await, server.stopping.load(Ordering::Relaxed));
    let ready = store && !stopping;
    let mut reasons = Vec::new();
    if stopping {
        reasons.push("the server was told to stop".to_owned());
    }
    if !store {
        reasons.push("the session store does not answer".to_owned());
    }
    for line in lines {
        let name = line.name();
        if line.is_open() {
            reasons.push(format!("{name} failed again and again, and is left alone for a while"));
        }
        match line.last_check() {
            Some(Err(error)) => reasons.push(format!("{name}, asked whether it knows us: {error}")),
            Some(Ok(hello)) => {
                let far = hello.ahead.filter(|ahead| ahead.abs() > SKEW);
                let side = |ahead: i64| if ahead < 0 { "ahead of" } else { "behind" };
                reasons.extend(far.map(|far| format!("our clock is {} s {} {name}'s", far.abs(), side(far))));
            }
            None => {}
        }
    }
    // One provider may serve several channels.
    reasons.sort();
    reasons.dedup();
    let status = match (ready, reasons.is_empty()) {
        (false, _) => "unready",
        (true, false) => "degraded",
        (true, true) => "ready",
    };
    let body = json!({ "status": status, "store": store, "providers": providers, "reasons": reasons });
    respond(if ready { 200 } else { 503 }).body(body.to_string())
}
