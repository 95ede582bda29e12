//! What nobody needs any more. It is left out when tables are rewritten, and not removed record by record: so a sweep writes
//! nothing, and nobody waits for a disk that is busy with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use fjall::compaction::filter::{
    CompactionFilter, CompactionFilterResult, Context, Factory, ItemAccessor, Verdict,
};

use crate::clock::Timestamp;
use crate::store::record::Head;

/// For so few records no table is rewritten.
const LEAST: usize = 1_000;

/// What is past its time.
#[derive(Clone, Debug)]
pub(super) struct Past(Arc<Bygone>);

#[derive(Debug)]
struct Bygone {
    /// Records that may be forgotten at this time or before, in milliseconds.
    until: AtomicI64,
    /// How many of them tables have not been rewritten without.
    records: AtomicUsize,
    /// How many records are still needed.
    needed: AtomicUsize,
}

impl Default for Past {
    /// Nothing.
    fn default() -> Self {
        let [records, needed] = [0, 0].map(AtomicUsize::new);
        Self(Arc::new(Bygone { until: AtomicI64::new(i64::MIN), records, needed }))
    }
}

impl Past {
    /// Says that all that may be forgotten by now is: so many more records, while others are still needed.
    pub(super) fn reaches(&self, now: Timestamp, records: usize, needed: usize) {
        self.0.until.store(now.millis(), Ordering::Relaxed);
        self.0.records.fetch_add(records, Ordering::Relaxed);
        self.0.needed.store(needed, Ordering::Relaxed);
    }

    /// How many records tables have not been rewritten without.
    pub(super) fn records(&self) -> usize {
        self.0.records.load(Ordering::Relaxed)
    }

    /// Whether tables had better be rewritten: at least one record is left out for each that is written again.
    pub(super) fn is_a_burden(&self) -> bool {
        self.records() >= self.0.needed.load(Ordering::Relaxed).max(LEAST)
    }

    /// Says that tables have been rewritten without so many records.
    pub(super) fn were_left_out(&self, records: usize) {
        self.0.records.fetch_sub(records, Ordering::Relaxed);
    }
}

impl Factory for Past {
    fn name(&self) -> &'static str {
        "past"
    }

    fn make_filter(&self, _: &Context) -> Box<dyn CompactionFilter> {
        Box::new(Forget(self.clone()))
    }
}

struct Forget(Past);

impl CompactionFilter for Forget {
    fn filter_item(&mut self, item: ItemAccessor<'_>, _: &Context) -> CompactionFilterResult {
        // Asked for each: a clock that was wrong at one sweep is right at the next.
        let until = Timestamp::from_millis(self.0.0.until.load(Ordering::Relaxed));
        let value = item.value()?;
        // What has no head, such as the number of the last change, stays.
        let is_over = Head::split(&value).is_ok_and(|(head, _)| head.forget_at <= until);
        // A mark stays in its place as long as something older may lie below, which would come back.
        Ok(if is_over { Verdict::Remove } else { Verdict::Keep })
    }
}
