//! `medtap analyze`: captures in, devices out. It gives what was read before a fault, and says
//! that it is only a part.

use std::collections::BTreeSet;
use std::sync::Arc;

use medtap_engine::capture::pcap::{Input, Pcap};
use medtap_engine::runtime::{self, Analysis};
use medtap_engine::wire::LinkType;
use medtap_inventory::trace::Rulings;
use medtap_inventory::{Options, Resolution};

use crate::arguments::Analyze;
use crate::assess::{self, Basis, SiteFiles};
use crate::devices;
use crate::failure::{Code, Exit, Failure};
use crate::files::Destination;
use crate::flows;
use crate::progress::Progress;
use crate::report::{self, Format, Report};

/// Reads the captures, writes the files that were asked for, and shows the devices.
pub fn run(command: &Analyze, exit: &mut Exit) -> Result<(), Failure> {
    let inputs: Vec<Input> = command.files.iter().map(Input::from_argument).collect();
    let rules = devices::load_rules(command.rules.as_deref())?;
    let pcap = Pcap::open(&inputs)?;
    // What can't be written is said before hours of reading.
    let files = Files::check(command, &inputs)?;
    let basis = Basis::read(&command.assessing.judging, exit)?;
    let site = SiteFiles::read(&command.assessing, exit)?;

    let analysis = Analysis {
        workers: command.workers(),
        subjects: command.subjects,
        flow_records: files.flows.is_some(),
        rules_generation: rules.generation(),
        as_of_ns: command.as_of,
        ..Analysis::new(Arc::new(rules.matcher()))
    };
    let (run, unknown_links) = read(pcap, &analysis)?;
    for fault in &run.faults {
        exit.say(Code::Partial, &fault.to_string());
    }
    let table = run.table.reader();
    // The devices are shown even where a file can't be written.
    if let Some(destination) = &files.table {
        let saved = table.save(destination.path()).map_err(Failure::from);
        saved.unwrap_or_else(|failure| exit.report(&failure));
    }
    if let Some(destination) = &files.flows {
        let written = destination.write(|out| flows::write(&run.flows, out));
        written.unwrap_or_else(|failure| exit.report(&failure));
    }
    devices::say_unread(&table, &unknown_links, exit);
    let wanted = files.report.is_some() || command.assessing.is_given();
    let extent = devices::extent(&command.selection, wanted);
    let resolution = Resolution::new(&table, &Options::default(), &Rulings::default());
    let mut inventory = resolution.inventory(extent);
    drop(resolution);
    let known = site.known(&mut inventory, &basis, exit)?;
    let assessed = assess::judge(&mut inventory, &rules, basis, &known, wanted);
    if let Some((destination, format)) = &files.report {
        let report = Report {
            inventory: &inventory,
            assessed: assessed.as_ref(),
            rules: &rules,
            limits: table.limits_hit(),
        };
        let written = destination.write(|out| report::write(&report, *format, out));
        written.unwrap_or_else(|failure| exit.report(&failure));
    }
    let shown = devices::show(&table, &inventory, &command.selection, exit);
    // The program ends here: what it holds goes at once, not value by value.
    std::mem::forget((inventory, rules));
    shown
}

/// The files that were asked for, checked before the work begins.
struct Files {
    flows: Option<Destination>,
    table: Option<Destination>,
    report: Option<(Destination, Format)>,
}

impl Files {
    /// Checks that all can be written, and that no two are one.
    fn check(command: &Analyze, inputs: &[Input]) -> Result<Self, Failure> {
        let flows = command.flows.as_deref();
        let flows = flows
            .map(|path| Destination::check("--flows", path, inputs))
            .transpose()?;
        let table = command.save_table.as_deref();
        let table = table
            .map(|path| Destination::check_regular("--save-table", path, inputs))
            .transpose()?;
        let report = command.report.as_deref();
        let report = report
            .map(|path| -> Result<_, Failure> {
                let format = Format::of("--report", path)?;
                Ok((Destination::check("--report", path, inputs)?, format))
            })
            .transpose()?;
        let files = Self {
            flows,
            table,
            report,
        };
        files.differ()?;
        Ok(files)
    }

    fn differ(&self) -> Result<(), Failure> {
        let named = [
            ("--flows", self.flows.as_ref()),
            ("--save-table", self.table.as_ref()),
            ("--report", self.report.as_ref().map(|(report, _)| report)),
        ];
        for (place, (name, file)) in named.iter().enumerate() {
            for (other_name, other) in named.iter().skip(place + 1) {
                if let (Some(file), Some(other)) = (file, other)
                    && file.is(other)
                {
                    return Err(Failure::new(format!(
                        "{name} and {other_name} name the same file; expected two"
                    )));
                }
            }
        }
        Ok(())
    }
}

/// Runs the engine over the input, under a bar. Gives also the link types that it can't read.
fn read(pcap: Pcap, analysis: &Analysis) -> Result<(runtime::Report, Vec<u16>), Failure> {
    let mut progress = Progress::new();
    let mut unknown = BTreeSet::new();
    let mut seen = 0;
    let report = runtime::analyze(pcap, analysis, &mut |pcap| {
        progress.update(pcap);
        for interface in pcap.interfaces().iter().skip(seen) {
            if let LinkType::Unknown(number) = interface.link {
                unknown.insert(number);
            }
        }
        seen = pcap.interfaces().len();
    })?;
    Ok((report, unknown.into_iter().collect()))
}
