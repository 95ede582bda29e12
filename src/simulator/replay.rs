//! Plays scenarios at a running server, whose codes, ids and clock are its own: what a scenario says literally stands
//! for what the server says first in its place.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::scenario::{self, Seen, echoes, keys, own, told};
use super::stand_in::StandIns;
use super::{Callbacks, Doors, Mail, Mischief, PATIENCE, Target};
use crate::botkit::{API_KEY_HEADER, TOKEN_HEADER};
use crate::telemetry::Stopwatch;

/// How long calls to the platform are waited for that a step expects.
const CALLS_WITHIN: Duration = Duration::from_secs(8);

/// How long it is seen whether there are calls that it does not.
const NO_MORE_CALLS: Duration = Duration::from_millis(60);

/// What became of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "detail", rename_all = "lowercase")]
pub enum Outcome {
    /// All steps went as expected.
    Passed,
    /// The first that did not, and how.
    Failed(String),
    /// It cannot be played at this server, and why.
    Skipped(String),
}

/// A scenario that was played.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Played {
    /// The file's name, without its ending.
    pub name: String,
    /// What it is about.
    pub about: String,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// How many steps were taken.
    pub steps: usize,
    /// How long they took.
    pub millis: u64,
}

/// Plays scenarios at one server.
pub struct Player {
    target: Target,
    doors: Doors,
    has_doors: bool,
    callbacks: Callbacks,
    platform: String,
    /// The settings that the server has besides the defaults, as scenarios name them.
    settings: Vec<String>,
    rng: StdRng,
}

impl Player {
    /// Prepares to play at `target`, which reaches the platform at `platform_url`, or else straight at a
    /// port of this machine, where 0 is any. `settings` are those that the server has besides the defaults, as scenarios name them.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn new(
        target: Target,
        (platform_url, port): (Option<String>, u16),
        settings: Vec<String>,
        rng: StdRng,
    ) -> Result<Self, String> {
        let callbacks = Callbacks::listen(&target, &Arc::<Mischief>::default(), port)
            .map_err(|error| error.to_string())?;
        let platform = platform_url.unwrap_or_else(|| format!("http://{}", callbacks.address()));
        let doors = Doors::of(target.base())?;
        let has_doors = doors.outbox().await.is_ok();
        Ok(Self { target, doors, has_doors, callbacks, platform, settings, rng })
    }

    /// Whether the server's mail can be read, and its clock moved.
    #[must_use]
    pub const fn has_doors(&self) -> bool {
        self.has_doors
    }

    /// Plays a file.
    pub async fn play(&mut self, file: &Path) -> Played {
        let stopwatch = Stopwatch::start();
        let name = file.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let (about, steps, outcome) = match scenario::read(file) {
            Ok(scenario) => {
                let (steps, outcome) = self.scenario(&scenario).await;
                (scenario["about"].as_str().unwrap_or_default().to_owned(), steps, outcome)
            }
            Err(problem) => (String::new(), 0, Outcome::Failed(problem)),
        };
        let millis = u64::try_from(stopwatch.elapsed().as_millis()).unwrap_or(u64::MAX);
        Played { name, about, outcome, steps, millis }
    }

    async fn scenario(&mut self, scenario: &Value) -> (usize, Outcome) {
        if let Some(reason) = self.unplayable(scenario) {
            return (0, Outcome::Skipped(reason));
        }
        let mut stand_ins = StandIns::new(scenario, self.target.bot(), self.rng.random());
        let mut seen = Seen::of(scenario);
        let steps = scenario["steps"].as_array().into_iter().flatten();
        for (number, step) in steps.enumerate() {
            let taken = self.step(step, number, &mut seen, &mut stand_ins).await;
            if let Err(problem) = taken {
                return (number, Outcome::Failed(format!("step {number} ({}): {problem}", title(step))));
            }
        }
        (scenario["steps"].as_array().map_or(0, Vec::len), Outcome::Passed)
    }

    /// Why a scenario cannot be played at this server, if it cannot.
    fn unplayable(&self, scenario: &Value) -> Option<String> {
        let steps = || scenario["steps"].as_array().into_iter().flatten();
        let named = scenario["config"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let wanted: Vec<&str> = named.filter(|line| !line.starts_with(['[', '#'])).collect();
        let has = |line: &&str| self.settings.iter().any(|setting| setting == line);
        if wanted.len() != self.settings.len() || !wanted.iter().all(has) {
            return Some(match wanted[..] {
                [] => "it is for a server with the default settings".to_owned(),
                _ => format!("it is for a server with {}", wanted.join(", ")),
            });
        }
        if steps().any(|step| !step["answers"].is_null()) {
            return Some("it says what providers and the platform answer".to_owned());
        }
        if steps().any(|step| step["token"].is_string() || !step["headers"][API_KEY_HEADER].is_null()) {
            return Some("it has a token or key of another server in it".to_owned());
        }
        if steps().any(|step| !step["rest"].is_null()) {
            return Some("it is for the REST API".to_owned());
        }
        if steps().any(|step| is_spoken(step, &codes(scenario))) {
            return Some("it has a code in words, which no other code can be put into".to_owned());
        }
        let needs_doors =
            |step: &Value| !step["advance"].is_null() || step["calls"].to_string().contains("\"code\"");
        if !self.has_doors && steps().any(needs_doors) {
            return Some("it needs the mail or the clock of a server in dev mode".to_owned());
        }
        None
    }

    async fn step(
        &mut self,
        step: &Value,
        number: usize,
        seen: &mut Seen,
        stand_ins: &mut StandIns,
    ) -> Result<(), String> {
        if let Some(seconds) = step["advance"].as_i64() {
            return self.doors.advance(seconds).await.map(|_| ());
        }
        let before = self.mails().await?;
        let (path, body) = seen.request(step, number, self.target.bot().as_str(), &self.platform)?;
        let (path, body) = (stand_ins.outward(&path), stand_ins.outward(&body));
        let sent: Value = serde_json::from_str(&body).unwrap_or_default();
        for request in requests(&sent) {
            self.callbacks.give(request);
        }
        let reply = self.send(step, &path, body.clone()).await;
        let status = reply.status.ok_or_else(|| reply.problem.clone().unwrap_or_default())?;
        let mut happened = Map::from_iter([("status".to_owned(), json!(status))]);
        let literal = |stand_ins: &StandIns, text: &str| {
            serde_json::from_str::<Value>(&stand_ins.inward(text)).map_err(|_| format!("no JSON: {text}"))
        };
        if status == 200 && step.get("call").is_some() {
            let mut ours = own(&body, &reply.text)?;
            // Another server signs another proof, at another time.
            ours.otp.as_object_mut().and_then(|otp| otp.remove("proof"));
            stand_ins.learn(&step["otp"], &ours.otp);
            let ours = literal(stand_ins, &json!([ours.otp, ours.session]).to_string())?;
            happened.insert("otp".to_owned(), ours[0].clone());
            if step.get("session").is_some() {
                happened.insert("session".to_owned(), ours[1].clone());
            }
            seen.otp = ours[0].clone();
        } else if status == 200 && (step.get("say").is_some() || step.get("prompt").is_some()) {
            echoes(&body, &reply.text)?;
        } else if status == 200 && step.get("event").is_some() {
            happened.insert("keys".to_owned(), json!(keys(&reply.text)?));
            echoes(&body, &reply.text)?;
        } else {
            happened.insert("answer".to_owned(), literal(stand_ins, &reply.text)?);
        }
        // Mails and calls come by different ways; which was first is not seen from here.
        let (expected_calls, expected_mails): (Vec<&Value>, Vec<&Value>) =
            step["calls"].as_array().into_iter().flatten().partition(|call| !call["platform"].is_null());
        let mut calls = self.calls(expected_calls.len(), &sent, &reply.json()).await?;
        let mails = self.new_mails(&before, expected_mails.len()).await?;
        let mails: Vec<Value> = mails.iter().map(told_mail).collect();
        for (expected, mail) in expected_mails.iter().zip(&mails) {
            stand_ins.learn(expected, mail);
        }
        if self.has_doors {
            calls.splice(0..0, mails);
            let expected = expected_mails.into_iter().chain(expected_calls).cloned().collect();
            let mut step = step.clone();
            step["calls"] = Value::Array(expected);
            happened.insert("calls".to_owned(), literal(stand_ins, &Value::Array(calls).to_string())?);
            return compare(&step, &happened, stand_ins);
        }
        happened.insert("calls".to_owned(), literal(stand_ins, &Value::Array(calls).to_string())?);
        compare(step, &happened, stand_ins)
    }

    async fn send(&self, step: &Value, path: &str, body: String) -> super::Reply {
        let mut headers: Vec<(&str, &str)> = Vec::new();
        for (name, value) in step["headers"].as_object().into_iter().flatten() {
            headers.push((name, value.as_str().unwrap_or_default()));
        }
        let token = self.target.token();
        if step.get("token").is_none() {
            headers.push((TOKEN_HEADER, &token));
        }
        self.target.post_with(path, body, &headers, PATIENCE).await
    }

    async fn mails(&self) -> Result<Vec<Mail>, String> {
        if self.has_doors { self.doors.outbox().await } else { Ok(Vec::new()) }
    }

    /// The mails that were not there before, oldest first; as many as are expected are waited for.
    async fn new_mails(&self, before: &[Mail], expected: usize) -> Result<Vec<Mail>, String> {
        let stopwatch = Stopwatch::start();
        loop {
            let mut mails = self.mails().await?;
            mails.retain(|mail| !before.contains(mail));
            if mails.len() >= expected || !self.has_doors || stopwatch.elapsed() > CALLS_WITHIN {
                mails.reverse();
                return Ok(mails);
            }
            tokio::time::sleep(NO_MORE_CALLS).await;
        }
    }

    /// The calls to the platform; as many as are expected are waited for.
    async fn calls(&mut self, expected: usize, sent: &Value, answer: &Value) -> Result<Vec<Value>, String> {
        let mut calls = Vec::new();
        loop {
            let patience = if calls.len() < expected { CALLS_WITHIN } else { NO_MORE_CALLS };
            let Ok(Some(call)) = tokio::time::timeout(patience, self.callbacks.next()).await else {
                return Ok(calls);
            };
            if let Some(problem) = call.exchange.problem {
                return Err(format!("a call to {} cannot be taken: {problem}", call.door));
            }
            calls.push(told(&call.door, &call.body, &sent["context"], answer)?);
        }
    }
}

/// The requests whose addresses a payload gives out.
fn requests(body: &Value) -> impl Iterator<Item = &str> {
    let members = body.as_object().into_iter().flatten().filter(|(key, _)| key.ends_with("Url"));
    members.filter_map(|(_, url)| url.as_str()?.rsplit('/').next())
}

/// The codes that a scenario sends.
fn codes(scenario: &Value) -> Vec<&str> {
    let steps = scenario["steps"].as_array().into_iter().flatten();
    let calls = steps.flat_map(|step| step["calls"].as_array().into_iter().flatten());
    calls.filter_map(|call| call["code"].as_str()).collect()
}

/// Whether a step's user says a right code in words.
fn is_spoken(step: &Value, codes: &[&str]) -> bool {
    let text = step["say"].as_str().unwrap_or_default();
    let mut outcomes = step["calls"].as_array().into_iter().flatten().map(|call| &call["otp"]);
    let verified = outcomes.any(|otp| *otp == "verified" || otp["status"] == "verified");
    verified && !codes.iter().any(|code| StandIns::has(text, code))
}

/// What a step is, in a few words.
fn title(step: &Value) -> String {
    for key in ["call", "say", "event", "post"] {
        if let Some(text) = step[key].as_str() {
            return format!("{key} {text}");
        }
    }
    "prompt".to_owned()
}

/// Tells a mail, or what went to a phone, the way scenarios expect it.
fn told_mail(mail: &Mail) -> Value {
    match mail.channel.as_str() {
        "email" => json!({ "mail": mail.to, "code": mail.code }),
        channel => {
            let resource = if channel == "call" { "Calls.json" } else { "Messages.json" };
            json!({ "phone": mail.to, "resource": resource, "code": mail.code })
        }
    }
}

fn compare(step: &Value, happened: &Map<String, Value>, stand_ins: &mut StandIns) -> Result<(), String> {
    for (key, value) in happened {
        let mut expected = step[key].clone();
        // The outbox does not tell a mail's challenge.
        for call in expected.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            if call.contains_key("mail") {
                call.remove("challengeId");
            }
        }
        scenario::matches(&expected, value, key, &mut |path, expected, actual| {
            stand_ins.alike(path, expected, actual)
        })?;
    }
    Ok(())
}
