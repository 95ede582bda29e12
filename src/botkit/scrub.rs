//! Takes a typed text out of a payload that repeats it: the platform keeps the user's last message in several places.

/// Shortest text that is looked for inside of others; a shorter one is taken out only where it stands alone.
const SHORTEST_WITHIN: usize = 4;

/// Puts `instead` in place of `typed`, a JSON string as it is written, wherever a string value of `json` is or holds it.
/// Names of members stay as they are.
pub(super) fn scrub(json: &str, typed: &str, instead: &str) -> String {
    let Some(typed) = typed.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return json.to_owned();
    };
    let written = serde_json::Value::from(instead).to_string();
    let instead = &written[1..written.len() - 1];
    let mut scrubbed = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(start) = rest.find('"') {
        let (before, from) = rest.split_at(start + 1);
        scrubbed.push_str(before);
        let (text, after) = from.split_at(end_of_string(from));
        let is_name = after[1.min(after.len())..].trim_start().starts_with(':');
        if !is_name && text == typed {
            scrubbed.push_str(instead);
        } else if !is_name && typed.len() >= SHORTEST_WITHIN && text.contains(typed) {
            scrubbed.push_str(&replace_words(text, typed, instead));
        } else {
            scrubbed.push_str(text);
        }
        let quote = after.len().min(1);
        scrubbed.push_str(&after[..quote]);
        rest = &after[quote..];
    }
    scrubbed.push_str(rest);
    scrubbed
}

/// Where a string's closing quote is.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    let quote = text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    quote.unwrap_or(text.len())
}

/// Replaces `typed` where it is not part of a longer word or number: ids hold digits, too.
fn replace_words(text: &str, typed: &str, instead: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut from = 0;
    for (at, _) in text.match_indices(typed) {
        let end = at + typed.len();
        let alone =
            !text[..at].ends_with(char::is_alphanumeric) && !text[end..].starts_with(char::is_alphanumeric);
        replaced.push_str(&text[from..at]);
        replaced.push_str(if alone { instead } else { typed });
        from = end;
    }
    replaced.push_str(&text[from..]);
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_typed_text_is_taken_out_wherever_it_stands() {
        for (json, scrubbed) in [
            (r#"{"a":"482916","482916":1,"b":482916}"#, r#"{"a":"[code]","482916":1,"b":482916}"#),
            (
                r#"["it is 482916!","x482916","482916482916"]"#,
                r#"["it is [code]!","x482916","482916482916"]"#,
            ),
            (r#"{"a":"{\"body\":\"482916\"}"}"#, r#"{"a":"{\"body\":\"[code]\"}"}"#),
            (r#"{"a" : "482916" }"#, r#"{"a" : "[code]" }"#),
            (r#"{"a":"\\","b":"482916"}"#, r#"{"a":"\\","b":"[code]"}"#),
            ("", ""),
        ] {
            assert_eq!(scrub(json, r#""482916""#, "[code]"), scrubbed);
        }
        assert_eq!(scrub(r#"["48","a 48 b"]"#, r#""48""#, "\""), r#"["\"","a 48 b"]"#);
        assert_eq!(scrub("[1]", "482916", "x"), "[1]");
    }
}
