//! The document says what the server does: every door, every status, every field.

use std::collections::{BTreeSet, HashMap};
use std::process::Command;
use std::sync::Arc;

use botkit_otp::botkit::{BotId, Bots};
use botkit_otp::http::Server;
use reqwest::Response;
use serde_json::{Value, json};

use crate::support::{API_KEY, App, document};

/// Only the bot `st-1` is known.
pub(crate) fn with_one_bot(server: Arc<Server>) -> Arc<Server> {
    let server = Arc::into_inner(server).unwrap();
    let named = HashMap::from([(BotId::parse("st-1").unwrap(), server.bots.default.unwrap())]);
    Arc::new(Server { bots: Bots { default: None, named }, ..server })
}

async fn document_of(app: &App) -> Value {
    app.http.get(format!("{}/openapi.json", app.url)).send().await.unwrap().json().await.unwrap()
}

/// A body of what a schema asks for, by its examples.
fn example(document: &Value, schema: &Value) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        return example(document, &document["components"]["schemas"][name.rsplit('/').next().unwrap()]);
    }
    if let Some(example) = schema.get("example").or_else(|| schema["examples"].get(0)) {
        return example.clone();
    }
    let required = schema["required"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap());
    required.map(|name| (name.to_owned(), example(document, &schema["properties"][name]))).collect()
}

#[tokio::test]
async fn every_door_answers_with_every_status_it_is_described_with() {
    const LIMITED: &str = "n0t-a-real-key-for-another-bot-0123";
    let app = App::start_with(
        &format!(
            "[server]\nmax_body_bytes = 1024\n[[api.keys]]\nname = \"all\"\nsecret = \"{API_KEY}\"\nbots = [\"*\"]\n\
             [[api.keys]]\nname = \"other\"\nsecret = \"{LIMITED}\"\nbots = [\"st-2\"]\n"
        ),
        with_one_bot,
    )
    .await;
    let busy = App::start_with("[server]\ncalls_per_second = 1\n", with_one_bot).await;
    let document = document_of(&app).await;
    let mut doors = 0;
    for (template, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let good = if schema.is_null() { Value::Null } else { example(&document, schema) };
            let body = if good.is_null() { String::new() } else { good.to_string() };
            let path = template.replace("{session}", "s-1");
            let json = "application/json";
            let mut wrong = good.clone();
            wrong["unheard-of"] = json!(1);
            let mut calls = vec![
                (method.as_str(), "st-1", API_KEY, json, body.clone(), ""),
                (method, "st-1", "wrong", json, body.clone(), ""),
                (method, "st-1", LIMITED, json, body.clone(), ""),
                (method, "st-2", API_KEY, json, body.clone(), ""),
                ("patch", "st-1", API_KEY, json, body.clone(), ""),
                (method, "st-1", API_KEY, json, body.clone(), "?unheard-of=1"),
            ];
            if !good.is_null() {
                calls.push((method, "st-1", API_KEY, json, wrong.to_string(), ""));
                calls.push((method, "st-1", API_KEY, "text/plain", body.clone(), ""));
                calls.push((method, "st-1", API_KEY, json, " ".repeat(2_000), ""));
            }
            let mut seen = BTreeSet::new();
            for (method, bot, key, kind, body, query) in calls {
                let path = path.replace("{bot}", bot);
                let call = app
                    .http
                    .request(method.to_uppercase().parse().unwrap(), format!("{}{path}{query}", app.url));
                let call = call.header("authorization", format!("Bearer {key}")).header("content-type", kind);
                let response = call.body(body).send().await.unwrap();
                assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
                let status = response.status().as_u16();
                document::check(method, &path, status, &response.json().await.unwrap()).unwrap();
                seen.insert(status.to_string());
            }
            for _ in 0..20 {
                let url = format!("{}{}", busy.url, path.replace("{bot}", "st-1"));
                let call = busy.http.request(method.to_uppercase().parse().unwrap(), url);
                let call = call.header("authorization", format!("Bearer {API_KEY}"));
                let response =
                    call.header("content-type", "application/json").body(body.clone()).send().await;
                let response = response.unwrap();
                let status = response.status().as_u16();
                document::check(method, &path, status, &response.json().await.unwrap()).unwrap();
                if seen.insert(status.to_string()) {
                    break;
                }
            }
            let described: BTreeSet<String> =
                operation["responses"].as_object().unwrap().keys().cloned().collect();
            assert_eq!(seen, described, "{method} {template}");
            doors += 1;
        }
    }
    assert_eq!(doors, 6);
}

/// Adds the names of the fields of every report in `value`.
fn collect(value: &Value, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if members.contains_key("status") && members.contains_key("message") {
                fields.extend(members.keys().cloned());
            }
            members.values().for_each(|member| collect(member, fields));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, fields)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn every_field_that_is_described_is_said_somewhere() {
    let app = App::start("").await;
    let document = document_of(&app).await;
    let described = document["components"]["schemas"]["Report"]["properties"].as_object().unwrap();
    let described: BTreeSet<String> = described.keys().cloned().collect();
    // The scenarios hold every answer against the document, and take the proof away.
    let mut said = BTreeSet::from(["proof".to_owned()]);
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/scenarios");
    for entry in std::fs::read_dir(fixtures).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("rest_") || name.starts_with("turn_") {
            let scenario: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            scenario["steps"].as_array().unwrap().iter().for_each(|step| collect(&step["answer"], &mut said));
        }
    }
    assert_eq!(said, described);
}

#[tokio::test]
async fn the_document_is_served_printed_and_shown() {
    let app = App::start("").await;
    let get =
        async |path: &str| -> Response { app.http.get(format!("{}{path}", app.url)).send().await.unwrap() };
    let served = get("/openapi.json").await.text().await.unwrap();
    let printed = Command::new(env!("CARGO_BIN_EXE_botkit-otp")).arg("openapi").env_clear().output().unwrap();
    assert_eq!(String::from_utf8(printed.stdout).unwrap().trim_end(), served);
    let document: Value = serde_json::from_str(&served).unwrap();
    assert_eq!(document["openapi"], "3.1.0");

    let page = get("/docs").await;
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let page = page.text().await.unwrap();
    // It works without a network: it loads nothing and runs nothing.
    for outside in ["<script", "src=", "url(", "@import", "https://"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let page = page.replace("&#x2f;", "/").replace("&quot;", "\"").replace("&#x27;", "'");
    for (template, item) in document["paths"].as_object().unwrap() {
        assert!(page.contains(template.as_str()), "{template}");
        for operation in item.as_object().unwrap().values() {
            assert!(page.contains(operation["summary"].as_str().unwrap()), "{operation}");
        }
    }
    let text = page.replace("<code>", "").replace("</code>", "");
    for schema in document["components"]["schemas"].as_object().unwrap().values() {
        for (name, member) in schema["properties"].as_object().unwrap() {
            assert!(page.contains(&format!("<code>{name}</code>")), "{name}");
            let about = member["description"].as_str().unwrap_or_else(|| panic!("{name} is not described"));
            assert!(text.contains(&about.replace('`', "")), "{about}");
        }
    }
}
