//! The commands.

mod assemble;
mod check;
mod export;
mod manual;
mod register;
mod send_test;
mod serve;

pub use assemble::{Parts, assemble};

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use clap::{Parser, Subcommand};

use crate::botkit::BotId;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Loaded, environment};

/// One-time-password verification for Kore.ai bots: a BotKit callback server.
#[derive(Debug, Parser)]
#[command(version, about, disable_help_subcommand = true)]
pub struct Cli {
    /// The configuration file [default: botkit-otp.toml here, if it exists].
    #[arg(long, env = "BOTKIT_OTP_CONFIG", global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve (also without a command). Without a configuration: dev mode on 127.0.0.1:8003.
    Serve,
    /// Check the configuration and print it as it counts, with secrets hidden, and what is not wise about it.
    Check(check::Check),
    /// Subscribe a bot's callback on the platform; without --apply, print what that would send.
    Register(register::Register),
    /// Print the dialog of the README as a file that the platform imports (experimental).
    Dialog,
    /// Print a manual page: the program's, or a command's.
    Man {
        /// The command.
        command: Option<String>,
    },
    /// Print what a shell completes the command line by.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print a token that calls as the platform does, for curl.
    Token {
        /// The bot to call for, such as st-6b1f0c52-9d3e-5a47-8c21-4e7ab90d3f16.
        #[arg(long, value_name = "ID")]
        bot: String,
        /// How long it is good for, in seconds.
        #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
        valid_for: u32,
    },
}

impl Cli {
    /// Runs the command, and says what the program exits with.
    ///
    /// # Errors
    /// What kept it from being carried out, in words for whoever typed it.
    pub fn run(self) -> Result<ExitCode> {
        let file = self.config.as_deref();
        let loaded = || Loaded::read(file, &environment());
        match self.command.unwrap_or(Command::Serve) {
            Command::Serve => serve::serve(&loaded()?)?,
            Command::Check(wanted) => return check::check(file, wanted),
            Command::Register(wanted) => register::register(&loaded()?, &wanted)?,
            Command::Dialog => manual::write(format!("{:#}\n", export::dialog()).as_bytes())?,
            Command::Man { command } => manual::man(command.as_deref())?,
            Command::Completions { shell } => manual::completions(shell)?,
            Command::Token { bot, valid_for } => {
                token(&loaded()?, &bot, Duration::from_secs(valid_for.into()))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn token(loaded: &Loaded, bot: &str, valid_for: Duration) -> Result<()> {
    let missing = "there are no credentials to sign with; name a configuration with --config (a server in dev mode \
                   prints a token of its own when it starts)";
    let bots = loaded.bots(None, &loaded.catalogue()?).context(missing)?;
    let id = BotId::parse(bot).ok_or_else(|| anyhow!("{bot:?} is no bot id"))?;
    let bot = bots.get(&id).ok_or_else(|| anyhow!("the configuration has no bot {id}, and no default"))?;
    println!("{}", bot.credentials.token_until(SystemClock.now().after(valid_for).seconds()));
    Ok(())
}
