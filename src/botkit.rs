//! Kore's BotKit protocol: names, shapes and refusals as they stand on the wire. Pure.
//!
//! Measured on Kore's own BotKit (`Koredotcom/BotKit`, d6de042); where this server differs on purpose, the README's
//! table "Differences from BotKit" says so.

mod class;
mod credentials;
mod document;
mod event;
mod lossy;
mod payload;
mod reply;
mod scan;
mod scrub;

pub use credentials::{Algorithm, Bot, Bots, Credentials, Rejection};
pub use event::{Event, Forward, TO_USER, component_and_event};
pub(crate) use payload::{ALWAYS_READ, SESSION, USER};
pub use payload::{Found, Payload, Pointer};
pub use reply::{Changes, Route, SessionField, bot_user_session, quirk, reply};
pub use scrub::Secret;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde_json::json;

/// The header that carries the platform's token.
pub const TOKEN_HEADER: &str = "token";

/// The header that carries the bare secret, deprecated in BotKit.
pub const API_KEY_HEADER: &str = "apikey";

/// The header that carries our token to the platform.
pub const AUTH_HEADER: &str = "auth";

/// The header, with the value `true`, that every acknowledgement of an event has, and nothing else.
pub const ACK_HEADER: &str = "supportsmessageack";

/// The header that repeats the body of a 401.
pub const REFUSAL_HEADER: &str = "response-error-description";

/// The payload's field that a late answer's address stands in.
pub const CALLBACK_FIELD: &str = "callbackUrl";

/// Longest bot id that is looked at; the platform's have 39 characters.
const LONGEST_BOT_ID: usize = 64;

/// A bot's id as it stands in the callback path, such as `st-6b1f0c52-9d3e-5a47-8c21-4e7ab90d3f16`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BotId(Box<str>);

impl BotId {
    /// Reads an id: 1 to 64 letters, digits, `-` and `_`. Case matters, as it does in BotKit.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (!text.is_empty() && text.len() <= LONGEST_BOT_ID && text.bytes().all(plain))
            .then(|| Self(text.into()))
    }

    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Everything a caller can be refused with, in BotKit's envelope `{"errors":[{"msg","code"}]}`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The token is missing or wrong; BotKit says no more, and neither do we.
    #[error("Invalid apikey")]
    Unauthorized,
    /// The API key is good, and not for the bot in the path.
    #[error("This API key is not for that bot")]
    Forbidden,
    /// The configuration knows no bot of the path's name.
    #[error("There is no such bot in the server's configuration, and no default")]
    UnknownBot,
    /// The path is served, by other methods.
    #[error("Method not allowed; use {allow}")]
    Method {
        /// Those methods, as an `Allow` header lists them.
        allow: &'static str,
    },
    /// The body is not announced as JSON.
    #[error("Send the body as JSON, with the header content-type: application/json")]
    NotJson,
    /// The last segment of the path names no event.
    #[error("Event not found")]
    EventNotFound,
    /// The caller's address is not one that calls may come from.
    #[error("Forbidden")]
    StrangeAddress,
    /// The bot calls more often than it may.
    #[error("Too Many Requests")]
    TooMany {
        /// How long to wait before the next call.
        wait: Duration,
    },
    /// Nothing is served at this path by this method.
    #[error("Not found")]
    NotFound,
    /// The body is not a JSON object.
    #[error("Invalid JSON")]
    InvalidJson,
    /// A field that the event cannot do without is missing or of no use; the text names it.
    #[error("{0}")]
    InvalidArguments(String),
    /// The body is larger than `server.max_body_bytes`.
    #[error("Request body is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes after decompression.
        limit: usize,
    },
    /// The body's charset or compression is not one we read.
    #[error("Unsupported charset or content encoding; send UTF-8, plain, gzip or deflate")]
    Unsupported,
    /// The body stopped before its end.
    #[error("Request body is incomplete")]
    Incomplete,
    /// Too many messages wait for the platform to take them.
    #[error("Too many messages are waiting")]
    Busy,
    /// The BotKit server behind this one cannot be reached.
    #[error("Bad Gateway")]
    UpstreamGone,
    /// The BotKit server behind this one takes too long.
    #[error("Gateway Timeout")]
    UpstreamSlow,
    /// Something went wrong here; the log has the cause.
    #[error("Internal Server Error")]
    Internal,
}

impl Failure {
    /// The HTTP status that goes with it.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::InvalidArguments(_) | Self::Incomplete => 400,
            Self::Unauthorized => 401,
            Self::Forbidden | Self::StrangeAddress => 403,
            Self::TooMany { .. } => 429,
            Self::EventNotFound | Self::NotFound | Self::UnknownBot => 404,
            Self::Method { .. } => 405,
            Self::InvalidJson => 412,
            Self::TooLarge { .. } => 413,
            Self::Unsupported | Self::NotJson => 415,
            Self::Internal => 500,
            Self::UpstreamGone => 502,
            Self::UpstreamSlow => 504,
            Self::Busy => 503,
        }
    }

    /// The body that goes with it.
    #[must_use]
    pub fn body(&self) -> Cow<'static, str> {
        if *self == Self::Unauthorized {
            // Said to everybody who knocks; it must not cost anything.
            return Cow::Borrowed(r#"{"errors":[{"msg":"Invalid apikey","code":4002}]}"#);
        }
        let code = match self {
            Self::Unauthorized => json!(4002),
            Self::Forbidden | Self::StrangeAddress => json!("FORBIDDEN"),
            Self::TooMany { .. } => json!("TOO_MANY_REQUESTS"),
            Self::EventNotFound | Self::NotFound | Self::UnknownBot => json!("NOT_FOUND"),
            Self::Method { .. } => json!("METHOD_NOT_ALLOWED"),
            Self::InvalidJson => json!("VALIDATION_ERROR"),
            Self::InvalidArguments(_) => json!("INVALID_ARGUMENTS"),
            Self::TooLarge { .. } => json!("PAYLOAD_TOO_LARGE"),
            Self::Unsupported | Self::NotJson => json!("UNSUPPORTED_MEDIA_TYPE"),
            Self::Incomplete => json!("INCOMPLETE_BODY"),
            Self::Internal => json!("INTERNAL_SERVER_ERROR"),
            Self::UpstreamGone => json!("BAD_GATEWAY"),
            Self::UpstreamSlow => json!("GATEWAY_TIMEOUT"),
            Self::Busy => json!("SERVICE_UNAVAILABLE"),
        };
        // Written out, because the order of the keys is part of the wire.
        format!(r#"{{"errors":[{{"msg":{},"code":{code}}}]}}"#, json!(self.to_string())).into()
    }
}

/// The body of a 202: the answer will come by `callbackUrl`.
pub const ASYNC_RESPONSE: &str =
    r#"{"customCode":"ASYNC_RESPONSE","message":"AsyncResponse","statusCode":202}"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bot_ids_are_plain() {
        assert!(BotId::parse("st-6b1f0c52-9d3e-5a47-8c21-4e7ab90d3f16").is_some());
        for text in ["", "st/1", "st 1", "st%2d1", "é", &"a".repeat(65)] {
            assert_eq!(BotId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn envelopes_are_botkits() {
        assert_eq!(Failure::Unauthorized.body(), r#"{"errors":[{"msg":"Invalid apikey","code":4002}]}"#);
        assert_eq!(
            Failure::InvalidArguments("send bot message url is missing".into()).body(),
            r#"{"errors":[{"msg":"send bot message url is missing","code":"INVALID_ARGUMENTS"}]}"#
        );
    }
}
