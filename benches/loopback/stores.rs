//! The store on disk against the one in memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use botkit_otp::botkit::BotId;
use botkit_otp::clock::{Clock as _, SystemClock};
use botkit_otp::dialog::{Session, SessionKey};
use botkit_otp::otp::ChallengeId;
use botkit_otp::store::{Change, Commit, Disk, Flush, Memory, Store, Write};
use botkit_otp::telemetry::Stopwatch;

use super::{
    Ask, BOT, Client, MINIMAL, ROUNDS, Request, SLICES, Server, block_on, body, load, millis, prepare, token,
};

const SESSIONS: usize = 1_000_000;

/// Connections at once: a flush takes milliseconds, and what comes meanwhile shares the next.
const CONNECTIONS: usize = 256;

/// Verifications over each connection and slice.
const EACH: usize = 20;

pub(super) fn run() {
    throughput();
    let folder = tempfile::tempdir().expect("a folder");
    let session = sample(&folder.path().join("one"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let memory: Arc<dyn Store> = Arc::new(Memory::default());
    runtime.block_on(fill(&memory, &session));
    sweep("memory", &runtime, &memory, &session);
    drop(memory);

    let path = folder.path().join("million");
    let open = || Disk::open(&path, Flush::Group).expect("the folder is ours");
    let disk: Arc<dyn Store> = Arc::new(open());
    runtime.block_on(fill(&disk, &session));
    drop(disk);
    println!("disk: {SESSIONS} sessions take {} MB of disk", size(&path) >> 20);
    let started = Stopwatch::start();
    drop(open());
    println!("disk: all read in {:.0} ms", millis(started));
    let started = Stopwatch::start();
    let server = Server::ours(&settings("disk", &path));
    let megabytes = server.megabytes();
    println!(
        "disk: a server with them answers after {:.0} ms, {:.0} ms of them CPU; {megabytes:.0} MB resident",
        millis(started),
        server.cpu() / 1_000.0
    );
    drop(server);
    let disk: Arc<dyn Store> = Arc::new(open());
    sweep("disk", &runtime, &disk, &session);
    drop(disk);
    println!("disk: swept, {} MB of disk", size(&path) >> 20);
}

fn settings(kind: &str, path: &Path) -> String {
    format!("[dev]\nenabled = true\n[store]\nkind = \"{kind}\"\npath = \"{}\"\n", path.display())
}

/// Verifies through the whole server, with the one store and the other in turn.
fn throughput() {
    let folder = tempfile::tempdir().expect("a folder");
    let servers = ["memory", "disk"].map(|kind| Server::ours(&settings(kind, &folder.path().join(kind))));
    let body = body(4_000).replace("\"OtpSend\"", "\"OtpVerify\"");
    let mut ratios = Vec::new();
    let (mut rates, mut cpu) = ([0.0; 2], [0.0; 2]);
    for round in 0..=ROUNDS {
        let first = round * 10_000;
        for server in &servers {
            prepare(server, CONNECTIONS, EACH * SLICES, first);
        }
        let (mut spent, before) = ([0.0; 2], [0, 1].map(|index| servers[index].cpu()));
        for slice in 0..SLICES {
            for (index, server) in servers.iter().enumerate() {
                let started = Stopwatch::start();
                load(server, &body, CONNECTIONS, EACH, first + slice * CONNECTIONS, Ask::Webhook);
                spent[index] += started.elapsed().as_secs_f64();
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
        let requests = (EACH * SLICES * CONNECTIONS) as f64;
        // The first round warms up.
        if round > 0 {
            ratios.push(spent[0] / spent[1]);
            rates = spent.map(|spent| requests / spent);
            cpu = [0, 1].map(|index| (servers[index].cpu() - before[index]) / requests);
        }
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "verifies a second, {CONNECTIONS} connections: memory {:.0}, disk {:.0}, ratio {:.2} (from {:.2} to {:.2}); CPU \
         {:.0} and {:.0} us each",
        rates[0],
        rates[1],
        ratios[ROUNDS / 2],
        ratios[0],
        ratios[ROUNDS - 1],
        cpu[0],
        cpu[1]
    );
}

/// A session as a server keeps it that has sent a code.
fn sample(path: &Path) -> Session {
    let server = Server::ours(&settings("disk", path));
    block_on(async {
        let mut client = Client::connect(&server.address).await;
        let mut request = Request::new(MINIMAL, "OtpSend", &token());
        assert_eq!(client.exchange(request.numbered(7, 7)).await, 200);
        drop(server);
        let store = Disk::open(path, Flush::Always).expect("the server is gone");
        let session = store.load(&key(&format!("{:024}", 7)), &[]).await.expect("it answers").session;
        (*session.expect("a code was sent").value).clone()
    })
}

fn key(session: &str) -> SessionKey {
    SessionKey::new(&BotId::parse(BOT).expect("an id"), session)
}

/// Writes a session of its own.
async fn write(store: &Arc<dyn Store>, session: &Session, number: usize) {
    let mut session = session.clone();
    if let Some(challenge) = &mut session.challenge {
        challenge.id =
            ChallengeId::from((number as u128).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C).to_be_bytes());
    }
    let write = Write { key: key(&format!("{number:024}")), seen: None, value: Arc::new(session) };
    let change = Change { at: SystemClock.now(), session: Some(write), accounts: Vec::new(), ticket: None };
    let commit = store.commit(change).await.expect("it answers");
    assert!(matches!(commit, Commit::Done(_)));
}

async fn fill(store: &Arc<dyn Store>, session: &Session) {
    const WRITERS: usize = 1_000;
    let session = Arc::new(session.clone());
    let writers = (0..WRITERS).map(|writer| {
        let (store, session) = (Arc::clone(store), Arc::clone(&session));
        tokio::spawn(async move {
            for number in (writer..SESSIONS).step_by(WRITERS) {
                write(&store, &session, number).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("no panic");
    }
}

/// Sweeps a million sessions while others are written, one after the other; before that, the same without.
fn sweep(name: &str, runtime: &tokio::runtime::Runtime, store: &Arc<dyn Store>, session: &Session) {
    let done = Arc::new(AtomicBool::new(false));
    let (timer, ended) = (Stopwatch::start(), Arc::clone(&done));
    let quiet = || timer.elapsed() > Duration::from_secs(5);
    runtime.block_on(watch(&format!("{name}, at rest"), store, session, SESSIONS, quiet));
    let started = Stopwatch::start();
    let sweeper = std::thread::spawn({
        let store = Arc::clone(store);
        move || {
            let left = store.sweep(SystemClock.now().after(Duration::from_hours(48)));
            done.store(true, Ordering::Relaxed);
            (left, millis(started))
        }
    });
    let swept = || ended.load(Ordering::Relaxed);
    runtime.block_on(watch(&format!("{name}, swept"), store, session, 100 * SESSIONS, swept));
    let (left, spent) = sweeper.join().expect("no panic");
    println!("{name}: swept in {spent:.0} ms, {left} left");
}

/// Writes and loads sessions until `is_over`, and says how long that takes.
async fn watch(
    name: &str,
    store: &Arc<dyn Store>,
    session: &Session,
    first: usize,
    is_over: impl Fn() -> bool,
) {
    let mut times: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for number in first.. {
        let started = Stopwatch::start();
        write(store, session, number).await;
        times.entry("write").or_default().push(started.elapsed());
        let started = Stopwatch::start();
        store.load(&key(&format!("{number:024}")), &[]).await.expect("it answers");
        times.entry("load").or_default().push(started.elapsed());
        if is_over() {
            break;
        }
    }
    for (what, mut times) in times {
        times.sort_unstable();
        let part = |most: usize| times[(times.len() * most / 1_000).min(times.len() - 1)];
        println!(
            "{name}: {} {what}s, p50 {:.1?}, p99 {:.1?}, p99.9 {:.1?}, longest {:.1?}",
            times.len(),
            part(500),
            part(990),
            part(999),
            part(1_000)
        );
    }
}

/// What a folder takes on disk, in bytes.
fn size(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let entries = folder.read_dir().expect("a folder").map(|entry| entry.expect("readable").path());
    entries
        .map(|path| if path.is_dir() { size(&path) } else { path.metadata().expect("there").blocks() * 512 })
        .sum()
}
