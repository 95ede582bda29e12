//! Changes on their way to the disk: many give, one thread writes, and whoever gave waits until it is written.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use log::{error, info};
use serde::Deserialize;
use tokio::sync::watch;

use super::folder::Folder;
use super::journal::{Journal, Put};
use super::past::Past;
use crate::store::record::Head;
use crate::store::{Unavailable, Version};
use crate::telemetry::Stopwatch;

/// How many changes may wait. Beyond it a store is unavailable: a disk that is so far behind will not catch up in time.
const MOST: usize = 8_192;

/// How many changes are written at once.
const MOST_AT_ONCE: usize = 1_024;

/// How many changes are enough for a flush, whether or not more come.
const ENOUGH: usize = 256;

/// How long a flush waits for more changes at most.
const GROUP_WITHIN: Duration = Duration::from_millis(5);

/// A flush goes ahead when nothing more has come for so long.
const QUIET: Duration = Duration::from_micros(200);

/// How often a disk that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// How long anybody waits for the disk.
const PATIENCE: Duration = Duration::from_secs(5);

/// When what was changed is flushed to disk. Either way nothing is answered before it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flush {
    /// At once. What comes meanwhile shares the next flush.
    Always,
    /// Once nothing more comes, 5 ms later at most: fewer flushes for more changes.
    Group,
}

/// Changes on their way to the disk.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Something has come, or the queue is closed.
    filled: Condvar,
    written: watch::Sender<Written>,
}

#[derive(Debug)]
struct State {
    waiting: Vec<Vec<Put>>,
    /// The number of the last change that was given.
    last: u64,
    is_closed: bool,
}

/// How far the disk is.
#[derive(Clone, Copy, Debug)]
struct Written {
    last: u64,
    is_failing: bool,
}

impl Queue {
    /// A queue whose first change comes after `last`.
    pub(super) fn after(last: u64) -> Self {
        Self {
            state: Mutex::new(State { waiting: Vec::new(), last, is_closed: false }),
            filled: Condvar::new(),
            written: watch::Sender::new(Written { last, is_failing: false }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a change and numbers it, its number in the heads of its records.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing was queued.
    pub(super) fn push(&self, mut change: Vec<Put>) -> Result<Version, Unavailable> {
        self.answers()?;
        let mut state = self.lock();
        if state.waiting.len() >= MOST {
            return Err(Unavailable(format!("{MOST} changes wait for the disk")));
        }
        state.last += 1;
        let version = Version(state.last);
        for put in &mut change {
            Head::renumber(&mut put.value, version);
        }
        state.waiting.push(change);
        drop(state);
        self.filled.notify_one();
        Ok(version)
    }

    /// Whether the disk takes anything.
    pub(super) fn answers(&self) -> Result<(), Unavailable> {
        if self.written.borrow().is_failing { Err(failing()) } else { Ok(()) }
    }

    /// Waits until a change is on disk.
    ///
    /// # Errors
    /// [`Unavailable`]: it is not, and may yet be.
    pub(super) async fn wait(&self, version: Version) -> Result<(), Unavailable> {
        let mut written = self.written.subscribe();
        let there = written.wait_for(|written| written.last >= version.0 || written.is_failing);
        match tokio::time::timeout(PATIENCE, there).await {
            Ok(Ok(written)) if written.last >= version.0 => Ok(()),
            Ok(_) => Err(failing()),
            Err(_) => Err(Unavailable("the disk is too slow".to_owned())),
        }
    }

    /// Lets the writer stop once all that waits is written.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.filled.notify_all();
    }

    /// Waits for changes and takes them, with the number of the last of them; `None` when there will be none.
    fn take(&self, flush: Flush) -> Option<(Vec<Vec<Put>>, u64)> {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            if state.is_closed {
                return None;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if flush == Flush::Group {
            let (started, mut seen) = (Stopwatch::start(), 0);
            while seen < state.waiting.len()
                && state.waiting.len() < ENOUGH
                && started.elapsed() < GROUP_WITHIN
            {
                seen = state.waiting.len();
                drop(state);
                std::thread::sleep(QUIET);
                state = self.lock();
            }
        }
        let count = state.waiting.len().min(MOST_AT_ONCE);
        let taken = state.waiting.drain(..count).collect();
        let last = state.last - u64::try_from(state.waiting.len()).unwrap_or(0);
        Some((taken, last))
    }

    /// Writes what comes, until the queue is closed. What cannot be written is tried again: it stays in front, so that the
    /// journal never misses what came before.
    pub(super) fn write(&self, folder: &Arc<Folder>, past: &Past, journal: Journal, flush: Flush) {
        let _stopped = Stopped(self);
        let mut journal = Some(journal);
        while let Some((changes, last)) = self.take(flush) {
            loop {
                let puts = changes.iter().flatten();
                let open = match journal.take() {
                    Some(journal) => Ok(journal),
                    None => Journal::open(folder.path(), past),
                };
                match open.and_then(|mut open| open.write(puts, last).map(|()| open)) {
                    Ok(open) => {
                        journal = Some(open);
                        break;
                    }
                    Err(problem) if self.fail(&problem) => {}
                    Err(_) => return,
                }
            }
            let before = self.written.send_replace(Written { last, is_failing: false });
            if before.is_failing {
                info!("the disk takes changes again");
            }
        }
    }

    /// Says that the disk does not take what it is given, and waits a while; `false` if nobody waits for it any more.
    fn fail(&self, problem: &str) -> bool {
        let news = self.written.send_if_modified(|written| !std::mem::replace(&mut written.is_failing, true));
        if news {
            error!("nothing can be written to the disk, which is tried again every second: {problem}");
        }
        let state = self.lock();
        let wait = self.filled.wait_timeout_while(state, RETRY, |state| !state.is_closed);
        !wait.unwrap_or_else(PoisonError::into_inner).0.is_closed
    }
}

/// Says, when the writer ends in whatever way, that nothing is written any more.
struct Stopped<'a>(&'a Queue);

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.0.written.send_modify(|written| written.is_failing = true);
    }
}

fn failing() -> Unavailable {
    Unavailable("nothing can be written to the disk".to_owned())
}
