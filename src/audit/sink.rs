//! Lines on their way to their target. A request only adds its line to a buffer; a thread of its own writes them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use log::{error, warn};
use sha2::{Digest as _, Sha256};

use super::Event;

/// How long a line waits for others to be written with it.
const PAUSE: Duration = Duration::from_millis(50);

/// How much waits at most, in bytes, if the target does not take it; what comes then is lost, and the loss is noted.
const MOST: usize = 4 << 20;

/// How much of a file's end is read to go on with its chain; no line is longer.
const TAIL: u64 = 64 << 10;

/// Where lines go.
#[derive(Debug)]
pub(super) struct Sink(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    waiting: Mutex<Waiting>,
    target: Mutex<Target>,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    chain: String,
    lost: usize,
    failing: bool,
}

#[derive(Debug)]
enum Target {
    Stdout,
    File(File),
}

/// The digest of a line and of all before it.
pub(super) fn chained(before: &str, line: &str) -> String {
    let digest = Sha256::new().chain_update(before).chain_update(line).finalize();
    let (high, low) = digest.split_at(16);
    let number = |half: &[u8]| half.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    format!("{:032x}{:032x}", number(high), number(low))
}

/// The chain at the end of a text; empty if there is none.
fn last_chain(text: &str) -> String {
    let chain = text.lines().rev().find_map(|line| Some(super::story::split(line)?.1.to_owned()));
    chain.unwrap_or_default()
}

impl Sink {
    /// Opens a file, or standard output.
    pub(super) fn open(target: &str) -> Result<Self, String> {
        let mut waiting = Waiting::default();
        let target = if target == "stdout" {
            Target::Stdout
        } else {
            let (file, tail) = append(Path::new(target))
                .map_err(|error| format!("is {target:?}, which cannot be written: {error}"))?;
            waiting.chain = last_chain(&tail);
            if !tail.is_empty() && !tail.ends_with('\n') {
                // Half a line, from a machine that stopped: what follows must not be part of it.
                waiting.bytes.push(b'\n');
            }
            Target::File(file)
        };
        let inner = Arc::new(Inner { waiting: Mutex::new(waiting), target: Mutex::new(target) });
        let still_used = Arc::downgrade(&inner);
        std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || {
                while let Some(inner) = still_used.upgrade() {
                    inner.flush();
                    drop(inner);
                    std::thread::sleep(PAUSE);
                }
            })
            .map_err(|error| format!("cannot be written by a thread of its own: {error}"))?;
        Ok(Self(inner))
    }

    pub(super) fn take(&self, event: &Event<'_>) {
        let mut waiting = lock(&self.0.waiting);
        if waiting.bytes.len() > MOST {
            waiting.lost += 1;
            return;
        }
        if waiting.lost > 0 {
            let lost = std::mem::take(&mut waiting.lost);
            waiting.add(&Event {
                time: event.time.clone(),
                event: "lost".into(),
                outcome: lost.to_string().into(),
                ..Event::default()
            });
        }
        waiting.add(event);
    }

    pub(super) fn flush(&self) {
        self.0.flush();
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.flush();
    }
}

impl Waiting {
    fn add(&mut self, event: &Event<'_>) {
        // Writing plain texts and numbers to memory has no way to fail.
        let line = serde_json::to_string(event).unwrap_or_default();
        let Some(open) = line.strip_suffix('}') else { return };
        self.chain = chained(&self.chain, open);
        self.bytes.extend_from_slice(open.as_bytes());
        self.bytes.extend_from_slice(format!(",\"chain\":\"{}\"}}\n", self.chain).as_bytes());
    }
}

impl Inner {
    fn flush(&self) {
        // Held until all is written: lines keep their order, and the last flush waits for the one before.
        let mut target = lock(&self.target);
        let bytes = std::mem::take(&mut lock(&self.waiting).bytes);
        if bytes.is_empty() {
            return;
        }
        let written = match &mut *target {
            Target::Stdout => io::stdout().write_all(&bytes).and_then(|()| io::stdout().flush()),
            Target::File(file) => file.write_all(&bytes),
        };
        if let (Ok(()), Target::File(file)) = (&written, &*target)
            && let Err(problem) = file.sync_data()
        {
            // It is written, and must not be written again.
            warn!("audit.target cannot be flushed: {problem}");
        }
        if let Err(problem) = written {
            // Half of it may stand there; all of it comes again, and whoever reads it is told that the chain starts over.
            let mut waiting = lock(&self.waiting);
            if !std::mem::replace(&mut waiting.failing, true) {
                error!("audit.target does not take what happened, and is tried again: {problem}");
            }
            let later = std::mem::replace(&mut waiting.bytes, bytes);
            waiting.bytes.extend_from_slice(&later);
            return;
        }
        lock(&self.waiting).failing = false;
    }
}

/// Opens a file to add to it, and gives its end.
fn append(path: &Path) -> io::Result<(File, String)> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    // A device may have no end.
    (&file).take(TAIL).read_to_end(&mut tail)?;
    Ok((file, String::from_utf8_lossy(&tail).into_owned()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
