//! Log lines on their way to standard error. A request only adds its line to a buffer; a thread of its own writes
//! them, many at a time. A log that nobody reads, such as a pipe that is full, holds up no request.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a line waits for others to be written with it.
const PAUSE: Duration = Duration::from_millis(50);

/// How much waits at most, in bytes; what is logged beyond it is dropped, and the drop is reported.
const MOST: usize = 4 << 20;

/// The lines that wait.
#[derive(Clone)]
pub(super) struct Lines(Arc<Mutex<Waiting>>, Arc<Mutex<()>>);

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    dropped: usize,
}

impl Lines {
    /// Starts the thread that writes.
    pub(super) fn start() -> Self {
        let lines = Self(Arc::default(), Arc::default());
        let writing = lines.clone();
        // Without the thread, `flush` at the end still writes what fits.
        let _ = std::thread::Builder::new().name("log".to_owned()).spawn(move || {
            loop {
                std::thread::sleep(PAUSE);
                writing.flush();
            }
        });
        lines
    }

    /// Writes what waits.
    pub(super) fn flush(&self) {
        // Held until all is written: lines keep their order, and the last flush waits for the one before.
        let _writing = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        let Waiting { bytes, dropped } =
            std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        // Where standard error is gone, there is nowhere to say so.
        if !bytes.is_empty() {
            let _ = io::stderr().write_all(&bytes);
        }
        if dropped > 0 {
            let _ =
                writeln!(io::stderr(), "{dropped} log lines dropped: standard error is not read fast enough");
        }
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.bytes.len() + line.len() > MOST {
            waiting.dropped += 1;
        } else {
            waiting.bytes.extend_from_slice(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
