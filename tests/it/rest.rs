//! The REST doors, where scenarios cannot tell the whole story.

use serde_json::{Value, json};

use crate::support::{API_KEY, App, BOT};
use crate::wire::with_a_broken_store;

impl App {
    async fn rest(&self, key: &str, method: &str, path: &str, body: &str) -> reqwest::Response {
        let request = self.http.request(method.parse().unwrap(), format!("{}/v1/bots/{path}", self.url));
        let request = request.header("authorization", format!("Bearer {key}"));
        request.header("content-type", "application/json").body(body.to_owned()).send().await.unwrap()
    }

    async fn report(&self, method: &str, path: &str, body: &Value) -> Value {
        let response = self.rest(API_KEY, method, &format!("{BOT}/{path}"), &body.to_string()).await;
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }
}

#[tokio::test]
async fn a_key_opens_the_doors_of_its_own_bots() {
    let (one, other) = ("n0t-a-real-key-number-one-0123456", "n0t-a-real-key-number-two-0123456");
    let app = App::start(&format!(
        "[[api.keys]]\nname = \"one\"\nsecret = \"{one}\"\nbots = [\"st-1\"]\n\
         [[api.keys]]\nname = \"two\"\nsecret = \"{other}\"\nbots = [\"*\"]\n"
    ))
    .await;
    for (key, bot, status) in [
        (one, "st-1", 200),
        (one, "st-2", 403),
        (other, "st-1", 200),
        (other, "st-2", 200),
        (API_KEY, "st-1", 401),
        ("", "st-1", 401),
    ] {
        let response = app.rest(key, "GET", &format!("{bot}/sessions/s/otp"), "").await;
        assert_eq!(response.status(), status, "{key} {bot}");
        let challenge =
            response.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(challenge.as_deref(), (status == 401).then_some("Bearer"));
        if status == 403 {
            let envelope =
                json!({ "errors": [{ "msg": "This API key is not for that bot", "code": "FORBIDDEN" }] });
            assert_eq!(response.json::<Value>().await.unwrap(), envelope);
        }
    }
    // Without a good key nobody learns what is there.
    assert_eq!(app.rest("", "GET", "st-1/nothing", "").await.status(), 401);
    let response = app.rest(other, "PUT", "st-1/turn", "").await;
    assert_eq!((response.status().as_u16(), &response.headers()["allow"]), (405, &"POST".parse().unwrap()));
}

#[tokio::test]
async fn a_session_id_may_be_any_text() {
    let app = App::start("").await;
    let long = "%F0%9F%98%80".repeat(2_500);
    let sessions = ["a/b", "a%2Fb", "A%2Fb", "a%252Fb", "%E2%98%95", "a+b", "a%20b", "..%2F..", "otp", &long];
    for session in &sessions[1..] {
        let path = format!("sessions/{session}/otp");
        assert_eq!(app.report("GET", &path, &json!({})).await["status"], "no_challenge", "{session}");
        assert_eq!(app.report("POST", &path, &json!({ "to": "mira@example.com" })).await["status"], "sent");
    }
    let response = app.rest(API_KEY, "GET", &format!("{BOT}/sessions/{}/otp", sessions[0]), "").await;
    assert_eq!(response.status(), 404);
    // The same session, spelt otherwise; and in the body, where nothing is encoded.
    let path = "sessions/%61%2fb/otp";
    assert_eq!(app.report("GET", path, &json!({})).await["status"], "sent");
    let turn = json!({ "session": { "id": "a/b" }, "message": "000000" });
    assert_eq!(app.report("POST", "turn", &turn).await["otp"]["status"], "incorrect");
}

#[tokio::test]
async fn a_session_comes_back_byte_for_byte_but_for_our_keys() {
    let app = App::start("").await;
    let sent = "{ \"n\" : 1.10 ,\t\"big\":12345678901234567890,\"OTP\" : \"old\",\n\"\\u006bey\":\"\\ud83d\\ude00\\/\",\"half\":\"\\ud83d\",\
                \"dup\":1,\"dup\":2, \"deep\":[[{}]] , \"conversationSessionId\":\"another\" }";
    let body = |message: &str| {
        format!("{{\"session\":{{\"id\":\"s\",\"BotUserSession\":{sent}}},\"message\":\"{message}\"}}")
    };
    let answer = app.rest(API_KEY, "POST", &format!("{BOT}/turn"), &body("mira@example.com")).await;
    let answer = answer.text().await.unwrap();
    let session = answer.split_once(",\"BotUserSession\":").unwrap().1.strip_suffix('}').unwrap();
    let otp: Value = serde_json::from_str(&answer.replace("\"half\":\"\\ud83d\",", "")).unwrap();
    let ours = ",\"OTPVerified\":false,\"ExpiryTime\":1784541090118";
    assert_eq!(session.matches(ours).count(), 1);
    assert_eq!(session.replace(ours, "").replace(&otp["otp"]["challengeId"].to_string(), "\"old\""), sent);
}

#[tokio::test]
async fn with_the_store_down_nothing_is_verified() {
    let app = App::start_with("", with_a_broken_store).await;
    for (method, path, body) in [
        ("POST", "sessions/s/otp", json!({ "to": "mira@example.com" })),
        ("POST", "sessions/s/otp/verify", json!({ "code": "123456" })),
        ("GET", "sessions/s/otp", json!({})),
    ] {
        assert_eq!(app.report(method, path, &body).await["status"], "unavailable", "{path}");
    }
    let turn =
        json!({ "session": { "id": "s", "BotUserSession": { "OTPVerified": true } }, "message": "123456" });
    let answer = app.report("POST", "turn", &turn).await;
    assert_eq!((&answer["otp"]["status"], &answer["done"]), (&json!("unavailable"), &json!(true)));
    assert_eq!(answer["BotUserSession"]["OTPVerified"], false);
    assert!(app.calls().await.is_empty());
}

#[tokio::test]
async fn a_slow_provider_does_not_hold_up_the_answer() {
    let app = App::start("[platform]\nanswer_within = \"100ms\"").await;
    app.script.answer(wiremock::ResponseTemplate::new(202).set_delay(std::time::Duration::from_millis(400)));
    let answer = app.report("POST", "sessions/s/otp", &json!({ "to": "mira@example.com" })).await;
    assert_eq!(answer["status"], "queued");
    app.settled().await;
    assert_eq!(app.report("GET", "sessions/s/otp", &json!({})).await["status"], "sent");
}

#[tokio::test]
async fn one_right_code_verifies_once_however_many_send_it() {
    let app = App::start("").await;
    app.report("POST", "sessions/s/otp", &json!({ "to": "mira@example.com" })).await;
    let code = json!({ "code": app.codes().await.pop().unwrap() });
    let calls = (0..16).map(|_| app.report("POST", "sessions/s/otp/verify", &code));
    let answers = futures_util::future::join_all(calls).await;
    let verified = answers.iter().filter(|answer| answer["status"] == "verified").count();
    assert_eq!(verified, 1);
}

#[tokio::test]
async fn bodies_over_the_limit_are_refused() {
    let app = App::start("[server]\nmax_body_bytes = 1024").await;
    let body = json!({ "to": "x".repeat(2_000) }).to_string();
    for method in ["POST", "GET", "DELETE"] {
        let answer = app.rest(API_KEY, method, &format!("{BOT}/sessions/s/otp"), &body).await;
        assert_eq!(answer.status(), 413, "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_is_called_too_often_can_be_called_later() {
    let app = App::start("[server]\ncalls_per_second = 2\n").await;
    let path = format!("{BOT}/sessions/s/otp");
    let mut refused = None;
    for _ in 0..20 {
        // Whoever has no key takes nothing from those who have.
        assert_eq!(app.rest("wrong", "GET", &path, "").await.status(), 401);
        let answer = app.rest(API_KEY, "GET", &path, "").await;
        if answer.status() == 429 {
            refused = Some(answer);
            break;
        }
    }
    let answer = refused.unwrap();
    assert_eq!(answer.headers()["retry-after"], "1");
    let envelope = json!({ "errors": [{ "msg": "Too Many Requests", "code": "TOO_MANY_REQUESTS" }] });
    assert_eq!(answer.json::<Value>().await.unwrap(), envelope);
    assert_eq!(app.rest(API_KEY, "GET", "st-another/sessions/s/otp", "").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callers_trace_goes_on_and_its_time_is_counted() {
    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let app = App::start("").await;
    for (session, trace) in [("one", Some(TRACE)), ("two", None)] {
        let call = app.http.post(format!("{}/v1/bots/{BOT}/sessions/{session}/otp", app.url));
        let call = call
            .header("authorization", format!("Bearer {API_KEY}"))
            .header("content-type", "application/json");
        let call = trace.into_iter().fold(call, |call, trace| call.header("traceparent", trace));
        let body = json!({ "to": format!("{session}@example.com") }).to_string();
        assert_eq!(call.body(body).send().await.unwrap().status(), 200);
        let mails = app.calls().await;
        let handed_on = mails.last().unwrap().headers.get("traceparent").map(|value| value.to_str().unwrap());
        assert_eq!(handed_on.map(|known| &known[..36]), trace.map(|known| &known[..36]), "{session}");
        assert_ne!(handed_on, Some(TRACE));
    }
    let metrics = app.metrics().await;
    for name in ["requests_total", "request_seconds_count"] {
        let line = format!("botkit_otp_{name}{{event=\"rest_send\",status=\"200\"}} 2\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
}
