//! A server that is told to stop answers what it has been asked.

use std::time::Duration;

use botkit_otp::telemetry::Stopwatch;
use futures_util::future::join_all;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

use crate::program::{Running, program};
use crate::support::{small, webhook};

/// How many call at once.
const CALLERS: usize = 32;

/// Calls on a connection of its own, again and again, until it is told that the connection ends; how often.
async fn call_on(http: reqwest::Client, url: String, token: String, caller: usize) -> usize {
    for number in 0.. {
        let mut body =
            small(&format!("s-{caller}-{number}"), number, &json!({ "UserEmail": "mira@example.com" }));
        body["dialogComponentName"] = json!("OtpSend");
        let answer = http.post(&url).header("token", &token).body(body.to_string()).send().await;
        let answer = answer.unwrap_or_else(|error| panic!("call {number} of {caller}: {error:?}"));
        assert_eq!(answer.status(), 200);
        let last = answer.headers().get("connection").is_some_and(|connection| connection == "close");
        assert!(answer.json::<Value>().await.unwrap()["context"]["otp"]["status"].is_string());
        if last {
            return number + 1;
        }
    }
    0
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_answered_and_balancers_are_told() {
    let (folder, stub) = (tempfile::tempdir().unwrap(), MockServer::start().await);
    let slow = ResponseTemplate::new(202).set_delay(Duration::from_millis(60));
    Mock::given(matchers::any()).respond_with(slow).mount(&stub).await;
    let config = format!(
        "[server]\ndrain_for = \"5s\"\n[store]\nkind = \"memory\"\n[bots.default]\napp_id = \"cs-stopping\"\n\
         api_key = \"n0t-a-real-secret\"\n[delivery.sendgrid]\napi_key = \"SG.n0t-a-real-key\"\n\
         from = \"no-reply@acme.example\"\nbase_url = \"{}\"\n[limits]\ndestination.sends_per_hour = 0\n\
         destination.sends_per_day = 0\n",
        stub.uri()
    );
    std::fs::write(folder.path().join("botkit-otp.toml"), config).unwrap();
    let token = program(&folder).args(["token", "--bot", "st-1"]).output().unwrap().stdout;
    let token = String::from_utf8(token).unwrap().trim().to_owned();
    let mut running = Running::start(program(&folder).env("RUST_LOG", "error,botkit_otp::cli=info"));
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = running.url.clone();
    let status = async |path: &str| {
        let answer = http.get(format!("{url}{path}")).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(status("/healthz").await.0, 200);

    let http = || reqwest::Client::builder().no_proxy().build().unwrap();
    let node = format!("{url}{}", webhook());
    let callers =
        (0..CALLERS).map(|caller| tokio::spawn(call_on(http(), node.clone(), token.clone(), caller)));
    let callers: Vec<_> = callers.collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let stopping = Stopwatch::start();
    running.terminate();
    for calls in join_all(callers).await {
        assert!(calls.unwrap() > 0);
    }
    assert!(stopping.elapsed() < Duration::from_secs(2), "it went on too long to see");
    // Whoever comes now is served, too, and sent elsewhere.
    assert_eq!(status("/healthz").await, (503, r#"{"status":"stopping"}"#.to_owned()));
    let (code, ready) = status("/readyz").await;
    assert!(code == 503 && ready.contains("the server was told to stop"), "{ready}");
    assert!(running.wait().success());
}
