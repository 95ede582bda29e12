//! Redis goes away, stands still, is silent, and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use botkit_otp::telemetry::Stopwatch;
use futures_util::future::join_all;
use libtest_mimic::Failed;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::server::{Between, Server};
use super::{send, settings, status, verify};
use crate::support::{App, mailed_code};

/// Asks until the answer is another one than `unavailable`.
pub(crate) async fn until_back<F: Future<Output = Value>>(ask: impl Fn() -> F) -> Value {
    let started = Stopwatch::start();
    loop {
        let otp = ask().await;
        if status(&otp) != "unavailable" {
            return otp;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "it does not come back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn is_unavailable_at_once(app: &App, code: &str, how: &str) {
    // The first call may find out; those after it know.
    for request in 100..103 {
        let started = Stopwatch::start();
        let otp = verify(app, "s", request, code).await;
        assert_eq!(status(&otp), "unavailable", "{how}");
        assert!(started.elapsed() < Duration::from_secs(1), "{how}: {:?}", started.elapsed());
    }
    let started = Stopwatch::start();
    assert_eq!(status(&send(app, "other", 110).await), "unavailable", "{how}");
    assert!(started.elapsed() < Duration::from_secs(1), "{how}: {:?}", started.elapsed());
    let ready = app.http.get(format!("{}/readyz", app.url)).send().await.unwrap();
    assert_eq!(ready.status(), 503, "{how}");
    let alive = app.http.get(format!("{}/healthz", app.url)).send().await.unwrap();
    assert_eq!(alive.status(), 200, "{how}");
}

pub(crate) fn unavailable_within_a_second() -> Result<(), Failed> {
    let mut server = Server::start()?;
    let between = Between::start(server.port)?;
    let url = format!("redis://127.0.0.1:{}", between.port);
    Runtime::new()?.block_on(async {
        // It is away when the server starts.
        server.kill();
        let app = App::start(&settings(&url)).await;
        is_unavailable_at_once(&app, "123456", "never there").await;
        server.restart()?;
        let otp = until_back(|| send(&app, "s", 1)).await;
        assert_eq!(status(&otp), "sent");
        let code = app.codes().await.pop().unwrap();

        server.kill();
        is_unavailable_at_once(&app, &code, "killed").await;
        server.restart()?;
        // The same call as at first: what it was answered was kept.
        assert_eq!(until_back(|| send(&app, "s", 1)).await, otp);

        server.signal("STOP")?;
        is_unavailable_at_once(&app, &code, "stopped").await;
        server.signal("CONT")?;
        assert_eq!(status(&until_back(|| send(&app, "s", 1)).await), "sent");

        between.swallow(true);
        is_unavailable_at_once(&app, &code, "silent").await;
        between.swallow(false);
        assert_eq!(status(&until_back(|| verify(&app, "s", 2, &code)).await), "verified");
        assert_eq!(status(&verify(&app, "s", 3, &code).await), "already_verified");
        assert_eq!(app.codes().await.len(), 1);
        Ok(())
    })
}

/// A read whose answer is lost is made again; a change is not, since nobody knows whether it was made.
pub(crate) fn lost_answers() -> Result<(), Failed> {
    let server = Server::start()?;
    let between = Between::start(server.port)?;
    Runtime::new()?.block_on(async {
        let app = App::start(&settings(&format!("redis://127.0.0.1:{}", between.port))).await;
        assert_eq!(status(&send(&app, "s", 1).await), "sent");
        let code = app.codes().await.pop().unwrap();
        let wrong = if code == "000000" { "000001" } else { "000000" };
        let tried = async |request: usize, code: &str| {
            let otp = verify(&app, "s", request, code).await;
            (status(&otp).to_owned(), otp["attemptsLeft"].as_u64())
        };
        let (incorrect, unavailable) = ("incorrect".to_owned(), "unavailable".to_owned());
        between.lose(1);
        assert_eq!(tried(2, wrong).await, (incorrect.clone(), Some(4)), "the read");
        between.lose(2);
        assert_eq!(tried(3, wrong).await, (unavailable.clone(), None), "the change");
        // It was made, and counted once.
        assert_eq!(tried(3, wrong).await, (incorrect.clone(), Some(3)), "what was kept");
        assert_eq!(tried(4, wrong).await, (incorrect, Some(2)));
        between.lose(2);
        assert_eq!(tried(5, &code).await, (unavailable, None));
        assert_eq!(tried(6, &code).await.0, "already_verified");
        assert_eq!(tried(5, &code).await.0, "verified");
        Ok(())
    })
}

/// What became of one code.
struct Sent {
    session: String,
    code: String,
}

/// The codes that were sent in the sessions.
async fn codes(apps: &[Arc<App>], sessions: Vec<String>) -> Vec<Sent> {
    let calls = join_all(apps.iter().map(|app| app.calls())).await.concat();
    let code = |session: &String| {
        let address = format!("\"{session}@example.com\"");
        let mails = calls.iter().filter(|call| String::from_utf8_lossy(&call.body).contains(&address));
        let mails: Vec<_> = mails.map(mailed_code).collect();
        assert_eq!(mails.len(), 1, "one mail for {session}");
        mails[0].clone()
    };
    sessions.into_iter().map(|session| Sent { code: code(&session), session }).collect()
}

/// Sends codes, one after the other, until it is told to stop; gives the sessions in which that was answered `sent`.
async fn keep_sending(app: Arc<App>, name: String, stop: Arc<AtomicBool>) -> Vec<String> {
    let mut sent = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let session = format!("{name}-{number}");
        match status(&send(&app, &session, 1).await) {
            "sent" => sent.push(session),
            // It may have gone out, and nobody was told so.
            "unavailable" => tokio::time::sleep(Duration::from_millis(20)).await,
            other => panic!("{other}"),
        }
    }
    sent
}

pub(crate) fn killed_and_restarted() -> Result<(), Failed> {
    const ROUNDS: u64 = 6;
    const TYPED: usize = 20;
    let mut server = Server::start()?;
    Runtime::new()?.block_on(async {
        let settings = settings(&server.url());
        let start = |seed| App::start_seeded(&settings, seed, |server| server);
        let apps = [Arc::new(start(1).await), Arc::new(start(2).await)];
        let mut pending: Vec<Sent> = Vec::new();
        let mut total = 0;
        for round in 0..ROUNDS {
            let stop = Arc::<AtomicBool>::default();
            let senders: Vec<_> = (0..6)
                .map(|lane| {
                    let app = Arc::clone(&apps[lane % 2]);
                    tokio::spawn(keep_sending(app, format!("r{round}l{lane}"), Arc::clone(&stop)))
                })
                .collect();
            tokio::time::sleep(Duration::from_millis(150 + 70 * round)).await;
            // Some codes are typed at the very moment that it dies. Whoever gets no answer asks again, as the platform
            // does.
            let typed: Vec<_> = pending
                .iter()
                .take(TYPED)
                .enumerate()
                .map(|(number, Sent { session, code })| {
                    let app = Arc::clone(&apps[number % 2]);
                    let (session, code) = (session.clone(), code.clone());
                    tokio::spawn(async move { until_back(|| verify(&app, &session, 2, &code)).await })
                })
                .collect();
            server.kill();
            for (number, app) in apps.iter().enumerate() {
                // What was on its way when it died may still be answered; then nothing is.
                let started = Stopwatch::start();
                let down = verify(app, &format!("down-{round}"), number, "123456").await;
                assert_eq!(status(&down), "unavailable");
                assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            server.restart()?;
            // It goes on while codes are sent, and some are sent after it is back.
            let back = format!("back-{round}");
            until_back(|| send(&apps[0], &back, 1)).await;
            stop.store(true, Ordering::SeqCst);
            let mut sent = Vec::new();
            for sender in senders {
                sent.extend(sender.await.unwrap());
            }
            for otp in typed {
                assert_eq!(status(&otp.await.unwrap()), "verified");
            }
            for Sent { session, code } in pending.iter().skip(TYPED) {
                assert_eq!(status(&verify(&apps[0], session, 2, code).await), "verified", "{session}");
            }
            // Nothing verifies twice, whichever server is asked.
            for (number, Sent { session, code }) in pending.iter().enumerate() {
                let again = verify(&apps[(number + 1) % 2], session, 3, code).await;
                assert_eq!(status(&again), "already_verified", "{session}");
            }
            total += sent.len();
            pending = codes(&apps, sent).await;
        }
        assert!(total > 50, "{total} codes are not enough to tell");
        for Sent { session, code } in &pending {
            assert_eq!(status(&verify(&apps[0], session, 2, code).await), "verified", "{session}");
            assert_eq!(status(&verify(&apps[1], session, 3, code).await), "already_verified", "{session}");
        }
        Ok(())
    })
}
