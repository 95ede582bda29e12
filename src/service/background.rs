//! Work that outlives its request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

/// Runs on the program's own runtime, since a request's ends with the server's workers; shutting down waits for it.
#[derive(Clone, Debug)]
pub struct Background {
    tracker: TaskTracker,
    runtime: Handle,
    lanes: Arc<Lanes>,
}

/// Names work that is done one piece after the other, in the order it was started: one user's messages, say.
pub type Lane = Box<str>;

/// The last piece of work of every lane that is busy.
#[derive(Debug, Default)]
struct Lanes {
    tails: DashMap<Lane, (u64, oneshot::Receiver<()>)>,
    tickets: AtomicU64,
}

/// A piece of work's place in its lane.
struct Place {
    lanes: Arc<Lanes>,
    lane: Lane,
    ticket: u64,
    _done: oneshot::Sender<()>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.lanes.tails.remove_if(&self.lane, |_, (last, _)| *last == self.ticket);
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
        self.tracker.spawn_on(work, &self.runtime)
    }

    /// Starts a piece of work once all that was started in its lane before is done.
    pub fn start_in(&self, lane: Lane, work: impl Future<Output = ()> + Send + 'static) {
        let ticket = self.lanes.tickets.fetch_add(1, Ordering::Relaxed);
        let (done, tail) = oneshot::channel();
        let before = self.lanes.tails.insert(lane.clone(), (ticket, tail));
        let place = Place { lanes: Arc::clone(&self.lanes), lane, ticket, _done: done };
        self.start(async move {
            // Given up when the work is over, and also if it panics: nobody behind it waits for ever.
            let _place = place;
            if let Some((_, before)) = before {
                // An error says that it is over, too.
                let _ = before.await;
            }
            work.await;
        });
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
            background.start_in("a".into(), async move {
                tokio::time::sleep(Duration::from_micros((50 - number) * 20)).await;
                assert_ne!(number, 7, "on purpose");
                seen.lock().unwrap().push(number);
            });
        }
        let other = Arc::clone(&seen);
        background.start_in("b".into(), async move { other.lock().unwrap().push(1_000) });
        assert_eq!(background.finish(Duration::from_secs(10)).await, 0);
        let seen = seen.lock().unwrap();
        let lane: Vec<u64> = seen.iter().copied().filter(|number| *number < 1_000).collect();
        assert_eq!(lane, (0..50).filter(|number| *number != 7).collect::<Vec<_>>());
        assert_eq!(seen.len(), 50);
        assert!(background.lanes.tails.is_empty());
    }
}
