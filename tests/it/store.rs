//! What every store must do. More stores run the same checks.

use std::sync::Arc;
use std::time::Duration;

use botkit_otp::address::{Destination, Email};
use botkit_otp::botkit::BotId;
use botkit_otp::clock::Timestamp;
use botkit_otp::config::Loaded;
use botkit_otp::dialog::{Session, SessionKey};
use botkit_otp::otp::Challenge;
use botkit_otp::store::{Memory, Store};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::support::NOW;

fn key(session: &str) -> SessionKey {
    SessionKey::new(&BotId::parse("st-1").unwrap(), session)
}

fn session(seed: u64, now: Timestamp) -> Arc<Session> {
    let mut rng = StdRng::seed_from_u64(seed);
    let authority = Loaded::read(
        Some(tempfile::NamedTempFile::new().unwrap().path()),
        &std::collections::BTreeMap::new(),
    )
    .unwrap()
    .config
    .otp
    .authority(&mut rng)
    .unwrap();
    let to = Destination::Email(Email::parse("mira@example.com").unwrap());
    let (challenge, _) = Challenge::send(None, to, &authority, "s", now, &mut rng).unwrap();
    let mut session = Session::default();
    session.challenge = Some(challenge);
    Arc::new(session)
}

async fn keeps_what_it_is_given(store: &dyn Store) {
    assert!(store.load(&key("a")).await.unwrap().is_none());
    assert!(store.replace(&key("a"), None, session(1, NOW)).await.unwrap());
    let stored = store.load(&key("a")).await.unwrap().unwrap();
    assert_eq!(*stored.session, *session(1, NOW));
    assert!(store.load(&key("b")).await.unwrap().is_none());
}

async fn lets_only_the_first_writer_win(store: &dyn Store) {
    assert!(store.replace(&key("c"), None, session(1, NOW)).await.unwrap());
    assert!(!store.replace(&key("c"), None, session(2, NOW)).await.unwrap(), "it is not absent any more");
    let seen = store.load(&key("c")).await.unwrap().unwrap().version;
    assert!(store.replace(&key("c"), Some(seen), session(2, NOW)).await.unwrap());
    assert!(!store.replace(&key("c"), Some(seen), session(3, NOW)).await.unwrap(), "the version is stale");
    assert_eq!(*store.load(&key("c")).await.unwrap().unwrap().session, *session(2, NOW));
}

async fn knows_a_stale_version_after_deletion(store: &dyn Store) {
    assert!(store.replace(&key("d"), None, session(1, NOW)).await.unwrap());
    let seen = store.load(&key("d")).await.unwrap().unwrap().version;
    store.sweep(NOW.after(Duration::from_hours(48)));
    assert!(!store.replace(&key("d"), Some(seen), session(2, NOW)).await.unwrap(), "it was deleted");
    assert!(store.replace(&key("d"), None, session(3, NOW)).await.unwrap());
    assert!(!store.replace(&key("d"), Some(seen), session(4, NOW)).await.unwrap(), "it is another one");
}

async fn keeps_what_expired_for_a_while(store: &dyn Store) {
    assert!(store.replace(&key("e"), None, session(1, NOW)).await.unwrap());
    let expired = NOW.after(Duration::from_mins(5));
    store.sweep(expired.after(Duration::from_mins(10)));
    assert!(store.load(&key("e")).await.unwrap().is_some(), "ten minutes after its expiry");
    store.sweep(expired.after(Duration::from_mins(20)));
    assert!(store.load(&key("e")).await.unwrap().is_none());
}

async fn finds_the_session_of_a_challenge(store: &dyn Store) {
    let id = |seed| session(seed, NOW).challenge.as_ref().unwrap().id;
    assert_eq!(store.owner(id(21)).await.unwrap(), None);
    store.replace(&key("g"), None, session(21, NOW)).await.unwrap();
    assert_eq!(store.owner(id(21)).await.unwrap(), Some(key("g")));
    let seen = store.load(&key("g")).await.unwrap().unwrap().version;
    // What was not written is not found, and a challenge that was replaced is not found any more.
    store.replace(&key("g"), None, session(22, NOW)).await.unwrap();
    assert_eq!(store.owner(id(22)).await.unwrap(), None);
    store.replace(&key("g"), Some(seen), session(23, NOW)).await.unwrap();
    let owners = (store.owner(id(21)).await.unwrap(), store.owner(id(23)).await.unwrap());
    assert_eq!(owners, (None, Some(key("g"))));
    store.sweep(NOW.after(Duration::from_mins(10)));
    assert_eq!(store.owner(id(23)).await.unwrap(), Some(key("g")), "it is still known");
    store.sweep(NOW.after(Duration::from_hours(48)));
    assert_eq!(store.owner(id(23)).await.unwrap(), None);
}

async fn counts_every_write_of_many(store: Arc<dyn Store>) {
    let writers = (0..64).map(|number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.replace(&key("f"), None, session(number, NOW)).await.unwrap() })
    });
    let won = futures_util::future::join_all(writers)
        .await
        .into_iter()
        .filter(|won| *won.as_ref().unwrap())
        .count();
    assert_eq!(won, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_does_what_every_store_must() {
    let store: Arc<dyn Store> = Arc::new(Memory::default());
    keeps_what_it_is_given(&*store).await;
    lets_only_the_first_writer_win(&*store).await;
    knows_a_stale_version_after_deletion(&*store).await;
    keeps_what_expired_for_a_while(&*store).await;
    finds_the_session_of_a_challenge(&*store).await;
    counts_every_write_of_many(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sweeping_disturbs_nobody() {
    let store = Arc::new(Memory::default());
    for number in 0..2_000 {
        store.replace(&key(&number.to_string()), None, session(1, NOW)).await.unwrap();
    }
    let sweeper = {
        let store = Arc::clone(&store);
        tokio::task::spawn_blocking(move || (0..200).fold(0, |_, _| store.sweep(NOW)))
    };
    for number in 0..2_000 {
        let seen = store.load(&key(&number.to_string())).await.unwrap().unwrap().version;
        assert!(store.replace(&key(&number.to_string()), Some(seen), session(2, NOW)).await.unwrap());
    }
    assert_eq!(sweeper.await.unwrap(), 2_000);
}
