//! Many sends at a slow provider, and what they leave of the time for verifies.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use botkit_otp::telemetry::Stopwatch;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::{Client, MINIMAL, Request, Server, block_on, megabytes, token};

/// How long the provider takes.
const PROVIDER: Duration = Duration::from_millis(300);
const LASTS: Duration = Duration::from_secs(15);
/// How long a client's connection is kept without use: the server closes it after 5 s.
const KEPT: Duration = Duration::from_secs(3);
const VERIFIES_A_SECOND: usize = 100;
/// The sessions that verifies go to: enough for none of them to be locked by wrong codes.
const SESSIONS: usize = 60;

/// What the provider saw.
#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    running: AtomicUsize,
    most: AtomicUsize,
}

/// SendGrid as far as it matters here.
fn provider() -> (String, Arc<Seen>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    listener.set_nonblocking(true).expect("a socket");
    let seen = Arc::<Seen>::default();
    let notes = Arc::clone(&seen);
    std::thread::spawn(move || {
        block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                notes.connections.fetch_add(1, Ordering::Relaxed);
                spawn_local(serve(stream, Arc::clone(&notes)));
            }
        });
    });
    (url, seen)
}

/// Takes messages over one connection until it is closed.
async fn serve(mut stream: tokio::net::TcpStream, seen: Arc<Seen>) -> Option<()> {
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let mut end = None;
        while end.is_none_or(|end| buffer.len() < end) {
            if stream.read_buf(&mut buffer).await.ok()? == 0 {
                return None;
            }
            end = end.or_else(|| {
                let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")?;
                let text = std::str::from_utf8(&buffer[..head]).ok()?;
                let length = text.split("content-length: ").nth(1)?.split("\r\n").next()?;
                Some(head + 4 + length.parse::<usize>().ok()?)
            });
        }
        let until = Instant::now() + PROVIDER;
        seen.most.fetch_max(seen.running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        sleep_until(until).await;
        seen.running.fetch_sub(1, Ordering::Relaxed);
        let answer = b"HTTP/1.1 202 Accepted\r\nx-message-id: sg-1\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer).await.ok()?;
    }
}

/// One answer: the time since it was due to be asked for, and whether it is as it should be.
struct Answered {
    after: Duration,
    good: bool,
}

/// Asks at a rate that does not depend on how fast answers come. `number` gives the session and the request.
async fn ask(
    address: &str,
    request: &Request,
    rate: usize,
    lasts: Duration,
    good: &'static str,
    number: impl Fn(usize) -> (usize, usize),
) -> Vec<Answered> {
    let idle = Rc::new(RefCell::new(VecDeque::<(Client, Stopwatch)>::new()));
    let mut ticks = interval(Duration::from_millis(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let started = ticks.tick().await;
    let mut asked: Vec<JoinHandle<Answered>> = Vec::new();
    loop {
        let due = ticks.tick().await - started;
        if due > lasts {
            break;
        }
        let upto = due.as_millis() as usize * rate / 1_000;
        while asked.len() < upto {
            let (session, number) = number(asked.len());
            let bytes = request.clone().numbered(session, number).to_vec();
            let (idle, address) = (Rc::clone(&idle), address.to_owned());
            asked.push(spawn_local(async move {
                idle.borrow_mut().retain(|(_, since)| since.elapsed() < KEPT);
                let kept = idle.borrow_mut().pop_front();
                let mut client = match kept {
                    Some((client, _)) => client,
                    None => Client::connect(&address).await,
                };
                let status = client.exchange(&bytes).await;
                let after = (started + due).elapsed();
                let good = status == 200 && String::from_utf8_lossy(&client.buffer).contains(good);
                idle.borrow_mut().push_back((client, Stopwatch::start()));
                Answered { after, good }
            }));
        }
    }
    let mut all = Vec::new();
    for answer in asked {
        all.push(answer.await.expect("no panic"));
    }
    all
}

/// Loads the server with so many sends a second.
pub(super) fn sending(rate: usize) {
    let (url, seen) = provider();
    let server = Server::ours(&format!(
        "[delivery]\nemail = [\"sendgrid\"]\n[delivery.sendgrid]\napi_key = \"SG.bench\"\nbase_url = \"{url}\"\n\
         from = \"no-reply@acme.example\"\n"
    ));
    let sending = Request::new(MINIMAL, "OtpSend", &token());
    let code = MINIMAL.replace("\"entities\":\n{", "\"entities\":\n{\"OtpEntity\":\"000000\",");
    let verify = Request::new(&code, "OtpVerify", &token());
    let sent = "\"status\":\"sent\"";
    // The first second prepares the sessions for verifies, and opens connections.
    let prepared =
        block_on(ask(&server.address, &sending, SESSIONS + 1, Duration::from_secs(1), sent, |count| {
            (count, count)
        }));
    assert!(prepared.len() >= SESSIONS && prepared.iter().all(|answered| answered.good), "nothing to verify");

    let (before, start) = (server.cpu(), server.megabytes());
    let (address, process) = (server.address.clone(), server.child.id());
    let watching = std::thread::spawn(move || {
        std::thread::sleep(LASTS / 2);
        megabytes(process)
    });
    let sender = std::thread::spawn(move || {
        let stopwatch = Stopwatch::start();
        let sends =
            block_on(ask(&address, &sending, rate, LASTS, sent, |count| (1_000 + count, 1_000 + count)));
        (sends, stopwatch.elapsed())
    });
    let incorrect = "\"status\":\"incorrect\"";
    let verifies = block_on(ask(&server.address, &verify, VERIFIES_A_SECOND, LASTS, incorrect, |count| {
        (count % SESSIONS, 10_000_000 + count)
    }));
    let (sends, took) = sender.join().expect("no panic");
    let middle = watching.join().expect("no panic");
    #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
    let count = sends.len() as f64;
    println!(
        "{rate} sends a second for {LASTS:?}: {:.0} a second answered, {:.0} us of our CPU for each ({:.2} cores)",
        count / took.as_secs_f64(),
        (server.cpu() - before) / count,
        (server.cpu() - before) / 1e6 / took.as_secs_f64()
    );
    report("sends", sends);
    report("verifies", verifies);
    println!(
        "  most deliveries at once {}, over {} connections; {start:.1} MB at the start, {middle:.1} in the middle, {:.1} \
         at the end",
        seen.most.load(Ordering::Relaxed),
        seen.connections.load(Ordering::Relaxed),
        server.megabytes()
    );
}

fn report(what: &str, mut answers: Vec<Answered>) {
    answers.sort_unstable_by_key(|answered| answered.after);
    let at = |percent: usize| answers[(answers.len() * percent / 100).min(answers.len() - 1)].after;
    println!(
        "  {what}: p50 {:.2?}, p99 {:.2?}, longest {:.2?}; {} of {} not as they should be",
        at(50),
        at(99),
        at(100),
        answers.iter().filter(|answered| !answered.good).count(),
        answers.len()
    );
}
