//! A Sentinel that names the master, and another server that takes over.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use botkit_otp::telemetry::Stopwatch;
use libtest_mimic::Failed;
use redis::{Client, Cmd, cmd};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::outages::until_back;
use super::server::Server;
use super::{send, settings, status, verify};
use crate::support::App;

struct Sentinel {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Sentinel {
    fn start(master: &Server) -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let file = folder.path().join("sentinel.conf");
        let text = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor main 127.0.0.1 {} 1\n\
             sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 2000\n",
            folder.path().display(),
            master.port
        );
        std::fs::write(&file, text)?;
        let mut command = Command::new("redis-server");
        command.arg(file).arg("--sentinel").stdout(Stdio::null());
        Ok(Self { process: command.spawn()?, port, _folder: folder })
    }

    fn ask(&self, command: &Cmd) -> Option<redis::Value> {
        let client = Client::open(("127.0.0.1", self.port)).ok()?;
        command.query(&mut client.get_connection().ok()?).ok()
    }
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let started = Stopwatch::start();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub(crate) fn failover() -> Result<(), Failed> {
    let mut master = Server::start()?;
    let port = master.port.to_string();
    let replica = Server::start_with(tempfile::tempdir()?, &["--replicaof", "127.0.0.1", &port])?;
    let sentinel = Sentinel::start(&master)?;
    wait_until("the Sentinel knows the replica", || {
        let known = sentinel.ask(cmd("SENTINEL").arg("REPLICAS").arg("main"));
        known.is_some_and(|known| format!("{known:?}").contains(&replica.port.to_string()))
    });
    wait_until("the replica follows", || {
        replica.run::<String>(cmd("INFO").arg("replication")).contains("master_link_status:up")
    });
    let url = format!("redis+sentinel://127.0.0.1:{}/main", sentinel.port);
    Runtime::new()?.block_on(async {
        let app = App::start(&settings(&url)).await;
        assert_eq!(status(&until_back(|| send(&app, "s", 1)).await), "sent");
        let code = app.codes().await.pop().unwrap();
        assert_eq!(master.run::<u8>(cmd("WAIT").arg(1).arg(5_000)), 1);
        master.kill();
        assert_eq!(status(&verify(&app, "s", 2, &code).await), "unavailable");
        assert_eq!(status(&until_back(|| verify(&app, "s", 2, &code)).await), "verified");
        assert!(replica.run::<String>(cmd("INFO").arg("replication")).contains("role:master"));
        // Whoever was master before is not listened to, and not written to.
        master.restart()?;
        assert_eq!(status(&verify(&app, "s", 3, &code).await), "already_verified");
        Ok(())
    })
}
