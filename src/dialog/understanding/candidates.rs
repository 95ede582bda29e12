//! What a text may mean as the code.

use crate::address::ascii_digit;
use crate::otp::{Code, Format};

/// The fewest digits that make a phone number; fewer say nothing about whose digits they are.
const PHONE: usize = 7;

/// The different codes a text could mean.
pub(super) struct Candidates {
    /// The form codes have.
    pub(super) format: Format,
    /// The digits of the user's own phone number.
    own: Option<String>,
    found: Found,
}

/// How many there are.
pub(super) enum Found {
    None,
    One(Code),
    Several,
}

impl Candidates {
    pub(super) fn new(format: Format, own_number: Option<&str>) -> Self {
        let digits = |number: &str| number.chars().filter_map(ascii_digit).collect::<String>();
        let own = own_number.map(digits).filter(|digits| digits.len() >= PHONE);
        Self { format, own, found: Found::None }
    }

    /// The characters in a code.
    pub(super) fn length(&self) -> usize {
        usize::from(self.format.length)
    }

    /// Takes `text` in if it has the form of a code. The end of the user's own number has not.
    pub(super) fn add(&mut self, text: &str) {
        if self.own.as_deref().is_some_and(|own| own.ends_with(text)) {
            return;
        }
        let Some(code) = Code::read(text, self.format) else { return };
        match &self.found {
            Found::None => self.found = Found::One(code),
            Found::One(other) if *other == code => {}
            Found::One(_) | Found::Several => self.found = Found::Several,
        }
    }

    /// Whether there is none so far.
    pub(super) const fn is_empty(&self) -> bool {
        matches!(self.found, Found::None)
    }

    /// What came of it.
    pub(super) fn found(self) -> Found {
        self.found
    }
}
