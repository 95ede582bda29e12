//! TLS of our own: certificate and key, taken up anew when their files change, and callers' certificates.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use log::{error, info};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};

/// How often the files are looked at. Certificates are renewed weeks before they end.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The certificate that is shown, and where it comes from.
pub struct Tls {
    cert: PathBuf,
    key: PathBuf,
    shown: Arc<Shown>,
    config: ServerConfig,
}

/// The certificate of the moment.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("cert", &self.cert).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads certificate and key (PEM). With `client_ca` only callers are let in that show a certificate signed by one of
    /// that file's.
    ///
    /// # Errors
    /// The setting whose file is of no use, and why.
    pub fn open(cert: &Path, key: &Path, client_ca: &Path) -> Result<Self, (&'static str, String)> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let (certs, keys) = (file("tls_cert", cert)?, file("tls_key", key)?);
        let shown = Arc::new(Shown(RwLock::new(Arc::new(pair(&certs, &keys, &provider)?))));
        let unusable = |error: rustls::Error| ("tls_cert", format!("cannot be used: {error}"));
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?;
        let builder = if client_ca.as_os_str().is_empty() {
            builder.with_no_client_auth()
        } else {
            let mut roots = RootCertStore::empty();
            let complain =
                |problem: &dyn fmt::Display| ("tls_client_ca", format!("cannot be used: {problem}"));
            for root in certificates("tls_client_ca", &file("tls_client_ca", client_ca)?)? {
                roots.add(root).map_err(|error| complain(&error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().map_err(|error| complain(&error))?)
        };
        let config = builder.with_cert_resolver(Arc::<Shown>::clone(&shown));
        Ok(Self { cert: cert.to_owned(), key: key.to_owned(), shown, config })
    }

    /// What connections are accepted with.
    pub(super) fn config(&self) -> ServerConfig {
        self.config.clone()
    }

    /// Takes up, for ever, what the files hold when they change. What is of no use is logged once, and what was shown
    /// before goes on being shown.
    pub(super) async fn watch(&self) {
        let mut seen = self.read().await;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = self.read().await;
            if now == seen {
                continue;
            }
            let fresh = now
                .as_ref()
                .map_err(Clone::clone)
                .and_then(|(certs, keys)| pair(certs, keys, &aws_lc_rs::default_provider()));
            match fresh {
                Ok(fresh) => {
                    *self.shown.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
                    info!("a new certificate is shown, of {}", self.cert.display());
                }
                Err((key, problem)) => error!("server.{key} {problem}; the certificate stays the one it was"),
            }
            seen = now;
        }
    }

    async fn read(&self) -> Result<(Vec<u8>, Vec<u8>), (&'static str, String)> {
        let (cert, key) = (self.cert.clone(), self.key.clone());
        let read = move || Ok((file("tls_cert", &cert)?, file("tls_key", &key)?));
        // The runtime refuses work only when it ends.
        let stopping = |_| Err(("tls_cert", "cannot be read now".to_owned()));
        tokio::task::spawn_blocking(read).await.unwrap_or_else(stopping)
    }
}

fn file(key: &'static str, path: &Path) -> Result<Vec<u8>, (&'static str, String)> {
    std::fs::read(path)
        .map_err(|error| (key, format!("is {}, which cannot be read: {error}", path.display())))
}

fn certificates(
    key: &'static str,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, (&'static str, String)> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) | Err(_) => Err((key, "holds no certificate in PEM, or one that is broken".to_owned())),
    }
}

/// A certificate with its chain, and its key.
fn pair(
    certs: &[u8],
    keys: &[u8],
    provider: &CryptoProvider,
) -> Result<CertifiedKey, (&'static str, String)> {
    let chain = certificates("tls_cert", certs)?;
    let key = PrivateKeyDer::from_pem_slice(keys)
        .map_err(|_| ("tls_key", "holds no private key in PEM".to_owned()))?;
    CertifiedKey::from_der(chain, key, provider)
        .map_err(|error| ("tls_key", format!("does not go with server.tls_cert: {error}")))
}
