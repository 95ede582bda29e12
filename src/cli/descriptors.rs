//! Room for descriptors: a shell, or a container, often lets a program have fewer than the connections it is to serve take.

use log::warn;

use crate::config::Config;

/// What is open besides connections and deliveries: the store's tables, up to 900 of them, and other files.
const OTHERS: u64 = 1_500;

/// Takes as many descriptors as the configuration needs, as far as the system lets us, and warns if that is not enough.
pub(super) fn make_room(config: &Config) {
    let needed = needed(config);
    let Some(granted) = raise(needed) else { return };
    // Where somebody tries things out there is not much to serve.
    if granted < needed && !config.dev.enabled {
        let (connections, deliveries) = (config.server.most_connections, config.delivery.most_at_once);
        warn!(
            "{granted} files may be open at once, and server.most_connections = {connections} with delivery.most_at_once = \
             {deliveries} may need {needed}; raise the limit (LimitNOFILE= of systemd, --ulimit nofile= of a container, ulimit -n), \
             or lower them"
        );
    }
}

/// A connection takes two, and one more while its call is with the BotKit server behind; a delivery takes one.
fn needed(config: &Config) -> u64 {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let forwards = config.bots.values().any(|bot| !bot.forward_to.is_empty());
    let connections = count(config.server.most_connections).saturating_mul(if forwards { 3 } else { 2 });
    connections.saturating_add(count(config.delivery.most_at_once)).saturating_add(OTHERS)
}

/// Raises the limit to `needed`, or as far as the system lets us, and says where it is then; `None` if there is none.
#[cfg(unix)]
fn raise(needed: u64) -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let current = current?;
    let mut wanted = maximum.map_or(needed, |maximum| needed.min(maximum));
    // A kernel may have a limit of its own below the one it names.
    while current < wanted && setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).is_err()
    {
        wanted = current + (wanted - current) / 2;
    }
    getrlimit(Resource::Nofile).current
}

#[cfg(not(unix))]
fn raise(_needed: u64) -> Option<u64> {
    None
}
