//! Looks through journal files before they are replayed. The replay takes damage for the end of a file, or gives up on
//! the whole journal; here every batch that is whole is kept, and what is not is said aloud and set aside.
//!
//! A batch, as format 3 of the journal has it: `1`, count (u32), number (u64); so many items; `3`, XXH3 of the items
//! (u64), `FJL\x03`. An item: `2`, kind, compression (0: none), keyspace (u64), lengths of key (u16), value (u32) and of
//! the value as written (u32), key, value. All little endian. Behind the last batch there may be zeros. The number is in
//! no checksum, but decides which of two values is the newer: it has to fit in with its neighbours'.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::path::Path;

use log::{error, info};
use xxhash_rust::xxh3::xxh3_64;

use super::folder::replace;

const TRAILER: &[u8; 4] = b"FJL\x03";

/// More items than any batch of ours has.
const MOST_ITEMS: u32 = 1 << 20;

/// Repairs the journal files of a folder.
pub(super) fn salvage(folder: &Path) -> io::Result<()> {
    for entry in folder.read_dir()? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.extension().is_some_and(|extension| extension == "jnl") {
            mend(folder, name)?;
        }
    }
    Ok(())
}

fn mend(folder: &Path, name: &str) -> io::Result<()> {
    let path = folder.join(name);
    let bytes = std::fs::read(&path)?;
    let Found { whole, broken, end } = find(&bytes);
    let shown = path.display();
    if !broken.is_empty() {
        let (first, lost) = (broken[0].start, broken.iter().map(ExactSizeIterator::len).sum::<usize>());
        let aside = folder.join(format!("{name}.damaged"));
        std::fs::copy(&path, &aside).and_then(|_| File::open(&aside)?.sync_all())?;
        replace(folder, name, &whole.iter().map(|range| &bytes[range.clone()]).collect::<Vec<_>>())?;
        error!(
            "{shown} is damaged, places: {}, the first at byte {first}: {lost} bytes cannot be read and what stood there \
             is lost; {} batches are whole and kept; the file as it was is {}",
            broken.len(),
            whole.len(),
            aside.display()
        );
    } else if end.start < end.end {
        info!("{shown} ends in a write of {} bytes that was not finished; it is dropped", end.len());
        let file = OpenOptions::new().write(true).open(&path)?;
        file.set_len(u64::try_from(end.start).unwrap_or(u64::MAX))?;
        file.sync_all()?;
    }
    Ok(())
}

/// A number is less than this above the one before it. Between two batches only flushes and compactions take some.
const LARGEST_STEP: u64 = 1 << 16;

/// What a journal file is made of.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    /// Batches that can be replayed, in order.
    whole: Vec<Range<usize>>,
    /// What stands between them and is none.
    broken: Vec<Range<usize>>,
    /// What stands behind the last of them, without zeros at its end.
    end: Range<usize>,
}

fn find(bytes: &[u8]) -> Found {
    // Pages that were never written are passed over quickly.
    let page = |(index, page): (usize, &[u8])| (page != &[0; 4096][..page.len()]).then_some(index);
    let pages = bytes.chunks(4096).enumerate().filter_map(page).next_back().map_or(0, |last| last + 1);
    let written = &bytes[..bytes.len().min(pages * 4096)];
    let written = &written[..written.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)];
    let (mut batches, mut broken, mut at) = (Vec::new(), Vec::new(), 0);
    while let Some((start, length, number)) = (at..written.len()).find_map(|start| {
        let (length, number) = batch(&written[start..])?;
        Some((start, length, number))
    }) {
        if start > at {
            broken.push(at..start);
        }
        batches.push((start..start + length, number));
        at = start + length;
    }
    let (mut whole, mut before) = (Vec::new(), None);
    for (index, (range, number)) in batches.iter().enumerate() {
        let after = batches.get(index + 1).map(|(_, number)| *number);
        let is_sound = match (before, after) {
            (None, None) => true,
            (None, Some(after)) => follows(*number, after),
            // Of two that do not fit, the one is wrong that does not fit in with the third either.
            (Some(before), Some(after)) => {
                follows(before, *number) && (follows(*number, after) || !follows(before, after))
            }
            (Some(before), None) => follows(before, *number),
        };
        if is_sound {
            whole.push(range.clone());
            before = Some(*number);
        } else {
            broken.push(range.clone());
        }
    }
    broken.sort_by_key(|range| range.start);
    Found { whole, broken, end: at..written.len() }
}

const fn follows(before: u64, after: u64) -> bool {
    before < after && after - before < LARGEST_STEP
}

/// How long the batch is that these bytes begin with, and its number; `None` if they begin with no whole one.
fn batch(bytes: &[u8]) -> Option<(usize, u64)> {
    let mut rest = bytes;
    let count = match *take::<1>(&mut rest)? {
        [1] => u32::from_le_bytes(*take(&mut rest)?),
        _ => return None,
    };
    let number = u64::from_le_bytes(*take(&mut rest)?);
    if count > MOST_ITEMS {
        return None;
    }
    let items = rest;
    for _ in 0..count {
        let [2, _, 0] = *take::<3>(&mut rest)? else { return None };
        take::<8>(&mut rest)?;
        let key = usize::from(u16::from_le_bytes(*take(&mut rest)?));
        take::<4>(&mut rest)?;
        let value = usize::try_from(u32::from_le_bytes(*take(&mut rest)?)).ok()?;
        rest = rest.get(key.checked_add(value)?..)?;
    }
    let items = &items[..items.len() - rest.len()];
    let [3] = *take::<1>(&mut rest)? else { return None };
    let sum = u64::from_le_bytes(*take(&mut rest)?);
    let is_whole = take(&mut rest)? == TRAILER && xxh3_64(items) == sum;
    is_whole.then(|| (bytes.len() - rest.len(), number))
}

fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(first)
}

#[cfg(test)]
mod tests {
    use fjall::{Database, KeyspaceCreateOptions, PersistMode};

    use super::*;

    /// A journal as the crate writes it; a release that writes another one fails here.
    fn journal() -> (tempfile::TempDir, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let db = Database::builder(folder.path()).open().unwrap();
        let records = db.keyspace("records", KeyspaceCreateOptions::default).unwrap();
        for number in 0..20_u8 {
            let mut batch = db.batch().durability(Some(PersistMode::SyncData));
            batch.insert(&records, [number], vec![number; 40]);
            batch.insert(&records, [number, 1], b"\x01\x02".repeat(usize::from(number)));
            batch.remove(&records, [number, 1]);
            batch.commit().unwrap();
        }
        drop((records, db));
        let bytes = std::fs::read(folder.path().join("0.jnl")).unwrap();
        (folder, bytes)
    }

    #[test]
    fn what_the_crate_writes_is_understood() {
        let (_folder, bytes) = journal();
        let found = find(&bytes);
        let last = found.whole.last().unwrap().end;
        assert_eq!((found.whole.len(), &found.broken[..], found.end), (20, &[][..], last..last));
        assert_eq!(&bytes[..3], b"\x01\x03\0");
    }

    #[test]
    fn batches_around_damage_are_kept_and_replayed() {
        let (folder, bytes) = journal();
        let whole = find(&bytes).whole;
        // The tag, the number (once low, once high), an item, the trailer, the checksum.
        let (first, middle, last) = (whole[0].start, &whole[7], &whole[18]);
        for place in [
            first,
            first + 12,
            middle.start + 5,
            middle.start + 12,
            middle.start + 30,
            last.end - 1,
            last.end - 10,
        ] {
            let mut damaged = bytes.clone();
            damaged[place] ^= 0x55;
            std::fs::write(folder.path().join("0.jnl"), &damaged).unwrap();
            salvage(folder.path()).unwrap();
            assert_eq!(std::fs::read(folder.path().join("0.jnl.damaged")).unwrap(), damaged);
            let db = Database::builder(folder.path()).open().unwrap();
            let records = db.keyspace("records", KeyspaceCreateOptions::default).unwrap();
            assert_eq!(records.iter().count(), 19, "{place}");
            drop((records, db));
        }
    }

    #[test]
    fn a_torn_end_is_cut_off() {
        let (folder, bytes) = journal();
        let whole = find(&bytes).whole;
        let (before, last) = (whole[18].end, whole[19].clone());
        let cut = [last.start + 1, last.start + 20, last.end - 1].map(|torn| bytes[..torn].to_vec());
        // As a file system may leave it: the end is written, the middle is not.
        let holed = [last.start + 1, last.start + 20].map(|hole| {
            let mut bytes = bytes.clone();
            bytes[hole..last.end - 5].fill(0);
            bytes
        });
        for torn in cut.into_iter().chain(holed) {
            std::fs::write(folder.path().join("0.jnl"), torn).unwrap();
            salvage(folder.path()).unwrap();
            assert_eq!(std::fs::read(folder.path().join("0.jnl")).unwrap().len(), before);
        }
    }
}
