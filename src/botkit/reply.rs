//! What goes back to the platform: the request again, under the keys and in the order its class has in BotKit.
//! The platform reads a hook's answer for `context` and `message`; anything else is dropped there.

use std::borrow::Cow;
use std::ops::Range;

use super::class::class;
use super::document::{Member, Object, Span};
use super::payload::is_falsy;
use super::scrub::Secret;
use super::{BotId, Event, Payload};

/// Where a request came in; these values win over what the body says.
#[derive(Clone, Debug)]
pub struct Route {
    /// The bot in the path.
    pub bot: BotId,
    /// The component in the path; `default` on the short route.
    pub component: String,
    /// The event in the path.
    pub event: Event,
    /// The body's `requestId` as it is written, a string or a number; an invented one if it had none.
    pub request_id: String,
}

/// What we say that the request did not.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The next message; `None` leaves `message` as it came.
    pub message: Option<String>,
    /// What is shown instead of the message where templates can be: the JSON text of one. A hook's answer has no
    /// place for it.
    pub template: Option<String>,
    /// `context.otp`, as JSON text; `None` leaves it as it came.
    pub otp: Option<String>,
    /// What goes into `context.session.BotUserSession`, each value as JSON text.
    pub session: Vec<(SessionField, Cow<'static, str>)>,
    /// What is taken out wherever the payload repeats it: a code must not get into transcripts.
    pub secret: Option<Secret>,
}

/// The keys of `BotUserSession` that are ours, named as in the how-to that everybody builds from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionField {
    /// The code, or what stands for it.
    Otp,
    /// When it expires, in milliseconds since the epoch.
    ExpiryTime,
    /// Whether the session's challenge has been met.
    OtpVerified,
}

impl SessionField {
    const fn name(self) -> &'static str {
        match self {
            Self::Otp => "OTP",
            Self::ExpiryTime => "ExpiryTime",
            Self::OtpVerified => "OTPVerified",
        }
    }
}

/// The answer of an event whose handler has nothing to say, to the letter.
///
/// BotKit answers so when an agent transfer or a variable update returns nothing, which all its samples do.
#[must_use]
pub const fn quirk() -> &'static str {
    r#"{"headers":{"supportsMessageAck":true}}"#
}

/// Writes the answer: the request's own bytes, with `changes` in place if it is a hook.
#[must_use]
pub fn reply(payload: &Payload, route: &Route, changes: Option<&Changes>) -> String {
    let Some((class, keys)) = class(route.event) else { return quirk().to_owned() };
    let secret = changes.and_then(|changes| changes.secret.as_ref());
    let mut body = String::with_capacity(payload.text().len() + 1024);
    for key in keys {
        let start = body.len();
        body.push_str(if start == 0 { "{\"" } else { ",\"" });
        body.push_str(key);
        body.push_str("\":");
        let value = payload.member(key);
        match (*key, changes) {
            ("__payloadClass", _) => push_quoted(&mut body, class),
            ("requestId", _) => body.push_str(&route.request_id),
            ("botId", _) => push_quoted(&mut body, route.bot.as_str()),
            ("componentId", _) => push_text(&mut body, &route.component),
            ("ackMessage", _) => body.push_str("true"),
            ("agent_transfer", _) => {
                let value = value.map_or("false", |member| payload.slice(member.value));
                body.push_str(if is_falsy(value) { "false" } else { value });
            }
            ("message", Some(Changes { message: Some(message), .. })) => push_text(&mut body, message),
            ("context", Some(changes)) => push_context(&mut body, payload, value, changes),
            ("overrideMessagePayload", Some(changes)) if changes.message.is_some() => {
                // What was to be shown instead of another message must not be shown instead of this one.
                match (&changes.template, value) {
                    (Some(template), _) => {
                        body.push_str("{\"body\":");
                        push_text(&mut body, template);
                        body.push_str(",\"isTemplate\":true}");
                    }
                    (None, Some(_)) => body.push_str("null"),
                    (None, None) => body.truncate(start),
                }
            }
            ("formattedMessage" | "isTemplate", Some(Changes { message: Some(_), .. })) => {
                body.truncate(start);
            }
            ("componentName", _) => match payload.member("dialogComponentName") {
                Some(member) => body.push_str(payload.slice(member.value)),
                None => body.truncate(start),
            },
            _ => match value {
                Some(member) => body.push_str(payload.slice(member.value)),
                None => body.truncate(start),
            },
        }
        if let (Some(secret), "context" | "channel" | "messageObject" | "metaInfo" | "metaTags") =
            (secret, *key)
        {
            let scrubbed = secret.scrub(&body[start..]);
            body.replace_range(start.., &scrubbed);
        }
    }
    body.push('}');
    body
}

/// Writes `context.session.BotUserSession` alone: its own bytes, with our keys in place. `null` or nothing there makes an
/// object of our keys.
#[must_use]
pub fn bot_user_session(payload: &Payload, ours: &[(SessionField, Cow<'static, str>)]) -> String {
    let ours = || ours.iter().map(|(field, json)| (field.name(), &**json));
    let found = ["session", "BotUserSession"].iter().try_fold(payload.member("context"), |member, name| {
        Some(member?.inner.as_ref()?.get(payload.text(), name))
    });
    let Some(Some(Member { value: whole, inner: Some(open), .. })) = found else { return object(ours()) };
    let mut edits = Edits { payload, list: Vec::with_capacity(4) };
    edits.put(open, ours());
    let mut text = String::with_capacity(payload.slice(*whole).len() + 128);
    edits.write(&mut text, *whole);
    text
}

fn push_quoted(body: &mut String, plain: &str) {
    body.push('"');
    body.push_str(plain);
    body.push('"');
}

/// Adds any text as a JSON string. Most have nothing in them to escape.
fn push_text(body: &mut String, text: &str) {
    if text.bytes().any(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)) {
        body.push_str(&serde_json::Value::from(text).to_string());
    } else {
        push_quoted(body, text);
    }
}

/// A context that is missing or, against [`Payload::has_place_for_answers`], no object, is made.
fn push_context(body: &mut String, payload: &Payload, context: Option<&Member>, changes: &Changes) {
    let ours = || changes.session.iter().map(|(field, json)| (field.name(), &**json));
    let Some(Member { value: whole, inner: Some(open), .. }) = context else {
        let session = object([("BotUserSession", &*object(ours()))]);
        let session = (!changes.session.is_empty()).then_some(("session", &*session));
        body.push_str(&object(session.into_iter().chain(changes.otp.as_deref().map(|otp| ("otp", otp)))));
        return;
    };
    let mut edits = Edits { payload, list: Vec::with_capacity(4) };
    if !changes.session.is_empty() {
        match edits.child(open, "session") {
            Place::Object(session) => match edits.child(session, "BotUserSession") {
                Place::Object(bot_user) => edits.put(bot_user, ours()),
                Place::Free => edits.put(session, [("BotUserSession", &*object(ours()))]),
                Place::Taken => {}
            },
            Place::Free => {
                let session = object([("BotUserSession", &*object(ours()))]);
                let otp = changes.otp.as_deref().map(|otp| ("otp", otp));
                edits.put(open, [("session", &*session)].into_iter().chain(otp));
                edits.write(body, *whole);
                return;
            }
            Place::Taken => {}
        }
    }
    edits.put(open, changes.otp.as_deref().map(|otp| ("otp", otp)));
    edits.write(body, *whole);
}

fn object<'a>(members: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::from("{");
    for (key, json) in members {
        if text.len() > 1 {
            text.push(',');
        }
        push_member(&mut text, key, json);
    }
    text.push('}');
    text
}

fn push_member(text: &mut String, key: &str, json: &str) {
    push_quoted(text, key);
    text.push(':');
    text.push_str(json);
}

/// What stands where an object of ours should go.
enum Place<'a> {
    Object(&'a Object),
    Free,
    /// The sender has something else there, which is not ours to replace.
    Taken,
}

/// Replacements in the request's text; what they leave out is copied as it stands.
struct Edits<'a> {
    payload: &'a Payload,
    list: Vec<(Range<usize>, String)>,
}

impl<'a> Edits<'a> {
    fn child(&self, object: &'a Object, name: &str) -> Place<'a> {
        match object.get(self.payload.text(), name) {
            None => Place::Free,
            Some(Member { inner: Some(inner), .. }) => Place::Object(inner),
            Some(member) if self.payload.slice(member.value) == "null" => Place::Free,
            Some(_) => Place::Taken,
        }
    }

    /// Sets members of one object: in place where they are, at its end where they are not. Call once per object.
    fn put<'m>(&mut self, object: &Object, members: impl IntoIterator<Item = (&'m str, &'m str)>) {
        let mut added = String::new();
        for (key, json) in members {
            if let Some(member) = object.get(self.payload.text(), key) {
                self.list.push((member.value.start()..member.value.end(), json.to_owned()));
                continue;
            }
            if !(object.is_empty() && added.is_empty()) {
                added.push(',');
            }
            push_member(&mut added, key, json);
        }
        if !added.is_empty() {
            let end = object.span.end() - 1;
            self.list.push((end..end, added));
        }
    }

    fn write(mut self, body: &mut String, span: Span) {
        self.list.sort_by_key(|(range, _)| range.start);
        let text = self.payload.text();
        let mut from = span.start();
        for (range, replacement) in &self.list {
            body.push_str(&text[from..range.start]);
            body.push_str(replacement);
            from = range.end;
        }
        body.push_str(&text[from..span.end()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(text: &str) -> String {
        let payload = Payload::parse(text.to_owned()).unwrap();
        let route = Route {
            bot: BotId::parse("st-1").unwrap(),
            component: "dc \"1\"".into(),
            event: Event::Webhook,
            request_id: payload.request_id().unwrap_or("7").to_owned(),
        };
        let changes = Changes {
            message: Some("Hi".into()),
            otp: Some("{}".into()),
            session: vec![(SessionField::Otp, "\"x\"".into()), (SessionField::ExpiryTime, "1".into())],
            ..Changes::default()
        };
        reply(&payload, &route, Some(&changes))
    }

    const HEAD: &str =
        r#"{"__payloadClass":"OnHookPayload","requestId":7,"botId":"st-1","componentId":"dc \"1\"""#;

    #[test]
    fn our_keys_go_in_and_nothing_else_moves() {
        for (context, expected) in [
            (
                r#"{"b":1.10,"a":12345678901234567890,"session":{"BotUserSession":{"z":"\u00e9"}}}"#,
                r#"{"b":1.10,"a":12345678901234567890,"session":{"BotUserSession":{"z":"\u00e9","OTP":"x","ExpiryTime":1}},"otp":{}}"#,
            ),
            (
                r#"{ "otp" : 1 , "session" : { "BotUserSession" : {"OTP":9} } }"#,
                r#"{ "otp" : {} , "session" : { "BotUserSession" : {"OTP":"x","ExpiryTime":1} } }"#,
            ),
            (
                r#"{"session":{"BotUserSession":{}}}"#,
                r#"{"session":{"BotUserSession":{"OTP":"x","ExpiryTime":1}},"otp":{}}"#,
            ),
            (r#"{"session":{}}"#, r#"{"session":{"BotUserSession":{"OTP":"x","ExpiryTime":1}},"otp":{}}"#),
            (
                r#"{"session":{"BotUserSession":null}}"#,
                r#"{"session":{"BotUserSession":{"OTP":"x","ExpiryTime":1}},"otp":{}}"#,
            ),
            (r#"{"session":{"BotUserSession":[1]}}"#, r#"{"session":{"BotUserSession":[1]},"otp":{}}"#),
            (r#"{"session":"gone"}"#, r#"{"session":"gone","otp":{}}"#),
            (r"{}", r#"{"session":{"BotUserSession":{"OTP":"x","ExpiryTime":1}},"otp":{}}"#),
            ("null", r#"{"session":{"BotUserSession":{"OTP":"x","ExpiryTime":1}},"otp":{}}"#),
        ] {
            let answer = hook(&format!(r#"{{"requestId":7,"context":{context}}}"#));
            assert_eq!(answer, format!(r#"{HEAD},"context":{expected},"message":"Hi"}}"#));
        }
    }

    #[test]
    fn a_context_that_is_no_object_has_no_place_for_an_answer() {
        for (context, fine) in
            [("[]", false), ("\"x\"", false), ("1", false), ("true", false), ("null", true), ("{}", true)]
        {
            let payload = Payload::parse(format!(r#"{{"context":{context}}}"#)).unwrap();
            assert_eq!(payload.has_place_for_answers().is_ok(), fine, "{context}");
        }
    }

    #[test]
    fn the_order_is_botkits_and_not_the_senders() {
        let answer = hook(
            r#"{"channel":null,"unknown":1,"contextId":"c","dialogComponentName":"N","context":null,"requestId":7}"#,
        );
        assert_eq!(
            answer,
            format!(
                r#"{HEAD},"componentName":"N","context":{{"session":{{"BotUserSession":{{"OTP":"x","ExpiryTime":1}}}},"otp":{{}}}},"channel":null,"message":"Hi","contextId":"c"}}"#
            )
        );
    }
}
