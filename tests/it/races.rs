//! Many calls at once: one winner, no free guesses, whatever store there is.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{App, small, webhook};

/// Verifies with each of `codes` at the same moment; counts the statuses.
async fn verify_all(app: &Arc<App>, session: &str, codes: Vec<String>) -> HashMap<String, usize> {
    static REQUEST: AtomicUsize = AtomicUsize::new(1_000);
    let calls = codes.into_iter().map(|code| {
        let mut body = small(session, REQUEST.fetch_add(1, Ordering::Relaxed), &json!({ "Otp": code }));
        body["dialogComponentName"] = json!("OtpVerify");
        let app = Arc::clone(app);
        tokio::spawn(async move {
            let answer: Value = app.post(&webhook(), body.to_string()).await.json().await.unwrap();
            answer["context"]["otp"]["status"].as_str().unwrap().to_owned()
        })
    });
    let mut counts = HashMap::new();
    for status in join_all(calls).await {
        *counts.entry(status.unwrap()).or_default() += 1;
    }
    counts
}

async fn sent(app: &Arc<App>, session: &str, request: usize) -> String {
    let address = format!("{session}@example.com");
    let otp = app.call("OtpSend", &small(session, request, &json!({ "UserEmail": address }))).await;
    assert_eq!(otp["status"], "sent");
    app.codes().await.pop().unwrap()
}

fn wrong(code: &str) -> String {
    if code == "000000" { "000001".to_owned() } else { "000000".to_owned() }
}

async fn of_64_right_codes_one_wins(settings: &str) {
    let app = Arc::new(App::start(settings).await);
    for round in 0..5 {
        let session = format!("s-{round}");
        let code = sent(&app, &session, round).await;
        let counts = verify_all(&app, &session, vec![code; 64]).await;
        assert_eq!(
            (counts.get("verified"), counts.get("already_verified")),
            (Some(&1), Some(&63)),
            "{counts:?}"
        );
    }
}

async fn wrong_codes_at_once_get_no_more_attempts_than_one_by_one(settings: &str) {
    let app = Arc::new(App::start(settings).await);
    for round in 0..5 {
        let session = format!("s-{round}");
        let code = sent(&app, &session, round).await;
        let counts = verify_all(&app, &session, vec![wrong(&code); 20]).await;
        // The fifth wrong one is answered `locked`, and so are all after it.
        assert_eq!((counts.get("incorrect"), counts.get("locked")), (Some(&4), Some(&16)), "{counts:?}");
        let otp = app.call("OtpVerify", &small(&session, 999, &json!({ "Otp": code }))).await;
        assert_eq!(otp["status"], "locked");
    }
}

async fn a_right_code_among_fewer_wrong_ones_than_attempts_wins(settings: &str) {
    let app = Arc::new(App::start(settings).await);
    for round in 0..5 {
        let session = format!("s-{round}");
        let code = sent(&app, &session, round).await;
        let mut codes = vec![wrong(&code); 4];
        codes.insert(round % 5, code);
        let counts = verify_all(&app, &session, codes).await;
        assert_eq!(counts.get("verified"), Some(&1), "{counts:?}");
    }
}

async fn a_send_that_comes_many_times_at_once_mails_once(settings: &str) {
    let app = Arc::new(App::start(settings).await);
    let calls = (0..32).map(|_| {
        let mut body = small("s", 1, &json!({ "UserEmail": "mira@example.com" }));
        body["dialogComponentName"] = json!("OtpSend");
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            let answer: Value = app.post(&webhook(), body.to_string()).await.json().await.unwrap();
            answer["context"]["otp"].clone()
        })
    });
    let answers: Vec<Value> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|otp| *otp == answers[0] && otp["status"] == "sent"), "{answers:?}");
    assert_eq!(app.codes().await.len(), 1);
}

async fn resending_and_verifying_at_once_leaves_exactly_one_code_alive(settings: &str) {
    let app = Arc::new(App::start(settings).await);
    for round in 0..10 {
        let session = format!("s-{round}");
        let first = sent(&app, &session, round).await;
        app.advance(31);
        let resend = {
            let (app, session) = (Arc::clone(&app), session.clone());
            tokio::spawn(async move { app.call("OtpResend", &small(&session, 500, &json!({}))).await })
        };
        let verified = verify_all(&app, &session, vec![first]).await.contains_key("verified");
        let answer = resend.await.unwrap();
        // Either the old code won and there was nothing to resend, or it was replaced and lost.
        if verified {
            assert_eq!(answer["status"], "already_verified");
        } else {
            assert_eq!(answer["status"], "sent");
            let second = app.codes().await.pop().unwrap();
            assert!(verify_all(&app, &session, vec![second]).await.contains_key("verified"));
        }
    }
}

async fn parallel_sends_to_one_address_stop_at_its_budget(settings: &str) {
    let app = Arc::new(App::start(settings).await);
    // One below the ten that an address has in an hour.
    for session in 0..9 {
        let body = small(&format!("t-{session}"), 1, &json!({ "UserEmail": "mira@example.com" }));
        assert_eq!(app.call("OtpSend", &body).await["status"], "sent");
    }
    let calls = (0..16).map(|session| {
        let body =
            small(&format!("u-{session}"), 1, &json!({ "UserEmail": format!("Mira+{session}@Example.com") }));
        let app = Arc::clone(&app);
        tokio::spawn(async move { app.call("OtpSend", &body).await })
    });
    let answers: Vec<Value> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    let count = |status: &str| answers.iter().filter(|otp| otp["status"] == status).count();
    assert_eq!((count("sent"), count("limit_reached")), (1, 15), "{answers:?}");
    assert_eq!(app.codes().await.len(), 10);
}

/// All of them, with a store that `settings` name.
pub(crate) async fn every_race(settings: &str) {
    of_64_right_codes_one_wins(settings).await;
    wrong_codes_at_once_get_no_more_attempts_than_one_by_one(settings).await;
    a_right_code_among_fewer_wrong_ones_than_attempts_wins(settings).await;
    a_send_that_comes_many_times_at_once_mails_once(settings).await;
    resending_and_verifying_at_once_leaves_exactly_one_code_alive(settings).await;
    parallel_sends_to_one_address_stop_at_its_budget(settings).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_memory() {
    every_race("").await;
}
