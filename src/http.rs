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
mod idle;
mod onward;
pub mod openapi;
mod peer;
mod rate;
mod ready;
mod record;
mod rest;
mod tls;
mod trace;
mod upstream;
mod webhook;

pub use api_keys::{ApiKey, ApiKeySettings, ApiKeys};
pub use bot::{BotSettings, Names};
pub use console::Console;
pub use hooks::Hooks;
pub use peer::Networks;
pub use rate::Rate;
pub use record::Recorder;
pub use tls::Tls;
pub use upstream::Upstream;

use std::net::{SocketAddr, TcpListener};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_web::dev::Service as _;
use actix_web::http::ConnectionType;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::{App, HttpResponse, HttpResponseBuilder, HttpServer, web};
use futures_util::TryFutureExt as _;
use log::{info, warn};
use serde::Deserialize;

use self::idle::{Connections, Running, Sending};
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
    /// The certificate with its chain (PEM); empty for plain HTTP.
    pub tls_cert: PathBuf,
    /// Its key.
    pub tls_key: PathBuf,
    /// Who signs the certificates that callers have to show; empty if they need none.
    pub tls_client_ca: PathBuf,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Networks,
    /// Where the platform's calls may come from; empty for anywhere.
    pub allow_from: Networks,
    /// How many calls a second one bot may make; 0 for any number.
    pub calls_per_second: u32,
    /// How many connections may be open at once.
    pub most_connections: usize,
    /// How long the head of a request may take to arrive.
    #[serde(deserialize_with = "clock::duration")]
    pub head_within: Duration,
    /// How long it goes on serving when it is told to stop, and sends whoever calls elsewhere. Not in dev mode.
    #[serde(deserialize_with = "clock::duration")]
    pub drain_for: Duration,
    /// How long stopping waits, after that, for what runs.
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
    /// The certificate that it shows, if it speaks TLS itself.
    pub tls: Option<Tls>,
    /// How much bots call.
    pub rate: Rate,
    /// Dev mode's clock; `None` in production, which has no dev doors.
    pub dev_clock: Option<Arc<VirtualClock>>,
    /// Dev mode's console, which plays the platform.
    pub console: Console,
    /// Dev mode's webhook channel, by which programs write to the bot.
    pub hooks: Hooks,
    /// Writes down what crosses the wire, if that is asked for.
    pub recorder: OnceLock<Recorder>,
    /// Whether it has been told to stop.
    pub stopping: AtomicBool,
}

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

impl Server {
    /// Hangs the doors into an actix application.
    pub fn routes(self: Arc<Self>, config: &mut web::ServiceConfig) {
        let bots = format!("{}/sdk/bots", self.settings.api_prefix);
        // First what nearly every request is for: routes are tried in this order. They are prefixes, which are compared
        // as they stand; a pattern would be a regular expression.
        config
            .service(web::scope(&bots).default_service(web::to(botkit::receive)))
            .configure(rest::routes)
            .route("/healthz", web::get().to(healthz))
            .route("/readyz", web::get().to(ready::readyz))
            .route("/metrics", web::get().to(metrics))
            .route("/.well-known/jwks.json", web::get().to(jwks))
            .configure(events::routes)
            .configure(openapi::routes);
        if !self.admin_keys.is_empty() {
            config.configure(admin::routes);
        }
        if self.dev_clock.is_some() {
            config.configure(dev::routes).configure(console::routes).configure(hooks::routes);
        }
        config.default_service(web::to(not_found)).app_data(web::Data::from(self));
    }

    /// Serves until `shutdown` resolves. Then health checks fail and every answer ends its connection, so that whoever is
    /// in front goes elsewhere while all that still comes is answered; after `settings.drain_for` (in dev mode, where nobody
    /// is in front, at once) it accepts nothing more, lets what runs finish for at most `settings.shutdown_within`, and returns.
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
        let workers = std::thread::available_parallelism().map_or(2, NonZero::get);
        let connections = Arc::<Connections>::default();
        let connected = Arc::clone(&connections);
        let running = HttpServer::new(move || {
            let server = Arc::clone(&application);
            let app = App::new().configure(|config| Arc::clone(&application).routes(config));
            app.wrap_fn(move |request, service| {
                let (server, call) = (Arc::clone(&server), Running::begin(&request));
                service.call(request).map_ok(move |mut answer| {
                    // A connection that is closed later, while it waits, may just have been given the next call.
                    if server.stopping.load(Ordering::Relaxed) {
                        answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
                    }
                    answer.map_body(|_, body| Sending::new(body, call))
                })
            })
        })
        .on_connect(move |io, data| connected.add(io, data))
        .keep_alive(idle::KEEP_ALIVE)
        .workers(workers)
        .max_connections(self.settings.most_connections.div_ceil(workers))
        .client_request_timeout(self.settings.head_within)
        .tls_handshake_timeout(self.settings.head_within);
        let running = match &self.tls {
            Some(tls) => running.listen_rustls_0_23(listener, tls.config())?,
            None => running.listen(listener)?,
        };
        let running = running.disable_signals().shutdown_timeout(patience.as_secs()).run();
        let handle = running.handle();
        let server = tokio::spawn(running);
        let sweeping = tokio::spawn(Arc::clone(&self.service).sweep());
        let application = Arc::clone(&self);
        let watching = tokio::spawn(async move {
            if let Some(tls) = &application.tls {
                tls.watch().await;
            }
        });
        let checking = tokio::spawn(Arc::clone(&self.service).check_providers());
        let hurrying = tokio::spawn(connections.watch(self.settings.head_within));
        shutdown.await;
        self.stopping.store(true, Ordering::Relaxed);
        // In dev mode nobody is in front.
        if self.dev_clock.is_none() && !self.settings.drain_for.is_zero() {
            info!("stopping: for {:?} requests are still answered", self.settings.drain_for);
            tokio::time::sleep(self.settings.drain_for).await;
        }
        info!("stopping: no new requests, up to {} s for what runs", patience.as_secs());
        let stopping = Stopwatch::start();
        self.console.close();
        self.hooks.close();
        handle.stop(true).await;
        sweeping.abort();
        checking.abort();
        watching.abort();
        hurrying.abort();
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
    if let Failure::TooMany { wait } = failure {
        response.insert_header((RETRY_AFTER, wait.as_secs() + u64::from(wait.subsec_nanos() > 0)));
    }
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

async fn healthz(server: web::Data<Server>) -> HttpResponse {
    if server.stopping.load(Ordering::Relaxed) {
        return respond(503).body(r#"{"status":"stopping"}"#);
    }
    respond(200).body(r#"{"status":"ok"}"#)
}

/// The keys that proofs are checked with. A new one is published before it signs; five minutes are enough for everybody to
/// fetch it.
async fn jwks(server: web::Data<Server>) -> HttpResponse {
    respond(200)
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")))
        .body(server.prover.jwks().to_owned())
}

async fn metrics(server: web::Data<Server>) -> HttpResponse {
    server.service.metrics.in_flight(server.service.background.running());
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8"))
        .body(server.service.metrics.text())
}

/// A request's header, if it is there and is text.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
