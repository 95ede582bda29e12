//! Schemathesis, which makes calls out of the OpenAPI document, finds nothing: <https://schemathesis.io>.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use libtest_mimic::Failed;

/// The program: where `make tools` puts it, or wherever the machine has it.
pub(crate) fn program() -> Option<PathBuf> {
    let own = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/schemathesis/bin/schemathesis"));
    [own, "schemathesis".into()].into_iter().find(|program| {
        let mut version = Command::new(program);
        version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    })
}

pub(crate) fn finds_nothing() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut server = Command::new(env!("CARGO_BIN_EXE_botkit-otp"))
        .current_dir(folder.path())
        .env_clear()
        .env("PORT", "0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut output = BufReader::new(server.stdout.take().unwrap());
    let mut printed = String::new();
    while !printed.contains("Behind a tunnel") && output.read_line(&mut printed)? > 0 {}
    let key = printed.lines().find_map(|line| line.strip_prefix("KEY="));
    let url = printed.split_whitespace().find(|word| word.starts_with("http://"));
    let url = url.and_then(|url| url.split("/dev/").next());
    let (Some(key), Some(url)) = (key, url) else { return Err(printed.into()) };
    let run = Command::new(program().ok_or("it is gone")?)
        .args(["run", &format!("{url}/openapi.json"), "--header", &format!("Authorization: Bearer {key}")])
        .args(["--checks", "all", "--max-examples", "40", "--seed", "1", "--no-color"])
        .args(["--suppress-health-check", "all"])
        .env(
            "SCHEMATHESIS_HOOKS",
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/schemathesis_hooks.py"),
        )
        .env("NO_PROXY", "127.0.0.1")
        .current_dir(folder.path())
        .output();
    server.kill()?;
    server.wait()?;
    let run = run?;
    let said = String::from_utf8_lossy(&run.stdout);
    // That it looked at all of them must be seen, too.
    if run.status.success() && said.contains("6 selected / 6 total") {
        return Ok(());
    }
    Err(format!("{said}{}", String::from_utf8_lossy(&run.stderr)).into())
}
