//! `medtap bench`: traffic to measure with, and how fast the engine reads it. The measuring is
//! the benches' own; here its faults become sentences and exit codes. What opens sockets is run as
//! the program `medtap-bench`: this one has nothing to send with.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use clap::{Args, Subcommand};
use medtap_benches::cli;

use crate::failure::{Code, Exit, Failure};

/// The program that opens sockets.
const PROGRAM: &str = "medtap-bench";

/// What can be measured.
#[derive(Debug, Subcommand)]
pub enum Bench {
    #[command(flatten)]
    Offline(cli::Command),
    /// Measure how much of a load the engine takes live: runs medtap-bench, which has the options
    #[command(disable_help_flag = true)]
    Live(Passed),
}

/// Options that are another program's.
#[derive(Debug, Args)]
pub struct Passed {
    /// Options of medtap-bench live; --help shows them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<OsString>,
}

/// Runs one of its commands.
pub fn run(bench: &Bench, exit: &mut Exit) -> Result<(), Failure> {
    match bench {
        Bench::Offline(command) => {
            cli::run(command).map_err(|error| Failure::new(format!("{error:#}")))
        }
        Bench::Live(passed) => {
            let mut program = Command::new(beside().unwrap_or_else(|| PROGRAM.into()));
            let status = program.arg("live").args(&passed.options).status();
            let status = status.map_err(|error| {
                Failure::new(format!(
                    "cannot start {PROGRAM}, which measures live: {error}; build it with \
                     `cargo build --release --package medtap-benches`"
                ))
            })?;
            if !status.success() {
                // It said why.
                exit.note(Code::CouldNot);
            }
            Ok(())
        }
    }
}

/// The program, where it lies beside this one.
fn beside() -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.with_file_name(PROGRAM);
    path.is_file().then_some(path)
}
