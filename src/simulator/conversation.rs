//! One user's conversation with the bot, as the platform leads it.

mod course;
mod wire;

use std::sync::Arc;

use rand::Rng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::dialog::{Entity, Mode};
use super::payload::{Identity, note_said};
use super::{Callback, Callbacks, Event, Mischief, Prank, Target, Watcher, Who};
use crate::address::Channel;
use crate::botkit;
use crate::clock::{Clock as _, SystemClock};
use crate::dialog::catalogue::Catalogue;

/// What PII redaction leaves of a text.
const REDACTED: &str = "jjh4ezb2";

/// What was typed for a code is hidden when the wire is shown; only the latest are remembered.
const CODES_KEPT: usize = 100;

/// Characters in the shortest of codes.
const SHORTEST_CODE: usize = 4;

/// How a conversation begins.
pub struct Start {
    /// The server that is tried.
    pub target: Target,
    /// Where the server reaches the platform, if that is not the address the simulator listens at.
    pub platform_url: Option<String>,
    /// The port of this machine that leads to; 0 for any.
    pub port: u16,
    /// How the dialog is built.
    pub mode: Mode,
    /// The user's language, such as `en`.
    pub language: String,
    /// The type of the user's channel, such as `rtm`.
    pub medium: String,
    /// Who is told what happens.
    pub watcher: Watcher,
}

/// A conversation.
pub struct Conversation {
    target: Target,
    callbacks: Callbacks,
    mischief: Arc<Mischief>,
    catalogue: Catalogue,
    rng: StdRng,
    watcher: Watcher,
    mode: Mode,
    language: String,
    medium: String,
    /// By which way the code is to travel, if the dialog says so.
    way: Option<Channel>,
    identity: Identity,
    context: Value,
    /// What the dialog waits for; `None` between dialogs.
    asks: Option<Entity>,
    said: String,
    greeted: bool,
    codes: Vec<String>,
    last: Option<(String, String, String)>,
    failures: usize,
}

impl Conversation {
    /// Opens a conversation; nothing is said yet.
    ///
    /// # Errors
    /// The machine has no free port, or no words to say.
    pub fn open(start: Start, mut rng: StdRng) -> Result<Self, String> {
        let mischief = Arc::new(Mischief::default());
        let callbacks = Callbacks::listen(&start.target, &mischief, start.port)
            .map_err(|error| format!("cannot listen for the server's calls: {error}"))?;
        let platform = start.platform_url.unwrap_or_else(|| format!("http://{}", callbacks.address()));
        let identity = Identity {
            bot: start.target.bot().clone(),
            user: new_user(&mut rng),
            session: new_session(&mut rng),
            platform: platform.trim_end_matches('/').to_owned(),
        };
        let context = identity.context(&start.language);
        Ok(Self {
            catalogue: Catalogue::new(&[]).map_err(|broken| broken.to_string())?,
            target: start.target,
            callbacks,
            mischief,
            rng,
            watcher: start.watcher,
            mode: start.mode,
            language: start.language,
            medium: start.medium,
            way: None,
            identity,
            context,
            asks: None,
            said: "verify my email".to_owned(),
            greeted: false,
            codes: Vec::new(),
            last: None,
            failures: 0,
        })
    }

    /// What the dialog waits for; `None` if it is over.
    #[must_use]
    pub const fn asks(&self) -> Option<Entity> {
        self.asks
    }

    /// What was typed where a code was asked for.
    #[must_use]
    pub fn codes(&self) -> &[String] {
        &self.codes
    }

    /// How often the server did not answer as it must: a Webhook node failed, or a message was lost.
    #[must_use]
    pub const fn failures(&self) -> usize {
        self.failures
    }

    /// The context that the platform holds.
    #[must_use]
    pub const fn context(&self) -> &Value {
        &self.context
    }

    /// Where the server's calls for this bot go: the `baseUrl` of payloads.
    #[must_use]
    pub fn platform(&self) -> String {
        format!("{}/api/botsdk/stream/{}", self.identity.platform, self.identity.bot)
    }

    /// Where pranks are ordered.
    #[must_use]
    pub const fn mischief(&self) -> &Arc<Mischief> {
        &self.mischief
    }

    /// Speaks another language from now on; `false` if we know none of this name.
    pub fn speak(&mut self, language: &str) -> bool {
        let known = self.catalogue.find(language).is_some();
        if known {
            language.clone_into(&mut self.language);
            self.context["currentLanguage"] = json!(language);
        }
        known
    }

    /// The languages there are.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.catalogue.names()
    }

    /// Lets codes travel this way from now on; `None` leaves it to the address.
    pub const fn travel_by(&mut self, way: Option<Channel>) {
        self.way = way;
    }

    /// Moves the user to a channel of another type.
    pub fn write_on(&mut self, medium: &str) {
        medium.clone_into(&mut self.medium);
    }

    /// Begins anew: another user, another session, another dialog.
    pub fn reset(&mut self, target: Target, mode: Mode) {
        self.identity.bot = target.bot().clone();
        self.callbacks.belong_to(&target);
        self.target = target;
        self.mode = mode;
        self.identity.user = new_user(&mut self.rng);
        self.identity.session = new_session(&mut self.rng);
        self.context = self.identity.context(&self.language);
        self.asks = None;
        self.greeted = false;
        self.tell_session();
    }

    /// Takes what the user says, and goes on until the dialog waits for the user again.
    pub async fn say(&mut self, text: &str) {
        self.tell(Event::Said {
            who: Who::User,
            text: text.to_owned(),
            options: Vec::new(),
            language: self.language.clone(),
            right_to_left: self.is_right_to_left(),
        });
        if self.asks == Some(Entity::Otp) {
            let words = text.split(|letter: char| !letter.is_alphanumeric());
            let numbers = words.filter(|word| word.len() >= SHORTEST_CODE && word.contains(char::is_numeric));
            self.codes.extend(numbers.map(str::to_owned));
            let too_many = self.codes.len().saturating_sub(CODES_KEPT);
            self.codes.drain(..too_many);
        }
        let mut text = text.to_owned();
        if self.mischief.take(Prank::Redact) {
            self.note(format!("PII redaction turned this into {REDACTED}."));
            REDACTED.clone_into(&mut text);
        }
        self.said.clone_from(&text);
        let at = SystemClock.now().to_string();
        note_said(&mut self.context, &self.medium, &text, &at);
        match self.mode {
            Mode::Webhook => self.bot_hears(text).await,
            Mode::Conversation => {
                if let Some(text) = self.pass(botkit::Event::UserMessage, &text).await {
                    self.bot_hears(text).await;
                }
            }
        }
    }

    /// Waits for the server to call while nobody says anything. May be given up at any time.
    pub async fn called(&mut self) -> Option<Callback> {
        self.callbacks.next().await
    }

    /// Takes a call that came while nobody said anything.
    pub async fn heed(&mut self, callback: Callback) {
        if let Some(text) = self.take(callback) {
            self.bot_hears(text).await;
        }
    }

    /// Makes the last call to the server again, under the same `requestId`, as the platform does when an answer got
    /// lost; `false` if there was none.
    pub async fn call_again(&mut self) -> bool {
        let Some((what, path, body)) = self.last.clone() else { return false };
        let reply = self.post(&format!("{what}, again"), &path, &body).await;
        if !matches!(reply.status, Some(200 | 202)) {
            self.failed("The call failed.");
            return true;
        }
        let same = reply.json()["context"]["otp"] == self.context["otp"];
        self.note(
            if same {
                "The answer is the same as before."
            } else {
                "The answer differs from the one before."
            }
            .to_owned(),
        );
        true
    }

    /// Says something to the user; in conversation mode the server sees it first.
    async fn bot_says(&mut self, text: String, options: Vec<String>) {
        match self.mode {
            Mode::Webhook => {
                let options = if self.medium == "rtm" { options } else { Vec::new() };
                self.tell_said(text, options);
            }
            Mode::Conversation => {
                self.pass(botkit::Event::BotMessage, &text).await;
            }
        }
    }

    fn is_right_to_left(&self) -> bool {
        self.catalogue.find(&self.language).is_some_and(|language| language.is_right_to_left())
    }

    fn tell_said(&self, text: String, options: Vec<String>) {
        let (language, right_to_left) = (self.language.clone(), self.is_right_to_left());
        self.tell(Event::Said { who: Who::Bot, text, options, language, right_to_left });
    }

    fn tell_session(&self) {
        self.tell(Event::Session { context: self.context.clone() });
    }

    fn note(&self, text: String) {
        self.tell(Event::Note { text });
    }

    fn failed(&mut self, text: &str) {
        self.failures += 1;
        self.note(text.to_owned());
    }

    fn tell(&self, event: Event) {
        (self.watcher)(event);
    }
}

/// Eight digits, a version 5 label and so on: the platform's ids look like that.
fn new_user(rng: &mut StdRng) -> String {
    let (head, tail) = (rng.next_u32(), rng.next_u64() >> 16);
    format!("u-{head:08x}-71be-5e30-9b44-{tail:012x}")
}

fn new_session(rng: &mut StdRng) -> String {
    let (head, tail) = (rng.next_u32(), rng.next_u64());
    format!("{head:08x}{tail:016x}")
}
