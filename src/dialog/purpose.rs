//! What a code is for, where one session needs more than one kind.

/// Longest purpose, in characters.
const LONGEST: usize = 64;

/// What a code is for, such as `payment`. Codes of different purposes in one session know nothing of each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Purpose(Box<str>);

impl Purpose {
    /// What a purpose looks like, for whoever sent something else.
    pub const FORM: &str = "1 to 64 letters, digits, - and _";

    /// Reads a purpose: 1 to 64 ASCII letters, digits, `-` and `_`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (!text.is_empty() && text.len() <= LONGEST && text.bytes().all(plain)).then(|| Self(text.into()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_are_plain() {
        assert!(Purpose::parse("change-address_2").is_some() && Purpose::parse(&"p".repeat(64)).is_some());
        for text in ["", "two words", "a/b", "~a", "é", &"p".repeat(65)] {
            assert_eq!(Purpose::parse(text), None, "{text}");
        }
    }
}
