//! Calls to other services, over HTTP.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::iter::successors;
use std::time::Duration;

use crate::telemetry::trace;

/// No client can be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot do TLS, since the CA certificates of this machine cannot be read: {0}")]
pub struct Unusable(String);

/// The client for calls to other services: bounded in time, following no redirects. It speaks HTTP/1.1, with as many
/// connections as there are calls; over HTTP/2 all of them would share one, and wait for its hundred or so streams.
///
/// # Errors
/// The machine has no CA certificates.
pub fn http_client(timeout: Duration) -> Result<reqwest::Client, Unusable> {
    reqwest::Client::builder()
        .timeout(timeout)
        .connect_timeout(timeout.min(Duration::from_secs(3)))
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("botkit-otp/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Unusable(causes(&error).last().map_or_else(String::new, ToString::to_string)))
}

/// A call of another service, in the trace of the call it is made for.
pub fn traced(call: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
    match trace::current() {
        Some(trace) => call.header(trace::TRACEPARENT, trace.child()),
        None => call,
    }
}

/// What went wrong in a call, without the URL, which may hold what must not be logged.
#[must_use]
pub fn describe(error: &reqwest::Error) -> &'static str {
    // A time-out while connecting is both; that nothing was sent yet is what matters.
    if error.is_connect() {
        causes(error).find_map(obstacle).unwrap_or("connection failed")
    } else if error.is_timeout() {
        "timed out"
    } else {
        "connection broke"
    }
}

/// Why there is no connection, where that is something to act on.
fn obstacle(cause: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(error) = cause.downcast_ref() {
        return Some(match error {
            rustls::Error::InvalidCertificate(_) => {
                "connection failed: its certificate is not one that this machine trusts"
            }
            _ => "connection failed: no TLS",
        });
    }
    let cause: &io::Error = cause.downcast_ref()?;
    if cause.kind() == ErrorKind::ConnectionRefused {
        return Some("connection refused");
    }
    // The standard library has no kind for it.
    let unknown = cause.to_string().starts_with("failed to lookup address");
    unknown.then_some("connection failed: the name of its host could not be looked up")
}

/// An error, and what caused it.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    successors(Some(error), |error| {
        // What an I/O error was made of is not its source: that is the next one's.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        inner.map_or_else(|| (**error).source(), |inner| Some(inner))
    })
}
