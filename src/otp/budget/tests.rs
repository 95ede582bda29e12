//! The budgets: what is charged, what is refused and until when, and what clears.

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;
use crate::address::{Destination, Email};
use crate::otp::Keys;

const START: Timestamp = Timestamp::from_millis(1_784_540_790_118);
const BUDGETS: Budgets = Budgets {
    destination: Caps { sends_per_hour: 3, sends_per_day: 5, failures_per_day: 8 },
    user: Caps { sends_per_hour: 4, sends_per_day: 100, failures_per_day: 100 },
    bot: BotCaps { sends_per_hour: 2 },
};

fn at(seconds: u64) -> Timestamp {
    START.after(Duration::from_secs(seconds))
}

fn id(name: &str) -> AccountId {
    let keys = Keys::ephemeral(&mut StdRng::seed_from_u64(1));
    AccountId::of_user(&keys, "st-1", name)
}

fn payers(address: &str) -> Payers {
    Payers { destination: id(address), user: None }
}

fn by(address: &str, user: &str) -> Payers {
    Payers { destination: id(address), user: Some(id(user)) }
}

/// What a store would keep.
#[derive(Default)]
struct Books(std::collections::HashMap<AccountId, Account>);

impl Books {
    fn accounts(&self) -> Accounts {
        self.0.iter().map(|(id, account)| (*id, Arc::new(account.clone()))).collect()
    }

    fn send(&mut self, payers: Payers, now: Timestamp) -> Result<(), Exhausted> {
        let charges = BUDGETS.send(payers, &self.accounts(), now)?;
        self.0.extend(charges);
        Ok(())
    }

    fn fail(&mut self, payers: Payers, now: Timestamp) {
        self.0.extend(BUDGETS.failed(payers, &self.accounts(), now));
    }

    fn check(&self, payers: Payers, now: Timestamp) -> Result<(), Exhausted> {
        BUDGETS.may_check(payers, &self.accounts(), 5, now)
    }
}

#[test]
fn sends_are_capped_in_any_hour_and_any_day() {
    let mut books = Books::default();
    let mira = payers("mira");
    for second in [0, 10, 20] {
        assert_eq!(books.send(mira, at(second)), Ok(()));
    }
    let refused = |limit, second| Err(Exhausted::Sends { limit, until: at(second) });
    assert_eq!(books.send(mira, at(30)), refused(Limit::DestinationHour, 3_600));
    assert_eq!(books.send(payers("eve"), at(30)), Ok(()), "another address has its own");
    assert_eq!(books.send(mira, at(3_599)), refused(Limit::DestinationHour, 3_600));
    assert_eq!(books.send(mira, at(3_600)), Ok(()), "at the very moment that was said");
    assert_eq!(books.send(mira, at(3_610)), Ok(()));
    assert_eq!(books.send(mira, at(9_000)), refused(Limit::DestinationDay, 86_400));
    assert_eq!(books.send(mira, at(86_400)), Ok(()));
}

#[test]
fn of_two_limits_the_longer_wait_is_told() {
    let mut books = Books::default();
    for second in [0, 10, 86_000, 86_010, 86_020] {
        assert_eq!(books.send(payers("mira"), at(second)), Ok(()));
    }
    // The day has room again at 86,400, the hour only at 89,600.
    let refused = books.send(payers("mira"), at(86_030));
    assert_eq!(refused, Err(Exhausted::Sends { limit: Limit::DestinationHour, until: at(89_600) }));
}

#[test]
fn a_refusal_charges_nobody() {
    let mut books = Books::default();
    for (second, address) in [(0, "a"), (1, "b"), (2, "c"), (3, "d")] {
        assert_eq!(books.send(by(address, "mallory"), at(second)), Ok(()));
    }
    let before = books.0.clone();
    let refused = books.send(by("e", "mallory"), at(4));
    assert_eq!(refused, Err(Exhausted::Sends { limit: Limit::UserHour, until: at(3_600) }));
    assert_eq!(books.0, before);
    assert_eq!(books.send(by("e", "mira"), at(4)), Ok(()), "the address has not paid for it");
}

#[test]
fn wrong_codes_wait_longer_and_longer_and_then_for_a_day() {
    let mut books = Books::default();
    let mira = payers("mira");
    for second in 0..5 {
        assert_eq!(books.check(mira, at(second)), Ok(()), "as many as a challenge has are free");
        books.fail(mira, at(second));
    }
    let mut now = 4;
    for wait in [2, 4, 8] {
        let paused = Err(Exhausted::Pause { until: at(now + wait) });
        assert_eq!(books.check(mira, at(now + wait - 1)), paused);
        assert_eq!(books.check(mira, at(now + wait)), Ok(()));
        now += wait;
        books.fail(mira, at(now));
    }
    let locked = Exhausted::Failures { limit: Limit::DestinationFailures, until: at(86_400) };
    assert_eq!(books.check(mira, at(now + 5_000)), Err(locked));
    assert_eq!(books.send(mira, at(now + 5_000)), Err(locked), "a code that nobody may check is not sent");
    assert_eq!(books.check(mira, at(86_400)), Ok(()), "and it ends");
}

#[test]
fn no_wait_is_longer_than_an_hour() {
    let waits: Vec<_> = (0..=100).map(|failures| pause(failures, 5).as_secs()).collect();
    assert_eq!(&waits[..8], [0, 0, 0, 0, 0, 2, 4, 8]);
    assert!(waits.is_sorted() && waits[100] == 3_600);
    assert_eq!(pause(1, 1), Duration::from_secs(2));
}

#[test]
fn a_right_code_clears_what_was_tried_at_its_address_only() {
    let mut books = Books::default();
    for second in 0..6 {
        books.fail(by("mira", "mallory"), at(second));
    }
    let charges = BUDGETS.verified(by("mira", "mallory"), &books.accounts());
    assert_eq!(charges.len(), 1);
    books.0.extend(charges);
    assert_eq!(books.check(payers("mira"), at(6)), Ok(()));
    assert!(books.check(by("eve", "mallory"), at(6)).is_err(), "the user's own count stays");
    assert!(BUDGETS.verified(payers("mira"), &books.accounts()).is_empty(), "nothing to write");
}

#[test]
fn a_clock_that_is_set_back_makes_nobody_wait_longer_than_the_rule_says() {
    let mut books = Books::default();
    for second in 0..3 {
        books.send(payers("mira"), at(500_000 + second)).unwrap();
    }
    let Err(Exhausted::Sends { until, .. }) = books.send(payers("mira"), at(0)) else { panic!("refused") };
    assert!(until <= at(3_600));

    for second in 0..6 {
        books.fail(payers("eve"), at(500_000 + second));
    }
    let paused = Err(Exhausted::Pause { until: at(500_000 - 30 + 4) });
    assert_eq!(books.check(payers("eve"), at(500_000 - 30)), paused, "another server's clock");
    assert_eq!(books.check(payers("eve"), at(400_000)), Ok(()), "and not for a day");
}

#[test]
fn a_send_that_did_not_come_about_is_given_back() {
    let account = Account::default().sent(at(0)).sent(at(10));
    let back = account.unsent(at(10)).unwrap();
    assert_eq!(back, Account::default().sent(at(0)));
    assert_eq!(back.unsent(at(10)), None);
}

#[test]
fn an_account_is_small_and_forgotten_a_day_after() {
    let account =
        (0..1_000).fold(Account::default(), |account, second| account.failed(at(second)).sent(at(second)));
    assert_eq!(account.forget_at(), at(999 + 86_400));
    let kept = serde_json::to_value(&account).unwrap();
    assert_eq!((kept["s"].as_array().unwrap().len(), kept["f"].as_array().unwrap().len()), (100, 100));
}

#[test]
fn accounts_are_named_by_whom_they_belong_to_and_not_by_the_signing_key() {
    let ring = |keys: &[(&str, &str)]| {
        let keys: Vec<_> =
            keys.iter().map(|(id, secret)| (*id, secrecy::SecretString::from(*secret))).collect();
        Keys::new(keys.iter().map(|(id, secret)| (*id, secret))).unwrap()
    };
    let (old, new) = (
        ("1", "an old secret of thirty-two bytes or more"),
        ("2", "a new secret of thirty-two bytes or more!"),
    );
    let of = |keys: &Keys, text: &str| {
        AccountId::of_destination(keys, &Destination::Email(Email::parse(text).unwrap()))
    };
    let keys = ring(&[old]);
    assert_eq!(of(&keys, "Mira+1@Example.com"), of(&keys, "mira@example.com"));
    assert_eq!(of(&keys, "mira@example.com"), of(&ring(&[new, old]), "mira@example.com"));
    assert_ne!(of(&keys, "mira@example.com"), of(&ring(&[new]), "mira@example.com"));
    assert_ne!(AccountId::of_user(&keys, "st-1", "u"), AccountId::of_user(&keys, "st-2", "u"));
}

#[test]
fn a_cap_of_zero_counts_nothing() {
    let off = Caps { sends_per_hour: 0, sends_per_day: 0, failures_per_day: 0 };
    let budgets = Budgets { destination: off, ..BUDGETS };
    let full =
        (0..100).fold(Account::default(), |account, second| account.failed(at(second)).sent(at(second)));
    let accounts = [(id("mira"), Arc::new(full))].into_iter().collect();
    assert_eq!(budgets.send(payers("mira"), &accounts, at(100)), Ok(Charges::new()));
    assert_eq!(budgets.may_check(payers("mira"), &accounts, 5, at(100)), Ok(()));
    assert!(budgets.failed(payers("mira"), &accounts, at(100)).is_empty());
    assert_eq!(budgets.failed(by("mira", "u"), &accounts, at(100)).len(), 1, "the user's still counts");
}

#[test]
fn a_bot_takes_tickets_by_the_hour() {
    let ticket = BUDGETS.bot.ticket("st-1", at(0)).unwrap();
    assert_eq!(ticket.most, 2);
    assert!(ticket.until > at(0) && ticket.until <= at(3_600));
    assert_eq!(BUDGETS.bot.ticket("st-1", at(1)), Some(ticket.clone()));
    assert_ne!(BUDGETS.bot.ticket("st-1", at(3_600)).unwrap().pool, ticket.pool);
    assert_ne!(BUDGETS.bot.ticket("st-2", at(0)).unwrap().pool, ticket.pool);
    assert_eq!(BotCaps { sends_per_hour: 0 }.ticket("st-1", at(0)), None);
}
