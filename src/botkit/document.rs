//! A JSON object, checked in one pass and opened only where somebody looks. Everything is kept as positions in the
//! original text, so what is handed on is the sender's own bytes: key order, number text, escapes and white space.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members that are opened, and what is opened in them; everything else is only checked.
pub(super) struct Shape(pub(super) &'static [(&'static str, Shape)]);

/// A piece of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn new(start: usize, end: usize) -> Self {
        // `Object::open` takes no text whose positions do not fit.
        let position = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: position(start), end: position(end) }
    }

    /// Where it begins.
    pub(super) const fn start(self) -> usize {
        self.start as usize
    }

    /// Where it is over.
    pub(super) const fn end(self) -> usize {
        self.end as usize
    }

    const fn len(self) -> usize {
        self.end() - self.start()
    }

    /// Its text.
    pub(super) fn of(self, text: &str) -> &str {
        &text[self.start()..self.end()]
    }
}

/// One object and where it stands.
#[derive(Debug)]
pub(super) struct Object {
    /// From its opening brace to behind its closing one.
    pub(super) span: Span,
    members: Vec<Member>,
}

/// One `"key": value`.
#[derive(Debug)]
pub(super) struct Member {
    /// With its quotes.
    key: Span,
    /// Whether an escape stands in the key, so that its text is not its name.
    escaped: bool,
    /// The value's text.
    pub(super) value: Span,
    /// The value, if the shape opens it and it is an object.
    pub(super) inner: Option<Box<Object>>,
}

impl Object {
    /// Reads `text` as one JSON object.
    ///
    /// # Errors
    /// The text is not JSON, or not an object.
    pub(super) fn open(text: &str, shape: &'static Shape) -> Result<Self, serde_json::Error> {
        if u32::try_from(text.len()).is_err() {
            return Err(serde_json::Error::custom("a text of 4 GB is not looked at"));
        }
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let start = skip_white(text, 0);
        let root = Opening { text, start, shape }.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(root)
    }

    /// The member called `name`; the last one, as in JavaScript, if there are several.
    pub(super) fn get(&self, text: &str, name: &str) -> Option<&Member> {
        self.members.iter().rev().find(|member| member.is(text, name))
    }

    /// Whether it has no members.
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

impl Member {
    /// Whether its key is `name`.
    fn is(&self, text: &str, name: &str) -> bool {
        // Most keys are of another length; nothing is read to pass them by.
        if self.key.len() == name.len() + 2 {
            return text.as_bytes()[self.key.start() + 1..].starts_with(name.as_bytes());
        }
        self.escaped && serde_json::from_str::<String>(self.key.of(text)).is_ok_and(|plain| plain == name)
    }
}

fn skip_white(text: &str, from: usize) -> usize {
    text.as_bytes()[from..]
        .iter()
        .position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
        .map_or(text.len(), |found| from + found)
}

struct Opening<'t> {
    text: &'t str,
    start: usize,
    shape: &'static Shape,
}

impl Opening<'_> {
    /// Where a piece that was borrowed from the text stands in it.
    fn place(&self, piece: &RawValue) -> Span {
        let start = piece.get().as_ptr().addr() - self.text.as_ptr().addr();
        Span::new(start, start + piece.get().len())
    }

    /// If the value of `member` is an object that is to be opened: how.
    fn inner(&self, member: &Member) -> Option<Self> {
        let (_, shape) = self.shape.0.iter().find(|(name, _)| member.is(self.text, name))?;
        let start = skip_white(self.text, skip_white(self.text, member.key.end()) + 1);
        (self.text.as_bytes().get(start) == Some(&b'{')).then_some(Self { text: self.text, start, shape })
    }
}

impl<'de> DeserializeSeed<'de> for Opening<'de> {
    type Value = Object;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Object, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Opening<'de> {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut members = Vec::with_capacity(24);
        let mut end = self.start + 1;
        while let Some(key) = map.next_key::<&'de RawValue>()? {
            let (key, escaped) = (self.place(key), key.get().contains('\\'));
            let mut member = Member { key, escaped, value: key, inner: None };
            if let Some(opening) = self.inner(&member) {
                let object = map.next_value_seed(opening)?;
                member.value = object.span;
                member.inner = Some(Box::new(object));
            } else {
                member.value = self.place(map.next_value()?);
            }
            end = member.value.end();
            members.push(member);
        }
        Ok(Object { span: Span::new(self.start, skip_white(self.text, end) + 1), members })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SHAPE: Shape = Shape(&[("a", Shape(&[("b", Shape(&[]))]))]);

    #[test]
    fn pieces_are_the_senders_own_bytes() {
        let text = " {\"n\" : 1.10 ,\"a\": { \"b\" : {\n} , \"x\\u0079\":\"\\u00e9\" } , \"n\":12345678901234567890} ";
        let root = Object::open(text, &SHAPE).unwrap();
        assert_eq!(root.span.of(text), text.trim());
        assert_eq!(root.get(text, "n").unwrap().value.of(text), "12345678901234567890");
        let a = root.get(text, "a").unwrap().inner.as_ref().unwrap();
        assert_eq!(a.span.of(text), "{ \"b\" : {\n} , \"x\\u0079\":\"\\u00e9\" }");
        let b = a.get(text, "b").unwrap().inner.as_ref().unwrap();
        assert_eq!((b.span.of(text), b.is_empty()), ("{\n}", true));
        assert_eq!(a.get(text, "xy").unwrap().value.of(text), "\"\\u00e9\"");
    }

    #[test]
    fn a_member_that_should_be_an_object_may_be_anything() {
        for value in ["1", "null", "[1]", "\"{}\"", "true"] {
            let text = format!("{{\"a\":{value}}}");
            let root = Object::open(&text, &SHAPE).unwrap();
            let member = root.get(&text, "a").unwrap();
            assert_eq!((member.value.of(&text), member.inner.is_none()), (value, true));
        }
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        for text in [
            "",
            " ",
            "[]",
            "1",
            "\"a\"",
            "null",
            "{",
            "}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{1:1}",
            "{\"a\":{\"b\":{}}",
            "{}{}",
            "{} x",
            "{\"a\":01}",
            "{\"a\":\"\t\"}",
            "{\"a\" {}}",
            "{\"a\":{\"b\" {}}}",
            "\u{feff}{}",
        ] {
            assert!(Object::open(text, &SHAPE).is_err(), "{text:?}");
        }
    }

    #[test]
    fn depth_is_no_danger() {
        let deep = |depth: usize| format!("{{\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(Object::open(&deep(1_000_000), &SHAPE).is_ok());
    }
}
