//! The platform's side of the callback URLs: takes the server's calls, checks them as the platform does, and hands them
//! to the conversation.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{ADDRESSES_LAST, Exchange, LONGEST_MESSAGE, Mischief, Prank, Side, Target};
use crate::botkit::AUTH_HEADER;
use crate::telemetry::Stopwatch;

/// Calls that may wait to be looked at; more are refused.
const MOST: usize = 64;

/// How slowly a call is answered that is to be answered slowly.
const SLOW: Duration = Duration::from_secs(8);

/// The largest body that is taken: a context, and what stands around it.
const LARGEST_BODY: usize = 4 << 20;

/// A call of the server's.
#[derive(Debug)]
pub struct Callback {
    /// What was called: `sendUserMessage`, `sendBotMessage`, `serviceCallback`, ...
    pub door: String,
    /// The request whose address it was.
    pub request: String,
    /// What was sent.
    pub body: Value,
    /// All of it, for those who watch.
    pub exchange: Exchange,
}

/// Where the server's calls come in.
pub struct Callbacks {
    calls: mpsc::Receiver<Callback>,
    shared: Arc<Shared>,
    address: SocketAddr,
    server: ServerHandle,
}

struct Shared {
    target: Mutex<Target>,
    mischief: Arc<Mischief>,
    calls: mpsc::Sender<Callback>,
    /// When the addresses of each request were given out.
    given: Mutex<HashMap<String, Stopwatch>>,
}

impl Callbacks {
    /// Listens on a free port of this machine.
    ///
    /// # Errors
    /// There is none.
    pub fn listen(target: &Target, mischief: &Arc<Mischief>) -> std::io::Result<Self> {
        let (sender, calls) = mpsc::channel(MOST);
        let shared = Arc::new(Shared {
            target: Mutex::new(target.clone()),
            mischief: Arc::clone(mischief),
            calls: sender,
            given: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let data = Data::from(Arc::clone(&shared));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(Data::clone(&data))
                .app_data(web::PayloadConfig::new(LARGEST_BODY))
                .route("/api/botsdk/stream/{bot}/{door}/{request}", web::post().to(take))
        })
        .workers(1)
        .listen(listener)?
        .disable_signals()
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Ok(Self { calls, shared, address, server: handle })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Notes that the addresses of a request are given out now.
    pub(super) fn give(&self, request: &str) {
        let mut given = self.shared.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.retain(|_, since| since.elapsed() < ADDRESSES_LAST);
        given.insert(request.to_owned(), Stopwatch::start());
    }

    /// Takes the calls of another bot from now on.
    pub(super) fn belong_to(&self, target: &Target) {
        *self.shared.target.lock().unwrap_or_else(PoisonError::into_inner) = target.clone();
    }

    /// The next call; never ends while this lives.
    pub async fn next(&mut self) -> Option<Callback> {
        self.calls.recv().await
    }
}

impl Drop for Callbacks {
    fn drop(&mut self) {
        // Asked to stop at once; nobody waits for it.
        let stopping = self.server.stop(false);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(stopping);
        }
    }
}

async fn take(request: HttpRequest, body: Bytes, shared: Data<Shared>) -> HttpResponse {
    let stopwatch = Stopwatch::start();
    let part = |name: &str| request.match_info().get(name).unwrap_or_default().to_owned();
    let (bot, door, id) = (part("bot"), part("door"), part("request"));
    let token = request.headers().get(AUTH_HEADER).and_then(|token| token.to_str().ok()).map(str::to_owned);
    let parsed = serde_json::from_slice::<Value>(&body);
    let refusal = shared.refusal(&bot, &id, token.as_deref(), parsed.as_ref().ok());
    if refusal.is_none() && shared.mischief.take(Prank::Slow) {
        tokio::time::sleep(SLOW).await;
    }
    let (status, answer, problem) = match refusal {
        Some((status, problem)) => {
            (status, json!({ "errors": [{ "msg": problem, "code": status }] }), Some(problem))
        }
        None => (200, json!({}), None),
    };
    let body = parsed.unwrap_or_default();
    let exchange = Exchange {
        from: Side::Server,
        what: door.clone(),
        url: request.uri().to_string(),
        token: (AUTH_HEADER.to_owned(), token.unwrap_or_default()),
        body: body.clone(),
        status: Some(status),
        answer: answer.clone(),
        millis: u64::try_from(stopwatch.elapsed().as_millis()).unwrap_or(u64::MAX),
        problem,
    };
    let call = Callback { door, request: id, body, exchange };
    let status = if shared.calls.try_send(call).is_ok() { status } else { 503 };
    let status = actix_web::http::StatusCode::from_u16(status).unwrap_or_default();
    HttpResponse::build(status).json(answer)
}

impl Shared {
    /// Why a call is not taken, if it is not.
    fn refusal(
        &self,
        bot: &str,
        request: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Option<(u16, String)> {
        let target = self.target.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Err(rejection) = target.check(token) {
            return Some((401, format!("the token in the header {AUTH_HEADER} is refused: {rejection}")));
        }
        if bot != target.bot().as_str() {
            return Some((403, "this address belongs to another bot".to_owned()));
        }
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner).get(request).copied();
        if given.is_none_or(|since| since.elapsed() >= ADDRESSES_LAST) {
            return Some((410, "this address was never given out, or no longer holds".to_owned()));
        }
        let Some(body) = body else { return Some((400, "the body is no JSON".to_owned())) };
        if body["message"].as_str().is_some_and(|text| text.chars().count() > LONGEST_MESSAGE) {
            return Some((400, format!("a message has at most {LONGEST_MESSAGE} characters")));
        }
        // Last, so that it is not spent on a call that would have failed anyway.
        self.mischief.take(Prank::Drop).then(|| (503, "not taken, as you asked for".to_owned()))
    }
}
