//! Reading the journal back at a start.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use fjall::{Keyspace, Slice};

/// Reads all that is there, from both ends at once: the one reader stops at what the other has read, so that neither
/// has more to do, however the keys lie. If tables are damaged, what lies in front of the first damage is read, what
/// lies behind the last, and what lies between two of them on either side of `middle`. Records may be given twice.
///
/// # Errors
/// What is damaged; all that can be read has been.
pub(super) fn read(
    records: &Keyspace,
    middle: &[u8],
    give: impl Fn(&[u8], &[u8]) + Copy + Sync,
) -> Result<(), String> {
    let (front, back) = (Reached::default(), Reached::default());
    let ends = std::thread::scope(|scope| {
        let behind = scope.spawn(|| {
            let is_read = |key: &Slice| front.get().is_some_and(|front| *key <= front);
            walk(records.iter().rev(), &back, is_read, give)
        });
        let is_read = |key: &Slice| back.get().is_some_and(|back| *key >= back);
        let before = walk(records.iter(), &front, is_read, give);
        [before, behind.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))]
    });
    if ends.iter().any(Result::is_ok) {
        // The one has come to where the other did.
        return Ok(());
    }
    let nobody = |_: &Slice| false;
    let below = walk(records.range(..middle).rev(), &back, nobody, give);
    let above = walk(records.range(middle..), &front, nobody, give);
    let damage = ends.into_iter().chain([below, above]).filter_map(Result::err);
    let damage: BTreeSet<_> = damage.map(|damage| damage.to_string()).collect();
    Err(Vec::from_iter(damage).join("; "))
}

/// How far a reader has come.
#[derive(Default)]
struct Reached(Mutex<Option<Slice>>);

impl Reached {
    fn get(&self) -> Option<Slice> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, key: Slice) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(key);
    }
}

/// Gives entry by entry until somebody else has read the next, and says how far that is now and then.
fn walk(
    entries: impl Iterator<Item = fjall::Guard>,
    reached: &Reached,
    is_read: impl Fn(&Slice) -> bool,
    give: impl Fn(&[u8], &[u8]),
) -> fjall::Result<()> {
    /// Entries after which that is done.
    const STRIDE: usize = 256;
    for (count, entry) in entries.enumerate() {
        let (key, value) = entry.into_inner()?;
        give(&key, &value);
        if count % STRIDE == 0 {
            if is_read(&key) {
                break;
            }
            reached.set(key);
        }
    }
    Ok(())
}
