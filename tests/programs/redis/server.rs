//! A Redis of a test's own, and what can stand between it and us.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use botkit_otp::telemetry::Stopwatch;
use libtest_mimic::Failed;
use redis::{Client, Cmd, FromRedisValue};
use tempfile::TempDir;

/// Whether this machine has one.
pub(crate) fn is_there() -> bool {
    Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_ok()
}

/// A Redis that writes every change to its disk before it answers.
pub(crate) struct Server {
    process: Child,
    pub(crate) port: u16,
    more: Vec<String>,
    pub(crate) folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Server {
    pub(crate) fn start() -> Result<Self, Failed> {
        Self::start_with(tempfile::tempdir()?, &[])
    }

    /// Starts it in a folder, with more settings.
    pub(crate) fn start_with(folder: TempDir, more: &[&str]) -> Result<Self, Failed> {
        let more: Vec<_> = more.iter().map(|text| (*text).to_owned()).collect();
        // Between looking for a port and listening on it, somebody else may take it.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            let mut process = spawn(&folder, port, &more)?;
            if answers(port, &mut process)? {
                return Ok(Self { process, port, more, folder });
            }
        }
        Err("redis-server does not start".into())
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it at once, as a power cut would.
    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Starts it again, with what is on its disk.
    pub(crate) fn restart(&mut self) -> Result<(), Failed> {
        self.kill();
        self.process = spawn(&self.folder, self.port, &self.more)?;
        answers(self.port, &mut self.process)?.then_some(()).ok_or_else(|| "it does not start again".into())
    }

    /// Sends it a signal, such as `STOP`.
    pub(crate) fn signal(&self, name: &str) -> Result<(), Failed> {
        let signalled =
            Command::new("sh").args(["-c", &format!("kill -{name} {}", self.process.id())]).status()?;
        signalled.success().then_some(()).ok_or_else(|| "no such process".into())
    }

    /// Runs a command beside the server under test.
    pub(crate) fn run<T: FromRedisValue>(&self, command: &Cmd) -> T {
        let mut connection = Client::open(self.url()).unwrap().get_connection().unwrap();
        command.query(&mut connection).unwrap()
    }
}

fn spawn(folder: &TempDir, port: u16, more: &[String]) -> Result<Child, Failed> {
    let port = port.to_string();
    let more = more.iter().map(|word| word.replace("{port}", &port));
    let folder = folder.path().to_str().ok_or("a strange folder")?;
    let mut command = Command::new("redis-server");
    command.args(["--port", &port, "--bind", "127.0.0.1", "--dir", folder, "--save", ""]);
    command.args(["--appendonly", "yes", "--appendfsync", "always"]).args(more);
    Ok(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
}

/// Waits until it takes commands; `false` if it ended instead.
fn answers(port: u16, process: &mut Child) -> Result<bool, Failed> {
    let started = Stopwatch::start();
    while started.elapsed() < Duration::from_secs(20) {
        if process.try_wait()?.is_some() {
            return Ok(false);
        }
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
            let mut answer = [0; 64];
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            stream.write_all(b"PING\r\n")?;
            // TLS answers with an alert, ACLs with an error; one that reads its disk asks to wait.
            let length = stream.read(&mut answer).unwrap_or(0);
            if !answer[..length].starts_with(b"-LOADING") {
                return Ok(true);
            }
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    process.kill()?;
    process.wait()?;
    Err("redis-server does not answer".into())
}

/// Stands between Redis and those who ask it; counts what they say, can swallow everything, and can hang up instead of
/// passing on an answer.
pub(crate) struct Between {
    pub(crate) port: u16,
    said: Arc<AtomicUsize>,
    swallows: Arc<AtomicBool>,
    loses: Arc<AtomicUsize>,
}

impl Between {
    pub(crate) fn start(server: u16) -> Result<Self, Failed> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let between = Self { port, said: Arc::default(), swallows: Arc::default(), loses: Arc::default() };
        let (said, swallows) = (Arc::clone(&between.said), Arc::clone(&between.swallows));
        let loses = Arc::clone(&between.loses);
        // Ends with the test program.
        std::thread::spawn(move || {
            while let Ok((near, _)) = listener.accept() {
                let Ok(far) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let (Ok(back), Ok(answers)) = (near.try_clone(), far.try_clone()) else { continue };
                let (said, heard, silent) = (Arc::clone(&said), Arc::clone(&swallows), Arc::clone(&swallows));
                copy(near, far, move || {
                    said.fetch_add(1, Ordering::SeqCst);
                    if heard.load(Ordering::SeqCst) { Then::Swallow } else { Then::Pass }
                });
                let loses = Arc::clone(&loses);
                copy(answers, back, move || {
                    if loses.load(Ordering::SeqCst) > 0 && loses.fetch_sub(1, Ordering::SeqCst) == 1 {
                        return Then::HangUp;
                    }
                    if silent.load(Ordering::SeqCst) { Then::Swallow } else { Then::Pass }
                });
            }
        });
        Ok(between)
    }

    pub(crate) fn swallow(&self, swallows: bool) {
        self.swallows.store(swallows, Ordering::SeqCst);
    }

    /// Loses one of the answers to come: the first, or a later one.
    pub(crate) fn lose(&self, number: usize) {
        self.loses.store(number, Ordering::SeqCst);
    }

    /// How often something has been said since this was last asked.
    pub(crate) fn trips(&self) -> usize {
        self.said.swap(0, Ordering::SeqCst)
    }
}

/// What becomes of something said.
enum Then {
    Pass,
    Swallow,
    HangUp,
}

fn copy(mut from: TcpStream, mut to: TcpStream, then: impl Fn() -> Then + Send + 'static) {
    std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            match then() {
                Then::Pass if to.write_all(&buffer[..length]).is_ok() => {}
                Then::Swallow => {}
                Then::Pass | Then::HangUp => break,
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    });
}
