//! Whether a file of messages can be used: it is whole, it tells what has to be told, and it can be said aloud.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use fluent_syntax::ast::{Entry, Expression, InlineExpression, Message, Pattern, PatternElement};
use unic_langid::LanguageIdentifier;

use super::{Phrase, Source, Span, Values};

/// The attribute of a message that is said instead of it on voice channels.
pub(super) const VOICE: &str = "voice";

/// Longest option, in characters: the platform cuts titles of buttons there.
const LONGEST_OPTION: usize = 20;

/// A file of a language that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Broken {
    /// The file.
    pub file: String,
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong, and what to do about it; worded to follow the place.
    pub problem: String,
}

impl Broken {
    pub(super) fn file(file: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { file: file.into(), line: None, problem: problem.into() }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, problem } = self;
        match line {
            Some(line) => write!(f, "{file}:{line}: {problem}"),
            None => write!(f, "{file}: {problem}"),
        }
    }
}

/// The line, from 1, that a position is in.
pub(super) fn line_at(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

/// What a message uses: variables by name, for its text and for what is said aloud.
#[derive(Debug, PartialEq, Eq)]
struct Uses {
    written: BTreeSet<String>,
    spoken: BTreeSet<String>,
    /// What it refers to and is neither a variable nor one of our messages: other messages, terms, functions.
    strangers: BTreeSet<String>,
}

/// A parsed file, to be looked at.
struct File<'f> {
    name: &'f str,
    resource: &'f FluentResource,
}

impl<'f> File<'f> {
    fn broken(&self, within: &str, problem: impl Into<String>) -> Broken {
        let source = self.resource.source();
        // Names are slices of the source they were parsed from.
        let at = (within.as_ptr() as usize).saturating_sub(source.as_ptr() as usize);
        Broken { file: self.name.to_owned(), line: Some(line_at(source, at)), problem: problem.into() }
    }

    /// Complains of a message that is there twice: nobody could tell which one is said.
    fn says_everything_once(&self) -> Result<(), Broken> {
        let mut seen = BTreeSet::new();
        match self.messages().find(|message| !seen.insert(message.id.name)) {
            Some(again) => Err(self.broken(again.id.name, format!("{} is there twice", again.id.name))),
            None => Ok(()),
        }
    }

    fn messages(&self) -> impl Iterator<Item = &'f Message<&'f str>> {
        self.resource.entries().filter_map(|entry| match entry {
            Entry::Message(message) => Some(message),
            Entry::Term(_)
            | Entry::Comment(_)
            | Entry::GroupComment(_)
            | Entry::ResourceComment(_)
            | Entry::Junk { .. } => None,
        })
    }
}

/// Parses and checks what a language says: what is compiled in, if anything, and an operator's file over it.
pub(super) fn bundle(
    tag: &LanguageIdentifier,
    built_in: Option<&str>,
    own: Option<&Source>,
    english: &str,
) -> Result<FluentBundle<FluentResource>, Broken> {
    let name = format!("{tag}.ftl");
    let resources =
        [built_in.map(|text| (name.as_str(), text)), own.map(|own| (own.name.as_str(), own.text.as_str()))];
    let resources: Vec<_> = resources
        .into_iter()
        .flatten()
        .map(|(name, text)| Ok((name, parse(name, text)?)))
        .collect::<Result<_, Broken>>()?;
    let files: Vec<File<'_>> = resources.iter().map(|(name, resource)| File { name, resource }).collect();
    let reference = parse("en.ftl", english)?;
    for file in &files {
        file.says_everything_once()?;
    }
    compare(&files, &File { name: "en.ftl", resource: &reference })?;

    let mut bundle = FluentBundle::new_concurrent(vec![tag.clone()]);
    bundle.set_use_isolating(false);
    let places = places(&files);
    for (_, resource) in resources {
        bundle.add_resource_overriding(resource);
    }
    for phrase in Phrase::ALL {
        // Tests have tried what is compiled in.
        try_out(&bundle, phrase, own.is_some()).map_err(|problem| {
            let (file, line) = places.get(phrase.id()).cloned().unwrap_or((name.clone(), None));
            Broken { file, line, problem: format!("{} {problem}", phrase.id()) }
        })?;
    }
    Ok(bundle)
}

/// Where each message stands.
fn places(files: &[File<'_>]) -> BTreeMap<String, (String, Option<usize>)> {
    let all = files.iter().flat_map(|file| file.messages().map(move |message| (file, message.id.name)));
    all.map(|(file, id)| {
        let Broken { file, line, .. } = file.broken(id, "");
        (id.to_owned(), (file, line))
    })
    .collect()
}

fn parse(name: &str, text: &str) -> Result<FluentResource, Broken> {
    FluentResource::try_new(text.to_owned()).map_err(|(_, errors)| {
        let error = errors.first();
        // What is missing at the end of a line is noticed at the beginning of the next.
        let line = error.map(|error| line_at(text, error.pos.start.saturating_sub(1)));
        let problem = error.map_or_else(String::new, ToString::to_string);
        Broken { file: name.to_owned(), line, problem: format!("is not Fluent: {problem}") }
    })
}

/// Compares a language with English: all messages are there, no other ones are, and each uses the same variables.
fn compare(files: &[File<'_>], english: &File<'_>) -> Result<(), Broken> {
    // Later files win.
    let ours: BTreeMap<&str, (&File<'_>, &Message<&str>)> = files
        .iter()
        .flat_map(|file| file.messages().map(move |message| (message.id.name, (file, message))))
        .collect();
    let reference: BTreeMap<&str, &Message<&str>> =
        english.messages().map(|message| (message.id.name, message)).collect();
    let find_ours = |id: &str| ours.get(id)?.1.value.as_ref();
    let find_reference = |id: &str| reference.get(id)?.value.as_ref();
    for (id, (file, message)) in &ours {
        let Some(wanted) = reference.get(id) else {
            let near = reference.keys().min_by_key(|known| strsim::levenshtein(known, id)).unwrap_or(&"");
            return Err(file.broken(id, format!("{id} is no message of ours; did you mean {near}?")));
        };
        if let Some(attribute) = message.attributes.iter().find(|attribute| attribute.id.name != VOICE) {
            let name = attribute.id.name;
            return Err(
                file.broken(name, format!("{id} has .{name}; the only attribute there is is .{VOICE}"))
            );
        }
        let (uses, wanted) = (uses(message, &find_ours), uses(wanted, &find_reference));
        if let Some(stranger) = uses.strangers.first() {
            return Err(file.broken(id, format!("{id} refers to {stranger}, which is not there")));
        }
        for (what, uses, wanted) in
            [("", &uses.written, &wanted.written), (" .voice", &uses.spoken, &wanted.spoken)]
        {
            if let Some(missing) = wanted.difference(uses).next() {
                return Err(file.broken(id, format!("{id}{what} does not use ${missing}")));
            }
            if let Some(unknown) = uses.difference(wanted).next() {
                let known: Vec<String> = wanted.iter().map(|name| format!("${name}")).collect();
                let known = if known.is_empty() { "no variable".to_owned() } else { known.join(", ") };
                return Err(file.broken(id, format!("{id}{what} uses ${unknown}; it may use {known}")));
            }
        }
    }
    let missing: Vec<&str> = reference.keys().filter(|id| !ours.contains_key(*id)).copied().collect();
    match (missing.first(), files.last()) {
        (Some(_), Some(file)) => {
            let problem =
                format!("lacks {}; a new language needs every message of en.ftl", missing.join(", "));
            Err(Broken::file(file.name, problem))
        }
        // A file of keywords alone, for a language that is not ours.
        (Some(_), None) => {
            Err(Broken::file("", "needs a file of messages beside it, such as pl.ftl for pl.toml"))
        }
        (None, _) => Ok(()),
    }
}

/// How deep messages may lead to one another; cycles are found when the message is tried out.
const DEEPEST: u8 = 8;

/// The variables that a message which can be used has places for, in the order of their names.
pub(super) fn variables(bundle: &FluentBundle<FluentResource>, pattern: &Pattern<&str>) -> Box<[String]> {
    let mut used = BTreeSet::new();
    collect(pattern, &|id| bundle.get_message(id)?.value(), DEEPEST, &mut used);
    used.into_iter().collect()
}

fn uses<'m>(message: &Message<&str>, find: &impl Fn(&str) -> Option<&'m Pattern<&'m str>>) -> Uses {
    let mut written = BTreeSet::new();
    if let Some(value) = &message.value {
        collect(value, find, DEEPEST, &mut written);
    }
    let mut spoken = BTreeSet::new();
    match message.attributes.iter().find(|attribute| attribute.id.name == VOICE) {
        Some(voice) => collect(&voice.value, find, DEEPEST, &mut spoken),
        None => spoken.clone_from(&written),
    }
    let is_variable = |name: &String| name.bytes().all(|byte| byte.is_ascii_lowercase());
    let strangers = written.union(&spoken).filter(|name| !is_variable(name)).cloned().collect();
    written.retain(is_variable);
    spoken.retain(is_variable);
    Uses { written, spoken, strangers }
}

fn collect<'m>(
    pattern: &Pattern<&str>,
    find: &impl Fn(&str) -> Option<&'m Pattern<&'m str>>,
    depth: u8,
    used: &mut BTreeSet<String>,
) {
    for element in &pattern.elements {
        match element {
            PatternElement::TextElement { .. } => {}
            PatternElement::Placeable { expression } => collect_expression(expression, find, depth, used),
        }
    }
}

fn collect_expression<'m>(
    expression: &Expression<&str>,
    find: &impl Fn(&str) -> Option<&'m Pattern<&'m str>>,
    depth: u8,
    used: &mut BTreeSet<String>,
) {
    let inline = match expression {
        Expression::Inline(inline) => inline,
        Expression::Select { selector, variants } => {
            for variant in variants {
                collect(&variant.value, find, depth, used);
            }
            selector
        }
    };
    match inline {
        InlineExpression::VariableReference { id } => {
            used.insert(id.name.to_owned());
        }
        InlineExpression::MessageReference { id, .. } => match find(id.name) {
            Some(value) if depth > 0 => collect(value, find, depth - 1, used),
            Some(_) => {}
            None => drop(used.insert(format!("{{ {} }}", id.name))),
        },
        InlineExpression::FunctionReference { id, .. } => drop(used.insert(format!("{}()", id.name))),
        InlineExpression::TermReference { id, .. } => drop(used.insert(format!("{{ -{} }}", id.name))),
        InlineExpression::Placeable { expression } => collect_expression(expression, find, depth, used),
        InlineExpression::StringLiteral { .. } | InlineExpression::NumberLiteral { .. } => {}
    }
}

/// Says a message, in all of its forms if need be, to see that it can be said.
fn try_out(bundle: &FluentBundle<FluentResource>, phrase: Phrase, thoroughly: bool) -> Result<(), String> {
    /// One of every plural category of every language.
    const COUNTS: [u8; 9] = [2, 1, 3, 5, 11, 20, 21, 30, 100];
    let message = bundle.get_message(phrase.id()).ok_or("is missing")?;
    let value = message.value().ok_or("has no text")?;
    let voice = message.get_attribute(VOICE).map(|attribute| attribute.value());
    let counts = if thoroughly { &COUNTS[..] } else { &COUNTS[..1] };
    let spans = [Span::Seconds, Span::Minutes, Span::Hours];
    // With nothing but what it is given later.
    let patterns = [Some(value), voice].into_iter().flatten();
    let patterns: Vec<_> = patterns.map(|pattern| (pattern, variables(bundle, pattern))).collect();
    for (count, span) in counts.iter().flat_map(|count| spans.map(|span| (*count, span(u64::from(*count))))) {
        let values = Values {
            to: "m...a@example.com",
            length: 4 + count % 7,
            digits: matches!(span, Span::Seconds(_) | Span::Hours(_)),
            span,
            left: count,
            options: "A, B",
            product: "Acme",
            support: "help@acme.example",
            code: "012345",
        };
        for (pattern, names) in &patterns {
            let mut errors = Vec::new();
            let text = bundle.format_pattern(pattern, Some(&values.arguments(names)), &mut errors);
            if let Some(error) = errors.first() {
                return Err(format!("cannot be said: {error}"));
            }
            let option = matches!(phrase, Phrase::OptionResend | Phrase::OptionChange | Phrase::OptionCancel);
            if option && text.chars().count() > LONGEST_OPTION {
                return Err(format!("is longer than {LONGEST_OPTION} characters, where buttons are cut"));
            }
        }
    }
    let spoken = bundle.format_pattern(voice.unwrap_or(value), Some(&FluentArgs::new()), &mut Vec::new());
    // Mails are only read.
    let aloud = !phrase.id().starts_with("mail-");
    if aloud && (spoken.contains(['@', '<']) || spoken.contains("://")) {
        return Err(format!("is also said aloud: give it a .{VOICE} without address or link"));
    }
    Ok(())
}
