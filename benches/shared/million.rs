//! A million sessions, each with a code that waits, written to a store as a server writes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use botkit_otp::address::{Destination, Email};
use botkit_otp::botkit::BotId;
use botkit_otp::clock::{Clock as _, SystemClock};
use botkit_otp::config::Loaded;
use botkit_otp::dialog::catalogue::Catalogue;
use botkit_otp::dialog::understanding::Utterance;
use botkit_otp::dialog::{Call, Operation, Past, Reading, RequestKey, Session, SessionKey, Wanted, turn};
use botkit_otp::otp::{Accounts, ChallengeId, Expose};
use botkit_otp::store::{Change, Commit, Store, Write};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

/// How many.
pub(crate) const SESSIONS: usize = 1_000_000;

/// A session that waits for its code.
pub(crate) fn sample() -> Session {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let dev = BTreeMap::from([("BOTKIT_OTP_DEV__ENABLED".to_owned(), "true".to_owned())]);
    let config = Loaded::read(Some(file.path()), &dev).expect("these can be used").config;
    let mut rng = StdRng::seed_from_u64(1);
    let authority = config.otp.authority(config.limits.budgets(), &mut rng).expect("in range");
    let catalogue = Catalogue::new(&[]).expect("it is tested");
    let send = Call {
        operation: Operation::Send,
        request: Some(RequestKey::new(
            &authority.keys,
            Operation::Send,
            "1784540790118",
            "mira@example.com",
            None,
        )),
        user: None,
        destination: Reading::Read(Destination::Email(Email::parse("mira@example.com").expect("an address"))),
        wanted: Wanted::Email,
        number: None,
        code: Reading::not_asked(),
        heard: Utterance::Other,
        forged: false,
        whole: false,
        language: Arc::clone(catalogue.find("en").expect("it is compiled in")),
    };
    let past = Past { session: None, accounts: &Accounts::default() };
    let taken =
        turn(past, &send, &authority, Expose::Reference, key(0).as_str(), SystemClock.now(), &mut rng);
    taken.session.expect("a challenge")
}

/// The name of a session.
pub(crate) fn key(number: usize) -> SessionKey {
    let bot = BotId::parse("st-6b1f0c52-9d3e-5a47-8c21-4e7ab90d3f16").expect("an id");
    SessionKey::new(&bot, &format!("{number:024}"))
}

/// Writes a session of its own.
pub(crate) async fn write(store: &Arc<dyn Store>, session: &Session, number: usize) {
    let mut session = session.clone();
    if let Some(challenge) = &mut session.challenge {
        challenge.id =
            ChallengeId::from((number as u128).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C).to_be_bytes());
    }
    let write = Write { key: key(number), seen: None, value: Arc::new(session) };
    let change = Change { at: SystemClock.now(), session: Some(write), accounts: Vec::new(), ticket: None };
    let commit = store.commit(change).await.expect("it answers");
    assert!(matches!(commit, Commit::Done(_)));
}

/// Writes them all.
pub(crate) async fn fill(store: &Arc<dyn Store>, session: &Session) {
    const WRITERS: usize = 1_000;
    let session = Arc::new(session.clone());
    let writers = (0..WRITERS).map(|writer| {
        let (store, session) = (Arc::clone(store), Arc::clone(&session));
        tokio::spawn(async move {
            for number in (writer..SESSIONS).step_by(WRITERS) {
                write(&store, &session, number).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("no panic");
    }
}
