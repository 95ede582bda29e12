//! In front of another BotKit server: what is not ours goes there as it came, and comes back as it is.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::json;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

use crate::support::{App, BOT, small, webhook};

async fn botkit(answer: ResponseTemplate) -> MockServer {
    let botkit = MockServer::start().await;
    Mock::given(matchers::any()).respond_with(answer).mount(&botkit).await;
    botkit
}

fn behind(url: &str, more: &str) -> String {
    format!("[bots.default]\nforward_to = \"{url}\"\n{more}")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ours_goes_on_as_it_came_and_comes_back_as_it_is() {
    let odd = ResponseTemplate::new(418)
        .set_body_raw("{ \"theirs\":1.0 }", "application/x-theirs")
        .append_header("x-two", "1")
        .append_header("x-two", "2")
        .append_header("keep-alive", "timeout=7");
    let botkit = botkit(odd).await;
    let app = App::start(&behind(&botkit.uri(), "")).await;
    let strange = format!("/sdk/bots/{BOT}/components/My%20Node/on_webhook?a=%20b");
    let body = r#"{ "n": 1.50, "dialogComponentName":"Theirs" }"#;
    for (path, body) in [
        (webhook().as_str(), body),
        (strange.as_str(), body),
        (strange.as_str(), "no JSON at all"),
        (&format!("/sdk/bots/{BOT}/on_user_message"), body),
        (&format!("/sdk/bots/{BOT}/on_event"), "x"),
        (&format!("/sdk/bots/{BOT}/on_something_new"), ""),
    ] {
        let token = app.token();
        let request =
            app.http.post(format!("{}{path}", app.url)).header("token", &token).header("x-mine", "1");
        let request = request.header("connection", "x-hop").header("x-hop", "1").header("te", "trailers");
        let answer = request.header("content-type", "application/json").body(body).send().await.unwrap();
        assert_eq!(answer.status(), 418, "{path}");
        let headers = answer.headers().clone();
        let two: Vec<_> = headers.get_all("x-two").iter().map(|value| value.to_str().unwrap()).collect();
        assert_eq!(
            (two, headers["content-type"].to_str().unwrap()),
            (vec!["1", "2"], "application/x-theirs")
        );
        assert!(!headers.contains_key("keep-alive") && headers["content-length"] == "16", "{headers:?}");
        assert!(!headers.contains_key("supportsmessageack"), "{headers:?}");
        assert_eq!(answer.text().await.unwrap(), "{ \"theirs\":1.0 }");
        let calls = botkit.received_requests().await.unwrap();
        let call = calls.last().unwrap();
        let sent =
            call.url.path().to_owned() + &call.url.query().map_or(String::new(), |query| format!("?{query}"));
        assert_eq!((sent.as_str(), call.body.as_slice()), (path, body.as_bytes()));
        assert!(call.headers["token"] == *token && call.headers["x-mine"] == "1");
        assert!(
            !call.headers.contains_key("x-hop") && !call.headers.contains_key("te"),
            "{:?}",
            call.headers
        );
        assert!(call.headers["host"].to_str().unwrap() != app.url.trim_start_matches("http://"));
    }
    assert!(app.calls().await.is_empty());

    // What is ours is answered here, in the same bot.
    let before = botkit.received_requests().await.unwrap().len();
    let otp = app.call("OtpSend", &small("s-1", 1, &json!({ "UserEmail": "mira@example.com" }))).await;
    assert_eq!(otp["status"], "sent");
    // Whoever is refused gets nowhere, nor does who names another bot in the path than its token is for.
    for (path, token) in
        [(webhook(), "forged".to_owned()), (format!("/sdk/bots/%73{}/on_event", &BOT[1..]), app.token())]
    {
        let answer = app
            .http
            .post(format!("{}{path}", app.url))
            .header("token", token)
            .body("{}")
            .send()
            .await
            .unwrap();
        assert!([401, 404].contains(&answer.status().as_u16()), "{path}");
    }
    assert_eq!(botkit.received_requests().await.unwrap().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_stay_packed_and_too_long_ones_stay_out() {
    let botkit = botkit(ResponseTemplate::new(200)).await;
    let app = App::start(&behind(&botkit.uri(), "[server]\nmax_body_bytes = 2048")).await;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(br#"{"dialogComponentName":"Theirs"}"#).unwrap();
    let packed = packed.finish().unwrap();
    let request = app.http.post(format!("{}{}", app.url, webhook())).header("token", app.token());
    let answer = request.header("content-encoding", "gzip").body(packed.clone()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let calls = botkit.received_requests().await.unwrap();
    assert!(calls[0].body == packed && calls[0].headers["content-encoding"] == "gzip");
    for path in [webhook(), format!("/sdk/bots/{BOT}/on_event")] {
        assert_eq!(app.post(&path, "x".repeat(4_000)).await.status(), 413);
        // Without saying how long it will be.
        let pieces = futures_util::stream::iter((0..4).map(|_| Ok::<_, std::io::Error>("x".repeat(1_000))));
        assert_eq!(app.post(&path, reqwest::Body::wrap_stream(pieces)).await.status(), 413, "{path}");
    }
    assert_eq!(calls.len(), 1);
}

/// A server that lets the test say what it does with one connection.
fn server(act: impl FnOnce(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || act(listener.accept().unwrap().0));
    url
}

/// Reads until a text has come.
fn read_until(stream: &mut TcpStream, wanted: &str) {
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains(wanted) {
        let mut piece = [0; 1_024];
        let length = stream.read(&mut piece).unwrap();
        assert!(length > 0, "it ended before {wanted:?}");
        seen.extend_from_slice(&piece[..length]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ways_pieces_are_passed_on_as_they_come() {
    let (first, arrived) = mpsc::channel();
    let (go_on, told) = mpsc::channel::<()>();
    let url = server(move |mut stream| {
        read_until(&mut stream, "first half");
        first.send(()).unwrap();
        read_until(&mut stream, "second half");
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nanswer\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        told.recv().unwrap();
        stream.write_all(b"5\r\n ends\r\n0\r\n\r\n").unwrap();
    });
    let app = App::start(&behind(&url, "")).await;
    let body = async_pieces(arrived);
    let mut answer = app.post(&format!("/sdk/bots/{BOT}/on_event"), reqwest::Body::wrap_stream(body)).await;
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "answer");
    go_on.send(()).unwrap();
    assert_eq!(answer.text().await.unwrap(), " ends");
}

/// A body whose second half is sent only after the first has arrived at the other end.
fn async_pieces(
    arrived: mpsc::Receiver<()>,
) -> impl futures_util::Stream<Item = std::io::Result<&'static str>> {
    futures_util::stream::unfold((0, arrived), |(count, arrived)| async move {
        match count {
            0 => Some((Ok("first half"), (1, arrived))),
            1 => {
                let ((), arrived) = tokio::task::spawn_blocking(move || {
                    (arrived.recv_timeout(Duration::from_secs(10)).unwrap(), arrived)
                })
                .await
                .unwrap();
                Some((Ok("second half"), (2, arrived)))
            }
            _ => None,
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_or_slow_is_said_to_be() {
    let app = App::start(&behind("http://127.0.0.1:1", "")).await;
    for path in [webhook(), format!("/sdk/bots/{BOT}/on_alert")] {
        let answer = app.post(&path, "{}").await;
        assert_eq!(answer.status(), 502);
        assert_eq!(
            answer.text().await.unwrap(),
            r#"{"errors":[{"msg":"Bad Gateway","code":"BAD_GATEWAY"}]}"#
        );
    }
    let url = server(|stream| {
        std::thread::sleep(Duration::from_secs(2));
        drop(stream);
    });
    let app = App::start(&behind(&url, "[platform]\nforward_within = \"300ms\"")).await;
    let answer = app.post(&webhook(), "{}").await;
    assert_eq!(answer.status(), 504);
    assert_eq!(
        answer.text().await.unwrap(),
        r#"{"errors":[{"msg":"Gateway Timeout","code":"GATEWAY_TIMEOUT"}]}"#
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn in_conversation_mode_what_is_not_for_us_goes_on_too() {
    let botkit = botkit(ResponseTemplate::new(200)).await;
    let app = App::start(&behind(&botkit.uri(), "conversation = true")).await;
    let message = |session: &str, request: usize, text: &str| {
        let mut body = small(session, request, &json!({}));
        body["message"] = json!(text);
        for name in ["sendBotMessageUrl", "sendUserMessageUrl"] {
            body[name] = json!(format!("{}/api/botsdk/stream/{BOT}/{name}/7", app.stub.uri()));
        }
        body.to_string()
    };
    let path = format!("/sdk/bots/{BOT}/on_user_message");
    let said = message("s-1", 1, "hello there");
    assert_eq!(app.post(&path, said.clone()).await.status(), 200);
    app.settled().await;
    let passed = botkit.received_requests().await.unwrap();
    assert_eq!(passed.iter().map(|call| call.body.as_slice()).collect::<Vec<_>>(), [said.as_bytes()]);
    assert!(app.calls().await.is_empty());
    app.call("OtpSend", &small("s-1", 2, &json!({ "UserEmail": "mira@example.com" }))).await;
    let code = app.codes().await.remove(0);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    assert_eq!(app.post(&path, message("s-1", 3, wrong)).await.status(), 200);
    app.settled().await;
    // A typed code stays here.
    assert_eq!(botkit.received_requests().await.unwrap().len(), 1);
    assert!(app.calls().await.last().unwrap().url.path().contains("sendUserMessageUrl"));
}
