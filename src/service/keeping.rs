//! The store, with a stopwatch beside it.

use super::Service;
use crate::dialog::SessionKey;
use crate::otp::{AccountId, ChallengeId, Ticket};
use crate::store::{Change, Commit, Snapshot, Unavailable};
use crate::telemetry::Stopwatch;

impl Service {
    pub(super) async fn load(
        &self,
        key: &SessionKey,
        accounts: &[AccountId],
    ) -> Result<Snapshot, Unavailable> {
        self.timed("load", self.store.load(key, accounts), |_| "done").await
    }

    pub(super) async fn commit(&self, change: Change) -> Result<Commit, Unavailable> {
        let name = |commit: &Commit| match commit {
            Commit::Done(_) => "done",
            Commit::Raced => "raced",
            Commit::SoldOut => "sold_out",
        };
        self.timed("commit", self.store.commit(change), name).await
    }

    pub(super) async fn give_back(&self, ticket: &Ticket) -> Result<(), Unavailable> {
        self.timed("give_back", self.store.give_back(ticket), |()| "done").await
    }

    pub(super) async fn owner(&self, challenge: ChallengeId) -> Result<Option<SessionKey>, Unavailable> {
        self.timed("owner", self.store.owner(challenge), |_| "done").await
    }

    async fn timed<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, Unavailable>>,
        name: impl FnOnce(&T) -> &'static str,
    ) -> Result<T, Unavailable> {
        let stopwatch = Stopwatch::start();
        let outcome = work.await;
        let named = outcome.as_ref().map_or("unavailable", name);
        self.metrics.store(operation, named, stopwatch.elapsed());
        outcome
    }
}
