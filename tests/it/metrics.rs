//! What operators can count on.

use std::collections::BTreeSet;

use serde_json::json;
use wiremock::ResponseTemplate;

use crate::support::{App, BOT, small, webhook};

fn value(text: &str, line: &str) -> f64 {
    let found = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("{line} is missing from:\n{text}")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn sends_and_what_became_of_them_are_counted_by_way() {
    let app =
        App::start("[delivery]\nsms = [\"twilio\"]\n[delivery.twilio]\nfrom = \"+14155550100\"\n").await;
    for (session, entities) in
        [("m", json!({ "UserEmail": "mira@example.com" })), ("p", json!({ "phone": "+44 7400 123456" }))]
    {
        assert_eq!(app.call("OtpSend", &small(session, 1, &entities)).await["status"], "sent");
    }
    let code = app.codes().await.remove(0);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    app.advance(12);
    for (request, code, status) in [
        (2, wrong, "incorrect"),
        (3, &*code, "verified"),
        (3, &*code, "verified"),
        (4, &*code, "already_verified"),
    ] {
        let otp = app.call("OtpVerify", &small("m", request, &json!({ "Otp": code }))).await;
        assert_eq!(otp["status"], status, "{request}");
    }
    app.script.answer(ResponseTemplate::new(400));
    app.call("OtpSend", &small("x", 1, &json!({ "UserEmail": "nora@example.com" }))).await;
    app.settled().await;
    let text = app.metrics().await;
    let mail = "channel=\"email\",country=\"\"";
    for (line, count) in [
        (format!("botkit_otp_codes_sent_total{{{mail}}}"), 1.0),
        ("botkit_otp_codes_sent_total{channel=\"sms\",country=\"GB\"}".to_owned(), 1.0),
        // One code, though its answer was given twice and asked for again.
        (format!("botkit_otp_codes_verified_total{{{mail}}}"), 1.0),
        ("botkit_otp_verify_attempts_sum{channel=\"email\"}".to_owned(), 2.0),
        ("botkit_otp_verify_seconds_sum{channel=\"email\"}".to_owned(), 12.0),
        ("botkit_otp_verify_seconds_bucket{le=\"10.0\",channel=\"email\"}".to_owned(), 0.0),
        ("botkit_otp_verify_seconds_bucket{le=\"15.0\",channel=\"email\"}".to_owned(), 1.0),
        (
            "botkit_otp_deliveries_total{what=\"sendgrid\",outcome=\"accepted\",channel=\"email\"}"
                .to_owned(),
            1.0,
        ),
        (
            "botkit_otp_deliveries_total{what=\"sendgrid\",outcome=\"refused\",channel=\"email\"}".to_owned(),
            1.0,
        ),
        ("botkit_otp_deliveries_total{what=\"twilio\",outcome=\"accepted\",channel=\"sms\"}".to_owned(), 1.0),
        ("botkit_otp_request_seconds_count{event=\"on_webhook\",status=\"200\"}".to_owned(), 7.0),
        ("botkit_otp_in_flight".to_owned(), 0.0),
        (format!("botkit_otp_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1.0),
    ] {
        assert!((value(&text, &line) - count).abs() < f64::EPSILON, "{line} is not {count}:\n{text}");
    }
    for (labels, least) in
        [("what=\"load\",outcome=\"done\"", 7.0), ("what=\"commit\",outcome=\"done\"", 7.0)]
    {
        assert!(value(&text, &format!("botkit_otp_store_seconds_count{{{labels}}}")) >= least, "{text}");
    }
    // How long something took may have any digits.
    let told: Vec<_> = text.lines().filter(|line| !line.contains("_seconds_sum{")).collect();
    for private in ["mira", "7400", BOT, "example.com", &code] {
        assert!(!told.iter().any(|line| line.contains(private)), "{private} is in:\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_caller_adds_to_what_is_counted() {
    let app = App::start("").await;
    let series = |text: String| -> BTreeSet<String> {
        text.lines().filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned())).collect()
    };
    let call = async |number: usize| {
        for path in [
            format!("/sdk/bots/st-{number}/on_event"),
            format!("/sdk/bots/{BOT}/on_{number}"),
            format!("/sdk/bots/{BOT}/components/c{number}/on_event"),
            format!("/{number}"),
            webhook(),
        ] {
            app.post(&path, small(&format!("s{number}"), number, &json!({})).to_string()).await;
        }
        series(app.metrics().await)
    };
    let first = call(0).await;
    for number in 1..5 {
        assert_eq!(call(number).await, first);
    }
}

#[test]
fn dashboard_and_alerts_ask_for_what_there_is() {
    // What has not been counted yet does not stand at `/metrics`.
    let source = include_str!("../../src/telemetry/metrics.rs");
    for asks in [include_str!("../../deploy/grafana.json"), include_str!("../../deploy/alerts.yml")] {
        let names = asks.split("botkit_otp_").skip(1).map(|rest| {
            let name = rest.split(|sign: char| !sign.is_ascii_lowercase() && sign != '_').next().unwrap();
            name.trim_end_matches("_total").trim_end_matches("_bucket")
        });
        let names: Vec<&str> = names.collect();
        assert!(names.len() > 10, "{names:?}");
        for name in names {
            assert!(source.contains(&format!("\"{name}\"")), "{name}");
        }
    }
}
