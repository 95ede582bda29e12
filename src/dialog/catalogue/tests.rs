use super::*;

fn catalogue(own: &[Source]) -> Result<Catalogue, Broken> {
    Catalogue::new(own)
}

fn messages(language: &str, text: &str) -> Source {
    let name = format!("words/{language}.ftl");
    Source { name, language: language.to_owned(), kind: Kind::Messages, text: text.to_owned() }
}

fn complaint(own: &[Source]) -> String {
    catalogue(own).unwrap_err().to_string()
}

#[test]
fn every_language_has_every_message_and_every_variable() {
    let catalogue = catalogue(&[]).unwrap();
    assert_eq!(catalogue.names().count(), 10);
    for (tag, language) in &catalogue.0 {
        for phrase in Phrase::ALL {
            let values = Values {
                to: "m...a@example.com",
                length: 7,
                digits: true,
                span: Span::Minutes(4),
                left: 3,
                options: "one, two",
                product: "Acme",
                support: "help@acme.example",
                code: "0123456",
            };
            let text = language.write(phrase, &values);
            assert!(!text.is_empty() || phrase == Phrase::SentenceGap, "{tag} {phrase:?}");
            assert!(!text.contains(['{', '}', '$']), "{tag} {phrase:?}: {text}");
            // They are markdown on the web channel.
            assert!(!text.contains(['*', '_', '~', '#', '`', '>']), "{tag} {phrase:?}: {text}");
            assert!(text.chars().count() <= 300, "{tag} {phrase:?}: {text}");
        }
    }
}

#[test]
fn what_a_message_tells_changes_with_its_values() {
    let catalogue = catalogue(&[]).unwrap();
    let base = Values {
        to: "a...b@c.example",
        length: 6,
        digits: true,
        span: Span::Seconds(30),
        left: 2,
        options: "x",
        code: "012345",
        ..Values::default()
    };
    for (tag, language) in &catalogue.0 {
        let write = |phrase, values: &Values<'_>| language.write(phrase, values);
        let sent = write(Phrase::Sent, &base);
        assert!(sent.contains("a...b@c.example"), "{tag}");
        for (what, values) in [
            ("length", Values { length: 8, ..base }),
            ("kind", Values { digits: false, ..base }),
            ("unit", Values { span: Span::Minutes(30), ..base }),
            ("count", Values { span: Span::Seconds(31), ..base }),
        ] {
            assert_ne!(write(Phrase::Sent, &values), sent, "{tag} {what}");
        }
        for (phrase, values) in [
            (Phrase::MailSubjectProduct, Values { product: "Other", ..base }),
            (Phrase::MailLeadProduct, Values { product: "Other", ..base }),
            (Phrase::MailSupport, Values { support: "other@acme.example", ..base }),
        ] {
            assert_ne!(write(phrase, &values), write(phrase, &base), "{tag} {phrase:?}");
        }
        for (one, other) in [(1, 2), (2, 3), (3, 11)] {
            let left = |left| write(Phrase::Incorrect, &Values { left, ..base });
            assert_ne!(left(one), left(other), "{tag}");
        }
    }
}

#[test]
fn plurals_follow_the_language() {
    let catalogue = catalogue(&[]).unwrap();
    let valid = |tag: &str, span| {
        catalogue.find(tag).unwrap().write(Phrase::MailValid, &Values { span, ..Values::default() })
    };
    assert_eq!(valid("en", Span::Minutes(1)), "It is valid for 1 minute.");
    assert_eq!(valid("en", Span::Minutes(5)), "It is valid for 5 minutes.");
    let arabic = [1, 2, 5, 30].map(|count| valid("ar", Span::Minutes(count)));
    assert!(
        arabic[2].contains("دقائق") && arabic[3].contains("دقيقة") && arabic[1].contains("دقيقت"),
        "{arabic:?}"
    );
}

#[test]
fn addresses_are_never_said_aloud() {
    let catalogue = catalogue(&[]).unwrap();
    let values = Values { to: "m...a@example.com", length: 6, span: Span::Hours(2), ..Values::default() };
    for (tag, language) in &catalogue.0 {
        for phrase in Phrase::ALL {
            let text = language.speak(phrase, &values);
            assert!(!text.contains('@') && !text.contains("..."), "{tag} {phrase:?}: {text}");
        }
    }
}

#[test]
fn latin_addresses_keep_together_in_right_to_left_text() {
    let catalogue = catalogue(&[]).unwrap();
    let arabic = catalogue.find("ar").unwrap();
    assert!(arabic.is_right_to_left());
    let values = Values {
        to: "m...a@example.com",
        length: 6,
        span: Span::Minutes(5),
        product: "Acme",
        support: "help@acme.example",
        ..Values::default()
    };
    for phrase in Phrase::ALL {
        let text = arabic.write(phrase, &values);
        for address in ["m...a@example.com", "name@example.com", "Acme", "help@acme.example"] {
            let isolated = text.contains(&format!("\u{2068}{address}\u{2069}"));
            assert_eq!(text.contains(address), isolated, "{phrase:?}: {text}");
        }
    }
}

#[test]
fn tags_fall_back_to_their_language() {
    let catalogue = catalogue(&[]).unwrap();
    for (tag, found) in [
        ("pt-BR", Some("pt")),
        ("pt_br", Some("pt")),
        ("ZH-Hans-CN", Some("zh")),
        (" de ", Some("de")),
        ("sv", None),
        ("", None),
        ("-", None),
        ("\u{202e}ne", None),
        ("engl", None),
        (&"e".repeat(5_000), None),
    ] {
        assert_eq!(catalogue.find(tag).map(|language| language.tag()), found.map(str::to_owned), "{tag}");
    }
}

#[test]
fn an_operator_changes_messages_and_adds_languages() {
    let changed = catalogue(&[messages("de", "greeting = Moin!\n")]).unwrap();
    let german = changed.find("de").unwrap();
    assert_eq!(german.write(Phrase::Greeting, &Values::default()), "Moin!");
    assert!(german.write(Phrase::Expired, &Values::default()).contains("abgelaufen"));

    let own = BUILT_IN[0].1.replace("Hello!", "Hej!");
    let added = catalogue(&[messages("sv-SE", &own)]).unwrap();
    let swedish = added.find("sv_se").unwrap();
    assert!(swedish.write(Phrase::Greeting, &Values::default()).starts_with("Hej!"));
    assert_eq!(added.names().count(), 11);

    // A region is understood as its language is.
    let portuguese = BUILT_IN.iter().find(|(tag, _)| *tag == "pt").unwrap().1;
    let regional = catalogue(&[messages("pt-BR", portuguese)]).unwrap();
    assert!(regional.find("pt_br").unwrap().lexicon().is_some());
}

#[test]
fn a_broken_file_is_named_with_its_line_and_its_fix() {
    for (text, complaint_begins) in [
        ("# fine\ngreeting = Hi\nsent = We sent { $to\n", "words/en.ftl:3: is not Fluent: "),
        ("\nincorrect = Wrong.\n", "words/en.ftl:2: incorrect does not use $left"),
        ("expired = Over since { $when }.\n", "words/en.ftl:1: expired uses $when; it may use no variable"),
        ("greting = Hi\n", "words/en.ftl:1: greting is no message of ours; did you mean greeting?"),
        (
            "sent = Sent { a-code } to { $to } for { span }.\n",
            "words/en.ftl:1: sent .voice uses $to; it may use $count, $kind, $length, $unit",
        ),
        ("greeting = Hi\n    .short = Ho\n", "words/en.ftl:2: greeting has .short; the only attribute"),
        ("greeting = { NOPE() }\n", "words/en.ftl:1: greeting refers to NOPE(), which is not there"),
        (
            "incorrect = { $left ->\n    [one] { no-such }\n   *[other] { $left }\n  }\n",
            "words/en.ftl:1: incorrect refers to { no-such }, which is not there",
        ),
        ("greeting = Hi\ngreeting = Ho\n", "words/en.ftl:2: greeting is there twice"),
        (
            "option-resend = Gimme a fresh one\n",
            "words/en.ftl: option-resend is \"Gimme a fresh one\", which is not understood as that; add it to [resend]",
        ),
        ("greeting = { verified }\nverified = { greeting }\n", "words/en.ftl:1: greeting cannot be said: "),
        ("option-resend = Please send me a new code\n", "words/en.ftl:1: option-resend is longer than 20"),
        ("greeting = See https://acme.example\n", "words/en.ftl:1: greeting is also said aloud: "),
    ] {
        let complaint = complaint(&[messages("en", text)]);
        assert!(complaint.starts_with(complaint_begins), "{complaint}");
    }
    let incomplete = complaint(&[messages("pl", "greeting = Cześć!\n")]);
    assert!(incomplete.starts_with("words/pl.ftl: lacks a-code, already-verified, "), "{incomplete}");
    let alone = Source { kind: Kind::Keywords, ..messages("pl", understanding::built_in("en").unwrap()) };
    let alone = complaint(&[Source { name: "words/pl.toml".to_owned(), ..alone }]);
    assert!(alone.starts_with("words/pl.toml: needs a file of messages beside it"), "{alone}");
    let nameless = complaint(&[messages("my words", "greeting = Hi\n")]);
    assert!(nameless.contains("is not named after a language"), "{nameless}");
}

#[test]
fn spans_are_rounded_the_way_nobody_is_disappointed_by() {
    for (seconds, lasting, waiting) in [
        (0, Span::Seconds(0), Span::Seconds(0)),
        (1, Span::Seconds(1), Span::Seconds(1)),
        (91, Span::Seconds(91), Span::Minutes(2)),
        (119, Span::Seconds(119), Span::Minutes(2)),
        (120, Span::Minutes(2), Span::Minutes(2)),
        (299, Span::Minutes(4), Span::Minutes(5)),
        (7_199, Span::Minutes(119), Span::Hours(2)),
        (7_200, Span::Hours(2), Span::Hours(2)),
    ] {
        assert_eq!((Span::lasting(seconds), Span::waiting(seconds)), (lasting, waiting), "{seconds}");
    }
}

#[test]
fn a_broken_file_of_keywords_is_named_too() {
    let keywords = |text: &str| Source {
        name: "words/en.toml".to_owned(),
        language: "en".to_owned(),
        kind: Kind::Keywords,
        text: text.to_owned(),
    };
    for (text, complaint_begins) in [
        ("digits = []\nresent = 1\n", "words/en.toml:2: unknown field `resent`"),
        ("digits = [\n", "words/en.toml:"),
        (
            &understanding::built_in("en").unwrap().replace("[\"one\"], ", ""),
            "words/en.toml: digits must have ten",
        ),
    ] {
        let complaint = complaint(&[keywords(text)]);
        assert!(complaint.starts_with(complaint_begins), "{complaint}");
    }
}

#[test]
fn what_stands_on_a_button_is_understood_in_its_language() {
    let catalogue = catalogue(&[]).unwrap();
    let format = Format { length: 6, alphabet: Alphabet::Digits };
    for (tag, language) in &catalogue.0 {
        for (phrase, utterance) in [
            (Phrase::OptionResend, Utterance::Resend),
            (Phrase::OptionChange, Utterance::ChangeAddress),
            (Phrase::OptionCancel, Utterance::Cancel),
        ] {
            let text = language.write(phrase, &Values::default());
            let lexicon = language.lexicon().unwrap();
            assert_eq!(understand(&text, &[lexicon], format, None), utterance, "{tag} {text}");
        }
    }
}

#[test]
fn every_form_of_every_built_in_message_can_be_said() {
    for (tag, text) in BUILT_IN {
        // As an operator's file it is tried in every form.
        catalogue(&[messages(tag, text)]).unwrap();
    }
}
