//! Providers on bad days: whatever they answer has one meaning, leads on to the next provider or does not, and puts
//! nothing private into the log.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::smtp::Relay;
use crate::support::{App, TWILIO, small};

/// Long enough for a second round, and for none after that which waits longer.
const SETTINGS: &str = "# outbox\n# other providers\n[platform]\nanswer_within = \"1500ms\"\n";

/// A provider that answers every request alike, to the byte, and hangs up.
struct Stub {
    url: String,
    /// What it was asked: request line, headers by lower-case name, and body.
    asked: Arc<Mutex<Vec<Asked>>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Asked {
    line: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Stub {
    fn start(answer: &str, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let (notes, answer) = (Arc::clone(&asked), answer.to_owned());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (notes, answer) = (Arc::clone(&notes), answer.clone());
                std::thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    notes.lock().unwrap().push(read(&stream));
                    std::thread::sleep(delay);
                    let _ = stream.write_all(answer.as_bytes());
                });
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn read(stream: &TcpStream) -> Asked {
    let mut reader = BufReader::new(stream);
    let mut lines = reader.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty());
    let line = lines.next().unwrap();
    let headers: Vec<_> = lines
        .map(|line| {
            line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned())).unwrap()
        })
        .collect();
    let mut body = vec![0; header(&headers, "content-length").parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    Asked { line, headers, body: String::from_utf8(body).unwrap() }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    let mut found = headers.iter().filter(|(key, _)| key == name);
    let value = &found.next().unwrap_or_else(|| panic!("no {name}")).1;
    assert!(found.next().is_none(), "{name} twice");
    value
}

/// What a provider does, and what comes of it where it is the only one.
struct Case {
    answer: String,
    delay: Duration,
    attempts: usize,
    outcome: &'static str,
    status: &'static str,
}

fn case(answer: impl Into<String>, attempts: usize, outcome: &'static str, status: &'static str) -> Case {
    Case { answer: answer.into(), delay: Duration::ZERO, attempts, outcome, status }
}

fn http(head: &str, body: &str) -> String {
    format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// What both providers may do: `accepted` is the answer of a good day.
fn bad_days(accepted: &str) -> Vec<Case> {
    let failed = |answer: &str, attempts| case(answer, attempts, "failed", "send_failed");
    let refused = |answer: String| case(answer, 1, "refused", "send_failed");
    let (head, _) = accepted.split_once("\r\n\r\n").unwrap();
    vec![
        case(accepted, 1, "accepted", "sent"),
        refused(http(
            "401 Unauthorized",
            r#"{"code":20003,"errors":[{"message":"authorization required"}]}"#,
        )),
        refused(http("413 Payload Too Large", "<html>too large</html>")),
        refused("HTTP/1.1 403 Forbidden\r\ncontent-length: 500\r\n\r\n{\"err".to_owned()),
        refused(http("302 Found\r\nlocation: https://example.com/", "")),
        failed(&http("429 Too Many Requests\r\nretry-after: 1", ""), 2),
        failed(&http("429 Too Many Requests\r\nretry-after: 60", ""), 1),
        failed(&http("500 Internal Server Error", "<html>down</html>"), 3),
        // Too late, whatever it says then.
        Case { delay: Duration::from_secs(4), ..failed(accepted, 2) },
        // It hangs up: before any answer, in the middle of its head.
        failed("", 3),
        failed(&head[..head.len() - 7], 3),
        // Not HTTP; HTTP of somebody on the way.
        failed("220 relay.example ESMTP\r\n\r\n", 3),
        failed("\u{0}\u{1}\u{2}\u{ff}\r\n\r\n", 3),
        failed(&http("200 OK\r\ncontent-type: text/html", "<html>welcome to our wifi</html>"), 3),
    ]
}

/// A case that was played: who played it, to whom, what was answered, and how things stand in the end.
struct Played {
    stub: Stub,
    app: App,
    otp: Value,
    then: Value,
}

/// Sends one code in each case, in all of them at once; `settings` are those for a provider at that URL.
async fn play(cases: &[Case], entities: &Value, settings: impl Fn(usize, &str) -> String) -> Vec<Played> {
    let mut stage = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let stub = Stub::start(&case.answer, case.delay);
        let app = App::start(&format!("{SETTINGS}{}", settings(number, &stub.url))).await;
        stage.push((stub, app));
    }
    join_all(stage.into_iter().map(async |(stub, app)| {
        let otp = app.call("OtpSend", &small("s", 1, entities)).await;
        app.settled().await;
        let then = app.call("OtpStatus", &small("s", 2, &json!({}))).await;
        Played { stub, app, otp, then }
    }))
    .await
}

/// What was counted of a provider's deliveries.
async fn counted(app: &App, provider: &str) -> Vec<(String, usize)> {
    let start = format!("botkit_otp_deliveries_total{{what=\"{provider}\",outcome=\"");
    let metrics = app.metrics().await;
    let lines = metrics.lines().filter_map(|line| line.strip_prefix(&start)?.split_once('"'));
    let lines = lines.filter_map(|(outcome, rest)| Some((outcome, rest.split_once("} ")?.1)));
    lines.map(|(outcome, count)| (outcome.to_owned(), count.parse().unwrap())).collect()
}

/// Everything this program has logged so far.
static LOGGED: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Log;

impl log::Log for Log {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("botkit_otp")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            LOGGED.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

fn log_here() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Log).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
}

/// Looks for what is private in what operators and callers see.
async fn nothing_leaks(app: &App, answers: &[&Value], private: &[&str]) {
    let id = answers[0]["challengeId"].as_str().unwrap();
    let mut logged = LOGGED.lock().unwrap().clone();
    logged.retain(|line| line.contains(id));
    assert!(!logged.is_empty(), "nothing was logged of {id}");
    let seen = format!("{logged:?}{answers:?}{}", app.metrics().await).to_lowercase();
    for word in private {
        // A reference is hexadecimal, and may hold what looks like a code.
        assert!(!seen.replace(id, "").contains(&word.to_lowercase()), "{word} in {logged:?} or {answers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sendgrid_on_bad_days_alone_and_with_somebody_to_follow() {
    log_here();
    let accepted = http("202 Accepted\r\nx-message-id: sg-9", "");
    let mut cases = bad_days(&accepted);
    // It has taken the message; what is wrong with the rest does not matter.
    cases.push(case("HTTP/1.1 202 Accepted\r\ncontent-length: 500\r\n\r\n{\"mess", 1, "accepted", "sent"));
    cases.push(case(
        http(
            "400 Bad Request",
            r#"{"errors":[{"message":"Mira@Example.com: SG.n0t-a-real-key may not say 725973","field":"content"}]}"#,
        ),
        1,
        "refused",
        "send_failed",
    ));
    let entities = json!({ "UserEmail": "mira@example.com" });
    let alone = |_, url: &str| {
        format!(
            "[delivery]\ntimeout = \"500ms\"\nemail = [\"sendgrid\"]\n[delivery.sendgrid]\nbase_url = \"{url}\"\n"
        )
    };
    for (case, Played { stub, app, otp, then }) in cases.iter().zip(play(&cases, &entities, alone).await) {
        let asked = stub.asked();
        let what = format!("{:?} {otp}", case.answer);
        assert_eq!((&then["status"], asked.len()), (&json!(case.status), case.attempts), "{what}");
        assert_eq!(counted(&app, "sendgrid").await, [(case.outcome.to_owned(), case.attempts)], "{what}");
        assert!(asked.iter().all(|again| again == &asked[0]), "another code: {asked:?}");
        nothing_leaks(&app, &[&otp, &then], &[&code(&asked[0]), "mira@example.com", "SG.n0t-a-real-key"])
            .await;
        assert_eq!(asked[0].line, "POST /v3/mail/send HTTP/1.1");
        for (name, value) in [
            ("authorization", "Bearer SG.n0t-a-real-key"),
            ("content-type", "application/json"),
            ("user-agent", concat!("botkit-otp/", env!("CARGO_PKG_VERSION"))),
        ] {
            assert_eq!(header(&asked[0].headers, name), value);
        }
    }

    let relays: Vec<_> = cases.iter().map(|_| Relay::start(&[])).collect();
    let followed = |number: usize, url: &str| {
        let relay =
            format!("[delivery.smtp]\nurl = \"{}\"\nfrom = \"no-reply@acme.example\"\n", relays[number].url);
        alone(number, url).replace("[\"sendgrid\"]", "[\"sendgrid\", \"smtp\"]") + &relay
    };
    let played = play(&cases, &entities, followed).await;
    for ((case, relay), Played { stub, app, otp, then }) in cases.iter().zip(&relays).zip(played) {
        let (asked, mailed) = (stub.asked(), relay.heard());
        let follows = usize::from(case.outcome != "accepted");
        let what = format!("{:?} {otp}", case.answer);
        assert_eq!((&then["status"], asked.len(), mailed.len()), (&json!("sent"), 1, follows), "{what}");
        assert_eq!(counted(&app, "sendgrid").await, [(case.outcome.to_owned(), 1)], "{what}");
        assert_eq!(counted(&app, "smtp").await, vec![("accepted".to_owned(), 1); follows], "{what}");
        assert_eq!((&then["sendsLeft"], &then["challengeId"]), (&json!(4), &otp["challengeId"]));
        let code = code(&asked[0]);
        assert!(mailed.iter().all(|lines| lines.contains(&code)), "another code");
        let verified = app.call("OtpVerify", &small("s", 3, &json!({ "Otp": code }))).await;
        assert_eq!(verified["status"], "verified");
    }
}

/// The code in a mail: alone on its line.
fn code(asked: &Asked) -> String {
    let mail: Value = serde_json::from_str(&asked.body).unwrap();
    let mut lines = mail["content"][0]["value"].as_str().unwrap().lines();
    lines.find(|line| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit())).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn twilio_on_bad_days() {
    log_here();
    let created = r#"{"sid":"SM1","status":"queued","error_code":null}"#;
    let mut cases = bad_days(&http("201 Created", created));
    // What breaks off says neither that it was taken nor as what.
    let half = format!("HTTP/1.1 201 Created\r\ncontent-length: {}\r\n\r\n{}", created.len(), &created[..20]);
    cases.push(case(half, 3, "failed", "send_failed"));
    cases.push(case(http("201 Created", "[]"), 3, "failed", "send_failed"));
    let quoting =
        r#"{"code":21606,"message":"+14155552671 gets nothing from n0t-a-real-token","status":400}"#;
    cases.push(case(http("400 Bad Request", quoting), 1, "refused", "send_failed"));
    let unknown = r#"{"code":21211,"message":"+14155552671 is no number","status":400}"#;
    cases.push(case(http("400 Bad Request", unknown), 1, "undeliverable", "undeliverable"));
    let settings = |_, url: &str| {
        format!(
            "[delivery]\ntimeout = \"500ms\"\nsms = [\"twilio\"]\n[delivery.twilio]\nfrom = \"+15005550006\"\n\
             base_url = \"{url}\"\n"
        )
    };
    let played = play(&cases, &json!({ "Phone": "+1 415 555 2671" }), settings).await;
    for (case, Played { stub, app, otp, then }) in cases.iter().zip(played) {
        let asked = stub.asked();
        let what = format!("{:?} {otp}", case.answer);
        assert_eq!((&then["status"], asked.len()), (&json!(case.status), case.attempts), "{what}");
        assert_eq!(counted(&app, "twilio").await, [(case.outcome.to_owned(), case.attempts)], "{what}");
        assert!(asked.iter().all(|again| again == &asked[0]), "another code: {asked:?}");
        let form: Vec<(String, String)> =
            url::form_urlencoded::parse(asked[0].body.as_bytes()).into_owned().collect();
        let names: Vec<&str> = form.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["To", "From", "Body"]);
        let code = form[2].1.split(' ').next().unwrap();
        nothing_leaks(&app, &[&otp, &then], &[code, "4155552671", TWILIO.1]).await;
        assert_eq!(asked[0].line, format!("POST /2010-04-01/Accounts/{}/Messages.json HTTP/1.1", TWILIO.0));
        assert_eq!(header(&asked[0].headers, "content-type"), "application/x-www-form-urlencoded");
        // AC0123456789abcdef0123456789abcdef:n0t-a-real-token
        let basic = "Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjpuMHQtYS1yZWFsLXRva2Vu";
        assert_eq!(header(&asked[0].headers, "authorization"), basic);
    }
}
