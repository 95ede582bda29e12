//! The store on disk: what outlives a process, damage, a disk that is full, and folders that are not ours.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use botkit_otp::otp::Ticket;
use botkit_otp::store::{Change, Commit, Disk, Flush, Store as _, Write};
use botkit_otp::telemetry::Stopwatch;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use secrecy::ExposeSecret as _;

use crate::program::{Running, program, said};
use crate::store::{account, account_id, change, key, load, session, write};
use crate::support::NOW;

/// A program that another test is just starting holds our lock, too, until it runs.
fn open(path: &Path) -> Disk {
    let started = Stopwatch::start();
    loop {
        match Disk::open(path, Flush::Always) {
            Err(problem)
                if problem.contains("another process uses") && started.elapsed() < Duration::from_secs(5) =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            opened => return opened.unwrap(),
        }
    }
}

fn refused(path: &Path) -> String {
    Disk::open(path, Flush::Always).unwrap_err()
}

/// The folder as a power cut would leave it: a copy that is taken while the store is open.
fn image(path: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let status =
        Command::new("cp").args(["-a", "--sparse=always"]).arg(path.join(".")).arg(copy.path()).status();
    assert!(status.unwrap().success());
    copy
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let ticket = || Ticket { pool: "p".into(), most: 3, until: NOW.after(Duration::from_hours(1)) };
    let store = open(folder.path());
    let seen = write(&store, "a", None, session(1, NOW)).await;
    let version = write(&store, "a", seen, session(2, NOW)).await;
    let accounts = vec![Write { key: account_id(7), seen: None, value: Arc::new(account(3)) }];
    let sold = Change { accounts, ticket: Some(ticket()), ..change("b", None, session(3, NOW)) };
    assert!(matches!(store.commit(sold).await.unwrap(), Commit::Done(_)));
    for number in 0..3 {
        let sold = Change { ticket: Some(ticket()), ..change(&format!("c{number}"), None, session(4, NOW)) };
        let commit = store.commit(sold).await.unwrap();
        assert_eq!(matches!(commit, Commit::Done(_)), number < 2);
    }
    let crashed = image(folder.path());
    drop(store);
    for path in [folder.path(), crashed.path()] {
        let store = open(path);
        let snapshot = load(&store, "a", &[account_id(7)]).await;
        let stored = snapshot.session.clone().unwrap();
        assert_eq!((&*stored.value, Some(stored.version)), (&*session(2, NOW), version));
        assert_eq!(snapshot.accounts().find(account_id(7)), Some(&account(3)));
        let owner = |seed| session(seed, NOW).challenge.as_ref().unwrap().id;
        assert_eq!(store.owner(owner(2)).await.unwrap(), Some(key("a")));
        assert_eq!(store.owner(owner(1)).await.unwrap(), None);
        let full = Change { ticket: Some(ticket()), ..change("d", None, session(5, NOW)) };
        assert_eq!(store.commit(full).await.unwrap(), Commit::SoldOut);
        // Versions go on where they were.
        assert!(write(&store, "a", seen, session(6, NOW)).await.is_none());
        assert!(write(&store, "a", version, session(6, NOW)).await.unwrap() > stored.version);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_swept_and_comes_back_is_swept_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path()));
    let writes = (0..200).map(|number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let accounts = vec![Write { key: account_id(number), seen: None, value: Arc::new(account(1)) }];
            let change = Change { accounts, ..change(&format!("{number}"), None, session(1, NOW)) };
            assert!(matches!(store.commit(change).await.unwrap(), Commit::Done(_)));
        })
    });
    let done = futures_util::future::join_all(writes).await;
    assert!(done.into_iter().all(|done| done.is_ok()));
    assert_eq!(store.sweep(NOW), 200);
    let later = NOW.after(Duration::from_hours(48));
    assert_eq!(store.sweep(later), 0);
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.sweep(later), 0);
    assert!(load(&store, "7", &[account_id(7)]).await.accounts.is_empty());
}

/// The journal's file that is written to, and how far it is written.
fn journal(folder: &Path) -> (PathBuf, u64) {
    let files = folder.join("journal").read_dir().unwrap().map(|entry| entry.unwrap().path());
    let file =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "jnl")).max().unwrap();
    let mut bytes = Vec::new();
    File::open(&file).unwrap().read_to_end(&mut bytes).unwrap();
    // Behind it there are megabytes of zeros.
    let page = bytes.chunks(4096).rposition(|page| page != [0; 4096]).unwrap() * 4096;
    let end = page + bytes[page..].iter().take(4096).rposition(|byte| *byte != 0).unwrap() + 1;
    (file, end.try_into().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_journal_is_read_as_far_as_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut ends = Vec::new();
    for number in 0..20 {
        write(&store, &number.to_string(), None, session(number, NOW)).await.unwrap();
        ends.push(journal(folder.path()).1);
    }
    let mut rng = StdRng::seed_from_u64(1);
    for _ in 0..20 {
        let copy = image(folder.path());
        let (file, end) = journal(copy.path());
        let torn = rng.random_range(ends[0]..end);
        OpenOptions::new().write(true).open(file).unwrap().set_len(torn).unwrap();
        let store = open(copy.path());
        for (number, end) in ends.iter().enumerate() {
            let stored = load(&store, &number.to_string(), &[]).await.session;
            let seed = u64::try_from(number).unwrap();
            assert_eq!(stored.is_some(), *end <= torn, "{number} of {torn}");
            assert!(stored.is_none_or(|stored| *stored.value == *session(seed, NOW)));
        }
        // It goes on, and what comes is kept.
        write(&store, "new", None, session(1, NOW)).await.unwrap();
        drop(store);
        assert!(load(&open(copy.path()), "new", &[]).await.session.is_some());
    }
}

const DEV: &str = "[dev]\nenabled = true\n[store]\nkind = \"disk\"\n";

fn configured() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("botkit-otp.toml"), DEV).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_records_are_said_aloud() {
    let folder = configured();
    let data = folder.path().join("data");
    let store = open(&data);
    for number in 0..20 {
        write(&store, &number.to_string(), None, session(number, NOW)).await.unwrap();
    }
    let whole = image(&data);
    drop(store);
    let quiet = Running::start(&mut program(&folder)).log.clone();
    assert!(!quiet.contains("ERROR") && quiet.contains("20 sessions in data"), "{quiet}");
    for (is_cut, complaints) in [
        (false, &["is damaged, places: 1,", "19 sessions in data"][..]),
        (true, &["changes are lost", "ends at change"][..]),
    ] {
        std::fs::remove_dir_all(&data).unwrap();
        assert!(Command::new("cp").arg("-a").arg(whole.path()).arg(&data).status().unwrap().success());
        let (file, end) = journal(&data);
        let mut file = OpenOptions::new().write(true).open(file).unwrap();
        if is_cut {
            file.set_len(end / 2).unwrap();
        } else {
            file.seek(SeekFrom::Start(end / 2)).unwrap();
            file.write_all(b"garbage").unwrap();
        }
        let log = Running::start(&mut program(&folder)).log.clone();
        for complaint in complaints {
            assert!(log.contains(complaint) && log.contains(" ERROR "), "{log}");
        }
        // Once is enough: the next start has nothing to say.
        let log = Running::start(&mut program(&folder)).log.clone();
        assert!(!log.contains(" ERROR ") || is_cut, "{log}");
    }
}

#[test]
fn folders_of_others_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.tex"), "years of work").unwrap();
    let complaint = refused(folder.path());
    assert!(
        complaint.contains("which holds files of something else; name a folder that is empty"),
        "{complaint}"
    );
    assert_eq!(folder.path().read_dir().unwrap().count(), 1, "nothing was put there");
    let complaint = refused(&folder.path().join("thesis.tex"));
    assert!(complaint.contains("thesis.tex, which cannot be used"), "{complaint}");
    assert!(refused(Path::new("")).starts_with("is empty; name a folder"));
    // A new file system is not empty.
    let mount = tempfile::tempdir().unwrap();
    std::fs::create_dir(mount.path().join("lost+found")).unwrap();
    drop(open(mount.path()));
    for format in [1, 3] {
        std::fs::write(mount.path().join("format"), format!("botkit-otp store {format}\n")).unwrap();
        assert!(refused(mount.path()).contains("which another release wrote"));
    }
}

#[test]
fn a_journal_that_cannot_be_read_is_no_empty_one() {
    let folder = configured();
    let data = folder.path().join("data");
    drop(open(&data));
    std::fs::write(data.join("journal/version"), "FJL\x09").unwrap();
    let output = program(&folder).output().unwrap();
    let complaint = said(&output);
    assert!(!output.status.success(), "{complaint}");
    assert!(complaint.contains("error: default: store.path is data, which cannot be read ("), "{complaint}");
    assert!(complaint.contains("restore it from a copy, or move it away"), "{complaint}");
}

#[test]
fn a_second_process_is_refused() {
    let folder = configured();
    let mut running = Running::start(&mut program(&folder));
    let output = program(&folder).output().unwrap();
    assert!(
        !output.status.success()
            && said(&output).contains("error: default: store.path is data, which another")
    );
    // A look at the configuration disturbs nobody.
    assert!(program(&folder).arg("check").output().unwrap().status.success());
    running.kill();
    Running::start(&mut program(&folder));
}

#[test]
fn dev_mode_leaves_no_files_unless_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    drop(Running::start(&mut program(&folder)));
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    drop(Running::start(program(&folder).env("BOTKIT_OTP_STORE__PATH", "kept")));
    assert!(folder.path().join("kept/journal").is_dir());
}

#[test]
fn secrets_are_made_once_and_for_their_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let mut rng = StdRng::seed_from_u64(1);
    let store = open(&path);
    let secret = store.folder().unwrap().secret("otp", &mut rng).unwrap();
    let other = store.folder().unwrap().secret("proof", &mut rng).unwrap();
    assert!(secret.expose_secret().len() == 44 && secret.expose_secret() != other.expose_secret());
    drop(store);
    let store = open(&path);
    let again = store.folder().unwrap().secret("otp", &mut rng).unwrap();
    assert_eq!(again.expose_secret(), secret.expose_secret());
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&path), mode(&path.join("otp.key")), mode(&path.join("journal"))),
        (0o700, 0o600, 0o700)
    );
    // One that was lost is not replaced behind anybody's back.
    std::fs::write(path.join("otp.key"), "").unwrap();
    let complaint = store.folder().unwrap().secret("otp", &mut rng).unwrap_err();
    assert!(complaint.contains("otp.key, which is no secret of 32 characters or more"), "{complaint}");
}

/// A file system of its own, so small that it can be filled.
struct Small(tempfile::TempDir);

impl Small {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"])
            .arg(folder.path())
            .output();
        mount.is_ok_and(|mount| mount.status.success()).then_some(Self(folder))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_makes_the_store_unavailable_until_there_is_room() {
    let Some(small) = Small::mount() else {
        eprintln!("skipped: nothing can be mounted here");
        return;
    };
    let data = small.0.path().join("data");
    let store = open(&data);
    write(&store, "first", None, session(1, NOW)).await.unwrap();
    let ballast = small.0.path().join("ballast");
    let mut file = File::create(&ballast).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    let mut answered = 0;
    while answered < 100_000 {
        match store.commit(change(&answered.to_string(), None, session(2, NOW))).await {
            Ok(Commit::Done(_)) => answered += 1,
            Ok(lost) => panic!("{lost:?}"),
            Err(unavailable) => {
                assert_eq!(unavailable.0, "nothing can be written to the disk");
                break;
            }
        }
    }
    assert!(answered < 100_000, "it never got full");
    let started = Stopwatch::start();
    assert!(store.commit(change("more", None, session(2, NOW))).await.is_err());
    assert!(store.load(&key("first"), &[]).await.is_err(), "it does not say it is ready");
    assert!(started.elapsed() < Duration::from_millis(100), "nobody waits for it");
    drop(file);
    std::fs::remove_file(&ballast).unwrap();
    let started = Stopwatch::start();
    while store.load(&key("first"), &[]).await.is_err() {
        assert!(started.elapsed() < Duration::from_secs(10), "there is room again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    write(&store, "after", None, session(3, NOW)).await.unwrap();
    drop(store);
    let store = open(&data);
    let names = (0..answered).map(|number| number.to_string());
    for name in ["first", "after"].into_iter().map(str::to_owned).chain(names) {
        assert!(load(&store, &name, &[]).await.session.is_some(), "{name} was answered");
    }
}
