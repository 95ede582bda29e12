//! Twilio's status callbacks: one form for each message or call and status, signed with HMAC-SHA1
//! (<https://www.twilio.com/docs/usage/security#validating-requests>,
//! <https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks>).

use std::sync::Arc;

use aws_lc_rs::hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

use super::{Event, Forged, TWILIO_PATH};
use crate::clock::Timestamp;
use crate::delivery::{Provider, twilio};
use crate::otp::{ChallengeId, Fate, News};

/// The URL that Twilio is to call with what becomes of a message; it brings the challenge and the send back.
#[must_use]
pub fn callback(public_url: &str, challenge: ChallengeId, send: u8) -> String {
    let public_url = public_url.trim_end_matches('/');
    format!("{public_url}{TWILIO_PATH}?challenge={challenge}&send={send}")
}

/// Reads what Twilio reports.
#[derive(Debug)]
pub struct TwilioEvents {
    key: hmac::Key,
    /// The public URL as it was configured, and with its port left out or spelled out: Twilio does either.
    urls: Vec<String>,
    provider: Arc<str>,
}

impl TwilioEvents {
    /// The header with the signature.
    pub const SIGNATURE: &str = "x-twilio-signature";

    /// Takes the auth token, which signs, and the URL by which the world reaches this server: it is signed, too.
    #[must_use]
    pub fn new(auth_token: &str, public_url: &str) -> Self {
        let public_url = public_url.trim_end_matches('/');
        Self {
            key: hmac::Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth_token.as_bytes()),
            urls: [Some(public_url.to_owned()), with_port_toggled(public_url)]
                .into_iter()
                .flatten()
                .collect(),
            provider: Provider::Twilio.name().into(),
        }
    }

    /// Checks the signature, which is over the URL as Twilio called it and the form's fields, sorted.
    ///
    /// # Errors
    /// [`Forged`].
    pub fn verify(&self, signature: &str, query: &str, body: &[u8]) -> Result<(), Forged> {
        let signature = STANDARD.decode(signature).map_err(|_| Forged)?;
        let signed = |url: &String| self.signed(&[url, TWILIO_PATH, "?", query].concat(), body, &signature);
        self.urls.iter().any(signed).then_some(()).ok_or(Forged)
    }

    fn signed(&self, url: &str, body: &[u8], signature: &[u8]) -> bool {
        let mut fields: Vec<_> = form_urlencoded::parse(body).collect();
        fields.sort();
        fields.dedup();
        let fields = fields.iter().flat_map(|(name, value)| [&**name, &**value]);
        let text: String = [url].into_iter().chain(fields).collect();
        hmac::verify(&self.key, text.as_bytes(), signature).is_ok()
    }

    /// Reads a callback. It does not say when the thing happened: that is `now`.
    #[must_use]
    pub fn read(&self, query: &str, body: &[u8], now: Timestamp) -> Event {
        let of = |text: &[u8], name: &str| {
            let mut fields = form_urlencoded::parse(text);
            fields.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let code = of(body, "ErrorCode").and_then(|code| code.parse().ok());
        let fate = match (of(body, "MessageStatus"), of(body, "CallStatus")) {
            (Some(status), _) => message(&status, code),
            (None, Some(status)) => call(&status),
            (None, None) => None,
        };
        let news = fate.map(|fate| News { provider: Arc::clone(&self.provider), fate, at: now });
        let (challenge, send) = (of(query.as_bytes(), "challenge"), of(query.as_bytes(), "send"));
        Event::about(challenge.as_deref(), send.as_deref(), news)
    }
}

/// What a message's status tells; what has not come to an end tells nothing.
fn message(status: &str, code: Option<u32>) -> Option<Fate> {
    match status {
        "delivered" | "read" => Some(Fate::Delivered),
        "undelivered" | "failed" if code.is_some_and(twilio::blames_the_number) => Some(Fate::Bounced),
        "undelivered" | "failed" | "canceled" => Some(Fate::Blocked),
        _ => None,
    }
}

/// What a call's status tells (<https://www.twilio.com/docs/voice/api/call-resource#call-status-values>): one that failed
/// went to a number that most likely does not exist.
fn call(status: &str) -> Option<Fate> {
    match status {
        "completed" => Some(Fate::Delivered),
        "failed" => Some(Fate::Bounced),
        "busy" | "no-answer" | "canceled" => Some(Fate::Blocked),
        _ => None,
    }
}

/// The same URL with its port left out, or with the one that its scheme implies.
fn with_port_toggled(public_url: &str) -> Option<String> {
    let (scheme, rest) = public_url.split_once("://")?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    // In an IPv6 address colons stand between brackets.
    let port = host.rfind(':').filter(|colon| host.rfind(']').is_none_or(|bracket| bracket < *colon));
    Some(match port {
        Some(colon) => format!("{scheme}://{}{path}", &host[..colon]),
        None => format!("{scheme}://{host}:{}{path}", if scheme == "http" { 80 } else { 443 }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of Twilio's own libraries (`RequestValidator`), whose auth token is 12345.
    #[test]
    fn twilios_own_examples_are_good() {
        let events = TwilioEvents::new("12345", "https://mycompany.com");
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        let signed = |body: &str, signature: &str| {
            events.signed(url, body.as_bytes(), &STANDARD.decode(signature).unwrap())
        };
        let body = "To=%2B18005551212&Digits=1234&From=%2B14158675309&Caller=%2B14158675309&CallSid=CA1234567890ABCDE";
        assert!(signed(body, "RSOYDt4T1cUTdK1PDd93/VVr8B8="));
        assert!(!signed(&body.replace("=1234&", "=1235&"), "RSOYDt4T1cUTdK1PDd93/VVr8B8="));
        let repeated = "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234";
        assert!(signed(repeated, "IK+Dwps556ElfBT0I3Rgjkr1wJU="));
        assert_eq!(events.verify("", "a=1", body.as_bytes()), Err(Forged));
    }

    #[test]
    fn a_port_is_left_out_or_spelled_out() {
        for (url, toggled) in [
            ("https://a.example", "https://a.example:443"),
            ("https://a.example:8443/x", "https://a.example/x"),
            ("http://[::1]/x", "http://[::1]:80/x"),
        ] {
            assert_eq!(with_port_toggled(url).as_deref(), Some(toggled));
        }
    }

    #[test]
    fn only_what_has_come_to_an_end_is_news() {
        for (status, code, fate) in [
            ("queued", None, None),
            ("sent", None, None),
            ("delivered", None, Some(Fate::Delivered)),
            ("read", None, Some(Fate::Delivered)),
            ("undelivered", Some(30005), Some(Fate::Bounced)),
            ("failed", Some(21211), Some(Fate::Bounced)),
            ("undelivered", Some(30007), Some(Fate::Blocked)),
            ("failed", None, Some(Fate::Blocked)),
        ] {
            assert_eq!(message(status, code), fate, "{status} {code:?}");
        }
        assert_eq!(
            ["completed", "failed", "busy", "ringing"].map(call),
            [Some(Fate::Delivered), Some(Fate::Bounced), Some(Fate::Blocked), None]
        );
    }
}
