//! `medtap-bench`: the commands of `medtap bench`, as a program of their own.
#![deny(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use medtap_benches::cli::{self, Command};

/// Make traffic and measure how fast it is read.
#[derive(Parser)]
#[command(name = "medtap-bench", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    match cli::run(&Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("medtap-bench: {error:#}");
            ExitCode::from(2)
        }
    }
}
