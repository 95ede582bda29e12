//! What the platform itself calls, written down as it comes: many users at once, payloads of its own making. Of a
//! payload only that is kept which the server reads and the samples say differently.

use std::collections::VecDeque;

use log::warn;
use serde_json::{Map, Value, json};

use super::{FIRST_CODE, FIRST_NUMBER, Recording, answered, stand_in_code};
use crate::address::{Channel, Numbering, Phone, ascii_digit};
use crate::botkit::{ALWAYS_READ, SESSION, USER};
use crate::clock::Timestamp;
use crate::simulator::payload;
use crate::simulator::scenario::{Seen, told};
use crate::simulator::{Exchange, Mail, Mode};

/// Steps in the longest recording, which is written anew with every step.
const MOST_STEPS: usize = 1_000;

/// Requests that are remembered for the calls they may still cause, and calls whose request is yet to be answered.
const OPEN: usize = 64;

/// So many digits in a row are somebody's number, if they are no code.
const SOMEBODYS: usize = 7;

/// The time of a code, which is a long number and nobody's.
const EXPIRY: &str = "/context/session/BotUserSession/ExpiryTime";

/// A call of the platform's, and its answer.
pub struct Heard {
    /// When it came.
    pub at: Timestamp,
    /// The request's id, under which the calls come that it causes.
    pub request: String,
    /// Both, as they crossed the wire. A Webhook node's body names its component.
    pub exchange: Exchange,
    /// The places in a payload, as JSON pointers, that the bot's settings name.
    pub fields: Vec<String>,
    /// Whether the bot is in conversation mode.
    pub conversation: bool,
}

/// Traffic as a scenario.
#[derive(Default)]
pub struct Live {
    recording: Recording,
    conversation: bool,
    /// How far the scenario's time is.
    at: Option<Timestamp>,
    /// What the platform holds of ours, as a replay will have it.
    otp: Value,
    sessions: Vec<String>,
    users: Vec<String>,
    /// The requests so far: their ids, and their first steps.
    requests: Vec<(String, usize)>,
    open: VecDeque<Open>,
    /// Calls that came before the answer to the request that caused them.
    early: VecDeque<(String, &'static str, Value)>,
    /// Mails that no step is known for yet.
    mails: Vec<Mail>,
    /// The challenges that were spoken of, and in which steps.
    challenges: Vec<(String, usize)>,
    full: bool,
}

/// A request that may still cause calls.
struct Open {
    request: String,
    step: usize,
    /// Of its context what is ours.
    context: Value,
    answer: Value,
}

impl Live {
    /// Notes mails, or what went to phones; their ids are those of their challenges.
    pub fn mails(&mut self, mails: Vec<Mail>) {
        if !self.full {
            self.mails.extend(mails);
            self.settle();
        }
    }

    /// Notes a request that was answered.
    pub fn heard(&mut self, heard: Heard) {
        if self.recording.steps.len() + 2 > MOST_STEPS {
            if !self.full {
                warn!("--record: the recording is full, at {MOST_STEPS} steps; what follows is left out");
            }
            self.full = true;
            return;
        }
        let Heard { at, request, exchange, fields, conversation } = heard;
        let passed = self.at.map_or(0, |before| (at.millis() - before.millis()) / 1_000);
        let mut step = answered(&exchange);
        if let Some(said) = step.get_mut("say").filter(|said| !said.is_string()) {
            *said = json!(said.to_string());
        }
        if step.get("call").is_some() {
            step["entities"] = json!({});
        }
        let number = self.recording.steps.len() + usize::from(passed != 0);
        let first = self.requests.iter().find(|(known, _)| *known == request).map(|(_, first)| *first);
        let seen = Seen { otp: self.otp.clone(), ..Seen::default() };
        let sent = seen.request(&step, first.unwrap_or(number), "", payload::PLATFORM);
        let sent = sent.and_then(|(_, body)| serde_json::from_str(&body).map_err(|error| error.to_string()));
        let mut sent: Value = match sent {
            Ok(sent) => sent,
            Err(problem) => return warn!("--record: a call is left out: {problem}"),
        };
        if first.is_some() {
            // The same call again has the same id.
            step["request"] = sent["requestId"].clone();
        }
        let (changed, remove) = self.differences(&mut sent, &exchange.body, &fields);
        if !changed.is_empty() {
            step["set"] = changed.into();
        }
        if !remove.is_empty() {
            step["remove"] = remove.into();
        }
        if passed != 0 {
            self.recording.advance(passed);
        }
        self.at = Some(self.at.map_or(at, |before| Timestamp::from_millis(before.millis() + passed * 1_000)));
        self.conversation |= conversation;
        self.keep_secret(&step);
        if step["otp"].is_object() {
            self.otp = step["otp"].clone();
        }
        self.recording.steps.push(step);
        self.speaks_of(&exchange.answer, number);
        if first.is_none() {
            self.requests.push((request.clone(), number));
        }
        let context = json!({ "otp": exchange.body["context"]["otp"] });
        self.open.push_front(Open { request, step: number, context, answer: exchange.answer });
        self.open.truncate(OPEN);
        for (request, door, body) in std::mem::take(&mut self.early) {
            self.called(request, door, body);
        }
        self.settle();
    }

    /// Notes a call that the platform took, at the address in the field `door`.
    pub fn called(&mut self, request: String, door: &'static str, body: Value) {
        let Some(open) = self.open.iter().find(|open| open.request == request) else {
            self.early.push_back((request, door, body));
            if self.early.len() > OPEN {
                self.early.pop_front();
            }
            return;
        };
        let step = open.step;
        let name = door.strip_suffix("Url").unwrap_or(door);
        let name = if name == "callback" { "serviceCallback" } else { name };
        match told(name, &body, &open.context, &open.answer) {
            Ok(told) => {
                self.speaks_of(&body, step);
                self.recording.call(step, told);
            }
            Err(_) => warn!("--record: a call to {name} is left out: it has a form of its own"),
        }
        self.settle();
    }

    /// Puts mails to the steps that sent them: the last that spoke of their challenge.
    fn settle(&mut self) {
        for mail in std::mem::take(&mut self.mails) {
            match self.challenges.iter().rfind(|(challenge, _)| *challenge == mail.id) {
                Some((_, step)) => self.recording.mail_of(*step, &mail),
                None => self.mails.push(mail),
            }
        }
    }

    fn speaks_of(&mut self, body: &Value, step: usize) {
        if let Some(challenge) = body["context"]["otp"]["challengeId"].as_str() {
            self.challenges.push((challenge.to_owned(), step));
        }
    }

    /// Notes what must not be told as it is though no mail tells of it: codes that the bot sends itself, and numbers.
    fn keep_secret(&mut self, step: &Value) {
        let Recording { codes, numbers, .. } = &mut self.recording;
        let code = step["session"]["OTP"].as_str().filter(|code| !code.starts_with("ch_"));
        if let Some(code) = code.filter(|code| !codes.iter().any(|known| known == code)) {
            codes.push(code.to_owned());
        }
        let Ok(anywhere) = Numbering::new("", &[]) else { return };
        let texts = step["set"].as_object().into_iter().flat_map(Map::values).chain([&step["say"]]);
        for phone in texts.filter_map(|text| Phone::parse(text.as_str()?, &anywhere, Channel::Call).ok()) {
            if !numbers.iter().any(|known| known == phone.reveal()) {
                numbers.push(phone.reveal().to_owned());
            }
        }
    }

    /// What to change in `sent`, which a replay would send, so that the server reads in it what `came`.
    fn differences(
        &mut self,
        sent: &mut Value,
        came: &Value,
        fields: &[String],
    ) -> (Map<String, Value>, Vec<Value>) {
        let (mut changed, mut remove) = (Map::new(), Vec::new());
        let mut change = |sent: &mut Value, pointer: &str, value: Option<Value>| {
            if value.as_ref() == sent.pointer(pointer) {
                return;
            }
            match value {
                Some(value) => put(sent, &mut changed, pointer, value),
                None => remove.push(json!(pointer)),
            }
        };
        for pointer in ALWAYS_READ.iter().map(|place| pointer(place)).chain(fields.iter().cloned()) {
            change(sent, &pointer, came.pointer(&pointer).cloned());
        }
        for (places, sample, known) in [
            (&SESSION[..], payload::SESSION, &mut self.sessions),
            (&USER[..], payload::USER, &mut self.users),
        ] {
            for place in places {
                let pointer = pointer(place);
                let id = came.pointer(&pointer).map(|id| stand_in(id, sample, known));
                change(sent, &pointer, id);
            }
        }
        // Addresses are the replay's own; that there was none is the platform's.
        let own = |key: &&String| key.ends_with("Url") || *key == "requestId";
        let keys = sent.as_object().into_iter().flat_map(Map::keys).filter(own);
        remove.extend(keys.filter(|key| came[*key].is_null()).map(|key| json!(format!("/{key}"))));
        (changed, remove)
    }

    /// What was recorded, as a scenario.
    #[must_use]
    pub fn scenario(&self) -> Value {
        let mode = if self.conversation { Mode::Conversation } else { Mode::Webhook };
        let mut scenario = self.recording.told("Recorded from live traffic.", mode);
        let numbers = (FIRST_NUMBER..).take(self.recording.numbers.len()).map(|number| number.to_string());
        let codes =
            (FIRST_CODE..).zip(&self.recording.codes).map(|(number, code)| stand_in_code(number, code));
        let ours: Vec<String> = numbers.chain(codes).collect();
        let ids: Vec<String> = SESSION.iter().chain(&USER).map(|place| pointer(place)).collect();
        for step in scenario["steps"].as_array_mut().into_iter().flatten() {
            if let Some(text) = step.get_mut("say") {
                hide_numbers(text, &ours);
            }
            for (pointer, value) in step["set"].as_object_mut().into_iter().flatten() {
                if !ids.contains(pointer) && pointer != EXPIRY {
                    hide_numbers(value, &ours);
                }
            }
        }
        scenario
    }
}

/// A place as a JSON pointer.
fn pointer(place: &[&str]) -> String {
    place.iter().flat_map(|key| ["/", key]).collect()
}

/// What stands for an id: the sample's own for the first one, for which every replay has another.
fn stand_in(id: &Value, sample: &str, known: &mut Vec<String>) -> Value {
    let id = match id {
        Value::String(text) if text.is_empty() => return id.clone(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return Value::Null,
    };
    let place = known.iter().position(|other| *other == id).unwrap_or_else(|| {
        known.push(id);
        known.len() - 1
    });
    if place == 0 { json!(sample) } else { json!(format!("{sample}-{}", place + 1)) }
}

/// Puts a value into a payload, within new objects where there is no place for it, and notes what that takes.
fn put(sent: &mut Value, changed: &mut Map<String, Value>, pointer: &str, mut value: Value) {
    let mut at = pointer;
    while let Some((parent, key)) = at.rsplit_once('/') {
        if let Some(object) = sent.pointer_mut(parent).and_then(Value::as_object_mut) {
            object.insert(key.to_owned(), value.clone());
            changed.insert(at.to_owned(), value);
            return;
        }
        value = json!({ key: value });
        at = parent;
    }
}

/// Makes the digits of long numbers noughts, but for those that stand in for others already.
fn hide_numbers(value: &mut Value, ours: &[String]) {
    match value {
        Value::String(text) => *text = without_numbers(text, ours),
        Value::Number(number) if number.to_string().len() >= SOMEBODYS => {
            let text = number.to_string();
            if !ours.contains(&text) {
                *value = json!(0);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| hide_numbers(item, ours)),
        Value::Object(members) => members.values_mut().for_each(|member| hide_numbers(member, ours)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn without_numbers(text: &str, ours: &[String]) -> String {
    let inside =
        |letter: char| ascii_digit(letter).is_some() || matches!(letter, ' ' | '-' | '.' | '(' | ')' | '/');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|letter| !inside(letter)).unwrap_or(rest.len());
        // Ids of challenges are words, not numbers.
        let is_word = ascii_digit(first).is_some()
            && out.ends_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
        let (run, after) = rest.split_at(if end == 0 { first.len_utf8() } else { end });
        let digits: String = run.chars().filter_map(ascii_digit).collect();
        if digits.len() < SOMEBODYS || is_word || ours.contains(&digits) {
            out.push_str(run);
        } else {
            out.extend(run.chars().map(|letter| if ascii_digit(letter).is_some() { '0' } else { letter }));
        }
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_nothing_stands_in_for_are_noughts() {
        let ours = ["447400123456".to_owned()];
        for (before, after) in [
            ("my number is 07911 123-456, ok?", "my number is 00000 000-000, ok?"),
            ("+447400123456 or 447400 123456", "+447400123456 or 447400 123456"),
            ("the code is 271-828", "the code is 271-828"),
            ("٠٧٩١١١٢٣٤", "000000000"),
            ("ch_00000000000000000000000000000012", "ch_00000000000000000000000000000012"),
        ] {
            assert_eq!(without_numbers(before, &ours), after);
        }
    }

    #[test]
    fn values_find_a_place() {
        let (mut sent, mut changed) = (json!({ "a": { "b": null } }), Map::new());
        put(&mut sent, &mut changed, "/a/b/c", json!(1));
        put(&mut sent, &mut changed, "/a/b/d", json!(2));
        assert_eq!(sent, json!({ "a": { "b": { "c": 1, "d": 2 } } }));
        assert_eq!(Value::from(changed), json!({ "/a/b": { "c": 1 }, "/a/b/d": 2 }));
    }
}
