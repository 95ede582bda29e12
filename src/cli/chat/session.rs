//! A person, a terminal, a conversation.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;

use super::command::{Command, HELP, parse};
use super::lines::Lines;
use super::screen::Screen;
use crate::address::Channel;
use crate::simulator::{Conversation, Doors, Event, Mail, Mode, Recording, Target};

pub(super) struct Session {
    pub(super) conversation: Conversation,
    pub(super) doors: Doors,
    pub(super) screen: Arc<Mutex<Screen>>,
    /// The server, as each mode's bot; a server elsewhere has one bot.
    pub(super) targets: [Target; 2],
    pub(super) mode: Mode,
    pub(super) recording: Arc<Mutex<Recording>>,
    /// The mails that were there before, and those that have been shown: their ids and times.
    pub(super) seen: Vec<(String, String)>,
}

impl Session {
    /// Goes on until the user leaves, or the input is over.
    pub(super) async fn run(&mut self, mut lines: Lines) {
        self.show_mails().await;
        lines.want();
        loop {
            let line = tokio::select! {
                line = lines.next() => line,
                Some(callback) = self.conversation.called() => {
                    self.conversation.heed(callback).await;
                    self.show_mails().await;
                    continue;
                }
            };
            let Some(line) = line else { return };
            match parse(&line) {
                Ok(Command::Quit) => return,
                Ok(Command::Say(text)) if text.is_empty() => {}
                Ok(command) => self.obey(command).await,
                Err(problem) => self.screen().note(&problem),
            }
            self.show_mails().await;
            lines.want();
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Say(text) => self.conversation.say(&text).await,
            Command::Code => self.type_code(|code| code).await,
            Command::Wrong => self.type_code(|code| wrong(&code)).await,
            Command::Advance(seconds) => match self.doors.advance(seconds).await {
                Ok(now) => {
                    self.recording().advance(seconds);
                    self.screen().note(&format!("The server's clock says {now} now."));
                }
                Err(problem) => self.screen().note(&problem),
            },
            Command::Fault { provider, mode, times } => self.fault(&provider, &mode, times).await,
            Command::ResendRequest => {
                if !self.conversation.call_again().await {
                    self.screen().note("There was no call yet.");
                }
            }
            Command::Misbehave(prank) => {
                self.conversation.mischief().order(prank);
                self.screen().note(prank.explained());
            }
            Command::Language(tag) => {
                if self.conversation.speak(&tag) {
                    self.screen()
                        .note(&format!("From the next message on in {tag}; /reset begins anew in it."));
                } else {
                    let known: Vec<&str> = self.conversation.languages().collect();
                    self.screen().note(&format!("Known languages: {}", known.join(", ")));
                }
            }
            Command::Channel(channel) => {
                self.conversation.travel_by(Some(channel));
                let what = if channel == Channel::Email { "an e-mail address" } else { "a phone number" };
                self.screen().note(&format!("Codes travel by {}; give {what}.", channel.name()));
                self.conversation.begin().await;
            }
            Command::Medium(kind) => {
                self.conversation.write_on(kind);
                self.screen().note(&format!("The user writes on a channel of the type {kind} now."));
            }
            Command::Mode(mode) => {
                self.mode = mode;
                self.reset().await;
            }
            Command::Reset => self.reset().await,
            Command::State => {
                let context = self.conversation.context();
                let state = json!({
                    "asks": self.conversation.asks().map(crate::simulator::Entity::name),
                    "entities": context["entities"],
                    "otp": context["otp"],
                    "BotUserSession": context["session"]["BotUserSession"],
                });
                let event = Event::Session { context: state }.hidden(self.conversation.codes());
                if let Event::Session { context } = event {
                    self.screen().json(&context);
                }
            }
            Command::Last => self.show_last(),
            Command::Wire => {
                let mut screen = self.screen();
                let shown = screen.toggle_wire();
                screen.note(if shown { "What crosses the wire is shown." } else { "The wire is hidden." });
            }
            Command::Help => self.screen().line(HELP),
            Command::Quit => {}
        }
    }

    async fn reset(&mut self) {
        let target = match self.mode {
            Mode::Webhook => &self.targets[0],
            Mode::Conversation => &self.targets[1],
        };
        self.conversation.reset(target.clone(), self.mode);
        self.conversation.begin().await;
    }

    /// The provider of a server without any is its outbox: it stands in for the one that is named.
    async fn fault(&mut self, provider: &str, mode: &str, times: u32) {
        let mut name = provider;
        let mut outcome = self.doors.fail(name, mode, times).await;
        if outcome.as_ref().is_err_and(|problem| problem == "provider: must be one of outbox") {
            name = "outbox";
            outcome = self.doors.fail(name, mode, times).await;
        }
        let instead = if name == provider { "" } else { " (it stands in for the provider)" };
        self.screen().note(&match outcome {
            Ok(()) if times == 0 => format!("{name} works again{instead}."),
            Ok(()) => format!("The next attempts of {name}{instead} fail with {mode}: {times}."),
            Err(problem) => problem,
        });
    }

    async fn type_code(&mut self, change: impl FnOnce(String) -> String) {
        match self.doors.outbox().await {
            Ok(mails) => match mails.into_iter().next() {
                Some(mail) => {
                    let code = change(mail.code);
                    self.screen().typed(&code);
                    self.conversation.say(&code).await;
                }
                None => self.screen().note("No mail has come yet."),
            },
            Err(problem) => self.screen().note(&format!("The code cannot be read: {problem}.")),
        }
    }

    fn show_last(&self) {
        let mut screen = self.screen();
        let Some(last) = screen.last().cloned() else {
            return screen.note("Nothing has crossed the wire yet.");
        };
        if let Event::Wire(last) = Event::Wire(Box::new(last)).hidden(self.conversation.codes()) {
            screen.note(&format!("POST {}  {}", last.url, last.what));
            screen.json(&last.body);
            let outcome = last.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
            screen.note(&format!("{outcome} after {} ms", last.millis));
            screen.json(&last.answer);
        }
    }

    /// Shows the mails that have come since the last time.
    async fn show_mails(&mut self) {
        for mail in self.new_mails().await {
            self.recording().mail(&mail);
            self.screen().mail(&mail);
        }
    }

    /// The mails that have come since the last time, oldest first; none where there is no outbox.
    pub(super) async fn new_mails(&mut self) -> Vec<Mail> {
        let mut mails = self.doors.outbox().await.unwrap_or_default();
        let key = |mail: &Mail| (mail.id.clone(), mail.sent_at.clone() + &mail.code);
        let known: Vec<_> = mails.iter().map(key).collect();
        mails.retain(|mail| !self.seen.contains(&key(mail)));
        mails.reverse();
        self.seen = known;
        mails
    }

    fn recording(&self) -> MutexGuard<'_, Recording> {
        self.recording.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn screen(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A code of the same form that is not this one: its last character is another.
fn wrong(code: &str) -> String {
    let mut characters: Vec<char> = code.chars().collect();
    if let Some(last) = characters.last_mut() {
        *last = if *last == '7' { '3' } else { '7' };
    }
    characters.into_iter().collect()
}
