//! The real application on a free port, with a clock that stands still, a seeded generator, and one stub that plays
//! the platform, SendGrid and Twilio and remembers every call.

pub(crate) mod document;
pub(crate) mod proof;

use std::collections::{BTreeMap, VecDeque};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use botkit_otp::cli::{Parts, assemble};
use botkit_otp::clock::{Clock as _, SystemClock, Timestamp, VirtualClock};
use botkit_otp::config::Loaded;
use botkit_otp::http::Server;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers};

pub(crate) const BOT: &str = "st-6b1f0c52-9d3e-5a47-8c21-4e7ab90d3f16";
pub(crate) const COMPONENT: &str = "dc-3f8b6d20-a15c-5e94-87d3-c9e0b4f12a76";
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_784_540_790_118);

/// The key that opens the REST doors.
pub(crate) const API_KEY: &str = "n0t-a-real-api-key-0123456789abcdef";

/// The account and the auth token of Twilio's stub.
pub(crate) const TWILIO: (&str, &str) = ("AC0123456789abcdef0123456789abcdef", "n0t-a-real-token");

/// What the stub answers next; when the queue is empty, 202 with a message id for mail, 201 with one for what goes to
/// phones, and 200 for the platform.
#[derive(Clone, Default)]
pub(crate) struct Script(Arc<Mutex<VecDeque<ResponseTemplate>>>);

impl Script {
    pub(crate) fn answer(&self, answer: ResponseTemplate) {
        self.0.lock().unwrap().push_back(answer);
    }
}

impl Respond for Script {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        self.0.lock().unwrap().pop_front().unwrap_or_else(|| {
            if request.url.path() == "/v3/mail/send" {
                ResponseTemplate::new(202).insert_header("x-message-id", "sg-1")
            } else if is_twilio(request) {
                ResponseTemplate::new(201)
                    .set_body_string(r#"{"sid":"SM1","status":"queued","error_code":null}"#)
            } else {
                ResponseTemplate::new(200)
            }
        })
    }
}

/// A running application.
pub(crate) struct App {
    pub(crate) url: String,
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) server: Arc<Server>,
    pub(crate) stub: MockServer,
    pub(crate) script: Script,
    pub(crate) http: reqwest::Client,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl App {
    /// Starts the application with SendGrid at the stub; `settings` is TOML laid over that.
    pub(crate) async fn start(settings: &str) -> Self {
        Self::start_with(settings, |server| server).await
    }

    /// The same, with a server that `change` has made another one of.
    pub(crate) async fn start_with(settings: &str, change: impl FnOnce(Arc<Server>) -> Arc<Server>) -> Self {
        Self::start_seeded(settings, 1, change).await
    }

    /// The same, with a generator that begins at `seed`: servers that share a store must differ in it.
    pub(crate) async fn start_seeded(
        settings: &str,
        seed: u64,
        change: impl FnOnce(Arc<Server>) -> Arc<Server>,
    ) -> Self {
        let (stub, script) = (MockServer::start().await, Script::default());
        Mock::given(matchers::any()).respond_with(script.clone()).mount(&stub).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("test.toml");
        std::fs::write(&file, settings).unwrap();
        let variables: BTreeMap<String, String> = [
            ("BOTKIT_OTP_DEV__ENABLED", "true"),
            ("BOTKIT_OTP_BOTS__DEFAULT__APP_ID", "cs-test"),
            ("BOTKIT_OTP_BOTS__DEFAULT__API_KEY", "n0t-a-real-secret/+="),
            ("BOTKIT_OTP_DELIVERY__EMAIL", "sendgrid"),
            ("BOTKIT_OTP_DELIVERY__SENDGRID__BASE_URL", &stub.uri()),
            ("BOTKIT_OTP_DELIVERY__SENDGRID__FROM", "Acme <no-reply@acme.example>"),
            ("SENDGRID_API_KEY", "SG.n0t-a-real-key"),
            ("BOTKIT_OTP_DELIVERY__TWILIO__BASE_URL", &stub.uri()),
            ("TWILIO_ACCOUNT_SID", TWILIO.0),
            ("TWILIO_AUTH_TOKEN", TWILIO.1),
        ]
        .into_iter()
        .filter(|(name, _)| {
            let own = settings.contains("# outbox") || settings.contains("email = []");
            !(own && name.contains("EMAIL"))
        })
        .filter(|(name, _)| !(settings.contains("# other providers") && name.ends_with("__BASE_URL")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        let loaded = Loaded::read(Some(&file), &variables).unwrap_or_else(|error| panic!("{error}"));
        let clock = Arc::new(VirtualClock::standing(NOW));
        let parts = Parts {
            clock: Arc::<VirtualClock>::clone(&clock),
            dev_clock: Some(Arc::clone(&clock)),
            rng: Box::new(StdRng::seed_from_u64(seed)),
            runtime: tokio::runtime::Handle::current(),
            generated: None,
            store: None,
            api_key: Some(API_KEY.into()),
        };
        let server = change(assemble(&loaded, parts).unwrap_or_else(|error| panic!("{error}")));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let running = Arc::clone(&server);
        let thread = std::thread::spawn(move || {
            let shutdown = async {
                let _ = stopped.await;
            };
            actix_web::rt::System::new().block_on(running.run(listener, shutdown)).unwrap();
        });
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { url, clock, server, stub, script, http, stop: Some(stop), thread: Some(thread) }
    }

    /// A token as the platform signs it. Tokens live by the real time, whatever the application's clock says.
    pub(crate) fn token(&self) -> String {
        let bots = &self.server.bots;
        bots.default.as_ref().unwrap().credentials.as_ref().unwrap().token(SystemClock.now())
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.advance(seconds * 1000);
    }

    /// Posts to a path with a good token.
    pub(crate) async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> reqwest::Response {
        let request = self.http.post(format!("{}{path}", self.url)).header("token", self.token());
        request.header("content-type", "application/json").body(body).send().await.unwrap()
    }

    /// Calls a Webhook node and gives `context.otp`.
    pub(crate) async fn call(&self, component: &str, body: &Value) -> Value {
        let mut body = body.clone();
        body["dialogComponentName"] = json!(component);
        let response = self.post(&webhook(), body.to_string()).await;
        assert_eq!(response.status(), 200);
        response.json::<Value>().await.unwrap()["context"]["otp"].clone()
    }

    /// Waits until what goes on after requests is done.
    pub(crate) async fn settled(&self) {
        while self.server.service.background.running() > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// What is counted.
    pub(crate) async fn metrics(&self) -> String {
        self.http.get(format!("{}/metrics", self.url)).send().await.unwrap().text().await.unwrap()
    }

    /// Every call that the stub got, in order.
    pub(crate) async fn calls(&self) -> Vec<Request> {
        self.settled().await;
        self.stub.received_requests().await.unwrap()
    }

    /// The codes that were sent, in order.
    pub(crate) async fn codes(&self) -> Vec<String> {
        self.calls().await.iter().filter_map(sent_code).collect()
    }
}

impl App {
    /// Stops it, as a signal would.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The path of a Webhook node's call.
pub(crate) fn webhook() -> String {
    format!("/sdk/bots/{BOT}/components/{COMPONENT}/on_webhook")
}

/// A payload out of `fixtures/payloads`.
pub(crate) fn payload(name: &str) -> Value {
    let path = format!("{}/fixtures/payloads/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}")))
        .unwrap()
}

/// A small webhook payload, for tests that are not about payloads.
pub(crate) fn small(session: &str, request: usize, entities: &Value) -> Value {
    json!({
        "requestId": request,
        "context": { "entities": entities, "session": { "BotUserSession": { "conversationSessionId": session } } },
    })
}

/// The code in a mail: alone on its line.
pub(crate) fn mailed_code(call: &Request) -> String {
    let mail: Value = serde_json::from_slice(&call.body).unwrap();
    let text = mail["content"][0]["value"].as_str().unwrap();
    text.lines()
        .find(|line| !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .unwrap()
        .to_owned()
}

/// Whether a call is one to Twilio.
pub(crate) fn is_twilio(call: &Request) -> bool {
    call.url.path().starts_with("/2010-04-01/")
}

/// The fields of a form, in order.
pub(crate) fn form(call: &Request) -> Vec<(String, String)> {
    url::form_urlencoded::parse(&call.body).into_owned().collect()
}

/// The code in whatever was sent.
fn sent_code(call: &Request) -> Option<String> {
    if call.url.path() == "/v3/mail/send" {
        return Some(mailed_code(call));
    }
    is_twilio(call).then(|| texted_code(call))
}

/// The code in what went to a phone: first in a text, character by character in a call, alone in a template.
pub(crate) fn texted_code(call: &Request) -> String {
    let fields = form(call);
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    if let Some(text) = field("Body") {
        return text.split(' ').next().unwrap().to_owned();
    }
    if let Some(variables) = field("ContentVariables") {
        return serde_json::from_str::<Value>(variables).unwrap()["1"].as_str().unwrap().to_owned();
    }
    let said = field("Twiml").unwrap();
    let pieces = said.split("</Say>").filter_map(|piece| piece.rsplit_once('>'));
    let digits: Vec<&str> = pieces.map(|(_, text)| text).filter(|text| text.len() == 1).collect();
    digits[..digits.len() / 2].concat()
}
