//! A JSON object, checked in one pass and opened only where somebody looks. Everything is kept as positions in the
//! original text, so what is handed on is the sender's own bytes: key order, number text, escapes and white space.

use super::scan::Scan;

/// The members that are opened, and what is opened in them; everything else is only checked.
pub(super) struct Shape(pub(super) &'static [(&'static str, Shape)]);

/// How many members there is room for before more is asked for.
const USUAL_MEMBERS: usize = 24;

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
    /// Reads `text` as one JSON object; `None` if it is not JSON, or not an object.
    pub(super) fn open(text: &str, shape: &'static Shape) -> Option<Self> {
        // Positions in it must fit a `Span`.
        u32::try_from(text.len()).ok()?;
        let mut scan = Scan::new(text);
        let root = Self::scan(&mut scan, text, shape)?;
        scan.peek().is_none().then_some(root)
    }

    /// Reads the object that follows. Goes no deeper than the shape; what that does not open is passed by.
    fn scan(scan: &mut Scan<'_>, text: &str, shape: &'static Shape) -> Option<Self> {
        scan.pass(b'{')?;
        let start = scan.at() - 1;
        let mut members = Vec::with_capacity(USUAL_MEMBERS);
        let mut more = scan.pass(b'}').is_none();
        while more {
            scan.peek()?;
            let key = scan.at();
            let (end, escaped) = scan.key()?;
            let key = Span::new(key, end);
            let opens = scan.peek()? == b'{';
            let from = scan.at();
            let mut member = Member { key, escaped, value: key, inner: None };
            match shape.0.iter().find(|(name, _)| opens && member.is(text, name)) {
                Some((_, shape)) => member.inner = Some(Box::new(Self::scan(scan, text, shape)?)),
                None => scan.value()?,
            }
            member.value = Span::new(from, scan.at());
            members.push(member);
            more = match scan.next()? {
                b',' => true,
                b'}' => false,
                _ => return None,
            };
        }
        Some(Self { span: Span::new(start, scan.at()), members })
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
    #[inline]
    fn is(&self, text: &str, name: &str) -> bool {
        // Most keys are of another length; nothing is read to pass them by.
        (self.key.len() == name.len() + 2
            && text.as_bytes()[self.key.start() + 1..].starts_with(name.as_bytes()))
            || (self.escaped && self.reads(text, name))
    }

    /// Whether its key is `name` once its escapes are undone.
    #[cold]
    fn reads(&self, text: &str, name: &str) -> bool {
        serde_json::from_str::<String>(self.key.of(text)).is_ok_and(|plain| plain == name)
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
            assert!(Object::open(text, &SHAPE).is_none(), "{text:?}");
        }
    }

    #[test]
    fn depth_is_no_danger() {
        let deep = |depth: usize| format!("{{\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(Object::open(&deep(1_000_000), &SHAPE).is_some());
        assert!(Object::open(&"{\"a\":".repeat(1_000_000), &SHAPE).is_none());
    }
}
