//! What a scenario says literally, and what a running server says in its place.

use serde_json::Value;

use super::payload::{BOT, SESSION, USER};
use crate::botkit::BotId;

/// How far two spans of time may differ, in seconds: a running server's clock does not stand still.
const SLACK: i64 = 5;

/// Longest local part of an address that another stands in for; longer ones are about length.
const LONGEST_NAME: usize = 40;

/// Pairs of literal and actual text, and of the scenario's and the server's time.
pub(super) struct StandIns {
    /// The literal one, the actual one.
    pairs: Vec<(String, String)>,
    /// Codes, which are typed in many dresses.
    codes: Vec<(String, String)>,
    /// Who is called in place of the bot of the scenarios. Any text may be in its id, so it is not looked for in others.
    bot: String,
    /// How far the server's time is from the scenario's, in milliseconds.
    ahead: Option<i64>,
}

impl StandIns {
    /// For one playing of `scenario` at `bot`: nobody has met this session, this user and these addresses before.
    pub(super) fn new(scenario: &Value, bot: &BotId, number: u64) -> Self {
        let mut pairs = vec![
            (SESSION.to_owned(), format!("{:08x}{number:016x}", 0x6a5f_0e3b)),
            (USER.to_owned(), format!("u-0f5d2c9a-71be-5e30-9b44-{:012x}", number >> 16)),
        ];
        // An address stands for another one that is masked alike.
        for address in addresses(&scenario.to_string()) {
            if let Some((local, domain)) = address.split_once('@')
                && let (Some(first), Some(last)) = (local.chars().next(), local.chars().next_back())
                && (2..=LONGEST_NAME).contains(&local.chars().count())
            {
                pairs.push((address.clone(), format!("{first}{}{last}@{domain}", letters(number))));
            }
        }
        Self { pairs, codes: Vec::new(), bot: bot.as_str().to_owned(), ahead: None }
    }

    /// Notes what the server says where the scenario expects a code or an id.
    pub(super) fn learn(&mut self, expected: &Value, actual: &Value) {
        if let (Some(literal), Some(code)) = (expected["code"].as_str(), actual["code"].as_str()) {
            self.codes.retain(|(known, _)| known != literal);
            self.codes.push((literal.to_owned(), code.to_owned()));
        }
        if let (Some(literal), Some(id)) = (expected["challengeId"].as_str(), actual["challengeId"].as_str())
            && !self.pairs.iter().any(|(known, _)| known == literal)
        {
            self.pairs.push((literal.to_owned(), id.to_owned()));
        }
    }

    /// Whether a code stands in a text, in any dress that another one can be put into.
    pub(super) fn has(text: &str, code: &str) -> bool {
        let other: String = code.chars().map(|letter| if letter == '0' { '1' } else { '0' }).collect();
        in_its_dress(text, code, &other) != text
    }

    /// What is sent: the actual in place of the literal.
    pub(super) fn outward(&self, text: &str) -> String {
        let mut text = text.replace(BOT, &self.bot);
        for (literal, actual) in &self.pairs {
            text = text.replace(literal, actual);
        }
        for (literal, actual) in &self.codes {
            text = in_its_dress(&text, literal, actual);
        }
        text
    }

    /// What was answered: the literal in place of the actual.
    pub(super) fn inward(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (literal, actual) in self.pairs.iter().chain(&self.codes) {
            text = text.replace(actual, literal);
        }
        text
    }

    /// Whether two values differ only in what a running clock makes differ.
    pub(super) fn alike(&mut self, path: &str, expected: &Value, actual: &Value) -> bool {
        let key = path.rsplit('/').next().unwrap_or_default();
        if ["expiresAt", "ExpiryTime"].contains(&key)
            && let (Some(expected), Some(actual)) = (moment(expected), moment(actual))
        {
            let ahead = *self.ahead.get_or_insert(actual - expected);
            return (actual - expected - ahead).abs() <= SLACK * 1_000;
        }
        if key.ends_with("InSeconds")
            && let (Some(expected), Some(actual)) = (expected.as_i64(), actual.as_i64())
        {
            return (expected - actual).abs() <= SLACK;
        }
        match (expected.as_str(), actual.as_str()) {
            (Some(expected), Some(actual)) if key == "message" => same_but_for_seconds(expected, actual),
            // Where a request has no id, one is made up.
            (Some(expected), Some(actual)) if key == "requestId" => {
                is_made_up(expected) && is_made_up(actual)
            }
            (Some(expected), Some(actual)) if key == "botId" => expected == BOT && actual == self.bot,
            _ => false,
        }
    }
}

/// A number as letters that make no words and no numbers, whose meaning nobody could mistake.
fn letters(number: u64) -> String {
    const LETTERS: &[u8; 16] = b"bcdfghjkmnpqrtvw";
    let digits = (0..12).map(|place| (number >> (4 * place)) % 16);
    digits.filter_map(|digit| Some(char::from(*LETTERS.get(usize::try_from(digit).ok()?)?))).collect()
}

/// The e-mail addresses in a text, longest first: one may end another.
pub(super) fn addresses(text: &str) -> Vec<String> {
    let part = |letter: char| letter.is_ascii_alphanumeric() || "@.-_+".contains(letter);
    let words = text.split(|letter: char| !part(letter));
    let mut addresses: Vec<String> = words
        .map(|word| word.trim_matches('.').to_owned())
        .filter(|word| {
            word.split_once('@').is_some_and(|(local, domain)| {
                !local.contains("...") && domain.contains('.') && !domain.contains('@')
            })
        })
        .collect();
    addresses.sort_by_key(|address| (std::cmp::Reverse(address.len()), address.clone()));
    addresses.dedup();
    addresses
}

/// Puts a code in place of another one, in the same dress: grouped, with separators, in digits of another script.
pub(super) fn in_its_dress(text: &str, literal: &str, actual: &str) -> String {
    let wanted: Vec<char> = literal.chars().collect();
    let given: Vec<char> = actual.chars().collect();
    let letters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < letters.len() {
        match dressed(&letters[at..], &wanted) {
            Some(places) if at == 0 || plain(letters[at - 1]).is_none() => {
                let end = places.last().map_or(0, |place| place + 1);
                // Another length fits into no dress.
                if places.len() != given.len() {
                    out.push_str(actual);
                    at += end;
                    continue;
                }
                for (offset, letter) in letters[at..at + end].iter().enumerate() {
                    match places.iter().position(|place| *place == offset) {
                        Some(index) => out.push(like(*letter, given[index])),
                        None => out.push(*letter),
                    }
                }
                at += end;
            }
            _ => {
                out.push(letters[at]);
                at += 1;
            }
        }
    }
    out
}

/// Where the characters of a code stand, if it begins here: at most three other characters between two of them.
fn dressed(letters: &[char], code: &[char]) -> Option<Vec<usize>> {
    let mut places = Vec::with_capacity(code.len());
    let mut at = 0;
    for wanted in code {
        let mut gap = 0;
        while !plain(*letters.get(at)?).is_some_and(|letter| letter.eq_ignore_ascii_case(wanted)) {
            gap += 1;
            if gap > 3 || places.is_empty() || letters[at].is_alphanumeric() || letters[at] == '"' {
                return None;
            }
            at += 1;
        }
        places.push(at);
        at += 1;
    }
    // More digits behind it: another number.
    letters.get(at).is_none_or(|letter| plain(*letter).is_none()).then_some(places)
}

/// A digit of any script as an ASCII one, a letter as it is.
fn plain(letter: char) -> Option<char> {
    crate::address::ascii_digit(letter).or(letter.is_ascii_alphabetic().then_some(letter))
}

/// `new`, as a digit of the script that `old` is of, or in its case.
fn like(old: char, new: char) -> char {
    match (crate::address::ascii_digit(old), new.to_digit(10)) {
        (Some(digit), Some(wanted)) => {
            let zero = u32::from(old) - digit.to_digit(10).unwrap_or_default();
            char::from_u32(zero + wanted).unwrap_or(new)
        }
        _ if old.is_lowercase() => new.to_ascii_lowercase(),
        _ => new,
    }
}

/// Whether a request id is one of those that servers make up.
fn is_made_up(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A moment in milliseconds, as a number or in ISO 8601.
fn moment(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| Some(value.as_str()?.parse::<jiff::Timestamp>().ok()?.as_millisecond()))
}

/// Whether two texts are the same but for numbers that differ a little.
fn same_but_for_seconds(expected: &str, actual: &str) -> bool {
    let split = |text: &str| -> (Vec<String>, Vec<i64>) {
        let words = text.split(|letter: char| letter.is_ascii_digit()).filter(|word| !word.is_empty());
        let numbers =
            text.split(|letter: char| !letter.is_ascii_digit()).filter_map(|word| word.parse().ok());
        (words.map(str::to_owned).collect(), numbers.collect())
    };
    let ((words, numbers), (others, other_numbers)) = (split(expected), split(actual));
    words == others
        && numbers.len() == other_numbers.len()
        && numbers.iter().zip(&other_numbers).all(|(one, other)| (one - other).abs() <= SLACK)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bot() -> BotId {
        BotId::parse("st-1").unwrap()
    }

    #[test]
    fn codes_are_replaced_in_every_dress() {
        for (before, after) in [
            ("725973", "314159"),
            ("the code is 725-973, thanks", "the code is 314-159, thanks"),
            ("7 2 5 9 7 3", "3 1 4 1 5 9"),
            ("７２５９７３", "３１４１５９"),
            ("{\"Otp\":725973}", "{\"Otp\":314159}"),
            ("17259730", "17259730"),
            ("7259735", "7259735"),
            ("a 725 and b 973", "a 725 and b 973"),
        ] {
            assert_eq!(in_its_dress(before, "725973", "314159"), after);
        }
        assert_eq!(in_its_dress("x kq7m", "KQ7M", "AB2C"), "x ab2c");
        assert_eq!(in_its_dress("+1 202-555-0123.", "12025550123", "447400123456"), "+447400123456.");
    }

    #[test]
    fn addresses_stay_masked_alike_and_come_back() {
        let scenario = json!({ "steps": [{ "say": "mira@example.com or nora.lind@example.org" }] });
        let stand_ins = StandIns::new(&scenario, &bot(), 0xbeef);
        let sent = stand_ins.outward("to mira@example.com and nora.lind@example.org");
        assert_eq!(sent, "to mwvvqbbbbbbbba@example.com and nwvvqbbbbbbbbd@example.org");
        assert_eq!(stand_ins.inward(&sent), "to mira@example.com and nora.lind@example.org");
    }

    #[test]
    fn time_may_pass_a_little() {
        let mut stand_ins = StandIns::new(&json!({}), &bot(), 1);
        let mut alike = |path: &str, one: Value, other: Value| stand_ins.alike(path, &one, &other);
        assert!(alike("otp/expiresInSeconds", json!(300), json!(297)));
        assert!(!alike("otp/expiresInSeconds", json!(300), json!(290)));
        assert!(alike("session/ExpiryTime", json!(1_000_000), json!(9_000_000)));
        assert!(alike("otp/expiresAt", json!("1970-01-01T00:18:00Z"), json!("1970-01-01T02:31:22Z")));
        assert!(!alike("otp/expiresAt", json!("1970-01-01T00:18:00Z"), json!("1970-01-01T02:32:00Z")));
        assert!(alike("otp/message", json!("in 28 seconds"), json!("in 27 seconds")));
        assert!(!alike("otp/message", json!("in 28 seconds"), json!("in 28 minutes")));
        assert!(!alike("otp/attemptsLeft", json!(4), json!(3)));
        assert!(alike("answer/botId", json!(BOT), json!("st-1")));
        assert!(!alike("answer/botId", json!(BOT), json!("st-2")));
    }
}
