//! What happens in a simulated conversation, for whoever watches.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

/// Is told everything that happens, in order.
pub type Watcher = Arc<dyn Fn(Event) + Send + Sync>;

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// Somebody said something.
    Said {
        /// Who.
        who: Who,
        /// What.
        text: String,
        /// What can be pressed instead of typing.
        options: Vec<String>,
        /// The language it is in, such as `ar`.
        language: String,
        /// Whether that is written from right to left.
        right_to_left: bool,
    },
    /// A request and its answer.
    Wire(Box<Exchange>),
    /// What the platform holds now.
    Session {
        /// The dialog's context.
        context: Value,
    },
    /// Something worth knowing about the platform's side.
    Note {
        /// A sentence.
        text: String,
    },
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    /// The bot, or the server in its place.
    Bot,
    /// The user.
    User,
}

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The platform calls the server.
    Platform,
    /// The server calls the platform.
    Server,
}

/// A request and its answer.
#[derive(Clone, Debug, Serialize)]
pub struct Exchange {
    /// Who called.
    pub from: Side,
    /// What was called, such as `on_webhook OtpSend` or `sendUserMessage`.
    pub what: String,
    /// Where that is.
    pub url: String,
    /// The header with the caller's token: its name, and its value.
    pub token: (String, String),
    /// What was sent.
    pub body: Value,
    /// What it was answered with; `None` if there was no answer.
    pub status: Option<u16>,
    /// What the answer said.
    pub answer: Value,
    /// How long that took.
    pub millis: u64,
    /// What was wrong with it.
    pub problem: Option<String>,
}

/// What stands in place of what is hidden.
const HIDDEN: &str = "••••••";

impl Event {
    /// The same with codes, tokens and keys hidden where they crossed the wire or lie in the context. What was said
    /// stays: whoever watches typed it.
    #[must_use]
    pub fn hidden(&self, codes: &[String]) -> Self {
        match self {
            Self::Wire(exchange) => Self::Wire(Box::new(Exchange {
                token: (exchange.token.0.clone(), HIDDEN.to_owned()),
                body: hide(&exchange.body, codes),
                answer: hide(&exchange.answer, codes),
                ..Exchange::clone(exchange)
            })),
            Self::Session { context } => Self::Session { context: hide(context, codes) },
            Self::Said { .. } | Self::Note { .. } => self.clone(),
        }
    }
}

fn hide(value: &Value, codes: &[String]) -> Value {
    match value {
        Value::String(text) => Value::String(hide_in(text, codes)),
        Value::Number(number) if codes.contains(&number.to_string()) => Value::from(HIDDEN),
        Value::Array(items) => items.iter().map(|item| hide(item, codes)).collect(),
        Value::Object(members) => Value::Object(
            members.iter().map(|(key, value)| (key.clone(), hide(value, codes))).collect::<Map<_, _>>(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Hides codes that stand by themselves, and signed tokens.
fn hide_in(text: &str, codes: &[String]) -> String {
    if text.starts_with("eyJ") {
        return HIDDEN.to_owned();
    }
    let mut text = text.to_owned();
    for code in codes.iter().filter(|code| !code.is_empty()) {
        let mut from = 0;
        while let Some(at) = text[from..].find(code.as_str()).map(|at| from + at) {
            let end = at + code.len();
            let inside = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphanumeric);
            if inside(text[..at].chars().next_back()) || inside(text[end..].chars().next()) {
                from = end;
            } else {
                text.replace_range(at..end, HIDDEN);
                from = at + HIDDEN.len();
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn codes_and_tokens_are_hidden_and_nothing_else() {
        let codes = ["482916".to_owned()];
        let before = json!({
            "a": "the code is 482916, thanks", "b": 482_916, "c": "1784829160000", "d": ["eyJ0.x.y"], "e": 5, "f": "4829167",
        });
        let after = json!({
            "a": "the code is ••••••, thanks", "b": "••••••", "c": "1784829160000", "d": ["••••••"], "e": 5, "f": "4829167",
        });
        assert_eq!(hide(&before, &codes), after);
    }
}
