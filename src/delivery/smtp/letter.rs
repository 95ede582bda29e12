//! A message as it goes over the wire: the envelope (RFC 5321) and the mail in it (RFC 5322).

use std::time::{Duration, SystemTime};

use lettre::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{self, MultiPart};
use url::Host;

use crate::address::{Destination, Email, Mailbox};
use crate::clock::Timestamp;
use crate::delivery::Message;

/// Headers that tell other programs what this is: nobody is to answer it on their own (RFC 3834 5, and Exchange's way
/// of saying so).
const AUTOMATIC: [(HeaderName, &str); 2] = [
    (HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated"),
    (HeaderName::new_from_ascii_str("X-Auto-Response-Suppress"), "All"),
];

/// Says whose code it is, as SendGrid's `challenge_id` does.
const CHALLENGE: HeaderName = HeaderName::new_from_ascii_str("X-Challenge-Id");

/// The last moment that a `Date` is written for: the end of the year 9999.
const END_OF_DATES: i64 = 253_402_300_799_000;

/// A mail in its envelope.
pub(super) struct Letter {
    pub(super) from: Address,
    pub(super) to: Address,
    /// What stands in `Message-ID`, without the brackets. Every attempt at one message has the same, so that whoever
    /// gets it twice can tell.
    pub(super) id: String,
    pub(super) bytes: Vec<u8>,
}

/// Who mails come from and where answers go, ready for headers.
pub(super) struct Sender {
    pub(super) from: message::Mailbox,
    pub(super) reply_to: Option<message::Mailbox>,
}

impl Sender {
    /// Puts a message into its envelope. `None`: its address cannot be written in one.
    pub(super) fn write(&self, message: &Message) -> Option<Letter> {
        let Destination::Email(to) = &message.to else { return None };
        let to = address(to)?;
        // A resend is another mail of the same challenge.
        let id = format!("{}.{}@{}", message.challenge, message.at.millis(), self.from.email.domain());
        let mut mail = lettre::Message::builder()
            .from(self.from.clone())
            .to(to.clone().into())
            .subject(&message.subject)
            .date(date(message.at))
            .message_id(Some(format!("<{id}>")))
            .raw_header(HeaderValue::new(CHALLENGE, message.challenge.to_string()));
        if let Some(reply_to) = &self.reply_to {
            mail = mail.reply_to(reply_to.clone());
        }
        for (name, value) in AUTOMATIC {
            mail = mail.raw_header(HeaderValue::new(name, value.to_owned()));
        }
        let parts = MultiPart::alternative_plain_html(message.text.clone(), message.html.clone());
        let bytes = mail.multipart(parts).ok()?.formatted();
        Some(Letter { from: self.from.email.clone(), to, id, bytes })
    }
}

/// A sender as a header has it. `None`: its address cannot be written in one.
pub(super) fn mailbox(mailbox: &Mailbox) -> Option<message::Mailbox> {
    Some(message::Mailbox::new(mailbox.name.clone(), address(&mailbox.email)?))
}

/// An address as the wire wants it. Its domain is written in ASCII, which every relay understands.
fn address(email: &Email) -> Option<Address> {
    let (local, domain) = email.reveal().rsplit_once('@')?;
    let Ok(Host::Domain(domain)) = Host::parse(domain) else { return None };
    Address::new(local, domain).ok()
}

fn date(at: Timestamp) -> SystemTime {
    // Dev mode's clock can be moved beyond all dates.
    let millis = u64::try_from(at.millis().clamp(0, END_OF_DATES)).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
}
