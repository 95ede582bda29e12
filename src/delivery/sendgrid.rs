//! SendGrid's `POST /v3/mail/send` (<https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send>).

use async_trait::async_trait;
use reqwest::StatusCode;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Delivery, Error, Hello, Message, body_start, body_up_to, describe, retry_after, traced};
use crate::address::Mailbox;

/// How much of a refusal is read and logged, in bytes.
const LONGEST_REASON: usize = 300;

/// How much of a key's list of scopes is read, in bytes; that of a key without limits has some 10,000.
const LONGEST_LIST: usize = 262_144;

/// SendGrid's settings.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// An API key with the scope "Mail Send" and no other.
    pub api_key: SecretString,
    /// `https://api.sendgrid.com`, or `https://api.eu.sendgrid.com` for a regional subuser.
    pub base_url: String,
    /// The verified sender, such as `Acme <no-reply@acme.example>`.
    pub from: String,
    /// Where answers go; empty for the sender.
    pub reply_to: String,
    /// Names that SendGrid's statistics are grouped by; at most 10.
    pub categories: Vec<String>,
    /// Whether SendGrid only checks messages and delivers none.
    pub sandbox: bool,
    /// The public key that its delivery events are signed for; empty if they are not taken.
    pub webhook_key: String,
}

/// Sends through SendGrid.
pub struct SendGrid {
    http: reqwest::Client,
    url: String,
    scopes_url: String,
    api_key: SecretString,
    from: Mailbox,
    reply_to: Option<Mailbox>,
    categories: Vec<String>,
    sandbox: bool,
}

impl SendGrid {
    /// Prepares the provider.
    ///
    /// # Errors
    /// The setting that is of no use, and why.
    pub fn new(settings: &Settings, http: reqwest::Client) -> Result<Self, (&'static str, String)> {
        if settings.api_key.expose_secret().is_empty() {
            return Err(("api_key", "is empty; set it, or SENDGRID_API_KEY in the environment".to_owned()));
        }
        if reqwest::header::HeaderValue::from_str(settings.api_key.expose_secret()).is_err() {
            return Err(("api_key", "holds a line break or another character that no key has".to_owned()));
        }
        let from = Mailbox::parse(&settings.from).map_err(|invalid| {
            ("from", format!("is no sender ({invalid}); write it like \"Acme <no-reply@acme.example>\""))
        })?;
        let reply_to = match settings.reply_to.trim() {
            "" => None,
            text => Some(
                Mailbox::parse(text).map_err(|invalid| ("reply_to", format!("is no address: {invalid}")))?,
            ),
        };
        if settings.categories.len() > 10 {
            return Err(("categories", "has more than the 10 names SendGrid takes".to_owned()));
        }
        Ok(Self {
            http,
            url: format!("{}/v3/mail/send", settings.base_url.trim_end_matches('/')),
            scopes_url: format!("{}/v3/scopes", settings.base_url.trim_end_matches('/')),
            api_key: settings.api_key.clone(),
            from,
            reply_to,
            categories: settings.categories.clone(),
            sandbox: settings.sandbox,
        })
    }

    fn body(&self, message: &Message) -> Value {
        let mut body = json!({
            "personalizations": [{ "to": [{ "email": message.to.reveal() }] }],
            "from": mailbox(&self.from),
            "subject": message.subject,
            // SendGrid wants the plain part first.
            "content": [
                { "type": "text/plain", "value": message.text },
                { "type": "text/html", "value": message.html },
            ],
            // Comes back in every delivery event.
            "custom_args": {
                "challenge_id": message.challenge.to_string(),
                "send": message.send.to_string(),
            },
            // A tracked code is a code that a third party has seen.
            "tracking_settings": {
                "click_tracking": { "enable": false, "enable_text": false },
                "open_tracking": { "enable": false },
                "subscription_tracking": { "enable": false },
            },
            "mail_settings": { "sandbox_mode": { "enable": self.sandbox } },
        });
        if let Some(reply_to) = &self.reply_to {
            body["reply_to"] = mailbox(reply_to);
        }
        if !self.categories.is_empty() {
            body["categories"] = json!(self.categories);
        }
        body
    }
}

/// What a key may do.
#[derive(Deserialize)]
struct Scopes {
    scopes: Vec<String>,
}

#[async_trait]
impl Delivery for SendGrid {
    fn name(&self) -> &'static str {
        super::Provider::SendGrid.name()
    }

    async fn deliver(&self, message: &Message) -> Result<Option<String>, Error> {
        let response = traced(self.http.post(&self.url))
            .bearer_auth(self.api_key.expose_secret())
            .json(&self.body(message))
            .send()
            .await
            .map_err(|error| Error::passing(describe(&error)))?;
        let status = response.status();
        match status {
            StatusCode::ACCEPTED => Ok(message_id(&response)),
            // What a sandbox answers; from anybody else it is not SendGrid's answer, but some machine's on the way.
            StatusCode::OK if self.sandbox => Ok(message_id(&response)),
            StatusCode::OK => Err(Error::passing("an answer that is not SendGrid's")),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Err(Error::Passing {
                reason: status.to_string(),
                retry_after: retry_after(response.headers()),
            }),
            _ if status.is_server_error() => Err(Error::Passing {
                reason: status.to_string(),
                retry_after: retry_after(response.headers()),
            }),
            _ => {
                let private = [message.to.reveal(), message.code.reveal(), self.api_key.expose_secret()];
                Err(Error::Refused(format!("{status}: {}", reason(response, private).await)))
            }
        }
    }

    /// Any key may ask what it may do (<https://www.twilio.com/docs/sendgrid/api-reference/api-key-permissions>).
    async fn check(&self) -> Result<Hello, Error> {
        let request = self.http.get(&self.scopes_url).bearer_auth(self.api_key.expose_secret());
        let response = request.send().await.map_err(|error| Error::passing(describe(&error)))?;
        let (status, hello) = (response.status(), Hello::of(response.headers()));
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(Error::Refused(format!("{status}: is the API key still there?")));
        }
        if !status.is_success() {
            return Err(Error::passing(status.to_string()));
        }
        let Scopes { scopes } = serde_json::from_slice(&body_up_to(response, LONGEST_LIST).await)
            .map_err(|_| Error::passing("an answer that is not SendGrid's"))?;
        if scopes.iter().any(|scope| scope == "mail.send") {
            Ok(hello)
        } else {
            Err(Error::Refused("the API key lacks the scope Mail Send".to_owned()))
        }
    }
}

fn mailbox(mailbox: &Mailbox) -> Value {
    match &mailbox.name {
        Some(name) => json!({ "email": mailbox.email.reveal(), "name": name }),
        None => json!({ "email": mailbox.email.reveal() }),
    }
}

fn message_id(response: &reqwest::Response) -> Option<String> {
    response.headers().get("x-message-id").and_then(|id| Some(id.to_str().ok()?.to_owned()))
}

/// What SendGrid says is wrong: the `message` and `field` of its errors, without what is private, which they may quote.
async fn reason(response: reqwest::Response, private: [&str; 3]) -> String {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<One>,
    }
    #[derive(Deserialize)]
    struct One {
        message: String,
        field: Option<String>,
    }
    let Ok(Errors { errors }) = serde_json::from_slice(&body_start(response).await) else {
        return "no reason given".to_owned();
    };
    let texts = errors.into_iter().map(|One { message, field }| match field {
        Some(field) => format!("{message} ({field})"),
        None => message,
    });
    let said = texts.collect::<Vec<_>>().join("; ").to_lowercase();
    let said = private.into_iter().fold(said, |said, private| said.replace(&private.to_lowercase(), "..."));
    said.chars().filter(|character| !character.is_control()).take(LONGEST_REASON).collect()
}
