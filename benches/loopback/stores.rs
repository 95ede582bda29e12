//! The store on disk against the one in memory.

use std::path::Path;
use std::sync::Arc;

use botkit_otp::store::{Disk, Flush, Store};
use botkit_otp::telemetry::Stopwatch;

use super::million::{SESSIONS, fill, sample};
use super::{Ask, ROUNDS, SLICES, Server, body, load, millis, prepare};

/// Connections at once: a flush takes milliseconds, and what comes meanwhile shares the next.
const CONNECTIONS: usize = 256;

/// Verifications over each connection and slice.
const EACH: usize = 20;

pub(super) fn run() {
    throughput();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("million");
    let open = || Disk::open(&path, Flush::Group).expect("the folder is ours");
    let disk: Arc<dyn Store> = Arc::new(open());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(fill(&disk, &sample()));
    drop(disk);
    println!("disk: {SESSIONS} sessions take {} MB of disk", size(&path) >> 20);
    let started = Stopwatch::start();
    let server = Server::ours(&settings("disk", &path));
    let megabytes = server.megabytes();
    println!(
        "disk: a server with them answers after {:.0} ms, {:.0} ms of them CPU; {megabytes:.0} MB resident",
        millis(started),
        server.cpu() / 1_000.0
    );
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

/// What a folder takes on disk, in bytes.
fn size(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let entries = folder.read_dir().expect("a folder").map(|entry| entry.expect("readable").path());
    entries
        .map(|path| if path.is_dir() { size(&path) } else { path.metadata().expect("there").blocks() * 512 })
        .sum()
}
