//! What nobody can see from outside: a disk that is slow.

use std::time::Duration;

use super::*;
use crate::botkit::BotId;
use crate::dialog::Session;
use crate::store::Write;

/// A store whose disk has not begun to write.
fn idle(path: &Path) -> (Arc<Disk>, Journal) {
    let folder = Arc::new(Folder::open(path).unwrap());
    let journal = Journal::open(path, &Past::default()).unwrap();
    let queue = Arc::new(Queue::after(journal.last()));
    let disk = Disk { memory: Memory::default(), queue, folder, past: Past::default(), writer: None };
    (Arc::new(disk), journal)
}

fn key(session: &str) -> SessionKey {
    SessionKey::new(&BotId::parse("st-1").unwrap(), session)
}

fn change(session: &str) -> Change {
    let session = Some(Write { key: key(session), seen: None, value: Arc::new(Session::default()) });
    Change { at: Timestamp::from_millis(0), session, accounts: Vec::new(), ticket: None }
}

#[tokio::test]
async fn what_is_not_on_disk_is_told_to_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (disk, journal) = idle(folder.path());
    let committed = tokio::spawn({
        let disk = Arc::clone(&disk);
        async move { disk.commit(change("a")).await }
    });
    while disk.memory.sessions() == 0 {
        tokio::task::yield_now().await;
    }
    let loaded = tokio::spawn({
        let disk = Arc::clone(&disk);
        async move { disk.load(&key("a"), &[]).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!committed.is_finished() && !loaded.is_finished(), "the disk has nothing yet");
    assert!(disk.load(&key("b"), &[]).await.unwrap().session.is_none(), "others need not wait");
    let writer = std::thread::spawn({
        let (queue, folder) = (Arc::clone(&disk.queue), Arc::clone(&disk.folder));
        move || queue.write(&folder, &Past::default(), journal, Flush::Group)
    });
    assert_eq!(committed.await.unwrap().unwrap(), Commit::Done(Version(1)));
    assert_eq!(loaded.await.unwrap().unwrap().session.unwrap().version, Version(1));
    disk.queue.close();
    writer.join().unwrap();
    let error = disk.commit(change("c")).await.unwrap_err();
    assert_eq!(error.0, "nothing can be written to the disk");
}

#[tokio::test]
async fn more_than_can_wait_is_refused_at_once_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (disk, _journal) = idle(folder.path());
    while disk.queue.push(Vec::new()).is_ok() {}
    let error = disk.commit(change("a")).await.unwrap_err();
    assert_eq!(error.0, "8192 changes wait for the disk");
    assert!(disk.load(&key("a"), &[]).await.unwrap().session.is_none());
}
