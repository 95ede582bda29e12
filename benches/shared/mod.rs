//! What the benches have in common: the floor they measure against, and the payloads they send.

use actix_web::{HttpRequest, HttpResponse, web};
use botkit_otp::botkit::Credentials;
use botkit_otp::clock::{Clock as _, SystemClock};

/// The least that could do the job: the token is checked, the body comes back.
pub(crate) async fn echo(
    request: HttpRequest,
    body: web::Bytes,
    credentials: web::Data<Credentials>,
) -> HttpResponse {
    let token = request.headers().get("token").and_then(|token| token.to_str().ok());
    match credentials.check(token, None, SystemClock.now()) {
        Ok(()) => HttpResponse::Ok().content_type("application/json; charset=utf-8").body(body),
        Err(_) => HttpResponse::Unauthorized().finish(),
    }
}

/// An `OtpSend` of about `size` bytes, with a typed code in it for when it is made an `OtpVerify`.
pub(crate) fn body(size: usize) -> String {
    let small =
        serde_json::from_str::<serde_json::Value>(include_str!("../../fixtures/payloads/on_webhook.json"));
    let small = small.expect("JSON").to_string();
    let text = if size <= small.len() {
        small
    } else {
        // As many rows of the large payload as fit.
        let large = include_str!("../../fixtures/payloads/on_webhook_large.json");
        let (head, rest) = large.split_once("\"rows\":[\n").expect("rows");
        let (rows, tail) = rest.split_once("\n]").expect("rows");
        let room = rows.floor_char_boundary(size - head.len() - tail.len());
        let end = rows[..room].rfind(",\n").expect("more than one row");
        format!("{head}\"rows\":[\n{}\n]{tail}", &rows[..end])
    };
    text.replace(
        "\"UserEmail\":\"mira@example.com\"",
        "\"UserEmail\":\"mira@example.com\",\"OtpEntity\":\"000000\"",
    )
}
