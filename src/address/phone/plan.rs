//! The numbering plans: whose a number is, and what kind of line it leads to.
//!
//! Of the library only the metadata and the reading of national forms are used. Its own check of a number matches the
//! beginning of it, and it drops the zeros that numbers in Italy or the Ivory Coast begin with.

use phonenumber::country::Id;
use phonenumber::metadata::{DATABASE, Descriptor, Metadata};
use phonenumber::{Mode, ParseError};
use regex::RegexBuilder;

use super::super::Invalid;

/// What kind of line a number leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A person's phone that gets messages: mobile, over the Internet, or where plans do not tell mobile from fixed.
    Personal,
    /// A fixed line.
    Fixed,
    /// The caller pays extra.
    PremiumRate,
    /// Caller and called share the cost.
    SharedCost,
    /// Toll-free, company and voice mail numbers, pagers, and numbers that only forward.
    Service,
}

/// A number's entry in the plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listing {
    /// Its country by two letters, `001` if it has none.
    pub(super) country: &'static str,
    /// What it leads to.
    pub(super) line: Line,
}

/// The country code that a number's digits begin with (ITU-T E.164, list of assigned codes).
pub(super) fn calling_code(digits: &str) -> &str {
    let long = match digits.as_bytes() {
        [b'1' | b'7', ..] => 1,
        [b'2', b'0' | b'7', ..]
        | [b'3', b'0'..=b'4' | b'6' | b'9', ..]
        | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
        | [b'5', b'1'..=b'8', ..]
        | [b'6', b'0'..=b'6', ..]
        | [b'8', b'1' | b'2' | b'4' | b'6', ..]
        | [b'9', b'0'..=b'5' | b'8', ..] => 2,
        _ => 3,
    };
    digits.get(..long).unwrap_or(digits)
}

/// Reads a number that begins with its country code. Many write a zero behind that which is only dialled at home.
pub(super) fn international(digits: &str) -> Result<String, Invalid> {
    let Err(problem) = listing(digits) else { return Ok(digits.to_owned()) };
    let without_trunk_prefix =
        phonenumber::parse(None, ["+", digits].concat()).ok().map(|number| e164(&number));
    let fine = |digits: &String| listing(digits).is_ok();
    without_trunk_prefix.filter(fine).ok_or(Invalid(problem))
}

/// Reads a number as it is dialled within `home`.
pub(super) fn national(digits: &str, home: Id) -> Result<String, Invalid> {
    phonenumber::parse(Some(home), digits).map(|number| e164(&number)).map_err(|error| {
        Invalid(match error {
            ParseError::TooShortNsn | ParseError::TooShortAfterIdd => "it is too short",
            ParseError::TooLong => "it is too long",
            ParseError::NoNumber | ParseError::InvalidCountryCode | ParseError::MalformedInteger(_) => {
                "it is no phone number"
            }
        })
    })
}

fn e164(number: &phonenumber::PhoneNumber) -> String {
    let text = number.format().mode(Mode::E164).to_string();
    text.strip_prefix('+').map(str::to_owned).unwrap_or(text)
}

/// Looks up a number by its digits, country code first. What is not there is named in the error.
pub(super) fn listing(digits: &str) -> Result<Listing, &'static str> {
    let code = calling_code(digits);
    let national = digits.get(code.len()..).unwrap_or_default();
    let regions = code.parse::<u16>().ok().and_then(|code| DATABASE.by_code(&code));
    let regions: Vec<&'static Metadata> = regions.ok_or("its country code does not exist")?;
    for region in &regions {
        let ours = region
            .leading_digits()
            .is_none_or(|leading| leading.find(national).is_some_and(|found| found.start() == 0));
        if let (true, Some(line)) = (ours, line(region, national)) {
            return Ok(Listing { country: region.id(), line });
        }
    }
    let lengths = || {
        let plans = regions.iter().map(|region| region.descriptors());
        let kinds = plans.flat_map(|plan| [plan.fixed_line(), plan.mobile(), plan.toll_free()]);
        kinds.flatten().flat_map(Descriptor::possible_length).map(|possible| usize::from(*possible))
    };
    Err(if lengths().all(|possible| national.len() < possible) {
        "it is too short for its country"
    } else if lengths().all(|possible| national.len() > possible) {
        "it is too long for its country"
    } else {
        "its country has no such number"
    })
}

/// What a number of a region leads to; `None` if the region has no such number.
fn line(region: &Metadata, national: &str) -> Option<Line> {
    let plan = region.descriptors();
    let is = |kind: Option<&Descriptor>| kind.is_some_and(|kind| matches(kind, national));
    if !is(Some(plan.general())) {
        return None;
    }
    if is(plan.premium_rate()) {
        Some(Line::PremiumRate)
    } else if is(plan.shared_cost()) {
        Some(Line::SharedCost)
    } else if [plan.toll_free(), plan.personal_number(), plan.pager(), plan.uan(), plan.voicemail()]
        .into_iter()
        .any(is)
    {
        Some(Line::Service)
    } else if is(plan.mobile()) || is(plan.voip()) {
        Some(Line::Personal)
    } else {
        is(plan.fixed_line()).then_some(Line::Fixed)
    }
}

/// Whether the whole of a number is of a kind.
fn matches(kind: &Descriptor, national: &str) -> bool {
    // The plan as a whole has no lengths of its own; its kinds have.
    let lengths = kind.possible_length();
    if !lengths.is_empty() && !lengths.iter().any(|length| usize::from(*length) == national.len()) {
        return false;
    }
    let pattern = kind.national_number();
    match pattern.find(national) {
        Some(found) if found.start() > 0 => false,
        Some(found) if found.end() == national.len() => true,
        // A shorter alternative was found first; a longer one may fit all of it.
        Some(_) => RegexBuilder::new(&format!("^(?:{})$", pattern.as_str()))
            .ignore_whitespace(true)
            .build()
            .is_ok_and(|whole| whole.is_match(national)),
        None => false,
    }
}
