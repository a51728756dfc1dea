//! `medtap-bench`: the commands of `medtap bench`, as a program of their own, and those that open
//! sockets. Alone of our programs it can send, and it sends where it was told to.
#![deny(unsafe_code)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use medtap_benches::cli;
use medtap_benches::live::comparison::{self, Receive};
use medtap_benches::live::throughput::{self, Live};

/// Make traffic and measure how fast it is read.
#[derive(Parser)]
#[command(name = "medtap-bench", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Offline(cli::Command),
    /// Measure what receiving costs, beside a bare receiver, under a load that the kernel makes
    Receive(Receive),
    /// Measure how much of a load the engine takes live: throughput, loss, latency, bursts
    Live(Live),
}

fn main() -> ExitCode {
    let done = match &Arguments::parse().command {
        Command::Offline(command) => cli::run(command),
        Command::Receive(asked) => comparison::run(asked),
        Command::Live(asked) => throughput::run(asked),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("medtap-bench: {error:#}");
            ExitCode::from(2)
        }
    }
}
