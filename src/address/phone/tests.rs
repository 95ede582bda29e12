use super::*;

fn world() -> Numbering {
    Numbering::default()
}

fn read(text: &str, home: &str) -> Result<String, &'static str> {
    let numbering = Numbering::new(home, &[]).unwrap();
    Phone::parse(text, &numbering, Channel::Sms)
        .map(|phone| phone.reveal().to_owned())
        .map_err(|Invalid(why)| why)
}

#[test]
fn numbers_are_read_in_every_dress() {
    for (text, e164) in [
        ("+1 (415) 555-2671", "+14155552671"),
        ("+14155552671", "+14155552671"),
        ("tel:+1-415-555-2671", "+14155552671"),
        ("001 415 555 2671", "+14155552671"),
        ("0044 7400 123456", "+447400123456"),
        ("+44 (0)7400 123456", "+447400123456"),
        ("＋４４ ７４００ １２３４５６", "+447400123456"),
        ("+٤٤ ٧٤٠٠ ١٢٣٤٥٦", "+447400123456"),
        ("\u{202a}+44 7400 123456\u{202c}", "+447400123456"),
        ("+49 1512 3456789", "+4915123456789"),
        ("+33 6 12 34 56 78", "+33612345678"),
        ("+33 06 12 34 56 78", "+33612345678"),
        ("+39 312 345 6789", "+393123456789"),
        ("+225 01 23 45 67 89", "+2250123456789"),
        ("+91 81234 56789", "+918123456789"),
        ("+81 90-1234-5678", "+819012345678"),
        ("+86 131 2345 6789", "+8613123456789"),
        ("+55 11 96123-4567", "+5511961234567"),
        ("+966 51 234 5678", "+966512345678"),
        ("+7 912 345-67-89", "+79123456789"),
        ("+1 876 210 1234", "+18762101234"),
    ] {
        assert_eq!(read(text, ""), Ok(e164.to_owned()), "{text}");
    }
}

#[test]
fn national_forms_need_a_country() {
    for (text, home, e164) in [
        ("(415) 555-2671", "US", "+14155552671"),
        ("1 415 555 2671", "us", "+14155552671"),
        ("07400 123456", "GB", "+447400123456"),
        ("0151 23456789", "DE", "+4915123456789"),
        ("312 345 6789", "IT", "+393123456789"),
        ("0123456789", "CI", "+2250123456789"),
        // With its country code it is read the same everywhere.
        ("+44 7400 123456", "US", "+447400123456"),
        ("0044 7400 123456", "US", "+447400123456"),
    ] {
        assert_eq!(read(text, home), Ok(e164.to_owned()), "{text} in {home}");
    }
    assert!(read("(415) 555-2671", "").unwrap_err().starts_with("it lacks its country code"));
    assert!(Numbering::new("USA", &[]).is_err());
    assert!(Numbering::new("", &["Germany".to_owned()]).is_err());
}

#[test]
fn what_gets_no_code_is_refused_with_a_reason() {
    for (text, why) in [
        ("", "no digits"),
        ("+", "no digits"),
        ("call me", "letters"),
        ("1-800-FLOWERS", "letters"),
        ("+1 415 555 2671 x5", "extension"),
        ("+1 415 555 2671, +1 415 555 2672", "exactly one"),
        ("+1 415 555 2671 +1", "exactly one"),
        ("+1*415*555", "a character"),
        ("911", "emergency"),
        ("112", "emergency"),
        ("+1 911", "too short"),
        ("+44 999", "too short"),
        ("+1 415 555", "too short"),
        ("+1 415 555 26711", "too long"),
        ("+123456789012345678", "too long"),
        (&"1".repeat(5_000), "too long"),
        ("+999 1234 5678", "country code does not exist"),
        ("+1 000 000 0000", "no such number"),
        ("+1 900 234 5678", "premium-rate"),
        ("+44 909 012 3456", "premium-rate"),
        ("+49 900 1234567", "premium-rate"),
        ("+33 891 12 34 56", "premium-rate"),
        ("+49 180 1234567", "shared-cost"),
        ("+1 800 234 5678", "service number"),
        ("+44 800 123 4567", "service number"),
        ("+44 70 1234 5678", "service number"),
        ("+44 20 7946 0958", "fixed line"),
        ("+39 06 1234 5678", "fixed line"),
        ("+33 1 23 45 67 89", "fixed line"),
    ] {
        let said = read(text, "").err().unwrap_or("it was taken");
        assert!(said.contains(why), "{text:?} gave {said:?}");
    }
}

#[test]
fn a_fixed_line_can_be_called() {
    assert!(Phone::parse("+44 20 7946 0958", &world(), Channel::Call).is_ok());
    assert!(Phone::parse("+44 909 012 3456", &world(), Channel::Call).is_err());
    assert!(Phone::parse("+44 20 7946 0958", &world(), Channel::WhatsApp).is_err());
}

#[test]
fn only_listed_countries_are_taken_if_there_is_a_list() {
    let numbering = Numbering::new("", &["us".to_owned(), "GB".to_owned()]).unwrap();
    let taken = |text| Phone::parse(text, &numbering, Channel::Sms).is_ok();
    assert!(taken("+1 415 555 2671") && taken("+44 7400 123456"));
    // Jamaica and Canada share the country code of the United States.
    assert!(!taken("+1 876 210 1234") && !taken("+1 613 782 7274") && !taken("+49 1512 3456789"));
}

#[test]
fn countries_prefixes_and_masks() {
    for (text, country, prefix, masked) in [
        ("+14155552671", "US", "+1415555", "+1...71"),
        ("+16137827274", "CA", "+1613782", "+1...74"),
        ("+447400123456", "GB", "+44740012", "+44...56"),
        ("+2250123456789", "CI", "+225012345", "+225...89"),
        ("+79123456789", "RU", "+7912345", "+7...89"),
        ("+77710009998", "KZ", "+7771000", "+7...98"),
    ] {
        let phone = Phone::parse(text, &world(), Channel::Sms).unwrap();
        assert_eq!(
            (phone.country(), phone.prefix(), phone.masked().as_str()),
            (country, prefix, masked),
            "{text}"
        );
        assert_eq!(format!("{phone:?}"), format!("Phone({masked})"));
    }
}

#[test]
fn the_table_of_country_codes_is_that_of_the_plans() {
    for region in phonenumber::metadata::DATABASE.iter() {
        let code = region.country_code().to_string();
        assert_eq!(plan::calling_code(&format!("{code}23456789")), code, "{}", region.id());
    }
}

#[test]
fn what_every_plan_gives_as_a_mobile_number_is_taken() {
    let mut refused = Vec::new();
    for region in phonenumber::metadata::DATABASE.iter() {
        let Some(example) = region.descriptors().mobile().and_then(|mobile| mobile.example()) else {
            continue;
        };
        let text = format!("+{}{example}", region.country_code());
        if let Err(Invalid(why)) = Phone::parse(&text, &world(), Channel::Sms) {
            refused.push((region.id(), text, why));
        }
    }
    assert!(refused.is_empty(), "{refused:?}");
}

proptest::proptest! {
    #[test]
    fn nothing_that_is_typed_breaks_it(text in "\\PC{0,40}", number in "[+]?[0-9 ()x.-]{0,40}", home in "|US|GB|IT|CI|BR") {
        let numbering = Numbering::new(&home, &[]).unwrap();
        for text in [text, number] {
            if let Ok(phone) = Phone::parse(&text, &numbering, Channel::Sms) {
                let again = Phone::parse(phone.reveal(), &Numbering::default(), Channel::Sms);
                proptest::prop_assert_eq!(again, Ok(phone));
            }
        }
    }
}
