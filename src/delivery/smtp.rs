//! Mail through a relay of one's own, by SMTP submission (RFC 6409).
//!
//! lettre writes the mails and speaks the protocol; its transport is not used, because it does not tell which command
//! was refused, and puts a connection that was given up half-way back into its pool.

mod letter;
mod refusal;
mod relay;
mod session;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use self::letter::Sender;
use self::relay::{Privacy, Relay};
use self::session::Session;
use super::{Delivery, Error, Hello, Message, Provider};
use crate::address::Mailbox;
use crate::telemetry::Stopwatch;

/// Connections that are kept open for the next mail.
const KEPT: usize = 8;

/// How long a connection is kept without use: less than what relays, and routers on the way, are patient for.
const KEPT_FOR: Duration = Duration::from_secs(30);

/// How long it may take until a relay's address is reached, at most.
const CONNECTING: Duration = Duration::from_secs(3);

/// How long a kept connection has to show that it still works.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// The relay's settings.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// `smtp://user:password@host:587` for STARTTLS, `smtps://` for TLS from the start. Plain text only with
    /// `smtp://...?tls=none`, and only to this machine. A secret as a whole.
    pub url: SecretString,
    /// The sender, such as `Acme <no-reply@acme.example>`.
    pub from: String,
    /// Where answers go; empty for the sender.
    pub reply_to: String,
    /// A file of certificates (PEM) that are trusted besides the machine's own; empty for none.
    pub ca_file: PathBuf,
}

/// Sends through a relay.
pub struct Smtp {
    relay: Relay,
    tls: Option<TlsParameters>,
    sender: Sender,
    timeout: Duration,
    idle: Mutex<Vec<(Session, Stopwatch)>>,
}

impl Smtp {
    /// Prepares the provider. One attempt takes `timeout` at most, connecting included.
    ///
    /// # Errors
    /// The setting that is of no use, and why.
    pub fn new(settings: &Settings, timeout: Duration) -> Result<Self, (&'static str, String)> {
        let relay = Relay::parse(settings.url.expose_secret()).map_err(|problem| ("url", problem))?;
        let from = Mailbox::parse(&settings.from).map_err(|invalid| {
            ("from", format!("is no sender ({invalid}); write it like \"Acme <no-reply@acme.example>\""))
        })?;
        let from =
            letter::mailbox(&from).ok_or(("from", "has an address that mail cannot come from".to_owned()))?;
        let reply_to = match settings.reply_to.trim() {
            "" => None,
            text => {
                let mailbox = Mailbox::parse(text)
                    .map_err(|invalid| ("reply_to", format!("is no address: {invalid}")))?;
                let unusable = || ("reply_to", "is an address that mail cannot go to".to_owned());
                Some(letter::mailbox(&mailbox).ok_or_else(unusable)?)
            }
        };
        let tls = match relay.privacy {
            Privacy::None => None,
            Privacy::Tls | Privacy::StartTls => Some(tls(&relay.host, &settings.ca_file)?),
        };
        Ok(Self { relay, tls, sender: Sender { from, reply_to }, timeout, idle: Mutex::default() })
    }

    /// A connection that was used a moment ago and still works, or a new one.
    async fn session(&self) -> Result<Session, Error> {
        while let Some(mut session) = self.take() {
            if tokio::time::timeout(SIGN_OF_LIFE, session.is_alive()).await == Ok(true) {
                return Ok(session);
            }
        }
        Session::open(&self.relay, self.tls.as_ref(), self.timeout.min(CONNECTING)).await
    }

    fn take(&self) -> Option<Session> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < KEPT_FOR);
        idle.pop().map(|(session, _)| session)
    }

    fn keep(&self, session: Session) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push((session, Stopwatch::start()));
        }
    }

    async fn attempt(&self, message: &Message) -> Result<String, Error> {
        let letter = self
            .sender
            .write(message)
            .ok_or_else(|| Error::Undeliverable("the address cannot be written in a mail".to_owned()))?;
        // What a relay may repeat of it, and a log must not.
        let mut private = vec![letter.to.user(), message.code.reveal()];
        private.extend(self.relay.private.iter().map(String::as_str));
        let mut session = self.session().await?;
        session.send(&letter, &private).await?;
        self.keep(session);
        Ok(letter.id)
    }
}

/// Whom we believe to be the relay: whoever shows a certificate for its name, signed by somebody this machine trusts or
/// by one of the file's.
fn tls(host: &str, ca_file: &Path) -> Result<TlsParameters, (&'static str, String)> {
    let mut parameters = TlsParameters::builder(host.to_owned());
    if !ca_file.as_os_str().is_empty() {
        let complain = |problem: String| ("ca_file", format!("is {}, which {problem}", ca_file.display()));
        let pem = std::fs::read(ca_file).map_err(|error| complain(format!("cannot be read: {error}")))?;
        let marker = b"-----BEGIN CERTIFICATE-----";
        if !pem.windows(marker.len()).any(|window| window == marker) {
            return Err(complain("holds no certificate in PEM".to_owned()));
        }
        let certificate = Certificate::from_pem(&pem)
            .map_err(|_| complain("holds a certificate that is broken".to_owned()))?;
        parameters = parameters.add_root_certificate(certificate);
    }
    parameters.build().map_err(|error| ("ca_file", format!("leaves no way to check certificates: {error}")))
}

#[async_trait]
impl Delivery for Smtp {
    fn name(&self) -> &'static str {
        Provider::Smtp.name()
    }

    async fn deliver(&self, message: &Message) -> Result<Option<String>, Error> {
        match tokio::time::timeout(self.timeout, self.attempt(message)).await {
            Ok(sent) => sent.map(Some),
            Err(_) => Err(Error::passing("timed out")),
        }
    }
    /// Says hello, who we are, and goodbye, over a connection of its own.
    async fn check(&self) -> Result<Hello, Error> {
        let limit = self.timeout.min(CONNECTING);
        let greeting = async {
            Session::open(&self.relay, self.tls.as_ref(), limit).await?.close().await;
            Ok(Hello::default())
        };
        let greeted = tokio::time::timeout(self.timeout, greeting).await;
        greeted.unwrap_or_else(|_| Err(Error::passing("timed out")))
    }
}
