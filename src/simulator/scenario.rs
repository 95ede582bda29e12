//! Scenarios as data: steps of request and expected outcome, as in `fixtures/scenarios` and `fixtures/conversations`.
//! The tests read them against a server with a clock that stands still, `replay` against any that runs.

use std::path::{Path, PathBuf};

use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::payload::sample;
use crate::botkit::Event;

/// The keys that we write into `BotUserSession`.
pub const OUR_KEYS: [&str; 3] = ["OTP", "ExpiryTime", "OTPVerified"];

/// The keys of a Webhook node's answer, in their order.
const HOOK_KEYS: [&str; 18] = [
    "__payloadClass",
    "requestId",
    "botId",
    "componentId",
    "componentName",
    "sendUserMessageUrl",
    "sendBotMessageUrl",
    "skipUserMessageUrl",
    "skipBotMessageUrl",
    "getBotVariableUrl",
    "callbackUrl",
    "context",
    "channel",
    "message",
    "contextId",
    "metaTags",
    "messageObject",
    "sendFeedbackMessageUrl",
];

/// The files with scenarios that are meant by `paths`: those named, and all in the folders named, in order.
///
/// # Errors
/// A path leads nowhere.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in paths {
        let unreadable = |error: std::io::Error| format!("{}: {error}", path.display());
        if path.is_dir() {
            let mut inside = Vec::new();
            for entry in std::fs::read_dir(path).map_err(unreadable)? {
                let file = entry.map_err(unreadable)?.path();
                if file.extension().is_some_and(|extension| extension == "json") {
                    inside.push(file);
                }
            }
            inside.sort();
            files.append(&mut inside);
        } else {
            std::fs::metadata(path).map_err(unreadable)?;
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// Reads a file.
///
/// # Errors
/// It cannot be read, or is no scenario.
pub fn read(file: &Path) -> Result<Value, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let scenario: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    if scenario["steps"].is_array() { Ok(scenario) } else { Err("it has no steps".to_owned()) }
}

/// What a scenario knows as it goes on.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The `context.otp` of the last Webhook node, which the platform keeps.
    pub otp: Value,
    /// The language of all steps.
    pub language: Value,
    /// The type of the channel of all steps.
    pub channel: Value,
}

impl Seen {
    /// Before the first step.
    #[must_use]
    pub fn of(scenario: &Value) -> Self {
        let (language, channel) = (scenario["language"].clone(), scenario["channel"].clone());
        Self { otp: Value::Null, language, channel }
    }

    /// The path, below the callback URL, and the body of a step's request. `bot` is called, and the platform is at
    /// `platform`.
    ///
    /// # Errors
    /// What is wrong with the step.
    pub fn request(
        &self,
        step: &Value,
        number: usize,
        bot: &str,
        platform: &str,
    ) -> Result<(String, String), String> {
        let at_home = |text: &str| text.replace("https://bots.kore.ai", platform);
        let rest = step["rest"].as_str().and_then(|rest| rest.split_once(' '));
        let rest = rest.map(|(_, path)| format!("/v1/bots/{bot}/{path}"));
        if let Some(path) = rest.as_deref().or(step["post"].as_str()) {
            let body = match &step["body"] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                body => body.to_string(),
            };
            return Ok((path.replace("{bot}", bot), at_home(&body)));
        }
        let payload = |event| serde_json::from_str::<Value>(sample(event)).unwrap_or_default();
        let mut event = Event::Webhook;
        let mut body = payload(event);
        if let Some(component) = step["call"].as_str() {
            body["dialogComponentName"] = json!(component);
            body["requestId"] =
                step.get("request").cloned().unwrap_or(json!(1_784_540_790_000_u64 + number as u64));
            if let Some(entities) = step.get("entities") {
                body["context"]["entities"] = entities.clone();
            }
        } else if let Some(text) = step["say"].as_str() {
            event = Event::UserMessage;
            body = payload(event);
            let id = format!("{}", 1_784_531_190_000_u64 + number as u64);
            body["requestId"] = step.get("request").cloned().unwrap_or(json!(id));
            repeat(&mut body, "mira@example.com", text);
            // Not what was said now, but what the platform knows of the user.
            body["context"]["session"]["UserContext"]["emailId"] = json!("mira@example.com");
        } else if step.get("prompt").is_some() {
            event = Event::BotMessage;
            body = payload(event);
            body["message"] = self.otp["message"].clone();
            body["context"]["otp"] = self.otp.clone();
        } else {
            let name = step["event"].as_str().ok_or("it is no call, say, prompt, event, post or advance")?;
            event = Event::named(name).ok_or_else(|| format!("there is no event {name}"))?;
            body = payload(event);
        }
        for (pointer, value) in
            [("/context/currentLanguage", &self.language), ("/channel/type", &self.channel)]
        {
            if let (Some(place), false) = (body.pointer_mut(pointer), value.is_null()) {
                *place = value.clone();
            }
        }
        for (pointer, value) in step["set"].as_object().into_iter().flatten() {
            place(&mut body, pointer)?.insert(last(pointer).to_owned(), value.clone());
        }
        for pointer in step["remove"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            place(&mut body, pointer)?.remove(last(pointer));
        }
        let path = if event == Event::Webhook && step.get("call").is_some() {
            format!("/sdk/bots/{bot}/components/dc-3f8b6d20-a15c-5e94-87d3-c9e0b4f12a76/on_webhook")
        } else {
            format!("/sdk/bots/{bot}/{}", event.name())
        };
        Ok((path, at_home(&body.to_string())))
    }
}

fn last(pointer: &str) -> &str {
    pointer.rsplit_once('/').map_or("", |(_, key)| key)
}

/// The object that holds what `pointer` leads to.
fn place<'v>(body: &'v mut Value, pointer: &str) -> Result<&'v mut Map<String, Value>, String> {
    let parent = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
    let found = body.pointer_mut(parent).and_then(Value::as_object_mut);
    found.ok_or_else(|| format!("the payload has no place for {pointer}"))
}

/// Puts `text` in place of `placeholder` wherever it is a value.
fn repeat(value: &mut Value, placeholder: &str, text: &str) {
    match value {
        Value::String(own) if own == placeholder => text.clone_into(own),
        Value::Array(items) => items.iter_mut().for_each(|item| repeat(item, placeholder, text)),
        Value::Object(members) => members.values_mut().for_each(|member| repeat(member, placeholder, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What of a Webhook node's answer is ours.
#[derive(Clone, Debug, Default)]
pub struct Own {
    /// `context.otp`.
    pub otp: Value,
    /// Our keys of `BotUserSession`.
    pub session: Map<String, Value>,
}

/// Takes a Webhook node's answer apart: what is ours is returned, the rest must be as it was sent.
///
/// # Errors
/// What is not as BotKit answers.
pub fn own(sent: &str, answer: &str) -> Result<Own, String> {
    let order = keys(answer)?;
    let known: Vec<&str> = HOOK_KEYS.into_iter().filter(|key| order.iter().any(|have| have == key)).collect();
    if order != known {
        return Err(format!("keys out of order: {order:?}"));
    }
    let (sent, answer) = (parsed(sent)?, parsed(answer)?);
    let otp = answer["context"]["otp"].clone();
    let mut session = Map::new();
    let (mut before, mut after) = (sent.clone(), answer.clone());
    for side in [&mut before, &mut after] {
        if let Some(context) = side["context"].as_object_mut() {
            context.remove("otp");
        }
        if let Some(own) = side.pointer_mut("/context/session/BotUserSession").and_then(Value::as_object_mut)
        {
            session =
                OUR_KEYS.iter().filter_map(|key| Some(((*key).to_owned(), own.remove(*key)?))).collect();
        }
    }
    // Where the sender had no place for our keys, one was made.
    for pointer in ["/context/session/BotUserSession", "/context/session", "/context"] {
        let made =
            before.pointer(pointer).is_none_or(Value::is_null) && after.pointer(pointer) == Some(&json!({}));
        if let (true, Ok(parent)) = (made, place(&mut after, pointer)) {
            match before.pointer(pointer) {
                Some(null) => parent.insert(last(pointer).to_owned(), null.clone()),
                None => parent.remove(last(pointer)),
            };
        }
    }
    let changing = ["__payloadClass", "botId", "componentId", "message"];
    for key in HOOK_KEYS.iter().filter(|key| !changing.contains(key)) {
        let from = if *key == "componentName" { "dialogComponentName" } else { key };
        if after[*key] != before[from] && !before[from].is_null() {
            return Err(format!("{key} is not what was sent"));
        }
    }
    let message = if otp["status"] == "unknown_component" { &sent["message"] } else { &otp["message"] };
    if answer["message"] != *message {
        return Err("message and context.otp.message differ".to_owned());
    }
    Ok(Own { otp, session })
}

/// An acknowledgement says nothing that was not sent, but for the fixed fields of its class.
///
/// # Errors
/// What it says.
pub fn echoes(sent: &str, answer: &str) -> Result<(), String> {
    let (sent, answer) = (parsed(sent)?, parsed(answer)?);
    let fixed = ["__payloadClass", "botId", "componentId", "ackMessage", "agent_transfer", "headers"];
    for (key, value) in answer.as_object().ok_or("the acknowledgement is no object")? {
        if !fixed.contains(&key.as_str()) && *value != sent[key] {
            return Err(format!("{key} is not what was sent"));
        }
    }
    Ok(())
}

fn parsed(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|_| format!("no JSON: {text}"))
}

/// The keys of an object, in the order in which they stand.
///
/// # Errors
/// It is no object.
pub fn keys(text: &str) -> Result<Vec<String>, String> {
    struct Keys;
    impl<'de> Visitor<'de> for Keys {
        type Value = Vec<String>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<String>, A::Error> {
            let mut keys = Vec::new();
            while let Some((key, _)) = map.next_entry::<String, &RawValue>()? {
                keys.push(key);
            }
            Ok(keys)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    serde::Deserializer::deserialize_map(&mut deserializer, Keys).map_err(|error| error.to_string())
}

/// Tells a call to the platform the way scenarios expect it. `before` is the context that the call's request had, and
/// `acknowledged` what that was answered with.
///
/// # Errors
/// A template is not made as the platform needs it.
pub fn told(door: &str, body: &Value, before: &Value, acknowledged: &Value) -> Result<Value, String> {
    if door == "serviceCallback" {
        return Ok(
            json!({ "platform": door, "componentName": body["componentName"], "otp": body["context"]["otp"] }),
        );
    }
    if body == acknowledged {
        return Ok(json!({ "platform": door, "asAcknowledged": true }));
    }
    let mut told = json!({ "platform": door, "message": body["message"] });
    if body["context"]["otp"] != before["otp"] {
        told["otp"] = body["context"]["otp"]["status"].clone();
    }
    if let Some(template) = body["overrideMessagePayload"]["body"].as_str() {
        let template: Value = parsed(template)?;
        let payload = &template["payload"];
        let replies = payload["quick_replies"].as_array().ok_or("a template without quick replies")?;
        let sound = body["overrideMessagePayload"]["isTemplate"] == true
            && template["type"] == "template"
            && payload["template_type"] == "quick_replies"
            && payload["text"] == body["message"]
            && replies
                .iter()
                .all(|reply| reply["content_type"] == "text" && reply["payload"] == reply["title"]);
        if !sound {
            return Err(format!("not a template of quick replies: {template}"));
        }
        told["quickReplies"] = replies.iter().map(|reply| reply["title"].clone()).collect();
    }
    Ok(told)
}

/// Compares; the error says where the two part ways. `"*"` matches anything, and `alike` may find more values alike,
/// by the path that leads to them.
///
/// # Errors
/// Where they part.
pub fn matches(
    expected: &Value,
    actual: &Value,
    path: &str,
    alike: &mut dyn FnMut(&str, &Value, &Value) -> bool,
) -> Result<(), String> {
    match (expected, actual) {
        (Value::String(any), _) if any == "*" => Ok(()),
        (Value::Object(expected), Value::Object(actual)) => {
            if let Some((extra, value)) = actual.iter().find(|(key, _)| !expected.contains_key(*key)) {
                return Err(format!("{path}/{extra} was not expected: {value}"));
            }
            expected.iter().try_for_each(|(key, value)| {
                let path = format!("{path}/{key}");
                let actual = actual.get(key).ok_or_else(|| format!("{path} is missing: expected {value}"))?;
                matches(value, actual, &path, alike)
            })
        }
        (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => {
            expected.iter().zip(actual).enumerate().try_for_each(|(index, (expected, actual))| {
                matches(expected, actual, &format!("{path}/{index}"), alike)
            })
        }
        _ if expected == actual || alike(path, expected, actual) => Ok(()),
        _ => Err(format!("{path}\n  expected {expected}\n       got {actual}")),
    }
}
