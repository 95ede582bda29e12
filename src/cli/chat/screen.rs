//! What the terminal shows.

use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use super::lines::Printer;
use crate::simulator::{Event, Exchange, Mail, Side, Who};

const BOT: Style = AnsiColor::Green.on_default().bold();
const USER: Style = AnsiColor::Cyan.on_default().bold();
const MAIL: Style = AnsiColor::Yellow.on_default();
const FAINT: Style = Style::new().dimmed();
const OPTION: Style = Style::new().underline();

/// What stands in front of what the user types.
pub(super) const PROMPT: &str = "You  ";

/// The terminal, or a pipe that gets the same without colours.
pub(super) struct Screen {
    printer: Option<Printer>,
    wire: bool,
    last: Option<Exchange>,
}

impl Screen {
    pub(super) fn new(printer: Option<Printer>, wire: bool) -> Self {
        Self { printer, wire, last: None }
    }

    /// Shows what crosses the wire from now on, or no longer; whether it does.
    pub(super) fn toggle_wire(&mut self) -> bool {
        self.wire = !self.wire;
        self.wire
    }

    /// The last request and its answer.
    pub(super) const fn last(&self) -> Option<&Exchange> {
        self.last.as_ref()
    }

    /// Shows something that happened.
    pub(super) fn show(&mut self, event: &Event) {
        match event {
            Event::Said { who: Who::Bot, text, options, .. } => {
                self.line(&format!("{BOT}Bot{BOT:#}  {}", indented(text)));
                if !options.is_empty() {
                    let options: Vec<String> =
                        options.iter().map(|option| format!("{OPTION}[{option}]{OPTION:#}")).collect();
                    self.line(&format!("     {}", options.join(" ")));
                }
            }
            // Whoever types at a terminal has it before their eyes already.
            Event::Said { who: Who::User, text, .. } => {
                if self.printer.is_none() {
                    self.line(&format!("{USER}You{USER:#}  {}", indented(text)));
                }
            }
            Event::Wire(exchange) => {
                if self.wire {
                    self.line(&told(exchange));
                }
                self.last = Some(Exchange::clone(exchange));
            }
            Event::Note { text } => self.note(text),
            Event::Session { .. } => {}
        }
    }

    /// Shows a mail, a text message or a call as it would be read or heard.
    pub(super) fn mail(&mut self, mail: &Mail) {
        let what = match mail.channel.as_str() {
            "email" => format!("Mail to {}: {}", mail.to, mail.subject),
            channel => format!("{channel} to {}", mail.to),
        };
        let mut lines = vec![format!("     {MAIL}┌ {what}{MAIL:#}")];
        lines.extend(mail.text.trim_end().lines().map(|line| format!("     {MAIL}│{MAIL:#} {line}")));
        lines.push(format!("     {MAIL}└{MAIL:#}"));
        self.line(&lines.join("\n"));
    }

    /// Says something that is not part of the conversation.
    pub(super) fn note(&mut self, text: &str) {
        self.line(&format!("     {FAINT}{}{FAINT:#}", indented(text)));
    }

    /// Shows JSON, as it is.
    pub(super) fn json(&mut self, value: &Value) {
        self.line(&serde_json::to_string_pretty(value).unwrap_or_default());
    }

    /// What the user said, where it did not come from the keyboard.
    pub(super) fn typed(&mut self, text: &str) {
        if self.printer.is_some() {
            self.line(&format!("{USER}You{USER:#}  {text}"));
        }
    }

    /// Shows a line.
    pub(super) fn line(&mut self, text: &str) {
        match &mut self.printer {
            Some(print) => {
                let plain = anstream::AutoStream::choice(&std::io::stdout()) == anstream::ColorChoice::Never;
                print(
                    if plain { anstream::adapter::strip_str(text).to_string() } else { text.to_owned() }
                        + "\n",
                );
            }
            None => {
                let _ = writeln!(anstream::stdout(), "{text}");
            }
        }
    }
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n     ")
}

fn told(exchange: &Exchange) -> String {
    let arrow = match exchange.from {
        Side::Platform => "→",
        Side::Server => "←",
    };
    let outcome = exchange.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    // An acknowledgement only repeats what was sent.
    let news = match exchange.from {
        Side::Platform if exchange.what.starts_with("on_webhook") => &exchange.answer,
        Side::Platform => &Value::Null,
        Side::Server => &exchange.body,
    };
    let otp = news["context"]["otp"]["status"].as_str();
    let status = otp.map_or_else(String::new, |status| format!("  otp.status = {status}"));
    let problem = exchange.problem.as_ref().map_or_else(String::new, |problem| format!("  {problem}"));
    format!(
        "     {FAINT}{arrow} {}  {outcome}  {} ms{status}{problem}{FAINT:#}",
        exchange.what, exchange.millis
    )
}
