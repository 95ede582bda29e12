//! A text, folded: every way of writing the same word or number comes out the same.

use std::ops::Range;

use super::glyph::{Glyph, glyph};

/// Stands before every word of a script with spaces in [`Folded::words`].
pub(super) const OPEN: char = '(';
/// Stands after every such word.
pub(super) const CLOSE: char = ')';

/// A folded text.
pub(super) struct Folded {
    /// The text as it stands, with its punctuation: what is around a number decides what the number is.
    pub(super) plain: String,
    /// Its words and digits without the spaces between them, for keywords. Words of scripts with spaces have their
    /// ends marked, so that a phrase is found only where whole words are; `.` is a pause, a space any other break.
    pub(super) words: String,
    /// Where the runs of digits are in `plain`.
    pub(super) runs: Vec<Range<usize>>,
    /// Whether there is any letter.
    pub(super) has_letters: bool,
}

impl Folded {
    pub(super) fn new(text: &str) -> Self {
        let mut folding = Folding {
            folded: Self {
                plain: String::with_capacity(text.len() + 2),
                words: String::with_capacity(text.len() * 3 / 2 + 8),
                runs: Vec::new(),
                has_letters: false,
            },
            in_word: false,
            apostrophe: false,
        };
        for character in text.chars() {
            folding.take(glyph(character));
        }
        folding.end_word();
        folding.folded
    }
}

struct Folding {
    folded: Folded,
    in_word: bool,
    /// An apostrophe after a letter: dropped if another letter follows ("didn't"), or else a mark.
    apostrophe: bool,
}

impl Folding {
    fn take(&mut self, glyph: Glyph) {
        match glyph {
            Glyph::Nothing => {}
            Glyph::Letter(letter) => {
                self.start_word();
                self.folded.plain.push(letter);
                self.folded.words.push(letter);
            }
            Glyph::Letters(letters) => {
                self.start_word();
                self.folded.plain.push_str(letters);
                self.folded.words.push_str(letters);
            }
            Glyph::Unspaced(letter) => {
                self.end_word();
                self.folded.has_letters = true;
                self.folded.plain.push(letter);
                self.folded.words.push(letter);
            }
            Glyph::Digit(digit) => {
                self.end_word();
                let start = self.folded.plain.len();
                self.folded.plain.push(digit);
                self.folded.words.push(digit);
                match self.folded.runs.last_mut() {
                    Some(run) if run.end == start => run.end += 1,
                    _ => self.folded.runs.push(start..start + 1),
                }
            }
            Glyph::Space => {
                self.end_word();
                self.folded.plain.push(' ');
            }
            Glyph::Mark('\'') if self.in_word && !self.apostrophe => self.apostrophe = true,
            Glyph::Mark(mark) => {
                self.end_word();
                self.folded.plain.push(mark);
                self.folded.words.extend(pause(mark));
            }
        }
    }

    fn start_word(&mut self) {
        self.apostrophe = false;
        self.folded.has_letters = true;
        if !self.in_word {
            self.in_word = true;
            self.folded.words.push(OPEN);
        }
    }

    fn end_word(&mut self) {
        if self.in_word {
            self.in_word = false;
            self.folded.words.push(CLOSE);
        }
        if self.apostrophe {
            self.apostrophe = false;
            self.folded.plain.push('\'');
        }
    }
}

/// What a mark is between words: a pause, a break, or nothing ("re-send", "**cancel**").
const fn pause(mark: char) -> Option<char> {
    match mark {
        '.' | ',' | ';' | ':' | '!' | '?' | '…' | '。' | '、' | '؟' | '؛' | '।' | '·' | '・' => {
            Some('.')
        }
        '@' | '/' | '\\' | '%' | '+' | '#' | '=' | '&' | '$' | '€' | '£' | '¥' | '₹' => Some(' '),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_word_comes_out_the_same() {
        for (one, other) in [
            ("Señor JÁ", "senor ja"),
            ("e\u{301}te\u{301}", "été"),
            ("ＲＥＳＥＮＤ　４８", "resend 48"),
            ("didn’t", "didnt"),
            ("l'adresse", "l’adresse"),
            ("إِلْغَـــاء", "الغاء"),
            ("رسالة", "رساله"),
            ("हाँ", "हां"),
            ("ज़रूर", "जरूर"),
            ("キャンセル", "きゃんせる"),
            ("re\u{200b}se\u{0}nd", "resend"),
            ("Straße", "strasse"),
            ("٤٨٢٩١٦", "482916"),
            ("４８２９１６", "४८२९१६"),
        ] {
            assert_eq!(Folded::new(one).words, Folded::new(other).words, "{one}");
        }
    }

    #[test]
    fn words_are_marked_where_scripts_have_spaces() {
        for (text, words) in [
            ("Send it again!", "(send)(it)(again)."),
            ("otpを再送", "(otp)を再送"),
            ("नया कोड भेजो", "(नया)(कोड)(भेजो)"),
            ("शब्द", "(शब्द)"),
            ("A482916", "(a)482916"),
            ("code'482916'", "(code)482916"),
            ("", ""),
        ] {
            assert_eq!(Folded::new(text).words, words, "{text}");
        }
        assert_eq!(Folded::new("code'4'").plain, "code'4'");
    }
}
