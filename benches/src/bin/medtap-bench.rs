//! `medtap-bench`: the commands of `medtap bench`, as a program of their own.
#![deny(unsafe_code)]

use clap::Parser;
use medtap_benches::cli::{self, Command};

/// Make traffic and measure how fast it is read.
#[derive(Parser)]
#[command(name = "medtap-bench", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> anyhow::Result<()> {
    cli::run(&Arguments::parse().command)
}
