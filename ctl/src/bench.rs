//! `medtap bench`: traffic to measure with, and how fast the engine reads it. The measuring is
//! the benches' own; here its faults become sentences and exit codes.

use medtap_benches::cli::{self, Command};

use crate::failure::Failure;

/// Runs one of its commands.
pub fn run(command: &Command) -> Result<(), Failure> {
    cli::run(command).map_err(|error| Failure::new(format!("{error:#}")))
}
