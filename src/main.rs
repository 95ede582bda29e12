//! The program `botkit-otp`: its allocator; all else that it does is in the library.

mod allocator;

use std::process::ExitCode;

use botkit_otp::cli::Cli;
use clap::Parser as _;

fn main() -> ExitCode {
    let cli = Cli::parse();
    allocator::give_back();
    match cli.run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
