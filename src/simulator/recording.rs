//! A conversation written down as a scenario, with everything replaced that is somebody's own.

mod live;

use serde_json::{Map, Value, json};

pub use self::live::{Heard, Live};

use super::scenario::{OUR_KEYS, told};
use super::stand_in::{addresses, in_its_dress};
use super::{Event, Exchange, Mail, Mode, Side};
use crate::address::{Channel, Email, Numbering, Phone};

/// The addresses that stand in for those that were typed, one after the other.
const ADDRESSES: [&str; 4] =
    ["mira@example.com", "nora.lind@example.org", "amir@example.net", "lena.okafor@example.com"];

/// The number that the first phone number is replaced with; those that follow count on.
const FIRST_NUMBER: u64 = 447_400_123_456;

/// The code that the first code is replaced with; those that follow count on.
const FIRST_CODE: u64 = 271_828;

/// The steps so far.
#[derive(Debug, Default)]
pub struct Recording {
    steps: Vec<Value>,
    codes: Vec<String>,
    numbers: Vec<String>,
    /// The context that was sent last, and what its acknowledgement said.
    sent: (Value, Value),
    language: Value,
    channel: Value,
}

impl Recording {
    /// Notes something that happened in the conversation.
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::Wire(exchange) if exchange.from == Side::Platform => self.request(exchange),
            Event::Wire(exchange) if exchange.status == Some(200) => {
                let (context, acknowledged) = &self.sent;
                if let Ok(told) = told(&exchange.what, &exchange.body, context, acknowledged) {
                    self.call(self.steps.len().saturating_sub(1), told);
                }
            }
            Event::Wire(_) | Event::Said { .. } | Event::Session { .. } | Event::Note { .. } => {}
        }
    }

    /// Notes that the clock was moved.
    pub fn advance(&mut self, seconds: i64) {
        self.steps.push(json!({ "advance": seconds }));
    }

    /// Notes a mail, or what went to a phone.
    pub fn mail(&mut self, mail: &Mail) {
        let sends = |step: &Value| step.get("advance").is_none();
        let step = self.steps.iter().rposition(sends).unwrap_or_default();
        self.mail_of(step, mail);
    }

    fn mail_of(&mut self, step: usize, mail: &Mail) {
        if !self.codes.contains(&mail.code) {
            self.codes.push(mail.code.clone());
        }
        let resource = if mail.channel == "call" { "Calls.json" } else { "Messages.json" };
        let told = if mail.channel == "email" {
            json!({ "mail": mail.to, "code": mail.code, "challengeId": mail.id })
        } else {
            if !self.numbers.contains(&mail.to) {
                self.numbers.push(mail.to.clone());
            }
            json!({ "phone": mail.to, "resource": resource, "code": mail.code })
        };
        self.call(step, told);
    }

    fn request(&mut self, exchange: &Exchange) {
        let body = &exchange.body;
        self.language = body["context"]["currentLanguage"].clone();
        self.channel = body["channel"]["type"].clone();
        self.sent = (body["context"].clone(), exchange.answer.clone());
        let mut step = answered(exchange);
        if step.get("call").is_some() {
            step["entities"] = body["context"]["entities"].clone();
            // The samples know the user's address; the conversation did not.
            step["set"] =
                json!({ "/context/session/UserContext/emailId": null, "/message": body["message"] });
            // Once a code is over its time only stands there because it did before.
            if let (true, Some(session)) =
                (exchange.answer["context"]["otp"]["expiresAt"].is_null(), step["session"].as_object_mut())
            {
                session.remove("ExpiryTime");
            }
        }
        // The same call again has the same id.
        if exchange.what.ends_with("again") {
            step["request"] = body["requestId"].clone();
            if let Some(before) = self.steps.last_mut() {
                before["request"] = body["requestId"].clone();
            }
        }
        self.steps.push(step);
    }

    /// Notes what a step caused.
    fn call(&mut self, step: usize, told: Value) {
        if let Some(calls) = self.steps.get_mut(step).and_then(|step| step["calls"].as_array_mut()) {
            calls.push(told);
        }
    }

    /// What was recorded, as a scenario.
    #[must_use]
    pub fn scenario(&self, mode: Mode) -> Value {
        self.told("Recorded from a chat.", mode)
    }

    fn told(&self, about: &str, mode: Mode) -> Value {
        let mut scenario = json!({ "about": about, "steps": self.steps });
        match mode {
            Mode::Webhook => {}
            Mode::Conversation => scenario["config"] = json!(["[bots.default]", "conversation = true"]),
        }
        scenario["language"] = self.language.clone();
        scenario["channel"] = self.channel.clone();
        let mut text = scenario.to_string();
        for (number, address) in addresses(&text).into_iter().enumerate() {
            let name = ADDRESSES[number % ADDRESSES.len()];
            let name = if number < ADDRESSES.len() { name.to_owned() } else { format!("u{number}-{name}") };
            text = text.replace(&address, &name);
            if let (Ok(old), Ok(new)) = (Email::parse(&address), Email::parse(&name)) {
                text = text.replace(&old.masked(), &new.masked());
            }
        }
        for (number, phone) in (FIRST_NUMBER..).zip(&self.numbers) {
            let name = format!("+{number}");
            text = in_its_dress(&text, phone.trim_start_matches('+'), name.trim_start_matches('+'));
            if let (Some(old), Some(new)) = (masked(phone), masked(&name)) {
                text = text.replace(&old, &new);
            }
        }
        for (number, code) in (FIRST_CODE..).zip(&self.codes) {
            text = in_its_dress(&text, code, &stand_in_code(number, code));
        }
        let mut ids = Vec::new();
        for word in text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_') {
            if word.starts_with("ch_") && !ids.contains(&word) {
                ids.push(word);
            }
        }
        let ids: Vec<(String, String)> = ids
            .iter()
            .enumerate()
            .map(|(number, id)| ((*id).to_owned(), format!("ch_{number:032x}")))
            .collect();
        for (id, name) in ids {
            text = text.replace(&id, &name);
        }
        serde_json::from_str(&text).unwrap_or_default()
    }
}

/// The code that stands in for another one.
fn stand_in_code(number: u64, code: &str) -> String {
    number.to_string().chars().cycle().take(code.chars().count()).collect()
}

/// What a step was, and how it was answered.
fn answered(exchange: &Exchange) -> Value {
    let body = &exchange.body;
    let mut step = json!({ "status": exchange.status, "calls": [] });
    match exchange.what.split(' ').next().unwrap_or_default() {
        "on_webhook" => {
            step["call"] = body["dialogComponentName"].clone();
            if exchange.status == Some(200) {
                let context = &exchange.answer["context"];
                let session = &context["session"]["BotUserSession"];
                step["otp"] = context["otp"].clone();
                // A proof names who was proven, and is another one each time.
                step["otp"].as_object_mut().and_then(|otp| otp.remove("proof"));
                step["session"] = OUR_KEYS
                    .iter()
                    .filter_map(|key| Some(((*key).to_owned(), session.get(key)?.clone())))
                    .collect::<Map<_, _>>()
                    .into();
            } else {
                step["answer"] = exchange.answer.clone();
            }
        }
        "on_user_message" => step["say"] = body["message"].clone(),
        _ => step["prompt"] = json!(true),
    }
    step
}

/// A phone number as answers show it.
fn masked(number: &str) -> Option<String> {
    let anywhere = Numbering::new("", &[]).ok()?;
    Some(Phone::parse(number, &anywhere, Channel::Sms).ok()?.masked())
}
