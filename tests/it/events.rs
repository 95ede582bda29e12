//! What providers report of messages after they took them: whom is believed, and what the user is told.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use botkit_otp::clock::{Clock as _, SystemClock};
use reqwest::Response;
use serde_json::{Value, json};

use crate::support::{App, BOT, TWILIO, form, payload, small};
use crate::wire::with_a_broken_store;

const CONVERSATION: &str = "[bots.default]\nconversation = true\n";
const PUBLIC: &str = "https://otp.acme.example";
const MAIL: &str = "mira@example.com";

/// SendGrid's side of the signature.
struct SendGrid(EcdsaKeyPair);

impl SendGrid {
    fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    fn settings(&self) -> String {
        let der: PublicKeyX509Der = self.0.public_key().as_der().unwrap();
        format!("[delivery.sendgrid]\nwebhook_key = \"{}\"\n", STANDARD.encode(der.as_ref()))
    }

    fn sign(&self, timestamp: &str, body: &str) -> String {
        let signed = [timestamp, body].concat();
        STANDARD.encode(self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap().as_ref())
    }

    /// Reports, as SendGrid does.
    async fn report(&self, app: &App, batch: &Value) {
        let (timestamp, body) = (now(0), batch.to_string());
        let signature = self.sign(&timestamp, &body);
        let response = sendgrid(app, Some(&signature), Some(&timestamp), body).await;
        assert_eq!(response.status(), 200);
    }
}

fn now(ahead: i64) -> String {
    (SystemClock.now().seconds() + ahead).to_string()
}

async fn sendgrid(app: &App, signature: Option<&str>, timestamp: Option<&str>, body: String) -> Response {
    let mut request = app.http.post(format!("{}/events/sendgrid", app.url)).body(body);
    for (name, value) in [("signature", signature), ("timestamp", timestamp)] {
        if let Some(value) = value {
            request = request.header(format!("X-Twilio-Email-Event-Webhook-{name}"), value);
        }
    }
    request.header("content-type", "application/json").send().await.unwrap()
}

/// An event as SendGrid's reference shows it, with our own fields.
fn event(kind: &str, at: i64, challenge: &Value, send: u8) -> Value {
    json!({
        "email": MAIL, "timestamp": at, "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>", "event": kind,
        "category": ["otp"], "sg_event_id": format!("{kind}-{at}"), "sg_message_id": "sg-1.filter0001.1-0",
        "reason": "550 5.1.1 no such user", "status": "5.1.1",
        "challenge_id": challenge, "send": send.to_string(),
    })
}

async fn metric(app: &App, what: &str, outcome: &str) -> usize {
    let text = app.http.get(format!("{}/metrics", app.url)).send().await.unwrap().text().await.unwrap();
    let start = format!("botkit_otp_delivery_events_total{{what=\"{what}\",outcome=\"{outcome}\",");
    let line = text.lines().find_map(|line| line.strip_prefix(&start)?.split_once("} "));
    line.map_or(0, |(_, count)| count.parse().unwrap())
}

async fn send(app: &App, request: usize) -> Value {
    let otp = app.call("OtpSend", &small("s", request, &json!({ "UserEmail": MAIL }))).await;
    assert_eq!(otp["status"], "sent", "{otp}");
    otp["challengeId"].clone()
}

async fn status(app: &App) -> Value {
    app.call("OtpStatus", &small("s", 900, &json!({}))).await
}

#[tokio::test]
async fn a_bounce_is_told_and_the_code_still_counts() {
    let sendgrid = SendGrid::new();
    let app = App::start(&sendgrid.settings()).await;
    let challenge = send(&app, 1).await;
    sendgrid.report(&app, &json!([event("bounce", 10, &challenge, 1)])).await;

    let told = status(&app).await;
    let words = "We could not reach m...a@example.com. Please check the address, or use another one.";
    assert_eq!((&told["status"], &told["message"]), (&json!("undeliverable"), &json!(words)));
    assert_eq!(told["sendsLeft"], 5, "a send that failed is not the user's");
    for (request, text) in [(2, "I have no mail"), (3, "12"), (4, "123456 or 654321")] {
        let told = app.call("OtpVerify", &small("s", request, &json!({ "Otp": text }))).await;
        assert_eq!((&told["status"], &told["message"]), (&json!("undeliverable"), &json!(words)), "{text}");
        assert_eq!(told["attemptsLeft"], 5);
    }
    let code = app.codes().await.remove(0);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let told = app.call("OtpVerify", &small("s", 5, &json!({ "Otp": wrong }))).await;
    assert_eq!((&told["status"], &told["attemptsLeft"]), (&json!("incorrect"), &json!(4)));
    let told = app.call("OtpVerify", &small("s", 6, &json!({ "Otp": code }))).await;
    assert_eq!(told["status"], "verified");
    // What has been used up does not become anything else.
    sendgrid.report(&app, &json!([event("dropped", 99, &challenge, 1)])).await;
    assert_eq!(status(&app).await["status"], "already_verified");
}

#[tokio::test]
async fn nothing_is_believed_that_is_not_signed_now() {
    let (provider, stranger) = (SendGrid::new(), SendGrid::new());
    let app = App::start(&provider.settings()).await;
    let challenge = send(&app, 1).await;
    let body = json!([event("bounce", 10, &challenge, 1)]).to_string();
    let (fresh, stale, ahead) = (now(0), now(-601), now(630));
    let good = provider.sign(&fresh, &body);
    let altered = body.replacen("\"timestamp\":10", "\"timestamp\":11", 1);
    assert_ne!(altered, body);
    let forgeries = [
        (None, Some(&fresh), &body),
        (Some(good.clone()), None, &body),
        (Some(stranger.sign(&fresh, &body)), Some(&fresh), &body),
        (Some(good.clone()), Some(&fresh), &altered),
        (Some("not base64".to_owned()), Some(&fresh), &body),
        (Some(provider.sign(&stale, &body)), Some(&stale), &body),
        (Some(provider.sign(&ahead, &body)), Some(&ahead), &body),
        (Some(good.clone()), Some(&stale), &body),
    ];
    let count = forgeries.len();
    for (signature, timestamp, body) in forgeries {
        let response =
            sendgrid(&app, signature.as_deref(), timestamp.map(String::as_str), body.clone()).await;
        assert_eq!(response.status(), 401);
        assert_eq!(response.text().await.unwrap(), r#"{"errors":[{"msg":"Invalid apikey","code":4002}]}"#);
    }
    assert_eq!(status(&app).await["status"], "sent");
    assert_eq!(metric(&app, "sendgrid", "forged").await, count);
    // The same, signed: what is no batch is refused, and what is one is taken.
    for (body, answer) in [("{}", 412), ("[{", 412), ("\u{fffd}", 412), ("[]", 200), (&body, 200)] {
        let signature = provider.sign(&fresh, body);
        let response = sendgrid(&app, Some(&signature), Some(&fresh), body.to_owned()).await;
        assert_eq!(response.status(), answer, "{body}");
    }
    assert_eq!(status(&app).await["status"], "undeliverable");
}

#[tokio::test]
async fn a_batch_may_hold_anything_in_any_order() {
    let sendgrid = SendGrid::new();
    let app = App::start(&sendgrid.settings()).await;
    let challenge = send(&app, 1).await;
    let unknown = json!("ch_00000000000000000000000000000000");
    let bounce = event("bounce", 20, &challenge, 1);
    let mut blocked = event("bounce", 15, &challenge, 1);
    blocked["type"] = json!("blocked");
    let batch = json!([
        bounce, bounce, event("delivered", 12, &challenge, 1), event("processed", 30, &challenge, 1),
        event("deferred", 31, &challenge, 1), event("open", 32, &challenge, 1), blocked,
        event("bounce", 40, &unknown, 1), event("bounce", 40, &json!("?"), 1), event("bounce", 40, &Value::Null, 1),
        event("delivered", 50, &challenge, 7), 7, null, { "event": "bounce" }, { "event": 1, "timestamp": "x" },
    ]);
    sendgrid.report(&app, &batch).await;
    sendgrid.report(&app, &batch).await;
    let told = status(&app).await;
    assert_eq!((&told["status"], &told["sendsLeft"]), (&json!("undeliverable"), &json!(5)));
    for (outcome, count) in [
        ("bounced", 4),
        ("blocked", 2),
        ("delivered", 4),
        ("deferred", 2),
        ("unknown", 6),
        ("ignored", 12),
        ("forged", 0),
    ] {
        assert_eq!(metric(&app, "sendgrid", outcome).await, count, "{outcome}");
    }
    // By SendGrid's time it did arrive in the end.
    sendgrid.report(&app, &json!([event("delivered", 21, &challenge, 1)])).await;
    let told = status(&app).await;
    assert_eq!((&told["status"], &told["sendsLeft"]), (&json!("sent"), &json!(4)));
    // Spam is mail that arrived; what was blocked is not the address's fault.
    sendgrid.report(&app, &json!([event("spamreport", 22, &challenge, 1)])).await;
    assert_eq!(status(&app).await["status"], "sent");
    blocked["timestamp"] = json!(23);
    sendgrid.report(&app, &json!([blocked])).await;
    assert_eq!(status(&app).await["status"], "send_failed");
}

#[tokio::test]
async fn late_news_of_an_earlier_send_change_nothing() {
    let sendgrid = SendGrid::new();
    let app = App::start(&sendgrid.settings()).await;
    let challenge = send(&app, 1).await;
    app.advance(31);
    assert_eq!(app.call("OtpResend", &small("s", 2, &json!({}))).await["status"], "sent");
    sendgrid
        .report(&app, &json!([event("bounce", 10, &challenge, 1), event("bounce", 10, &challenge, 3)]))
        .await;
    assert_eq!(status(&app).await["status"], "sent");
    sendgrid.report(&app, &json!([event("dropped", 10, &challenge, 2)])).await;
    assert_eq!(status(&app).await["status"], "undeliverable");
    // The next send need not wait, and starts anew.
    assert_eq!(app.call("OtpResend", &small("s", 3, &json!({}))).await["status"], "sent");
    assert_eq!(status(&app).await["status"], "sent");
}

#[tokio::test]
async fn a_bounce_reaches_the_conversation_and_another_address_is_taken() {
    let provider = SendGrid::new();
    let app = App::start(&format!("{CONVERSATION}{}", provider.settings())).await;
    let mut start = payload("on_webhook");
    start["context"]["entities"] = json!({});
    start["context"]["session"]["UserContext"] = json!({ "_id": "u-1" });
    assert_eq!(app.call("OtpStart", &start).await["status"], "no_challenge");
    say(&app, 1, MAIL).await;
    let mails = mails(&app).await;
    let challenge = &mails[0]["custom_args"]["challenge_id"];
    provider.report(&app, &json!([event("bounce", 10, challenge, 1)])).await;
    for (request, text) in [(2, "yes"), (3, "12345"), (4, "no")] {
        let told = say(&app, request, text).await;
        assert!(told.starts_with("We could not reach m...a@example.com."), "{text}: {told}");
    }
    let told = say(&app, 5, "mira@other.example").await;
    assert!(told.contains("m...a@other.example"), "{told}");
    assert_eq!(self::mails(&app).await[1]["personalizations"][0]["to"][0]["email"], "mira@other.example");
    // The old mail's fate is nobody's concern any more, and the new code is taken.
    provider.report(&app, &json!([event("dropped", 50, challenge, 1)])).await;
    let code = app.codes().await.pop().unwrap();
    assert_eq!(say(&app, 6, &code).await, "verified");
}

#[tokio::test]
async fn where_the_dialog_brought_the_address_the_prompt_tells_of_the_bounce() {
    let provider = SendGrid::new();
    let app = App::start(&format!("{CONVERSATION}{}", provider.settings())).await;
    let otp = app.call("OtpSend", &payload("on_webhook")).await;
    provider.report(&app, &json!([event("bounce", 10, &otp["challengeId"], 1)])).await;
    for (request, text) in [(1, "no"), (2, "12345")] {
        let told = say(&app, request, text).await;
        assert!(told.starts_with("We could not reach m...a@example.com."), "{text}: {told}");
    }
    let code = app.codes().await.pop().unwrap();
    assert_eq!(say(&app, 3, &code).await, "verified");
}

/// Says something and gives what the platform was asked to say, to bot or user.
async fn say(app: &App, request: usize, text: &str) -> String {
    let mut body = payload("on_user_message");
    body["requestId"] = json!(request);
    body["message"] = json!(text);
    let body = body.to_string().replace("https://bots.kore.ai", &app.stub.uri());
    assert_eq!(app.post(&format!("/sdk/bots/{BOT}/on_user_message"), body).await.status(), 200);
    let calls = app.calls().await;
    let last = calls.iter().rfind(|call| call.url.path().starts_with("/api/botsdk")).unwrap();
    let body: Value = serde_json::from_slice(&last.body).unwrap();
    body["message"].as_str().unwrap().to_owned()
}

async fn mails(app: &App) -> Vec<Value> {
    let calls = app.calls().await.into_iter().filter(|call| call.url.path() == "/v3/mail/send");
    calls.map(|call| serde_json::from_slice(&call.body).unwrap()).collect()
}

fn sms() -> String {
    format!(
        "[server]\npublic_url = \"{PUBLIC}/\"\n[delivery]\nsms = [\"twilio\"]\ncall = [\"twilio\"]\n\
         [delivery.twilio]\nfrom = \"+15005550006\"\ncall_from = \"+15005550006\"\n"
    )
}

/// Reports as Twilio does, to the URL that it was given.
async fn twilio(app: &App, url: &str, token: &str, fields: &[(&str, &str)]) -> u16 {
    let mut sorted = fields.to_vec();
    sorted.sort_unstable();
    let signed =
        [url.to_owned()].into_iter().chain(sorted.iter().map(|(name, value)| [*name, *value].concat()));
    let key = hmac::Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    let signature = STANDARD.encode(hmac::sign(&key, signed.collect::<String>().as_bytes()));
    let form: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let path = url.strip_prefix(PUBLIC).unwrap().trim_start_matches(":443");
    let request = app.http.post(format!("{}{path}", app.url)).header("X-Twilio-Signature", signature);
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
    request.send().await.unwrap().status().as_u16()
}

async fn text(app: &App, channel: &str) -> String {
    let entities = json!({ "Phone": "+1 (415) 555-2671", "channel": channel });
    assert_eq!(app.call("OtpSend", &small("s", 1, &entities)).await["status"], "sent");
    let calls = app.calls().await;
    let (name, url) = form(&calls[0]).pop().unwrap();
    assert_eq!(name, "StatusCallback");
    url
}

#[tokio::test]
async fn twilio_is_told_where_to_report_and_is_believed_if_it_signs() {
    let app = App::start(&sms()).await;
    let url = text(&app, "sms").await;
    let challenge = status(&app).await["challengeId"].as_str().unwrap().to_owned();
    assert_eq!(url, format!("{PUBLIC}/events/twilio?challenge={challenge}&send=1"));
    let fields = |status: &'static str, code: &'static str| {
        vec![
            ("SmsSid", "SM1"),
            ("MessageStatus", status),
            ("To", "+14155552671"),
            ("ErrorCode", code),
            ("AccountSid", TWILIO.0),
        ]
    };
    let lost = fields("undelivered", "30005");
    assert_eq!(twilio(&app, &url, "another token", &lost).await, 401);
    let unsigned = app.http.post(url.replace(PUBLIC, &app.url)).body("MessageStatus=failed").send().await;
    assert_eq!(unsigned.unwrap().status(), 401);
    assert_eq!(metric(&app, "twilio", "forged").await, 2);
    for state in ["queued", "sent", "delivered"] {
        assert_eq!(twilio(&app, &url, TWILIO.1, &fields(state, "")).await, 200);
    }
    let other = url.replace("send=1", "send=2");
    assert_eq!(twilio(&app, &other, TWILIO.1, &lost).await, 200);
    let unknown = format!("{PUBLIC}/events/twilio?challenge=ch_{}&send=1", "0".repeat(32));
    assert_eq!(twilio(&app, &unknown, TWILIO.1, &lost).await, 200);
    assert_eq!(twilio(&app, &format!("{PUBLIC}/events/twilio?"), TWILIO.1, &lost).await, 200);
    assert_eq!(status(&app).await["status"], "sent");
    // A proxy's port may be spelled out in what is signed.
    let with_port = url.replace(PUBLIC, &format!("{PUBLIC}:443"));
    assert_eq!(twilio(&app, &with_port, TWILIO.1, &lost).await, 200);
    let told = status(&app).await;
    let words = "We could not reach +1...71. Please check the number, or use another one.";
    assert_eq!((&told["status"], &told["message"]), (&json!("undeliverable"), &json!(words)));
    for (outcome, count) in [("ignored", 2), ("delivered", 1), ("bounced", 2), ("unknown", 2)] {
        assert_eq!(metric(&app, "twilio", outcome).await, count, "{outcome}");
    }
}

#[tokio::test]
async fn a_call_that_nobody_takes_may_be_repeated() {
    let app = App::start(&sms()).await;
    let url = text(&app, "call").await;
    for (state, told) in [
        ("ringing", "sent"),
        ("no-answer", "send_failed"),
        ("completed", "sent"),
        ("failed", "undeliverable"),
    ] {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        assert_eq!(twilio(&app, &url, TWILIO.1, &[("CallStatus", state), ("CallSid", "CA1")]).await, 200);
        assert_eq!(status(&app).await["status"], told, "{state}");
    }
}

#[tokio::test]
async fn doors_that_are_not_set_up_are_not_there() {
    let app = App::start("").await;
    for path in ["/events/sendgrid", "/events/twilio"] {
        let posted = app.http.post(format!("{}{path}", app.url)).body("[]").send().await.unwrap();
        assert_eq!(posted.status(), 404);
    }
    let provider = SendGrid::new();
    let app = App::start(&provider.settings()).await;
    let got = app.http.get(format!("{}/events/sendgrid", app.url)).send().await.unwrap();
    assert_eq!(got.status(), 404);
    let large = "x".repeat(5 << 20);
    let signature = provider.sign(&now(0), &large);
    assert_eq!(sendgrid(&app, Some(&signature), Some(&now(0)), large).await.status(), 413);
}

#[tokio::test]
async fn with_the_store_down_the_provider_is_asked_to_come_again() {
    let provider = SendGrid::new();
    let app = App::start_with(&provider.settings(), with_a_broken_store).await;
    let body = json!([event("bounce", 1, &json!(format!("ch_{}", "0".repeat(32))), 1)]).to_string();
    let timestamp = now(0);
    let signature = provider.sign(&timestamp, &body);
    assert_eq!(sendgrid(&app, Some(&signature), Some(&timestamp), body).await.status(), 500);
}

#[tokio::test]
async fn large_reports_are_not_read() {
    let settings = format!("[server]\npublic_url = \"{PUBLIC}\"\n");
    let app = App::start(&settings).await;
    let post = |size: usize| {
        let request = app.http.post(format!("{}/events/twilio", app.url)).header("x-twilio-signature", "x");
        request.body("a&".repeat(size / 2)).send()
    };
    assert_eq!(post(60_000).await.unwrap().status(), 401);
    assert_eq!(post(80_000).await.unwrap().status(), 413, "whoever sends it");
}
