//! The ways to a person.

use serde::{Deserialize, Serialize};

/// A way to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// E-mail.
    Email,
    /// A text message to a phone.
    Sms,
    /// A WhatsApp message to a phone.
    WhatsApp,
    /// A call to a phone, with a voice that says the code.
    Call,
}

impl Channel {
    /// All of them. Of those that lead to a phone, the first that can be used is the one that is meant if none is named.
    pub const ALL: [Self; 4] = [Self::Email, Self::Sms, Self::WhatsApp, Self::Call];

    /// Its name on the wire and in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
            Self::WhatsApp => "whatsapp",
            Self::Call => "call",
        }
    }

    /// The channel that a dialog means by a word such as `sms`, `Text` or `phone call`.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        let plain: String = word.chars().filter(|letter| letter.is_alphanumeric()).collect();
        match plain.to_lowercase().as_str() {
            "email" | "mail" => Some(Self::Email),
            "sms" | "text" | "textmessage" => Some(Self::Sms),
            "whatsapp" => Some(Self::WhatsApp),
            "call" | "voice" | "phonecall" | "voicecall" => Some(Self::Call),
            _ => None,
        }
    }

    /// Whether it leads to a phone.
    #[must_use]
    pub const fn is_phone(self) -> bool {
        match self {
            Self::Email => false,
            Self::Sms | Self::WhatsApp | Self::Call => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Channel;

    #[test]
    fn channels_are_known_by_the_words_dialogs_use() {
        for (word, channel) in [
            ("email", Some(Channel::Email)),
            ("E-Mail", Some(Channel::Email)),
            ("SMS", Some(Channel::Sms)),
            ("text", Some(Channel::Sms)),
            ("Text message", Some(Channel::Sms)),
            ("WhatsApp", Some(Channel::WhatsApp)),
            ("call", Some(Channel::Call)),
            ("voice", Some(Channel::Call)),
            ("Phone call", Some(Channel::Call)),
            ("pigeon", None),
            ("", None),
        ] {
            assert_eq!(Channel::named(word), channel, "{word}");
        }
        for channel in Channel::ALL {
            assert_eq!(Channel::named(channel.name()), Some(channel));
        }
    }
}
