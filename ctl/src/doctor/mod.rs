//! `medtap doctor`: what this machine and its interfaces are to a sensor, what to change, and by
//! which command. It changes nothing itself.

mod checks;
mod machine;
#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;

use medtap_engine::nic::exists;
use medtap_engine::nic::inspect::{Nic, inspect};
use medtap_table::vocabulary::{Attach, Delivery};
use medtap_table::{InterfaceFlags, OpenError, TableReader};
use serde::Serialize;

use crate::arguments;
use crate::failure::{Code, Exit, Failure};
use crate::live::{self, State};
use crate::render;
use machine::Machine;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// The system does not tell.
    Unknown,
    /// It works, and would work better otherwise.
    Improvable,
    /// With it frames are lost or misread.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The interface; none for the machine as a whole.
    pub interface: Option<String>,
    /// What was looked at.
    pub subject: &'static str,
    /// How it is.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to change, and why; empty where nothing is to be changed.
    pub advice: String,
    /// The command that does it, where there is one.
    pub command: Option<String>,
}

/// How the running engine receives from an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Where the steering program runs.
    attach: Attach,
    /// How frames reach the engine.
    delivery: Delivery,
    /// Why better modes were not taken.
    note: String,
    /// It sees that the directions of conversations come to different workers.
    is_asymmetric: bool,
}

/// Whether an engine listens to an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It does, and so.
    By(Mode),
    /// None does, or that can't be known: why.
    Not(String),
}

/// Looks at the machine and at the interfaces that are named; without names at those of the
/// running engine, else at all but loopback. The code is 1 where something is to be changed.
pub fn run(command: &arguments::Doctor, exit: &mut Exit) -> Result<(), Failure> {
    let machine = Machine::read(Path::new("/"));
    let engine = engine(command.table.as_deref())?;
    let mut findings = checks::machine(&machine);
    for name in interfaces(command, &engine, &machine) {
        let heard = heard(&engine, &name);
        if command.interfaces.is_empty() && !exists(&name) {
            findings.extend(checks::absent(&name, &heard));
        } else {
            findings.extend(checks::interface(&look(&name)?, &machine, &heard));
        }
    }
    let is_change = |it: &Finding| it.verdict >= Verdict::Improvable;
    if findings.iter().any(is_change) {
        exit.note(Code::Matched);
    }
    render::doctor(&findings, command.output)
}

/// The table of an engine that runs, or why there is none to ask. A table that was typed must
/// be there; without it the doctor advises all the same.
fn engine(typed: Option<&Path>) -> Result<Result<TableReader, String>, Failure> {
    let path = live::path(typed);
    let table = match TableReader::open(&path) {
        Ok(table) => table,
        Err(_) if typed.is_some() => live::open(&path)?,
        Err(OpenError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Err("no engine runs".to_owned()));
        }
        Err(error) => return Ok(Err(error.to_string())),
    };
    match State::of(&table, live::now_ns()) {
        State::Running | State::Stale => Ok(Ok(table)),
        State::Saved | State::Stopped | State::Gone => Ok(Err("no engine runs".to_owned())),
    }
}

fn interfaces(
    command: &arguments::Doctor,
    engine: &Result<TableReader, String>,
    machine: &Machine,
) -> Vec<String> {
    if !command.interfaces.is_empty() {
        return command.interfaces.clone();
    }
    match engine {
        Ok(table) => table
            .interfaces()
            .map(|(_, it, _)| it.name.as_str().to_owned())
            .collect(),
        Err(_) => machine.interfaces.clone(),
    }
}

fn look(name: &str) -> Result<Nic, Failure> {
    inspect(name).map_err(|error| {
        if exists(name) {
            Failure::io(format!("interface {name} can't be read: {error}"), &error)
        } else {
            Failure::new(format!(
                "there is no interface {name}; `ip link` lists those that this machine has"
            ))
        }
    })
}

fn heard(engine: &Result<TableReader, String>, name: &str) -> Heard {
    let table = match engine {
        Ok(table) => table,
        Err(why) => return Heard::Not(why.clone()),
    };
    let mut interfaces = table.interfaces();
    match interfaces.find(|(_, it, _)| it.name.as_str() == name) {
        None => Heard::Not("the engine does not listen here".to_owned()),
        Some((_, interface, _)) => Heard::By(Mode {
            attach: interface.attach,
            delivery: interface.delivery,
            note: interface.note.as_str().to_owned(),
            is_asymmetric: interface.flags.contains(InterfaceFlags::ASYMMETRIC),
        }),
    }
}
