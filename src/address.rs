//! Where codes go: e-mail addresses and phone numbers, parsed at the door, shown only masked.

mod channel;
mod digits;
mod phone;
mod reach;

pub use channel::Channel;
pub(crate) use digits::ascii_digit;
pub use phone::{Numbering, Phone};
pub use reach::Reach;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use email_address::{EmailAddress, Options};
use icu_normalizer::ComposingNormalizerBorrowed;
use serde::{Deserialize, Serialize};

/// Longest address that mail can be sent to (RFC 5321 4.5.3.1.3: a path of 256 with its brackets).
const LONGEST: usize = 254;

/// An e-mail address that is safe to put in a message header: one address, no control characters.
/// The domain is in lower case; the local part is as typed, since its owner decides what case means.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(Arc<str>);

impl Email {
    /// Reads one plain address such as `mira@example.com`. White space around it is dropped.
    ///
    /// Refused: several addresses, display names, domain literals, domains without a dot, control characters.
    ///
    /// # Errors
    /// [`Invalid`] says in short what is wrong, without repeating the text.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Invalid("it is empty"));
        }
        if text.len() > LONGEST {
            return Err(Invalid("it is longer than 254 bytes"));
        }
        if text.chars().any(char::is_control) {
            return Err(Invalid("it holds a line break or another control character"));
        }
        if text.contains([',', ';', ' ', '"']) || text.matches('@').count() > 1 {
            return Err(Invalid("it must be exactly one plain address"));
        }
        let options = Options::default().with_required_tld().without_domain_literal().without_display_text();
        let parsed = EmailAddress::parse_with_options(text, options)
            .map_err(|_| Invalid("it does not have the form name@example.com"))?;
        let domain = parsed.domain().to_lowercase();
        Ok(Self(format!("{}@{domain}", parsed.local_part()).into()))
    }

    /// The whole address, for the provider only. Show people and logs [`Email::masked`].
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The address as whoever counts sees it, the same for all its spellings: in lower case, without what a plus sign
    /// adds to the name, in one of Unicode's forms, with the domain as in DNS. Nothing is ever sent there.
    #[must_use]
    pub fn canonical(&self) -> String {
        let (local, domain) = self.0.rsplit_once('@').unwrap_or(("", &self.0));
        let local = ComposingNormalizerBorrowed::new_nfkc().normalize(local).to_lowercase();
        let name =
            local.split_once('+').map_or(&*local, |(name, _)| if name.is_empty() { &local } else { name });
        let domain = url::Host::parse(domain).map_or_else(|_| domain.to_lowercase(), |host| host.to_string());
        format!("{name}@{domain}")
    }

    /// `m...a@example.com`. Dots, because `*`, `_` and `~` are markdown on the web channel.
    #[must_use]
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.rsplit_once('@').unwrap_or(("", &self.0));
        // An end that is `_` or `*` is left out, or it would start a bold word there.
        let plain = |letter: &char| letter.is_alphanumeric();
        let first = local.chars().next().filter(plain);
        // The last character of a short name would give half of it away.
        let long = local.chars().nth(3).is_some();
        let last = local.chars().next_back().filter(|_| long).filter(plain);
        let mut masked = String::with_capacity(domain.len() + 16);
        masked.extend(first);
        masked.push_str("...");
        masked.extend(last);
        masked.push('@');
        masked + domain
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Email({})", self.masked())
    }
}

/// A sender: an address, and the name that mail programs show for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The name, if there is one.
    pub name: Option<String>,
    /// The address.
    pub email: Email,
}

impl Mailbox {
    /// Reads `Acme <no-reply@acme.example>` or a plain address.
    ///
    /// # Errors
    /// [`Invalid`], as for [`Email::parse`].
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        let Some((name, rest)) = text.split_once('<') else {
            return Ok(Self { name: None, email: Email::parse(text)? });
        };
        let email = Email::parse(rest.strip_suffix('>').ok_or(Invalid("a closing > is missing"))?)?;
        let name = name.trim().trim_matches('"').trim();
        if name.chars().any(char::is_control) {
            return Err(Invalid("the name holds a line break or another control character"));
        }
        Ok(Self { name: (!name.is_empty()).then(|| name.to_owned()), email })
    }
}

/// Why a text is no address; worded to follow "the address cannot be used: ".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub &'static str);

/// Where a code goes, and by which channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "channel", content = "to", rename_all = "lowercase")]
pub enum Destination {
    /// By e-mail.
    Email(Email),
    /// To a phone, by text message.
    Sms(Phone),
    /// To a phone, by WhatsApp.
    WhatsApp(Phone),
    /// To a phone, by a call that says it.
    Call(Phone),
}

impl Destination {
    /// A phone, reached by a channel that leads to phones.
    #[must_use]
    pub fn phone_by(channel: Channel, phone: Phone) -> Option<Self> {
        match channel {
            Channel::Email => None,
            Channel::Sms => Some(Self::Sms(phone)),
            Channel::WhatsApp => Some(Self::WhatsApp(phone)),
            Channel::Call => Some(Self::Call(phone)),
        }
    }

    /// The channel that leads there.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        match self {
            Self::Email(_) => Channel::Email,
            Self::Sms(_) => Channel::Sms,
            Self::WhatsApp(_) => Channel::WhatsApp,
            Self::Call(_) => Channel::Call,
        }
    }

    /// The number, if it is a phone.
    #[must_use]
    pub const fn phone(&self) -> Option<&Phone> {
        match self {
            Self::Email(_) => None,
            Self::Sms(phone) | Self::WhatsApp(phone) | Self::Call(phone) => Some(phone),
        }
    }

    /// The address as people and logs may see it.
    #[must_use]
    pub fn masked(&self) -> String {
        match self {
            Self::Email(email) => email.masked(),
            Self::Sms(phone) | Self::WhatsApp(phone) | Self::Call(phone) => phone.masked(),
        }
    }

    /// Whether two addresses are one: neither case nor another channel makes another.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self.phone(), other.phone()) {
            (Some(one), Some(other)) => one == other,
            (None, None) => self.reveal().eq_ignore_ascii_case(other.reveal()),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// The address as whoever counts sees it: one for all its spellings, and for all channels to a phone.
    #[must_use]
    pub fn canonical(&self) -> Cow<'_, str> {
        match self {
            Self::Email(email) => email.canonical().into(),
            Self::Sms(phone) | Self::WhatsApp(phone) | Self::Call(phone) => phone.reveal().into(),
        }
    }

    /// The whole address, for the provider and for binding a code to it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        match self {
            Self::Email(email) => email.reveal(),
            Self::Sms(phone) | Self::WhatsApp(phone) | Self::Call(phone) => phone.reveal(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_plain_address_is_read() {
        for (text, normal) in [
            ("mira@example.com", "mira@example.com"),
            ("  Mira.O+otp@Example.COM\n", "Mira.O+otp@example.com"),
            ("o'neil@sub.example.co.uk", "o'neil@sub.example.co.uk"),
            ("用户@例子.公司", "用户@例子.公司"),
        ] {
            assert_eq!(
                Email::parse(text).map(|email| email.reveal().to_owned()),
                Ok(normal.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_could_reach_somebody_else_is_refused() {
        for text in [
            "",
            "   ",
            "mira",
            "mira@",
            "@example.com",
            "mira@localhost",
            "mira@[127.0.0.1]",
            "a@example.com,b@example.com",
            "a@example.com;b@example.com",
            "a@example.com b@example.com",
            "a@b@example.com",
            "Mira <mira@example.com>",
            "\"mira\"@example.com",
            "mira@example.com\r\nBcc: eve@example.net",
            "mira\u{0}@example.com",
            "mira@exa\u{85}mple.com",
        ] {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
        assert!(Email::parse(&format!("{}@example.com", "a".repeat(300))).is_err());
    }

    #[test]
    fn senders_may_have_a_name() {
        let email = Email::parse("no-reply@acme.example").unwrap();
        for (text, name) in [
            ("no-reply@acme.example", None),
            ("<no-reply@acme.example>", None),
            ("Acme <no-reply@acme.example>", Some("Acme".to_owned())),
            ("\"Acme, Inc.\" <no-reply@acme.example>", Some("Acme, Inc.".to_owned())),
        ] {
            assert_eq!(Mailbox::parse(text), Ok(Mailbox { name, email: email.clone() }), "{text}");
        }
        for text in ["Acme", "Acme <no-reply@acme.example", "A\nB <no-reply@acme.example>", ""] {
            assert!(Mailbox::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn masks_keep_the_ends_of_long_names_only() {
        for (text, masked) in [
            ("mira@example.com", "m...a@example.com"),
            ("mi@example.com", "m...@example.com"),
            ("bob@example.com", "b...@example.com"),
            ("élodie@example.fr", "é...e@example.fr"),
            ("_mira_@example.com", "...@example.com"),
        ] {
            assert_eq!(Email::parse(text).unwrap().masked(), masked);
        }
        assert!(!format!("{:?}", Email::parse("mira@example.com").unwrap()).contains("mira"));
    }

    #[test]
    fn all_spellings_of_an_address_count_as_one() {
        let canonical = |text: &str| Email::parse(text).unwrap().canonical();
        for text in
            ["Mira@Example.com", "mira+otp@example.com", "MIRA+1+2@EXAMPLE.COM", "ｍｉｒａ@example.com"]
        {
            assert_eq!(canonical(text), "mira@example.com", "{text}");
        }
        assert_eq!(canonical("\u{e9}lodie@b\u{fc}cher.de"), canonical("\u{c9}lodie@xn--bcher-kva.de"));
        assert_eq!(canonical("+mira@example.com"), "+mira@example.com");
        assert_ne!(canonical("mira@example.com"), canonical("mira@example.net"));
    }

    #[test]
    fn destinations_are_kept_under_their_channel() {
        let phone = Phone::parse("+14155552671", &Numbering::default(), Channel::Sms).unwrap();
        for (destination, json) in [
            (
                Destination::Email(Email::parse("mira@example.com").unwrap()),
                r#"{"channel":"email","to":"mira@example.com"}"#,
            ),
            (Destination::Sms(phone.clone()), r#"{"channel":"sms","to":"+14155552671"}"#),
            (Destination::WhatsApp(phone.clone()), r#"{"channel":"whatsapp","to":"+14155552671"}"#),
            (Destination::Call(phone.clone()), r#"{"channel":"call","to":"+14155552671"}"#),
        ] {
            assert_eq!(serde_json::to_string(&destination).unwrap(), json);
            assert_eq!(serde_json::from_str::<Destination>(json).unwrap(), destination);
            assert!(json.contains(destination.channel().name()) && json.contains(destination.reveal()));
        }
        assert!(Destination::Sms(phone.clone()).is_same(&Destination::Call(phone.clone())));
        let email = Destination::Email(Email::parse("mira@example.com").unwrap());
        assert!(!email.is_same(&Destination::Sms(phone)));
    }
}
