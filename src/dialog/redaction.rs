//! What the platform's PII redaction leaves in place of an input, and what an operator can do about it.

/// What the log says to whoever can change that.
pub(super) fn hint(what: &str) -> String {
    format!(
        "{what} was replaced by PII redaction before it got here: use a Service node with original values, \
         or take the entity out of the redaction pattern"
    )
}

/// Whether a text is what Kore's redaction leaves in place of one: a random id of letters and digits, a run of mask
/// characters, or a fixed replacement in brackets. An address has an `@`, and a person's slip has neither form.
pub(super) fn looks_redacted(text: &str) -> bool {
    let text = text.trim();
    let masked = ["###", "+++", "***"].iter().any(|run| text.contains(run));
    let inside = text.strip_prefix(['[', '<', '{']).and_then(|rest| rest.strip_suffix([']', '>', '}']));
    let word = |byte: u8| byte.is_ascii_alphabetic() || b"_- ".contains(&byte);
    let bracketed = inside.is_some_and(|inside| inside.bytes().all(word));
    // Names end in digits, and things have one number in the middle ("iphone15pro"); ids change all the time.
    let changes =
        || text.as_bytes().windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit());
    let random = text.len() >= 8
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && text
            .trim_start_matches(|letter: char| letter.is_ascii_alphabetic())
            .bytes()
            .any(|byte| byte.is_ascii_lowercase())
        && changes().count() >= 3;
    masked || bracketed || random
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redaction_leaves_is_known() {
        for text in ["jjh4ezb2", "m####@example.com", "++++++", "[EMAIL]", "<redacted>", " a1b2c3d4e5 "] {
            assert!(looks_redacted(text), "{text}");
        }
        for text in [
            "mira@example.com",
            "mira+otp@example.com",
            "hello",
            "482916",
            "mira.example.com",
            "my code",
            "",
            "ab12",
            "mira1988",
            "m1ra88",
            "<482916>",
            "iphone15pro",
            "windows10pro",
            "covid19vaccine",
            "Office365Pro",
            "a1b2c3",
        ] {
            assert!(!looks_redacted(text), "{text}");
        }
    }
}
