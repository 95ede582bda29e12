//! Servers are replaced one after the other, while calls go on, behind what balances them.

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use botkit_otp::telemetry::Stopwatch;
use futures_util::future::join_all;
use libtest_mimic::Failed;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::block_in_place;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers};

use super::server::Server;
use super::{patient, status};
use crate::program::{Running, program};
use crate::support::{BOT, mailed_code, small, webhook};

/// How many hold conversations at once.
const CALLERS: usize = 16;

/// SendGrid, which takes its time, so that there is always something under way.
#[derive(Clone, Default)]
struct Mailbox(Arc<Mutex<HashMap<String, Vec<String>>>>);

impl Respond for Mailbox {
    fn respond(&self, call: &Request) -> ResponseTemplate {
        let mail: Value = serde_json::from_slice(&call.body).unwrap();
        let to = mail["personalizations"][0]["to"][0]["email"].as_str().unwrap().to_owned();
        self.0.lock().unwrap().entry(to).or_default().push(mailed_code(call));
        ResponseTemplate::new(202).set_delay(Duration::from_millis(60))
    }
}

/// Balances calls over servers, on connections that it keeps. A call of which a server has not answered a byte goes to
/// the other one: its `requestId` makes that safe.
struct Balancer {
    http: reqwest::Client,
    servers: [String; 2],
    next: AtomicUsize,
    /// How many answers each server gave, and how many calls it did not answer.
    answered: [AtomicUsize; 2],
    missed: [AtomicUsize; 2],
}

impl Balancer {
    /// Listens, and says where.
    fn start(servers: [String; 2]) -> Result<(Data<Self>, String), Failed> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let (answered, missed) = Default::default();
        let balancer = Data::new(Self { http, servers, next: AtomicUsize::new(0), answered, missed });
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = balancer.clone();
        let app = move || App::new().app_data(shared.clone()).default_service(web::to(pass));
        tokio::spawn(HttpServer::new(app).workers(1).listen(listener)?.disable_signals().run());
        Ok((balancer, url))
    }
}

async fn pass(request: HttpRequest, body: Bytes, balancer: Data<Balancer>) -> HttpResponse {
    let first = balancer.next.fetch_add(1, Ordering::Relaxed);
    for server in [first % 2, (first + 1) % 2] {
        let call = balancer.http.post(format!("{}{}", balancer.servers[server], request.uri()));
        let token = request.headers().get("token").unwrap().as_bytes();
        match call.header("token", token).body(body.clone()).send().await {
            Ok(answer) => {
                balancer.answered[server].fetch_add(1, Ordering::Relaxed);
                let status = actix_web::http::StatusCode::from_u16(answer.status().as_u16()).unwrap();
                // Half an answer is none, and nobody may ask again.
                return match answer.bytes().await {
                    Ok(body) => HttpResponse::build(status).body(body),
                    Err(_) => HttpResponse::BadGateway().finish(),
                };
            }
            Err(_) => balancer.missed[server].fetch_add(1, Ordering::Relaxed),
        };
    }
    HttpResponse::BadGateway().finish()
}

/// Calls one Webhook node after the other.
struct Caller {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Caller {
    async fn call(&self, component: &str, session: &str, request: usize, entities: &Value) -> String {
        let mut body = small(session, request, entities);
        body["dialogComponentName"] = json!(component);
        let call = self.http.post(format!("{}{}", self.url, webhook())).header("token", &self.token);
        let answer = call.body(body.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{component} {session}");
        status(&answer.json::<Value>().await.unwrap()["context"]["otp"]).to_owned()
    }

    /// Sends a code and checks it, twice.
    async fn converse(&self, session: &str, mailbox: &Mailbox) {
        let address = format!("{session}@example.com");
        assert_eq!(
            self.call("OtpSend", session, 1, &json!({ "UserEmail": address })).await,
            "sent",
            "{session}"
        );
        let codes = mailbox.0.lock().unwrap()[&address].clone();
        let [code] = &codes[..] else { panic!("{session} got {} mails", codes.len()) };
        for (request, expected) in [(2, "verified"), (3, "already_verified")] {
            let said = self.call("OtpVerify", session, request, &json!({ "Otp": code })).await;
            assert_eq!(said, expected, "{session}");
        }
    }
}

/// Waits until something has been counted so much more often.
async fn more(count: &AtomicUsize, more: usize, what: &str) {
    let enough = count.load(Ordering::Relaxed) + more;
    let started = Stopwatch::start();
    while count.load(Ordering::Relaxed) < enough {
        assert!(started.elapsed() < Duration::from_secs(20), "{what}: not seen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn rolling_restart() -> Result<(), Failed> {
    let redis = Server::start()?;
    Runtime::new()?.block_on(async {
        let (stub, mailbox) = (MockServer::start().await, Mailbox::default());
        Mock::given(matchers::path("/v3/mail/send")).respond_with(mailbox.clone()).mount(&stub).await;
        let folder = tempfile::tempdir()?;
        let config = format!(
            "{}[bots.default]\napp_id = \"cs-rolling\"\napi_key = \"n0t-a-real-secret\"\n[platform]\nanswer_within = \"15s\"\n\
             [delivery.sendgrid]\napi_key = \"SG.n0t-a-real-key\"\nfrom = \"no-reply@acme.example\"\nbase_url = \"{}\"\n",
            patient(&redis.url()),
            stub.uri()
        );
        std::fs::write(folder.path().join("botkit-otp.toml"), config)?;
        let token = program(&folder).args(["token", "--bot", BOT]).output()?.stdout;
        let token = String::from_utf8(token)?.trim().to_owned();
        // Nobody reads what it logs from then on.
        let start = |port: &str| {
            Running::start(program(&folder).env("PORT", port).env("RUST_LOG", "error,botkit_otp::cli=info"))
        };
        let mut servers = [start("0"), start("0")];
        let (balancer, url) = Balancer::start(servers.each_ref().map(|server| server.url.clone()))?;

        let over = Arc::new(AtomicBool::new(false));
        let http = reqwest::Client::builder().no_proxy().build()?;
        let caller = Arc::new(Caller { http, url, token });
        let load = (0..CALLERS).map(|number| {
            let (over, caller, mailbox) = (Arc::clone(&over), Arc::clone(&caller), mailbox.clone());
            tokio::spawn(async move {
                let mut conversations = 0;
                while !over.load(Ordering::Relaxed) {
                    caller.converse(&format!("s-{number}-{conversations}"), &mailbox).await;
                    conversations += 1;
                }
                conversations
            })
        });
        let load: Vec<_> = load.collect();
        for (number, server) in servers.iter_mut().enumerate() {
            let (missed, answered) = (&balancer.missed[number], &balancer.answered[number]);
            more(answered, 20, "it gets calls").await;
            block_in_place(|| {
                server.terminate();
                assert!(server.wait().success());
            });
            // The other one does all the work for a while.
            more(missed, 5, "it is missed").await;
            block_in_place(|| *server = start(server.url.rsplit(':').next().unwrap()));
            more(answered, 20, "it is back").await;
        }
        over.store(true, Ordering::Relaxed);
        let mut held = 0;
        for conversations in join_all(load).await {
            held += conversations?;
        }
        assert_eq!(held, mailbox.0.lock().unwrap().len());
        Ok(())
    })
}
