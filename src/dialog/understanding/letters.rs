//! Codes that are made of letters and digits.

use super::candidates::Candidates;
use super::glyph::{Glyph, glyph, is_unseen, is_unspaced};

/// Ordinals and measures, which are no codes although all their characters could be in one.
const SUFFIXES: [&str; 10] = ["th", "rd", "nd", "km", "kg", "mm", "cm", "mg", "pm", "px"];

/// Words that have none of the vowels which codes have none of. There are few others of a code's length.
const WORDS: [&str; 8] = ["hymn", "myth", "wynd", "crypt", "nymph", "myrrh", "pygmy", "rhythm"];

/// Finds the codes in a text.
pub(super) fn find(text: &str, candidates: &mut Candidates) {
    let whole = narrow(text);
    candidates.add(&whole);
    if !candidates.is_empty() {
        return;
    }
    let apart = |letter: char| {
        letter.is_whitespace()
            || is_unspaced(letter)
            || (matches!(glyph(letter), Glyph::Mark(_))
                && !matches!(letter, '-' | '.' | '@' | '/' | '%' | '_'))
    };
    for word in whole.split(apart) {
        if word.len() >= candidates.length() && is_like_a_code(word) {
            candidates.add(word);
        }
    }
}

/// Whether a text is one word of letters and digits that is about as long as a code, and so was meant as one.
pub(super) fn is_almost(text: &str, candidates: &Candidates) -> bool {
    let word = narrow(text);
    let word = word.trim();
    let length = candidates.length();
    word.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && (length.saturating_sub(2)..=length + 2).contains(&word.len())
        && word.contains(|letter: char| letter.is_ascii_digit())
}

fn is_like_a_code(word: &str) -> bool {
    let measure = word.trim_start_matches(|letter: char| letter.is_ascii_digit());
    !SUFFIXES.contains(&measure) && !WORDS.contains(&word)
}

/// The text with its case, without full-width forms, other scripts' digits and what nobody sees.
fn narrow(text: &str) -> String {
    let narrowed = |character: char| match character {
        '！'..='～' => char::from_u32(u32::from(character) - 0xfee0),
        _ => match glyph(character) {
            Glyph::Digit(digit) => Some(digit),
            _ => Some(character),
        },
    };
    text.chars().filter(|character| !is_unseen(*character)).filter_map(narrowed).collect()
}

#[cfg(test)]
mod tests {
    use super::super::candidates::Found;
    use super::*;
    use crate::otp::{Alphabet, Code, Format};

    fn found(text: &str) -> Option<String> {
        let mut candidates = Candidates::new(Format { length: 6, alphabet: Alphabet::Unambiguous }, None);
        find(text, &mut candidates);
        match candidates.found() {
            Found::One(code) => Some(Code::reveal(&code).to_owned()),
            Found::None => None,
            Found::Several => Some("several".to_owned()),
        }
    }

    #[test]
    fn letter_codes_are_found_in_sentences() {
        for text in [
            "hk3mq7",
            "HK3-MQ7",
            "it is hk3mq7, right?",
            "code:HK3MQ7.",
            "验证码是hk3mq7",
            "ＨＫ３ＭＱ７",
            "hk3 mq7",
        ] {
            assert_eq!(found(text).as_deref(), Some("HK3MQ7"), "{text}");
        }
        assert_eq!(found("GRMMTX it says").as_deref(), Some("GRMMTX"));
        assert_eq!(found("my code is grmmtx").as_deref(), Some("GRMMTX"));
        assert_eq!(found("HK3MQ7 or HK3MQ9").as_deref(), Some("several"));
    }

    #[test]
    fn words_are_no_letter_codes() {
        for text in
            ["rhythm is a dancer", "HK3MQ7@example.com", "the 4463th try of 7436km", "", "HK3MQ77", "resend"]
        {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
