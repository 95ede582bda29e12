use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::address::{Destination, Email};
use crate::dialog::Delivery;
use crate::otp::{Alphabet, ChallengeId, Code, Format};

const NOW: Timestamp = Timestamp::from_millis(1_784_540_790_118);

fn catalogue() -> Catalogue {
    Catalogue::new(&[]).unwrap()
}

fn acme() -> Letterhead {
    Letterhead { product: "Acme & <Sons>".to_owned(), support: "help@acme.example".to_owned() }
}

fn delivery(catalogue: &Catalogue, language: &str, seconds: u64) -> Delivery {
    let format = Format { length: 6, alphabet: Alphabet::Digits };
    let mut rng: rand::rngs::StdRng = rand::SeedableRng::seed_from_u64(1);
    Delivery {
        challenge: ChallengeId::draw(&mut rng),
        send: 1,
        to: Destination::Email(Email::parse("mira@example.com").unwrap()),
        code: Code::read("012345", format).unwrap(),
        expires_at: NOW.after(Duration::from_secs(seconds)),
        language: Arc::clone(catalogue.find(language).unwrap()),
        greets: false,
    }
}

fn own(catalogue: &Catalogue, form: Form, text: &str) -> Result<Layout, String> {
    let template = Template { name: format!("words/{}", form.file()), form, text: text.to_owned() };
    Layout::new(acme(), vec![template], catalogue).map_err(|broken| broken.to_string())
}

#[test]
fn our_own_templates_pass_our_own_check() {
    for form in Form::ALL {
        own(&catalogue(), form, form.built_in()).unwrap_or_else(|problem| panic!("{problem}"));
    }
}

#[test]
fn every_language_gets_a_whole_mail() {
    let catalogue = catalogue();
    for head in [Letterhead::default(), acme()] {
        let layout = Layout::new(head.clone(), Vec::new(), &catalogue).unwrap();
        for language in catalogue.names() {
            let mail = layout.write(&delivery(&catalogue, language, 299), Occasion::Code, NOW);
            assert!(mail.text.lines().any(|line| line == "012345"), "{language}: {}", mail.text);
            assert!(mail.html.contains(">012345</p>") && !mail.subject.contains("012345"), "{language}");
            assert!(
                mail.text.contains('4') && mail.html.starts_with("<!doctype html>\n<html lang="),
                "{language}"
            );
            assert!(mail.html.contains(&format!("lang=\"{language}\" dir=\"")), "{language}");
            let told = [mail.text.contains("help@acme.example"), mail.subject.contains("Acme & <Sons>")];
            assert_eq!(told, [!head.support.is_empty(); 2], "{language}: {}\n{}", mail.subject, mail.text);
            assert!(!mail.text.contains("\n\n\n") && !mail.text.contains("&amp;"), "{}", mail.text);
            for loads in ["http", "src=", "url(", "<script", "<Sons>"] {
                assert!(!mail.html.contains(loads), "{language} {loads}: {}", mail.html);
            }
            assert_eq!(
                mail.html.contains("Acme &amp; &lt;Sons&gt;"),
                !head.product.is_empty(),
                "{}",
                mail.html
            );
        }
    }
}

#[test]
fn a_mail_in_english_reads_as_it_should() {
    let layout = Layout::new(Letterhead::default(), Vec::new(), &catalogue()).unwrap();
    let mail = layout.write(&delivery(&catalogue(), "en", 300), Occasion::Code, NOW);
    assert_eq!(mail.subject, "Your verification code");
    assert_eq!(
        mail.text,
        "Type this code in the chat where you asked for it:\n\n012345\n\nIt is valid for 5 minutes.\n\nKeep it to \
         yourself. We will never ask you for it by phone or mail.\n\nIf you did not ask for this code, you can ignore \
         this mail.\n"
    );
    let later = layout.write(
        &delivery(&catalogue(), "en", 300),
        Occasion::Code,
        NOW.after(Duration::from_millis(12)),
    );
    assert_eq!(later.text, mail.text, "making the code takes its time too");
    let test = layout.write(&delivery(&catalogue(), "en", 300), Occasion::Test, NOW);
    assert!(test.subject.starts_with("Test: ") && test.text.starts_with("This is a test. "));
}

#[test]
fn arabic_runs_from_right_to_left_and_its_code_does_not() {
    let layout = Layout::new(acme(), Vec::new(), &catalogue()).unwrap();
    let mail = layout.write(&delivery(&catalogue(), "ar", 300), Occasion::Code, NOW);
    assert!(mail.html.contains("<div role=\"article\"") && mail.html.contains("lang=\"ar\" dir=\"rtl\""));
    assert!(mail.html.contains("<p dir=\"ltr\""));
    assert!(mail.text.contains("\u{2068}help@acme.example\u{2069}"), "{}", mail.text);
}

#[test]
fn an_operator_changes_the_layout() {
    let text =
        "{{ subject|upper }}\n{% if support %}\n{{ support }}\n{% endif %}\n[{{ code }}] {{ language }}\n";
    let layout = own(&catalogue(), Form::Text, text).unwrap();
    let mail = layout.write(&delivery(&catalogue(), "de", 300), Occasion::Code, NOW);
    assert_eq!(
        mail.text,
        "IHR BESTÄTIGUNGSCODE FÜR ACME & <SONS>\nBrauchen Sie Hilfe? help@acme.example\n[012345] de"
    );
    assert!(mail.html.starts_with("<!doctype html>"), "the other one is ours");
    let layout = own(&catalogue(), Form::Html, "<b title=\"{{ product }}\">{{ code }}</b>").unwrap();
    let mail = layout.write(&delivery(&catalogue(), "de", 300), Occasion::Code, NOW);
    assert_eq!(mail.html, "<b title=\"Acme &amp; &lt;Sons&gt;\">012345</b>");
}

#[test]
fn a_broken_template_is_named_with_its_line_and_its_fix() {
    let catalogue = catalogue();
    for (text, complaint) in [
        ("a\n{{ cod }}\n", "words/mail.html:2: uses cod; it may use code, direction, "),
        ("{{ code }}\n{% if support %}\n{{ suport }}\n{% endif %}", "words/mail.html:3: uses suport; "),
        ("{{ code }}\n{% if product == 'x' %}{{ who.name }}{% endif %}", "words/mail.html:2: uses who; "),
        ("{{ code }}\n{{ range(3) }}{{ env() }}", "words/mail.html:2: uses env; "),
        ("\n{{ code }\n", "words/mail.html:2: cannot be used: syntax error"),
        ("{{ code }}\n\n{% if support %}", "words/mail.html:3: cannot be used: syntax error"),
        ("{{ code }}\n{% include 'mail.txt' %}", "words/mail.html:2: cannot be used: syntax error"),
        ("{{ code }}\n{% extends '/etc/passwd' %}", "words/mail.html:2: cannot be used: syntax error"),
        ("{{ code }}\n{{ lead|shout }}", "words/mail.html:2: cannot be used: unknown filter"),
        ("{{ code }}\n{{ lead.x.y }}", "words/mail.html:2: cannot be used: undefined value"),
        ("<p>{{ lead }}</p>", "words/mail.html:1: leaves out the code, or takes it apart, in language "),
        ("", "words/mail.html:1: leaves out the code"),
        ("a\n{{ code[:3] }} {{ code[3:] }}", "words/mail.html:2: leaves out the code, or takes it apart"),
        ("493816 H7K4W", "words/mail.html:1: leaves out the code"),
        (
            "a\n\n{% if language == 'de' %}\n{{ lead }}{% else %}{{ code }}{% endif %}",
            "words/mail.html:4: leaves out the code, or takes it apart, in language de: ",
        ),
    ] {
        let problem = own(&catalogue, Form::Html, text).err().unwrap_or_default();
        assert!(problem.starts_with(complaint), "{text:?}: {problem}");
    }
}
