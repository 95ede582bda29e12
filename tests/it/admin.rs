//! An operator's doors: what is seen, what ends, and for whom they open.

use std::process::Command;

use botkit_otp::audit::Story;
use serde_json::{Value, json};

use crate::support::{App, BOT, small};

const KEY: &str = "an operator's key of thirty-two or more";
const ADMIN: &str =
    "[[admin.keys]]\nname = \"ops\"\nsecret = \"an-operators-key-of-thirty-two-characters\"\n";

fn key() -> String {
    ADMIN.split('"').nth(3).unwrap().to_owned()
}

async fn codes(app: &App, which: &[(&str, &str)]) -> Value {
    let which = which.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let (status, answer) = act(app, "codes", Value::Object(which)).await;
    assert_eq!(status, 200);
    answer["codes"].clone()
}

async fn act(app: &App, act: &str, body: Value) -> (u16, Value) {
    let request = app.http.post(format!("{}/admin/{act}", app.url)).bearer_auth(key());
    let response = request.json(&body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn send(app: &App, session: &str, to: &str) -> Value {
    app.call("OtpSend", &small(session, 1, &json!({ "UserEmail": to }))).await
}

async fn verify(app: &App, session: &str, request: usize, code: &str) -> Value {
    app.call("OtpVerify", &small(session, request, &json!({ "Otp": code }))).await["status"].clone()
}

#[tokio::test]
async fn codes_that_are_out_are_seen_masked_and_revoked() {
    let app = App::start(ADMIN).await;
    let sent = send(&app, "s-1", "mira@example.com").await;
    send(&app, "s-2", "mira+2@example.com").await;
    send(&app, "s-3", "eve@example.com").await;
    let id = sent["challengeId"].as_str().unwrap();

    let by_session = codes(&app, &[("bot", BOT), ("session", "s-1")]).await;
    assert_eq!(
        by_session,
        json!([{
            "bot": BOT, "session": "s-1", "purpose": null, "challengeId": id, "status": "live",
            "until": sent["expiresAt"], "channel": "email", "to": "m...a@example.com", "attemptsLeft": 5, "sendsLeft": 4,
        }])
    );
    assert_eq!(codes(&app, &[("challenge", id)]).await, by_session);
    let by_address = codes(&app, &[("address", "MIRA@example.com")]).await;
    assert_eq!(by_address.as_array().unwrap().len(), 2, "all spellings of it");
    assert!(!by_address.to_string().contains("mira"), "{by_address}");

    assert_eq!(
        act(&app, "revoke", json!({ "address": "mira@example.com" })).await,
        (200, json!({ "revoked": 2 }))
    );
    assert_eq!(codes(&app, &[("address", "mira@example.com")]).await, json!([]));
    let codes = app.codes().await;
    assert_eq!(verify(&app, "s-1", 2, &codes[0]).await, "cancelled");
    assert_eq!(verify(&app, "s-3", 2, &codes[2]).await, "verified", "others go on");
    assert_eq!(act(&app, "revoke", json!({ "challenge": id })).await.1, json!({ "revoked": 0 }));
}

#[tokio::test]
async fn locks_and_what_was_counted_at_an_address_end() {
    let settings = format!(
        "{ADMIN}[otp]\nattempts = 2\n[limits.destination]\nsends_per_hour = 2\nfailures_per_day = 2\n"
    );
    let app = App::start(&settings).await;
    send(&app, "s-1", "mira@example.com").await;
    for (request, status) in [(2, "incorrect"), (3, "locked")] {
        assert_eq!(verify(&app, "s-1", request, "000000").await, status);
    }
    assert_eq!(send(&app, "s-2", "mira@example.com").await["status"], "locked", "the address is");
    let seen = codes(&app, &[("address", "mira@example.com")]).await;
    assert_eq!((&seen[0]["status"], &seen[0]["attemptsLeft"]), (&json!("locked"), &json!(0)));

    // The session alone: the address is still locked.
    app.advance(31);
    let session = json!({ "bot": BOT, "session": "s-1" });
    assert_eq!(act(&app, "unlock", session).await.1, json!({ "unlocked": 1 }));
    let again = app.call("OtpSend", &small("s-1", 4, &json!({ "UserEmail": "mira@example.com" }))).await;
    assert_eq!(
        (&again["status"], &again["reason"]),
        (&json!("locked"), &json!("limits.destination.failures_per_day is reached"))
    );
    assert_eq!(
        act(&app, "unlock", json!({ "address": "Mira+x@Example.com" })).await.1,
        json!({ "unlocked": 1 })
    );
    app.advance(31);
    let again = app.call("OtpSend", &small("s-1", 5, &json!({ "UserEmail": "mira@example.com" }))).await;
    assert_eq!((&again["status"], &again["attemptsLeft"]), (&json!("sent"), &json!(2)));
    let code = app.codes().await.pop().unwrap();
    assert_eq!(verify(&app, "s-1", 6, &code).await, "verified");
    assert_eq!(
        act(&app, "unlock", json!({ "address": "nobody@example.com" })).await.1,
        json!({ "unlocked": 0 })
    );
}

#[tokio::test]
async fn doors_open_to_operators_only_and_say_what_is_wrong() {
    let app = App::start("").await;
    let closed = app.http.post(format!("{}/admin/codes", app.url)).bearer_auth(KEY).send().await.unwrap();
    assert_eq!(closed.status(), 404, "without keys there are none");

    let app = App::start(ADMIN).await;
    let api_key = format!("Bearer {}", crate::support::API_KEY);
    for header in ["", "Bearer x", &api_key] {
        for path in ["codes", "revoke", "unlock"] {
            let url = format!("{}/admin/{path}", app.url);
            let request = app.http.post(url).body("{}");
            let response = request.header("authorization", header).send().await.unwrap();
            assert_eq!(response.status(), 401, "{path} {header}");
        }
    }
    for (body, problem) in [
        (json!({}), "name one: bot and session, or address, or challenge"),
        (json!({ "session": "s" }), "name one"),
        (json!({ "address": "a@example.com", "challenge": "ch_0" }), "name one"),
        (json!({ "adress": "a@example.com" }), "unknown field `adress`"),
        (json!({ "address": "nothing" }), "address: neither an e-mail address nor a phone number"),
        (json!({ "challenge": "ch_1" }), "challenge: an id is ch_"),
        (json!({ "bot": "a b", "session": "s" }), "bot: that is no bot id"),
    ] {
        let (status, answer) = act(&app, "revoke", body.clone()).await;
        let said = answer["errors"][0]["msg"].as_str().unwrap();
        assert!(status == 400 && said.contains(problem), "{body}: {status} {said}");
    }
}

#[tokio::test]
async fn what_an_operator_did_is_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.jsonl");
    let app = App::start(&format!("{ADMIN}[audit]\ntarget = \"{}\"\n", file.display())).await;
    send(&app, "s-1", "mira@example.com").await;
    codes(&app, &[("bot", BOT), ("session", "s-1")]).await;
    codes(&app, &[("address", "mira@example.com")]).await;
    codes(&app, &[("challenge", "ch_00000000000000000000000000000000")]).await;
    act(&app, "codes", json!({ "bot": BOT, "session": "mira@example.com" })).await;
    act(&app, "revoke", json!({ "bot": BOT, "session": "s-1" })).await;
    act(&app, "unlock", json!({ "address": "mira@example.com" })).await;
    codes(&app, &[("bot", BOT), ("session", "s-1")]).await;
    app.server.service.audit.flush();
    let text = std::fs::read_to_string(&file).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let acts: Vec<(&str, &str)> = events
        .iter()
        .filter(|event| event["event"] == "revoke" || event["event"] == "unlock")
        .map(|event| (event["session"].as_str().unwrap(), event["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(acts, [("s-1", "by ops"), ("", "by ops")]);
    let story = Story::read(&text, "s-1", None).unwrap().to_string();
    assert!(story.ends_with("(by ops)\n\nIt ends so: an operator revoked the code.\n"), "{story}");
    assert!(!text.contains("mira@"), "{text}");

    // Who looked, at what, and how much there was to see.
    let looks: Vec<Value> = events
        .iter()
        .filter(|event| event["event"] == "look_up")
        .map(|event| json!(["bot", "session", "to", "challenge", "seen", "reason"].map(|name| &event[name])))
        .collect();
    let digest = looks[3][1].as_str().unwrap();
    assert!(digest.starts_with('~'), "{digest}");
    assert_eq!(
        looks,
        [
            json!([BOT, "s-1", null, null, 1, "by ops"]),
            json!(["", "", "m...a@example.com", null, 1, "by ops"]),
            json!(["", "", null, "ch_00000000000000000000000000000000", 0, "by ops"]),
            json!([BOT, digest, null, null, 0, "by ops"]),
            json!([BOT, "s-1", null, null, 0, "by ops"]),
        ]
    );
    let mut program = Command::new(env!("CARGO_BIN_EXE_botkit-otp"));
    let told = program.env_clear().args(["explain", "s-1", "--file"]).arg(&file).output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains("an operator looked at what is out there, 1 seen, (by ops)"), "{told}");
    assert!(told.ends_with("It ends so: an operator revoked the code.\n"), "{told}");
}
