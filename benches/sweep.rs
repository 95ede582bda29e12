//! What a sweep of a million sessions does to those who write and read meanwhile: `cargo bench --bench sweep`. At rest
//! and while it is swept a writer writes and loads, and what it had to wait is printed.

#![expect(clippy::expect_used, reason = "a bench that cannot go on stops")]

#[path = "../src/allocator.rs"]
mod allocator;
#[path = "shared/million.rs"]
mod million;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use botkit_otp::clock::{Clock as _, SystemClock};
use botkit_otp::dialog::Session;
use botkit_otp::store::{Disk, Flush, Memory, Store};
use botkit_otp::telemetry::Stopwatch;
use million::{SESSIONS, fill, key, sample, write};

/// How long the writer pauses between two calls: about as many come as a server can answer.
const PACE: Duration = Duration::from_micros(20);

fn main() {
    // As the program does: others would stop for half a second behind a sweep with glibc's allocator, and for 100 ms with
    // this one, left alone.
    allocator::give_back();
    let session = sample();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let memory: Arc<dyn Store> = Arc::new(Memory::default());
    sweep("memory", &runtime, &memory, &session, Duration::from_secs(5));
    drop(memory);
    let disk = Disk::open(&folder.path().join("store"), Flush::Group).expect("the folder is ours");
    // As long as it takes to sweep it: what the disk does now and then, it does with and without.
    sweep("disk", &runtime, &(Arc::new(disk) as Arc<dyn Store>), &session, Duration::from_secs(45));
}

/// Fills a store, watches it at rest, and again while it is swept.
fn sweep(
    name: &str,
    runtime: &tokio::runtime::Runtime,
    store: &Arc<dyn Store>,
    session: &Session,
    rest: Duration,
) {
    runtime.block_on(fill(store, session));
    let timer = Stopwatch::start();
    let rested = || timer.elapsed() > rest;
    runtime.block_on(watch(&format!("{name}, at rest"), store, session, SESSIONS, rested));
    let done = Arc::new(AtomicBool::new(false));
    let (started, ended) = (Stopwatch::start(), Arc::clone(&done));
    let sweeper = std::thread::spawn({
        let store = Arc::clone(store);
        move || {
            let left = store.sweep(SystemClock.now().after(Duration::from_hours(48)));
            let spent = started.elapsed();
            // What was freed last is given back only now.
            std::thread::sleep(Duration::from_secs(2));
            done.store(true, Ordering::Relaxed);
            (left, spent)
        }
    });
    let swept = || ended.load(Ordering::Relaxed);
    runtime.block_on(watch(&format!("{name}, swept"), store, session, 100 * SESSIONS, swept));
    let (left, spent) = sweeper.join().expect("no panic");
    println!("{name}: swept in {spent:.1?}, {left} left");
}

/// Writes and loads sessions, the first of them `first`, until `is_over`, and says how long that takes.
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
        store.load(&key(number), &[]).await.expect("it answers");
        times.entry("load").or_default().push(started.elapsed());
        if is_over() {
            break;
        }
        std::thread::sleep(PACE);
    }
    for (what, mut times) in times {
        times.sort_unstable();
        let part = |most: usize| times[(times.len() * most / 10_000).min(times.len() - 1)];
        let long = times.iter().filter(|time| **time > Duration::from_millis(2)).count();
        println!(
            "{name}: {} {what}s, {long} over 2 ms, p50 {:.1?}, p99 {:.1?}, p99.9 {:.1?}, p99.99 {:.1?}, longest {:.1?}",
            times.len(),
            part(5_000),
            part(9_900),
            part(9_990),
            part(9_999),
            part(10_000)
        );
    }
}
