//! Dev mode's console: a page on which a person has the conversation, reads the mail, and sees what crosses the wire.
//! The simulator plays the platform in this process, and drives the server over loopback like any other caller.

mod stage;

use std::convert::Infallible;
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::{self, Bytes, Data, Query};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Deserialize;

pub use self::stage::Console;
use self::stage::Order;
use super::dev::{answer, is_from_here, read};
use super::{Server, refuse};
use crate::botkit::Failure;

/// Nothing from elsewhere, nothing inline, in no frame.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                           frame-src 'self'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// A mail may look as it likes, and do nothing.
const MAIL_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; sandbox; form-action 'none'; frame-ancestors 'self'";

/// How often a stream with nothing to say shows that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

pub(super) fn routes(config: &mut web::ServiceConfig) {
    let page = |kind: &'static str, text: &'static str| {
        web::get().to(move || async move { document(kind, PAGE_POLICY).body(text) })
    };
    let console = web::scope("/console")
        .guard(actix_web::guard::fn_guard(is_from_here))
        .route("", page("text/html", include_str!("console/page.html")))
        .route("/page.css", page("text/css", include_str!("console/page.css")))
        .route("/page.js", page("text/javascript", include_str!("console/page.js")))
        .route("/events", web::get().to(events))
        .route("/mail", web::get().to(mail))
        .route("/order", web::post().to(order));
    config.service(console);
}

fn document(kind: &str, policy: &'static str) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, format!("{kind}; charset=utf-8")))
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header(("referrer-policy", "no-referrer"))
        .insert_header((CACHE_CONTROL, "no-store"));
    response
}

#[derive(Deserialize)]
struct Show {
    /// Whether codes and tokens are shown.
    #[serde(default)]
    reveal: u8,
}

/// Everything that has happened, and then whatever happens, as server-sent events.
async fn events(request: HttpRequest, show: Query<Show>, server: Data<Server>) -> HttpResponse {
    let address = request.app_config().local_addr();
    let Some(entries) = server.console.watch(&server, address) else { return refuse(&Failure::NotFound) };
    let reveal = show.reveal != 0;
    let stream = futures_util::stream::unfold((entries, server), move |(mut entries, server)| async move {
        let line = match tokio::time::timeout(HEARTBEAT, entries.next()).await {
            Ok(entry) => {
                let hidden = if reveal { None } else { Some(codes(&server)) };
                format!("data: {}\n\n", entry?.shown(hidden.as_deref()))
            }
            Err(_) => ":\n\n".to_owned(),
        };
        Some((Ok::<_, Infallible>(Bytes::from(line)), (entries, server)))
    });
    document("text/event-stream", PAGE_POLICY).streaming(Box::pin(stream))
}

/// The codes that must not be seen on the wire: all that were sent.
fn codes(server: &Server) -> Vec<String> {
    let dev = server.service.deliveries.dev.as_ref();
    dev.map_or_else(Vec::new, |dev| dev.outbox.sent(None).iter().map(|sent| sent.code().to_owned()).collect())
}

#[derive(Deserialize)]
struct Which {
    id: String,
    at: String,
}

/// A mail as its reader sees it.
async fn mail(which: Query<Which>, server: Data<Server>) -> HttpResponse {
    let sent = server.service.deliveries.dev.as_ref().map(|dev| dev.outbox.sent(None)).unwrap_or_default();
    let mail = sent.iter().find(|mail| mail.is(&which.id, &which.at));
    mail.map_or_else(
        || refuse(&Failure::NotFound),
        |mail| document("text/html", MAIL_POLICY).body(mail.html().to_owned()),
    )
}

/// Tells the simulator what to do. What comes of it is seen in the stream.
async fn order(server: Data<Server>, body: Bytes) -> HttpResponse {
    answer(read::<Order>(&body).and_then(|order| {
        server.console.order(order)?;
        Ok(serde_json::json!({}))
    }))
}
