//! The body of an event: where in it the things stand that we read.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::document::{Member, Object, Shape, Span};
use super::lossy::Lossy;
use super::{CALLBACK_FIELD, Failure, Forward};

/// The objects we look into. The rest of a context, up to a megabyte of other people's data, stays closed.
static SHAPE: Shape = Shape(&[
    (
        "context",
        Shape(&[
            ("session", Shape(&[("BotUserSession", Shape(&[])), ("UserContext", Shape(&[]))])),
            ("entities", Shape(&[])),
        ]),
    ),
    ("channel", Shape(&[])),
]);

/// Where the session's id is looked for, in order. Never `requestId`, which is new for every event, nor `contextId`.
pub(crate) const SESSION: [&[&str]; 4] = [
    &["context", "session", "BotUserSession", "conversationSessionId"],
    &["context", "session", "BotUserSession", "channels", "0", "conversationSessionId"],
    &["context", "session", "BotUserSession", "channels", "0", "sessionId"],
    &["conversationSessionId"],
];

/// Where the user's id is looked for, in order.
pub(crate) const USER: [&[&str]; 5] = [
    &["context", "session", "UserContext", "_id"],
    &["context", "session", "opts", "userId"],
    &["channel", "channelInfos", "handle", "userId"],
    &["channel", "channelInfos", "from"],
    &["channel", "from"],
];

/// Where the language of the conversation is looked for, in order.
const LANGUAGE: [&[&str]; 3] = [
    &["context", "currentLanguage"],
    &["languageInfo", "currentLanguage"],
    &["messageObject", "languageInfo", "currentLanguage"],
];

/// Where a channel says that an event is its own doing and not the user's.
const SYNTHETIC: [&[&str]; 2] = [&["channel", "botEvent"], &["channel", "channelInfos", "botEvent"]];

/// What else we read wherever it is sent, besides the fields of a bot's settings.
pub(crate) const ALWAYS_READ: [&[&str]; 15] = [
    LANGUAGE[0],
    LANGUAGE[1],
    LANGUAGE[2],
    SYNTHETIC[0],
    SYNTHETIC[1],
    CHANNEL[0],
    CHANNEL[1],
    CHANNEL[2],
    &["message"],
    &["agent_transfer"],
    &["context", "otp", "message"],
    &["context", "otp", "suggestions"],
    &["context", "session", "BotUserSession", "OTP"],
    &["context", "session", "BotUserSession", "ExpiryTime"],
    &["context", "session", "BotUserSession", "OTPVerified"],
];

/// The text of the event that some channels open a conversation with.
const CONNECTED: &str = "ON_CONNECT_EVENT";

/// Where the channel's type is looked for, in order.
const CHANNEL: [&[&str]; 3] = [
    &["channel", "type"],
    &["channel", "channelInfos", "type"],
    &["context", "session", "BotUserSession", "lastMessage", "channel"],
];

/// An event's body: a JSON object, checked, and kept as it came.
pub struct Payload {
    text: String,
    root: Object,
}

/// A value that was found where somebody looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<'p> {
    /// A string, unescaped.
    Text(Cow<'p, str>),
    /// A number, as it is written.
    Number(Cow<'p, str>),
    /// Something that is neither.
    Other,
}

impl Payload {
    /// Reads a body. An empty one is an empty object, as in BotKit.
    ///
    /// # Errors
    /// [`Failure::InvalidJson`]: it is not one JSON object.
    pub fn parse(text: String) -> Result<Self, Failure> {
        let text = if text.is_empty() { "{}".to_owned() } else { text };
        let root = Object::open(&text, &SHAPE).ok_or(Failure::InvalidJson)?;
        Ok(Self { text, root })
    }

    /// The whole body, as it came.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn member(&self, name: &str) -> Option<&Member> {
        self.root.get(&self.text, name)
    }

    pub(super) fn slice(&self, span: Span) -> &str {
        span.of(&self.text)
    }

    /// `requestId` as it is written; `None` if it is missing or falsy, for which BotKit invents one.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.member("requestId").map(|member| self.slice(member.value)).filter(|json| !is_falsy(json))
    }

    /// Whether a hook's answer finds a place in `context`.
    ///
    /// # Errors
    /// [`Failure::InvalidArguments`]: it is there, and is not an object.
    pub fn has_place_for_answers(&self) -> Result<(), Failure> {
        match self.member("context") {
            Some(member) if member.inner.is_none() && self.slice(member.value) != "null" => {
                Err(Failure::InvalidArguments("context must be an object".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// The name of the Webhook node that runs; `None` if it is missing or not a string.
    #[must_use]
    pub fn component_name(&self) -> Option<Cow<'_, str>> {
        self.text_at(&["dialogComponentName"])
    }

    /// The address an event's message goes on to; `None` if it is missing or not a string.
    #[must_use]
    pub fn forward_url(&self, forward: Forward) -> Option<Cow<'_, str>> {
        self.text_at(&[forward.field])
    }

    /// The address that a late answer goes to, if late answers are possible.
    #[must_use]
    pub fn callback_url(&self) -> Option<Cow<'_, str>> {
        self.text_at(&[CALLBACK_FIELD])
    }

    /// What makes this conversation one: the platform's session id, or else channel and user.
    #[must_use]
    pub fn session(&self) -> Option<Cow<'_, str>> {
        self.first(&SESSION).or_else(|| {
            let user = self.user()?;
            // No id has a line break in it, so that no id reads like a channel and a user.
            Some(format!("{}\n{user}", self.channel().unwrap_or("unknown".into())).into())
        })
    }

    /// Who the user is.
    #[must_use]
    pub fn user(&self) -> Option<Cow<'_, str>> {
        self.first(&USER)
    }

    /// What kind of channel the user is on, such as `rtm`.
    #[must_use]
    pub fn channel(&self) -> Option<Cow<'_, str>> {
        self.first(&CHANNEL)
    }

    /// The language of the conversation, as the platform names it.
    #[must_use]
    pub fn language(&self) -> Option<Cow<'_, str>> {
        self.first(&LANGUAGE)
    }

    /// What the user wrote, or the bot; `None` if it is neither text nor a number. Half a surrogate in it is a `\u{fffd}`.
    #[must_use]
    pub fn message(&self) -> Option<Cow<'_, str>> {
        let number = || self.find(&["message"])?.into_text();
        let lossy =
            || Some(serde_json::from_str::<Lossy>(self.slice(self.member("message")?.value)).ok()?.0.into());
        number().or_else(lossy)
    }

    /// Our last message of this dialog, as the platform has kept it.
    #[must_use]
    pub fn last_message(&self) -> Option<Cow<'_, str>> {
        self.text_at(&["context", "otp", "message"])
    }

    /// What we suggested to answer to it, in the order it was offered.
    #[must_use]
    pub fn last_suggestions(&self) -> Vec<Cow<'_, str>> {
        let place = ["0", "1", "2"].map(|place| ["context", "otp", "suggestions", place]);
        place.iter().map_while(|place| self.text_at(place)).collect()
    }

    /// Whether the message is for a human agent and not for the bot.
    #[must_use]
    pub fn is_for_agent(&self) -> bool {
        self.member("agent_transfer").is_some_and(|member| !is_falsy(self.slice(member.value)))
    }

    /// Whether the message is the channel's own doing: nobody typed it.
    #[must_use]
    pub fn is_synthetic(&self) -> bool {
        self.first(&SYNTHETIC).is_some() || self.message().is_some_and(|text| text.trim() == CONNECTED)
    }

    /// The value of the first of some fields that has one.
    #[must_use]
    pub fn first_of(&self, fields: &[Pointer]) -> Option<Found<'_>> {
        fields.iter().find_map(|field| self.find(field.keys()))
    }

    /// The value at a path of keys (and array positions). Nothing, `null` and `""` are all `None`.
    #[must_use]
    pub fn find<K: AsRef<str>>(&self, path: &[K]) -> Option<Found<'_>> {
        let mut object = &self.root;
        for (depth, key) in path.iter().enumerate() {
            let member = object.get(&self.text, key.as_ref())?;
            let rest = &path[depth + 1..];
            match (&member.inner, rest.is_empty()) {
                (Some(_), true) => return Some(Found::Other),
                (Some(inner), false) => object = inner,
                (None, _) => return found(self.slice(member.value), rest),
            }
        }
        None
    }

    fn first(&self, paths: &[&[&str]]) -> Option<Cow<'_, str>> {
        paths.iter().find_map(|path| self.find(path)?.into_text())
    }

    fn text_at(&self, path: &[&str]) -> Option<Cow<'_, str>> {
        match self.find(path)? {
            Found::Text(text) => Some(text),
            Found::Number(_) | Found::Other => None,
        }
    }
}

/// Whether JavaScript takes a JSON value for `false`.
pub(super) fn is_falsy(json: &str) -> bool {
    matches!(json, "false" | "null" | "\"\"" | "0" | "-0" | "0.0")
}

impl<'p> Found<'p> {
    /// Its text, or its number as it is written.
    #[must_use]
    pub fn into_text(self) -> Option<Cow<'p, str>> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text),
            Self::Other => None,
        }
    }
}

impl Found<'_> {
    fn into_owned(self) -> Found<'static> {
        match self {
            Self::Text(text) => Found::Text(text.into_owned().into()),
            Self::Number(number) => Found::Number(number.into_owned().into()),
            Self::Other => Found::Other,
        }
    }
}

/// Goes on looking inside a value that the shape does not open.
fn found<'p, K: AsRef<str>>(json: &'p str, rest: &[K]) -> Option<Found<'p>> {
    if rest.is_empty() {
        return match json.as_bytes().first()? {
            b'"' if json == "\"\"" => None,
            b'"' if json.contains('\\') => {
                Some(serde_json::from_str(json).map_or(Found::Other, |text: String| Found::Text(text.into())))
            }
            b'"' => Some(Found::Text(json[1..json.len() - 1].into())),
            b'0'..=b'9' | b'-' => Some(Found::Number(json.into())),
            b'n' => None,
            _ => Some(Found::Other),
        };
    }
    let value: Value = serde_json::from_str(json).ok()?;
    let inner = rest.iter().try_fold(&value, |value, key| match value {
        Value::Object(members) => members.get(key.as_ref()),
        Value::Array(items) => items.get(key.as_ref().parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })?;
    found::<&str>(&inner.to_string(), &[]).map(Found::into_owned)
}

/// A place in a payload, written as a JSON pointer (RFC 6901) such as `/context/entities/UserEmail`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer(Vec<Box<str>>);

impl Pointer {
    /// Reads a pointer; `None` if it does not start with `/`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let keys = text.strip_prefix('/')?.split('/');
        Some(Self(keys.map(|key| key.replace("~1", "/").replace("~0", "~").into()).collect()))
    }

    /// Its keys, unescaped.
    #[must_use]
    pub fn keys(&self) -> &[Box<str>] {
        &self.0
    }

    /// Whether it points into what the platform itself knows of the user, which the user cannot type.
    #[must_use]
    pub fn is_enrolled(&self) -> bool {
        matches!(self.0.as_slice(), [context, session, user, ..]
            if &**context == "context" && &**session == "session" && &**user == "UserContext")
    }
}

impl<'de> Deserialize<'de> for Pointer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "{text:?} is no JSON pointer; write it like \"/context/entities/UserEmail\""
            ))
        })
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|key| write!(f, "/{}", key.replace('~', "~0").replace('/', "~1")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(text: &str) -> Payload {
        Payload::parse(text.to_owned()).unwrap()
    }

    #[test]
    fn the_session_is_found_down_the_ladder() {
        for (text, session) in [
            (
                r#"{"conversationSessionId":"d","context":{"session":{"BotUserSession":{"conversationSessionId":"a",
                  "channels":[{"conversationSessionId":"b","sessionId":"c"}]}}}}"#,
                Some("a"),
            ),
            (
                r#"{"context":{"session":{"BotUserSession":{"channels":[{"conversationSessionId":"b","sessionId":"c"}]}}}}"#,
                Some("b"),
            ),
            (r#"{"context":{"session":{"BotUserSession":{"channels":[{"sessionId":"c"}]}}}}"#, Some("c")),
            (
                r#"{"conversationSessionId":"d","context":{"session":{"BotUserSession":{"channels":[]}}}}"#,
                Some("d"),
            ),
            (r#"{"conversationSessionId":4,"context":{"session":{"BotUserSession":"?"}}}"#, Some("4")),
            (r#"{"channel":{"type":"rtm","from":"u-1"}}"#, Some("rtm\nu-1")),
            (r#"{"channel":{"channelInfos":{"type":"ivr","from":"u-2"},"from":"u-1"}}"#, Some("ivr\nu-2")),
            (r#"{"context":{"session":{"UserContext":{"_id":"u-3"}}}}"#, Some("unknown\nu-3")),
            (r#"{"requestId":"1","contextId":"2","context":{"session":[]},"channel":7}"#, None),
            ("{}", None),
        ] {
            assert_eq!(payload(text).session().as_deref(), session, "{text}");
        }
    }

    #[test]
    fn values_are_found_wherever_a_pointer_leads() {
        let payload = payload(
            r#"{"context":{"entities":{"UserEmail":"m\u0069ra@example.com","Otp":12345.0,"No":null,"Empty":"","List":[1]},
               "Lookup":{"response":{"body":{"rows":[{"e/mail":"a@b.example"}]}}}}}"#,
        );
        let at = |pointer: &str| payload.find(Pointer::parse(pointer).unwrap().keys());
        assert_eq!(at("/context/entities/UserEmail"), Some(Found::Text("mira@example.com".into())));
        assert_eq!(at("/context/entities/Otp"), Some(Found::Number("12345.0".into())));
        assert_eq!(at("/context/entities/List"), Some(Found::Other));
        assert_eq!(at("/context/entities"), Some(Found::Other));
        assert_eq!(
            at("/context/Lookup/response/body/rows/0/e~1mail"),
            Some(Found::Text("a@b.example".into()))
        );
        for nothing in ["/context/entities/No", "/context/entities/Empty", "/context/entities/X", "/x/y", "/"]
        {
            assert_eq!(at(nothing), None, "{nothing}");
        }
        assert_eq!(Pointer::parse("context/entities"), None);
    }

    #[test]
    fn request_ids_keep_their_type() {
        assert_eq!(payload(r#"{"requestId":1784540790118}"#).request_id(), Some("1784540790118"));
        assert_eq!(payload(r#"{"requestId":"1784540790118"}"#).request_id(), Some("\"1784540790118\""));
        for falsy in ["{}", r#"{"requestId":null}"#, r#"{"requestId":""}"#, r#"{"requestId":0}"#] {
            assert_eq!(payload(falsy).request_id(), None, "{falsy}");
        }
    }

    #[test]
    fn half_a_surrogate_is_no_text() {
        let half = payload(r#"{"message":"\ud83d 482916"}"#);
        assert_eq!(half.find(&["message"]), Some(Found::Other));
        assert!(half.message().is_some_and(|text| text.starts_with('\u{fffd}') && text.ends_with(" 482916")));
        assert_eq!(payload(r#"{"message":7}"#).message().as_deref(), Some("7"));
        assert_eq!(payload(r#"{"message":{"a":1}}"#).message(), None);
    }
}
