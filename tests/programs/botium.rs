//! Botium, a tool that tests bots, holds conversations over the webhook channel.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::Failed;
use tempfile::TempDir;

use crate::browser::start;

/// Where `make tools` puts what comes from npm.
pub(crate) fn packages() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("../botium/node_modules")
}

/// Whether it is there.
pub(crate) fn is_there() -> bool {
    let node = Command::new("node").arg("--version").stdout(Stdio::null()).status().is_ok();
    let has = |package: &str| packages().join(package).is_dir();
    node && has("botium-core") && has("botium-connector-koreai-webhook")
}

/// Holds what stands in `botium/*.convo.txt`.
pub(crate) fn holds_the_conversation() -> Result<(), Failed> {
    let folder = TempDir::new()?;
    let credentials =
        "[dev]\nenabled = true\n[bots.default]\napp_id = \"cs-botium\"\napi_key = \"n0t-a-real-secret\"\n";
    std::fs::write(folder.path().join("botkit-otp.toml"), credentials)?;
    let (_server, console) = start(
        Command::new(env!("CARGO_BIN_EXE_botkit-otp"))
            .current_dir(folder.path())
            .env_clear()
            .env("PORT", "0"),
        |line| Some(line.strip_prefix("Open ")?.split(' ').next()?.to_owned()),
    )?;
    let output = Command::new("node")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/botium/run.js"))
        .current_dir(folder.path())
        .env("NODE_PATH", packages())
        .env("URL", console.trim_end_matches("/console"))
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1")
        .envs([("APP_ID", "cs-botium"), ("API_KEY", "n0t-a-real-secret"), ("BOT", "st-dev")])
        .output()?;
    let said = [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat();
    if output.status.success() && said.contains("held: A wrong code is refused, a right one verifies") {
        Ok(())
    } else {
        Err(said.into())
    }
}
