//! Bytes in, bytes out.

use std::io::Write as _;
use std::sync::Arc;

use actix_web::http::header;
use async_trait::async_trait;
use botkit_otp::clock::Timestamp;
use botkit_otp::dialog::SessionKey;
use botkit_otp::http::Server;
use botkit_otp::otp::{AccountId, ChallengeId, Ticket};
use botkit_otp::service::Service;
use botkit_otp::store::{Change, Commit, Snapshot, Store, Unavailable, Wanted};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{App, BOT, small, webhook};

/// The text of a top-level member, as it stands.
fn raw<'a>(body: &'a str, key: &str) -> &'a str {
    let members: std::collections::HashMap<&str, &'a serde_json::value::RawValue> =
        serde_json::from_str(body).unwrap();
    members[key].get()
}

#[tokio::test]
async fn a_large_context_comes_back_byte_for_byte_but_for_our_keys() {
    let app = App::start("").await;
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/payloads/on_webhook_large.json");
    let sent = std::fs::read_to_string(file).unwrap();
    assert!(sent.len() > 900_000);
    let answer = app.post(&webhook(), sent.clone()).await.text().await.unwrap();
    let (before, after) = (raw(&sent, "context"), raw(&answer, "context"));
    let otp: Value = serde_json::from_str(after).unwrap();
    let otp = &otp["otp"];
    assert_eq!(otp["status"], "sent");
    // Take our two insertions out again, by their text: what is left must be what was sent, byte for byte.
    let session =
        format!(",\"OTPVerified\":false,\"OTP\":{},\"ExpiryTime\":1784541090118", otp["challengeId"]);
    let report = &after[after.rfind(",\"otp\":{").unwrap()..after.len() - 1];
    assert_eq!(after.matches(&session).count(), 1);
    assert_eq!(after.replace(&session, "").replace(report, ""), before);
    for text in ["1.10,", "1234567890123456", "\\u2019\\u00c9glise", "a\\/b", "1e-7", "café ☕"] {
        assert!(before.contains(text) && after.contains(text), "{text}");
    }
    for key in ["channel", "metaTags", "callbackUrl", "contextId", "requestId"] {
        assert_eq!(raw(&sent, key), raw(&answer, key), "{key}");
    }
}

#[tokio::test]
async fn odd_but_legal_json_keeps_its_looks() {
    let app = App::start("").await;
    let context = "{ \"n\" : 1.10 ,\t\"big\":12345678901234567890,\"neg\":-0.0,\"exp\":1E+2,\n\"\\u006bey\":\"\\ud83d\\ude00\\/\",\
                   \"half\":\"\\ud83d\",\"dup\":1,\"dup\":2, \"session\" : {\"BotUserSession\":{ \"conversationSessionId\" : \"s\" } } }";
    let sent = format!(
        "{{\"requestId\":1784540790118.50,\"dialogComponentName\":\"OtpStatus\",\"context\":{context}}}"
    );
    let answer = app.post(&webhook(), sent).await.text().await.unwrap();
    assert_eq!(raw(&answer, "requestId"), "1784540790118.50");
    let after = raw(&answer, "context");
    let report = &after[after.rfind(",\"otp\":{").unwrap()..after.len() - 1];
    assert_eq!(after.replace(report, ""), context);
}

#[tokio::test]
async fn deep_json_is_no_danger() {
    let app = App::start("").await;
    let deep = "[".repeat(500_000) + &"]".repeat(500_000);
    let sent = format!(
        "{{\"dialogComponentName\":\"OtpStatus\",\"context\":{{\"deep\":{deep},\"entities\":{{\"otp\":{deep}}},\
                        \"session\":{{\"BotUserSession\":{{\"conversationSessionId\":{deep}}}}}}}}}"
    );
    let response = app.post(&webhook(), sent).await;
    assert_eq!(response.status(), 200);
    let unclosed = app.post(&webhook(), "[".repeat(1_000_000)).await;
    assert_eq!(unclosed.status(), 412);
}

#[tokio::test]
async fn a_code_of_ten_kilobytes_costs_nothing() {
    let app = App::start("").await;
    app.call("OtpSend", &small("s", 1, &json!({ "UserEmail": "mira@example.com" }))).await;
    let otp = app.call("OtpVerify", &small("s", 2, &json!({ "Otp": "7".repeat(10_000) }))).await;
    assert_eq!((&otp["status"], &otp["attemptsLeft"]), (&json!("unrecognized"), &json!(5)));
    let number = format!(
        "{{\"context\":{{\"entities\":{{\"otp\":{}}},\"session\":{{\"BotUserSession\":{{\"conversationSessionId\":\"s\"}}}}}},\
                          \"dialogComponentName\":\"OtpVerify\"}}",
        "7".repeat(10_000)
    );
    let answer = app.post(&webhook(), number).await.text().await.unwrap();
    assert!(answer.contains("\"status\":\"unrecognized\"") && answer.contains(&"7".repeat(10_000)));
}

#[tokio::test]
async fn bodies_over_the_limit_are_refused_however_they_come() {
    let app = App::start("[server]\nmax_body_bytes = 1048576").await;
    let envelope = json!({ "errors": [{ "msg": "Request body is larger than 1048576 bytes", "code": "PAYLOAD_TOO_LARGE" }] });
    let large = || vec![b' '; 5 << 20];
    let announced = app.post(&webhook(), large()).await;
    assert_eq!(announced.status(), 413);
    assert_eq!(announced.json::<Value>().await.unwrap(), envelope);

    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![b' '; 64 << 20]).unwrap();
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 1 << 20);
    let request = app.http.post(format!("{}{}", app.url, webhook())).header("token", app.token());
    let inflated = request.header(header::CONTENT_ENCODING.as_str(), "gzip").body(bomb).send().await.unwrap();
    assert_eq!(inflated.status(), 413);

    // In chunks, nothing is announced.
    let address = app.url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\ntoken: {}\r\ntransfer-encoding: chunked\r\n\r\n",
        webhook(),
        app.token()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("{:x}\r\n{}\r\n", 65_536, " ".repeat(65_536));
    for _ in 0..20 {
        if stream.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
    }
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn compressed_bodies_are_read() {
    let app = App::start("").await;
    let body = small("s", 1, &json!({ "UserEmail": "mira@example.com" })).to_string();
    let body = body.replacen('{', "{\"dialogComponentName\":\"OtpSend\",", 1);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(body.as_bytes()).unwrap();
    let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    deflate.write_all(body.replace("\"s\"", "\"t\"").as_bytes()).unwrap();
    for (encoding, bytes) in [("gzip", gzip.finish().unwrap()), ("deflate", deflate.finish().unwrap())] {
        let request = app.http.post(format!("{}{}", app.url, webhook())).header("token", app.token());
        let answer = request.header("content-encoding", encoding).body(bytes).send().await.unwrap();
        assert_eq!(answer.json::<Value>().await.unwrap()["context"]["otp"]["status"], "sent", "{encoding}");
    }
}

#[tokio::test]
async fn a_refused_caller_is_answered_before_its_body_is_read() {
    let app = App::start("").await;
    let mut stream = tokio::net::TcpStream::connect(app.url.strip_prefix("http://").unwrap()).await.unwrap();
    // A body is announced and never sent.
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\ntoken: nonsense\r\ncontent-length: 900000\r\n\r\n",
        webhook()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    let read = tokio::time::timeout(std::time::Duration::from_secs(5), stream.read_exact(&mut answer));
    read.await.expect("it waits for the body").unwrap();
    assert_eq!(&answer, b"HTTP/1.1 401");
}

#[tokio::test]
async fn a_refused_caller_keeps_its_connection() {
    let app = App::start("").await;
    let mut stream = tokio::net::TcpStream::connect(app.url.strip_prefix("http://").unwrap()).await.unwrap();
    let bad =
        format!("POST {} HTTP/1.1\r\nhost: x\r\ntoken: nonsense\r\ncontent-length: 2\r\n\r\n{{}}", webhook());
    let mut buffer = vec![0; 4096];
    for _ in 0..3 {
        stream.write_all(bad.as_bytes()).await.unwrap();
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(
            buffer[..count].starts_with(b"HTTP/1.1 401"),
            "{}",
            String::from_utf8_lossy(&buffer[..count])
        );
    }
}

#[tokio::test]
async fn a_call_that_cannot_be_answered_does_nothing() {
    let app = App::start("").await;
    app.call("OtpSend", &small("s", 1, &json!({ "UserEmail": "mira@example.com" }))).await;
    let code = app.codes().await.pop().unwrap();
    let mut body = json!({ "requestId": 2, "dialogComponentName": "OtpVerify", "conversationSessionId": "s", "message": code });
    body["context"] = json!("gone");
    assert_eq!(app.post(&webhook(), body.to_string()).await.status(), 400);
    body["context"] = json!({});
    let answer: Value = app.post(&webhook(), body.to_string()).await.json().await.unwrap();
    assert_eq!(answer["context"]["otp"]["status"], "verified");
}

#[tokio::test]
async fn a_caller_that_dawdles_is_let_go() {
    let app = App::start("").await;
    let mut stream = tokio::net::TcpStream::connect(app.url.strip_prefix("http://").unwrap()).await.unwrap();
    let head =
        format!("POST {} HTTP/1.1\r\nhost: x\r\ntoken: nonsense\r\ncontent-length: 900\r\n\r\n{{", webhook());
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let closed =
        tokio::time::timeout(std::time::Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    assert!(answer.starts_with(b"HTTP/1.1 401") && closed.is_ok(), "{}", String::from_utf8_lossy(&answer));
}

struct Broken;

#[async_trait]
impl Store for Broken {
    async fn load(&self, _: &SessionKey, _: &[AccountId]) -> Result<Snapshot, Unavailable> {
        Err(Unavailable("on purpose".to_owned()))
    }
    async fn commit(&self, _: Change) -> Result<Commit, Unavailable> {
        Err(Unavailable("on purpose".to_owned()))
    }
    async fn give_back(&self, _: &Ticket) -> Result<(), Unavailable> {
        Err(Unavailable("on purpose".to_owned()))
    }
    async fn owner(&self, _: ChallengeId) -> Result<Option<SessionKey>, Unavailable> {
        Err(Unavailable("on purpose".to_owned()))
    }
    async fn find(&self, _: &Wanted, _: usize) -> Result<Vec<SessionKey>, Unavailable> {
        Err(Unavailable("on purpose".to_owned()))
    }
    fn sweep(&self, _: Timestamp) -> usize {
        0
    }
}

pub(crate) fn with_a_broken_store(server: Arc<Server>) -> Arc<Server> {
    let server = Arc::into_inner(server).unwrap();
    let service = Arc::into_inner(server.service).unwrap();
    Arc::new(Server { service: Arc::new(Service { store: Arc::new(Broken), ..service }), ..server })
}

#[tokio::test]
async fn with_the_store_down_nothing_is_sent_and_nothing_is_verified() {
    let app = App::start_with("", with_a_broken_store).await;
    for component in ["OtpSend", "OtpVerify", "OtpResend", "OtpCancel", "OtpStatus"] {
        let entities = json!({ "UserEmail": "mira@example.com", "Otp": "123456" });
        let mut body = small("s", 1, &entities);
        body["dialogComponentName"] = json!(component);
        body["context"]["session"]["BotUserSession"]["OTPVerified"] = json!(true);
        let answer: Value = app.post(&webhook(), body.to_string()).await.json().await.unwrap();
        assert_eq!(answer["context"]["otp"]["status"], "unavailable", "{component}");
        if component != "OtpStatus" {
            assert_eq!(answer["context"]["session"]["BotUserSession"]["OTPVerified"], false, "{component}");
        }
    }
    assert!(app.calls().await.is_empty());
}

#[tokio::test]
async fn codes_count_only_in_their_own_bot_and_session() {
    let app = App::start("").await;
    let entities = json!({ "UserEmail": "mira@example.com" });
    app.call("OtpSend", &small("s-1", 1, &entities)).await;
    app.call("OtpSend", &small("s-2", 2, &json!({ "UserEmail": "eve@example.com" }))).await;
    let codes = app.codes().await;
    let otp = app.call("OtpVerify", &small("s-2", 3, &json!({ "Otp": codes[0] }))).await;
    assert_eq!(otp["status"], "incorrect");
    let mut body = small("s-1", 4, &json!({ "Otp": codes[0] }));
    body["dialogComponentName"] = json!("OtpVerify");
    let other = webhook().replace(BOT, "st-other");
    let answer: Value = app.post(&other, body.to_string()).await.json().await.unwrap();
    assert_eq!(answer["context"]["otp"]["status"], "no_challenge");
    let otp = app.call("OtpVerify", &small("s-1", 5, &json!({ "Otp": codes[0] }))).await;
    assert_eq!(otp["status"], "verified");
}

#[tokio::test]
async fn dev_doors_open_to_this_machine_only() {
    let app = App::start("").await;
    let outbox = || app.http.get(format!("{}/dev/outbox", app.url));
    assert_eq!(outbox().send().await.unwrap().status(), 200);
    for (name, value) in [
        ("host", "abc.ngrok.app"),
        ("x-forwarded-for", "1.2.3.4"),
        ("forwarded", "for=1.2.3.4"),
        ("x-real-ip", "1.2.3.4"),
        ("via", "1.1 x"),
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
    ] {
        assert_eq!(outbox().header(name, value).send().await.unwrap().status(), 404, "{name}");
    }
    let clock = |body: &'static str| app.http.post(format!("{}/dev/clock", app.url)).body(body).send();
    assert_eq!(
        clock("{\"advanceSeconds\":60}").await.unwrap().text().await.unwrap(),
        "{\"now\":\"2026-07-20T09:47:30.118Z\"}"
    );
    for body in ["", "{}", "{\"advanceSeconds\":\"x\"}", "{\"advance\":1}"] {
        assert_eq!(clock(body).await.unwrap().status(), 400, "{body}");
    }
}

#[tokio::test]
async fn counters_and_health_are_there() {
    let app = App::start("").await;
    app.call("OtpStatus", &small("s", 1, &json!({}))).await;
    let get = |path: &str| app.http.get(format!("{}{path}", app.url)).send();
    assert_eq!(get("/healthz").await.unwrap().text().await.unwrap(), "{\"status\":\"ok\"}");
    let text = get("/metrics").await.unwrap().text().await.unwrap();
    assert!(
        text.contains("botkit_otp_operations_total{what=\"status\",outcome=\"no_challenge\"} 1"),
        "{text}"
    );
    assert!(text.contains("botkit_otp_requests_total{event=\"on_webhook\",status=\"200\"} 1"), "{text}");
}
