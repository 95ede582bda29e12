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

/// Balances calls over the servers whose health checks are good, on connections that it keeps. A call goes to the other
/// one only if it could not be begun: what a server has got a byte of is that server's to answer.
struct Balancer {
    http: reqwest::Client,
    servers: [String; 2],
    next: AtomicUsize,
    up: [AtomicBool; 2],
    /// How many answers each server gave.
    answered: [AtomicUsize; 2],
    /// Calls that were sent and not answered.
    cut_off: AtomicUsize,
}

impl Balancer {
    /// Listens, and says where.
    fn start(servers: [String; 2]) -> Result<(Data<Self>, String), Failed> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let (next, answered, cut_off) = Default::default();
        let up = [AtomicBool::new(true), AtomicBool::new(true)];
        let balancer = Data::new(Self { http, servers, next, up, answered, cut_off });
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = balancer.clone();
        let app = move || App::new().app_data(shared.clone()).default_service(web::to(pass));
        tokio::spawn(HttpServer::new(app).workers(1).listen(listener)?.disable_signals().run());
        for server in 0..2 {
            tokio::spawn(check(balancer.clone(), server));
        }
        Ok((balancer, url))
    }
}

/// Asks again and again whether a server is well.
async fn check(balancer: Data<Balancer>, server: usize) {
    loop {
        let answer = balancer.http.get(format!("{}/healthz", balancer.servers[server])).send().await;
        let up = answer.is_ok_and(|answer| answer.status() == 200);
        balancer.up[server].store(up, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn pass(request: HttpRequest, body: Bytes, balancer: Data<Balancer>) -> HttpResponse {
    let first = balancer.next.fetch_add(1, Ordering::Relaxed) % 2;
    let first = if balancer.up[first].load(Ordering::Relaxed) { first } else { 1 - first };
    for server in [first, 1 - first] {
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
            Err(error) if error.is_connect() => {}
            Err(_) => {
                balancer.cut_off.fetch_add(1, Ordering::Relaxed);
                break;
            }
        }
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
            "{}[server]\ndrain_for = \"2s\"\n[bots.default]\napp_id = \"cs-rolling\"\napi_key = \"n0t-a-real-secret\"\n[platform]\nanswer_within = \"15s\"\n\
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
            let answered = &balancer.answered[number];
            more(answered, 20, "it gets calls").await;
            block_in_place(|| {
                server.terminate();
                assert!(server.wait().success());
            });
            // The other one does all the work for a while.
            more(&balancer.answered[1 - number], 20, "the other one gets its calls").await;
            block_in_place(|| *server = start(server.url.rsplit(':').next().unwrap()));
            more(answered, 20, "it is back").await;
        }
        over.store(true, Ordering::Relaxed);
        let mut held = 0;
        for conversations in join_all(load).await {
            held += conversations?;
        }
        assert_eq!(balancer.cut_off.load(Ordering::Relaxed), 0);
        assert_eq!(held, mailbox.0.lock().unwrap().len());
        Ok(())
    })
}
