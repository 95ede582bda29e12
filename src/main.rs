//! The program `botkit-otp`; everything it does is in the library.

use std::process::ExitCode;

use botkit_otp::cli::Cli;
use clap::Parser as _;

/// Bodies and answers of a few kilobytes come and go with every request, often on different threads: glibc's allocator
/// pays for that with locks and merging, about a sixth of the time of a call.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
