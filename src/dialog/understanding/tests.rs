use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::select;

use super::digits::is_counter;
use super::expand::expand;
use super::glyph::is_unspaced;
use super::*;

const SIX: Format = Format { length: 6, alphabet: Alphabet::Digits };
const LANGUAGES: [&str; 10] = ["en", "es", "fr", "de", "pt", "it", "hi", "ar", "ja", "zh"];

static KEYWORDS: LazyLock<Vec<Keywords>> =
    LazyLock::new(|| LANGUAGES.map(|language| toml::from_str(built_in(language).unwrap()).unwrap()).into());
static LEXICONS: LazyLock<Vec<Lexicon>> =
    LazyLock::new(|| KEYWORDS.iter().map(|keywords| Lexicon::new(keywords).unwrap()).collect());

/// Phrases of every kind and language, fillers and number words among them.
static PHRASES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let lists = KEYWORDS.iter().flat_map(|keywords| {
        let classes = [
            &keywords.resend,
            &keywords.change_address,
            &keywords.cancel,
            &keywords.agent,
            &keywords.yes,
            &keywords.no,
        ];
        let classes = classes.into_iter().flat_map(|phrases| [&phrases.anywhere, &phrases.alone]);
        let around = [&keywords.fillers, &keywords.nothing, &keywords.addressing, &keywords.things];
        let around = around.into_iter().chain([&keywords.other_codes, &keywords.double]);
        classes.chain(around).chain(&keywords.digits).chain(&keywords.numbers)
    });
    // A few of each entry: some stand for hundreds.
    let phrases = lists.flatten().flat_map(|entry| expand(entry).unwrap().into_iter().step_by(17));
    phrases.filter(|phrase| !phrase.trim().is_empty() && !phrase.contains(is_digit)).collect()
});

/// Those of scripts without spaces, apart from what stands after amounts and years.
static UNSPACED: LazyLock<Vec<String>> = LazyLock::new(|| {
    let all =
        PHRASES.iter().filter(|phrase| phrase.chars().all(is_unspaced) && !phrase.starts_with(is_counter));
    all.cloned().collect()
});

fn is_digit(character: char) -> bool {
    crate::address::ascii_digit(character).is_some()
}

fn lexicons() -> Vec<&'static Lexicon> {
    LEXICONS.iter().collect()
}

/// A word, a phrase or something that is no word, without a digit.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => select(&**PHRASES),
        2 => "[a-zA-Zäéñçßа-яא-ת]{1,9}",
        1 => select(vec!["mira@example.com", "https://example.com/a?b=c", "@mira", "[EMAIL]", "***", "🙏", "€", "%", "#", "+", "/", "@"])
            .prop_map(str::to_owned),
    ]
}

/// What may stand on either side of a number that stands by itself.
fn mark() -> impl Strategy<Value = &'static str> {
    select(vec![
        " ",
        "\n",
        "\u{a0}",
        ".",
        ",",
        ";",
        ":",
        "!",
        "?",
        "(",
        ")",
        "[",
        "]",
        "\"",
        "'",
        "’",
        "-",
        "–",
        "…",
        "*",
        "_",
        "~",
        "=",
        "&",
        "|",
        "<",
        ">",
        "«",
        "»",
        "„",
        "“",
        "、",
        "。",
        "，",
        "：",
        "！",
        "（",
        "）",
        "「",
        "」",
        "【",
        "】",
        "،",
        "؛",
        "؟",
        "।",
        "🔐",
        "\u{200f} ",
        " \u{202a}",
        "\u{feff}.",
        ". ",
        ": ",
        ", ",
        " - ",
        " (",
        ") ",
    ])
}

/// Words with spaces between them.
fn words() -> impl Strategy<Value = String> {
    proptest::collection::vec(word(), 0..6).prop_map(|words| words.join(" "))
}

/// The digits of a code, with their form, in a script of their own and with invisible marks within.
fn code() -> impl Strategy<Value = (String, String)> {
    let script = select(vec!['0', '٠', '۰', '०', '０', '๐']);
    let unseen = select(vec!["", "", "", "\u{200b}", "\u{202c}", "\0"]);
    ("[0-9]{4,10}", script, unseen).prop_map(|(digits, zero, unseen)| {
        let written = digits.chars().map(|digit| {
            let point = u32::from(zero) + digit.to_digit(10).unwrap();
            format!("{}{unseen}", char::from_u32(point).unwrap())
        });
        let written: String = written.collect();
        (written, digits)
    })
}

fn format_of(code: &str) -> Format {
    Format { length: u8::try_from(code.len()).unwrap(), alphabet: Alphabet::Digits }
}

/// A text that may be anything, and one of what numbers are made of.
fn anything() -> impl Strategy<Value = String> {
    let soup = "0123456789٤८４零四よんに -–.,/:'()#+@%$€、，年円ー\u{200f}\u{0}aAéßوTWO";
    let soup: Vec<char> = soup.chars().collect();
    prop_oneof![
        proptest::collection::vec(any::<char>(), 0..80).prop_map(String::from_iter),
        proptest::collection::vec(select(soup), 0..80).prop_map(String::from_iter),
        proptest::collection::vec(prop_oneof![word(), code().prop_map(|(written, _)| written)], 0..12)
            .prop_map(|words| words.concat()),
    ]
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in anything(), length in 4_u8..=10, letters: bool, own in any::<Option<String>>()) {
        let alphabet = if letters { Alphabet::Unambiguous } else { Alphabet::Digits };
        let understood = understand(&text, &lexicons(), Format { length, alphabet }, own.as_deref());
        let shown = format!("{understood:?}");
        prop_assert!(!shown.is_empty());
        if let Utterance::Code(code) = understood {
            prop_assert_eq!(code.reveal().len(), usize::from(length));
        }
    }

    #[test]
    fn one_number_that_stands_by_itself_is_the_code(
        before in words(), left in mark(), (written, digits) in code(), right in mark(), after in words(),
    ) {
        for text in [
            written.clone(),
            format!("{before} {left}{written}{right} {after}"),
            format!("{before}{}{written}", if before.is_empty() { "" } else { " " }),
            format!("{written} {after}"),
        ] {
            let understood = understand(&text, &lexicons(), format_of(&digits), None);
            let Utterance::Code(code) = &understood else {
                return Err(TestCaseError::fail(format!("{text:?} came to {}", understood.name())));
            };
            prop_assert_eq!(code.reveal(), &*digits, "{}", text);
        }
    }

    #[test]
    fn a_number_may_touch_words_of_scripts_without_spaces(
        before in select(&**UNSPACED), (written, digits) in code(), after in select(&**UNSPACED),
    ) {
        let text = format!("{before}{written}{after}");
        let understood = understand(&text, &lexicons(), format_of(&digits), None);
        prop_assert!(matches!(&understood, Utterance::Code(code) if code.reveal() == digits), "{}", text);
    }

    #[test]
    fn what_has_no_digit_and_no_number_word_is_no_code(
        words in proptest::collection::vec(word(), 0..12), length in 4_u8..=10,
    ) {
        let numbers: Vec<_> = KEYWORDS.iter().flat_map(|keywords| keywords.digits.iter().chain(&keywords.numbers).flatten())
            .flat_map(|entry| expand(entry).unwrap()).map(|word| Folded::new(&word).words).collect();
        let words = words.iter().filter(|word| {
            let folded = Folded::new(word).words;
            !numbers.iter().any(|number| folded.contains(&**number))
        });
        let text = words.cloned().collect::<Vec<_>>().join(" ");
        let understood = understand(&text, &lexicons(), Format { length, ..SIX }, None);
        prop_assert!(!matches!(understood, Utterance::Code(_) | Utterance::Codes | Utterance::Number), "{}", text);
    }
}

#[test]
fn long_texts_are_texts_like_others() {
    for (text, name) in [
        ("4".repeat(3_000), "number"),
        ("4 ".repeat(3_000), "number"),
        ("482916 ".repeat(500), "code"),
        ("a1".repeat(3_000), "redacted"),
        ("ж1".repeat(3_000), "other"),
        ("@".repeat(3_000), "other"),
        ("a@".repeat(3_000), "bad_address"),
        ("1(+1(1/".repeat(1_000), "number"),
        ("one ".repeat(3_000), "number"),
        ("ten ".repeat(3_000), "number"),
        ("ten ten thanks ".repeat(1_000), "number"),
        ("a@b.com ".repeat(1_000), "address"),
        ("my order a@b.com ".repeat(1_000), "mention"),
        ("1 482916 ".repeat(1_000), "number"),
        ("#1 ".repeat(1_000), "number"),
        ("a dot ".repeat(1_000), "other"),
        ("a at b dot c ".repeat(1_000), "other"),
        ("no ".repeat(3_000), "no"),
        ("验证码".repeat(3_000), "other"),
        ("🙏".repeat(3_000), "other"),
        ("\0".repeat(3_000), "other"),
        ("(".repeat(3_000), "other"),
        (format!("{} 482916", "please resend ".repeat(300)), "code"),
    ] {
        let understood = understand(&text, &lexicons(), SIX, Some("+1 415 555 2671"));
        assert_eq!(understood.name(), name, "{}", &text.chars().take(12).collect::<String>());
    }
}

#[test]
fn debug_shows_nothing_that_was_typed() {
    for (text, shown) in [
        ("my code is 482916", "Code(Code(..))"),
        ("mira@example.com", "Address(Email(Email(m...a@example.com)))"),
        ("48291", "Number"),
        ("what is this", "Other"),
    ] {
        assert_eq!(format!("{:?}", understand(text, &lexicons(), SIX, None)), shown);
    }
}

#[test]
fn the_users_own_language_is_heard_first() {
    let [en, pt] = [&LEXICONS[0], &LEXICONS[4]];
    // Portuguese for "stop".
    assert_eq!(understand("para", &[en], SIX, None), Utterance::Other);
    assert_eq!(understand("para", &[pt, en], SIX, None), Utterance::Cancel);
}
