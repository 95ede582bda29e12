//! What a provider is asked, to the letter.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use botkit_otp::botkit::BotId;
use botkit_otp::clock::Timestamp;
use botkit_otp::dialog::SessionKey;
use botkit_otp::http::Server;
use botkit_otp::otp::{AccountId, ChallengeId, Handover, Ticket};
use botkit_otp::service::Service;
use botkit_otp::store::{Change, Commit, Memory, Snapshot, Store, Unavailable, Wanted};
use botkit_otp::telemetry::Stopwatch;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use wiremock::ResponseTemplate;

use crate::support::{App, BOT, small, webhook};
use crate::wire::with_a_broken_store;

#[tokio::test]
async fn sendgrid_is_asked_exactly_what_its_reference_wants() {
    let app = App::start(
        "[delivery.sendgrid]\nreply_to = \"help@acme.example\"\ncategories = [\"otp\", \"login\"]\nsandbox = true\n",
    )
    .await;
    let otp = app.call("OtpSend", &small("s", 1, &json!({ "UserEmail": "mira@example.com" }))).await;
    let calls = app.calls().await;
    let [call] = &calls[..] else { panic!("{} calls", calls.len()) };
    assert_eq!((call.method.as_str(), call.url.path(), call.url.query()), ("POST", "/v3/mail/send", None));
    assert_eq!(call.headers["authorization"], "Bearer SG.n0t-a-real-key");
    assert_eq!(call.headers["content-type"], "application/json");
    let body: Value = serde_json::from_slice(&call.body).unwrap();
    let (text, html) = (body["content"][0]["value"].clone(), body["content"][1]["value"].clone());
    assert_eq!(
        body,
        json!({
            "personalizations": [{ "to": [{ "email": "mira@example.com" }] }],
            "from": { "email": "no-reply@acme.example", "name": "Acme" },
            "reply_to": { "email": "help@acme.example" },
            "subject": "Your verification code",
            "content": [{ "type": "text/plain", "value": text }, { "type": "text/html", "value": html }],
            "categories": ["otp", "login"],
            "custom_args": { "challenge_id": otp["challengeId"], "send": "1" },
            "tracking_settings": {
                "click_tracking": { "enable": false, "enable_text": false },
                "open_tracking": { "enable": false },
                "subscription_tracking": { "enable": false },
            },
            "mail_settings": { "sandbox_mode": { "enable": true } },
        })
    );
    let code = app.codes().await.pop().unwrap();
    assert!(text.as_str().unwrap().lines().any(|line| line == code), "the code stands alone on its line");
    assert!(html.as_str().unwrap().contains(&format!(">{code}<")));
    assert!(text.as_str().unwrap().contains("valid for 5 minutes"));
}

#[tokio::test]
async fn a_resend_says_how_long_the_code_really_lives() {
    let app = App::start("").await;
    app.call("OtpSend", &small("s", 1, &json!({ "UserEmail": "mira@example.com" }))).await;
    app.advance(270);
    app.call("OtpResend", &small("s", 2, &json!({}))).await;
    let calls = app.calls().await;
    let body: Value = serde_json::from_slice(&calls[1].body).unwrap();
    assert!(body["content"][0]["value"].as_str().unwrap().contains("valid for 30 seconds"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_while_a_mail_is_on_its_way_is_answered_at_once() {
    let app = Arc::new(App::start("").await);
    app.script.answer(ResponseTemplate::new(202).set_delay(Duration::from_millis(1_500)));
    let sending = {
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            app.call("OtpSend", &small("s", 1, &json!({ "UserEmail": "mira@example.com" }))).await
        })
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    let asked = Stopwatch::start();
    assert_eq!(app.call("OtpStatus", &small("s", 2, &json!({}))).await["status"], "queued");
    assert!(asked.elapsed() < Duration::from_secs(1), "it waited for the mail");
    assert_eq!(sending.await.unwrap()["status"], "sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_was_overtaken_is_not_announced() {
    let app = Arc::new(App::start("[otp]\nexpose = \"plain\"").await);
    app.script.answer(ResponseTemplate::new(202).set_delay(Duration::from_millis(800)));
    let first = {
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            app.call("OtpSend", &small("s", 1, &json!({ "UserEmail": "first@example.com" }))).await
        })
    };
    tokio::time::sleep(Duration::from_millis(200)).await;
    app.call("OtpSend", &small("s", 2, &json!({ "UserEmail": "second@example.com" }))).await;
    app.call("OtpCancel", &small("s", 3, &json!({}))).await;
    // The first call's answer tells how things stand, not what stood when it began.
    let answer = first.await.unwrap();
    assert_eq!((&answer["status"], &answer["to"]), (&json!("cancelled"), &json!("s...d@example.com")));
}

#[tokio::test]
async fn the_outbox_keeps_what_was_sent_newest_first() {
    let app = App::start("# outbox").await;
    app.call("OtpSend", &small("s-1", 1, &json!({ "UserEmail": "mira@example.com" }))).await;
    app.call("OtpSend", &small("s-2", 2, &json!({ "UserEmail": "eve@example.com" }))).await;
    let outbox = |query: &str| app.http.get(format!("{}/dev/outbox{query}", app.url)).send();
    let all: Value = outbox("").await.unwrap().json().await.unwrap();
    let to =
        |sent: &Value| sent.as_array().unwrap().iter().map(|sent| sent["to"].clone()).collect::<Vec<_>>();
    assert_eq!(to(&all), [json!("eve@example.com"), json!("mira@example.com")]);
    let hers: Value = outbox("?to=MIRA@example.com").await.unwrap().json().await.unwrap();
    assert_eq!(to(&hers), [json!("mira@example.com")]);
    let keys: Vec<&str> = hers[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["channel", "code", "html", "id", "provider", "sentAt", "subject", "text", "to"]);
    let otp = app.call("OtpVerify", &small("s-1", 3, &json!({ "Otp": hers[0]["code"] }))).await;
    assert_eq!(otp["status"], "verified");
    assert!(app.calls().await.is_empty(), "nothing leaves the machine");
}

#[tokio::test]
async fn the_outbox_records_what_other_providers_took_too() {
    let app = App::start("").await;
    app.call("OtpSend", &small("s", 1, &json!({ "UserEmail": "mira@example.com" }))).await;
    let sent: Value =
        app.http.get(format!("{}/dev/outbox", app.url)).send().await.unwrap().json().await.unwrap();
    assert_eq!((&sent[0]["provider"], &sent[0]["id"]), (&json!("sendgrid"), &json!("sg-1")));
}

#[tokio::test]
async fn what_a_stop_cuts_off_is_to_be_asked_for_again() {
    let mut app =
        App::start("[platform]\nanswer_within = \"100ms\"\n[server]\nshutdown_within = \"200ms\"\n").await;
    app.script.answer(ResponseTemplate::new(202).set_delay(Duration::from_secs(4)));
    let otp = app.call("OtpSend", &small("s", 1, &json!({ "UserEmail": "mira@example.com" }))).await;
    assert_eq!(otp["status"], "queued");
    let server = Arc::clone(&app.server);
    app.stop();
    let key = SessionKey::new(&BotId::parse(BOT).unwrap(), "s");
    let session = server.service.store.load(&key, &[]).await.unwrap().session.unwrap().value;
    assert_eq!(session.challenge.as_ref().unwrap().handover, Handover::Failed);
}

#[tokio::test]
async fn readiness_tells_how_providers_are() {
    let app = App::start("[delivery]\nbreaker_failures = 2\n").await;
    let ready = || async {
        let response = app.http.get(format!("{}/readyz", app.url)).send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    assert_eq!(
        ready().await,
        (
            200,
            json!({ "status": "ready", "store": true, "providers": { "sendgrid": "closed" }, "reasons": [] })
        )
    );
    for _ in 0..2 {
        app.script.answer(ResponseTemplate::new(500));
    }
    app.call("OtpSend", &small("s", 1, &json!({ "UserEmail": "mira@example.com" }))).await;
    assert_eq!(
        ready().await,
        (
            200,
            json!({
                "status": "degraded", "store": true, "providers": { "sendgrid": "open" },
                "reasons": ["sendgrid failed again and again, and is left alone for a while"],
            })
        )
    );
    let metrics = app.http.get(format!("{}/metrics", app.url)).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("botkit_otp_provider_open{provider=\"sendgrid\"} 1"), "{metrics}");

    let broken = App::start_with("", with_a_broken_store).await;
    let response = broken.http.get(format!("{}/readyz", broken.url)).send().await.unwrap();
    assert_eq!(response.status(), 503);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["reasons"], json!(["the session store does not answer"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_too_much_running_nothing_more_is_sent_saved_or_charged() {
    let app = App::start(
        "[platform]\nanswer_within = \"200ms\"\n[delivery]\nsms = [\"twilio\"]\nmost_at_once = 2\n\
         [delivery.twilio]\nfrom = \"+15005550006\"\n[limits.sms]\nper_bot = 4\n",
    )
    .await;
    let send = async |session: &str, request: usize| {
        let phone = json!({ "Phone": format!("+1415555{request:04}") });
        app.call("OtpSend", &small(session, request, &phone)).await["status"].clone()
    };
    assert_eq!(send("early", 1).await, "sent");
    let code = app.codes().await.pop().unwrap();
    for _ in 0..2 {
        let created = r#"{"sid":"SM2","status":"queued","error_code":null}"#;
        let slow = ResponseTemplate::new(201).set_body_string(created).set_delay(Duration::from_secs(3));
        app.script.answer(slow);
    }
    assert_eq!((send("slow-1", 2).await, send("slow-2", 3).await), (json!("queued"), json!("queued")));

    assert_eq!(send("late", 4).await, "unavailable");
    let key = SessionKey::new(&BotId::parse(BOT).unwrap(), "late");
    assert!(app.server.service.store.load(&key, &[]).await.unwrap().session.is_none(), "it was saved");
    // Whoever has been answered gets that answer again, and everything else goes on.
    assert_eq!(send("slow-1", 2).await, "queued");
    assert_eq!(
        app.call("OtpVerify", &small("early", 5, &json!({ "Otp": code }))).await["status"],
        "verified"
    );
    assert_eq!(app.server.service.background.running(), 2, "the slow ones are not slow enough for this test");

    app.settled().await;
    assert_eq!(app.call("OtpStatus", &small("slow-2", 6, &json!({}))).await["status"], "sent");
    assert_eq!(send("late", 4).await, "sent");
    assert_eq!(send("last", 7).await, "limit_reached");
    assert_eq!(app.calls().await.len(), 4);
    let metrics = app.metrics().await;
    let counted = "botkit_otp_operations_total{what=\"send\",outcome=\"unavailable\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
}

/// A store that makes changes and does not say so, or only after a second.
#[derive(Default)]
struct Troubled {
    store: Memory,
    /// How many answers it will lose.
    loses: AtomicUsize,
    /// How many it will hesitate to give.
    hesitates: AtomicUsize,
}

#[async_trait]
impl Store for Troubled {
    async fn load(&self, key: &SessionKey, accounts: &[AccountId]) -> Result<Snapshot, Unavailable> {
        self.store.load(key, accounts).await
    }
    async fn commit(&self, change: Change) -> Result<Commit, Unavailable> {
        let commit = self.store.commit(change).await;
        let one_less = |count: usize| count.checked_sub(1);
        if self.loses.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok() {
            return Err(Unavailable("the answer is lost".to_owned()));
        }
        if self.hesitates.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        commit
    }
    async fn give_back(&self, ticket: &Ticket) -> Result<(), Unavailable> {
        self.store.give_back(ticket).await
    }
    async fn owner(&self, challenge: ChallengeId) -> Result<Option<SessionKey>, Unavailable> {
        self.store.owner(challenge).await
    }
    async fn find(&self, wanted: &Wanted, most: usize) -> Result<Vec<SessionKey>, Unavailable> {
        self.store.find(wanted, most).await
    }
    fn sweep(&self, now: Timestamp) -> usize {
        self.store.sweep(now)
    }
}

async fn with_a_troubled_store(settings: &str) -> (App, Arc<Troubled>) {
    let store = Arc::<Troubled>::default();
    let kept = Arc::clone(&store);
    let app = App::start_with(settings, |server| {
        let server = Arc::into_inner(server).unwrap();
        let service = Arc::into_inner(server.service).unwrap();
        Arc::new(Server { service: Arc::new(Service { store: kept, ..service }), ..server })
    });
    (app.await, store)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_that_may_not_have_been_saved_is_taken_back() {
    let settings = "[limits.destination]\nsends_per_hour = 1\n[limits.bot]\nsends_per_hour = 1\n";
    let (app, store) = with_a_troubled_store(settings).await;
    store.loses.store(1, Ordering::Relaxed);
    let send = small("s", 1, &json!({ "UserEmail": "mira@example.com" }));
    assert_eq!(app.call("OtpSend", &send).await["status"], "unavailable");
    app.settled().await;
    assert_eq!(
        app.call("OtpSend", &send).await["status"],
        "send_failed",
        "nobody waits for a mail that never went"
    );
    // Neither the wait nor the budgets were spent.
    let again = app.call("OtpSend", &small("s", 2, &json!({ "UserEmail": "mira@example.com" }))).await;
    assert_eq!(again["status"], "sent", "{again}");
    assert_eq!(app.codes().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_send_that_is_taken_back_cost_is_given_back_once() {
    let settings = "[delivery]\nsms = [\"twilio\"]\n[delivery.twilio]\nfrom = \"+15005550006\"\n\
                    [limits.sms]\nper_bot = 2\n[limits.bot]\nsends_per_hour = 2\n";
    let (app, store) = with_a_troubled_store(settings).await;
    let send = async |request: usize| {
        let phone = json!({ "Phone": format!("+1415555{request:04}") });
        app.call("OtpSend", &small(&format!("s-{request}"), request, &phone)).await["status"].clone()
    };
    assert_eq!(send(1).await, "sent");
    // Of the send, and of two attempts to take it back.
    store.loses.store(3, Ordering::Relaxed);
    assert_eq!(send(2).await, "unavailable");
    app.settled().await;
    assert_eq!(send(2).await, "send_failed");
    assert_eq!((send(3).await, send(4).await), (json!("sent"), json!("limit_reached")));
}

/// Sends a request, waits until the store has it, and breaks the connection off. (Whoever only says no more might still
/// listen.)
async fn hang_up_on(app: &App, store: &Troubled, component: &str, mut body: Value) {
    store.hesitates.store(1, Ordering::Relaxed);
    body["dialogComponentName"] = json!(component);
    let (body, token) = (body.to_string(), app.token());
    let head = format!("POST {} HTTP/1.1\r\nhost: x\r\ntoken: {token}\r\n", webhook());
    let mut caller = tokio::net::TcpStream::connect(app.url.strip_prefix("http://").unwrap()).await.unwrap();
    caller.write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await.unwrap();
    let saved = async {
        while store.hesitates.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), saved).await.unwrap();
    caller.set_zero_linger().unwrap();
    drop(caller);
    // Until the call is seen to go on without its caller, and then until it is done.
    let left = async {
        while app.server.service.background.running() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), left).await.unwrap();
    app.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_finished_whoever_hangs_up() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.jsonl");
    let (app, store) = with_a_troubled_store(&format!("[audit]\ntarget = {:?}\n", file.display())).await;
    hang_up_on(&app, &store, "OtpSend", small("s", 1, &json!({ "UserEmail": "mira@example.com" }))).await;
    let code = app.codes().await.pop().expect("it was delivered");
    assert_eq!(app.call("OtpStatus", &small("s", 2, &json!({}))).await["status"], "sent");
    hang_up_on(&app, &store, "OtpVerify", small("s", 3, &json!({ "Otp": code }))).await;
    assert_eq!(app.call("OtpVerify", &small("s", 3, &json!({ "Otp": code }))).await["status"], "verified");
    let metrics = app.metrics().await;
    assert!(
        metrics.contains("botkit_otp_codes_verified_total{channel=\"email\",country=\"\"} 1"),
        "{metrics}"
    );
    app.server.service.audit.flush();
    let audit = std::fs::read_to_string(&file).unwrap();
    for outcome in ["queued", "accepted", "verified"] {
        assert!(audit.contains(&format!("\"outcome\":\"{outcome}\"")), "{outcome}: {audit}");
    }
}
