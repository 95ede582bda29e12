//! The document says what the server does: every door, every status, every field.

use std::collections::{BTreeSet, HashMap};
use std::process::Command;
use std::sync::Arc;

use botkit_otp::botkit::{BotId, Bots};
use botkit_otp::http::Server;
use reqwest::Response;
use serde_json::{Value, json};

use crate::support::{API_KEY, App, document, proof};

/// Only the bot `st-1` is known.
fn with_one_bot(server: Arc<Server>) -> Arc<Server> {
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

#[tokio::test]
async fn a_proof_says_what_was_proven_and_old_keys_still_count() {
    let old = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    let new = "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=";
    let settings = |keys: &str| {
        let address_key = "an address key of 32 bytes, or more";
        format!("[proof]\nkeys = [{keys}]\naddress_key = \"{address_key}\"\n")
    };
    let key = |id: &str, seed: &str| format!("{{ id = \"{id}\", secret = \"{seed}\" }}");
    let app = App::start(&settings(&key("old", old))).await;
    let post = async |path: &str, body: Value| -> Value {
        let url = format!("{}/v1/bots/st-1/sessions/s%2F1/otp{path}", app.url);
        let call = app.http.post(url).bearer_auth(API_KEY).json(&body);
        call.send().await.unwrap().json().await.unwrap()
    };
    let sent = post("", json!({ "to": "Mira@Example.com", "purpose": "payment" })).await;
    let code = app.codes().await.pop().unwrap();
    let verify = json!({ "code": code, "purpose": "payment", "user": "u-1", "requestId": "r-1" });
    let verified = post("/verify", verify.clone()).await;
    let token = verified["proof"].as_str().unwrap();

    let after = App::start(&settings(&format!("{}, {}", key("new", new), key("old", old)))).await;
    let jwks = after.http.get(format!("{}/.well-known/jwks.json", after.url)).send().await.unwrap();
    assert_eq!(jwks.headers()["cache-control"], "public, max-age=300");
    let jwks: Value = jwks.json().await.unwrap();
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 2);
    let mut claims = proof::check(token, &jwks, "st-1").unwrap();
    let now = botkit_otp::clock::Clock::now(&botkit_otp::clock::SystemClock).seconds();
    assert!((now - claims["iat"].as_i64().unwrap()).abs() < 5, "{claims}");
    for time in ["iat", "exp"] {
        claims.as_object_mut().unwrap().remove(time);
    }
    let expected = json!({
        "iss": "botkit-otp", "aud": "st-1", "sub": "u-1", "jti": sent["challengeId"], "bot": "st-1", "session": "s/1",
        "purpose": "payment", "method": "email", "address": "M...a@example.com",
        // printf %s Mira@example.com | openssl dgst -sha256 -hmac KEY -binary | basenc --base64url
        "address_hmac": "RKx6YuoR97h2rSFNQ0cPJ-nUmNxMx0mNHIMp5XaxGVk",
    });
    assert_eq!(claims, expected);

    // A retry proves the same (this clock stands still, so not of the same second), and nothing once that has expired.
    let again = post("/verify", verify.clone()).await;
    let again = proof::check(again["proof"].as_str().unwrap(), &jwks, "st-1").unwrap();
    assert_eq!(again["jti"], sent["challengeId"]);
    app.advance(300);
    let late = post("/verify", verify).await;
    assert_eq!((&late["status"], late.get("proof")), (&json!("verified"), None));

    let (body, signature) = token.rsplit_once('.').unwrap();
    let forged = format!("{body}.{}", signature.replace(&signature[..4], "AAAA"));
    let other = App::start("").await;
    let unknown: Value = serde_json::from_str(other.server.prover.jwks()).unwrap();
    for (token, jwks, audience) in
        [(&*forged, &jwks, "st-1"), (token, &unknown, "st-1"), (token, &jwks, "st-2"), (token, &jwks, "")]
    {
        assert!(proof::check(token, jwks, audience).is_err(), "{token} {audience}");
    }
}

mod readme {
    include!("../support/proven.rs");

    pub(super) fn check(proof: &str, audience: &str, keys: &JwkSet) -> Option<serde_json::Value> {
        proven(proof, audience, keys)
    }
}

#[tokio::test]
async fn the_readmes_rust_takes_proofs_that_are_meant_for_it() {
    let snippet = include_str!("../support/proven.rs");
    assert!(include_str!("../../README.md").contains(&format!("```rust\n{snippet}```\n")), "README differs");
    for (audience, own) in [("", "st-1"), ("audience = \"acme-payments\"\n", "acme-payments")] {
        let app = App::start(&format!("[proof]\nissuer = \"https://otp.example.com\"\n{audience}")).await;
        let url = format!("{}/v1/bots/st-1/sessions/s-1/otp", app.url);
        let post = async |url: &str, body: Value| -> Value {
            let call = app.http.post(url).bearer_auth(API_KEY).json(&body);
            call.send().await.unwrap().json().await.unwrap()
        };
        post(&url, json!({ "to": "mira@example.com" })).await;
        let code = app.codes().await.pop().unwrap();
        let verified = post(&format!("{url}/verify"), json!({ "code": code })).await;
        let token = verified["proof"].as_str().unwrap();
        let keys = serde_json::from_str(app.server.prover.jwks()).unwrap();
        assert_eq!(readme::check(token, own, &keys).unwrap()["aud"], own);
        for other in ["st-2", "acme", ""] {
            assert_eq!(readme::check(token, other, &keys), None, "{other}");
        }
    }
}
