//! `man` and `completions`: what the command line knows of itself.

use std::io::{ErrorKind, Write as _, stdout};

use anyhow::{Result, anyhow};
use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Cli;

/// Prints the manual page of the program, or of one command.
pub(super) fn man(command: Option<&str>) -> Result<()> {
    let mut program = Cli::command();
    // Gives commands their full names and the options that all have.
    program.build();
    let shown = match command {
        Some(name) => {
            program.find_subcommand(name).ok_or_else(|| anyhow!("there is no command {name:?}"))?.clone()
        }
        None => program,
    };
    let mut page = Vec::new();
    let source = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
    clap_mangen::Man::new(shown).source(source).render(&mut page)?;
    write(&page)
}

/// Prints what a shell completes the command line by.
pub(super) fn completions(shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), env!("CARGO_PKG_NAME"), &mut script);
    write(&script)
}

/// Writes to standard output. Whoever reads only the beginning, such as `head`, has what they wanted.
pub(super) fn write(text: &[u8]) -> Result<()> {
    match stdout().write_all(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}
