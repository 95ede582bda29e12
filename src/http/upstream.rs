//! Another BotKit server behind this one: what is not ours goes there as it came, and its answer comes back as it is.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_core::Stream;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::sync::mpsc;

use super::body::announced;
use crate::botkit::{BotId, Failure};
use crate::delivery::{Unusable, describe, http_client};
use crate::telemetry::trace;

/// How many pieces of a body are read ahead of a server that takes them slowly.
const AHEAD: usize = 4;

/// Headers that are about one connection and not about the message (RFC 9110, 7.6.1), besides those that `Connection`
/// names; and `Host`, which names us.
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Another BotKit server.
#[derive(Debug)]
pub struct Upstream {
    base: String,
    http: reqwest::Client,
}

/// A request on its way there, without its body.
#[derive(Debug)]
pub(super) struct Passage {
    url: String,
    headers: HeaderMap,
}

/// A body on its way there, and what is wrong with it.
pub(super) struct Passing {
    body: reqwest::Body,
    broken: Arc<OnceLock<Failure>>,
}

impl Upstream {
    /// A server at `base`, such as `http://127.0.0.1:8004`, that has to answer, in full, within `within`.
    ///
    /// # Errors
    /// The machine has no CA certificates.
    pub fn new(base: &str, within: Duration) -> Result<Self, Unusable> {
        Ok(Self { base: base.trim_end_matches('/').to_owned(), http: http_client(within)? })
    }

    /// Where a request goes, and under which headers. Which bot it is about was decided by the decoded path, and the
    /// other server looks at the one that was sent: they must be one.
    ///
    /// # Errors
    /// The path writes the bot's id in another way.
    pub(super) fn passage(
        &self,
        request: &HttpRequest,
        prefix: &str,
        bot: &BotId,
    ) -> Result<Passage, Failure> {
        let path = request.uri().path_and_query().map_or("", |path| path.as_str());
        let path = path.strip_prefix(prefix).unwrap_or(path);
        if !path.starts_with(&format!("/sdk/bots/{bot}/")) || climbs(path) {
            return Err(Failure::NotFound);
        }
        let named = request.headers().get_all("connection").filter_map(|value| value.to_str().ok());
        let named: Vec<String> =
            named.flat_map(|names| names.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect();
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers() {
            let is_named = named.iter().any(|named| named == name.as_str());
            // One version of the crate `http` reads requests, another writes them.
            if let (false, Ok(name), Ok(value)) = (
                HOP_BY_HOP.contains(&name.as_str()) || is_named,
                HeaderName::from_bytes(name.as_str().as_bytes()),
                HeaderValue::from_bytes(value.as_bytes()),
            ) {
                headers.append(name, value);
            }
        }
        if let Some(value) = trace::current().and_then(|trace| HeaderValue::from_str(&trace.child()).ok()) {
            headers.insert(trace::TRACEPARENT, value);
        }
        Ok(Passage { url: format!("{}{path}", self.base), headers })
    }

    /// Passes a request on and gives what is answered.
    ///
    /// # Errors
    /// What is wrong with its body, or with the other server; the text is for the log.
    pub(super) async fn send(
        &self,
        passage: Passage,
        body: impl Into<Passing>,
    ) -> Result<reqwest::Response, (Failure, &'static str)> {
        let Passing { body, broken } = body.into();
        let sent = self.http.post(passage.url).headers(passage.headers).body(body).send().await;
        sent.map_err(|error| match broken.get() {
            Some(failure) => (failure.clone(), "the body broke off"),
            None if error.is_timeout() && !error.is_connect() => (Failure::UpstreamSlow, describe(&error)),
            None => (Failure::UpstreamGone, describe(&error)),
        })
    }
}

/// Answers with what the other server answered, piece by piece.
pub(super) fn relay(response: reqwest::Response) -> HttpResponse {
    let status = StatusCode::from_u16(response.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut answer = HttpResponse::build(status);
    let headers = response.headers();
    let named = headers.get_all("connection").iter().filter_map(|value| value.to_str().ok());
    let named: Vec<String> =
        named.flat_map(|names| names.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect();
    for (name, value) in headers {
        let dropped = HOP_BY_HOP.contains(&name.as_str()) || named.iter().any(|named| named == name.as_str());
        // Says how long the body is; set below, so that it is not cut into chunks.
        if !dropped && name != "content-length" {
            answer.append_header((name.as_str(), value.as_bytes()));
        }
    }
    if let Some(length) = response.content_length() {
        answer.no_chunking(length);
    }
    answer.streaming(response.bytes_stream())
}

impl From<Bytes> for Passing {
    fn from(bytes: Bytes) -> Self {
        Self { body: bytes.into(), broken: Arc::default() }
    }
}

/// Passes a body on while it arrives, up to `limit` bytes.
///
/// # Errors
/// It says of itself that it is longer.
pub(super) fn pass(request: &HttpRequest, payload: Payload, limit: usize) -> Result<Passing, Failure> {
    if announced(request.headers()).is_some_and(|length| length > limit) {
        return Err(Failure::TooLarge { limit });
    }
    let (pieces, arriving) = mpsc::channel(AHEAD);
    let broken = Arc::<OnceLock<Failure>>::default();
    // A request's body stays on the thread that reads it; the other server's client may run anywhere.
    actix_web::rt::spawn(read(payload, limit, pieces, Arc::clone(&broken)));
    Ok(Passing { body: reqwest::Body::wrap_stream(Pieces(arriving)), broken })
}

/// Reads a body until its end, or until nobody wants it any more.
async fn read(
    mut payload: Payload,
    limit: usize,
    pieces: mpsc::Sender<Result<Bytes, Failure>>,
    broken: Arc<OnceLock<Failure>>,
) {
    let mut length = 0;
    loop {
        let next = poll_fn(|context| Pin::new(&mut payload).poll_next(context));
        let piece = tokio::select! {
            piece = next => piece,
            () = pieces.closed() => return,
        };
        let piece = match piece {
            Some(Ok(piece)) => {
                length += piece.len();
                if length > limit { Err(Failure::TooLarge { limit }) } else { Ok(piece) }
            }
            Some(Err(_)) => Err(Failure::Incomplete),
            None => return,
        };
        let failed = piece.as_ref().err().cloned();
        if let Some(failure) = &failed {
            let _ = broken.set(failure.clone());
        }
        if pieces.send(piece).await.is_err() || failed.is_some() {
            return;
        }
    }
}

/// The pieces of a body, in order.
struct Pieces(mpsc::Receiver<Result<Bytes, Failure>>);

impl Stream for Pieces {
    type Item = Result<Bytes, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}
/// Whether a path could lead to another bot, or out of `/sdk`, once somebody else reads it: by a segment of dots, in any
/// spelling, or by what is taken for a slash.
fn climbs(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let path = path.to_ascii_lowercase().replace("%2e", ".");
    path.contains(['\\', ';'])
        || path.contains("%5c")
        || path.contains("%2f")
        || path.split('/').any(|part| part == "." || part == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_to_another_bot() {
        for path in [
            "/sdk/bots/st-1/..\\st-2\\on_event",
            "/sdk/bots/st-1/../st-2/on_event",
            "/sdk/bots/st-1/%2e%2E/st-2/on_event",
            "/sdk/bots/st-1/.%2e/st-2/on_event",
            "/sdk/bots/st-1/%2e%2e%2fst-2/on_event",
            "/sdk/bots/st-1/..%5cst-2/on_event",
            "/sdk/bots/st-1/..;/st-2/on_event",
            "/sdk/bots/st-1/./on_event",
        ] {
            assert!(climbs(path), "{path}");
        }
        for path in
            ["/sdk/bots/st-1/components/My%20Node.v2/on_webhook", "/sdk/bots/st-1/on_event?next=../.."]
        {
            assert!(!climbs(path), "{path}");
        }
    }
}
