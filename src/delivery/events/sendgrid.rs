//! SendGrid's Event Webhook: batches of events in JSON, signed with ECDSA
//! (<https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event>,
//! <https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features>).

use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Event, Forged};
use crate::clock::Timestamp;
use crate::delivery::Provider;
use crate::otp::{Fate, News};

/// How far the signed time may be from ours, in seconds. A batch is signed anew each time it is sent.
const FRESH: u64 = 600;

/// Reads what SendGrid reports.
#[derive(Clone, Debug)]
pub struct SendGridEvents {
    key: ParsedPublicKey,
    provider: Arc<str>,
}

impl SendGridEvents {
    /// The header with the signature.
    pub const SIGNATURE: &str = "x-twilio-email-event-webhook-signature";

    /// The header with the time of the signature.
    pub const TIMESTAMP: &str = "x-twilio-email-event-webhook-timestamp";

    /// Reads the verification key, as SendGrid shows it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(key: &str) -> Result<Self, String> {
        let text: String = key.split_whitespace().collect();
        let key = STANDARD.decode(text).ok();
        let key = key.and_then(|der| ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, der).ok()).ok_or(
            "is no verification key: copy it from SendGrid's Mail Settings › Event Webhook, it is base64",
        )?;
        Ok(Self { key, provider: Provider::SendGrid.name().into() })
    }

    /// Checks what can be checked before the body is read: there is a signature, and it is not an old one.
    ///
    /// # Errors
    /// [`Forged`].
    pub fn admit(
        &self,
        signature: Option<&str>,
        timestamp: Option<&str>,
        now: Timestamp,
    ) -> Result<(), Forged> {
        let signed_at: i64 = timestamp.and_then(|text| text.parse().ok()).ok_or(Forged)?;
        let fresh = signed_at.abs_diff(now.seconds()) <= FRESH;
        (fresh && signature.is_some()).then_some(()).ok_or(Forged)
    }

    /// Checks the signature, which is over the timestamp's text and the body as it came.
    ///
    /// # Errors
    /// [`Forged`].
    pub fn verify(&self, signature: &str, timestamp: &str, body: &[u8]) -> Result<(), Forged> {
        let signature = STANDARD.decode(signature).map_err(|_| Forged)?;
        self.key.verify_sig(&[timestamp.as_bytes(), body].concat(), &signature).map_err(|_| Forged)
    }

    /// Reads a batch. What cannot be read in it is ignored: SendGrid adds kinds of events, and sends a batch again and
    /// again that is refused.
    ///
    /// # Errors
    /// It is no JSON array.
    pub fn read(&self, body: &[u8]) -> serde_json::Result<Vec<Event>> {
        let batch: Vec<&RawValue> = serde_json::from_slice(body)?;
        Ok(batch.into_iter().map(|one| self.event(one)).collect())
    }

    fn event(&self, one: &RawValue) -> Event {
        let Ok(one) = serde_json::from_str::<Told>(one.get()) else { return Event::Ignored };
        let fate = match (&*one.event, one.kind.as_deref()) {
            ("delivered", _) => Fate::Delivered,
            ("deferred", _) => Fate::Deferred,
            ("bounce", Some("blocked")) => Fate::Blocked,
            ("bounce", _) => Fate::Bounced,
            ("dropped", _) => Fate::Dropped,
            ("spamreport", _) => Fate::Spam,
            _ => return Event::Ignored,
        };
        let at = Timestamp::from_millis(one.timestamp.saturating_mul(1000));
        let news = News { provider: Arc::clone(&self.provider), fate, at };
        Event::about(one.challenge_id.as_deref(), one.send.as_deref(), Some(news))
    }
}

/// An event, with our `custom_args` beside its own fields.
#[derive(Deserialize)]
struct Told {
    event: String,
    timestamp: i64,
    #[serde(rename = "type")]
    kind: Option<String>,
    challenge_id: Option<String>,
    send: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of SendGrid's own libraries (`EventWebhook`); its body ends with a line break, which is signed too.
    #[test]
    fn sendgrids_own_example_is_good() {
        let events = SendGridEvents::new(
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpig\
             lSI8eNEc6wEA3F+g==",
        )
        .unwrap();
        let signature = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=";
        let body = concat!(
            r#"[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address","#,
            r#""sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA","#,
            r#""sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0","#,
            r#""smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]"#,
            "\r\n"
        );
        assert_eq!(events.verify(signature, "1600112502", body.as_bytes()), Ok(()));
        assert_eq!(events.verify(signature, "1600112503", body.as_bytes()), Err(Forged));
        assert_eq!(events.verify(signature, "1600112502", body.trim_end().as_bytes()), Err(Forged));
        assert_eq!(events.read(body.as_bytes()).unwrap(), [Event::Unknown]);
    }

    #[test]
    fn a_key_is_one_or_the_server_does_not_start() {
        for key in ["x", "AAAA", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O"] {
            assert!(SendGridEvents::new(key).unwrap_err().contains("Event Webhook"), "{key}");
        }
    }
}
