//! `medtap doctor`: what this machine and its interfaces are to a sensor, what to change, and by
//! which command. It changes nothing itself.

mod checks;
mod machine;
#[cfg(test)]
mod tests;

use std::path::Path;

use medtap_engine::nic::inspect::inspect;
use medtap_table::TableReader;
use serde::Serialize;

use crate::arguments;
use crate::failure::{Code, Exit, Failure};
use crate::live;
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

/// What the running engine does with an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Mode {
    attach: String,
    delivery: String,
    note: String,
}

/// Looks at the machine and at the interfaces that are named; without names at those of the
/// running engine, else at all but loopback. The code is 1 where something is to be changed.
pub fn run(command: &arguments::Doctor, exit: &mut Exit) -> Result<(), Failure> {
    let machine = Machine::read(Path::new("/"));
    let path = live::path(command.table.as_deref());
    let table = TableReader::open(&path).ok();
    let mut findings = checks::machine(&machine);
    for name in interfaces(command, table.as_ref(), &machine) {
        let nic = inspect(&name).map_err(|_| {
            Failure::new(format!(
                "there is no interface {name}; `ip link` lists those that this machine has"
            ))
        })?;
        findings.extend(checks::interface(
            &nic,
            &machine,
            mode(table.as_ref(), &name).as_ref(),
        ));
    }
    if findings
        .iter()
        .any(|finding| finding.verdict >= Verdict::Improvable)
    {
        exit.note(Code::Matched);
    }
    render::doctor(&findings, command.output)
}

fn interfaces(
    command: &arguments::Doctor,
    table: Option<&TableReader>,
    machine: &Machine,
) -> Vec<String> {
    if !command.interfaces.is_empty() {
        return command.interfaces.clone();
    }
    let listened: Vec<String> = table.map_or(Vec::new(), |table| {
        table
            .interfaces()
            .map(|(_, it, _)| it.name.as_str().to_owned())
            .collect()
    });
    if listened.is_empty() {
        machine.interfaces.clone()
    } else {
        listened
    }
}

fn mode(table: Option<&TableReader>, name: &str) -> Option<Mode> {
    let mut interfaces = table?.interfaces();
    let (_, interface, _) = interfaces.find(|(_, it, _)| it.name.as_str() == name)?;
    Some(Mode {
        attach: interface.attach.name().to_owned(),
        delivery: interface.delivery.name().to_owned(),
        note: interface.note.as_str().to_owned(),
    })
}
