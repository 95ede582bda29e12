//! What Twilio is asked, to the letter, and what its answers come to.

use std::time::Duration;

use botkit_otp::telemetry::Stopwatch;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::support::{App, TWILIO, form, is_twilio, small, texted_code};

const SMS: &str = "[delivery]\nsms = [\"twilio\"]\n[delivery.twilio]\nfrom = \"+15005550006\"\n";
const PHONE: &str = "+1 (415) 555-2671";

async fn send(app: &App, entities: Value) -> Value {
    app.call("OtpSend", &small("s", 1, &entities)).await
}

/// Sends one code and gives the form of the one call that was made for it, after looking at all but the form.
async fn asked(settings: &str, entities: Value, resource: &str) -> (Value, Vec<(String, String)>, String) {
    let app = App::start(settings).await;
    let otp = send(&app, entities).await;
    assert_eq!(otp["status"], "sent", "{otp}");
    let calls = app.calls().await;
    let [call] = &calls[..] else { panic!("{} calls", calls.len()) };
    let path = format!("/2010-04-01/Accounts/{}/{resource}.json", TWILIO.0);
    assert_eq!((call.method.as_str(), call.url.path(), call.url.query()), ("POST", path.as_str(), None));
    // AC0123456789abcdef0123456789abcdef:n0t-a-real-token
    let basic = "Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjpuMHQtYS1yZWFsLXRva2Vu";
    assert_eq!(call.headers["authorization"], basic);
    assert_eq!(call.headers["content-type"], "application/x-www-form-urlencoded");
    (otp, form(call), texted_code(call))
}

fn fields(form: &[(String, String)]) -> Vec<(&str, &str)> {
    form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[tokio::test]
async fn a_text_message_is_asked_for_exactly_as_the_reference_wants() {
    let (otp, form, code) = asked(SMS, json!({ "Phone": PHONE }), "Messages").await;
    let text = format!("{code} is your verification code, valid for 5 minutes. Do not share it with anyone.");
    assert_eq!(fields(&form), [("To", "+14155552671"), ("From", "+15005550006"), ("Body", &text)]);
    assert_eq!((&otp["channel"], &otp["to"]), (&json!("sms"), &json!("+1...71")));
    assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
}

#[tokio::test]
async fn a_messaging_service_and_the_lines_for_browsers_and_apps() {
    let settings = "[delivery]\nsms = [\"twilio\"]\n[delivery.twilio]\n\
        messaging_service_sid = \"MG0123456789abcdef0123456789abcdef\"\nwebotp_domain = \"login.acme.example\"\n\
        app_hash = \"FA+9qCX9VSu\"\ndefault_country = \"DE\"\n[bots.default]\nlanguages = [\"de\"]\n";
    let (_, form, code) = asked(settings, json!({ "Mobile": "0151 23456789" }), "Messages").await;
    let text = format!(
        "{code} ist Ihr Bestätigungscode, 5 Minuten gültig. Geben Sie ihn an niemanden weiter.\nFA+9qCX9VSu\n\
         @login.acme.example #{code}"
    );
    let service = "MG0123456789abcdef0123456789abcdef";
    assert_eq!(fields(&form), [("To", "+4915123456789"), ("MessagingServiceSid", service), ("Body", &text)]);
}

#[tokio::test]
async fn a_whatsapp_message_has_words_of_ours_or_those_of_a_template() {
    let settings =
        "[delivery]\nwhatsapp = [\"twilio\"]\n[delivery.twilio]\nwhatsapp_from = \"+14155238886\"\n";
    let entities = json!({ "Phone": PHONE, "channel": "WhatsApp" });
    let (otp, form, code) = asked(settings, entities.clone(), "Messages").await;
    let ends = [("To", "whatsapp:+14155552671"), ("From", "whatsapp:+14155238886")];
    assert_eq!(fields(&form)[..2], ends);
    assert!(form[2].0 == "Body" && form[2].1.starts_with(&code) && form.len() == 3);
    assert_eq!(otp["channel"], "whatsapp");

    let template = format!("{settings}whatsapp_content_sid = \"HX0123456789abcdef0123456789abcdef\"\n");
    let (_, form, code) = asked(&template, entities, "Messages").await;
    assert_eq!(fields(&form)[..2], ends);
    let variables = format!("{{\"1\":\"{code}\"}}");
    assert_eq!(
        fields(&form)[2..],
        [("ContentSid", "HX0123456789abcdef0123456789abcdef"), ("ContentVariables", &variables)]
    );
}

#[tokio::test]
async fn a_call_says_the_code_twice_in_the_users_language() {
    let settings = "[delivery]\ncall = [\"twilio\"]\n[delivery.twilio]\ncall_from = \"+15005550006\"\n\
        [otp]\nlength = 4\n[bots.default]\nlanguages = [\"fr\"]\n";
    let (otp, form, code) =
        asked(settings, json!({ "Phone": "+44 20 7946 0958", "channel": "voice" }), "Calls").await;
    let say = |text: &str| format!("<Say language=\"fr-FR\">{text}</Say>");
    let digits: Vec<String> = code.chars().map(|digit| say(&digit.to_string())).collect();
    let pieces = [
        &[say("Bonjour. Votre code de vérification est :")],
        &digits[..],
        &[say("Encore une fois :")],
        &digits,
    ]
    .concat();
    let twiml = format!("<Response>{}</Response>", pieces.join("<Pause length=\"1\"/>"));
    assert_eq!(fields(&form), [("To", "+442079460958"), ("From", "+15005550006"), ("Twiml", &twiml)]);
    assert_eq!((&otp["channel"], &otp["to"]), (&json!("call"), &json!("+44...58")));
}

/// An answer of Twilio's that refuses with a code.
fn refusal(status: u16, code: u32) -> ResponseTemplate {
    let body = json!({ "code": code, "message": "The number +14155552671 ...", "status": status });
    ResponseTemplate::new(status).set_body_string(body.to_string())
}

fn created(status: &str, code: u32) -> ResponseTemplate {
    ResponseTemplate::new(201)
        .set_body_string(json!({ "sid": "SM2", "status": status, "error_code": code }).to_string())
}

#[tokio::test]
async fn a_final_answer_is_not_asked_for_again() {
    for (answer, status) in [
        (created("failed", 30005), "undeliverable"),
        (created("undelivered", 30003), "undeliverable"),
        (created("failed", 30007), "send_failed"),
        (refusal(400, 21211), "undeliverable"),
        (refusal(400, 21614), "undeliverable"),
        (refusal(400, 21610), "undeliverable"),
        (refusal(403, 21408), "undeliverable"),
        (refusal(400, 21606), "send_failed"),
        (refusal(401, 20003), "send_failed"),
        (ResponseTemplate::new(404), "send_failed"),
        (ResponseTemplate::new(302).insert_header("location", "https://example.com/"), "send_failed"),
    ] {
        let app = App::start(SMS).await;
        app.script.answer(answer);
        let otp = send(&app, json!({ "Phone": PHONE })).await;
        assert_eq!((&otp["status"], app.calls().await.len()), (&json!(status), 1), "{otp}");
        // The provider's words quote the number; the answer and the numbers for operators do not.
        let metrics =
            app.http.get(format!("{}/metrics", app.url)).send().await.unwrap().text().await.unwrap();
        assert!(!otp.to_string().contains("4155552671") && !metrics.contains("4155552671"));
    }
}

#[tokio::test]
async fn a_passing_failure_is_tried_again_with_the_same_code() {
    for (answer, waits) in [
        (refusal(429, 20429).insert_header("retry-after", "1"), Duration::from_millis(900)),
        (ResponseTemplate::new(500), Duration::ZERO),
        (ResponseTemplate::new(503).set_body_string("<html>down</html>"), Duration::ZERO),
        (ResponseTemplate::new(201).set_body_string("<html>?</html>"), Duration::ZERO),
        (ResponseTemplate::new(201), Duration::ZERO),
        (created("failed", 30001), Duration::ZERO),
        (created("queued", 0).set_delay(Duration::from_secs(2)), Duration::ZERO),
    ] {
        let app = App::start(&SMS.replace("[delivery]", "[delivery]\ntimeout = \"500ms\"")).await;
        app.script.answer(answer);
        let started = Stopwatch::start();
        assert_eq!(send(&app, json!({ "Phone": PHONE })).await["status"], "sent");
        assert!(started.elapsed() >= waits);
        let calls = app.calls().await;
        let [first, second] = &calls[..] else { panic!("{} calls", calls.len()) };
        assert!(is_twilio(first) && first.body == second.body, "another code, or another number");
    }
}

#[tokio::test]
async fn a_code_sent_twice_by_different_channels_is_one_challenge() {
    let settings = "[delivery]\nsms = [\"twilio\"]\ncall = [\"twilio\"]\n[delivery.twilio]\nfrom = \"+15005550006\"\n\
        call_from = \"+15005550006\"\n";
    let app = App::start(settings).await;
    let texted = send(&app, json!({ "Phone": PHONE })).await;
    let soon = app.call("OtpSend", &small("s", 2, &json!({ "Phone": PHONE, "channel": "call" }))).await;
    assert_eq!(soon["status"], "cooldown");
    app.advance(30);
    let called = app.call("OtpSend", &small("s", 3, &json!({ "Phone": PHONE, "channel": "call" }))).await;
    assert_eq!((&called["status"], &called["channel"]), (&json!("sent"), &json!("call")));
    assert_eq!(called["challengeId"], texted["challengeId"]);
    let code = app.codes().await.pop().unwrap();
    assert_eq!(app.call("OtpVerify", &small("s", 4, &json!({ "Otp": code }))).await["status"], "verified");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_race_sends_more_than_a_cap_allows() {
    let settings = format!("{SMS}[limits.sms]\nper_bot = 5\n");
    let app = std::sync::Arc::new(App::start(&settings).await);
    let sends = (0..25).map(|session| {
        let app = std::sync::Arc::clone(&app);
        tokio::spawn(async move {
            let body =
                small(&format!("s-{session}"), 1, &json!({ "Phone": format!("+1415555{session:04}") }));
            app.call("OtpSend", &body).await["status"].clone()
        })
    });
    let mut sent = 0;
    for send in sends.collect::<Vec<_>>() {
        let status = send.await.unwrap();
        sent += usize::from(status == "sent");
        assert!(status == "sent" || status == "limit_reached", "{status}");
    }
    assert_eq!((sent, app.calls().await.len()), (5, 5));
    let metrics = app.http.get(format!("{}/metrics", app.url)).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("botkit_otp_halted_total{limit=\"sms.per_bot\"} 20"), "{metrics}");
}

#[tokio::test]
async fn dev_mode_keeps_what_goes_to_phones_in_its_outbox() {
    let app = App::start("# outbox").await;
    for (request, channel) in ["sms", "whatsapp", "call"].into_iter().enumerate() {
        let entities = json!({ "Phone": PHONE, "channel": channel });
        let body = small(&format!("s-{channel}"), request, &entities);
        assert_eq!(app.call("OtpSend", &body).await["status"], "sent");
    }
    let all: Value =
        app.http.get(format!("{}/dev/outbox", app.url)).send().await.unwrap().json().await.unwrap();
    let channels: Vec<&Value> = all.as_array().unwrap().iter().map(|sent| &sent["channel"]).collect();
    assert_eq!(channels, [&json!("call"), &json!("whatsapp"), &json!("sms")]);
    assert_eq!((&all[2]["to"], &all[2]["html"]), (&json!("+14155552671"), &json!("")));
    assert!(app.calls().await.is_empty(), "nothing leaves the machine");
}
