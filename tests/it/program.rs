//! The program as it is started by people and by systemd.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use botkit_otp::telemetry::Stopwatch;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

use crate::support::{BOT, mailed_code, small, webhook};

pub(crate) fn program(folder: &tempfile::TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_botkit-otp"));
    command.current_dir(folder.path()).env_clear().env("PORT", "0");
    command
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The program, serving.
pub(crate) struct Running {
    child: Child,
    pub(crate) url: String,
    /// What it logged until it listened.
    pub(crate) log: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// Starts the program and reads its address off its log.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let (mut line, mut said) = (String::new(), String::new());
        while !line.contains(" on http://") {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "it stopped: {said}");
            said += &line;
        }
        let url = line
            .split_whitespace()
            .find(|word| word.starts_with("http://"))
            .unwrap()
            .trim_end_matches(',')
            .to_owned();
        child.stderr = Some(log.into_inner());
        Self { child, url, log: said }
    }

    /// Ends it as a power cut or the kernel would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn terminate(&mut self) {
        let killed = Command::new("sh").args(["-c", &format!("kill {}", self.child.id())]).status().unwrap();
        assert!(killed.success());
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let started = Stopwatch::start();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "it does not stop");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

const CONFIG: &str = "[bots.default]\napp_id = \"cs-program\"\napi_key = \"n0t-a-real-secret\"\nconversation = true\n\
                      [delivery.sendgrid]\napi_key = \"SG.n0t-a-real-key\"\nfrom = \"no-reply@acme.example\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_is_ever_logged_and_sigterm_lets_a_mail_finish() {
    let folder = tempfile::tempdir().unwrap();
    let stub = MockServer::start().await;
    let slow = ResponseTemplate::new(202).set_delay(Duration::from_millis(700));
    Mock::given(matchers::any()).respond_with(slow).mount(&stub).await;
    let config = format!(
        "{CONFIG}base_url = \"{}\"\n[server]\ndrain_for = \"0s\"\n[platform]\nanswer_within = \"100ms\"\ncall_timeout = \"1s\"\n",
        stub.uri()
    );
    std::fs::write(folder.path().join("botkit-otp.toml"), config).unwrap();
    let token = program(&folder).args(["token", "--bot", "st-1"]).output().unwrap();
    let token = String::from_utf8(token.stdout).unwrap().trim().to_owned();

    let mut running = Running::start(program(&folder).env("RUST_LOG", "trace"));
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let call = |component: &'static str, request: usize, entities: Value| {
        let mut body = small("s-1", request, &entities);
        body["dialogComponentName"] = json!(component);
        body["message"] = json!("the words of the user");
        let request = http.post(format!("{}{}", running.url, webhook())).header("token", &token);
        async move { request.body(body.to_string()).send().await.unwrap().text().await.unwrap() }
    };
    let mut answers = vec![call("OtpSend", 1, json!({ "UserEmail": "mira@example.com" })).await];
    assert!(answers[0].contains("\"status\":\"queued\""), "{}", answers[0]);
    answers.push(call("OtpVerify", 2, json!({ "Otp": "000000" })).await);
    let forged =
        http.post(format!("{}{}", running.url, webhook())).header("token", "forged-token-text").send().await;
    answers.push(forged.unwrap().text().await.unwrap());
    answers.push(call("OtpSend", 3, json!({ "UserEmail": "mira.example.com and more" })).await);
    // In conversation: what users type and what is said to them. The stub stands at no allowed origin, so the words go
    // nowhere, and are not logged for that either.
    for (request, text) in
        ["000001", "the words of the user", "nora.lind@example.org", "jjh4ezb2"].into_iter().enumerate()
    {
        let mut body = small("s-1", 10 + request, &json!({}));
        body["message"] = json!(text);
        for name in ["sendBotMessageUrl", "sendUserMessageUrl"] {
            body[name] = json!(format!("https://bots.kore.ai/api/botsdk/stream/{BOT}/{name}/7"));
        }
        let message =
            http.post(format!("{}/sdk/bots/{BOT}/on_user_message", running.url)).header("token", &token);
        answers.push(message.body(body.to_string()).send().await.unwrap().text().await.unwrap());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    // The mail is still on its way: stopping waits for it.
    running.terminate();
    assert!(running.wait().success());
    let calls = stub.received_requests().await.unwrap();
    let code = mailed_code(calls.iter().find(|call| call.url.path() == "/v3/mail/send").unwrap());
    let mut log = String::new();
    running.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.contains("sendgrid took a message") && log.contains("stopped"), "{log}");
    // Addresses in memory, as numbers of any digits.
    let log: String =
        log.lines().filter(|line| !line.contains("token=Token(")).collect::<Vec<_>>().join("\n");
    let answers = answers.join("\n");
    for secret in [code.as_str(), &token, "n0t-a-real", "forged-token-text"] {
        assert!(!log.contains(secret) && !answers.contains(secret), "{secret} got out");
    }
    for private in [
        "mira@example.com",
        "mira.example.com",
        "the words of the user",
        "000000",
        "000001",
        "nora.lind",
        "jjh4ezb2",
    ] {
        assert!(!log.contains(private), "{private} was logged:\n{log}");
    }
}

#[test]
fn production_does_not_start_on_sand() {
    let folder = tempfile::tempdir().unwrap();
    for (config, complaint) in [
        ("[otp]\nlength = 6\n", "bots.default.app_id is empty"),
        ("[bots.default]\napp_id = \"test_app_id\"\napi_key = \"x\"\n", "is a sample value"),
        ("[bots.default]\napp_id = \"cs-1\"\napi_key = \"x\"\n", "delivery.sendgrid.api_key is empty"),
        (&CONFIG.replace("no-reply@acme.example", ""), "delivery.sendgrid.from is no sender"),
        (CONFIG, "ok"),
        (&format!("delivery.email = []\n{CONFIG}"), "delivery.email is empty"),
        (
            &format!("delivery.email = [\"outbox\"]\n{CONFIG}"),
            "unknown variant `outbox`, expected one of `sendgrid`, `smtp`, `twilio`",
        ),
        (&format!("{CONFIG}[otp]\nlength = 3\n"), "otp.length must be 4 to 10"),
        (&format!("{CONFIG}[otp]\nkeys = [{{ id = \"a\", secret = \"short\" }}]\n"), "shorter than 32 bytes"),
        (
            &format!("{CONFIG}[platform]\ncallback_origins = [\"http://bots.kore.ai\"]\n"),
            "must start with https://",
        ),
    ] {
        std::fs::write(folder.path().join("my.toml"), config).unwrap();
        let output = program(&folder).args(["--config", "my.toml", "check"]).output().unwrap();
        let said = said(&output);
        if complaint == "ok" {
            assert!(output.status.success(), "{said}");
        } else {
            assert!(!output.status.success() && said.contains(complaint), "{config}\n{said}");
            assert!(said.starts_with("error: "), "{said}");
        }
    }
    let empty = CONFIG.replace("SG.n0t-a-real-key", "");
    std::fs::write(folder.path().join("my.toml"), empty).unwrap();
    let output = program(&folder).args(["--config", "my.toml", "serve"]).output().unwrap();
    assert!(said(&output).contains("delivery.sendgrid.api_key is empty"), "{}", said(&output));
    assert!(!folder.path().join("data").exists(), "no store is made for what cannot be served");
}

#[test]
fn check_shows_the_configuration_without_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("my.toml"), format!("{CONFIG}[otp]\nlifetime = \"20m\"\nlength = 5\n"))
        .unwrap();
    let output = program(&folder).args(["--config", "my.toml", "check"]).output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("app_id = \"cs-program\"") && said.contains("(hidden)") && !said.contains("n0t-a-real"),
        "{said}"
    );
    assert!(
        said.contains("error: otp.lifetime is over 10 minutes")
            && said.contains("error: otp.length is under 6")
    );
}

#[test]
fn a_token_needs_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let output = program(&folder).args(["token", "--bot", "st-1"]).output().unwrap();
    assert!(!output.status.success() && said(&output).contains("there are no credentials to sign with"));
}

#[test]
fn configuration_errors_repeat_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    for (config, complaint) in [
        ("[bots.default]\napp_id = \"cs-1\"\napi_key = \"hush-hush\n", "my.toml: line 3 is not TOML"),
        ("[otp]\nkeys = \"hush-hush\"\n", "my.toml: otp.keys cannot be used"),
        (
            "[delivery.sendgrid]\napi_key = [\"hush-hush\"]\n",
            "my.toml: delivery.sendgrid.api_key cannot be used",
        ),
        (
            "[delivery.sendgrid]\nbase_url = \"http://localhost:x@evil.example/\"\n",
            "delivery.sendgrid.base_url",
        ),
        ("[bots.default]\napp_id = \"cs-...\"\napi_key = \"x\"\n", "is a sample value"),
        ("[delivery.smtp]\nurl = [\"hush-hush\"]\n", "my.toml: delivery.smtp.url cannot be used"),
        (
            &format!(
                "delivery.email = [\"smtp\"]\n{CONFIG}[delivery.smtp]\nurl = \"smtp://hush:hu/sh@hush.example\"\n"
            ),
            "my.toml: delivery.smtp.url is no URL of a relay; write it like",
        ),
    ] {
        std::fs::write(folder.path().join("my.toml"), config).unwrap();
        let output = program(&folder).args(["--config", "my.toml", "check"]).output().unwrap();
        let said = said(&output);
        assert!(!output.status.success() && said.contains(complaint), "{config}\n{said}");
        assert!(!said.contains("hush"), "{said}");
    }
}

#[test]
fn mail_settings_are_checked_when_the_server_starts() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("words")).unwrap();
    std::fs::write(folder.path().join("words/mail.html"), "<p>{{ lead }}</p>\n<p>{{ kode }}</p>\n").unwrap();
    std::fs::write(folder.path().join("no.pem"), "MIIB").unwrap();
    let smtp =
        "delivery.email = [\"smtp\"]\n[bots.default]\napp_id = \"cs-1\"\napi_key = \"x\"\n[delivery.smtp]\n";
    let (url, from) = ("url = \"smtps://u:p@relay.example\"\n", "from = \"Acme <no-reply@acme.example>\"\n");
    for (config, complaint) in [
        (format!("{smtp}{url}{from}"), "ok"),
        (
            smtp.to_owned(),
            "default: delivery.smtp.url is empty; write it like \"smtp://user:password@host:587\"",
        ),
        (
            format!("{smtp}url = \"smtp://u:p@relay.example?tls=none\"\n{from}"),
            "delivery.smtp.url turns TLS off",
        ),
        (
            format!("{smtp}url = \"smtp://user:password@host:587\"\n{from}"),
            "delivery.smtp.url is a sample value",
        ),
        (format!("{smtp}{url}"), "default: delivery.smtp.from is no sender (it is empty)"),
        (
            format!("{smtp}{url}from = \"A\\r\\nBcc: x <a@b.example>\"\n"),
            "my.toml: delivery.smtp.from is no sender",
        ),
        (format!("{smtp}{url}{from}reply_to = \"help\"\n"), "my.toml: delivery.smtp.reply_to is no address"),
        (
            format!("{smtp}{url}{from}ca_file = \"gone.pem\"\n"),
            "delivery.smtp.ca_file is gone.pem, which cannot be read",
        ),
        (
            format!("{smtp}{url}{from}ca_file = \"no.pem\"\n"),
            "ca_file is no.pem, which holds no certificate in PEM",
        ),
        (
            format!("{smtp}{url}{from}[messages]\nproduct = \"A\\nBcc: x\"\n"),
            "my.toml: messages.product must be one line",
        ),
        (
            format!("{smtp}{url}{from}[messages]\nsupport = \"{}\"\n", "x".repeat(101)),
            "my.toml: messages.support must be one line of at most 100 characters",
        ),
        (
            format!("{smtp}{url}{from}[messages]\ndir = \"words\"\n"),
            "my.toml: messages.dir words/mail.html:2: uses kode; it may use code, direction, ignore,",
        ),
    ] {
        std::fs::write(folder.path().join("my.toml"), &config).unwrap();
        let output = program(&folder).args(["--config", "my.toml", "check"]).output().unwrap();
        let said = said(&output);
        assert_eq!(output.status.success(), complaint == "ok", "{config}\n{said}");
        assert!(complaint == "ok" || said.contains(complaint), "{config}\n{said}");
        assert!(!said.contains("u:p@"), "{said}");
    }
}

#[test]
fn a_test_mail_goes_through_every_provider() {
    let folder = tempfile::tempdir().unwrap();
    let output = program(&folder).args(["check", "--send-test", "mira@example.com"]).output().unwrap();
    let printed = said(&output);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("\nA test mail to m...a@example.com:\noutbox: accepted\n"), "{printed}");

    // Nobody listens at either.
    let config = "[delivery]\nemail = [\"smtp\", \"sendgrid\"]\n[delivery.smtp]\nurl = \"smtp://127.0.0.1:1?tls=none\"\n\
                  from = \"no-reply@acme.example\"\n[delivery.sendgrid]\nbase_url = \"http://127.0.0.1:1\"\n\
                  api_key = \"SG.n0t-a-real-key\"\nfrom = \"no-reply@acme.example\"\n";
    std::fs::write(folder.path().join("my.toml"), format!("[dev]\nenabled = true\n{config}")).unwrap();
    let output = program(&folder)
        .args(["--config", "my.toml", "check", "--send-test", "mira@example.com"])
        .output()
        .unwrap();
    let printed = said(&output);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    let (smtp, sendgrid) =
        (printed.find("\nsmtp: connection: "), printed.find("\nsendgrid: connection refused\n"));
    assert!(smtp.is_some() && smtp < sendgrid, "{printed}");
    assert!(printed.contains("error: no provider took the test mail"), "{printed}");

    // A machine, or an image, without CA certificates.
    let mut bare = program(&folder);
    bare.env("SSL_CERT_FILE", "/nowhere").env("SSL_CERT_DIR", "/nowhere");
    let printed = said(&bare.args(["--config", "my.toml", "check"]).output().unwrap());
    assert!(
        printed.contains("cannot do TLS, since the CA certificates of this machine cannot be read: "),
        "{printed}"
    );

    let output = program(&folder).args(["check", "--send-test", "mira"]).output().unwrap();
    assert!(
        !output.status.success() && said(&output).contains("the form name@example.com"),
        "{}",
        said(&output)
    );
}

/// What the platform's stub was sent, and answers: the documented call, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn register_shows_what_it_would_do_and_does_it_only_when_told_to() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("botkit-otp.toml"), CONFIG).unwrap();
    let platform = MockServer::start().await;
    let wanted = json!({
        "sdkClientId": "cs-program", "sdkHostUri": "https://otp.example.com/otp", "subscribedFor": ["onHook", "onMessage"],
        "connectorEnabled": false, "PIIMaskingDisabledForAgentTransfer": false,
    });
    Mock::given(matchers::method("PUT"))
        .and(matchers::path(format!("/api/public/bot/{BOT}/sdkSubscription")))
        .and(matchers::header_exists("auth"))
        .and(matchers::header("content-type", "application/json"))
        .and(matchers::body_json(&wanted))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "_id": "sub-1" })))
        .mount(&platform)
        .await;
    let register = |more: &[&str]| {
        let mut command = program(&folder);
        command.args([
            "register",
            "--host",
            &platform.uri(),
            "--bot",
            BOT,
            "--url",
            "https://otp.example.com/otp/",
        ]);
        command.args(more).output().unwrap()
    };
    let dry = register(&[]);
    assert!(dry.status.success() && said(&dry).contains("Nothing was sent"), "{}", said(&dry));
    assert!(platform.received_requests().await.unwrap().is_empty());
    let done = register(&["--apply"]);
    assert!(done.status.success() && said(&done).contains("sub-1"), "{}", said(&done));
    let calls = platform.received_requests().await.unwrap();
    let token = calls[0].headers["auth"].to_str().unwrap().to_owned();
    let mut checks = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    checks.validate_aud = false;
    let key = jsonwebtoken::DecodingKey::from_secret(b"n0t-a-real-secret");
    let claims = jsonwebtoken::decode::<Value>(&token, &key, &checks).unwrap().claims;
    assert_eq!((calls.len(), &claims["appId"]), (1, &json!("cs-program")));
    for text in [said(&dry), said(&done)] {
        assert!(text.contains("onHook") && !text.contains(&token) && !text.contains("n0t-a-real"), "{text}");
    }
    // A platform that does not know the bot; a token of one's own.
    let other = register(&["--apply", "--token", "t0ken-of-mine", "--bot", "st-other"]);
    assert!(!other.status.success(), "{}", said(&other));
    let other = {
        let mut command = program(&folder);
        command.args([
            "register",
            "--host",
            &platform.uri(),
            "--bot",
            "st-other",
            "--url",
            "https://otp.example.com",
        ]);
        command.args(["--apply", "--token", "t0ken-of-mine"]).output().unwrap()
    };
    assert!(!other.status.success() && said(&other).contains("answered 404; is the bot"), "{}", said(&other));
    assert_eq!(platform.received_requests().await.unwrap().last().unwrap().headers["auth"], "t0ken-of-mine");
    assert!(!said(&other).contains("t0ken"), "{}", said(&other));
}

#[test]
fn botkits_own_file_is_found_and_ours_lies_over_it() {
    let folder = tempfile::tempdir().unwrap();
    let theirs = r#"{"server":{"port":8003},"credentials":{"apikey":"n0t-a-real-secret","appId":"cs-theirs"},"examples":{}}"#;
    std::fs::write(folder.path().join("config.json"), theirs).unwrap();
    std::fs::write(
        folder.path().join("botkit-otp.toml"),
        "[server]\nbind = \"127.0.0.1:1\"\n[delivery.sendgrid]\napi_key = \"SG.n0t-a-real-key\"\nfrom = \"a@acme.example\"\n",
    )
    .unwrap();
    for more in [&[][..], &["--config", "config.json"]] {
        let output = program(&folder).args(more).arg("check").output().unwrap();
        let printed = said(&output);
        assert!(printed.contains("cs-theirs") && printed.contains("bind = \"127.0.0.1:0\""), "{printed}");
        assert!(
            printed.contains("config.json holds what has no counterpart here and is ignored: examples"),
            "{printed}"
        );
        assert!(!printed.contains("n0t-a-real"), "{printed}");
    }
    let only = program(&folder).args(["--config", "botkit-otp.toml", "check"]).output().unwrap();
    assert!(said(&only).contains("bots.default.app_id is empty"), "{}", said(&only));
    // Somebody else's.
    std::fs::write(folder.path().join("config.json"), "{\"name\":\"x\"}").unwrap();
    let none = program(&folder).arg("check").output().unwrap();
    assert!(said(&none).contains("bots.default.app_id is empty"), "{}", said(&none));
}

#[test]
fn check_tells_pipelines_how_bad_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("botkit-otp.toml");
    let check = |text: &str, more: &[&str]| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let output = program(&folder).arg("check").args(more).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(check(CONFIG, &[]).0, 0);
    assert_eq!(check(CONFIG, &["--strict"]).0, 0);
    assert_eq!(check(&format!("{CONFIG}[store]\nkind = \"memory\"\n"), &["--strict"]).0, 1);
    let weak = format!("{CONFIG}[otp]\nlifetime = \"15m\"\n");
    let (code, printed) = check(&weak, &["--json"]);
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((code, &printed["usable"]), (2, &json!(true)));
    assert_eq!(
        printed["findings"][0],
        json!({
            "severity": "error", "key": "otp.lifetime",
            "risk": "is over 10 minutes: who finds or overhears a code has that long to use it",
            "fix": "set it to 10m or less; 5m is the default",
            "standard": ["ASVS 6.5.5", "NIST SP 800-63B-4 3.1.3.2"],
        })
    );
    let (code, printed) = check("[otp]\nlenght = 6\n", &["--json"]);
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(
        (code, &printed["usable"], &printed["findings"][0]["key"]),
        (2, &json!(false), &json!("otp.lenght"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_can_be_json() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("botkit-otp.toml"),
        format!("{CONFIG}[server]\ndrain_for = \"0s\"\n[log]\nformat = \"json\"\n"),
    )
    .unwrap();
    let token = program(&folder).args(["token", "--bot", "st-1"]).output().unwrap();
    let token = String::from_utf8(token.stdout).unwrap().trim().to_owned();
    let mut running = Running::start(&mut program(&folder));
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut body = small("s-1", 7, &json!({}));
    body["dialogComponentName"] = json!("OtpStatus");
    let request = http.post(format!("{}{}", running.url, webhook())).header("token", &token);
    let request = request.header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    assert_eq!(request.body(body.to_string()).send().await.unwrap().status(), 200);
    running.terminate();
    assert!(running.wait().success());
    let mut log = String::new();
    running.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = lines.iter().find(|line| line["event"] == "on_webhook").unwrap();
    for (field, value) in [
        ("status", json!(200)),
        ("bot", json!(BOT)),
        ("request", json!("7")),
        ("component", json!("OtpStatus")),
        ("otp", json!("no_challenge")),
        ("level", json!("info")),
        ("trace_id", json!("4bf92f3577b34da6a3ce929d0e0e4736")),
    ] {
        assert_eq!(line[field], value, "{line}");
    }
    assert!(line["ms"].as_f64().unwrap() > 0.0, "{line}");
}

#[test]
fn files_for_tls_are_checked_when_the_server_starts() {
    let folder = tempfile::tempdir().unwrap();
    let own = |name: &str| {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
        std::fs::write(folder.path().join(format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(folder.path().join(format!("{name}.key")), key.serialize_pem()).unwrap();
    };
    own("one");
    own("two");
    for (settings, complaint) in [
        ("tls_cert = \"one.pem\"\ntls_key = \"one.key\"", None),
        ("tls_cert = \"one.pem\"", Some("botkit-otp.toml: server.tls_cert needs its counterpart")),
        ("tls_key = \"one.key\"", Some("botkit-otp.toml: server.tls_key needs its counterpart")),
        ("tls_client_ca = \"one.pem\"", Some("botkit-otp.toml: server.tls_client_ca needs server.tls_cert")),
        (
            "tls_cert = \"one.pem\"\ntls_key = \"two.key\"",
            Some("botkit-otp.toml: server.tls_key does not go with server.tls_cert"),
        ),
        (
            "tls_cert = \"one.key\"\ntls_key = \"one.key\"",
            Some("botkit-otp.toml: server.tls_cert holds no certificate in PEM"),
        ),
        (
            "tls_cert = \"none.pem\"\ntls_key = \"one.key\"",
            Some("botkit-otp.toml: server.tls_cert is none.pem, which cannot be read"),
        ),
    ] {
        std::fs::write(folder.path().join("botkit-otp.toml"), format!("{CONFIG}[server]\n{settings}\n"))
            .unwrap();
        let output = program(&folder).arg("check").output().unwrap();
        let said = said(&output);
        match complaint {
            Some(complaint) => assert!(output.status.code() == Some(2) && said.contains(complaint), "{said}"),
            None => assert!(output.status.success() && said.contains("one.key holds secrets"), "{said}"),
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn it_takes_the_descriptors_it_needs_or_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let config = "[server]\nmost_connections = 50\n[delivery]\nmost_at_once = 1\n";
    std::fs::write(
        folder.path().join("botkit-otp.toml"),
        CONFIG.replacen("[delivery.", &format!("{config}[delivery."), 1),
    )
    .unwrap();
    for (most, taken) in [("2000", "1601"), ("600", "600")] {
        let mut shell = Command::new("sh");
        let limited = format!("ulimit -Sn 500; ulimit -Hn {most}; exec {}", env!("CARGO_BIN_EXE_botkit-otp"));
        let shell = shell.current_dir(folder.path()).env_clear().env("PORT", "0").args(["-c", &limited]);
        let running = Running::start(shell);
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", running.child.id())).unwrap();
        let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        assert!(files.split_whitespace().nth(3) == Some(taken), "{files}");
        let warned = "600 files may be open at once, and server.most_connections = 50 with delivery.most_at_once = 1 may need \
                      1601; raise";
        assert_eq!(running.log.contains(warned), most == "600", "{}", running.log);
    }
}

#[test]
fn the_command_line_describes_itself() {
    let folder = tempfile::tempdir().unwrap();
    let of = |args: &[&str]| said(&program(&folder).args(args).output().unwrap());
    let page = of(&["man"]);
    assert!(page.contains(".TH botkit-otp 1") && page.contains("botkit\\-otp\\-register(1)"), "{page}");
    assert!(of(&["man", "check"]).contains("\\-\\-strict"));
    assert!(of(&["man", "nothing"]).contains("there is no command \"nothing\""));
    for shell in ["bash", "zsh", "fish"] {
        let script = of(&["completions", shell]);
        assert!(script.contains("register") && script.contains("send-test"), "{shell}: {script}");
    }
    let dialog: Value = serde_json::from_str(&of(&["dialog"])).unwrap();
    assert_eq!(dialog["dialogs"][0]["localeData"]["en"]["name"], "OTP Authentication");
}

#[test]
fn the_compose_file_is_a_configuration() {
    let compose = include_str!("../../deploy/compose.yml");
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(&folder);
    command.env_remove("PORT").env("BOTKIT_OTP_SERVER__BIND", "0.0.0.0:8003");
    // The sample of `.env` in its first lines, with secrets in place of the dots, as Compose reads it.
    let sample = compose.lines().filter_map(|line| line.strip_prefix("#   ")?.split_once('='));
    let sample: Vec<_> = sample
        .map(|(name, value)| {
            (name, value.trim_matches('\'').replace("...", "0123456789abcdef0123456789abcdef"))
        })
        .collect();
    assert_eq!(sample.len(), 7, "{sample:?}");
    let (_, servers) = compose.split_once("\nx-server: &server\n").unwrap();
    let (_, environment) = servers.split_once("  environment:\n").unwrap();
    let environment = environment.lines().map_while(|line| line.strip_prefix("    ")?.split_once(": "));
    let environment: Vec<_> = environment
        .map(|(name, value)| {
            let filled = sample.iter().fold(value.to_owned(), |value, (name, sample)| {
                value.replace(&format!("${{{name}:?}}"), sample)
            });
            assert!(!filled.contains("${"), "{filled}");
            (name, filled)
        })
        .collect();
    assert_eq!(environment.len(), 2, "{environment:?}");
    let output = command.envs(sample).envs(environment).arg("check").output().unwrap();
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    for line in [
        "kind = \"redis\"",
        "redis_url = \"(hidden)\"",
        "public_url = \"https://otp.example.com\"",
        "enabled = false",
    ] {
        assert!(said.contains(line), "{line}:\n{said}");
    }
}
