//! Conversation mode: what is acknowledged at once, what keeps its order, and what happens when the store is down.

use std::time::Duration;

use botkit_otp::telemetry::Stopwatch;

use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::support::{App, BOT, payload, webhook};
use crate::wire::with_a_broken_store;

const CONVERSATION: &str = "[bots.default]\nconversation = true";

fn message(app: &App, request: usize, text: &str) -> String {
    let mut body = payload("on_user_message");
    body["requestId"] = json!(request);
    body["message"] = json!(text);
    body.to_string().replace("https://bots.kore.ai", &app.stub.uri())
}

async fn say(app: &App, request: usize, text: &str) {
    let path = format!("/sdk/bots/{BOT}/on_user_message");
    assert_eq!(app.post(&path, message(app, request, text)).await.status(), 200);
}

/// What the platform was asked, in order: the call's name and the message in it.
async fn asked(app: &App) -> Vec<(String, String)> {
    let calls = app.calls().await.into_iter().filter(|call| call.url.path().starts_with("/api/botsdk"));
    let told = calls.map(|call| {
        let body: Value = serde_json::from_slice(&call.body).unwrap();
        let name = call.url.path().split('/').nth(5).unwrap().to_owned();
        (name, body["message"].as_str().unwrap().to_owned())
    });
    told.collect()
}

#[tokio::test]
async fn messages_are_acknowledged_at_once_and_keep_their_order() {
    for settings in [CONVERSATION, ""] {
        let app = App::start(settings).await;
        // The first one has to be tried twice, and takes its time.
        app.script.answer(ResponseTemplate::new(503));
        app.script.answer(ResponseTemplate::new(200).set_delay(Duration::from_secs(2)));
        let started = Stopwatch::start();
        for (request, text) in ["one", "two", "three"].into_iter().enumerate() {
            say(&app, request, text).await;
        }
        assert!(started.elapsed() < Duration::from_secs(2), "the platform was waited for");
        let texts: Vec<String> = asked(&app).await.into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["one", "one", "two", "three"]);
    }
}

#[tokio::test]
async fn a_code_right_behind_a_wrong_one_is_taken_after_it() {
    let app = App::start(CONVERSATION).await;
    app.call("OtpSend", &payload("on_webhook")).await;
    let code = app.codes().await.remove(0);
    say(&app, 1, "000000").await;
    say(&app, 2, &code).await;
    say(&app, 3, "and now?").await;
    let asked = asked(&app).await;
    let to_user: Vec<_> = asked.iter().filter(|(name, _)| name == "sendUserMessage").collect();
    let to_bot: Vec<_> =
        asked.iter().filter(|(name, _)| name == "sendBotMessage").map(|(_, text)| text).collect();
    assert!(to_user.len() == 1 && to_user[0].1.starts_with("That is not the right code."), "{asked:?}");
    assert_eq!(to_bot, ["verified", "and now?"]);
}

#[tokio::test]
async fn with_the_store_down_the_bot_goes_on_without_codes() {
    let app = App::start_with(CONVERSATION, with_a_broken_store).await;
    say(&app, 1, "what is the weather like?").await;
    say(&app, 2, "123456").await;
    let asked = asked(&app).await;
    assert_eq!(asked[0], ("sendBotMessage".to_owned(), "what is the weather like?".to_owned()));
    assert_eq!(asked[1].0, "sendUserMessage");
    assert!(asked[1].1.starts_with("Sorry, we cannot do this right now."), "{}", asked[1].1);
    assert_eq!(asked.len(), 2);
}

#[tokio::test]
async fn a_platform_that_is_away_is_tried_a_few_times_and_counted() {
    let app = App::start(CONVERSATION).await;
    app.call("OtpSend", &payload("on_webhook")).await;
    for _ in 0..3 {
        app.script.answer(ResponseTemplate::new(503));
    }
    say(&app, 1, "000000").await;
    assert_eq!(asked(&app).await.len(), 3);
    say(&app, 2, "000001").await;
    let asked = asked(&app).await;
    assert!(asked.len() == 4 && asked[3].1.contains("3 tries left"), "{asked:?}");
    let metrics = app.http.get(format!("{}/metrics", app.url)).send().await.unwrap().text().await.unwrap();
    for line in [
        "botkit_otp_platform_calls_total{what=\"sendUserMessageUrl\",outcome=\"failed\"} 1",
        "botkit_otp_platform_calls_total{what=\"sendUserMessageUrl\",outcome=\"accepted\"} 1",
        "botkit_otp_operations_total{what=\"hear\",outcome=\"incorrect\"} 2",
    ] {
        assert!(metrics.contains(line), "{line} is missing from:\n{metrics}");
    }
}

#[tokio::test]
async fn an_operators_own_words_are_said() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("en.ftl"),
        "unrecognized = Type { the-code } from { $to }, friend.\n    .voice = Say { the-code }.\n",
    )
    .unwrap();
    std::fs::write(folder.path().join("readme.txt"), "not ours").unwrap();
    let settings = format!("{CONVERSATION}\n[messages]\ndir = {:?}\n", folder.path().display().to_string());
    let app = App::start(&settings).await;
    app.call("OtpSend", &payload("on_webhook")).await;
    say(&app, 1, "yes").await;
    let asked = asked(&app).await;
    assert_eq!(asked[0].1, "Type the 6-digit code from m...a@example.com, friend.");
}

#[tokio::test]
async fn mail_is_written_in_the_users_language() {
    let app = App::start("").await;
    let mut body = payload("on_webhook");
    body["dialogComponentName"] = json!("OtpSend");
    body["context"]["currentLanguage"] = json!("ar");
    app.post(&webhook(), body.to_string()).await;
    let mails = app.calls().await;
    let mail: Value = serde_json::from_slice(&mails[0].body).unwrap();
    let (text, html) =
        (mail["content"][0]["value"].as_str().unwrap(), mail["content"][1]["value"].as_str().unwrap());
    assert!(text.contains("دقائق") && html.contains("<html lang=\"ar\" dir=\"rtl\">"), "{text}\n{html}");
}

#[tokio::test]
async fn half_a_surrogate_hides_no_code() {
    let app = App::start(CONVERSATION).await;
    app.call("OtpSend", &payload("on_webhook")).await;
    let code = app.codes().await.remove(0);
    let path = format!("/sdk/bots/{BOT}/on_user_message");
    for (request, text) in ["\\ud83d".to_owned(), format!("\\ud83d {code}")].iter().enumerate() {
        let body = message(&app, request, "PLACE").replace("\"PLACE\"", &format!("\"{text}\""));
        assert_eq!(app.post(&path, body).await.status(), 200);
    }
    let calls = app.calls().await;
    let bodies: Vec<String> =
        calls[1..].iter().map(|call| String::from_utf8_lossy(&call.body).into_owned()).collect();
    assert!(bodies[0].contains("\"message\":\"\\ud83d\""), "{}", bodies[0]);
    assert!(bodies[1].contains("\"message\":\"verified\"") && !bodies[1].contains(&code), "{}", bodies[1]);
    assert_eq!(bodies.len(), 2);
}
