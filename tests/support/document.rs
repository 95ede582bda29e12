//! Holds answers against the OpenAPI document: what is not described must not be said.

use std::sync::LazyLock;

use serde_json::Value;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&botkit_otp::http::openapi::text()).unwrap());

/// Checks an answer. The path is one that was called, without its query.
pub(crate) fn check(method: &str, path: &str, status: u16, answer: &Value) -> Result<(), String> {
    let called: Vec<&str> = path.split('/').collect();
    let leads_there = |template: &str| {
        let parts: Vec<&str> = template.split('/').collect();
        parts.len() == called.len()
            && parts.iter().zip(&called).all(|(part, own)| part.starts_with('{') || part == own)
    };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let Some((template, item)) = paths.iter().find(|(template, _)| leads_there(template)) else {
        return if status == 404 {
            Ok(())
        } else {
            Err(format!("{path} is not described, and answers {status}"))
        };
    };
    // Who uses a method that is not there is told so as anywhere at this path.
    let operation = item.get(method.to_lowercase()).or_else(|| item.as_object()?.values().next()).unwrap();
    let response = &operation["responses"][status.to_string()];
    let schema = &response["content"]["application/json"]["schema"];
    if schema.is_null() {
        return Err(format!("{method} {template}: {status} is not described"));
    }
    valid(answer, schema).map_err(|problem| format!("{method} {template}: {status}: {problem}"))
}

/// Checks a value; a keyword that this does not know is an error, too.
pub(crate) fn valid(value: &Value, schema: &Value) -> Result<(), String> {
    for (keyword, wanted) in schema.as_object().ok_or("no schema")? {
        let fine = match keyword.as_str() {
            "description" | "example" | "examples" => true,
            // Of what comes, as text, nothing but its kind can be wrong.
            "format" => ["int32", "int64", "date-time"].contains(&wanted.as_str().unwrap()),
            "$ref" => {
                let name = wanted.as_str().unwrap().rsplit('/').next().unwrap();
                valid(value, &DOCUMENT["components"]["schemas"][name])?;
                true
            }
            "type" => match wanted {
                Value::Array(kinds) => kinds.iter().any(|kind| is(value, kind)),
                kind => is(value, kind),
            },
            "enum" => wanted.as_array().unwrap().contains(value),
            "minimum" => value.as_f64() >= wanted.as_f64(),
            "pattern" => {
                // Only ids have one in answers.
                assert_eq!(wanted, "^ch_[0-9a-f]{32}$");
                botkit_otp::otp::ChallengeId::parse(value.as_str().unwrap()).is_some()
            }
            "required" => {
                wanted.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some())
            }
            "properties" => {
                for (name, member) in value.as_object().unwrap() {
                    if let Some(schema) = wanted.get(name) {
                        valid(member, schema).map_err(|problem| format!("{name}: {problem}"))?;
                    }
                }
                true
            }
            "additionalProperties" => {
                assert_eq!(wanted, false);
                value.as_object().unwrap().keys().all(|name| schema["properties"].get(name).is_some())
            }
            "items" => {
                value.as_array().unwrap().iter().try_for_each(|item| valid(item, wanted))?;
                true
            }
            unknown => return Err(format!("the test does not know the keyword {unknown}")),
        };
        if !fine {
            return Err(format!("{value} breaks {keyword}: {wanted}"));
        }
    }
    Ok(())
}

fn is(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        unknown => panic!("{unknown}"),
    }
}
