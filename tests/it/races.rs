//! Many calls at once: one winner, no free guesses, whatever store there is, and however many servers share it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::{App, small};

/// Servers that share what they keep. Calls go to one after the other.
struct Servers {
    apps: Vec<Arc<App>>,
    calls: AtomicUsize,
}

impl Servers {
    async fn start(settings: &str, servers: u64) -> Self {
        let apps = (1..=servers).map(|seed| App::start_seeded(settings, seed, |server| server));
        let apps = join_all(apps).await.into_iter().map(Arc::new).collect();
        Self { apps, calls: AtomicUsize::new(0) }
    }

    fn next(&self) -> &Arc<App> {
        &self.apps[self.calls.fetch_add(1, Ordering::Relaxed) % self.apps.len()]
    }

    /// Calls a server at once; the answer is there when it is waited for.
    fn begin(&self, component: &'static str, body: Value) -> JoinHandle<Value> {
        let app = Arc::clone(self.next());
        tokio::spawn(async move { app.call(component, &body).await })
    }

    async fn call(&self, component: &'static str, body: Value) -> Value {
        self.begin(component, body).await.unwrap()
    }

    /// Sends a code to an address of the session's own, and gives it.
    async fn send(&self, session: &str, request: usize) -> String {
        let app = Arc::clone(self.next());
        let address = format!("{session}@example.com");
        let otp = app.call("OtpSend", &small(session, request, &json!({ "UserEmail": address }))).await;
        assert_eq!(otp["status"], "sent");
        app.codes().await.pop().unwrap()
    }

    /// How many codes were sent.
    async fn sent(&self) -> usize {
        join_all(self.apps.iter().map(|app| app.codes())).await.iter().map(Vec::len).sum()
    }

    /// Verifies with each of `codes` at the same moment; counts the statuses.
    async fn verify_all(&self, session: &str, codes: Vec<String>) -> HashMap<String, usize> {
        static REQUEST: AtomicUsize = AtomicUsize::new(1_000);
        let calls = codes.into_iter().map(|code| {
            let request = REQUEST.fetch_add(1, Ordering::Relaxed);
            self.begin("OtpVerify", small(session, request, &json!({ "Otp": code })))
        });
        let mut counts = HashMap::new();
        // All of them begin before the first is waited for.
        for otp in calls.collect::<Vec<_>>() {
            let status = otp.await.unwrap()["status"].as_str().unwrap().to_owned();
            *counts.entry(status).or_default() += 1;
        }
        counts
    }
}

fn wrong(code: &str) -> String {
    if code == "000000" { "000001".to_owned() } else { "000000".to_owned() }
}

async fn of_64_right_codes_one_wins(servers: &Servers) {
    for round in 0..5 {
        let session = format!("s-{round}");
        let code = servers.send(&session, round).await;
        let counts = servers.verify_all(&session, vec![code; 64]).await;
        assert_eq!(
            (counts.get("verified"), counts.get("already_verified")),
            (Some(&1), Some(&63)),
            "{counts:?}"
        );
    }
}

async fn wrong_codes_at_once_get_no_more_attempts_than_one_by_one(servers: &Servers) {
    for round in 0..5 {
        let session = format!("s-{round}");
        let code = servers.send(&session, round).await;
        let counts = servers.verify_all(&session, vec![wrong(&code); 20]).await;
        // The fifth wrong one is answered `locked`, and so are all after it.
        assert_eq!((counts.get("incorrect"), counts.get("locked")), (Some(&4), Some(&16)), "{counts:?}");
        let otp = servers.call("OtpVerify", small(&session, 999, &json!({ "Otp": code }))).await;
        assert_eq!(otp["status"], "locked");
    }
}

async fn a_right_code_among_fewer_wrong_ones_than_attempts_wins(servers: &Servers) {
    for round in 0..5 {
        let session = format!("s-{round}");
        let code = servers.send(&session, round).await;
        let mut codes = vec![wrong(&code); 4];
        codes.insert(round % 5, code);
        let counts = servers.verify_all(&session, codes).await;
        assert_eq!(counts.get("verified"), Some(&1), "{counts:?}");
    }
}

async fn a_send_that_comes_many_times_at_once_mails_once(servers: &Servers) {
    let body = small("s", 1, &json!({ "UserEmail": "mira@example.com" }));
    let calls = (0..32).map(|_| servers.begin("OtpSend", body.clone())).collect::<Vec<_>>();
    let answers: Vec<Value> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|otp| *otp == answers[0] && otp["status"] == "sent"), "{answers:?}");
    assert_eq!(servers.sent().await, 1);
}

async fn resending_and_verifying_at_once_leaves_exactly_one_code_alive(servers: &Servers) {
    for round in 0..10 {
        let session = format!("s-{round}");
        let first = servers.send(&session, round).await;
        servers.apps.iter().for_each(|app| app.advance(31));
        let sender = Arc::clone(servers.next());
        let resend = {
            let (app, session) = (Arc::clone(&sender), session.clone());
            tokio::spawn(async move { app.call("OtpResend", &small(&session, 500, &json!({}))).await })
        };
        let verified = servers.verify_all(&session, vec![first]).await.contains_key("verified");
        let answer = resend.await.unwrap();
        // Either the old code won and there was nothing to resend, or it was replaced and lost.
        if verified {
            assert_eq!(answer["status"], "already_verified");
        } else {
            assert_eq!(answer["status"], "sent");
            let second = sender.codes().await.pop().unwrap();
            assert!(servers.verify_all(&session, vec![second]).await.contains_key("verified"));
        }
    }
}

async fn parallel_sends_to_one_address_stop_at_its_budget(servers: &Servers) {
    // One below the ten that an address has in an hour.
    for session in 0..9 {
        let body = small(&format!("t-{session}"), 1, &json!({ "UserEmail": "mira@example.com" }));
        assert_eq!(servers.call("OtpSend", body).await["status"], "sent");
    }
    let calls = (0..16).map(|session| {
        let address = format!("Mira+{session}@Example.com");
        servers.begin("OtpSend", small(&format!("u-{session}"), 1, &json!({ "UserEmail": address })))
    });
    let answers = join_all(calls.collect::<Vec<_>>()).await;
    let answers: Vec<Value> = answers.into_iter().map(Result::unwrap).collect();
    let count = |status: &str| answers.iter().filter(|otp| otp["status"] == status).count();
    assert_eq!((count("sent"), count("limit_reached")), (1, 15), "{answers:?}");
    assert_eq!(servers.sent().await, 10);
}

/// All of them, over so many servers with a store that `settings` name: another one, still empty, each time it is asked.
pub(crate) async fn every_race(settings: impl Fn() -> String, servers: u64) {
    let start = || async { Servers::start(&settings(), servers).await };
    of_64_right_codes_one_wins(&start().await).await;
    wrong_codes_at_once_get_no_more_attempts_than_one_by_one(&start().await).await;
    a_right_code_among_fewer_wrong_ones_than_attempts_wins(&start().await).await;
    a_send_that_comes_many_times_at_once_mails_once(&start().await).await;
    resending_and_verifying_at_once_leaves_exactly_one_code_alive(&start().await).await;
    parallel_sends_to_one_address_stop_at_its_budget(&start().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_memory() {
    every_race(String::new, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let stores = std::sync::atomic::AtomicU64::new(0);
    let fresh = || {
        let path = folder.path().join(stores.fetch_add(1, Ordering::Relaxed).to_string());
        format!("[store]\nkind = \"disk\"\npath = \"{}\"\n", path.display())
    };
    every_race(fresh, 1).await;
}
