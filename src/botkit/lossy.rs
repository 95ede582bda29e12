//! Strings as JavaScript has them.

use std::fmt;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer};

/// A string that may hold half a surrogate, as JavaScript's may.
pub(super) struct Lossy(pub(super) String);

impl<'de> Deserialize<'de> for Lossy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Lossy;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Lossy, E> {
                Ok(Lossy(String::from_utf8_lossy(bytes).into_owned()))
            }
        }
        // As bytes, because text with half a surrogate in it would be refused.
        deserializer.deserialize_bytes(Bytes)
    }
}
