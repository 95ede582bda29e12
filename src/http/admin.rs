//! An operator's doors: the codes that are out, masked, and their end. They are there only with keys of their own.

use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderMap, HeaderValue};
use actix_web::web::{self, Data, Payload as Body};
use actix_web::{HttpRequest, HttpResponse};
use log::{info, warn};
use serde::Deserialize;
use serde_json::{Value, json};

use super::rest::body::{fields, text};
use super::rest::refused;
use super::{Server, header, respond};
use crate::address::{Channel, Destination, Email, Numbering, Phone};
use crate::audit;
use crate::botkit::{BotId, Failure};
use crate::clock::Timestamp;
use crate::otp::{ChallengeId, Phase};
use crate::service::operator::{MOST, Seen, Whose};
use crate::store::Unavailable;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/codes", web::post().to(codes))
        .route("/admin/revoke", web::post().to(revoke))
        .route("/admin/unlock", web::post().to(unlock));
}

/// Which sessions are meant: by one of three.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    bot: Option<String>,
    session: Option<String>,
    address: Option<String>,
    challenge: Option<String>,
}

impl Which {
    fn whose(self) -> Result<Whose, Failure> {
        let wrong = |problem: &str| Failure::InvalidArguments(problem.to_owned());
        match (self.bot, self.session, self.address, self.challenge) {
            (Some(bot), Some(session), None, None) => {
                let bot = BotId::parse(&bot).ok_or_else(|| wrong("bot: that is no bot id"))?;
                Ok(Whose::Session(bot, session))
            }
            (None, None, Some(address), None) => {
                let address = destination(&address).ok_or_else(|| {
                    wrong("address: neither an e-mail address nor a phone number such as +14155552671")
                })?;
                Ok(Whose::Address(address))
            }
            (None, None, None, Some(challenge)) => {
                let id = ChallengeId::parse(&challenge);
                id.map(Whose::Challenge)
                    .ok_or_else(|| wrong("challenge: an id is ch_ and 32 hexadecimal digits"))
            }
            _ => Err(wrong("name one: bot and session, or address, or challenge")),
        }
    }
}

fn destination(text: &str) -> Option<Destination> {
    let phone = || Phone::parse(text, &Numbering::default(), Channel::Call).ok().map(Destination::Call);
    Email::parse(text).ok().map(Destination::Email).or_else(phone)
}

/// The name of the key that a request has.
fn admit(server: &Server, headers: &HeaderMap) -> Result<String, Failure> {
    let key = server.admin_keys.check(header(headers, AUTHORIZATION.as_str()));
    key.map(|key| key.name.to_string()).ok_or(Failure::Unauthorized)
}

async fn codes(request: HttpRequest, body: Body, server: Data<Server>) -> HttpResponse {
    let answer = async {
        let (who, whose) = asked(&server, &request, body).await?;
        info!("admin codes by {who}");
        let seen = server.service.look_up(whose, &who).await;
        let now = server.service.now();
        let shown = |seen: Vec<Seen>| {
            let codes: Vec<Value> = seen.iter().map(|seen| told(&server, seen, now)).collect();
            json!({ "more": codes.len() >= MOST, "codes": codes })
        };
        Ok(seen.map(shown))
    };
    respond_with(&server, answer.await)
}

async fn revoke(request: HttpRequest, body: Body, server: Data<Server>) -> HttpResponse {
    let answer = async {
        let (who, whose) = asked(&server, &request, body).await?;
        info!("admin revoke by {who}");
        Ok(server.service.revoke(whose, &who).await.map(|count| json!({ "revoked": count })))
    };
    respond_with(&server, answer.await)
}

async fn unlock(request: HttpRequest, body: Body, server: Data<Server>) -> HttpResponse {
    let answer = async {
        let (who, whose) = asked(&server, &request, body).await?;
        info!("admin unlock by {who}");
        Ok(server.service.unlock(whose, &who).await.map(|count| json!({ "unlocked": count })))
    };
    respond_with(&server, answer.await)
}

async fn asked(server: &Server, request: &HttpRequest, body: Body) -> Result<(String, Whose), Failure> {
    let who = match admit(server, request.headers()) {
        Ok(who) => who,
        Err(failure) => {
            warn!("a key that is none was tried at {}", request.path());
            super::body::discard(request, body).await;
            return Err(failure);
        }
    };
    let text = text(request, body, server.settings.max_body_bytes).await?;
    Ok((who, fields::<Which>(&text)?.whose()?))
}

fn respond_with(server: &Server, answer: Result<Result<Value, Unavailable>, Failure>) -> HttpResponse {
    let response = |status: u16, body: Value| {
        respond(status)
            .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
            .body(body.to_string())
    };
    let response = match answer {
        Ok(Ok(body)) => response(200, body),
        Ok(Err(unavailable)) => {
            warn!("{unavailable}");
            let problem =
                json!({ "msg": "The session store does not answer", "code": "SERVICE_UNAVAILABLE" });
            response(503, json!({ "errors": [problem] }))
        }
        Err(failure) => refused(&failure),
    };
    server.service.metrics.request("admin", response.status().as_u16());
    response
}

/// What an operator may see of a code.
fn told(server: &Server, Seen { key, challenge }: &Seen, now: Timestamp) -> Value {
    let rules = &server.service.authority.rules;
    let (status, until) = match challenge.phase(now) {
        Phase::Locked { until } => ("locked", until),
        Phase::Live | Phase::Expired | Phase::Verified | Phase::Cancelled => ("live", challenge.expires_at()),
    };
    json!({
        "bot": key.bot(),
        "session": audit::name(key.session()),
        "purpose": key.purpose(),
        "challengeId": challenge.id.to_string(),
        "status": status,
        "until": until.to_string(),
        "channel": challenge.destination.channel().name(),
        "to": challenge.destination.masked(),
        "attemptsLeft": challenge.attempts_left(rules),
        "sendsLeft": challenge.sends_left(rules),
    })
}
