//! The languages we speak: every text said to users, and the keywords they answer with. A language is a Fluent file of
//! messages (`catalogue/de.ftl`) and a file of keywords (`understanding/de.toml`); ten of them are compiled in, and an
//! operator's files replace single messages or add a language. All of it is checked when the server starts.

mod check;
mod phrase;

pub use check::Broken;
pub use phrase::Phrase;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use fluent_syntax::ast::Pattern;
use unic_langid::{CharacterDirection, LanguageIdentifier};

use super::understanding::{self, Lexicon, Utterance, understand};
use crate::otp::{Alphabet, Format};

/// The messages that are compiled in.
const BUILT_IN: [(&str, &str); 10] = [
    ("en", include_str!("catalogue/en.ftl")),
    ("ar", include_str!("catalogue/ar.ftl")),
    ("de", include_str!("catalogue/de.ftl")),
    ("es", include_str!("catalogue/es.ftl")),
    ("fr", include_str!("catalogue/fr.ftl")),
    ("hi", include_str!("catalogue/hi.ftl")),
    ("it", include_str!("catalogue/it.ftl")),
    ("ja", include_str!("catalogue/ja.ftl")),
    ("pt", include_str!("catalogue/pt.ftl")),
    ("zh", include_str!("catalogue/zh.ftl")),
];

/// An operator's file.
#[derive(Clone, Debug)]
pub struct Source {
    /// What it is called in complaints.
    pub name: String,
    /// The language it is named after, such as `de` or `pt-BR`.
    pub language: String,
    /// What it holds.
    pub kind: Kind,
    /// Its text.
    pub text: String,
}

/// What a file of a language holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What is said: a Fluent file.
    Messages,
    /// What is understood: a TOML file.
    Keywords,
}

/// All languages there are.
#[derive(Debug)]
pub struct Catalogue(BTreeMap<String, Arc<Language>>);

/// One language.
pub struct Language {
    tag: LanguageIdentifier,
    bundle: FluentBundle<FluentResource>,
    /// What is said: written, and spoken.
    sayings: [[Saying; Phrase::ALL.len()]; 2],
    // Compiled when it is first listened to: most servers hear one or two of the languages.
    lexicon: OnceLock<Option<Lexicon>>,
}

/// A message, as it is said.
enum Saying {
    /// It has no variables.
    Fixed(Box<str>),
    /// It has these.
    With(Box<[String]>),
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Language({})", self.tag)
    }
}

/// What a message may tell. Everything may be left as it is that the message has no place for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Values<'v> {
    /// The masked address.
    pub to: &'v str,
    /// Characters in a code.
    pub length: u8,
    /// Whether they are digits.
    pub digits: bool,
    /// How long something lasts.
    pub span: Span,
    /// Tries that are left.
    pub left: u8,
    /// What else can be answered, as a list.
    pub options: &'v str,
    /// What the product is called.
    pub product: &'v str,
    /// Where its users get help.
    pub support: &'v str,
    /// The code, where a message carries it.
    pub code: &'v str,
}

/// A span of time as people say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Span {
    /// There is none to tell.
    #[default]
    None,
    /// So many seconds.
    Seconds(u64),
    /// So many minutes.
    Minutes(u64),
    /// So many hours.
    Hours(u64),
}

impl Span {
    /// How long something is still good for, rounded down: nobody is promised a minute that is not there.
    #[must_use]
    pub const fn lasting(seconds: u64) -> Self {
        match seconds {
            0..120 => Self::Seconds(seconds),
            120..7_200 => Self::Minutes(seconds / 60),
            _ => Self::Hours(seconds / 3_600),
        }
    }

    /// How long to wait, rounded up.
    #[must_use]
    pub const fn waiting(seconds: u64) -> Self {
        match seconds {
            0..=90 => Self::Seconds(seconds),
            91..=5_400 => Self::Minutes(seconds.div_ceil(60)),
            _ => Self::Hours(seconds.div_ceil(3_600)),
        }
    }
}

impl Values<'_> {
    /// Those that a message has places for, in the order of their names: arguments are large, and are kept in that order.
    fn arguments<'n>(&'n self, names: &'n [String]) -> FluentArgs<'n> {
        let mut arguments = FluentArgs::with_capacity(names.len());
        for name in names {
            if let Some(value) = self.value(name) {
                arguments.set(name.as_str(), value);
            }
        }
        arguments
    }

    /// What messages call so.
    fn value(&self, name: &str) -> Option<FluentValue<'_>> {
        let (unit, count) = match self.span {
            Span::None => ("", None),
            Span::Seconds(count) => ("seconds", Some(count)),
            Span::Minutes(count) => ("minutes", Some(count)),
            Span::Hours(count) => ("hours", Some(count)),
        };
        let text = match name {
            "count" => return count.map(FluentValue::from),
            "left" => return (self.left > 0).then(|| self.left.into()),
            "length" => return Some(self.length.into()),
            "code" => self.code,
            "kind" if self.digits => "digits",
            "kind" => "characters",
            "options" => self.options,
            "product" => self.product,
            "support" => self.support,
            "to" => self.to,
            "unit" => unit,
            _ => "",
        };
        (!text.is_empty()).then(|| text.into())
    }
}

impl Catalogue {
    /// Puts the languages together: those compiled in, changed by an operator's files, and those the files add.
    ///
    /// # Errors
    /// [`Broken`]: a file that cannot be used, and where in it.
    pub fn new(own: &[Source]) -> Result<Self, Broken> {
        let of = |language: &str, kind: Kind| {
            own.iter().find(|source| source.kind == kind && source.language.eq_ignore_ascii_case(language))
        };
        let added = own
            .iter()
            .map(|source| source.language.as_str())
            .filter(|language| !BUILT_IN.iter().any(|(known, _)| known.eq_ignore_ascii_case(language)));
        let mut languages = BTreeMap::new();
        for name in BUILT_IN.iter().map(|(name, _)| *name).chain(added) {
            let (messages, keywords) = (of(name, Kind::Messages), of(name, Kind::Keywords));
            let built_in = BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
            let tag: LanguageIdentifier = name.parse().map_err(|_| {
                let file = messages.or(keywords).map_or_else(String::new, |source| source.name.clone());
                Broken::file(file, "is not named after a language, such as pl.ftl or pt-BR.ftl")
            })?;
            let bundle = check::bundle(&tag, built_in, messages, BUILT_IN[0].1).map_err(|broken| {
                // Keywords alone make no language.
                let keywords = keywords.filter(|_| broken.file.is_empty());
                Broken { file: keywords.map_or(broken.file, |source| source.name.clone()), ..broken }
            })?;
            let sayings =
                [false, true].map(|spoken| Phrase::ALL.map(|phrase| Saying::new(&bundle, phrase, spoken)));
            let language = Language { bundle, sayings, lexicon: lexicon(keywords)?, tag };
            if let Some(own) = messages.or(keywords) {
                language.understands_its_options(&own.name)?;
            }
            languages.insert(name.to_ascii_lowercase(), Arc::new(language));
        }
        Ok(Self(languages))
    }

    /// The language that a tag names, such as `pt-BR` or Kore's `pt_br`; without its region if only that is known.
    #[must_use]
    pub fn find(&self, tag: &str) -> Option<&Arc<Language>> {
        /// Longest tag that is looked at (RFC 5646 4.4.1 asks for 35).
        const LONGEST: usize = 35;
        if let Some(language) = self.0.get(tag) {
            return Some(language);
        }
        if tag.len() > LONGEST {
            return None;
        }
        let tag = tag.trim().replace('_', "-").to_ascii_lowercase();
        let mut tag = tag.as_str();
        loop {
            if let Some(language) = self.0.get(tag) {
                return Some(language);
            }
            tag = tag.rsplit_once('-')?.0;
        }
    }

    /// The languages' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Compiles an operator's keywords at once, to see that they can be used. Those that are compiled in have been tested.
fn lexicon(own: Option<&Source>) -> Result<OnceLock<Option<Lexicon>>, Broken> {
    let Some(Source { name, text, .. }) = own else { return Ok(OnceLock::new()) };
    let keywords = toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| check::line_at(text, span.start));
        Broken { file: name.clone(), line, problem: error.message().to_owned() }
    })?;
    let lexicon = Lexicon::new(&keywords).map_err(|problem| Broken::file(name, problem))?;
    Ok(OnceLock::from(Some(lexicon)))
}

impl Language {
    /// Its name, as HTML and mail programs know it.
    #[must_use]
    pub fn tag(&self) -> String {
        self.tag.to_string()
    }

    /// What its words mean; `None` for an added language without keywords of its own, whose users are understood in
    /// the bot's other languages.
    #[must_use]
    pub fn lexicon(&self) -> Option<&Lexicon> {
        let built_in = || {
            // A region speaks as its language does.
            let text = understanding::built_in(self.tag.language.as_str())?;
            Lexicon::new(&toml::from_str(text).ok()?).ok()
        };
        self.lexicon.get_or_init(built_in).as_ref()
    }

    /// Buttons send the words that stand on them: those must mean what they are for.
    fn understands_its_options(&self, file: &str) -> Result<(), Broken> {
        let Some(lexicon) = self.lexicon() else { return Ok(()) };
        let format = Format { length: 6, alphabet: Alphabet::Digits };
        for (phrase, meaning) in [
            (Phrase::OptionResend, Utterance::Resend),
            (Phrase::OptionChange, Utterance::ChangeAddress),
            (Phrase::OptionCancel, Utterance::Cancel),
        ] {
            let text = self.write(phrase, &Values::default());
            if understand(&text, &[lexicon], format, None) != meaning {
                let (id, name, tag) = (phrase.id(), meaning.name(), &self.tag);
                let fix = format!("add it to [{name}] in {tag}.toml, or use other words");
                return Err(Broken::file(
                    file,
                    format!("{id} is {text:?}, which is not understood as that; {fix}"),
                ));
            }
        }
        Ok(())
    }

    /// Whether it is written from right to left.
    #[must_use]
    pub fn is_right_to_left(&self) -> bool {
        self.tag.character_direction() == CharacterDirection::RTL
    }

    /// Says something, in writing.
    #[must_use]
    pub fn write(&self, phrase: Phrase, values: &Values<'_>) -> Cow<'_, str> {
        self.say(phrase, false, values)
    }

    /// Says something, to be heard.
    #[must_use]
    pub fn speak(&self, phrase: Phrase, values: &Values<'_>) -> Cow<'_, str> {
        self.say(phrase, true, values)
    }

    fn say(&self, phrase: Phrase, spoken: bool, values: &Values<'_>) -> Cow<'_, str> {
        match &self.sayings[usize::from(spoken)][phrase as usize] {
            Saying::Fixed(text) => Cow::Borrowed(text),
            Saying::With(names) => {
                let arguments = values.arguments(names);
                // Every message has been tried when the server started.
                let Some(pattern) = pattern(&self.bundle, phrase, spoken) else { return Cow::Borrowed("") };
                let text = self.bundle.format_pattern(pattern, Some(&arguments), &mut Vec::new());
                text.into_owned().into()
            }
        }
    }
}

impl Saying {
    fn new(bundle: &FluentBundle<FluentResource>, phrase: Phrase, spoken: bool) -> Self {
        let Some(pattern) = pattern(bundle, phrase, spoken) else { return Self::Fixed("".into()) };
        let names = check::variables(bundle, pattern);
        if names.is_empty() {
            Self::Fixed(bundle.format_pattern(pattern, None, &mut Vec::new()).into())
        } else {
            Self::With(names)
        }
    }
}

/// What a message says.
fn pattern(bundle: &FluentBundle<FluentResource>, phrase: Phrase, spoken: bool) -> Option<&Pattern<&str>> {
    let message = bundle.get_message(phrase.id())?;
    let voice = message.get_attribute(check::VOICE).filter(|_| spoken);
    voice.map(|attribute| attribute.value()).or_else(|| message.value())
}

#[cfg(test)]
mod tests;
