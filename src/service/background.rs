//! Work that outlives its request.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use dashmap::{DashMap, Entry};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::telemetry::trace;

/// Runs on the program's own runtime, since a request's ends with the server's workers; shutting down waits for it.
#[derive(Clone, Debug)]
pub struct Background {
    tracker: TaskTracker,
    runtime: Handle,
    lanes: Arc<Lanes>,
}

/// Names work that is done one piece after the other, in the order it was started: one user's messages, say.
pub type Lane = Box<str>;

/// More work than may wait: in this lane, or in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// How much work may wait in one lane. A user's messages are that many only if the platform is away.
const LONGEST: usize = 50;

/// How much work may wait in all, in pieces. A piece holds a payload.
const MOST: usize = 5_000;

/// The lanes that are busy.
#[derive(Debug, Default)]
struct Lanes(DashMap<Lane, Queue>);

/// The work of a lane.
#[derive(Debug)]
struct Queue {
    /// Pieces that are not done.
    length: usize,
    /// Ends when the last of them is done.
    last: oneshot::Receiver<()>,
}

/// A piece of work's place in its lane.
struct Place {
    lanes: Arc<Lanes>,
    lane: Lane,
    _done: oneshot::Sender<()>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Entry::Occupied(mut queue) = self.lanes.0.entry(self.lane.clone()) {
            queue.get_mut().length -= 1;
            if queue.get().length == 0 {
                queue.remove();
            }
        }
    }
}

/// Work that is finished, whatever becomes of this.
struct Finishing<T: Send + 'static> {
    background: Background,
    /// `None` when it is done.
    work: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
}

impl<T: Send + 'static> Future for Finishing<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(work) = &mut self.work else { return Poll::Pending };
        let done = work.as_mut().poll(context);
        if done.is_ready() {
            self.work = None;
        }
        done
    }
}

impl<T: Send + 'static> Drop for Finishing<T> {
    fn drop(&mut self) {
        // Work that panics is not gone on with.
        if let Some(work) = self.work.take().filter(|_| !std::thread::panicking()) {
            self.background.start(work);
        }
    }
}

impl Background {
    /// Runs work on `runtime`.
    #[must_use]
    pub fn on(runtime: Handle) -> Self {
        Self { tracker: TaskTracker::new(), runtime, lanes: Arc::default() }
    }

    /// Starts a piece of work.
    pub fn start<F>(&self, work: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        // What is done for a call is done in its trace.
        self.tracker.spawn_on(trace::within(trace::current(), work), &self.runtime)
    }

    /// Work that its caller waits for, and that goes on in the background if the caller goes away.
    pub fn finishing<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send {
        Finishing { background: self.clone(), work: Some(Box::pin(work)) }
    }

    /// Starts something that is no work, and that nobody waits for: what watches, say. It must end when it is told to.
    pub fn aside(&self, watching: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(watching);
    }

    /// Starts a piece of work once all that was started in its lane before is done.
    ///
    /// # Errors
    /// [`Full`]: nothing was started.
    pub fn start_in(&self, lane: Lane, work: impl Future<Output = ()> + Send + 'static) -> Result<(), Full> {
        if self.running() >= MOST {
            return Err(Full);
        }
        let (done, last) = oneshot::channel();
        let before = match self.lanes.0.entry(lane.clone()) {
            Entry::Occupied(queue) if queue.get().length >= LONGEST => return Err(Full),
            Entry::Occupied(mut queue) => {
                let queue = queue.get_mut();
                queue.length += 1;
                Some(std::mem::replace(&mut queue.last, last))
            }
            Entry::Vacant(free) => {
                free.insert(Queue { length: 1, last });
                None
            }
        };
        let place = Place { lanes: Arc::clone(&self.lanes), lane, _done: done };
        self.start(async move {
            // Given up when the work is over, and also if it panics: nobody behind it waits for ever.
            let _place = place;
            if let Some(before) = before {
                // An error says that it is over, too.
                let _ = before.await;
            }
            work.await;
        });
        Ok(())
    }

    /// Pieces of work that are not done yet.
    #[must_use]
    pub fn running(&self) -> usize {
        self.tracker.len()
    }

    /// Waits until all work is done, but no longer than `limit`. Says how much was left.
    pub async fn finish(&self, limit: Duration) -> usize {
        self.tracker.close();
        let _ = tokio::time::timeout(limit, self.tracker.wait()).await;
        self.tracker.len()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_lane_keeps_its_order_and_outlives_a_panic() {
        let background = Background::on(Handle::current());
        let seen = Arc::new(Mutex::new(Vec::new()));
        for number in 0..50_u64 {
            let seen = Arc::clone(&seen);
            background
                .start_in("a".into(), async move {
                    tokio::time::sleep(Duration::from_micros((50 - number) * 20)).await;
                    assert_ne!(number, 7, "on purpose");
                    seen.lock().unwrap().push(number);
                })
                .unwrap();
        }
        assert_eq!(background.start_in("a".into(), async {}), Err(Full));
        let other = Arc::clone(&seen);
        background.start_in("b".into(), async move { other.lock().unwrap().push(1_000) }).unwrap();
        assert_eq!(background.finish(Duration::from_secs(10)).await, 0);
        let seen = seen.lock().unwrap();
        let lane: Vec<u64> = seen.iter().copied().filter(|number| *number < 1_000).collect();
        assert_eq!(lane, (0..50).filter(|number| *number != 7).collect::<Vec<_>>());
        assert_eq!(seen.len(), 50);
        assert!(background.lanes.0.is_empty());
    }
}
