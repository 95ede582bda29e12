//! `check`: can the configuration be used, and is it wise? For people, and for pipelines.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::{Parts, assemble, send_test};
use crate::address::Email;
use crate::config::{Finding, Loaded, Severity, environment};
use crate::store::{Memory, Store};

/// What to check, and how to say it.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Send a mail with a made-up code to this address through every provider in turn, and say what each answers.
    #[arg(long, value_name = "ADDRESS", value_parser = Email::parse, conflicts_with = "json")]
    send_test: Option<Email>,
    /// Exit with 1 if there are warnings.
    #[arg(long)]
    strict: bool,
    /// Print the findings as JSON, and nothing else.
    #[arg(long)]
    json: bool,
}

/// Checks the configuration and prints it as it counts. Exits with 2 if it cannot be used or has errors, with 1 if it
/// has warnings and somebody minds.
pub(super) fn check(file: Option<&Path>, wanted: Check) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut loaded = Loaded::read(file, &environment());
    if let Ok(loaded) = &mut loaded {
        // It would be made for whoever checks, and be theirs.
        loaded.config.audit.target.clear();
    }
    let server = loaded.as_ref().map(|loaded| {
        // The configured one may be in use, by a server that runs.
        let store: Option<Arc<dyn Store>> = Some(Arc::new(Memory::default()));
        let parts = Parts { store, ..Parts::of_the_machine(loaded, runtime.handle().clone()) };
        assemble(loaded, parts)
    });
    let unusable = match &server {
        Err(error) => Some(*error),
        Ok(Err(error)) => Some(error),
        Ok(Ok(_)) => None,
    };
    let known = loaded.as_ref().map(Loaded::findings).unwrap_or_default();
    let findings: Vec<Finding> = unusable.map(Finding::from).into_iter().chain(known).collect();
    let worst = findings.iter().map(|finding| finding.severity).max();
    if wanted.json {
        println!("{}", json!({ "usable": unusable.is_none(), "findings": findings }));
    } else {
        match (unusable, &loaded) {
            (Some(error), _) => eprintln!("error: {error}"),
            (None, Ok(loaded)) => print!("{}", loaded.show()),
            (None, Err(_)) => {}
        }
        findings.iter().skip(usize::from(unusable.is_some())).for_each(print);
    }
    if let (Some(address), Ok(Ok(server))) = (wanted.send_test, server) {
        runtime.block_on(send_test::send(&server, address))?;
    }
    Ok(match worst {
        Some(Severity::Error) => ExitCode::from(2),
        Some(Severity::Warning) if wanted.strict => ExitCode::from(1),
        Some(Severity::Warning | Severity::Note) | None => ExitCode::SUCCESS,
    })
}

fn print(finding: &Finding) {
    eprintln!("{}: {} {}", finding.severity.name(), finding.key, finding.risk);
    if !finding.fix.is_empty() {
        eprintln!("  fix: {}", finding.fix);
    }
    if !finding.standard.is_empty() {
        eprintln!("  see: {}", finding.standard.join(", "));
    }
}
