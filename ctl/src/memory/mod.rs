//! The commands of memory: what was seen over time, what people say and decide about it, and what
//! follows of both. It opens the history, asks, and shows; it decides nothing.
//!
//! ```text
//! serve      table ─► history, for ever          history    add, merge, ask, back up
//! explain    why records are one device          show       tables, JSON, CSV
//! ```

pub mod arguments;
mod explain;
mod history;
mod place;
mod serve;
mod show;

use self::arguments::Command;
use crate::failure::{Exit, Failure};

/// Runs one of the commands.
pub fn run(command: Command, exit: &mut Exit) -> Result<(), Failure> {
    match command {
        Command::Serve(command) => serve::run(&command, exit),
        Command::History(command) => history::run(&command, exit),
        Command::Explain(command) => explain::run(&command),
    }
}
