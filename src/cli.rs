//! The commands.

mod admin;
mod assemble;
mod chat;
mod check;
mod descriptors;
mod dev_server;
mod export;
mod manual;
mod register;
mod replay;
mod send_test;
mod serve;
mod whom;

pub use assemble::{Parts, assemble};

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Parser, Subcommand};

use crate::audit::Story;
use crate::botkit::BotId;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Loaded, environment};
use crate::http::openapi;

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
    Serve(serve::Serve),
    /// Talk to the bot in this terminal: with a server in dev mode of its own, or with the one at --url.
    ///
    /// Exits with 0 if the conversation ran, whatever came of it for the user; with 1 if there was no server to talk to, or
    /// it failed in between: it could not be reached, refused a call, or a message was lost.
    Chat(chat::Chat),
    /// Play scenarios at a running server, to see whether it answers rightly, or as load.
    Replay(replay::Replay),
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
    /// Print the description of the REST API (OpenAPI 3.1, JSON).
    Openapi,
    /// Tell what happened in a session, out of the audit file.
    Explain {
        /// The session's id.
        session: String,
        /// Only of this bot.
        #[arg(long, value_name = "ID", value_parser = parse_bot)]
        bot: Option<BotId>,
        /// The audit file [default: audit.target of the configuration].
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// See and revoke the codes that are out, and end locks, at a running server.
    Admin(admin::Admin),
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
        match self.command.unwrap_or_else(|| Command::Serve(serve::Serve::default())) {
            Command::Serve(options) => serve::serve(&loaded()?, &options)?,
            Command::Check(wanted) => return check::check(file, wanted),
            Command::Chat(options) => chat::chat(&loaded()?, &options)?,
            Command::Replay(options) => replay::replay(&loaded()?, &options)?,
            Command::Register(wanted) => register::register(&loaded()?, &wanted)?,
            Command::Dialog => manual::write(format!("{:#}\n", export::dialog()).as_bytes())?,
            Command::Man { command } => manual::man(command.as_deref())?,
            Command::Completions { shell } => manual::completions(shell)?,
            Command::Openapi => manual::write(format!("{}\n", openapi::text()).as_bytes())?,
            Command::Admin(act) => admin::run(&act)?,
            Command::Explain { session, bot, file } => explain(&loaded()?, &session, bot.as_ref(), file)?,
            Command::Token { bot, valid_for } => {
                token(&loaded()?, &bot, Duration::from_secs(valid_for.into()))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn parse_bot(text: &str) -> Result<BotId, &'static str> {
    BotId::parse(text).ok_or("that is no bot id")
}

fn explain(loaded: &Loaded, session: &str, bot: Option<&BotId>, file: Option<PathBuf>) -> Result<()> {
    let configured = || match loaded.config.audit.target.as_str() {
        "" | "stdout" => None,
        target => Some(PathBuf::from(target)),
    };
    let missing = "audit.target names no file; set it, or name the file with --file";
    let file = file.or_else(configured).ok_or_else(|| anyhow!(missing))?;
    let shown = file.display();
    let bytes = std::fs::read(&file).with_context(|| format!("cannot read {shown}"))?;
    // A crash may have left half a character.
    let text = String::from_utf8_lossy(&bytes);
    let story = Story::read(&text, session, bot).with_context(|| format!("cannot use {shown}"))?;
    if !story.broken().is_empty() {
        let lines: Vec<String> = story.broken().iter().map(usize::to_string).collect();
        eprintln!("warning: {shown}: something was changed or is missing before line {}", lines.join(", "));
    }
    if story.is_empty() {
        bail!("{shown} says nothing of that session");
    }
    print!("{story}");
    Ok(())
}

fn token(loaded: &Loaded, bot: &str, valid_for: Duration) -> Result<()> {
    let missing = "there are no credentials to sign with; name a configuration with --config (a server in dev mode \
                   prints a token of its own when it starts)";
    let bots = loaded.bots(None, &loaded.catalogue()?).context(missing)?;
    let id = BotId::parse(bot).ok_or_else(|| anyhow!("{bot:?} is no bot id"))?;
    let bot = bots.get(&id).ok_or_else(|| anyhow!("the configuration has no bot {id}, and no default"))?;
    let credentials =
        bot.credentials.as_ref().context("the configuration has no credentials for this bot")?;
    println!("{}", credentials.token_until(SystemClock.now().after(valid_for).seconds()));
    Ok(())
}
