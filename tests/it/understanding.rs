//! What users type while they wait for a code, in every language, and what it comes to: `fixtures/utterances`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use botkit_otp::dialog::understanding::{Lexicon, Utterance, built_in, understand};
use botkit_otp::otp::{Alphabet, Format};
use serde::Deserialize;

/// What must occur in the file of every language. The others are the same in all of them.
const IN_EVERY_LANGUAGE: [&str; 14] = [
    "code",
    "codes",
    "number",
    "address",
    "mention",
    "addresses",
    "bad_address",
    "resend",
    "change_address",
    "cancel",
    "agent",
    "yes",
    "no",
    "other",
];

/// Texts, and the circumstances they are understood under.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Setting {
    #[serde(default = "six")]
    length: u8,
    #[serde(default = "digits")]
    alphabet: Alphabet,
    own_number: Option<String>,
    languages: Vec<String>,
    /// A text, the name of what it comes to, and the code or the address in it.
    texts: Vec<Vec<String>>,
}

fn six() -> u8 {
    6
}

fn digits() -> Alphabet {
    Alphabet::Digits
}

#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    One(Setting),
    Several(Vec<Setting>),
}

fn read(path: &Path) -> Vec<Setting> {
    let text = fs::read_to_string(path).unwrap();
    match serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())) {
        File::One(one) => vec![one],
        File::Several(several) => several,
    }
}

fn lexicons() -> BTreeMap<&'static str, Lexicon> {
    let compiled = |language| {
        let keywords = toml::from_str(built_in(language).unwrap()).unwrap();
        (language, Lexicon::new(&keywords).unwrap_or_else(|error| panic!("{language}.toml {error}")))
    };
    ["ar", "de", "en", "es", "fr", "hi", "it", "ja", "pt", "zh"].map(compiled).into()
}

fn detail(utterance: &Utterance) -> Option<&str> {
    match utterance {
        Utterance::Code(code) => Some(code.reveal()),
        Utterance::Address(destination) | Utterance::Mention(destination) => Some(destination.reveal()),
        Utterance::Codes
        | Utterance::Number
        | Utterance::Addresses
        | Utterance::BadAddress
        | Utterance::Resend
        | Utterance::ChangeAddress
        | Utterance::Cancel
        | Utterance::Agent
        | Utterance::Yes
        | Utterance::No
        | Utterance::Redacted
        | Utterance::Other => None,
    }
}

#[test]
fn every_text_is_understood() {
    let lexicons = lexicons();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/utterances");
    let (mut count, mut failures) = (0, Vec::new());
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut seen = BTreeSet::new();
        for setting in read(&path) {
            let format = Format { length: setting.length, alphabet: setting.alphabet };
            let spoken: Vec<_> = setting.languages.iter().map(|language| &lexicons[&**language]).collect();
            for line in &setting.texts {
                let (text, expected, with) = match &line[..] {
                    [text, expected] => (text, expected, None),
                    [text, expected, with] => (text, expected, Some(&**with)),
                    _ => panic!("{name}: {line:?} is not a text, a name and what is in it"),
                };
                count += 1;
                seen.insert(expected.clone());
                let understood = understand(text, &spoken, format, setting.own_number.as_deref());
                if understood.name() != expected || detail(&understood) != with {
                    let found = detail(&understood).unwrap_or_default();
                    failures.push(format!("{name}: {line:?} came to {} {found}", understood.name()));
                }
            }
        }
        if name != "any" {
            for class in IN_EVERY_LANGUAGE {
                assert!(seen.contains(class), "{name} has no text that comes to {class}");
            }
        }
    }
    assert!(failures.is_empty(), "{} of {count} texts:\n{}", failures.len(), failures.join("\n"));
    assert!(count >= 400, "only {count} texts");
}
