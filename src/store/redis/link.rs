//! A connection to Redis, shared by all calls of a runtime, and made again in the background when it is lost.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use log::{Level, log};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, ServerErrorKind};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::address::{Address, Directions};
use super::health;
use crate::store::Unavailable;
use crate::telemetry::Stopwatch;

/// How long it may take until a new connection can be used.
const CONNECTING: Duration = Duration::from_secs(5);

/// Waits between attempts to connect.
const WAITS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// How many arguments of a script, and bytes of them in all, there is room for before more is asked for.
const ARGUMENTS: usize = 24;
const LENGTH: usize = 2048;

/// Whether a command whose answer got lost may be sent once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Yes: it only reads.
    Once,
    /// No.
    Never,
}

/// What Redis is taught.
#[derive(Clone, Copy, Debug)]
pub(super) enum Script {
    /// Reads a session and accounts.
    Load,
    /// Writes a change.
    Commit,
    /// Gives a ticket back.
    GiveBack,
}

/// The scripts, in the order of [`Script`].
static SCRIPTS: LazyLock<[redis::Script; 3]> = LazyLock::new(|| {
    [include_str!("load.lua"), include_str!("commit.lua"), include_str!("give_back.lua")]
        .map(redis::Script::new)
});

impl Script {
    /// Begins a call, whose first `keys` arguments are names of records.
    pub(super) fn call(self, keys: usize) -> Cmd {
        let mut command = Cmd::with_capacity(ARGUMENTS, LENGTH);
        command.arg("EVALSHA").arg(SCRIPTS[self as usize].get_hash()).arg(keys);
        command
    }
}

/// How loud a connection's fate is told: that of the first is everybody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaks {
    /// For operators.
    Aloud,
    /// For whoever looks for a fault.
    Softly,
}

impl Speaks {
    fn say(self, level: Level, text: &str) {
        log!(if self == Self::Aloud { level } else { Level::Debug }, "{text}");
    }
}

/// The connection.
pub(super) struct Link {
    state: watch::Sender<State>,
    /// How long a call may take, waiting for a connection included.
    patience: Duration,
    speaks: Speaks,
    _keeper: AbortOnDropHandle<()>,
}

enum State {
    /// It can be used.
    Up(Line),
    /// It is being made.
    Down {
        /// Since when.
        since: Stopwatch,
        /// Why the last attempt failed.
        why: Arc<str>,
    },
}

/// One of the connections that there were.
#[derive(Clone)]
struct Line {
    number: u64,
    connection: MultiplexedConnection,
}

impl Link {
    /// Begins to connect.
    pub(super) fn open(
        directions: &Directions,
        patience: Duration,
        runtime: &Handle,
        speaks: Speaks,
    ) -> Self {
        let why = "Redis has not answered yet".into();
        let (state, _) = watch::channel(State::Down { since: Stopwatch::start(), why });
        let keeper = runtime.spawn(keep(
            directions.address(),
            Arc::clone(&directions.arrivals),
            state.clone(),
            speaks,
        ));
        Self { state, patience, speaks, _keeper: AbortOnDropHandle::new(keeper) }
    }

    /// Sends a command and gives its answer.
    ///
    /// # Errors
    /// [`Unavailable`]: Redis refuses it, cannot be reached, or does not answer in time. It may have been carried out.
    pub(super) async fn ask<T: FromRedisValue>(
        &self,
        command: &Cmd,
        repeat: Repeat,
    ) -> Result<T, Unavailable> {
        self.is_down_for_long()?;
        let mut used = None;
        let work = async {
            let mut repeat = repeat == Repeat::Once;
            loop {
                let Line { number, mut connection } = self.line().await?;
                used = Some(number);
                let error = match ask(&mut connection, command).await {
                    Ok(answer) => return Ok(answer),
                    Err(error) => error,
                };
                if is_lost(&error) {
                    self.lose(number, &error.to_string());
                    if std::mem::take(&mut repeat) {
                        continue;
                    }
                }
                // What Redis says may quote keys; its first word may not.
                let said = error.code().unwrap_or_else(|| error.category());
                return Err(Unavailable(format!("Redis: {said}")));
            }
        };
        if let Ok(answer) = timeout(self.patience, work).await {
            return answer;
        }
        let Some(number) = used else { return Err(self.is_down()) };
        let why = format!("Redis does not answer within {} ms", self.patience.as_millis());
        self.lose(number, &why);
        Err(Unavailable(why))
    }

    /// The connection, as soon as there is one.
    async fn line(&self) -> Result<Line, Unavailable> {
        if let State::Up(line) = &*self.state.borrow() {
            return Ok(line.clone());
        }
        let mut states = self.state.subscribe();
        let state = states.wait_for(|state| matches!(state, State::Up(_))).await;
        match state.as_deref() {
            Ok(State::Up(line)) => Ok(line.clone()),
            Ok(State::Down { .. }) | Err(_) => Err(self.is_down()),
        }
    }

    /// In an outage that lasts nobody waits for its end.
    fn is_down_for_long(&self) -> Result<(), Unavailable> {
        match &*self.state.borrow() {
            State::Down { since, why } if since.elapsed() >= self.patience => {
                Err(Unavailable(why.to_string()))
            }
            State::Down { .. } | State::Up(_) => Ok(()),
        }
    }

    fn is_down(&self) -> Unavailable {
        match &*self.state.borrow() {
            State::Down { why, .. } => Unavailable(why.to_string()),
            State::Up(_) => Unavailable("Redis was away".to_owned()),
        }
    }

    /// Gives up a connection, unless that has been done.
    fn lose(&self, number: u64, why: &str) {
        let lost = self.state.send_if_modified(|state| {
            let is_it = matches!(state, State::Up(line) if line.number == number);
            if is_it {
                *state = State::Down { since: Stopwatch::start(), why: why.into() };
            }
            is_it
        });
        if lost {
            self.speaks.say(Level::Warn, &format!("the connection to Redis is lost: {why}"));
        }
    }
}

/// Keeps a connection up, for ever.
async fn keep(address: Option<Address>, arrivals: Arc<Notify>, state: watch::Sender<State>, speaks: Speaks) {
    let Some(mut address) = address else { return };
    let mut states = state.subscribe();
    for number in 0.. {
        let connection = connect(&mut address, &arrivals, &state, speaks).await;
        state.send_replace(State::Up(Line { number, connection }));
        arrivals.notify_waiters();
        if states.wait_for(|state| matches!(state, State::Down { .. })).await.is_err() {
            return;
        }
    }
}

/// Tries to connect until it works.
async fn connect(
    address: &mut Address,
    arrivals: &Notify,
    state: &watch::Sender<State>,
    speaks: Speaks,
) -> MultiplexedConnection {
    let (least, most) = WAITS;
    let waits = ExponentialBuilder::default().with_min_delay(least).with_max_delay(most).with_jitter();
    let mut waits = waits.without_max_times().build();
    let mut said = None;
    loop {
        let problem = match timeout(CONNECTING, attempt(address, speaks)).await {
            Ok(Ok(connection)) => return connection,
            Ok(Err(problem)) => problem,
            Err(_) => "it does not answer".to_owned(),
        };
        let why: Arc<str> = format!("Redis cannot be used: {problem}").into();
        if said.as_ref() != Some(&why) {
            speaks.say(Level::Warn, &format!("{why}; trying again"));
            said = Some(Arc::clone(&why));
        }
        state.send_modify(|state| {
            if let State::Down { why: known, .. } = state {
                *known = why;
            }
        });
        let _ = timeout(waits.next().unwrap_or(most), arrivals.notified()).await;
    }
}

/// Makes a connection, looks whom it leads to, and teaches the scripts.
async fn attempt(address: &mut Address, speaks: Speaks) -> Result<MultiplexedConnection, String> {
    let mut connection = address.connect().await.map_err(|error| match error.kind() {
        ErrorKind::AuthenticationFailed => {
            "it refuses the user or the password of store.redis_url".to_owned()
        }
        _ => error.to_string(),
    })?;
    let health = health::examine(&mut connection).await?;
    teach(&mut connection).await.map_err(|error| format!("it does not take scripts: {error}"))?;
    for warning in &health.warnings {
        speaks.say(Level::Warn, warning);
    }
    speaks.say(Level::Info, &format!("connected to Redis {}", health.version));
    Ok(connection)
}

async fn teach(connection: &mut MultiplexedConnection) -> RedisResult<()> {
    for script in &*SCRIPTS {
        script.load_async(connection).await?;
    }
    Ok(())
}

/// Sends a command. One whose script was forgotten has not been carried out: it is taught, and sent again.
async fn ask<T: FromRedisValue>(connection: &mut MultiplexedConnection, command: &Cmd) -> RedisResult<T> {
    match command.query_async(connection).await {
        Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
            teach(connection).await?;
            command.query_async(connection).await
        }
        answer => answer,
    }
}

/// Whether another connection is worth a try: this one is broken, or leads to a server that is not the master, or not
/// yet.
fn is_lost(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => matches!(
            kind,
            ServerErrorKind::ReadOnly | ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown
        ),
        ErrorKind::Extension | ErrorKind::UnexpectedReturnType => false,
        _ => true,
    }
}
