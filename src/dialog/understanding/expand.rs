//! Keyword files say `"(new|another) code"` for two phrases at once.

/// More than anybody writes on purpose.
const MOST: usize = 2_000;

/// All the phrases an entry stands for: `(a|b|)` is `a`, `b` or neither. There are no brackets within brackets.
///
/// # Errors
/// What is wrong with the entry, in words that name it.
pub(super) fn expand(entry: &str) -> Result<Vec<String>, String> {
    let mut phrases = vec![String::new()];
    let mut rest = entry;
    while let Some((before, after)) = rest.split_once('(') {
        let (choices, behind) =
            after.split_once(')').ok_or_else(|| format!("a closing bracket is missing in \"{entry}\""))?;
        if before.contains(')') || choices.contains('(') {
            return Err(format!("brackets do not pair in \"{entry}\""));
        }
        phrases = phrases
            .iter()
            .flat_map(|phrase| choices.split('|').map(move |choice| format!("{phrase}{before}{choice}")))
            .collect();
        if phrases.len() > MOST {
            return Err(format!("more than {MOST} phrases in \"{entry}\""));
        }
        rest = behind;
    }
    if rest.contains(')') {
        return Err(format!("brackets do not pair in \"{entry}\""));
    }
    for phrase in &mut phrases {
        phrase.push_str(rest);
    }
    Ok(phrases)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_is_taken() {
        for (entry, phrases) in [
            ("resend", &["resend"][..]),
            ("(a|b) c", &["a c", "b c"]),
            ("(a|) (b|c)", &["a b", "a c", " b", " c"]),
            ("重新(发送|发)", &["重新发送", "重新发"]),
            ("", &[""]),
        ] {
            assert_eq!(expand(entry).unwrap(), phrases, "{entry}");
        }
    }

    #[test]
    fn brackets_must_pair() {
        for entry in ["(a|b", "a)", "((a|b)|c)", "a) (b"] {
            assert!(expand(entry).unwrap_err().contains(entry), "{entry}");
        }
        assert!(expand(&"(a|b)".repeat(40)).unwrap_err().contains("more than"));
    }
}
