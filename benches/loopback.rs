//! The whole server over loopback sockets, against the least that could do its job.
//!
//! `cargo bench --bench loopback` starts our server (release build, access log to a file, counters on) and a bare
//! actix handler that checks the same token and echoes the same body, loads them in turn over 32 connections, and
//! prints the CPU time each spends on a request, their ratio, and latencies. `-- memory` prints bytes per waiting
//! session instead. Linux only: the figures come from `/proc`.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use botkit_otp::botkit::{Algorithm, Credentials};
use botkit_otp::clock::{Clock as _, SystemClock, Timestamp};

const CONNECTIONS: usize = 32;
const ROUNDS: usize = 5;
const BOT: &str = "st-6b1f0c52-9d3e-5a47-8c21-4e7ab90d3f16";
const APP_ID: &str = "cs-bench";
const SECRET: &str = "a secret for nothing but this bench";
/// Wrong codes each session takes before it would be locked; the most the configuration allows.
const ATTEMPTS: usize = 100;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let is = |word: &str| arguments.iter().any(|argument| argument == word);
    if is("floor") {
        floor();
    } else if is("memory") {
        memory();
    } else {
        compare();
    }
}

fn credentials() -> Credentials {
    Credentials::new(APP_ID, &SECRET.into(), Algorithm::HS256, false).expect("both are there")
}

/// The least that could do the job: the token is checked, the body comes back.
#[actix_web::main]
async fn floor() {
    async fn echo(request: HttpRequest, body: web::Bytes, credentials: web::Data<Credentials>) -> HttpResponse {
        let token = request.headers().get("token").and_then(|token| token.to_str().ok());
        match credentials.check(token, None, SystemClock.now()) {
            Ok(()) => HttpResponse::Ok().content_type("application/json; charset=utf-8").body(body),
            Err(_) => HttpResponse::Unauthorized().finish(),
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    println!("{}", listener.local_addr().expect("it is bound"));
    let server = HttpServer::new(|| {
        App::new()
            .app_data(web::Data::new(credentials()))
            .app_data(web::PayloadConfig::new(4 << 20))
            .route("/sdk/bots/{bot}/components/{component}/on_webhook", web::post().to(echo))
    });
    server.listen(listener).expect("it is bound").run().await.expect("it serves");
}

/// A server in a process of its own.
struct Server {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn floor() -> Self {
        let mut child = Command::new(std::env::current_exe().expect("we run"))
            .arg("floor")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the floor starts");
        let mut address = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut address).expect("it says where it is");
        Self { child, address: address.trim().to_owned(), _folder: tempfile::tempdir().expect("a folder") }
    }

    fn ours() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let address = {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            listener.local_addr().expect("it is bound").to_string()
        };
        let file = folder.path().join("bench.toml");
        let text = format!(
            "[server]\nbind = \"{address}\"\n[dev]\nenabled = true\n[bots.default]\napp_id = \"{APP_ID}\"\n\
             api_key = \"{SECRET}\"\n[otp]\nattempts = {ATTEMPTS}\nlifetime = \"1h\"\n"
        );
        std::fs::write(&file, text).expect("the folder is ours");
        let log = File::create(folder.path().join("log")).expect("the folder is ours");
        let started = Instant::now();
        let child = Command::new(env!("CARGO_BIN_EXE_botkit-otp"))
            .args(["--config", file.to_str().expect("plain")])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("our server starts");
        let server = Self { child, address, _folder: folder };
        while TcpStream::connect(&server.address).is_err() {
            std::thread::sleep(Duration::from_micros(200));
        }
        let mut client = Client::connect(&server.address);
        client.exchange(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
        println!("our server: first answer {:.1} ms after the start, {:.1} MB idle", millis(started), server.megabytes());
        server
    }

    fn status(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).expect("it runs")
    }

    /// CPU time so far, in microseconds.
    fn cpu(&self) -> f64 {
        let stat = self.status("stat");
        let fields: Vec<&str> = stat.rsplit(')').next().expect("a name").split_whitespace().collect();
        // utime and stime, in ticks of 10 ms.
        fields[11..13].iter().map(|ticks| ticks.parse::<f64>().expect("a number") * 10_000.0).sum()
    }

    fn megabytes(&self) -> f64 {
        let status = self.status("status");
        let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("a resident size");
        line.split_whitespace().nth(1).expect("a number").parse::<f64>().expect("a number") / 1024.0
    }
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

/// One keep-alive connection.
struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_nodelay(true).expect("TCP");
        Self { stream, buffer: Vec::new() }
    }

    /// Sends a request and reads the whole answer. Gives its status.
    fn exchange(&mut self, request: &[u8]) -> u16 {
        self.stream.write_all(request).expect("it reads");
        self.buffer.clear();
        let mut chunk = [0; 65_536];
        loop {
            let count = self.stream.read(&mut chunk).expect("it answers");
            assert!(count > 0, "it hung up");
            self.buffer.extend_from_slice(&chunk[..count]);
            let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&self.buffer[..end]).to_lowercase();
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
            let length: usize = length.expect("a length").parse().expect("a number");
            while self.buffer.len() < end + 4 + length {
                let count = self.stream.read(&mut chunk).expect("it goes on");
                assert!(count > 0, "it hung up");
                self.buffer.extend_from_slice(&chunk[..count]);
            }
            return head[9..12].parse().expect("a status");
        }
    }
}

/// A body whose session and request can be changed in place: all ids have the same length.
#[derive(Clone)]
struct Template {
    text: String,
}

impl Template {
    fn new(size: usize) -> Self {
        let large = include_str!("../fixtures/payloads/on_webhook_large.json");
        let small = serde_json::from_str::<serde_json::Value>(include_str!("../fixtures/payloads/on_webhook.json"));
        let small = small.expect("JSON").to_string();
        let text = if size <= small.len() {
            small
        } else {
            // As many rows of the large payload as fit.
            let (head, rest) = large.split_once("\"rows\":[\n").expect("rows");
            let (rows, tail) = rest.split_once("\n]").expect("rows");
            let room = size - head.len() - tail.len();
            let end = rows[..room].rfind(",\n").expect("more than one row");
            format!("{head}\"rows\":[\n{}\n]{tail}", &rows[..end])
        };
        let text = text
            .replace("\"OtpSend\"", "\"OtpVerify\"")
            .replace("\"UserEmail\":\"mira@example.com\"", "\"UserEmail\":\"mira@example.com\",\"OtpEntity\":\"000000\"")
            .replace("\"UserEmail\": \"mira@example.com\"", "\"UserEmail\": \"mira@example.com\",\"OtpEntity\":\"000000\"");
        Self { text }
    }

    fn request(&self, operation: &str, session: usize, request: usize, token: &str) -> Vec<u8> {
        let body = self
            .text
            .replace("OtpVerify", operation)
            .replace("6a5f0e3b9c1d2e4f5a6b7c8d", &format!("{session:024}"))
            .replace("1784540790118", &format!("{request:013}"));
        let mut bytes = format!(
            "POST /sdk/bots/{BOT}/components/dc-3f8b6d20-a15c-5e94-87d3-c9e0b4f12a76/on_webhook HTTP/1.1\r\n\
             host: localhost\r\ntoken: {token}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        bytes.extend_from_slice(body.as_bytes());
        bytes
    }
}

fn token() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let now = Timestamp::from_millis(i64::try_from(seconds).expect("before the end of time") * 1000);
    credentials().token_until(now.seconds() + 3_600)
}

/// What one load came to.
struct Load {
    cpu_per_request: f64,
    latencies: Vec<Duration>,
}

/// Sends `each` requests over each connection. `first` is the number of the first session that has not been used.
fn load(server: &Server, template: &Arc<Template>, each: usize, first: usize, good: bool) -> Load {
    let before = server.cpu();
    let threads: Vec<_> = (0..CONNECTIONS)
        .map(|connection| {
            let (address, template) = (server.address.clone(), Arc::clone(template));
            let token = if good { token() } else { "x".repeat(token().len()) };
            std::thread::spawn(move || {
                let mut client = Client::connect(&address);
                let mut latencies = Vec::with_capacity(each);
                for count in 0..each {
                    let session = first + connection + CONNECTIONS * (count / (ATTEMPTS - 1));
                    let number = first * ATTEMPTS + connection * each + count;
                    let request = template.request("OtpVerify", session, number, &token);
                    let sent = Instant::now();
                    let status = client.exchange(&request);
                    latencies.push(sent.elapsed());
                    assert_eq!(status, if good { 200 } else { 401 });
                }
                latencies
            })
        })
        .collect();
    let mut latencies: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect();
    latencies.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
    let cpu_per_request = (server.cpu() - before) / (CONNECTIONS * each) as f64;
    Load { cpu_per_request, latencies }
}

/// Makes the sessions that a load will verify in.
fn prepare(server: &Server, template: &Template, each: usize, first: usize) {
    let token = token();
    let mut client = Client::connect(&server.address);
    for session in first..first + CONNECTIONS * each.div_ceil(ATTEMPTS - 1) {
        assert_eq!(client.exchange(&template.request("OtpSend", session, session, &token)), 200);
    }
    let body = String::from_utf8_lossy(&client.buffer);
    assert!(body.contains("\"status\":\"sent\""), "{body}");
}

fn compare() {
    let (ours, floor) = (Server::ours(), Server::floor());
    for (name, size, each) in [("4 kB", 4_000, 2_000), ("200 kB", 200_000, 300)] {
        let template = Arc::new(Template::new(size));
        let (mut ratios, mut rows, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let first = (size + round) * 10_000;
            prepare(&ours, &template, each, first);
            let floor = load(&floor, &template, each, first, true);
            let own = load(&ours, &template, each, first, true);
            // The first round warms up.
            if round > 0 {
                ratios.push(own.cpu_per_request / floor.cpu_per_request);
                // Over a long refused body the server hangs up, which is not what is compared here.
                if size < 64_000 {
                    refused.push(load(&ours, &template, each, first, false).cpu_per_request / own.cpu_per_request);
                }
                rows.push((own, floor));
            }
        }
        ratios.sort_by(f64::total_cmp);
        refused.sort_by(f64::total_cmp);
        println!("{name} ({} bytes), {CONNECTIONS} connections, {ROUNDS} rounds", template.text.len());
        for (who, pick) in [("ours", 0), ("floor", 1)] {
            let loads = rows.iter().map(|row| if pick == 0 { &row.0 } else { &row.1 });
            let mut cpu: Vec<f64> = loads.clone().map(|load| load.cpu_per_request).collect();
            cpu.sort_by(f64::total_cmp);
            let mut latencies: Vec<Duration> = loads.flat_map(|load| load.latencies.clone()).collect();
            latencies.sort_unstable();
            println!(
                "  {who:<5} {:>7.1} us CPU a request; p50 {:.2?}, p99 {:.2?}",
                cpu[ROUNDS / 2],
                latencies[latencies.len() / 2],
                latencies[latencies.len() * 99 / 100]
            );
        }
        println!("  ratio {:.2} (from {:.2} to {:.2})", ratios[ROUNDS / 2], ratios[0], ratios[ROUNDS - 1]);
        if let Some(refused) = refused.get(ROUNDS / 2) {
            println!("  a refused token costs {refused:.2} of a good request");
        }
    }
}

/// Fills the store with a million waiting sessions.
fn memory() {
    const SESSIONS: usize = 1_000_000;
    let server = Server::ours();
    let template = Arc::new(Template { text: MINIMAL.to_owned() });
    prepare(&server, &template, CONNECTIONS * ATTEMPTS, 0);
    let before = server.megabytes();
    let threads: Vec<_> = (0..CONNECTIONS)
        .map(|connection| {
            let (address, template, token) = (server.address.clone(), Arc::clone(&template), token());
            std::thread::spawn(move || {
                let mut client = Client::connect(&address);
                for count in 0..SESSIONS / CONNECTIONS {
                    let session = 1_000_000 + count * CONNECTIONS + connection;
                    client.exchange(&template.request("OtpSend", session, session, &token));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
    #[expect(clippy::cast_precision_loss, reason = "a million is exact")]
    let each = (server.megabytes() - before) * 1024.0 * 1024.0 / SESSIONS as f64;
    println!("{SESSIONS} waiting sessions: {each:.0} bytes each, {:.0} MB in all", server.megabytes());
}

/// The least a send needs.
const MINIMAL: &str = r#"{"requestId":"1784540790118","dialogComponentName":"OtpVerify","context":{"entities":
{"UserEmail":"mira@example.com"},"session":{"BotUserSession":{"conversationSessionId":"6a5f0e3b9c1d2e4f5a6b7c8d"}}}}"#;
