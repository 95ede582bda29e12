//! JSON's grammar (RFC 8259), checked byte by byte, with nothing made of it.
//!
//! It is our own because checking is the dearest step of a webhook: reading a payload takes 46 thousand instructions
//! at 4 kB, with `serde_json`'s raw values 66 thousand. It takes and refuses exactly what they do, at any depth; a
//! property test holds it to that.

/// How many open brackets there is room for before more is asked for; payloads have 5 to 10.
const USUAL_DEPTH: usize = 32;

/// A place in a text, moving on. Every step gives `None` if the text is no JSON there.
pub(super) struct Scan<'t> {
    bytes: &'t [u8],
    at: usize,
    /// What closes the brackets that are open, the innermost last. A list, because a caller's nesting must not become
    /// depth of our stack.
    closers: Vec<u8>,
}

impl<'t> Scan<'t> {
    /// Stands at the beginning of `text`.
    pub(super) fn new(text: &'t str) -> Self {
        Self { bytes: text.as_bytes(), at: 0, closers: Vec::with_capacity(USUAL_DEPTH) }
    }

    /// How many bytes lie behind.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// The byte that follows, past white space; `None` at the end.
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    /// Passes the byte that follows, past white space.
    pub(super) fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Passes `wanted` if it follows, past white space.
    pub(super) fn pass(&mut self, wanted: u8) -> Option<()> {
        (self.peek()? == wanted).then(|| self.at += 1)
    }

    /// Passes a key and its colon. Gives where the key ends, and whether an escape stands in it.
    pub(super) fn key(&mut self) -> Option<(usize, bool)> {
        self.pass(b'"')?;
        let escaped = self.string()?;
        let end = self.at;
        self.pass(b':')?;
        Some((end, escaped))
    }

    /// Passes a whole value.
    pub(super) fn value(&mut self) -> Option<()> {
        loop {
            match self.next()? {
                b'"' => {
                    self.string()?;
                }
                b'{' if self.pass(b'}').is_none() => {
                    self.closers.push(b'}');
                    self.key()?;
                    continue;
                }
                b'[' if self.pass(b']').is_none() => {
                    self.closers.push(b']');
                    continue;
                }
                b'{' | b'[' => {}
                b'-' => {
                    let digit = self.bytes.get(self.at).copied()?;
                    self.at += 1;
                    self.number(digit)?;
                }
                digit @ b'0'..=b'9' => self.number(digit)?,
                b't' => self.word(b"rue")?,
                b'f' => self.word(b"alse")?,
                b'n' => self.word(b"ull")?,
                _ => return None,
            }
            // A value is over, and with it perhaps what it stands in.
            loop {
                let Some(&closer) = self.closers.last() else { return Some(()) };
                match self.next()? {
                    b',' if closer == b'}' => {
                        self.key()?;
                        break;
                    }
                    b',' => break,
                    byte if byte == closer => {
                        self.closers.pop();
                    }
                    _ => return None,
                }
            }
        }
    }

    /// Passes the rest of a string and its closing quote. Says whether an escape stands in it.
    fn string(&mut self) -> Option<bool> {
        let mut escaped = false;
        loop {
            let rest = self.bytes.get(self.at..)?;
            let plain = plain(rest);
            self.at += plain + 1;
            match rest.get(plain)? {
                b'"' => return Some(escaped),
                b'\\' => {
                    escaped = true;
                    self.escape()?;
                }
                _ => return None,
            }
        }
    }

    /// Passes what follows a backslash. Half a surrogate pair is none of our business: it is passed on as it came.
    fn escape(&mut self) -> Option<()> {
        let (kind, rest) = self.bytes.get(self.at..)?.split_first()?;
        let length = match kind {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 1,
            b'u' if rest.get(..4)?.iter().all(u8::is_ascii_hexdigit) => 5,
            _ => return None,
        };
        self.at += length;
        Some(())
    }

    /// Passes the rest of a number that begins with `first`, which has been passed.
    fn number(&mut self, first: u8) -> Option<()> {
        match first {
            b'0' if self.digits() == 0 => {}
            b'1'..=b'9' => {
                self.digits();
            }
            _ => return None,
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            (self.digits() > 0).then_some(())?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            (self.digits() > 0).then_some(())?;
        }
        Some(())
    }

    /// Passes digits and says how many.
    fn digits(&mut self) -> usize {
        let from = self.at;
        while let Some(b'0'..=b'9') = self.bytes.get(self.at) {
            self.at += 1;
        }
        self.at - from
    }

    fn word(&mut self, rest: &[u8]) -> Option<()> {
        self.bytes.get(self.at..)?.starts_with(rest).then(|| self.at += rest.len())
    }
}

/// How many bytes lie in front of the first that means something in a string: a quote, a backslash, or a control
/// character, which must not stand there. They are looked at eight at a time.
fn plain(text: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const TOPS: u64 = ONES << 7;
    let (chunks, rest) = text.as_chunks();
    for (index, chunk) in chunks.iter().enumerate() {
        let word = u64::from_le_bytes(*chunk);
        // Subtracting borrows into the top bit of a byte that is too small. A borrow may go on to the bytes behind
        // it, but the first one that is marked is right.
        let below = |bytes: u64, least: u8| bytes.wrapping_sub(ONES * u64::from(least));
        // With bit 1 turned over, a quote (0x22) comes to stand right behind the control characters.
        let control_or_quote = below(word ^ (ONES * 0x02), 0x21);
        let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
        let marked = (control_or_quote | backslash) & !word & TOPS;
        if marked != 0 {
            return index * 8 + marked.trailing_zeros() as usize / 8;
        }
    }
    let tail = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
    chunks.len() * 8 + tail.unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::{Index, select};
    use serde_json::value::RawValue;

    use super::*;

    fn taken(text: &str) -> bool {
        let mut scan = Scan::new(text);
        scan.value().is_some() && scan.peek().is_none()
    }

    fn agree(text: &str) {
        assert_eq!(taken(text), serde_json::from_str::<&RawValue>(text).is_ok(), "{text:?}");
    }

    /// Everything the grammar knows, in few bytes, so that most changes hit something.
    const DENSE: &str =
        r#" {"a":[-1.5e+3,0,10E-2,true,false,null,"\u00e9\n\"é12345678",{},[]],"b":{"\ud83d":[[],[{}]] } } "#;

    #[test]
    fn the_edges_of_the_grammar_are_those_of_serde_json() {
        for text in [
            "0",
            "-0",
            "00",
            "-",
            "1.",
            ".1",
            "1.e1",
            "1e",
            "1e+",
            "-1.0E-07",
            "0x1",
            "+1",
            "1 2",
            "nul",
            "nulll",
            "True",
            "\"",
            "\"\\",
            "\"\\u12",
            "\"\\u12g4\"",
            "\"\\ud800\"",
            "\"\\x\"",
            "\"\u{7f}\"",
            "\"\u{1f}\"",
            "\"1234567\t\"",
            "[",
            "[1,]",
            "[,1]",
            "[1}",
            "{\"a\":1]",
            "{\"a\":1,}",
            "{,}",
            "[]]",
            "\u{a0}1",
            "\"\u{80}\u{a2}\u{dc}12345\"",
        ] {
            agree(text);
        }
        for byte in 0..=127_u8 {
            for place in 0..9 {
                let text = format!("\"{}{}\"", "x".repeat(place), char::from(byte));
                agree(&text);
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused_as_by_serde_json(text in r#"[\[\]{}:,"\\u0-9aeE.+tfn \t-]{0,12}"#) {
            agree(&text);
            agree(&format!("{{\"a\":{text}}}"));
        }

        #[test]
        fn changed_payloads_are_taken_or_refused_as_by_serde_json(
            original in select(vec![
                DENSE,
                include_str!("../../fixtures/payloads/on_webhook.json"),
                include_str!("../../fixtures/payloads/on_user_message.json"),
            ]),
            changes in prop::collection::vec((any::<Index>(), 0..2_usize, r#"[\[\]{}:,"\\u01e.\n\x01é -]{0,2}"#), 0..4),
        ) {
            let mut text: Vec<char> = original.chars().collect();
            for (place, removed, put) in changes {
                let from = place.index(text.len());
                text.splice(from..from + removed, put.chars());
            }
            agree(&text.into_iter().collect::<String>());
        }
    }
}
