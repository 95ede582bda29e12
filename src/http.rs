//! The server's doors. This is the only place where a failure becomes an HTTP answer, and where it is logged.

mod admin;
mod answer;
mod api_keys;
mod body;
mod bot;
mod botkit;
mod console;
mod conversation;
mod dev;
mod events;
mod hooks;
mod onward;
pub mod openapi;
mod record;
mod rest;
mod trace;
mod webhook;

pub use api_keys::{ApiKey, ApiKeySettings, ApiKeys};
pub use bot::{BotSettings, Names};
pub use console::Console;
pub use hooks::Hooks;
pub use record::Recorder;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::{App, HttpResponse, HttpResponseBuilder, HttpServer, web};
use log::{info, warn};
use serde::Deserialize;

use crate::address::Channel;
use crate::botkit::{ACK_HEADER, Bots, Failure, REFUSAL_HEADER};
use crate::clock::{self, VirtualClock};
use crate::delivery::events::Events;
use crate::dialog::catalogue::Catalogue;
use crate::platform::Platform;
use crate::proof::Prover;
use crate::service::Service;
use crate::telemetry::Stopwatch;

/// How the server is reached.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// Where it listens.
    pub bind: SocketAddr,
    /// What stands in front of `/sdk`, such as `/otp`; usually nothing.
    pub api_prefix: String,
    /// How the world reaches it, such as `https://otp.example.com`; empty if providers are not to call it.
    pub public_url: String,
    /// Largest body that is read, in bytes after decompression.
    pub max_body_bytes: usize,
    /// How long stopping waits for what runs.
    #[serde(deserialize_with = "clock::duration")]
    pub shutdown_within: Duration,
}

/// Everything the doors lead to.
pub struct Server {
    /// Runs calls.
    pub service: Arc<Service>,
    /// Who may call.
    pub bots: Bots<BotSettings>,
    /// Who may call over REST.
    pub api_keys: ApiKeys,
    /// Who may do as an operator; nobody, and the doors are not there.
    pub admin_keys: ApiKeys,
    /// Where messages go on to.
    pub platform: Platform,
    /// Signs what right codes prove.
    pub prover: Prover,
    /// What is said, in every language.
    pub catalogue: Catalogue,
    /// Whose reports on messages are taken.
    pub events: Events,
    /// How the server is reached.
    pub settings: Settings,
    /// Dev mode's clock; `None` in production, which has no dev doors.
    pub dev_clock: Option<Arc<VirtualClock>>,
    /// Dev mode's console, which plays the platform.
    pub console: Console,
    /// Dev mode's webhook channel, by which programs write to the bot.
    pub hooks: Hooks,
    /// Writes down what crosses the wire, if that is asked for.
    pub recorder: OnceLock<Recorder>,
}

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

impl Server {
    /// Hangs the doors into an actix application.
    pub fn routes(self: Arc<Self>, config: &mut web::ServiceConfig) {
        let bots = format!("{}/sdk/bots/{{bot}}/{{rest:.*}}", self.settings.api_prefix);
        // First what nearly every request is for: routes are tried in this order.
        config
            .service(
                web::resource(bots)
                    .route(web::post().to(botkit::receive))
                    .default_service(web::to(not_found)),
            )
            .route("/healthz", web::get().to(healthz))
            .route("/readyz", web::get().to(readyz))
            .route("/metrics", web::get().to(metrics))
            .route("/.well-known/jwks.json", web::get().to(jwks))
            .configure(events::routes)
            .configure(rest::routes)
            .configure(openapi::routes);
        if !self.admin_keys.is_empty() {
            config.configure(admin::routes);
        }
        if self.dev_clock.is_some() {
            config.configure(dev::routes).configure(console::routes).configure(hooks::routes);
        }
        config.default_service(web::to(not_found)).app_data(web::Data::from(self));
    }

    /// Serves until `shutdown` resolves; then accepts nothing more, lets what runs finish for at most
    /// `settings.shutdown_within`, and returns.
    ///
    /// # Errors
    /// The socket cannot be served.
    pub async fn run(
        self: Arc<Self>,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> std::io::Result<()> {
        let patience = self.settings.shutdown_within;
        let background = self.service.background.clone();
        let application = Arc::clone(&self);
        let running =
            HttpServer::new(move || App::new().configure(|config| Arc::clone(&application).routes(config)))
                .listen(listener)?
                .disable_signals()
                .shutdown_timeout(patience.as_secs())
                .run();
        let handle = running.handle();
        let server = tokio::spawn(running);
        let sweeping = tokio::spawn(Arc::clone(&self.service).sweep());
        shutdown.await;
        info!("stopping: no new requests, up to {} s for what runs", patience.as_secs());
        let stopping = Stopwatch::start();
        self.console.close();
        self.hooks.close();
        handle.stop(true).await;
        sweeping.abort();
        let left = background.finish(patience.saturating_sub(stopping.elapsed())).await;
        if left > 0 {
            warn!("stopped with {left} deliveries or platform calls unfinished");
            self.service.give_up().await;
        }
        self.service.audit.flush();
        server.await.map_err(std::io::Error::other)?
    }
}

/// Answers with a failure, in BotKit's envelope.
fn refuse(failure: &Failure) -> HttpResponse {
    let mut response = respond(failure.status());
    let body = failure.body();
    if *failure == Failure::Unauthorized {
        response.insert_header((HeaderName::from_static(REFUSAL_HEADER), &*body));
    }
    response.body(body)
}

/// Begins a JSON answer.
fn respond(status: u16) -> HttpResponseBuilder {
    let status = actix_web::http::StatusCode::from_u16(status);
    let mut response =
        HttpResponse::build(status.unwrap_or(actix_web::http::StatusCode::INTERNAL_SERVER_ERROR));
    response.insert_header((CONTENT_TYPE, JSON));
    response
}

/// Answers an event: only these answers say that acknowledgements are supported.
fn accepted(body: impl Into<web::Bytes>) -> HttpResponse {
    const SUPPORTS_ACK: HeaderName = HeaderName::from_static(ACK_HEADER);
    respond(200).insert_header((SUPPORTS_ACK, HeaderValue::from_static("true"))).body(body.into())
}

async fn not_found() -> HttpResponse {
    refuse(&Failure::NotFound)
}

async fn healthz() -> HttpResponse {
    respond(200).body(r#"{"status":"ok"}"#)
}

/// Whether the server can do its work, and how its providers are. A provider that is kept away from makes no server
/// unready: all of them would be, and codes that are out could no longer be checked.
async fn readyz(server: web::Data<Server>) -> HttpResponse {
    let deliveries = &server.service.deliveries;
    let lines = Channel::ALL.iter().flat_map(|channel| deliveries.providers(*channel));
    let providers: BTreeMap<&str, &str> =
        lines.map(|line| (line.name(), if line.is_open() { "open" } else { "closed" })).collect();
    let store = server.service.is_ready().await;
    let degraded = providers.values().any(|state| *state == "open");
    let status = match (store, degraded) {
        (false, _) => "unready",
        (true, true) => "degraded",
        (true, false) => "ready",
    };
    let body = serde_json::json!({ "status": status, "store": store, "providers": providers });
    respond(if store { 200 } else { 503 }).body(body.to_string())
}

/// The keys that proofs are checked with. A new one is published before it signs; five minutes are enough for everybody to
/// fetch it.
async fn jwks(server: web::Data<Server>) -> HttpResponse {
    respond(200)
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")))
        .body(server.prover.jwks().to_owned())
}

async fn metrics(server: web::Data<Server>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8"))
        .body(server.service.metrics.text())
}

/// A request's header, if it is there and is text.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
