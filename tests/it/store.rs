//! What every store must do. Each store runs the same checks.

use std::sync::Arc;
use std::time::Duration;

use botkit_otp::address::{Destination, Email};
use botkit_otp::botkit::BotId;
use botkit_otp::clock::Timestamp;
use botkit_otp::config::Loaded;
use botkit_otp::dialog::{Session, SessionKey};
use botkit_otp::otp::{Account, AccountId, Accounts, Authority, Challenge, Payers, Ticket};
use botkit_otp::store::{Change, Commit, Disk, Flush, Memory, Snapshot, Store, Version, Write};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::support::NOW;

/// A store, and how to make it forget all that is past its time.
pub(crate) struct Subject {
    pub(crate) store: Arc<dyn Store>,
    /// Makes the store forget what it would in two days.
    pub(crate) age: Box<dyn Fn() + Send + Sync>,
}

pub(crate) fn key(session: &str) -> SessionKey {
    SessionKey::new(&BotId::parse("st-1").unwrap(), session)
}

fn authority(rng: &mut StdRng) -> Authority {
    let file = tempfile::NamedTempFile::new().unwrap();
    let config = Loaded::read(Some(file.path()), &std::collections::BTreeMap::new()).unwrap().config;
    config.otp.authority(config.limits.budgets(), rng).unwrap()
}

pub(crate) fn session(seed: u64, now: Timestamp) -> Arc<Session> {
    let mut rng = StdRng::seed_from_u64(seed);
    let authority = authority(&mut rng);
    let to = Destination::Email(Email::parse("mira@example.com").unwrap());
    let (challenge, _) = Challenge::send(None, to, &authority, "s", now, &mut rng).unwrap();
    let mut session = Session::default();
    session.challenge = Some(challenge);
    Arc::new(session)
}

/// An account that has sent so many codes.
pub(crate) fn account(sends: usize) -> Account {
    let budgets = authority(&mut StdRng::seed_from_u64(1)).budgets;
    let payers = Payers { destination: account_id(1), user: None };
    (0..sends).fold(Account::default(), |account, _| {
        let known = [(account_id(1), Arc::new(account))].into_iter().collect::<Accounts>();
        budgets.send(payers, &known, NOW).unwrap().pop().unwrap().1
    })
}

pub(crate) fn account_id(number: u8) -> AccountId {
    AccountId::from([number; 16])
}

pub(crate) fn change(session: &str, seen: Option<Version>, value: Arc<Session>) -> Change {
    let session = Some(Write { key: key(session), seen, value });
    Change { at: NOW, session, accounts: Vec::new(), ticket: None }
}

pub(crate) async fn load(store: &dyn Store, session: &str, accounts: &[AccountId]) -> Snapshot {
    store.load(&key(session), accounts).await.unwrap()
}

/// Writes a session; `None` if somebody was first.
pub(crate) async fn write(
    store: &dyn Store,
    session: &str,
    seen: Option<Version>,
    value: Arc<Session>,
) -> Option<Version> {
    match store.commit(change(session, seen, value)).await.unwrap() {
        Commit::Done(version) => Some(version),
        Commit::Raced => None,
        Commit::SoldOut => panic!("nothing was sold"),
    }
}

async fn keeps_what_it_is_given(Subject { store, .. }: &Subject) {
    assert!(load(&**store, "a", &[]).await.session.is_none());
    let version = write(&**store, "a", None, session(1, NOW)).await;
    let stored = load(&**store, "a", &[]).await.session.unwrap();
    assert_eq!((&*stored.value, Some(stored.version)), (&*session(1, NOW), version));
    assert!(load(&**store, "b", &[]).await.session.is_none());
    // Keys of any kind.
    for strange in ["", "a b\n\r\0*{}", "ü/日本", &"s".repeat(10_000)] {
        assert!(write(&**store, strange, None, session(2, NOW)).await.is_some(), "{strange:?}");
        assert!(load(&**store, strange, &[]).await.session.is_some());
    }
}

async fn lets_only_the_first_writer_win(Subject { store, .. }: &Subject) {
    let first = write(&**store, "c", None, session(1, NOW)).await;
    assert!(write(&**store, "c", None, session(2, NOW)).await.is_none(), "it is not absent any more");
    let second = write(&**store, "c", first, session(2, NOW)).await;
    assert!(second.is_some());
    assert!(write(&**store, "c", first, session(3, NOW)).await.is_none(), "the version is stale");
    assert_eq!(*load(&**store, "c", &[]).await.session.unwrap().value, *session(2, NOW));
    // The same content again is another version.
    assert!(write(&**store, "c", second, session(2, NOW)).await.is_some());
    assert!(write(&**store, "c", second, session(4, NOW)).await.is_none());
}

async fn knows_a_stale_version_after_deletion(Subject { store, age }: &Subject) {
    let seen = write(&**store, "d", None, session(1, NOW)).await;
    age();
    assert!(write(&**store, "d", seen, session(2, NOW)).await.is_none(), "it was deleted");
    assert!(write(&**store, "d", None, session(1, NOW)).await.is_some());
    assert!(write(&**store, "d", seen, session(4, NOW)).await.is_none(), "it is another one");
}

async fn finds_the_session_of_a_challenge(Subject { store, age }: &Subject) {
    let id = |seed| session(seed, NOW).challenge.as_ref().unwrap().id;
    assert_eq!(store.owner(id(21)).await.unwrap(), None);
    let seen = write(&**store, "g", None, session(21, NOW)).await;
    assert_eq!(store.owner(id(21)).await.unwrap(), Some(key("g")));
    // What was not written is not found, and a challenge that was replaced is not found any more.
    write(&**store, "g", None, session(22, NOW)).await;
    assert_eq!(store.owner(id(22)).await.unwrap(), None);
    write(&**store, "g", seen, session(23, NOW)).await;
    let owners = (store.owner(id(21)).await.unwrap(), store.owner(id(23)).await.unwrap());
    assert_eq!(owners, (None, Some(key("g"))));
    age();
    assert_eq!(store.owner(id(23)).await.unwrap(), None);
}

async fn counts_every_write_of_many(Subject { store, .. }: &Subject) {
    let writers = (0..64).map(|number| {
        let store = Arc::clone(store);
        tokio::spawn(async move { write(&*store, "f", None, session(number, NOW)).await.is_some() })
    });
    let won = futures_util::future::join_all(writers).await;
    assert_eq!(won.into_iter().filter(|won| *won.as_ref().unwrap()).count(), 1);
}

async fn writes_session_and_accounts_together_or_not_at_all(Subject { store, .. }: &Subject) {
    let spend =
        |number, seen, sends| Write { key: account_id(number), seen, value: Arc::new(account(sends)) };
    let both = [account_id(1), account_id(2)];
    let commit = |accounts: Vec<Write<AccountId, Account>>, seen| {
        let change = Change { accounts, ..change("h", seen, session(31, NOW)) };
        async move { store.commit(change).await.unwrap() }
    };
    assert!(load(&**store, "h", &both).await.accounts.is_empty());
    let Commit::Done(first) = commit(vec![spend(1, None, 1), spend(2, None, 2)], None).await else {
        panic!("nobody else is there")
    };
    let snapshot = load(&**store, "h", &both).await;
    let own = session(31, NOW).challenge.as_ref().unwrap().account;
    assert!(snapshot.version_of(own).is_none(), "the session's own account is looked for, and is empty");
    let accounts = snapshot.accounts();
    assert_eq!(accounts.find(account_id(1)), Some(&account(1)));
    assert_eq!(accounts.find(account_id(2)), Some(&account(2)));
    // One of the accounts has moved on: neither the session nor the other account changes.
    let (one, two) = (snapshot.version_of(account_id(1)), snapshot.version_of(account_id(2)));
    let alone = Change { at: NOW, session: None, accounts: vec![spend(2, two, 3)], ticket: None };
    assert!(matches!(store.commit(alone).await.unwrap(), Commit::Done(_)));
    assert_eq!(commit(vec![spend(1, one, 2), spend(2, two, 4)], Some(first)).await, Commit::Raced);
    let after = load(&**store, "h", &both).await;
    assert_eq!((after.session.as_ref().unwrap().version, after.version_of(account_id(1))), (first, one));
    assert_eq!(after.accounts().find(account_id(2)), Some(&account(3)));
    // The session has moved on: no account changes.
    let two = after.version_of(account_id(2));
    let stale = Some(Version(u64::MAX));
    assert_eq!(commit(vec![spend(2, two, 4)], stale).await, Commit::Raced);
    assert_eq!(load(&**store, "h", &both).await.accounts().find(account_id(2)), Some(&account(3)));
}

async fn loads_the_account_of_the_sessions_own_challenge(Subject { store, .. }: &Subject) {
    let session = session(41, NOW);
    let own = session.challenge.as_ref().unwrap().account;
    let accounts = vec![Write { key: own, seen: None, value: Arc::new(account(1)) }];
    let change = Change { accounts, ..change("i", None, session) };
    assert!(matches!(store.commit(change).await.unwrap(), Commit::Done(_)));
    for asked in [&[][..], &[own][..], &[account_id(9), own][..]] {
        let snapshot = load(&**store, "i", asked).await;
        assert_eq!(snapshot.accounts().find(own), Some(&account(1)), "{asked:?}");
    }
}

async fn sells_so_many_tickets_and_no_more(Subject { store, age }: &Subject) {
    let ticket =
        |pool: &str| Ticket { pool: pool.into(), most: 5, until: NOW.after(Duration::from_hours(1)) };
    let buy = |number: u64, pool: &str| {
        let ticket = Some(ticket(pool));
        let change = Change { ticket, ..change(&format!("j{pool}{number}"), None, session(number, NOW)) };
        let store = Arc::clone(store);
        tokio::spawn(async move { store.commit(change).await.unwrap() })
    };
    let sold = futures_util::future::join_all((0..64).map(|number| buy(number, "p"))).await;
    let done = sold.iter().filter(|commit| matches!(commit.as_ref().unwrap(), Commit::Done(_))).count();
    assert_eq!((done, sold.len()), (5, 64));
    for number in 0..64 {
        let written = load(&**store, &format!("jp{number}"), &[]).await.session.is_some();
        let sold = matches!(sold[usize::try_from(number).unwrap()].as_ref().unwrap(), Commit::Done(_));
        assert_eq!(written, sold, "no ticket, no session");
    }
    store.give_back(&ticket("p")).await.unwrap();
    assert!(matches!(buy(100, "p").await.unwrap(), Commit::Done(_)));
    assert_eq!(buy(101, "p").await.unwrap(), Commit::SoldOut);
    assert!(matches!(buy(102, "q").await.unwrap(), Commit::Done(_)), "another pool");
    // A lost race takes no ticket.
    let stale = Change { ticket: Some(ticket("r")), ..change("jr", Some(Version(7)), session(1, NOW)) };
    assert_eq!(store.commit(stale).await.unwrap(), Commit::Raced);
    for number in 0..5 {
        assert!(matches!(buy(number, "r").await.unwrap(), Commit::Done(_)));
    }
    age();
    assert!(matches!(buy(103, "p").await.unwrap(), Commit::Done(_)), "the pool is over");
}

async fn counts_an_account_exactly_under_parallel_writes(Subject { store, .. }: &Subject) {
    let budgets = authority(&mut StdRng::seed_from_u64(1)).budgets;
    let cap = usize::from(budgets.destination.sends_per_hour);
    let id = account_id(50);
    let charge = |number: u64| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            let name = format!("k{number}");
            loop {
                let snapshot = load(&*store, &name, &[id]).await;
                let payers = Payers { destination: id, user: None };
                let Ok(charges) = budgets.send(payers, &snapshot.accounts(), NOW) else { return false };
                let write = |(id, account)| Write {
                    key: id,
                    seen: snapshot.version_of(id),
                    value: Arc::new(account),
                };
                let accounts = charges.into_iter().map(write).collect();
                let change = Change { accounts, ..change(&name, None, session(number, NOW)) };
                if let Commit::Done(_) = store.commit(change).await.unwrap() {
                    return true;
                }
            }
        })
    };
    let sent = futures_util::future::join_all((0..40).map(charge)).await;
    assert_eq!(sent.into_iter().filter(|sent| *sent.as_ref().unwrap()).count(), cap);
}

async fn finds_sessions_that_are_wanted(Subject { store, .. }: &Subject) {
    for session in ["l*1", "l*2", "m*1"] {
        write(&**store, session, None, self::session(61, NOW)).await;
    }
    let find = |most| async move {
        let wanted = |key: &SessionKey, session: &Session| {
            key.session().starts_with("l*") && session.challenge.is_some()
        };
        let mut found = store.find(&wanted, most).await.unwrap();
        found.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        found
    };
    assert_eq!(find(10).await, [key("l*1"), key("l*2")]);
    assert_eq!(find(1).await.len(), 1);
}

/// All of it.
pub(crate) async fn every_store(subject: &Subject) {
    keeps_what_it_is_given(subject).await;
    lets_only_the_first_writer_win(subject).await;
    knows_a_stale_version_after_deletion(subject).await;
    finds_the_session_of_a_challenge(subject).await;
    counts_every_write_of_many(subject).await;
    writes_session_and_accounts_together_or_not_at_all(subject).await;
    loads_the_account_of_the_sessions_own_challenge(subject).await;
    sells_so_many_tickets_and_no_more(subject).await;
    counts_an_account_exactly_under_parallel_writes(subject).await;
    finds_sessions_that_are_wanted(subject).await;
}

async fn sweeps_what_is_long_over(store: &dyn Store) {
    write(store, "e", None, session(1, NOW)).await;
    let expired = NOW.after(Duration::from_mins(5));
    store.sweep(expired.after(Duration::from_mins(10)));
    assert!(load(store, "e", &[]).await.session.is_some(), "ten minutes after its expiry");
    store.sweep(expired.after(Duration::from_mins(20)));
    assert!(load(store, "e", &[]).await.session.is_none());
}

async fn sweeping_disturbs_nobody(store: Arc<dyn Store>, sessions: usize) {
    let (first, second) = (session(1, NOW), session(2, NOW));
    for number in 0..sessions {
        write(&*store, &number.to_string(), None, Arc::clone(&first)).await;
    }
    let sweeper = {
        let store = Arc::clone(&store);
        tokio::task::spawn_blocking(move || (0..200).fold(0, |_, _| store.sweep(NOW)))
    };
    for number in 0..sessions {
        let seen = load(&*store, &number.to_string(), &[]).await.session.unwrap().version;
        assert!(write(&*store, &number.to_string(), Some(seen), Arc::clone(&second)).await.is_some());
    }
    assert_eq!(sweeper.await.unwrap(), sessions);
}

async fn does_what_every_store_must(store: Arc<dyn Store>) {
    let aged = Arc::clone(&store);
    let age = Box::new(move || {
        aged.sweep(NOW.after(Duration::from_hours(48)));
    });
    every_store(&Subject { store, age }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_does_what_every_store_must() {
    does_what_every_store_must(Arc::new(Memory::default())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_swept() {
    sweeps_what_is_long_over(&Memory::default()).await;
    sweeping_disturbs_nobody(Arc::new(Memory::default()), 2_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_does_what_every_store_must() {
    for flush in [Flush::Always, Flush::Group] {
        let folder = tempfile::tempdir().unwrap();
        does_what_every_store_must(Arc::new(Disk::open(folder.path(), flush).unwrap())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_is_swept() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [one, other] = folders.each_ref().map(|folder| Disk::open(folder.path(), Flush::Always).unwrap());
    sweeps_what_is_long_over(&one).await;
    sweeping_disturbs_nobody(Arc::new(other), 200).await;
}
