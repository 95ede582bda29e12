//! W3C Trace Context (<https://www.w3.org/TR/trace-context/>): a caller's trace goes on in our log lines and in the calls
//! that we make for it, under a new parent id each. Without one there is none.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};

/// The header that carries it.
pub const TRACEPARENT: &str = "traceparent";

/// A caller's trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    id: [u8; 16],
    parent: [u8; 8],
    flags: u8,
}

tokio::task_local! {
    static CURRENT: Option<Trace>;
}

impl Trace {
    /// Reads a header; `None` if it does not follow the standard, which then counts as none.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let version = bytes::<1>(header.get(..2)?)?[0];
        let rest = header.get(2..)?.strip_prefix('-')?;
        let (fields, more) = rest.split_at_checked(52)?;
        // Later versions may say more behind a dash; `ff` is none.
        if version == 0xff || !(more.is_empty() || version > 0 && more.starts_with('-')) {
            return None;
        }
        let mut fields = fields.split('-');
        let (id, parent, flags) =
            (bytes(fields.next()?)?, bytes(fields.next()?)?, bytes::<1>(fields.next()?)?[0]);
        let is_whole = fields.next().is_none() && id != [0; 16] && parent != [0; 8];
        is_whole.then_some(Self { id, parent, flags })
    }

    /// Names one call that is made for it: the trace's id, and a parent id that no other call has.
    #[must_use]
    pub fn child(&self) -> String {
        static CALLS: AtomicU64 = AtomicU64::new(0);
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        let mut digest = Sha256::new();
        digest.update(self.id);
        digest.update(self.parent);
        digest.update(call.to_be_bytes());
        let mut parent = [0; 8];
        parent.copy_from_slice(&digest.finalize()[..8]);
        format!("00-{self}-{:016x}-{:02x}", u64::from_be_bytes(parent).max(1), self.flags & 1)
    }
}

/// The trace's id, as it stands in the header.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Reads bytes in lower-case hexadecimal.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// Does work that a trace is about.
// Not itself `async`, which would have room for the work twice.
pub fn within<T>(trace: Option<Trace>, work: impl Future<Output = T>) -> impl Future<Output = T> {
    CURRENT.scope(trace, work)
}

/// The trace that what runs is about.
#[must_use]
pub fn current() -> Option<Trace> {
    CURRENT.try_with(|trace| *trace).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn only_what_follows_the_standard_is_a_trace() {
        let trace = Trace::parse(GOOD).unwrap();
        assert_eq!(trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let later = GOOD.replace("00-4", "01-4");
        assert!(Trace::parse(&later).is_some() && Trace::parse(&format!("{later}-more")).is_some());
        for bad in [
            "",
            "00",
            "é",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0\n",
        ] {
            assert_eq!(Trace::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_call_has_a_parent_id_of_its_own() {
        let trace = Trace::parse(GOOD).unwrap();
        let (one, other) = (trace.child(), trace.child());
        assert!(one != other && one != GOOD);
        for child in [one, other] {
            let child = Trace::parse(&child).unwrap();
            assert_eq!((child.id, child.flags), (trace.id, 1));
        }
    }

    #[tokio::test]
    async fn it_is_there_while_its_work_runs() {
        let trace = Trace::parse(GOOD);
        assert_eq!(within(trace, async { current() }).await, trace);
        assert_eq!(current(), None);
    }
}
