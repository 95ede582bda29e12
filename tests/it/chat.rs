//! `botkit-otp chat`, fed by a pipe.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use crate::support::{App, BOT};

/// What the program says to these lines, in an empty folder.
fn chat(arguments: &[&str], environment: &[(&str, &str)], lines: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_botkit-otp"))
        .arg("chat")
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Fails unless the text has all of these, in this order.
fn has_in_order(output: &Output, expected: &[&str]) {
    let said = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complaints}");
    assert!(!said.contains('\x1b'), "colours in a pipe: {said}");
    assert_eq!(complaints, "", "the log stays out of the chat");
    let mut rest = &*said;
    for text in expected {
        let Some(at) = rest.find(text) else { panic!("{text:?} does not come, or not in order:\n{said}") };
        rest = &rest[at + text.len()..];
    }
}

#[test]
fn a_piped_chat_verifies_refuses_and_expires() {
    let output = chat(
        &[],
        &[],
        "mira@example.com\n/wrong\n/advance 5m\n/code\n/code\n/advance 31s\nagain\nnora@example.org\n/resend-request\n/nonsense\n",
    );
    has_in_order(
        &output,
        &[
            "Bot  Hello! Let us make sure that it is you. Which e-mail address may we send a code to?",
            "You  mira@example.com",
            "Bot  We sent a 6-digit code to m...a@example.com.",
            "[Resend code] [Change address] [Cancel]",
            "┌ Mail to mira@example.com: Your verification code",
            "│ It is valid for 5 minutes.",
            "Bot  That is not the right code. Please check it and try again: 4 tries left.",
            "Bot  That code has expired. Please ask for a new one.",
            "Bot  We sent a 6-digit code to m...a@example.com.",
            "┌ Mail to mira@example.com: Your verification code",
            "Bot  Thank you, that is the right code. You are verified.",
            "┌ Mail to nora@example.org",
            "The answer is the same as before.",
            "there is no command /nonsense; /help lists them",
        ],
    );
}

#[test]
fn other_languages_channels_modes_and_failures() {
    let output = chat(
        &["--lang", "fr", "--conversation", "-v"],
        &[("RUST_LOG", "off")],
        "mira@example.com\n/code\n/mode webhook\n/lang en\n/channel sms\n+44 7400 123456\n/code\n/fault twilio bounce\n\
         again\n+44 7400 123457\n/state\n",
    );
    has_in_order(
        &output,
        &[
            "→ on_webhook OtpStart  200",
            "← sendUserMessage  200",
            "Bot  Bonjour",
            "Bot  Nous avons envoyé un code à 6 chiffres",
            "← sendBotMessage  200",
            "Bot  Merci, c’est le bon code.",
            "Bot  Which mobile number may we send a code to?",
            "┌ sms to +447400123456",
            "Bot  Thank you, that is the right code.",
            "The next attempts of outbox (it stands in for the provider) fail with bounce: 1.",
            "Bot  We could not reach +44...57.",
            "\"status\": \"undeliverable\"",
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_is_talked_to_with_its_credentials() {
    let app = App::start("").await;
    let (url, lines) = (app.url.clone(), "mira@example.com\n/wrong\n");
    let of_the_server = |secret: &'static str, lines: &'static str| {
        let url = url.clone();
        tokio::task::spawn_blocking(move || {
            chat(&["--url", &url, "--bot", BOT, "--app-id", "cs-test"], &[("BOTKIT_API_KEY", secret)], lines)
        })
    };
    let output = of_the_server("n0t-a-real-secret/+=", lines).await.unwrap();
    has_in_order(
        &output,
        &[
            "Bot  We sent a 6-digit code to m...a@example.com.",
            "┌ Mail to mira@example.com",
            "Bot  That is not the right code.",
        ],
    );
    let output = of_the_server("another", lines).await.unwrap();
    fails_with(&output, "A Webhook node failed: the platform ends the dialog and apologises.", 1);
    let again = "mira@example.com\n/resend-request\n";
    fails_with(&of_the_server("another", again).await.unwrap(), "The call failed.", 2);
    drop(app);
    let output = of_the_server("n0t-a-real-secret/+=", "mira@example.com\n").await.unwrap();
    fails_with(&output, "A Webhook node failed", 1);
}

/// Fails unless the program has said this, and that so many calls failed.
fn fails_with(output: &Output, text: &str, count: usize) {
    let (said, complaints) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(text), "{said}{complaints}");
    assert_eq!(complaints, format!("error: calls to the server that failed: {count}\n"), "{said}");
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_lost_counts_as_a_failure() {
    // The server thinks little of the simulator's address, and refuses to hand anything on.
    let app = App::start("[bots.default]\nconversation = true\n").await;
    let arguments =
        ["--conversation", "--url", &app.url, "--bot", BOT, "--app-id", "cs-test"].map(str::to_owned);
    let callback = ["--callback-url", "http://example.com"].map(str::to_owned);
    let output = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().chain(&callback).map(String::as_str).collect();
        chat(&arguments, &[("BOTKIT_API_KEY", "n0t-a-real-secret/+=")], "mira@example.com\n")
    });
    fails_with(&output.await.unwrap(), "The server did not take the message: it is lost.", 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_chat_is_a_scenario_that_passes_and_gives_nothing_away() {
    for (settings, options, lines) in [
        (
            "",
            &[][..],
            "x.y.private@corp.example\n/wrong\n/resend-request\n/advance 31\nsend it again\n/code\nhi\n\
             other@corp.example\n/code\n",
        ),
        (
            "[bots.default]\nconversation = true\n",
            &["--conversation", "--lang", "de"],
            "es ist x.y.private@corp.example\n/wrong\n/advance 31\nResend code\n/code\n",
        ),
    ] {
        let app = App::start(settings).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("recorded.json").display().to_string();
        let url = app.url.clone();
        let server = ["--url", &url, "--bot", BOT, "--app-id", "cs-test"].map(str::to_owned);
        let secret = ("BOTKIT_API_KEY", "n0t-a-real-secret/+=");
        let recorded = {
            let mut arguments: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
            arguments.extend(server.clone());
            arguments.extend(["--record".to_owned(), file.clone()]);
            tokio::task::spawn_blocking(move || {
                chat(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), &[secret], lines)
            })
        };
        let output = recorded.await.unwrap();
        assert!(output.status.success(), "{output:?}");
        let scenario = std::fs::read_to_string(&file).unwrap();
        let codes = app.codes().await;
        for private in
            codes.iter().map(String::as_str).chain(["private", "corp.example", "other@", "n0t-a-real"])
        {
            assert!(!scenario.contains(private), "{private} was recorded: {scenario}");
        }
        assert!(scenario.contains("\"mira@example.com\"") && scenario.contains("\"271828\""), "{scenario}");
        // To the same server it is another user, who gets other codes.
        let mut command = Command::new(env!("CARGO_BIN_EXE_botkit-otp"));
        command.arg("replay").arg(&file).args(&server).env_clear().env(secret.0, secret.1);
        command.current_dir(folder.path());
        if !settings.is_empty() {
            command.args(["--has", "conversation = true"]);
        }
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("1 passed, 0 failed, 0 skipped"), "{said}\n{scenario}");
    }
}

#[test]
fn what_cannot_be_talked_to_is_said() {
    for (arguments, complaint) in [
        (&["--url", "http://127.0.0.1:1"][..], "there are no credentials to call with"),
        (&["--url", "ftp://x", "--app-id", "a", "--api-key", "b"], "must begin with http:// or https://"),
        (&["--lang", "tlh"], "--lang tlh is no language we speak; known are ar, de, en"),
    ] {
        let output = chat(arguments, &[], "");
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && complaints.contains(complaint), "{complaints}");
    }
}
