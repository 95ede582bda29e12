//! E-mail addresses in a text.

use super::Utterance;
use super::digits::is_url;
use super::fold::Folded;
use super::glyph::{is_unseen, is_unspaced};
use super::lexicon::Lexicon;
use crate::address::{Destination, Email};
use crate::dialog::redaction::looks_redacted;

/// What the text says about addresses: one, several, one that cannot be used or was redacted, or nothing. Whether one
/// address is given or just mentioned is for `is_given` to tell from what is said around it.
pub(super) fn find(text: &str, is_given: impl FnOnce(&str) -> bool) -> Option<Utterance> {
    // Most texts have none.
    if !text.contains(['@', '＠']) {
        return None;
    }
    let mut found: Option<Destination> = None;
    let mut useless = None;
    let mut around = String::with_capacity(text.len());
    let mut tokens = text.split_inclusive(is_between).map(narrow).peekable();
    while let Some(token) = tokens.next() {
        let end = token.trim_end_matches(is_between).len();
        let (token, between) = token.split_at(end);
        if token.is_empty() || !token.contains('@') || token.starts_with("//") || is_url(token) {
            let link = if token.eq_ignore_ascii_case("mailto") { "" } else { token };
            around.extend([link, between]);
            continue;
        }
        if token == "@" {
            // "mira @ example.com"
            if tokens.peek().is_some_and(|next| next.contains('.')) {
                useless.get_or_insert(Utterance::BadAddress);
            }
            around.push_str(between);
            continue;
        }
        let mut rest = trim(token);
        while rest.contains('@') {
            let (before, address, after) = first_address(rest);
            around.extend([before, " "]);
            rest = after;
            // "@mira" is how people are called in chats.
            if address.starts_with('@') {
                continue;
            }
            // A masked address is a valid one to the eye of a parser.
            if looks_redacted(address) {
                useless = Some(Utterance::Redacted);
                continue;
            }
            match (Email::parse(address).map(Destination::Email), &found) {
                (Ok(one), Some(other)) if !one.is_same(other) => return Some(Utterance::Addresses),
                (Ok(_), Some(_)) => {}
                (Ok(one), None) => found = Some(one),
                (Err(_), _) => {
                    useless.get_or_insert(Utterance::BadAddress);
                }
            }
        }
        around.extend([rest, between]);
    }
    let given = |found| if is_given(&around) { Utterance::Address(found) } else { Utterance::Mention(found) };
    found.map(given).or(useless)
}

/// The one address that is said as on the phone, "mira at example dot com", where nothing but what people say around
/// an address is said with it. `plain` is the folded text.
pub(super) fn said(plain: &str, lexicon: &Lexicon) -> Option<Destination> {
    let is_mark = |letter: char| matches!(letter, '.' | ',' | ';' | ':' | '!' | '?' | '"' | '(' | ')');
    let words: Vec<&str> =
        plain.split(' ').map(|word| word.trim_matches(is_mark)).filter(|word| !word.is_empty()).collect();
    // "look at me": a dot is said as well, or it is no address.
    if !words.iter().any(|word| lexicon.is_dot(word)) {
        return None;
    }
    let mut signs = words.iter().enumerate().filter(|(_, word)| lexicon.is_at(word)).map(|(place, _)| place);
    let (Some(sign), None) = (signs.next(), signs.next()) else { return None };
    let dotted = |place: usize| words.get(place).is_some_and(|word| lexicon.is_dot(word));
    let mut start = sign.checked_sub(1)?;
    while start >= 2 && dotted(start - 1) {
        start -= 2;
    }
    let mut end = sign + 2;
    while dotted(end) && end + 1 < words.len() {
        end += 2;
    }
    // The domain has a dot, and the name is none of the words around it: "it is at example dot com".
    if end < sign + 4 || dotted(start) || is_addressing(words[start], lexicon) {
        return None;
    }
    let address = words[start..end].iter().map(|word| match *word {
        sign if lexicon.is_at(sign) => "@",
        dot if lexicon.is_dot(dot) => ".",
        part => part,
    });
    let address: String = address.collect();
    let around = [&words[..start], &words[end..]].concat().join(" ");
    let given = address.is_ascii() && is_addressing(&around, lexicon);
    given.then(|| Email::parse(&address).ok()).flatten().map(Destination::Email)
}

fn is_addressing(text: &str, lexicon: &Lexicon) -> bool {
    lexicon.is_addressing(&Folded::new(text).words)
}

/// What stands between an address and the next word.
fn is_between(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(
            letter,
            ',' | ';'
                | ':'
                | '<'
                | '>'
                | '('
                | ')'
                | '['
                | ']'
                | '{'
                | '}'
                | '"'
                | '|'
                | '“'
                | '”'
                | '„'
                | '«'
                | '»'
                | '‹'
                | '›'
                | '、'
                | '。'
                | '，'
                | '；'
                | '：'
                | '！'
                | '？'
                | '（'
                | '）'
                | '「'
                | '」'
                | '『'
                | '』'
                | '【'
                | '】'
                | '《'
                | '》'
                | '＜'
                | '＞'
                | '،'
                | '؛'
                | '؟'
                | '।'
                | '…'
        )
}

/// The token without full-width forms and what nobody sees.
fn narrow(token: &str) -> String {
    let narrowed = |character: char| match character {
        '！'..='～' => char::from_u32(u32::from(character) - 0xfee0),
        '｡' => Some('.'),
        _ => Some(character),
    };
    token.chars().filter(|character| !is_unseen(*character)).filter_map(narrowed).collect()
}

fn trim(token: &str) -> &str {
    token
        .trim_matches(['\'', '‘', '’', '`', '*', '~'])
        .trim_end_matches(['.', '!', '?', '\'', '’', '*', '_', '-', '/', '\\'])
        .trim_start_matches(['.', '-', '/'])
}

/// The address in "邮箱是mira@example.com了", between what comes before and after. One that is itself in Chinese stays
/// whole.
fn first_address(token: &str) -> (&str, &str, &str) {
    let Some((name, host)) = token.split_once('@') else { return ("", token, "") };
    if name.ends_with(is_unspaced) || host.starts_with(is_unspaced) {
        return ("", token, "");
    }
    let start = name
        .rfind(is_unspaced)
        .map_or(0, |last| last + name[last..].chars().next().map_or(0, char::len_utf8));
    let end = host.find(is_unspaced).map_or(token.len(), |first| name.len() + 1 + first);
    (&token[..start], token[start..end].trim_end_matches('.'), &token[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_any_dress() {
        for text in [
            "mira@example.com",
            "it's mira@example.com.",
            "<mailto:mira@example.com>",
            "(mira@example.com)",
            "\"mira@example.com\"!",
            "email:mira@example.com,thanks",
            "邮箱是mira@example.com。",
            "mira@example.comです",
            "ｍｉｒａ＠ｅｘａｍｐｌｅ．ｃｏｍ",
            "mira＠example.com",
            "\u{200e}mira@example.com\u{200f}",
            "**mira@example.com**",
            "mira@example.com, I repeat: mira@EXAMPLE.com",
            "mira@example.com not mira@example",
            "hey @support it is mira@example.com",
        ] {
            let Some(Utterance::Address(destination)) = find(text, |_| true) else { panic!("{text}") };
            assert_eq!(destination.reveal(), "mira@example.com", "{text}");
        }
        let Some(Utterance::Address(destination)) = find("用户@例子.公司", |_| true) else { panic!() };
        assert_eq!(destination.reveal(), "用户@例子.公司");
    }

    #[test]
    fn what_is_around_an_address_is_told() {
        for (text, expected) in [
            ("send it to mira@example.com, please", "send it to  , please"),
            ("邮箱是mira@example.com。谢谢", "邮箱是 。谢谢"),
            ("<mailto:mira@example.com>", "<: >"),
            ("mira@example.com and mira@example.com!", "  and  "),
            ("hey @support it is mira@example.com", "hey   it is  "),
        ] {
            let mention = find(text, |around| {
                assert_eq!(around, expected);
                false
            });
            assert!(matches!(mention, Some(Utterance::Mention(_))), "{text}");
        }
    }

    #[test]
    fn other_uses_of_the_sign_are_told_apart() {
        for (text, expected) in [
            ("mira@example", Some("bad_address")),
            ("mira@@x.com", Some("bad_address")),
            ("mira@", Some("bad_address")),
            ("mira @ example.com", Some("bad_address")),
            ("mira@example,com", Some("bad_address")),
            ("a@example.com or b@example.com", Some("addresses")),
            ("m####@example.com", Some("redacted")),
            ("my mail is m***@example.com", Some("redacted")),
            ("@mira", None),
            ("see you @ 5", None),
            ("https://medium.com/@mira", None),
            ("@", None),
            ("", None),
        ] {
            assert_eq!(find(text, |_| true).as_ref().map(Utterance::name), expected, "{text}");
        }
    }
}
