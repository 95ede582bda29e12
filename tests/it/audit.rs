//! What is written down, and what can be told from it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use botkit_otp::clock::Clock as _;
use botkit_otp::otp::{ChallengeId, Fate, News};
use serde_json::{Value, json};

use crate::support::{App, small};

async fn lines(app: &App, file: &Path) -> Vec<Value> {
    app.settled().await;
    app.server.service.audit.flush();
    std::fs::read_to_string(file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn explain(file: &Path, arguments: &[&str]) -> (bool, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_botkit-otp"));
    program.env_clear().current_dir(file.parent().unwrap()).arg("explain").args(arguments);
    let output = program.arg("--file").arg(file).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn why_somebody_did_not_get_in_is_told_from_the_session() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.jsonl");
    let settings = format!("[audit]\ntarget = {:?}\n[otp]\nattempts = 2\n", file.display());
    let app = App::start(&settings).await;
    let entities = json!({ "UserEmail": "mira@example.com" });
    let sent = app.call("OtpSend", &small("s-1", 1, &entities)).await;
    app.call("OtpSend", &small("s-1", 1, &entities)).await;
    app.call("OtpStatus", &small("s-1", 2, &json!({}))).await;
    let challenge = ChallengeId::parse(sent["challengeId"].as_str().unwrap()).unwrap();
    let news = News { provider: "sendgrid".into(), fate: Fate::Delivered, at: app.clock.now() };
    assert!(app.server.service.reported(challenge, 1, &news).await.unwrap().is_some());
    app.advance(60);
    app.call("OtpVerify", &small("s-1", 3, &json!({ "Otp": "000000" }))).await;
    app.call("OtpVerify", &small("s-1", 4, &json!({ "Otp": "000001" }))).await;
    app.call("OtpVerify", &small("other", 5, &json!({ "Otp": "000001" }))).await;
    app.call("OtpSend", &small("ivr\n+14155550100", 6, &json!({ "UserEmail": "x" }))).await;

    let written = lines(&app, &file).await;
    let short = |event: &Value| {
        [&event["event"], &event["outcome"], &event["session"]]
            .map(|text| text.as_str().unwrap().to_owned())
            .join(" ")
    };
    // The retry and the question are not told again; a session that is named by a number is named by its digest.
    let told: Vec<String> = written.iter().map(short).collect();
    assert_eq!(
        &told[..6],
        [
            "send queued s-1",
            "delivery accepted s-1",
            "report delivered s-1",
            "verify incorrect s-1",
            "verify locked s-1",
            "verify no_challenge other",
        ]
    );
    assert!(told[6].starts_with("send invalid_destination ~"), "{told:?}");
    assert_eq!(written[1]["messageId"], "sg-1");
    assert_eq!(written[3]["attemptsLeft"], 1);
    let text = std::fs::read_to_string(&file).unwrap();
    for secret in ["mira@example.com", "+14155550100", "000000", app.codes().await[0].as_str()] {
        assert!(!text.contains(secret), "{secret}");
    }

    let (found, story, warnings) = explain(&file, &["s-1"]);
    assert!(found && warnings.is_empty(), "{warnings}");
    let wanted = [
        "2026-07-20T09:46:30.118Z  send      a code was made and goes out, email m...a@example.com",
        "2026-07-20T09:46:30.118Z  delivery  sendgrid took the message, email m...a@example.com, send 1, message id sg-1",
        "2026-07-20T09:46:30.118Z  report    sendgrid reports that it was delivered",
        "2026-07-20T09:47:30.118Z  verify    a wrong code was typed, email m...a@example.com, 1 tries left",
        "2026-07-20T09:47:30.118Z  verify    too many wrong codes: locked, email m...a@example.com, wait 900 s",
    ];
    for (line, wanted) in story.lines().zip(wanted) {
        assert!(line.starts_with(wanted), "{line}");
    }
    assert!(
        story.ends_with("\nIt ends so: too many wrong codes: locked.\n") && story.lines().count() == 7,
        "{story}"
    );
    let (found, story, _) = explain(&file, &["ivr\n+14155550100"]);
    assert!(found && story.contains("no address that could be used"), "{story}");
    assert!(!explain(&file, &["s-1", "--bot", "st-other"]).0);
    assert!(!explain(&file, &["nobody"]).0);
}

#[tokio::test]
async fn what_is_changed_later_is_noticed_and_a_restart_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.jsonl");
    for request in 0..3 {
        let mut app = App::start(&format!("[audit]\ntarget = {:?}\n", file.display())).await;
        app.call("OtpVerify", &small("s-1", request, &json!({ "Otp": "000000" }))).await;
        app.call("OtpCancel", &small("s-1", request, &json!({}))).await;
        app.stop();
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let written = std::fs::read_to_string(&file).unwrap();
    assert_eq!(written.lines().count(), 6);
    let (found, _, warnings) = explain(&file, &["s-1"]);
    assert!(found && warnings.is_empty(), "{warnings}");
    for (change, line) in [
        (written.replacen("no_challenge", "verified", 1), 1),
        (written.lines().filter(|line| !line.contains("\"verify\"")).collect::<Vec<_>>().join("\n"), 1),
        (written.replacen("}\n{", "}\n{\"time\":\"half\n{", 1), 2),
    ] {
        std::fs::write(&file, change).unwrap();
        let (found, _, warnings) = explain(&file, &["s-1"]);
        let wanted = format!("missing before line {line}");
        assert!(found && warnings.contains(&wanted), "{warnings}");
    }
    std::fs::write(&file, "a log\n".repeat(3)).unwrap();
    assert!(explain(&file, &["s-1"]).2.contains("line 1 is no line of an audit"));

    // Half a line, from a machine that stopped, is left alone, and what comes next is whole.
    std::fs::write(&file, [&written, "{\"time\":\"2026"].concat()).unwrap();
    let app = App::start(&format!("[audit]\ntarget = {:?}\n", file.display())).await;
    app.call("OtpCancel", &small("s-1", 9, &json!({}))).await;
    app.settled().await;
    app.server.service.audit.flush();
    let (found, story, warnings) = explain(&file, &["s-1"]);
    assert!(found && warnings.contains("before line 7\n"), "{warnings}");
    assert_eq!(story.lines().count(), 9);
}

#[tokio::test]
async fn what_cannot_be_written_is_tried_again() {
    let app = App::start("[audit]\ntarget = \"/dev/full\"\n").await;
    app.call("OtpCancel", &small("s-1", 1, &json!({}))).await;
    tokio::time::sleep(Duration::from_millis(120)).await;
    assert_eq!(app.call("OtpStatus", &small("s-1", 2, &json!({}))).await["status"], "no_challenge");
}
