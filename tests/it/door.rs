//! The door itself: TLS, whose certificate, from where, how often, how slowly.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use botkit_otp::delivery::{describe, http_client};
use botkit_otp::telemetry::Stopwatch;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::json;

use crate::support::{App, BOT, small, webhook};

/// An authority, and whatever it signs.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// Certificate and key, in PEM.
    fn sign(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }
}

fn write(folder: &Path, (cert, key): (String, String)) {
    std::fs::write(folder.join("cert.pem"), cert).unwrap();
    std::fs::write(folder.join("key.pem"), key).unwrap();
}

fn settings(folder: &Path, more: &str) -> String {
    let folder = folder.display();
    format!("[server]\ntls_cert = \"{folder}/cert.pem\"\ntls_key = \"{folder}/key.pem\"\n{more}")
}

/// A client that trusts one authority, and may show a certificate of its own.
fn client(authority: &Authority, own: Option<(String, String)>) -> reqwest::Client {
    let root = reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([root]).pool_max_idle_per_host(0);
    let client = match own {
        Some((cert, key)) => client.identity(reqwest::Identity::from_pem((cert + &key).as_bytes()).unwrap()),
        None => client,
    };
    client.build().unwrap()
}

fn port(app: &App) -> &str {
    app.url.rsplit(':').next().unwrap()
}

async fn is_served(app: &App, client: &reqwest::Client) -> bool {
    let answer = client.get(format!("https://localhost:{}/healthz", port(app))).send().await;
    answer.is_ok_and(|answer| answer.status() == 200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_shown_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (Authority::new(), Authority::new());
    write(folder.path(), old.sign());
    let app = App::start(&settings(folder.path(), "")).await;
    assert!(is_served(&app, &client(&old, None)).await);
    assert!(!is_served(&app, &client(&new, None)).await);
    // Broken files change nothing.
    write(folder.path(), (new.sign().0, "no key".to_owned()));
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(is_served(&app, &client(&old, None)).await);
    write(folder.path(), new.sign());
    let started = Stopwatch::start();
    while !is_served(&app, &client(&new, None)).await {
        assert!(started.elapsed() < Duration::from_secs(15), "the old one is still shown");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(!is_served(&app, &client(&old, None)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn why_there_is_no_connection_is_told() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), Authority::new().sign());
    let app = App::start(&settings(folder.path(), "")).await;
    let plain = App::start("").await;
    let client = http_client(Duration::from_secs(5)).unwrap();
    for (url, reason) in [
        (format!("https://localhost:{}", port(&app)), "certificate is not one that this machine trusts"),
        (format!("https://localhost:{}", port(&plain)), "connection failed: no TLS"),
        ("http://127.0.0.1:1".to_owned(), "connection refused"),
        ("http://nobody.invalid".to_owned(), "the name of its host could not be looked up"),
    ] {
        let said = describe(&client.get(&url).send().await.unwrap_err());
        assert!(said.ends_with(reason), "{url}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_may_have_to_show_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (Authority::new(), Authority::new());
    write(folder.path(), ours.sign());
    std::fs::write(folder.path().join("ca.pem"), theirs.pem()).unwrap();
    let ca = format!("tls_client_ca = \"{}/ca.pem\"\n", folder.path().display());
    let app = App::start(&settings(folder.path(), &ca)).await;
    assert!(is_served(&app, &client(&ours, Some(theirs.sign()))).await);
    assert!(!is_served(&app, &client(&ours, None)).await);
    assert!(!is_served(&app, &client(&ours, Some(ours.sign()))).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_is_spoken_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    write(folder.path(), authority.sign());
    let app = App::start(&settings(folder.path(), "")).await;
    let mut tls = over_tls(&app, &authority, "h2");
    // RFC 9113, 3.4: the preface, and an empty SETTINGS frame; the server's own comes back.
    tls.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut frame = [0; 9];
    tls.read_exact(&mut frame).unwrap();
    assert_eq!((frame[3], tls.conn.alpn_protocol()), (4, Some(&b"h2"[..])));
}

/// Connects; reads wait for at most 10 s.
fn connect(app: &App) -> TcpStream {
    let stream = TcpStream::connect(format!("127.0.0.1:{}", port(app))).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// The same over TLS, for one protocol.
fn over_tls(
    app: &App,
    authority: &Authority,
    protocol: &str,
) -> rustls::StreamOwned<rustls::ClientConnection, TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![protocol.into()];
    let name = ServerName::try_from("localhost").unwrap();
    rustls::StreamOwned::new(rustls::ClientConnection::new(Arc::new(config), name).unwrap(), connect(app))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platforms_calls_come_from_where_they_may() {
    let behind_us = "allow_from = [\"192.0.2.0/24\"]\ntrusted_proxies = [\"127.0.0.1\"]\n";
    let app = App::start(&format!("[server]\n{behind_us}")).await;
    let post = async |forwarded: &str| {
        let request =
            app.http.post(format!("{}/sdk/bots/{BOT}/on_event", app.url)).header("token", app.token());
        request.header("x-forwarded-for", forwarded).body("{}").send().await.unwrap()
    };
    assert_eq!(post("192.0.2.7").await.status(), 200);
    assert_eq!(post("192.0.2.7, 203.0.113.1").await.status(), 403);
    let answer = post("nobody").await;
    assert_eq!(answer.status(), 403);
    assert_eq!(answer.text().await.unwrap(), r#"{"errors":[{"msg":"Forbidden","code":"FORBIDDEN"}]}"#);
    // Other doors are for others.
    assert_eq!(app.http.get(format!("{}/healthz", app.url)).send().await.unwrap().status(), 200);
    // Nobody is believed who is not trusted.
    let app = App::start("[server]\nallow_from = [\"192.0.2.0/24\"]\n").await;
    let request = app.http.post(format!("{}/sdk/bots/{BOT}/on_event", app.url)).header("token", app.token());
    let answer = request.header("x-forwarded-for", "192.0.2.7").body("{}").send().await.unwrap();
    assert_eq!(answer.status(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_calls_too_often_is_told_when_to_call_again() {
    let app = App::start("[server]\ncalls_per_second = 2\n").await;
    let mut refused = None;
    for request in 0..20 {
        let answer = app.post(&webhook(), small("s", request, &json!({})).to_string()).await;
        if answer.status() == 429 {
            refused = Some(answer);
            break;
        }
    }
    let answer = refused.unwrap();
    assert_eq!(answer.headers()["retry-after"], "1");
    assert_eq!(
        answer.text().await.unwrap(),
        r#"{"errors":[{"msg":"Too Many Requests","code":"TOO_MANY_REQUESTS"}]}"#
    );
    let other = "/sdk/bots/st-another/on_event";
    assert_eq!(app.post(other, "{}").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_slow_is_not_waited_for() {
    let app = App::start("[server]\nhead_within = \"500ms\"\n").await;
    let mut stream = connect(&app);
    stream.write_all(b"POST /sdk/bots/st-1/on_event HTTP/1.1\r\nhost: x\r\n").unwrap();
    let started = Stopwatch::start();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(started.elapsed() < Duration::from_secs(5));
    // Over TLS somebody who says nothing.
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), Authority::new().sign());
    let app = App::start(&settings(folder.path(), "head_within = \"500ms\"\n")).await;
    let mut stream = connect(&app);
    let mut nothing = Vec::new();
    let _ = stream.read_to_end(&mut nothing);
    assert!(nothing.is_empty() && started.elapsed() < Duration::from_secs(10));
}

/// Asks for something over a connection that stays open, and reads the answer.
fn answered(stream: &mut (impl Read + Write)) {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(br#"{"status":"ok"}"#) {
        let mut some = [0; 512];
        let length = stream.read(&mut some).unwrap();
        assert!(length > 0, "it is closed");
        answer.extend_from_slice(&some[..length]);
    }
}

/// How long a connection lasts on which something is written every half second.
fn lasts(stream: &mut impl Write, what: &[u8]) -> Duration {
    let started = Stopwatch::start();
    for byte in what.iter().cycle() {
        if stream.write_all(&[*byte]).and_then(|()| stream.flush()).is_err() {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "it is waited for");
        std::thread::sleep(Duration::from_millis(500));
    }
    started.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_slow_after_an_answer_is_not_waited_for_either() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    write(folder.path(), authority.sign());
    let slow = "head_within = \"500ms\"\n";
    let (app, tls) =
        (App::start(&format!("[server]\n{slow}")).await, App::start(&settings(folder.path(), slow)).await);
    let kept = Duration::from_secs(5);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut stream = connect(&app);
            answered(&mut stream);
            assert!(lasts(&mut stream, b"GET / HTTP/1.1\r\nx: ") > kept);
        });
        scope.spawn(|| {
            let mut stream = over_tls(&tls, &authority, "http/1.1");
            answered(&mut stream);
            assert!(lasts(&mut stream, b"GET / HTTP/1.1\r\nx: ") > kept);
        });
        // A body that nobody wants any more.
        scope.spawn(|| {
            let mut stream = connect(&app);
            stream
                .write_all(b"POST /nowhere HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
                .unwrap();
            lasts(&mut stream, b"1\r\nx\r\n");
        });
        // Answers that are not read.
        scope.spawn(|| {
            let mut stream = connect(&app);
            let document = b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n";
            stream.write_all(&document.repeat(1000)).unwrap();
            std::thread::sleep(Duration::from_secs(12));
            let mut answers = Vec::new();
            let _ = stream.read_to_end(&mut answers);
            let answers = answers.windows(12).filter(|start| start == b"HTTP/1.1 200").count();
            assert!((1..900).contains(&answers), "{answers} answers");
        });
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_reason_to_be_slow_is_waited_for() {
    let app = App::start("[server]\nhead_within = \"500ms\"\n").await;
    let long = Duration::from_secs(10);
    std::thread::scope(|scope| {
        // Calls, now and then.
        scope.spawn(|| {
            let (mut stream, started) = (connect(&app), Stopwatch::start());
            while started.elapsed() < long {
                answered(&mut stream);
                std::thread::sleep(Duration::from_secs(3));
            }
        });
        // A call that takes long, because its body does.
        scope.spawn(|| {
            let mut stream = connect(&app);
            answered(&mut stream);
            let (token, path) = (app.token(), webhook());
            let head =
                format!("POST {path} HTTP/1.1\r\nhost: x\r\ntoken: {token}\r\ncontent-length: 2\r\n\r\n{{");
            stream.write_all(head.as_bytes()).unwrap();
            std::thread::sleep(long);
            stream.write_all(b"}").unwrap();
            answered(&mut stream);
        });
        // A stream on which nothing comes.
        scope.spawn(|| {
            let mut stream = connect(&app);
            answered(&mut stream);
            let events = b"GET /console/events HTTP/1.1\r\nhost: localhost\r\n\r\n";
            stream.write_all(events).unwrap();
            std::thread::sleep(long);
            stream.set_nonblocking(true).unwrap();
            let end = std::io::copy(&mut stream, &mut std::io::sink());
            assert_eq!(end.map_err(|error| error.kind()), Err(std::io::ErrorKind::WouldBlock));
        });
    });
}

/// Asks for `/healthz` over a connection that stays open; whether an answer came.
fn is_answered(stream: &mut TcpStream, within: Duration) -> bool {
    stream.set_read_timeout(Some(within)).unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).is_ok() && start == *b"HTTP/1.1 200"
}

#[tokio::test(flavor = "multi_thread")]
async fn more_connections_than_there_may_be_have_to_wait() {
    // One for each thread.
    let app = App::start("[server]\nmost_connections = 1\n").await;
    let threads = std::thread::available_parallelism().unwrap().get();
    let ask = || {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{}", port(&app))).unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        stream
    };
    let long = Duration::from_secs(10);
    let mut open: Vec<TcpStream> = (0..threads)
        .map(|_| {
            let mut stream = ask();
            assert!(is_answered(&mut stream, long));
            stream
        })
        .collect();
    let mut waiting = ask();
    assert!(!is_answered(&mut waiting, Duration::from_millis(500)));
    open.pop();
    assert!(is_answered(&mut waiting, long));
}
