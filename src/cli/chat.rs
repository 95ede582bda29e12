//! `chat`: the conversation in a terminal, with a server in this process or with a running one.

mod command;
mod lines;
mod screen;
mod session;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;

use self::lines::Lines;
use self::screen::{PROMPT, Screen};
use self::session::Session;
use super::dev_server::DevServer;
use super::whom::Whom;
use crate::botkit::BotId;
use crate::config::Loaded;
use crate::simulator::{
    Conversation, DEV_CONVERSATION_BOT, Doors, Event, Mode, Recording, Start, Target, Watcher,
};
use crate::telemetry::start_logging;

/// Options of `chat`.
#[derive(Debug, Args)]
pub(super) struct Chat {
    #[command(flatten)]
    whom: Whom,
    /// How the server at --url reaches this program, if not at a free port of its own machine: a tunnel's address.
    #[arg(long, value_name = "URL", requires = "url")]
    callback_url: Option<String>,
    /// The port of this machine that it leads to [default: any free one].
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    callback_port: u16,
    /// Conversation mode: the server hears every message.
    #[arg(long)]
    conversation: bool,
    /// The user's language.
    #[arg(long, value_name = "TAG", default_value = "en")]
    lang: String,
    /// Write the conversation to this file as a scenario for `replay`, with codes, ids and addresses replaced.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Show what crosses the wire, and the server's log.
    #[arg(long, short)]
    verbose: bool,
}

/// Holds the conversation until its user has had enough.
///
/// # Errors
/// There is no server to talk to, or it failed in between.
pub(super) fn chat(loaded: &Loaded, chat: &Chat) -> Result<()> {
    let _logging = chat.verbose.then(|| start_logging(loaded.config.log.format));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(talk(loaded, chat));
    // A thread may still wait for a line that nobody will type.
    runtime.shutdown_background();
    outcome
}

async fn talk(loaded: &Loaded, chat: &Chat) -> Result<()> {
    let (server, targets) = if let Some(url) = &chat.whom.url {
        let target = chat.whom.target(url, loaded)?;
        (None, [target.clone(), target])
    } else {
        let server = DevServer::start(loaded)?;
        // One bot for each mode.
        let targets = [server.target(&chat.whom.bot)?, server.target(DEV_CONVERSATION_BOT)?];
        (Some(server), targets)
    };
    let (mode, target) =
        if chat.conversation { (Mode::Conversation, &targets[1]) } else { (Mode::Webhook, &targets[0]) };
    let mut lines = Lines::open(PROMPT)?;
    let screen = Arc::new(Mutex::new(Screen::new(lines.printer(), chat.verbose)));
    let recording = Arc::new(Mutex::new(Recording::default()));
    let watcher: Watcher = {
        let (screen, recording) = (Arc::clone(&screen), Arc::clone(&recording));
        Arc::new(move |event: Event| {
            recording.lock().unwrap_or_else(PoisonError::into_inner).note(&event);
            screen.lock().unwrap_or_else(PoisonError::into_inner).show(&event);
        })
    };
    let start = Start {
        target: target.clone(),
        platform_url: chat.callback_url.clone(),
        port: chat.callback_port,
        mode,
        language: chat.lang.clone(),
        medium: "rtm".to_owned(),
        watcher,
    };
    let doors = Doors::of(target.base()).map_err(|problem| anyhow!(problem))?;
    let mut conversation = Conversation::open(start, rand::make_rng()).map_err(|problem| anyhow!(problem))?;
    if !conversation.speak(&chat.lang) {
        let known: Vec<&str> = conversation.languages().collect();
        bail!("--lang {} is no language we speak; known are {}", chat.lang, known.join(", "));
    }
    {
        let mut screen = screen.lock().unwrap_or_else(PoisonError::into_inner);
        screen.note(&format!("The bot asks, you answer. Its OTP server is {}.", target.base()));
        if let Some(server) = &server {
            screen.note(&format!("The same in a browser: {}/console", server.origin));
            screen.note(if server.keeps_mail() {
                "Mail is not sent: it is shown here. Type /code to type the code in it, /wrong a wrong one,"
            } else {
                "Mail is sent, and shown here, too. Type /code to type the code in it, /wrong a wrong one,"
            });
            screen.note("/advance 5m to let it expire, /help for more, /quit to leave.");
        } else {
            screen.note("/help lists what else you can type, /quit leaves.");
        }
        screen.line("");
    }
    if chat.record.is_some() && doors.outbox().await.is_err() {
        bail!(
            "--record needs a server in dev mode on this machine: without its mail nobody can tell what to replace"
        );
    }
    let mut session = Session { conversation, doors, screen, targets, mode, recording, seen: Vec::new() };
    session.new_mails().await;
    session.conversation.begin().await;
    session.run(lines).await;
    let failures = session.conversation.failures();
    if let Some(file) = &chat.record {
        let scenario = session.recording.lock().unwrap_or_else(PoisonError::into_inner).scenario(mode);
        std::fs::write(file, format!("{}\n", serde_json::to_string_pretty(&scenario)?))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    drop(session);
    if let Some(server) = server {
        server.stop().await;
    }
    match failures {
        0 => Ok(()),
        failures => bail!("calls to the server that failed: {failures}"),
    }
}

impl DevServer {
    /// The server, called for `bot`.
    fn target(&self, bot: &str) -> Result<Target> {
        let id = BotId::parse(bot).ok_or_else(|| anyhow!("{bot:?} is no bot id"))?;
        let known = self.server.bots.get(&id).ok_or_else(|| anyhow!("there is no bot {id}"))?;
        let credentials = known.credentials.clone().ok_or_else(|| anyhow!("nobody calls as bot {id}"))?;
        Target::new(&self.url, id, credentials).map_err(|problem| anyhow!(problem))
    }
}
