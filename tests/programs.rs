//! Tests that need a program which a machine may lack. Without it they are counted as ignored; with
//! `REQUIRE_SERVICES=1` they fail instead.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "programs/alerts.rs"]
mod alerts;
#[path = "programs/botium.rs"]
mod botium;
#[path = "programs/browser.rs"]
mod browser;
#[path = "programs/dev_server.rs"]
mod dev_server;
#[expect(dead_code, unused_imports, reason = "its tests run elsewhere")]
#[path = "it/program.rs"]
mod program;
#[path = "it/races.rs"]
mod races;
#[path = "programs/recipes.rs"]
mod recipes;
#[path = "programs/redis.rs"]
mod redis;
#[path = "programs/schemathesis.rs"]
mod schemathesis;
#[path = "programs/smtp.rs"]
mod smtp;
#[expect(dead_code, unused_imports, reason = "what is asked of every store, and of memory elsewhere")]
#[path = "it/store.rs"]
mod store;
#[expect(dead_code, reason = "some of it is for other tests")]
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use dev_server::DevServer;
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

/// Whether a program came to a good end and said so; or else all that it said.
fn says(run: &Output, good: &str) -> Result<(), Failed> {
    let said = String::from_utf8_lossy(&run.stdout);
    if run.status.success() && said.contains(good) {
        return Ok(());
    }
    Err(format!("{said}{}", String::from_utf8_lossy(&run.stderr)).into())
}

/// A program: where `make tools` puts it below target, or wherever the machine has it.
fn program(own: &str) -> Option<PathBuf> {
    let own = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/target")).join(own);
    let name = own.file_name()?.into();
    [own, name].into_iter().find(|program| {
        let mut version = Command::new(program);
        version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    })
}

fn main() {
    let curl = Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_ok();
    let aiosmtpd = smtp::python().is_some();
    let redis = redis::is_there();
    let on_redis = |name: &str, test| needs("redis-server", redis, &format!("redis::{name}"), test);
    let trials = vec![
        needs("curl", curl, "dev_mode_prints_a_conversation_that_works_when_pasted", pasted),
        needs(
            "schemathesis",
            schemathesis::program().is_some(),
            "schemathesis_finds_nothing",
            schemathesis::finds_nothing,
        ),
        needs("rasa-sdk with PyJWT", recipes::python().is_some(), "recipes_work", recipes::work),
        needs("jose", recipes::jose().is_some(), "the_readmes_javascript_checks_proofs", recipes::javascript),
        needs("promtool", alerts::promtool().is_some(), "alerts_fire_where_they_have_to", alerts::fire),
        needs("aiosmtpd", aiosmtpd, "a_test_mail_arrives", smtp::a_test_mail_arrives),
        needs("aiosmtpd", aiosmtpd, "mailed_codes_verify", smtp::mailed_codes_verify),
        on_redis("does_what_every_store_must", redis::behaviour),
        on_redis("races_end_as_in_memory", redis::races),
        on_redis("races_of_two_servers_end_as_in_memory", redis::races_of_two),
        on_redis("scripts_that_were_forgotten_are_taught_again", redis::forgotten_scripts),
        on_redis("versions_never_come_again", redis::versions_never_come_again),
        on_redis("a_verify_asks_twice_and_a_send_three_times", redis::round_trips),
        on_redis("records_of_other_releases_are_read_or_refused", redis::records_of_other_releases),
        on_redis("away_or_silent_is_unavailable_within_a_second", redis::unavailable_within_a_second),
        on_redis("a_change_whose_answer_is_lost_is_not_made_again", redis::lost_answers),
        on_redis("killed_and_restarted_under_two_servers_loses_nothing", redis::killed_and_restarted),
        on_redis("a_rolling_restart_under_load_loses_no_request", redis::rolling_restart),
        on_redis("sentinels_say_who_takes_over", redis::failover),
        on_redis("tls_is_for_those_who_can_show_who_they_are", redis::tls),
        on_redis("a_user_needs_few_permissions", redis::a_user_who_may_just_enough),
        on_redis("clusters_and_replicas_are_refused", redis::refused_servers),
        on_redis("eviction_and_no_persistence_are_warned_of", redis::unlike_servers),
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
    let server = DevServer::start()?;
    let printed = server.printed.as_str();
    let lines = printed.lines();
    let commands: Vec<&str> = lines
        .filter(|line| ["TOKEN=", "CODE=", "KEY=", "curl "].iter().any(|word| line.starts_with(word)))
        .collect();
    let [token, send, outbox, code, verify, key, rest] = commands[..] else {
        return Err(printed.to_owned().into());
    };
    let script =
        [token, send, "echo", outbox, "echo", code, verify, "echo", verify, "echo", key, rest].join("\n");
    let shell = Command::new("sh").args(["-c", &script]).output()?;

    let said = String::from_utf8_lossy(&shell.stdout);
    let lines: Vec<Value> = said.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let statuses: Vec<&Value> =
        [0, 2, 3].iter().map(|line| &lines[*line]["context"]["otp"]["status"]).collect();
    assert_eq!(statuses, ["sent", "verified", "already_verified"]);
    assert_eq!(lines[4]["status"], "sent");
    assert_eq!(lines[1][0]["to"], "mira@example.com");
    Ok(())
}
