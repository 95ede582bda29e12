//! The platform's payloads: those in `fixtures/payloads`, with other ids, addresses and words.

use serde_json::{Value, json};

use crate::botkit::{BotId, Event};

/// A payload of each event, as the platform sends it.
const ALL: [(Event, &str); 8] = [
    (Event::UserMessage, include_str!("../../fixtures/payloads/on_user_message.json")),
    (Event::BotMessage, include_str!("../../fixtures/payloads/on_bot_message.json")),
    (Event::Webhook, include_str!("../../fixtures/payloads/on_webhook.json")),
    (Event::AgentTransfer, include_str!("../../fixtures/payloads/on_agent_transfer.json")),
    (Event::Event, include_str!("../../fixtures/payloads/on_event.json")),
    (Event::Alert, include_str!("../../fixtures/payloads/on_alert.json")),
    (Event::VariableUpdate, include_str!("../../fixtures/payloads/on_variable_update.json")),
    (Event::ClientEvent, include_str!("../../fixtures/payloads/on_client_event.json")),
];

/// What stands in the samples: the bot, the user, the session, the platform.
pub(super) const BOT: &str = "st-6b1f0c52-9d3e-5a47-8c21-4e7ab90d3f16";
pub(super) const USER: &str = "u-0f5d2c9a-71be-5e30-9b44-c2a8d1e6f703";
pub(super) const SESSION: &str = "6a5f0e3b9c1d2e4f5a6b7c8d";
pub(super) const PLATFORM: &str = "https://bots.kore.ai";

/// The sample of an event, as text.
#[must_use]
pub(super) fn sample(event: Event) -> &'static str {
    ALL.iter().find(|(known, _)| *known == event).map_or("{}", |(_, text)| text)
}

/// Who talks to whom, and where the platform is.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) bot: BotId,
    pub(super) user: String,
    pub(super) session: String,
    /// Where the server's calls go: the platform's scheme, host and port.
    pub(super) platform: String,
}

impl Identity {
    /// An event's payload under a new request id, with nothing of the sample's conversation left in it.
    pub(super) fn payload(&self, event: Event, request: &str) -> Value {
        let text = sample(event)
            .replace(BOT, self.bot.as_str())
            .replace(USER, &self.user)
            .replace(SESSION, &self.session)
            .replace(PLATFORM, &self.platform);
        let mut payload: Value = serde_json::from_str(&text).unwrap_or_default();
        let old = payload["requestId"].as_str().unwrap_or_default().to_owned();
        if let Some(members) = payload.as_object_mut() {
            for (_, value) in members.iter_mut().filter(|(key, _)| key.ends_with("Url")) {
                *value = json!(value.as_str().unwrap_or_default().replace(&old, request));
            }
        }
        payload["requestId"] = json!(request);
        payload
    }

    /// A context before anything has been said. Nothing is known of the user's addresses.
    pub(super) fn context(&self, language: &str) -> Value {
        let mut context = self.payload(Event::UserMessage, "")["context"].take();
        context["entities"] = json!({});
        context["history"] = json!([]);
        context["currentLanguage"] = json!(language);
        context["suggestedLanguages"] = json!([language]);
        if let Some(user) = context.pointer_mut("/session/UserContext").and_then(Value::as_object_mut) {
            user.remove("emailId");
        }
        if let Some(session) = context.pointer_mut("/session/BotUserSession").and_then(Value::as_object_mut) {
            session.remove("lastMessage");
            session.remove("lastUserMessageTime");
        }
        context
    }

    /// The channel that the user writes on.
    pub(super) fn channel(&self, kind: &str, said: &str) -> Value {
        let mut channel = self.payload(Event::UserMessage, "")["channel"].take();
        channel["type"] = json!(kind);
        channel["channelInfos"]["type"] = json!(kind);
        channel["channelInfos"]["body"] = json!(said);
        channel
    }
}

/// Writes down, where the platform does, what the user said last.
pub(super) fn note_said(context: &mut Value, channel: &str, said: &str, at: &str) {
    if let Some(session) = context.pointer_mut("/session/BotUserSession") {
        session["lastMessage"] =
            json!({ "channel": channel, "messagePayload": { "message": { "body": said } } });
        session["lastUserMessageTime"] = json!(at);
    }
}
