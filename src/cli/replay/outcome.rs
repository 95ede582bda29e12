//! How the outcome of a replay is told: to people, to CI, to programs.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::simulator::load::Measured;
use crate::simulator::replay::{Outcome, Played};

/// One scenario, for people: progress, and the first difference.
pub(super) fn line(number: usize, of: usize, played: &Played) -> String {
    let (colour, word, detail) = match &played.outcome {
        Outcome::Passed => (AnsiColor::Green, "passed ", None),
        Outcome::Failed(detail) => (AnsiColor::Red, "FAILED ", Some(detail)),
        Outcome::Skipped(detail) => (AnsiColor::Yellow, "skipped", Some(detail)),
    };
    let style: Style = colour.on_default();
    let width = of.to_string().len();
    let time = match played.outcome {
        Outcome::Skipped(_) => String::new(),
        Outcome::Passed | Outcome::Failed(_) => format!("  {} steps, {} ms", played.steps, played.millis),
    };
    let detail = match (&played.outcome, detail) {
        (Outcome::Failed(_), Some(detail)) => {
            format!("\n    {}\n    {}", played.about, detail.replace('\n', "\n    "))
        }
        (Outcome::Skipped(_) | Outcome::Passed, Some(detail)) => format!("  {detail}"),
        (_, None) => String::new(),
    };
    format!("{number:>width$}/{of} {style}{word}{style:#} {}{time}{detail}", played.name)
}

/// All of them, in one line that CI understands.
pub(super) fn summary(all: &[Played]) -> String {
    let (passed, failed, skipped) = counts(all);
    format!("{passed} passed, {failed} failed, {skipped} skipped")
}

fn counts(all: &[Played]) -> (usize, usize, usize) {
    all.iter().fold((0, 0, 0), |(passed, failed, skipped), played| match played.outcome {
        Outcome::Passed => (passed + 1, failed, skipped),
        Outcome::Failed(_) => (passed, failed + 1, skipped),
        Outcome::Skipped(_) => (passed, failed, skipped + 1),
    })
}

/// The report in the XML that JUnit made common.
pub(super) fn junit(all: &[Played]) -> String {
    let (_, failed, skipped) = counts(all);
    let seconds = |millis: u64| format!("{}.{:03}", millis / 1_000, millis % 1_000);
    let total = seconds(all.iter().map(|played| played.millis).sum());
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"botkit-otp replay\" tests=\"{}\" \
         failures=\"{failed}\" errors=\"0\" skipped=\"{skipped}\" time=\"{total}\">\n",
        all.len()
    );
    for played in all {
        let inside = match &played.outcome {
            Outcome::Passed => String::new(),
            Outcome::Failed(detail) => format!("<failure message=\"{0}\">{0}</failure>", escaped(detail)),
            Outcome::Skipped(reason) => format!("<skipped message=\"{}\"/>", escaped(reason)),
        };
        let (name, time) = (escaped(&played.name), seconds(played.millis));
        let _ = writeln!(
            xml,
            "  <testcase classname=\"replay\" name=\"{name}\" time=\"{time}\">{inside}</testcase>"
        );
    }
    xml + "</testsuite>\n"
}

/// Text for XML: what it cannot hold at all is left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            letter if letter.is_control() => {}
            letter => out.push(letter),
        }
    }
    out
}

/// A load run, for people.
pub(super) fn table(measured: &Measured) -> String {
    let Measured { answered, failed, seconds, per_second, p50, p90, p95, p99, most } = measured;
    format!(
        "answered    {answered:>10}\nfailed      {failed:>10}\nseconds     {seconds:>10.1}\na second    {per_second:>10.1}\n\n\
         at most     milliseconds\n50 %        {p50:>10.2}\n90 %        {p90:>10.2}\n95 %        {p95:>10.2}\n\
         99 %        {p99:>10.2}\nall         {most:>10.2}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_survive_what_stands_in_them() {
        let played = |outcome| Played {
            name: "a<b".to_owned(),
            about: "About it.".to_owned(),
            outcome,
            steps: 2,
            millis: 1_234,
        };
        let all = [
            played(Outcome::Passed),
            played(Outcome::Failed("step 1: otp/to\n  expected \"x\"\n       got \"y&z\"".to_owned())),
            played(Outcome::Skipped("no \u{1} doors".to_owned())),
        ];
        let xml = junit(&all);
        assert!(
            xml.contains("tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\" time=\"3.702\""),
            "{xml}"
        );
        assert!(
            xml.contains("name=\"a&lt;b\" time=\"1.234\"") && xml.contains("got &quot;y&amp;z&quot;"),
            "{xml}"
        );
        assert!(xml.contains("no  doors"), "{xml}");
        assert_eq!(summary(&all), "1 passed, 1 failed, 1 skipped");
        assert!(line(2, 10, &all[1]).contains("\n    About it.\n    step 1: otp/to\n      expected"));
    }
}
