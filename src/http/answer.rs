//! An answer in the platform's words: the next message, `context.otp`, and our keys of `BotUserSession`.

use std::borrow::Cow;

use super::Server;
use super::bot::Speech;
use crate::botkit::{Changes, SessionField};
use crate::clock::{Clock as _, SystemClock};
use crate::dialog::channel::{message, suggestions};
use crate::dialog::{Answer, Report, SessionKey, Status};
use crate::otp::{AccountId, Expose};

/// Says an answer.
pub(super) fn say(answer: &Answer, expose: Expose, speech: &Speech, proof: Option<&str>) -> Changes {
    let Speech { language, medium } = speech;
    let message = message(&answer.report, language, *medium);
    let otp = answer.report.to_json(&message, &suggestions(&answer.report, language), proof);
    let session = session(answer, expose);
    Changes { message: Some(message), otp: Some(otp), session, ..Changes::default() }
}

impl Server {
    /// Signs what a right code has proven, in a session that is only named if there is something to sign.
    pub(super) fn prove(
        &self,
        answer: &Answer,
        key: impl FnOnce() -> Option<SessionKey>,
        user: Option<&str>,
    ) -> Option<String> {
        let Report { status, verified_by, .. } = &answer.report;
        if *status != Status::Verified {
            return None;
        }
        let key = key()?;
        // Nobody is named but who typed the code.
        let account = |user: &&str| AccountId::of_user(&self.service.authority.keys, key.bot(), user);
        let user = user.filter(|user| verified_by.as_deref() == Some(&account(user)));
        self.prover.prove(&answer.report, &key, user, self.service.now(), SystemClock.now())
    }
}

fn session(answer: &Answer, expose: Expose) -> Vec<(SessionField, Cow<'static, str>)> {
    let Answer { report, code, .. } = answer;
    // Said every time, and true only when a code has just been used up: no stale `true` survives a failure, and a
    // second try at a used code does not pass for a first one.
    let verified = if report.status == Status::Verified { "true" } else { "false" };
    let mut session = Vec::with_capacity(3);
    session.push((SessionField::OtpVerified, Cow::Borrowed(verified)));
    if let Some(facts) = &report.facts {
        match (&facts.live, code) {
            (Some(live), code) => {
                let stands_for = match (code, expose) {
                    (Some(code), _) => Some(format!("\"{}\"", code.reveal())),
                    (None, Expose::Reference) => Some(format!("\"{}\"", facts.id)),
                    // The digits that stand there already are the ones that count.
                    (None, Expose::Plain) => None,
                };
                session.extend(stands_for.map(|json| (SessionField::Otp, json.into())));
                session.push((SessionField::ExpiryTime, live.expires_at.millis().to_string().into()));
            }
            (None, _) => session.push((SessionField::Otp, "null".into())),
        }
    } else if report.status == Status::NoChallenge {
        session.push((SessionField::Otp, "null".into()));
    }
    session
}
