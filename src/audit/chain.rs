//! How lines hang together: each one ends with the digest of itself and of all before it.

use sha2::{Digest as _, Sha256};

/// The digest of a line and of all before it.
pub(super) fn chained(before: &str, line: &str) -> String {
    let digest = Sha256::new().chain_update(before).chain_update(line).finalize();
    let (high, low) = digest.split_at(16);
    let number = |half: &[u8]| half.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    format!("{:032x}{:032x}", number(high), number(low))
}

/// A line without its chain, and the chain.
pub(super) fn split(line: &str) -> Option<(&str, &str)> {
    let (open, chain) = line.strip_suffix("\"}")?.rsplit_once(",\"chain\":\"")?;
    (chain.len() == 64).then_some((open, chain))
}

/// The chain at the end of a text; empty if there is none.
pub(super) fn last(text: &str) -> String {
    text.lines().rev().find_map(|line| Some(split(line)?.1.to_owned())).unwrap_or_default()
}
