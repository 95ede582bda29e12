//! The document as a page for people: no script, nothing loaded.

use minijinja::{AutoEscape, Environment, HtmlEscape};
use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::OpenApi;

const PAGE: &str = include_str!("page.html");

#[derive(Serialize)]
struct Page<'d> {
    info: &'d Value,
    doors: Vec<Door>,
    kinds: Vec<Kind>,
}

#[derive(Serialize)]
struct Door {
    method: String,
    path: String,
    id: String,
    summary: String,
    about: String,
    parameters: Vec<Field>,
    body: Option<String>,
    answers: Vec<(String, String)>,
    answer: String,
    curl: String,
}

#[derive(Serialize)]
struct Kind {
    name: String,
    about: String,
    fields: Vec<Field>,
}

#[derive(Serialize)]
struct Field {
    name: String,
    place: String,
    kind: String,
    required: bool,
    about: String,
}

/// Writes the page.
pub(super) fn html(document: &OpenApi) -> String {
    let document = serde_json::to_value(document).unwrap_or_default();
    let mut engine = Environment::new();
    engine.set_auto_escape_callback(|_| AutoEscape::Html);
    // Our own template and our own document: a test sees that they go together.
    engine.add_filter("code", code);
    let page = Page { info: &document["info"], doors: doors(&document), kinds: kinds(&document) };
    engine.render_str(PAGE, minijinja::value::Serde(page)).unwrap_or_default()
}

/// Sets in type what stands between backticks.
fn code(text: &str) -> minijinja::Value {
    let pieces = text.split('`').enumerate().map(|(place, piece)| {
        let escaped = HtmlEscape(piece);
        if place % 2 == 0 { escaped.to_string() } else { format!("<code>{escaped}</code>") }
    });
    minijinja::Value::from_safe_string(pieces.collect())
}

fn doors(document: &Value) -> Vec<Door> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let mut doors: Vec<Door> = paths
        .flat_map(|(path, item)| {
            let operations = item.as_object().into_iter().flatten();
            operations.map(move |(method, operation)| door(document, path, method, operation))
        })
        .collect();
    let order = ["send", "verify", "resend", "status", "cancel", "turn"];
    doors.sort_by_key(|door| order.iter().position(|id| *id == door.id));
    doors
}

fn door(document: &Value, path: &str, method: &str, operation: &Value) -> Door {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let body = reference(&operation["requestBody"]["content"]["application/json"]["schema"]);
    let answers = operation["responses"].as_object().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Door {
        method: method.to_uppercase(),
        path: path.to_owned(),
        id: text(&operation["operationId"]),
        summary: text(&operation["summary"]),
        about: text(&operation["description"]),
        parameters: parameters
            .map(|parameter| Field {
                place: text(&parameter["in"]),
                required: parameter["required"] == true,
                ..field(
                    text(&parameter["name"]).as_str(),
                    &parameter["schema"],
                    &text(&parameter["description"]),
                )
            })
            .collect(),
        answers: answers.map(|(status, answer)| (status.clone(), text(&answer["description"]))).collect(),
        answer: reference(&operation["responses"]["200"]["content"]["application/json"]["schema"])
            .unwrap_or_default(),
        curl: curl(document, path, method, body.as_deref()),
        body,
    }
}

/// A call to paste into a terminal, with the examples of what has to be there.
fn curl(document: &Value, path: &str, method: &str, body: Option<&str>) -> String {
    let path = path.replace("{bot}", "st-dev").replace("{session}", "s-1");
    let method = if method == "post" { String::new() } else { format!("-X {} ", method.to_uppercase()) };
    let example = body.map(|name| example(document, &document["components"]["schemas"][name]));
    let data =
        example.filter(|example| example.as_object().is_some_and(|members| !members.is_empty())).map_or_else(
            || if method.is_empty() { " -X POST".to_owned() } else { String::new() },
            |example| format!(" -H 'content-type: application/json' -d '{example}'"),
        );
    format!("curl {method}http://127.0.0.1:8003{path} -H \"Authorization: Bearer $KEY\"{data}")
}

/// An object of a schema's required members, and of what makes it understood.
fn example(document: &Value, schema: &Value) -> Value {
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let wanted = required.chain(["message"]);
    wanted
        .filter_map(|name| {
            let member = schema["properties"].get(name)?;
            let given = member.get("example").or_else(|| member["examples"].get(0)).cloned();
            let inner = || {
                reference(member)
                    .map_or_else(|| member.clone(), |name| document["components"]["schemas"][name].clone())
            };
            let given = given.unwrap_or_else(|| example(document, &inner()));
            Some((name.to_owned(), given))
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn kinds(document: &Value) -> Vec<Kind> {
    let schemas = document["components"]["schemas"].as_object().into_iter().flatten();
    schemas
        .map(|(name, schema)| Kind {
            name: name.clone(),
            about: schema["description"].as_str().unwrap_or_default().to_owned(),
            fields: {
                let mut fields = fields("", schema);
                fields.sort_by_key(|field| !field.required && !field.name.contains('.'));
                fields
            },
        })
        .collect()
}

/// An object's members, and those of the objects in it.
fn fields(prefix: &str, schema: &Value) -> Vec<Field> {
    let required = schema["required"].as_array();
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .flat_map(|(name, member)| {
            let path = format!("{prefix}{name}");
            let required = required.is_some_and(|names| names.iter().any(|known| known == name));
            let about = member["description"].as_str().unwrap_or_default();
            let own = Field { required, ..field(&path, member, about) };
            let inner = if member.get("items").is_some() { &member["items"] } else { member };
            std::iter::once(own).chain(fields(&format!("{path}."), inner))
        })
        .collect()
}

fn field(name: &str, schema: &Value, about: &str) -> Field {
    Field {
        name: name.to_owned(),
        place: String::new(),
        kind: kind(schema),
        required: false,
        about: about.to_owned(),
    }
}

/// What kind of value a schema asks for, in words.
fn kind(schema: &Value) -> String {
    if let Some(name) = reference(schema) {
        return name;
    }
    if let Some(names) = schema["enum"].as_array() {
        return names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
    }
    match &schema["type"] {
        Value::String(kind) if kind == "array" => format!("list of {}", kind_of_items(schema)),
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => kinds
            .iter()
            .filter_map(Value::as_str)
            .filter(|kind| *kind != "null")
            .collect::<Vec<_>>()
            .join(" or "),
        _ => String::new(),
    }
}

fn kind_of_items(schema: &Value) -> String {
    kind(&schema["items"])
}

fn reference(schema: &Value) -> Option<String> {
    Some(schema["$ref"].as_str()?.rsplit('/').next()?.to_owned())
}
