//! `botkit-otp serve --record`: what a platform calls becomes a scenario.

use std::collections::HashMap;
use std::process::Command;

use reqwest::Client;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

use crate::program::{Running, program, said};
use crate::support::{BOT, payload};

const SETTINGS: &str =
    "[dev]\nenabled = true\n[bots.default]\napp_id = \"cs-test\"\napi_key = \"n0t-a-real-secret/+=\"\n";

/// What must not be in the file.
const PRIVATE: [&str; 9] = [
    "private",
    "corp.example",
    "Private Person",
    "n0t-a-real",
    "eyJ",
    "session-1",
    "user-1",
    "07911",
    "9876543210",
];

/// The program in a folder with settings.
fn configured(folder: &tempfile::TempDir, settings: &str, arguments: &[&str]) -> Command {
    std::fs::write(folder.path().join("botkit-otp.toml"), settings).unwrap();
    let mut command = program(folder);
    command.args(arguments);
    command
}

/// A payload as a platform sends it, not quite as the samples have it.
fn event(name: &str, session: &str, request: u64, text: &str, platform: &str) -> Value {
    let mut body = payload(name);
    body["requestId"] = json!(request.to_string());
    body["message"] = json!(text);
    let user = format!("user-{}", &session[8..]);
    body["context"]["entities"] = json!({ "AccountNumber": "9876543210" });
    body["context"]["session"] = json!({
        "BotUserSession": { "conversationSessionId": session },
        "UserContext": { "_id": user, "lastName": "Private Person" },
    });
    body["channel"] = json!({ "type": "rtm", "from": user });
    for (door, url) in [("sendBotMessage", "sendBotMessageUrl"), ("sendUserMessage", "sendUserMessageUrl")] {
        body[url] = json!(format!("{platform}/api/botsdk/stream/{BOT}/{door}/{request}"));
    }
    body.as_object_mut().unwrap().remove("callbackUrl");
    body
}

struct Caller {
    http: Client,
    url: String,
    token: String,
}

impl Caller {
    async fn post(&self, event: &str, body: &Value) -> Value {
        let url = format!("{}/sdk/bots/{BOT}/components/dc-1/{event}", self.url);
        let call = self.http.post(url).header("token", &self.token).json(body).send().await.unwrap();
        assert_eq!(call.status(), 200, "{}", call.text().await.unwrap());
        call.json().await.unwrap()
    }

    async fn code(&self) -> String {
        let url = format!("{}/dev/outbox", self.url);
        let mails: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        mails[0]["code"].as_str().unwrap().to_owned()
    }
}

async fn output(mut command: Command) -> std::process::Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn live_traffic_becomes_a_scenario_that_passes_and_gives_nothing_away() {
    let platform = MockServer::start().await;
    Mock::given(matchers::any()).respond_with(ResponseTemplate::new(200)).mount(&platform).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("recorded.json");
    let mut server =
        Running::start(&mut configured(&folder, SETTINGS, &["serve", "--record", "recorded.json"]));
    let token = configured(&folder, SETTINGS, &["token", "--bot", BOT]);
    let token = String::from_utf8(output(token).await.stdout).unwrap().trim().to_owned();
    let http = Client::builder().no_proxy().build().unwrap();
    let caller = Caller { http, url: server.url.clone(), token };

    let at = platform.uri();
    let hook = |session: &str, request, component: &str, entity: &str, text: &str| {
        let mut body = event("on_webhook", session, request, text, &at);
        body["dialogComponentName"] = json!(component);
        body["context"]["entities"][entity] = json!(text);
        body
    };
    let (address, other) = ("X.Private@corp.example", "y.private@corp.example");
    let said_first = event("on_user_message", "session-1", 1, "my number is 07911 123456", &at);
    caller.post("on_user_message", &said_first).await;
    // What the platform holds of each session.
    let mut held: HashMap<&str, Value> = HashMap::new();
    let (mut code, mut wrong, mut other_code) = (String::new(), String::new(), String::new());
    for (request, session, component, status) in [
        (2, "session-1", "OtpSend", "sent"),
        (3, "session-2", "OtpSend", "sent"),
        (4, "session-1", "OtpVerify", "incorrect"),
        // The answer was lost.
        (4, "session-1", "OtpVerify", "incorrect"),
        (5, "session-1", "OtpStatus", "sent"),
        (6, "session-2", "OtpVerify", "verified"),
        (7, "session-1", "OtpResend", "sent"),
        (8, "session-1", "OtpVerify", "verified"),
    ] {
        let first = session == "session-1";
        let (entity, text) = match (component, first, status) {
            ("OtpSend", true, _) => ("UserEmail", address),
            ("OtpSend", false, _) => ("UserEmail", other),
            (_, true, "incorrect") => ("Otp", &*wrong),
            (_, true, "verified") => ("Otp", &*code),
            (_, false, "verified") => ("Otp", &*other_code),
            _ => ("Nothing", "-"),
        };
        if component == "OtpResend" {
            // The cooldown passes.
            let moved =
                caller.http.post(format!("{}/dev/clock", caller.url)).json(&json!({ "advanceSeconds": 40 }));
            assert_eq!(moved.send().await.unwrap().status(), 200);
        }
        let mut body = hook(session, request, component, entity, text);
        if let Some(held) = held.get(session) {
            body["context"]["session"]["BotUserSession"] = held.clone();
        }
        let answer = caller.post("on_webhook", &body).await;
        assert_eq!(answer["context"]["otp"]["status"], status, "{component}: {answer}");
        held.insert(session, answer["context"]["session"]["BotUserSession"].clone());
        if ["OtpSend", "OtpResend"].contains(&component) {
            let mailed = caller.code().await;
            if first {
                wrong = mailed.chars().map(|digit| if digit == '7' { '3' } else { '7' }).collect();
                code = mailed;
            } else {
                other_code = mailed;
            }
        }
    }
    let written =
        |text: &str| serde_json::from_str::<Value>(text).unwrap()["steps"].as_array().unwrap().len();
    // It is in the file soon, whatever happens to the server then.
    let mut steps = 0;
    for _ in 0..200 {
        steps = written(&std::fs::read_to_string(&file).unwrap());
        if steps >= 10 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(steps >= 10, "{steps} steps were written");
    server.terminate();
    assert!(server.wait().success());

    let recorded = std::fs::read_to_string(&file).unwrap();
    for private in PRIVATE.into_iter().chain([&*code, &other_code, address, other]) {
        assert!(!recorded.contains(private), "{private} was recorded: {recorded}");
    }
    assert!(recorded.contains("\"asAcknowledged\": true"), "{recorded}");
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }

    let elsewhere = tempfile::tempdir().unwrap();
    let fresh = Running::start(&mut configured(&elsewhere, SETTINGS, &["serve"]));
    // Twice: each time they are other people.
    for _ in 0..2 {
        let arguments = ["replay", "recorded.json", "--bot", BOT, "--url", &fresh.url];
        let output = output(configured(&folder, SETTINGS, &arguments)).await;
        assert!(said(&output).contains("1 passed, 0 failed, 0 skipped"), "{}\n{recorded}", said(&output));
    }
    // What was recorded is not written over.
    let again = output(configured(&folder, SETTINGS, &["serve", "--record", "recorded.json"])).await;
    assert!(!again.status.success() && said(&again).contains("it is there already"), "{}", said(&again));
}

#[test]
fn production_does_not_write_down_what_users_say() {
    let folder = tempfile::tempdir().unwrap();
    let settings = SETTINGS.replace("[dev]\nenabled = true\n", "");
    let mut command = configured(&folder, &settings, &["serve", "--record", "recorded.json"]);
    command.env("SENDGRID_API_KEY", "SG.x").env("EMAIL_FROM", "a@b.example");
    let output = command.output().unwrap();
    assert!(!output.status.success() && said(&output).contains("for dev mode only"), "{}", said(&output));
    assert!(!folder.path().join("recorded.json").exists());
}
