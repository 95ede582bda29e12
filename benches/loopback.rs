//! The whole server over loopback sockets, against the least that could do its job.
//!
//! `cargo bench --bench loopback` starts our server (release build, access log to a file, counters on) and a bare
//! actix handler that checks the same token and echoes the same body, loads them in turn over 32 connections, and
//! prints the CPU time each spends on a request, their ratio, and latencies. `-- memory` prints bytes per waiting
//! session instead; `-- sending` and a rate, how verifies fare beside so many sends a second at a slow provider;
//! `-- stores` compares the store on disk with the one in memory, and tries both with a million sessions; `-- redis`,
//! what the store in Redis costs. Linux only: the figures come from `/proc`.

#![expect(clippy::expect_used, reason = "a bench that cannot go on stops")]

#[path = "shared/million.rs"]
mod million;
#[path = "loopback/redis.rs"]
mod redis_store;
#[path = "loopback/sending.rs"]
mod sending;
mod shared;
#[path = "loopback/stores.rs"]
mod stores;

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use actix_web::{App, HttpServer, web};
use botkit_otp::botkit::{Algorithm, Credentials};
use botkit_otp::clock::{Clock as _, SystemClock};
use botkit_otp::telemetry::Stopwatch;
use shared::{body, echo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const CONNECTIONS: usize = 32;
const ROUNDS: usize = 5;
/// Each round is cut into slices, ours and the floor's in turn, so that a machine whose speed drifts is as kind or
/// unkind to the one as to the other.
const SLICES: usize = 20;
const BOT: &str = "st-6b1f0c52-9d3e-5a47-8c21-4e7ab90d3f16";
const APP_ID: &str = "cs-bench";
const SECRET: &str = "a secret for nothing but this bench";
const API_KEY: &str = "an-api-key-for-nothing-but-this-bench";
/// Wrong codes each session takes before it would be locked; the most the configuration allows.
const ATTEMPTS: usize = 100;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let is = |word: &str| arguments.iter().any(|argument| argument == word);
    if is("floor") {
        floor();
    } else if is("memory") {
        memory();
    } else if is("redis") {
        redis_store::run();
    } else if is("stores") {
        stores::run();
    } else if is("rest") {
        rest(&Server::dev());
    } else if is("sending") {
        let rate = arguments.iter().find_map(|argument| argument.parse().ok());
        sending::sending(rate.unwrap_or(2_000));
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
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut address)
            .expect("it says where it is");
        Self { child, address: address.trim().to_owned(), _folder: tempfile::tempdir().expect("a folder") }
    }

    /// Ours, in dev mode.
    fn dev() -> Self {
        Self::ours("[dev]\nenabled = true\n")
    }

    fn ours(settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let address = {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            listener.local_addr().expect("it is bound").to_string()
        };
        let file = folder.path().join("bench.toml");
        let text = format!(
            "[server]\nbind = \"{address}\"\n[bots.default]\napp_id = \"{APP_ID}\"\napi_key = \"{SECRET}\"\n[otp]\n\
             attempts = {ATTEMPTS}\nlifetime = \"1h\"\n[limits]\nbot.sends_per_hour = 0\n\
             destination.failures_per_day = {ATTEMPTS}\nuser.failures_per_day = {ATTEMPTS}\n{settings}\n\
             [[api.keys]]\nname = \"bench\"\nsecret = \"{API_KEY}\"\nbots = [\"*\"]\n"
        );
        std::fs::write(&file, text).expect("the folder is ours");
        let log = File::create(folder.path().join("log")).expect("the folder is ours");
        let started = Stopwatch::start();
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
        block_on(async {
            let mut client = Client::connect(&server.address).await;
            client.exchange(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        });
        println!(
            "our server: first answer {:.1} ms after the start, {:.1} MB idle",
            millis(started),
            server.megabytes()
        );
        server
    }

    /// CPU time so far, in microseconds.
    fn cpu(&self) -> f64 {
        cpu_of(self.child.id())
    }

    fn megabytes(&self) -> f64 {
        megabytes(self.child.id())
    }
}

/// CPU time of a process so far, in microseconds.
fn cpu_of(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("a name").split_whitespace().collect();
    // utime and stime, in ticks of 10 ms.
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().expect("a number") * 10_000.0).sum()
}

/// How much memory a process has.
fn megabytes(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("a resident size");
    line.split_whitespace().nth(1).expect("a number").parse::<f64>().expect("a number") / 1024.0
}

fn millis(since: Stopwatch) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

/// One keep-alive connection.
struct Client {
    stream: tokio::net::TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    async fn connect(address: &str) -> Self {
        let stream = tokio::net::TcpStream::connect(address).await.expect("it listens");
        stream.set_nodelay(true).expect("TCP");
        Self { stream, buffer: Vec::new() }
    }

    /// Sends a request and reads the whole answer. Gives its status.
    async fn exchange(&mut self, request: &[u8]) -> u16 {
        self.stream.write_all(request).await.expect("it reads");
        self.buffer.clear();
        let mut end = None;
        loop {
            let count = self.stream.read_buf(&mut self.buffer).await.expect("it answers");
            assert!(count > 0, "it hung up");
            if end.is_none() {
                end = self.buffer.windows(4).position(|window| window == b"\r\n\r\n").map(|head| {
                    let text = std::str::from_utf8(&self.buffer[..head]).expect("ASCII");
                    let length =
                        text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
                    head + 4 + length.expect("a length").parse::<usize>().expect("a number")
                });
            }
            if end.is_some_and(|end| self.buffer.len() >= end) {
                return std::str::from_utf8(&self.buffer[9..12]).expect("ASCII").parse().expect("a status");
            }
        }
    }
}

/// The placeholders that bodies are made with; ids of the same lengths are written over them.
const SESSION_ID: &str = "6a5f0e3b9c1d2e4f5a6b7c8d";
const REQUEST_ID: &str = "1784540790118";

/// A request whose session and request ids are changed in place, so that loading costs the machine little.
#[derive(Clone)]
struct Request {
    bytes: Vec<u8>,
    sessions: Vec<usize>,
    requests: Vec<usize>,
}

impl Request {
    fn new(body: &str, operation: &str, token: &str) -> Self {
        let body = body.replace("OtpVerify", operation);
        // Each session has an address and a user of its own, or all would charge the same accounts.
        let body = body.replace("\"UserEmail\":\"mira@", &format!("\"UserEmail\":\"{SESSION_ID}@"));
        let body = body.replace("u-0f5d2c9a-71be-5e30-9b44-c2a8d1e6f703", SESSION_ID);
        let text = format!(
            "POST /sdk/bots/{BOT}/components/dc-3f8b6d20-a15c-5e94-87d3-c9e0b4f12a76/on_webhook HTTP/1.1\r\n\
             host: localhost\r\ntoken: {token}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        Self::of(text)
    }

    /// A verify over REST, of the same user in the same session.
    fn rest() -> Self {
        let body =
            format!("{{\"code\":\"000000\",\"user\":\"{SESSION_ID}\",\"requestId\":\"{REQUEST_ID}\"}}");
        Self::of(format!(
            "POST /v1/bots/{BOT}/sessions/{SESSION_ID}/otp/verify HTTP/1.1\r\nhost: localhost\r\n\
             authorization: Bearer {API_KEY}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    fn of(text: String) -> Self {
        let places = |id: &str| text.match_indices(id).map(|(place, _)| place).collect();
        Self { sessions: places(SESSION_ID), requests: places(REQUEST_ID), bytes: text.into_bytes() }
    }

    fn numbered(&mut self, session: usize, request: usize) -> &[u8] {
        for (places, id) in
            [(&self.sessions, format!("{session:024}")), (&self.requests, format!("{request:013}"))]
        {
            for place in places {
                self.bytes[*place..place + id.len()].copy_from_slice(id.as_bytes());
            }
        }
        &self.bytes
    }
}

fn token() -> String {
    credentials().token_until(SystemClock.now().seconds() + 3_600)
}

/// What a server is asked.
#[derive(Clone, Copy, PartialEq)]
enum Ask {
    /// To verify, by a Webhook node.
    Webhook,
    /// The same, with a token that is none.
    Refused,
    /// To verify, over REST.
    Rest,
}

/// What one server did in one round.
struct Load {
    cpu_per_request: f64,
    latencies: Vec<Duration>,
}

/// Runs the clients, all on one thread.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, work)
}

/// Sends `each` requests over each connection; `first` is the first session that has not been used.
fn load(
    server: &Server,
    body: &str,
    connections: usize,
    each: usize,
    first: usize,
    ask: Ask,
) -> Vec<Duration> {
    let request = match ask {
        Ask::Webhook => Request::new(body, "OtpVerify", &token()),
        Ask::Refused => Request::new(body, "OtpVerify", &"x".repeat(token().len())),
        Ask::Rest => Request::rest(),
    };
    block_on(async {
        let clients: Vec<_> = (0..connections)
            .map(|connection| {
                let (address, mut request) = (server.address.clone(), request.clone());
                tokio::task::spawn_local(async move {
                    let mut client = Client::connect(&address).await;
                    let mut latencies = Vec::with_capacity(each);
                    for count in 0..each {
                        let session = first + connection + connections * (count / (ATTEMPTS - 1));
                        let request = request.numbered(session, first * ATTEMPTS + connection * each + count);
                        let sent = Stopwatch::start();
                        let status = client.exchange(request).await;
                        latencies.push(sent.elapsed());
                        assert_eq!(status, if ask == Ask::Refused { 401 } else { 200 });
                    }
                    let answer = String::from_utf8_lossy(&client.buffer);
                    assert!(!answer.contains("no_challenge"), "the sessions were not prepared");
                    latencies
                })
            })
            .collect();
        let mut all = Vec::new();
        for client in clients {
            all.extend(client.await.expect("no panic"));
        }
        all
    })
}

/// Loads several servers slice by slice, and says what each of them did in all. An idle server uses no CPU time, so
/// the difference from the first slice to the last is its own.
fn interleaved<const N: usize>(
    servers: [&Server; N],
    body: &str,
    each: usize,
    first: usize,
    ask: [Ask; N],
) -> [Load; N] {
    let before = servers.map(Server::cpu);
    let mut latencies = servers.map(|_| Vec::new());
    let per_slice = each / SLICES;
    for slice in 0..SLICES {
        for (index, server) in servers.iter().enumerate() {
            let first = first + slice * CONNECTIONS * per_slice.div_ceil(ATTEMPTS - 1);
            latencies[index].extend(load(server, body, CONNECTIONS, per_slice, first, ask[index]));
        }
    }
    std::array::from_fn(|index| {
        #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
        let requests = (CONNECTIONS * per_slice * SLICES) as f64;
        Load {
            cpu_per_request: (servers[index].cpu() - before[index]) / requests,
            latencies: std::mem::take(&mut latencies[index]),
        }
    })
}

/// Makes the sessions that a load will verify in.
fn prepare(server: &Server, connections: usize, each: usize, first: usize) {
    let sessions = SLICES * connections * (each / SLICES).div_ceil(ATTEMPTS - 1);
    let mut request = Request::new(MINIMAL, "OtpSend", &token());
    block_on(async {
        let mut client = Client::connect(&server.address).await;
        for session in first..first + sessions {
            assert_eq!(client.exchange(request.numbered(session, session)).await, 200);
        }
        let answer = String::from_utf8_lossy(&client.buffer);
        assert!(answer.contains("\"status\":\"sent\""), "{answer}");
    });
}

fn compare() {
    let (ours, floor) = (Server::dev(), Server::floor());
    for (name, size, each) in [("4 kB", 4_000, 2_000), ("200 kB", 200_000, 400)] {
        let body = body(size).replace("\"OtpSend\"", "\"OtpVerify\"");
        let (mut ratios, mut rows, mut refused) = (Vec::new(), Vec::new(), None);
        for round in 0..=ROUNDS {
            let first = (size + round) * 10_000;
            prepare(&ours, CONNECTIONS, each, first);
            let [floor, own] = interleaved([&floor, &ours], &body, each, first, [Ask::Webhook, Ask::Webhook]);
            // The first round warms up.
            if round > 0 {
                ratios.push(own.cpu_per_request / floor.cpu_per_request);
                rows.push((own, floor));
            }
        }
        // Over a long refused body the server hangs up, which is not what is compared here.
        if size < 64_000 {
            let first = (size + ROUNDS + 1) * 10_000;
            prepare(&ours, CONNECTIONS, each, first);
            let [good] = interleaved([&ours], &body, each, first, [Ask::Webhook]);
            let [bad] = interleaved([&ours], &body, each, first, [Ask::Refused]);
            refused = Some(bad.cpu_per_request / good.cpu_per_request);
        }
        ratios.sort_by(f64::total_cmp);
        println!("{name} ({} bytes), {CONNECTIONS} connections, {ROUNDS} rounds", body.len());
        report("ours", rows.iter().map(|(own, _)| own));
        report("floor", rows.iter().map(|(_, floor)| floor));
        println!("  ratio {:.2} (from {:.2} to {:.2})", ratios[ROUNDS / 2], ratios[0], ratios[ROUNDS - 1]);
        if let Some(refused) = refused {
            println!("  a refused token costs {refused:.2} of a good request");
        }
    }
    rest(&ours);
}

/// What the same verify costs over REST, where there is no context to carry: against the least context that a bot has, and
/// against a middling one.
fn rest(webhooks: &Server) {
    const EACH: usize = 2_000;
    let server = Server::dev();
    for size in [4_000, 8_000, 20_000] {
        let body = body(size).replace("\"OtpSend\"", "\"OtpVerify\"");
        let mut rows = Vec::new();
        for round in 0..=ROUNDS {
            let first = (size + 9_000 + round) * 10_000;
            prepare(webhooks, CONNECTIONS, EACH, first);
            prepare(&server, CONNECTIONS, EACH, first);
            let servers = [webhooks, &server];
            let [webhook, rest] = interleaved(servers, &body, EACH, first, [Ask::Webhook, Ask::Rest]);
            if round > 0 {
                rows.push((rest, webhook));
            }
        }
        let mut ratios: Vec<f64> =
            rows.iter().map(|(rest, webhook)| rest.cpu_per_request / webhook.cpu_per_request).collect();
        ratios.sort_by(f64::total_cmp);
        println!("verify over REST, against a webhook of {} bytes", body.len());
        report("rest", rows.iter().map(|(rest, _)| rest));
        report("hook", rows.iter().map(|(_, webhook)| webhook));
        println!("  ratio {:.2} (from {:.2} to {:.2})", ratios[ROUNDS / 2], ratios[0], ratios[ROUNDS - 1]);
    }
}

fn report<'a>(who: &str, loads: impl Iterator<Item = &'a Load> + Clone) {
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

/// Fills the store with a million waiting sessions.
fn memory() {
    const SESSIONS: usize = 1_000_000;
    let server = Server::dev();
    prepare(&server, CONNECTIONS, SLICES * ATTEMPTS, 0);
    let before = server.megabytes();
    let request = Request::new(MINIMAL, "OtpSend", &token());
    block_on(async {
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|connection| {
                let (address, mut request) = (server.address.clone(), request.clone());
                tokio::task::spawn_local(async move {
                    let mut client = Client::connect(&address).await;
                    for count in 0..SESSIONS / CONNECTIONS {
                        let session = SESSIONS + count * CONNECTIONS + connection;
                        client.exchange(request.numbered(session, session)).await;
                    }
                })
            })
            .collect();
        for client in clients {
            client.await.expect("no panic");
        }
    });
    #[expect(clippy::cast_precision_loss, reason = "a million is exact")]
    let each = (server.megabytes() - before) * 1024.0 * 1024.0 / SESSIONS as f64;
    println!("{SESSIONS} waiting sessions: {each:.0} bytes each, {:.0} MB in all", server.megabytes());
}

/// The least a send needs.
const MINIMAL: &str = r#"{"requestId":"1784540790118","dialogComponentName":"OtpVerify","context":{"entities":
{"UserEmail":"mira@example.com"},"session":{"BotUserSession":{"conversationSessionId":"6a5f0e3b9c1d2e4f5a6b7c8d"}}}}"#;
