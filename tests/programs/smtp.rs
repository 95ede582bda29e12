//! Mail through a real relay: aiosmtpd, with STARTTLS and AUTH.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use libtest_mimic::Failed;
use mailparse::{MailHeaderMap as _, ParsedMail};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A Python that has aiosmtpd: Debian's own may be another one than the first on the path.
pub(crate) fn python() -> Option<&'static str> {
    ["python3", "/usr/bin/python3"].into_iter().find(|python| {
        let mut command = Command::new(python);
        command.args(["-c", "import aiosmtpd"]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}

struct Relay {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Relay {
    fn start() -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        certificates(folder.path())?;
        let mut process = Command::new(python().ok_or("there is no aiosmtpd")?)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/relay.py"))
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        Ok(Self { process, port: line.trim().parse()?, folder })
    }

    /// A configuration for production that sends through this relay.
    fn configure(&self, folder: &Path, password: &str, more: &str) -> Result<(), Failed> {
        let ca_file = self.folder.path().join("ca.pem").display().to_string();
        let config = format!(
            "[bots.default]\napp_id = \"cs-smtp\"\napi_key = \"n0t-a-real-secret\"\nlanguages = [\"fr\"]\n\
             [delivery]\nemail = [\"smtp\"]\n[delivery.smtp]\nurl = \"smtp://acme%40relay:{password}@localhost:{}\"\n\
             from = \"Acme <no-reply@acme.example>\"\nca_file = \"{ca_file}\"\n\
             [messages]\nproduct = \"Acme\"\nsupport = \"help@acme.example\"\n{more}",
            self.port
        );
        Ok(std::fs::write(folder.join("botkit-otp.toml"), config)?)
    }

    fn mail(&self, number: usize) -> Result<Vec<u8>, Failed> {
        Ok(std::fs::read(self.folder.path().join(format!("{number}.eml")))?)
    }
}

/// An authority, and a certificate of it for this machine: a certificate that signs itself is no server's.
pub(crate) fn certificates(folder: &Path) -> Result<(), Failed> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    std::fs::write(folder.join("ca.pem"), authority.self_signed(&key)?.pem())?;
    let authority = Issuer::new(authority, key);
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &authority)?;
    std::fs::write(folder.join("server.pem"), [certificate.pem(), key.serialize_pem()].concat())?;
    Ok(())
}

fn program(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_botkit-otp"));
    command.current_dir(folder.path()).env_clear().env("PORT", "0");
    command
}

fn said(output: &Output) -> String {
    [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat()
}

/// The code in a mail, which its text and its HTML have to agree on.
fn code(mail: &ParsedMail<'_>) -> Result<String, Failed> {
    let [text, html] = &mail.subparts[..] else { return Err("not two parts".into()) };
    let text = text.get_body()?;
    let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
    let code = text.lines().find(is_code).ok_or_else(|| text.clone())?;
    assert!(html.get_body()?.contains(&format!(">{code}</p>")));
    Ok(code.to_owned())
}

/// `check --send-test` gets a mail to a relay that has shown who it is, and says what kept it from doing so.
pub(crate) fn a_test_mail_arrives() -> Result<(), Failed> {
    let (relay, folder) = (Relay::start()?, tempfile::tempdir()?);
    let mut check = program(&folder);
    check.args(["check", "--send-test", "mira@example.com"]);

    relay.configure(folder.path(), "p%40ss%2Fw%25rd", "")?;
    let output = check.output()?;
    let printed = said(&output);
    assert!(output.status.success(), "{printed}");
    assert!(
        printed.contains("\nA test mail to m...a@example.com:\nsmtp: accepted (message id ch_"),
        "{printed}"
    );
    assert!(
        printed.contains("url = \"(hidden)\"") && !printed.contains("p%40") && !printed.contains("mira@")
    );
    let mail = relay.mail(1)?;
    let mail = mailparse::parse_mail(&mail)?;
    let header = |name: &str| mail.headers.get_first_value(name).unwrap_or_default();
    assert_eq!(header("Subject"), "Test\u{202f}: votre code de vérification");
    assert_eq!(
        (header("From"), header("To")),
        ("Acme <no-reply@acme.example>".into(), "mira@example.com".into())
    );
    assert!(printed.contains(header("Message-ID").trim_matches(['<', '>'])), "{printed}");
    assert!(!printed.contains(&code(&mail)?));
    assert!(mail.subparts[0].get_body()?.contains("help@acme.example"));

    let nobody = program(&folder).args(["check", "--send-test", "nobody@example.com"]).output()?;
    let printed = said(&nobody);
    assert_eq!(nobody.status.code(), Some(1), "{printed}");
    assert!(printed.contains("smtp: undeliverable: RCPT TO: 550 5.1.1 ... no such user\n"), "{printed}");
    assert!(printed.contains("error: no provider took the test mail"), "{printed}");

    relay.configure(folder.path(), "wrong", "")?;
    let output = check.output()?;
    let printed = said(&output);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(printed.contains("smtp: refused: AUTH: 535 5.7.8 "), "{printed}");

    relay.configure(folder.path(), "p%40ss%2Fw%25rd", "")?;
    let output = check.env("BOTKIT_OTP_DELIVERY__SMTP__CA_FILE", "").output()?;
    let printed = said(&output);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(printed.contains("smtp: STARTTLS: ") && printed.contains("UnknownIssuer"), "{printed}");
    assert!(relay.mail(2).is_err(), "a mail got through");
    Ok(())
}

/// Codes go out over one connection, and come back; the log tells nothing of them.
pub(crate) fn mailed_codes_verify() -> Result<(), Failed> {
    let (relay, folder) = (Relay::start()?, tempfile::tempdir()?);
    relay.configure(folder.path(), "p%40ss%2Fw%25rd", "[otp]\nlength = 6\n")?;
    let token = program(&folder).args(["token", "--bot", "st-1"]).output()?;
    let token = String::from_utf8(token.stdout)?;
    let mut server = program(&folder).env("RUST_LOG", "trace").stderr(Stdio::piped()).spawn()?;
    let mut log = BufReader::new(server.stderr.take().ok_or("no log")?);
    let mut line = String::new();
    while !line.contains(" on http://") {
        line.clear();
        if log.read_line(&mut line)? == 0 {
            return Err("it stopped".into());
        }
    }
    // Read on, or a full pipe makes the server wait.
    let rest = std::thread::spawn(move || std::io::read_to_string(log));
    let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap_or_default();
    let url = format!("{}/sdk/bots/st-1/components/any/on_webhook", url.trim_end_matches(','));

    let talk = async {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let call = async |component: &str, session: &str, entities: Value| -> reqwest::Result<Value> {
            let body = json!({
                "dialogComponentName": component,
                "context": { "entities": entities, "session": { "BotUserSession": { "conversationSessionId": session } } },
            });
            let request = http.post(&url).header("token", token.trim()).body(body.to_string());
            Ok(request.send().await?.json::<Value>().await?["context"]["otp"].take())
        };
        let mut codes = Vec::new();
        for (number, session) in [(1, "s-1"), (2, "s-2")] {
            let to = json!({ "UserEmail": format!("{session}@example.com") });
            assert_eq!(call("OtpSend", session, to).await?["status"], "sent");
            let mail = relay.mail(number)?;
            let mail = mailparse::parse_mail(&mail)?;
            assert_eq!(
                mail.headers.get_first_value("Subject").unwrap_or_default(),
                "Votre code de vérification Acme"
            );
            codes.push(code(&mail)?);
            let entered = json!({ "Otp": codes.last() });
            assert_eq!(call("OtpVerify", session, entered).await?["status"], "verified");
        }
        Ok(codes)
    };
    let outcome: Result<Vec<String>, Failed> = tokio::runtime::Runtime::new()?.block_on(talk);
    server.kill()?;
    server.wait()?;
    let log = rest.join().map_err(|_| "the log was not read")??;
    assert!(log.contains("smtp took a message challenge=ch_"), "{log}");
    let private = ["@example.com", "p@ss", "p%40", "acme@relay", "acme%40", "Votre code"].map(str::to_owned);
    for word in outcome?.iter().chain(&private) {
        assert!(!log.contains(word), "{word} was logged:\n{log}");
    }
    // One to ask whether the relay knows us, when the server starts, and one for all mails.
    let connections = std::fs::read_to_string(relay.folder.path().join("connections.txt"))?;
    assert_eq!(connections, "connected\nconnected\n");
    Ok(())
}
