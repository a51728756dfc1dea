//! `medtap analyze`: captures in, devices out. It gives what was read before a fault, and says
//! that it is only a part.

use std::sync::Arc;

use medtap_engine::capture::pcap::{Input, Pcap};
use medtap_engine::runtime::{self, Analysis, Report};

use crate::arguments::Analyze;
use crate::devices;
use crate::failure::{Code, Exit, Failure};
use crate::files::Destination;
use crate::flows;
use crate::progress::Progress;

/// Reads the captures, writes the files that were asked for, and shows the devices.
pub fn run(command: &Analyze, exit: &mut Exit) -> Result<(), Failure> {
    let inputs: Vec<Input> = command.files.iter().map(Input::from_argument).collect();
    let rules = devices::load_rules(command.rules.as_deref())?;
    let pcap = Pcap::open(&inputs)?;
    // What can't be written is said before hours of reading.
    let (flows_to, table_to) = destinations(command, &inputs)?;

    let analysis = Analysis {
        workers: command.workers(),
        flow_records: flows_to.is_some(),
        rules_generation: rules.generation(),
        as_of_ns: command.as_of,
        ..Analysis::new(Arc::new(rules.matcher()))
    };
    let report = read(pcap, &analysis)?;
    for fault in &report.faults {
        exit.say(Code::Partial, &fault.to_string());
    }
    let table = report.table.reader();
    // The devices are shown even where a file can't be written.
    if let Some(destination) = table_to {
        let saved = table.save(destination.path()).map_err(Failure::from);
        saved.unwrap_or_else(|failure| exit.report(&failure));
    }
    if let Some(destination) = flows_to {
        let written = destination.write(|out| flows::write(&report.flows, out));
        written.unwrap_or_else(|failure| exit.report(&failure));
    }
    let inventory = devices::resolve(&table, &rules);
    devices::show(&table, &inventory, &command.selection, exit)
}

/// Where `--flows` and `--save-table` go.
fn destinations(
    command: &Analyze,
    inputs: &[Input],
) -> Result<(Option<Destination>, Option<Destination>), Failure> {
    let flows = command.flows.as_deref();
    let flows = flows
        .map(|path| Destination::check("--flows", path, inputs))
        .transpose()?;
    let table = command.save_table.as_deref();
    let table = table
        .map(|path| Destination::check_regular("--save-table", path, inputs))
        .transpose()?;
    if let (Some(flows), Some(table)) = (&flows, &table)
        && flows.is(table)
    {
        return Err(Failure::new(
            "--flows and --save-table name the same file; expected two",
        ));
    }
    Ok((flows, table))
}

/// Runs the engine over the input, under a bar.
fn read(pcap: Pcap, analysis: &Analysis) -> Result<Report, Failure> {
    let mut progress = Progress::new();
    let report = runtime::analyze(pcap, analysis, &mut |pcap| progress.update(pcap))?;
    Ok(report)
}
