//! Connections that keep their place for nothing. actix times the head of a connection's first request, and ends one on
//! which nothing comes afterwards; it waits for ever for a later head that comes byte by byte, and for answers to be read.

use std::any::Any;
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::fd::AsFd as _;
#[cfg(windows)]
use std::os::windows::io::AsSocket as _;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{Extensions, ServiceRequest};
use actix_web::rt::net;
use actix_web::web::Bytes;
use log::debug;

/// How long a connection on which nothing comes is kept for its next request.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// How often connections are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How many bytes of a long answer a caller has to take between two looks.
const LEAST: u64 = 64 * 1024;

/// The connections that are open.
#[derive(Default)]
pub(super) struct Connections {
    open: Mutex<Vec<Weak<Connection>>>,
    /// How often they were looked at: the time, as far as it matters here, without a clock that calls had to read.
    looks: AtomicU32,
}

/// A connection. Besides its own data, only calls that run on it hold it.
struct Connection {
    stream: TcpStream,
    all: Arc<Connections>,
    /// Which look was the next when its last call ended; 0 before that.
    ended: AtomicU32,
}

impl Connections {
    /// Takes a new connection in; for `HttpServer::on_connect`.
    pub(super) fn add(self: &Arc<Self>, io: &dyn Any, data: &mut Extensions) {
        // Without a descriptor to spare there is a connection that may be slow.
        let Some(stream) = another(io) else { return };
        let connection = Connection { stream, all: Arc::clone(self), ended: AtomicU32::new(0) };
        let connection = Arc::new(connection);
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&connection));
        data.insert(connection);
    }

    /// Ends, for ever, connections on which no call has run for `KEEP_ALIVE` and `head_within`.
    pub(super) async fn watch(self: Arc<Self>, head_within: Duration) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let look = self.looks.fetch_add(1, Ordering::Relaxed) + 1;
            // Whoever connects meanwhile does not wait for this.
            let mut open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
            open.retain(|connection| match connection.strong_count() {
                0 => false,
                1 => !connection.upgrade().is_some_and(|connection| connection.end(look, head_within)),
                _ => true,
            });
            self.open.lock().unwrap_or_else(PoisonError::into_inner).append(&mut open);
        }
    }
}

impl Connection {
    /// Ends the connection if its last call ended too long ago; whether it did.
    fn end(&self, look: u32, head_within: Duration) -> bool {
        let ended = self.ended.load(Ordering::Relaxed);
        let over = ended > 0 && LOOK_EVERY * look.saturating_sub(ended) >= KEEP_ALIVE + head_within;
        if over {
            debug!("a connection was ended whose next request did not come, or whose answer was not read");
            // Fails only where it has been closed.
            let _ = self.stream.shutdown(Shutdown::Both);
        }
        over
    }
}

/// Another descriptor of a connection. Not over HTTP/2, where a connection is idle for as long as it answers pings.
fn another(io: &dyn Any) -> Option<TcpStream> {
    let stream = match io.downcast_ref::<TlsStream<net::TcpStream>>().map(|tls| tls.get_ref()) {
        Some((_, session)) if session.alpn_protocol() == Some(b"h2") => return None,
        Some((stream, _)) => stream,
        None => io.downcast_ref::<net::TcpStream>()?,
    };
    #[cfg(unix)]
    let own = stream.as_fd().try_clone_to_owned();
    #[cfg(windows)]
    let own = stream.as_socket().try_clone_to_owned();
    Some(own.ok()?.into())
}

/// A call that runs. It ends when this is dropped, also where nobody waits for it any more.
pub(super) struct Running {
    connection: Arc<Connection>,
    /// How many looks its caller has for reading the answer.
    reading: u32,
}

impl Running {
    /// Begins a call, on a connection that was taken in.
    pub(super) fn begin(request: &ServiceRequest) -> Option<Self> {
        let connection = Arc::clone(request.conn_data::<Arc<Connection>>()?);
        Some(Self { connection, reading: 0 })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Connection { all, ended, .. } = &*self.connection;
        let next = all.looks.load(Ordering::Relaxed) + 1;
        // An earlier answer may not be read yet.
        ended.fetch_max(next.saturating_add(self.reading), Ordering::Relaxed);
    }
}

/// The body of an answer. A stream belongs to the call, and takes as long as it likes; what is there is only to be read.
pub(super) struct Sending<B> {
    body: B,
    _call: Option<Running>,
}

impl<B: MessageBody> Sending<B> {
    pub(super) fn new(body: B, mut call: Option<Running>) -> Self {
        if let BodySize::Sized(length) = body.size()
            && let Some(mut call) = call.take()
        {
            call.reading = u32::try_from(length / LEAST).unwrap_or(u32::MAX);
        }
        Self { body, _call: call }
    }
}

impl<B: MessageBody + Unpin> MessageBody for Sending<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
