//! A server in dev mode within this process, for those who want to talk to one at once.

use std::net::TcpListener;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Parts, assemble};
use crate::config::Loaded;
use crate::http::Server;

/// A server that runs until it is told to stop.
pub(super) struct DevServer {
    /// Where it listens: scheme, host and port.
    pub(super) origin: String,
    /// Its callback URL.
    pub(super) url: String,
    pub(super) server: Arc<Server>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<std::io::Result<()>>,
}

impl DevServer {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// The configuration is one for production, or cannot be used.
    pub(super) fn start(loaded: &Loaded) -> Result<Self> {
        if !loaded.config.dev.enabled {
            bail!(
                "this configuration is for production, and a server to play with is in dev mode; name a running one \
                 with --url, or start this where there is no configuration"
            );
        }
        let server = assemble(loaded, Parts::of_the_machine(loaded, tokio::runtime::Handle::current()))?;
        let listener = TcpListener::bind("127.0.0.1:0").context("there is no free port")?;
        let origin = format!("http://{}", listener.local_addr()?);
        let url = format!("{origin}{}", server.settings.api_prefix);
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&server).run(listener, async {
            let _ = stopped.await;
        });
        Ok(Self { origin, url, server, stop, running: tokio::spawn(serving) })
    }

    /// Whether mail goes no further than its outbox.
    pub(super) fn keeps_mail(&self) -> bool {
        self.server.service.deliveries.email.iter().all(|line| line.name() == "outbox")
    }

    /// Stops it.
    pub(super) async fn stop(self) {
        drop(self.stop);
        let _ = self.running.await;
    }
}
