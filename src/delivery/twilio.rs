//! Twilio: text and WhatsApp messages by `Messages.json`, calls by `Calls.json`
//! (<https://www.twilio.com/docs/messaging/api/message-resource>, <https://www.twilio.com/docs/voice/api/call-resource>).

mod outcome;
mod sender;
mod twiml;

pub(super) use self::outcome::blames_the_number;

use async_trait::async_trait;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use url::form_urlencoded;

use self::sender::Sender;
use super::events::callback;
use super::{Delivery, Error, Hello, Message, body_start, describe, retry_after, traced};
use crate::address::{Channel, Destination};

/// Twilio's settings.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// The account, `AC` and 32 hexadecimal digits.
    pub account_sid: String,
    /// Its auth token.
    pub auth_token: SecretString,
    /// `https://api.twilio.com`, or that of a region.
    pub base_url: String,
    /// Who text messages come from: a number, a short code or a name.
    pub from: String,
    /// The messaging service that picks a sender instead.
    pub messaging_service_sid: String,
    /// The number that WhatsApp messages come from.
    pub whatsapp_from: String,
    /// The approved template of WhatsApp messages, whose variable 1 is the code.
    pub whatsapp_content_sid: String,
    /// The number that calls come from.
    pub call_from: String,
    /// Whose numbers those are that come without a country code.
    pub default_country: String,
    /// The countries whose numbers are taken; none for all.
    pub countries: Vec<String>,
    /// The site whose browsers may fill in the code.
    pub webotp_domain: String,
    /// The Android app that may fill in the code.
    pub app_hash: String,
}

/// Sends through Twilio, by one channel.
pub struct Twilio {
    http: reqwest::Client,
    url: String,
    account_url: String,
    account_sid: String,
    auth_token: SecretString,
    sender: Sender,
    public_url: String,
}

impl Twilio {
    /// Prepares the provider of a channel. With `public_url` set, Twilio is asked to report there.
    ///
    /// # Errors
    /// The setting that is of no use, and why.
    pub fn new(
        settings: &Settings,
        channel: Channel,
        public_url: &str,
        http: reqwest::Client,
    ) -> Result<Self, (&'static str, String)> {
        let account_sid = settings.account_sid.trim();
        if account_sid.is_empty() {
            return Err((
                "account_sid",
                "is empty; set it, or TWILIO_ACCOUNT_SID in the environment".to_owned(),
            ));
        }
        if !sender::is_sid(account_sid, "AC") {
            return Err(("account_sid", "is no account SID: AC and 32 hexadecimal digits".to_owned()));
        }
        let token = settings.auth_token.expose_secret();
        if token.is_empty() {
            return Err((
                "auth_token",
                "is empty; set it, or TWILIO_AUTH_TOKEN in the environment".to_owned(),
            ));
        }
        if HeaderValue::from_str(token).is_err() {
            return Err((
                "auth_token",
                "holds a line break or another character that no token has".to_owned(),
            ));
        }
        let sender = Sender::of(settings, channel)?;
        let resource = match sender {
            Sender::Number(_) | Sender::Service(_) | Sender::WhatsApp { .. } => "Messages",
            Sender::Caller(_) => "Calls",
        };
        let base = settings.base_url.trim_end_matches('/');
        Ok(Self {
            http,
            url: format!("{base}/2010-04-01/Accounts/{account_sid}/{resource}.json"),
            account_url: format!("{base}/2010-04-01/Accounts/{account_sid}.json"),
            account_sid: account_sid.to_owned(),
            auth_token: settings.auth_token.clone(),
            sender,
            public_url: public_url.to_owned(),
        })
    }

    /// The form's fields; `None` if the message is one for another channel.
    fn form(&self, message: &Message) -> Option<String> {
        let code = message.code.reveal();
        let mut form = form_urlencoded::Serializer::new(String::new());
        match (&self.sender, &message.to) {
            (Sender::Number(from), Destination::Sms(to)) => {
                form.append_pair("To", to.reveal());
                form.append_pair("From", from);
                form.append_pair("Body", &message.text);
            }
            (Sender::Service(sid), Destination::Sms(to)) => {
                form.append_pair("To", to.reveal());
                form.append_pair("MessagingServiceSid", sid);
                form.append_pair("Body", &message.text);
            }
            (Sender::WhatsApp { from, template }, Destination::WhatsApp(to)) => {
                form.append_pair("To", &["whatsapp:", to.reveal()].concat());
                form.append_pair("From", &["whatsapp:", from].concat());
                match template {
                    // A template has the words; text beside it is refused.
                    Some(sid) => {
                        form.append_pair("ContentSid", sid);
                        form.append_pair("ContentVariables", &json!({ "1": code }).to_string());
                    }
                    None => {
                        form.append_pair("Body", &message.text);
                    }
                }
            }
            (Sender::Caller(from), Destination::Call(to)) => {
                form.append_pair("To", to.reveal());
                form.append_pair("From", from);
                form.append_pair("Twiml", &twiml::say(&message.text, &message.language.tag()));
            }
            (
                Sender::Number(_) | Sender::Service(_) | Sender::WhatsApp { .. } | Sender::Caller(_),
                Destination::Email(_) | Destination::Sms(_) | Destination::WhatsApp(_) | Destination::Call(_),
            ) => return None,
        }
        if !self.public_url.is_empty() {
            form.append_pair("StatusCallback", &callback(&self.public_url, message.challenge, message.send));
        }
        Some(form.finish())
    }
}

#[async_trait]
impl Delivery for Twilio {
    fn name(&self) -> &'static str {
        super::Provider::Twilio.name()
    }

    async fn deliver(&self, message: &Message) -> Result<Option<String>, Error> {
        let form = self
            .form(message)
            .ok_or_else(|| Error::Refused("it is a message for another channel".to_owned()))?;
        let response = traced(self.http.post(&self.url))
            .basic_auth(&self.account_sid, Some(self.auth_token.expose_secret()))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .map_err(|error| Error::passing(describe(&error)))?;
        let (status, wait) = (response.status(), retry_after(response.headers()));
        outcome::read(status, wait, &body_start(response).await).map(Some)
    }
    /// The account is asked for itself.
    async fn check(&self) -> Result<Hello, Error> {
        let request = self
            .http
            .get(&self.account_url)
            .basic_auth(&self.account_sid, Some(self.auth_token.expose_secret()));
        let response = request.send().await.map_err(|error| Error::passing(describe(&error)))?;
        let (status, hello) = (response.status(), Hello::of(response.headers()));
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) {
            return Err(Error::Refused(format!(
                "{status}: are account SID and auth token those of one account?"
            )));
        }
        if !status.is_success() {
            return Err(Error::passing(status.to_string()));
        }
        match serde_json::from_slice(&body_start(response).await) {
            Ok(Account { status: Some(Standing::Active) }) => Ok(hello),
            Ok(Account { status: Some(Standing::Suspended | Standing::Closed) }) => {
                Err(Error::Refused("the account is suspended or closed".to_owned()))
            }
            Ok(Account { status: None }) | Err(_) => Err(Error::passing("an answer that is not Twilio's")),
        }
    }
}

/// An account as it describes itself.
#[derive(serde::Deserialize)]
struct Account {
    status: Option<Standing>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Standing {
    Active,
    Suspended,
    Closed,
}
