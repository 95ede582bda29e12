//! The recipes for other platforms, and the README's way to check a proof, against the running program.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use libtest_mimic::Failed;

use crate::dev_server::DevServer;
use crate::support::proof::PROOF_KEY;

/// A Python with what the recipes need: the one that `make tools` makes, or the machine's.
pub(crate) fn python() -> Option<PathBuf> {
    let own = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/python/bin/python"));
    [own, "python3".into()].into_iter().find(|python| {
        let mut command = Command::new(python);
        command.args(["-c", "import rasa_sdk, jwt, cryptography"]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}

/// The library that the README's JavaScript uses, where `make tools` puts what comes from npm.
pub(crate) fn jose() -> Option<PathBuf> {
    Some(crate::botium::packages().join("jose/dist/webapi/index.js")).filter(|file| file.is_file())
}

/// A server whose proofs are signed with a key that tests have, so that they can sign others.
fn signing() -> Result<DevServer, Failed> {
    let key = format!("[{{ id = \"test\", secret = \"\"\"{PROOF_KEY}\"\"\" }}]");
    DevServer::start_with(&[("BOTKIT_OTP_PROOF__KEYS", &key)])
}

pub(crate) fn javascript() -> Result<(), Failed> {
    let server = signing()?;
    let folder = tempfile::tempdir()?;
    let run = Command::new("node")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/proof.mjs"))
        .args([&server.url, &server.key, env!("CARGO_MANIFEST_DIR"), PROOF_KEY])
        .arg(jose().ok_or("it is gone")?)
        .current_dir(folder.path())
        .output()?;
    crate::says(&run, "the proof is good")
}

pub(crate) fn work() -> Result<(), Failed> {
    let server = signing()?;
    let run = Command::new(python().ok_or("it is gone")?)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/recipes.py"))
        .args([&server.url, &server.key, env!("CARGO_MANIFEST_DIR"), PROOF_KEY])
        .output()?;
    crate::says(&run, "all recipes work")
}
