//! How a mail is laid out: by our own templates, or by an operator's in their place. Both are minijinja templates that
//! see the same variables and nothing else: no files, no imports.

use std::sync::Arc;

use log::error;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value, context};

use super::Message;
use crate::clock::Timestamp;
use crate::dialog::catalogue::{Broken, Catalogue};
use crate::dialog::{self, Letter, Letterhead, Occasion, letter};

/// What a template may use.
const VARIABLES: [&str; 10] =
    ["code", "direction", "ignore", "language", "lead", "product", "secret", "subject", "support", "valid"];

/// Codes that templates are tried with. Two, so that none passes that holds one of them by chance.
const SAMPLES: [&str; 2] = ["493816", "H7K4WT"];

/// The two forms of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `mail.html`, where values are escaped.
    Html,
    /// `mail.txt`.
    Text,
}

impl Form {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Html, Self::Text];

    /// What its template is called in an operator's folder.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Html => "mail.html",
            Self::Text => "mail.txt",
        }
    }

    /// What an operator's template is called beside ours. Its ending turns escaping on.
    const fn own(self) -> &'static str {
        match self {
            Self::Html => "own/mail.html",
            Self::Text => "own/mail.txt",
        }
    }

    const fn built_in(self) -> &'static str {
        match self {
            Self::Html => include_str!("mail.html"),
            Self::Text => include_str!("mail.txt"),
        }
    }
}

/// An operator's template.
#[derive(Clone, Debug)]
pub struct Template {
    /// What it is called in complaints.
    pub name: String,
    /// What it replaces.
    pub form: Form,
    /// Its text.
    pub text: String,
}

/// The templates, and what every mail tells of its sender.
pub struct Layout {
    templates: Environment<'static>,
    head: Letterhead,
}

impl Layout {
    /// Puts an operator's templates in the place of ours. Each is tried in every language.
    ///
    /// # Errors
    /// [`Broken`]: a template that cannot be used, and where in it.
    pub fn new(head: Letterhead, own: Vec<Template>, catalogue: &Catalogue) -> Result<Self, Broken> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        // A tag that stands alone on its line leaves no empty line behind.
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        templates.set_syntax(syntax.map_err(|error| broken("mail.html", &error))?);
        for form in Form::ALL {
            templates
                .add_template(form.file(), form.built_in())
                .map_err(|error| broken(form.file(), &error))?;
        }
        let mut layout = Self { templates, head };
        for Template { name, form, text } in own {
            layout.templates.add_template_owned(form.own(), text).map_err(|error| broken(&name, &error))?;
            layout.check(&name, form, catalogue)?;
        }
        Ok(layout)
    }

    /// Whether an operator's template can be used: it knows its variables, works in every language, holds the code.
    fn check(&self, name: &str, form: Form, catalogue: &Catalogue) -> Result<(), Broken> {
        let template = self.templates.get_template(form.own()).map_err(|error| broken(name, &error))?;
        // Trying it out meets only the branches that are taken.
        let used = template.undeclared_variables(false);
        if let Some(unknown) = used.iter().filter(|used| !VARIABLES.contains(&used.as_str())).min() {
            let line =
                template.source().lines().position(|line| mentions(line, unknown)).map(|line| line + 1);
            let problem = format!("uses {unknown}; it may use {}", VARIABLES.join(", "));
            return Err(Broken { file: name.to_owned(), line, problem });
        }
        for language in catalogue.names().filter_map(|name| catalogue.find(name)) {
            let letter = letter(language, &self.head, Occasion::Code, 300);
            for code in SAMPLES {
                let mail =
                    template.render(self.values(&letter, code)).map_err(|error| broken(name, &error))?;
                if !mail.contains(code) {
                    let problem = format!(
                        "leaves out the code, or takes it apart, in language {}: write {{{{ code }}}} where it is to stand",
                        language.tag()
                    );
                    let line = template.source().lines().position(|line| mentions(line, "code"));
                    return Err(Broken { file: name.to_owned(), line: Some(line.unwrap_or(0) + 1), problem });
                }
            }
        }
        Ok(())
    }

    /// Writes the mail for a code.
    #[must_use]
    pub fn write(&self, delivery: &dialog::Delivery, occasion: Occasion, now: Timestamp) -> Message {
        let letter = letter(&delivery.language, &self.head, occasion, delivery.valid_for(now));
        let [html, text] = Form::ALL.map(|form| self.render(form, &letter, delivery.code.reveal()));
        Message {
            challenge: delivery.challenge,
            send: delivery.send,
            to: delivery.to.clone(),
            code: delivery.code.clone(),
            language: Arc::clone(&delivery.language),
            subject: letter.subject,
            text,
            html,
            at: now,
        }
    }

    fn render(&self, form: Form, letter: &Letter, code: &str) -> String {
        for name in [form.own(), form.file()] {
            let Ok(template) = self.templates.get_template(name) else { continue };
            match template.render(self.values(letter, code)) {
                Ok(mail) if mail.contains(code) => return mail,
                // It was tried when the server started; still, a code is worth more than its dress.
                Ok(_) => error!("{name} leaves out a code; using our own"),
                Err(problem) => error!("{name} line {:?}: {}; using our own", problem.line(), problem.kind()),
            }
        }
        code.to_owned()
    }

    fn values(&self, letter: &Letter, code: &str) -> Value {
        let Letter { language, right_to_left, subject, lead, valid, secret, ignore, support } = letter;
        let direction = if *right_to_left { "rtl" } else { "ltr" };
        let product = &self.head.product;
        context! { language, direction, product, subject, lead, code, valid, secret, ignore, support }
    }
}

fn broken(name: &str, error: &minijinja::Error) -> Broken {
    let problem = match error.detail() {
        Some(detail) => format!("cannot be used: {}: {detail}", error.kind()),
        None => format!("cannot be used: {}", error.kind()),
    };
    Broken { file: name.to_owned(), line: error.line(), problem }
}

/// Whether a name stands in a line as a word of its own.
fn mentions(line: &str, name: &str) -> bool {
    line.split(|character: char| !character.is_alphanumeric() && character != '_').any(|word| word == name)
}

#[cfg(test)]
mod tests;
