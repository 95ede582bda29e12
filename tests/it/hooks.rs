//! The webhook channel: programs write to the bot as users do.

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::support::{App, BOT};

/// A token as the platform's documentation has it.
fn token(claims: &Value, secret: &str) -> String {
    let token = encode(&Header::default(), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap();
    format!("Bearer {token}")
}

const SECRET: &str = "n0t-a-real-secret/+=";

async fn post(app: &App, path: &str, token: &str, body: &Value) -> (u16, Value) {
    let request = app.http.post(format!("{}{path}", app.url)).header("authorization", token);
    let response = request.body(body.to_string()).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn both_forms_of_the_protocol_lead_the_dialog() {
    let app = App::start("").await;
    let good = token(&json!({ "appId": "cs-test", "sub": "u-1" }), SECRET);
    let path = format!("/chatbot/hooks/{BOT}");
    let said = |text: &str, from: &str| json!({ "message": { "text": text }, "from": { "id": from }, "to": { "id": "x" } });
    let (status, answer) = post(&app, &path, &good, &said("hello", "one")).await;
    assert_eq!(status, 200);
    assert_eq!(answer["endOfTask"], false);
    assert!(
        answer["text"][0].as_str().unwrap().ends_with("Which e-mail address may we send a code to?"),
        "{answer}"
    );
    let (_, answer) = post(&app, &path, &good, &said("mira@example.com", "one")).await;
    assert!(answer["text"][0].as_str().unwrap().starts_with("We sent a 6-digit code"), "{answer}");

    // Another user, in the other form, begins at the beginning.
    let second = format!("/chatbot/v2/webhook/{BOT}");
    let event = json!({ "message": { "type": "event", "val": "ON_CONNECT" }, "from": { "id": "two" } });
    let (_, answer) = post(&app, &second, &good, &event).await;
    assert_eq!(answer["_v"], "v2");
    assert!(answer["data"][0]["val"].as_str().unwrap().starts_with("Hello!"), "{answer}");
    let text = json!({ "message": { "type": "text", "val": "nora@example.org" }, "from": { "id": "two" } });
    let (_, answer) = post(&app, &second, &good, &text).await;
    assert!(answer["data"][0]["val"].as_str().unwrap().contains("n...a@example.org"), "{answer}");

    let code = app.codes().await[0].clone();
    let (_, answer) = post(&app, &path, &good, &said(&code, "one")).await;
    assert_eq!(answer["text"], json!(["Thank you, that is the right code. You are verified."]));
    assert_eq!((&answer["endOfTask"], &answer["endReason"]), (&json!(true), &json!("Fulfilled")));

    // A session that is closed, or begun anew, is forgotten.
    let closed = json!({ "message": { "type": "event", "val": "SESSION_CLOSURE" }, "from": { "id": "two" } });
    assert_eq!(post(&app, &second, &good, &closed).await.0, 200);
    let (_, answer) = post(&app, &second, &good, &text).await;
    assert!(answer["data"][0]["val"].as_str().unwrap().starts_with("Hello!"), "{answer}");
    let mut anew = said("hello", "one");
    anew["session"] = json!({ "new": true });
    let (_, answer) = post(&app, &path, &good, &anew).await;
    assert!(answer["text"][0].as_str().unwrap().starts_with("Hello!"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_has_the_secret_may_write() {
    let app = App::start("").await;
    let path = format!("/chatbot/hooks/{BOT}");
    let body = json!({ "message": { "text": "hello" }, "from": { "id": "one" } });
    let good = token(&json!({ "iss": "cs-test", "exp": 9_999_999_999_u64 }), SECRET);
    for (token, status) in [
        (good.clone(), 200),
        (token(&json!({ "iss": "cs-other" }), SECRET), 401),
        (token(&json!({ "appId": "cs-test" }), "another"), 401),
        (token(&json!({ "appId": "cs-test", "exp": 1 }), SECRET), 401),
        (good.replace("Bearer ", "Basic "), 401),
        ("Bearer".to_owned(), 401),
    ] {
        assert_eq!(post(&app, &path, &token, &body).await.0, status, "{token}");
    }
    for body in
        [json!({}), json!({ "message": {}, "from": { "id": "x" } }), json!({ "message": { "text": "x" } })]
    {
        let (status, answer) = post(&app, &path, &good, &body).await;
        assert_eq!((status, &answer["errors"][0]["msg"]), (400, &json!("Invalid Request Payload")));
    }
    let forwarded = app.http.post(format!("{}{path}", app.url)).header("x-forwarded-for", "203.0.113.7");
    assert_eq!(
        forwarded.header("authorization", good).body(body.to_string()).send().await.unwrap().status(),
        404
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_only_so_many_users() {
    let app = App::start("").await;
    let path = format!("/chatbot/hooks/{BOT}");
    let good = token(&json!({ "appId": "cs-test" }), SECRET);
    for user in 0..=32 {
        let body = json!({ "message": { "text": "hello" }, "from": { "id": format!("u-{user}") } });
        assert_eq!(post(&app, &path, &good, &body).await.0, if user < 32 { 200 } else { 429 }, "{user}");
    }
}
