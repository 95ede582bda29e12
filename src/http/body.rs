//! Reading a body: bounded, decompressed, checked to be UTF-8, in one buffer.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Decompress;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ContentEncoding, HeaderMap};
use actix_web::web::{Bytes, Payload};
use futures_core::Stream;
use log::debug;

use crate::botkit::Failure;

/// How long a body may take to arrive, from a caller whose token is good.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long a refused caller's body may take to arrive.
const LITTLE_PATIENCE: Duration = Duration::from_millis(500);

/// Reads the whole body as text.
pub(super) async fn read(request: &HttpRequest, payload: Payload, limit: usize) -> Result<String, Failure> {
    let bytes = read_bytes(request, payload, limit).await?;
    String::from_utf8(bytes).map_err(|_| Failure::InvalidJson)
}

/// Reads the whole body as it is, for what is signed.
pub(super) async fn read_bytes(
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
) -> Result<Vec<u8>, Failure> {
    tokio::time::timeout(PATIENCE, read_all(request, payload, limit))
        .await
        .unwrap_or(Err(Failure::Incomplete))
}

async fn read_all(request: &HttpRequest, payload: Payload, limit: usize) -> Result<Vec<u8>, Failure> {
    let headers = request.headers();
    let announced = announced(headers);
    if announced.is_some_and(|length| length > limit) {
        return Err(Failure::TooLarge { limit });
    }
    unpack(headers, payload, announced.unwrap_or(8_192), limit).await
}

/// Reads the whole body without unpacking it, for whoever passes it on.
pub(super) async fn read_raw(
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
) -> Result<Bytes, Failure> {
    let announced = announced(request.headers());
    if announced.is_some_and(|length| length > limit) {
        return Err(Failure::TooLarge { limit });
    }
    let whole = collect(payload, announced.unwrap_or(8_192), limit);
    Ok(tokio::time::timeout(PATIENCE, whole).await.unwrap_or(Err(Failure::Incomplete))?.into())
}

/// The text of a body that has been read without unpacking it.
pub(super) async fn text_of(headers: &HeaderMap, raw: &Bytes, limit: usize) -> Result<String, Failure> {
    let bytes = unpack(headers, Whole(Some(raw.clone())), raw.len(), limit).await?;
    String::from_utf8(bytes).map_err(|_| Failure::InvalidJson)
}

/// A body in one piece.
struct Whole(Option<Bytes>);

impl Stream for Whole {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take().map(Ok))
    }
}

async fn unpack(
    headers: &HeaderMap,
    payload: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin,
    expected: usize,
    limit: usize,
) -> Result<Vec<u8>, Failure> {
    if !is_utf8(headers) {
        return Err(Failure::Unsupported);
    }
    let encoding =
        headers.get(CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?").trim().to_lowercase());
    match encoding.as_deref() {
        None | Some("" | "identity") => collect(payload, expected, limit).await,
        Some("gzip") => collect(Decompress::new(payload, ContentEncoding::Gzip), 8_192, limit).await,
        Some("deflate") => collect(Decompress::new(payload, ContentEncoding::Deflate), 8_192, limit).await,
        Some(_) => Err(Failure::Unsupported),
    }
}

/// Reads a short body and forgets it, so that a refused caller can keep its connection; a long one is left unread,
/// and the connection is closed.
pub(super) async fn discard(request: &HttpRequest, mut payload: Payload) {
    const SHORT: usize = 65_536;
    if announced(request.headers()).is_some_and(|length| length <= SHORT) {
        let drain = async { while let Some(Ok(_)) = next(&mut payload).await {} };
        let _ = tokio::time::timeout(LITTLE_PATIENCE, drain).await;
    }
}

/// How long the body says it is.
pub(super) fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Whether the body says that it is UTF-8, as JSON is, or says nothing.
fn is_utf8(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else { return true };
    let Ok(value) = value.to_str() else { return false };
    value.split(';').skip(1).all(|parameter| match parameter.split_once('=') {
        Some((name, charset)) if name.trim().eq_ignore_ascii_case("charset") => {
            let charset = charset.trim().trim_matches('"');
            charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
        }
        _ => true,
    })
}

async fn collect(
    mut stream: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin,
    expected: usize,
    limit: usize,
) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::with_capacity(expected);
    while let Some(chunk) = next(&mut stream).await {
        let chunk = chunk.map_err(|error| {
            debug!("a body broke off: {error}");
            Failure::Incomplete
        })?;
        if bytes.len() + chunk.len() > limit {
            return Err(Failure::TooLarge { limit });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}
