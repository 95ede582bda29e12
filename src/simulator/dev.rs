//! The dev doors of the server that is tried, if it has any.

use std::time::Duration;

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::target::client;
use crate::delivery::describe;

/// How long a dev door may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The doors `/dev/outbox`, `/dev/clock` and `/dev/faults`.
#[derive(Clone, Debug)]
pub struct Doors {
    http: reqwest::Client,
    base: String,
}

/// A message in the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[expect(missing_docs, reason = "as the README lists them")]
pub struct Mail {
    pub id: String,
    pub to: String,
    pub channel: String,
    pub provider: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub code: String,
    #[serde(rename = "sentAt")]
    pub sent_at: String,
}

impl Doors {
    /// The doors of the server at `base`.
    ///
    /// # Errors
    /// `base` is no URL.
    pub fn of(base: &str) -> Result<Self, String> {
        let url = Url::parse(base).map_err(|_| format!("{base:?} is no URL"))?;
        Ok(Self { http: client(&url)?, base: url.origin().ascii_serialization() })
    }

    /// The messages that were sent, newest first.
    ///
    /// # Errors
    /// The server has no such door, or did not answer.
    pub async fn outbox(&self) -> Result<Vec<Mail>, String> {
        let mails = self.call(Method::GET, "outbox", None).await?;
        serde_json::from_value(mails).map_err(|error| format!("the outbox cannot be read: {error}"))
    }

    /// Moves the server's clock and tells what time it is there now.
    ///
    /// # Errors
    /// As [`Self::outbox`].
    pub async fn advance(&self, seconds: i64) -> Result<String, String> {
        let answer = self.call(Method::POST, "clock", Some(&json!({ "advanceSeconds": seconds }))).await?;
        Ok(answer["now"].as_str().unwrap_or_default().to_owned())
    }

    /// Makes the next `times` attempts of a provider fail.
    ///
    /// # Errors
    /// As [`Self::outbox`], or the server knows no such provider or mode.
    pub async fn fail(&self, provider: &str, mode: &str, times: u32) -> Result<(), String> {
        let order = json!({ "provider": provider, "mode": mode, "times": times });
        self.call(Method::POST, "faults", Some(&order)).await.map(|_| ())
    }

    async fn call(&self, method: Method, door: &str, body: Option<&Value>) -> Result<Value, String> {
        let mut request = self.http.request(method, format!("{}/dev/{door}", self.base)).timeout(PATIENCE);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| format!("/dev/{door}: {}", describe(&error)))?;
        let status = response.status();
        let answer: Value = response.json().await.unwrap_or_default();
        if status.is_success() {
            return Ok(answer);
        }
        Err(match answer["errors"][0]["msg"].as_str() {
            Some(problem) if status == 400 => problem.to_owned(),
            _ => format!(
                "the server has no /dev/{door} for us (it answered {}): it is not in dev mode",
                status.as_u16()
            ),
        })
    }
}
