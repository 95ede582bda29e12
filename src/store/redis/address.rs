//! Where Redis is, and how a connection to it is made.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, RedisResult,
    TlsCertificates, TlsMode,
};
use secrecy::{ExposeSecret as _, SecretString};

/// How many commands may wait for the connection to take them.
const WAITING: usize = 1_000;

/// How long one address may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);

/// Port of a Sentinel whose address names none.
const SENTINEL_PORT: u16 = 26_379;

/// How the setting is written, for complaints.
const LIKE: &str = "write it like \"redis://user:password@host:6379\", \"rediss://\" for TLS, or \
                    \"redis+sentinel://user:password@host:26379,host:26379/name\"";

/// Where Redis is.
pub(super) enum Address {
    /// A server.
    Server(Box<Client>),
    /// Whichever server the Sentinels call the master.
    Sentinels(Box<SentinelClient>),
}

/// What is said of it in the settings.
pub(super) struct Directions {
    url: SecretString,
    certificates: Option<TlsCertificates>,
}

impl Directions {
    /// Reads the settings: the URL, and the file of certificates.
    ///
    /// # Errors
    /// The setting that is of no use, and why; without the secrets in it.
    pub(super) fn new(url: &SecretString, ca_file: &Path) -> Result<Self, (&'static str, String)> {
        let text = url.expose_secret().trim();
        if text.is_empty() {
            return Err(("redis_url", format!("is empty; {LIKE}")));
        }
        let certificates = certificates(ca_file, text.starts_with("rediss"))?;
        let directions = Self { url: text.into(), certificates };
        directions.address().ok_or_else(|| ("redis_url", format!("is no URL of a Redis; {LIKE}")))?;
        Ok(directions)
    }

    /// Follows them; `None` if the URL is none, which is known from the start.
    pub(super) fn address(&self) -> Option<Address> {
        let (url, certificates) = (self.url.expose_secret(), self.certificates.clone());
        // `#insecure` would take any certificate.
        if url.contains('#') {
            return None;
        }
        match url.strip_prefix("redis+sentinel://").or(url.strip_prefix("rediss+sentinel://")) {
            Some(rest) => Some(Address::Sentinels(Box::new(sentinel(rest, certificates)?))),
            None => Some(Address::Server(Box::new(server(url, certificates)?))),
        }
    }
}

impl Address {
    /// Makes a connection.
    pub(super) async fn connect(&mut self) -> RedisResult<MultiplexedConnection> {
        // How long a call may take is decided there, once for the waiting and the asking.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWERS_WITHIN))
            .set_response_timeout(None)
            .set_pipeline_buffer_size(WAITING);
        match self {
            Self::Server(client) => client.get_multiplexed_async_connection_with_config(&config).await,
            Self::Sentinels(client) => client.get_async_connection_with_config(&config).await,
        }
    }
}

/// Whether what is said to Redis passes a network in plain text.
pub(in crate::store) fn is_overheard(url: &str) -> bool {
    let url = url.trim();
    // What is no URL is complained of elsewhere.
    match url.into_connection_info().as_ref().map(ConnectionInfo::addr) {
        Ok(ConnectionAddr::Tcp(host, _)) => {
            host != "localhost" && !host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
        }
        Ok(_) => false,
        Err(_) => url.starts_with("redis+sentinel://"),
    }
}

/// Small commands must not wait for more of their kind.
fn tcp() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

fn server(url: &str, certificates: Option<TlsCertificates>) -> Option<Client> {
    let info = url.into_connection_info().ok()?;
    let info = info.set_tcp_settings(tcp());
    match (info.addr(), certificates) {
        (ConnectionAddr::TcpTls { .. }, Some(certificates)) => {
            Client::build_with_tls(info, certificates).ok()
        }
        _ => Client::open(info).ok(),
    }
}

/// Reads `user:password@host:port,host:port/name/db`.
fn sentinel(rest: &str, certificates: Option<TlsCertificates>) -> Option<SentinelClient> {
    let tls = certificates.is_some();
    let (login, rest) = rest.rsplit_once('@').map_or((None, rest), |(login, rest)| (Some(login), rest));
    let (hosts, path) = rest.split_once('/')?;
    let (name, db) = path.split_once('/').unwrap_or((path, "0"));
    let hosts: Option<Vec<_>> = hosts.split(',').map(|host| sentinel_address(host, tls)).collect();
    if name.is_empty() {
        return None;
    }
    let mut builder = SentinelClientBuilder::new(hosts?, name, SentinelServerType::Master)
        .ok()?
        .set_client_to_redis_db(db.parse().ok()?)
        .set_client_to_redis_tcp_settings(tcp())
        .set_client_to_sentinel_tcp_settings(tcp());
    if let Some(login) = login {
        let (user, password) = login.split_once(':')?;
        let plain = |text| percent_decode_str(text).decode_utf8().ok();
        if !user.is_empty() {
            builder = builder.set_client_to_redis_username(plain(user)?);
        }
        builder = builder.set_client_to_redis_password(plain(password)?);
    }
    if let Some(certificates) = certificates {
        builder = builder
            .set_client_to_redis_tls_mode(TlsMode::Secure)
            .set_client_to_redis_certificates(certificates.clone())
            .set_client_to_sentinel_certificates(certificates);
    }
    builder.build().ok()
}

fn sentinel_address(text: &str, tls: bool) -> Option<ConnectionAddr> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (text, SENTINEL_PORT),
    };
    if host.is_empty() {
        return None;
    }
    let host = host.to_owned();
    Some(if tls {
        ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
    } else {
        ConnectionAddr::Tcp(host, port)
    })
}

/// Whom we believe to be Redis: whoever shows a certificate for its name, signed by somebody this machine trusts, or by
/// one of the file's if there is a file. `None` without TLS.
fn certificates(file: &Path, tls: bool) -> Result<Option<TlsCertificates>, (&'static str, String)> {
    let named = !file.as_os_str().is_empty();
    let complain = |problem: String| ("redis_ca_file", problem);
    if named && !tls {
        return Err(complain(
            "is set, and store.redis_url is without TLS; let it begin with rediss://".to_owned(),
        ));
    }
    if !named {
        return Ok(tls.then_some(TlsCertificates { client_tls: None, root_cert: None }));
    }
    let name = file.display();
    let pem =
        std::fs::read(file).map_err(|error| complain(format!("is {name}, which cannot be read: {error}")))?;
    let marker = b"-----BEGIN CERTIFICATE-----";
    if !pem.windows(marker.len()).any(|window| window == marker) {
        return Err(complain(format!("is {name}, which holds no certificate in PEM")));
    }
    Ok(Some(TlsCertificates { client_tls: None, root_cert: Some(pem) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<Address, (&'static str, String)> {
        Ok(Directions::new(&url.into(), Path::new(""))?.address().unwrap())
    }

    #[test]
    fn urls_of_every_kind_are_read() {
        for url in [
            "redis://localhost",
            "redis://otp:hush@10.0.0.1:6380/2",
            "redis://:hush@[::1]:6379",
            "rediss://redis.example",
            "unix:///run/redis.sock",
        ] {
            assert!(matches!(read(url), Ok(Address::Server(_))), "{url}");
        }
        for url in [
            "redis+sentinel://a,b:26380/main",
            "redis+sentinel://otp:p%40ss@a:26379/main/3",
            "rediss+sentinel://:hush@a.example:26379/main",
        ] {
            assert!(matches!(read(url), Ok(Address::Sentinels(_))), "{url}");
        }
    }

    #[test]
    fn what_passes_a_network_in_plain_text_is_known() {
        for url in ["redis://redis:6379", "redis://u:p@10.0.0.1", "redis+sentinel://a/main"] {
            assert!(is_overheard(url), "{url}");
        }
        for url in [
            "redis://localhost",
            "redis://127.0.0.1:1",
            "redis://[::1]",
            "rediss://a",
            "unix:///a",
            "hush",
            "",
        ] {
            assert!(!is_overheard(url), "{url}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused_without_repeating_it() {
        for url in [
            "",
            "hush",
            "http://hush",
            "redis://hush@",
            "redis://u:hush@host/x",
            "rediss://hush.example#insecure",
            "redis+sentinel://hush:26379",
            "redis+sentinel://hush:26379/",
            "redis+sentinel://hush:port/main",
            "redis+sentinel://hush@a:1/main",
            "redis+sentinel:///main",
        ] {
            let (key, problem) = read(url).err().unwrap_or_else(|| panic!("{url} was taken"));
            assert!(
                key == "redis_url" && problem.contains("write it like") && !problem.contains("hush"),
                "{problem}"
            );
        }
    }
}
