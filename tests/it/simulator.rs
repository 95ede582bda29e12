//! The simulator leads the README's dialogs with a real server.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use botkit_otp::botkit::BotId;
use botkit_otp::simulator::{Conversation, Entity, Event, Mode, Prank, Side, Start, Target, Who};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use wiremock::ResponseTemplate;

use crate::support::{App, BOT};

/// A conversation, and what happened in it.
struct Talk {
    conversation: Conversation,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Talk {
    fn with(app: &App, mode: Mode) -> Self {
        let credentials = app.server.bots.default.as_ref().unwrap().credentials.clone();
        let target = Target::new(&app.url, BotId::parse(BOT).unwrap(), credentials.unwrap()).unwrap();
        let events = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&events);
        let start = Start {
            target,
            platform_url: None,
            mode,
            language: "en".to_owned(),
            medium: "rtm".to_owned(),
            watcher: Arc::new(move |event| seen.lock().unwrap().push(event)),
        };
        Self { conversation: Conversation::open(start, StdRng::seed_from_u64(7)).unwrap(), events }
    }

    /// Says something and gives what the bot says to that.
    async fn say(&mut self, text: &str) -> Vec<String> {
        self.events.lock().unwrap().clear();
        self.conversation.say(text).await;
        self.heard()
    }

    fn heard(&self) -> Vec<String> {
        let events = self.events.lock().unwrap();
        let said = events.iter().filter_map(|event| match event {
            Event::Said { who: Who::Bot, text, .. } => Some(text.clone()),
            Event::Said { .. } | Event::Wire(_) | Event::Session { .. } | Event::Note { .. } => None,
        });
        said.collect()
    }

    fn notes(&self) -> String {
        let events = self.events.lock().unwrap();
        let notes = events.iter().filter_map(|event| match event {
            Event::Note { text } => Some(text.as_str()),
            Event::Said { .. } | Event::Wire(_) | Event::Session { .. } => None,
        });
        notes.collect::<Vec<_>>().join("\n")
    }

    /// What crossed the wire, as `what status`.
    fn wire(&self) -> Vec<String> {
        let events = self.events.lock().unwrap();
        let calls = events.iter().filter_map(|event| match event {
            Event::Wire(call) => {
                let from = if call.from == Side::Platform { ">" } else { "<" };
                Some(format!("{from} {} {}", call.what, call.status.unwrap_or(0)))
            }
            Event::Said { .. } | Event::Session { .. } | Event::Note { .. } => None,
        });
        calls.collect()
    }
}

const SENT: &str =
    "We sent a 6-digit code to m...a@example.com. Please type it here. It is valid for 5 minutes.";
const INCORRECT: &str = "That is not the right code. Please check it and try again: 4 tries left.";
const VERIFIED: &str = "Thank you, that is the right code. You are verified.";

#[tokio::test(flavor = "multi_thread")]
async fn webhook_nodes_lead_through_the_whole_dialog() {
    let app = App::start("").await;
    let mut talk = Talk::with(&app, Mode::Webhook);
    talk.conversation.begin().await;
    assert_eq!(
        talk.heard(),
        ["Hello! Let us make sure that it is you. Which e-mail address may we send a code to?"]
    );
    assert_eq!(
        talk.say("mira").await,
        [
            "We cannot send a code to that address. Please type your e-mail address, like name@example.com.",
            "Which e-mail address may we send a code to?",
        ]
    );
    assert_eq!(talk.say("mira@example.com").await, [SENT]);
    assert_eq!(talk.say("000000").await, [INCORRECT]);
    app.advance(300);
    let first = app.codes().await[0].clone();
    assert_eq!(talk.say(&first).await, ["That code has expired. Please ask for a new one.", SENT]);
    let second = app.codes().await[1].clone();
    assert_eq!(talk.say(&second).await, [VERIFIED]);
    assert_eq!(talk.conversation.asks(), None);
    assert_eq!(talk.wire(), ["> on_webhook OtpVerify 200"]);
    assert!(talk.notes().contains("The dialog goes on"), "{}", talk.notes());
    // The next dialog asks again.
    assert_eq!(talk.say("hello").await, ["Which e-mail address may we send a code to?"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_user_means_instead_of_a_code_is_routed() {
    let app = App::start("").await;
    let mut talk = Talk::with(&app, Mode::Webhook);
    talk.conversation.begin().await;
    talk.say("mira@example.com").await;
    app.advance(31);
    assert!(talk.say("send it again").await[0].starts_with("We sent a new code to m...a@example.com."));
    assert_eq!(talk.say("change address").await, ["Which e-mail address may we send a code to?"]);
    assert_eq!(talk.conversation.asks(), Some(Entity::UserEmail));
    talk.say("mira@example.com").await;
    let said = talk.say("cancel").await;
    assert!(said[0].starts_with("The code no longer works."), "{said:?}");
    assert_eq!(talk.conversation.asks(), None);
    assert_eq!(talk.wire(), ["> on_webhook OtpVerify 200", "> on_webhook OtpCancel 200"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_conversation_mode_the_server_hears_every_message() {
    let app = App::start("[bots.default]\nconversation = true\n").await;
    let mut talk = Talk::with(&app, Mode::Conversation);
    talk.conversation.begin().await;
    assert_eq!(
        talk.heard(),
        ["Hello! Let us make sure that it is you. Which e-mail address may we send a code to?"]
    );
    assert_eq!(talk.wire(), ["> on_webhook OtpStart 200", "> on_bot_message 200", "< sendUserMessage 200"]);
    assert_eq!(talk.say("it is mira@example.com").await, [SENT]);
    assert_eq!(talk.wire(), ["> on_user_message 200", "< sendUserMessage 200"]);
    assert_eq!(talk.say("000000").await, [INCORRECT]);
    let code = app.codes().await[0].clone();
    assert_eq!(talk.say(&format!("the code is {code}, thanks")).await, [VERIFIED]);
    assert_eq!(
        talk.wire(),
        [
            "> on_user_message 200",
            "< sendBotMessage 200",
            "> on_webhook OtpVerify 200",
            "> on_bot_message 200",
            "< sendUserMessage 200",
        ]
    );
    let told = format!("{:?}", talk.conversation.context());
    assert!(!told.contains(&code), "the code got to the bot: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn quick_replies_follow_the_channel_and_words_the_language() {
    let app = App::start("[bots.default]\nconversation = true\n").await;
    let mut talk = Talk::with(&app, Mode::Conversation);
    assert!(talk.conversation.speak("ar") && !talk.conversation.speak("tlh"));
    talk.conversation.begin().await;
    let events = talk.events.lock().unwrap().clone();
    assert!(events.iter().any(|event| matches!(
        event,
        Event::Said { options, right_to_left: true, language, .. } if options == &["إلغاء"] && language == "ar"
    )));
    assert!(talk.conversation.speak("en"));
    talk.conversation.write_on("sms");
    assert!(talk.say("mira@example.com").await[0].contains("You can also reply: Resend code"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platform_misbehaves_when_asked_to() {
    let app = App::start("[bots.default]\nconversation = true\n").await;
    let mut talk = Talk::with(&app, Mode::Webhook);
    talk.conversation.begin().await;

    // A retry gets the same answer and sends no second mail.
    talk.conversation.mischief().order(Prank::Retry);
    assert_eq!(talk.say("mira@example.com").await, [SENT]);
    assert_eq!(talk.wire(), ["> on_webhook OtpSend 200", "> on_webhook OtpSend, again 200"]);
    assert!(talk.conversation.call_again().await);
    assert!(talk.notes().contains("the same as before"), "{}", talk.notes());
    assert_eq!(app.codes().await.len(), 1);

    talk.conversation.mischief().order(Prank::Redact);
    let said = talk.say("123456").await;
    assert_eq!(
        said,
        ["Sorry, we could not read that. It is not your mistake; please tell our support team."]
    );

    // What the platform does not take is offered again, and heard once.
    let mut talk = Talk::with(&app, Mode::Conversation);
    talk.conversation.begin().await;
    talk.conversation.mischief().order(Prank::Drop);
    assert_eq!(talk.say("nora@example.org").await.len(), 1);
    assert_eq!(talk.wire(), ["> on_user_message 200", "< sendUserMessage 503", "< sendUserMessage 200"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_is_waited_for() {
    let app = App::start("[platform]\nanswer_within = \"150ms\"\n").await;
    app.script.answer(ResponseTemplate::new(202).set_delay(Duration::from_millis(600)));
    let mut talk = Talk::with(&app, Mode::Webhook);
    talk.conversation.begin().await;
    assert_eq!(talk.say("mira@example.com").await, [SENT]);
    assert_eq!(talk.wire(), ["> on_webhook OtpSend 202", "< serviceCallback 200"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_strangers_are_refused() {
    let app = App::start("").await;
    let talk = Talk::with(&app, Mode::Webhook);
    let door = format!("{}/sendUserMessage/1", talk.conversation.platform());
    for (token, status) in [("forged".to_owned(), 401), (app.token(), 410)] {
        let answer = app.http.post(&door).header("auth", token).body("{}").send().await.unwrap();
        assert_eq!(answer.status(), status);
    }
}
