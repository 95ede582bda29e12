//! The words that carry a code to a phone.

use super::catalogue::{Language, Phrase, Span, Values};

/// The text message for a code that is good for so many seconds: one line.
#[must_use]
pub fn text(language: &Language, code: &str, valid_for_seconds: u64) -> String {
    let values = Values { code, span: Span::lasting(valid_for_seconds), ..Values::default() };
    language.write(Phrase::SmsText, &values).into_owned()
}

/// What a call says, piece by piece with a pause behind each: the code character by character, and all of it again.
#[must_use]
pub fn call(language: &Language, code: &str) -> Vec<String> {
    let say = |phrase| language.speak(phrase, &Values::default()).into_owned();
    let code = || code.chars().map(String::from);
    let (lead, again) = (say(Phrase::CallLead), say(Phrase::CallAgain));
    [lead].into_iter().chain(code()).chain([again]).chain(code()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::Catalogue;
    use super::*;

    /// GSM 03.38, the default alphabet; what needs an escape in front counts twice and is not among them.
    const GSM: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿\
        abcdefghijklmnopqrstuvwxyzäöñüà";

    #[test]
    fn a_text_message_is_one_segment() {
        let catalogue = Catalogue::new(&[]).unwrap();
        for tag in catalogue.names() {
            let language = catalogue.find(tag).unwrap();
            let latin = !["ar", "hi", "ja", "zh"].contains(&tag);
            for seconds in [1, 59, 119, 120, 179, 299, 300, 660, 6_600, 7_200, 11_000, 40_000, 86_400] {
                let text = text(language, "0123456789", seconds);
                assert!(text.starts_with("0123456789 "), "{tag}: {text}");
                let strange: String = text.chars().filter(|letter| !GSM.contains(*letter)).collect();
                if latin {
                    assert_eq!(strange, "", "{tag}: {text}");
                    // Room for `@login.acme.example #0123456789` and an Android app's hash on lines of their own.
                    assert!(text.chars().count() <= 160 - 32 - 12, "{tag}: {text}");
                } else {
                    assert!(text.encode_utf16().count() <= 70, "{tag}: {text}");
                }
            }
        }
    }

    #[test]
    fn a_call_says_the_code_twice() {
        let catalogue = Catalogue::new(&[]).unwrap();
        let said = call(catalogue.find("en").unwrap(), "482");
        assert_eq!(said, ["Hello. Your verification code is:", "4", "8", "2", "Once more:", "4", "8", "2"]);
    }
}
