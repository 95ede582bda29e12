//! `-- redis`: the store in Redis against the one in memory. Starts a `redis-server` of its own.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use botkit_otp::telemetry::Stopwatch;
use redis::{Client, Connection, cmd};

use super::{
    ATTEMPTS, Ask, CONNECTIONS, Client as Http, MINIMAL, ROUNDS, Request, Server, block_on, body, cpu_of,
    interleaved, prepare, report, token,
};

/// Verifies a connection makes in a round.
const EACH: usize = 1_000;

/// Verifies one after the other.
const ALONE: usize = 2_000;

/// Sessions whose size is measured.
const SESSIONS: usize = 10_000;

struct Redis {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Redis {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        drop(listener);
        let process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--port", &port.to_string()])
            .args(["--dir", folder.path().to_str().expect("plain")])
            .stdout(Stdio::null())
            .spawn()
            .expect("there is a redis-server");
        Self { process, port, _folder: folder }
    }

    fn connection(&self) -> Connection {
        loop {
            let client = Client::open(("127.0.0.1", self.port)).expect("an address");
            match client.get_connection() {
                Ok(connection) => return connection,
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    /// Bytes that it uses for data.
    fn used(&self) -> usize {
        let info: String = cmd("INFO").arg("memory").query(&mut self.connection()).expect("it answers");
        let line = info.lines().find_map(|line| line.strip_prefix("used_memory_dataset:"));
        line.expect("it says so").trim().parse().expect("a number")
    }

    /// Bytes of each of our records of a kind, on average.
    fn record(&self, kind: &str) -> usize {
        let mut connection = self.connection();
        let keys: Vec<Vec<u8>> =
            cmd("KEYS").arg(format!("botkit-otp:{kind}:*")).query(&mut connection).expect("it answers");
        let some = &keys[..keys.len().min(1_000)];
        let bytes = some.iter().map(|key| {
            let usage = cmd("MEMORY").arg("USAGE").arg(key).query::<usize>(&mut connection);
            usage.expect("it is there")
        });
        bytes.sum::<usize>() / some.len()
    }
}

/// Compares the stores.
pub(super) fn run() {
    let redis = Redis::start();
    drop(redis.connection());
    let settings = format!("[store]\nkind = \"redis\"\nredis_url = \"redis://127.0.0.1:{}\"\n", redis.port);
    let (memory, ours) = (Server::dev(), Server::ours(&format!("[dev]\nenabled = true\n{settings}")));
    size(&redis, &ours);

    let body = body(4_000).replace("\"OtpSend\"", "\"OtpVerify\"");
    let (mut ratios, mut rows, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let first = (1 + round) * 100_000;
        prepare(&memory, CONNECTIONS, EACH, first);
        prepare(&ours, CONNECTIONS, EACH, first);
        let before = cpu_of(redis.process.id());
        let [plain, shared] = interleaved([&memory, &ours], &body, EACH, first, [Ask::Webhook; 2]);
        // The first round warms up.
        if round > 0 {
            ratios.push(shared.cpu_per_request / plain.cpu_per_request);
            #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
            theirs.push((cpu_of(redis.process.id()) - before) / shared.latencies.len() as f64);
            rows.push((plain, shared));
        }
    }
    ratios.sort_by(f64::total_cmp);
    theirs.sort_by(f64::total_cmp);
    println!("a verify of {} bytes, 32 connections, {ROUNDS} rounds", body.len());
    report("memory", rows.iter().map(|(plain, _)| plain));
    report("redis", rows.iter().map(|(_, shared)| shared));
    println!(
        "  ratio {:.2} (from {:.2} to {:.2}); Redis itself {:.1} us a request",
        ratios[ROUNDS / 2],
        ratios[0],
        ratios[ROUNDS - 1],
        theirs[ROUNDS / 2]
    );
    let (plain, shared) = (alone(&memory, &body), alone(&ours, &body));
    println!(
        "one after the other: memory p50 {plain:.2?}, redis p50 {shared:.2?}; a PING of Redis {:.2?}",
        ping(&redis)
    );
}

/// What a waiting session takes in Redis.
fn size(redis: &Redis, ours: &Server) {
    let before = redis.used();
    let mut request = Request::new(MINIMAL, "OtpSend", &token());
    block_on(async {
        let mut client = Http::connect(&ours.address).await;
        for session in 0..SESSIONS {
            assert_eq!(client.exchange(request.numbered(session, session)).await, 200);
        }
    });
    println!(
        "{SESSIONS} waiting sessions: {} bytes each in Redis; a session {}, an account {}, an owner {}",
        (redis.used() - before) / SESSIONS,
        redis.record("s"),
        redis.record("a"),
        redis.record("c")
    );
}

/// The median of verifies that come one after the other.
fn alone(server: &Server, body: &str) -> Duration {
    const FIRST: usize = 9_000_000;
    prepare(server, CONNECTIONS, ALONE, FIRST);
    let mut request = Request::new(body, "OtpVerify", &token());
    block_on(async {
        let mut client = Http::connect(&server.address).await;
        let mut latencies = Vec::with_capacity(ALONE);
        for count in 0..ALONE {
            let request = request.numbered(FIRST + count / (ATTEMPTS - 1), FIRST + count);
            let sent = Stopwatch::start();
            assert_eq!(client.exchange(request).await, 200);
            latencies.push(sent.elapsed());
        }
        latencies.sort_unstable();
        latencies[ALONE / 2]
    })
}

/// The median of what a round trip to Redis takes by itself.
fn ping(redis: &Redis) -> Duration {
    let mut connection = redis.connection();
    let mut latencies: Vec<_> = (0..ALONE)
        .map(|_| {
            let sent = Stopwatch::start();
            let () = cmd("PING").query(&mut connection).expect("it answers");
            sent.elapsed()
        })
        .collect();
    latencies.sort_unstable();
    latencies[ALONE / 2]
}
