//! Codes that are said: "four eight double two nine", "four 8 2", "四八二九一六".

use std::cell::LazyCell;

use super::MEANT;
use super::candidates::Candidates;
use super::digits::is_counter;
use super::fold::OPEN;
use super::lexicon::{Lexicon, Sound};

/// Finds the codes that are said in a text. Whether, apart from them, somebody has said a number that is none.
pub(super) fn find(words: &str, lexicon: &Lexicon, candidates: &mut Candidates) -> bool {
    let little_else = LazyCell::new(|| lexicon.is_little_else(words));
    let mut row = Row {
        candidates,
        little_else: &|| *little_else,
        digits: String::new(),
        times: 1,
        said: 0,
        pairs: 0,
        spaced: true,
        number: false,
        perhaps: false,
    };
    let mut at = 0;
    for (sound, place) in lexicon.sounds(words) {
        row.pass(&words[at..place.start]);
        row.spaced &= words[place.start..].starts_with(OPEN);
        match sound {
            Sound::Digit(digit) => {
                row.said += 1;
                row.push(digit);
            }
            Sound::Number(number) => {
                row.said += 1;
                row.pairs += 1;
                row.push(char::from(b'0' + number / 10));
                row.push(char::from(b'0' + number % 10));
            }
            Sound::Times(times) => row.times = times,
        }
        at = place.end;
    }
    if at > 0 {
        row.pass(&words[at..]);
        row.close(false);
    }
    row.number || (row.perhaps && *little_else)
}

/// A row of digits, most of them said.
struct Row<'a> {
    candidates: &'a mut Candidates,
    /// Whether little else is said in the text.
    little_else: &'a dyn Fn() -> bool,
    digits: String,
    /// How often the next digit counts.
    times: u8,
    /// How many of them are words.
    said: usize,
    /// How many of the words are numbers of two digits. These are said for much else: years, times, ages.
    pairs: usize,
    /// Whether all words are of scripts with spaces. In others, syllables that sound like digits are everywhere.
    spaced: bool,
    /// A row was said that is no code.
    number: bool,
    /// A row was heard that is one only if little else was said.
    perhaps: bool,
}

impl Row<'_> {
    fn push(&mut self, digit: char) {
        self.digits.extend((0..self.times).map(|_| digit));
        self.times = 1;
    }

    /// Passes what stands between two words that are digits: typed digits and pauses go on, anything else ends the row.
    fn pass(&mut self, between: &str) {
        for letter in between.chars() {
            match letter {
                '0'..='9' => self.push(letter),
                '.' => {}
                _ => self.close(is_counter(letter)),
            }
        }
    }

    fn close(&mut self, counted: bool) {
        // "Nineteen ninety nine": a pair or two are as likely a year or a time.
        let meant = || self.pairs == 0 || self.said > 2 || (self.little_else)();
        if self.said > 0 && self.digits.len() == self.candidates.length() && !counted && meant() {
            self.candidates.add(&self.digits);
        } else if self.said > 0 && self.digits.len() >= MEANT {
            self.number |= self.spaced && self.pairs == 0;
            self.perhaps = true;
        }
        self.digits.clear();
        (self.times, self.said, self.pairs, self.spaced) = (1, 0, 0, true);
    }
}
