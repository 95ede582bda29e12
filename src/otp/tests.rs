//! The promises the rules make, checked against whatever sequence of calls.

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;
use crate::address::{Destination, Email};
use crate::clock::Timestamp;

const SESSION: &str = "st-1//s-1";
const START: Timestamp = Timestamp::from_millis(1_784_540_790_118);

fn authority(previous_code: PreviousCode) -> Authority {
    let caps = Caps { sends_per_hour: 0, sends_per_day: 0, failures_per_day: 0 };
    Authority {
        budgets: Budgets { destination: caps, user: caps, bot: BotCaps { sends_per_hour: 0 } },
        rules: Rules {
            format: Format { length: 6, alphabet: Alphabet::Digits },
            lifetime: Duration::from_mins(5),
            attempts: 5,
            lock_for: Duration::from_mins(15),
            resend_after: Duration::from_secs(30),
            sends: 5,
            previous_code,
            destination: Accepted::Any,
        },
        keys: Keys::ephemeral(&mut StdRng::seed_from_u64(7)),
    }
}

fn to(address: &str) -> Destination {
    Destination::Email(Email::parse(address).unwrap())
}

fn later(seconds: u64) -> Timestamp {
    START.after(Duration::from_secs(seconds))
}

/// A code that is not `code`.
fn wrong(code: &Code, authority: &Authority) -> Code {
    let text = if code.reveal() == "000000" { "000001" } else { "000000" };
    Code::read(text, authority.rules.format).unwrap()
}

fn sent(authority: &Authority) -> (Challenge, Code, StdRng) {
    let mut rng = StdRng::seed_from_u64(1);
    let (challenge, code) =
        Challenge::send(None, to("mira@example.com"), authority, SESSION, START, &mut rng).unwrap();
    (challenge, code, rng)
}

#[test]
fn a_code_dies_at_its_expiry_and_not_before() {
    let authority = authority(PreviousCode::Hint);
    let (challenge, code, _) = sent(&authority);
    let last = Timestamp::from_millis(later(300).millis() - 1);
    assert_eq!(challenge.verify(&code, &authority, SESSION, last).0, Verdict::Verified);
    assert_eq!(
        challenge.verify(&code, &authority, SESSION, later(300)),
        (Verdict::Ended(Phase::Expired), None)
    );
}

#[test]
fn a_code_is_used_once() {
    let authority = authority(PreviousCode::Hint);
    let (challenge, code, _) = sent(&authority);
    let (_, used) = challenge.verify(&code, &authority, SESSION, START);
    assert_eq!(
        used.unwrap().verify(&code, &authority, SESSION, START),
        (Verdict::Ended(Phase::Verified), None)
    );
}

#[test]
fn the_last_wrong_code_locks_and_the_lock_ends() {
    let authority = authority(PreviousCode::Hint);
    let (mut challenge, code, mut rng) = sent(&authority);
    for left in (1..5).rev() {
        let (verdict, next) = challenge.verify(&wrong(&code, &authority), &authority, SESSION, START);
        challenge = next.unwrap();
        assert_eq!((verdict, challenge.attempts_left(&authority.rules)), (Verdict::Incorrect, left));
    }
    let locked = Phase::Locked { until: later(900) };
    let (verdict, next) = challenge.verify(&wrong(&code, &authority), &authority, SESSION, START);
    challenge = next.unwrap();
    assert_eq!(verdict, Verdict::Ended(locked));
    // Neither the right code, nor cancelling, nor another address gets around it ...
    assert_eq!(challenge.verify(&code, &authority, SESSION, later(1)).0, Verdict::Ended(locked));
    assert_eq!(challenge.cancel(later(1)), None);
    for address in ["mira@example.com", "eve@example.com"] {
        let refused =
            Challenge::send(Some(&challenge), to(address), &authority, SESSION, later(899), &mut rng);
        assert_eq!(refused.unwrap_err(), Refusal::Ended(locked));
    }
    // ... and it ends by itself, with all attempts restored.
    let (next, _) =
        Challenge::send(Some(&challenge), to("mira@example.com"), &authority, SESSION, later(900), &mut rng)
            .unwrap();
    assert_eq!(next.attempts_left(&authority.rules), 5);
}

#[test]
fn a_resend_rotates_the_code_and_nothing_else() {
    let authority = authority(PreviousCode::Hint);
    let (challenge, first, mut rng) = sent(&authority);
    let challenge = challenge.verify(&wrong(&first, &authority), &authority, SESSION, START).1.unwrap();
    assert_eq!(
        challenge.resend(&authority, SESSION, later(29), &mut rng).unwrap_err(),
        Refusal::Cooldown { until: later(30) }
    );
    let (resent, second) = challenge.resend(&authority, SESSION, later(30), &mut rng).unwrap();
    assert_eq!((resent.id, resent.expires_at()), (challenge.id, challenge.expires_at()));
    assert_eq!((resent.attempts_left(&authority.rules), resent.sends_left(&authority.rules)), (4, 3));
    assert_eq!(resent.verify(&first, &authority, SESSION, later(31)), (Verdict::Superseded, None));
    assert_eq!(resent.verify(&second, &authority, SESSION, later(31)).0, Verdict::Verified);
}

#[test]
fn a_replaced_code_passes_only_for_a_while_and_only_if_allowed() {
    let authority = authority(PreviousCode::Accept);
    let (challenge, first, mut rng) = sent(&authority);
    let (resent, _) = challenge.resend(&authority, SESSION, later(30), &mut rng).unwrap();
    assert_eq!(resent.verify(&first, &authority, SESSION, later(59)).0, Verdict::Verified);
    assert_eq!(resent.verify(&first, &authority, SESSION, later(60)).0, Verdict::Superseded);
}

#[test]
fn the_sends_of_a_challenge_are_capped_across_addresses_and_cancelling() {
    let authority = authority(PreviousCode::Hint);
    let (mut challenge, _, mut rng) = sent(&authority);
    for (count, address) in
        ["a@example.com", "b@example.com", "c@example.com", "d@example.com"].iter().enumerate()
    {
        if count == 2 {
            challenge = challenge.cancel(START).unwrap();
        }
        challenge =
            Challenge::send(Some(&challenge), to(address), &authority, SESSION, START, &mut rng).unwrap().0;
    }
    let refused =
        Challenge::send(Some(&challenge), to("e@example.com"), &authority, SESSION, later(1), &mut rng);
    assert_eq!(refused.unwrap_err(), Refusal::LimitReached { until: later(300) });
    assert!(
        Challenge::send(Some(&challenge), to("e@example.com"), &authority, SESSION, later(300), &mut rng)
            .is_ok()
    );
}

#[test]
fn a_failed_send_may_be_repeated_at_once() {
    let authority = authority(PreviousCode::Hint);
    let (challenge, _, mut rng) = sent(&authority);
    let failed = challenge.handed_over(challenge.id, 1, Handover::Failed).unwrap();
    let (resent, _) = failed.resend(&authority, SESSION, START, &mut rng).unwrap();
    assert_eq!(resent.handed_over(challenge.id, 1, Handover::Failed), None, "late news of an earlier send");
}

#[test]
fn a_clock_set_back_keeps_nobody_waiting_longer_than_the_rule() {
    let authority = authority(PreviousCode::Hint);
    let (challenge, _, mut rng) = sent(&authority);
    let before = Timestamp::from_millis(START.millis() - 86_400_000);
    assert_eq!(
        challenge.resend(&authority, SESSION, before, &mut rng).unwrap_err(),
        Refusal::Cooldown { until: before.after(Duration::from_secs(30)) }
    );
}

#[test]
fn verifying_one_address_buys_no_guesses_at_another() {
    let authority = authority(PreviousCode::Hint);
    let (mut challenge, code, mut rng) = sent(&authority);
    for _ in 0..4 {
        challenge = challenge.verify(&wrong(&code, &authority), &authority, SESSION, START).1.unwrap();
    }
    let (own, code) =
        Challenge::send(Some(&challenge), to("own@example.com"), &authority, SESSION, START, &mut rng)
            .unwrap();
    let (_, verified) = own.verify(&code, &authority, SESSION, START);
    let again =
        Challenge::send(verified.as_ref(), to("mira@example.com"), &authority, SESSION, later(30), &mut rng);
    assert_eq!(again.unwrap().0.attempts_left(&authority.rules), 1);
}

#[test]
fn neither_case_nor_a_detour_shortens_the_cooldown() {
    let authority = authority(PreviousCode::Hint);
    let (challenge, _, mut rng) = sent(&authority);
    let refused = Err(Refusal::Cooldown { until: later(30) });
    let mut send = |earlier: &Challenge, address| {
        Challenge::send(Some(earlier), to(address), &authority, SESSION, START, &mut rng)
            .map(|(next, _)| next)
    };
    assert_eq!(send(&challenge, "MIRA@example.com"), refused);
    let detour = send(&challenge, "other@example.com").unwrap();
    assert_eq!(send(&detour, "mira@example.com"), refused);
}

#[test]
fn a_failed_resend_leaves_the_code_that_arrived_alive() {
    let authority = authority(PreviousCode::Hint);
    let (mut challenge, first, mut rng) = sent(&authority);
    for _ in 0..2 {
        challenge = challenge.resend(&authority, SESSION, later(30), &mut rng).unwrap().0;
        challenge = challenge.handed_over(challenge.id, challenge.sends(), Handover::Failed).unwrap();
    }
    assert_eq!(challenge.sends_left(&authority.rules), 4, "failed sends are not the user's");
    assert_eq!(challenge.verify(&first, &authority, SESSION, later(31)).0, Verdict::Verified);
    let (arrived, _) = challenge.resend(&authority, SESSION, later(31), &mut rng).unwrap();
    assert_eq!(arrived.verify(&first, &authority, SESSION, later(31)).0, Verdict::Superseded);
}

fn accepted(provider: &str) -> Handover {
    Handover::Accepted { provider: provider.into(), message_id: None }
}

fn news(provider: &str, fate: Fate, seconds: u64) -> News {
    News { provider: provider.into(), fate, at: later(seconds) }
}

#[test]
fn a_name_is_read_as_it_is_shown_and_in_no_other_way() {
    let id = ChallengeId::draw(&mut StdRng::seed_from_u64(1));
    let text = id.to_string();
    assert_eq!(ChallengeId::parse(&text), Some(id));
    let others =
        [&text[1..], &text[..34], &text.to_uppercase(), &text.replace("ch_", "ch-"), &format!("{text}0"), ""];
    for other in others {
        assert_eq!(ChallengeId::parse(other), None, "{other}");
    }
}

#[test]
fn only_who_took_the_message_can_report_on_it() {
    let authority = authority(PreviousCode::Hint);
    let (challenge, _, mut rng) = sent(&authority);
    let id = challenge.id;
    let bounce = news("sendgrid", Fate::Bounced, 10);
    // News that overtake the provider's answer wait for it ...
    let early = challenge.reported(id, 1, &bounce).unwrap();
    assert_eq!(early.handover, Handover::Pending);
    let lost = early.handed_over(id, 1, accepted("sendgrid")).unwrap();
    assert_eq!((&lost.handover, lost.sends_left(&authority.rules)), (&Handover::Undeliverable, 5));
    // ... and are nothing to whoever took it in the end.
    let other = early.handed_over(id, 1, accepted("smtp")).unwrap();
    assert_eq!(other.handover, accepted("smtp"));
    assert_eq!(other.reported(id, 1, &bounce), None);
    let failed = early.handed_over(id, 1, Handover::Failed).unwrap();
    assert_eq!(failed.reported(id, 1, &news("sendgrid", Fate::Delivered, 20)), None);
    // Neither another send, nor another challenge, nor one that is over.
    assert_eq!(lost.reported(id, 2, &bounce), None);
    assert_eq!(lost.reported(ChallengeId::draw(&mut rng), 1, &bounce), None);
    assert_eq!(other.cancel(START).unwrap().reported(id, 1, &news("smtp", Fate::Bounced, 10)), None);
}

fn fate() -> impl Strategy<Value = Fate> {
    use Fate::{Blocked, Bounced, Deferred, Delivered, Dropped, Spam};
    prop::sample::select(vec![Delivered, Deferred, Blocked, Bounced, Dropped, Spam])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever order reports come in, and however often: it is the latest that counts, and one failure at most.
    #[test]
    fn reports_come_to_the_same_in_any_order(
        (reports, shuffled) in prop::collection::vec((fate(), 0..4_u64), 1..8)
            .prop_flat_map(|reports| (Just(reports.clone()), Just([reports.clone(), reports].concat()).prop_shuffle())),
        answered in 0..8_usize,
    ) {
        let authority = authority(PreviousCode::Hint);
        let (challenge, _, _) = sent(&authority);
        let take = |reports: &[(Fate, u64)], answered: usize| {
            let mut challenge = challenge.clone();
            for (index, (fate, at)) in reports.iter().enumerate() {
                if index == answered {
                    challenge = challenge.handed_over(challenge.id, 1, accepted("p")).unwrap();
                }
                challenge = challenge.reported(challenge.id, 1, &news("p", *fate, *at)).unwrap_or(challenge);
            }
            if answered >= reports.len() {
                challenge = challenge.handed_over(challenge.id, 1, accepted("p")).unwrap();
            }
            (challenge.handover.clone(), challenge.sends_left(&authority.rules))
        };
        let came_to = take(&reports, 0);
        prop_assert_eq!(&came_to, &take(&shuffled, answered));
        let arrived = matches!(came_to.0, Handover::Accepted { .. });
        prop_assert_eq!(came_to.1, if arrived { 4 } else { 5 });
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Send(usize),
    Resend,
    Right,
    Stale,
    Wrong,
    Cancel,
    Fail,
    Accept,
    Report(Fate),
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..3_usize).prop_map(Step::Send),
        2 => Just(Step::Resend),
        1 => Just(Step::Right),
        1 => Just(Step::Stale),
        6 => Just(Step::Wrong),
        1 => Just(Step::Cancel),
        1 => Just(Step::Fail),
        2 => Just(Step::Accept),
        2 => fate().prop_map(Step::Report),
        3 => prop_oneof![Just(1_u64), Just(29), Just(30), Just(31), Just(299), Just(300), Just(900), 0..2_000_u64]
            .prop_map(Step::Advance),
    ]
}

/// What the test itself remembers of a challenge, apart from the challenge.
struct Model {
    /// The codes of the challenge, and whether each went out.
    codes: Vec<(Code, bool)>,
    /// When the first of them was sent.
    born: Timestamp,
    used: bool,
}

impl Model {
    /// The codes that may pass: the last one, and, where it never went out, the last one that did.
    fn passes(&self, code: &Code) -> bool {
        let (last, went_out) = self.codes.last().unwrap();
        let before = self.codes.iter().rev().find(|(_, went_out)| *went_out);
        code == last || !went_out && before.is_some_and(|(before, _)| before == code)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    /// Whatever is done in whatever order: never verified twice, never at or after expiry, never by a code that was
    /// replaced, and between two refills never more wrong guesses than attempts.
    #[test]
    fn no_sequence_breaks_a_promise(steps in prop::collection::vec(step(), 1..80)) {
        let authority = authority(PreviousCode::Hint);
        let rules = &authority.rules;
        let addresses = ["a@example.com", "b@example.com", "c@example.com"].map(to);
        let mut rng = StdRng::seed_from_u64(3);
        let mut now = START;
        let mut state: Option<(Challenge, Model)> = None;
        let mut guesses = 0;
        for step in steps {
            let earlier = state.as_ref().map(|(challenge, _)| challenge);
            match step {
                Step::Advance(seconds) => now = now.after(Duration::from_secs(seconds)),
                Step::Send(_) | Step::Resend => {
                    let made = match (step, earlier) {
                        (Step::Send(index), _) =>
                            Challenge::send(earlier, addresses[index].clone(), &authority, SESSION, now, &mut rng),
                        (_, Some(challenge)) => challenge.resend(&authority, SESSION, now, &mut rng),
                        (_, None) => continue,
                    };
                    match made {
                        Ok((next, code)) => {
                            if next.attempts_left(rules) == rules.attempts && guesses > 0 {
                                // Only time, or a right code for the same address, gives attempts back.
                                let (before, model) = state.as_ref().unwrap();
                                let same = before.destination.is_same(&next.destination);
                                prop_assert!(now >= model.born.after(rules.lifetime) || model.used && same);
                                guesses = 0;
                            }
                            let (codes, born) = match state.take() {
                                Some((before, model)) if before.id == next.id => (model.codes, model.born),
                                _ => (Vec::new(), now),
                            };
                            prop_assert_eq!(next.expires_at(), born.after(rules.lifetime));
                            let codes = codes.into_iter().chain([(code, true)]).collect();
                            state = Some((next, Model { codes, born, used: false }));
                        }
                        Err(Refusal::Cooldown { until }) => {
                            prop_assert!(now < until && until <= now.after(rules.resend_after));
                        }
                        Err(Refusal::LimitReached { until }) => {
                            prop_assert!(now < until && until <= now.after(rules.lifetime));
                        }
                        Err(Refusal::Ended(Phase::Locked { until })) => {
                            prop_assert!(now < until && until <= now.after(rules.lock_for));
                        }
                        Err(Refusal::Ended(phase)) => {
                            prop_assert!(matches!(step, Step::Resend) && phase != Phase::Live);
                        }
                    }
                }
                Step::Right | Step::Stale | Step::Wrong => {
                    let Some((current, model)) = &mut state else { continue };
                    let (last, _) = model.codes.last().unwrap();
                    let typed = match step {
                        Step::Right => last.clone(),
                        Step::Stale if model.codes.len() > 1 => model.codes[model.codes.len() - 2].0.clone(),
                        _ => wrong(last, &authority),
                    };
                    let in_time = now < model.born.after(rules.lifetime);
                    let (verdict, next) = current.verify(&typed, &authority, SESSION, now);
                    match verdict {
                        Verdict::Verified => {
                            prop_assert!(in_time && !model.used && model.passes(&typed) && next.is_some());
                            model.used = true;
                        }
                        Verdict::Incorrect => {
                            guesses += 1;
                            prop_assert!(in_time && !model.used && !model.passes(&typed) && guesses < rules.attempts);
                            prop_assert!(next.is_some(), "an attempt that is not counted");
                        }
                        Verdict::Superseded => prop_assert!(!model.passes(&typed) && next.is_none()),
                        Verdict::Ended(Phase::Locked { .. }) if next.is_some() => {
                            guesses += 1;
                            prop_assert_eq!(guesses, rules.attempts);
                        }
                        Verdict::Ended(phase) => {
                            prop_assert!(phase != Phase::Live && next.is_none());
                            prop_assert!(phase != Phase::Expired || !in_time);
                        }
                    }
                    if let Some(next) = next {
                        *current = next;
                    }
                }
                Step::Cancel => {
                    if let Some((current, _)) = &mut state
                        && let Some(next) = current.cancel(now)
                    {
                        *current = next;
                    }
                }
                Step::Fail | Step::Accept | Step::Report(_) => {
                    let Some((current, model)) = &mut state else { continue };
                    let (id, send, phase) = (current.id, current.sends(), current.phase(now));
                    let next = match step {
                        Step::Fail => current.handed_over(id, send, Handover::Failed),
                        Step::Accept => current.handed_over(id, send, accepted("p")),
                        Step::Report(fate) => current.reported(id, send, &News { provider: "p".into(), fate, at: now }),
                        _ => None,
                    };
                    *current = next.unwrap_or_else(|| current.clone());
                    prop_assert_eq!(current.phase(now), phase, "nothing that is reported revives or ends it");
                    let lost = matches!(current.handover, Handover::Failed | Handover::Undeliverable);
                    model.codes.last_mut().unwrap().1 = !lost;
                }
            }
            if let Some((challenge, _)) = &state {
                prop_assert!(challenge.forget_at() > challenge.expires_at());
            }
        }
    }
}
