//! A JSON object, checked in one pass and opened only where somebody looks. Everything is kept as positions in the
//! original text, so what is handed on is the sender's own bytes: key order, number text, escapes and white space.

use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members that are opened, and what is opened in them; everything else is only checked.
pub(super) struct Shape(pub(super) &'static [(&'static str, Shape)]);

/// One object and where it stands.
#[derive(Debug)]
pub(super) struct Object {
    /// From its opening brace to behind its closing one.
    pub(super) span: Range<usize>,
    members: Vec<Member>,
}

/// One `"key": value`.
#[derive(Debug)]
pub(super) struct Member {
    key: Range<usize>,
    /// The value's text.
    pub(super) value: Range<usize>,
    /// The value, if the shape opens it and it is an object.
    pub(super) inner: Option<Object>,
}

impl Object {
    /// Reads `text` as one JSON object.
    ///
    /// # Errors
    /// The text is not JSON, or not an object.
    pub(super) fn open(text: &str, shape: &'static Shape) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let start = skip_white(text, 0);
        let root = Opening { text, start, shape }.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(root)
    }

    /// The member called `name`; the last one, as in JavaScript, if there are several.
    pub(super) fn get(&self, text: &str, name: &str) -> Option<&Member> {
        self.members.iter().rev().find(|member| same_key(&text[member.key.clone()], name))
    }

    /// Whether it has no members.
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

/// Compares a key as it is written, quotes and escapes included, with a name.
fn same_key(written: &str, name: &str) -> bool {
    let inside = &written[1..written.len() - 1];
    inside == name
        || (inside.contains('\\') && serde_json::from_str::<String>(written).is_ok_and(|key| key == name))
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
    fn place(&self, piece: &RawValue) -> Range<usize> {
        let start = piece.get().as_ptr().addr() - self.text.as_ptr().addr();
        start..start + piece.get().len()
    }

    /// If the value after `key` is an object that is to be opened: how.
    fn inner(&self, key: &Range<usize>) -> Option<Self> {
        let written = &self.text[key.clone()];
        let (_, shape) = self.shape.0.iter().find(|(name, _)| same_key(written, name))?;
        let start = skip_white(self.text, skip_white(self.text, key.end) + 1);
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
            let key = self.place(key);
            if !self.text[key.clone()].starts_with('"') {
                return Err(A::Error::custom("a key must be a string"));
            }
            let (value, inner) = if let Some(opening) = self.inner(&key) {
                let object = map.next_value_seed(opening)?;
                (object.span.clone(), Some(object))
            } else {
                (self.place(map.next_value()?), None)
            };
            end = value.end;
            members.push(Member { key, value, inner });
        }
        Ok(Object { span: self.start..skip_white(self.text, end) + 1, members })
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
        assert_eq!(&text[root.span.clone()], text.trim());
        assert_eq!(&text[root.get(text, "n").unwrap().value.clone()], "12345678901234567890");
        let a = root.get(text, "a").unwrap().inner.as_ref().unwrap();
        assert_eq!(&text[a.span.clone()], "{ \"b\" : {\n} , \"x\\u0079\":\"\\u00e9\" }");
        let b = a.get(text, "b").unwrap().inner.as_ref().unwrap();
        assert_eq!((&text[b.span.clone()], b.is_empty()), ("{\n}", true));
        assert_eq!(&text[a.get(text, "xy").unwrap().value.clone()], "\"\\u00e9\"");
    }

    #[test]
    fn a_member_that_should_be_an_object_may_be_anything() {
        for value in ["1", "null", "[1]", "\"{}\"", "true"] {
            let text = format!("{{\"a\":{value}}}");
            let root = Object::open(&text, &SHAPE).unwrap();
            let member = root.get(&text, "a").unwrap();
            assert_eq!((&text[member.value.clone()], member.inner.is_none()), (value, true));
        }
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        for text in [
            "", " ", "[]", "1", "\"a\"", "null", "{", "}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}",
            "{\"a\":{\"b\":{}}", "{}{}", "{} x", "{\"a\":01}", "{\"a\":\"\t\"}", "{\"a\" {}}", "{\"a\":{\"b\" {}}}", "\u{feff}{}",
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
