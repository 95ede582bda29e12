//! One connection to a relay: opened in private, used for one mail after the other.

use std::time::Duration;

use lettre::transport::smtp::authentication::DEFAULT_MECHANISMS;
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;

use super::letter::Letter;
use super::refusal::{Step, refusal};
use super::relay::{Privacy, Relay};
use crate::delivery::Error;

/// A connection that mail can be sent over.
pub(super) struct Session(AsyncSmtpConnection);

impl Session {
    /// Connects, goes private, and says who we are; nothing of that is skipped if the relay does not offer it.
    pub(super) async fn open(
        relay: &Relay,
        tls: Option<&TlsParameters>,
        limit: Duration,
    ) -> Result<Self, Error> {
        let name = ClientId::default();
        let private: Vec<&str> = relay.private.iter().map(String::as_str).collect();
        let at_once = tls.filter(|_| relay.privacy == Privacy::Tls).cloned();
        let server = (relay.host.as_str(), relay.port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(server, Some(limit), &name, at_once, None)
            .await
            .map_err(|failure| refusal(Step::Connect, &failure, &private))?;
        if let (Privacy::StartTls, Some(tls)) = (relay.privacy, tls) {
            connection
                .starttls(tls.clone(), &name)
                .await
                .map_err(|failure| refusal(Step::StartTls, &failure, &private))?;
        }
        if relay.privacy != Privacy::None && !connection.is_encrypted() {
            return Err(Error::Refused("the connection is not encrypted".to_owned()));
        }
        if let Some(credentials) = &relay.credentials {
            let answer = connection
                .auth(DEFAULT_MECHANISMS, credentials)
                .await
                .map_err(|failure| refusal(Step::Authenticate, &failure, &private))?;
            expect(Step::Authenticate, &answer, &[235])?;
        }
        Ok(Self(connection))
    }

    /// Whether the relay still listens.
    pub(super) async fn is_alive(&mut self) -> bool {
        self.0.test_connected().await
    }

    /// Says goodbye. Whether the relay says so too is of no matter.
    pub(super) async fn close(mut self) {
        let _ = self.0.quit().await;
    }

    /// Hands over one mail. After an error the connection is of no more use: nobody knows what the relay waits for.
    pub(super) async fn send(&mut self, letter: &Letter, private: &[&str]) -> Result<(), Error> {
        let connection = &mut self.0;
        let mut parameters = Vec::new();
        if !letter.to.user().is_ascii() || !letter.from.user().is_ascii() {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                // RFC 6531 3.2: such an address goes to relays that know of them, and nowhere else.
                return Err(Error::Undeliverable("the relay takes addresses in ASCII only".to_owned()));
            }
            parameters.push(MailParameter::SmtpUtfEight);
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let failed = |step| move |failure| refusal(step, &failure, private);
        let mail = Mail::new(Some(letter.from.clone()), parameters);
        let answer = connection.command(mail).await.map_err(failed(Step::Sender))?;
        expect(Step::Sender, &answer, &[250])?;
        let recipient = Rcpt::new(letter.to.clone(), Vec::new());
        let answer = connection.command(recipient).await.map_err(failed(Step::Recipient))?;
        expect(Step::Recipient, &answer, &[250, 251, 252])?;
        let answer = connection.command(Data).await.map_err(failed(Step::Data))?;
        expect(Step::Data, &answer, &[354])?;
        let answer = connection.message(&letter.bytes).await.map_err(failed(Step::Content))?;
        expect(Step::Content, &answer, &[250])
    }
}

/// Takes only the answers that a step has (RFC 5321 4.3.2): a relay that is out of step, or whose answers somebody has
/// slipped in, must not pass for one that took the mail.
fn expect(step: Step, answer: &Response, good: &[u16]) -> Result<(), Error> {
    let code: u16 = answer.code().into();
    if good.contains(&code) {
        return Ok(());
    }
    Err(Error::passing(format!("{step}: {code}, which is no answer to that")))
}
