//! What a REST call brings, as JSON. Unknown fields are refused by name: a field that is misspelt must not be missed.

use std::fmt;
use std::ops::Deref;

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::web::Payload as Body;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use utoipa::openapi::schema;

use crate::botkit::{Failure, Found};
use crate::dialog::Purpose;
use crate::http::body;

/// Longest user's id and longest request id, in characters.
const LONGEST: usize = 256;

/// A code is to be sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::http) struct Send {
    #[schema(schema_with = address)]
    pub(super) to: Value,
    /// How it goes: `email`, `sms`, `whatsapp` or `call`; by what the address is, if nothing is said.
    #[schema(example = "email")]
    pub(super) channel: Option<String>,
    /// What the code is for: codes of different purposes in one session know nothing of each other.
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9_-]{1,64}$", example = "payment")]
    pub(super) purpose: Option<Purpose>,
    /// What to speak, such as `de` or `pt-BR`; the bot's first language, if that is none we have.
    #[schema(example = "en")]
    pub(super) language: Option<String>,
    /// Who the user is.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    pub(super) user: Option<Name>,
    /// Names this call, so that its retry gets the same answer; or the header `Idempotency-Key`.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    pub(super) request_id: Option<Name>,
}

/// A code is to be checked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::http) struct Verify {
    #[schema(schema_with = code)]
    pub(super) code: Value,
    /// What the code is for; the same as when it was sent.
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub(super) purpose: Option<Purpose>,
    /// What to speak.
    pub(super) language: Option<String>,
    /// Who the user is: `sub` of the proof.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    pub(super) user: Option<Name>,
    /// Names this call, so that its retry gets the same answer; or the header `Idempotency-Key`.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    pub(super) request_id: Option<Name>,
}

/// A new code is to be sent. There may be no body at all.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::http) struct Resend {
    /// What the code is for; the same as when it was sent.
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub(super) purpose: Option<Purpose>,
    /// What to speak.
    pub(super) language: Option<String>,
    /// Who the user is.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    pub(super) user: Option<Name>,
    /// Names this call, so that its retry gets the same answer; or the header `Idempotency-Key`.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    pub(super) request_id: Option<Name>,
}

fn address() -> schema::Object {
    value("The e-mail address or phone number. An empty one is `invalid_destination`.", "mira@example.com")
}

fn code() -> schema::Object {
    let about =
        "What the user typed, also within a sentence. A number that has lost leading zeros gets them back.";
    value(about, "482916")
}

/// A text, or a number in place of one, or nothing.
fn value(about: &str, example: &str) -> schema::Object {
    let kinds =
        schema::SchemaType::Array(vec![schema::Type::String, schema::Type::Number, schema::Type::Null]);
    let value = schema::ObjectBuilder::new().schema_type(kinds).description(Some(about));
    value.examples([serde_json::Value::from(example)]).build()
}

/// An address or a code. A template may make a number of either; nothing, if what it names is empty.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Number(String),
    Nothing,
}

impl Value {
    /// The value as it is found in a payload; nothing and empty texts are none.
    pub(super) fn found(&self) -> Option<Found<'_>> {
        match self {
            Self::Text(text) if text.is_empty() => None,
            Self::Text(text) => Some(Found::Text(text.into())),
            Self::Number(number) => Some(Found::Number(number.into())),
            Self::Nothing => None,
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl Visitor<'_> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.to_string()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.to_string()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Number(number.to_string()))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }
}

/// A user's id, or a request's: 1 to 256 characters, none of them a control character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name(pub(super) String);

impl Name {
    /// What a name looks like, for whoever sent something else.
    const FORM: &str = "must be 1 to 256 characters, none of them a control character";

    /// Reads a name.
    pub(super) fn parse(text: String) -> Result<Self, &'static str> {
        let fine =
            !text.is_empty() && text.chars().nth(LONGEST).is_none() && !text.chars().any(char::is_control);
        if fine { Ok(Self(text)) } else { Err(Self::FORM) }
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Purpose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format_args!("must be {}", Self::FORM)))
    }
}

/// Reads the text of a body that has to be JSON. A body that is not there is an empty object.
pub(in crate::http) async fn text(
    request: &HttpRequest,
    body: Body,
    limit: usize,
) -> Result<String, Failure> {
    let announced = announced(request.headers());
    if announced == Some(false) {
        body::discard(request, body).await;
        return Err(Failure::NotJson);
    }
    match body::read(request, body, limit).await {
        Ok(text) if text.is_empty() => Ok("{}".to_owned()),
        Ok(_) if announced.is_none() => Err(Failure::NotJson),
        // BotKit's word for a body that is not JSON is 412; here nobody expects that.
        Err(Failure::InvalidJson) => Err(Failure::InvalidArguments("the body is not UTF-8".to_owned())),
        read => read,
    }
}

/// Whether the body is announced as JSON; `None` if it is not announced as anything.
fn announced(headers: &HeaderMap) -> Option<bool> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().unwrap_or("?").split(';').next().unwrap_or_default();
    let (kind, form) = kind.split_once('/').unwrap_or_default();
    let form = form.trim_end().rsplit('+').next().unwrap_or_default();
    Some(kind.trim_start().eq_ignore_ascii_case("application") && form.eq_ignore_ascii_case("json"))
}

/// Reads a body's fields.
pub(in crate::http) fn fields<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, Failure> {
    // An array would be read as the fields in their order.
    if !text.trim_start().starts_with('{') {
        return Err(Failure::InvalidArguments("the body must be a JSON object".to_owned()));
    }
    if let Ok(fields) = serde_json::from_str(text) {
        return Ok(fields);
    }
    // Where it is wrong is looked for once it is: keeping track costs as much as reading.
    let mut json = serde_json::Deserializer::from_str(text);
    let fields = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let problem = error.into_inner().to_string();
        // What is unknown is named already.
        let named = path == "." || !path.contains('.') && problem.contains(&format!("field `{path}`"));
        Failure::InvalidArguments(if named { problem } else { format!("{path}: {problem}") })
    })?;
    json.end().map_err(|problem| Failure::InvalidArguments(problem.to_string()))?;
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint<'t, T: Deserialize<'t> + fmt::Debug>(text: &'t str) -> String {
        match fields::<T>(text) {
            Err(Failure::InvalidArguments(problem)) => problem,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn bodies_that_cannot_be_read_are_told_why() {
        for (text, problem) in [
            ("{\"to\":\"a\",\"chanel\":\"sms\"}", "unknown field `chanel`, expected one of `to`, `channel`,"),
            ("{}", "missing field `to`"),
            ("{\"email\":\"a\",\"phone\":\"b\"}", "unknown field `email`, expected one of `to`"),
            ("{\"to\":\"a\",\"to\":\"b\"}", "duplicate field `to`"),
            ("{\"to\":[\"a\",\"b\"]}", "to: invalid type: sequence, expected a string"),
            ("{\"to\":\"a\",\"purpose\":\"two words\"}", "purpose: must be 1 to 64 letters, digits, - and _"),
            ("{\"to\":\"a\",\"user\":\"\"}", "user: must be 1 to 256 characters"),
            ("{\"to\":\"a\",\"requestId\":\"a\\nb\"}", "requestId: must be 1 to 256 characters"),
            ("{\"to\":\"a\"", "EOF while parsing"),
            ("{\"to\":\"a\"} x", "trailing characters"),
            ("[\"a\",null,null,null,null,null]", "must be a JSON object"),
            ("to=a", "must be a JSON object"),
        ] {
            let said = complaint::<Send>(text);
            assert!(said.contains(problem), "{text}: {said}");
        }
        assert!(complaint::<Verify>("{}").contains("missing field `code`"));
    }

    #[test]
    fn templates_make_numbers_and_nothing() {
        for (json, value) in [
            ("\"012345\"", Value::Text("012345".to_owned())),
            ("12345", Value::Number("12345".to_owned())),
            ("null", Value::Nothing),
        ] {
            assert_eq!(fields::<Verify>(&format!("{{\"code\":{json}}}")).unwrap().code, value);
        }
    }
}
