//! Where a code is to go: which of the addresses that a payload brings is used, and by which channel.

use serde::{Deserialize, Serialize};

use super::Reading;
use super::redaction::{hint, looks_redacted};
use crate::address::{Channel, Destination, Email, Invalid, Phone, Reach};
use crate::botkit::Found;

/// What kind of address a user is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wanted {
    /// An e-mail address.
    #[default]
    Email,
    /// A phone number.
    Number,
    /// Either.
    Either,
}

impl Wanted {
    /// What to ask for where `asked` is the channel that the dialog has chosen, if it has.
    #[must_use]
    pub fn of(asked: Option<&Found<'_>>, reach: &Reach) -> Self {
        let asked = asked.and_then(|asked| match asked {
            Found::Text(word) => Channel::named(word),
            Found::Number(_) | Found::Other => None,
        });
        match (asked, reach.has(Channel::Email), reach.to_phones().is_some()) {
            (Some(channel), _, _) if channel.is_phone() => Self::Number,
            (Some(_), _, _) | (None, _, false) => Self::Email,
            (None, true, true) => Self::Either,
            (None, false, true) => Self::Number,
        }
    }
}

/// What a value can be meant as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Email,
    Number,
    /// It could be a slip in either, or what redaction leaves of either.
    Unclear,
}

impl Kind {
    fn of(found: &Found<'_>) -> Self {
        match found {
            Found::Text(text) if text.contains('@') => Self::Email,
            Found::Text(text) | Found::Number(text) if Phone::is_meant(text) => Self::Number,
            Found::Text(_) | Found::Number(_) | Found::Other => Self::Unclear,
        }
    }

    fn suits(self, channel: Channel) -> bool {
        match self {
            Self::Email => !channel.is_phone(),
            Self::Number => channel.is_phone(),
            Self::Unclear => true,
        }
    }
}

impl Reading<Destination> {
    /// Reads an address. The first value counts that suits the channel `asked` for or, if none is, any channel there
    /// is: somebody's phone number is no obstacle to a server that only sends mail.
    #[must_use]
    pub fn destination<'f>(
        found: impl IntoIterator<Item = Found<'f>>,
        asked: Option<&Found<'_>>,
        reach: &Reach,
    ) -> Self {
        let asked = match asked {
            None => None,
            Some(Found::Text(word)) if looks_redacted(word) => return Self::Redacted(hint("the channel")),
            Some(Found::Text(word)) => match Channel::named(word) {
                Some(channel) if reach.has(channel) => Some(channel),
                Some(channel) => {
                    let name = channel.name();
                    return Self::Unreachable(format!("{name} is asked for, and delivery.{name} is empty"));
                }
                None => return unknown_channel(),
            },
            Some(Found::Number(_) | Found::Other) => return unknown_channel(),
        };
        let mut passed_over = None;
        for found in found {
            let kind = Kind::of(&found);
            let email = || Some(Channel::Email).filter(|email| reach.has(*email));
            let channel = match (asked, kind) {
                (Some(channel), kind) => Some(channel).filter(|channel| kind.suits(*channel)),
                (None, Kind::Email) => email(),
                (None, Kind::Number) => reach.to_phones(),
                (None, Kind::Unclear) => {
                    let dials = matches!(&found, Found::Text(text) if Phone::is_dialled(text));
                    let phone = || reach.to_phones();
                    if dials { phone().or_else(email) } else { email().or_else(phone) }
                }
            };
            if let Some(channel) = channel {
                return read(&found, channel, reach);
            }
            passed_over = passed_over.or(Some(match (asked, kind) {
                (Some(Channel::Email), _) => {
                    "email is asked for, and the call brings no e-mail address".to_owned()
                }
                (Some(channel), _) => {
                    format!("{} is asked for, and the call brings no phone number", channel.name())
                }
                (None, Kind::Email | Kind::Unclear) => {
                    "the address is one for e-mail, and delivery.email is empty".to_owned()
                }
                (None, Kind::Number) => "the address is a phone number, and delivery.sms is empty".to_owned(),
            }));
        }
        Self::Missing(passed_over.unwrap_or_else(|| "no address in any of the configured fields".to_owned()))
    }
}

fn unknown_channel() -> Reading<Destination> {
    let known = Channel::ALL.map(Channel::name).join(", ");
    Reading::Unusable(format!("the channel that is asked for is none of {known}"))
}

fn read(found: &Found<'_>, channel: Channel, reach: &Reach) -> Reading<Destination> {
    let text = match found {
        Found::Text(text) if looks_redacted(text) => return Reading::Redacted(hint("the address")),
        Found::Text(text) => text,
        Found::Number(text) if channel.is_phone() => text,
        Found::Number(_) | Found::Other => {
            return Reading::Unusable("the address is not a string".to_owned());
        }
    };
    let read = match channel {
        Channel::Email => Email::parse(text).map(Destination::Email),
        Channel::Sms | Channel::WhatsApp | Channel::Call => Phone::parse(text, &reach.numbering, channel)
            .and_then(|phone| Destination::phone_by(channel, phone).ok_or(Invalid("it is no phone number"))),
    };
    match read {
        Ok(destination) => Reading::Read(destination),
        Err(invalid) => Reading::Unusable(format!("the address cannot be used: {invalid}")),
    }
}

/// A number that a user typed where an address is awaited, reached by the channel that is `asked` for.
#[must_use]
pub fn typed_number(text: &str, asked: Option<&Found<'_>>, reach: &Reach) -> Option<Reading<Destination>> {
    let found = Found::Text(text.into());
    (Kind::of(&found) == Kind::Number).then(|| {
        let asked = asked.filter(|asked| Wanted::of(Some(asked), reach) == Wanted::Number);
        Reading::destination([found], asked, reach)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Numbering;

    fn reach(channels: &[Channel]) -> Reach {
        Reach { channels: channels.to_vec(), numbering: Numbering::new("US", &[]).unwrap() }
    }

    fn pick(found: &[&str], asked: Option<&str>, channels: &[Channel]) -> String {
        let asked = asked.map(|word| Found::Text(word.into()));
        let found = found.iter().map(|text| Found::Text((*text).into()));
        match Reading::destination(found, asked.as_ref(), &reach(channels)) {
            Reading::Read(to) => format!("{} {}", to.channel().name(), to.reveal()),
            Reading::Redacted(_) => "redacted".to_owned(),
            Reading::Missing(why) => format!("missing: {why}"),
            Reading::Unusable(why) => format!("unusable: {why}"),
            Reading::Unreachable(why) => format!("unreachable: {why}"),
        }
    }

    const MAIL: &str = "mira@example.com";
    const PHONE: &str = "+1 415 555 2671";

    #[test]
    fn the_first_address_counts_that_something_leads_to() {
        use Channel::{Call, Email, Sms, WhatsApp};
        for (found, channels, picked) in [
            (&[MAIL, PHONE][..], &[Email, Sms][..], "email mira@example.com"),
            (&[PHONE, MAIL], &[Email, Sms], "sms +14155552671"),
            (&["(415) 555-2671"], &[Sms], "sms +14155552671"),
            (&[PHONE], &[WhatsApp, Call], "whatsapp +14155552671"),
            // Somebody's number is no obstacle to a server that only sends mail, nor the other way round.
            (&[PHONE, MAIL], &[Email], "email mira@example.com"),
            (&[MAIL, PHONE], &[Sms], "sms +14155552671"),
            (&[PHONE], &[Email], "missing: the address is a phone number, and delivery.sms is empty"),
            (&[MAIL], &[Sms], "missing: the address is one for e-mail, and delivery.email is empty"),
            // A slip is never mended by sending somewhere else.
            (
                &["mira.example.com", MAIL],
                &[Email, Sms],
                "unusable: the address cannot be used: it does not have the form name@example.com",
            ),
            (
                &["911", MAIL],
                &[Email, Sms],
                "unusable: the address cannot be used: it is too short; short codes and emergency numbers get no codes",
            ),
            (
                &["911", MAIL],
                &[Email],
                "unusable: the address cannot be used: it does not have the form name@example.com",
            ),
            (
                &["+1 900 234 5678", MAIL],
                &[Email, Sms],
                "unusable: the address cannot be used: it is a premium-rate number",
            ),
            (&["+1******71", MAIL], &[Email, Sms], "redacted"),
            (&[], &[Email], "missing: no address in any of the configured fields"),
        ] {
            assert_eq!(pick(found, None, channels), picked, "{found:?}");
        }
    }

    #[test]
    fn a_channel_that_is_asked_for_picks_the_address() {
        let all = Channel::ALL;
        for (found, asked, picked) in [
            (&[MAIL, PHONE][..], "sms", "sms +14155552671"),
            (&[MAIL, PHONE], "Text", "sms +14155552671"),
            (&[MAIL, PHONE], "whatsapp", "whatsapp +14155552671"),
            (&[MAIL, PHONE], "voice", "call +14155552671"),
            (&[PHONE, MAIL], "E-mail", "email mira@example.com"),
            (
                &["020 7946 0958", "+44 20 7946 0958"],
                "sms",
                "unusable: the address cannot be used: it is too long for its country",
            ),
            (&["+44 20 7946 0958"], "call", "call +442079460958"),
            (&[MAIL], "sms", "missing: sms is asked for, and the call brings no phone number"),
            (&[PHONE], "email", "missing: email is asked for, and the call brings no e-mail address"),
            (
                &[MAIL],
                "pigeon",
                "unusable: the channel that is asked for is none of email, sms, whatsapp, call",
            ),
        ] {
            assert_eq!(pick(found, Some(asked), &all), picked, "{found:?} by {asked}");
        }
        assert_eq!(
            pick(&[PHONE], Some("call"), &[Channel::Email, Channel::Sms]),
            "unreachable: call is asked for, and delivery.call is empty"
        );
    }

    #[test]
    fn numbers_may_be_numbers_in_json() {
        let found = || [Found::Number("14155552671".into())];
        let reading = Reading::destination(found(), None, &reach(&[Channel::Email, Channel::Sms]));
        assert_eq!(reading.read().map(Destination::reveal), Some("+14155552671"));
        let small = Reading::destination([Found::Number("7".into())], None, &reach(&[Channel::Email]));
        assert_eq!(small, Reading::Unusable("the address is not a string".to_owned()));
    }

    #[test]
    fn what_is_asked_of_the_user_follows_what_can_be_used() {
        use Channel::{Email, Sms};
        let word = Found::Text("sms".into());
        for (asked, channels, wanted) in [
            (None, &[Email][..], Wanted::Email),
            (None, &[Email, Sms], Wanted::Either),
            (None, &[Sms], Wanted::Number),
            (Some(&word), &[Email, Sms], Wanted::Number),
        ] {
            assert_eq!(Wanted::of(asked, &reach(channels)), wanted);
        }
    }
}
