//! Dev mode's webhook channel: programs such as bot test tools write to the bot by it as they do on the platform, and
//! the simulator leads the conversation. `POST /chatbot/hooks/{bot}` and, in the second form of the protocol,
//! `POST /chatbot/v2/webhook/{bot}`; both answer when the bot has spoken.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::dev::is_from_here;
use super::{Server, header, respond};
use crate::botkit::BotId;
use crate::clock::{Clock as _, SystemClock};
use crate::simulator::{Conversation, Event, Mode, Start, Target, Watcher, Who};

/// How long the platform lets a program wait.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long a user may be silent before the session ends.
const SESSION: Duration = Duration::from_mins(15);

/// Users at a time.
const MOST_USERS: usize = 32;

/// What a task of the bot's is called in answers.
const TASK: (&str, &str) = ("dg-52ad91c4-0e7b-5d16-a3f8-6b9c20d4e175", "OTP Authentication");

pub(super) fn routes(config: &mut web::ServiceConfig) {
    for (path, version) in
        [("/chatbot/hooks/{bot}", Version::One), ("/chatbot/v2/webhook/{bot}", Version::Two)]
    {
        let hook = web::resource(path)
            .guard(actix_web::guard::fn_guard(is_from_here))
            .route(web::post().to(move |request, body, server| receive(version, request, body, server)));
        config.service(hook);
    }
}

/// The forms of the protocol.
#[derive(Clone, Copy)]
enum Version {
    One,
    Two,
}

/// The users that write to this server's bots.
#[derive(Default)]
pub struct Hooks(Mutex<HashMap<(BotId, String), mpsc::Sender<Turn>>>);

/// Something a user does, and where the answer goes.
struct Turn {
    said: Said,
    answer: oneshot::Sender<Spoken>,
}

enum Said {
    /// A text; in a new session if the user asks for one.
    Text { text: String, anew: bool },
    /// The user has come.
    Arrival,
}

/// What the bot says to that.
struct Spoken {
    texts: Vec<String>,
    /// Whether the dialog is over.
    over: bool,
}

#[derive(Deserialize)]
struct Request {
    message: Content,
    from: From,
    #[serde(default)]
    session: Session,
}

#[derive(Deserialize)]
struct Content {
    /// In the first form.
    text: Option<String>,
    /// In the second: `text` or `event`, and what it is.
    #[serde(rename = "type")]
    kind: Option<String>,
    val: Option<String>,
}

#[derive(Deserialize)]
struct From {
    id: String,
}

#[derive(Default, Deserialize)]
struct Session {
    #[serde(default)]
    new: bool,
}

async fn receive(version: Version, request: HttpRequest, body: Bytes, server: Data<Server>) -> HttpResponse {
    let bot = BotId::parse(request.match_info().get("bot").unwrap_or_default());
    let token = header(request.headers(), "authorization").and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let known = bot.and_then(|id| {
        let bot = server.bots.get(&id)?;
        bot.credentials.as_ref()?.check_channel(token, SystemClock.now()).ok()?;
        Some(id)
    });
    let Some(bot) = known else { return refuse(version, 401, "Invalid Access token") };
    let Ok(asked) = serde_json::from_slice::<Request>(&body) else {
        return refuse(version, 400, "Invalid Request Payload");
    };
    let anew = asked.session.new;
    let said = match (asked.message.text, asked.message.kind.as_deref(), asked.message.val) {
        (Some(text), _, _) | (None, Some("text"), Some(text)) => Said::Text { text, anew },
        (None, Some("event"), Some(event)) if event == "ON_CONNECT" => Said::Arrival,
        (None, Some("event"), Some(event)) if event == "SESSION_CLOSURE" => {
            server.hooks.forget(&(bot, asked.from.id));
            return answered(version, &Spoken { texts: Vec::new(), over: true });
        }
        (None, _, _) => return refuse(version, 400, "Invalid Request Payload"),
    };
    let Some(user) = server.hooks.user(&server, request.app_config().local_addr(), (bot, asked.from.id))
    else {
        return refuse(version, 429, "Too Many requests");
    };
    let (answer, spoken) = oneshot::channel();
    if user.try_send(Turn { said, answer }).is_err() {
        return refuse(version, 429, "Too Many requests");
    }
    match tokio::time::timeout(PATIENCE, spoken).await {
        Ok(Ok(spoken)) => answered(version, &spoken),
        Ok(Err(_)) | Err(_) => refuse(version, 504, "The request has been timed-out"),
    }
}

fn answered(version: Version, spoken: &Spoken) -> HttpResponse {
    let mut answer = match version {
        Version::One => json!({ "text": spoken.texts }),
        Version::Two => {
            let now = SystemClock.now().to_string();
            let message = |(number, text): (usize, &String)| json!({ "type": "text", "val": text, "createdOn": now, "messageId": format!("ms-{number}-{now}") });
            json!({ "_v": "v2", "data": spoken.texts.iter().enumerate().map(message).collect::<Vec<_>>() })
        }
    };
    answer["endOfTask"] = json!(spoken.over);
    if spoken.over {
        answer["endReason"] = json!("Fulfilled");
        answer["completedTaskId"] = json!(TASK.0);
        answer["completedTaskName"] = json!(TASK.1);
    }
    respond(200).body(answer.to_string())
}

fn refuse(version: Version, status: u16, problem: &str) -> HttpResponse {
    let mut answer: Value = json!({ "errors": [{ "msg": problem, "code": status }] });
    if let Version::Two = version {
        answer["_v"] = json!("v2");
    }
    respond(status).body(answer.to_string())
}

impl Hooks {
    /// Where a user's turns go; `None` if there are too many users.
    fn user(&self, server: &Server, address: SocketAddr, key: (BotId, String)) -> Option<mpsc::Sender<Turn>> {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        users.retain(|_, turns| !turns.is_closed());
        if let Some(turns) = users.get(&key) {
            return Some(turns.clone());
        }
        if users.len() >= MOST_USERS {
            return None;
        }
        let bot = server.bots.get(&key.0)?;
        let base = format!("http://{address}{}", server.settings.api_prefix);
        let target = Target::new(&base, key.0.clone(), bot.credentials.clone()?).ok()?;
        let mode = if bot.settings.conversation { Mode::Conversation } else { Mode::Webhook };
        let (turns, waiting) = mpsc::channel(1);
        server.service.background.aside(talk(target, mode, bot.settings.language.tag(), waiting));
        users.insert(key, turns.clone());
        Some(turns)
    }

    /// Ends a user's session.
    fn forget(&self, key: &(BotId, String)) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Ends all sessions.
    pub(super) fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Leads one user's conversation.
async fn talk(target: Target, mode: Mode, language: String, mut turns: mpsc::Receiver<Turn>) {
    let texts: Arc<Mutex<Vec<String>>> = Arc::default();
    let watcher: Watcher = {
        let texts = Arc::clone(&texts);
        Arc::new(move |event| {
            if let Event::Said { who: Who::Bot, text, .. } = event {
                texts.lock().unwrap_or_else(PoisonError::into_inner).push(text);
            }
        })
    };
    let start = Start {
        target: target.clone(),
        platform_url: None,
        mode,
        language,
        medium: "webhook".to_owned(),
        watcher,
    };
    let Ok(mut conversation) = Conversation::open(start, rand::make_rng()) else { return };
    loop {
        let turn = tokio::select! {
            turn = tokio::time::timeout(SESSION, turns.recv()) => turn,
            Some(callback) = conversation.called() => {
                conversation.heed(callback).await;
                continue;
            }
        };
        let Ok(Some(Turn { said, answer })) = turn else { return };
        match said {
            Said::Text { text, anew } => {
                if anew {
                    conversation.reset(target.clone(), mode);
                }
                conversation.say(&text).await;
            }
            Said::Arrival => conversation.begin().await,
        }
        let texts = std::mem::take(&mut *texts.lock().unwrap_or_else(PoisonError::into_inner));
        // Who has given up waiting hears nothing.
        let _ = answer.send(Spoken { texts, over: conversation.asks().is_none() });
    }
}
