//! What goes to an SMTP relay, to the letter, and what its answers come to. The relay is played by a thread; a real one
//! is in `tests/programs.rs`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use botkit_otp::address::{Destination, Email};
use botkit_otp::clock::Timestamp;
use botkit_otp::delivery::{Error, Message};
use botkit_otp::dialog::{Delivery, Occasion};
use botkit_otp::otp::{ChallengeId, Code};
use botkit_otp::telemetry::Stopwatch;
use mailparse::{MailHeaderMap as _, ParsedMail};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::support::{App, NOW, small};

/// What the relay does where its script says so: when somebody connects (`""`), or says a word.
#[derive(Clone, Copy)]
pub(crate) enum Act {
    Say(&'static str),
    SayAndHangUp(&'static str),
    StopTalking,
    Sleep,
}

/// Where the relay does not do what relays usually do.
pub(crate) type Script = &'static [(&'static str, Act)];

pub(crate) struct Relay {
    pub(crate) url: String,
    /// Every line that was said to it, connection by connection.
    heard: Arc<Mutex<Vec<Vec<String>>>>,
}

impl Relay {
    /// Starts a relay that takes everything, but for what `script` says.
    pub(crate) fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("smtp://acme%40relay:p%40ss@{}?tls=none", listener.local_addr().unwrap());
        let heard = Arc::<Mutex<Vec<Vec<String>>>>::default();
        let notes = Arc::clone(&heard);
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let notes = Arc::clone(&notes);
                notes.lock().unwrap().push(Vec::new());
                std::thread::spawn(move || converse(stream.unwrap(), script, &notes, number));
            }
        });
        Self { url, heard }
    }

    pub(crate) fn heard(&self) -> Vec<Vec<String>> {
        self.heard.lock().unwrap().clone()
    }
}

/// One connection. It ends when the other side hangs up, so nothing has to be stopped.
fn converse(
    mut stream: TcpStream,
    script: &[(&str, Act)],
    heard: &Mutex<Vec<Vec<String>>>,
    number: usize,
) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let mut line = String::new();
    loop {
        let word = line.split([' ', ':']).next().unwrap_or_default().to_owned();
        let usual = match word.as_str() {
            "" => "220 relay.example ESMTP\r\n",
            "EHLO" => "250-relay.example\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN\r\n",
            "AUTH" => "235 2.7.0 welcome\r\n",
            "DATA" => "354 go ahead\r\n",
            "." => "250 2.0.0 queued as 4711\r\n",
            _ => "250 2.0.0 fine\r\n",
        };
        match script.iter().find(|(when, _)| *when == word).map_or(Act::Say(usual), |(_, act)| *act) {
            Act::Say(text) => stream.write_all(text.as_bytes()).ok()?,
            Act::SayAndHangUp(text) => {
                stream.write_all(text.as_bytes()).ok()?;
                return stream.shutdown(Shutdown::Both).ok();
            }
            Act::StopTalking => stream.shutdown(Shutdown::Write).ok()?,
            Act::Sleep => std::thread::sleep(Duration::from_secs(30)),
        }
        let content = word == "DATA" && !script.iter().any(|(when, _)| *when == "DATA");
        loop {
            line = lines.next()?.ok()?;
            heard.lock().unwrap()[number].push(line.clone());
            if !content || line == "." {
                break;
            }
        }
    }
}

/// The application with that relay; it tries a mail once in 2 s.
async fn app(url: &str, settings: &str) -> App {
    let settings = format!(
        "# outbox\n[delivery]\nemail = [\"smtp\"]\ntimeout = \"2s\"\n[delivery.smtp]\nurl = \"{url}\"\n\
         from = \"Acme <no-reply@acme.example>\"\n{settings}"
    );
    App::start(&settings).await
}

fn message(app: &App, to: &str) -> Message {
    let mut rng = StdRng::seed_from_u64(3);
    let service = &app.server.service;
    let rules = &service.authority.rules;
    let delivery = Delivery {
        challenge: ChallengeId::draw(&mut rng),
        send: 1,
        to: Destination::Email(Email::parse(to).unwrap()),
        code: Code::read("493816", rules.format).unwrap(),
        expires_at: NOW.after(rules.lifetime),
        language: Arc::clone(app.server.catalogue.find("de").unwrap()),
        greets: false,
    };
    service.deliveries.layout.write(&delivery, Occasion::Code, NOW)
}

async fn deliver(app: &App, to: &str) -> Result<Option<String>, Error> {
    app.server.service.deliveries.email[0].try_out(&message(app, to)).await
}

/// The mail among the lines of a connection.
fn mail(lines: &[String]) -> String {
    let from = lines.iter().position(|line| line == "DATA").unwrap() + 1;
    let to = lines.iter().position(|line| line == ".").unwrap();
    lines[from..to].join("\r\n")
}

fn header(mail: &ParsedMail<'_>, name: &str) -> String {
    let values = mail.headers.get_all_values(name);
    assert_eq!(values.len(), 1, "{name}: {values:?}");
    values[0].clone()
}

#[tokio::test]
async fn a_relay_is_told_exactly_what_it_needs() {
    let relay = Relay::start(&[]);
    let app = app(&relay.url, "reply_to = \"Hilfe, rund um die Uhr <help@acme.example>\"\n").await;
    let sent = message(&app, "mira@example.com");
    let id = deliver(&app, "mira@example.com").await.unwrap().unwrap();
    assert_eq!(id, format!("{}.1784540790118@acme.example", sent.challenge));
    let heard = relay.heard();
    let commands: Vec<&str> = heard[0].iter().take(5).map(String::as_str).collect();
    assert!(commands[0].starts_with("EHLO "));
    assert_eq!(
        commands[1..],
        [
            // \0acme@relay\0p@ss
            "AUTH PLAIN AGFjbWVAcmVsYXkAcEBzcw==",
            "MAIL FROM:<no-reply@acme.example>",
            "RCPT TO:<mira@example.com>",
            "DATA",
        ]
    );

    let mail = mail(&heard[0]);
    let parsed = mailparse::parse_mail(mail.as_bytes()).unwrap();
    for (name, value) in [
        ("From", "Acme <no-reply@acme.example>"),
        ("To", "mira@example.com"),
        ("Reply-To", "Hilfe, rund um die Uhr <help@acme.example>"),
        ("Subject", "Ihr Bestätigungscode"),
        ("Date", "Mon, 20 Jul 2026 09:46:30 +0000"),
        ("Message-ID", &format!("<{id}>")),
        ("MIME-Version", "1.0"),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
        ("X-Challenge-Id", &sent.challenge.to_string()),
    ] {
        assert_eq!(header(&parsed, name), value, "{mail}");
    }
    assert_eq!(parsed.headers.len(), 11, "and Content-Type:\n{mail}");
    assert_eq!(parsed.ctype.mimetype, "multipart/alternative");
    let [text, html] = &parsed.subparts[..] else { panic!("{mail}") };
    assert_eq!((text.ctype.mimetype.as_str(), html.ctype.mimetype.as_str()), ("text/plain", "text/html"));
    assert_eq!((text.ctype.charset.as_str(), html.ctype.charset.as_str()), ("utf-8", "utf-8"));
    assert_eq!(text.get_body().unwrap().replace("\r\n", "\n").trim_end(), sent.text.trim_end());
    assert_eq!(html.get_body().unwrap().replace("\r\n", "\n").trim_end(), sent.html.trim_end());
    assert!(mail.is_ascii() && mail.lines().all(|line| line.len() <= 998), "RFC 5322 2.1.1");
}

#[tokio::test]
async fn a_connection_is_used_again_while_it_works() {
    let relay = Relay::start(&[]);
    let app = app(&relay.url, "").await;
    for _ in 0..3 {
        deliver(&app, "mira@example.com").await.unwrap();
    }
    let heard = relay.heard();
    let words =
        |connection: &[String], word: &str| connection.iter().filter(|line| line.starts_with(word)).count();
    assert_eq!((heard.len(), words(&heard[0], "DATA"), words(&heard[0], "AUTH")), (1, 3, 1));

    // A relay that closes a connection after each mail is asked by a new one each time.
    let relay = Relay::start(&[("NOOP", Act::SayAndHangUp("421 too old\r\n"))]);
    let app = self::app(&relay.url, "").await;
    for _ in 0..2 {
        deliver(&app, "mira@example.com").await.unwrap();
    }
    assert_eq!(relay.heard().len(), 2);
}

#[tokio::test]
async fn answers_become_outcomes_and_repeat_nothing_private() {
    #[derive(Debug, PartialEq)]
    enum Outcome {
        Undeliverable,
        Refused,
        Passing,
    }
    use Outcome::{Passing, Refused, Undeliverable};
    let table: &[(Script, Outcome, &str)] = &[
        (
            &[("", Act::Say("554 5.3.2 no service here\r\n"))],
            Refused,
            "connection: 554 5.3.2 no service here",
        ),
        (&[("", Act::Say("421 4.3.2 busy\r\n"))], Passing, "connection: 421 4.3.2 busy"),
        (
            &[("", Act::Say("HTTP/1.1 400 Bad Request\r\n"))],
            Passing,
            "connection: no answer, or none that is SMTP",
        ),
        (&[("", Act::SayAndHangUp(""))], Passing, "connection: no answer, or none that is SMTP"),
        (&[("", Act::StopTalking)], Passing, "connection: no answer, or none that is SMTP"),
        (
            &[("", Act::Say("220 \u{e9}\u{1f600}\r\n999 what\r\n"))],
            Passing,
            "connection: no answer, or none that",
        ),
        (&[("EHLO", Act::Say("250 relay.example\r\n"))], Refused, "AUTH: No compatible authentication"),
        (
            &[("AUTH", Act::Say("535 5.7.8 acme@relay: Acme@Relay has no business here\r\n"))],
            Refused,
            "AUTH: 535 5.7.8 ... ... has no business here",
        ),
        (&[("AUTH", Act::Say("454 4.7.0 try later\r\n"))], Passing, "AUTH: 454 4.7.0 try later"),
        (&[("AUTH", Act::Say("250 fine\r\n"))], Passing, "AUTH: 250, which is no answer to that"),
        (
            &[("MAIL", Act::Say("550 5.7.1 not your address\r\n"))],
            Refused,
            "MAIL FROM: 550 5.7.1 not your address",
        ),
        (&[("MAIL", Act::Say("550 5.1.1 who\r\n"))], Refused, "MAIL FROM: 550 5.1.1 who"),
        (&[("MAIL", Act::Say("451 4.3.0 later\r\n"))], Passing, "MAIL FROM: 451 4.3.0 later"),
        (
            &[("RCPT", Act::Say("550-5.1.1 <mira@example.com>: no such\r\n550 5.1.1 user Mira, sorry\r\n"))],
            Undeliverable,
            "RCPT TO: 550 5.1.1 ... no such user ... sorry",
        ),
        (&[("RCPT", Act::Say("553 no\r\n"))], Undeliverable, "RCPT TO: 553 no"),
        (
            &[("RCPT", Act::Say("554 5.7.1 Relay access denied\r\n"))],
            Refused,
            "RCPT TO: 554 5.7.1 Relay access",
        ),
        (&[("RCPT", Act::Say("450 4.2.0 greylisted\r\n"))], Passing, "RCPT TO: 450 4.2.0 greylisted"),
        (&[("RCPT", Act::Say("354 go\r\n"))], Passing, "RCPT TO: 354, which is no answer to that"),
        (&[("RCPT", Act::SayAndHangUp("25"))], Passing, "RCPT TO: no answer, or none that is SMTP"),
        (&[("DATA", Act::Say("250 fine\r\n"))], Passing, "DATA: 250, which is no answer to that"),
        (&[("DATA", Act::Say("554 5.5.1 no\r\n"))], Refused, "DATA: 554 5.5.1 no"),
        (
            &[(".", Act::Say("550 5.7.1 spam: 493816 for mira@example.com\r\n"))],
            Refused,
            "the message: 550 5.7.1 spam: ... for ...",
        ),
        (&[(".", Act::Say("550 5.1.1 too late\r\n"))], Refused, "the message: 550 5.1.1 too late"),
        (&[(".", Act::Say("452 4.3.1 disk full\r\n"))], Passing, "the message: 452 4.3.1 disk full"),
        (&[(".", Act::Say("354 more\r\n"))], Passing, "the message: 354, which is no answer to that"),
        (&[(".", Act::StopTalking)], Passing, "the message: no answer, or none that is SMTP"),
    ];
    for (script, outcome, reason) in table {
        let relay = Relay::start(script);
        let app = app(&relay.url, "").await;
        let error = deliver(&app, "mira@example.com").await.unwrap_err();
        let (found, said) = match error {
            Error::Undeliverable(said) => (Undeliverable, said),
            Error::Refused(said) => (Refused, said),
            Error::Passing { reason, retry_after } => {
                assert_eq!(retry_after, None);
                (Passing, reason)
            }
        };
        assert_eq!(&found, outcome, "{said}");
        assert!(said.starts_with(reason), "{said} is not {reason}");
        // What went wrong once is not used again.
        let _ = deliver(&app, "mira@example.com").await;
        assert_eq!(relay.heard().len(), 2, "{reason}");
    }
}

#[tokio::test]
async fn dev_modes_clock_may_stand_beyond_all_dates() {
    let relay = Relay::start(&[]);
    let app = app(&relay.url, "").await;
    for (at, date) in
        [(i64::MAX, "Fri, 31 Dec 9999 23:59:59 +0000"), (i64::MIN, "Thu, 01 Jan 1970 00:00:00 +0000")]
    {
        let message = Message { at: Timestamp::from_millis(at), ..message(&app, "mira@example.com") };
        app.server.service.deliveries.email[0].try_out(&message).await.unwrap();
        assert!(relay.heard().concat().contains(&format!("Date: {date}")), "{date}");
    }
}

#[tokio::test]
async fn nobody_listening_is_a_passing_failure() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let app = app(&format!("smtp://{free}?tls=none"), "").await;
    let error = deliver(&app, "mira@example.com").await.unwrap_err();
    let Error::Passing { reason, .. } = &error else { panic!("{error}") };
    assert!(reason.starts_with("connection: ") && reason.contains("refused"), "{reason}");
}

#[tokio::test]
async fn an_attempt_ends_when_its_time_is_over() {
    for script in [&[("", Act::Sleep)] as Script, &[("RCPT", Act::Sleep)], &[(".", Act::Sleep)]] {
        let relay = Relay::start(script);
        let app = app(&relay.url, "").await;
        let started = Stopwatch::start();
        let error = deliver(&app, "mira@example.com").await.unwrap_err();
        assert_eq!(error.to_string(), "timed out");
        assert!((1_900..4_000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn nothing_is_said_in_the_clear_where_tls_is_wanted() {
    // Somebody on the way takes STARTTLS out of the relay's offers.
    let relay = Relay::start(&[]);
    let url = relay.url.replace("?tls=none", "");
    let app = app(&url, "").await;
    let error = deliver(&app, "mira@example.com").await.unwrap_err();
    assert_eq!(error, Error::Refused("STARTTLS: STARTTLS is not supported on this server".to_owned()));
    let heard = relay.heard();
    assert!(heard[0].iter().all(|line| line.starts_with("EHLO") || line.starts_with("QUIT")), "{heard:?}");

    // Or offers it, and does not mean it.
    let relay = Relay::start(&[
        ("EHLO", Act::Say("250-relay.example\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n")),
        ("STARTTLS", Act::Say("220 go\r\n250 relay.example\r\n235 welcome\r\n250 fine\r\n250 fine\r\n")),
    ]);
    let app = self::app(&relay.url.replace("?tls=none", ""), "").await;
    let error = deliver(&app, "mira@example.com").await.unwrap_err();
    assert!(matches!(error, Error::Passing { .. }), "{error}");
    let heard = relay.heard();
    let said = heard[0].concat();
    assert!(!said.contains("AUTH") && !said.contains("MAIL") && !said.contains("mira"), "{said}");
}

#[tokio::test]
async fn no_text_becomes_a_header() {
    let relay = Relay::start(&[]);
    let words = tempfile::tempdir().unwrap();
    let subject = "mail-subject-product =\n    { $product }:\n    Bcc: eve@example.net\n";
    std::fs::write(words.path().join("de.ftl"), subject).unwrap();
    let app = app(
        &relay.url.replace("?tls", "/?tls"),
        &format!(
            "reply_to = 'Ä, \"B\": <help@acme.example>'\n[messages]\ndir = {:?}\nproduct = \"Ümläut: , <Acme> {}\"\n",
            words.path(),
            "very ".repeat(15)
        ),
    )
    .await;
    deliver(&app, "o'neil+x@example.com").await.unwrap();
    let heard = relay.heard();
    let mail = mail(&heard[0]);
    let parsed = mailparse::parse_mail(mail.as_bytes()).unwrap();
    assert!(!parsed.headers.iter().any(|header| header.get_key().eq_ignore_ascii_case("bcc")), "{mail}");
    let product = format!("Ümläut: , <Acme> {}", "very ".repeat(15));
    assert_eq!(header(&parsed, "Subject"), format!("{}: Bcc: eve@example.net", product.trim()));
    assert_eq!(header(&parsed, "To"), "o'neil+x@example.com");
    assert!(
        mail.contains("\r\nReply-To: =?utf-8?b?"),
        "nothing in the name is left to be read as an address:\n{mail}"
    );
    assert_eq!(header(&parsed, "Reply-To"), "Ä, \"B\": <help@acme.example>");
    assert_eq!(parsed.headers.len(), 11, "{mail}");
}

#[tokio::test]
async fn addresses_beyond_ascii_go_where_they_are_understood() {
    let relay = Relay::start(&[]);
    let app = app(&relay.url, "").await;
    deliver(&app, "mira@bücher.example").await.unwrap();
    let heard = relay.heard();
    assert!(heard[0].contains(&"RCPT TO:<mira@xn--bcher-kva.example>".to_owned()), "{heard:?}");
    let error = deliver(&app, "用户@例子.公司").await.unwrap_err();
    assert_eq!(error, Error::Undeliverable("the relay takes addresses in ASCII only".to_owned()));

    let relay = Relay::start(&[(
        "EHLO",
        Act::Say("250-relay.example\r\n250-SMTPUTF8\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n"),
    )]);
    let app = self::app(&relay.url, "").await;
    deliver(&app, "用户@例子.公司").await.unwrap();
    let heard = relay.heard();
    for line in
        ["MAIL FROM:<no-reply@acme.example> SMTPUTF8 BODY=8BITMIME", "RCPT TO:<用户@xn--fsqu00a.xn--55qx5d>"]
    {
        assert!(heard[0].contains(&line.to_owned()), "{heard:?}");
    }
}

#[tokio::test]
async fn a_mailbox_that_is_not_there_is_told_to_the_dialog() {
    let relay = Relay::start(&[("RCPT", Act::Say("550 5.1.1 no such user\r\n"))]);
    let app = app(&relay.url, "").await;
    let otp = app.call("OtpSend", &small("s", 1, &json!({ "UserEmail": "mira@example.com" }))).await;
    assert_eq!(otp["status"], "undeliverable");
    let rcpts = relay.heard().concat().iter().filter(|line| line.starts_with("RCPT")).count();
    assert_eq!(rcpts, 1, "asking again does not help");
}

#[tokio::test]
async fn the_next_provider_is_tried_and_the_outbox_knows_which_one_it_was() {
    let relay = Relay::start(&[(".", Act::Say("554 5.7.1 not today\r\n"))]);
    let settings = |relay: &Relay| {
        format!(
            "# outbox\n[delivery]\nemail = [\"smtp\", \"sendgrid\"]\n[delivery.smtp]\nurl = \"{}\"\n\
             from = \"no-reply@acme.example\"\n",
            relay.url
        )
    };
    let outbox = async |app: &App| -> Value {
        app.http.get(format!("{}/dev/outbox", app.url)).send().await.unwrap().json().await.unwrap()
    };
    let app = App::start(&settings(&relay)).await;
    let otp = app.call("OtpSend", &small("s", 1, &json!({ "UserEmail": "mira@example.com" }))).await;
    assert_eq!((&otp["status"], app.calls().await.len()), (&json!("sent"), 1));
    assert_eq!(outbox(&app).await[0]["provider"], "sendgrid");

    let relay = Relay::start(&[]);
    let app = App::start(&settings(&relay)).await;
    let otp = app.call("OtpSend", &small("s", 1, &json!({ "UserEmail": "mira@example.com" }))).await;
    assert_eq!((&otp["status"], app.calls().await.len()), (&json!("sent"), 0));
    let sent = outbox(&app).await;
    let id = format!("{}.1784540790118@acme.example", otp["challengeId"].as_str().unwrap());
    assert_eq!((&sent[0]["provider"], &sent[0]["id"]), (&json!("smtp"), &json!(id)));
}

#[tokio::test]
async fn a_relay_is_asked_whether_it_knows_us_without_a_mail() {
    let last = |app: &App| app.server.service.deliveries.email[0].last_check();
    let relay = Relay::start(&[]);
    let known = app(&relay.url, "").await;
    known.server.service.deliveries.check(&known.server.service.metrics).await;
    assert!(matches!(last(&known), Some(Ok(_))), "{:?}", last(&known));
    let heard = relay.heard();
    let words: Vec<&str> = heard[0].iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!((heard.len(), words), (1, vec!["EHLO", "AUTH", "QUIT"]));
    for (script, wanted) in [
        (&[("AUTH", Act::Say("535 5.7.8 no, acme@relay p@ss\r\n"))] as Script, "refused: AUTH: 535"),
        (&[("EHLO", Act::Sleep)], "timed out"),
    ] {
        let relay = Relay::start(script);
        let app = app(&relay.url, "").await;
        app.server.service.deliveries.check(&app.server.service.metrics).await;
        let error = last(&app).unwrap().unwrap_err().to_string();
        assert!(error.contains(wanted) && !error.contains("p@ss"), "{error}");
    }
}
