//! What a server says of its own health, and the traces it hands on.

use std::time::Duration;

use botkit_otp::telemetry::{Stopwatch, trace::Trace};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

use crate::support::{App, BOT, TWILIO, small, webhook};

/// SendGrid and Twilio, who answer a question after our credentials with these.
async fn providers(sendgrid: ResponseTemplate, twilio: ResponseTemplate) -> MockServer {
    let stub = MockServer::start().await;
    Mock::given(matchers::method("GET"))
        .and(matchers::path("/v3/scopes"))
        .and(matchers::header("authorization", "Bearer SG.n0t-a-real-key"))
        .respond_with(sendgrid)
        .mount(&stub)
        .await;
    Mock::given(matchers::method("GET"))
        .and(matchers::path(format!("/2010-04-01/Accounts/{}.json", TWILIO.0)))
        .and(matchers::basic_auth(TWILIO.0, TWILIO.1))
        .respond_with(twilio)
        .mount(&stub)
        .await;
    stub
}

async fn ready(app: &App) -> Value {
    let response = app.http.get(format!("{}/readyz", app.url)).send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

/// What `/readyz` says once both providers have been asked.
async fn after_asking(sendgrid: ResponseTemplate, twilio: ResponseTemplate) -> (Value, String) {
    let stub = providers(sendgrid, twilio).await;
    let url = stub.uri();
    let app = App::start(&format!(
        "# other providers\n[delivery]\ncheck_every = \"1h\"\nsms = [\"twilio\"]\n[delivery.sendgrid]\n\
         base_url = \"{url}\"\n[delivery.twilio]\nbase_url = \"{url}\"\nfrom = \"+14155550100\"\n"
    ))
    .await;
    let started = Stopwatch::start();
    while !app.metrics().await.contains("provider_knows_us{provider=\"twilio\"}") {
        assert!(started.elapsed() < Duration::from_secs(10), "nobody was asked");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ready = ready(&app).await;
    // Asking for it asks nobody else again.
    assert_eq!(stub.received_requests().await.unwrap().len(), 2);
    (ready, app.metrics().await)
}

fn scopes(scopes: &[&str]) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "scopes": scopes }))
}

fn account(status: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "sid": TWILIO.0, "status": status }))
}

#[tokio::test(flavor = "multi_thread")]
async fn providers_are_asked_whether_they_know_us() {
    let good = (scopes(&["mail.send"]), account("active"));
    let (ready, metrics) = after_asking(good.0.clone(), good.1.clone()).await;
    assert_eq!((&ready["status"], &ready["reasons"]), (&json!("ready"), &json!([])));
    assert!(metrics.contains("botkit_otp_provider_knows_us{provider=\"sendgrid\"} 1"), "{metrics}");
    let slow = ResponseTemplate::new(200).set_body_json(json!({ "scopes": ["mail.send"] }));
    let slow = slow.insert_header("date", "Mon, 20 Jul 2026 09:46:29 GMT");
    for (sendgrid, twilio, reason) in [
        (ResponseTemplate::new(401), good.1.clone(), "sendgrid, asked whether it knows us: refused: 401"),
        (scopes(&["stats.read"]), good.1.clone(), "lacks the scope Mail Send"),
        (ResponseTemplate::new(503), good.1.clone(), "sendgrid, asked whether it knows us: 503"),
        (ResponseTemplate::new(200), good.1.clone(), "an answer that is not SendGrid's"),
        (good.0.clone(), ResponseTemplate::new(401), "are account SID and auth token those of one account?"),
        (good.0.clone(), account("suspended"), "the account is suspended or closed"),
        (slow, good.1.clone(), " sendgrid's"),
    ] {
        let (ready, metrics) = after_asking(sendgrid, twilio).await;
        let reasons = ready["reasons"].as_array().unwrap();
        assert_eq!((&ready["status"], reasons.len()), (&json!("degraded"), 1), "{reason}: {ready}");
        assert!(reasons[0].as_str().unwrap().contains(reason), "{reason}: {ready}");
        assert!(!ready.to_string().contains("n0t-a-real"), "{ready}");
        let knows = if reason == " sendgrid's" { 2 } else { 1 };
        let good = metrics.lines().filter(|line| line.contains("provider_knows_us{") && line.ends_with(" 1"));
        assert_eq!(good.count(), knows, "{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callers_trace_goes_on_in_calls_made_for_it() {
    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let app = App::start("").await;
    let post = async |path: &str, body: Value, trace: Option<&str>| {
        let request = app.http.post(format!("{}{path}", app.url)).header("token", app.token());
        let request = match trace {
            Some(trace) => request.header("traceparent", trace),
            None => request,
        };
        assert_eq!(request.body(body.to_string()).send().await.unwrap().status(), 200);
    };
    let mut message = small("s", 1, &json!({}));
    message["sendBotMessageUrl"] =
        json!(format!("{}/api/botsdk/stream/{BOT}/sendBotMessage/7", app.stub.uri()));
    let mut send = small("s", 2, &json!({ "UserEmail": "mira@example.com" }));
    send["dialogComponentName"] = json!("OtpSend");
    let to_bot = format!("/sdk/bots/{BOT}/on_user_message");
    for (path, body) in [(to_bot, message), (webhook(), send)] {
        post(&path, body.clone(), Some(TRACE)).await;
        let calls = app.calls().await;
        let handed_on = calls.last().unwrap().headers["traceparent"].to_str().unwrap();
        assert!(handed_on.starts_with(&TRACE[..36]) && handed_on != TRACE, "{path}: {handed_on}");
        assert!(Trace::parse(handed_on).is_some(), "{handed_on}");
        app.advance(3_600);
        let mut again = body;
        again["requestId"] = json!(900);
        for none in [None, Some("00-00000000000000000000000000000000-00f067aa0ba902b7-01")] {
            post(&path, again.clone(), none).await;
            app.advance(3_600);
            again["requestId"] = json!(901);
            assert!(!app.calls().await.last().unwrap().headers.contains_key("traceparent"), "{path}");
        }
    }
}
