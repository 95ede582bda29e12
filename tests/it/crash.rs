//! The program is killed again and again at moments of chance, while it is used. What it has answered has to stand.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use botkit_otp::botkit::{Algorithm, Credentials};
use botkit_otp::clock::{Clock as _, SystemClock};
use botkit_otp::telemetry::Stopwatch;
use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::program::{Running, program};
use crate::support::{small, webhook};

/// How often it is killed.
const KILLS: u64 = 50;

/// Users at once.
const USERS: u64 = 8;

const CONFIG: &str = "[dev]\nenabled = true\n[bots.default]\napp_id = \"cs-crash\"\napi_key = \"n0t-a-real-secret\"\n\
                      [otp]\nexpose = \"plain\"\nlifetime = \"20m\"\n[limits.bot]\nsends_per_hour = 1000000\n\
                      [store]\nkind = \"disk\"\n";

/// What is known of a session.
struct Known {
    name: String,
    /// The call that sent the code, and its answer.
    send: usize,
    sent: Value,
    code: String,
    /// Wrong codes that were answered, and those whose answer was cut off.
    wrong: u64,
    maybe_wrong: u64,
    /// Whether `verified` was answered; `None` if the answer was cut off.
    verified: Option<bool>,
}

/// Calls a server, until it is killed.
#[derive(Clone)]
struct Caller {
    http: reqwest::Client,
    url: String,
    token: String,
}

fn next_request() -> usize {
    static REQUEST: AtomicUsize = AtomicUsize::new(1);
    REQUEST.fetch_add(1, Ordering::Relaxed)
}

impl Caller {
    fn new(running: &Running) -> Self {
        let credentials =
            Credentials::new("cs-crash", &"n0t-a-real-secret".into(), Algorithm::HS256, false).unwrap();
        let token = credentials.token_until(SystemClock.now().seconds() + 3_600);
        // A call whose server is gone may otherwise wait for ever.
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        Self { http, url: running.url.clone(), token }
    }

    /// The answer; `None` if there was none.
    async fn call(&self, component: &str, session: &str, request: usize, entities: &Value) -> Option<Value> {
        let mut body = small(session, request, entities);
        body["dialogComponentName"] = json!(component);
        let call = self.http.post(format!("{}{}", self.url, webhook())).header("token", &self.token);
        let answer: Value = call.body(body.to_string()).send().await.ok()?.json().await.ok()?;
        Some(answer["context"].clone())
    }

    async fn verify(&self, session: &str, code: &str) -> Option<Value> {
        let answer = self.call("OtpVerify", session, next_request(), &json!({ "Otp": code })).await?;
        Some(answer["otp"].clone())
    }

    async fn send(&self, session: &str, request: usize) -> Option<Value> {
        let address = json!({ "UserEmail": format!("{session}@example.com") });
        self.call("OtpSend", session, request, &address).await
    }

    async fn outbox(&self, session: &str) -> Value {
        let url = format!("{}/dev/outbox?to={session}@example.com", self.url);
        self.http.get(url).send().await.unwrap().json().await.unwrap()
    }
}

fn wrong(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

/// One user after the other: sends, mistypes, verifies; until there is no answer.
async fn use_it(caller: Caller, name: String, mut rng: StdRng) -> Vec<Known> {
    let mut known = Vec::new();
    for number in 0.. {
        let (name, send) = (format!("{name}-{number}"), next_request());
        let Some(answer) = caller.send(&name, send).await else { break };
        assert_eq!(answer["otp"]["status"], "sent", "{answer}");
        let code = answer["session"]["BotUserSession"]["OTP"].as_str().unwrap().to_owned();
        let verified = Some(false);
        known.push(Known {
            name,
            send,
            sent: answer["otp"].clone(),
            code,
            wrong: 0,
            maybe_wrong: 0,
            verified,
        });
        let session = known.last_mut().unwrap();
        for _ in 0..rng.random_range(0..3) {
            let Some(answer) = caller.verify(&session.name, wrong(&session.code)).await else {
                session.maybe_wrong += 1;
                return known;
            };
            session.wrong += 1;
            assert_eq!(
                (&answer["status"], &answer["attemptsLeft"]),
                (&json!("incorrect"), &json!(5 - session.wrong))
            );
        }
        if rng.random() {
            let answer = caller.verify(&session.name, &session.code).await;
            session.verified = answer.map(|answer| answer["status"] == "verified");
            assert_ne!(session.verified, Some(false));
            if session.verified.is_none() {
                break;
            }
        }
    }
    known
}

/// What was answered before the kill still stands.
async fn check(caller: &Caller, known: &mut Known) {
    let Known { name, send, sent, code, wrong: failures, maybe_wrong, verified } = known;
    // The same call again has the same answer, and sends nothing.
    let again = caller.send(name, *send).await.unwrap()["otp"].clone();
    for field in ["status", "challengeId", "expiresAt", "sendsLeft"] {
        assert_eq!(again[field], sent[field], "{name}: {field}");
    }
    assert_eq!(caller.outbox(name).await, json!([]), "{name} was sent something");
    if *verified == Some(false) {
        // Every wrong code that was answered has cost its attempt.
        let answer = caller.verify(name, wrong(code)).await.unwrap();
        let left = answer["attemptsLeft"].as_u64().unwrap();
        let most = 5 - *failures - 1;
        assert!(
            left == most || *maybe_wrong > 0 && left + *maybe_wrong == most,
            "{name}: {answer}, not {most}"
        );
    }
    let answer = caller.verify(name, code).await.unwrap();
    let expected: &[&str] = match verified {
        Some(false) => &["verified"],
        Some(true) => &["already_verified"],
        None => &["verified", "already_verified"],
    };
    assert!(expected.contains(&answer["status"].as_str().unwrap()), "{name}: {answer}, not {expected:?}");
    *verified = Some(true);
    assert_eq!(caller.verify(name, code).await.unwrap()["status"], "already_verified", "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_every_kill() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("botkit-otp.toml"), CONFIG).unwrap();
    let mut rng = StdRng::seed_from_u64(1);
    let (mut all, mut last, mut slowest) = (Vec::new(), Vec::<Known>::new(), Duration::ZERO);
    for round in 0..=KILLS {
        let started = Stopwatch::start();
        let mut running = Running::start(program(&folder).env("RUST_LOG", "error,botkit_otp::cli=info"));
        slowest = slowest.max(started.elapsed());
        assert!(!running.log.contains("ERROR"), "{}", running.log);
        let caller = Caller::new(&running);
        join_all(last.iter_mut().map(|known| check(&caller, known))).await;
        all.append(&mut last);
        if round == KILLS {
            // However long ago: no code works twice.
            for some in all.chunks(64) {
                let answers = some.iter().map(|known| caller.verify(&known.name, &known.code));
                for (known, answer) in some.iter().zip(join_all(answers).await) {
                    assert_eq!(answer.unwrap()["status"], "already_verified", "{}", known.name);
                }
            }
            break;
        }
        let users = (0..USERS).map(|user| {
            let (name, rng) = (format!("r{round}-{user}"), StdRng::seed_from_u64(round * USERS + user));
            tokio::spawn(use_it(caller.clone(), name, rng))
        });
        let users: Vec<_> = users.collect();
        tokio::time::sleep(Duration::from_millis(rng.random_range(5..200))).await;
        running.kill();
        for user in users {
            last.extend(user.await.unwrap());
        }
    }
    assert!(all.len() > 200, "it was hardly used: {} sessions", all.len());
    eprintln!("{} sessions, {KILLS} kills; the slowest start took {slowest:.0?}", all.len());
}
