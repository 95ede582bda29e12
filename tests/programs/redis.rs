//! The store in Redis, against a real one.

#[path = "redis/outages.rs"]
mod outages;
#[path = "redis/rolling.rs"]
mod rolling;
#[path = "redis/sentinel.rs"]
mod sentinel;
#[path = "redis/server.rs"]
mod server;
#[path = "redis/trust.rs"]
mod trust;

pub(crate) use outages::{killed_and_restarted, lost_answers, unavailable_within_a_second};
pub(crate) use rolling::rolling_restart;
pub(crate) use sentinel::failover;
pub(crate) use server::is_there;
pub(crate) use trust::{a_user_who_may_just_enough, refused_servers, tls, unlike_servers};

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use botkit_otp::config::Loaded;
use botkit_otp::store::Store;
use futures_util::future::join_all;
use libtest_mimic::Failed;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use redis::cmd;
use serde_json::{Value, json};
use tokio::runtime::{Handle, Runtime};

use self::server::{Between, Server};
use crate::races::every_race;
use crate::store::{Subject, every_store, session, write};
use crate::support::{App, NOW, small};

/// A store under a prefix of its own. `seed` differs from server to server.
fn open(url: &str, prefix: &str, seed: u64) -> Arc<dyn Store> {
    let patient = ("BOTKIT_OTP_STORE__REDIS_TIMEOUT", "20s");
    let variables = [("REDIS_URL", url), ("BOTKIT_OTP_STORE__REDIS_PREFIX", prefix), patient];
    let variables: BTreeMap<_, _> = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let loaded = Loaded::read(None, &variables).unwrap();
    let mut rng = StdRng::seed_from_u64(seed);
    loaded.config.store.open(&mut rng, &Handle::current()).map_err(|(_, problem)| problem).unwrap()
}

/// Settings of a server, with a prefix of its own each time.
fn settings(url: &str) -> String {
    static PREFIX: AtomicUsize = AtomicUsize::new(0);
    let prefix = PREFIX.fetch_add(1, Ordering::Relaxed);
    format!(
        "[store]\nkind = \"redis\"\nredis_url = \"{url}\"\nredis_prefix = \"t{prefix}:\"\n\
         [otp]\nkeys = [{{ id = \"a\", secret = \"a secret that all servers share, for tests\" }}]\n"
    )
}

/// The same, with patience: many calls at once on a busy machine are no outage.
fn patient(url: &str) -> String {
    settings(url).replace("[store]\n", "[store]\nredis_timeout = \"20s\"\n")
}

fn status(otp: &Value) -> &str {
    otp["status"].as_str().unwrap()
}

async fn send(app: &App, session: &str, request: usize) -> Value {
    let address = format!("{session}@example.com");
    app.call("OtpSend", &small(session, request, &json!({ "UserEmail": address }))).await
}

async fn verify(app: &App, session: &str, request: usize, code: &str) -> Value {
    app.call("OtpVerify", &small(session, request, &json!({ "Otp": code }))).await
}

pub(crate) fn behaviour() -> Result<(), Failed> {
    let server = Arc::new(Server::start()?);
    Runtime::new()?.block_on(async {
        let store = open(&server.url(), "suite:", 1);
        let aged = Arc::clone(&server);
        // Time cannot be moved for Redis: what it would forget in two days is taken out.
        let age = Box::new(move || {
            let keys: Vec<Vec<u8>> = aged.run(cmd("KEYS").arg("suite:*"));
            assert!(!keys.is_empty());
            for key in keys {
                let left: i64 = aged.run(cmd("PTTL").arg(&key));
                assert!(left > 0, "{:?} is kept for ever", String::from_utf8_lossy(&key));
                if Duration::from_millis(left.unsigned_abs()) < Duration::from_hours(48) {
                    aged.run::<()>(cmd("DEL").arg(&key));
                }
            }
        });
        every_store(&Subject { store, age }).await;
    });
    Ok(())
}

pub(crate) fn races() -> Result<(), Failed> {
    let server = Server::start()?;
    Runtime::new()?.block_on(every_race(|| patient(&server.url()), 1));
    Ok(())
}

pub(crate) fn races_of_two() -> Result<(), Failed> {
    let server = Server::start()?;
    Runtime::new()?.block_on(every_race(|| patient(&server.url()), 2));
    Ok(())
}

/// Redis may forget scripts at any moment.
pub(crate) fn forgotten_scripts() -> Result<(), Failed> {
    let server = Server::start()?;
    let forget = || server.run::<()>(cmd("SCRIPT").arg("FLUSH"));
    Runtime::new()?.block_on(async {
        let app = App::start(&settings(&server.url())).await;
        for round in 0..5 {
            let session = format!("s-{round}");
            forget();
            assert_eq!(status(&send(&app, &session, 1).await), "sent");
            let code = app.codes().await.pop().unwrap();
            forget();
            assert_eq!(status(&verify(&app, &session, 2, &code).await), "verified");
        }
    });
    Ok(())
}

/// What is written anew after Redis has forgotten everything is not mistaken for what was there before.
pub(crate) fn versions_never_come_again() -> Result<(), Failed> {
    let server = Server::start()?;
    Runtime::new()?.block_on(async {
        let (one, other) = (open(&server.url(), "v:", 1), open(&server.url(), "v:", 2));
        let seen = write(&*one, "a", None, session(1, NOW)).await;
        for store in [&one, &other, &open(&server.url(), "v:", 3)] {
            server.run::<()>(&cmd("FLUSHALL"));
            let again = write(&**store, "a", None, session(1, NOW)).await;
            assert!(again.is_some() && again != seen);
            assert_eq!(write(&**store, "a", seen, session(2, NOW)).await, None);
        }
    });
    Ok(())
}

/// A webhook asks Redis twice; one that sends a code notes once more what became of it.
pub(crate) fn round_trips() -> Result<(), Failed> {
    let server = Server::start()?;
    let between = Between::start(server.port)?;
    Runtime::new()?.block_on(async {
        let app = App::start(&settings(&format!("redis://127.0.0.1:{}", between.port))).await;
        // Every thread has its connection, which knows the scripts: so many calls at once come to all of them.
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let calls = (0..4 * threads).map(|call| verify(&app, "warm", call, "123456"));
        for otp in join_all(calls.collect::<Vec<_>>()).await {
            assert_eq!(status(&otp), "no_challenge");
        }
        between.trips();
        assert_eq!(status(&send(&app, "s", 2).await), "sent");
        assert_eq!(between.trips(), 3, "a send");
        let code = app.codes().await.pop().unwrap();
        assert_eq!(status(&verify(&app, "s", 3, "12345").await), "unrecognized");
        assert!(between.trips() <= 2, "no code");
        let wrong = if code == "000000" { "000001" } else { "000000" };
        assert_eq!(status(&verify(&app, "s", 4, wrong).await), "incorrect");
        assert_eq!(between.trips(), 2, "a wrong code");
        assert_eq!(status(&verify(&app, "s", 5, &code).await), "verified");
        assert_eq!(between.trips(), 2, "the right code");
        assert_eq!(status(&verify(&app, "s", 5, &code).await), "verified");
        assert_eq!(between.trips(), 1, "a call that comes again");
        app.advance(31);
        assert_eq!(status(&send(&app, "s", 6).await), "sent");
        assert_eq!(between.trips(), 3, "another send");
        let mut trips = 0;
        // It may come to a thread that has not asked Redis before.
        for _ in 0..=threads {
            let ready = app.http.get(format!("{}/readyz", app.url)).send().await.unwrap();
            assert_eq!(ready.status(), 200);
            trips = between.trips();
            if trips == 1 {
                break;
            }
        }
        assert_eq!(trips, 1, "readiness");
    });
    Ok(())
}

/// Two releases share a store: the newer one's additions are passed over, and what cannot be read is never absent.
pub(crate) fn records_of_other_releases() -> Result<(), Failed> {
    let server = Server::start()?;
    Runtime::new()?.block_on(async {
        let app = App::start(&settings(&server.url())).await;
        let code = async |session: &str| {
            assert_eq!(status(&send(&app, session, 1).await), "sent");
            app.codes().await.pop().unwrap()
        };
        let key = |session: &str| {
            let keys: Vec<Vec<u8>> = server.run(cmd("KEYS").arg(format!("t*:s:*//{session}")));
            keys.into_iter().next().unwrap()
        };
        let rewrite = |key: &[u8], change: &dyn Fn(&mut Vec<u8>)| {
            let mut value: Vec<u8> = server.run(cmd("GET").arg(key));
            change(&mut value);
            server.run::<()>(cmd("SET").arg(key).arg(value).arg("KEEPTTL"));
        };

        let first = code("first").await;
        // A map of up to 15 fields begins with 0x80 and their number; one more comes first.
        rewrite(&key("first"), &|value| {
            assert_eq!((value[0], value[1] & 0xF0), (2, 0x80));
            value[1] += 1;
            value.splice(2..2, *b"\xA5novel\x93\x01\xC0\xA1x");
        });
        assert_eq!(status(&verify(&app, "first", 2, &first).await), "verified");

        let second = code("second").await;
        rewrite(&key("second"), &|value| value[0] = 3);
        for request in 2..4 {
            assert_eq!(status(&verify(&app, "second", request, &second).await), "unavailable");
        }
        assert_eq!(status(&send(&app, "second", 5).await), "unavailable");
        // Nothing was written over it.
        let value: Vec<u8> = server.run(cmd("GET").arg(key("second")));
        assert_eq!(value[0], 3);
        rewrite(&key("second"), &|value| value[0] = 2);
        assert_eq!(status(&verify(&app, "second", 6, &second).await), "verified");

        // A budget is a record too.
        let third = code("third").await;
        let accounts: Vec<Vec<u8>> = server.run(cmd("KEYS").arg("t*:a:*"));
        assert!(!accounts.is_empty());
        for account in &accounts {
            rewrite(account, &|value| value.truncate(3));
        }
        assert_eq!(status(&verify(&app, "third", 2, &third).await), "unavailable");
        assert_eq!(status(&send(&app, "third", 3).await), "unavailable");
    });
    Ok(())
}
