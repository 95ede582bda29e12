//! The promises of a conversation, checked against whatever is said in whatever order.

use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::catalogue::Catalogue;
use super::channel::{Medium, message, show, suggestions};
use super::*;
use crate::address::Email;
use crate::otp::{Accepted, Account, Alphabet, BotCaps, Budgets, Caps, Format, Phase, PreviousCode};

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::new(&[]).unwrap());
const START: Timestamp = Timestamp::from_millis(1_784_540_790_118);
/// What is left of a variable that nobody told.
const UNTOLD: [char; 2] = ['{', '$'];
const SCOPE: &str = "st-1//s-1";
const ADDRESSES: [&str; 3] = ["a@example.com", "b@example.com", "c@example.com"];

fn to(address: &str) -> Destination {
    Destination::Email(Email::parse(address).unwrap())
}

fn authority(destination: Accepted) -> Authority {
    let rules = Rules {
        format: Format { length: 6, alphabet: Alphabet::Digits },
        lifetime: Duration::from_mins(5),
        attempts: 5,
        lock_for: Duration::from_mins(15),
        resend_after: Duration::from_secs(30),
        sends: 5,
        previous_code: PreviousCode::Hint,
        destination,
    };
    let caps = Caps { sends_per_hour: 6, sends_per_day: 20, failures_per_day: 9 };
    let budgets = Budgets { destination: caps, user: caps, bot: BotCaps { sends_per_hour: 0 } };
    Authority { rules, keys: Keys::ephemeral(&mut StdRng::seed_from_u64(7)), budgets }
}

#[derive(Clone, Debug)]
enum Move {
    /// A Webhook node runs, with this address (if any) in the payload.
    Node(Operation, Option<usize>),
    /// The user says something.
    Said(Said),
    /// The last delivery comes to its end.
    Delivered(Handover),
    Advance(u64),
}

#[derive(Clone, Debug)]
enum Said {
    RightCode,
    WrongCode,
    Address(usize),
    Else(Utterance),
}

fn any_move() -> impl Strategy<Value = Move> {
    let said = prop_oneof![
        4 => Just(Said::RightCode),
        6 => Just(Said::WrongCode),
        4 => (0..ADDRESSES.len()).prop_map(Said::Address),
        12 => prop::sample::select(vec![
            Utterance::Mention(to(ADDRESSES[1])), Utterance::Codes, Utterance::Number, Utterance::Addresses, Utterance::BadAddress, Utterance::Resend,
            Utterance::ChangeAddress, Utterance::Cancel, Utterance::Agent, Utterance::Yes, Utterance::No,
            Utterance::Redacted, Utterance::Other,
        ]).prop_map(Said::Else),
    ];
    let node = (prop::sample::select(Operation::COMPONENTS.to_vec()), prop::option::of(0..ADDRESSES.len()));
    let handover = prop::sample::select(vec![
        Handover::Accepted { provider: "sendgrid".into(), message_id: None },
        Handover::Failed,
        Handover::Undeliverable,
    ]);
    prop_oneof![
        4 => node.prop_map(|(operation, address)| Move::Node(operation, address)),
        10 => said.prop_map(Move::Said),
        4 => handover.prop_map(Move::Delivered),
        3 => prop::sample::select(vec![1, 29, 30, 299, 300, 900, 2_000]).prop_map(Move::Advance),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_500) })]

    /// Codes do not reach the bot while one is awaited; nothing pending means nothing touched; whoever wants out gets
    /// out; only a right code verifies, and a dialog collects that once; enrolled means enrolled; and there is always
    /// something to say.
    #[test]
    fn no_conversation_breaks_a_promise(
        moves in prop::collection::vec(any_move(), 1..60),
        enrolled in any::<bool>(),
        language in prop::sample::select(vec!["en", "ar", "ja"]),
    ) {
        let language = Arc::clone(CATALOGUE.find(language).unwrap());
        let authority = authority(if enrolled { Accepted::Enrolled } else { Accepted::Any });
        let mut rng = StdRng::seed_from_u64(5);
        let mut now = START;
        let mut session: Option<Session> = None;
        let mut books: std::collections::HashMap<AccountId, Account> = std::collections::HashMap::new();
        let mut delivery: Option<Delivery> = None;
        let mut code: Option<Code> = None;
        let mut collectable = false;
        for (number, step) in moves.into_iter().enumerate() {
            let (operation, address, heard) = match step {
                Move::Advance(seconds) => {
                    now = now.after(Duration::from_secs(seconds));
                    continue;
                }
                Move::Delivered(handover) => {
                    if let (Some(before), Some(delivery)) = (&session, delivery.take()) {
                        let rules = &authority.rules;
                        session = Some(note(before, None, &delivery, &handover, rules, Expose::Reference, now).0);
                    }
                    continue;
                }
                Move::Node(operation, address) => (operation, address, Utterance::Other),
                Move::Said(Said::RightCode) => {
                    let Some(code) = &code else { continue };
                    (Operation::Hear, None, Utterance::Code(code.clone()))
                }
                Move::Said(Said::WrongCode) => {
                    let format = authority.rules.format;
                    let wrong = Code::read("000000", format).filter(|wrong| Some(wrong) != code.as_ref());
                    let Some(wrong) = wrong else { continue };
                    (Operation::Hear, None, Utterance::Code(wrong))
                }
                Move::Said(Said::Address(index)) => {
                    (Operation::Hear, None, Utterance::Address(to(ADDRESSES[index])))
                }
                Move::Said(Said::Else(heard)) => (Operation::Hear, None, heard),
            };
            // Under the enrolled rule the payload brings addresses of the user context only: here, the first.
            let known = if enrolled { address.map(|_| 0) } else { address };
            let destination = known
                .map_or(Reading::not_asked(), |index| Reading::Read(to(ADDRESSES[index])));
            let forged = operation == Operation::Hear && heard == Utterance::Other && number % 5 == 0;
            let typed = Reading::Unusable("an entity that holds what the bot was told".to_owned());
            let request = Some(RequestKey::new(&authority.keys, operation, &number.to_string(), heard.brought(), None));
            let call = Call { operation, request, user: None, destination, wanted: Wanted::Email, number: None, code: typed, heard, forged, whole: false, language: Arc::clone(&language) };
            let before = session.clone();
            let released = before.as_ref().is_some_and(|session| session.conversation.at(now).released);
            let live = before.as_ref().and_then(|session| session.challenge.as_ref())
                .is_some_and(|challenge| challenge.phase(now) == Phase::Live);
            let awaited = before.as_ref().is_some_and(|session| session.awaits(now));

            let accounts: Accounts = books.iter().map(|(id, account)| (*id, Arc::new(account.clone()))).collect();
            let past = Past { session: session.as_ref(), accounts: &accounts };
            let taken = turn(past, &call, &authority, Expose::Reference, SCOPE, now, &mut rng);
            let Answer { report, pass_on, .. } = &taken.answer;
            if operation == Operation::Hear {
                if !awaited {
                    prop_assert!(*pass_on && taken.session.is_none() && taken.effect.is_none());
                }
                if live && !released && matches!(call.heard, Utterance::Code(_) | Utterance::Codes | Utterance::Number) {
                    prop_assert!(!pass_on);
                }
                if matches!(call.heard, Utterance::Cancel | Utterance::Agent | Utterance::Other) {
                    prop_assert_eq!(*pass_on, !(forged && awaited));
                }
                // Whoever has left is left alone, and guesses are counted all the same.
                if released && awaited && !forged && report.status != Status::Verified {
                    let compared = report.topic != Some(Topic::TooSoon) && taken.limit.is_none();
                    prop_assert!(*pass_on == compared && taken.effect.is_none());
                    let counted = matches!(call.heard, Utterance::Code(_)) && live;
                    let free = report.status == Status::Superseded || taken.limit.is_some() || !compared;
                    prop_assert!(!counted || !taken.charges.is_empty() || free);
                }
                if report.status == Status::Verified {
                    prop_assert!(live && code.as_ref().is_some_and(|code| call.heard == Utterance::Code(code.clone())));
                    collectable = true;
                }
                prop_assert_eq!(pass_on & matches!(report.status, Status::Verified), false);
            } else {
                prop_assert!(!pass_on);
                if report.status == Status::Verified {
                    // No code came with the node: it can only have come to collect.
                    prop_assert!(operation == Operation::Verify && collectable);
                    collectable = false;
                }
                if !matches!(operation, Operation::Verify | Operation::Status) {
                    // The dialog wants another proof.
                    collectable = false;
                }
            }
            // A typed address gets a code only where the dialog brought none, and then the dialog is told which.
            let asked = taken.session.as_ref().or(before.as_ref()).is_some_and(|session| session.conversation.asked);
            if let (Some(Effect::Deliver(made)), Operation::Hear) = (&taken.effect, operation) {
                let same = before.as_ref().and_then(|session| session.challenge.as_ref())
                    .is_some_and(|challenge| challenge.destination == made.to);
                prop_assert!(asked || same);
            }
            if report.status == Status::Verified {
                prop_assert!(report.verified.is_some());
                prop_assert_eq!(report.tells_address, asked);
            }
            let sends = taken.effect.is_some() || report.status == Status::Generated;
            if let Some(Effect::Deliver(made)) = taken.effect {
                prop_assert!(!enrolled || made.to == to(ADDRESSES[0]));
                code = Some(made.code.clone());
                delivery = Some(made);
                collectable = false;
            }
            for medium in [Medium::Buttons, Medium::Text, Medium::Voice] {
                let text = message(report, &language, medium);
                prop_assert!(!text.trim().is_empty() && !text.contains(UNTOLD), "{}", text);
                prop_assert!(medium != Medium::Voice || !text.contains('@'));
                let words = suggestions(report, &language);
                prop_assert!(!show(text, &words, report.asks(), &language, medium).text.is_empty());
            }
            // A code that is sent, and a wrong one, is paid for; what is refused is not.
            prop_assert!(!sends || !taken.charges.is_empty());
            prop_assert!(taken.limit.is_none() || taken.charges.is_empty() && !sends);
            books.extend(taken.charges);
            // Whatever a session has been through, a store can keep it.
            let kept = taken.session.as_ref().map(|session| rmp_serde::to_vec_named(session).unwrap());
            let read = kept.map(|kept| rmp_serde::from_slice::<Session>(&kept).unwrap());
            prop_assert_eq!(&read, &taken.session);
            // A retry of the same message changes nothing and is answered alike.
            session = taken.session.or(before);
            if session.is_some() && !pass_on && operation != Operation::Status {
                let past = Past { session: session.as_ref(), accounts: &accounts };
                let again = turn(past, &call, &authority, Expose::Reference, SCOPE, now, &mut rng);
                if again.replayed {
                    prop_assert!(again.session.is_none() && again.effect.is_none());
                    prop_assert_eq!(&again.answer, &taken.answer);
                }
            }
        }
    }
}

#[test]
fn components_are_known_in_every_spelling() {
    for (name, operation) in [
        ("OtpSend", Some(Operation::Send)),
        ("otp_send", Some(Operation::Send)),
        ("OTP-Send", Some(Operation::Send)),
        ("Otp Verify", Some(Operation::Verify)),
        ("OTPRESEND", Some(Operation::Resend)),
        ("otpCancel", Some(Operation::Cancel)),
        ("Otp_Status", Some(Operation::Status)),
        ("OtpGenerate", Some(Operation::Generate)),
        ("otp start", Some(Operation::Start)),
        ("OtpHear", None),
        ("Send", None),
        ("OtpSendNow", None),
        ("", None),
    ] {
        assert_eq!(Operation::of_component(name), operation, "{name}");
    }
}
