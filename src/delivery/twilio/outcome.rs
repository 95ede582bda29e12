//! What Twilio's answers mean. Of a refusal only the code is kept: the texts quote numbers.
//!
//! The codes: <https://www.twilio.com/docs/api/errors>.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;

use super::Error;

/// The number does not exist, cannot be reached by this channel, wants no messages, or is where messages of this account
/// do not go: another address is the way out. Some of these only come behind a failed status.
const UNDELIVERABLE: [u32; 29] = [
    21211, 21214, 21217, 21614, 21635, // no number, no mobile number
    21265, 21202, 21661, 21662, // a short code, a premium number
    21610, 63014, // the owner has opted out or blocked the sender
    21408, 21215, 21216, 13227, // a region or number that the account may not reach
    21612, 13224, 13225, // no route
    30003, 30004, 30005, 30006, 30011, 30015, // the phone or its carrier
    63003, 63013, 63024, 63026, 63035, // WhatsApp: nobody has it there, or may not get it
];

/// Too much to do for now.
const PASSING: [u32; 6] = [20429, 20500, 20503, 30001, 30008, 63018];

/// A message or call as Twilio describes it.
#[derive(Deserialize)]
struct Created {
    sid: String,
    status: String,
    error_code: Option<u32>,
}

/// Why it was not made.
#[derive(Deserialize)]
struct Refusal {
    code: u32,
}

/// Whether an error is the number's: another one is the way out.
pub(in crate::delivery) fn blames_the_number(code: u32) -> bool {
    UNDELIVERABLE.contains(&code)
}

/// Reads an answer: the message's or the call's id, or what kept it from going out.
pub(super) fn read(status: StatusCode, wait: Option<Duration>, body: &[u8]) -> Result<String, Error> {
    if status.is_success() {
        return created(body);
    }
    let code = serde_json::from_slice(body).ok().map(|Refusal { code }| code);
    let reason = code.map_or_else(|| status.to_string(), |code| format!("{status}, code {code}"));
    let passing = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
    Err(if passing || status.is_server_error() || code.is_some_and(|code| PASSING.contains(&code)) {
        Error::Passing { reason, retry_after: wait }
    } else if code.is_some_and(blames_the_number) {
        Error::Undeliverable(reason)
    } else {
        Error::Refused(reason)
    })
}

/// A message that was made may have failed all the same.
fn created(body: &[u8]) -> Result<String, Error> {
    let Ok(Created { sid, status, error_code }) = serde_json::from_slice(body) else {
        return Err(Error::passing("an answer that is not Twilio's"));
    };
    if !["failed", "undelivered", "canceled", "busy", "no-answer"].contains(&status.as_str()) {
        return if sid.is_empty() { Err(Error::passing("an answer without an id")) } else { Ok(sid) };
    }
    Err(match error_code {
        Some(code) if PASSING.contains(&code) => Error::passing(format!("it failed, code {code}")),
        Some(code) if blames_the_number(code) => Error::Undeliverable(format!("it failed, code {code}")),
        Some(code) => Error::Refused(format!("it failed, code {code}")),
        None => Error::Refused("it failed, and no code says why".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_its_meaning() {
        let refused = |reason: &str| Err(Error::Refused(reason.to_owned()));
        let undeliverable = |reason: &str| Err(Error::Undeliverable(reason.to_owned()));
        let passing =
            |reason: &str, wait| Err(Error::Passing { reason: reason.to_owned(), retry_after: wait });
        let wait = Some(Duration::from_secs(7));
        for (status, body, meaning) in [
            (201, r#"{"sid":"SM1","status":"queued","error_code":null}"#, Ok("SM1".to_owned())),
            (201, r#"{"sid":"SM1","status":"accepted"}"#, Ok("SM1".to_owned())),
            (
                201,
                r#"{"sid":"SM1","status":"failed","error_code":30005}"#,
                undeliverable("it failed, code 30005"),
            ),
            (
                201,
                r#"{"sid":"SM1","status":"undelivered","error_code":30007}"#,
                refused("it failed, code 30007"),
            ),
            (
                201,
                r#"{"sid":"SM1","status":"failed","error_code":30001}"#,
                passing("it failed, code 30001", None),
            ),
            (201, r#"{"sid":"SM1","status":"failed"}"#, refused("it failed, and no code says why")),
            (201, r#"{"sid":"","status":"queued"}"#, passing("an answer without an id", None)),
            (200, "<html>", passing("an answer that is not Twilio's", None)),
            (
                400,
                r#"{"code":21211,"message":"+1415 is bad","status":400}"#,
                undeliverable("400 Bad Request, code 21211"),
            ),
            (400, r#"{"code":21610}"#, undeliverable("400 Bad Request, code 21610")),
            (403, r#"{"code":21408}"#, undeliverable("403 Forbidden, code 21408")),
            (400, r#"{"code":21606}"#, refused("400 Bad Request, code 21606")),
            (401, r#"{"code":20003}"#, refused("401 Unauthorized, code 20003")),
            (404, "", refused("404 Not Found")),
            (400, r#"{"code":"x"}"#, refused("400 Bad Request")),
            (429, r#"{"code":20429}"#, passing("429 Too Many Requests, code 20429", wait)),
            (500, "", passing("500 Internal Server Error", wait)),
            (503, r#"{"code":21211}"#, passing("503 Service Unavailable, code 21211", wait)),
            (307, "", refused("307 Temporary Redirect")),
        ] {
            assert_eq!(
                read(StatusCode::from_u16(status).unwrap(), wait, body.as_bytes()),
                meaning,
                "{status} {body}"
            );
        }
    }
}
