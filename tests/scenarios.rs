//! Runs every scenario in `fixtures/scenarios` and every conversation in `fixtures/conversations`: requests, expected
//! answers, expected outbound calls in order, and nothing else may have been called. `"*"` matches anything; nothing
//! cleverer.
//!
//! A step is one of
//! - `{"call": "OtpSend", "entities": {..}, "set": {pointer: value}, "request": 1}`: a Webhook node runs. The answer
//!   must be the request again, in the order of BotKit's keys, with `otp`, `session` (our keys of `BotUserSession`)
//!   and `message` as expected and nothing else changed.
//! - `{"say": text}`: the user writes, and the payload repeats it wherever the platform's do.
//! - `{"prompt": true}`: the bot says what the last Webhook node was answered, as an entity's prompt does.
//! - `{"event": "on_user_message", "set": {..}, "remove": [pointer]}`: any other event.
//! - `{"post": path, "body": text or JSON, "headers": {..}, "token": text or null}`: anything at all.
//! - `{"rest": "POST sessions/s-1/otp", "body": text or JSON, "headers": {..}}`: a call below `/v1/bots/{bot}/`, with a good
//!   key and as JSON unless `headers` say otherwise.
//! - `{"advance": seconds}`: time passes.
//!
//! `answers` is what the stub says to the calls it gets (a status, or `{"status", "headers", "body", "delayMs"}`),
//! `calls` what it must have been asked. `BLESS=1` writes what happened into the fixtures where they do not say yet what
//! to expect, to be read before it is committed. A file's `language` and `channel` are those of all its steps.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "each test program uses its own part of it")]
mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use botkit_otp::simulator::scenario::{OUR_KEYS, Seen, echoes, keys, matches, own, told as told_to_platform};
use libtest_mimic::{Arguments, Trial};
use serde_json::{Map, Value, json};
use support::{API_KEY, App, BOT};
use wiremock::{Request, ResponseTemplate};

fn main() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let folders =
        ["scenarios", "conversations"].map(|folder| std::fs::read_dir(fixtures.join(folder)).unwrap());
    let mut files: Vec<PathBuf> = folders.into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let trials = files.into_iter().map(|file| {
        Trial::test(file.file_stem().unwrap().to_string_lossy().into_owned(), move || {
            let runtime = tokio::runtime::Runtime::new()?;
            runtime.block_on(run(&file)).map_err(Into::into)
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}

async fn run(file: &Path) -> Result<(), String> {
    let mut scenario: Value =
        serde_json::from_str(&std::fs::read_to_string(file).unwrap()).map_err(|e| e.to_string())?;
    let bless = std::env::var_os("BLESS").is_some();
    let settings = scenario["config"].as_array().map_or(String::new(), |lines| {
        lines.iter().map(|line| line.as_str().unwrap()).collect::<Vec<_>>().join("\n")
    });
    let app = App::start(&settings).await;
    let (mut seen, mut calls) = (Seen::of(&scenario), 0);
    for number in 0..scenario["steps"].as_array().unwrap().len() {
        if bless {
            write_codes(&mut scenario["steps"], number, &app.codes().await);
        }
        let step = scenario["steps"][number].clone();
        if let Some(seconds) = step["advance"].as_i64() {
            app.advance(seconds);
            continue;
        }
        let happened = take(&app, &step, number, &mut seen, &mut calls)
            .await
            .map_err(|problem| format!("step {number}: {problem}"))?;
        for (key, value) in happened {
            if bless && step[&key].is_null() {
                scenario["steps"][number][&key] = value;
            } else if !bless || step.get(&key).is_some() {
                matches(&step[&key], &value, &key, &mut |_, _, _| false).map_err(|problem| {
                    format!("step {number}: {problem}\n{}", serde_json::to_string_pretty(&value).unwrap())
                })?;
            }
        }
    }
    if bless {
        std::fs::write(file, serde_json::to_string_pretty(&scenario).unwrap() + "\n").unwrap();
    }
    Ok(())
}

/// Writes the codes for `{first}`, `{last}`, `{spaced}`, `{voice}` and `{lower}` into a new scenario: they are literal from then on.
fn write_codes(steps: &mut Value, number: usize, mailed: &[String]) {
    let exposed =
        steps.as_array().unwrap()[..number].iter().filter_map(|step| step["session"]["OTP"].as_str());
    let exposed: Vec<String> = exposed.filter(|code| !code.starts_with("ch_")).map(str::to_owned).collect();
    let codes = if mailed.is_empty() { &exposed } else { mailed };
    let (Some(first), Some(last)) = (codes.first(), codes.last()) else { return };
    let spaced: String = last.chars().flat_map(|digit| [' ', digit]).collect();
    let text = steps[number].to_string().replace("{first}", first).replace("{last}", last);
    let said: Vec<String> = last.chars().map(String::from).collect();
    let text = text.replace("{spaced}", &spaced).replace("{lower}", &last.to_lowercase());
    let text = text.replace("{voice}", &said.join(", "));
    steps[number] = serde_json::from_str(&text).unwrap();
}

/// Takes a step and tells what happened, under the names a step expects it by.
async fn take(
    app: &App,
    step: &Value,
    number: usize,
    seen: &mut Seen,
    known: &mut usize,
) -> Result<Map<String, Value>, String> {
    for answer in step["answers"].as_array().into_iter().flatten() {
        app.script.answer(scripted(answer));
    }
    let mut happened = Map::new();
    let (path, body) = seen.request(step, number, BOT, &app.stub.uri())?;
    let mut call = app.http.post(format!("{}{path}", app.url));
    if let Some(method) = step["rest"].as_str().and_then(|rest| rest.split(' ').next()) {
        call = app.http.request(method.parse().unwrap(), format!("{}{path}", app.url));
        for (name, usual) in
            [("authorization", format!("Bearer {API_KEY}")), ("content-type", "application/json".to_owned())]
        {
            if step["headers"].get(name).is_none() {
                call = call.header(name, usual);
            }
        }
    } else if step.get("token").is_none() {
        call = call.header("token", app.token());
    } else if let Some(token) = step["token"].as_str() {
        call = call.header("token", token);
    }
    for (name, value) in step["headers"].as_object().into_iter().flatten() {
        if let Some(value) = value.as_str() {
            call = call.header(name, value);
        }
    }
    let response = call.body(body.clone()).send().await.map_err(|error| format!("{error:?}"))?;
    let status = response.status().as_u16();
    let acknowledges = response.headers().get("supportsmessageack").is_some_and(|value| value == "true");
    if path.contains("/sdk/") && acknowledges != (status == 200) {
        return Err(format!("supportsMessageAck goes with 200 only, and this is a {status}"));
    }
    if (status == 401) != response.headers().contains_key("response-error-description") {
        return Err("response-error-description goes with 401".to_owned());
    }
    let answer = response.text().await.map_err(|error| error.to_string())?;
    happened.insert("status".to_owned(), json!(status));
    if status == 200 && step.get("call").is_some() {
        let mut ours = own(&body, &answer)?;
        take_proof(&mut ours.otp, app.server.prover.jwks())?;
        seen.otp = ours.otp.clone();
        happened.insert("otp".to_owned(), ours.otp);
        if step.get("session").is_some() || std::env::var_os("BLESS").is_some() {
            happened.insert("session".to_owned(), ours.session.into());
        }
    } else if status == 200 && (step.get("say").is_some() || step.get("prompt").is_some()) {
        echoes(&body, &answer)?;
    } else if status == 200 && step.get("event").is_some() {
        happened.insert("keys".to_owned(), json!(keys(&answer)?));
        echoes(&body, &answer)?;
    } else {
        let mut answer: Value = serde_json::from_str(&answer).map_err(|_| format!("no JSON: {answer}"))?;
        if let Some((method, _)) = step["rest"].as_str().and_then(|rest| rest.split_once(' ')) {
            let path = path.split('?').next().unwrap_or_default();
            support::document::check(method, path, status, &answer)?;
            let report = if answer.get("otp").is_some() { &mut answer["otp"] } else { &mut answer };
            take_proof(report, app.server.prover.jwks())?;
        }
        happened.insert("answer".to_owned(), answer);
    }
    let calls = app.calls().await;
    let codes = app.codes().await;
    let outbound: Vec<Value> =
        calls[*known..].iter().map(|call| told(app, call, &body, &answer, &codes)).collect();
    *known = calls.len();
    happened.insert("calls".to_owned(), json!(outbound));
    Ok(happened)
}

fn scripted(answer: &Value) -> ResponseTemplate {
    let status = answer.as_u64().or(answer["status"].as_u64()).unwrap();
    let mut template = ResponseTemplate::new(u16::try_from(status).unwrap());
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        template = template.insert_header(name.as_str(), value.as_str().unwrap());
    }
    if let Some(body) = answer.get("body") {
        template = template.set_body_string(body.to_string());
    }
    template.set_delay(Duration::from_millis(answer["delayMs"].as_u64().unwrap_or(0)))
}

/// Tells an outbound call the way scenarios expect it.
fn told(app: &App, call: &Request, sent: &str, answer: &str, codes: &[String]) -> Value {
    if support::is_twilio(call) {
        return told_of_a_phone(call);
    }
    let body: Value = serde_json::from_slice(&call.body).unwrap();
    let path = call.url.path();
    if path == "/v3/mail/send" {
        assert_eq!(call.headers["authorization"], "Bearer SG.n0t-a-real-key");
        assert_eq!(call.headers["content-type"], "application/json");
        return json!({
            "mail": body["personalizations"][0]["to"][0]["email"],
            "code": support::mailed_code(call),
            "challengeId": body["custom_args"]["challenge_id"],
        });
    }
    let token = call.headers["auth"].to_str().unwrap();
    let checked = app.server.bots.default.as_ref().unwrap().credentials.as_ref().unwrap().check(
        Some(token),
        None,
        botkit_otp::clock::Clock::now(&botkit_otp::clock::SystemClock),
    );
    assert_eq!(checked, Ok(()));
    assert_eq!(call.headers["content-type"], "application/json");
    assert!(path.starts_with(&format!("/api/botsdk/stream/{BOT}/")), "{path}");
    let name = path.split('/').nth(5).unwrap();
    // A message is passed on in the very bytes that acknowledged it, or else it is ours.
    let acknowledged = if call.body == answer.as_bytes() { body.clone() } else { Value::Null };
    let before: Value = serde_json::from_str(sent).unwrap();
    if acknowledged.is_null() && !path.contains("serviceCallback") {
        ours(&body, sent, codes);
        let text = String::from_utf8_lossy(&call.body);
        assert!(!codes.iter().any(|code| text.contains(code.as_str())), "a code leaves in {text}");
    }
    if body["context"]["otp"] != before["context"]["otp"] {
        let proven = take_proof(&mut body["context"]["otp"].clone(), app.server.prover.jwks());
        assert!(proven.is_ok(), "{proven:?}");
    }
    told_to_platform(name, &body, &before["context"], &acknowledged)
        .unwrap_or_else(|problem| panic!("{problem}"))
}

/// Tells what went to a phone: to whom, by which of Twilio's resources, and the code.
fn told_of_a_phone(call: &Request) -> Value {
    assert_eq!(call.headers["content-type"], "application/x-www-form-urlencoded");
    let fields = support::form(call);
    let to = fields.iter().find(|(name, _)| name == "To").map(|(_, to)| to.as_str());
    json!({
        "phone": to,
        "resource": call.url.path().rsplit('/').next(),
        "code": support::texted_code(call),
    })
}

/// A message of ours is the request again, but for what we say in it and for the code.
fn ours(body: &Value, sent: &str, codes: &[String]) {
    let (mut before, mut after): (Value, Value) = (serde_json::from_str(sent).unwrap(), body.clone());
    for side in [&mut before, &mut after] {
        if let Some(context) = side["context"].as_object_mut() {
            context.remove("otp");
        }
        if let Some(own) = side.pointer_mut("/context/session/BotUserSession").and_then(Value::as_object_mut)
        {
            for key in OUR_KEYS {
                own.remove(key);
            }
        }
    }
    let said = before["message"].clone();
    for key in ["context", "channel", "messageObject", "metaInfo", "baseUrl", "requestId"] {
        assert!(
            alike(&before[key], &after[key], &said, codes),
            "{key} is {} and was {}",
            after[key],
            before[key]
        );
    }
}

/// Whether two values are the same, but for strings that were what the user said or hold a code.
fn alike(before: &Value, after: &Value, said: &Value, codes: &[String]) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            before.keys().eq(after.keys())
                && before.iter().all(|(key, value)| alike(value, &after[key], said, codes))
        }
        (Value::Array(before), Value::Array(after)) => {
            before.len() == after.len()
                && before.iter().zip(after).all(|(before, after)| alike(before, after, said, codes))
        }
        (Value::String(text), _) => {
            before == after || before == said || codes.iter().any(|code| digits(text).contains(code.as_str()))
        }
        _ => before == after || before == said,
    }
}

/// Takes the proof out of a report. `verified` has one, which is about what the report says; nothing else has.
fn take_proof(report: &mut Value, jwks: &str) -> Result<Option<Value>, String> {
    let Some(members) = report.as_object_mut() else { return Ok(None) };
    let proof = members.remove("proof");
    match (report["status"] == "verified", proof) {
        (false, None) => Ok(None),
        (false, Some(_)) => Err(format!("there is a proof with {}", report["status"])),
        (true, None) => Err("verified, and no proof".to_owned()),
        (true, Some(proof)) => {
            let claims = support::proof::check(
                proof.as_str().ok_or("no text")?,
                &serde_json::from_str(jwks).unwrap(),
                BOT,
            )?;
            let same = (&claims["jti"], &claims["method"], &claims["address"])
                == (&report["challengeId"], &report["channel"], &report["to"]);
            if same { Ok(Some(claims)) } else { Err(format!("{claims} is not what {report} says")) }
        }
    }
}
