//! What one log line looks like.

use std::fmt::{self, Write as _};
use std::io::{self, Write};

use log::Record;
use log::kv::{Error, Key, Value, VisitSource};
use serde::Deserialize;
use serde_json::{Map, json};

use super::trace;

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// Writes a line.
pub(super) fn write(
    out: &mut impl Write,
    time: impl fmt::Display,
    record: &Record,
    format: Format,
) -> io::Result<()> {
    match format {
        Format::Text => {
            write!(out, "{time} {:<5} {}", record.level(), record.args())?;
            match trace::current() {
                Some(trace) => writeln!(out, " trace={trace}"),
                None => writeln!(out),
            }
        }
        Format::Json => {
            let mut line = Map::new();
            // What says the same in text.
            let _ = record.key_values().visit(&mut Fields(&mut line));
            line.insert("time".to_owned(), json!(time.to_string()));
            line.insert("level".to_owned(), json!(record.level().as_str().to_lowercase()));
            line.insert("target".to_owned(), json!(record.target()));
            line.insert("message".to_owned(), json!(record.args().to_string()));
            if let Some(trace) = trace::current() {
                line.insert("trace_id".to_owned(), json!(trace.to_string()));
            }
            serde_json::to_writer(&mut *out, &line)?;
            writeln!(out)
        }
    }
}

struct Fields<'a>(&'a mut Map<String, serde_json::Value>);

impl<'kvs> VisitSource<'kvs> for Fields<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let value = match (value.to_u64(), value.to_f64()) {
            (Some(number), _) => json!(number),
            (None, Some(number)) => json!(number),
            (None, None) => {
                let mut text = String::new();
                let _ = write!(text, "{value}");
                json!(text)
            }
        };
        self.0.insert(key.as_str().to_owned(), value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format) -> String {
        let mut line = Vec::new();
        let fields = [("status", log::kv::Value::from(200)), ("bot", log::kv::Value::from("st-1"))];
        let message = format_args!("on_webhook \"200\"\n");
        let record =
            Record::builder().args(message).level(log::Level::Info).target("t").key_values(&fields).build();
        write(&mut line, "2026-07-20T09:46:29.871Z", &record, format).unwrap();
        String::from_utf8(line).unwrap()
    }

    #[tokio::test]
    async fn json_is_one_object_a_line() {
        let trace = trace::Trace::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let line = trace::within(trace, async { written(Format::Json) }).await;
        assert_eq!((line.matches('\n').count(), line.ends_with('\n')), (1, true));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&line).unwrap(),
            json!({
                "time": "2026-07-20T09:46:29.871Z", "level": "info", "target": "t", "status": 200, "bot": "st-1",
                "message": "on_webhook \"200\"\n", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            })
        );
    }

    #[tokio::test]
    async fn text_ends_with_the_trace_if_there_is_one() {
        assert_eq!(written(Format::Text), "2026-07-20T09:46:29.871Z INFO  on_webhook \"200\"\n\n");
        let trace = trace::Trace::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let line = trace::within(trace, async { written(Format::Text) }).await;
        assert!(line.ends_with(" trace=4bf92f3577b34da6a3ce929d0e0e4736\n"), "{line}");
    }
}
