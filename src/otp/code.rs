//! What a code looks like: how one is drawn, and how what a user typed is read as one.

use std::fmt;

use rand::{CryptoRng, RngExt as _};
use serde::Deserialize;

use crate::address::ascii_digit;

/// The characters codes are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Alphabet {
    /// `0` to `9`.
    Digits,
    /// Letters and digits that nobody mistakes for one another, without vowels, so that no words appear.
    Unambiguous,
}

impl Alphabet {
    const fn characters(self) -> &'static [u8] {
        match self {
            Self::Digits => b"0123456789",
            Self::Unambiguous => b"34679CDFGHJKMNPQRTVWXY",
        }
    }
}

/// The form of a server's codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Characters in a code: 4 to 10.
    pub length: u8,
    /// What they are taken from.
    pub alphabet: Alphabet,
}

/// A code in the clear. Lives only from the moment it is drawn or typed until it is delivered or compared;
/// what is kept is a [`super::Sealed`] digest.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(Box<str>);

impl Code {
    /// Draws a code; every one of the form's codes is equally likely, `000000` and `999999` too.
    #[must_use]
    pub fn draw(format: Format, rng: &mut dyn CryptoRng) -> Self {
        let characters = format.alphabet.characters();
        let text: String = (0..format.length)
            .map(|_| char::from(characters[rng.random_range(0..characters.len())]))
            .collect();
        Self(text.into())
    }

    /// Reads a typed text as a code. White space, dashes and dots between the characters do not matter, nor does
    /// letter case, nor which script the digits are written in. `None`: this is no code of that form.
    #[must_use]
    pub fn read(text: &str, format: Format) -> Option<Self> {
        let length = usize::from(format.length);
        let mut code = String::with_capacity(length);
        for character in text.chars() {
            if is_separator(character) {
                continue;
            }
            let plain = ascii_digit(character).unwrap_or_else(|| character.to_ascii_uppercase());
            let known = u8::try_from(plain).is_ok_and(|byte| format.alphabet.characters().contains(&byte));
            if !known || code.len() == length {
                return None;
            }
            code.push(plain);
        }
        (code.len() == length).then(|| Self(code.into()))
    }

    /// Reads a JSON number as a code: a platform's Number entity drops leading zeros, so they are put back.
    #[must_use]
    pub fn read_number(number: &str, format: Format) -> Option<Self> {
        let digits_only = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let padded = format!("{number:0>width$}", width = usize::from(format.length));
        (digits_only && format.alphabet == Alphabet::Digits).then(|| Self::read(&padded, format)).flatten()
    }

    /// The characters, for the message that carries them and for nothing else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Never shows the code.
impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(..)")
    }
}

/// What people and keyboards put between the characters of a code, including invisible direction marks.
pub(crate) fn is_separator(character: char) -> bool {
    character.is_whitespace()
        || matches!(
            character,
            '-' | '.' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ff0d}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    const SIX: Format = Format { length: 6, alphabet: Alphabet::Digits };

    #[test]
    fn codes_are_uniform_and_keep_their_zeros() {
        let mut rng = StdRng::seed_from_u64(1);
        let format = Format { length: 4, alphabet: Alphabet::Digits };
        let mut seen = vec![0_u32; 10_000];
        for _ in 0..400_000 {
            let code = Code::draw(format, &mut rng);
            assert_eq!(code.reveal().len(), 4);
            seen[code.reveal().parse::<usize>().unwrap()] += 1;
        }
        // 40 expected per code; eight standard deviations either side.
        assert!(seen.iter().all(|count| (1..=95).contains(count)), "{:?}", seen.iter().minmax());
        assert!(seen[0] > 0 && seen[9_999] > 0);
    }

    trait MinMax {
        fn minmax(self) -> (u32, u32);
    }

    impl<'a, I: Iterator<Item = &'a u32> + Clone> MinMax for I {
        fn minmax(self) -> (u32, u32) {
            (*self.clone().min().unwrap(), *self.max().unwrap())
        }
    }

    #[test]
    fn typed_codes_are_read_in_every_dress() {
        for text in [
            "012345",
            " 012 345 ",
            "012-345",
            "01.23.45",
            "０１２３４５",
            "٠١٢٣٤٥",
            "۰۱۲۳۴۵",
            "०१२३४५",
            "\u{200f}012345",
        ] {
            assert_eq!(Code::read(text, SIX).as_ref().map(Code::reveal), Some("012345"), "{text}");
        }
    }

    #[test]
    fn what_is_no_code_is_not_read_as_one() {
        for text in
            ["", "   ", "12345", "1234567", "12345a", "resend", "my code is 123456", "²²²²²²", "123456\u{0}"]
        {
            assert_eq!(Code::read(text, SIX), None, "{text:?}");
        }
        assert_eq!(Code::read(&"7".repeat(10_000), SIX), None);
    }

    #[test]
    fn numbers_get_their_zeros_back() {
        assert_eq!(Code::read_number("12345", SIX).as_ref().map(Code::reveal), Some("012345"));
        assert_eq!(Code::read_number("0", SIX).as_ref().map(Code::reveal), Some("000000"));
        for number in ["1234567", "-12345", "123.45", "1e5", ""] {
            assert_eq!(Code::read_number(number, SIX), None, "{number}");
        }
        let letters = Format { length: 6, alphabet: Alphabet::Unambiguous };
        assert_eq!(Code::read_number("344679", letters), None);
    }

    #[test]
    fn letter_codes_ignore_case() {
        let format = Format { length: 6, alphabet: Alphabet::Unambiguous };
        assert_eq!(Code::read("hk3-mq7", format).as_ref().map(Code::reveal), Some("HK3MQ7"));
        assert_eq!(Code::read("HK0MQ7", format), None);
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Code::read("012345", SIX).unwrap()), "Code(..)");
    }
}
