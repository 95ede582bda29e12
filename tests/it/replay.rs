//! `botkit-otp replay` against the reference server, which the fixtures were made for.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::openapi::with_one_bot;
use crate::program::{Running, program};
use crate::support::{App, BOT};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");

/// Replays with these arguments, as CI would.
async fn replay(app: &App, arguments: &[&str]) -> Output {
    replay_at(app, BOT, arguments).await
}

async fn replay_at(app: &App, bot: &str, arguments: &[&str]) -> Output {
    replay_to(&app.url, bot, arguments).await
}

async fn replay_to(url: &str, bot: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_botkit-otp"));
    command.env_clear().current_dir(std::env::temp_dir()).arg("replay").args(arguments);
    command.args(["--url", url, "--bot", bot, "--app-id", "cs-test"]);
    command.env("BOTKIT_API_KEY", "n0t-a-real-secret/+=");
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn printed(output: &Output) -> String {
    [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scenarios_of_the_default_settings_pass() {
    let app = App::start("").await;
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.xml");
    let scenarios = format!("{FIXTURES}/scenarios");
    let output = replay(&app, &[&scenarios, "--junit", report.to_str().unwrap()]).await;
    let said = printed(&output);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains(" 0 failed, ") && said.contains("passed  howto_8_tell_the_result  4 steps"),
        "{said}"
    );
    assert!(
        said.contains("skipped delivery_breaker  it says what providers and the platform answer"),
        "{said}"
    );
    // Some are for mail alone.
    let mail_alone = App::start("[delivery]\nsms = []\n").await;
    let for_mail = printed(&replay(&mail_alone, &[&scenarios, "--has", "sms = []"]).await);
    assert!(for_mail.contains(" 0 failed, "), "{for_mail}");
    let passed = |said: &str| -> usize {
        said.lines().rev().find_map(|line| line.split_once(" passed,")?.0.parse().ok()).unwrap()
    };
    let passed = passed(&said) + passed(&for_mail);
    assert!(passed >= 30, "only {passed} could be played: {said}");
    let report = std::fs::read_to_string(report).unwrap();
    assert!(report.contains("failures=\"0\"") && report.contains("<skipped message="), "{report}");
}

/// With mail and phones, all of which end in the outbox.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_just_started_passes() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(program(&folder).env("BOTKIT_OTP_DEV__ENABLED", "true").envs([
        ("BOTKIT_OTP_BOTS__DEFAULT__APP_ID", "cs-test"),
        ("BOTKIT_OTP_BOTS__DEFAULT__API_KEY", "n0t-a-real-secret/+="),
    ]));
    let output = replay_to(&server.url, "st-dev", &[&format!("{FIXTURES}/scenarios")]).await;
    assert!(output.status.success() && printed(&output).contains(" 0 failed, "), "{}", printed(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn any_bot_will_do() {
    // It is the only one: calls in the name of the scenarios' own bot are refused.
    let conversation = "[bots.default]\nconversation = true\n";
    for (settings, has, scenarios) in [
        ("", &[][..], &["scenarios/wire_bodies", "scenarios/howto_8_tell_the_result"][..]),
        (
            conversation,
            &["--has", "conversation = true"],
            &["conversations/en_start_to_end", "conversations/rule_collected_once_and_soon"],
        ),
    ] {
        let app = App::start_with(settings, with_one_bot).await;
        let files: Vec<String> = scenarios.iter().map(|name| format!("{FIXTURES}/{name}.json")).collect();
        let arguments: Vec<&str> = files.iter().map(String::as_str).chain(has.iter().copied()).collect();
        let said = printed(&replay_at(&app, "st-1", &arguments).await);
        assert!(said.contains("2 passed, 0 failed"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_pass_with_their_settings() {
    let app = App::start("[bots.default]\nconversation = true\n").await;
    let folder = format!("{FIXTURES}/conversations");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().display().to_string())
        .filter(|path| ["/rule_", "/en_", "/zh_"].iter().any(|kind| path.contains(kind)))
        .collect();
    files.sort();
    let mut arguments: Vec<&str> = files.iter().map(String::as_str).collect();
    arguments.extend(["--has", "conversation = true", "--json"]);
    let output = replay(&app, &arguments).await;
    let all: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", printed(&output)));
    let of = |outcome: &str| -> Vec<&Value> {
        all.as_array().unwrap().iter().filter(|played| played["outcome"] == outcome).collect()
    };
    assert_eq!(of("failed"), Vec::<&Value>::new());
    assert!(of("passed").len() >= 35, "{all}");
    assert!(
        of("skipped").iter().any(|played| played["detail"].as_str().unwrap().contains("a code in words"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_difference_is_shown_and_counts() {
    let app = App::start("").await;
    let folder = tempfile::tempdir().unwrap();
    let mut scenario: Value = serde_json::from_str(
        &std::fs::read_to_string(format!("{FIXTURES}/scenarios/status_superseded.json")).unwrap(),
    )
    .unwrap();
    let file = folder.path().join("changed.json");
    let name = file.to_str().unwrap();
    for (pointer, value, difference) in [
        ("/steps/0/otp/attemptsLeft", json!(4), "otp/attemptsLeft\n      expected 4\n           got 5"),
        ("/steps/0/calls", json!([]), "calls\n      expected []"),
        ("/steps/0/otp/surprise", json!(true), "otp/surprise is missing: expected true"),
        ("/steps/0/status", json!(202), "status\n      expected 202\n           got 200"),
    ] {
        let before = scenario.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        scenario.pointer_mut(parent).unwrap()[key] = value;
        std::fs::write(&file, scenario.to_string()).unwrap();
        let output = replay(&app, &[name]).await;
        let said = printed(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("FAILED  changed") && said.contains(difference), "{said}");
        assert!(said.contains("error: 1 scenario failed"), "{said}");
        scenario = before;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn load_is_bounded_and_measured() {
    let app = App::start("").await;
    let scenario = format!("{FIXTURES}/scenarios/howto_5_send_it_by_mail.json");
    assert!(Path::new(&scenario).is_file());
    let output = replay(&app, &[&scenario, "--rate", "50", "--duration", "1", "--json"]).await;
    let measured: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", printed(&output)));
    let answered = measured["answered"].as_u64().unwrap();
    assert!((10..=60).contains(&answered) && measured["failed"] == 0, "{measured}");
    assert!(measured["p50"].as_f64().unwrap() <= measured["most"].as_f64().unwrap(), "{measured}");
    let output = replay(&app, &[&scenario, "--concurrency", "2", "--duration", "1"]).await;
    assert!(printed(&output).contains("at most     milliseconds\n50 %  "), "{}", printed(&output));
}
