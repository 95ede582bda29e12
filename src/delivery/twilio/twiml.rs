//! TwiML: what a call says (<https://www.twilio.com/docs/voice/twiml/say>).

/// Says every line of a text, with a second's pause behind each.
pub(super) fn say(text: &str, language: &str) -> String {
    let language = escape(&locale(language));
    let lines = text.lines().map(|line| {
        let line = escape(line);
        format!("<Say language=\"{language}\">{line}</Say>")
    });
    let said: Vec<String> = lines.collect();
    format!("<Response>{}</Response>", said.join("<Pause length=\"1\"/>"))
}

/// The name that Twilio's voices have for a language; one that names its region already is taken as it is.
fn locale(language: &str) -> String {
    match language {
        "en" => "en-US",
        "ar" => "ar-XA",
        "de" => "de-DE",
        "es" => "es-ES",
        "fr" => "fr-FR",
        "hi" => "hi-IN",
        "it" => "it-IT",
        "ja" => "ja-JP",
        "pt" => "pt-BR",
        "zh" => "cmn-CN",
        other => other,
    }
    .to_owned()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&apos;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_said_with_pauses_between_and_cannot_be_markup() {
        assert_eq!(
            say("A & B:\n<4>", "de"),
            "<Response><Say language=\"de-DE\">A &amp; B:</Say><Pause length=\"1\"/>\
             <Say language=\"de-DE\">&lt;4&gt;</Say></Response>"
        );
        assert_eq!(say("", "sv-SE"), "<Response></Response>");
        assert!(say("Hej", "sv-SE").contains("\"sv-SE\""));
    }

    #[test]
    fn the_longest_call_is_within_what_twilio_takes() {
        let digits = "0\n".repeat(10);
        let text = format!("{}\n{digits}{}\n{digits}", "é".repeat(300), "é".repeat(300));
        assert!(say(&text, "zh").chars().count() <= 4_000);
    }
}
