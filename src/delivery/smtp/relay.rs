//! The relay that a URL names: where it is, how the way there is kept private, and who we are to it.

use std::fmt;

use lettre::transport::smtp::authentication::Credentials;
use percent_encoding::percent_decode_str;
use url::{Host, Url};

/// What a URL looks like.
const EXAMPLE: &str = "\"smtp://user:password@host:587\"";

/// A relay. Never shown: it holds a password.
pub(super) struct Relay {
    /// Its name or address, as a certificate has it: without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) privacy: Privacy,
    pub(super) credentials: Option<Credentials>,
    /// User and password, which a relay may repeat when it refuses them.
    pub(super) private: Vec<String>,
}

/// How the way to a relay is kept private.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Privacy {
    /// `smtp://`: TLS after STARTTLS, or nothing is sent (RFC 3207).
    StartTls,
    /// `smtps://`: TLS from the first byte (RFC 8314 3.3).
    Tls,
    /// `smtp://...?tls=none`: none, which is for a relay on this machine.
    None,
}

/// Shows the relay without user and password.
impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, privacy, .. } = self;
        write!(f, "Relay({host}:{port}, {privacy:?})")
    }
}

impl Relay {
    /// Reads a relay's URL.
    ///
    /// # Errors
    /// What is wrong and what to do about it, without any part of the URL: a password may stand in all of them.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err(format!("is empty; write it like {EXAMPLE}"));
        }
        let no_url = || {
            format!(
                "is no URL of a relay; write it like {EXAMPLE}, and @ : / ? # % in user and password as \
                 %40 %3A %2F %3F %23 %25"
            )
        };
        let url = Url::parse(text).map_err(|_| no_url())?;
        if !["", "/"].contains(&url.path()) || url.fragment().is_some() {
            return Err(no_url());
        }
        // For schemes it does not know, the parser leaves the host as it is written.
        let host = match url.host() {
            Some(Host::Domain(name)) => Host::parse(name).map_err(|_| no_url())?,
            Some(Host::Ipv4(address)) => Host::Ipv4(address),
            Some(Host::Ipv6(address)) => Host::Ipv6(address),
            None => return Err(no_url()),
        };
        let privacy = match (url.scheme(), url.query()) {
            ("smtp", None) => Privacy::StartTls,
            ("smtps", None) => Privacy::Tls,
            ("smtp", Some("tls=none")) if is_loopback(&host) => Privacy::None,
            ("smtp", Some("tls=none")) => {
                return Err(
                    "turns TLS off, which is for a relay on this machine: take ?tls=none out".to_owned()
                );
            }
            ("smtp" | "smtps", Some(_)) => {
                return Err(
                    "has a query; the only one there is is ?tls=none, for a relay on this machine".to_owned()
                );
            }
            _ => return Err("must start with smtp:// (STARTTLS) or smtps:// (TLS from the start)".to_owned()),
        };
        let decode = |text: &str| {
            percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| no_url())
        };
        let user = decode(url.username())?;
        let private = match (user.is_empty(), url.password()) {
            (true, None) => Vec::new(),
            (false, Some(password)) => vec![user, decode(password)?],
            (true, Some(_)) => return Err(format!("has a password and no user; write it like {EXAMPLE}")),
            (false, None) => return Err(format!("has a user and no password; write it like {EXAMPLE}")),
        };
        Ok(Self {
            port: url.port().unwrap_or(match privacy {
                Privacy::StartTls => 587,
                Privacy::Tls => 465,
                Privacy::None => 25,
            }),
            host: match host {
                Host::Domain(name) => name,
                Host::Ipv4(address) => address.to_string(),
                Host::Ipv6(address) => address.to_string(),
            },
            privacy,
            credentials: match &private[..] {
                [user, password] => Some(Credentials::new(user.clone(), password.clone())),
                _ => None,
            },
            private,
        })
    }
}

fn is_loopback(host: &Host) -> bool {
    match host {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_how_and_who() {
        for (url, host, port, privacy, credentials) in [
            ("smtp://relay.example", "relay.example", 587, Privacy::StartTls, None),
            ("smtp://relay.example:2525/", "relay.example", 2525, Privacy::StartTls, None),
            ("smtps://u:p@relay.example", "relay.example", 465, Privacy::Tls, Some(("u", "p"))),
            (
                "smtp://apikey%40acme:p%40ss%3A%2F%25%C3%A9+x@relay.example:587",
                "relay.example",
                587,
                Privacy::StartTls,
                Some(("apikey@acme", "p@ss:/%é+x")),
            ),
            ("smtp://Bücher.example", "xn--bcher-kva.example", 587, Privacy::StartTls, None),
            ("smtps://10.0.0.7", "10.0.0.7", 465, Privacy::Tls, None),
            ("smtp://localhost:1025", "localhost", 1025, Privacy::StartTls, None),
            ("smtp://localhost:1025?tls=none", "localhost", 1025, Privacy::None, None),
            ("smtp://127.0.0.1?tls=none", "127.0.0.1", 25, Privacy::None, None),
            ("smtp://[::1]:1025?tls=none", "::1", 1025, Privacy::None, None),
        ] {
            let relay = Relay::parse(url).unwrap_or_else(|problem| panic!("{url}: {problem}"));
            assert_eq!((relay.host.as_str(), relay.port, relay.privacy), (host, port, privacy), "{url}");
            let wanted = credentials.map(|(user, password)| Credentials::new(user.into(), password.into()));
            assert!(relay.credentials == wanted, "{url}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said_without_it() {
        for (url, complaint) in [
            ("", "is empty"),
            ("hush.example:587", "is no URL"),
            ("hush.example", "is no URL"),
            ("https://user:hush@hush.example", "must start with smtp://"),
            ("smtp://", "is no URL"),
            ("smtp://user:hu/sh@hush.example", "is no URL"),
            ("smtp://user:hu#sh@hush.example", "is no URL"),
            ("smtp://hush.example/inbox", "is no URL"),
            ("smtp://user:%FF@hush.example", "is no URL"),
            ("smtp://hush@relay.example", "has a user and no password"),
            ("smtp://:hush@relay.example", "has a password and no user"),
            ("smtp://relay.example?tls=none", "turns TLS off"),
            ("smtp://10.0.0.7?tls=none", "turns TLS off"),
            ("smtp://localhost.hush.example?tls=none", "turns TLS off"),
            ("smtp://127.0.0.1.hush.example?tls=none", "turns TLS off"),
            ("smtp://127.0.0.1@hush.example?tls=none", "turns TLS off"),
            ("smtp://localhost?tls=opportunistic", "has a query"),
            ("smtps://localhost?tls=none", "has a query"),
        ] {
            let problem = Relay::parse(url).err().unwrap_or_default();
            assert!(problem.starts_with(complaint) && !problem.contains("hush"), "{url}: {problem}");
        }
    }

    #[test]
    fn a_relay_never_shows_its_password() {
        let relay = Relay::parse("smtp://someone:hush@relay.example").unwrap();
        assert_eq!(format!("{relay:?}"), "Relay(relay.example:587, StartTls)");
    }
}
