//! What the file says about one session, told in order.

use std::fmt;

use super::chain::{chained, split};
use super::{Event, LOOK_UP, name};
use crate::botkit::BotId;
use crate::dialog::SessionKey;

/// What happened in a session.
#[derive(Debug, Default)]
pub struct Story {
    lines: Vec<String>,
    last: Option<String>,
    broken: Vec<usize>,
}

/// A file that holds no audit.
#[derive(Debug, thiserror::Error)]
#[error("line {0} is no line of an audit")]
pub struct Unreadable(pub usize);

impl Story {
    /// Reads an audit and keeps what is about `session`, of `bot` if one is named.
    ///
    /// # Errors
    /// [`Unreadable`]: a line is none. The last one may be half there, while the server writes it.
    pub fn read(text: &str, session: &str, bot: Option<&BotId>) -> Result<Self, Unreadable> {
        // Long ids are kept as digests, by the same rule for every bot.
        let key = bot.cloned().or_else(|| BotId::parse("any")).map(|bot| SessionKey::new(&bot, session));
        let wanted = key.map_or_else(String::new, |key| name(key.session()).into_owned());
        let mut story = Self::default();
        let mut before = "";
        let count = text.lines().count();
        for (number, line) in text.lines().enumerate() {
            let begun = line.starts_with('{');
            let Some((open, chain)) = split(line).filter(|_| begun) else {
                // Half a line is what a crash, or the server at this moment, leaves; the other half stands first in a
                // file that was emptied in between.
                let rest = number == 0 && line.ends_with('}');
                if number + 1 == count || begun || rest || line.is_empty() {
                    story.broken.extend((number + 1 < count).then_some(number + 1));
                    continue;
                }
                return Err(Unreadable(number + 1));
            };
            // A first line that goes on with a file which was put away has lost what was before it, too.
            if chained(before, open) != chain {
                story.broken.push(number + 1);
            }
            before = chain;
            let event: Event<'_> =
                serde_json::from_str(&[open, "}"].concat()).map_err(|_| Unreadable(number + 1))?;
            let ours = event.session == wanted && bot.is_none_or(|bot| event.bot == bot.as_str());
            if ours {
                story.lines.push(line_of(&event));
                // Nothing ends by being looked at.
                if event.event != LOOK_UP {
                    story.last = Some(meaning(&event).0);
                }
            }
        }
        Ok(story)
    }

    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The lines whose chain does not fit: something was changed or taken out there.
    #[must_use]
    pub fn broken(&self) -> &[usize] {
        &self.broken
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        if let Some(last) = &self.last {
            writeln!(f, "\nIt ends so: {last}.")?;
        }
        Ok(())
    }
}

fn line_of(event: &Event<'_>) -> String {
    let (meaning, about) = meaning(event);
    let mut line = format!("{}  {:<9} {meaning}", event.time, event.event);
    for detail in about.into_iter().chain(event.reason.iter().map(|reason| format!("({reason})"))) {
        line.push_str(", ");
        line.push_str(&detail);
    }
    line
}

/// What an event means, and what there is to say of it.
fn meaning(event: &Event<'_>) -> (String, Vec<String>) {
    let mut about = Vec::new();
    let provider = event.provider.as_deref().unwrap_or("a provider");
    let outcome = match (&*event.event, &*event.outcome) {
        ("delivery", "accepted") => format!("{provider} took the message"),
        ("delivery", "failed") => "no provider took the message".to_owned(),
        ("delivery", "undeliverable") => format!("{provider} says that the address does not exist"),
        ("report", "delivered") => format!("{provider} reports that it was delivered"),
        ("report", "deferred") => format!("{provider} reports that it has not arrived yet"),
        ("report", "blocked") => format!("{provider} reports that it was refused on its way"),
        ("report", "bounced") => format!("{provider} reports that the address cannot be reached"),
        ("report", "dropped") => format!("{provider} reports that it sent nothing, after earlier bounces"),
        ("report", "spam") => format!("{provider} reports that it was marked as spam"),
        (LOOK_UP, _) => "an operator looked at what is out there".to_owned(),
        ("revoke", "done") => "an operator revoked the code".to_owned(),
        ("unlock", "done") => "an operator ended the lock".to_owned(),
        (_, "queued" | "sent") => "a code was made and goes out".to_owned(),
        (_, "generated") => "a code was made, for the bot to send".to_owned(),
        (_, "verified") => "the right code was typed".to_owned(),
        (_, "incorrect") => "a wrong code was typed".to_owned(),
        (_, "superseded") => "an older code was typed, which costs nothing".to_owned(),
        (_, "unrecognized") => "what was typed is no code, which costs nothing".to_owned(),
        (_, "expired") => "the code's time was over".to_owned(),
        (_, "locked") => "too many wrong codes: locked".to_owned(),
        (_, "cooldown") => "a code had just been sent: none goes out".to_owned(),
        (_, "limit_reached") => "a limit is reached: none goes out".to_owned(),
        (_, "no_challenge") => "there was no code".to_owned(),
        (_, "already_verified") => "the code had been used before".to_owned(),
        (_, "invalid_destination") => "no address that could be used".to_owned(),
        (_, "redacted_input") => "PII redaction on the platform had replaced what was typed".to_owned(),
        (_, "send_failed") => "the code that was out had not been sent".to_owned(),
        (_, "undeliverable") => "the code that was out had not arrived".to_owned(),
        (_, "cancelled") => "the code was revoked".to_owned(),
        (_, "misconfigured") => "server or dialog lack something".to_owned(),
        (_, "unavailable") => "the server could not do it".to_owned(),
        (_, other) => other.to_owned(),
    };
    if let Some(to) = &event.to {
        about
            .push(event.channel.as_ref().map_or_else(|| to.to_string(), |channel| format!("{channel} {to}")));
    }
    about.extend(event.send.map(|send| format!("send {send}")));
    about.extend(event.message_id.as_ref().map(|id| format!("message id {id}")));
    about.extend(event.attempts_left.map(|left| format!("{left} tries left")));
    about.extend(event.retry_in_seconds.map(|seconds| format!("wait {seconds} s")));
    about.extend(event.purpose.as_ref().map(|purpose| format!("purpose {purpose}")));
    about.extend(event.challenge.clone());
    about.extend(event.seen.map(|seen| format!("{seen} seen")));
    (outcome, about)
}
