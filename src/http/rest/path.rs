//! Where a REST call leads: its path, taken apart before anything in it is decoded, so that a session id may hold
//! slashes (as `%2F`) and any other character.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::botkit::{BotId, Failure};
use crate::dialog::Purpose;

/// What is asked for, and of which bot.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Path<'p> {
    pub(super) bot: BotId,
    pub(super) door: Door<'p>,
}

/// The doors, each with the session in its path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Door<'p> {
    Otp(Cow<'p, str>),
    Verify(Cow<'p, str>),
    Resend(Cow<'p, str>),
    Turn,
}

impl<'p> Path<'p> {
    /// Reads a path below `/v1`, as it came.
    ///
    /// # Errors
    /// [`Failure::NotFound`]; [`Failure::InvalidArguments`] for ids that cannot be any.
    pub(super) fn parse(path: &'p str) -> Result<Self, Failure> {
        let (bot, rest) =
            path.strip_prefix("/v1/bots/").and_then(|rest| rest.split_once('/')).ok_or(Failure::NotFound)?;
        let in_session = rest.strip_prefix("sessions/").and_then(|rest| rest.split_once('/'));
        let (session, door): (_, fn(Cow<'p, str>) -> Door<'p>) = match (rest, in_session) {
            ("turn", _) => (None, |_| Door::Turn),
            (_, Some((session, "otp"))) => (Some(session), Door::Otp),
            (_, Some((session, "otp/verify"))) => (Some(session), Door::Verify),
            (_, Some((session, "otp/resend"))) => (Some(session), Door::Resend),
            _ => return Err(Failure::NotFound),
        };
        let id = decoded(bot).ok().and_then(|id| BotId::parse(&id));
        let problem = "bot: an id is 1 to 64 letters, digits, - and _";
        let bot = id.ok_or_else(|| Failure::InvalidArguments(problem.to_owned()))?;
        let session = session.map(|segment| session_id(decoded(segment)?)).transpose()?;
        Ok(Self { bot, door: door(session.unwrap_or_default()) })
    }
}

fn decoded(segment: &str) -> Result<Cow<'_, str>, Failure> {
    let problem = || Failure::InvalidArguments("the path is not UTF-8 once it is percent-decoded".to_owned());
    percent_decode_str(segment).decode_utf8().map_err(|_| problem())
}

/// Checks a session id. Without control characters none reads like the sessions that are named by channel and user.
pub(super) fn session_id(id: Cow<'_, str>) -> Result<Cow<'_, str>, Failure> {
    if id.is_empty() || id.chars().any(char::is_control) {
        let problem = "session: an id is any text that is not empty and holds no control characters";
        return Err(Failure::InvalidArguments(problem.to_owned()));
    }
    Ok(id)
}

/// What a `GET` or a `DELETE` says besides its path.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) purpose: Option<Purpose>,
    pub(super) language: Option<String>,
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// [`Failure::InvalidArguments`] names what is unknown, there twice, or of no use.
    pub(super) fn parse(query: &str) -> Result<Self, Failure> {
        let (mut purpose, mut language) = (None, None);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let place = match &*name {
                "purpose" => &mut purpose,
                "language" => &mut language,
                _ => {
                    let problem =
                        format!("unknown query parameter `{name}`, expected `purpose` or `language`");
                    return Err(Failure::InvalidArguments(problem));
                }
            };
            if place.replace(value.into_owned()).is_some() {
                return Err(Failure::InvalidArguments(format!("duplicate query parameter `{name}`")));
            }
        }
        let purpose = purpose.map(|text| {
            let problem = || Failure::InvalidArguments(format!("purpose: must be {}", Purpose::FORM));
            Purpose::parse(&text).ok_or_else(problem)
        });
        Ok(Self { purpose: purpose.transpose()?, language })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_may_be_anything_that_can_be_read() {
        let bot = || BotId::parse("st-1").unwrap();
        for (path, door) in [
            ("/v1/bots/st-1/turn", Door::Turn),
            ("/v1/bots/st%2D1/sessions/s-1/otp", Door::Otp("s-1".into())),
            ("/v1/bots/st-1/sessions/a%2Fb%2f..%2Fc/otp/verify", Door::Verify("a/b/../c".into())),
            ("/v1/bots/st-1/sessions/%E2%98%95%20+/otp/resend", Door::Resend("☕ +".into())),
            ("/v1/bots/st-1/sessions/otp/otp", Door::Otp("otp".into())),
        ] {
            assert_eq!(Path::parse(path), Ok(Path { bot: bot(), door }), "{path}");
        }
        let long = format!("/v1/bots/st-1/sessions/{}/otp", "%F0%9F%98%80".repeat(2_500));
        assert!(Path::parse(&long).is_ok());
    }

    #[test]
    fn what_leads_nowhere_is_told_from_what_cannot_be_read() {
        for path in [
            "/v1",
            "/v1/",
            "/v1/bots/st-1",
            "/v1/bots/st-1/turn/",
            "/v1/bots/st-1/sessions/a/b/otp",
            "/v1/bots/st-1/sessions/s/otp/",
            "/v1/bots/st-1/sessions/s/otp/check",
            "/v1//bots/st-1/turn",
        ] {
            assert_eq!(Path::parse(path), Err(Failure::NotFound), "{path}");
        }
        for path in [
            "/v1/bots/st%2F1/turn",
            "/v1/bots//turn",
            "/v1/bots/st-1/sessions//otp",
            "/v1/bots/st-1/sessions/%ff/otp",
            "/v1/bots/st-1/sessions/rtm%0Au-1/otp",
        ] {
            assert!(matches!(Path::parse(path), Err(Failure::InvalidArguments(_))), "{path}");
        }
    }

    #[test]
    fn queries_hold_what_is_known_once() {
        let purpose = Purpose::parse("pay");
        assert_eq!(
            Query::parse("language=de&purpose=pay"),
            Ok(Query { purpose, language: Some("de".to_owned()) })
        );
        assert_eq!(Query::parse(""), Ok(Query::default()));
        for query in ["purpose=a+b", "purpose=", "purpose=a&purpose=a", "to=x", "&x"] {
            assert!(matches!(Query::parse(query), Err(Failure::InvalidArguments(_))), "{query}");
        }
    }
}
