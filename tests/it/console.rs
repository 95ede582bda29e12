//! The console's doors, from outside of a browser.

use std::time::Duration;

use botkit_otp::telemetry::Stopwatch;

use crate::program::{Running, program};
use crate::support::App;

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_gets_to_the_console() {
    let app = App::start("").await;
    let call = |path: &str| app.http.get(format!("{}{path}", app.url));
    let page = call("/console").send().await.unwrap();
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"),
        "{policy}"
    );
    for (name, value) in [
        ("host", "console.evil.example:8003"),
        ("x-forwarded-for", "203.0.113.7"),
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
    ] {
        for path in ["/console", "/console/page.js", "/console/events", "/console/mail?id=1&at=2"] {
            let answer = call(path).header(name, value).send().await.unwrap();
            assert_eq!(answer.status(), 404, "{path} with {name}: {value}");
        }
        let order = app.http.post(format!("{}/console/order", app.url)).header(name, value);
        assert_eq!(order.body(r#"{"say":"hello"}"#).send().await.unwrap().status(), 404);
    }
    // Bad orders are told what is wrong with them; without anybody watching there is nothing to order.
    let order = |body: &'static str| app.http.post(format!("{}/console/order", app.url)).body(body).send();
    assert_eq!(order("{}").await.unwrap().status(), 400);
    assert_eq!(order(r#"{"say":"hello"}"#).await.unwrap().status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_page_does_not_keep_the_server_from_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Running::start(&mut program(&folder));
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut stream = http.get(format!("{}/console/events", server.url)).send().await.unwrap();
    let mut seen = String::new();
    while !seen.contains("Which e-mail address") {
        seen += &String::from_utf8_lossy(&stream.chunk().await.unwrap().unwrap());
    }
    let stopping = Stopwatch::start();
    server.terminate();
    assert!(server.wait().success());
    assert!(stopping.elapsed() < Duration::from_secs(5), "it took {:?}", stopping.elapsed());
}
