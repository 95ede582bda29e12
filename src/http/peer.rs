//! Who is at the other end: behind proxies that are known, the address they name.

use std::net::IpAddr;

use actix_web::HttpRequest;
use ipnet::IpNet;
use serde::Deserialize;

/// Networks such as `10.0.0.0/8`, or single addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Networks(Vec<IpNet>);

impl TryFrom<Vec<String>> for Networks {
    type Error = String;

    fn try_from(texts: Vec<String>) -> Result<Self, String> {
        let read = |text: String| {
            let text = text.trim();
            let address = text.parse::<IpAddr>().map(IpNet::from);
            address.or_else(|_| text.parse()).map_err(|_| {
                format!(
                    "{text:?} is no network; write it like \"10.0.0.0/8\", \"192.0.2.7\" or \"2001:db8::/32\""
                )
            })
        };
        texts.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

impl Networks {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether a caller may come in: anybody, if none are named.
    #[must_use]
    pub fn admit(&self, caller: Option<IpAddr>) -> bool {
        self.is_empty() || caller.is_some_and(|caller| self.contain(caller))
    }
}

/// The caller's address. Each proxy adds the address that it was called from to the end of `X-Forwarded-For`; from there
/// on backwards, the first that is none of `proxies` is the caller's. Whoever is no proxy of ours is believed nothing.
pub(super) fn caller(request: &HttpRequest, proxies: &Networks) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip().to_canonical();
    if !proxies.contain(peer) {
        return Some(peer);
    }
    let lists: Vec<&str> =
        request.headers().get_all("x-forwarded-for").map(|list| list.to_str().unwrap_or("?")).collect();
    named(&lists, peer, proxies)
}

/// `None`: what stands there is no address.
fn named(lists: &[&str], peer: IpAddr, proxies: &Networks) -> Option<IpAddr> {
    let mut caller = peer;
    for text in lists.iter().rev().flat_map(|list| list.rsplit(',')) {
        caller = text.trim().parse::<IpAddr>().ok()?.to_canonical();
        if !proxies.contain(caller) {
            break;
        }
    }
    Some(caller)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Networks {
        texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>().try_into().unwrap()
    }

    #[test]
    fn a_caller_is_who_our_own_proxies_say() {
        let proxies = networks(&["10.0.0.0/8", "::1"]);
        let named = |lists: &[&str]| {
            named(lists, "10.0.0.1".parse().unwrap(), &proxies).map(|caller| caller.to_string())
        };
        for (lists, caller) in [
            (&[][..], Some("10.0.0.1")),
            (&["192.0.2.7"], Some("192.0.2.7")),
            // What a caller claims stands in front of what is added.
            (&["198.51.100.9, 192.0.2.7"], Some("192.0.2.7")),
            (&["198.51.100.9", "192.0.2.7, 10.9.9.9"], Some("192.0.2.7")),
            (&["192.0.2.7,::ffff:10.1.1.1"], Some("192.0.2.7")),
            (&["10.2.2.2"], Some("10.2.2.2")),
            (&["192.0.2.7, unknown"], None),
            (&[""], None),
        ] {
            assert_eq!(named(lists).as_deref(), caller, "{lists:?}");
        }
    }

    #[test]
    fn networks_are_read_and_asked() {
        let known = networks(&["192.0.2.0/24", "2001:db8::1"]);
        let admits = |text: &str| known.admit(text.parse().ok());
        assert!(admits("192.0.2.9") && admits("2001:db8::1"));
        assert!(!admits("192.0.3.9") && !admits("2001:db8::2") && !admits("nobody"));
        assert!(Networks::default().admit(None));
        assert!(Networks::try_from(vec!["10.0.0.0/99".to_owned()]).unwrap_err().contains("is no network"));
    }
}
