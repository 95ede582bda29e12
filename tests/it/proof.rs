//! Proofs: what stands in them, for whom they are, and whom they name.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use crate::support::{API_KEY, App, BOT, payload, proof};

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

    pub(super) fn check(proof: &str, audience: &str, bot: &str, keys: &JwkSet) -> Option<serde_json::Value> {
        proven(proof, audience, bot, keys)
    }
}

/// Signs other claims, with the server's own key.
fn signed(claims: &Value) -> String {
    let mut header = Header::new(Algorithm::EdDSA);
    (header.typ, header.kid) = (Some("otp-proof+jwt".to_owned()), Some("test".to_owned()));
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from_pem_slice(proof::PROOF_KEY.as_bytes()).unwrap();
    encode(&header, claims, &EncodingKey::from_ed_der(key.secret_pkcs8_der())).unwrap()
}

#[tokio::test]
async fn the_readmes_rust_takes_proofs_that_are_meant_for_it() {
    let snippet = include_str!("../support/proven.rs");
    assert!(include_str!("../../README.md").contains(&format!("```rust\n{snippet}```\n")), "README differs");
    let key = format!("keys = [{{ id = \"test\", secret = \"\"\"{}\"\"\" }}]\n", proof::PROOF_KEY);
    for (audience, own) in [("", "st-1"), ("audience = \"acme-payments\"\n", "acme-payments")] {
        let app =
            App::start(&format!("[proof]\nissuer = \"https://otp.example.com\"\n{key}{audience}")).await;
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
        let claims = readme::check(token, own, "st-1", &keys).unwrap();
        assert_eq!(claims["aud"], own);
        for other in ["st-2", "acme", ""] {
            assert_eq!(readme::check(token, other, "st-1", &keys), None, "{other}");
        }
        assert_eq!(readme::check(token, own, "st-2", &keys), None);
        assert_eq!(readme::check(&signed(&claims), own, "st-1", &keys).as_ref(), Some(&claims));
        let over = claims["iat"].as_i64().unwrap() - 1;
        let lacking = ["exp", "iss", "aud", "jti", "bot"].map(|claim| (claim, None));
        for (claim, value) in
            [("bot", Some(json!("st-2"))), ("exp", Some(json!(over)))].into_iter().chain(lacking)
        {
            let mut changed = claims.clone();
            changed.as_object_mut().unwrap().remove(claim);
            if let Some(value) = value {
                changed[claim] = value;
            }
            assert_eq!(readme::check(&signed(&changed), own, "st-1", &keys), None, "{changed}");
        }
    }
}

/// Whom a report's proof names; `None` if there is no proof.
fn named(app: &App, report: &Value) -> Option<Value> {
    let jwks = serde_json::from_str(app.server.prover.jwks()).unwrap();
    Some(proof::check(report["proof"].as_str()?, &jwks, BOT).unwrap()["sub"].clone())
}

#[tokio::test]
async fn a_proof_names_who_typed_the_code_and_nobody_else() {
    let app = App::start("").await;
    let post = async |path: &str, body: Value| -> Value {
        let call =
            app.http.post(format!("{}/v1/bots/{BOT}/{path}", app.url)).bearer_auth(API_KEY).json(&body);
        call.send().await.unwrap().json().await.unwrap()
    };
    post("sessions/s-1/otp", json!({ "to": "mira@example.com", "user": "u-1" })).await;
    let code = app.codes().await.pop().unwrap();
    let verify = |user: Value| json!({ "code": code, "user": user, "requestId": "r-1" });
    for (user, status) in [
        (json!("u-1"), "verified"),
        (json!("u-2"), "already_verified"),
        (Value::Null, "already_verified"),
        (json!("u-1"), "verified"),
    ] {
        let report = post("sessions/s-1/otp/verify", verify(user.clone())).await;
        assert_eq!(report["status"], status, "{user}");
        assert_eq!(named(&app, &report), (status == "verified").then_some(user));
    }

    // The whole dialog in one call.
    let turn = |session: &str, user: &str, message: &str| {
        let request = format!("{session} {message}");
        json!({ "session": { "id": session }, "message": message, "user": user, "requestId": request })
    };
    post("turn", turn("s-2", "u-1", "nora@example.com")).await;
    let code = app.codes().await.pop().unwrap();
    let verified = post("turn", turn("s-2", "u-1", &code)).await;
    assert_eq!(named(&app, &verified["otp"]), Some(json!("u-1")));
    let other = post("turn", turn("s-2", "u-2", &code)).await;
    assert_eq!((named(&app, &other["otp"]), &other["otp"]["status"]), (None, &json!("already_verified")));
    let other = post("sessions/s-2/otp/verify", json!({ "code": code, "user": "u-2" })).await;
    assert_eq!((named(&app, &other), &other["status"]), (None, &json!("already_verified")));
}

#[tokio::test]
async fn what_was_typed_into_a_conversation_proves_it_of_its_user() {
    let app = App::start("[bots.default]\nconversation = true").await;
    for (number, collector) in ["u-0f5d2c9a-71be-5e30-9b44-c2a8d1e6f703", "u-2"].into_iter().enumerate() {
        let call = |event: &str, request: &str| {
            let mut body = payload(event);
            body["requestId"] = json!(format!("{request} {number}"));
            body["context"]["session"]["BotUserSession"]["conversationSessionId"] =
                json!(format!("s-{number}"));
            body
        };
        app.call("OtpSend", &call("on_webhook", "send")).await;
        let mut said = call("on_user_message", "say");
        said["message"] = json!(app.codes().await.pop().unwrap());
        let path = format!("/sdk/bots/{BOT}/on_user_message");
        let said = said.to_string().replace("https://bots.kore.ai", &app.stub.uri());
        assert_eq!(app.post(&path, said).await.status(), 200);
        app.settled().await;
        let mut collect = call("on_webhook", "collect");
        collect["context"]["session"]["UserContext"]["_id"] = json!(collector);
        let report = app.call("OtpVerify", &collect).await;
        let expected = if number == 0 { json!(collector) } else { Value::Null };
        assert_eq!((&report["status"], named(&app, &report)), (&json!("verified"), Some(expected)));
        app.advance(31);
    }
}
