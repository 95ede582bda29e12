//! What can be typed besides words for the bot.

use crate::address::Channel;
use crate::simulator::{Mode, Prank};

/// All commands, for `/help`; in lines that fit a terminal.
pub(super) const HELP: &str = concat!(
    "     /code                    type the code from the newest mail\n",
    "     /wrong                   type a wrong one\n",
    "     /advance 5m              move the server's clock; -5m moves it back\n",
    "     /fault sendgrid timeout  or 429, 500, bounce: the provider fails; a number\n",
    "                              behind it says how often, 0 takes it back\n",
    "     /resend-request          the platform makes its last call again\n",
    "     /misbehave retry         or slow, redact, drop: the platform has a bad day\n",
    "     /lang fr                 speak another language\n",
    "     /channel sms             or email, whatsapp, call: how codes travel\n",
    "     /medium voice            or web, text: the kind of channel to write on\n",
    "     /mode conversation       or webhook: another dialog, from its beginning\n",
    "     /reset                   another user, from the beginning\n",
    "     /state                   what the platform holds\n",
    "     /wire                    show what crosses the wire, or stop showing it\n",
    "     /last                    the last request and its answer, in full\n",
    "     /help   /quit            //text says something that begins with a /",
);

/// A command.
#[derive(Debug, PartialEq)]
pub(super) enum Command {
    Say(String),
    Code,
    Wrong,
    Advance(i64),
    Fault { provider: String, mode: String, times: u32 },
    ResendRequest,
    Misbehave(Prank),
    Language(String),
    Channel(Channel),
    Medium(&'static str),
    Mode(Mode),
    Reset,
    State,
    Last,
    Wire,
    Help,
    Quit,
}

/// How often a provider fails that is to fail: once it bounces; anything else is tried four times.
fn times(mode: &str) -> u32 {
    if mode == "bounce" { 1 } else { 4 }
}

/// Reads a line.
///
/// # Errors
/// What is wrong with a command.
pub(super) fn parse(line: &str) -> Result<Command, String> {
    let line = line.trim();
    let Some(command) = line.strip_prefix('/') else { return Ok(Command::Say(line.to_owned())) };
    if command.starts_with('/') {
        return Ok(Command::Say(command.to_owned()));
    }
    let mut words = command.split_whitespace();
    let name = words.next().unwrap_or_default();
    let words: Vec<&str> = words.collect();
    let usage = |example: &str| Err(format!("write it like {example}"));
    Ok(match (name, &words[..]) {
        ("code", []) => Command::Code,
        ("wrong", []) => Command::Wrong,
        ("advance", span) => match seconds(&span.join(" ")) {
            Some(seconds) => Command::Advance(seconds),
            None => return usage("/advance 5m, /advance 90s or /advance -5m"),
        },
        ("fault", [provider, mode]) => {
            Command::Fault { provider: (*provider).to_owned(), mode: (*mode).to_owned(), times: times(mode) }
        }
        ("fault", [provider, mode, times]) => match times.parse() {
            Ok(times) => Command::Fault { provider: (*provider).to_owned(), mode: (*mode).to_owned(), times },
            Err(_) => return usage("/fault sendgrid timeout 4"),
        },
        ("fault", _) => return usage("/fault sendgrid timeout"),
        ("resend-request", []) => Command::ResendRequest,
        ("misbehave", [name]) => match Prank::ALL.into_iter().find(|prank| prank.name() == *name) {
            Some(prank) => Command::Misbehave(prank),
            None => return usage("/misbehave retry, slow, redact or drop"),
        },
        ("lang" | "language", [tag]) => Command::Language((*tag).to_owned()),
        ("channel", [word]) => match Channel::named(word) {
            Some(channel) => Command::Channel(channel),
            None => return usage("/channel email, sms, whatsapp or call"),
        },
        ("medium", ["web"]) => Command::Medium("rtm"),
        ("medium", ["text"]) => Command::Medium("sms"),
        ("medium", ["voice"]) => Command::Medium("ivr"),
        ("mode", ["webhook"]) => Command::Mode(Mode::Webhook),
        ("mode", ["conversation"]) => Command::Mode(Mode::Conversation),
        ("reset", []) => Command::Reset,
        ("state", []) => Command::State,
        ("last", []) => Command::Last,
        ("wire", []) => Command::Wire,
        ("help", _) => Command::Help,
        ("quit" | "exit", []) => Command::Quit,
        _ => return Err(format!("there is no command /{command}; /help lists them")),
    })
}

/// A span of time in seconds: `5m`, `-90s`, or a bare number.
fn seconds(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| Some(text.parse::<jiff::SignedDuration>().ok()?.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        for (line, command) in [
            (" mira@example.com ", Command::Say("mira@example.com".to_owned())),
            ("//code", Command::Say("/code".to_owned())),
            ("/advance 5m", Command::Advance(300)),
            ("/advance -1m 30s", Command::Advance(-90)),
            ("/advance 45", Command::Advance(45)),
            (
                "/fault sendgrid timeout",
                Command::Fault { provider: "sendgrid".to_owned(), mode: "timeout".to_owned(), times: 4 },
            ),
            (
                "/fault outbox 500 0",
                Command::Fault { provider: "outbox".to_owned(), mode: "500".to_owned(), times: 0 },
            ),
            ("/channel text", Command::Channel(Channel::Sms)),
            ("/misbehave drop", Command::Misbehave(Prank::Drop)),
        ] {
            assert_eq!(parse(line).as_ref(), Ok(&command), "{line}");
        }
        for line in ["/", "/advance", "/advance soon", "/fault", "/channel fax", "/codes", "/quit now"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
