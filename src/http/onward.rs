//! Calls to the platform, at addresses that came with a request.

use actix_web::web::Bytes;
use log::{error, warn};

use super::Server;
use super::trace::loggable;
use crate::botkit::Route;
use crate::clock::{Clock as _, SystemClock};
use crate::platform::{self, Address, Unsafe};

/// Checks an address, and logs what is wrong with it.
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
    let credentials = server.bots.get(&route.bot).and_then(|bot| bot.credentials.as_ref());
    let Some(credentials) = credentials else { return Err(platform::Error::Answered(401)) };
    let token = credentials.token(SystemClock.now());
    let recorded = server.recorder.get().map(|recorder| (recorder, body.clone()));
    let outcome = server.platform.post(address, &token, body).await;
    if let Err(error) = &outcome {
        error!("{field}: {error} bot={} request={}", route.bot, loggable(&route.request_id));
    }
    if let (Some((recorder, body)), Ok(())) = (recorded, &outcome) {
        recorder.called(server, route, field, body);
    }
    server.service.metrics.platform(field, if outcome.is_ok() { "accepted" } else { "failed" });
    outcome
}
