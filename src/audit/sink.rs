//! Lines on their way to their target. A request only adds its line to a buffer; a thread of its own writes them.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Stdout, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use log::{error, warn};

use super::Event;
use super::chain::{self, chained};

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
    target: Mutex<Box<dyn Target>>,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    chain: String,
    lost: usize,
    failing: bool,
    unsettled: bool,
}

/// What takes lines.
trait Target: Write + Send + std::fmt::Debug {
    /// Makes sure that what was written stays.
    fn settle(&mut self) -> io::Result<()>;
}

impl Target for File {
    fn settle(&mut self) -> io::Result<()> {
        match self.sync_data() {
            // A pipe or a terminal keeps nothing that could be made sure of.
            Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
            outcome => outcome,
        }
    }
}

impl Target for Stdout {
    fn settle(&mut self) -> io::Result<()> {
        self.flush()
    }
}

impl Sink {
    /// Opens a file, or standard output.
    pub(super) fn open(target: &str) -> Result<Self, String> {
        let mut waiting = Waiting::default();
        if target == "stdout" {
            return Self::start(Box::new(io::stdout()), waiting);
        }
        let (file, tail) = append(Path::new(target))
            .map_err(|error| format!("is {target:?}, which cannot be written: {error}"))?;
        waiting.chain = chain::last(&tail);
        if !tail.is_empty() && !tail.ends_with('\n') {
            // Half a line, from a machine that stopped: what follows must not be part of it.
            waiting.bytes.push(b'\n');
        }
        Self::start(Box::new(file), waiting)
    }

    fn start(target: Box<dyn Target>, waiting: Waiting) -> Result<Self, String> {
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
        let mut bytes = std::mem::take(&mut lock(&self.waiting).bytes);
        if bytes.is_empty() {
            return;
        }
        let written = write(&mut **target, &mut bytes);
        let settled = if written.is_ok() { target.settle() } else { Ok(()) };
        let mut waiting = lock(&self.waiting);
        // What does not stand there yet comes first the next time, from the very byte on: a line goes on where it broke off.
        let later = std::mem::replace(&mut waiting.bytes, bytes);
        waiting.bytes.extend_from_slice(&later);
        if let Some(problem) = begins(&mut waiting.failing, written) {
            error!("audit.target does not take what happened, and is tried again: {problem}");
        }
        if let Some(problem) = begins(&mut waiting.unsettled, settled) {
            warn!("audit.target took what happened, and may lose it if the machine stops: {problem}");
        }
    }
}

/// A problem that was not there the last time: it is told once.
fn begins(there: &mut bool, outcome: io::Result<()>) -> Option<io::Error> {
    let before = std::mem::replace(there, outcome.is_err());
    outcome.err().filter(|_| !before)
}

/// Writes as much as there is room for, and takes it off `bytes`.
fn write(target: &mut dyn Target, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut done = 0;
    let outcome = loop {
        if done == bytes.len() {
            break Ok(());
        }
        match target.write(&bytes[done..]) {
            Ok(0) => break Err(ErrorKind::WriteZero.into()),
            Ok(more) => done += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    bytes.drain(..done);
    outcome
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::audit::Story;

    /// A disk with room for so many bytes more, which may be unable to make sure of them.
    #[derive(Clone, Debug, Default)]
    struct Disk {
        written: Arc<Mutex<Vec<u8>>>,
        room: Arc<AtomicUsize>,
        shaky: bool,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let less = |room: usize| Some(room.saturating_sub(bytes.len()));
            let room = self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
            let taken = room.unwrap_or_else(|room| room).min(bytes.len());
            lock(&self.written).extend_from_slice(&bytes[..taken]);
            if taken == 0 { Err(ErrorKind::StorageFull.into()) } else { Ok(taken) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Target for Disk {
        fn settle(&mut self) -> io::Result<()> {
            if self.shaky { Err(ErrorKind::Other.into()) } else { Ok(()) }
        }
    }

    #[test]
    fn a_disk_that_fills_up_breaks_no_line() {
        let disk = Disk::default();
        let sink = Sink::start(Box::new(disk.clone()), Waiting::default()).unwrap();
        for number in 0..200 {
            let outcome = format!("number {number}").into();
            sink.take(&Event { event: "send".into(), outcome, session: "s-1".into(), ..Event::default() });
            disk.room.store(number, Ordering::Relaxed);
            sink.flush();
        }
        disk.room.store(usize::MAX, Ordering::Relaxed);
        sink.flush();
        let written = String::from_utf8(lock(&disk.written).clone()).unwrap_or_default();
        assert_eq!(written.lines().count(), 200);
        for (number, line) in written.lines().enumerate() {
            assert!(line.contains(&format!("\"number {number}\"")), "{line}");
        }
        let story = Story::read(&written, "s-1", None).unwrap_or_default();
        assert!(!story.is_empty() && story.broken().is_empty(), "{written}");
    }

    #[test]
    fn a_disk_that_makes_sure_of_nothing_is_no_full_one() {
        let disk = Disk { shaky: true, ..Disk::default() };
        disk.room.store(usize::MAX, Ordering::Relaxed);
        let sink = Sink::start(Box::new(disk.clone()), Waiting::default()).unwrap();
        let problems = || {
            sink.take(&Event::default());
            sink.flush();
            let waiting = lock(&sink.0.waiting);
            (waiting.failing, waiting.unsettled)
        };
        assert_eq!(problems(), (false, true));
        assert_eq!(String::from_utf8_lossy(&lock(&disk.written)).lines().count(), 1);
        disk.room.store(0, Ordering::Relaxed);
        assert!(problems().0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_target_that_keeps_nothing_has_nothing_to_make_sure_of() {
        let file = OpenOptions::new().write(true).open("/dev/null");
        assert!(
            file.and_then(|mut file| {
                assert!(file.sync_data().is_err());
                file.settle()
            })
            .is_ok()
        );
    }

    #[test]
    fn a_file_that_is_put_away_in_the_midst_of_a_line_can_be_explained() {
        let event = || Event {
            event: "send".into(),
            outcome: "sent".into(),
            session: "s-1".into(),
            ..Event::default()
        };
        let mut waiting = Waiting::default();
        waiting.add(&event());
        // Up to the very last byte of a line.
        for half in 1..waiting.bytes.len() {
            let disk = Disk::default();
            let sink = Sink::start(Box::new(disk.clone()), Waiting::default()).unwrap();
            disk.room.store(half, Ordering::Relaxed);
            sink.take(&event());
            sink.flush();
            lock(&disk.written).clear();
            sink.take(&event());
            disk.room.store(usize::MAX, Ordering::Relaxed);
            sink.flush();
            let written = String::from_utf8(lock(&disk.written).clone()).unwrap_or_default();
            let story = Story::read(&written, "s-1", None);
            assert!(
                story.is_ok_and(|story| !story.is_empty() && story.broken().contains(&1)),
                "{half}: {written}"
            );
        }
    }
}
