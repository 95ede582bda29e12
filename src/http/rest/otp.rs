//! One operation on one code.

use std::sync::Arc;

use actix_web::http::header::HeaderMap;
use actix_web::web::Data;
use log::info;

use super::body::{Name, Resend, Send, Verify};
use super::path::Query;
use super::{REQUEST_ID, Server};
use crate::address::Destination;
use crate::botkit::{BotId, Failure, Found};
use crate::dialog::catalogue::Language;
use crate::dialog::channel::{Medium, message, suggestions};
use crate::dialog::understanding::Utterance;
use crate::dialog::{Answer, Call, Operation, Purpose, Reading, RequestKey, SessionKey, Wanted};
use crate::http::BotSettings;
use crate::http::trace::{Trace, loggable};
use crate::otp::{AccountId, Code};
use crate::service::Outcome;

/// Where a call takes place.
pub(super) struct Scene<'a> {
    pub(super) server: &'a Data<Server>,
    pub(super) settings: &'a BotSettings,
    pub(super) bot: BotId,
    pub(super) headers: &'a HeaderMap,
}

impl Scene<'_> {
    /// Sends a code.
    pub(super) async fn send(
        &self,
        session: &str,
        body: Send,
        trace: &mut Trace<'_>,
    ) -> Result<String, Failure> {
        let request = self.request(body.request_id, trace)?;
        let user = body.user.as_deref();
        let (to, channel) = (body.to.found(), body.channel.as_deref().filter(|word| !word.is_empty()));
        let channel = channel.map(|word| Found::Text(word.into()));
        let reach = &self.settings.reach;
        let destination = match to {
            Some(to) => Reading::destination([to], channel.as_ref(), reach),
            None => Reading::Missing("to is empty".to_owned()),
        };
        let brought = destination.read().map(Destination::reveal);
        let language = self.language(body.language.as_deref());
        let plain = self.call(Operation::Send, request.as_deref(), brought, user, language);
        let call = Call { destination, wanted: Wanted::of(channel.as_ref(), reach), ..plain };
        let key = self.key(session, body.purpose.as_ref());
        Ok(self.run(key, call, user, trace).await)
    }

    /// Checks a code.
    pub(super) async fn verify(
        &self,
        session: &str,
        body: Verify,
        trace: &mut Trace<'_>,
    ) -> Result<String, Failure> {
        let request = self.request(body.request_id, trace)?;
        let user = body.user.as_deref();
        let format = self.server.service.authority.rules.format;
        let language = self.language(body.language.as_deref());
        let hear = |text: &str| self.settings.understand(text, None, &language, format);
        let (code, heard) = match body.code.found() {
            Some(code) => Reading::code(Some(&code), format, hear),
            None => (Reading::Missing("code is empty".to_owned()), Utterance::Other),
        };
        let brought = code.read().map(Code::reveal);
        let plain = self.call(Operation::Verify, request.as_deref(), brought, user, language);
        let call = Call { code, heard, ..plain };
        let key = self.key(session, body.purpose.as_ref());
        Ok(self.run(key, call, user, trace).await)
    }

    /// Sends a new code.
    pub(super) async fn resend(
        &self,
        session: &str,
        body: Resend,
        trace: &mut Trace<'_>,
    ) -> Result<String, Failure> {
        let request = self.request(body.request_id, trace)?;
        let user = body.user.as_deref();
        let language = self.language(body.language.as_deref());
        let call = self.call(Operation::Resend, request.as_deref(), None, user, language);
        Ok(self.run(self.key(session, body.purpose.as_ref()), call, user, trace).await)
    }

    /// Says how things stand.
    pub(super) async fn status(
        &self,
        session: &str,
        query: Query,
        trace: &mut Trace<'_>,
    ) -> Result<String, Failure> {
        let language = self.language(query.language.as_deref());
        let call = self.call(Operation::Status, None, None, None, language);
        Ok(self.run(self.key(session, query.purpose.as_ref()), call, None, trace).await)
    }

    /// Revokes a code.
    pub(super) async fn cancel(
        &self,
        session: &str,
        query: Query,
        trace: &mut Trace<'_>,
    ) -> Result<String, Failure> {
        let request = self.request(None, trace)?;
        let language = self.language(query.language.as_deref());
        let call = self.call(Operation::Cancel, request.as_deref(), None, None, language);
        Ok(self.run(self.key(session, query.purpose.as_ref()), call, None, trace).await)
    }

    /// The request id that a header or a body gives, which must not give two.
    pub(super) fn request(
        &self,
        in_body: Option<Name>,
        trace: &mut Trace<'_>,
    ) -> Result<Option<String>, Failure> {
        let in_header = self.headers.get(REQUEST_ID).map(|value| {
            let problem = |problem| Failure::InvalidArguments(format!("Idempotency-Key: {problem}"));
            let value = value.to_str().map_err(|_| problem("must be ASCII"))?;
            Name::parse(value.to_owned()).map_err(problem)
        });
        let id = match (in_header.transpose()?, in_body) {
            (Some(header), Some(body)) if header != body => {
                let problem = "the header Idempotency-Key and requestId differ; one of them is enough";
                return Err(Failure::InvalidArguments(problem.to_owned()));
            }
            (header, body) => header.or(body).map(|Name(id)| id),
        };
        trace.request = id.as_deref().map(loggable).unwrap_or_default();
        Ok(id)
    }

    pub(super) fn key(&self, session: &str, purpose: Option<&Purpose>) -> SessionKey {
        SessionKey::for_purpose(&self.bot, purpose, session)
    }

    /// The language that is asked for, or else the bot's own.
    pub(super) fn language(&self, tag: Option<&str>) -> Arc<Language> {
        let known = tag.and_then(|tag| self.server.catalogue.find(tag));
        Arc::clone(known.unwrap_or(&self.settings.language))
    }

    /// A call that brings nothing but what its request is named by.
    pub(super) fn call(
        &self,
        operation: Operation,
        request: Option<&str>,
        brought: Option<&str>,
        user: Option<&str>,
        language: Arc<Language>,
    ) -> Call {
        let keys = &self.server.service.authority.keys;
        let user = user.map(|user| AccountId::of_user(keys, self.bot.as_str(), user));
        let request = request.map(|id| {
            // As the platform's webhooks name theirs, whose ids are JSON.
            let id = serde_json::Value::from(id).to_string();
            RequestKey::new(keys, operation, &id, brought.unwrap_or_default(), user)
        });
        Call {
            operation,
            user,
            request,
            destination: Reading::not_asked(),
            wanted: Wanted::of(None, &self.settings.reach),
            number: None,
            code: Reading::not_asked(),
            heard: Utterance::Other,
            forged: false,
            whole: false,
            language,
        }
    }

    /// Runs a call and gives its answer for now: there is no way to say another one later.
    pub(super) async fn outcome(&self, key: &SessionKey, call: Call, trace: &mut Trace<'_>) -> Answer {
        let outcome = self.server.service.call(key, call).await;
        let (Outcome::Final(answer) | Outcome::Repeated(answer) | Outcome::Slow { meanwhile: answer, .. }) =
            outcome;
        let status = answer.outcome();
        trace.status = Some(status);
        if let Some(reason) = &answer.report.reason {
            info!("{status}: {reason} bot={} request={}", self.bot, trace.request);
        }
        answer
    }

    async fn run(&self, key: SessionKey, call: Call, user: Option<&str>, trace: &mut Trace<'_>) -> String {
        let language = Arc::clone(&call.language);
        let answer = self.outcome(&key, call, trace).await;
        let report = &answer.report;
        let message = message(report, &language, Medium::Text);
        let proof = self.server.prove(&answer, || Some(key), user);
        report.to_json(&message, &suggestions(report, &language), proof.as_deref())
    }
}
