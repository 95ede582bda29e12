//! `replay`: plays scenarios at a running server, once to see whether it answers rightly, or over and over as load.

mod outcome;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;

use self::outcome::{junit, line, summary};
use super::whom::Whom;
use crate::config::Loaded;
use crate::simulator::load::{self, Load};
use crate::simulator::replay::{Outcome, Player};
use crate::simulator::scenario;

/// Options of `replay`.
#[derive(Debug, Args)]
pub(super) struct Replay {
    /// Files with scenarios, or folders of them, such as fixtures/scenarios.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    whom: Whom,
    /// How the server reaches this program, if not at a free port of its own machine: a tunnel's address.
    #[arg(long, value_name = "URL")]
    callback_url: Option<String>,
    /// A setting that the server has besides the defaults, as scenarios name it: "conversation = true". Those for other
    /// settings are skipped. May be repeated.
    #[arg(long, value_name = "SETTING")]
    has: Vec<String>,
    /// Write a report in JUnit's XML to this file.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// Play as load: so many conversations at a time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    concurrency: Option<u16>,
    /// Play as load: so many requests a second at most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: Option<u32>,
    /// How long load lasts, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    duration: u64,
}

/// Plays.
///
/// # Errors
/// A scenario failed, or none could be played.
pub(super) fn replay(loaded: &Loaded, replay: &Replay) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if replay.concurrency.is_some() || replay.rate.is_some() {
        runtime.block_on(as_load(loaded, replay))
    } else {
        runtime.block_on(once(loaded, replay))
    }
}

async fn once(loaded: &Loaded, replay: &Replay) -> Result<()> {
    let url = replay.whom.url.as_deref().context("name the server with --url")?;
    let target = replay.whom.target(url, loaded)?;
    let files = scenario::files(&replay.paths).map_err(|problem| anyhow!(problem))?;
    let mut player = Player::new(target, replay.callback_url.clone(), replay.has.clone(), rand::make_rng())
        .await
        .map_err(|problem| anyhow!(problem))?;
    let mut all = Vec::with_capacity(files.len());
    for (number, file) in files.iter().enumerate() {
        let outcome = player.play(file).await;
        if !replay.json {
            anstream::println!("{}", line(number + 1, files.len(), &outcome));
        }
        all.push(outcome);
    }
    if let Some(file) = &replay.junit {
        std::fs::write(file, junit(&all)).with_context(|| format!("cannot write {}", file.display()))?;
    }
    if replay.json {
        println!("{}", serde_json::to_string_pretty(&all)?);
    } else {
        println!("\n{}", summary(&all));
    }
    let failed = all.iter().filter(|played| matches!(played.outcome, Outcome::Failed(_))).count();
    match failed {
        0 if all.iter().any(|played| played.outcome == Outcome::Passed) => Ok(()),
        0 => bail!("none of the scenarios could be played at this server"),
        1 => bail!("1 scenario failed"),
        failed => bail!("{failed} scenarios failed"),
    }
}

async fn as_load(loaded: &Loaded, replay: &Replay) -> Result<()> {
    let url = replay.whom.url.as_deref().context("name the server with --url")?;
    let target = replay.whom.target(url, loaded)?;
    let files = scenario::files(&replay.paths).map_err(|problem| anyhow!(problem))?;
    let read =
        |file: &PathBuf| scenario::read(file).map_err(|problem| anyhow!("{}: {problem}", file.display()));
    let scenarios: Vec<_> = files.iter().map(read).collect::<Result<_>>()?;
    if scenarios.is_empty() {
        bail!("there are no scenarios in what was named");
    }
    let load = Load {
        concurrency: replay.concurrency.unwrap_or(8).into(),
        rate: replay.rate,
        lasts: Duration::from_secs(replay.duration),
    };
    let measured = load::run(&target, scenarios, load, &mut rand::make_rng()).await;
    if replay.json {
        println!("{}", serde_json::to_string_pretty(&measured)?);
    } else {
        print!("{}", outcome::table(&measured));
    }
    if measured.failed > 0 || measured.answered == 0 {
        bail!("{} requests were not answered as expected", measured.failed);
    }
    Ok(())
}
