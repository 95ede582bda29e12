//! Tests that need a program which a machine may lack. Without it they are counted as ignored; with
//! `REQUIRE_SERVICES=1` they fail instead.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "programs/botium.rs"]
mod botium;
#[path = "programs/browser.rs"]
mod browser;
#[path = "programs/smtp.rs"]
mod smtp;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

fn main() {
    let curl = Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_ok();
    let aiosmtpd = smtp::python().is_some();
    let trials = vec![
        needs("curl", curl, "dev_mode_prints_a_conversation_that_works_when_pasted", pasted),
        needs("aiosmtpd", aiosmtpd, "a_test_mail_arrives", smtp::a_test_mail_arrives),
        needs("aiosmtpd", aiosmtpd, "mailed_codes_verify", smtp::mailed_codes_verify),
    ];
    let botium = botium::is_there();
    let (chromium, held) = (browser::is_there(), botium::holds_the_conversation);
    let trials = trials.into_iter().chain([needs("Botium", botium, "botium_holds_the_conversation", held)]);
    let pages = browser::TESTS.map(|(name, test)| needs("chromium with chromedriver", chromium, name, test));
    libtest_mimic::run(&Arguments::from_args(), trials.chain(pages).collect()).exit();
}

#[expect(clippy::disallowed_methods, reason = "how strict a test run is comes from its environment")]
fn needs(program: &'static str, there: bool, name: &str, test: fn() -> Result<(), Failed>) -> Trial {
    let required = std::env::var("REQUIRE_SERVICES").is_ok_and(|value| value == "1");
    if !there && !required {
        eprintln!("{name} is skipped: there is no {program}");
    }
    let run = move || if there { test() } else { Err(format!("there is no {program}").into()) };
    Trial::test(name, run).with_ignored_flag(!there && !required)
}

/// Pastes what the program prints into a shell, as a newcomer does.
fn pasted() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut program = Command::new(env!("CARGO_BIN_EXE_botkit-otp"))
        .current_dir(folder.path())
        .env_clear()
        .env("PORT", "0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut output = BufReader::new(program.stdout.take().unwrap());
    let mut printed = String::new();
    while !printed.contains("Behind a tunnel") && output.read_line(&mut printed)? > 0 {}
    let lines = printed.lines();
    let commands: Vec<&str> =
        lines.filter(|line| ["TOKEN=", "CODE=", "curl "].iter().any(|word| line.starts_with(word))).collect();
    let [token, send, outbox, code, verify] = commands[..] else { return Err(printed.into()) };
    let script = [token, send, "echo", outbox, "echo", code, verify, "echo", verify].join("\n");
    let shell = Command::new("sh").args(["-c", &script]).output()?;
    program.kill()?;
    program.wait()?;

    let said = String::from_utf8_lossy(&shell.stdout);
    let lines: Vec<Value> = said.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let statuses: Vec<&Value> =
        [0, 2, 3].iter().map(|line| &lines[*line]["context"]["otp"]["status"]).collect();
    assert_eq!(statuses, ["sent", "verified", "already_verified"]);
    assert_eq!(lines[1][0]["to"], "mira@example.com");
    Ok(())
}
