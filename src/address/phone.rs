//! Phone numbers: read from what people and CRMs write, checked against the numbering plans of the world, shown only
//! masked. The plans are Google's libphonenumber metadata.

mod plan;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::plan::Line;
use super::digits::ascii_digit;
use super::{Channel, Invalid};

/// Most digits that a number has, its country code included (ITU-T E.164, 6.2.1).
const LONGEST: usize = 15;

/// Fewest digits of a number with its country code; anything shorter is a service or emergency number.
const SHORTEST: usize = 7;

/// Digits at a number's end that tell apart the phones of one block, as carriers are assigned them.
const BLOCK: usize = 4;

/// A phone number that a code may go to, in E.164 form such as `+14155552671`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phone(Arc<str>);

/// How numbers are read, and which are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbering {
    home: Option<phonenumber::country::Id>,
    countries: Vec<String>,
}

impl Numbering {
    /// Takes numbers of `countries`, of all if there are none; one written without its country code is one of `home`,
    /// or of no use if that is empty. Countries are named by their two letters (ISO 3166-1).
    ///
    /// # Errors
    /// The setting that is no country, and what is wrong with it.
    pub fn new(home: &str, countries: &[String]) -> Result<Self, (&'static str, String)> {
        let known = |key, name: &str| {
            name.trim().to_uppercase().parse::<phonenumber::country::Id>().map_err(|_| {
                (key, format!("has {name:?}, which is no country; write its two letters, such as \"US\""))
            })
        };
        let home = if home.trim().is_empty() { None } else { Some(known("default_country", home)?) };
        let countries = countries
            .iter()
            .map(|name| known("countries", name).map(|id| id.as_ref().to_owned()))
            .collect::<Result<_, _>>()?;
        Ok(Self { home, countries })
    }
}

impl Phone {
    /// Reads a number that is to be reached by `channel`. Digits may be those of any script; spaces, dashes, dots,
    /// slashes and brackets do not matter.
    ///
    /// Refused: what no numbering plan has, and what is no person's own phone: premium-rate, shared-cost, toll-free,
    /// service and emergency numbers, pagers; fixed lines for messages.
    ///
    /// # Errors
    /// [`Invalid`] says in short what is wrong, without repeating the number.
    pub fn parse(text: &str, numbering: &Numbering, channel: Channel) -> Result<Self, Invalid> {
        let digits = dialled(text)?;
        let e164 = match (digits.strip_prefix('+'), numbering.home) {
            (Some(digits), _) if digits.len() < SHORTEST => return Err(Invalid("it is too short")),
            (Some(digits), _) if digits.len() > LONGEST => return Err(Invalid("it is too long")),
            (Some(digits), _) => plan::international(digits),
            (None, _) if digits.len() < SHORTEST => {
                return Err(Invalid("it is too short; short codes and emergency numbers get no codes"));
            }
            (None, _) if digits.len() > LONGEST + 3 => return Err(Invalid("it is too long")),
            (None, None) => {
                return Err(Invalid("it lacks its country code; write it like +44 20 7946 0958"));
            }
            (None, Some(home)) => plan::national(&digits, home),
        }?;
        let listed = plan::listing(&e164).map_err(Invalid)?;
        match (listed.line, channel) {
            (Line::PremiumRate, _) => return Err(Invalid("it is a premium-rate number")),
            (Line::SharedCost, _) => return Err(Invalid("it is a shared-cost number")),
            (Line::Service, _) => return Err(Invalid("it is a service number and nobody's own phone")),
            (Line::Fixed, Channel::Sms | Channel::WhatsApp) => {
                return Err(Invalid("it is a fixed line, which gets no text messages"));
            }
            (Line::Fixed, Channel::Email | Channel::Call) | (Line::Personal, _) => {}
        }
        let allowed = &numbering.countries;
        if !allowed.is_empty() && !allowed.iter().any(|country| country == listed.country) {
            return Err(Invalid("its country is none of those in delivery.twilio.countries"));
        }
        Ok(Self(["+", &e164].concat().into()))
    }

    /// Whether a text is digits and what stands between them.
    #[must_use]
    pub fn is_dialled(text: &str) -> bool {
        dialled(text).is_ok()
    }

    /// Whether a text can only be meant as a number: so many digits are in no other thing that users are asked for.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        dialled(text).is_ok_and(|digits| digits.len() >= SHORTEST)
    }

    /// The whole number, for the provider only. Show people and logs [`Phone::masked`].
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// `+1...71`: the country code and the last two digits. Dots, because `*` and `_` are markdown on the web channel.
    #[must_use]
    pub fn masked(&self) -> String {
        let digits = self.digits();
        let (country, last) = (plan::calling_code(digits), digits.len().saturating_sub(2));
        ["+", country, "...", digits.get(last..).unwrap_or_default()].concat()
    }

    /// The two letters of its country (ISO 3166-1), `001` for those of none.
    #[must_use]
    pub fn country(&self) -> &'static str {
        plan::listing(self.digits()).map_or("001", |listed| listed.country)
    }

    /// What it shares with the other numbers of its block: all but the last four digits.
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.0.get(..self.0.len().saturating_sub(BLOCK)).unwrap_or_default()
    }

    fn digits(&self) -> &str {
        self.0.strip_prefix('+').unwrap_or(&self.0)
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phone({})", self.masked())
    }
}

/// What a text dials: digits, after a `+` if the country code comes first.
fn dialled(text: &str) -> Result<String, Invalid> {
    let text = text.trim();
    let text =
        text.get(..4).filter(|scheme| scheme.eq_ignore_ascii_case("tel:")).map_or(text, |_| &text[4..]);
    let mut digits = String::with_capacity(LONGEST + 1);
    for character in text.chars() {
        match (ascii_digit(character), character) {
            (Some(digit), _) if digits.len() < 2 * LONGEST => digits.push(digit),
            (Some(_), _) => return Err(Invalid("it is too long")),
            (None, '+' | '\u{ff0b}') if digits.is_empty() => digits.push('+'),
            (None, '+' | '\u{ff0b}' | ',' | ';' | '#' | 'x' | 'X') => {
                return Err(Invalid("it must be exactly one number, without an extension"));
            }
            (None, other) if is_separator(other) => {}
            (None, other) if other.is_alphabetic() => return Err(Invalid("it holds letters")),
            (None, _) => return Err(Invalid("it holds a character that phone numbers do not have")),
        }
    }
    if !digits.contains(|digit: char| digit.is_ascii_digit()) {
        return Err(Invalid("it has no digits"));
    }
    // What most of the world dials for the `+` (ITU-T E.164, annex A); no country's own numbers begin so.
    Ok(digits.strip_prefix("00").map(|rest| ["+", rest].concat()).unwrap_or(digits))
}

/// What people put between digits, invisible marks of direction included.
fn is_separator(character: char) -> bool {
    character.is_whitespace()
        || matches!(
            character,
            '-' | '.' | '/' | '(' | ')' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30fc}' | '\u{ff08}' | '\u{ff09}'
                | '\u{ff0d}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}'
                | '\u{feff}'
        )
}

#[cfg(test)]
mod tests;
