//! The conversation behind the console, and who watches it. There is one for all pages that are open.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ::log::warn;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

use crate::address::Channel;
use crate::botkit::{BotId, Failure};
use crate::http::Server;
use crate::simulator::{
    Conversation, DEV_BOT, DEV_CONVERSATION_BOT, Event, Mode, Prank, Start, Target, Watcher,
};

/// Events that are kept for pages that are opened later.
const KEPT: usize = 500;

/// Orders that may wait while one is carried out.
const MOST_ORDERS: usize = 16;

/// What a page may ask for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub(super) enum Order {
    /// The user says something.
    Say(String),
    /// Everything begins anew, with a dialog of this kind.
    Begin(Mode),
    /// The user's language.
    Language(String),
    /// How codes travel.
    Channel(String),
    /// The type of the user's channel.
    Medium(String),
    /// The platform has a bad day.
    Misbehave(Prank),
    /// The platform makes its last call again.
    Again {},
}

/// The console of a server.
#[derive(Default)]
pub struct Console(Mutex<Option<Running>>);

struct Running {
    orders: mpsc::Sender<Order>,
    log: Arc<Log>,
    /// Tells everybody that it is over.
    over: watch::Sender<bool>,
}

/// What has happened.
struct Log {
    entries: Mutex<Kept>,
    /// How many entries there have been.
    count: watch::Sender<usize>,
}

#[derive(Default)]
struct Kept {
    entries: VecDeque<Entry>,
    /// How many were dropped before these.
    dropped: usize,
}

/// Something a page is told.
#[derive(Clone, Serialize)]
#[serde(untagged)]
pub(super) enum Entry {
    /// It happened in the conversation.
    Happened(Event),
    /// How the console stands.
    Stands(Standing),
}

/// How the console stands.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Standing {
    kind: &'static str,
    /// Whether everything has just begun anew.
    fresh: bool,
    /// Whether an order is being carried out.
    busy: bool,
    mode: Mode,
    language: String,
    languages: Vec<String>,
    channel: &'static str,
    medium: String,
}

impl Entry {
    /// As JSON; with these codes hidden, and tokens, if there are any to hide.
    pub(super) fn shown(&self, hidden: Option<&[String]>) -> String {
        let text = match (self, hidden) {
            (Self::Happened(event), Some(codes)) => serde_json::to_string(&event.hidden(codes)),
            (Self::Happened(_) | Self::Stands(_), _) => serde_json::to_string(self),
        };
        text.unwrap_or_default()
    }
}

/// One page's view of the log.
pub(super) struct Entries {
    log: Arc<Log>,
    next: usize,
    count: watch::Receiver<usize>,
    over: watch::Receiver<bool>,
}

impl Entries {
    /// The next entry, when there is one; `None` when all is over.
    pub(super) async fn next(&mut self) -> Option<Entry> {
        loop {
            if let Some(entry) = self.log.entry(&mut self.next) {
                return Some(entry);
            }
            tokio::select! {
                changed = self.count.changed() => changed.ok()?,
                _ = self.over.wait_for(|over| *over) => return None,
            }
        }
    }
}

impl Log {
    /// The entry of this number, or the oldest that is kept after it; counts on.
    fn entry(&self, number: &mut usize) -> Option<Entry> {
        let kept = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let at = number.saturating_sub(kept.dropped);
        let entry = kept.entries.get(at).cloned()?;
        *number = kept.dropped + at + 1;
        Some(entry)
    }

    fn push(&self, entry: Entry) {
        let mut kept = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(&entry, Entry::Stands(standing) if standing.fresh) {
            kept.dropped += kept.entries.len();
            kept.entries.clear();
        }
        if kept.entries.len() == KEPT {
            kept.entries.pop_front();
            kept.dropped += 1;
        }
        kept.entries.push_back(entry);
        self.count.send_replace(kept.dropped + kept.entries.len());
    }
}

impl Console {
    /// Shows what happens, from the beginning. The first who watches raises the curtain. `None` if there is no bot to
    /// talk to.
    pub(super) fn watch(&self, server: &Server, address: SocketAddr) -> Option<Entries> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if running.as_ref().is_none_or(|running| running.orders.is_closed()) {
            *running = Some(raise(server, address)?);
        }
        let running = running.as_ref()?;
        let (log, count) = (Arc::clone(&running.log), running.log.count.subscribe());
        Some(Entries { log, next: 0, count, over: running.over.subscribe() })
    }

    /// Passes on what a page asks for.
    ///
    /// # Errors
    /// Nobody watches, or too many orders wait.
    pub(super) fn order(&self, order: Order) -> Result<(), Failure> {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let running = running.as_ref().ok_or(Failure::NotFound)?;
        running.orders.try_send(order).map_err(|_| Failure::Busy)
    }

    /// Ends everything: open pages would keep a server from stopping.
    pub(in crate::http) fn close(&self) {
        if let Some(running) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            running.over.send_replace(true);
        }
    }
}

/// The server as each mode's bot.
fn targets(server: &Server, address: SocketAddr) -> Option<[Target; 2]> {
    let base = format!("http://{address}{}", server.settings.api_prefix);
    let target = |id: BotId| {
        let credentials = server.bots.get(&id)?.credentials.clone()?;
        Target::new(&base, id, credentials).ok()
    };
    let named = || server.bots.named.keys().min_by_key(|id| id.as_str().to_owned()).cloned();
    let webhook = BotId::parse(DEV_BOT).and_then(target).or_else(|| named().and_then(target))?;
    let conversation = BotId::parse(DEV_CONVERSATION_BOT).and_then(target).unwrap_or_else(|| webhook.clone());
    Some([webhook, conversation])
}

fn raise(server: &Server, address: SocketAddr) -> Option<Running> {
    let targets = targets(server, address)?;
    let log = Arc::new(Log { entries: Mutex::default(), count: watch::Sender::new(0) });
    let (orders, waiting) = mpsc::channel(MOST_ORDERS);
    let over = watch::Sender::new(false);
    let (playing, mut ended) = (Arc::clone(&log), over.subscribe());
    server.service.background.aside(async move {
        tokio::select! {
            played = play(targets, playing, waiting) => {
                if let Err(problem) = played {
                    warn!("the console cannot be used: {problem}");
                }
            }
            _ = ended.wait_for(|over| *over) => {}
        }
    });
    Some(Running { orders, log, over })
}

/// Leads the conversation until nobody gives orders any more.
async fn play(targets: [Target; 2], log: Arc<Log>, mut orders: mpsc::Receiver<Order>) -> Result<(), String> {
    let watcher: Watcher = {
        let log = Arc::clone(&log);
        Arc::new(move |event| log.push(Entry::Happened(event)))
    };
    let start = Start {
        target: targets[0].clone(),
        platform_url: None,
        mode: Mode::Webhook,
        language: "en".to_owned(),
        medium: "rtm".to_owned(),
        watcher,
    };
    let mut conversation = Conversation::open(start, rand::make_rng())?;
    let mut standing = Standing {
        kind: "standing",
        fresh: true,
        busy: true,
        mode: Mode::Webhook,
        language: "en".to_owned(),
        languages: conversation.languages().map(str::to_owned).collect(),
        channel: Channel::Email.name(),
        medium: "rtm".to_owned(),
    };
    log.push(Entry::Stands(standing.clone()));
    conversation.begin().await;
    loop {
        standing.busy = false;
        standing.fresh = false;
        log.push(Entry::Stands(standing.clone()));
        let order = tokio::select! {
            order = orders.recv() => order,
            Some(callback) = conversation.called() => {
                conversation.heed(callback).await;
                continue;
            }
        };
        let Some(order) = order else { return Ok(()) };
        standing.busy = true;
        match order {
            Order::Say(text) => {
                log.push(Entry::Stands(standing.clone()));
                conversation.say(&text).await;
            }
            Order::Begin(mode) => {
                standing.mode = mode;
                standing.fresh = true;
                log.push(Entry::Stands(standing.clone()));
                let target = match mode {
                    Mode::Webhook => &targets[0],
                    Mode::Conversation => &targets[1],
                };
                conversation.reset(target.clone(), mode);
                conversation.begin().await;
            }
            Order::Language(tag) => {
                if conversation.speak(&tag) {
                    standing.language = tag;
                }
            }
            Order::Channel(word) => {
                if let Some(channel) = Channel::named(&word) {
                    standing.channel = channel.name();
                    conversation.travel_by(Some(channel));
                }
            }
            Order::Medium(kind) => {
                conversation.write_on(&kind);
                standing.medium = kind;
            }
            Order::Misbehave(prank) => {
                conversation.mischief().order(prank);
                log.push(Entry::Happened(Event::Note { text: prank.explained().to_owned() }));
            }
            Order::Again {} => {
                conversation.call_again().await;
            }
        }
    }
}
