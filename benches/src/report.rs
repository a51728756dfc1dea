//! The result of a measurement offline, as a table for people and as JSON. It measures nothing.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;
use serde::Serialize;

use crate::host::Host;
use crate::measure::{self, Run};

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

impl Output {
    /// Prints a result: JSON by its fields, the table by `table`.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn print<T: Serialize>(
        self,
        result: &T,
        table: impl FnOnce(&T, &mut dyn Write) -> io::Result<()>,
    ) -> Result<()> {
        let mut out = io::stdout().lock();
        match self {
            Self::Table => table(result, &mut out)?,
            Self::Json => {
                serde_json::to_writer_pretty(&mut out, result)?;
                writeln!(out)?;
            }
        }
        Ok(())
    }
}

/// The names of some files, as reports have them.
pub fn names(files: &[PathBuf]) -> String {
    let names = files.iter().map(|file| file.display().to_string());
    names.collect::<Vec<_>>().join(" ")
}

/// The result of a measurement.
#[derive(Serialize)]
pub struct Report {
    what: &'static str,
    host: Host,
    /// The captures, with blanks between.
    file: String,
    /// Flows of the captures.
    pub flows: u64,
    workers: u32,
    /// How often the captures were read in each run.
    pub repeat: u32,
    packets: u64,
    bytes: u64,
    wall_seconds: f64,
    user_seconds: f64,
    system_seconds: f64,
    /// Million packets a second by the clock on the wall.
    mpps: f64,
    gbit_per_second: f64,
    /// Million packets a second of processor time in the program: what one core does.
    mpps_per_core: f64,
    gbit_per_second_per_core: f64,
    runs: Vec<Run>,
    /// Memory that no file holds, at most.
    pub peak_anonymous_bytes: u64,
    /// What the engine may take of it, as it says at its start; 0 where it was not asked.
    pub memory_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// The floor in the same runs, where it was asked for.
    pub floor: Option<FloorShare>,
    /// What the engine counted in its last run, without the zeros.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub counters: BTreeMap<&'static str, u64>,
}

/// How the engine compares with the floor in the same run.
#[derive(Serialize)]
pub struct FloorShare {
    runs: Vec<Run>,
    median: Option<Run>,
    /// By processor time in the program, in percent.
    share_user_percent: f64,
    /// By all processor time, in percent.
    share_cpu_percent: f64,
}

impl Report {
    /// The result of these runs, of which there is at least one.
    pub fn new(what: &'static str, files: &[PathBuf], workers: u32, runs: Vec<Run>) -> Self {
        let zero = || Run::new(0, 0, measure::Cost::default());
        let median = measure::median(&runs).unwrap_or_else(zero);
        Self {
            what,
            host: Host::here(),
            file: names(files),
            flows: 0,
            workers,
            repeat: 1,
            packets: median.packets,
            bytes: median.bytes,
            wall_seconds: median.cost.wall_seconds,
            user_seconds: median.cost.user_seconds,
            system_seconds: median.cost.system_seconds,
            mpps: median.mpps_wall,
            gbit_per_second: median.gbit_per_second_wall,
            mpps_per_core: median.mpps_user,
            gbit_per_second_per_core: median.gbit_per_second_user,
            runs,
            peak_anonymous_bytes: 0,
            memory_bytes: 0,
            floor: None,
            counters: BTreeMap::new(),
        }
    }
}

/// What share of the floor the engine reaches; none without runs of both.
pub fn share(runs: Vec<Run>, engine: Option<Run>) -> Option<FloorShare> {
    let median = measure::median(&runs)?;
    let engine = engine?;
    Some(FloorShare {
        share_user_percent: 100.0 * engine.mpps_user / median.mpps_user,
        share_cpu_percent: 100.0 * engine.mpps_cpu / median.mpps_cpu,
        runs,
        median: Some(median),
    })
}

/// The table of a result.
///
/// # Errors
///
/// Those of the output.
pub fn print(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{} {}: {} flows",
        report.what, report.file, report.flows
    )?;
    writeln!(
        out,
        "   wall s   user s    sys s  Mpps wall  Mpps user  Gbit/s user"
    )?;
    for run in report.runs.iter().chain(&measure::median(&report.runs)) {
        let cost = run.cost;
        writeln!(
            out,
            "{:9.3}{:9.3}{:9.3}{:11.2}{:11.2}{:13.2}",
            cost.wall_seconds,
            cost.user_seconds,
            cost.system_seconds,
            run.mpps_wall,
            run.mpps_user,
            run.gbit_per_second_user,
        )?;
    }
    if let Some(floor) = &report.floor
        && let Some(median) = &floor.median
    {
        writeln!(
            out,
            "floor {:.2} Mpps user; share {:.1} % of it, {:.1} % by all processor time",
            median.mpps_user, floor.share_user_percent, floor.share_cpu_percent,
        )?;
    }
    for (counter, count) in &report.counters {
        writeln!(out, "{counter} {count}")?;
    }
    let mib = |bytes: u64| bytes as f64 / (1 << 20) as f64;
    let peak = mib(report.peak_anonymous_bytes);
    write!(out, "last run: median; peak anonymous memory {peak:.1} MiB")?;
    match report.memory_bytes {
        0 => writeln!(out),
        most => writeln!(out, ", the engine's part at most {:.0} MiB", mib(most)),
    }
}
