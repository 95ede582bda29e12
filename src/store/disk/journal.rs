//! The journal: what is written stays written. A key-value store on disk that logs before it writes, and beside it a
//! mark that says how far it was written, so that an end that went missing does not pass for the end.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use log::{error, warn};

use super::folder::{private_file, private_folder};
use super::past::Past;
use super::reading;
use super::salvage::salvage;

/// The key of the number of the last change.
const LAST: &[u8] = b"last";

/// What is kept in memory until it is written to tables, in bytes. Replaying so much takes well under a second.
const MEMTABLE: u64 = 16 << 20;

/// Largest log, in bytes; the least that the crate takes.
const LOG: u64 = 64 << 20;

/// The cache for reading, in bytes. All is read once, at the start.
const CACHE: u64 = 4 << 20;

/// What tables may grow by, in bytes, besides doubling, before they are rewritten without what was replaced.
const GROWTH: u64 = 128 << 20;

/// Writes after which that is looked at.
const LOOK: u32 = 128;

/// What is to be under a key: a record behind its head.
#[derive(Debug)]
pub(super) struct Put {
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
}

/// An open journal.
pub(super) struct Journal {
    database: Database,
    records: Keyspace,
    mark: Mark,
    last: u64,
    writes: u32,
    past: Past,
    tidying: Arc<Tidying>,
}

/// Tables are rewritten by a thread of its own, while others write on.
#[derive(Default)]
struct Tidying {
    is_on: AtomicBool,
    /// What tables took when they were last rewritten, in bytes.
    least: AtomicU64,
}

impl Journal {
    /// Opens the journal in a folder, and repairs it if it has to.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub(super) fn open(folder: &Path, past: &Past) -> Result<Self, String> {
        let (mark, marked) = Mark::open(folder).map_err(|error| format!("mark: {error}"))?;
        let path = folder.join("journal");
        Self::prepare(&path, marked).map_err(|error| format!("{}: {error}", path.display()))?;
        let open = || {
            let database = Database::builder(&path)
                // One is to be free to flush while the other compacts: writers wait for flushes.
                .worker_threads(2)
                .cache_size(CACHE)
                .max_journaling_size(LOG)
                .manual_journal_persist(true)
                .with_compaction_filter_factories(Arc::new({
                    let past = past.clone();
                    move |_| Some(Arc::new(past.clone()))
                }))
                .open()?;
            let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE);
            let records = database.keyspace("records", options)?;
            Ok((database, records))
        };
        let (database, records) =
            open().map_err(|error: fjall::Error| format!("{}: {error}", path.display()))?;
        // If it is what is damaged, the records say how far they go.
        let last = records.get(LAST).ok().flatten();
        let last = last.and_then(|last| last.as_ref().try_into().ok()).map_or(0, u64::from_be_bytes);
        if let Some(marked) = marked.filter(|marked| *marked > last) {
            error!(
                "{} ends at change {last}, and change {marked} was written: {} changes are lost. Codes, counts and answers \
                 in them are forgotten",
                path.display(),
                marked - last
            );
        } else if marked.is_none() && last > 0 {
            warn!(
                "{} has no mark that can be read: nobody can tell whether its end is missing",
                path.display()
            );
        }
        let last = last.max(marked.unwrap_or(0));
        Ok(Self { database, records, mark, last, writes: 0, past: past.clone(), tidying: Arc::default() })
    }

    /// Makes the folder fit to be opened.
    fn prepare(path: &Path, marked: Option<u64>) -> io::Result<()> {
        private_folder(path)?;
        let is_empty = path.read_dir()?.next().is_none();
        match std::fs::read(path.join("version")) {
            Ok(version) if version == b"FJL\x03" => salvage(path),
            // The journal itself says what is wrong with it.
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && is_empty => Ok(()),
            // Stopped while it was made: nothing was written yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound && marked.unwrap_or(0) == 0 => {
                // Or so it seems: what it had been is kept aside.
                let aside = path.with_extension("damaged");
                let _ = std::fs::remove_dir_all(&aside);
                std::fs::rename(path, &aside)?;
                error!("{} has no version, and is set aside as {}", path.display(), aside.display());
                private_folder(path)
            }
            Err(error) => Err(error),
        }
    }

    /// The number of the last change that was ever written.
    pub(super) const fn last(&self) -> u64 {
        self.last
    }

    /// Reads all that is there, as [`reading::read`] does.
    ///
    /// # Errors
    /// What is damaged; all that can be read has been.
    pub(super) fn read(&self, middle: &[u8], each: impl Fn(&[u8], &[u8]) + Sync) -> Result<(), String> {
        reading::read(&self.records, middle, |key, value| {
            if key != LAST {
                each(key, value);
            }
        })
    }

    /// Writes what several changes come to, all of it or nothing; `last` is the number of the last of them. It is on disk
    /// when this returns.
    pub(super) fn write<'a>(&mut self, puts: impl Iterator<Item = &'a Put>, last: u64) -> Result<(), String> {
        let mut batch = self.database.batch();
        for Put { key, value } in puts {
            batch.insert(&self.records, &**key, &**value);
        }
        batch.insert(&self.records, LAST, last.to_be_bytes());
        let batch = batch.durability(Some(PersistMode::SyncData));
        batch.commit().map_err(|error| error.to_string())?;
        self.last = last;
        self.mark.set(last);
        self.writes += 1;
        if self.past.is_a_burden() || (self.writes.is_multiple_of(LOOK) && self.has_grown()) {
            self.tidy();
        }
        Ok(())
    }

    /// Whether tables have grown since they were last rewritten.
    fn has_grown(&self) -> bool {
        let least = self.tidying.least.load(Ordering::Relaxed);
        self.records.disk_space() >= least.saturating_mul(2).saturating_add(GROWTH)
    }

    /// Has tables rewritten that hold much that was replaced or is past. Left to itself the crate does that late: what is
    /// short-lived is pushed down, level by level.
    fn tidy(&mut self) {
        if self.tidying.is_on.swap(true, Ordering::Relaxed) {
            return;
        }
        let (records, tidying) = (self.records.clone(), Arc::clone(&self.tidying));
        let (past, overdue) = (self.past.clone(), self.past.records());
        let work = move || {
            if let Err(error) = records.major_compact() {
                // What it has written until then takes room until the next start, and would again: it stays on.
                error!("the journal cannot be compacted, and will not be until the next start: {error}");
                return;
            }
            past.were_left_out(overdue);
            tidying.least.store(records.disk_space(), Ordering::Relaxed);
            tidying.is_on.store(false, Ordering::Relaxed);
        };
        if let Err(error) = std::thread::Builder::new().name("compaction".to_owned()).spawn(work) {
            warn!("the journal cannot be compacted: {error}");
            self.tidying.is_on.store(false, Ordering::Relaxed);
        }
    }
}

/// How far the journal was written. It is written behind the journal, so that it never runs ahead of it, and not flushed:
/// after a power cut it may lag, and then sees less.
struct Mark(File);

impl Mark {
    fn open(folder: &Path) -> io::Result<(Self, Option<u64>)> {
        let path: PathBuf = folder.join("mark");
        let mut file = private_file(OpenOptions::new().create(true).truncate(false), &path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let number = |part: &[u8]| part.try_into().ok().map(u64::from_be_bytes);
        let marked =
            bytes.split_at_checked(8).and_then(|(mark, check)| Some((number(mark)?, number(check)?)));
        Ok((Self(file), marked.filter(|(mark, check)| *mark == !check).map(|(mark, _)| mark)))
    }

    fn set(&mut self, last: u64) {
        let bytes = [last.to_be_bytes(), (!last).to_be_bytes()].concat();
        // A mark that lags costs a check at the next start, and nothing else.
        let _ = self.0.rewind().and_then(|()| self.0.write_all(&bytes));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::os::unix::fs::FileExt as _;
    use std::sync::Mutex;

    use super::*;
    use crate::clock::Timestamp;
    use crate::store::record::Head;

    fn names(journal: &Journal) -> (BTreeSet<String>, Result<(), String>) {
        let names = Mutex::new(BTreeSet::new());
        let read = journal.read(b"s1", |name, _| {
            names.lock().unwrap().insert(String::from_utf8_lossy(name).into_owned());
        });
        (names.into_inner().unwrap(), read)
    }

    #[test]
    fn what_lies_around_damage_is_read() {
        // In quarters of the largest table.
        for damaged in [&[2][..], &[1, 3]] {
            what_lies_around_is_read(damaged);
        }
    }

    fn what_lies_around_is_read(damaged: &[u64]) {
        const RECORDS: u64 = 2_000;
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path(), &Past::default()).unwrap();
        for first in (0..RECORDS).step_by(100) {
            let put = |number: u64| Put { key: format!("s{number:04}").into(), value: vec![7; 10_000] };
            let puts: Vec<_> = (first..first + 100).map(put).collect();
            journal.write(puts.iter(), first + 100).unwrap();
        }
        drop(journal);
        // What was in memory is written to a table.
        drop(Journal::open(folder.path(), &Past::default()).unwrap());
        let mut tables: Vec<_> = std::fs::read_dir(folder.path().join("journal/keyspaces"))
            .unwrap()
            .map(|keyspace| keyspace.unwrap().path().join("tables"))
            .flat_map(|tables| tables.read_dir().into_iter().flatten())
            .map(|table| table.unwrap().path())
            .collect();
        tables.sort_by_key(|table| table.metadata().unwrap().len());
        let largest = tables.last().unwrap();
        let quarter = largest.metadata().unwrap().len() / 4;
        assert!(quarter > 1 << 19, "{tables:?}");
        for quarters in damaged {
            let table = OpenOptions::new().write(true).open(largest).unwrap();
            table.write_all_at(b"garbage", quarters * quarter).unwrap();
        }
        let journal = Journal::open(folder.path(), &Past::default()).unwrap();
        let (names, read) = names(&journal);
        assert!(read.is_err());
        let least = RECORDS - 10 * damaged.len() as u64;
        assert!((least..RECORDS).contains(&(names.len() as u64)), "{}", names.len());
    }

    #[test]
    fn what_is_past_is_left_out_when_tables_are_rewritten() {
        let folder = tempfile::tempdir().unwrap();
        let past = Past::default();
        let at = |millis| Timestamp::from_millis(millis);
        let put = |name: &str, forget_at| {
            let value = Head { forget_at, ..Head::default() }.join(&7).unwrap();
            Put { key: name.into(), value }
        };
        let rewritten = |journal: &Journal| {
            journal.records.rotate_memtable_and_wait().unwrap();
            journal.records.major_compact().unwrap();
        };
        let names = |journal: &Journal| {
            let (names, read) = names(journal);
            read.unwrap();
            Vec::from_iter(names)
        };
        let mut journal = Journal::open(folder.path(), &past).unwrap();
        // Two records are written again, the one to be kept for longer, the other for less.
        for (number, records) in [
            (1, [("a", 10), ("b", 20), ("c", 10), ("d", 99)]),
            (2, [("c", 20), ("d", 10), ("e", 10), ("f", 11)]),
        ] {
            let puts = records.map(|(name, until)| put(name, at(until)));
            journal.write(puts.iter(), number).unwrap();
            rewritten(&journal);
        }
        assert_eq!(names(&journal), ["a", "b", "c", "d", "e", "f"], "nothing is swept");
        past.reaches(at(10), 3, 3);
        rewritten(&journal);
        assert_eq!(names(&journal), ["b", "c", "f"]);
        drop(journal);
        let mut journal = Journal::open(folder.path(), &Past::default()).unwrap();
        assert_eq!((names(&journal).join(""), journal.last()), ("bcf".to_owned(), 2));
        // What comes again under a name that was forgotten is there.
        journal.write([put("d", at(30))].iter(), 3).unwrap();
        rewritten(&journal);
        assert_eq!(names(&journal), ["b", "c", "d", "f"]);
    }
}
