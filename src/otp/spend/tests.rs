use proptest::prelude::*;

use super::*;
use crate::address::{Channel, Numbering};

const START: Timestamp = Timestamp::from_millis(1_784_540_790_118);
const NONE: SpendLimits = SpendLimits {
    enabled: true,
    per_bot: 0,
    per_country: 0,
    per_prefix: 0,
    unverified: 0,
    block_for: Duration::from_hours(1),
};

fn phone(text: &str) -> Phone {
    Phone::parse(text, &Numbering::default(), Channel::Sms).unwrap()
}

/// A phone of San Francisco, numbered within its block.
fn sf(number: u32) -> Phone {
    phone(&format!("+1415555{number:04}"))
}

fn after(minutes: u64) -> Timestamp {
    START.after(Duration::from_mins(minutes))
}

#[test]
fn each_cap_counts_what_it_is_named_after() {
    let mut spending = Spending::new(SpendLimits { per_bot: 2, ..NONE });
    assert_eq!(spending.charge("st-1", &sf(1), START), Ok(()));
    assert_eq!(spending.charge("st-1", &phone("+447400123456"), START), Ok(()));
    let halt = spending.charge("st-1", &sf(2), START).unwrap_err();
    assert_eq!(halt.limit, Limit::SmsBot);
    assert_eq!(spending.charge("st-2", &sf(2), START), Ok(()));
    assert_eq!(spending.charge("st-1", &sf(2), halt.until), Ok(()));

    let mut spending = Spending::new(SpendLimits { per_country: 1, ..NONE });
    assert_eq!(spending.charge("st-1", &sf(1), START), Ok(()));
    // Canada shares the country code, and nothing else.
    assert_eq!(spending.charge("st-1", &phone("+16137827274"), START), Ok(()));
    assert_eq!(
        spending.charge("st-2", &phone("+12015550123"), START).map_err(|halt| halt.limit),
        Err(Limit::SmsCountry)
    );

    let mut spending = Spending::new(SpendLimits { per_prefix: 1, ..NONE });
    assert_eq!(spending.charge("st-1", &sf(1), START), Ok(()));
    assert_eq!(spending.charge("st-2", &sf(9_999), START).map_err(|halt| halt.limit), Err(Limit::SmsPrefix));
    assert_eq!(spending.charge("st-2", &phone("+12015550123"), START), Ok(()));
}

#[test]
fn a_prefix_that_verifies_nothing_is_blocked_for_a_while() {
    let mut spending = Spending::new(SpendLimits { unverified: 3, ..NONE });
    for number in 0..3 {
        assert_eq!(spending.charge("st-1", &sf(number), START), Ok(()));
    }
    let halt = Halt { limit: Limit::SmsUnverified, until: after(61) };
    assert_eq!(spending.charge("st-1", &sf(3), after(1)), Err(halt));
    // Asking again prolongs nothing, another bot is none the better, and a code that is typed now opens nothing.
    spending.verified(&sf(0));
    assert_eq!(spending.charge("st-2", &sf(3), after(60)), Err(halt));
    assert_eq!(spending.charge("st-1", &phone("+12015550123"), after(60)), Ok(()));
    assert_eq!(spending.charge("st-1", &sf(3), after(61)), Ok(()));
    // A clock that was set back far keeps nobody waiting for longer than the rule says.
    let mut spending = Spending::new(SpendLimits { unverified: 1, ..NONE });
    assert!(spending.charge("st-1", &sf(0), after(10_000)).is_ok());
    assert!(spending.charge("st-1", &sf(0), after(10_000)).is_err());
    assert_eq!(spending.charge("st-1", &sf(0), START).unwrap_err().until, after(60));
}

#[test]
fn a_code_that_is_typed_credits_its_prefix() {
    let mut spending = Spending::new(SpendLimits { unverified: 2, ..NONE });
    for number in 0..50 {
        assert_eq!(spending.charge("st-1", &sf(number), START), Ok(()), "{number}");
        if number % 2 == 1 {
            spending.verified(&sf(number));
        }
    }
    // So does an hour without any.
    let mut spending = Spending::new(SpendLimits { unverified: 2, ..NONE });
    for hours in 0..10 {
        assert_eq!(spending.charge("st-1", &sf(1), after(hours * 66)), Ok(()));
    }
}

#[test]
fn limits_can_be_switched_off() {
    let limits =
        SpendLimits { enabled: false, per_bot: 1, per_country: 1, per_prefix: 1, unverified: 1, ..NONE };
    for mut spending in [Spending::new(limits), Spending::new(NONE)] {
        for _ in 0..100 {
            assert_eq!(spending.charge("st-1", &sf(1), START), Ok(()));
        }
    }
}

#[test]
fn memory_is_bounded_whatever_comes() {
    let mut spending = Spending::new(SpendLimits { per_bot: 5, ..NONE });
    let mut refused = 0;
    for number in 0..(ledger::LARGEST + 500) {
        // Blocks of the German 1512 range, all of them valid.
        let phone = phone(&format!("+491512{:03}{:04}", number % 1000, number / 1000));
        refused += usize::from(spending.charge(&format!("st-{number}"), &phone, START).is_err());
    }
    assert_eq!((spending.bots.len(), refused), (ledger::LARGEST + 1, 495));
    // An hour later there is room again.
    assert_eq!(spending.charge("st-new", &sf(1), after(66)), Ok(()));
    assert!(spending.bots.len() < 10, "{}", spending.bots.len());
}

proptest! {
    #[test]
    fn no_hour_sees_more_than_the_cap(
        steps in prop::collection::vec((0_u64..2_000, 0_u32..3, any::<bool>()), 1..200),
        cap in 1_u32..8,
    ) {
        let mut spending = Spending::new(SpendLimits { per_prefix: cap, per_bot: 2 * cap, ..NONE });
        let mut now = START;
        let mut sent: Vec<Timestamp> = Vec::new();
        for (seconds, number, comes_about) in steps {
            now = now.after(Duration::from_secs(seconds));
            match spending.charge("st-1", &sf(number), now) {
                Ok(()) if comes_about => sent.push(now),
                Ok(()) => spending.refund("st-1", &sf(number), now),
                Err(halt) => {
                    prop_assert!(halt.until > now && halt.until <= now.after(Duration::from_mins(65)));
                    let lately = sent.iter().filter(|at| now.millis() - at.millis() < 65 * 60_000).count();
                    prop_assert!(lately >= cap as usize, "{lately} of {cap}: what was taken back still counts");
                    // When it says that there is room, there is.
                    let mut later = Spending { limits: spending.limits.clone(), bots: Ledger::default(),
                        countries: Ledger::default(), prefixes: Ledger::default() };
                    for at in &sent {
                        let _ = later.charge("st-1", &sf(0), *at);
                    }
                    prop_assert!(later.charge("st-1", &sf(0), halt.until).is_ok());
                }
            }
            let hour = sent.iter().filter(|at| now.millis() - at.millis() < 3_600_000).count();
            prop_assert!(hour <= cap as usize);
        }
    }

    #[test]
    fn no_clock_breaks_it(times in prop::collection::vec(any::<i64>(), 1..50)) {
        let mut spending = Spending::new(SpendLimits { per_bot: 3, per_country: 3, per_prefix: 3, unverified: 2, ..NONE });
        for millis in times {
            let now = Timestamp::from_millis(millis);
            if spending.charge("st-1", &sf(1), now).is_ok() && millis % 2 == 0 {
                spending.refund("st-1", &sf(1), now);
            }
            spending.verified(&sf(1));
        }
    }
}
