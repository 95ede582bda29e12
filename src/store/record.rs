//! How records are written where they outlive the process. Every field stands there by its name, so that two releases can
//! share a store: what a reader does not know it passes over, and what it misses it takes for not there.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Unavailable;

/// How a record begins that is written thus. A release that changes the meaning of a field changes this.
const FORMAT: u8 = 1;

/// Writes a record.
///
/// # Errors
/// [`Unavailable`]: it cannot be written, which no record of ours is known for.
pub(super) fn write<T: Serialize>(record: &T) -> Result<Vec<u8>, Unavailable> {
    let mut bytes = vec![FORMAT];
    rmp_serde::encode::write_named(&mut bytes, record)
        .map_err(|error| Unavailable(format!("a record cannot be written: {error}")))?;
    Ok(bytes)
}

/// Reads a record.
///
/// # Errors
/// [`Unavailable`]: it is none, or one of a later format. Taking it for absent would hand out new guesses.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unavailable> {
    match bytes.split_first() {
        Some((&FORMAT, record)) => rmp_serde::from_slice(record)
            .map_err(|error| Unavailable(format!("a record cannot be read: {error}"))),
        Some((format, _)) => {
            Err(Unavailable(format!("a record has the format {format}, of another release")))
        }
        None => Err(Unavailable("a record is empty".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Old {
        name: String,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct New {
        name: String,
        #[serde(default)]
        more: Vec<u32>,
    }

    #[test]
    fn releases_read_each_others_records() {
        let (old, new) = (Old { name: "a".to_owned() }, New { name: "a".to_owned(), more: vec![1] });
        assert_eq!(read::<Old>(&write(&new).unwrap()).unwrap(), old);
        assert_eq!(read::<New>(&write(&old).unwrap()).unwrap(), New { more: Vec::new(), ..new });
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_for_absent() {
        let whole = write(&Old { name: "a".to_owned() }).unwrap();
        let mut later = whole.clone();
        later[0] += 1;
        for bytes in [&[][..], &whole[..whole.len() - 1], &later, b"garbage"] {
            assert!(read::<Old>(bytes).is_err(), "{bytes:?}");
        }
    }
}
