//! Numbers that look like codes and are not: dates, times, amounts of money.

use std::ops::Range;

use super::glyph::is_letter;

/// Whether runs of digits joined by `marks` are a date, a time or a fraction.
pub(super) fn is_date_or_time(runs: &[&str], marks: &[u8]) -> bool {
    if marks.iter().any(|mark| matches!(mark, b'/' | b':')) {
        return true;
    }
    let [one, two, three] = runs else { return false };
    match marks {
        [b'.', b'.'] => is_date(one, two, three),
        [b'-', b'-'] => is_date(one, two, three) || is_date(two, one, three) || is_date(three, two, one),
        _ => false,
    }
}

/// Whether there is such a day. The 29th of February always counts.
fn is_date(day: &str, month: &str, year: &str) -> bool {
    let number = |digits: &str, longest: usize| {
        (digits.len() <= longest).then(|| digits.parse::<u16>().ok()).flatten().unwrap_or(0)
    };
    let last = match number(month, 2) {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 29,
        _ => return false,
    };
    (year.len() == 2 || is_year(year)) && (1..=last).contains(&number(day, 2))
}

/// Whether this is a year people write about.
pub(super) fn is_year(digits: &str) -> bool {
    digits.len() == 4 && (digits.starts_with("19") || digits.starts_with("20"))
}

/// Whether runs of digits joined by `marks` are an amount: `482,916`, `4829.16`, `4.829,16`, `482'916`.
pub(super) fn is_amount(runs: &[&str], marks: &[u8]) -> bool {
    let last = runs.last().map_or(0, |run| run.len());
    let thousands =
        || runs.first().is_some_and(|run| run.len() <= 3) && runs[1..].iter().all(|run| run.len() == 3);
    match marks {
        [b',' | b'.'] if last <= 2 => true,
        _ if marks.contains(&b'\'') => true,
        _ if marks.iter().all(|mark| *mark == b',') => thousands(),
        _ => marks.contains(&b',') && marks.contains(&b'.'),
    }
}

/// Whether this is the sign of a currency.
pub(super) fn is_currency(mark: char) -> bool {
    matches!(mark, '$' | '¢' | '£' | '¥' | '฿' | '\u{20a0}'..='\u{20cf}' | '﷼')
}

/// What money is called beside a number. Names of currencies are much the same everywhere.
const CURRENCIES: [&str; 50] = [
    "eur",
    "euro",
    "euros",
    "usd",
    "dollar",
    "dollars",
    "dolar",
    "dolares",
    "gbp",
    "pound",
    "pounds",
    "chf",
    "franken",
    "francs",
    "cad",
    "aud",
    "inr",
    "rs",
    "rupee",
    "rupees",
    "jpy",
    "yen",
    "cny",
    "rmb",
    "yuan",
    "brl",
    "reais",
    "real",
    "mxn",
    "peso",
    "pesos",
    "soles",
    "cop",
    "clp",
    "ars",
    "aed",
    "sar",
    "egp",
    "krw",
    "won",
    "sgd",
    "hkd",
    "cents",
    "रुपये",
    "रुपए",
    "دولار",
    "ريال",
    "درهم",
    "جنيه",
    "يورو",
];

/// Whether a currency is named right before or after a number.
pub(super) fn has_currency_beside(plain: &str, number: &Range<usize>) -> bool {
    let before = plain[..number.start].trim_end_matches(' ');
    let after = plain[number.end..].trim_start_matches(' ');
    let last = &before[before.trim_end_matches(is_letter).len()..];
    let first = &after[..after.len() - after.trim_start_matches(is_letter).len()];
    let sign = before.ends_with(is_currency) || after.starts_with(is_currency);
    sign || CURRENCIES.contains(&last) || CURRENCIES.contains(&first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_exist_are_dates() {
        for (runs, marks, expected) in [
            (["12", "05", "24"], b"..", true),
            (["12", "05", "2024"], b"--", true),
            (["05", "31", "24"], b"--", true),
            (["05", "31", "24"], b"..", false),
            (["2024", "05", "12"], b"--", true),
            (["48", "29", "16"], b"--", false),
            (["31", "04", "24"], b"..", false),
            (["99", "99", "99"], b"//", true),
            (["12", "05", "4829"], b"..", false),
            (["00", "05", "24"], b"..", false),
        ] {
            assert_eq!(is_date_or_time(&runs, marks), expected, "{runs:?}");
        }
    }

    #[test]
    fn amounts_are_known_by_their_marks() {
        for (runs, marks, expected) in [
            (&["482", "916"][..], &b","[..], true),
            (&["482", "916"], b".", false),
            (&["4829", "16"], b".", true),
            (&["4829", "16"], b",", true),
            (&["1", "482", "916"], b",,", true),
            (&["4", "829", "16"], b".,", true),
            (&["482", "916"], b"'", true),
            (&["48", "29", "16"], b",,", false),
            (&["482916", "482917"], b",", false),
        ] {
            assert_eq!(is_amount(runs, marks), expected, "{runs:?}");
        }
    }
}
