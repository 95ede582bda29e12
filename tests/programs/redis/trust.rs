//! Which Redis is trusted, and what is said of one that is not.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use libtest_mimic::Failed;
use tokio::runtime::Runtime;

use super::server::Server;
use super::{send, settings, status, verify};
use crate::smtp::certificates;
use crate::support::App;

/// What the README grants.
const PERMISSIONS: &str =
    "~botkit-otp:* +evalsha +script|load +get +mget +getrange +set +del +decr +info +config|get";

/// Starts the program with a Redis and reads its log until it has said all of `wanted`.
fn says(variables: &[(&str, &str)], wanted: &[&str]) -> Result<String, Failed> {
    let folder = tempfile::tempdir()?;
    let mut program = Command::new(env!("CARGO_BIN_EXE_botkit-otp"))
        .current_dir(folder.path())
        .env_clear()
        .env("PORT", "0")
        .env("RUST_LOG", "trace")
        .envs(variables.iter().copied())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let log = BufReader::new(program.stderr.take().ok_or("no log")?);
    let (lines, said) = mpsc::channel();
    std::thread::spawn(move || log.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
    let mut log = String::new();
    while !wanted.iter().all(|wanted| log.contains(wanted)) {
        let Ok(line) = said.recv_timeout(Duration::from_secs(20)) else { break };
        log += &line;
        log.push('\n');
    }
    program.kill()?;
    program.wait()?;
    match wanted.iter().find(|wanted| !log.contains(**wanted)) {
        Some(missing) => Err(format!("nothing said {missing}:\n{log}").into()),
        None => Ok(log),
    }
}

pub(crate) fn tls() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    certificates(folder.path())?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (pem, authority) = (path("server.pem"), path("ca.pem"));
    let more = ["--port", "0", "--tls-port", "{port}", "--tls-cert-file", &pem, "--tls-key-file", &pem];
    let more = [&more[..], &["--tls-ca-cert-file", &authority, "--tls-auth-clients", "no"]].concat();
    let server = Server::start_with(tempfile::tempdir()?, &more)?;
    let url = format!("rediss://localhost:{}", server.port);
    let trusting = settings(&url).replace("[otp]", &format!("redis_ca_file = \"{authority}\"\n[otp]"));
    Runtime::new()?.block_on(async {
        let app = App::start(&trusting).await;
        assert_eq!(status(&send(&app, "s", 1).await), "sent");
        let code = app.codes().await.pop().unwrap();
        assert_eq!(status(&verify(&app, "s", 2, &code).await), "verified");
        // Nobody we know signed it.
        let app = App::start(&settings(&url)).await;
        assert_eq!(status(&send(&app, "s", 1).await), "unavailable");
        // It is another one's.
        let app = App::start(&trusting.replace("localhost", "127.0.0.1")).await;
        assert_eq!(status(&send(&app, "s", 1).await), "unavailable");
        // Whoever wants TLS gets no plain text.
        let app = App::start(&settings(&server.url())).await;
        assert_eq!(status(&send(&app, "s", 1).await), "unavailable");
    });
    says(&[("REDIS_URL", &url)], &["invalid peer certificate"])?;
    Ok(())
}

pub(crate) fn a_user_who_may_just_enough() -> Result<(), Failed> {
    let user = |permissions: &str| {
        let user = format!("--user default off --user otp on >p@ss {permissions}");
        Server::start_with(tempfile::tempdir()?, &user.split(' ').collect::<Vec<_>>())
    };
    let server = user(PERMISSIONS)?;
    let url = |login: &str| format!("redis://{login}127.0.0.1:{}", server.port);
    Runtime::new()?.block_on(async {
        let settings = settings(&url("otp:p%40ss@"));
        let app = App::start(&settings.replace("redis_prefix = \"t", "redis_prefix = \"botkit-otp:t")).await;
        assert_eq!(status(&send(&app, "s", 1).await), "sent");
        let code = app.codes().await.pop().unwrap();
        assert_eq!(status(&verify(&app, "s", 2, &code).await), "verified");
        let ticket = botkit_otp::otp::Ticket { pool: "p".into(), most: 1, until: crate::support::NOW };
        assert!(super::open(&url("otp:p%40ss@"), "botkit-otp:", 5).give_back(&ticket).await.is_ok());
        // Keys of others are not for this user.
        let app = App::start(&settings).await;
        assert_eq!(status(&send(&app, "s", 1).await), "unavailable");
    });
    let wrong = "refuses the user or the password of store.redis_url";
    for login in ["otp:hush@", ":hush@", "nobody:hush@"] {
        let log = says(&[("REDIS_URL", &url(login))], &[wrong])?;
        assert!(!log.contains("hush"), "{log}");
    }
    says(&[("REDIS_URL", &url(""))], &["Redis cannot be used: it does not tell what it is: ", "NOAUTH"])?;
    let log = says(&[("REDIS_URL", &url("otp:p%40ss@"))], &["connected to Redis "])?;
    assert!(!log.contains("p%40ss") && !log.contains("p@ss"), "{log}");
    // One who may not even look at the settings gets no warning for that.
    let server = user(&PERMISSIONS.replace(" +config|get", ""))?;
    says(
        &[("REDIS_URL", &format!("redis://otp:p%40ss@127.0.0.1:{}", server.port))],
        &["connected to Redis "],
    )?;
    Ok(())
}

/// Servers that cannot do the work are not used, and say why.
pub(crate) fn refused_servers() -> Result<(), Failed> {
    for (more, why) in [
        (&["--cluster-enabled", "yes"][..], "it is a cluster"),
        (&["--replicaof", "127.0.0.1", "1"], "it is a replica"),
    ] {
        let server = Server::start_with(tempfile::tempdir()?, more)?;
        says(&[("REDIS_URL", &server.url())], &[why])?;
        Runtime::new()?.block_on(async {
            let app = App::start(&settings(&server.url())).await;
            assert_eq!(status(&send(&app, "s", 1).await), "unavailable", "{why}");
        });
    }
    Ok(())
}

/// Servers that may lose what they were given are used, and warned of.
pub(crate) fn unlike_servers() -> Result<(), Failed> {
    let more = ["--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru", "--appendonly", "no"];
    let server = Server::start_with(tempfile::tempdir()?, &more)?;
    let wanted = ["maxmemory-policy evicts", "keeps nothing on disk", "connected to Redis "];
    says(&[("REDIS_URL", &server.url())], &wanted)?;
    let server = Server::start()?;
    let log = says(&[("REDIS_URL", &server.url())], &["connected to Redis "])?;
    assert!(!log.contains("maxmemory") && !log.contains("on disk"), "{log}");
    Ok(())
}
