//! `schemathesis`, which makes calls out of the OpenAPI document, finds nothing: <https://schemathesis.io>.

use std::path::PathBuf;
use std::process::Command;

use libtest_mimic::Failed;

use crate::dev_server::DevServer;

pub(crate) fn program() -> Option<PathBuf> {
    crate::program("python/bin/schemathesis")
}

pub(crate) fn finds_nothing() -> Result<(), Failed> {
    let (server, folder) = (DevServer::start()?, tempfile::tempdir()?);
    let run = Command::new(program().ok_or("it is gone")?)
        .args(["run", &format!("{}/openapi.json", server.url)])
        .args(["--header", &format!("Authorization: Bearer {}", server.key)])
        .args(["--checks", "all", "--max-examples", "40", "--seed", "1", "--no-color"])
        .args(["--suppress-health-check", "all"])
        .env(
            "SCHEMATHESIS_HOOKS",
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/schemathesis_hooks.py"),
        )
        .env("NO_PROXY", "127.0.0.1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(folder.path())
        .output()?;
    // That it looked at all of them must be seen, too.
    crate::says(&run, "6 selected / 6 total")
}
