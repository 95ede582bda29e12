//! The program in dev mode, as a newcomer starts it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use libtest_mimic::Failed;

/// A server that runs until this is dropped.
pub(crate) struct DevServer {
    process: Child,
    _folder: tempfile::TempDir,
    /// What it printed.
    pub(crate) printed: String,
    /// Where it listens.
    pub(crate) url: String,
    /// Its API key.
    pub(crate) key: String,
}

impl DevServer {
    pub(crate) fn start() -> Result<Self, Failed> {
        Self::start_with(&[])
    }

    /// The same, with settings.
    pub(crate) fn start_with(variables: &[(&str, &str)]) -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let mut process = Command::new(env!("CARGO_BIN_EXE_botkit-otp"))
            .current_dir(folder.path())
            .env_clear()
            .env("PORT", "0")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut printed = String::new();
        while !printed.contains("Behind a tunnel") && output.read_line(&mut printed)? > 0 {}
        let key = printed.lines().find_map(|line| line.strip_prefix("KEY=")).map(str::to_owned);
        let url =
            printed.split_whitespace().find_map(|word| Some(word.split_once("/dev/outbox")?.0.to_owned()));
        let mut server = Self { process, _folder: folder, printed, url: String::new(), key: String::new() };
        let (Some(url), Some(key)) = (url, key) else { return Err(server.printed.clone().into()) };
        (server.url, server.key) = (url, key);
        Ok(server)
    }
}

impl Drop for DevServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
