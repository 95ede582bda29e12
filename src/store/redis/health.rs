//! Whether a Redis is one that codes can be trusted to.

use std::collections::HashMap;

use redis::Cmd;
use redis::aio::MultiplexedConnection;

/// The oldest release that is tried out, and still maintained by somebody.
const OLDEST: (u32, u32) = (6, 2);

/// A server that can be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Health {
    /// Its release.
    pub(super) version: String,
    /// What is not wise about its settings.
    pub(super) warnings: Vec<&'static str>,
}

/// Looks at a server.
///
/// # Errors
/// What keeps it from being used.
pub(super) async fn examine(connection: &mut MultiplexedConnection) -> Result<Health, String> {
    let info: String = Cmd::new()
        .arg("INFO")
        .query_async(connection)
        .await
        .map_err(|error| format!("it does not tell what it is: {error}"))?;
    // Where that is forbidden, as it is with hosted ones, nobody can tell.
    let save: Option<HashMap<String, String>> =
        Cmd::new().arg("CONFIG").arg("GET").arg("save").query_async(connection).await.ok();
    judge(&info, save.as_ref().and_then(|save| save.get("save")).map(String::as_str))
}

/// Judges what a server says of itself. `save` is when it writes snapshots, if it tells.
fn judge(info: &str, save: Option<&str>) -> Result<Health, String> {
    let fields: HashMap<&str, &str> =
        info.lines().filter_map(|line| line.trim_end().split_once(':')).collect();
    let field = |name: &str| fields.get(name).copied().unwrap_or_default();
    let version = field("redis_version");
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < OLDEST {
        let (major, minor) = OLDEST;
        return Err(format!("it is version {version}, and must be {major}.{minor} or later"));
    }
    if field("cluster_enabled") == "1" || field("redis_mode") == "cluster" {
        return Err("it is a cluster, where a code and its budgets lie on different servers and cannot be written in one \
                    step; use one server, with replicas if you like"
            .to_owned());
    }
    if matches!(field("role"), "slave" | "replica") {
        return Err("it is a replica, which cannot be written to; name the master, or Sentinels".to_owned());
    }
    let mut warnings = Vec::new();
    let policy = field("maxmemory_policy");
    if !matches!(policy, "" | "noeviction") && field("maxmemory") != "0" {
        warnings.push(
            "Redis' maxmemory-policy evicts: a budget that is evicted hands out new guesses; set it to noeviction",
        );
    }
    if field("aof_enabled") == "0" && save == Some("") {
        warnings.push("Redis keeps nothing on disk: a restart forgets codes and budgets; set appendonly yes");
    }
    Ok(Health { version: version.to_owned(), warnings })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n# Memory\r\nmaxmemory:1000000\r\n\
                        maxmemory_policy:noeviction\r\n# Persistence\r\naof_enabled:1\r\n# Replication\r\nrole:master\r\n\
                        # Cluster\r\ncluster_enabled:0\r\n";

    #[test]
    fn servers_are_judged_by_what_they_say() {
        let warnings =
            |from: &str, to: &str, save| judge(&GOOD.replace(from, to), save).map(|health| health.warnings);
        assert_eq!(warnings("", "", Some("")), Ok(Vec::new()));
        assert!(warnings("noeviction", "allkeys-lru", None).unwrap()[0].contains("noeviction"));
        assert!(warnings("noeviction", "volatile-ttl", None).unwrap()[0].contains("noeviction"));
        let unlimited = GOOD.replace("maxmemory:1000000", "maxmemory:0").replace("noeviction", "allkeys-lru");
        assert_eq!(judge(&unlimited, None).unwrap().warnings, [""; 0]);
        let volatile = ("aof_enabled:1", "aof_enabled:0");
        assert!(warnings(volatile.0, volatile.1, Some("")).unwrap()[0].contains("appendonly"));
        assert_eq!(warnings(volatile.0, volatile.1, Some("3600 1")), Ok(Vec::new()));
        assert_eq!(warnings(volatile.0, volatile.1, None), Ok(Vec::new()), "nobody can tell");
        for (from, to, problem) in [
            ("7.0.15", "6.0.16", "must be 6.2 or later"),
            ("redis_version:7.0.15\r\n", "", "must be 6.2 or later"),
            ("cluster_enabled:0", "cluster_enabled:1", "it is a cluster"),
            ("role:master", "role:slave", "it is a replica"),
        ] {
            let refused = warnings(from, to, None).unwrap_err();
            assert!(refused.contains(problem), "{refused}");
        }
    }
}
