//! The commands of memory: what was seen over time, what people say and decide about it, and what
//! follows of both. It opens the history, asks, and shows; it decides nothing.
//!
//! ```text
//! serve      table ─► history, for ever          history    add, merge, ask, back up
//! explain    why records are one device          context    what the site's systems say
//! approval   who may be there; lists for NACs    life       lifecycle, findings, places
//! usage      utilisation, coverage, needs        show       tables, JSON, CSV
//! ```

mod approval;
pub mod arguments;
pub mod context;
mod explain;
mod history;
mod life;
pub mod place;
mod serve;
mod show;
mod usage;

use self::arguments::Command;
use crate::failure::{Exit, Failure};

/// Runs one of the commands.
pub fn run(command: Command, exit: &mut Exit) -> Result<(), Failure> {
    match command {
        Command::Serve(command) => serve::run(&command, exit),
        Command::History(command) => history::run(&command, exit),
        Command::Explain(command) => explain::run(&command),
        Command::Context(command) => context::run(&command, exit),
        Command::Approval(command) => approval::run(&command, exit),
        Command::Lifecycle(command) => life::lifecycle(&command, exit),
        Command::Findings(command) => life::findings(&command, exit),
        Command::Maintenance(command) => life::maintenance(&command),
        Command::Location(command) => life::location(&command, exit),
        Command::Utilisation(command) => usage::utilisation(&command, exit),
        Command::Coverage(command) => usage::coverage(&command),
        Command::Policy(command) => usage::policy(&command, exit),
    }
}
