//! The keywords of a language, compiled.

use std::ops::Range;

use aho_corasick::{AhoCorasick, Input, MatchKind};

use super::expand::expand;
use super::fold::{CLOSE, Folded, OPEN};
use super::keywords::Keywords;

/// What people ask for by a keyword; of several, the first in this order counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Intent {
    Agent,
    ChangeAddress,
    Resend,
    Cancel,
    Yes,
    No,
}

/// What a word does to the number that is being said.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sound {
    Digit(char),
    Number(u8),
    Times(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Meaning {
    Anywhere(Intent),
    Alone(Intent),
    Nothing,
}

impl Meaning {
    const fn intent(self) -> Option<Intent> {
        match self {
            Self::Anywhere(intent) | Self::Alone(intent) => Some(intent),
            Self::Nothing => None,
        }
    }
}

/// A language's keywords, ready to be found in a text in one pass.
#[derive(Debug)]
pub struct Lexicon {
    /// What counts anywhere, and what means nothing.
    phrases: AhoCorasick,
    meanings: Vec<Option<Asked>>,
    /// What counts alone.
    words: AhoCorasick,
    intents: Vec<Intent>,
    fillers: AhoCorasick,
    addressing: AhoCorasick,
    things: AhoCorasick,
    other_codes: AhoCorasick,
    numerals: AhoCorasick,
    sounds: Vec<Sound>,
    at: Vec<String>,
    dot: Vec<String>,
}

/// What a phrase that counts anywhere asks for.
#[derive(Clone, Copy, Debug)]
struct Asked {
    intent: Intent,
    /// Whether it names what it is about: the code, or the e-mail.
    named: bool,
}

/// What else a text is about.
#[derive(Clone, Copy)]
struct About {
    things: bool,
    other_codes: bool,
    digits: bool,
}

impl Asked {
    /// Whether this is asked of us, in a text that is about something else as well.
    const fn is_ours(self, about: About) -> bool {
        match self.intent {
            Intent::Resend => !about.other_codes && (self.named || !about.things),
            // "The new address is 12 Main Street."
            Intent::ChangeAddress => self.named || !(about.things || about.digits),
            Intent::Agent | Intent::Cancel | Intent::Yes | Intent::No => true,
        }
    }
}

impl Lexicon {
    /// Compiles a language's keywords.
    ///
    /// # Errors
    /// What is wrong, worded to follow the file's name: "digits must have ten entries, from zero to nine".
    pub fn new(keywords: &Keywords) -> Result<Self, String> {
        if keywords.digits.len() != 10 || keywords.digits.iter().any(Vec::is_empty) {
            return Err(
                "digits must have ten entries, from zero to nine, each with a word or more".to_owned()
            );
        }
        let mut phrases: Vec<(String, Meaning)> = Vec::new();
        for (name, listed, intent) in [
            ("agent", &keywords.agent, Intent::Agent),
            ("change_address", &keywords.change_address, Intent::ChangeAddress),
            ("resend", &keywords.resend, Intent::Resend),
            ("cancel", &keywords.cancel, Intent::Cancel),
            ("yes", &keywords.yes, Intent::Yes),
            ("no", &keywords.no, Intent::No),
        ] {
            take(&mut phrases, &format!("{name}.anywhere"), &listed.anywhere, Meaning::Anywhere(intent))?;
            take(&mut phrases, &format!("{name}.alone"), &listed.alone, Meaning::Alone(intent))?;
        }
        take(&mut phrases, "nothing", &keywords.nothing, Meaning::Nothing)?;
        // What counts anywhere counts alone too.
        phrases.sort();
        phrases.dedup_by(|one, other| one.0 == other.0 && one.1.intent() == other.1.intent());
        if let Some([(twice, _), _]) = phrases.array_windows().find(|[one, other]| one.0 == other.0) {
            return Err(format!("says two things about \"{}\"", said(twice)));
        }

        let code = listed("code", &keywords.code)?;
        let mail = listed("mail", &keywords.mail)?;
        let asked = |intent, phrase: &str| {
            let named = match intent {
                Intent::Resend => code.is_match(phrase),
                Intent::ChangeAddress => mail.is_match(phrase),
                Intent::Agent | Intent::Cancel | Intent::Yes | Intent::No => true,
            };
            Asked { intent, named }
        };
        let mut numerals = Vec::new();
        for (digit, forms) in ('0'..='9').zip(&keywords.digits) {
            take(&mut numerals, "digits", forms, Sound::Digit(digit))?;
        }
        if !matches!(keywords.numbers.len(), 0 | 90) {
            return Err("numbers must have ninety entries, from ten to ninety-nine, or none".to_owned());
        }
        for (number, forms) in (10..=99).zip(&keywords.numbers) {
            take(&mut numerals, "numbers", forms, Sound::Number(number))?;
        }
        take(&mut numerals, "double", &keywords.double, Sound::Times(2))?;
        take(&mut numerals, "triple", &keywords.triple, Sound::Times(3))?;

        let (mut anywhere, mut meanings) = (Vec::new(), Vec::new());
        let (mut words, mut intents) = (Vec::new(), Vec::new());
        for (phrase, meaning) in phrases {
            match meaning {
                Meaning::Anywhere(_) | Meaning::Nothing => {
                    meanings.push(meaning.intent().map(|intent| asked(intent, &phrase)));
                    anywhere.push(phrase);
                }
                Meaning::Alone(intent) => {
                    words.push(phrase);
                    intents.push(intent);
                }
            }
        }
        let (numerals, sounds): (Vec<_>, _) = numerals.into_iter().unzip();
        Ok(Self {
            phrases: automaton(&anywhere)?,
            meanings,
            words: automaton(&words)?,
            intents,
            fillers: listed("fillers", &keywords.fillers)?,
            addressing: listed("addressing", &keywords.addressing)?,
            things: listed("things", &keywords.things)?,
            other_codes: listed("other_codes", &keywords.other_codes)?,
            numerals: automaton(&numerals)?,
            sounds,
            at: keywords.at.iter().map(|word| Folded::new(word).plain).collect(),
            dot: keywords.dot.iter().map(|word| Folded::new(word).plain).collect(),
        })
    }

    /// What is asked for by keywords in a text's folded words.
    pub(super) fn intent(&self, words: &str) -> Option<Intent> {
        let mut anywhere = None;
        let mut alone = Vec::new();
        let (mut nothing, mut else_said) = (false, false);
        let mut about = None;
        let mut at = 0;
        for found in self.phrases.find_iter(words) {
            else_said = else_said || !self.take_words(words, at..found.start(), &mut alone);
            at = found.end();
            match self.meanings[found.pattern().as_usize()] {
                Some(asked) if asked.is_ours(*about.get_or_insert_with(|| self.about(words))) => {
                    anywhere = Some(first(anywhere, asked.intent));
                }
                Some(_) => else_said = true,
                None => nothing = true,
            }
        }
        if else_said || !self.take_words(words, at..words.len(), &mut alone) {
            return anywhere;
        }
        // "No, don't resend" agrees or disagrees with nothing we asked, and so does "yes, no".
        let both = alone.contains(&Intent::Yes) && alone.contains(&Intent::No);
        alone
            .into_iter()
            .filter(|intent| *intent < Intent::Yes || !(nothing || both))
            .fold(anywhere, |one, other| Some(first(one, other)))
    }

    /// Whether a folded word is how people say the sign in an address.
    pub(super) fn is_at(&self, word: &str) -> bool {
        self.at.iter().any(|at| at == word)
    }

    /// Whether a folded word is how people say the dot in an address.
    pub(super) fn is_dot(&self, word: &str) -> bool {
        self.dot.iter().any(|dot| dot == word)
    }

    /// What a text is about besides the code.
    fn about(&self, words: &str) -> About {
        About {
            things: self.things.is_match(words),
            other_codes: self.other_codes.is_match(words),
            digits: words.bytes().any(|byte| byte.is_ascii_digit()),
        }
    }

    /// Whether what is said around an address asks to write there: to change the address, or nothing else.
    pub(super) fn is_addressing(&self, words: &str) -> bool {
        let covered = |part: Range<usize>| {
            let mut alone = Vec::new();
            let only = covers(&self.addressing, words, part, |part| self.take_words(words, part, &mut alone));
            only && alone.iter().all(|intent| !matches!(intent, Intent::Agent | Intent::Cancel))
        };
        let (mut change, mut covers_all) = (false, true);
        let about = self.about(words);
        let mut at = 0;
        for found in self.phrases.find_iter(words) {
            covers_all = covers_all && covered(at..found.start());
            at = found.end();
            match self.meanings[found.pattern().as_usize()] {
                Some(asked) if !asked.is_ours(about) => covers_all = false,
                Some(Asked { intent: Intent::ChangeAddress, .. }) => change = true,
                Some(Asked { intent: Intent::Resend | Intent::Yes | Intent::No, .. }) => {}
                Some(Asked { intent: Intent::Agent | Intent::Cancel, .. }) => covers_all = false,
                None => return false,
            }
        }
        change || (covers_all && covered(at..words.len()))
    }

    /// Takes the words that count alone out of what stands between phrases. Whether there are only fillers beside them.
    fn take_words(&self, words: &str, part: Range<usize>, alone: &mut Vec<Intent>) -> bool {
        let mut at = part.start;
        for found in self.words.find_iter(Input::new(words).range(part.clone())) {
            if !self.is_filler(words, at..found.start(), false) {
                return false;
            }
            alone.push(self.intents[found.pattern().as_usize()]);
            at = found.end();
        }
        self.is_filler(words, at..part.end, false)
    }

    /// Whether a text's folded words are nothing but digits, said or typed, and what people say around a code.
    pub(super) fn is_little_else(&self, words: &str) -> bool {
        self.is_filler(words, 0..words.len(), true)
    }

    /// The digits that are said, with their places.
    pub(super) fn sounds<'a>(&'a self, words: &'a str) -> impl Iterator<Item = (Sound, Range<usize>)> + 'a {
        self.numerals.find_iter(words).map(|found| (self.sounds[found.pattern().as_usize()], found.range()))
    }

    /// Whether a part of the words is fillers only, and numbers if those do not matter.
    fn is_filler(&self, words: &str, part: Range<usize>, numbers: bool) -> bool {
        let rest = |part: Range<usize>| {
            let mut marks = words[part].bytes();
            marks.all(|byte| byte == b'.' || byte == b' ' || (numbers && byte.is_ascii_digit()))
        };
        let numerals =
            |part: Range<usize>| rest(part.clone()) || (numbers && covers(&self.numerals, words, part, rest));
        rest(part.clone()) || covers(&self.fillers, words, part, numerals)
    }
}

/// Whether what an automaton does not find in a part of the words is `fine`.
fn covers(
    automaton: &AhoCorasick,
    words: &str,
    part: Range<usize>,
    mut fine: impl FnMut(Range<usize>) -> bool,
) -> bool {
    let mut at = part.start;
    for found in automaton.find_iter(Input::new(words).range(part.clone())) {
        if !fine(at..found.start()) {
            return false;
        }
        at = found.end();
    }
    fine(at..part.end)
}

fn first(one: Option<Intent>, other: Intent) -> Intent {
    one.map_or(other, |one| one.min(other))
}

/// Folds the phrases of one list, as the texts they are looked for in will be.
fn take<M: Copy>(
    into: &mut Vec<(String, M)>,
    list: &str,
    phrases: &[String],
    meaning: M,
) -> Result<(), String> {
    for entry in phrases {
        for phrase in expand(entry).map_err(|error| format!("{list}: {error}"))? {
            let words = Folded::new(&phrase).words;
            let words = words.trim_matches(['.', ' ']);
            if words.is_empty() {
                return Err(format!("{list} has an entry without a word: \"{entry}\""));
            }
            into.push((words.to_owned(), meaning));
        }
    }
    Ok(())
}

/// Folded words as they may be shown to whoever wrote the file.
fn said(words: &str) -> String {
    words.replace([OPEN, CLOSE], " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The automaton of a list.
fn listed(name: &str, phrases: &[String]) -> Result<AhoCorasick, String> {
    let mut folded = Vec::new();
    take(&mut folded, name, phrases, ())?;
    let (folded, _): (Vec<_>, Vec<_>) = folded.into_iter().unzip();
    automaton(&folded)
}

fn automaton(phrases: &[String]) -> Result<AhoCorasick, String> {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        // Every word begins with the same mark: nothing to skip to.
        .prefilter(false)
        .build(phrases)
        .map_err(|error| format!("has too many words: {error}"))
}

#[cfg(test)]
mod tests {
    use super::super::keywords::built_in;
    use super::*;

    const SMALL: &str = r#"
        digits = [["zero"], ["one"], ["two"], ["three"], ["four"], ["five"], ["six"], ["seven"], ["eight"], ["nine"]]
        fillers = ["please"]
        nothing = ["don't resend"]
        resend = { anywhere = ["Resend code"], alone = ["again"] }
        change_address = {}
        cancel = { alone = ["stop"] }
        agent = {}
        yes = {}
        no = {}
    "#;

    fn lexicon(toml: &str) -> Result<Lexicon, String> {
        toml::from_str(toml).map_err(|error| error.to_string()).and_then(|keywords| Lexicon::new(&keywords))
    }

    #[test]
    fn every_built_in_file_compiles() {
        for language in ["ar", "de", "en", "es", "fr", "hi", "it", "ja", "pt", "zh"] {
            let file = built_in(language).unwrap();
            lexicon(file).unwrap_or_else(|error| panic!("{language}.toml {error}"));
        }
        assert_eq!(built_in("xx"), None);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        for (from, to, error) in [
            ("[\"zero\"], ", "", "digits must have ten entries"),
            ("[\"zero\"]", "[]", "digits must have ten entries"),
            ("\"stop\"", "\"again\"", "says two things about \"again\""),
            ("\"stop\"", "\"AGAIN!\"", "says two things about \"again\""),
            ("fillers =", "numbers = [[\"ten\"]]\nfillers =", "numbers must have ninety entries"),
            ("\"please\"", "\" ?\"", "fillers has an entry without a word: \" ?\""),
            ("fillers =", "filler =", "unknown field"),
            ("\"stop\"", "\"(stop|\"", "cancel.alone: a closing bracket is missing"),
        ] {
            let found = lexicon(&SMALL.replace(from, to)).map(|_| ()).unwrap_err();
            assert!(found.contains(error), "{found}");
        }
    }

    #[test]
    fn phrases_count_as_whole_words_and_words_alone() {
        let lexicon = lexicon(SMALL).unwrap();
        for (text, intent) in [
            ("resend code", Some(Intent::Resend)),
            ("Could you RE-SEND it? resend code!", Some(Intent::Resend)),
            ("resend codes", None),
            ("again please", Some(Intent::Resend)),
            ("again and again", None),
            ("again 12", None),
            ("stop", Some(Intent::Cancel)),
            ("stop again", Some(Intent::Resend)),
            ("don't resend code", None),
            ("dont resend. stop", Some(Intent::Cancel)),
            ("nonstop", None),
            ("", None),
        ] {
            assert_eq!(lexicon.intent(&Folded::new(text).words), intent, "{text}");
        }
        assert!(lexicon.is_little_else(&Folded::new("please: 48, two").words));
        assert!(!lexicon.is_little_else(&Folded::new("48 two pleases").words));
    }
}
