//! Takes a code out of a payload that repeats it: the platform keeps the user's last message in several places, not
//! always letter by letter.

use std::borrow::Cow;

use super::lossy::Lossy;
use crate::address::ascii_digit;
use crate::otp::is_separator;

/// Shortest text, in bytes, that is looked for inside of others.
const SHORTEST_WITHIN: usize = 6;

/// Fewest digits, without leading zeros, of a number that is taken for the code.
const SHORTEST_NUMBER: usize = 4;

/// What must not be handed on.
#[derive(Clone, Debug)]
pub struct Secret {
    /// What the user wrote.
    pub typed: String,
    /// The code in it; empty if it cannot be told which of several it is.
    pub code: String,
    /// What stands in place of the text where it stands alone.
    pub instead: String,
}

impl Secret {
    /// Takes the secret out of a JSON text: all string values, and numbers. Names of members stay as they are. Inside
    /// of longer texts zeros take the code's place, since they fit wherever digits do, in JSON within JSON too.
    pub(super) fn scrub(&self, json: &str) -> String {
        let mut scrubbed = String::with_capacity(json.len());
        let mut rest = json;
        while let Some(start) = rest.find('"') {
            let (before, from) = rest.split_at(start);
            self.push_bare(&mut scrubbed, before);
            let end = end_of_string(&from[1..]) + 1;
            let (quoted, after) = from.split_at((end + 1).min(from.len()));
            let is_name = after.trim_start().starts_with(':');
            match self.clean(quoted).filter(|_| !is_name) {
                Some(clean) => scrubbed.push_str(&serde_json::Value::from(clean).to_string()),
                None => scrubbed.push_str(quoted),
            }
            rest = after;
        }
        self.push_bare(&mut scrubbed, rest);
        scrubbed
    }

    /// Adds what stands between strings. A number that is the code, with or without its zeros, becomes 0. One of a few
    /// digits may be anything.
    fn push_bare(&self, scrubbed: &mut String, bare: &str) {
        let number = self.code.trim_start_matches('0');
        let is_part = |character: char| character.is_ascii_alphanumeric() || "+-.".contains(character);
        for token in bare.split_inclusive(|character| !is_part(character)) {
            let plain = token.trim_end_matches(|character| !is_part(character));
            if plain != number || number.len() < SHORTEST_NUMBER {
                scrubbed.push_str(token);
            } else {
                scrubbed.push('0');
                scrubbed.push_str(&token[plain.len()..]);
            }
        }
    }

    /// The text of a JSON string without the secret; `None` if it is not in there.
    fn clean(&self, quoted: &str) -> Option<String> {
        let text: Cow<'_, str> = if quoted.contains('\\') {
            serde_json::from_str::<Lossy>(quoted).ok()?.0.into()
        } else {
            quoted.trim_matches('"').into()
        };
        let typed = self.typed.trim();
        if !typed.is_empty() && text.trim().to_lowercase() == typed.to_lowercase() {
            return Some(self.instead.clone());
        }
        let without = without(&text, &self.code);
        let said = typed.len() >= SHORTEST_WITHIN && typed.contains(char::is_alphabetic);
        match without {
            Some(without) => Some(without),
            None if said && text.contains(typed) => Some(text.replace(typed, &self.instead)),
            None => None,
        }
    }
}

/// The text with zeros where the code stands in it by itself, in whatever script and grouping.
fn without(text: &str, code: &str) -> Option<String> {
    if code.is_empty() {
        return None;
    }
    let mut clean = String::new();
    let mut kept = 0;
    for (start, end) in groups(text) {
        let group = &text[start..end];
        let spelled: String = group.chars().filter_map(plain).collect();
        let inside = |character: char| character.is_ascii_alphanumeric();
        if spelled.eq_ignore_ascii_case(code)
            && !text[..start].ends_with(inside)
            && !text[end..].starts_with(inside)
        {
            clean.push_str(&text[kept..start]);
            clean.extend(code.chars().map(|_| '0'));
            kept = end;
        }
    }
    (kept > 0).then(|| clean + &text[kept..])
}

fn plain(character: char) -> Option<char> {
    ascii_digit(character).or_else(|| character.is_ascii_alphabetic().then_some(character))
}

/// The places in a text where a code may stand: each run of digits or letters by itself, and digits that are joined by
/// a mark or two.
fn groups(text: &str) -> Vec<(usize, usize)> {
    let mut groups = Vec::new();
    let mut joined: Option<(usize, usize)> = None;
    let mut run: Option<(usize, bool)> = None;
    let ends = text.char_indices().chain([(text.len(), ' ')]);
    for (at, character) in ends {
        let part = at < text.len() && plain(character).is_some();
        match (run, part) {
            (None, true) => run = Some((at, ascii_digit(character).is_some())),
            (Some((start, digits)), true) => run = Some((start, digits && ascii_digit(character).is_some())),
            (Some((start, digits)), false) => {
                groups.push((start, at));
                let near = |end: usize| {
                    let between = &text[end..start];
                    between.chars().count() <= 2
                        && between.chars().all(|mark| is_separator(mark) || matches!(mark, ',' | '、' | '،'))
                };
                joined = match joined {
                    Some((first, end)) if digits && near(end) => Some((first, at)),
                    _ if digits => Some((start, at)),
                    _ => None,
                };
                groups.extend(joined.filter(|(first, _)| *first < start));
                run = None;
            }
            (None, false) => {}
        }
    }
    groups.sort_unstable();
    groups
}

/// Where a string's closing quote is, behind its opening one.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    let quote = text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    quote.unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrub(typed: &str, code: &str, json: &str) -> String {
        Secret { typed: typed.to_owned(), code: code.to_owned(), instead: "verified".to_owned() }.scrub(json)
    }

    #[test]
    fn the_code_is_taken_out_in_whatever_dress_it_is_repeated() {
        for (json, scrubbed) in [
            (r#"{"a":"725973","725973":1}"#, r#"{"a":"verified","725973":1}"#),
            (r#"{"a":" 725973\n"}"#, r#"{"a":"verified"}"#),
            (
                r#"["It is 725973!","it is 7 2 5 9 7 3","7-2-5, 973"]"#,
                r#"["It is 000000!","it is 000000","000000"]"#,
            ),
            ("[\"٧٢٥٩٧٣ هو\",\"码是７２５９７３\"]", "[\"000000 هو\",\"码是000000\"]"),
            (
                r#"{"a":"{\"body\":\"725973\",\"n\":725973}"}"#,
                r#"{"a":"{\"body\":\"000000\",\"n\":000000}"}"#,
            ),
            (r#"{"a":"so\n725973 &amp; \"725973\""}"#, r#"{"a":"so\n000000 &amp; \"000000\""}"#),
            (
                r#"{"n":725973,"m":[725973],"x":-725973,"y":7259730,"z":725973.5}"#,
                r#"{"n":0,"m":[0],"x":-725973,"y":7259730,"z":725973.5}"#,
            ),
            // Ids, numbers and dates that merely hold the same digits.
            (
                r#"["u-1725973","x725973","725973a","1784725973118","725-9731"]"#,
                r#"["u-1725973","x725973","725973a","1784725973118","725-9731"]"#,
            ),
            (r#"{"a":"\\","b":"725973 2"}"#, r#"{"a":"\\","b":"000000 2"}"#),
            ("", ""),
        ] {
            assert_eq!(scrub("725973", "725973", json), scrubbed);
        }
        assert_eq!(scrub("000001", "000001", r#"[1,{"level":1},"000001"]"#), r#"[1,{"level":1},"verified"]"#);
        assert_eq!(scrub("002597", "002597", r#"[2597,"002597","2597"]"#), r#"[0,"verified","2597"]"#);
    }

    #[test]
    fn a_code_that_was_said_is_taken_out_as_it_was_said() {
        let typed = "seven two five nine seven three";
        assert_eq!(
            scrub(
                typed,
                "725973",
                &format!(r#"["{typed}","Seven two five nine seven THREE","ok {typed}!"]"#)
            ),
            r#"["verified","verified","ok verified!"]"#
        );
        assert_eq!(
            scrub("my code is hk3mq7", "HK3MQ7", r#"["hk3mq7","HK3 MQ7","xhk3mq7"]"#),
            r#"["000000","HK3 MQ7","xhk3mq7"]"#
        );
        // Which of several it is cannot be told: the text goes as a whole.
        assert_eq!(
            scrub("111222 or 222111", "", r#"["111222 or 222111","111222"]"#),
            r#"["verified","111222"]"#
        );
    }

    #[test]
    fn what_comes_out_is_json_again() {
        for json in [
            r#"{"a":["725973",725973,"x\"725973\""],"b":{"c":"\u0037\u0032\u0035973"}}"#,
            r#""725973""#,
            "725973",
        ] {
            let scrubbed = scrub("725973", "725973", json);
            assert!(serde_json::from_str::<serde_json::Value>(&scrubbed).is_ok(), "{scrubbed}");
            assert!(!scrubbed.contains("725973") && !scrubbed.contains("5973"), "{scrubbed}");
        }
    }
}
