//! The REST doors, described: as an OpenAPI 3.1 document whose schemas come from the very types that bodies are read into
//! and reports are written from, and as a page that needs nothing but a browser.

mod page;

use std::sync::LazyLock;

use actix_web::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use actix_web::{HttpResponse, web};
use serde_json::json;
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem,
};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{Object, ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Paths, PathsBuilder, Ref, RefOr,
    Required, ResponseBuilder, ResponsesBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use super::respond;
use super::rest::body::{Resend, Send, Verify};
use super::rest::turn::{Turn, TurnSession, Turned};
use crate::dialog::Wire;

/// The security scheme's name in the document.
const KEY: &str = "apiKey";

/// What every door can refuse a call with.
const REFUSALS: [(&str, &str); 6] = [
    ("400", "The call is wrong; `msg` says where."),
    ("401", "There is no API key, or it is none we know."),
    ("403", "The API key is not for this bot."),
    ("404", "The server's configuration has no such bot."),
    ("405", "Another method is meant; the header `Allow` says which."),
    ("429", "The bot is called too often; the header `Retry-After` says in how many seconds to call again."),
];

/// What those that read a body can refuse besides.
const BODY_REFUSALS: [(&str, &str); 2] = [
    ("413", "The body is larger than `server.max_body_bytes`."),
    ("415", "The body is not announced as JSON in UTF-8, or compressed in a way we do not read."),
];

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.route("/openapi.json", web::get().to(openapi)).route("/docs", web::get().to(docs));
}

async fn openapi() -> HttpResponse {
    static TEXT: LazyLock<web::Bytes> = LazyLock::new(|| text().into());
    served("application/json; charset=utf-8", TEXT.clone())
}

async fn docs() -> HttpResponse {
    static PAGE: LazyLock<web::Bytes> = LazyLock::new(|| page::html(&document()).into());
    served("text/html; charset=utf-8", PAGE.clone())
}

fn served(kind: &'static str, body: web::Bytes) -> HttpResponse {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    respond(200)
        .insert_header((CONTENT_TYPE, HeaderValue::from_static(kind)))
        .insert_header((CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy)))
        .body(body)
}

/// The document as text.
#[must_use]
pub fn text() -> String {
    document().to_pretty_json().unwrap_or_default()
}

/// The document.
#[must_use]
pub fn document() -> OpenApi {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    let bearer = bearer.description(Some("One of `[[api.keys]]` in the server's configuration."));
    let components = ComponentsBuilder::new()
        .schema(Send::name(), Send::schema())
        .schema(Verify::name(), Verify::schema())
        .schema(Resend::name(), Resend::schema())
        .schema(Turn::name(), Turn::schema())
        .schema(TurnSession::name(), TurnSession::schema())
        .schema(Wire::name(), Wire::schema())
        .schema(Turned::name(), Turned::schema())
        .schema("Refusal", refusal())
        .security_scheme(KEY, SecurityScheme::Http(bearer.build()));
    let info = InfoBuilder::new()
        .title("botkit-otp")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "One-time passwords for bots. Whatever comes of an operation is a 200 with a `status`; other codes mean that \
             the call itself was wrong.",
        ));
    OpenApiBuilder::new()
        .info(info.build())
        .paths(paths())
        .components(Some(components.build()))
        .security(Some([SecurityRequirement::new::<_, [&str; 0], &str>(KEY, [])]))
        .build()
}

fn paths() -> Paths {
    let otp = "/v1/bots/{bot}/sessions/{session}/otp";
    let verify = [otp, "/verify"].concat();
    let resend = [otp, "/resend"].concat();
    let item = |method, operation: OperationBuilder| PathItem::new(method, operation.build());
    let mut session = item(
        HttpMethod::Post,
        door(
            "send",
            "Send a code",
            "Makes a code and sends it. While a code to the same address is live it is a resend.",
        )
        .parameters(Some(named([bot(), session_id()])))
        .request_body(Some(body::<Send>(Required::True))),
    );
    session.merge_operations(item(
        HttpMethod::Get,
        door("status", "How things stand", "Changes nothing.").parameters(Some(asked([bot(), session_id()]))),
    ));
    session.merge_operations(item(
        HttpMethod::Delete,
        door("cancel", "Revoke the code", "A lock cannot be cancelled.")
            .parameters(Some(named(asked([bot(), session_id()])))),
    ));
    PathsBuilder::new()
        .path(otp, session)
        .path(
            verify,
            item(
                HttpMethod::Post,
                door("verify", "Check a code", "A right code is used up, and `verified` comes with a proof.")
                    .parameters(Some(named([bot(), session_id()])))
                    .request_body(Some(body::<Verify>(Required::True))),
            ),
        )
        .path(
            resend,
            item(
                HttpMethod::Post,
                door("resend", "Send a new code", "Attempts and the first expiry stay as they are.")
                    .parameters(Some(named([bot(), session_id()])))
                    .request_body(Some(body::<Resend>(Required::False))),
            ),
        )
        .path(
            "/v1/bots/{bot}/turn",
            item(
                HttpMethod::Post,
                operation::<Turned>(
                    "turn",
                    "The whole dialog",
                    "Takes what the user said and gives what to say next: asks for the address, sends, prompts, checks, until \
                     `done`.",
                    true,
                )
                .parameters(Some(named([bot()])))
                .request_body(Some(body::<Turn>(Required::True))),
            ),
        )
        .build()
}

/// A door that answers with a report.
fn door(id: &str, summary: &str, about: &str) -> OperationBuilder {
    operation::<Wire>(id, summary, about, !matches!(id, "status" | "cancel"))
}

fn operation<T: ToSchema>(id: &str, summary: &str, about: &str, reads: bool) -> OperationBuilder {
    let json = |name: &str| ContentBuilder::new().schema(Some(Ref::from_schema_name(name))).build();
    let good =
        ResponseBuilder::new().description("What came of it.").content("application/json", json(&T::name()));
    let more: &[_] = if reads { &BODY_REFUSALS } else { &[] };
    let refusals = REFUSALS.iter().chain(more).map(|(status, about)| {
        let response =
            ResponseBuilder::new().description(*about).content("application/json", json("Refusal"));
        (*status, RefOr::T(response.build()))
    });
    let responses = ResponsesBuilder::new().response("200", good.build()).responses_from_iter(refusals);
    OperationBuilder::new()
        .operation_id(Some(id))
        .summary(Some(summary))
        .description(Some(about))
        .responses(responses.build())
}

fn body<T: ToSchema>(required: Required) -> RequestBody {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(T::name())));
    RequestBodyBuilder::new().content("application/json", content.build()).required(Some(required)).build()
}

fn text_like(pattern: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern))
}

fn parameter(name: &str, place: ParameterIn, required: Required, about: &str, schema: Object) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(about))
        .schema(Some(Schema::Object(schema)))
        .build()
}

fn bot() -> Parameter {
    let schema = text_like("^[A-Za-z0-9_-]{1,64}$").examples([json!("st-dev")]).build();
    parameter("bot", ParameterIn::Path, Required::True, "The bot's id.", schema)
}

fn session_id() -> Parameter {
    let about = "The session's id: any text without control characters. Percent-encode what a path cannot hold, `/` as `%2F`.";
    let schema = text_like("^[^\\x00-\\x1f\\x7f-\\x9f]+$").examples([json!("s-1")]).build();
    parameter("session", ParameterIn::Path, Required::True, about, schema)
}

/// What says itself in the query, since there is no body.
fn asked(parameters: impl IntoIterator<Item = Parameter>) -> Vec<Parameter> {
    let purpose = text_like("^[A-Za-z0-9_-]{1,64}$").build();
    let purpose = parameter("purpose", ParameterIn::Query, Required::False, "What the code is for.", purpose);
    let language = ObjectBuilder::new().schema_type(Type::String).build();
    let language =
        parameter("language", ParameterIn::Query, Required::False, "What to speak, such as `de`.", language);
    parameters.into_iter().chain([purpose, language]).collect()
}

/// With the header that names the call.
fn named(parameters: impl IntoIterator<Item = Parameter>) -> Vec<Parameter> {
    let about = "Names this call, so that its retry gets the same answer. A body's `requestId` must be the same, or not there.";
    let schema = text_like("^[!-~]([ -~]{0,254}[!-~])?$").build();
    let header = parameter("Idempotency-Key", ParameterIn::Header, Required::False, about, schema);
    parameters.into_iter().chain([header]).collect()
}

/// `{"errors":[{"msg","code"}]}`, as BotKit has it.
fn refusal() -> Schema {
    let code = ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::SchemaType::Array(vec![Type::String, Type::Integer]))
        .description(Some("A word that stays the same, or BotKit's number."));
    let error = ObjectBuilder::new()
        .property("msg", ObjectBuilder::new().schema_type(Type::String).description(Some("What is wrong.")))
        .required("msg")
        .property("code", code)
        .required("code")
        .additional_properties(Some(utoipa::openapi::schema::AdditionalProperties::<Schema>::FreeForm(
            false,
        )));
    let errors = utoipa::openapi::schema::ArrayBuilder::new().items(error).description(Some("One, always."));
    Schema::Object(
        ObjectBuilder::new()
            .description(Some("Why a call was refused."))
            .property("errors", errors)
            .required("errors")
            .additional_properties(Some(utoipa::openapi::schema::AdditionalProperties::<Schema>::FreeForm(
                false,
            )))
            .build(),
    )
}
