//! What of a conversation crosses the wire: the platform's calls, and what comes of the server's.

use rand::RngExt as _;
use serde_json::{Value, json};

use super::Conversation;
use crate::botkit::{self, TOKEN_HEADER};
use crate::clock::{Clock as _, SystemClock};
use crate::simulator::{
    ADDRESSES_LAST, Callback, Event, Exchange, LARGEST_CONTEXT, PATIENCE, Prank, Reply, Side,
};
use crate::telemetry::Stopwatch;

impl Conversation {
    pub(super) async fn late_answer(&mut self, request: &str) -> Option<Value> {
        self.note("The server will answer later: the dialog waits for its call.".to_owned());
        let stopwatch = Stopwatch::start();
        loop {
            let left = ADDRESSES_LAST.saturating_sub(stopwatch.elapsed());
            let callback = tokio::time::timeout(left, self.callbacks.next()).await.ok()??;
            if callback.request == request && callback.door == "serviceCallback" && callback.is_taken() {
                self.tell(Event::Wire(Box::new(callback.exchange)));
                return Some(callback.body);
            }
            self.take(callback);
        }
    }

    /// Posts a message, and waits until the server has handed it on to somebody. What it hands to the bot is returned.
    pub(super) async fn pass(&mut self, event: botkit::Event, text: &str) -> Option<String> {
        let request = self.request_id();
        let mut body = self.identity.payload(event, &request);
        self.fill(&mut body);
        body["message"] = json!(text);
        if event == botkit::Event::UserMessage {
            body["messageObject"]["text"] = json!(text);
        }
        let (what, path, body) = (event.name().to_owned(), self.target.path(event), body.to_string());
        let mut reply = self.post(&what, &path, &body).await;
        if self.mischief.take(Prank::Retry) {
            self.note("The acknowledgement got lost: the platform calls again.".to_owned());
            reply = self.post(&format!("{what}, again"), &path, &body).await;
        }
        self.last = Some((what, path, body));
        if reply.status != Some(200) {
            self.failed("The server did not take the message: it is lost.");
            return None;
        }
        let stopwatch = Stopwatch::start();
        loop {
            let left = PATIENCE.saturating_sub(stopwatch.elapsed());
            let Ok(Some(callback)) = tokio::time::timeout(left, self.callbacks.next()).await else {
                self.failed("The server acknowledged the message and handed it on to nobody: it is lost.");
                return None;
            };
            let ours = callback.request == request && callback.is_taken();
            let text = self.take(callback);
            if ours {
                return text;
            }
        }
    }

    /// Takes a call of the server's; the text that it has for the bot, if it has one.
    pub(super) fn take(&mut self, callback: Callback) -> Option<String> {
        let taken = callback.is_taken();
        let Callback { door, body, exchange, .. } = callback;
        self.tell(Event::Wire(Box::new(exchange)));
        if !taken {
            return None;
        }
        let text = || body["message"].as_str().unwrap_or_default().to_owned();
        match door.as_str() {
            "sendUserMessage" => {
                self.adopt(&body);
                let (text, options) = shown(&body);
                self.tell_said(text, options);
                None
            }
            "sendBotMessage" => {
                self.adopt(&body);
                Some(text())
            }
            "serviceCallback" => {
                self.note("A late answer came for a node that no longer waits for it.".to_owned());
                None
            }
            "skipUserMessage" | "skipBotMessage" => None,
            other => {
                self.note(format!("The server called {other}, which has no effect here."));
                None
            }
        }
    }

    /// Puts what the platform holds into a payload.
    pub(super) fn fill(&self, body: &mut Value) {
        body["context"] = self.context.clone();
        body["channel"] = self.identity.channel(&self.medium, &self.said);
        body["message"] = json!(self.said);
    }

    /// Takes over what an answer says of the context.
    pub(super) fn adopt(&mut self, answer: &Value) {
        let context = &answer["context"];
        if !context.is_object() {
            self.note("The answer has no context: the dialog keeps its own.".to_owned());
            return;
        }
        if context.to_string().len() > LARGEST_CONTEXT {
            self.note(
                "The context has grown beyond 1024 KB: the platform discards such conversations.".to_owned(),
            );
        }
        self.context = context.clone();
        self.tell_session();
    }

    pub(super) async fn post(&mut self, what: &str, path: &str, body: &str) -> Reply {
        let reply = self.target.post(path, body.to_owned(), PATIENCE).await;
        self.tell(Event::Wire(Box::new(Exchange {
            from: Side::Platform,
            what: what.to_owned(),
            url: format!("{}{path}", self.target.base()),
            token: (TOKEN_HEADER.to_owned(), reply.token.clone()),
            body: serde_json::from_str(body).unwrap_or_default(),
            status: reply.status,
            answer: reply.json(),
            millis: u64::try_from(reply.elapsed.as_millis()).unwrap_or(u64::MAX),
            problem: reply.problem.clone(),
        })));
        reply
    }

    /// A new request id, whose addresses hold from now on.
    pub(super) fn request_id(&mut self) -> String {
        // Milliseconds, as the platform's; a few random digits keep two of one moment apart.
        let id = format!("{}{:03}", SystemClock.now().millis(), self.rng.random_range(0..1_000));
        self.callbacks.give(&id);
        id
    }
}

impl Callback {
    fn is_taken(&self) -> bool {
        self.exchange.status == Some(200)
    }
}

/// The text and the quick replies of a message to the user.
fn shown(body: &Value) -> (String, Vec<String>) {
    let plain = body["message"].as_str().unwrap_or_default();
    let instead = &body["overrideMessagePayload"];
    let text = instead["body"].as_str().unwrap_or(plain);
    if instead["isTemplate"] != true {
        return (text.to_owned(), Vec::new());
    }
    let template: Value = serde_json::from_str(text).unwrap_or_default();
    let replies = template["payload"]["quick_replies"].as_array().into_iter().flatten();
    let titles = replies.filter_map(|reply| reply["title"].as_str().map(str::to_owned)).collect();
    (template["payload"]["text"].as_str().unwrap_or(plain).to_owned(), titles)
}
